//! PostgreSQL away, restarted, out of connections, slow: 503 and `Retry-After`, nothing lost, and well again by itself.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use mrrd::{clock::Clock, demo::http::Answer};
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinHandle;

use crate::{
    serving::webhooks::event,
    support::{
        daemon::{Daemon, SECRET, Settings},
        postgres::Cluster,
        sql,
    },
};

/// So many connections the server has; five processes of mrrd would need more.
const CONNECTIONS: usize = 20;

pub(super) fn cluster() -> Cluster {
    tokio::task::block_in_place(|| {
        Cluster::start(&format!(
            "-c fsync=off -c shared_buffers=16MB -c superuser_reserved_connections=0 -c max_connections={CONNECTIONS}"
        ))
    })
}

pub(super) async fn database(cluster: &Cluster, name: &'static str) -> String {
    sql::run(&cluster.url("postgres"), &format!("CREATE DATABASE {name}")).await.unwrap();
    cluster.url(name)
}

pub(super) async fn serving(url: &str) -> Daemon {
    Settings::default().env("MRRD_DATABASE__URL", url).start().await
}

/// A refusal that Stripe comes again after.
fn is_told_to_come_again(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", String::from_utf8_lossy(&answer.body));
    let after = answer.headers.get("retry-after").expect("Retry-After").to_str().unwrap();
    assert!(after.parse::<u32>().unwrap() > 0);
}

async fn is_not_ready(daemon: &mut Daemon) {
    is_told_to_come_again(&daemon.get("/readyz").await);
    assert_eq!(daemon.get("/healthz").await.status, 200, "the process lives");
}

/// Sessions that began read-only are thrown away within a second or two of the last refusal.
async fn is_ready_at_last(daemon: &mut Daemon) {
    let since = Instant::now();
    while daemon.get("/readyz").await.status != 200 {
        assert!(since.elapsed() < Duration::from_secs(30), "never ready again:\n{}", daemon.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Posts until it is taken in, and says how long that took.
pub(super) async fn accepted_at_last(daemon: &mut Daemon, body: String) -> Duration {
    let since = Instant::now();
    loop {
        let answer = daemon.post(body.clone()).await;
        if answer.status == 200 {
            return since.elapsed();
        }
        is_told_to_come_again(&answer);
        assert!(since.elapsed() < Duration::from_secs(30), "never well again:\n{}", daemon.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn logged(url: &str) -> i64 {
    sql::number(url, "SELECT COUNT(*) FROM event").await
}

/// All others' connections to the database end, as an administrator or a failover would end them.
async fn terminate(url: &str) {
    let others = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
                  WHERE application_name = 'mrrd' AND datname = current_database()";
    sql::number(url, others).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn away_at_start_and_restarted_under_way() {
    let cluster = cluster();
    let url = database(&cluster, "restarted").await;
    tokio::task::block_in_place(|| cluster.stop());
    let mut daemon = serving(&url).await;
    is_told_to_come_again(&daemon.post(event("evt_1")).await);
    is_not_ready(&mut daemon).await;
    tokio::task::block_in_place(|| cluster.start_again());
    accepted_at_last(&mut daemon, event("evt_1")).await;
    is_ready_at_last(&mut daemon).await;

    tokio::task::block_in_place(|| cluster.stop());
    is_told_to_come_again(&daemon.post(event("evt_2")).await);
    is_not_ready(&mut daemon).await;
    tokio::task::block_in_place(|| cluster.start_again());
    accepted_at_last(&mut daemon, event("evt_2")).await;
    assert_eq!(logged(&url).await, 2);
    daemon.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_connections_behind_a_lock_and_cut_off() {
    let cluster = cluster();
    let url = database(&cluster, "short").await;
    let mut daemon = serving(&url).await;
    daemon.accept(event("evt_1")).await;

    // Somebody else has every connection. One that was ended keeps its place a moment longer than it is listed, so that
    // having them all is the only sure sign.
    let mut greedy = PgConnection::connect(&cluster.url("postgres")).await.unwrap();
    let mut hoard = Vec::new();
    let since = Instant::now();
    while hoard.len() < CONNECTIONS - 1 {
        assert!(since.elapsed() < Duration::from_secs(30), "only {} connections to be had", hoard.len());
        match PgConnection::connect(&cluster.url("postgres")).await {
            Ok(connection) => hoard.push(connection),
            Err(_) => {
                let ours =
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mrrd' LIMIT 1";
                sqlx::query_scalar::<_, bool>(ours).fetch_optional(&mut greedy).await.unwrap();
            }
        }
    }
    is_told_to_come_again(&daemon.post(event("evt_2")).await);
    is_not_ready(&mut daemon).await;
    drop(hoard);
    accepted_at_last(&mut daemon, event("evt_2")).await;
    is_ready_at_last(&mut daemon).await;

    // Somebody else holds a lock on the log and sits on it: slow, as far as an append can tell.
    let mut lock = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE event").execute(&mut lock).await.unwrap();
    let (mut posting, mut asking) = (daemon.connect(), daemon.connect());
    let (posted, asked) =
        tokio::join!(posting.post_signed(SECRET, Clock::system().now(), event("evt_3").into()), asking.get("/readyz"),);
    is_told_to_come_again(&posted.unwrap());
    is_told_to_come_again(&asked.unwrap());
    sqlx::raw_sql("COMMIT").execute(&mut lock).await.unwrap();
    accepted_at_last(&mut daemon, event("evt_3")).await;

    // Connections cut again and again under load: what is answered 200 is in the log.
    let posted = Posted::begin(&daemon, 100);
    while !posted.is_done() {
        terminate(&url).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let ids = posted.all_are_kept(&mut daemon).await;
    assert!(ids.contains("evt_1") && ids.contains("evt_2") && ids.contains("evt_3"));
}

/// Whoever asked is told when a question's time is over; the server would go on with its statement for as long as that takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_statement_outlives_its_question() {
    let cluster = cluster();
    let url = database(&cluster, "outlived").await;
    let mut daemon = serving(&url).await;
    daemon.accept(event("evt_1")).await;
    daemon.settle().await;
    let mut lock = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE customer_name").execute(&mut lock).await.unwrap();
    let answer = daemon.get("/api/v1/customers?q=nobody").await;
    assert_eq!(answer.status, 503, "{}", String::from_utf8_lossy(&answer.body));
    let since = Instant::now();
    let asked = "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE '%customer_name%w.search LIKE%'
                 AND state = 'active' AND pid <> pg_backend_pid()";
    while sql::number(&url, asked).await != 0 {
        assert!(since.elapsed() < Duration::from_secs(20), "it is still asked");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    sqlx::raw_sql("COMMIT").execute(&mut lock).await.unwrap();
    assert_eq!(daemon.get("/api/v1/customers?q=nobody").await.status, 200);
}

/// Waits until sessions that begin now are read-only, or aren't: a server takes a new setting in when it gets round to it.
async fn is_read_only(url: &str, expected: bool) {
    let since = Instant::now();
    let asked = "SELECT COUNT(*) FROM pg_settings WHERE name = 'default_transaction_read_only' AND setting = 'on'";
    while (sql::number(url, asked).await == 1) != expected {
        assert!(since.elapsed() < Duration::from_secs(30), "the setting never comes into force");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_only_by_its_settings_or_by_its_sessions() {
    let cluster = cluster();
    let url = database(&cluster, "read_only").await;
    let mut daemon = serving(&url).await;
    daemon.accept(event("evt_1")).await;
    let admin = cluster.url("postgres");
    let server =
        ("ALTER SYSTEM SET default_transaction_read_only = on", "ALTER SYSTEM RESET default_transaction_read_only");
    // Sessions that began meanwhile stay read-only for as long as they last.
    let sessions =
        ("ALTER DATABASE read_only SET default_transaction_read_only = on", "ALTER DATABASE read_only RESET ALL");
    for (number, (on, off)) in [server, sessions].into_iter().enumerate() {
        sql::run(&admin, on).await.unwrap();
        sql::run(&admin, "SELECT pg_reload_conf()").await.unwrap();
        is_read_only(&url, true).await;
        terminate(&url).await;
        // The first refusal may still be of a connection that was cut; from the second on it is of a read-only one.
        let since = Instant::now();
        let mut refused = 0;
        while refused < 2 {
            let answer = daemon.post(event(&format!("evt_{number}_{}", since.elapsed().as_micros()))).await;
            if answer.status == 503 {
                refused += 1;
            }
            assert!(since.elapsed() < Duration::from_secs(30), "it goes on writing");
        }
        is_not_ready(&mut daemon).await;
        sql::run(&admin, off).await.unwrap();
        sql::run(&admin, "SELECT pg_reload_conf()").await.unwrap();
        is_read_only(&url, false).await;
        accepted_at_last(&mut daemon, event(&format!("evt_after_{number}"))).await;
        daemon.settle().await;
        is_ready_at_last(&mut daemon).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg(target_os = "linux")]
async fn standing_still_it_is_away_and_loses_nothing() {
    let cluster = cluster();
    let url = database(&cluster, "still").await;
    let mut daemon = serving(&url).await;
    daemon.accept(event("evt_1")).await;
    let posted = Posted::begin(&daemon, 100);
    while posted.taken_in() < 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::task::block_in_place(|| cluster.pause());
    is_told_to_come_again(&daemon.post(event("evt_2")).await);
    is_not_ready(&mut daemon).await;
    tokio::task::block_in_place(|| cluster.go_on());
    accepted_at_last(&mut daemon, event("evt_2")).await;
    let ids = posted.all_are_kept(&mut daemon).await;
    assert!(ids.contains("evt_1") && ids.contains("evt_2"));
}

/// Events posted one after the other, whatever comes of each.
pub(super) struct Posted {
    answered: Arc<Mutex<BTreeSet<String>>>,
    task: JoinHandle<()>,
}

impl Posted {
    pub(super) fn begin(daemon: &Daemon, count: usize) -> Self {
        let answered = Arc::new(Mutex::new(BTreeSet::new()));
        let (mut client, kept) = (daemon.connect(), answered.clone());
        let task = tokio::spawn(async move {
            for number in 0..count {
                let id = format!("evt_under_way_{number}");
                if let Ok(answer) = client.post_signed(SECRET, Clock::system().now(), event(&id).into()).await {
                    match answer.status {
                        200 => drop(kept.lock().unwrap().insert(id)),
                        _ => is_told_to_come_again(&answer),
                    }
                }
            }
        });
        Self { answered, task }
    }

    pub(super) fn is_done(&self) -> bool {
        self.task.is_finished()
    }

    pub(super) fn taken_in(&self) -> usize {
        self.answered.lock().unwrap().len()
    }

    /// Once the daemon is well again, everything it answered 200 is in the log; the ids of all that is.
    pub(super) async fn all_are_kept(self, daemon: &mut Daemon) -> BTreeSet<String> {
        self.task.await.unwrap();
        accepted_at_last(daemon, event("evt_last")).await;
        daemon.settle().await;
        let page: Value = daemon.json("/api/v1/events?limit=1000").await;
        let ids = page["data"].as_array().unwrap().iter().filter_map(|event| event["id"].as_str().map(str::to_owned));
        let ids: BTreeSet<String> = ids.collect();
        let answered = self.answered.lock().unwrap();
        assert!(answered.len() > 10, "{}", answered.len());
        assert!(answered.is_subset(&ids), "answered and lost: {:?}", answered.difference(&ids).collect::<Vec<_>>());
        ids
    }
}
