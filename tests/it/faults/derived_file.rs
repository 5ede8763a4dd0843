//! The derived file is damaged or gone, at start or while mrrd runs: it is made again, and webhooks don't notice.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::Path,
};

use super::{subscription, until};
use crate::support::daemon::Daemon;

const DERIVED: &str = "mrrd.derived.db";

/// Bytes that no page of SQLite's holds, over the file from `from` on.
fn damage(path: &Path, from: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len();
    assert!(length > from, "{} has {length} bytes", path.display());
    file.write_all_at(&vec![0xa5; usize::try_from(length - from).unwrap()], from).unwrap();
}

async fn filled() -> Daemon {
    let mut daemon = Daemon::start().await;
    for n in 0..20 {
        daemon.accept(subscription(&format!("evt_{n}"), &format!("cus_{n}"))).await;
    }
    daemon.settle().await;
    daemon
}

/// The figures are those of so many customers, each 10.00 a month.
async fn is_whole(daemon: &mut Daemon, customers: i64) {
    // Until it is, the old one may answer a moment longer, and then nothing does.
    until("the ledger is built again", daemon, async |daemon| {
        let (status, shown) = (daemon.get("/api/v1/status").await, daemon.get("/api/v1/customers?limit=100").await);
        status.status == 200
            && status.json()["reconciler"]["lag_events"] == 0
            && shown.status == 200
            && shown.json()["data"].as_array().is_some_and(|shown| i64::try_from(shown.len()) == Ok(customers))
    })
    .await;
    // The old file may answer once more in between: then there was nothing to compare yet, or the new file had no tables yet,
    // which isn't a difference.
    until("there is something to verify", daemon, async |daemon| {
        let verified = daemon.command(&["verify"]);
        let [said, why] = [&verified.stdout, &verified.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
        let not_yet = said.contains("nothing compared") || why.contains("can't be opened");
        assert!(verified.status.success() || not_yet, "{said}{why}");
        verified.status.success()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_at_start_it_is_set_aside_and_built_again() {
    let mut daemon = filled().await;
    for (round, from) in [0, 4096 * 3].into_iter().enumerate() {
        assert!(daemon.terminate());
        damage(&daemon.dir().join(DERIVED), from);
        daemon = daemon.restart().await;
        // From the first moment.
        daemon.accept(subscription(&format!("evt_more_{round}"), "cus_0")).await;
        is_whole(&mut daemon, 20).await;
        assert!(daemon.dir().join(format!("{DERIVED}.damaged")).exists());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_or_gone_while_mrrd_runs_it_is_built_again() {
    let mut daemon = filled().await;
    // Everything is in the file itself, so that its damage is met.
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    let url = format!("sqlite://{}", daemon.dir().join(DERIVED).display());
    crate::support::sql::run(&url, checkpoint).await.unwrap();
    damage(&daemon.dir().join(DERIVED), 4096);
    for n in 20..40 {
        daemon.accept(subscription(&format!("evt_{n}"), &format!("cus_{n}"))).await;
    }
    until("it is set aside", &mut daemon, async |daemon| {
        // Whoever asks meets the damage, if the reconciler hasn't.
        daemon.get("/api/v1/mrr").await;
        daemon.dir().join(format!("{DERIVED}.damaged")).exists()
    })
    .await;
    is_whole(&mut daemon, 40).await;

    // As the documents say one may.
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(daemon.dir().join(format!("{DERIVED}{suffix}")));
    }
    daemon.accept(subscription("evt_40", "cus_40")).await;
    until("a new one is made", &mut daemon, async |daemon| daemon.dir().join(DERIVED).exists()).await;
    is_whole(&mut daemon, 41).await;
}
