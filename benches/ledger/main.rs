//! From the log to figures: how fast history is taken in and rebuilt, what a touched customer costs on a small and on a
//! large ledger, and how long the API takes. Writes the second half of benches/RESULTS.md (`make bench`).
//!
//! `MRRD_BENCH_EVENTS` is the length of the log that is rebuilt, 100,000 without it; `MRRD_BENCH_THOUSANDS` the sizes of the
//! two ledgers in thousands of customers, `1,10` without it; `MRRD_BENCH_CHANGING` those of accounts that change all the time,
//! `8,100` without it; `MRRD_BENCH_BILLED` that of the account that only bills, `100` without it; `MRRD_BENCH_MINUTES` how long
//! it may take, 19 without it: when time runs out there are fewer rounds, and the longest rebuilds are left out and said to be;
//! `MRRD_BIN` another build to measure.
//!
//! `million` on the command line (`make bench-million`) asks every question of a million customers instead, and writes
//! benches/MILLION.md: what a touched customer and a question cost there, beside 10,000.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a bench fails by panicking")]
#![allow(clippy::float_arithmetic, reason = "rates and ratios of time, never money")]

#[allow(dead_code, reason = "tests use the rest")]
#[path = "../../tests/it/support/daemon.rs"]
mod daemon;
#[allow(dead_code, reason = "tests use the rest")]
#[path = "../../tests/it/support/postgres.rs"]
mod postgres;

mod accounts;
mod billed;
#[path = "../webhooks/build.rs"]
mod build;
mod busy;
mod log;
mod process;
mod time;

use std::{
    net::SocketAddr,
    ops::Range,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use comfy_table::{CellAlignment, Table, presets};
use daemon::{Daemon, SECRET, Settings};
use log::Account;
use mrrd::{clock::Clock, demo::http::Client, ledger::time::UnixTime};
use time::{Rounds, Time};

/// Where this half of the report begins.
const TITLE: &str = "# From the log to figures";
/// The two ledgers that a touched customer's cost is compared on, in thousands of customers.
const THOUSANDS: [usize; 2] = [1, 10];
/// The same where every question is asked of a million customers.
const MILLION: [usize; 2] = [10, 1_000];
/// How many webhooks earlier what was known is asked for of twins.
const KNOWN_BEFORE: usize = 29_000;
/// How long the figures of a history that was replayed while nobody kept them may take.
const CATCHING_UP: Duration = Duration::from_secs(3_600);
/// Customers touched at once, and how often.
const TOUCHED: usize = 200;
const ROUNDS: usize = 5;
/// Rounds of what takes seconds.
const HISTORY_ROUNDS: usize = 3;
/// How long the same question is asked again and again, and how often at least.
const ASKING: Duration = Duration::from_secs(2);
const ASKED_AT_LEAST: usize = 3;
/// With the other half it must fit into half an hour.
const MINUTES: u64 = 19;

#[tokio::main]
async fn main() {
    if let Some(customers) = asked_for("account") {
        return accounts::write(busy::Busy::of(customers.parse().expect("a number of customers"), today()));
    }
    if let Some(customers) = asked_for("billed") {
        return accounts::write(billed::Billed::of(customers.parse().expect("a number of customers"), today()));
    }
    if let Some(twins) = asked_for("twins") {
        return accounts::write(log::Twins::of(weeks(), twins.parse().expect("a number of twins")));
    }
    if std::env::args().any(|argument| argument == "million") {
        return million().await;
    }
    let number = |variable: &str, without_it: u64| {
        std::env::var_os(variable)
            .map_or(without_it, |asked| asked.to_str().and_then(|asked| asked.parse().ok()).expect("a number"))
    };
    let events = usize::try_from(number("MRRD_BENCH_EVENTS", 100_000)).unwrap();
    let mut time = Time::of(number("MRRD_BENCH_MINUTES", MINUTES));
    let mut report = format!(
        "{TITLE}\n\n`make bench` wrote this of {} on: {}. One profile, all roles. Rates are medians of rounds, beside the slowest \
         and the fastest; each round begins with an empty store, and the stores take turns. A question is asked 20 times, or as \
         often as fits into {} s, {ASKED_AT_LEAST} times at least.\n",
        build::measured(),
        build::machine(),
        ASKING.as_secs(),
    );
    report += &format!("\n{}\n", history(events).await);
    report += &format!("\n{}\n", large_ledgers(sizes(THOUSANDS), &[]).await);
    let (mut changing, mut billed) = (Vec::new(), Vec::new());
    let sizes = thousands("MRRD_BENCH_CHANGING", "8,100");
    // The largest last: it goes by what the others tell of how long things take.
    for (place, thousands) in sizes.iter().enumerate() {
        if place == sizes.len() - 1 {
            for thousands in self::thousands("MRRD_BENCH_BILLED", "100") {
                billed.push(accounts::billed(thousands * 1_000, &mut time).await);
            }
        }
        changing.push(accounts::changing(thousands * 1_000, &mut time).await);
    }
    for part in changing.iter().chain(&billed) {
        report += &format!("\n{part}\n");
    }
    println!("{report}");
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/RESULTS.md"));
    let so_far = std::fs::read_to_string(file).unwrap_or_default();
    let first = so_far.split(TITLE).next().unwrap_or_default().trim_end();
    std::fs::write(file, format!("{first}\n\n{report}")).unwrap();
}

/// What `make bench-million` writes.
async fn million() {
    let report = format!(
        "# At a million customers\n\n`make bench-million` wrote this of {} on: {}. One profile, all roles; an account of a \
         month (benches/ledger/log.rs). A question is asked 20 times after the first, or as often as fits into {} s, \
         {ASKED_AT_LEAST} times at least. Known before: {KNOWN_BEFORE} webhooks earlier, a day's of a million customers of the \
         account that changes all the time. Each twin of the account has products and prices of its own, which \
         are too many for a series.\n\n{}\n",
        build::measured(),
        build::machine(),
        ASKING.as_secs(),
        large_ledgers(sizes(MILLION), &accounts::ROUTES).await,
    );
    println!("{report}");
    std::fs::write(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/MILLION.md")), report).unwrap();
}

/// Customers of a few weeks, a thousand of them.
fn weeks() -> Account {
    Account::of(1_000, 31)
}

/// What follows a word on the command line. `cargo bench --bench ledger -- account 8000`, or `billed 100000`, writes such an
/// account's webhooks up to today to standard output, for `mrrd replay -`; `twins 1000` those of a million customers' first weeks.
fn asked_for(word: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != word).nth(1)
}

/// Where today begins, in UTC.
fn today() -> UnixTime {
    let now = Clock::system().now().0;
    UnixTime(now - now % UnixTime::DAY_SECONDS)
}

fn sizes(without_it: [usize; 2]) -> [usize; 2] {
    let Some(asked) = std::env::var_os("MRRD_BENCH_THOUSANDS") else { return without_it };
    let asked: Vec<usize> = asked.to_str().unwrap().split(',').map(|size| size.trim().parse().unwrap()).collect();
    asked.try_into().expect("two sizes, such as 10,100")
}

/// The sizes of accounts that a variable asks for, in thousands of customers.
fn thousands(variable: &str, without_it: &str) -> Vec<u32> {
    let asked = std::env::var_os(variable).unwrap_or_else(|| without_it.into());
    let asked = asked.to_str().expect("sizes in thousands, such as 8,100");
    asked.split(',').map(|size| size.trim().parse().expect("sizes in thousands, such as 8,100")).collect()
}

/// Both stores, each in a folder of its own.
async fn stores() -> [(&'static str, Settings, tempfile::TempDir); 2] {
    let database = postgres::durable_database().await;
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let file = format!("sqlite://{}", folders[0].path().join("mrrd.db").display());
    let [first, second] = folders;
    let at = |url: &str| Settings::default().env("MRRD_DATABASE__URL", url);
    [("SQLite", at(&file), first), ("PostgreSQL", at(&database), second)]
}

fn replay(account: &Account, events: Range<usize>, dir: &Path, settings: &Settings) -> process::Cost {
    process::run(dir, settings, &["replay", "-"], |input| {
        for place in events {
            input.write_all(&account.webhook(place)).unwrap();
            input.write_all(b"\n").unwrap();
        }
    })
}

/// A history of two years of a hundred customers and their twins: taken in, then derived from nothing.
async fn history(events: usize) -> Table {
    let account = Account::of(100, 731);
    let mut costs: [[Rounds; 2]; 2] = Default::default();
    for _ in 0..HISTORY_ROUNDS {
        for ((_, settings, dir), [replayed, rebuilt]) in stores().await.into_iter().zip(&mut costs) {
            replayed.add(replay(&account, 0..events, dir.path(), &settings));
            rebuilt.add(process::run(dir.path(), &settings, &["rebuild"], |_| {}));
        }
    }
    let mut head = vec!["what", "events"];
    head.extend(Rounds::HEAD);
    let mut table = table(&head);
    for (store, costs) in ["SQLite", "PostgreSQL"].into_iter().zip(&costs) {
        for (what, rounds) in ["replay of files", "rebuild, all derived tables"].into_iter().zip(costs) {
            let mut cells = vec![format!("{what}, {store}"), events.to_string()];
            cells.extend(rounds.cells(events));
            row(&mut table, cells);
        }
    }
    table
}

/// Customers of a few weeks, so many thousand of them; the replays go on from one size to the other. Of the larger all that
/// `routes` has is asked.
async fn large_ledgers(sizes: [usize; 2], routes: &[(&str, &str)]) -> String {
    let account = weeks();
    let mut touched = table(&["what", "customers", "events", "ms for each touched customer (median)"]);
    let mut caught_up = table(&["what", "customers", "events that came", "seconds until all figures hold them"]);
    let mut api = table(&["what", "customers", "p50 ms", "p99 ms"]);
    let mut asked = accounts::asked_table();
    for (store, settings, dir) in stores().await {
        // One of the routes groups by it.
        let settings =
            if routes.is_empty() { settings } else { settings.env("MRRD_LEDGER__METADATA_KEYS", "industry") };
        let mut so_far = 0;
        for twins in sizes {
            let events = account.events() * twins;
            let known = std::mem::replace(&mut so_far, events);
            // Of one more twin what comes next is kept back: webhooks that change figures.
            let kept_back = events + account.events() * 2 / 5..events + account.events();
            let changes = account.rounds(kept_back.clone(), ROUNDS, TOUCHED);
            replay(&account, known..kept_back.start, dir.path(), &settings);
            let customers = account.customers * (twins + 1);
            let since = Instant::now();
            let mut daemon = settings.clone().start().await;
            daemon.settle_within(CATCHING_UP).await;
            let came = kept_back.start - known;
            row(
                &mut caught_up,
                vec![
                    format!("a history replayed before the start, {store}"),
                    customers.to_string(),
                    came.to_string(),
                    format!("{:.1}", since.elapsed().as_secs_f64()),
                ],
            );
            process::rest(daemon.pid()).await;
            let again = |round: usize| {
                (0..TOUCHED).map(|n| account.again((n * 7_919) % events, round * TOUCHED + n)).collect::<Vec<_>>()
            };
            let states = (0..ROUNDS).map(again).collect();
            for (what, rounds) in [("that are known", states), ("that change figures", changes)] {
                let mut took = Vec::new();
                for bodies in rounds {
                    let since = Instant::now();
                    post_all(daemon.address(), bodies).await;
                    until_applied(&mut daemon).await;
                    took.push(since.elapsed());
                    process::rest(daemon.pid()).await;
                }
                took.sort();
                row(
                    &mut touched,
                    vec![
                        format!("event to figures, {TOUCHED} at once {what}, {store}"),
                        customers.to_string(),
                        kept_back.start.to_string(),
                        format!("{:.2}", took[ROUNDS / 2].as_secs_f64() * 1000.0 / TOUCHED as f64),
                    ],
                );
            }
            process::rest(daemon.pid()).await;
            for (what, path) in [
                ("/api/v1/mrr", "/api/v1/mrr"),
                ("/api/v1/customers by MRR", "/api/v1/customers?sort=mrr&limit=50&currency=usd"),
                ("/api/v1/movements, newest", "/api/v1/movements?limit=50&order=desc"),
                ("/api/v1/status", "/api/v1/status"),
            ] {
                let times = ask(&mut daemon, path, 20).await;
                row(&mut api, with_percentiles(format!("{what}, {store}"), customers.to_string(), &times));
            }
            if twins == sizes[1] && !routes.is_empty() {
                let place = kept_back.start.saturating_sub(KNOWN_BEFORE).max(1);
                let asked_of = accounts::Asked {
                    customers,
                    two: account.two_customers(),
                    place,
                    cohort: "2024-01".into(),
                    leaves_out: &["group_by=product", "group_by=price"],
                };
                asked_of.ask_all(&mut daemon, store, routes, &mut asked).await;
            }
            if twins == sizes[1] {
                let (rate, times, while_renamed) = to_the_api(&mut daemon, &account, kept_back.end).await;
                let what = format!("event to API at {rate:.0} webhooks a second (half the peak), {store}");
                row(&mut api, with_percentiles(what, customers.to_string(), &times));
                let what = format!("the same while all prices that anybody pays are renamed, {store}");
                row(&mut api, with_percentiles(what, customers.to_string(), &while_renamed));
            }
            assert!(daemon.terminate(), "{}", daemon.output());
        }
    }
    let asked = if routes.is_empty() { String::new() } else { format!("\n\n{asked}") };
    format!("{caught_up}\n\n{touched}\n\n{api}{asked}")
}

async fn post_all(address: SocketAddr, bodies: Vec<bytes::Bytes>) {
    let mut senders = tokio::task::JoinSet::new();
    for bodies in bodies.chunks(bodies.len().div_ceil(16)) {
        let bodies = bodies.to_vec();
        senders.spawn(async move {
            let mut client = Client::new(address);
            for body in bodies {
                let answer = client.post_signed(SECRET, Clock::system().now(), body).await.unwrap();
                assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
            }
        });
    }
    senders.join_all().await;
}

/// Waits until all figures hold what was acknowledged, looking often: what is measured takes some tens of milliseconds. Health
/// is asked, for status counts all entries of quality, and on two cores the question takes a part of what it waits for.
async fn until_applied(daemon: &mut Daemon) {
    const LOOKS_AFTER: Duration = Duration::from_millis(2);
    let since = Instant::now();
    loop {
        let work = daemon.json("/api/v1/health").await["work"].take();
        if work["applied_seq"] == work["last_seq"] {
            return;
        }
        assert!(since.elapsed() < CATCHING_UP, "still behind: {}", daemon.output());
        tokio::time::sleep(LOOKS_AFTER).await;
    }
}

/// How long each of so many requests takes, sorted; fewer where they take long.
async fn ask(daemon: &mut Daemon, path: &str, times: usize) -> Vec<Duration> {
    let mut took = Vec::with_capacity(times);
    let begun = Instant::now();
    while took.len() < times && (took.len() < ASKED_AT_LEAST || begun.elapsed() < ASKING) {
        let since = Instant::now();
        let answer = daemon.get(path).await;
        took.push(since.elapsed());
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    }
    took.sort();
    took
}

/// From a webhook's posting until its customer's figures are in the API, while others are posted at half the rate that 16
/// connections reach; and the same from when all prices of customers up to `from` have got other names.
async fn to_the_api(daemon: &mut Daemon, account: &Account, from: usize) -> (f64, Vec<Duration>, Vec<Duration>) {
    const PEAK_TAKEN_OVER: Duration = Duration::from_secs(2);
    let next = Arc::new(AtomicUsize::new(0));
    let address = daemon.address();
    let load = |pause: Duration, stop: Arc<AtomicBool>| {
        let next = next.clone();
        let bodies: Arc<Vec<bytes::Bytes>> =
            Arc::new((0..account.events()).map(|place| account.webhook(from + place)).collect());
        (0..16)
            .map(|_| {
                let (bodies, next, stop) = (bodies.clone(), next.clone(), stop.clone());
                tokio::spawn(async move {
                    let mut client = Client::new(address);
                    let mut posted = 0_usize;
                    while !stop.load(Ordering::Relaxed) {
                        let since = Instant::now();
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        let body = String::from_utf8_lossy(&bodies[place % bodies.len()]).replacen(
                            "\"evt_",
                            &format!("\"evt_load{place}_"),
                            1,
                        );
                        let answer = client.post_signed(SECRET, Clock::system().now(), body.into()).await.unwrap();
                        assert_eq!(answer.status, 200);
                        posted += 1;
                        tokio::time::sleep(pause.saturating_sub(since.elapsed())).await;
                    }
                    posted
                })
            })
            .collect::<Vec<_>>()
    };
    let stop = Arc::new(AtomicBool::new(false));
    let peak = load(Duration::ZERO, stop.clone());
    tokio::time::sleep(PEAK_TAKEN_OVER).await;
    stop.store(true, Ordering::Relaxed);
    let mut posted = 0;
    for sender in peak {
        posted += sender.await.unwrap();
    }
    let rate = posted as f64 / PEAK_TAKEN_OVER.as_secs_f64() / 2.0;
    daemon.settle().await;

    let stop = Arc::new(AtomicBool::new(false));
    let senders = load(Duration::from_secs_f64(16.0 / rate), stop.clone());
    let times = probed(daemon, "probe").await;
    let twins = from / account.events();
    let prices = account.prices();
    assert!(!prices.is_empty(), "an account without prices");
    let renamed = prices.iter().flat_map(|price| (0..twins).map(move |twin| twin * account.events() + price));
    post_all(address, renamed.map(|place| account.renamed(place)).collect()).await;
    let while_renamed = probed(daemon, "later").await;
    stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.unwrap();
    }
    (rate, times, while_renamed)
}

/// From the posting of what new customers pay, one after the other, until it is in the API; sorted.
async fn probed(daemon: &mut Daemon, name: &str) -> Vec<Duration> {
    let mut asking = daemon.connect();
    let mut times = Vec::new();
    for probe in 0..60 {
        let customer = format!("cus_{name}{probe}");
        let since = Instant::now();
        let answer = daemon.post(subscribed(&customer)).await;
        assert_eq!(answer.status, 200);
        while asking.get(&format!("/api/v1/customers/{customer}")).await.unwrap().status != 200 {
            assert!(since.elapsed() < Duration::from_secs(60), "never in the API");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        times.push(since.elapsed());
    }
    times.sort();
    times
}

/// A customer nobody knew, and what it pays.
fn subscribed(customer: &str) -> String {
    format!(
        r#"{{"id":"evt_of_{customer}","object":"event","type":"customer.subscription.created","created":1706000000,
        "livemode":true,"pending_webhooks":1,"data":{{"object":{{"id":"sub_of_{customer}","object":"subscription",
        "customer":"{customer}","status":"active","currency":"usd","created":1706000000,"start_date":1706000000,
        "items":{{"object":"list","has_more":false,"data":[{{"id":"si_of_{customer}","object":"subscription_item",
        "quantity":1,"price":{{"id":"price_probe","object":"price","currency":"usd","unit_amount":900,"type":"recurring",
        "billing_scheme":"per_unit","recurring":{{"interval":"month","interval_count":1}}}}}}]}}}}}}}}"#
    )
}

fn with_percentiles(what: String, customers: String, sorted: &[Duration]) -> Vec<String> {
    let millis = |percent: usize| format!("{:.1}", sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1000.0);
    vec![what, customers, millis(50), millis(99)]
}

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(head.iter().copied());
    for column in 1..head.len() {
        table.column_mut(column).unwrap().set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Adds a row, and tells it at once: the whole takes minutes.
fn row(table: &mut Table, cells: Vec<String>) {
    eprintln!("{}", cells.join(" | "));
    table.add_row(cells);
}
