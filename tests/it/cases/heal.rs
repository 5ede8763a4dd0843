//! What history and healing make of them: replay's file formats (54), and healing that a refusal does not stop (115).

use std::{
    path::Path,
    process::Output,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    daemon::{Settings, mrrd},
    fake_stripe::{FakeStripe, KEY, Trouble},
};

/// Runs `mrrd ARGS` in `dir`, without any server.
fn run(dir: &Path, args: &[&str]) -> Output {
    mrrd(dir, &Settings::default()).args(args).stdin(std::process::Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn event(id: &str) -> Value {
    json!({"id": id, "object": "event", "api_version": "2025-08-27.basil", "created": 1_769_936_400, "livemode": true,
        "type": "customer.created", "pending_webhooks": 1, "data": {"object": {"id": "cus_A", "object": "customer"}}})
}

#[test]
fn case_54_replay_reads_what_services_hand_on_and_ends_with_1_when_it_could_read_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let inside = event("evt_1");
    let told = |value: Value| (value.to_string(), 0, "{\"read\":1,\"appended\":1,\"duplicates\":0,\"rejected\":0}");
    let nothing = |text: &str| (text.to_owned(), 1, "{\"read\":1,\"appended\":0,\"duplicates\":0,\"rejected\":1}");
    for (what, (input, code, printed)) in [
        (
            "EventBridge",
            told(json!({"version": "0", "id": "7e1f", "detail-type": "customer.created", "account": "1234",
            "source": "aws.partner/stripe.com/ed_1", "time": "2026-02-01T09:00:00Z", "region": "eu-west-1",
            "resources": [], "detail": inside})),
        ),
        (
            "Event Grid",
            told(json!({"specversion": "1.0", "id": "evt_not_this", "type": "customer.created",
            "source": "/stripe", "time": "2026-02-01T09:00:00Z", "data": inside})),
        ),
        ("hookdeck", told(json!({"id": "evt_hookdeck", "headers": {"stripe-signature": "t=1"}, "body": inside}))),
        ("n8n", told(json!([{"headers": {}, "params": {}, "query": {}, "body": inside}]))),
        ("body as text", told(json!({"headers": {}, "body": inside.to_string()}))),
        ("no event in it", nothing("{\"headers\":{},\"body\":{\"hello\":1}}")),
        ("no JSON", nothing("hello")),
        ("an object without its time", nothing("{\"id\":\"sub_1\",\"object\":\"subscription\"}")),
    ] {
        std::fs::write(dir.path().join("input.json"), input).unwrap();
        let output = run(dir.path(), &["replay", "--dry-run", "--json", "input.json"]);
        assert_eq!(output.status.code(), Some(code), "{what}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout).trim(), printed, "{what}: {}", text(&output.stderr));
    }
    // The envelope's own id and account are not the event's, and the event's bytes are its own.
    let bus = json!({"id": "evt_not_this", "account": "1234", "detail": inside});
    std::fs::write(dir.path().join("input.json"), bus.to_string()).unwrap();
    assert!(run(dir.path(), &["replay", "input.json"]).status.success());
    assert_eq!(text(&run(dir.path(), &["events", "show", "evt_1", "--raw"]).stdout), inside.to_string());
    // Some of it could be read: 0.
    std::fs::write(dir.path().join("input.json"), format!("{}\nnonsense\n", event("evt_2"))).unwrap();
    assert_eq!(run(dir.path(), &["replay", "input.json"]).status.code(), Some(0));
}

#[test]
fn case_54_a_printed_list_of_objects_is_read_as_of_when_it_was_printed() {
    let dir = tempfile::tempdir().unwrap();
    let list = |quantity: u32| {
        let price = json!({"id": "price_1", "object": "price", "currency": "usd", "unit_amount": 1000,
            "billing_scheme": "per_unit", "product": "prod_1", "type": "recurring",
            "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}});
        let subscription = json!({"id": "sub_1", "object": "subscription", "customer": "cus_1", "livemode": true,
            "status": "active", "currency": "usd", "created": 1_767_225_600, "start_date": 1_767_225_600, "discounts": [],
            "items": {"object": "list", "has_more": false, "data": [
                {"id": "si_1", "object": "subscription_item", "quantity": quantity, "price": price}]}});
        serde_json::to_string_pretty(&json!({"object": "list", "url": "/v1/subscriptions", "has_more": false,
            "data": [subscription]}))
        .unwrap()
    };
    let replay = |quantity, at: &str| {
        std::fs::write(dir.path().join("subscriptions.json"), list(quantity)).unwrap();
        run(dir.path(), &["replay", "--json", "--read-at", at, "subscriptions.json"])
    };
    // There and back again: the third says what the first said, of another time.
    for (quantity, at, appended) in [
        (1, "2026-02-01T12:00:00Z", 1),
        (4, "2026-03-01T12:00:00Z", 1),
        (1, "2026-04-01T12:00:00Z", 1),
        (1, "2026-04-01T12:00:00Z", 0),
    ] {
        let output = replay(quantity, at);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains(&format!("\"appended\":{appended}")), "{at}: {}", text(&output.stdout));
    }
    assert!(run(dir.path(), &["rebuild"]).status.success());
    let report = run(dir.path(), &["report", "mrr", "--from", "2026-01-01", "--to", "2026-04-30", "--json"]);
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    let closing: Vec<&str> =
        report["data"].as_array().unwrap().iter().map(|month| month["closing_exact"].as_str().unwrap()).collect();
    assert_eq!(closing, ["1000", "1000", "4000", "1000"]);
    let late = replay(1, "2999-01-01");
    assert_eq!(late.status.code(), Some(2), "{}", text(&late.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn case_115_what_a_key_may_not_read_stops_nothing_else() {
    let now = mrrd::clock::Clock::system().now();
    // A key that may not read subscriptions, and a coupon that Stripe answers with 400.
    let stripe = FakeStripe::start(now, Duration::ZERO, |_, path| match path {
        _ if path.starts_with("subscriptions") => Some(Trouble::Forbidden),
        "coupons" => Some(Trouble::Refused),
        _ => None,
    })
    .await;
    let created = now.0 - 10 * 86_400;
    let price = json!({"id": "price_1", "object": "price", "currency": "usd", "unit_amount": null,
        "unit_amount_decimal": null, "billing_scheme": "tiered", "tiers_mode": "volume", "product": "prod_1",
        "type": "recurring", "livemode": true, "created": created,
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}});
    let mut whole = price.clone();
    whole["tiers"] = json!([{"up_to": null, "unit_amount": 700, "unit_amount_decimal": "700", "flat_amount": null}]);
    stripe.put("prices", "price_1", now, whole.to_string());
    let state = |subscription: &str, quantity: u32| {
        json!({"id": subscription, "object": "subscription", "customer": "cus_1", "livemode": true, "status": "active",
            "currency": "usd", "created": created, "start_date": created, "discounts": [],
            "items": {"object": "list", "has_more": false, "data": [{"id": format!("si_{subscription}"),
                "object": "subscription_item", "quantity": quantity, "price": price, "discounts": []}]}})
    };
    let told = |id: &str, kind: &str, minute: i64, data: Value| {
        json!({"id": id, "object": "event", "api_version": "2025-08-27.basil", "type": kind, "livemode": true,
            "created": created + 60 * minute, "data": data})
        .to_string()
    };
    let settings = Settings::default()
        .env("MRRD_STRIPE__API_BASE", &stripe.base())
        .env("MRRD_STRIPE__API_KEY", KEY)
        .env("MRRD_SERVER__ROLES", "receiver,api");
    let mut daemon = settings.start().await;
    let created_event =
        |id, subscription| told(id, "customer.subscription.created", 0, json!({ "object": state(subscription, 2) }));
    daemon.accept(created_event("evt_1", "sub_tiers")).await;
    daemon.accept(created_event("evt_2", "sub_gap")).await;
    // Its chain breaks, which only the subscription could settle.
    let previous = json!({"items": state("sub_gap", 5)["items"]});
    let gap = json!({"object": state("sub_gap", 3), "previous_attributes": previous});
    daemon.accept(told("evt_3", "customer.subscription.updated", 20, gap)).await;
    daemon.kill();
    let mut daemon = daemon.restart_with("MRRD_SERVER__ROLES", "receiver,reconciler,alerts,api").await;
    let began = Instant::now();
    loop {
        let mrr = daemon.json("/api/v1/mrr").await;
        let priced = mrr["data"].as_array().and_then(|data| data.last()).is_some_and(|last| last["closing"] == 3_500);
        // What is refused is kept when the round is over.
        if priced && daemon.json("/api/v1/status").await["stripe"]["refused"][0].is_object() {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "the price was never fetched: {mrr}\n{}", daemon.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let doctor = text(&daemon.command(&["doctor"]).stdout);
    for said in [
        "failed  stripe: GET /v1/subscriptions/{id}: ",
        "failed  stripe: GET /v1/coupons: /coupons: Stripe refuses the request with 400 (parameter_unknown: some_parameter)",
        "warning  healing: GET /v1/subscriptions/{id} was refused",
    ] {
        assert!(doctor.contains(said), "{doctor}");
    }
}
