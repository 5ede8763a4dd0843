//! Several reconcilers on one PostgreSQL: each takes its share of the customers, and nobody's result is applied twice.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use mrrd::{
    event::CustomerKey,
    reconciler::planned::BEFORE_REPLACE,
    store::{
        StoreError,
        derived::{GenerationId, Mark, ProfileLedger, Turns},
        planned::Failure,
    },
};
use tokio::sync::Notify;

use crate::reconciler::bench::{Kind, Ledger, life, run_once};

/// A ledger of which everything is marked and nothing derived.
async fn marked() -> (Ledger, GenerationId) {
    let ledger = Ledger::empty(Kind::Postgres).await;
    ledger.append(&life(4, 12, 90)).await;
    let generation =
        ledger.store.derived.begin_generation(&ledger.reconciler().rules.fingerprint(), None).await.unwrap();
    assert!(ledger.store.derived.switch_generation(generation, 0).await.unwrap());
    ledger.store.derived.advance(generation, 100_000).await.unwrap();
    (ledger, generation)
}

async fn straight() -> Vec<mrrd::store::derived::Dumped> {
    let ledger = Ledger::empty(Kind::Sqlite).await;
    ledger.append(&life(4, 12, 90)).await;
    ledger.settle().await.unwrap();
    ledger.rows().await
}

/// What one process takes while others hold what they took.
async fn taken(ledger: &Ledger, generation: GenerationId, limit: i64) -> BTreeSet<CustomerKey> {
    let mut seen = BTreeSet::new();
    let keep = &mut seen;
    let take = move |marks: Vec<Mark>| {
        keep.extend(marks.iter().map(|mark| mark.key.clone()));
        // Nothing is derived: the marks go back as they were.
        async { Err::<Vec<(Mark, Vec<ProfileLedger>)>, _>(StoreError::Schema("only looking".into())) }
    };
    let _ = ledger.store.derived.recompute(generation, (Turns::All, limit), &BTreeSet::new(), take).await;
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_has_taken_others_pass_over_and_get_when_it_dies() {
    let (ledger, generation) = marked().await;
    let all = ledger.store.derived.waiting(generation).await.unwrap();
    let never = Arc::new(Notify::new());
    ledger.store.plan().arm(BEFORE_REPLACE, Failure::Pause(never));
    let slow = tokio::spawn(run_once(ledger.reconciler()));
    // All customers are in its first batch, and it stands before it writes them.
    let since = Instant::now();
    while ledger.store.plan().paused(BEFORE_REPLACE) == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(since.elapsed() < Duration::from_secs(60), "it never stands there");
    }
    let other = ledger.elsewhere().await;
    assert_eq!(taken(&other, generation, 1_000).await, BTreeSet::new(), "taken by the one that stands");
    assert_eq!(other.store.derived.waiting(generation).await.unwrap(), all, "and not yet done");
    slow.abort();
    let _ = slow.await;
    // Dead: another one, without the lease, does it all at once.
    let since = Instant::now();
    while other.store.derived.waiting(generation).await.unwrap() > 0 {
        run_once(other.reconciler()).await.unwrap();
        assert!(since.elapsed() < Duration::from_secs(30), "nobody takes over");
    }
    assert_eq!(other.rows().await, straight().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_take_each_customer_once() {
    let (ledger, generation) = marked().await;
    let all = ledger.store.derived.waiting(generation).await.unwrap();
    let done = Arc::new(Mutex::new(Vec::new()));
    let mut workers = Vec::new();
    for _ in 0..4 {
        let (worker, done) = (ledger.elsewhere().await, done.clone());
        workers.push(tokio::spawn(async move {
            while worker.store.derived.waiting(generation).await.unwrap() > 0 {
                let derive = |marks: Vec<Mark>| {
                    done.lock().unwrap().extend(marks.iter().map(|mark| mark.key.clone()));
                    let derived = || vec![ProfileLedger { profile: "stripe".into(), ledger: Default::default() }];
                    let batch = marks.into_iter().map(|mark| (mark, derived())).collect();
                    async { Ok::<Vec<_>, StoreError>(batch) }
                };
                worker.store.derived.recompute(generation, (Turns::All, 2), &BTreeSet::new(), derive).await.unwrap();
            }
        }));
    }
    for worker in workers {
        worker.await.unwrap();
    }
    let done = done.lock().unwrap().clone();
    assert_eq!(done.iter().collect::<BTreeSet<_>>().len(), done.len(), "nobody's was taken twice");
    assert_eq!(done.len() as u64, all);
    assert_eq!(ledger.rows().await.len() as u64, all);
}
