//! `mrrd demo`: where it was asked to listen and to keep things, and nothing left behind however it ends.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use super::*;

/// A demonstration whose temporary files lie in `dir`.
fn demo(dir: &Path, args: &[&str]) -> Child {
    let mut command = Command::new(crate::support::daemon::binary());
    command.arg("demo").args(args).current_dir(dir).env_clear().env("TMPDIR", dir);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn ended(child: &mut Child) -> i32 {
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        assert!(since.elapsed() < Duration::from_secs(120), "it doesn't end");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_demonstration_that_loses_its_terminal_leaves_nothing_behind() {
    for signal in ["-HUP", "-INT", "-TERM"] {
        let dir = TempDir::new().unwrap();
        let mut child = demo(dir.path(), &["--customers", "400", "--port", "0"]);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.next().unwrap().unwrap().contains("posts its webhooks to http://127.0.0.1:"));
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        assert_eq!(ended(&mut child), 0, "{signal}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{signal}");
    }
    // Nobody reads it any more.
    let dir = TempDir::new().unwrap();
    let mut child = demo(dir.path(), &["--customers", "3", "--port", "0"]);
    drop(child.stdout.take());
    ended(&mut child);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

/// Of few customers none may pay in a currency: it has no ledger then, and nobody is asked for one.
#[test]
fn a_demonstration_of_few_customers_agrees_as_well() {
    let dir = TempDir::new().unwrap();
    let mut child = demo(dir.path(), &["--customers", "5", "--port", "0"]);
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(ended(&mut child), 0, "{out}{err}");
    assert!(out.contains("MRR now:"), "{out}{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demonstration_is_kept_where_it_was_asked_to_and_can_be_asked() {
    let dir = TempDir::new().unwrap();
    // A folder that is there, as others may read it.
    std::fs::create_dir(dir.path().join("kept")).unwrap();
    std::fs::set_permissions(dir.path().join("kept"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut child = demo(dir.path(), &["--customers", "40", "--port", "0", "--keep", "kept"]);
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(ended(&mut child), 0, "{out}{err}");
    assert_eq!(err, "", "it warns of what it does on purpose");
    // Its webhook secret and a token stand in it.
    for (path, mode) in [("kept", 0o700), ("kept/mrrd.toml", 0o600)] {
        let rights = dir.path().join(path).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(rights, mode, "{path} has {rights:o}");
    }
    assert!(out.contains("token link prints the link that signs in"), "{out}");
    let stands = out.lines().find(|line| line.starts_with("MRR now: ")).unwrap_or_else(|| panic!("{out}"));
    for currency in ["USD with everything converted", " EUR", " JPY"] {
        assert!(stands.contains(currency), "{stands}");
    }
    let configuration = dir.path().join("kept/mrrd.toml");
    let report = Command::new(crate::support::daemon::binary())
        .args(["--config", configuration.to_str().unwrap(), "report", "mrr", "--last", "3m", "--json"])
        .env_clear()
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["converted"], true, "{report}");
    // What it said is what the ledger says.
    let closing = report["data"].as_array().unwrap().last().unwrap()["closing"].as_i64().unwrap();
    let units = format!("MRR now: {}.{:02} USD", closing / 100, closing % 100);
    assert!(stands.replace(',', "").starts_with(&units), "{stands}: {units}");
    // A folder that holds something stays as it is.
    let mut again = demo(dir.path(), &["--once", "--keep", "kept"]);
    assert_eq!(ended(&mut again), 2);
}
