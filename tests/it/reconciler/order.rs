//! Arrival order, repetition and batching change nothing (rule `arrival-order`).

use mrrd::{event::Seq, reconciler::known_at::KnownAt};

use super::bench::*;

on_both! {
    async fn any_order_repetition_and_batching_gives_the_same_rows(kind) {
        let life = life(5, 6, 150);
        let straight = Ledger::empty(kind).await;
        straight.append(&life).await;
        straight.settle().await.unwrap();
        let rows = straight.rows().await;
        assert!(rows.len() >= 12, "six customers under two profiles");
        let mut twice = shuffled(&life, 3);
        twice.extend(shuffled(&life, 4));
        let reversed: Vec<_> = life.iter().rev().cloned().collect();
        for (how, events, batch) in
            [("reversed", reversed, 40), ("shuffled", shuffled(&life, 1), 7), ("twice, shuffled", twice, 25)]
        {
            let other = Ledger::empty(kind).await;
            for (number, some) in events.chunks(batch).enumerate() {
                other.append(some).await;
                // Sometimes the reconciler keeps up, sometimes it is behind.
                if number % 3 == 0 {
                    other.settle().await.unwrap();
                }
            }
            other.settle().await.unwrap();
            assert_eq!(rows, other.rows().await, "{how}");
            assert!(other.verify().await.holds());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_databases_hold_the_same_rows() {
    let mut all = Vec::new();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let ledger = Ledger::empty(kind).await;
        ledger.append(&life(11, 6, 200)).await;
        ledger.settle().await.unwrap();
        all.push(ledger.rows().await);
    }
    assert_eq!(all[0], all[1]);
}

/// Rule `as-known-at`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_known_at_a_position_is_what_a_log_that_ends_there_gives() {
    let life = life(5, 5, 120);
    let (whole, cut) = (Ledger::empty(Kind::Sqlite).await, Ledger::empty(Kind::Sqlite).await);
    let known = life.len() / 2;
    whole.append(&life).await;
    whole.settle().await.unwrap();
    cut.append(&life[..known]).await;
    let mut ledgers = Vec::new();
    for (ledger, known_at) in [(&whole, i64::try_from(known).ok().map(Seq)), (&cut, None)] {
        let mut pages = KnownAt::new(ledger.store.reader(), rules(&["stripe"]), known_at);
        let mut all = Vec::new();
        while let Some(page) = pages.next_page().await.unwrap() {
            all.extend(page);
        }
        ledgers.push(all);
    }
    assert!(ledgers[0].iter().any(|(_, of)| !of[0].movements.is_empty()));
    assert_eq!(ledgers[0], ledgers[1]);
}
