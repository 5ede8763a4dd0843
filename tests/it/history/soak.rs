//! Measurements of history on the machine at hand, run by `make soak`: MRRD_BIN names the binary (else the debug one).
//!
//! What is promised is asserted where a release binary is measured, and printed in any case.

use std::{
    io::Write,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use super::room::{Kind, list};
use crate::support::{
    daemon::{Settings, mrrd},
    fake_stripe::{FakeStripe, KEY},
};

#[allow(clippy::disallowed_methods, reason = "how large a measurement is to be is told to the test alone")]
fn asked(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn measured() -> bool {
    std::env::var_os("MRRD_BIN").is_some()
}

/// The most memory the process ever held, in MiB; the last answer before it ends.
fn peak_mib(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

/// Waits for its end; gives its last line as JSON, and the most memory it held.
fn finish(mut child: Child) -> (Value, u64) {
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        peak = peak_mib(&child).unwrap_or(peak);
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let out = String::from_utf8(output.stdout).unwrap();
    (serde_json::from_str(out.lines().last().unwrap()).unwrap(), peak)
}

/// A stream of events as long as wanted: one simulated account's, over and over, each time under other ids.
struct Stream {
    /// One event a line, with the places in it where two letters make another id.
    lines: Vec<(Vec<u8>, Vec<usize>)>,
}

impl Stream {
    fn new() -> Self {
        let end = super::room::NOW;
        let events = mrrd::demo::Simulator::new(9, 60, end.plus(-300 * 86_400), end).advance(end);
        let ids = ["evt_1T", "sub_1T", "in_1T", "di_1T", "cus_T", "si_T", "il_1T"];
        let lines = events.iter().map(|event| {
            let compact: Value = serde_json::from_slice(&event.body).unwrap();
            let line = format!("{compact}\n").into_bytes();
            let text = std::str::from_utf8(&line).unwrap();
            let places = ids.iter().flat_map(|id| text.match_indices(id).map(|(at, id)| at + id.len() - 1));
            let places = places.collect();
            (line, places)
        });
        Self { lines: lines.collect() }
    }

    /// Writes `count` events; false when the reader is gone.
    fn write(&mut self, count: usize, to: &mut impl Write) -> bool {
        for number in 0..count {
            let round = number / self.lines.len();
            let letters = b"abcdefghijklmnopqrstuvwxyz";
            let tag = [letters[round / letters.len()], letters[round % letters.len()]];
            let place = number % self.lines.len();
            let (line, places) = &mut self.lines[place];
            places.iter().for_each(|&at| line[at..at + 2].copy_from_slice(&tag));
            if to.write_all(line).is_err() {
                return false;
            }
        }
        to.flush().is_ok()
    }
}

fn replay(dir: &TempDir) -> Child {
    let mut command = mrrd(dir.path(), &Settings::default());
    command.args(["replay", "--json", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Feeds the child `count` events from a thread of its own.
fn feed(child: &mut Child, mut stream: Stream, count: usize) -> std::thread::JoinHandle<(bool, Stream)> {
    let pipe = child.stdin.take().unwrap();
    std::thread::spawn(move || {
        let mut pipe = std::io::BufWriter::with_capacity(1 << 20, pipe);
        let whole = stream.write(count, &mut pipe);
        (whole, stream)
    })
}

/// Rate, memory, a kill in the middle, and a second replay of the same.
#[test]
#[ignore = "a measurement: make soak"]
fn replay_of_many_events() {
    let count = asked("MRRD_SOAK_EVENTS", if measured() { 1_000_000 } else { 20_000 });
    let dir = TempDir::new().unwrap();
    let stream = Stream::new();

    // Killed once a tenth was fed.
    let mut child = replay(&dir);
    let feeding = feed(&mut child, stream, count / 10);
    let began = Instant::now();
    let log = dir.path().join("mrrd.db-wal");
    while std::fs::metadata(&log).map_or(0, |log| log.len()) == 0 || began.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let (_, stream) = feeding.join().unwrap();

    let began = Instant::now();
    let mut child = replay(&dir);
    let feeding = feed(&mut child, stream, count);
    let (counts, peak) = finish(child);
    let took = began.elapsed().as_secs_f64();
    let (whole, stream) = feeding.join().unwrap();
    let number = |name: &str| counts[name].as_u64().unwrap();
    println!(
        "replay: {count} events in {took:.1} s, {:.0} a second, {peak} MiB at most; {} were there from before the kill",
        count as f64 / took,
        number("duplicates")
    );
    assert!(whole && number("rejected") == 0, "{counts}");
    assert_eq!(number("read"), count as u64, "{counts}");
    assert_eq!(number("appended") + number("duplicates"), count as u64, "{counts}");
    assert!(number("duplicates") > 0, "the kill came too early to prove anything");

    let began = Instant::now();
    let mut child = replay(&dir);
    let feeding = feed(&mut child, stream, count / 5);
    let (counts, peak) = finish(child);
    let took = began.elapsed().as_secs_f64();
    feeding.join().unwrap();
    println!("again, its first fifth: {:.0} a second, {peak} MiB at most", (count / 5) as f64 / took);
    assert_eq!(counts["appended"], 0, "{counts}");
}

/// 150 ms a page, 25 requests a second allowed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: make soak"]
async fn backfill_at_stripes_pace() {
    let customers = asked("MRRD_SOAK_CUSTOMERS", if measured() { 3_000 } else { 300 });
    let end = mrrd::clock::Clock::system().now();
    let events = mrrd::demo::Simulator::new(4, u32::try_from(customers).unwrap(), end.plus(-29 * 86_400), end)
        .advance(end.plus(-60));
    let stripe = FakeStripe::start(end, Duration::from_millis(150), |_, _| None).await;
    list(&stripe, &events);
    let dir = TempDir::new().unwrap();
    let settings = Settings::default().env("MRRD_STRIPE__API_BASE", &stripe.base()).env("MRRD_STRIPE__API_KEY", KEY);
    let began = Instant::now();
    let child = mrrd(dir.path(), &settings).args(["backfill", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let (counts, peak) = tokio::task::spawn_blocking(move || finish(child)).await.unwrap();
    let rate = events.len() as f64 / began.elapsed().as_secs_f64();
    println!(
        "backfill: {} events in {} pages, {rate:.0} a second, {peak} MiB at most",
        events.len(),
        stripe.answered().len()
    );
    assert_eq!(counts["appended"].as_u64(), Some(events.len() as u64), "{counts}");
    if measured() {
        assert!(rate >= 2_000.0, "{rate:.0} events a second");
        assert!(peak <= 64, "{peak} MiB");
    }
}

/// Killed at so many moments, and never more than one page is fetched again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a long proof: make soak"]
async fn backfill_killed_over_and_over() {
    for round in 0..asked("MRRD_KILLS", 200).div_ceil(8) {
        super::commands::killed([Kind::Sqlite, Kind::Postgres][round % 2], 8).await;
    }
}
