//! The simulated account's objects as a webhook of version clover shows them: discounts by id, coupons by id.

use serde_json::{Value, json};

use super::{
    catalog::{COUPONS, Catalog, Lasts, Money, Off, PRODUCTS, Price},
    state::{Customer, Discount, Item, Subscription},
};

use crate::ledger::time::UnixTime;

/// `unit_amount` is null and `unit_amount_decimal` tells it where a price isn't in whole minor units.
fn unit_amount(price: &Price) -> (Option<i64>, String) {
    let (whole, rest) = (price.unit_hundredths / 100, price.unit_hundredths % 100);
    match rest {
        0 => (Some(whole), whole.to_string()),
        rest => (None, format!("{whole}.{rest:02}").trim_end_matches('0').to_owned()),
    }
}

pub(super) fn price(price: &Price) -> Value {
    let (interval, count) = price.cycle.recurring();
    let (unit_amount, decimal) = unit_amount(price);
    json!({
        "id": price.id,
        "object": "price",
        "active": true,
        "billing_scheme": "per_unit",
        "created": price.created.0,
        "currency": price.currency.as_str(),
        "custom_unit_amount": null,
        "livemode": true,
        "lookup_key": null,
        "metadata": {},
        "nickname": price.nickname,
        "product": PRODUCTS[price.product].id,
        "recurring": {
            "interval": interval,
            "interval_count": count,
            "meter": null,
            "trial_period_days": null,
            "usage_type": "licensed",
        },
        "tax_behavior": if price.currency == Money::Jpy { "inclusive" } else { "exclusive" },
        "tiers_mode": null,
        "transform_quantity": null,
        "type": "recurring",
        "unit_amount": unit_amount,
        "unit_amount_decimal": decimal,
    })
}

/// The price again, as the plan that older readers know.
fn plan(price: &Price) -> Value {
    let (interval, count) = price.cycle.recurring();
    let (amount, decimal) = unit_amount(price);
    json!({
        "id": price.id,
        "object": "plan",
        "active": true,
        "amount": amount,
        "amount_decimal": decimal,
        "billing_scheme": "per_unit",
        "created": price.created.0,
        "currency": price.currency.as_str(),
        "interval": interval,
        "interval_count": count,
        "livemode": true,
        "metadata": {},
        "meter": null,
        "nickname": price.nickname,
        "product": PRODUCTS[price.product].id,
        "tiers_mode": null,
        "transform_usage": null,
        "trial_period_days": null,
        "usage_type": "licensed",
    })
}

pub(super) fn product(place: usize, created: UnixTime) -> Value {
    let product = &PRODUCTS[place];
    let metadata = if product.add_on { json!({"add_on": "true"}) } else { json!({}) };
    json!({
        "id": product.id,
        "object": "product",
        "active": true,
        "attributes": [],
        "created": created.0,
        "default_price": null,
        "description": null,
        "images": [],
        "livemode": true,
        "marketing_features": [],
        "metadata": metadata,
        "name": product.name,
        "package_dimensions": null,
        "shippable": null,
        "statement_descriptor": null,
        "tax_code": null,
        "type": "service",
        "unit_label": if product.seats { json!("seat") } else { Value::Null },
        "updated": created.0,
        "url": null,
    })
}

pub(super) fn coupon(place: usize, created: UnixTime) -> Value {
    let coupon = &COUPONS[place];
    let (percent_off, amount_off, currency) = match coupon.off {
        // As Stripe writes it: a number, with a fraction only where there is one.
        Off::Permille(permille) => {
            let text = exact_percent(permille);
            (serde_json::from_str(&text).unwrap_or_default(), Value::Null, Value::Null)
        }
        Off::Amount(amount, money) => (Value::Null, json!(i64::try_from(amount).ok()), json!(money.as_str())),
    };
    let (duration, months) = match coupon.lasts {
        Lasts::Forever => ("forever", None),
        Lasts::Months(months) => ("repeating", Some(months)),
        Lasts::Once => ("once", None),
    };
    json!({
        "id": coupon.id,
        "object": "coupon",
        "amount_off": amount_off,
        "created": created.0,
        "currency": currency,
        "duration": duration,
        "duration_in_months": months,
        "livemode": true,
        "max_redemptions": null,
        "metadata": {},
        "name": coupon.name,
        "percent_off": percent_off,
        "redeem_by": null,
        "times_redeemed": 0,
        "valid": true,
    })
}

fn exact_percent(permille: i128) -> String {
    let (whole, tenth) = (permille / 10, permille % 10);
    if tenth == 0 { whole.to_string() } else { format!("{whole}.{tenth}") }
}

/// A discount: since clover its coupon is an id.
pub(super) fn discount(
    discount: &Discount,
    customer: &Customer,
    subscription: Option<&str>,
    item: Option<&str>,
) -> Value {
    json!({
        "id": discount.id,
        "object": "discount",
        "checkout_session": null,
        "customer": customer.id,
        "customer_account": null,
        "end": discount.end.map(|end| end.0),
        "invoice": null,
        "invoice_item": null,
        "promotion_code": null,
        "source": {"coupon": COUPONS[discount.coupon].id, "type": "coupon"},
        "start": discount.start.0,
        "subscription": subscription,
        "subscription_item": item,
    })
}

pub(super) fn customer(customer: &Customer) -> Value {
    json!({
        "id": customer.id,
        "object": "customer",
        "address": {
            "city": null,
            "country": customer.country,
            "line1": null,
            "line2": null,
            "postal_code": null,
            "state": null,
        },
        "balance": 0,
        "created": customer.created.0,
        "currency": customer.currency.as_str(),
        "customer_account": null,
        "default_source": null,
        "delinquent": customer.delinquent,
        "description": null,
        "discount": customer.discount.as_ref().map(|given| discount(given, customer, None, None)),
        "email": customer.email,
        "invoice_prefix": &customer.id[4..12].to_uppercase(),
        "invoice_settings": {
            "custom_fields": null,
            "default_payment_method": null,
            "footer": null,
            "rendering_options": null,
        },
        "livemode": true,
        "metadata": {"industry": customer.industry},
        "name": customer.name,
        "next_invoice_sequence": 2,
        "phone": null,
        "preferred_locales": [],
        "shipping": null,
        "tax_exempt": if customer.tax_exempt { "exempt" } else { "none" },
        "test_clock": null,
    })
}

fn item(item: &Item, subscription: &Subscription, catalog: &Catalog) -> Value {
    let held = &catalog.prices[item.price];
    json!({
        "id": item.id,
        "object": "subscription_item",
        "billing_thresholds": null,
        "created": item.created.0,
        "current_period_end": subscription.period.end.0,
        "current_period_start": subscription.period.start.0,
        "discounts": item.discounts.iter().map(|discount| discount.id.as_str()).collect::<Vec<_>>(),
        "metadata": {},
        "plan": plan(held),
        "price": price(held),
        "quantity": item.quantity,
        "subscription": subscription.id,
        "tax_rates": [],
    })
}

pub(super) fn subscription(subscription: &Subscription, customer: &Customer, catalog: &Catalog) -> Value {
    // Only where there is one item do webhooks still carry `plan` and `quantity` at the top (docs/wire.md 3.2).
    let only = match subscription.items.as_slice() {
        [only] => Some(only),
        _ => None,
    };
    let seconds = |at: Option<UnixTime>| at.map(|at| at.0);
    let cancellation = subscription.cancellation;
    let mut object = json!({
        "id": subscription.id,
        "object": "subscription",
        "application": null,
        "application_fee_percent": null,
        "automatic_tax": {
            "disabled_reason": null,
            "enabled": subscription.currency == Money::Jpy,
            "liability": (subscription.currency == Money::Jpy).then(|| json!({"type": "self"})),
        },
        "billing_cycle_anchor": subscription.anchor.0,
        "billing_cycle_anchor_config": null,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        "billing_thresholds": null,
        "cancel_at": seconds(subscription.cancel_at),
        "cancel_at_period_end": subscription.cancel_at_period_end,
        "canceled_at": seconds(subscription.canceled_at),
        "cancellation_details": {
            "comment": cancellation.comment,
            "feedback": cancellation.feedback,
            "reason": cancellation.reason,
        },
        "collection_method": "charge_automatically",
        "created": subscription.created.0,
        "currency": subscription.currency.as_str(),
        "customer": customer.id,
        "customer_account": null,
        "days_until_due": null,
        "default_payment_method": format!("pm_1T{}", &subscription.id[6..]),
        "default_source": null,
        "default_tax_rates": [],
        "description": null,
        "discounts": subscription.discounts.iter().map(|discount| discount.id.as_str()).collect::<Vec<_>>(),
        "ended_at": seconds(subscription.ended_at),
        "invoice_settings": {"account_tax_ids": null, "issuer": {"type": "self"}},
        "items": {
            "object": "list",
            "data": subscription.items.iter().map(|held| item(held, subscription, catalog)).collect::<Vec<_>>(),
            "has_more": false,
            "total_count": subscription.items.len(),
            "url": format!("/v1/subscription_items?subscription={}", subscription.id),
        },
        "latest_invoice": subscription.latest_invoice,
    });
    let rest = json!({
        "livemode": true,
        "metadata": {"note": subscription.note.to_string()},
        "next_pending_invoice_item_invoice": null,
        "on_behalf_of": null,
        "pause_collection": subscription.collection_paused.map(|behavior| json!({
            "behavior": behavior,
            "resumes_at": null,
        })),
        "payment_settings": {
            "payment_method_options": null,
            "payment_method_types": null,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": null,
        "pending_setup_intent": null,
        "pending_update": null,
        "plan": only.map(|only| plan(&catalog.prices[only.price])),
        "quantity": only.map(|only| only.quantity),
        "schedule": subscription.scheduled.as_ref().map(|(schedule, _)| schedule),
        "start_date": subscription.created.0,
        "status": subscription.status.as_str(),
        "test_clock": null,
        "transfer_data": null,
        "trial_end": seconds(subscription.trial.map(|trial| trial.end)),
        "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
        "trial_start": seconds(subscription.trial.map(|trial| trial.start)),
    });
    extend(&mut object, rest);
    object
}

/// One object of two halves: one macro call can't hold it.
pub(super) fn extend(object: &mut Value, rest: Value) {
    if let (Value::Object(object), Value::Object(rest)) = (object, rest) {
        object.extend(rest);
    }
}
