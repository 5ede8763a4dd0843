//! Commands: what they print, and their exit codes.

use std::{
    io::Write,
    path::Path,
    process::{Output, Stdio},
};

use super::webhooks::event;
use crate::support::daemon::{Daemon, SECRET, Settings, mrrd};

/// Runs `mrrd` in `dir` without any server.
fn run(dir: &Path, settings: &Settings, args: &[&str]) -> Output {
    mrrd(dir, settings).args(args).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The last line a replay printed, and what it complained of.
#[track_caller]
fn replayed(output: &Output) -> (String, String) {
    assert!(output.status.success(), "{}", text(&output.stderr));
    (text(&output.stdout).lines().last().unwrap().to_owned(), text(&output.stderr))
}

#[test]
fn a_mistyped_setting_is_named_with_the_one_that_was_meant() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mrrd.toml"), "[server]\nlissten = \"127.0.0.1:0\"\n").unwrap();
    for (args, variable, said) in [
        (&["serve", "--config", "mrrd.toml"][..], None, "did you mean server.listen?"),
        (&["config", "check"], Some("MRRD_STRIPE__WEBHOOK_SECRET"), "did you mean MRRD_STRIPE__WEBHOOK_SECRETS?"),
        (&["serve", "--config", "absent.toml"], None, "absent.toml can't be read"),
    ] {
        let settings = variable.map_or(Settings::default(), |name| Settings::default().env(name, "whsec_1"));
        let output = run(dir.path(), &settings, args);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(said), "{}", text(&output.stderr));
    }
}

#[test]
fn serve_without_a_secret_says_what_to_set() {
    let dir = tempfile::tempdir().unwrap();
    let output =
        mrrd(dir.path(), &Settings::default()).env_remove("MRRD_STRIPE__WEBHOOK_SECRETS").arg("serve").output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("stripe.webhook_secrets"), "{}", text(&output.stderr));
    let blank = run(dir.path(), &Settings::default().env("MRRD_STRIPE__WEBHOOK_SECRETS", " "), &["serve"]);
    assert_eq!(blank.status.code(), Some(2));
    assert!(text(&blank.stderr).contains("blank"), "{}", text(&blank.stderr));
}

#[test]
fn config_show_tells_where_a_value_comes_from_and_hides_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &Settings::default(), &["config", "show"]);
    let shown = text(&output.stdout);
    assert!(shown.contains("server.listen = \"127.0.0.1:0\"  # MRRD_SERVER__LISTEN"), "{shown}");
    assert!(shown.contains("stripe.tolerance_seconds = 300  # default"), "{shown}");
    assert!(!shown.contains(SECRET), "{shown}");
}

#[test]
fn what_config_show_prints_is_a_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let bare = |args: &[&str]| {
        let mut command = std::process::Command::new(crate::support::daemon::binary());
        command.current_dir(dir.path()).env_clear().args(args).output().unwrap()
    };
    let shown = bare(&["config", "show"]);
    let printed = text(&shown.stdout);
    for line in ["privacy.show_names = true  #", "stripe.metrics_audit = false  #"] {
        assert!(printed.contains(line), "{printed}");
    }
    std::fs::write(dir.path().join("pasted.toml"), &shown.stdout).unwrap();
    let checked = bare(&["--config", "pasted.toml", "config", "check"]);
    assert!(checked.status.success(), "{}{printed}", text(&checked.stderr));
    let again = text(&bare(&["--config", "pasted.toml", "config", "show"]).stdout);
    let values =
        |text: &str| text.lines().map(|line| line.split("  # ").next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(values(&again), values(&printed));
}

#[test]
fn a_variable_with_a_single_underscore_is_warned_of_with_the_one_that_was_meant() {
    let dir = tempfile::tempdir().unwrap();
    // An orchestrator sets the last two for a service that is called mrrd, and nobody has to hear of them.
    let settings = Settings::default()
        .env("MRRD_LEDGER_TIMEZONE", "Europe/Berlin")
        .env("MRRD_API_TOKEN", "secret-of-the-user")
        .env("MRRD_SERVICE_HOST", "10.0.0.1")
        .env("MRRD_PORT_8787_TCP_ADDR", "10.0.0.1");
    let said = |args: &[&str]| {
        let output = run(dir.path(), &settings, args);
        [text(&output.stdout), text(&output.stderr)].concat()
    };
    for args in [&["config", "check"][..], &["config", "check", "--json"], &["doctor"]] {
        let told = said(args);
        assert!(told.contains("MRRD_LEDGER_TIMEZONE is no setting, and is ignored"), "{args:?}: {told}");
        assert!(told.contains("did you mean MRRD_LEDGER__TIMEZONE?"), "{args:?}: {told}");
        assert!(told.contains("did you mean MRRD_API__TOKENS?"), "{args:?}: {told}");
        for quiet in ["secret-of-the-user", "MRRD_SERVICE_HOST", "MRRD_PORT_8787_TCP_ADDR"] {
            assert!(!told.contains(quiet), "{args:?}: {told}");
        }
    }
}

#[test]
fn a_metric_leads_to_the_rule_of_its_formula() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["ltv", "customer-churn"] {
        let told = text(&run(dir.path(), &Settings::default(), &["rules", name]).stdout);
        assert!(told.starts_with("metrics (figures)\n") && told.contains("customer churn per month"), "{told}");
    }
    for (typed, told) in [
        ("neting", "there is no rule neting: did you mean netting?"),
        ("nett", "there is no rule nett: did you mean netting?"),
        ("xyzzy", "there is no rule xyzzy (`mrrd rules` lists them)"),
    ] {
        let unknown = run(dir.path(), &Settings::default(), &["rules", typed]);
        assert_eq!(unknown.status.code(), Some(2));
        assert!(text(&unknown.stderr).contains(told), "{}", text(&unknown.stderr));
    }
}

#[test]
fn replay_reads_every_format_and_names_what_it_rejects() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path();
    let lines = format!("{}\nnonsense\n{}\n", event("evt_1"), event("evt_2"));
    let list = format!(r#"{{"object":"list","data":[{},{}],"has_more":false}}"#, event("evt_3"), event("evt_4"));
    std::fs::create_dir_all(here.join("export/more")).unwrap();
    std::fs::write(here.join("export/1.jsonl"), &lines).unwrap();
    std::fs::write(here.join("export/2.json"), &list).unwrap();
    std::fs::write(here.join("export/notes.txt"), "not read").unwrap();
    std::fs::write(here.join("export/more/3.jsonl.zst"), zstd::encode_all(event("evt_5").as_bytes(), 1).unwrap())
        .unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(event("evt_6").as_bytes()).unwrap();
    std::fs::write(here.join("export/more/4.json.gz"), gzip.finish().unwrap()).unwrap();
    let plain = Settings::default();

    let (counts, _) = replayed(&run(here, &plain, &["replay", "--dry-run", "--json", "export"]));
    assert_eq!(counts, r#"{"read":7,"appended":6,"duplicates":0,"rejected":1}"#);
    assert!(!here.join("mrrd.db").exists(), "a dry run made a database");

    let (counts, complaints) = replayed(&run(here, &plain, &["replay", "--json", "export"]));
    assert_eq!(counts, r#"{"read":7,"appended":6,"duplicates":0,"rejected":1}"#);
    assert!(complaints.contains("export/1.jsonl: line 2: it is not JSON"), "{complaints}");
    let (counts, _) = replayed(&run(here, &plain, &["replay", "--json", "export"]));
    assert_eq!(counts, r#"{"read":7,"appended":0,"duplicates":6,"rejected":1}"#);

    let mut child = mrrd(here, &plain)
        .args(["replay", "--json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("{}\n{lines}", event("evt_7")).as_bytes()).unwrap();
    let (counts, _) = replayed(&child.wait_with_output().unwrap());
    assert_eq!(counts, r#"{"read":4,"appended":1,"duplicates":2,"rejected":1}"#);

    let absent = run(here, &plain, &["replay", "absent.jsonl"]);
    assert_eq!(absent.status.code(), Some(1));
    assert!(text(&absent.stderr).contains("absent.jsonl"));
}

#[tokio::test]
async fn show_raw_prints_the_very_bytes_received() {
    let mut daemon = Daemon::start().await;
    let body = event("evt_1").replace("{}", "{\n  \"name\": \"a\\u0000b é \\ud800 \",\n  \"amount\": 1.10\n}") + "\n\n";
    daemon.accept(body.clone()).await;
    let shown = daemon.command(&["events", "show", "evt_1", "--raw"]);
    assert_eq!(text(&shown.stdout), body);
    let missing = daemon.command(&["events", "show", "evt_2"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("no such event"), "{}", text(&missing.stderr));
}

#[tokio::test]
async fn the_log_is_delivered_again_to_another_endpoint() {
    let mut here = Daemon::start().await;
    for number in 1..=3 {
        here.accept(event(&format!("evt_{number}"))).await;
    }
    let mut there = Settings::default().env("MRRD_STRIPE__WEBHOOK_SECRETS", "whsec_there").start().await;
    let url = format!("http://{}/webhooks/stripe", there.address());
    let args = ["replay", "--json", "--to", url.as_str(), "--secret"];
    let sent = here.command(&[&args[..], &["whsec_there", "--rate", "500"]].concat());
    assert_eq!(replayed(&sent).0, r#"{"read":3,"appended":3,"duplicates":0,"rejected":0}"#);
    let again = here.command(&[&args[..], &["whsec_there"]].concat());
    assert_eq!(replayed(&again).0, r#"{"read":3,"appended":0,"duplicates":3,"rejected":0}"#);
    assert_eq!(there.json("/api/v1/status").await["log"]["events"], 3);
    // Where a run stopped, by the log's order: an event that came late may be older than all before it.
    let rest = here.command(&[&args[..], &["whsec_there", "--after", "1"]].concat());
    assert_eq!(replayed(&rest).0, r#"{"read":2,"appended":0,"duplicates":2,"rejected":0}"#);
    let refused = here.command(&[&args[..], &["whsec_wrong"]].concat());
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("evt_1 was refused"), "{}", text(&refused.stderr));
}

#[tokio::test]
async fn commands_run_beside_a_live_server() {
    let mut daemon = Daemon::start().await;
    daemon.accept(event("evt_1")).await;
    daemon.settle().await;
    let address = daemon.address().to_string();
    for args in [
        &["healthcheck", "--address", &address][..],
        &["doctor"],
        &["quality"],
        &["report", "mrr"],
        &["report", "movements", "--json"],
        &["rebuild", "--json"],
        &["verify"],
        &["openapi"],
        &["events", "tail", "--no-follow"],
        &["completions", "bash"],
    ] {
        let output = daemon.command(args);
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    }
    daemon.accept(event("evt_2")).await;
    let closed = daemon.command(&["healthcheck", "--address", "127.0.0.1:1"]);
    assert_eq!(closed.status.code(), Some(1));
    assert_eq!(daemon.command(&["events"]).status.code(), Some(2));
}

/// A command run as root once made files that the daemon's own user could then not open.
#[cfg(unix)]
#[test]
fn what_a_command_makes_belongs_to_the_owner_of_the_ledgers_folder() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let output = mrrd(dir.path(), &Settings::default()).args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    std::fs::write(dir.path().join("events.jsonl"), event("evt_1")).unwrap();
    // Only root can give a folder away; for everybody else it is their own.
    drop(chown(dir.path(), Some(54_321), Some(54_321)));
    let owner = dir.path().metadata().unwrap().uid();
    run(&["replay", "events.jsonl"]);
    // As if nothing were derived yet: a command that only reads derives it.
    for file in ["mrrd.derived.db", "mrrd.derived.db-wal", "mrrd.derived.db-shm"] {
        drop(std::fs::remove_file(dir.path().join(file)));
    }
    run(&["report", "mrr"]);
    for file in ["mrrd.db", "mrrd.derived.db"] {
        assert_eq!(dir.path().join(file).metadata().unwrap().uid(), owner, "{file}");
    }
}
