//! Healing and audit: what never came is noticed, told by what it is worth, and settled from the API.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use mrrd::{
    clock::Clock,
    config::customers::CustomerRules,
    history::{
        audit::Audit,
        heal::{Healed, Healer},
    },
    ledger::time::Zone,
    reconciler::{Reconciler, Rules, driver::Driver},
    store::records::alerts::{NewAlert, Outgoing},
};
use serde_json::Value;
use tokio::sync::watch;

use super::{account, room::*};
use crate::support::fake_stripe::FakeStripe;

/// Stripe's subscriptions as the account's last event about each left them.
fn list_subscriptions(stripe: &FakeStripe, events: &[mrrd::demo::Event]) -> BTreeMap<String, Value> {
    let mut latest = BTreeMap::new();
    for event in events.iter().filter(|event| event.kind.starts_with("customer.subscription.")) {
        let body: Value = serde_json::from_slice(&event.body).unwrap();
        let object = body["data"]["object"].clone();
        latest.insert(object["id"].as_str().unwrap().to_owned(), object);
    }
    for (id, object) in &latest {
        stripe.put("subscriptions", id, event_time(object), object.to_string());
    }
    latest
}

fn event_time(object: &Value) -> mrrd::ledger::time::UnixTime {
    mrrd::ledger::time::UnixTime(object["created"].as_i64().unwrap())
}

async fn audit(room: &Room, heal: bool) -> Audit {
    room.fetch.audit(&rules(), heal, |_| {}).await.unwrap()
}

on_both! {
    async fn an_audit_of_a_complete_ledger_finds_nothing_and_changes_nothing(kind) {
        let stripe = FakeStripe::calm(NOW).await;
        let events = lived(40, 29);
        let subscriptions = list_subscriptions(&stripe, &events);
        let room = Room::on(kind, &stripe, patience()).await;
        room.receive(&events).await;
        let found = audit(&room, false).await;
        assert!(found.subscriptions > 20);
        assert_eq!(found, Audit { subscriptions: subscriptions.len() as u64, ..Audit::default() });
        assert_eq!(room.logged().await.len(), events.len());
    }

    async fn customers_that_are_one_are_audited_subscription_by_subscription(kind) {
        let stripe = FakeStripe::calm(NOW).await;
        // Half of them are of one company.
        let of_companies = |event: mrrd::demo::Event| {
            let mut body: Value = serde_json::from_slice(&event.body).unwrap();
            let object = &mut body["data"]["object"];
            if object["object"] == "customer" {
                let even = object["id"].as_str().unwrap().bytes().map(u32::from).sum::<u32>() % 2 == 0;
                object["metadata"] = if even { serde_json::json!({"company": "acme"}) } else { Value::Null };
            }
            mrrd::demo::Event { body: body.to_string().into(), ..event }
        };
        let events: Vec<_> = lived(12, 29).into_iter().map(of_companies).collect();
        let subscriptions = list_subscriptions(&stripe, &events);
        let room = Room::on(kind, &stripe, patience()).await;
        let (last, first) = events.iter().partition::<Vec<_>, _>(|event| event.kind == "customer.subscription.updated");
        let owned = |events: Vec<&mrrd::demo::Event>| events.into_iter().cloned().collect::<Vec<_>>();
        let customers = CustomerRules { customer_key: Some("company".into()), ..CustomerRules::default() };
        let rules = Rules { customers, ..rules() };
        room.receive(&owned(first)).await;
        let driver = Driver::new(Reconciler::new(room.fetch.store.clone(), rules.clone(), Clock::fixed(NOW))).0;
        driver.run_once(&watch::channel(false).1).await.unwrap();
        let missing = room.fetch.audit(&rules, false, |_| {}).await.unwrap();
        assert!(missing.differences.iter().all(|one| one.customer.starts_with("cus_")), "{missing:?}");
        assert!(!missing.differences.is_empty());
        room.receive(&owned(last)).await;
        let found = room.fetch.audit(&rules, false, |_| {}).await.unwrap();
        assert_eq!(found, Audit { subscriptions: subscriptions.len() as u64, ..Audit::default() });
    }
}

on_both! {
    async fn a_change_that_stripe_lost_itself_is_told_by_field_and_worth_and_healed(kind) {
        let stripe = FakeStripe::calm(NOW).await;
        let events = lived(40, 29);
        // The end of one paying subscription: no webhook, no event, only its state.
        let (id, mut state) =
            list_subscriptions(&stripe, &events).into_iter().find(|(_, state)| state["status"] == "active").unwrap();
        let created = event_time(&state);
        for (field, value) in [("status", "canceled".into()), ("ended_at", (NOW.0 - 60).into())] {
            state[field] = value;
        }
        stripe.put("subscriptions", &id, created, state.to_string());
        let room = Room::on(kind, &stripe, patience()).await;
        room.receive(&events).await;

        let found = audit(&room, false).await;
        assert_eq!(found.differences.len(), 1, "{:?}", found.differences);
        let difference = &found.differences[0];
        assert_eq!(difference.subscription, id);
        let fields: Vec<_> = difference.fields.iter().map(|field| field.field).collect();
        assert!(fields.contains(&"status") && fields.contains(&"ended_at"), "{fields:?}");
        assert_eq!(difference.stripe_mrr, Some(mrrd::ledger::money::Mrr::ZERO));
        assert_eq!(room.logged().await.len(), events.len(), "an audit alone appends nothing");

        let healed = audit(&room, true).await;
        assert_eq!((healed.differences.len(), healed.healed), (1, 1));
        assert_eq!(audit(&room, false).await.differences, []);
        // From the log alone: what was healed holds without the network.
        drop(stripe);
        assert!(!room.rows().await.is_empty());
    }
}

on_both! {
    async fn a_discount_known_by_its_id_alone_is_looked_up(kind) {
        let stripe = FakeStripe::calm(NOW).await;
        let created = NOW.plus(-86_400);
        let price = serde_json::json!({"id": "price_1", "object": "price", "currency": "usd", "unit_amount": 1000,
            "unit_amount_decimal": "1000", "billing_scheme": "per_unit", "product": "prod_1", "type": "recurring",
            "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}});
        let subscription = |discounts: Value| {
            serde_json::json!({"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active",
                "currency": "usd", "created": created.0, "start_date": created.0, "livemode": true,
                "discounts": discounts, "items": {"object": "list", "has_more": false, "data": [
                    {"id": "si_1", "object": "subscription_item", "quantity": 1, "price": price, "discounts": []}]}})
        };
        let coupon = serde_json::json!({"id": "HALF", "object": "coupon", "percent_off": 50.0, "duration": "forever"});
        let discount = serde_json::json!({"id": "di_1", "object": "discount", "start": created.0, "end": null,
            "customer": "cus_1", "subscription": "sub_1", "source": {"type": "coupon", "coupon": coupon}});
        stripe.put("subscriptions", "sub_1", created, subscription(serde_json::json!([discount])).to_string());
        let event = serde_json::json!({"id": "evt_1", "object": "event", "type": "customer.subscription.created",
            "api_version": "2025-12-15.clover", "created": created.0, "livemode": true,
            "data": {"object": subscription(serde_json::json!(["di_1"]))}});
        let room = Room::on(kind, &stripe, patience()).await;
        room.append(event.to_string().into()).await;
        room.rows().await;
        assert_eq!(room.quality().await, ["unresolved_discount"]);

        let mut healer = Healer::new(room.fetch.clone(), rules());
        assert_eq!(healer.look_up().await.unwrap(), 1);
        room.rows().await;
        assert_eq!(room.quality().await, [""; 0]);
        // What is settled isn't asked for again.
        assert_eq!(healer.look_up().await.unwrap(), 0);
    }
}

on_both! {
    async fn a_coupon_is_looked_up_with_the_products_it_applies_to(kind) {
        let created = NOW.plus(-86_400);
        let coupon = serde_json::json!({"id": "50 % off", "object": "coupon", "percent_off": 50.0, "duration": "forever",
            "created": created.0, "livemode": true, "applies_to": {"products": ["prod_1"]}});
        let discount = serde_json::json!({"id": "di_1", "object": "discount", "start": created.0, "end": null,
            "customer": "cus_1", "subscription": "sub_1", "source": {"type": "coupon", "coupon": coupon}});
        let item = |number: u32, amount: u32, discounts: Value| {
            serde_json::json!({"id": format!("si_{number}"), "object": "subscription_item", "quantity": 1,
                "discounts": discounts, "price": {"id": format!("price_{number}"), "object": "price", "currency": "usd",
                    "unit_amount": amount, "unit_amount_decimal": amount.to_string(), "billing_scheme": "per_unit",
                    "product": format!("prod_{number}"), "type": "recurring",
                    "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}}})
        };
        let subscription = |whole: Value, of_item: Value| {
            serde_json::json!({"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active",
                "currency": "usd", "created": created.0, "start_date": created.0, "livemode": true, "discounts": whole,
                "items": {"object": "list", "has_more": false, "data": [
                    item(1, 1000, of_item), item(2, 500, serde_json::json!([]))]}})
        };
        let (none, by_id, known) =
            (serde_json::json!([]), serde_json::json!(["di_1"]), serde_json::json!([discount]));
        // On the subscription its terms come with it; on an item the coupon is asked for by itself.
        for (shown, stands, looked_up) in [
            (subscription(by_id.clone(), none.clone()), subscription(known.clone(), none.clone()), 1),
            (subscription(none.clone(), by_id), subscription(none, known), 2),
        ] {
            let stripe = FakeStripe::calm(NOW).await;
            stripe.put("coupons", "50 % off", created, coupon.to_string());
            stripe.put("subscriptions", "sub_1", created, stands.to_string());
            let room = Room::on(kind, &stripe, patience()).await;
            room.append(event("evt_1", "customer.subscription.created", 0, &shown, None)).await;
            assert_eq!(room.mrr().await, "1500");
            assert_eq!(room.quality().await, ["unresolved_discount"]);
            let mut healer = Healer::new(room.fetch.clone(), rules());
            assert_eq!(healer.look_up().await.unwrap(), looked_up);
            assert_eq!(room.mrr().await, "1000", "half of one product");
            assert_eq!(room.quality().await, [""; 0]);
            assert_eq!(healer.look_up().await.unwrap(), 0);
        }
    }
    async fn a_price_whose_tiers_no_event_shows_is_looked_up(kind) {
        let stripe = FakeStripe::calm(NOW).await;
        // What an event shows of it, and what is shown to whoever asks for its tiers.
        let price = serde_json::json!({"id": "price_1", "object": "price", "currency": "usd", "unit_amount": null,
            "unit_amount_decimal": null, "billing_scheme": "tiered", "tiers_mode": "graduated", "product": "prod_1",
            "type": "recurring", "livemode": true, "created": NOW.0 - 20 * 86_400,
            "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}});
        let mut whole = price.clone();
        whole["tiers"] = serde_json::json!([
            {"up_to": 5, "unit_amount": 1000, "unit_amount_decimal": "1000", "flat_amount": null},
            {"up_to": null, "unit_amount": 700, "unit_amount_decimal": "700", "flat_amount": null}]);
        stripe.put("prices", "price_1", NOW, whole.to_string());
        let mut subscription = seats(8, "active");
        subscription["items"]["data"][0]["price"] = price;
        let room = Room::on(kind, &stripe, patience()).await;
        room.append(event("evt_1", "customer.subscription.created", 0, &subscription, None)).await;
        assert_eq!(room.mrr().await, "0");
        assert_eq!(room.quality().await, ["unpriced_item"]);
        let mut healer = Healer::new(room.fetch.clone(), rules());
        assert_eq!(healer.look_up().await.unwrap(), 1);
        // 5 at 10.00 and 3 at 7.00.
        assert_eq!(room.mrr().await, "7100");
        assert_eq!(room.quality().await, [""; 0]);
        assert_eq!(healer.look_up().await.unwrap(), 0);
    }
    async fn a_subscription_whose_event_cut_its_items_is_looked_up(kind) {
        let stripe = FakeStripe::calm(NOW).await;
        let created = NOW.plus(-10 * 86_400);
        let whole = account::wide_subscription(12, created);
        stripe.put("subscriptions", "sub_1", created, whole.to_string());
        let mut cut = whole.clone();
        cut["items"]["data"].as_array_mut().unwrap().truncate(10);
        cut["items"]["has_more"] = true.into();
        let room = Room::on(kind, &stripe, patience()).await;
        room.append(event("evt_1", "customer.subscription.created", 0, &cut, None)).await;
        assert_eq!(room.mrr().await, "10000");
        assert_eq!(room.quality().await, ["unpriced_item"]);
        let mut healer = Healer::new(room.fetch.clone(), rules());
        assert_eq!(healer.look_up().await.unwrap(), 1);
        assert_eq!(room.mrr().await, "12000");
        assert_eq!(room.quality().await, [""; 0], "from now on it is known");
    }
}

/// Waits until the healer has done so many activations.
async fn activated(told: &Mutex<Vec<Healed>>, times: usize) {
    let began = std::time::Instant::now();
    while told.lock().unwrap().len() < times {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", told.lock().unwrap());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

on_both! {
    async fn it_heals_on_start_and_as_soon_as_webhooks_are_missed(kind) {
        let stripe = FakeStripe::calm(NOW).await;
        let events = lived(10, 20);
        let (first, later) = events.split_at(events.len() - 5);
        list(&stripe, first);
        let room = Room::on(kind, &stripe, patience()).await;
        room.fetch.clock.set(first.last().unwrap().created);
        let (driver, handle) = Driver::new(Reconciler::new(room.fetch.store.clone(), rules(), Clock::fixed(NOW)));
        let (stop, stopped) = watch::channel(false);
        let driving = tokio::spawn(driver.run(stopped.clone()));
        let told = Arc::new(Mutex::new(Vec::new()));
        let telling = told.clone();
        let healer = Healer::new(room.fetch.clone(), rules());
        let healing = tokio::spawn(healer.run(handle, move |healed| telling.lock().unwrap().push(healed), stopped));
        activated(&told, 1).await;
        assert_eq!(told.lock().unwrap()[0].events, first.len() as u64);

        // Nothing comes any more, and the alert says so: it doesn't wait for its next turn in minutes.
        list(&stripe, later);
        room.fetch.clock.set(NOW.plus(60));
        let alert = NewAlert {
            id: "silence".into(), rule: "webhook_silence".into(), subject: String::new(), day: Zone::UTC.day(NOW),
            raised_at: NOW.plus(60), headline: String::new(), content: "{}".into(), silenced: None, closed: false,
        };
        let nobody = Outgoing { event: "raised", message: "{}".into(), channels: Vec::new() };
        assert!(room.fetch.store.records.raise_alert(&alert, &nobody).await.unwrap());
        activated(&told, 2).await;
        assert_eq!(told.lock().unwrap()[1].events, later.len() as u64);
        assert_eq!(room.logged().await.len(), events.len());
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        assert!(told.lock().unwrap().len() <= 3, "one silence is no reason to ask for ever");
        stop.send(true).unwrap();
        healing.await.unwrap();
        driving.await.unwrap();
    }
}

/// A subscription to one item of `seats`, as Stripe writes it.
fn seats(quantity: i64, status: &str) -> Value {
    let created = NOW.0 - 10 * 86_400;
    let price = serde_json::json!({"id": "price_1", "object": "price", "currency": "usd", "unit_amount": 1000,
        "unit_amount_decimal": "1000", "billing_scheme": "per_unit", "product": "prod_1", "type": "recurring",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}});
    serde_json::json!({"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": status, "currency": "usd",
        "created": created, "start_date": created, "livemode": true, "discounts": [],
        "items": {"object": "list", "has_more": false, "data": [
            {"id": "si_1", "object": "subscription_item", "quantity": quantity, "price": price, "discounts": []}]}})
}

pub(super) fn event(id: &str, kind: &str, minute: i64, object: &Value, previous: Option<Value>) -> bytes::Bytes {
    let mut data = serde_json::json!({ "object": object });
    if let Some(previous) = previous {
        data["previous_attributes"] = previous;
    }
    let created = NOW.0 - 10 * 86_400 + minute * 60;
    serde_json::json!({"id": id, "object": "event", "type": kind, "api_version": "2025-12-15.clover", "created": created,
        "livemode": true, "data": data})
    .to_string()
    .into()
}

on_both! {
    async fn a_chain_that_breaks_has_its_subscription_fetched(kind) {
        let stripe = FakeStripe::calm(NOW).await;
        stripe.put("subscriptions", "sub_1", NOW, seats(7, "active").to_string());
        let room = Room::on(kind, &stripe, patience()).await;
        room.append(event("evt_1", "customer.subscription.created", 0, &seats(1, "active"), None)).await;
        // From 1 to 3 nobody told; this one goes from 3 to 5, and what came after it never arrived.
        let previous = serde_json::json!({"items": seats(3, "active")["items"]});
        room.append(event("evt_3", "customer.subscription.updated", 20, &seats(5, "active"), Some(previous))).await;
        room.rows().await;
        assert_eq!(room.quality().await, ["gap"]);
        let mut healer = Healer::new(room.fetch.clone(), rules());
        assert_eq!(healer.look_up().await.unwrap(), 1);
        assert!(stripe.paths().iter().any(|path| path.starts_with("/v1/subscriptions/sub_1?")), "{:?}", stripe.paths());
        room.rows().await;
        assert_eq!(room.quality().await, [""; 0]);
        assert_eq!(audit(&room, false).await.differences, []);
    }
}

#[tokio::test]
async fn a_thin_event_has_its_object_fetched_unless_its_twin_is_there() {
    let stripe = FakeStripe::calm(NOW).await;
    stripe.put("subscriptions", "sub_1", NOW, seats(2, "active").to_string());
    let thin = |id: &str, twin: Option<&str>| -> bytes::Bytes {
        let related = serde_json::json!({"id": "sub_1", "type": "subscription", "url": "/v1/subscriptions/sub_1"});
        serde_json::json!({"id": id, "object": "v2.core.event", "type": "v1.customer.subscription.updated",
            "livemode": true, "created": "2025-12-20T10:00:00.000Z", "related_object": related, "snapshot_event": twin})
        .to_string()
        .into()
    };
    let room = Room::at(&stripe, patience()).await;
    room.append(event("evt_twin", "customer.subscription.created", 0, &seats(2, "active"), None)).await;
    room.append(thin("evt_thin_1", Some("evt_twin"))).await;
    let mut healer = Healer::new(room.fetch.clone(), rules());
    assert_eq!(healer.look_up().await.unwrap(), 0);
    room.append(thin("evt_thin_2", None)).await;
    assert_eq!(healer.look_up().await.unwrap(), 1);
    assert_eq!(healer.look_up().await.unwrap(), 0, "once is enough");
    // A coupon's id is free text: the event's type tells whose it is.
    let coupon = serde_json::json!({"id": "50 % off", "object": "coupon", "percent_off": 50.0, "duration": "once",
        "created": NOW.0, "livemode": true});
    stripe.put("coupons", "50 % off", NOW, coupon.to_string());
    for twin in [Value::Null, "evt_lost".into()] {
        let thin = serde_json::json!({"id": format!("evt_thin_{twin}"), "object": "v2.core.event",
            "type": "v1.coupon.updated", "livemode": true, "created": "2025-12-20T10:00:00.000Z", "snapshot_event": twin,
            "related_object": {"id": "50 % off", "type": "coupon", "url": "/v1/coupons/50%20%25%20off"}});
        room.append(thin.to_string().into()).await;
        assert_eq!(healer.look_up().await.unwrap(), 1, "{thin}");
    }
    assert!(room.logged().await.iter().any(|id| id.starts_with("api_")));
}

on_both! {
    async fn a_subscription_that_changes_back_is_healed_each_time(kind) {
        let stripe = FakeStripe::calm(NOW).await;
        let room = Room::on(kind, &stripe, patience()).await;
        room.append(event("evt_1", "customer.subscription.created", 0, &seats(1, "active"), None)).await;
        for (turn, quantity) in [4, 1, 4, 1].into_iter().enumerate() {
            // Each answer is of its own minute: what Stripe says now is what holds.
            stripe.at(NOW.plus(60 * turn as i64));
            stripe.put("subscriptions", "sub_1", NOW, seats(quantity, "active").to_string());
            let healed = audit(&room, true).await;
            assert_eq!((healed.differences.len(), healed.healed), (1, 1), "turn {turn}");
            assert_eq!(audit(&room, true).await.differences, [], "turn {turn}");
        }
        assert_eq!(room.logged().await.len(), 5);
    }
}
