//! Options, settings and paths mistyped: what is wrong is named, and what is expected.

use std::{path::Path, process::Output};

use crate::support::daemon::{Settings, mrrd};

fn run(dir: &Path, settings: &Settings, args: &[&str]) -> Output {
    mrrd(dir, settings).args(args).stdin(std::process::Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

/// Of both only the unknown key was named; the wrong value came to light once that was mended.
#[test]
fn an_unknown_key_hides_no_wrong_value() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mrrd.toml");
    std::fs::write(
        &file,
        "[ledger]\ntimezon = \"UTC\"\n[log]\nformat = \"odd\"\n[stripe]\ntolerance_seconds = \"long\"\n",
    )
    .unwrap();
    let settings =
        Settings::default().env("MRRD_CONFIG", file.to_str().unwrap()).env("MRRD_LEDGER__PROFILES", "finanse");
    let output = run(dir.path(), &settings, &["config", "check"]);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    for fault in [
        "there is no setting ledger.timezon; did you mean ledger.timezone?",
        "log.format is \"odd\": text or json is possible",
        "stripe.tolerance_seconds must be a whole number",
        "MRRD_LEDGER__PROFILES",
    ] {
        assert_eq!(told.matches(fault).count(), 1, "{fault}: {told}");
    }
    let listed = run(dir.path(), &settings, &["config", "check", "--json"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed["errors"].as_array().map(Vec::len), Some(4), "{listed}");
    // A file that is no TOML says nothing of what it sets: whatever would follow from that isn't said.
    std::fs::write(&file, "[profiles.finanse\n").unwrap();
    let told = said(&run(dir.path(), &settings, &["config", "check"]));
    assert!(told.contains("is not TOML") && !told.contains("MRRD_LEDGER__PROFILES"), "{told}");
}
