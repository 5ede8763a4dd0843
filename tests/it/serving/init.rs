//! `mrrd init` writes a configuration that `serve` starts with, for its owner alone, and never over another.

use std::{os::unix::fs::PermissionsExt as _, process::Command};

use crate::support::daemon::binary;

#[test]
fn init_writes_what_config_check_accepts_and_never_twice() {
    let dir = tempfile::tempdir().unwrap();
    let mrrd = |args: &[&str]| {
        let mut command = Command::new(binary());
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
    for step in ["serve", "backfill --history", "replay FILE", "doctor"] {
        assert!(said.contains(&format!("mrrd --config config/mrrd.toml {step}")), "{step}: {said}");
    }
    let mode = dir.path().join("config/mrrd.toml").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let checked = mrrd(&["config", "check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert!(String::from_utf8_lossy(&mrrd(&["config", "show"]).stdout).contains("Europe/Berlin"));

    let again = mrrd(&["init", "--secret", "whsec_other"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is there already"));
}

#[test]
fn a_secret_stays_in_its_file_and_a_wait_prints_the_link() {
    let dir = tempfile::tempdir().unwrap();
    let mrrd = |args: &[&str]| {
        let mut command = Command::new(binary());
        let command = command.current_dir(dir.path()).env_clear().env("MRRD_SERVER__LISTEN", "127.0.0.1:0");
        let output = command.args(args).output().unwrap();
        let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said).into_owned()).concat();
        (output.status.code(), said)
    };
    for (text, wrong) in [("", "is empty"), ("whsec_one\nsk_live_other\n", "key of Stripe's API")] {
        std::fs::write(dir.path().join("signing"), text).unwrap();
        let (code, said) = mrrd(&["init", "--secret-file", "signing"]);
        assert!(code == Some(2) && said.contains(wrong) && !said.contains("sk_live_other"), "{said}");
    }
    std::fs::write(dir.path().join("signing"), "whsec_in_a_file\n").unwrap();
    let (code, said) = mrrd(&["init", "--secret-file", "signing", "--wait", "1"]);
    assert!(code == Some(1) && said.contains("none came"), "{said}");
    let written = std::fs::read_to_string(dir.path().join("config/mrrd.toml")).unwrap();
    assert!(!written.contains("whsec_in_a_file"), "{written}");
    assert!(
        written.contains(&format!("webhook_secrets_file = \"{}", dir.path().canonicalize().unwrap().display())),
        "{written}"
    );
    // The daemon that waited made the token: no start of serve tells of it any more.
    let token = std::fs::read_to_string(dir.path().join("mrrd.token")).unwrap();
    assert!(said.contains(&format!("/#token={}", token.trim())), "{said}");
    assert!(said.contains("`mrrd --config config/mrrd.toml token link` prints it again"), "{said}");
    let (_, link) = mrrd(&["--config", "config/mrrd.toml", "token", "link"]);
    assert!(link.trim().ends_with(&format!("#token={}", token.trim())), "{link}");
}
