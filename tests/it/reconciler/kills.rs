//! A kill at any instruction leaves nothing to repair.

use std::time::Duration;

use mrrd::{
    reconciler::{Reconciler, planned},
    store::planned::{Failure, REPLACE_BEFORE_COMMIT},
};

use super::bench::*;

/// The rows of an undisturbed ledger.
async fn undisturbed(kind: Kind) -> Vec<mrrd::store::derived::Dumped> {
    let ledger = Ledger::empty(kind).await;
    ledger.append(&life(9, 5, 120)).await;
    ledger.settle().await.unwrap();
    ledger.rows().await
}

on_both! {
    async fn a_failure_at_any_planned_point_leaves_nothing_to_repair(kind) {
        let expected = undisturbed(kind).await;
        for point in planned::POINTS.into_iter().chain([REPLACE_BEFORE_COMMIT]) {
            let mut ledger = Ledger::empty(kind).await;
            let life = life(9, 5, 120);
            let (early, late) = life.split_at(life.len() / 2);
            // Half of it is there under other rules, so that the start that fails is also a rebuild.
            ledger.append(early).await;
            run_once(ledger.under(&["finance"])).await.unwrap();
            ledger.append(late).await;
            ledger.store.plan().arm(point, Failure::Fail(1));
            ledger.settle().await.expect_err(point);
            ledger = ledger.restarted().await;
            ledger.settle().await.unwrap();
            assert_eq!(expected, ledger.rows().await, "{point}");
            let generations = ledger.store.derived.generations().await.unwrap();
            assert_eq!(generations.len(), 1, "{point}: {generations:?}");
            assert!(ledger.verify().await.holds(), "{point}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_cut_short_again_and_again_ends_where_undisturbed_work_does() {
    let expected = undisturbed(Kind::Sqlite).await;
    let mut ledger = Ledger::empty(Kind::Sqlite).await;
    ledger.append(&life(9, 5, 120)).await;
    for micros in (0..).map(|step| 200 + step * 1_500) {
        // Dropped wherever it is after so long.
        let work = ledger.settle();
        let done = tokio::time::timeout(Duration::from_micros(micros), work).await.is_ok_and(|outcome| outcome.is_ok());
        ledger = ledger.restarted().await;
        if done {
            break;
        }
    }
    assert_eq!(expected, ledger.rows().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_takes_over_when_the_lease_of_a_stopped_one_runs_out() {
    let ledger = Ledger::empty(Kind::Sqlite).await;
    let life = life(9, 3, 60);
    let (early, late) = life.split_at(life.len() / 2);
    ledger.append(early).await;
    let (driver, handle) = mrrd::reconciler::driver::Driver::new(ledger.reconciler());
    // The sender lives as long as the process would.
    let (_stop, told) = tokio::sync::watch::channel(false);
    let first = tokio::spawn(driver.run(told));
    let mut status = handle.subscribe();
    status.wait_for(|status| status.last_run_at.is_some()).await.unwrap();
    assert!(handle.status().working);
    // Stopped where it stands: it gives nothing back, and its process is there still.
    first.abort();
    ledger.append(late).await;
    let other = Reconciler { lease: Duration::from_secs(3), ..ledger.reconciler() };
    run_once(other.clone()).await.unwrap();
    let horizon = ledger.store.log.horizon().await.unwrap();
    let current = ledger.reconciler().current_generation().await.unwrap().unwrap();
    assert!(ledger.store.derived.applied(current.id).await.unwrap().position < horizon, "the lease still stands");
    // However far the clock jumps.
    ledger.clock.set(ledger.clock.now().plus(86_400));
    run_once(other.clone()).await.unwrap();
    assert!(ledger.store.derived.applied(current.id).await.unwrap().position < horizon, "and does so by no clock");
    tokio::time::sleep(other.lease).await;
    run_once(other).await.unwrap();
    assert_eq!(
        ledger.store.derived.applied(current.id).await.unwrap(),
        mrrd::store::derived::Applied { position: horizon, first_marked: None }
    );
}
