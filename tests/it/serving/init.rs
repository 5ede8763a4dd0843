//! `mrrd init` writes a configuration that `serve` starts with, for its owner alone, and never over another.

use std::{os::unix::fs::PermissionsExt as _, process::Command};

#[test]
fn init_writes_what_config_check_accepts_and_never_twice() {
    let dir = tempfile::tempdir().unwrap();
    let mrrd = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mrrd"));
        command.current_dir(dir.path()).env_clear().args(args);
        command.output().unwrap()
    };
    let refused = mrrd(&["init", "--secret", "sk_live_1"]);
    assert_eq!(refused.status.code(), Some(2), "a key is no signing secret");
    let asked = mrrd(&["init"]);
    assert_eq!(asked.status.code(), Some(2), "{}", String::from_utf8_lossy(&asked.stderr));
    assert!(String::from_utf8_lossy(&asked.stderr).contains("--secret"));

    let written = mrrd(&["init", "--secret", "whsec_of_init", "--timezone", "Europe/Berlin"]);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let said = String::from_utf8_lossy(&written.stdout).into_owned();
    assert!(said.contains("customer.*") && !said.contains("whsec_of_init"), "{said}");
    let mode = dir.path().join("config/mrrd.toml").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let checked = mrrd(&["config", "check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert!(String::from_utf8_lossy(&mrrd(&["config", "show"]).stdout).contains("Europe/Berlin"));

    let again = mrrd(&["init", "--secret", "whsec_other"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is there already"));
}
