//! What Stripe refuses of one route stops nothing of the others, and is told until it is given.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mrrd::history::{backfill::HistoryError, heal::Healer, refusals::Refusal};
use serde_json::{Value, json};

use super::{account, healing::event, room::*};
use crate::support::{
    daemon::Settings,
    fake_stripe::{FakeStripe, KEY, Trouble},
};

/// Stripe, which answers questions about subscriptions with the trouble that is put here.
async fn reluctant() -> (FakeStripe, Arc<Mutex<Option<Trouble>>>) {
    let trouble = Arc::new(Mutex::new(None));
    let put = trouble.clone();
    let stripe = FakeStripe::start(NOW, Duration::ZERO, move |_, path| {
        if path.starts_with("subscriptions") { *put.lock().unwrap() } else { None }
    })
    .await;
    (stripe, trouble)
}

fn price(id: &str, tiers: bool) -> Value {
    let mut price = json!({"id": id, "object": "price", "currency": "usd", "unit_amount": null,
        "unit_amount_decimal": null, "billing_scheme": "tiered", "tiers_mode": "graduated", "product": "prod_1",
        "type": "recurring", "livemode": true, "created": NOW.0 - 20 * 86_400,
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}});
    if tiers {
        price["tiers"] = json!([
            {"up_to": null, "unit_amount": 700, "unit_amount_decimal": "700", "flat_amount": null}]);
    }
    price
}

fn seats(id: &str, price: &Value, quantity: i64) -> Value {
    let created = NOW.0 - 10 * 86_400;
    json!({"id": id, "object": "subscription", "customer": "cus_1", "status": "active", "currency": "usd",
        "created": created, "start_date": created, "livemode": true, "discounts": [],
        "items": {"object": "list", "has_more": false, "data": [{"id": format!("si_{id}"), "object": "subscription_item",
            "quantity": quantity, "price": price, "discounts": []}]}})
}

/// A log with a gap, which only the subscription settles, and a tiered price, which only the price settles.
async fn unsettled(room: &Room, stripe: &FakeStripe) {
    let flat = json!({"id": "price_flat", "object": "price", "currency": "usd", "unit_amount": 1000,
        "unit_amount_decimal": "1000", "billing_scheme": "per_unit", "product": "prod_1", "type": "recurring",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}});
    let gapped = |quantity| seats("sub_gap", &flat, quantity);
    stripe.put("prices", "price_1", NOW, price("price_1", true).to_string());
    stripe.put("subscriptions", "sub_gap", NOW, gapped(7).to_string());
    room.append(event("evt_1", "customer.subscription.created", 0, &gapped(1), None)).await;
    let previous = json!({"items": gapped(3)["items"]});
    room.append(event("evt_2", "customer.subscription.updated", 20, &gapped(5), Some(previous))).await;
    let tiered = seats("sub_tiers", &price("price_1", false), 2);
    room.append(event("evt_3", "customer.subscription.created", 0, &tiered, None)).await;
    room.rows().await;
    assert_eq!(room.quality().await, ["gap", "unpriced_item"]);
}

on_both! {
    async fn a_missing_permission_or_a_refusal_stops_nothing_else_and_is_told_until_it_is_given(kind) {
        for (trouble, said) in [
            (Trouble::Forbidden, "lacks the permission"),
            (Trouble::Unauthorized, "doesn't know the key"),
            (Trouble::Refused, "400 (parameter_unknown: some_parameter)"),
        ] {
            let (stripe, put) = reluctant().await;
            let room = Room::on(kind, &stripe, patience()).await;
            unsettled(&room, &stripe).await;
            *put.lock().unwrap() = Some(trouble);
            let mut healer = Healer::new(room.fetch.clone(), rules());
            assert_eq!(healer.look_up().await.unwrap(), 1, "{trouble:?}: the price");
            room.rows().await;
            assert_eq!(room.quality().await, ["gap"]);
            let refused = Refusal::current(&room.fetch.store.records).await.unwrap();
            assert_eq!(refused.len(), 1, "{refused:?}");
            assert_eq!((refused[0].route.as_str(), refused[0].since), ("GET /v1/subscriptions/{id}", NOW));
            assert!(refused[0].reason.contains(said) && !refused[0].reason.contains(KEY), "{refused:?}");

            // An hour later it is the same refusal; then the permission is given.
            room.fetch.clock.set(NOW.plus(3_600));
            assert_eq!(healer.look_up().await.unwrap(), 0);
            let refused = Refusal::current(&room.fetch.store.records).await.unwrap();
            assert_eq!((refused[0].since, refused[0].last), (NOW, NOW.plus(3_600)));
            *put.lock().unwrap() = None;
            assert_eq!(healer.look_up().await.unwrap(), 1, "{trouble:?}: the subscription");
            assert_eq!(Refusal::current(&room.fetch.store.records).await.unwrap(), []);
            room.rows().await;
            assert_eq!(room.quality().await, [""; 0]);
        }
    }

    async fn what_a_thin_event_points_to_is_asked_for_again_once_it_is_given(kind) {
        let (stripe, put) = reluctant().await;
        let room = Room::on(kind, &stripe, patience()).await;
        let thin = |id: &str, object: &str| -> bytes::Bytes {
            json!({"id": id, "object": "v2.core.event", "type": "v1.customer.subscription.updated", "livemode": true,
                "created": "2025-12-20T10:00:00.000Z", "related_object": {"id": object, "type": "x", "url": "/v1/x"}})
            .to_string()
            .into()
        };
        let tiered = seats("sub_tiers", &price("price_1", false), 2);
        stripe.put("subscriptions", "sub_tiers", NOW, tiered.to_string());
        stripe.put("prices", "price_1", NOW, price("price_1", true).to_string());
        room.append(thin("evt_1", "sub_tiers")).await;
        room.append(thin("evt_2", "price_1")).await;
        *put.lock().unwrap() = Some(Trouble::Forbidden);
        let mut healer = Healer::new(room.fetch.clone(), rules());
        assert_eq!(healer.look_up().await.unwrap(), 1, "the price");
        assert_eq!(healer.look_up().await.unwrap(), 0);
        *put.lock().unwrap() = None;
        // Also by another process: it is kept beside the log.
        let mut healer = Healer::new(room.fetch.clone(), rules());
        assert_eq!(healer.look_up().await.unwrap(), 1, "the subscription");
        assert_eq!(healer.look_up().await.unwrap(), 0, "once is enough");
    }
}

#[tokio::test]
async fn of_a_route_that_refuses_every_request_three_are_made_a_round() {
    let (stripe, put) = reluctant().await;
    let room = Room::at(&stripe, patience()).await;
    let tiered = price("price_1", true);
    for number in 0..10 {
        let state = |quantity| seats(&format!("sub_{number}"), &tiered, quantity);
        let created = event(&format!("evt_a{number}"), "customer.subscription.created", 0, &state(1), None);
        room.append(created).await;
        let previous = json!({"items": state(3)["items"]});
        let updated = event(&format!("evt_b{number}"), "customer.subscription.updated", 20, &state(5), Some(previous));
        room.append(updated).await;
    }
    room.rows().await;
    *put.lock().unwrap() = Some(Trouble::Refused);
    let mut healer = Healer::new(room.fetch.clone(), rules());
    assert_eq!(healer.look_up().await.unwrap(), 0);
    assert_eq!(stripe.asked(), 3);
    assert_eq!(Refusal::current(&room.fetch.store.records).await.unwrap()[0].requests, 10);
}

#[tokio::test]
async fn a_list_that_is_refused_ends_no_other_and_is_fetched_when_it_is_given() {
    let refusing = Arc::new(AtomicBool::new(true));
    let refuse = refusing.clone();
    let stripe = FakeStripe::start(NOW, Duration::ZERO, move |_, path| {
        (path == "coupons" && refuse.load(Ordering::SeqCst)).then_some(Trouble::Forbidden)
    })
    .await;
    account::show(&stripe, &lived(12, 25));
    let room = Room::at(&stripe, patience()).await;
    let refused = room.fetch.objects(|_, _| {}).await.unwrap_err();
    assert!(matches!(&refused, HistoryError::Refused(errors) if errors.len() == 1), "{refused}");
    assert!(refused.to_string().contains("rak_coupon_read"), "{refused}");
    let kept = room.logged().await.len();
    assert!(kept > 40, "{kept}");
    refusing.store(false, Ordering::SeqCst);
    let asked = stripe.asked();
    let counts = room.fetch.objects(|_, _| {}).await.unwrap();
    assert!(counts.appended > 0 && counts.duplicates == 0, "{counts:?}");
    assert!(stripe.paths()[asked..].iter().all(|path| path.starts_with("/v1/coupons")), "{:?}", stripe.paths());
}

#[tokio::test(flavor = "multi_thread")]
async fn status_metrics_and_doctor_say_which_routes_are_refused() {
    let stripe = FakeStripe::start(mrrd::clock::Clock::system().now(), Duration::ZERO, |_, path| {
        path.starts_with("subscriptions").then_some(Trouble::Forbidden)
    })
    .await;
    let settings = Settings::default().env("MRRD_STRIPE__API_BASE", &stripe.base()).env("MRRD_STRIPE__API_KEY", KEY);
    let mut daemon = settings.start().await;
    let began = std::time::Instant::now();
    let refused = loop {
        let status = daemon.json("/api/v1/status").await;
        if let Some(refused) = status["stripe"]["refused"].get(0) {
            break refused.clone();
        }
        assert!(began.elapsed() < Duration::from_secs(60), "never told: {status}\n{}", daemon.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(refused["route"], "GET /v1/subscriptions");
    assert!(refused["reason"].as_str().unwrap().contains("rak_subscription_read"), "{refused}");
    let metrics = String::from_utf8(daemon.get("/metrics").await.body.to_vec()).unwrap();
    assert!(metrics.contains("mrrd_stripe_refused_requests{route=\"GET /v1/subscriptions\"} 1\n"), "{metrics}");
    let doctor = daemon.command(&["doctor"]);
    let told = String::from_utf8(doctor.stdout).unwrap();
    for route in ["failed  stripe: GET /v1/subscriptions:", "failed  stripe: GET /v1/subscriptions/{id}:"] {
        assert!(told.contains(route), "{told}");
    }
    assert!(told.contains("warning  healing: GET /v1/subscriptions was refused 1 times"), "{told}");
    assert!(!told.contains("GET /v1/invoices"), "{told}");
    assert!(!daemon.output().contains(KEY) && !told.contains(KEY));
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_reads_what_the_endpoints_at_stripe_send_and_which_kind_of_key_it_has() {
    let stripe = FakeStripe::calm(mrrd::clock::Clock::system().now()).await;
    let put = |id: &str, url: &str, status: &str, events: Value| {
        let endpoint = json!({"id": id, "object": "webhook_endpoint", "url": url, "status": status, "livemode": false,
            "enabled_events": events, "api_version": null});
        stripe.put("webhook_endpoints", id, NOW, endpoint.to_string());
    };
    put("we_invoices", "https://mrr.example/webhooks/stripe", "enabled", json!(["invoice.paid", "invoice.finalized"]));
    put("we_off", "https://mrr.example/webhooks/stripe/", "disabled", json!(["*"]));
    put("we_other", "https://shop.example/hooks", "enabled", json!([]));
    let dir = tempfile::tempdir().unwrap();
    let doctor = |key: &'static str| {
        let settings =
            Settings::default().env("MRRD_STRIPE__API_BASE", &stripe.base()).env("MRRD_STRIPE__API_KEY", key);
        let output = crate::support::daemon::mrrd(dir.path(), &settings).arg("doctor").output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    };
    let (told, code) = doctor(KEY);
    assert_eq!(code, Some(1), "{told}");
    for said in [
        "failed  endpoints: we_invoices (https://mrr.example/webhooks/stripe) doesn't send customer.subscription.created, \
         customer.subscription.updated, customer.subscription.deleted",
        "failed  endpoints: we_off (https://mrr.example/webhooks/stripe/) is disabled",
    ] {
        assert!(told.contains(said), "{told}");
    }
    assert!(!told.contains("we_other"), "{told}");
    put("we_invoices", "https://mrr.example/webhooks/stripe", "enabled", json!(["*"]));
    put("we_off", "https://mrr.example/webhooks/stripe/", "enabled", json!(["*"]));
    let (told, code) = doctor(KEY);
    assert!(code == Some(0) && told.contains("ok  endpoints: we_invoices"), "{told}");
    let (told, code) = doctor("pk_test_nobody_may_see_this");
    assert!(code == Some(1) && told.contains("failed  stripe: stripe.api_key is a publishable key"), "{told}");
}
