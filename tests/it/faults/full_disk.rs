//! The disk is full, and then it isn't: refused webhooks, a process that says it isn't ready, few lines, and everything going
//! on by itself.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use mrrd::{clock::Clock, demo::http::Client};

use super::{
    PATIENCE, posted,
    shim::{Control, Fault, How, WRITE, library},
    subscription, until,
};
use crate::{
    serving::webhooks::event,
    support::{
        daemon::{Daemon, SECRET, Settings, mrrd},
        sql,
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_said_once_and_forgotten_when_it_has_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control");
    let control = Control::create(&path);
    let settings = Settings::default()
        .env("LD_PRELOAD", library().to_str().unwrap())
        .env("FAULTS_CONTROL", path.to_str().unwrap());
    let mut daemon = settings.start().await;
    daemon.accept(subscription("evt_before", "cus_1")).await;
    daemon.settle().await;
    for file in ["/mrrd.db-wal", "/mrrd.derived.db-wal"] {
        let lines = daemon.output().lines().count();
        control.arm(Fault { file, calls: WRITE, how: How::NoSpace, first: 1, last: u32::MAX });
        let takes_webhooks = file.contains("derived");
        for n in 0..300 {
            let status = posted(&mut daemon, &format!("evt_{n}{takes_webhooks}")).await;
            assert_eq!(status, if takes_webhooks { 200 } else { 503 }, "{file}");
        }
        let work = if takes_webhooks { "reconciler" } else { "receiver" };
        daemon.post(subscription(&format!("evt_sub{takes_webhooks}"), "cus_2")).await;
        until("it says that it isn't ready", &mut daemon, async |daemon| {
            daemon.get(&format!("/readyz?role={work}")).await.status == 503
        })
        .await;
        // Status, metrics and tasks say it too, and nobody that another process works.
        let is_refusing = !takes_webhooks;
        let status = daemon.json("/api/v1/status").await;
        let why = status["log"]["refuses"].as_str();
        assert_eq!(why.is_some_and(|why| why.starts_with("the disk is full (")), is_refusing, "{status}");
        let ready = daemon.get(&format!("/readyz?role={work}")).await;
        let said = String::from_utf8_lossy(&ready.body).into_owned();
        assert!(said.contains(&format!("{work}: the disk is full (")), "{said}");
        let metrics = daemon.get("/metrics").await;
        let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
        assert!(metrics.contains(&format!("mrrd_log_writable {}", u8::from(!is_refusing))), "{metrics}");
        if is_refusing {
            until("the alerts say that they wait", &mut daemon, async |daemon| {
                let status = daemon.json("/api/v1/status").await;
                let mut alerts = status["tasks"].as_array().unwrap().iter().filter(|task| task["name"] == "alerts");
                alerts.any(|task| task["last_outcome"] == "failed" && task["error"].as_str().unwrap().contains("lease"))
            })
            .await;
        }
        // A balancer keeps sending webhooks to who can take them.
        assert_eq!(daemon.get("/readyz").await.status, if takes_webhooks { 200 } else { 503 });
        let said = daemon.output().lines().count() - lines;
        assert!(said < 30, "{said} lines about one full disk:\n{}", daemon.output());
        control.disarm();
        until("webhooks are taken", &mut daemon, async |daemon| posted(daemon, "evt_after").await == 200).await;
        until("it is ready", &mut daemon, async |daemon| {
            daemon.get(&format!("/readyz?role={work}")).await.status == 200
        })
        .await;
        daemon.settle().await;
    }
    // Each task has gone on: the seals have come to the end, and every lease is renewed.
    let url = format!("sqlite://{}", daemon.dir().join("mrrd.db").display());
    until("all is sealed", &mut daemon, async |_| {
        let left = "SELECT (SELECT MAX(seq) FROM event) - (SELECT COALESCE(MAX(to_seq), 0) FROM seal)";
        sql::number(&url, left).await == 0
    })
    .await;
    assert_eq!(sql::number(&url, "SELECT COUNT(*) FROM lease WHERE name IN ('reconciler', 'alerts')").await, 2);
    let verified = daemon.command(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

/// A small file system in memory; gone when dropped.
struct Small(tempfile::TempDir);

impl Small {
    /// `None` where this user may not mount one.
    fn mount(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(folder.path()).output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then_some(Self(folder))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

/// Fills a file system to its last byte.
fn fill(path: &Path) {
    use std::io::Write as _;

    let mut file = fs::File::create(path).unwrap();
    for size in [1 << 16, 1 << 10, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_at_start_is_waited_for() {
    let Some(small) = Small::mount(24) else {
        eprintln!("skipped: this user may not mount a file system (root may)");
        return;
    };
    let url = format!("sqlite://{}", small.0.path().join("mrrd.db").display());
    let mut daemon: Daemon = Settings::default().env("MRRD_DATABASE__URL", &url).start().await;
    daemon.accept(subscription("evt_before", "cus_1")).await;
    daemon.kill();
    // What a start has to write: all that is derived.
    for file in ["mrrd.derived.db", "mrrd.derived.db-wal", "mrrd.derived.db-shm"] {
        fs::remove_file(small.0.path().join(file)).unwrap();
    }
    let filler = small.0.path().join("filler");
    fill(&filler);
    let mut daemon = daemon.restart().await;
    assert_eq!(daemon.get("/healthz").await.status, 200);
    assert_eq!(daemon.get("/readyz").await.status, 503);
    assert_eq!(posted(&mut daemon, "evt_full").await, 503);
    daemon.wait_for_output("the disk that the log lies on is full: webhooks are answered 503 until there is room");
    let command = daemon.command(&["replay", "-"]);
    let told = String::from_utf8_lossy(&command.stderr).into_owned();
    assert!(told.contains("the disk that it lies on is full"), "{told}");
    fs::remove_file(&filler).unwrap();
    until("there is room again", &mut daemon, async |daemon| {
        daemon.post(subscription("evt_after", "cus_2")).await.status == 200
    })
    .await;
    daemon.settle().await;
    assert_eq!(sql::number(&url, "SELECT COUNT(*) FROM event").await, 2);
}

/// A daemon that was started again on the full disk can't write that it keeps the ledger: it is no stranger for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_takes_nobody_for_a_stranger_on_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control");
    let control = Control::create(&path);
    let settings = Settings::default()
        .env("LD_PRELOAD", library().to_str().unwrap())
        .env("FAULTS_CONTROL", path.to_str().unwrap());
    let mut daemon = settings.clone().start().await;
    daemon.accept(subscription("evt_before", "cus_1")).await;
    daemon.settle().await;
    daemon.kill();
    control.arm(Fault { file: "/mrrd.db-wal", calls: WRITE, how: How::NoSpace, first: 1, last: u32::MAX });
    let daemon = daemon.restart().await;
    let settings = settings.env("MRRD_SERVER__LISTEN", &daemon.address().to_string());
    let output = mrrd(daemon.dir(), &settings).arg("doctor").output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!told.contains("keeps another ledger"), "{told}");
    assert!(told.contains("the disk is full"), "{told}");
    assert!(told.contains("make room on the disk that the database lies on"), "{told}");
    assert_eq!(output.status.code(), Some(1), "{told}");
}

/// Figures that are behind and stay so: who asks hears why at once, and who signs in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_on_a_full_disk_hears_that_it_is_full() {
    let Some(small) = Small::mount(24) else {
        eprintln!("skipped: this user may not mount a file system (root may)");
        return;
    };
    let url = format!("sqlite://{}", small.0.path().join("mrrd.db").display());
    let mut daemon: Daemon = Settings::default().env("MRRD_DATABASE__URL", &url).start().await;
    daemon.accept(subscription("evt_before", "cus_1")).await;
    daemon.settle().await;
    // Room for some events more, and for less of what is derived from them.
    let filler = small.0.path().join("filler");
    fill(&filler);
    let filled = fs::metadata(&filler).unwrap().len();
    fs::File::options().write(true).open(&filler).unwrap().set_len(filled - 400_000).unwrap();
    let mut n = 0;
    until("the figures are behind and stay so", &mut daemon, async |daemon| {
        n += 1;
        daemon.post(subscription(&format!("evt_{n}"), &format!("cus_more_{n}"))).await;
        daemon.get("/readyz?role=reconciler").await.status == 503
            && daemon.json("/api/v1/status").await["reconciler"]["lag_events"] != 0
    })
    .await;
    // A rebuild would need room as well.
    let output = daemon.command(&["close", "2026-01", "--yes"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("make room") && !told.contains("rebuild"), "{told}");
    for command in [&["report", "mrr"][..], &["quality"]] {
        let output = daemon.command(command);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.starts_with("mrrd: the disk that the ledger lies on is full"), "{command:?}: {told}");
        assert!(told.contains("make room there"), "{command:?}: {told}");
    }
    // The log's files may still take a little; then nobody can be signed in.
    let form = bytes::Bytes::from(format!("token={}", daemon.token()));
    let fields = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let sign_in = async || daemon.stranger().send(http::Method::POST, "/sign-in", &fields, form.clone()).await.unwrap();
    let mut answer = sign_in().await;
    for _ in 0..300 {
        if answer.status != 303 {
            break;
        }
        answer = sign_in().await;
    }
    let page = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, 503, "{page}");
    assert!(page.contains("the disk that the database lies on is full") && page.contains("Make room on it"), "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_system_that_fills_and_empties_loses_nothing() {
    let Some(small) = Small::mount(24) else {
        eprintln!("skipped: this user may not mount a file system (root may)");
        return;
    };
    let url = format!("sqlite://{}", small.0.path().join("mrrd.db").display());
    let mut daemon: Daemon = Settings::default().env("MRRD_DATABASE__URL", &url).start().await;
    let mut acknowledged = 0_i64;
    for round in 0..3 {
        let filler = small.0.path().join("filler");
        fill(&filler);
        // What is left in files that are there already may take some more.
        let since = Instant::now();
        let mut client: Client = daemon.connect();
        for n in 0.. {
            let id = format!("evt_{round}_{n}");
            let body = subscription(&id, &format!("cus_{round}_{n}"));
            match client.post_signed(SECRET, Clock::system().now(), body.into()).await.unwrap().status {
                200 => acknowledged += 1,
                503 => break,
                other => panic!("{other}"),
            }
            assert!(since.elapsed() < PATIENCE * 4, "it never fills");
        }
        if round == 0 {
            // Long enough for every lease to be renewed in vain.
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        fs::remove_file(&filler).unwrap();
        until("there is room again", &mut daemon, async |daemon| {
            daemon.post(event(&format!("evt_room_{round}"))).await.status == 200
        })
        .await;
        acknowledged += 1;
        until("its duplicate is answered", &mut daemon, async |daemon| {
            daemon.post(event(&format!("evt_room_{round}"))).await.status == 200
        })
        .await;
        daemon.settle().await;
    }
    let kept = sql::number(&url, "SELECT COUNT(*) FROM event").await;
    // One that was refused may be there all the same; one that was acknowledged must be.
    assert!(kept >= acknowledged, "{kept} of {acknowledged}");
    let verified = daemon.command(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    drop(daemon);
    tokio::time::sleep(Duration::from_millis(50)).await;
}
