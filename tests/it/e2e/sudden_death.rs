//! SIGKILL under load, again and again: what was answered 200 is in the log.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use mrrd::demo::{
    Event, Ledger, Simulator,
    check::{Asked, compare},
    months,
};

use super::{END, START, daemon, delivery};
use crate::support::daemon::Daemon;

/// Every id in the log, page by page.
async fn logged(daemon: &mut Daemon) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let mut cursor = String::new();
    loop {
        let page = daemon.json(&format!("/api/v1/events?limit=1000{cursor}")).await;
        let events = page["data"].as_array().expect("a list").clone();
        ids.extend(events.iter().filter_map(|event| event["id"].as_str().map(str::to_owned)));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_daemon_has_every_webhook_it_acknowledged() {
    let mut account = Simulator::new(13, 8, START, END);
    let events = account.advance(END);
    let mut daemon = daemon().await;
    let acknowledged = Arc::new(Mutex::new(BTreeSet::<String>::new()));
    for round in 0..20_u64 {
        let known = acknowledged.lock().unwrap().clone();
        let left: Vec<Event> = events.iter().filter(|event| !known.contains(&event.id)).cloned().collect();
        // Once all are in, the same ones again: a duplicate is acknowledged too.
        let load = if left.is_empty() { events.clone() } else { left };
        let (delivery, heard) = (delivery(&daemon), Arc::clone(&acknowledged));
        let posting = tokio::spawn(async move {
            let heard = move |event: &Event| {
                heard.lock().unwrap().insert(event.id.clone());
            };
            delivery.deliver(load, heard).await
        });
        tokio::time::sleep(Duration::from_millis(5 + round * 37 % 60)).await;
        daemon.kill();
        // It may have been done before the kill; usually it wasn't.
        let _ = posting.await.unwrap();
        daemon = daemon.restart().await;
    }
    let known = acknowledged.lock().unwrap().clone();
    assert!(known.len() > 20, "hardly anything was under way: {}", known.len());
    let lost: Vec<_> = known.difference(&logged(&mut daemon).await).cloned().collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");

    delivery(&daemon).deliver(events.clone(), |_| {}).await.unwrap();
    daemon.settle().await;
    assert_eq!(logged(&mut daemon).await.len(), events.len());
    let comparison = compare(
        account.truth(),
        &months(START, END),
        &Ledger::NATIVE,
        Asked { address: daemon.address(), token: daemon.token() },
    )
    .await
    .unwrap();
    assert_eq!(comparison.differences, Vec::<String>::new());
}
