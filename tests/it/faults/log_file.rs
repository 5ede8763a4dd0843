//! The log's file is copied alone, removed, cut, replaced, restored from an older copy: nothing is acknowledged that is lost, and
//! what is missing is said.

use std::{
    fs::{self, OpenOptions},
    path::Path,
    process::Output,
    time::Duration,
};

use super::{posted, until};
use crate::{
    serving::webhooks::event,
    support::{
        daemon::{Daemon, Settings, mrrd},
        sql,
    },
};

fn url(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

async fn events_in(path: &Path) -> i64 {
    sql::number(&url(path), "SELECT COUNT(*) FROM event").await
}

/// Another daemon over the same folder, which ends by itself because it refuses to start.
fn refused(dir: &Path) -> String {
    let output: Output = mrrd(dir, &Settings::default()).arg("serve").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_the_file_alone_is_seconds_old() {
    let mut daemon = Daemon::start().await;
    let copy = daemon.dir().join("copy.db");
    // From the first moment it is a log, if an empty one.
    fs::copy(daemon.dir().join("mrrd.db"), &copy).unwrap();
    assert_eq!(events_in(&copy).await, 0);
    for n in 0..20 {
        daemon.accept(event(&format!("evt_{n}"))).await;
    }
    until("all events are in a copy of the file", &mut daemon, async |daemon| {
        for suffix in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{suffix}", copy.display()));
        }
        fs::copy(daemon.dir().join("mrrd.db"), &copy).unwrap();
        events_in(&copy).await == 20
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_taken_into_a_log_that_was_removed_cut_or_replaced() {
    let mut daemon = Daemon::start().await;
    let (log, away) = (daemon.dir().join("mrrd.db"), daemon.dir().join("away"));
    let ahead = daemon.dir().join("mrrd.db-wal");
    assert_eq!(posted(&mut daemon, "evt_1").await, 200);
    for file in ["mrrd.db", "mrrd.db-wal", "mrrd.db-shm"] {
        let file = daemon.dir().join(file);
        fs::rename(&file, &away).unwrap();
        // Not for a moment: what is answered 200 would be lost.
        assert_eq!(posted(&mut daemon, "evt_2").await, 503, "{} is gone", file.display());
        assert_eq!(daemon.get("/readyz").await.status, 503);
        for other in ["another one", ""] {
            fs::write(&file, other).unwrap();
            assert_eq!(posted(&mut daemon, "evt_2").await, 503, "{} was replaced by {other:?}", file.display());
            // SQLite takes away what lies beside an empty file: not even who only asks opens that.
            if file == log {
                assert!(!daemon.command(&["report", "mrr"]).status.success());
            }
            assert!(ahead.exists());
        }
        fs::rename(&away, &file).unwrap();
        until("it is back", &mut daemon, async |daemon| posted(daemon, "evt_2").await == 200).await;
        until("it is ready", &mut daemon, async |daemon| daemon.get("/readyz").await.status == 200).await;
    }
    assert!(daemon.output().contains("was removed or renamed"), "{}", daemon.output());
    // Cut to nothing, with all that it held ahead of the log, while nobody is in the middle of writing.
    daemon.accept(event("evt_ahead")).await;
    daemon.settle().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    OpenOptions::new().write(true).open(&ahead).unwrap().set_len(0).unwrap();
    assert_eq!(posted(&mut daemon, "evt_3").await, 503);
    daemon.kill();
    assert!(log.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_gone_shorter_or_another_one_is_refused_until_it_is_accepted() {
    let mut daemon = Daemon::start().await;
    let (log, earlier) = (daemon.dir().join("mrrd.db"), daemon.dir().join("earlier.db"));
    daemon.accept(event("evt_1")).await;
    assert!(daemon.terminate());
    fs::copy(&log, &earlier).unwrap();
    daemon = daemon.restart().await;
    for n in 2..10 {
        daemon.accept(event(&format!("evt_{n}"))).await;
    }
    daemon.settle().await;
    assert!(daemon.terminate());
    let dir = daemon.dir().to_owned();

    // An older copy in its place.
    let whole = dir.join("whole.db");
    fs::rename(&log, &whole).unwrap();
    fs::copy(&earlier, &log).unwrap();
    let said = refused(&dir);
    assert!(said.contains("ends at 1") && said.contains("--accept-shorter-log"), "{said}");
    let verified = daemon.command(&["verify"]);
    assert_eq!(verified.status.code(), Some(1));
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(said.contains("the log ends at 1, and once went as far as 9"), "{said}");

    // None at all: none is made. What lies ahead of one that is gone would be thrown away with a new one.
    fs::remove_file(&log).unwrap();
    let ahead = dir.join("mrrd.db-wal");
    fs::write(&ahead, [0; 4096]).unwrap();
    for other in [None, Some(""), Some("another one")] {
        other.into_iter().for_each(|other| fs::write(&log, other).unwrap());
        let said = refused(&dir);
        assert!(said.contains("is gone or empty"), "{other:?}: {said}");
        let asked = daemon.command(&["report", "mrr"]);
        assert_ne!(asked.status.code(), Some(0), "{other:?}");
        assert_eq!(fs::metadata(&ahead).unwrap().len(), 4096, "{other:?}");
    }
    fs::remove_file(&log).unwrap();
    fs::remove_file(&ahead).unwrap();
    let said = refused(&dir);
    assert!(said.contains("there is no log at"), "{said}");
    assert!(!log.exists());

    // Another one.
    let elsewhere = Daemon::start().await;
    let mut elsewhere = elsewhere;
    for n in 0..20 {
        elsewhere.accept(event(&format!("evt_other_{n}"))).await;
    }
    assert!(elsewhere.terminate());
    fs::copy(elsewhere.dir().join("mrrd.db"), &log).unwrap();
    let said = refused(&dir);
    assert!(said.contains("another one"), "{said}");

    // The right one again, and then the older copy, knowingly.
    fs::copy(&whole, &log).unwrap();
    daemon = daemon.restart().await;
    assert_eq!(daemon.json("/api/v1/status").await["log"]["last_seq"], 9);
    assert!(daemon.terminate());
    fs::copy(&earlier, &log).unwrap();
    daemon = daemon.restart_saying(&["--accept-shorter-log"]).await;
    assert_eq!(daemon.json("/api/v1/status").await["log"]["last_seq"], 1);
    daemon.accept(event("evt_2")).await;
    daemon.settle().await;
    assert!(daemon.terminate());
    // From now on that is the log.
    daemon = daemon.restart().await;
    daemon.settle().await;
    assert!(daemon.command(&["verify"]).status.success());
}

/// The rights of a file, and of the folder that was made for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let url = url(&data.join("mrrd.db"));
    let mut daemon = Settings::default().env("MRRD_DATABASE__URL", &url).start().await;
    daemon.accept(event("evt_1")).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    let files: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_printed_once_is_held_against_the_log() {
    let mut daemon = Daemon::start().await;
    daemon.accept(event("evt_1")).await;
    let mut head = String::new();
    until("the log is sealed", &mut daemon, async |daemon| {
        let printed = daemon.command(&["seal", "head"]);
        head = String::from_utf8(printed.stdout).unwrap().trim().to_owned();
        printed.status.success()
    })
    .await;
    daemon.accept(event("evt_2")).await;
    daemon.settle().await;
    let verified = daemon.command(&["verify", "--head", &head]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    let forged = format!("{}0", &head[..head.len() - 1]);
    let forged = if forged == head { format!("{}1", &head[..head.len() - 1]) } else { forged };
    let verified = daemon.command(&["verify", "--json", "--head", &head, "--head", &forged]);
    assert_eq!(verified.status.code(), Some(1));
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(said.contains("is not the one of the head"), "{said}");
    assert_eq!(daemon.command(&["verify", "--head", "nonsense"]).status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nothing_remembers_is_said() {
    let mut daemon = Daemon::start().await;
    daemon.accept(event("evt_1")).await;
    daemon.settle().await;
    assert!(daemon.terminate());
    let said = String::from_utf8(daemon.command(&["verify"]).stdout).unwrap();
    assert!(!said.contains("could be missing"), "{said}");
    // The log alone, as it comes from a copy.
    for entry in fs::read_dir(daemon.dir()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("mrrd.derived") {
            fs::remove_file(path).unwrap();
        }
    }
    let said = String::from_utf8(daemon.command(&["verify"]).stdout).unwrap();
    assert!(said.contains("could be missing") && said.contains("seal head"), "{said}");
}

/// A clock a day ahead, then a kill; and a copy of the log in another place, with the lease of a process that still runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_from_the_future_and_a_copied_one_stop_nobody() {
    let mut daemon = Daemon::start().await;
    daemon.accept(event("evt_1")).await;
    daemon.settle().await;
    let copy = tempfile::tempdir().unwrap();
    let ahead = "UPDATE lease SET expires_at = expires_at + 86400";
    sql::run(&url(&daemon.dir().join("mrrd.db")), ahead).await.unwrap();
    let copied = format!("VACUUM INTO '{}'", copy.path().join("mrrd.db").display());
    sql::run(&url(&daemon.dir().join("mrrd.db")), &copied).await.unwrap();
    assert_eq!(sql::number(&url(&copy.path().join("mrrd.db")), "SELECT COUNT(*) FROM lease").await, 2);
    let restored = url(&copy.path().join("mrrd.db"));
    let mut other = Settings::default().env("MRRD_DATABASE__URL", &restored).start().await;
    other.accept(event("evt_2")).await;
    other.settle().await;
    other.kill();
    sql::run(&restored, ahead).await.unwrap();
    other = other.restart().await;
    other.accept(event("evt_3")).await;
    other.settle().await;
    assert!(!other.output().contains("another process keeps"), "{}", other.output());
}
