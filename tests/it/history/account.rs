//! A simulated account as Stripe's API shows it today: every object in its latest state, discounts expanded, and events.

use std::collections::BTreeMap;

use mrrd::{demo::Event, ledger::time::UnixTime};
use serde_json::{Value, json};

use crate::support::fake_stripe::FakeStripe;

/// Lists everything that `events` left behind, and the events themselves: Stripe shows those of 30 days.
pub(super) fn show(stripe: &FakeStripe, events: &[Event]) {
    super::room::list(stripe, events);
    let mut objects: BTreeMap<&'static str, BTreeMap<String, Value>> = BTreeMap::new();
    for event in events {
        let Some(list) = list_of(event.kind) else { continue };
        let body: Value = serde_json::from_slice(&event.body).unwrap();
        let object = body["data"]["object"].clone();
        let id = object["id"].as_str().unwrap().to_owned();
        let objects = objects.entry(list).or_default();
        if event.kind == "customer.deleted" {
            objects.remove(&id);
        } else if list != "discounts" || event.kind.ends_with("created") {
            objects.insert(id, object);
        }
    }
    let coupons = objects.get("coupons").cloned().unwrap_or_default();
    let discounts = objects.remove("discounts").unwrap_or_default();
    let discount = |id: &Value, with_coupon: bool| {
        let mut found = discounts[id.as_str().unwrap()].clone();
        if with_coupon {
            found["source"]["coupon"] = coupons[found["source"]["coupon"].as_str().unwrap()].clone();
        }
        found
    };
    let expand = |list: &mut Value| {
        list.as_array_mut().unwrap().iter_mut().for_each(|id| *id = discount(id, true));
    };
    for (list, objects) in objects {
        for (id, mut object) in objects {
            if list == "subscriptions" {
                expand(&mut object["discounts"]);
                object["items"]["data"]
                    .as_array_mut()
                    .unwrap()
                    .iter_mut()
                    .for_each(|item| expand(&mut item["discounts"]));
            }
            if list == "invoices" {
                expand(&mut object["discounts"]);
                for amount in object["total_discount_amounts"].as_array_mut().unwrap() {
                    amount["discount"] = discount(&amount["discount"], false);
                }
            }
            let created = UnixTime(object["created"].as_i64().unwrap());
            stripe.put(list, &id, created, json!(object).to_string());
        }
    }
}

fn list_of(kind: &str) -> Option<&'static str> {
    let family = kind.rsplit_once('.')?.0;
    match family {
        "customer.subscription" => Some("subscriptions"),
        "customer.discount" => Some("discounts"),
        "customer" => Some("customers"),
        "invoice" => Some("invoices"),
        "product" => Some("products"),
        "price" => Some("prices"),
        "coupon" => Some("coupons"),
        _ => None,
    }
}

/// An invoice of `sub_1` with so many lines, created at `at`.
pub(super) fn long_invoice(lines: usize, at: UnixTime) -> Value {
    let line = |place: usize| {
        json!({"id": format!("il_{place}"), "object": "line_item", "amount": 100 + place, "currency": "usd",
            "quantity": 1, "discount_amounts": [], "period": {"start": at.0, "end": at.0 + 2_000_000},
            "parent": {"type": "subscription_item_details", "subscription_item_details":
                {"subscription": "sub_1", "subscription_item": format!("si_{place}"), "proration": false}},
            "pricing": {"type": "price_details", "price_details": {"price": format!("price_{place}"), "product": "prod_1"}}})
    };
    let lines: Vec<_> = (0..lines).map(line).collect();
    json!({"id": "in_1", "object": "invoice", "customer": "cus_1", "livemode": true, "status": "paid", "currency": "usd",
        "total": 100, "subtotal": 100, "created": at.0, "discounts": [], "total_discount_amounts": [],
        "lines": {"object": "list", "data": lines, "has_more": false}})
}

/// `sub_1` with so many items at 10.00 a month, created at `at`.
pub(super) fn wide_subscription(items: usize, at: UnixTime) -> Value {
    let item = |place: usize| {
        json!({"id": format!("si_{place}"), "object": "subscription_item", "quantity": 1, "discounts": [],
            "price": {"id": format!("price_{place}"), "object": "price", "currency": "usd", "unit_amount": 1000,
                "unit_amount_decimal": "1000", "billing_scheme": "per_unit", "product": "prod_1", "type": "recurring",
                "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}}})
    };
    let items: Vec<_> = (0..items).map(item).collect();
    json!({"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active", "currency": "usd",
        "created": at.0, "start_date": at.0, "livemode": true, "discounts": [],
        "items": {"object": "list", "has_more": false, "data": items}})
}
