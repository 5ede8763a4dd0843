//! A price or coupon that arrives late changes its own customers' ledgers, and nobody else's.

use mrrd::{ledger::money::Mrr, store::NewEvent};
use serde_json::{Value, json};

use super::bench::*;

fn event(id: &str, kind: &str, created: i64, object: &Value) -> NewEvent {
    let body = json!({
        "id": id, "object": "event", "type": kind, "created": created, "livemode": true,
        "api_version": "2025-12-15.clover", "pending_webhooks": 1, "data": {"object": object}
    });
    received(body.to_string().into())
}

/// Twelve seats of a tiered price whose tiers a webhook doesn't show.
fn subscribed(customer: &str, price: &str) -> NewEvent {
    let id = format!("sub_{customer}");
    let subscription = json!({
        "id": id, "object": "subscription", "customer": customer, "status": "active", "currency": "usd",
        "created": 1_700_000_000, "start_date": 1_700_000_000, "cancel_at_period_end": false, "discounts": [],
        "items": {"object": "list", "has_more": false, "data": [{
            "id": format!("si_{customer}"), "object": "subscription_item", "quantity": 12, "discounts": [],
            "price": {
                "id": price, "object": "price", "product": "prod_1", "currency": "usd", "billing_scheme": "tiered",
                "tiers_mode": "volume", "unit_amount": null, "unit_amount_decimal": null, "type": "recurring",
                "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
            }
        }]}
    });
    event(&format!("evt_{customer}"), "customer.subscription.created", 1_700_000_000, &subscription)
}

/// The same price with its tiers, as the API answers.
fn with_tiers(price: &str) -> NewEvent {
    let price = json!({
        "id": price, "object": "price", "product": "prod_1", "currency": "usd", "billing_scheme": "tiered",
        "tiers_mode": "volume", "unit_amount": null, "unit_amount_decimal": null, "type": "recurring",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
        "tiers": [
            {"up_to": 10, "unit_amount": 700, "unit_amount_decimal": "700", "flat_amount": null},
            {"up_to": null, "unit_amount": 600, "unit_amount_decimal": "600", "flat_amount": null}
        ]
    });
    event("evt_price", "price.updated", 1_700_000_500, &price)
}

on_both! {
    async fn a_late_price_recomputes_its_own_customers_only(kind) {
        let ledger = Ledger::empty(kind).await;
        ledger.append(&[subscribed("cus_1", "price_a"), subscribed("cus_2", "price_b")]).await;
        ledger.settle().await.unwrap();
        let generation = ledger.reconciler().current_generation().await.unwrap().unwrap().id;
        let mrr = async |customer: &str| -> Mrr {
            let rows = ledger.store.customer_ledger(generation, "stripe", &key(customer)).await.unwrap().unwrap();
            Mrr(rows.deltas.iter().map(|delta| delta.mrr.0).sum())
        };
        assert_eq!((mrr("cus_1").await, mrr("cus_2").await), (Mrr::ZERO, Mrr::ZERO), "what isn't known isn't counted");
        ledger.append(&[with_tiers("price_a")]).await;
        let advanced = ledger.store.advance(generation, 100).await.unwrap();
        assert_eq!((advanced.read, advanced.marked), (1, 1));
        let dirty = ledger.store.dirty(generation, 100).await.unwrap();
        assert_eq!(dirty.into_iter().map(|mark| mark.key).collect::<Vec<_>>(), [key("cus_1")]);
        ledger.settle().await.unwrap();
        assert_eq!((mrr("cus_1").await, mrr("cus_2").await), (Mrr(12 * 600 * Mrr::MINOR), Mrr::ZERO));
        assert!(ledger.verify().await.holds());
    }
}
