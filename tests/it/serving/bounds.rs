//! Bounds and ends: slow clients are cut, a full house says so, and a stop loses nothing that was acknowledged.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use mrrd::clock::Clock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::webhooks::event;
use crate::support::daemon::{Daemon, SECRET, Settings, TOKEN};

/// Sends `text`, then waits for the other side to close; answers what it said and how long it took.
async fn left_open(daemon: &Daemon, text: &str) -> (String, Duration) {
    let mut stream = TcpStream::connect(daemon.address()).await.unwrap();
    let since = Instant::now();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut said)).await;
    assert!(closed.is_ok(), "still open after {:?}", since.elapsed());
    (String::from_utf8_lossy(&said).into_owned(), since.elapsed())
}

#[tokio::test]
async fn unfinished_heads_and_bodies_are_cut() {
    let daemon = Settings::default()
        .env("MRRD_SERVER__HEADER_TIMEOUT_SECONDS", "1")
        .env("MRRD_SERVER__BODY_TIMEOUT_SECONDS", "1")
        .start()
        .await;
    let (_, took) = left_open(&daemon, "POST /webhooks/stripe HTTP/1.1\r\nhost: x\r\n").await;
    assert!(took >= Duration::from_millis(900), "cut after {took:?}");
    let (_, took) = left_open(&daemon, "").await;
    assert!(took >= Duration::from_millis(900), "cut after {took:?}");
    let slow = "POST /webhooks/stripe HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";
    let (said, _) = left_open(&daemon, slow).await;
    assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("urn:mrrd:problem:body-too-slow"), "{said}");
}

#[tokio::test]
async fn a_client_that_leaves_its_answers_unread_is_cut() {
    let mut daemon = Settings::default()
        .env("MRRD_SERVER__HEADER_TIMEOUT_SECONDS", "300")
        .env("MRRD_SERVER__WRITE_TIMEOUT_SECONDS", "1")
        .start()
        .await;
    let mut stream = TcpStream::connect(daemon.address()).await.unwrap();
    let request = format!("GET /api/openapi.json HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n\r\n");
    // Nothing is read: once the system holds no more answers, the server can't write and reads no more requests.
    let asking = async { while stream.write_all(request.as_bytes()).await.is_ok() {} };
    let since = Instant::now();
    assert!(
        tokio::time::timeout(Duration::from_secs(30), asking).await.is_ok(),
        "still open after {:?}",
        since.elapsed()
    );
    let metrics = daemon.get("/metrics").await;
    let text = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(text.contains("mrrd_connections_refused_total{reason=\"slow\"} 1"), "{text}");
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    use sqlx::Connection;
    let daemon = Settings::default().env("MRRD_SERVER__MAX_CONNECTIONS", "1").start().await;
    // A webhook that waits for its commit is at work, and gives way to nobody.
    let url = format!("sqlite://{}", daemon.dir().join("mrrd.db").display());
    let mut lock = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut lock).await.unwrap();
    let body = event("evt_1");
    let signature = mrrd::demo::http::sign(SECRET, Clock::system().now(), body.as_bytes());
    let mut at_work = TcpStream::connect(daemon.address()).await.unwrap();
    let head = format!(
        "POST /webhooks/stripe HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\
         stripe-signature: {signature}\r\n\r\n",
        body.len()
    );
    at_work.write_all(head.as_bytes()).await.unwrap();
    let mut told = [0; 25];
    at_work.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n", "its head is read");
    at_work.write_all(body.as_bytes()).await.unwrap();
    let (said, _) = left_open(&daemon, "").await;
    assert!(said.starts_with("HTTP/1.1 503 ") && said.contains("retry-after: "), "{said}");
    // The one that is at work goes on.
    sqlx::query("ROLLBACK").execute(&mut lock).await.unwrap();
    let mut answer = String::new();
    at_work.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn who_idles_keeps_no_webhook_out() {
    let daemon = Settings::default()
        .env("MRRD_SERVER__MAX_CONNECTIONS", "64")
        .env("MRRD_SERVER__HEADER_TIMEOUT_SECONDS", "300")
        .start()
        .await;
    let mut idle = Vec::new();
    for number in 0..400 {
        let mut stream = TcpStream::connect(daemon.address()).await.unwrap();
        // Some say nothing at all, some never end what they say.
        if number % 2 == 0 {
            stream.write_all(b"POST /webhooks/stripe HTTP/1.1\r\nhost: x\r\n").await.unwrap();
        }
        idle.push(stream);
    }
    for number in 0..20 {
        let body = event(&format!("evt_{number}"));
        let answer = daemon.connect().post_signed(SECRET, Clock::system().now(), body.into()).await.unwrap();
        assert_eq!(answer.status, 200);
    }
    let metrics = daemon.connect().get("/metrics").await.unwrap();
    let text = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(text.contains("mrrd_connections_refused_total{reason=\"idle\"}"), "{text}");
    drop(idle);
}

#[tokio::test]
async fn bodies_that_do_not_arrive_keep_no_webhook_out() {
    let daemon = Settings::default()
        .env("MRRD_SERVER__MAX_CONNECTIONS", "16")
        .env("MRRD_SERVER__BODY_TIMEOUT_SECONDS", "300")
        .start()
        .await;
    let mut slow = Vec::new();
    for _ in 0..16 {
        let mut stream = TcpStream::connect(daemon.address()).await.unwrap();
        let text = "POST /webhooks/stripe HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";
        stream.write_all(text.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    let since = Instant::now();
    loop {
        let posted = daemon.connect().post_signed(SECRET, Clock::system().now(), event("evt_1").into()).await;
        match posted {
            Ok(answer) if answer.status == 200 => break,
            // Told to come again, as Stripe does.
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
        assert!(since.elapsed() < Duration::from_secs(20), "no webhook gets through");
    }
    drop(slow);
}

/// The most memory a process has held, in MiB.
#[cfg(target_os = "linux")]
fn most_memory(daemon: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn unfinished_bodies_share_a_budget_and_webhooks_get_through() {
    const LENGTH: usize = 900_000;
    let mut daemon = Settings::default().env("MRRD_SERVER__BODY_TIMEOUT_SECONDS", "300").start().await;
    daemon.accept(event("evt_0")).await;
    let before = most_memory(&daemon);
    let text = format!("POST /webhooks/stripe HTTP/1.1\r\nhost: x\r\ncontent-length: {LENGTH}\r\n\r\n");
    let mut senders = Vec::new();
    for _ in 0..600 {
        let (address, text) = (daemon.address(), text.clone());
        senders.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // It may be cut meanwhile: others need its room.
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.write_all(&vec![b' '; LENGTH - 1]).await;
            stream
        }));
    }
    let mut streams = Vec::new();
    for sender in senders {
        streams.push(sender.await.unwrap());
    }
    // A large one of Stripe's own as well.
    for (id, padding) in [("evt_1", 0), ("evt_2", 900_000)] {
        let body = event(id).replace("\"data\":{", &format!("\"padding\":\"{}\",\"data\":{{", "x".repeat(padding)));
        daemon.accept(body).await;
    }
    let grown = most_memory(&daemon) - before;
    assert!(grown < 250, "600 unfinished bodies took {grown} MiB");
    drop(streams);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_log_is_locked_nothing_is_acknowledged_and_a_full_queue_says_so() {
    use sqlx::Connection;
    let mut daemon = Settings::default().env("MRRD_SERVER__MAX_QUEUED_EVENTS", "1").start().await;
    daemon.accept(event("evt_0")).await;
    let url = format!("sqlite://{}", daemon.dir().join("mrrd.db").display());
    let mut lock = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut lock).await.unwrap();
    let posts: Vec<_> = (1..=6)
        .map(|number| {
            let mut connection = daemon.connect();
            tokio::spawn(async move {
                let body = event(&format!("evt_{number}"));
                connection.post_signed(SECRET, Clock::system().now(), body.into()).await.unwrap()
            })
        })
        .collect();
    tokio::task::block_in_place(|| daemon.wait_for_output("queue-full"));
    sqlx::query("ROLLBACK").execute(&mut lock).await.unwrap();
    let mut statuses = Vec::new();
    for post in posts {
        let answer = post.await.unwrap();
        if answer.status == 503 {
            assert!(answer.headers.contains_key("retry-after"));
            assert_eq!(answer.json()["type"], "urn:mrrd:problem:queue-full");
        }
        statuses.push(answer.status);
    }
    let taken = statuses.iter().filter(|status| **status == 200).count();
    assert!((1..6).contains(&taken) && statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    let log = daemon.json("/api/v1/status").await["log"]["events"].as_u64();
    assert_eq!(log, Some(1 + taken as u64));
}

/// Posts from eight connections until each is refused or cut; answers the ids that were acknowledged.
fn load(daemon: &Daemon) -> (Arc<Mutex<BTreeSet<String>>>, Vec<tokio::task::JoinHandle<()>>) {
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let tasks = (0..8).map(|task| {
        let (mut connection, acknowledged) = (daemon.connect(), acknowledged.clone());
        tokio::spawn(async move {
            for number in 0.. {
                let id = format!("evt_{task}_{number}");
                match connection.post_signed(SECRET, Clock::system().now(), event(&id).into()).await {
                    Ok(answer) if answer.status == 200 => drop(acknowledged.lock().unwrap().insert(id)),
                    _ => return,
                }
            }
        })
    });
    let tasks = tasks.collect();
    (acknowledged, tasks)
}

async fn until_under_load(acknowledged: &Mutex<BTreeSet<String>>) {
    let since = Instant::now();
    while acknowledged.lock().unwrap().len() < 50 {
        assert!(since.elapsed() < Duration::from_secs(30), "too few webhooks got through");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn in_the_log(daemon: &Daemon) -> BTreeSet<String> {
    let listed = daemon.command(&["events", "list", "--limit", "1000000", "--json"]);
    assert!(listed.status.success());
    let text = String::from_utf8(listed.stdout).unwrap();
    let id = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    text.lines().map(id).collect()
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_ends_with_0_and_loses_nothing() {
    let mut daemon = Daemon::start().await;
    let (acknowledged, tasks) = load(&daemon);
    until_under_load(&acknowledged).await;
    assert!(tokio::task::block_in_place(|| daemon.terminate()));
    for task in tasks {
        task.await.unwrap();
    }
    let (acknowledged, log) = (acknowledged.lock().unwrap().clone(), in_the_log(&daemon));
    assert!(acknowledged.is_subset(&log), "lost: {:?}", acknowledged.difference(&log).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_under_load_loses_nothing_acknowledged() {
    let mut daemon = Daemon::start().await;
    let (acknowledged, tasks) = load(&daemon);
    until_under_load(&acknowledged).await;
    daemon.kill();
    for task in tasks {
        task.await.unwrap();
    }
    let (acknowledged, log) = (acknowledged.lock().unwrap().clone(), in_the_log(&daemon));
    assert!(acknowledged.is_subset(&log), "lost: {:?}", acknowledged.difference(&log).collect::<Vec<_>>());
}
