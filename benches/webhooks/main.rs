//! Signed webhooks a second, durable, against the running binary, beside what this machine can do at most.
//!
//! `make bench` prints tables and writes benches/RESULTS.md. Everything goes over loopback with one client; each server
//! is a process of its own. Other work on the machine moves every figure, so what is compared is measured in turns, a
//! second each, and the medians of the rounds are shown: trust the shares more than the rates. `MRRD_BENCH_ROUNDS` says how
//! many rounds, 5 without it; `MRRD_BESIDE` names another build of mrrd to compare with, and then nothing else is measured.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a bench fails by panicking")]
#![allow(clippy::float_arithmetic, reason = "rates and ratios of time, never money")]

#[allow(dead_code, reason = "tests use the rest")]
#[path = "../../tests/it/support/daemon.rs"]
mod daemon;
#[allow(dead_code, reason = "tests use the rest")]
#[path = "../../tests/it/support/postgres.rs"]
mod postgres;

mod beside;
mod build;
mod by_hand;
mod handler;
mod limits;
mod pace;
mod store;
mod supply;
mod writers;

use std::{fmt::Write as _, fs::File, io::Write as _};

use comfy_table::{CellAlignment, Table, presets};
use daemon::{SECRET, Settings};
use handler::Handler;
use limits::{PostgresRow, Server, SqliteRow};
use mrrd::{demo::http::sign, ledger::time::UnixTime};
use pace::{Pace, SPAN};
use supply::{Account, Supply};

/// The size of a usual webhook, for the limits.
const USUAL_BYTES: usize = 5400;
const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];
/// Rounds of each figure, without `MRRD_BENCH_ROUNDS`.
const ROUNDS: usize = 5;

#[tokio::main]
async fn main() {
    limits::serve_if_asked().await;
    let rounds = rounds();
    let account: &'static Account = Box::leak(Box::new(Account::of(100)));
    if let Some(other) = std::env::var_os("MRRD_BESIDE") {
        return println!("{}", beside::compared(other.as_ref(), account, rounds).await);
    }
    let mut report = format!(
        "# Webhooks a second\n\n`make bench` wrote this of {} on: {}. Client and servers share the machine. Webhooks are of {} \
         bytes on average. Each figure is the median of {rounds} rounds of {} s, taken in turns, beside the slowest and the \
         fastest. Every webhook is new, and answered after its commit is flushed (SQLite: `synchronous=FULL`; PostgreSQL: \
         `fsync=on`, `synchronous_commit=on`).\n",
        build::measured(),
        build::machine(),
        account.mean_bytes(),
        SPAN.as_secs(),
    );
    write!(report, "\n{}", webhooks(account, rounds).await).unwrap();
    let supply = Box::leak(Box::new(Supply::of(account)));
    let compared = writers::compared(&postgres::durable_database().await, rounds, supply).await;
    write!(report, "\n{compared}\n").unwrap();
    println!("{report}");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/RESULTS.md");
    std::fs::write(file, &report).unwrap_or_else(|error| panic!("{file} can't be written: {error}"));
}

/// How many rounds are asked for: one proves that the bench goes to its end.
fn rounds() -> usize {
    let asked = std::env::var_os("MRRD_BENCH_ROUNDS");
    asked.map_or(ROUNDS, |rounds| rounds.to_str().and_then(|rounds| rounds.parse().ok()).expect("a number of rounds"))
}

/// The receiver alone, at several numbers of connections, and what it leaves on the disk.
async fn webhooks(account: &'static Account, rounds: usize) -> String {
    let supply = || -> &'static Supply<'static> { Box::leak(Box::new(Supply::of(account))) };
    let dir = tempfile::tempdir().unwrap();
    let body = vec![b'x'; USUAL_BYTES];
    let database = postgres::durable_database().await;
    let receiver = || Settings::default().env("MRRD_SERVER__ROLES", "receiver");
    let over_tcp = postgres::over_tcp(&postgres::durable_database().await);
    let over = |url: &str| receiver().env("MRRD_DATABASE__URL", url);
    let mut daemons = [receiver().start().await, over(&database).start().await, over(&over_tcp).start().await];
    let (third, fourth) = (postgres::durable_database().await, postgres::durable_database().await);
    let fastify =
        [Handler::start("sqlite", dir.path().join("fastify.db").to_str().unwrap()), Handler::start("postgres", &third)];

    let (mut hmac, mut flush, mut sqlite_row, mut postgres_row) = Default::default();
    let mut file = File::create(dir.path().join("append")).unwrap();
    let mut sqlite = SqliteRow::open(&dir.path().join("raw.db")).await;
    let mut postgres = PostgresRow::open(&postgres::durable_database().await).await;
    for _ in 0..rounds {
        Pace::alone(&mut hmac, || drop(sign(SECRET, UnixTime(0), &body)));
        Pace::alone(&mut flush, || {
            file.write_all(&body).unwrap();
            file.sync_data().unwrap();
        });
        sqlite.round(&mut sqlite_row, &body).await;
        postgres.round(&mut postgres_row, &body).await;
    }
    let mut table = Rates::new();
    table.add("HMAC of 5.4 KB, one thread", None, &hmac, None);
    table.add("append of 5.4 KB and fdatasync, one thread", None, &flush, None);
    table.add("SQLite: one durable row of 5.4 KB after the other", None, &sqlite_row, None);
    table.add("PostgreSQL: the same", None, &postgres_row, None);

    let servers = [
        Server::start("bare", ""),
        Server::start("verifying", ""),
        Server::start("sqlite", dir.path().join("by_hand.db").to_str().unwrap()),
        Server::start("postgres", &fourth),
        Server::start("postgres", &postgres::over_tcp(&postgres::durable_database().await)),
    ];
    let server = |at: usize| (servers[at].address, servers[at].pid());
    let by_node = |at: usize| (fastify[at].address, fastify[at].pid());
    let mrrd = |at: usize| (daemons[at].address(), daemons[at].pid());
    // What is held against something names the places of the Rust handler and of Fastify over the same database.
    let targets = [
        ("handler that reads the body", server(0), supply(), None),
        ("handler that verifies it", server(1), supply(), None),
        ("Rust by hand, SQLite", server(2), supply(), None),
        ("Rust by hand, PostgreSQL", server(3), supply(), None),
        ("Rust by hand, PostgreSQL over TCP", server(4), supply(), None),
        ("Fastify, SQLite", by_node(0), supply(), None),
        ("Fastify, PostgreSQL", by_node(1), supply(), None),
        ("mrrd, SQLite", mrrd(0), supply(), Some((2, 5))),
        ("mrrd, PostgreSQL", mrrd(1), supply(), Some((3, 6))),
        ("mrrd, PostgreSQL over TCP", mrrd(2), supply(), Some((4, 6))),
    ];
    let mut paces: [[Pace; 10]; 4] = Default::default();
    for _ in 0..rounds {
        for (connections, paces) in CONNECTIONS.into_iter().zip(&mut paces) {
            for ((_, server, supply, _), pace) in targets.iter().zip(paces) {
                pace.load(*server, connections, supply).await;
            }
        }
    }
    // With all roles a daemon works on after the last answer: each has the machine to itself.
    let second = postgres::durable_database().await;
    let all_roles = [
        ("mrrd with all roles, SQLite", Settings::default(), (2, 5)),
        ("mrrd with all roles, PostgreSQL", Settings::default().env("MRRD_DATABASE__URL", &second), (3, 6)),
    ];
    let mut behind: [[Pace; 2]; 4] = Default::default();
    for (place, (_, settings, _)) in all_roles.iter().enumerate() {
        let (mut daemon, supply) = (settings.clone().start().await, supply());
        for _ in 0..rounds {
            for (connections, paces) in CONNECTIONS.into_iter().zip(&mut behind) {
                paces[place].load((daemon.address(), daemon.pid()), connections, supply).await;
            }
        }
        assert!(daemon.terminate(), "{}", daemon.output());
    }
    for ((connections, paces), behind) in CONNECTIONS.into_iter().zip(&paces).zip(&behind) {
        let beside = |(rust, node): (usize, usize)| (paces[rust].per_second(), paces[node].per_second());
        for ((what, .., against), pace) in targets.iter().zip(paces) {
            table.add(what, Some(connections), pace, against.map(beside));
        }
        for ((what, _, against), pace) in all_roles.iter().zip(behind) {
            table.add(what, Some(connections), pace, Some(beside(*against)));
        }
    }

    let memory = daemons.each_ref().map(|daemon| store::peak_memory(daemon.pid()));
    let by_hand = [servers[2].pid(), servers[3].pid(), fastify[0].pid(), fastify[1].pid()].map(store::peak_memory);
    for daemon in &mut daemons {
        assert!(daemon.terminate(), "{}", daemon.output());
    }
    let mut stored =
        Rates::of(&["what", "events", "bytes of a body", "stored bytes of an event", "share", "peak memory"]);
    let logs = [store::sqlite_log(daemons[0].dir()).await, store::postgres_log(&database).await];
    for ((log, memory), (what, _, supply, _)) in logs.into_iter().zip(memory).zip(&targets[7..]) {
        assert_eq!(log.events, supply.taken(), "{what}: what was answered 200 is in the log");
        let per_event = |bytes: u64| bytes as f64 / log.events as f64;
        stored.row(vec![
            (*what).to_owned(),
            log.events.to_string(),
            format!("{:.0}", per_event(log.body_bytes)),
            format!("{:.0}", per_event(log.stored_bytes)),
            format!("{:.0} %", 100.0 * per_event(log.stored_bytes) / per_event(log.body_bytes)),
            memory,
        ]);
    }
    format!(
        "{table}\n\nWhere nothing else is said mrrd has the role `receiver` alone. \"By hand\" is benches/webhooks/by_hand.rs: it \
         verifies, reads the envelope and commits one row with the raw body for each webhook, in groups of what waits. Fastify \
         is benches/node: Stripe's own library verifies, and one row is committed for each webhook. Neither reads, compresses, \
         digests or seals anything. Processor time is the server's own, without PostgreSQL's.\n\nThe log with its indexes, \
         sealed where it was due; the handlers in Rust held {} (SQLite) and {} (PostgreSQL) at most, Fastify {} and \
         {}.\n\n{stored}\n",
        by_hand[0], by_hand[1], by_hand[2], by_hand[3]
    )
}

/// A table of the report.
struct Rates(Table);

impl Rates {
    fn new() -> Self {
        Self::of(&[
            "what",
            "connections",
            "per second",
            "range",
            "p50 ms",
            "p99 ms",
            "processor µs each",
            "of Rust by hand",
            "of Fastify",
        ])
    }

    fn of(head: &[&str]) -> Self {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN).set_header(head.iter().copied());
        for column in 1..head.len() {
            table.column_mut(column).unwrap().set_cell_alignment(CellAlignment::Right);
        }
        Self(table)
    }

    fn row(&mut self, cells: Vec<String>) {
        self.0.add_row(cells);
    }

    /// A row of what, how many at once, and how fast.
    fn timed(&mut self, what: &str, at_once: usize, pace: &Pace) {
        let mut cells = vec![what.to_owned(), at_once.to_string()];
        cells.extend(times(pace));
        self.row(cells);
    }

    /// With what is compared, in the order of [`Rates::new`]: `against` are the rates of the Rust handler and of Fastify.
    fn add(&mut self, what: &str, connections: Option<usize>, pace: &Pace, against: Option<(f64, f64)>) {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
        let [rate, p50, p99] = times(pace);
        let (slowest, fastest) = pace.range();
        self.row(vec![
            what.to_owned(),
            or_dash(connections.map(|count| count.to_string())),
            rate,
            format!("{slowest:.0}–{fastest:.0}"),
            p50,
            p99,
            or_dash(pace.processor().map(|each| each.as_micros().to_string())),
            or_dash(against.map(|(rust, _)| format!("{:.2}×", pace.per_second() / rust))),
            or_dash(against.map(|(_, node)| format!("{:.1}×", pace.per_second() / node))),
        ]);
    }
}

impl std::fmt::Display for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A rate, and how long half of it and nearly all of it took at most.
fn times(pace: &Pace) -> [String; 3] {
    let millis = |percent| format!("{:.3}", pace.percentile(percent).as_secs_f64() * 1000.0);
    [format!("{:.0}", pace.per_second()), millis(50), millis(99)]
}
