//! Movements as a feed: each is posted once by its id whatever dies, in order, corrected where it turns out otherwise, and
//! read from any place on.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use mrrd::{
    clock::Clock,
    stripe::signature::{SigningSecret, verify},
};
use serde_json::{Value, json};

use super::{
    account::{self, again, ends, paying},
    channels::{Receiver, SECRET, Sent, Temper},
};
use crate::{
    api::{DAY, event},
    support::daemon::{Daemon, Settings},
};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn now() -> i64 {
    Clock::system().now().0
}

/// A feed `crm`, from some days ago on.
fn feed(url: &str, days: i64) -> Settings {
    let from = mrrd::ledger::time::Zone::UTC.day(Clock::system().now().plus(-days * DAY));
    Settings::default()
        .env("MRRD_FEEDS__CRM__URL", url)
        .env("MRRD_FEEDS__CRM__SECRET", SECRET)
        .env("MRRD_FEEDS__CRM__FROM", &from.to_string())
}

fn begins(customer: &str, at: i64) -> String {
    account::begins(customer, at)
}

/// What was posted, as "type customer kind version", each once, in order of its first arrival.
fn told(receiver: &Receiver) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut told = Vec::new();
    for Sent { body, .. } in receiver.sent("/crm") {
        if seen.insert(body["id"].to_string()) {
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (customer, kind) = (word(&body["movement"]["customer"]), word(&body["movement"]["kind"]));
            told.push(format!("{} {customer} {kind} {}", word(&body["type"]), body["version"]));
        }
    }
    told
}

async fn until(receiver: &Receiver, wanted: &[&str]) {
    let since = Instant::now();
    while told(receiver) != wanted {
        assert!(since.elapsed() < PATIENCE, "{:#?}\nis not\n{wanted:#?}", told(receiver));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn after(daemon: &mut Daemon, cursor: &str) -> Value {
    daemon.json(&format!("/api/v1/movements?after={cursor}&limit=2")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn movements_are_posted_in_order_once_by_id_and_corrected_where_late_events_say_otherwise() {
    // The first request is never answered, the second is refused: the daemon dies with a message on the wire.
    let receiver = Receiver::start(|number, _| match number {
        0 => Temper::Hang,
        1 => Temper::Answer(500),
        _ => Temper::Take,
    })
    .await;
    let start = now() - 2 * DAY;
    let mut daemon = feed(&receiver.url("/crm"), 5).start().await;
    daemon.accept(begins("cus_long_ago", start - 20 * DAY)).await;
    daemon.accept(begins("cus_a", start)).await;
    daemon.accept(begins("cus_b", start + 60)).await;
    receiver.wait("/crm", PATIENCE, |_| true).await;
    daemon.kill();
    let mut daemon = daemon.restart().await;
    let new = ["movement.created cus_a new 1", "movement.created cus_b new 1"];
    until(&receiver, &new).await;
    let first = &receiver.sent("/crm")[0];
    let header = first.headers.get("mrrd-signature").unwrap().as_bytes();
    let secret = [SigningSecret::new(SECRET).unwrap()];
    verify(Some(header), &first.bytes, &secret, Clock::system().now(), Some(60)).unwrap();
    assert_eq!((&first.body["movement"]["amount"], &first.body["previous"]), (&json!(2000), &Value::Null));

    // A churn, which later webhooks of the same day make no churn at all; and one of another amount.
    daemon.accept(ends("cus_a", start, now() - 600, "cancellation_requested")).await;
    let mut all: Vec<&str> = new.to_vec();
    all.push("movement.created cus_a churn 1");
    until(&receiver, &all).await;
    daemon.accept(again("cus_a", now() - 300)).await;
    all.push("movement.removed cus_a churn 2");
    until(&receiver, &all).await;
    let mut dearer = paying("cus_b", start + 60);
    dearer["items"]["data"][0]["quantity"] = json!(3);
    let before = json!({"items": paying("cus_b", start + 60)["items"]});
    daemon.accept(event("evt_dearer", "customer.subscription.updated", start + 120, &dearer, Some(before))).await;
    all.push("movement.corrected cus_b new 2");
    until(&receiver, &all).await;
    let correction = receiver.wait("/crm", PATIENCE, |sent| sent.body["type"] == "movement.corrected").await.body;
    assert_eq!(
        (&correction["movement"]["amount"], &correction["previous"]["amount"]),
        (&json!(6000), &json!(2000)),
        "{correction}"
    );
    assert_eq!(correction["movement"]["id"], correction["previous"]["id"]);

    // Whoever asks instead reads the same, from any cursor on.
    let (first, mut read, mut cursor) = (after(&mut daemon, "0").await, Vec::new(), "0".to_owned());
    assert_eq!(first["data"].as_array().unwrap().len(), 2);
    loop {
        let page = after(&mut daemon, &cursor).await;
        read.extend(page["data"].as_array().unwrap().iter().map(|one| one["id"].to_string()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    let mut posted: Vec<String> = receiver.sent("/crm").iter().map(|sent| sent.body["id"].to_string()).collect();
    posted.dedup();
    assert_eq!(read, posted);
    assert_eq!(daemon.get("/api/v1/movements?after=soon").await.status, 422);
    assert_eq!(daemon.get("/api/v1/movements?after=0&kind=new").await.status, 422);

    // From an earlier day on: what was told comes again with its ids, and what lay before comes too.
    let count = receiver.sent("/crm").len();
    let day = mrrd::ledger::time::Zone::UTC.day(Clock::system().now().plus(-30 * DAY)).to_string();
    let replay = daemon.command(&["feeds", "replay", "crm", &day]);
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stderr));
    all.push("movement.created cus_long_ago new 1");
    until(&receiver, &all).await;
    let again: Vec<String> = receiver.sent("/crm")[count..].iter().map(|sent| sent.body["id"].to_string()).collect();
    assert_eq!((&again[..read.len()], again.len()), (&read[..], read.len() + 1));
    let listed = daemon.command(&["feeds", "list", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!((&listed[0]["waiting"], &listed[0]["replays_from"]), (&json!(0), &Value::Null), "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_feed_nothing_is_kept_and_asking_for_it_is_refused() {
    let mut daemon = Settings::default().start().await;
    let answer = daemon.get("/api/v1/movements?after=0").await;
    assert_eq!(answer.status, 422);
    assert!(answer.json()["detail"].as_str().unwrap().contains("no feed is configured"), "{}", answer.json());
}
