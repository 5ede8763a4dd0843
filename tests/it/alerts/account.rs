//! A small company whose customers come and go evenly: history enough to learn from, told day by day.

use mrrd::clock::Clock;
use serde_json::{Value, json};

use crate::{
    api::{DAY, event, subscription},
    support::daemon::{Daemon, Settings},
};

/// Days of history.
pub(super) const DAYS: i64 = 100;
/// Customers at the start.
const CUSTOMERS: usize = 400;

/// 20.00 a month, since `created`.
pub(super) fn paying(customer: &str, created: i64) -> Value {
    subscription(&format!("sub_{customer}"), customer, "price_1", 2000, 1, created)
}

/// It begins.
pub(super) fn begins(customer: &str, at: i64) -> String {
    event(&format!("evt_new_{customer}_{at}"), "customer.subscription.created", at, &paying(customer, at), None)
}

/// It ends, because its customer asked for it or because of a payment.
pub(super) fn ends(customer: &str, created: i64, at: i64, reason: &str) -> String {
    let mut ended = paying(customer, created);
    ended["status"] = json!("canceled");
    ended["ended_at"] = json!(at);
    ended["canceled_at"] = json!(at);
    ended["cancellation_details"] = json!({"reason": reason});
    event(&format!("evt_end_{customer}_{at}"), "customer.subscription.deleted", at, &ended, None)
}

/// Its customer is back at once with another subscription of the same price.
pub(super) fn again(customer: &str, at: i64) -> String {
    let mut new = paying(customer, at);
    new["id"] = json!(format!("sub_again_{customer}_{at}"));
    new["items"]["data"][0]["id"] = json!(format!("si_again_{customer}_{at}"));
    event(&format!("evt_again_{customer}_{at}"), "customer.subscription.created", at, &new, None)
}

/// Its payment fails.
pub(super) fn fails(customer: &str, created: i64, at: i64) -> String {
    let mut failing = paying(customer, created);
    failing["status"] = json!("past_due");
    let before = Some(json!({"status": "active"}));
    event(&format!("evt_due_{customer}_{at}"), "customer.subscription.updated", at, &failing, before)
}

/// When the account's history begins: so many days before today, at noon.
pub(super) fn beginning() -> i64 {
    Clock::system().now().0 / DAY * DAY - DAYS * DAY - DAY / 2
}

/// `CUSTOMERS` from the first day on; each day 1, 2 or 3 leave, and as many come.
pub(super) fn history() -> Vec<String> {
    let start = beginning();
    let mut events: Vec<String> = (0..CUSTOMERS).map(|n| begins(&format!("cus_{n:04}"), start)).collect();
    let mut next = 0;
    for day in 1..DAYS {
        let at = start + day * DAY;
        for n in 0..1 + day % 3 {
            events.push(ends(&format!("cus_{next:04}"), start, at + 60 * n, "cancellation_requested"));
            events.push(begins(&format!("cus_d{day}_{n}"), at + 60 * n));
            next += 1;
        }
    }
    assert!(next < CUSTOMERS / 2 + 10, "the rest is for what a test lets happen");
    events
}

/// Those of the first customers who are still there, whatever `history` does.
pub(super) fn staying(n: usize) -> String {
    format!("cus_{:04}", CUSTOMERS - 1 - n)
}

/// Settings under which the second look comes soon.
pub(super) fn settings() -> Settings {
    Settings::default().env("MRRD_ALERTS__SECOND_LOOK_SECONDS", "2")
}

/// A daemon over this history.
pub(super) async fn lived(settings: Settings) -> Daemon {
    let mut daemon = settings.start().await;
    import(&daemon, &history());
    daemon.settle().await;
    daemon
}

/// Takes events in as `mrrd replay` does.
pub(super) fn import(daemon: &Daemon, events: &[String]) {
    let file = daemon.dir().join(format!("history-{}.jsonl", events.len()));
    std::fs::write(&file, events.join("\n")).unwrap();
    let output = daemon.command(&["replay", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Fourteen customers leave within minutes, now.
pub(super) async fn spike(daemon: &mut Daemon) {
    let now = Clock::system().now().0;
    for n in 0..14 {
        daemon.accept(ends(&staying(n), beginning(), now - 20 + n as i64, "cancellation_requested")).await;
    }
}
