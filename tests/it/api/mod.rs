//! The API over events that came in as webhooks: figures, pages, refusals.

mod again;
mod assistants;
mod before;
mod called;
mod chartmogul;
mod clients;
mod committed;
mod durability;
mod found;
mod fx;
mod goals;
mod groups;
mod hostile;
mod joined;
mod known_at;
mod others;
mod outside;
mod parameters;
pub(crate) mod quality;
mod sales;
mod segment_groups;
mod segment_rates;
mod segments;
mod shapes;
mod trials;
mod variants;
pub(crate) mod workbooks;
mod written;

use serde_json::{Value, json};

use crate::support::daemon::{Daemon, Settings};

pub(crate) const JANUARY: i64 = 1_768_384_800; // 2026-01-14T10:00:00Z
pub(crate) const DAY: i64 = 86_400;

/// A monthly subscription in dollars as Stripe sends it.
pub(crate) fn subscription(id: &str, customer: &str, price: &str, amount: i64, quantity: i64, created: i64) -> Value {
    json!({
        "id": id, "object": "subscription", "customer": customer, "status": "active", "currency": "usd",
        "created": created, "start_date": created, "cancel_at_period_end": false, "cancel_at": null,
        "canceled_at": null, "ended_at": null,
        "items": {"object": "list", "has_more": false, "data": [{
            "id": format!("si_{id}"), "object": "subscription_item", "quantity": quantity,
            "price": {
                "id": price, "object": "price", "product": format!("prod_{price}"), "currency": "usd",
                "unit_amount": amount, "unit_amount_decimal": amount.to_string(), "billing_scheme": "per_unit",
                "type": "recurring",
                "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
            }
        }]}
    })
}

pub(crate) fn event(id: &str, kind: &str, created: i64, object: &Value, previous: Option<Value>) -> String {
    let mut data = json!({ "object": object });
    if let Some(previous) = previous {
        data["previous_attributes"] = previous;
    }
    json!({
        "id": id, "object": "event", "api_version": "2024-06-20", "created": created, "livemode": true,
        "pending_webhooks": 1, "type": kind, "data": data
    })
    .to_string()
}

/// One customer buys at 20.00 and goes to 35.00; another buys at 10.00 and leaves.
async fn ledger(settings: Settings) -> Daemon {
    let mut daemon = settings.start().await;
    let small = subscription("sub_1", "cus_1", "price_small", 2000, 1, JANUARY);
    let large = subscription("sub_1", "cus_1", "price_large", 3500, 1, JANUARY);
    let other = subscription("sub_2", "cus_2", "price_other", 1000, 1, JANUARY + DAY);
    let mut ended = other.clone();
    ended["status"] = json!("canceled");
    ended["ended_at"] = json!(JANUARY + 40 * DAY);
    ended["cancellation_details"] = json!({"reason": "cancellation_requested", "feedback": "too_expensive"});
    for body in [
        event("evt_1", "customer.subscription.created", JANUARY, &small, None),
        event("evt_2", "customer.subscription.created", JANUARY + DAY, &other, None),
        event(
            "evt_3",
            "customer.subscription.updated",
            JANUARY + 30 * DAY,
            &large,
            Some(json!({"items": small["items"]})),
        ),
        event("evt_4", "customer.subscription.deleted", JANUARY + 40 * DAY, &ended, None),
        event("evt_5", "charge.succeeded", JANUARY, &json!({"id": "ch_1", "object": "charge"}), None),
    ] {
        daemon.accept(body).await;
    }
    daemon
}

#[tokio::test]
async fn figures_follow_from_webhooks() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    let mrr = daemon.json("/api/v1/mrr?from=2026-01-01&to=2026-02-28").await;
    let line = |month: usize, name: &str| mrr["data"][month][name].as_str().unwrap().to_owned();
    assert_eq!(mrr["currency"], "usd");
    assert_eq!(["opening_exact", "new_exact", "closing_exact"].map(|name| line(0, name)), ["0", "3000", "3000"]);
    assert_eq!(
        ["opening_exact", "expansion_exact", "churn_exact", "closing_exact"].map(|name| line(1, name)),
        ["3000", "1500", "-1000", "3500"]
    );
    assert_eq!(mrr["data"][0]["customers"], 2);
    assert_eq!(mrr["data"][1]["customers"], 1);

    let grouped = daemon.json("/api/v1/mrr?from=2026-02-01&to=2026-02-28&group_by=price").await;
    let transfers: Vec<_> = grouped["data"].as_array().unwrap().iter().map(|entry| &entry["transfer_exact"]).collect();
    assert_eq!(transfers, ["2000", "0", "-2000"], "{grouped}");

    let known = daemon.json("/api/v1/mrr?from=2026-02-01&to=2026-02-28&as_known_at=2").await;
    assert_eq!(known["data"][0]["closing_exact"], "3000", "two events were known");

    let movements = daemon.json("/api/v1/movements?kind=churn").await;
    let part = &movements["data"][0]["parts"][0];
    assert_eq!((&part["cause"], &part["feedback"]), (&json!("cancellation"), &json!("too_expensive")));
    let explained = daemon.json("/api/v1/customers/sub_1/explain").await;
    assert_eq!(explained["customer"], "cus_1");
    assert!(explained["steps"].to_string().contains("evt_3"));
    let retained = daemon.json("/api/v1/metrics?from=2026-02-01&to=2026-02-28").await;
    assert_eq!(retained["data"][0]["nrr"]["value"], "1.166667");
    assert_eq!(daemon.json("/api/v1/status").await["quality"]["ignored_events"], 1);
}

#[tokio::test]
async fn pages_hold_every_movement_once_in_either_order() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    let whole = daemon.json("/api/v1/movements").await;
    let ids = |list: &Value| -> Vec<String> {
        list["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    for (order, expected) in [("asc", ids(&whole)), ("desc", ids(&whole).into_iter().rev().collect())] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = daemon.json(&format!("/api/v1/movements?limit=1&order={order}{cursor}")).await;
            seen.extend(ids(&page));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, expected, "{order}");
    }
    assert_eq!(ids(&whole).len(), 4);
}

#[tokio::test]
async fn what_cannot_be_answered_says_why() {
    let mut open = ledger(Settings::default()).await;
    for path in ["/api/v1/status", "/api/v1/mrr", "/api/v1/events", "/api/openapi.json"] {
        assert_eq!(open.stranger().get(path).await.unwrap().status, 401, "{path}");
    }
    for (path, status, word) in [
        ("/api/v1/customers/cus_none", 404, "cus_none"),
        ("/api/v1/events/evt_none/raw", 404, "evt_none"),
        ("/api/v1/mrr?intervall=day", 422, "interval"),
        ("/api/v1/mrr?profile=bord", 422, "profile"),
        ("/api/v1/movements?cursor=x", 422, "cursor"),
        ("/api/v1/movements?limit=1001", 422, "limit"),
    ] {
        let answer = open.get(path).await;
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((u64::from(answer.status), &body["status"]), (status, &json!(status)), "{path}");
        assert!(body["detail"].as_str().unwrap().contains(word), "{path}: {body}");
    }
}

#[tokio::test]
async fn the_document_describes_every_route() {
    let mut daemon = Daemon::start().await;
    let document = daemon.json("/api/openapi.json").await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for path in [
        "status",
        "mrr",
        "movements",
        "metrics",
        "cohorts",
        "customers",
        "customers/{id}",
        "customers/{id}/explain",
        "events",
        "events/{id}",
        "events/{id}/raw",
        "quality",
    ] {
        assert!(document["paths"][format!("/api/v1/{path}")]["get"].is_object(), "{path}");
    }
}
