//! PostgreSQL fails over to its standby: the address stays, the server behind it is another one.

use std::{
    os::unix::fs::symlink,
    time::{Duration, Instant},
};

use super::away::{Posted, accepted_at_last, cluster, database, serving};
use crate::{
    serving::webhooks::event,
    support::{postgres::Cluster, sql},
};

/// What an address that moves is elsewhere: a folder whose socket is now the one server's, now the other's.
struct Address(tempfile::TempDir);

impl Address {
    fn of(cluster: &Cluster) -> Self {
        let address = Self(tempfile::tempdir().unwrap());
        address.move_to(cluster);
        address
    }

    fn move_to(&self, cluster: &Cluster) {
        let (fresh, socket) = (self.0.path().join("fresh"), self.0.path().join(".s.PGSQL.5432"));
        symlink(cluster.socket(), &fresh).unwrap();
        std::fs::rename(fresh, socket).unwrap();
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost:5432/{database}?host={}", self.0.path().display())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_with_the_primary() {
    let primary = cluster();
    let url = database(&primary, "moving").await;
    let standby = tokio::task::block_in_place(|| primary.standby());
    // From here on a commit is acknowledged when the standby has it too, as whoever relies on failover sets it.
    let together = "ALTER SYSTEM SET synchronous_standby_names = '*'";
    sql::run(&url, together).await.unwrap();
    sql::run(&url, "SELECT pg_reload_conf()").await.unwrap();
    let address = Address::of(&primary);
    let mut daemon = serving(&address.url("moving")).await;
    daemon.accept(event("evt_before")).await;

    let posted = Posted::begin(&daemon, 300);
    let since = Instant::now();
    while posted.taken_in() < 20 {
        assert!(since.elapsed() < Duration::from_secs(60), "nothing is taken in");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::task::block_in_place(|| {
        primary.stop();
        standby.promote();
    });
    address.move_to(&standby);
    accepted_at_last(&mut daemon, event("evt_after")).await;
    let ids = posted.all_are_kept(&mut daemon).await;
    assert!(ids.contains("evt_before") && ids.contains("evt_after"));
    // And on the server that is left, not on the one that is gone.
    let kept = sql::number(&standby.url("moving"), "SELECT COUNT(*) FROM event").await;
    assert_eq!(usize::try_from(kept).unwrap(), ids.len());
}
