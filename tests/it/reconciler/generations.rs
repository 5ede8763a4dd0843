//! Rebuilds: equal to incremental work, due when the rules change, never in the way of it.

use mrrd::{
    event::{NewEvent, Seq},
    limits,
    reconciler::{ReconcileError, Reconciler, driver::Driver},
};
use tokio::sync::watch;

use super::bench::*;

/// How long the log is of which every prefix is rebuilt; `REBUILD_PREFIXES` asks for more.
#[expect(clippy::disallowed_methods, reason = "how long a test runs is not configuration")]
pub(super) fn prefixes() -> usize {
    std::env::var("REBUILD_PREFIXES").ok().and_then(|count| count.parse().ok()).unwrap_or(40)
}

on_both! {
    async fn a_rebuild_changes_nothing_after_any_prefix(kind) {
        let ledger = Ledger::empty(kind).await;
        let events = prefixes();
        // A longer log is one of more customers too: one alone has less and less to tell.
        let life = shuffled(&life(3, 3 + u32::try_from(events / 25).unwrap(), 75 + i64::try_from(events).unwrap() / 2), 2);
        assert!(life.len() >= events, "a longer life is needed for {events} prefixes than {}", life.len());
        for event in &life[..events] {
            ledger.append(std::slice::from_ref(event)).await;
            ledger.settle().await.unwrap();
            let rows = ledger.rows().await;
            let before = ledger.reconciler().current_generation().await.unwrap().unwrap();
            let changes = ledger.reconciler().rebuild(&go_on(), &mut |_| ()).await.unwrap();
            assert_eq!((changes.changed, changes.failed), (0, vec![]));
            assert_eq!(usize::try_from(changes.ledgers).unwrap(), rows.len());
            assert!(changes.mrr.values().all(|mrr| mrr.before == mrr.after));
            assert_eq!(rows, ledger.rows().await);
            let generations = ledger.store.derived.generations().await.unwrap();
            assert!(generations.len() == 1 && generations[0].id > before.id, "{generations:?}");
        }
    }

    async fn other_rules_rebuild_behind_the_old_ones_and_say_what_changed(kind) {
        let ledger = Ledger::empty(kind).await;
        ledger.append(&life(3, 8, 200)).await;
        run_once(ledger.under(&["stripe"])).await.unwrap();
        let (stop, told) = watch::channel(false);
        let (old, handle) = Driver::new(ledger.under(&["stripe"]));
        let mut status = handle.subscribe();
        let old = tokio::spawn(old.run(told));
        status.wait_for(|status| status.last_run_at.is_some()).await.unwrap();

        let finance = ledger.under(&["finance", "stripe"]);
        let changes = finance.rebuild(&go_on(), &mut |_| ()).await.unwrap();
        assert_eq!(changes.ledgers, 16);
        // All of finance is new; stripe stays as it was.
        assert_eq!(changes.changed, 8);
        for (book, mrr) in &changes.mrr {
            assert_eq!(book.profile == "stripe", mrr.before == mrr.after, "{book:?} {mrr:?}");
        }
        // The process with the old rules neither rebuilds again nor mixes its rows in.
        let status = status.wait_for(|status| status.last_error.is_some()).await.unwrap().clone();
        assert!(status.last_error.unwrap().contains("profile"));
        stop.send(true).unwrap();
        old.await.unwrap();
        assert!(finance.verify(&go_on(), &mut |_| ()).await.unwrap().holds());
        let other = ledger.under(&["stripe"]).verify(&go_on(), &mut |_| ()).await;
        assert!(matches!(other, Err(ReconcileError::OtherRules(_))), "{other:?}");
    }

    async fn a_ledger_far_behind_is_filled_afresh_with_the_same_rows(kind) {
        let life = life(3, 6, 200);
        let (far, near) = (Ledger::empty(kind).await, Ledger::empty(kind).await);
        for (ledger, far_behind) in [(&far, 100), (&near, i64::MAX)] {
            ledger.settle().await.unwrap();
            let before = ledger.reconciler().current_generation().await.unwrap().unwrap();
            for round in 0.. {
                // What was said, said again: more than twice what one look at the log takes in.
                if ledger.store.log.horizon().await.unwrap().0 > 2 * limits::ADVANCE_EVENTS {
                    break;
                }
                let again = |event: &NewEvent| {
                    let body = String::from_utf8(event.body.to_vec()).unwrap();
                    received(body.replacen("\"evt_", &format!("\"evt_{round}_"), 1).into())
                };
                ledger.append(&life.iter().map(again).collect::<Vec<_>>()).await;
            }
            run_once(Reconciler { far_behind, ..ledger.reconciler() }).await.unwrap();
            let after = ledger.reconciler().current_generation().await.unwrap().unwrap();
            assert_eq!(after.id > before.id, far_behind == 100);
            assert_eq!(after.position, ledger.store.log.horizon().await.unwrap());
        }
        assert_eq!(far.rows().await, near.rows().await);
        assert!(far.verify().await.holds());
    }

    async fn one_rebuild_at_a_time_and_a_stopped_one_leaves_the_old_generation(kind) {
        let ledger = Ledger::empty(kind).await;
        ledger.append(&life(3, 4, 60)).await;
        ledger.settle().await.unwrap();
        let rows = ledger.rows().await;
        let held = ledger.store.records.lease("generations", "somebody", std::time::Duration::from_secs(10)).await.unwrap();
        assert!(held);
        let refused = ledger.reconciler().rebuild(&go_on(), &mut |_| ()).await;
        assert!(matches!(refused, Err(ReconcileError::Busy)), "{refused:?}");
        ledger.store.records.release("generations", "somebody").await.unwrap();
        let (_stop, told) = watch::channel(true);
        let stopped = ledger.reconciler().rebuild(&told, &mut |_| ()).await;
        assert!(matches!(stopped, Err(ReconcileError::Stopped)), "{stopped:?}");
        assert_eq!(ledger.store.derived.generations().await.unwrap().len(), 2);
        assert_eq!(rows, ledger.rows().await);
        ledger.settle().await.unwrap();
        assert_eq!(ledger.store.derived.generations().await.unwrap().len(), 1);
        assert_eq!(rows, ledger.rows().await);
    }

    async fn rebuilds_and_verifications_agree_while_events_come_in(kind) {
        let ledger = Ledger::empty(kind).await;
        let life = shuffled(&life(7, 12, 150), 9);
        let (stop, told) = watch::channel(false);
        let (driver, handle) = Driver::new(ledger.reconciler());
        let live = tokio::spawn(driver.run(told));
        let other = ledger.elsewhere().await;
        let appender = async {
            for some in life.chunks(4) {
                ledger.append(some).await;
                handle.notify();
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        };
        let beside = async {
            let mut status = handle.subscribe();
            status.wait_for(|status| status.applied_seq > Seq::START).await.unwrap();
            for _ in 0..3 {
                let changes = rebuild_beside(other.reconciler()).await;
                assert!(changes.failed.is_empty());
                let report = other.verify().await;
                assert_eq!(report.first_difference, None);
            }
        };
        tokio::join!(appender, beside);
        let horizon = ledger.store.log.horizon().await.unwrap();
        handle.subscribe().wait_for(|status| status.applied_seq >= horizon).await.unwrap();
        stop.send(true).unwrap();
        live.await.unwrap();
        assert_eq!(handle.status().last_error, None);
        let report = other.verify().await;
        assert_eq!((report.waiting, &report.first_difference), (0, &None));
        let straight = Ledger::empty(kind).await;
        straight.append(&life).await;
        straight.settle().await.unwrap();
        assert_eq!(straight.rows().await, ledger.rows().await);
    }
}
