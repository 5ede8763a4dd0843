//! A simulated account over HTTP: its figures are the daemon's, whatever order its webhooks arrive in.

use std::time::{Duration, Instant};

use mrrd::demo::{
    Event, Ledger, Simulator,
    check::{Asked, compare},
    delivery::disordered,
    months,
};
use serde_json::Value;

use super::{
    END, START, daemon, daemon_that_converts, delivery,
    rebuild::{file, rows},
};
use crate::support::daemon::Daemon;

async fn deliver(daemon: &mut Daemon, events: Vec<Event>) {
    delivery(daemon).deliver(events, |_| {}).await.expect("every webhook is taken in");
    daemon.settle().await;
}

/// Waits until the names of customers are read as well: they have a reader of their own, which `lag_events` knows nothing of.
async fn names_are_read(daemon: &mut Daemon) {
    let since = Instant::now();
    loop {
        let work = daemon.json("/api/v1/health").await["work"].clone();
        if work["names_seq"].as_i64() >= work["last_seq"].as_i64() {
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "names are still behind: {work}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// All that can be asked about money, in full.
async fn answers(daemon: &mut Daemon) -> Vec<Value> {
    names_are_read(daemon).await;
    let mut answers = Vec::new();
    for profile in ["stripe", "finance"] {
        for interval in ["day", "month"] {
            let path = format!("/api/v1/mrr?profile={profile}&interval={interval}&from=2024-01-01&to=2025-12-31");
            answers.push(daemon.json(&path).await);
        }
        let mut cursor = String::new();
        loop {
            let path = format!("/api/v1/movements?profile={profile}&from=2024-01-01&to=2025-12-31&limit=1000{cursor}");
            let page = daemon.json(&path).await;
            let next = page["next_cursor"].as_str().map(|next| format!("&cursor={next}"));
            answers.push(page);
            match next {
                Some(next) => cursor = next,
                None => break,
            }
        }
    }
    answers.push(daemon.json("/api/v1/quality").await);
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn every_figure_the_daemon_answers_is_the_accounts_own() {
    let mut account = Simulator::new(11, 20, START, END);
    let mut daemon = daemon_that_converts(&account).await;
    let events = account.advance(END);
    let posted = events.len();
    deliver(&mut daemon, events).await;
    let comparison = compare(
        account.truth(),
        &months(START, END),
        &Ledger::ALL,
        Asked { address: daemon.address(), token: daemon.token() },
    )
    .await
    .unwrap();
    assert_eq!(comparison.differences, Vec::<String>::new());
    assert_eq!(comparison.months, 24 * 4 * 2);
    assert!(comparison.figures > 500 && comparison.movements > 50, "{comparison:?}");
    let status = daemon.json("/api/v1/status").await;
    assert_eq!(status["log"]["events"], posted);
    for nothing in ["unreadable_events", "unpriced_items", "unresolved_discounts", "gaps", "unresolved_ties"] {
        assert_eq!(status["quality"][nothing], 0, "{nothing}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn disorder_and_repetition_change_no_answer() {
    let events = Simulator::new(12, 12, START, END).advance(END);
    let (mut orderly, mut disorderly) = (daemon().await, daemon().await);
    deliver(&mut disorderly, disordered(events.clone(), 1)).await;
    deliver(&mut orderly, events).await;
    let (one, other) = (answers(&mut orderly).await, answers(&mut disorderly).await);
    assert!(one[0]["data"].as_array().is_some_and(|days| days.len() > 600), "{}", one[0]);
    for (one, other) in one.iter().zip(&other) {
        assert_eq!(one, other);
    }
    assert_eq!(one.len(), other.len());
    assert_eq!(rows(&file(&orderly)).await, rows(&file(&disorderly)).await);
}
