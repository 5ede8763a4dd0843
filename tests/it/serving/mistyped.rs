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

/// "invalid digit found in string" was all that was said of `--horizon 365d`.
#[test]
fn numbers_are_taken_with_their_unit_and_else_it_is_said_what_is_expected() {
    let dir = tempfile::tempdir().unwrap();
    let told = |args: &[&str]| said(&run(dir.path(), &Settings::default(), args));
    for (args, expected) in [
        (
            &["report", "committed", "--horizon", "1y"][..],
            "so many days from 1 to 3650 are expected, such as 90 or 90d",
        ),
        (&["report", "committed", "--horizon", "0"], "so many days from 1 to 3650 are expected, such as 90 or 90d"),
        (&["report", "unit-economics", "--lag", "x"], "so many months from 0 to 24 are expected, such as 1 or 1m"),
        (&["alerts", "mute", "all", "--days", "a week"], "so many days from 1 to 366 are expected, such as 7 or 7d"),
        (&["audit", "--metrics", "--months", "1y"], "so many months from 1 to 60 are expected, such as 12 or 12m"),
        (&["serve", "--wait-for", "1min"], "so many seconds are expected, such as 60 or 60s"),
        (&["init", "--wait", "1min"], "so many seconds are expected, such as 60 or 60s"),
        (&["events", "list", "--limit", "many"], "a number of at least 1 is expected, such as 100"),
        (&["events", "tail", "-n", "-"], "a number from 0 to 4294967295 is expected, such as 10"),
        (&["alerts", "list", "--limit", "9999"], "a number from 1 to 1000 is expected, such as 50"),
        (&["demo", "--customers", "few"], "a number from 1 to 100000 is expected, such as 250"),
    ] {
        let text = told(args);
        assert!(text.contains(expected) && !text.contains("invalid digit"), "{args:?}: {text}");
    }
    for horizon in ["90", "90d", "365d"] {
        let text = told(&["report", "committed", "--horizon", horizon]);
        assert!(text.contains("there is no ledger"), "{horizon}: {text}");
    }
}

/// The file that is derived was named, in SQLite's words, and not the folder.
#[test]
fn a_folder_that_is_missing_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("a/b");
    let settings = Settings::default().env("MRRD_DATABASE__URL", &format!("sqlite://{}/mrrd.db", folder.display()));
    std::fs::write(dir.path().join("none.jsonl"), "").unwrap();
    for (args, code) in [(&["serve"][..], 1), (&["replay", "none.jsonl"], 1), (&["report", "mrr"], 2)] {
        let output = run(dir.path(), &settings, args);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {told}");
        let named = format!("the folder {} is not there, nor is {}", folder.display(), dir.path().join("a").display());
        assert!(told.contains(&named) && told.contains("database.url"), "{args:?}: {told}");
        assert!(!told.contains("derived"), "{args:?}: {told}");
    }
}
