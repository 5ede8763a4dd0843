//! A feed's list forgets only what every feed has taken, what is old, and what a later message replaced.

use mrrd::{
    ledger::time::UnixTime,
    store::records::feeds::{FeedChange, NewFeedEntry},
};

use super::subject::*;

fn told(movement: &str, version: i64) -> NewFeedEntry {
    NewFeedEntry {
        movement: movement.into(),
        version,
        change: if version == 1 { FeedChange::Created } else { FeedChange::Corrected },
        customer: "cus_1".into(),
        day: "2026-01-14".parse().unwrap(),
        digest: format!("{movement} {version}"),
        content: "{}".into(),
        previous: (version > 1).then(|| "{}".into()),
    }
}

on_both! {
    async fn only_what_was_replaced_taken_and_old_is_forgotten(subject) {
        let records = &subject.store.records;
        let old = [told("mov_a", 1), told("mov_b", 1), told("mov_a", 2), told("mov_c", 1)];
        records.append_feed(&old, UnixTime(100)).await.unwrap();
        records.append_feed(&[told("mov_b", 2), told("mov_a", 3)], UnixTime(200)).await.unwrap();
        let left = async || {
            let entries = subject.store.records.feed_after(0, 100).await.unwrap();
            entries.into_iter().map(|entry| entry.entry.digest).collect::<Vec<_>>()
        };
        let all = subject.store.records.feed_after(0, 100).await.unwrap();
        assert_eq!(all.len(), 6);
        // Nobody has taken anything; then nothing is old.
        assert_eq!(records.prune_feed(0, UnixTime(1_000)).await.unwrap(), 0);
        assert_eq!(records.prune_feed(all[5].position, UnixTime(100)).await.unwrap(), 0);
        // One feed has come as far as the second version of a: its third, and what replaces b, it hasn't seen.
        assert_eq!(records.prune_feed(all[2].position, UnixTime(1_000)).await.unwrap(), 1);
        assert_eq!(left().await, ["mov_b 1", "mov_a 2", "mov_c 1", "mov_b 2", "mov_a 3"]);
        // All taken, but what came at 200 is young: the old ones that it replaces go.
        assert_eq!(records.prune_feed(all[5].position, UnixTime(200)).await.unwrap(), 2);
        assert_eq!(left().await, ["mov_c 1", "mov_b 2", "mov_a 3"]);
        // The last word on a movement stays, however old.
        assert_eq!(records.prune_feed(i64::MAX, UnixTime(i64::MAX)).await.unwrap(), 0);
        assert_eq!(subject.store.records.feed_end().await.unwrap(), all[5].position);
    }
}
