//! Three receivers and two reconcilers on one PostgreSQL, killed at random: in the end they say what one process says.
//!
//! `make test` runs it over some hundred events, `make soak` over `MRRD_EVENTS` of them.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use mrrd::{
    clock::Clock,
    demo::{Simulator, http::Client},
    ledger::time::UnixTime,
};

use crate::{
    e2e::rebuild::rows,
    reconciler::bench::shuffled,
    support::{
        daemon::{Daemon, SECRET, Settings, TOKEN},
        postgres, sql,
    },
};

const START: UnixTime = UnixTime(1_704_067_200);
const END: UnixTime = UnixTime(1_767_225_600);
const RECEIVERS: usize = 3;
const SENDERS: usize = 8;

/// Numbers that a seed repeats.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// The first `count` webhooks of an account that has as many.
fn webhooks(count: usize) -> Vec<Bytes> {
    let customers = u32::try_from(count / 25 + 10).unwrap();
    let events = Simulator::new(21, customers, START, END).advance(END);
    assert!(events.len() >= count, "{} events of {customers} customers", events.len());
    events.into_iter().take(count).map(|event| event.body).collect()
}

/// Posts each until one of the receivers has answered it 200.
async fn deliver(load: Arc<Vec<Bytes>>, next: Arc<AtomicUsize>, receivers: Arc<Mutex<Vec<SocketAddr>>>, seed: u64) {
    let mut dice = Dice(seed);
    let mut clients: Vec<Option<(SocketAddr, Client)>> = (0..RECEIVERS).map(|_| None).collect();
    while let Some(body) = load.get(next.fetch_add(1, Ordering::Relaxed)) {
        let since = Instant::now();
        loop {
            let place = usize::try_from(dice.below(RECEIVERS as u64)).unwrap();
            let address = receivers.lock().unwrap()[place];
            let client = match &mut clients[place] {
                Some((known, client)) if *known == address => client,
                other => &mut other.insert((address, Client::new(address).bearing(TOKEN))).1,
            };
            match client.post_signed(SECRET, Clock::system().now(), body.clone()).await {
                Ok(answer) if answer.status == 200 => break,
                Ok(answer) => assert_eq!(answer.status, 503, "{}", String::from_utf8_lossy(&answer.body)),
                // Killed: another one takes it.
                Err(_) => {}
            }
            assert!(since.elapsed() < Duration::from_secs(60), "nobody takes it in");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn killed_at_random_they_end_as_one_process_does(count: usize, kills_at_least: usize) {
    let bodies = webhooks(count);
    let again: Vec<Bytes> = bodies.iter().step_by(4).cloned().collect();
    let load = Arc::new(shuffled(&[bodies.clone(), again].concat(), 11));
    let url = postgres::database().await;
    let process = |roles: &str| {
        Settings::default()
            .env("MRRD_DATABASE__URL", &url)
            .env("MRRD_SERVER__ROLES", roles)
            .env("MRRD_LEDGER__PROFILES", "stripe,finance")
            .start()
    };
    let mut processes = Vec::new();
    for place in 0..RECEIVERS + 2 {
        processes.push(process(if place < RECEIVERS { "receiver" } else { "reconciler,api" }).await);
    }
    let receivers = Arc::new(Mutex::new(processes[..RECEIVERS].iter().map(Daemon::address).collect::<Vec<_>>()));
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let senders: Vec<_> = (0..SENDERS as u64)
        .map(|seed| tokio::spawn(deliver(load.clone(), next.clone(), receivers.clone(), seed)))
        .collect();
    let (mut dice, mut kills) = (Dice(5), [0; RECEIVERS + 2]);
    while kills.iter().sum::<usize>() < kills_at_least || senders.iter().any(|sender| !sender.is_finished()) {
        tokio::time::sleep(Duration::from_millis(50 + dice.below(300))).await;
        // Two for a receiver is one for a reconciler: each is killed as often.
        let place = usize::try_from(dice.below((RECEIVERS + 2) as u64)).unwrap();
        let mut victim = processes.remove(place);
        victim.kill();
        tokio::time::sleep(Duration::from_millis(dice.below(200))).await;
        let risen = victim.restart().await;
        if place < RECEIVERS {
            receivers.lock().unwrap()[place] = risen.address();
        }
        processes.insert(place, risen);
        kills[place] += 1;
    }
    for sender in senders {
        sender.await.unwrap();
    }
    let delivered = began.elapsed();
    processes[RECEIVERS].settle().await;
    println!(
        "{} webhooks of {count} events in {delivered:.1?}, settled after {:.1?}; kills of each process: {kills:?}",
        load.len(),
        began.elapsed()
    );
    drop(processes);

    // One process takes the same, once each and in order.
    let mut alone = Settings::default().env("MRRD_LEDGER__PROFILES", "stripe,finance").start().await;
    let mut lines = String::new();
    for body in &bodies {
        let event: serde_json::Value = serde_json::from_slice(body).unwrap();
        writeln!(lines, "{event}").unwrap();
    }
    let file = alone.dir().join("events.jsonl");
    std::fs::write(&file, lines).unwrap();
    let output = tokio::task::block_in_place(|| alone.command(&["replay", file.to_str().unwrap()]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    alone.settle().await;
    let straight = rows(&format!("sqlite://{}", alone.dir().join("mrrd.db").display())).await;
    let shared = rows(&url).await;
    assert!(straight.len() > 10);
    assert_eq!(straight.len(), shared.len());
    let differ: BTreeSet<_> =
        straight.iter().zip(&shared).filter(|(one, other)| one != other).map(|(one, _)| one.key.clone()).collect();
    assert!(differ.is_empty(), "{} ledgers differ: {:?}", differ.len(), differ.iter().take(5).collect::<Vec<_>>());
    let events = sql::number(&url, "SELECT COUNT(*) FROM event").await;
    assert_eq!(events, i64::try_from(count).unwrap(), "each event is in the log once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn some_hundred_events() {
    killed_at_random_they_end_as_one_process_does(600, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes long: make soak"]
async fn many_thousand_events() {
    let count = std::env::var_os("MRRD_EVENTS")
        .map_or(50_000, |count| count.to_str().and_then(|count| count.parse().ok()).expect("MRRD_EVENTS is a number"));
    killed_at_random_they_end_as_one_process_does(count, count / 500).await;
}
