//! Signed webhooks a second, durable, against the running binary, beside what this machine can do at most.
//!
//! `cargo bench --bench webhooks` prints a table and writes benches/RESULTS.md. Everything goes over loopback with one
//! client; the daemon is a process of its own. Each figure is taken over a few seconds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a bench fails by panicking")]
#![expect(clippy::float_arithmetic, reason = "rates and ratios of time, never money")]

#[allow(dead_code, reason = "tests use the rest")]
#[path = "../tests/it/support/daemon.rs"]
mod daemon;

use std::{
    fs::File,
    io::Write,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, routing::post};
use bytes::Bytes;
use comfy_table::{CellAlignment, Table, presets};
use daemon::{Daemon, SECRET};
use mrrd::{
    clock::Clock,
    demo::{
        Simulator,
        http::{Client, sign},
    },
    ledger::time::UnixTime,
};

/// How long each figure is taken over.
const SPAN: Duration = Duration::from_secs(3);
/// The size of a usual webhook, for the limits.
const USUAL_BYTES: usize = 5400;
const CONNECTIONS: [usize; 3] = [1, 16, 64];

/// How fast something went.
struct Pace {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

impl Pace {
    fn of(mut latencies: Vec<Duration>, took: Duration) -> Self {
        latencies.sort_unstable();
        let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
        Self { per_second: latencies.len() as f64 / took.as_secs_f64(), p50: at(50), p99: at(99) }
    }
}

/// Distinct webhooks: one simulated account, and as many twins of it as there are letters.
struct Supply {
    bodies: Vec<Bytes>,
    next: AtomicUsize,
}

impl Supply {
    fn new() -> Self {
        let mut account = Simulator::new(1, 60, UnixTime(1_704_067_200), UnixTime(1_767_225_600));
        let events = account.advance(UnixTime(1_767_225_600));
        Self { bodies: events.into_iter().map(|event| event.body).collect(), next: AtomicUsize::new(0) }
    }

    /// The next webhook; its ids are of its twin: every generated id has `_T` or `_1T` in it.
    fn take(&self) -> Bytes {
        let place = self.next.fetch_add(1, Ordering::Relaxed);
        let twin = b"TABCDEFGHIJKLMNOPQRSUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"[place / self.bodies.len() % 62];
        let mut body = self.bodies[place % self.bodies.len()].to_vec();
        for at in 1..body.len().saturating_sub(1) {
            if body[at + 1] == b'T' && (body[at] == b'_' || (body[at] == b'1' && body[at - 1] == b'_')) {
                body[at + 1] = twin;
            }
        }
        body.into()
    }

    fn mean_bytes(&self) -> usize {
        self.bodies.iter().map(Bytes::len).sum::<usize>() / self.bodies.len()
    }
}

/// Posts for [`SPAN`] over so many connections; every answer must be 200.
async fn load(address: SocketAddr, connections: usize, supply: &Arc<Supply>) -> Pace {
    let since = Instant::now();
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let supply = Arc::clone(supply);
        senders.spawn(async move {
            let (mut client, clock, mut latencies) = (Client::new(address), Clock::system(), Vec::new());
            while since.elapsed() < SPAN {
                let body = supply.take();
                let begun = Instant::now();
                let answer = client.post_signed(SECRET, clock.now(), body).await.unwrap();
                latencies.push(begun.elapsed());
                assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
            }
            latencies
        });
    }
    let latencies = senders.join_all().await.concat();
    Pace::of(latencies, since.elapsed())
}

/// Runs `work` for [`SPAN`] on one thread.
fn alone(mut work: impl FnMut()) -> Pace {
    let (since, mut latencies) = (Instant::now(), Vec::new());
    while since.elapsed() < SPAN {
        let begun = Instant::now();
        work();
        latencies.push(begun.elapsed());
    }
    Pace::of(latencies, since.elapsed())
}

/// A handler that reads the body and answers, and does nothing else.
async fn bare() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().route("/webhooks/stripe", post(async |_: Bytes| r#"{"received":true}"#));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |cpu| cpu.1);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("?");
    format!("{cpu}, {cores} cores, Linux {}, load {load} before", read("/proc/sys/kernel/osrelease").trim())
}

#[tokio::main]
async fn main() {
    let machine = machine();
    let supply = Arc::new(Supply::new());
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header([
        "what",
        "connections",
        "per second",
        "p50 ms",
        "p99 ms",
        "of the limit",
    ]);
    for column in 1..=5 {
        table.column_mut(column).unwrap().set_cell_alignment(CellAlignment::Right);
    }
    let millis = |time: Duration| format!("{:.3}", time.as_secs_f64() * 1000.0);
    let mut row = |what: &str, connections: &str, pace: &Pace, limit: Option<f64>| {
        let share = limit.map_or_else(|| "–".to_owned(), |limit| format!("{:.0} %", 100.0 * pace.per_second / limit));
        let rate = format!("{:.0}", pace.per_second);
        table.add_row([what, connections, &rate, &millis(pace.p50), &millis(pace.p99), &share]);
    };

    let body = vec![b'x'; USUAL_BYTES];
    row("HMAC of 5.4 KB, one thread", "–", &alone(|| drop(sign(SECRET, UnixTime(0), &body))), None);
    let dir = tempfile::tempdir().unwrap();
    let mut file = File::create(dir.path().join("append")).unwrap();
    let flushed = alone(|| {
        file.write_all(&body).unwrap();
        file.sync_data().unwrap();
    });
    row("append 5.4 KB + fdatasync, one thread", "–", &flushed, None);

    let bare = bare().await;
    let mut limits = Vec::new();
    for connections in CONNECTIONS {
        let pace = load(bare, connections, &supply).await;
        row("bare handler, nothing verified or kept", &connections.to_string(), &pace, None);
        limits.push(pace.per_second);
    }
    let daemon = Daemon::start().await;
    for (connections, limit) in CONNECTIONS.into_iter().zip(limits) {
        let pace = load(daemon.address(), connections, &supply).await;
        row("mrrd: verified, read, durable", &connections.to_string(), &pace, Some(limit));
    }

    let text = format!(
        "# Webhooks a second\n\n`make bench` wrote this on: {machine}. Client and server share the machine; webhooks are of \
         {} bytes on average; SQLite, `synchronous=FULL`; each figure over {} s. “Of the limit” is against the bare \
         handler at as many connections.\n\n{table}\n",
        supply.mean_bytes(),
        SPAN.as_secs(),
    );
    println!("{text}");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/RESULTS.md");
    std::fs::write(file, &text).unwrap_or_else(|error| panic!("{file} can't be written: {error}"));
}
