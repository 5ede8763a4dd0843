//! Signed webhooks a second, durable, against the running binary, beside what this machine can do at most.
//!
//! `make bench` prints tables and writes benches/RESULTS.md. Everything goes over loopback with one client; each server
//! is a process of its own. Other work on the machine moves every figure, so what is compared is measured in turns, a
//! second each, and the medians of the rounds are shown: trust the shares more than the rates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a bench fails by panicking")]
#![allow(clippy::float_arithmetic, reason = "rates and ratios of time, never money")]

#[allow(dead_code, reason = "tests use the rest")]
#[path = "../../tests/it/support/daemon.rs"]
mod daemon;
#[allow(dead_code, reason = "tests use the rest")]
#[path = "../../tests/it/support/postgres.rs"]
mod postgres;

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
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() {
    limits::serve_if_asked().await;
    let account: &'static Account = Box::leak(Box::new(Account::of(100)));
    let mut report = format!(
        "# Webhooks a second\n\n`make bench` wrote this on: {}, with the build that is shipped (profile `dist`). Client and \
         servers share the machine. Webhooks are of {} bytes on average. Each figure is the median of {ROUNDS} rounds of {} \
         s, taken in turns. Every webhook is new, and answered after its commit is flushed (SQLite: `synchronous=FULL`; \
         PostgreSQL: `fsync=on`, `synchronous_commit=on`).\n",
        machine(),
        account.mean_bytes(),
        SPAN.as_secs(),
    );
    write!(report, "\n{}", webhooks(account).await).unwrap();
    let supply = Box::leak(Box::new(Supply::of(account)));
    let compared = writers::compared(&postgres::durable_database().await, ROUNDS, supply).await;
    write!(report, "\n{compared}\n").unwrap();
    println!("{report}");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/RESULTS.md");
    std::fs::write(file, &report).unwrap_or_else(|error| panic!("{file} can't be written: {error}"));
}

/// The receiver alone, at several numbers of connections, and what it leaves on the disk.
async fn webhooks(account: &'static Account) -> String {
    let supply = || -> &'static Supply<'static> { Box::leak(Box::new(Supply::of(account))) };
    let dir = tempfile::tempdir().unwrap();
    let body = vec![b'x'; USUAL_BYTES];
    let database = postgres::durable_database().await;
    let receiver = || Settings::default().env("MRRD_SERVER__ROLES", "receiver");
    let mut daemons = [receiver().start().await, receiver().env("MRRD_DATABASE__URL", &database).start().await];
    let third = postgres::durable_database().await;
    let handlers =
        [Handler::start("sqlite", dir.path().join("handler.db").to_str().unwrap()), Handler::start("postgres", &third)];

    let (mut hmac, mut flush, mut sqlite_row, mut postgres_row) = Default::default();
    let mut file = File::create(dir.path().join("append")).unwrap();
    let mut sqlite = SqliteRow::open(&dir.path().join("raw.db")).await;
    let mut postgres = PostgresRow::open(&postgres::durable_database().await).await;
    for _ in 0..ROUNDS {
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

    let servers = [Server::start("bare"), Server::start("verifying")];
    let targets = [
        ("handler that reads the body", servers[0].address, supply()),
        ("handler that verifies it", servers[1].address, supply()),
        ("Fastify, SQLite", handlers[0].address, supply()),
        ("Fastify, PostgreSQL", handlers[1].address, supply()),
        ("mrrd, SQLite", daemons[0].address(), supply()),
        ("mrrd, PostgreSQL", daemons[1].address(), supply()),
    ];
    let mut paces: [[Pace; 6]; 4] = Default::default();
    for _ in 0..ROUNDS {
        for (connections, paces) in CONNECTIONS.into_iter().zip(&mut paces) {
            for ((_, address, supply), pace) in targets.iter().zip(paces) {
                pace.load(*address, connections, supply).await;
            }
        }
    }
    // With all roles a daemon works on after the last answer: each has the machine to itself.
    let second = postgres::durable_database().await;
    let all_roles = [Settings::default(), Settings::default().env("MRRD_DATABASE__URL", &second)];
    let mut behind: [[Pace; 2]; 4] = Default::default();
    for (place, settings) in all_roles.into_iter().enumerate() {
        let (mut daemon, supply) = (settings.start().await, supply());
        for _ in 0..ROUNDS {
            for (connections, paces) in CONNECTIONS.into_iter().zip(&mut behind) {
                paces[place].load(daemon.address(), connections, supply).await;
            }
        }
        assert!(daemon.terminate(), "{}", daemon.output());
    }
    for ((connections, paces), behind) in CONNECTIONS.into_iter().zip(&paces).zip(&behind) {
        let [_, verifying, by_hand @ .., _, _] = paces.each_ref().map(Pace::per_second);
        for (place, ((what, ..), pace)) in targets.iter().zip(paces).enumerate() {
            // Beside the handler over the same database.
            let limits = (place > 3).then(|| (verifying, by_hand[place % 2]));
            table.add(what, Some(connections), pace, limits);
        }
        let what = ["mrrd with all roles, SQLite", "mrrd with all roles, PostgreSQL"];
        for ((what, pace), by_hand) in what.into_iter().zip(behind).zip(by_hand) {
            table.add(what, Some(connections), pace, Some((verifying, by_hand)));
        }
    }

    let memory = daemons.each_ref().map(|daemon| store::peak_memory(daemon.pid()));
    let by_hand = handlers.each_ref().map(Handler::peak_memory);
    for daemon in &mut daemons {
        assert!(daemon.terminate(), "{}", daemon.output());
    }
    let mut stored =
        Rates::of(&["what", "events", "bytes of a body", "stored bytes of an event", "share", "peak memory"]);
    let logs = [store::sqlite_log(daemons[0].dir()).await, store::postgres_log(&database).await];
    for ((log, memory), (what, _, supply)) in logs.into_iter().zip(memory).zip(&targets[4..]) {
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
        "{table}\n\nWhere nothing else is said mrrd has the role `receiver` alone. Fastify is benches/node: Stripe's own library \
         verifies, and one row with the raw body is written for each webhook; it reads nothing of it.\n\nThe log with its \
         indexes, sealed where it was due; the handlers by hand held {} (SQLite) and {} (PostgreSQL) at most.\n\n{stored}\n",
        by_hand[0], by_hand[1]
    )
}

/// A table of the report.
struct Rates(Table);

impl Rates {
    fn new() -> Self {
        Self::of(&["what", "connections", "per second", "p50 ms", "p99 ms", "of the verifying handler", "of Fastify"])
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

    fn add(&mut self, what: &str, connections: Option<usize>, pace: &Pace, limits: Option<(f64, f64)>) {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
        let mut cells = vec![what.to_owned(), or_dash(connections.map(|count| count.to_string()))];
        cells.extend(times(pace));
        cells.extend([
            or_dash(limits.map(|(verifying, _)| format!("{:.0} %", 100.0 * pace.per_second() / verifying))),
            or_dash(limits.map(|(_, by_hand)| format!("{:.1}×", pace.per_second() / by_hand))),
        ]);
        self.row(cells);
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

fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |cpu| cpu.1);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("?");
    format!("{cpu}, {cores} cores, Linux {}, load {load} before", read("/proc/sys/kernel/osrelease").trim())
}
