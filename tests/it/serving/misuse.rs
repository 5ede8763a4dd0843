//! Misused as people misuse it: what is said, about what, and what to do.

use std::{net::TcpListener, path::Path, process::Output};

use super::webhooks::event;
use crate::{
    api::JANUARY,
    support::daemon::{Daemon, Settings, mrrd},
};

fn run(dir: &Path, settings: &Settings, args: &[&str]) -> Output {
    mrrd(dir, settings).args(args).stdin(std::process::Stdio::null()).output().unwrap()
}

/// What it printed, on both ways out.
fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

#[test]
fn a_configuration_that_cannot_be_seen_is_an_error_and_an_empty_name_is_none() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("config")).unwrap();
    // As unreadable for root as for anybody: a link to itself.
    std::os::unix::fs::symlink("mrrd.toml", dir.path().join("config/mrrd.toml")).unwrap();
    let output = run(dir.path(), &Settings::default(), &["config", "check"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(
        said(&output).contains("whether there is a configuration file config/mrrd.toml can't be seen"),
        "{}",
        said(&output)
    );
    let elsewhere = tempfile::tempdir().unwrap();
    let output = run(elsewhere.path(), &Settings::default().env("MRRD_CONFIG", ""), &["config", "check"]);
    assert!(output.status.success(), "{}", said(&output));
}

#[tokio::test]
async fn doctor_says_who_listens_and_how_much_room_there_is() {
    let daemon = Daemon::start().await;
    let ours = Settings::default().env("MRRD_SERVER__LISTEN", &daemon.address().to_string());
    let output = run(daemon.dir(), &ours, &["doctor"]);
    assert!(said(&output).contains(&format!("ok  listen: mrrd answers at {}", daemon.address())), "{}", said(&output));
    assert!(said(&output).contains("are free"), "{}", said(&output));
    // Somebody else, who never answers.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = Settings::default().env("MRRD_SERVER__LISTEN", &other.local_addr().unwrap().to_string());
    let output = run(daemon.dir(), &taken, &["doctor"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("is taken by another program, so serve can't start"), "{}", said(&output));
}

#[tokio::test]
async fn doctor_names_an_endpoint_that_fell_silent() {
    let settings = ["HERE", "GONE", "OLD"].iter().fold(Settings::default(), |settings, name| {
        let account = format!("acct_{}", name.to_lowercase());
        settings
            .env(&format!("MRRD_STRIPE__ENDPOINTS__{name}__WEBHOOK_SECRETS"), crate::support::daemon::SECRET)
            .env(&format!("MRRD_STRIPE__ENDPOINTS__{name}__ACCOUNT"), &account)
    });
    let mut daemon = settings.start().await;
    let of = |id: &str, account: &str, created: i64| {
        let mut event: serde_json::Value = serde_json::from_str(&event(id)).unwrap();
        (event["account"], event["created"]) = (account.into(), created.into());
        event.to_string()
    };
    let now = mrrd::clock::Clock::system().now().0;
    daemon.accept(of("evt_here", "acct_here", now)).await;
    daemon.accept(of("evt_old", "acct_old", JANUARY)).await;
    let told = said(&daemon.command(&["doctor"]));
    assert!(told.contains("ok  webhooks: the last one of acct_here (stripe.endpoints.here) tells of"), "{told}");
    assert!(told.contains("warning  webhooks: the last one of acct_old (stripe.endpoints.old) tells of"), "{told}");
    assert!(told.contains("warning  webhooks: none of acct_gone ever came to /webhooks/stripe/gone"), "{told}");
}

#[tokio::test]
async fn profiles_that_agree_are_said_to_agree() {
    let mut daemon = Daemon::start().await;
    let state = crate::api::subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY);
    daemon.accept(crate::api::event("evt_1", "customer.subscription.created", JANUARY, &state, None)).await;
    daemon.settle().await;
    let output = daemon.command(&["compare", "stripe", "finance", "--month", "2026-01"]);
    let told = said(&output);
    assert!(
        told.contains("20.00 USD under stripe, 20.00 USD under finance, which is the same; 0 customers differ"),
        "{told}"
    );
    assert!(!told.contains("nothing of theirs counts"), "{told}");
}

#[tokio::test]
async fn a_back_up_goes_only_where_a_ledger_can_lie() {
    let mut daemon = Daemon::start().await;
    daemon.accept(event("evt_1")).await;
    assert!(daemon.command(&["backup", "whole"]).status.success());
    for args in [&["restore", "whole", "--to", "mysql://u:secret@x/y"][..], &["backup", "s3://bucket/of"]] {
        let output = daemon.command(args);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains("sqlite://PATH or postgres://"), "{}", said(&output));
        assert!(!said(&output).contains("secret"), "{}", said(&output));
    }
}

#[test]
fn doctor_fails_where_serve_would_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let unsigned =
        mrrd(dir.path(), &Settings::default()).env_remove("MRRD_STRIPE__WEBHOOK_SECRETS").arg("doctor").output();
    let unsigned = unsigned.unwrap();
    assert_eq!(unsigned.status.code(), Some(1), "{}", said(&unsigned));
    assert!(said(&unsigned).contains("no webhook secret is set, so serve refuses to start"), "{}", said(&unsigned));
    let file = dir.path().join("a-file");
    std::fs::write(&file, "x").unwrap();
    let below = Settings::default().env("MRRD_DATABASE__URL", &format!("sqlite://{}/mrrd.db", file.display()));
    let serve = run(dir.path(), &below, &["serve"]);
    assert_eq!(serve.status.code(), Some(1), "{}", said(&serve));
    let doctor = run(dir.path(), &below, &["doctor"]);
    assert_eq!(doctor.status.code(), Some(1), "{}", said(&doctor));
    assert!(said(&doctor).contains("a-file is no folder: make it"), "{}", said(&doctor));
    // A folder whose rights let root write, and whose file system takes no files.
    if cfg!(target_os = "linux") {
        let taken = Settings::default().env("MRRD_DATABASE__URL", "sqlite:///proc/mrrd.db");
        let serve = run(dir.path(), &taken, &["serve"]);
        assert_eq!(serve.status.code(), Some(1), "{}", said(&serve));
        let doctor = run(dir.path(), &taken, &["doctor"]);
        assert_eq!(doctor.status.code(), Some(1), "{}", said(&doctor));
        assert!(said(&doctor).contains("no file can be made in /proc ("), "{}", said(&doctor));
    }
    // What was made to find out is gone.
    let url = format!("sqlite://{}/new.db", dir.path().display());
    let doctor = run(dir.path(), &Settings::default().env("MRRD_DATABASE__URL", &url), &["doctor"]);
    assert!(doctor.status.success() && said(&doctor).contains("serve or replay makes it"), "{}", said(&doctor));
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("mrrd-doctor")), "{left:?}");
}

#[tokio::test]
async fn doctor_and_serve_agree_about_a_folder_that_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    // A folder in one that isn't there either is a path mistyped.
    let deep = Settings::default().env("MRRD_DATABASE__URL", &format!("sqlite://{}/a/b/mrrd.db", dir.path().display()));
    for command in ["serve", "doctor"] {
        let output = run(dir.path(), &deep, &[command]);
        assert_eq!(output.status.code(), Some(1), "{command}: {}", said(&output));
    }
    let url = format!("sqlite://{}/new/mrrd.db", dir.path().display());
    let settings = Settings::default().env("MRRD_DATABASE__URL", &url);
    let doctor = run(dir.path(), &settings, &["doctor"]);
    assert!(doctor.status.success(), "{}", said(&doctor));
    assert!(said(&doctor).contains("nor is its folder: serve or replay makes both"), "{}", said(&doctor));
    let daemon = settings.start().await;
    daemon.wait_for_output("/new was not there: it is made for a new ledger");
}

#[tokio::test]
async fn a_day_as_known_at_hears_what_to_write_for_it() {
    let daemon = Daemon::start().await;
    let output = daemon.command(&["report", "mrr", "--as-known-at", "2026-10-31"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("for its end in UTC write 2026-10-31T23:59:59Z"), "{}", said(&output));
    let answer = daemon.connect().get("/api/v1/mrr?as_known_at=2026-10-31").await.unwrap();
    assert_eq!(answer.status, 422);
    assert!(answer.json()["detail"].as_str().unwrap().contains("write 2026-10-31T23:59:59Z"));
    let answer = daemon.connect().get("/api/v1/events?since=2026-10-31").await.unwrap();
    assert_eq!(answer.status, 422);
    assert!(answer.json()["detail"].as_str().unwrap().contains("write 2026-10-31T00:00:00Z"));
}

#[tokio::test]
async fn doctor_tells_another_ledgers_daemon_from_its_own() {
    let daemon = Daemon::start().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let ours = Settings::default().env("MRRD_SERVER__LISTEN", &daemon.address().to_string());
    let output = run(elsewhere.path(), &ours, &["doctor"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("keeps another ledger"), "{}", said(&output));
}

#[tokio::test]
async fn movements_of_a_customer_who_is_not_there_are_refused_by_name() {
    let daemon = Daemon::start().await;
    let told = super::closing::refused(&daemon, &["report", "movements", "--customer", "cus_nope"]);
    assert!(told.contains("the ledger has no customer cus_nope"), "{told}");
}

#[tokio::test]
async fn figures_of_test_events_say_that_they_are() {
    let mut daemon = Daemon::start().await;
    let state = crate::api::subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY);
    let mut created: serde_json::Value =
        serde_json::from_str(&crate::api::event("evt_1", "customer.subscription.created", JANUARY, &state, None))
            .unwrap();
    created["livemode"] = false.into();
    daemon.accept(created.to_string()).await;
    daemon.settle().await;
    for args in [&["report", "mrr", "--month", "2026-01"][..], &["explain", "cus_1"]] {
        let told = said(&daemon.command(args));
        assert!(told.contains("20.00"), "{told}");
        assert!(told.contains("these are figures of test events"), "{args:?}: {told}");
    }
    let told = said(&daemon.command(&["report", "mrr", "--month", "2026-01", "--test"]));
    assert!(!told.contains("figures of test events"), "who asked for them needs no telling: {told}");
}

#[tokio::test]
async fn a_report_is_in_units_under_its_currency_and_sums_at_any_width() {
    let mut daemon = Daemon::start().await;
    let state = crate::api::subscription("sub_1", "cus_1", "price_1", 123_456_789, 1, JANUARY);
    daemon.accept(crate::api::event("evt_1", "customer.subscription.created", JANUARY, &state, None)).await;
    daemon.settle().await;
    let report = |args: &[&str]| said(&daemon.command(&[&["report", "mrr", "--month", "2026-01"], args].concat()));
    let table = report(&[]);
    assert!(table.starts_with("In USD\n") && table.contains(" 1,234,567.89 "), "{table}");
    assert!(report(&["--by", "product"]).contains("1,234,567.89"));
    assert!(report(&["--units", "minor"]).contains("123456789"));
    let csv = report(&["--format", "csv"]);
    assert!(csv.starts_with("start,end,currency,converted,group,opening,") && csv.contains(",1234567.89,"), "{csv}");
    assert!(csv.contains(",usd,false,"), "{csv}");
    let last = said(&daemon.command(&["report", "mrr", "--last", "240m"]));
    assert!(last.contains("1,234,567.89"), "{last}");
}

#[tokio::test]
async fn verify_says_what_it_did_not_compare() {
    let daemon = Daemon::start().await;
    let verified = daemon.command(&["verify"]);
    assert!(verified.status.success(), "{}", said(&verified));
    for line in said(&verified).lines() {
        assert!(!line.contains("no difference"), "{line}");
    }
}

#[tokio::test]
async fn an_empty_list_says_what_is_true() {
    let daemon = Daemon::start().await;
    for (args, word) in [
        (&["report", "restatements"][..], "o month is closed under profile stripe"),
        (&["report", "accuracy"], "o month is closed under profile stripe"),
        (&["token", "list"], "those of api.tokens are in the configuration"),
        (&["events", "list", "--type", "invoice.paid"], "of the 0 events in the log none is what was asked for"),
    ] {
        let listed = daemon.command(args);
        let told = said(&listed);
        assert!(
            listed.status.success() && told.contains(word) && !told.contains("Nothing to show"),
            "{args:?}: {told}"
        );
    }
}

#[test]
fn a_file_of_secrets_that_others_may_read_is_told() {
    use std::{fs, os::unix::fs::PermissionsExt as _};
    // A folder that others may enter, down from the root.
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    let rights = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let (file, secret) = (dir.path().join("mrrd.toml"), dir.path().join("key"));
    fs::write(&file, format!("[stripe]\nwebhook_secrets = [\"whsec_1\"]\napi_key_file = {secret:?}\n")).unwrap();
    fs::write(&secret, "rk_test_1\n").unwrap();
    let asked = |command: &[&str]| {
        let mut mrrd = mrrd(dir.path(), &Settings::default());
        let mrrd = mrrd.env_remove("MRRD_STRIPE__WEBHOOK_SECRETS").env("MRRD_STRIPE__API_BASE", "http://127.0.0.1:1");
        said(&mrrd.arg("--config").arg(&file).args(command).output().unwrap())
    };
    for (folder, of_file, of_secret, told) in [
        (0o755, 0o644, 0o640, vec![&file]),
        (0o755, 0o644, 0o604, vec![&file, &secret]),
        (0o755, 0o600, 0o640, vec![]),
        (0o700, 0o644, 0o644, vec![]),
    ] {
        rights(dir.path(), folder);
        rights(&file, of_file);
        rights(&secret, of_secret);
        for command in [&["config", "check"][..], &["doctor"]] {
            let output = asked(command);
            for one in [&file, &secret] {
                let warned = output.contains(&format!("{} has the rights", one.display()));
                assert_eq!(warned, told.contains(&one), "{command:?} of {one:?}: {output}");
            }
        }
    }
}

#[test]
fn config_check_names_what_could_not_work() {
    let dir = tempfile::tempdir().unwrap();
    let check = |key: &str, value: &str| {
        let output = run(dir.path(), &Settings::default().env(key, value), &["config", "check"]);
        (output.status.code(), said(&output))
    };
    for (key, value, wrong) in [
        ("MRRD_LOG__FILTER", "infoo", "\"infoo\" is no level"),
        ("MRRD_LOG__FILTER", "warn,sqlx", "\"sqlx\" is no level"),
        ("MRRD_LEDGER__REPORTING_CURRENCY", "zzz", "which no currency has"),
        ("MRRD_DATABASE__URL", "postgres://mrrd:hush@db.example:bad/mrrd", "has a port that is none"),
        ("MRRD_DATABASE__URL", "postgres://mrrd:hu/sh@db.example/mrrd", "%2F"),
    ] {
        let (code, told) = check(key, value);
        assert!(code == Some(2) && told.contains(wrong), "{key}={value}: {told}");
        assert!(!told.contains("hush") && !told.contains("hu/sh"), "{told}");
    }
    for (key, value, risk) in [
        ("MRRD_STRIPE__API_KEY", "pk_live_1", "is a publishable key"),
        ("MRRD_LOG__FILTER", "mrd=info", "lets no line of mrrd's own through"),
    ] {
        let (code, told) = check(key, value);
        assert!(code == Some(0) && told.contains(risk), "{key}={value}: {told}");
    }
    for (key, value) in [
        ("MRRD_LOG__FILTER", "info,mrrd::receiver=debug"),
        ("MRRD_LOG__FILTER", "off"),
        ("MRRD_LEDGER__REPORTING_CURRENCY", "EUR"),
        ("MRRD_DATABASE__URL", "postgres://mrrd@[::1]:5432/mrrd"),
        ("MRRD_DATABASE__URL", "postgres:///mrrd?host=/run/postgresql"),
    ] {
        let (code, told) = check(key, value);
        assert!(code == Some(0) && !told.contains("warning"), "{key}={value}: {told}");
    }
    let file = dir.path().join("mrrd.toml");
    std::fs::write(&file, "[alerts.channels.a]\nkind = \"slak\"\n[profiles.board]\nextends = \"finanse\"\n").unwrap();
    let output = run(dir.path(), &Settings::default().env("MRRD_CONFIG", file.to_str().unwrap()), &["config", "check"]);
    for fault in ["alerts.channels.a.kind is", "profiles.board.extends: "] {
        assert!(said(&output).contains(&format!("{}: {fault}", file.display())), "{}", said(&output));
    }
}

#[test]
fn an_address_that_cannot_be_listened_on_says_why() {
    let dir = tempfile::tempdir().unwrap();
    // Of a network kept for documents: no machine has it.
    let foreign = Settings::default().env("MRRD_SERVER__LISTEN", "192.0.2.1:8787");
    let output = run(dir.path(), &foreign, &["serve"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("this machine has no address 192.0.2.1"), "{}", said(&output));
    assert!(!said(&output).contains("running already"), "{}", said(&output));
}

#[tokio::test]
async fn doctor_tells_an_mrrd_of_another_ledger_from_its_own() {
    let daemon = Daemon::start().await;
    let mut other = Daemon::start().await;
    assert!(other.terminate());
    let address = daemon.address().to_string();
    let output = run(other.dir(), &Settings::default().env("MRRD_SERVER__LISTEN", &address), &["doctor"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let told = format!("failed  listen: the mrrd that answers at {address} keeps another ledger");
    assert!(said(&output).contains(&told), "{}", said(&output));
}

#[tokio::test]
async fn small_numbers_and_mistyped_parameters_are_answered_in_sentences() {
    let mut daemon = Daemon::start().await;
    let state = crate::api::subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY);
    daemon.accept(crate::api::event("evt_1", "customer.subscription.created", JANUARY, &state, None)).await;
    daemon.settle().await;
    let told = |args: &[&str]| said(&daemon.command(args));
    // An account that isn't there: what there is, and how it is asked for.
    let nobody = told(&["report", "mrr", "--account", "acct_nope"]);
    assert!(nobody.contains("the account's own (live: 1 customer); without the parameter account"), "{nobody}");
    assert!(!nobody.contains("-- "), "{nobody}");
    let day = told(&["report", "mrr", "--from", "2026-13"]);
    assert!(day.contains("a day such as 2026-01-31 is expected"), "{day}");
    let verified = told(&["verify"]);
    assert!(verified.contains("ledger  1 customer held against the log under 1 profile, 0 left out"), "{verified}");
    let once = daemon.command(&["events", "export"]).stdout;
    std::fs::write(daemon.dir().join("once.jsonl"), once).unwrap();
    assert_eq!(told(&["replay", "once.jsonl"]), "1 read: 0 appended, 1 duplicate, 0 rejected\n");
    let saved = told(&["segment", "save", "large", "mrr >= 15"]);
    let other = told(&["segment", "save", "dach", "country = DE"]);
    assert!(!saved.contains("version") && other.starts_with("dach is saved: country = "), "{saved}{other}");
    told(&["segment", "save", "large", "mrr >= 20"]);
    // Each name has revisions of its own; versions are counted over all names.
    let list: serde_json::Value = serde_json::from_str(&told(&["segment", "list", "--all", "--json"])).unwrap();
    let counted = |entry: &serde_json::Value| {
        (entry["name"].as_str().unwrap().to_owned(), entry["version"].as_i64(), entry["revision"].as_i64())
    };
    let counted: Vec<_> = list["data"].as_array().unwrap().iter().map(counted).collect();
    let expected = [("large", 1, 1), ("dach", 2, 1), ("large", 3, 2)];
    assert_eq!(counted, expected.map(|(name, version, own)| (name.to_owned(), Some(version), Some(own))), "{list}");
    let list = told(&["segment", "list"]);
    assert!(list.contains("revision") && !list.contains("version"), "{list}");
    let api = daemon.json("/api/v1/mrr?account=acct_nope").await;
    assert!(!api.to_string().contains("\"option\":\"\""), "{api}");
    let answer = daemon.get("/readyz?rol=receiver").await;
    assert_eq!(answer.status, 422, "{}", String::from_utf8_lossy(&answer.body));
    assert!(String::from_utf8_lossy(&answer.body).contains("rol"), "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(daemon.get("/readyz").await.status, 200);
}
