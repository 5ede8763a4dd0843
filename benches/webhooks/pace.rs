//! How fast something goes: alone on one thread, or posted to over several connections.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use mrrd::{clock::Clock, demo::http::Client};
use tokio::{sync::Barrier, task::JoinSet};

use crate::{daemon::SECRET, supply::Supply};

/// How long one round of a figure is taken over.
pub(crate) const SPAN: Duration = Duration::from_secs(1);

/// Rounds of the same measurement; others took place in between.
#[derive(Default)]
pub(crate) struct Pace {
    rates: Vec<f64>,
    latencies: Vec<Duration>,
    /// What a server took of the processors, for each webhook of a round, where the system tells.
    processor: Vec<Duration>,
}

impl Pace {
    /// Another round.
    pub(crate) fn add(&mut self, round: Stopwatch) {
        self.rates.push(round.laps.len() as f64 / round.since.elapsed().as_secs_f64());
        self.latencies.extend(round.laps);
        self.latencies.sort_unstable();
    }

    /// The median of the rounds.
    pub(crate) fn per_second(&self) -> f64 {
        let rates = self.sorted();
        rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// The slowest and the fastest round.
    pub(crate) fn range(&self) -> (f64, f64) {
        let rates = self.sorted();
        (rates.first().copied().unwrap_or(f64::NAN), rates.last().copied().unwrap_or(f64::NAN))
    }

    fn sorted(&self) -> Vec<f64> {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        rates
    }

    /// The median of what the server took of the processors for each webhook; `None` where nothing is known of it.
    pub(crate) fn processor(&self) -> Option<Duration> {
        let mut rounds = self.processor.clone();
        rounds.sort();
        rounds.get(rounds.len() / 2).copied()
    }

    /// The latency that so many of a hundred don't exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get(last * percent / 100).copied().unwrap_or_default()
    }

    /// Another round of `work`, on this thread alone.
    pub(crate) fn alone(&mut self, mut work: impl FnMut()) {
        let mut stopwatch = Stopwatch::start();
        while stopwatch.runs() {
            let begun = Instant::now();
            work();
            stopwatch.lap(begun);
        }
        self.add(stopwatch);
    }

    /// Another round of signed webhooks to the server at `address`, which is the process `pid`; each must be answered 200, and
    /// as new.
    pub(crate) async fn load(
        &mut self,
        (address, pid): (SocketAddr, u32),
        connections: usize,
        supply: &'static Supply<'static>,
    ) {
        let before = taken_by(pid);
        let ready = Arc::new(Barrier::new(connections));
        let mut senders = JoinSet::new();
        for _ in 0..connections {
            let ready = Arc::clone(&ready);
            senders.spawn(async move {
                let (mut client, clock) = (Client::new(address), Clock::system());
                // Connecting is no part of the figure.
                post(&mut client, &clock, supply.take()).await;
                ready.wait().await;
                let mut stopwatch = Stopwatch::start();
                while stopwatch.runs() {
                    let (body, begun) = (supply.take(), Instant::now());
                    post(&mut client, &clock, body).await;
                    stopwatch.lap(begun);
                }
                stopwatch
            });
        }
        let round = Stopwatch::together(senders.join_all().await);
        let posted = u32::try_from(round.laps.len() + connections).unwrap_or(u32::MAX).max(1);
        self.processor.extend(taken_by(pid).zip(before).map(|(after, before)| (after - before) / posted));
        self.add(round);
    }
}

/// What a process has taken of the processors, in all its threads, to a hundredth of a second.
fn taken_by(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may hold spaces; user and system time are the 12th and 13th field behind it.
    let fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(10 * ticks))
}

/// Posts one webhook that must be taken in, and be new.
async fn post(client: &mut Client, clock: &Clock, body: Bytes) {
    let answer = client.post_signed(SECRET, clock.now(), body).await.unwrap();
    let said = String::from_utf8_lossy(&answer.body);
    assert!(answer.status == 200 && !said.contains("\"duplicate\":true"), "{}: {said}", answer.status);
}

/// How long each thing took in one round of [`SPAN`].
pub(crate) struct Stopwatch {
    since: Instant,
    laps: Vec<Duration>,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { since: Instant::now(), laps: Vec::new() }
    }

    /// What several did at once.
    pub(crate) fn together(all: Vec<Self>) -> Self {
        let since = all.iter().map(|one| one.since).min().unwrap_or_else(Instant::now);
        Self { since, laps: all.into_iter().flat_map(|one| one.laps).collect() }
    }

    pub(crate) fn runs(&self) -> bool {
        self.since.elapsed() < SPAN
    }

    pub(crate) fn lap(&mut self, begun: Instant) {
        self.laps.push(begun.elapsed());
    }
}
