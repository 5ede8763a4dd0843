//! Terms that one customer's events tell hold for everybody who names the same price or coupon, whoever comes first.

use std::sync::Arc;

use mrrd::{
    config::customers::CustomerRules,
    event::{NewEvent, Seq},
    ledger::money::Mrr,
    reconciler::{Reconciler, Rules, known_at::KnownAt},
};
use serde_json::{Value, json};

use super::bench::*;

fn event(id: &str, version: &str, kind: &str, created: i64, object: &Value) -> NewEvent {
    let body = json!({
        "id": id, "object": "event", "type": kind, "created": created, "livemode": true, "api_version": version,
        "pending_webhooks": 1, "data": {"object": object}
    });
    received(body.to_string().into())
}

fn subscription(customer: &str, item: Value, more: Value) -> Value {
    let id = format!("sub_{customer}");
    let mut all = json!({
        "id": id, "object": "subscription", "customer": customer, "status": "active", "currency": "usd",
        "created": 1_700_000_000, "start_date": 1_700_000_000, "cancel_at_period_end": false, "discounts": [],
        "items": {"object": "list", "has_more": false, "data": [item]}
    });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

fn item(customer: &str, price: Value, quantity: i64) -> Value {
    json!({"id": format!("si_{customer}"), "object": "subscription_item", "quantity": quantity, "price": price,
           "discounts": []})
}

fn tiered() -> Value {
    json!({"id": "plan_t", "object": "price", "product": "prod_t", "currency": "usd", "billing_scheme": "tiered",
           "tiers_mode": "graduated", "unit_amount": null, "unit_amount_decimal": null, "type": "recurring",
           "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}})
}

/// The ways in which terms are told elsewhere: tiers inline in an older shape, a price whole, one on an invoice line, a
/// coupon inline.
fn account() -> Vec<NewEvent> {
    let created = "customer.subscription.created";
    let plain = |id: &str, unit: i64| {
        json!({"id": id, "object": "price", "product": "prod_p", "currency": "usd", "billing_scheme": "per_unit",
               "unit_amount": unit, "unit_amount_decimal": unit.to_string(), "type": "recurring",
               "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}})
    };
    let old = json!({
        "id": "sub_cus_old", "object": "subscription", "customer": "cus_old", "status": "active",
        "created": 1_700_000_000, "start_date": 1_700_000_000, "quantity": 12,
        "plan": {"id": "plan_t", "object": "plan", "amount": null, "billing_scheme": "tiered", "tiers_mode": "graduated",
                 "tiers": [{"up_to": 10, "unit_amount": 1000}, {"up_to": null, "unit_amount": 500}], "currency": "usd",
                 "interval": "month", "interval_count": 1, "product": "prod_t", "usage_type": "licensed"}
    });
    let line = json!({
        "id": "in_1", "object": "invoice", "customer": "cus_line", "subscription": "sub_cus_line", "currency": "usd",
        "status": "paid", "total": 900, "subtotal": 900, "created": 1_700_000_900,
        "lines": {"object": "list", "has_more": false, "data": [{
            "id": "il_1", "object": "line_item", "type": "subscription", "amount": 900, "quantity": 1,
            "subscription": "sub_cus_line", "subscription_item": "si_cus_line", "price": plain("price_line", 900)
        }]}
    });
    let coupon = json!({"id": "HALF", "object": "coupon", "percent_off": 50, "duration": "forever"});
    let whole = json!({"discount": {"id": "di_a", "object": "discount", "coupon": coupon, "start": 1_700_000_000}});
    let by_id = json!({"discounts": [{"id": "di_b", "object": "discount", "start": 1_700_000_000,
                                      "source": {"type": "coupon", "coupon": "HALF"}}]});
    let (basil, clover) = ("2025-08-27.basil", "2025-12-15.clover");
    let at = 1_700_000_000;
    vec![
        event("evt_new", basil, created, at + 500, &subscription("cus_new", item("cus_new", tiered(), 15), json!({}))),
        event("evt_old", "2019-12-03", created, at, &old),
        event(
            "evt_id",
            basil,
            created,
            at + 1,
            &subscription("cus_id", item("cus_id", json!("price_10"), 2), json!({})),
        ),
        event(
            "evt_whole",
            basil,
            created,
            at + 9,
            &subscription("cus_whole", item("cus_whole", plain("price_10", 1000), 1), whole),
        ),
        event("evt_line", "2023-10-16", "invoice.paid", at + 900, &line),
        event(
            "evt_9",
            basil,
            created,
            at + 2,
            &subscription("cus_9", item("cus_9", json!("price_line"), 3), json!({})),
        ),
        event(
            "evt_coupon",
            clover,
            created,
            at + 3,
            &subscription("cus_coupon", item("cus_coupon", plain("price_c", 700), 1), by_id),
        ),
    ]
}

/// The coupon and products that these customers name, told by themselves again and again, as whoever edits them makes Stripe do.
fn told_again() -> Vec<NewEvent> {
    let clover = "2025-12-15.clover";
    let coupon = |id: &str, kind: &str, at: i64, name: &str| {
        let coupon = json!({"id": "HALF", "object": "coupon", "percent_off": 50, "duration": "forever", "name": name});
        event(id, clover, kind, 1_700_000_000 + at, &coupon)
    };
    let product = |id: &str, kind: &str, at: i64, metadata: Value| {
        let product = json!({"id": "prod_p", "object": "product", "active": true, "name": id, "metadata": metadata});
        event(id, clover, kind, 1_700_000_000 + at, &product)
    };
    let (marked, unmarked) = (json!({"mrrd_add_on": "true"}), json!({}));
    vec![
        coupon("evt_half_1", "coupon.created", -9, "Half"),
        coupon("evt_half_2", "coupon.updated", 8, "Half price"),
        coupon("evt_half_3", "coupon.updated", 700, "Half"),
        product("evt_prod_1", "product.created", -9, unmarked.clone()),
        product("evt_prod_2", "product.updated", 7, marked.clone()),
        product("evt_prod_3", "product.updated", 600, marked),
        product("evt_prod_4", "product.updated", 500, unmarked),
    ]
}

/// What each customer counts, `?` where something of it is unpriced or unresolved.
async fn counted(ledger: &Ledger) -> Vec<String> {
    let generation = ledger.reconciler().current_generation().await.unwrap().unwrap().id;
    let mut all = Vec::new();
    for customer in ["cus_9", "cus_coupon", "cus_id", "cus_new", "cus_old", "cus_whole"] {
        let Some(rows) = ledger.store.derived.customer_ledger(generation, "stripe", &key(customer)).await.unwrap()
        else {
            continue;
        };
        let open = if rows.quality.is_empty() { "" } else { "?" };
        all.push(format!("{customer} {}{open}", Mrr(rows.deltas.iter().map(|delta| delta.mrr.0).sum())));
    }
    all
}

const RIGHT: [&str; 6] =
    ["cus_9 2700", "cus_coupon 350", "cus_id 2000", "cus_new 12500", "cus_old 11000", "cus_whole 500"];

on_both! {
    async fn in_any_order_and_by_a_rebuild_it_comes_to_the_same(kind) {
        let events = [account(), told_again()].concat();
        let straight = Ledger::empty(kind).await;
        straight.append(&events).await;
        straight.settle().await.unwrap();
        assert_eq!(counted(&straight).await, RIGHT, "filled at once");
        let rows = straight.rows().await;
        for seed in 0..6 {
            let ledger = Ledger::empty(kind).await;
            ledger.settle().await.unwrap();
            for event in shuffled(&events, seed) {
                ledger.append(&[event]).await;
                ledger.settle().await.unwrap();
                assert!(ledger.verify().await.holds());
            }
            assert_eq!(counted(&ledger).await, RIGHT, "one by one, shuffle {seed}");
            assert_eq!(ledger.rows().await, rows, "shuffle {seed}");
            let changes = ledger.reconciler().rebuild(&go_on(), &mut |_| ()).await.unwrap();
            assert_eq!((changes.changed, changes.failed), (0, vec![]));
        }
    }

    async fn each_prefix_is_known_as_it_was(kind) {
        let ledger = Ledger::empty(kind).await;
        ledger.append(&account()).await;
        ledger.settle().await.unwrap();
        let mut known = Vec::new();
        for known_at in 1..=account().len() {
            let mut pages = KnownAt::new(ledger.store.reader(), rules(&["stripe"]), i64::try_from(known_at).ok().map(Seq));
            let mut new = String::from("-");
            while let Some(page) = pages.next_page().await.unwrap() {
                for (customer, ledgers) in page.iter().filter(|(key, _)| key.customer.as_str() == "cus_new") {
                    let sum = Mrr(ledgers[0].deltas.iter().map(|delta| delta.mrr.0).sum());
                    new = format!("{} {sum}", customer.customer);
                }
            }
            known.push(new);
        }
        assert_eq!(known[0], "cus_new 0", "the tiers were told by the event after it");
        assert!(known[1..].iter().all(|new| new == "cus_new 12500"), "{known:?}");
    }

    async fn joined_customers_hear_it_as_well(kind) {
        let of_acme = |customer: &str| {
            let object = json!({"id": customer, "object": "customer", "metadata": {"company": "acme"}, "discount": null});
            event(&format!("evt_of_{customer}"), "2025-08-27.basil", "customer.updated", 1_700_000_001, &object)
        };
        let customers = CustomerRules { customer_key: Some("company".into()), ..CustomerRules::default() };
        let joined = Arc::new(Rules { customers, ..rules(&["stripe"]) });
        let joining = |ledger: &Ledger| Reconciler { rules: joined.clone(), ..ledger.reconciler() };
        let events: Vec<NewEvent> =
            account().into_iter().chain([of_acme("cus_new"), of_acme("cus_id"), of_acme("cus_coupon")]).collect();
        let straight = Ledger::empty(kind).await;
        straight.append(&events).await;
        run_once(joining(&straight)).await.unwrap();
        let rows = straight.rows().await;
        let generation = straight.reconciler().current_generation().await.unwrap().unwrap().id;
        let acme = straight.store.derived.customer_ledger(generation, "stripe", &key("acme")).await.unwrap().unwrap();
        assert_eq!(Mrr(acme.deltas.iter().map(|delta| delta.mrr.0).sum()).to_string(), "14850");
        for seed in 0..3 {
            let ledger = Ledger::empty(kind).await;
            run_once(joining(&ledger)).await.unwrap();
            for event in shuffled(&events, seed) {
                ledger.append(&[event]).await;
                run_once(joining(&ledger)).await.unwrap();
            }
            assert_eq!(ledger.rows().await, rows, "shuffle {seed}");
            assert!(joining(&ledger).verify(&go_on(), &mut |_| ()).await.unwrap().holds());
            let changes = joining(&ledger).rebuild(&go_on(), &mut |_| ()).await.unwrap();
            assert_eq!((changes.changed, changes.failed), (0, vec![]));
        }
    }
}
