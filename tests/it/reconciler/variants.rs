//! One event id in two shapes: both kept, the state from the newest `api_version`, missing terms from either (rule `variants`).

use mrrd::{event::Seq, ledger::money::Mrr, store::log::Appended};
use serde_json::{Value, json};

use super::bench::*;

fn created(version: &str, object: &Value) -> mrrd::event::NewEvent {
    let body = json!({
        "id": "evt_1", "object": "event", "type": "customer.subscription.created", "created": 1_700_000_000,
        "livemode": true, "api_version": version, "pending_webhooks": 1, "data": {"object": object}
    });
    received(body.to_string().into())
}

/// As an endpoint on 2019-12-03 is sent it: a plan with its tiers, and the discount with its coupon.
pub(crate) fn old() -> mrrd::event::NewEvent {
    let plan = json!({
        "id": "gold", "object": "plan", "product": "prod_1", "currency": "usd", "interval": "month",
        "interval_count": 1, "usage_type": "licensed", "billing_scheme": "tiered", "tiers_mode": "volume",
        "amount": null,
        "tiers": [{"up_to": 10, "unit_amount": 700, "flat_amount": null}, {"up_to": null, "unit_amount": 600, "flat_amount": null}]
    });
    created(
        "2019-12-03",
        &json!({
            "id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active", "created": 1_700_000_000,
            "start_date": 1_700_000_000, "current_period_start": 1_700_000_000, "current_period_end": 1_702_592_000,
            // Less than the newer shape tells: its quantity must not be the one that counts.
            "plan": plan, "quantity": 2,
            "items": {"object": "list", "has_more": false, "data": [
                {"id": "si_1", "object": "subscription_item", "plan": plan, "quantity": 2}]},
            "discount": {"id": "di_1", "object": "discount", "start": 1_700_000_000, "end": null, "coupon": {
                "id": "half", "object": "coupon", "percent_off": 50, "duration": "forever"}}
        }),
    )
}

/// As an endpoint on clover is sent the same: a price without tiers, a discount by its id.
pub(crate) fn new() -> mrrd::event::NewEvent {
    created(
        "2025-12-15.clover",
        &json!({
            "id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active", "created": 1_700_000_000,
            "currency": "usd", "start_date": 1_700_000_000, "discounts": ["di_1"],
            "items": {"object": "list", "has_more": false, "data": [{
                "id": "si_1", "object": "subscription_item", "quantity": 12, "discounts": [],
                "current_period_start": 1_700_000_000, "current_period_end": 1_702_592_000,
                "price": {
                    "id": "gold", "object": "price", "product": "prod_1", "currency": "usd", "billing_scheme": "tiered",
                    "tiers_mode": "volume", "unit_amount": null, "unit_amount_decimal": null, "type": "recurring",
                    "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
                }}]}
        }),
    )
}

on_both! {
    async fn both_shapes_are_kept_and_each_tells_what_the_other_does_not(kind) {
        let mut told = Vec::new();
        for pair in [[old(), new()], [new(), old()]] {
            let ledger = Ledger::empty(kind).await;
            let [first, second] = &pair;
            assert_eq!(ledger.store.log.append(&[first.clone(), second.clone()]).await.unwrap(), [Appended::New(Seq(1)), Appended::Variant(Seq(2))]);
            let bodies = ledger.store.log.bodies(&"evt_1".into()).await.unwrap();
            let kept: Vec<_> = bodies.iter().map(|(row, body)| (row.variant, body)).collect();
            assert_eq!(kept, [(0, &first.body), (1, &second.body)]);
            assert_eq!(ledger.store.log.head().await.unwrap().events, 1);

            ledger.settle().await.unwrap();
            let generation = ledger.reconciler().current_generation().await.unwrap().unwrap().id;
            let rows = ledger.store.derived.customer_ledger(generation, "stripe", &key("cus_1")).await.unwrap().unwrap();
            assert_eq!(rows.quality, [], "either shape tells what the other doesn't");
            // Twelve seats (new) at 6.00 (old), half off (old).
            let mrr: i128 = rows.deltas.iter().map(|delta| delta.mrr.0).sum();
            assert_eq!(Mrr(mrr), Mrr(12 * 600 / 2 * Mrr::MINOR));
            assert_eq!(rows.movements.len(), 1, "one event, one movement: {:?}", rows.movements);
            assert!(ledger.verify().await.holds());
            told.push(rows);
        }
        assert_eq!(told[0], told[1], "whichever came first");
    }

    async fn one_shape_alone_says_what_is_missing(kind) {
        let ledger = Ledger::empty(kind).await;
        ledger.append(&[new()]).await;
        ledger.settle().await.unwrap();
        let generation = ledger.reconciler().current_generation().await.unwrap().unwrap().id;
        let read = async || ledger.store.derived.customer_ledger(generation, "stripe", &key("cus_1")).await.unwrap().unwrap();
        let kinds: Vec<_> = read().await.quality.iter().map(|entry| entry.kind.as_str()).collect();
        assert_eq!(kinds, ["unpriced_item"]);
        // The other shape comes later: history is recomputed with its terms.
        ledger.append(&[old()]).await;
        ledger.settle().await.unwrap();
        assert_eq!(read().await.quality, []);
    }
}
