//! `mrrd backup` and `mrrd restore`: consistent under load, whole or none, and with its figures.

use std::{
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use mrrd::clock::Clock;
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::support::daemon::SECRET;

/// The months of the account's events, as a ledger reports them.
const REPORTS: [&[&str]; 2] = [
    &["report", "mrr", "--from", "2025-11-01", "--to", "2026-05-31", "--json"],
    &["report", "movements", "--from", "2025-11-01", "--to", "2026-05-31", "--json"],
];

/// An answer without the place in the log that was asked for.
fn told_now(answer: &mut Value) {
    answer.as_object_mut().unwrap().remove("as_known_at_seq");
}

async fn figures(url: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for report in REPORTS {
        all.push(run(url, report).await.json());
    }
    all.iter_mut().for_each(told_now);
    all
}

/// A back-up of an account's ledger, at rest.
async fn backed_up(settings: &Settings) -> (Daemon, TempDir) {
    let mut daemon = settings.clone().start().await;
    for event in account(5, 4) {
        daemon.accept(event.body.clone()).await;
    }
    daemon.settle().await;
    let folder = TempDir::new().unwrap();
    let made = beside(&daemon, &["backup", folder.path().join("one").to_str().unwrap(), "--json"]).json();
    assert!(made["events"].as_i64().unwrap() > 20, "{made}");
    (daemon, folder)
}

on_both! {
    async fn a_backup_under_load_holds_what_was_acknowledged_and_restores_into_either_database(settings) {
        let mut daemon = settings.start().await;
        let events = account(3, 12);
        let (before, rest) = events.split_at(events.len() / 3);
        for event in before {
            daemon.accept(event.body.clone()).await;
        }
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(before.len())));
        let load = {
            let (stop, sent, mut client) = (stop.clone(), sent.clone(), daemon.connect());
            let bodies: Vec<_> = rest.iter().map(|event| event.body.clone()).collect();
            tokio::spawn(async move {
                for body in bodies {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let answer = client.post_signed(SECRET, Clock::system().now(), body).await.unwrap();
                    assert_eq!(answer.status, 200);
                    sent.fetch_add(1, Ordering::SeqCst);
                }
            })
        };
        while sent.load(Ordering::SeqCst) < before.len() + 5 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let acknowledged = sent.load(Ordering::SeqCst);
        let folder = TempDir::new().unwrap();
        let backup = folder.path().join("backup");
        let manifest = beside(&daemon, &["backup", backup.to_str().unwrap(), "--json"]).json();
        stop.store(true, Ordering::SeqCst);
        load.await.unwrap();
        let held = usize::try_from(manifest["events"].as_i64().unwrap()).unwrap();
        assert!(held >= acknowledged && held <= sent.load(Ordering::SeqCst), "{acknowledged} {manifest}");
        assert_eq!(manifest["tables"]["event"], manifest["tables"]["event_body"]);
        daemon.settle().await;
        let seq = manifest["last_seq"].as_i64().unwrap().to_string();
        let mut then = Vec::new();
        for report in REPORTS {
            then.push(beside(&daemon, &[report, &["--as-known-at", &seq]].concat()).json());
        }
        then.iter_mut().for_each(told_now);
        assert!(then[0]["data"].as_array().is_some_and(|months| !months.is_empty()), "{}", then[0]);

        let file = format!("sqlite://{}", folder.path().join("restored/mrrd.db").display());
        for url in [file, postgres::database().await] {
            let restored = run(&url, &["restore", backup.to_str().unwrap(), "--json"]).await.json();
            assert_eq!(restored, manifest);
            let mut verify = vec!["verify", "--json"];
            if let Some(head) = manifest["seal_head"].as_str() {
                verify.extend(["--head", head]);
            }
            let verified = run(&url, &verify).await.json();
            assert_eq!(verified["ok"], true, "{verified}");
            assert!(verified["customers"].as_i64().unwrap() > 0, "{verified}");
            assert_eq!(figures(&url).await, then);
            // Started on, it answers with its figures from the first moment on.
            let mut served = Settings::default().env("MRRD_DATABASE__URL", &url).start().await;
            assert_eq!(served.get("/readyz").await.status, 200);
            let mrr = served.json("/api/v1/mrr?from=2025-11-01&to=2026-05-31").await;
            assert_eq!(mrr["data"], then[0]["data"]);
            // And takes in what follows.
            served.accept(rest[rest.len() - 1].body.clone()).await;
            served.settle().await;
        }
    }

    async fn what_holds_something_is_not_restored_over(settings) {
        let (daemon, folder) = backed_up(&settings).await;
        let backup = folder.path().join("one");
        let said = beside(&daemon, &["restore", backup.to_str().unwrap()]);
        assert_eq!(said.code, 1, "{}", said.out);
        assert!(said.err.contains("nothing is restored over it"), "{}", said.err);
        let said = beside(&daemon, &["backup", backup.to_str().unwrap()]);
        assert_eq!(said.code, 2, "{}", said.out);
        assert!(said.err.contains("holds something already"), "{}", said.err);
        assert_eq!(beside(&daemon, &["verify", "--json"]).json()["ok"], true);
    }

    async fn a_backup_that_is_killed_leaves_none_that_looks_whole(settings) {
        let (daemon, folder) = backed_up(&settings).await;
        let place = folder.path().join("killed");
        let (mut cut, mut whole) = (0, 0);
        for delay in [0, 20, 40, 80, 120, 160, 240, 320, 480] {
            let mut command = mrrd(daemon.dir(), &settings);
            let url = format!("sqlite://{}", daemon.dir().join("mrrd.db").display());
            if !format!("{settings:?}").contains("postgres") {
                command.env("MRRD_DATABASE__URL", url);
            }
            command.args(["backup", place.to_str().unwrap()]).stdin(Stdio::null());
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            tokio::time::sleep(Duration::from_millis(delay)).await;
            let _ = child.kill();
            child.wait().unwrap();
            let target = format!("sqlite://{}", folder.path().join(format!("restored-{delay}/mrrd.db")).display());
            let said = run(&target, &["restore", place.to_str().unwrap()]).await;
            if place.join("manifest.json").exists() {
                assert_eq!(said.code, 0, "{}", said.err);
                std::fs::remove_dir_all(&place).unwrap();
                whole += 1;
            } else {
                assert_eq!(said.code, 1, "{}", said.out);
                assert!(said.err.contains("holds no finished back-up"), "{}", said.err);
                assert!(!folder.path().join(format!("restored-{delay}/mrrd.db")).exists());
                cut += 1;
            }
        }
        assert!(cut > 0, "{cut} cut, {whole} whole");
        // What they left gives way.
        beside(&daemon, &["backup", place.to_str().unwrap()]).well();
    }
}

/// Everything in a folder, with who may do what to it.
fn listed(folder: &Path) -> Vec<(String, u32)> {
    use std::os::unix::fs::PermissionsExt as _;

    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut all: Vec<_> = entries
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().permissions().mode() & 0o777))
        .collect();
    all.sort();
    all
}

/// Such as a medium that can't be written, or another user's: nothing is written into the back-up, not for a moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_restored_from_where_nothing_can_be_written() {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

    let (_daemon, folder) = backed_up(&Settings::default()).await;
    let backup = folder.path().join("100%? of #1");
    std::fs::rename(folder.path().join("one"), &backup).unwrap();
    for file in ["mrrd.db", "manifest.json"] {
        std::fs::set_permissions(backup.join(file), Permissions::from_mode(0o444)).unwrap();
    }
    std::fs::set_permissions(&backup, Permissions::from_mode(0o555)).unwrap();
    let before = listed(&backup);
    let file = format!("sqlite://{}", folder.path().join("restored/mrrd.db").display());
    for url in [file, postgres::database().await] {
        run(&url, &["restore", backup.to_str().unwrap()]).await.well();
        assert_eq!(run(&url, &["verify", "--json"]).await.json()["ok"], true);
        assert_eq!(listed(&backup), before);
    }
    let log = std::fs::metadata(folder.path().join("restored/mrrd.db")).unwrap().permissions().mode();
    assert_eq!(log & 0o777, 0o600, "its owner's alone, and to be written");
    std::fs::set_permissions(&backup, Permissions::from_mode(0o755)).unwrap();
}

/// The text of a file, changed.
fn damage(path: &Path, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let was = std::fs::read(path).unwrap();
    let mut is = was.clone();
    change(&mut is);
    std::fs::write(path, is).unwrap();
    was
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_backup_is_refused_by_name_and_nothing_is_made() {
    let (_daemon, folder) = backed_up(&Settings::default()).await;
    let (backup, target) = (folder.path().join("one"), folder.path().join("restored/mrrd.db"));
    let url = format!("sqlite://{}", target.display());
    let (file, manifest) = (backup.join("mrrd.db"), backup.join("manifest.json"));
    type Change = fn(&mut Vec<u8>);
    let cases: [(&Path, Change, &str); 5] = [
        (&file, |bytes| bytes[9000] ^= 1, "mrrd.db is damaged: its SHA-256 isn't the one of the manifest"),
        (&file, |bytes| bytes.truncate(9000), "mrrd.db is damaged: it has 9000 bytes"),
        (&file, Vec::clear, "mrrd.db is damaged: it has 0 bytes"),
        (&manifest, |bytes| bytes.truncate(40), "manifest.json is damaged: it can't be read"),
        (
            &manifest,
            |bytes| *bytes = String::from_utf8_lossy(bytes).replace("\"format\": 1", "\"format\": 9").into_bytes(),
            "manifest.json is damaged: it is of format 9",
        ),
    ];
    for (path, change, words) in cases {
        let was = damage(path, change);
        let said = run(&url, &["restore", backup.to_str().unwrap()]).await;
        assert!(said.code == 1 && said.err.contains(words), "{words}: {}{}", said.out, said.err);
        assert!(!target.exists(), "{words}");
        std::fs::write(path, was).unwrap();
    }
    run(&url, &["restore", backup.to_str().unwrap()]).await.well();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_can_go_straight_into_another_database() {
    let (daemon, folder) = backed_up(&Settings::default()).await;
    let url = postgres::database().await;
    let said = beside(&daemon, &["backup", &url]).well();
    assert!(said.contains("are in the other database, and verified"), "{said}");
    let file = format!("sqlite://{}", folder.path().join("back/mrrd.db").display());
    run(&url, &["backup", &file]).await.well();
    assert_eq!(figures(&url).await, figures(&file).await);
    assert_eq!(run(&file, &["verify", "--json"]).await.json()["ok"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_is_taken_along_or_left_behind_on_purpose() {
    let (daemon, folder) = backed_up(&on_postgres().await).await;
    let text = std::fs::read_to_string(folder.path().join("one/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&text).unwrap();
    let taken: Vec<&str> = manifest["tables"].as_object().unwrap().keys().map(String::as_str).collect();
    let schema = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema.sql")).unwrap();
    let log = schema.split("-- mrrd.derived.db").next().unwrap();
    let tables = log.lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")?.split([' ', '(']).next());
    for table in tables.map(|name| name.trim_matches('"')).filter(|name| !name.starts_with("sqlite_")) {
        assert_eq!(taken.contains(&table), !["lease", "access_session"].contains(&table), "{table}");
    }
    drop(daemon);
}
