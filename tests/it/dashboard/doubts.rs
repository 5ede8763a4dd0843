//! A ledger with everything that can't be known: every page stands, and says what isn't known instead of guessing.

use std::{collections::BTreeSet, path::Path};

use mrrd::ledger::time::UnixTime;
use serde_json::json;

use super::{everywhere, walk};
use crate::{
    api::{DAY, JANUARY, event, quality, subscription},
    support::{
        daemon::{Daemon, Settings, mrrd},
        fake_stripe::{FakeStripe, KEY},
    },
};

/// One or some events for each thing that can't be known; pounds have no rate.
async fn ledger() -> Daemon {
    let mut daemon = Settings::default()
        .env("MRRD_LEDGER__REPORTING_CURRENCY", "usd")
        .env("MRRD_LEDGER__PROFILES", "stripe,finance")
        .start()
        .await;
    for body in quality::events() {
        daemon.accept(body).await;
    }
    let mut pounds = subscription("sub_pounds", "cus_pounds", "price_pounds", 1000, 1, JANUARY);
    pounds["currency"] = json!("gbp");
    pounds["items"]["data"][0]["price"]["currency"] = json!("gbp");
    daemon.accept(event("evt_pounds", "customer.subscription.created", JANUARY, &pounds, None)).await;
    read_past(&daemon).await;
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases");
    let path = cases.join("111-repeating-by-id-only.jsonl");
    let replayed = daemon.command(&["replay", path.to_str().unwrap()]);
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    daemon.settle().await;
    daemon
}

/// Stripe's API shows a subscription of five seats, and an invoice of January for one: when they came it doesn't say.
async fn read_past(daemon: &Daemon) {
    let stripe = FakeStripe::calm(mrrd::clock::Clock::system().now()).await;
    let now = subscription("sub_past", "cus_past", "price_past", 1000, 5, JANUARY);
    let line = json!({
        "id": "il_past", "object": "line_item", "amount": 1000, "quantity": 1, "subscription": "sub_past",
        "subscription_item": "si_sub_past", "type": "subscription", "proration": false,
        "price": now["items"]["data"][0]["price"], "period": {"start": JANUARY, "end": JANUARY + 31 * DAY}
    });
    let invoice = json!({
        "id": "in_past", "object": "invoice", "customer": "cus_past", "created": JANUARY, "subscription": "sub_past",
        "status": "paid", "currency": "usd", "total": 1000, "subtotal": 1000, "billing_reason": "subscription_create",
        "livemode": true, "lines": {"object": "list", "has_more": false, "data": [line]}
    });
    let mut now = now;
    now["livemode"] = json!(true);
    stripe.put("subscriptions", "sub_past", UnixTime(JANUARY), now.to_string());
    stripe.put("invoices", "in_past", UnixTime(JANUARY), invoice.to_string());
    let settings = Settings::default().env("MRRD_STRIPE__API_BASE", &stripe.base()).env("MRRD_STRIPE__API_KEY", KEY);
    let mut command = mrrd(daemon.dir(), &settings);
    command.args(["backfill", "--history"]);
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

/// What the page calls each kind, beside the API's word for it.
const KINDS: [(&str, &str); 14] = [
    ("unreadable_event", "Events that couldn’t be read"),
    ("thin_event", "Events that carry no object"),
    ("unpriced_item", "Items without a known price"),
    ("estimated_item", "Items counted by an estimate"),
    ("unresolved_discount", "Discounts whose terms aren’t known"),
    ("gap", "Gaps in a history"),
    ("unresolved_tie", "Changes whose order isn’t known"),
    ("overdue", "Changes that are overdue"),
    ("tax_unknown", "Tax rates that aren’t known"),
    ("unknown_value", "Values mrrd doesn’t know"),
    ("missing_rate", "Exchange rates that are missing"),
    ("unclear_past", "Stretches of the past left open"),
    ("discount_estimated", "Discounts read off invoice lines"),
    ("duration_inferred", "Durations of discounts inferred"),
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_not_known_is_said_on_every_page() {
    let mut daemon = ledger().await;
    let listed = daemon.json("/api/v1/quality?limit=1000").await;
    let listed = listed["data"].as_array().unwrap();
    let there: BTreeSet<&str> = listed.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    let missing: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).filter(|kind| !there.contains(kind)).collect();
    assert!(missing.is_empty(), "the ledger has nothing of {missing:?}, only {there:?}");

    // Dollars need no rate. What is converted is refused for want of one, as long as it takes, and never shown without it.
    let pages = json!([
        {"path": "/?currency=usd"}, {"path": "/movements?currency=usd"}, {"path": "/customers?currency=usd"},
        {"path": "/customers/cus_gap?currency=usd"}, {"path": "/customers/cus_unpriced?currency=usd&view=rules"},
        {"path": "/churn?currency=usd"}, {"path": "/cohorts?currency=usd"}, {"path": "/breakdown?currency=usd"},
        {"path": "/closing?currency=usd"}, {"path": "/events"}, {"path": "/events/evt_anonymous"},
        {"path": "/events/evt_thin_2"}, {"path": "/health"}, {"path": "/health?quality=gaps"}, {"path": "/"},
        {"path": "/movements"}, {"path": "/customers/cus_pounds"}, {"path": "/alerts"},
    ]);
    let seen = walk(&daemon, &everywhere(), &pages);
    let counts = daemon.json("/api/v1/status").await["quality"].clone();
    let estimates = ["estimated_items", "discounts_estimated", "durations_inferred"];
    let sum = |of: fn(bool) -> bool| -> u64 {
        let counts = counts
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, _)| !["thin_events", "ignored_events"].contains(&key.as_str()));
        counts.filter(|(key, _)| of(estimates.contains(&key.as_str()))).filter_map(|(_, n)| n.as_u64()).sum()
    };
    // What is estimated is told after all: it is counted by itself.
    let foot =
        format!("{} things couldn’t be known, {} estimated", sum(|estimated| !estimated), sum(|estimated| estimated));
    for one in &seen {
        let path = one.0["path"].as_str().unwrap();
        let refused = matches!(path, "/" | "/movements" | "/customers/cus_pounds" | "/alerts");
        // A browser tells of every refusal: those are all there is to tell.
        let faults: Vec<String> =
            one.faults().into_iter().filter(|fault| !(refused && fault.contains("409"))).collect();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        match path {
            "/health" => KINDS.iter().for_each(|(_, name)| one.shows(name)),
            "/health?quality=gaps" => one.shows("sub_gap"),
            "/?currency=usd" => one.shows("Gaps in a history"),
            "/customers/cus_gap?currency=usd" | "/customers/cus_unpriced?currency=usd&view=rules" => {
                one.shows("What couldn’t be known");
            }
            _ if refused => one.shows("No rate of gbp in usd"),
            _ => one.shows(&foot),
        }
    }
}
