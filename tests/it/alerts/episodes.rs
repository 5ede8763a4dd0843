//! Episodes of `churn_spike` by the running binary: taken back, lasting, rising further, and bulks that are none.

use std::time::{Duration, Instant};

use mrrd::clock::Clock;
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom as _};
use serde_json::{Value, json};

use super::{
    account::{self, again, beginning, begins, ends, paying, staying},
    channels::{Receiver, Temper, webhook},
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

async fn spikes(daemon: &mut Daemon) -> Vec<Value> {
    daemon.json("/api/v1/alerts?rule=churn_spike").await["data"].as_array().unwrap().clone()
}

/// Waits until the alerts of `churn_spike`, newest first, are as wanted.
async fn until(daemon: &mut Daemon, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let since = Instant::now();
    loop {
        let spikes = spikes(daemon).await;
        if wanted(&spikes) {
            return spikes;
        }
        assert!(since.elapsed() < PATIENCE, "{spikes:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn customers(spike: &Value) -> Vec<String> {
    let customers = spike["alert"]["customers"].as_array().unwrap().iter();
    customers.map(|one| one["customer"].as_str().unwrap().to_owned()).collect()
}

/// The customers of these numbers leave at `at`.
async fn leave(daemon: &mut Daemon, numbers: std::ops::Range<usize>, at: i64) {
    for n in numbers {
        daemon.accept(ends(&staying(n), beginning(), at + n as i64, "cancellation_requested")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spike_that_was_taken_back_silences_nothing() {
    let mut daemon = account::lived(account::settings()).await;
    let (yesterday, today) = (now() - DAY, within_today(3));
    leave(&mut daemon, 0..20, yesterday).await;
    until(&mut daemon, |spikes| spikes.len() == 1).await;
    for n in 0..20 {
        daemon.accept(again(&staying(n), yesterday + 1800)).await;
    }
    let spikes = until(&mut daemon, |spikes| spikes[0]["closed_at"].is_string()).await;
    assert_eq!((spikes.len(), &spikes[0]["taken_back"]), (1, &json!(true)), "{spikes:#?}");

    // Others leave the next day, and others again on the day their alert is taken back too.
    leave(&mut daemon, 20..50, today).await;
    let spikes = until(&mut daemon, |spikes| spikes.len() == 2).await;
    assert!(customers(&spikes[0]).iter().all(|one| (20..50).any(|n| *one == staying(n))), "{spikes:#?}");
    for n in 20..50 {
        daemon.accept(again(&staying(n), today + 300)).await;
    }
    until(&mut daemon, |spikes| spikes.iter().all(|spike| spike["taken_back"] == true)).await;
    leave(&mut daemon, 50..75, today).await;
    let spikes = until(&mut daemon, |spikes| spikes.len() == 3).await;
    assert!(spikes[0]["closed_at"].is_null() && customers(&spikes[0]).contains(&staying(50)), "{spikes:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_and_created_anew_is_no_spike_in_any_order() {
    let mut daemon = account::lived(account::settings().env("MRRD_ALERTS__SECOND_LOOK_SECONDS", "6")).await;
    // Within one second, in any order.
    let at = now() - 5;
    let cancels = |from: usize, at: i64| -> Vec<String> {
        (from..from + 80).map(|n| ends(&staying(n), beginning(), at, "cancellation_requested")).collect()
    };
    let creates = |from: usize, at: i64| -> Vec<String> { (from..from + 80).map(|n| again(&staying(n), at)).collect() };
    let mut events = [cancels(0, at), creates(0, at)].concat();
    events.shuffle(&mut StdRng::seed_from_u64(14));
    for one in events {
        daemon.accept(one).await;
    }
    // All that end come first, and are looked at before any create is there.
    let at = now();
    for one in cancels(80, at) {
        daemon.accept(one).await;
    }
    daemon.settle().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    for one in creates(80, at) {
        daemon.accept(one).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    daemon.settle().await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert_eq!(spikes(&mut daemon).await, [] as [Value; 0]);
    // Those who are gone are told as soon as they have been looked at twice.
    leave(&mut daemon, 160..180, now() - 30).await;
    until(&mut daemon, |spikes| spikes.len() == 1).await;
}

/// A subscription of 5 000.00 a month, told by an event of this kind.
fn large(customer: &str, number: u32, kind: &str, created: i64, at: i64) -> String {
    let mut large = paying(customer, created);
    large["id"] = json!(format!("sub_{customer}_{number}"));
    large["items"]["data"][0]["id"] = json!(format!("si_{customer}_{number}"));
    large["items"]["data"][0]["price"]["unit_amount"] = json!(500_000);
    large["items"]["data"][0]["price"]["unit_amount_decimal"] = json!("500000");
    if kind == "deleted" {
        (large["status"], large["ended_at"]) = (json!("canceled"), json!(at));
        large["cancellation_details"] = json!({"reason": "cancellation_requested"});
    }
    event(&format!("evt_{customer}_{number}_{kind}"), &format!("customer.subscription.{kind}"), at, &large, None)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_customer_cancelled_and_created_anew_is_no_large_loss_in_any_order() {
    let mut daemon = account::lived(account::settings().env("MRRD_ALERTS__SECOND_LOOK_SECONDS", "20")).await;
    let (start, midnight) = (beginning(), now() / DAY * DAY);
    let customers = ["cus_ends_first", "cus_begins_first", "cus_at_midnight", "cus_at_midnight_backwards", "cus_gone"];
    for customer in customers {
        daemon.accept(large(customer, 1, "created", start, start)).await;
    }
    daemon.settle().await;
    let ended = |customer: &str, at: i64| large(customer, 1, "deleted", start, at);
    let begun = |customer: &str, at: i64| large(customer, 2, "created", at, at);
    let at = now() - 5;
    // The day has gone by for one of the two: no window holds both.
    let (before, after) = (midnight - 10, midnight + 10);
    daemon.accept(ended(customers[0], at)).await;
    daemon.accept(begun(customers[1], at)).await;
    daemon.accept(begun(customers[2], before)).await;
    daemon.accept(ended(customers[3], after)).await;
    daemon.settle().await;
    // Time for a look at half of it.
    tokio::time::sleep(Duration::from_secs(3)).await;
    daemon.accept(begun(customers[0], at)).await;
    daemon.accept(ended(customers[1], at)).await;
    daemon.accept(ended(customers[2], after)).await;
    daemon.accept(begun(customers[3], before)).await;
    daemon.settle().await;
    daemon.accept(ended(customers[4], now())).await;
    let since = Instant::now();
    let told = loop {
        let told = daemon.json("/api/v1/alerts?rule=large_loss").await["data"].as_array().unwrap().clone();
        if !told.is_empty() {
            break told;
        }
        assert!(since.elapsed() < 3 * PATIENCE, "nobody is told of who is gone");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let customers = told.iter().flat_map(self::customers).collect::<Vec<_>>();
    assert_eq!(customers, ["cus_gone"], "{told:#?}");
}

/// So many quarters into what is over of today: an hour ago is yesterday, in the first hour of a day.
fn within_today(quarters: i64) -> i64 {
    let over = now().rem_euclid(DAY);
    now() - over + over * quarters / 4
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_further_rise_in_an_open_episode_is_its_next_version() {
    let receiver = Receiver::start(|_, _| Temper::Take).await;
    let settings = webhook(account::settings(), "ops", &receiver.url("/ops"));
    let mut daemon = account::lived(settings).await;
    leave(&mut daemon, 0..20, now() - DAY).await;
    let told = |event: &'static str, version: u64| {
        move |sent: &super::channels::Sent| sent.body["type"] == event && sent.body["version"] == version
    };
    let first = receiver.wait("/ops", PATIENCE, told("alert.raised", 1)).await.body;

    // A handful more is no news; what would be an alert by itself is.
    leave(&mut daemon, 20..22, within_today(1)).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(receiver.sent("/ops").len(), 1);
    leave(&mut daemon, 22..50, within_today(2)).await;
    let second = receiver.wait("/ops", PATIENCE, told("alert.updated", 2)).await.body;
    let id = first["id"].as_str().unwrap();
    assert_eq!((&second["alert_id"], &second["id"]), (&json!(id), &json!(format!("{id}_v2"))));
    let alert = &second["alert"];
    assert!(alert["as_of"].as_str() > alert["day"].as_str() && alert["day"] == first["alert"]["day"], "{alert}");
    let of_today = alert["observed"].as_u64().unwrap();
    assert_eq!(u64::try_from(alert["customers"].as_array().unwrap().len()).unwrap(), 20 + of_today, "{alert}");
    let headline = second["headline"].as_str().unwrap();
    assert!(headline.starts_with(&format!("Churn spike, update 2: {of_today} further customers left")), "{headline}");

    // The same day once more.
    leave(&mut daemon, 50..180, within_today(3)).await;
    let third = receiver.wait("/ops", PATIENCE, told("alert.updated", 3)).await.body;
    assert_eq!(third["alert_id"], first["id"]);
    let spikes = until(&mut daemon, |spikes| spikes[0]["version"].as_u64() >= Some(3)).await;
    assert_eq!(
        (spikes.len(), &spikes[0]["id"], &spikes[0]["closed_at"]),
        (1, &first["id"], &Value::Null),
        "{spikes:#?}"
    );
    let shown = daemon.command(&["alerts", "list"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("open, version") && shown.contains("update"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_lasting_rise_is_one_alert_however_long_it_lasts() {
    /// Days at 3 a day, and at 6.
    const USUAL: i64 = 150;
    const RISEN: i64 = 110;
    let daemon = Settings::default().start().await;
    let start = now() / DAY * DAY - (USUAL + RISEN) * DAY - DAY / 2;
    let mut events: Vec<String> = (0..1000).map(|n| begins(&format!("cus_{n}"), start)).collect();
    let mut next = 0;
    for day in 1..USUAL + RISEN {
        let at = start + day * DAY;
        // As many come as go.
        for n in 0..if day < USUAL { 3 } else { 6 } {
            let (gone, begun) = if next < 1000 {
                (format!("cus_{next}"), start)
            } else {
                let before = next - 1000;
                (format!("cus_new_{before}"), start + begun_on(before, USUAL) * DAY)
            };
            events.push(ends(&gone, begun, at + 60 * n, "cancellation_requested"));
            events.push(begins(&format!("cus_new_{next}"), at));
            next += 1;
        }
    }
    account::import(&daemon, &events);
    let mut daemon = daemon;
    daemon.settle_within(PATIENCE).await;
    let output = daemon.command(&["alerts", "backtest", "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let alerts = found["alerts"].as_array().unwrap();
    let [alert] = &alerts.iter().filter(|alert| alert["rule"] == "churn_spike").collect::<Vec<_>>()[..] else {
        panic!("{alerts:#?}")
    };
    assert_eq!((&alert["ended"], alert["updates"].is_null()), (&json!("new_level"), true), "{alert}");
}

/// The day on which the n-th newcomer of the lasting rise began.
fn begun_on(n: i64, usual: i64) -> i64 {
    let before = 3 * (usual - 1);
    if n < before { 1 + n / 3 } else { usual + (n - before) / 6 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pauses_discounts_and_other_plans_are_nobody_lost() {
    let mut daemon = account::lived(account::settings()).await;
    let (start, at) = (beginning(), now() - 1200);
    let updated = |n: usize, change: &dyn Fn(&mut Value), before: Value| {
        let mut now = paying(&staying(n), start);
        change(&mut now);
        event(&format!("evt_changed_{n}"), "customer.subscription.updated", at, &now, Some(before))
    };
    for n in 0..20 {
        let paused = updated(n, &|one| one["status"] = json!("paused"), json!({"status": "active"}));
        daemon.accept(paused).await;
    }
    let free = json!({"id": "di_1", "object": "discount", "start": at, "end": null, "coupon": {
        "id": "free", "object": "coupon", "percent_off": 100.0, "duration": "forever", "valid": true}});
    for n in 20..40 {
        let discounted = updated(n, &|one| one["discount"] = free.clone(), json!({"discount": null}));
        daemon.accept(discounted).await;
    }
    // One plan ends and another begins within the day.
    for n in 40..60 {
        daemon.accept(ends(&staying(n), start, at, "cancellation_requested")).await;
        daemon.accept(again(&staying(n), at + 7)).await;
    }
    daemon.settle().await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(spikes(&mut daemon).await, [] as [Value; 0]);
}
