//! Invoices and the payment objects around them. They never make MRR: they are there because Stripe sends them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::ledger::time::UnixTime;

use super::{
    catalog::{COUPONS, Catalog, Money, Off, Price},
    random::Random,
    state::{Customer, Discount, Item, Period, Subscription},
};

/// A draft for the subscription's current period.
pub(super) fn draft(
    subscription: &Subscription,
    customer: &Customer,
    catalog: &Catalog,
    random: &mut Random,
    billing_reason: &str,
    at: UnixTime,
) -> Value {
    let id = random.id("in_1T", 22);
    let on_trial = subscription.trial.is_some_and(|trial| trial == subscription.period);
    let own = &subscription.discounts;
    let shared: Vec<&Discount> = if own.is_empty() { customer.discount.iter().collect() } else { own.iter().collect() };
    let mut lines = Vec::new();
    let (mut subtotal, mut discounted, mut tax) = (0_i64, 0_i64, 0_i64);
    let amounts: Vec<i64> = subscription
        .items
        .iter()
        .map(|item| if on_trial { 0 } else { catalog.prices[item.price].unit_hundredths * item.quantity / 100 })
        .collect();
    let taken = discounted_lines(subscription, &shared, &amounts);
    for ((item, amount), taken) in subscription.items.iter().zip(amounts).zip(taken) {
        let left = amount - taken.iter().map(|(_, off)| off).sum::<i64>();
        subtotal += amount;
        discounted += amount - left;
        let told = taken.iter().map(|(discount, off)| json!({"amount": off, "discount": discount.id})).collect();
        let price = &catalog.prices[item.price];
        let period = subscription.period;
        let mut line = line(Line {
            id: random.id("il_1T", 22),
            subscription,
            item,
            price,
            amount,
            discount_amounts: told,
            period,
            proration: false,
        });
        if subscription.currency == Money::Jpy {
            line["taxes"] = taxes(left, customer);
            tax += line["taxes"][0]["amount"].as_i64().unwrap_or(0);
        }
        lines.push(line);
    }
    for mut correction in subscription.prorations.iter().cloned() {
        subtotal += correction["amount"].as_i64().unwrap_or(0);
        correction["invoice"] = json!(id);
        lines.push(correction);
    }
    for line in &mut lines {
        line["invoice"] = json!(id);
    }
    let mut by_discount: BTreeMap<String, i64> = BTreeMap::new();
    for taken in lines.iter().filter_map(|line| line["discount_amounts"].as_array()).flatten() {
        let id = taken["discount"].as_str().unwrap_or_default().to_owned();
        *by_discount.entry(id).or_default() += taken["amount"].as_i64().unwrap_or(0);
    }
    let by_discount: Vec<Value> =
        by_discount.iter().map(|(discount, amount)| json!({"amount": amount, "discount": discount})).collect();
    let total = subtotal - discounted;
    // What is below 0 goes to the customer's balance.
    let due = total.max(0);
    let mut invoice = json!({
        "id": id,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Simulated, Inc.",
        "account_tax_ids": null,
        "amount_due": due,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": due,
        "amount_shipping": 0,
        "application": null,
        "attempt_count": 0,
        "attempted": false,
        "auto_advance": true,
        "automatic_tax": automatic_tax(subscription.currency),
        "automatically_finalizes_at": at.plus(3600).0,
        "billing_reason": billing_reason,
        "collection_method": "charge_automatically",
        "created": at.0,
        "currency": subscription.currency.as_str(),
        "custom_fields": null,
        "customer": customer.id,
        "customer_account": null,
        "customer_address": null,
        "customer_email": customer.email,
        "customer_name": customer.name,
        "customer_phone": null,
        "customer_shipping": null,
        "customer_tax_exempt": if customer.tax_exempt { "exempt" } else { "none" },
        "customer_tax_ids": [],
        "default_payment_method": null,
        "default_source": null,
        "default_tax_rates": [],
        "description": null,
        "discounts": shared.iter().map(|discount| discount.id.as_str()).collect::<Vec<_>>(),
        "due_date": null,
        "effective_at": null,
        "ending_balance": null,
    });
    let rest = json!({
        "footer": null,
        "from_invoice": null,
        "hosted_invoice_url": null,
        "invoice_pdf": null,
        "issuer": {"type": "self"},
        "last_finalization_error": null,
        "latest_revision": null,
        "lines": {
            "object": "list",
            "total_count": lines.len(),
            "data": lines,
            "has_more": false,
            "url": format!("/v1/invoices/{id}/lines"),
        },
        "livemode": true,
        "metadata": {},
        "next_payment_attempt": null,
        "number": null,
        "on_behalf_of": null,
        "parent": {
            "quote_details": null,
            "subscription_details": {"metadata": {}, "subscription": subscription.id},
            "type": "subscription_details",
        },
        "payment_settings": {
            "default_mandate": null,
            "payment_method_options": null,
            "payment_method_types": null,
        },
        "period_end": at.0,
        "period_start": at.0,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": null,
        "rendering": null,
        "shipping_cost": null,
        "shipping_details": null,
        "starting_balance": 0,
        "statement_descriptor": null,
        "status": "draft",
        "status_transitions": {
            "finalized_at": null,
            "marked_uncollectible_at": null,
            "paid_at": null,
            "voided_at": null,
        },
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - tax,
        "test_clock": null,
        "total": total,
        "total_discount_amounts": by_discount,
        "total_excluding_tax": total - tax,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": null,
    });
    super::wire::extend(&mut invoice, rest);
    invoice
}

/// What each discount takes off each item's line, an item's own ones first. A percentage is rounded line by line; an amount
/// is spread over the lines by what is left of them, and the last one takes what rounding leaves.
fn discounted_lines<'d>(
    subscription: &'d Subscription,
    shared: &[&'d Discount],
    amounts: &[i64],
) -> Vec<Vec<(&'d Discount, i64)>> {
    let mut left = amounts.to_vec();
    let mut taken: Vec<Vec<(&Discount, i64)>> = vec![Vec::new(); amounts.len()];
    let mut take = |discount: &'d Discount, lines: std::ops::Range<usize>| {
        let sum: i64 = left[lines.clone()].iter().sum();
        let mut to_go = match COUPONS[discount.coupon].off {
            Off::Amount(off, _) => sum.min(i64::try_from(off).unwrap_or(0)),
            Off::Permille(_) => 0,
        };
        let whole = to_go;
        for place in lines.clone() {
            let off = match COUPONS[discount.coupon].off {
                Off::Permille(permille) => (left[place] * i64::try_from(permille).unwrap_or(0) + 500) / 1000,
                Off::Amount(..) if place + 1 == lines.end => to_go,
                Off::Amount(..) => (whole * left[place]).checked_div(sum).unwrap_or(0),
            };
            to_go -= off;
            taken[place].push((discount, off));
        }
        for place in lines {
            left[place] -= taken[place].last().map_or(0, |(_, off)| *off);
        }
    };
    for (place, item) in subscription.items.iter().enumerate() {
        item.discounts.iter().for_each(|discount| take(discount, place..place + 1));
    }
    shared.iter().for_each(|discount| take(discount, 0..amounts.len()));
    taken
}

/// What Stripe Tax says of the tax in a line's amount after discounts: nothing of a line without one.
fn taxes(left: i64, customer: &Customer) -> Value {
    if left == 0 {
        return json!([]);
    }
    let (amount, reason) = if customer.tax_exempt { (0, "customer_exempt") } else { (left / 11, "standard_rated") };
    json!([{
        "amount": amount,
        "tax_behavior": "inclusive",
        "tax_rate_details": {"tax_rate": "txr_1TJapanConsumption10"},
        "taxability_reason": reason,
        "taxable_amount": if customer.tax_exempt { 0 } else { left - amount },
        "type": "tax_rate_details",
    }])
}

fn automatic_tax(currency: Money) -> Value {
    match currency {
        Money::Jpy => json!({
            "disabled_reason": null,
            "enabled": true,
            "liability": {"type": "self"},
            "provider": "stripe",
            "status": "complete",
        }),
        Money::Usd | Money::Eur => json!({
            "disabled_reason": null,
            "enabled": false,
            "liability": null,
            "provider": null,
            "status": null,
        }),
    }
}

/// The corrections of a change within the period: what is left of it is credited at the old terms and charged at the new.
pub(super) fn prorations(before: &[Item], subscription: &Subscription, catalog: &Catalog, at: UnixTime) -> Vec<Value> {
    let Period { start, end } = subscription.period;
    let share = |item: &Item| {
        let whole = catalog.prices[item.price].unit_hundredths * item.quantity / 100;
        whole * (end.0 - at.0).max(0) / (end.0 - start.0).max(1)
    };
    let held_in = |item: &Item, items: &[Item]| {
        items.iter().any(|one| one.id == item.id && one.price == item.price && one.quantity == item.quantity)
    };
    let now = &subscription.items;
    let credits = before.iter().filter(|item| !held_in(item, now)).map(|item| (item, -share(item)));
    let charges = now.iter().filter(|item| !held_in(item, before)).map(|item| (item, share(item)));
    let told = credits.chain(charges).enumerate().map(|(place, (item, amount))| {
        let id = format!("il_1P{}{}{place}", &item.id[4..], at.0);
        line(Line {
            id,
            subscription,
            item,
            price: &catalog.prices[item.price],
            amount,
            discount_amounts: Vec::new(),
            period: Period { start: at, end },
            proration: true,
        })
    });
    told.collect()
}

struct Line<'a> {
    id: String,
    subscription: &'a Subscription,
    item: &'a Item,
    price: &'a Price,
    /// In minor units, before discounts.
    amount: i64,
    /// What each discount takes off it, as Stripe lists it.
    discount_amounts: Vec<Value>,
    period: Period,
    proration: bool,
}

/// One line, of no invoice yet.
fn line(line: Line<'_>) -> Value {
    let Line { id, subscription, item, price, amount, discount_amounts, period, proration } = line;
    json!({
        "id": id,
        "object": "line_item",
        "amount": amount,
        "currency": subscription.currency.as_str(),
        "description": format!("{} × {}", item.quantity, price.nickname),
        "discount_amounts": discount_amounts,
        "discountable": !proration,
        "discounts": item.discounts.iter().map(|discount| discount.id.as_str()).collect::<Vec<_>>(),
        "invoice": null,
        "livemode": true,
        "metadata": {},
        "parent": {
            "invoice_item_details": null,
            "subscription_item_details": {
                "invoice_item": null,
                "proration": proration,
                "proration_details": {"credited_items": null},
                "subscription": subscription.id,
                "subscription_item": item.id,
            },
            "type": "subscription_item_details",
        },
        "period": {"end": period.end.0, "start": period.start.0},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {
                "price": price.id,
                "product": super::catalog::PRODUCTS[price.product].id,
            },
            "type": "price_details",
            "unit_amount_decimal": format!("{}.{:02}", price.unit_hundredths / 100, price.unit_hundredths % 100),
        },
        "quantity": item.quantity,
        "subtotal": amount,
        "taxes": [],
    })
}

/// The invoice as Stripe shows it once it is open.
pub(super) fn finalized(mut invoice: Value, at: UnixTime) -> Value {
    invoice["status"] = json!("open");
    invoice["auto_advance"] = json!(true);
    invoice["automatically_finalizes_at"] = Value::Null;
    invoice["effective_at"] = json!(at.0);
    invoice["number"] = json!(format!("SIM-{}", &invoice["id"].as_str().unwrap_or_default()[5..13]));
    invoice["status_transitions"]["finalized_at"] = json!(at.0);
    invoice
}

/// The invoice as Stripe shows it once it is paid.
pub(super) fn paid(mut invoice: Value, at: UnixTime) -> Value {
    invoice["status"] = json!("paid");
    invoice["amount_paid"] = invoice["amount_due"].clone();
    invoice["amount_remaining"] = json!(0);
    invoice["attempted"] = json!(true);
    invoice["attempt_count"] = json!(invoice["attempt_count"].as_i64().unwrap_or(0) + 1);
    invoice["next_payment_attempt"] = Value::Null;
    invoice["status_transitions"]["paid_at"] = json!(at.0);
    invoice
}

/// The invoice after an attempt to collect failed.
pub(super) fn failed(mut invoice: Value, next: Option<UnixTime>) -> Value {
    invoice["attempted"] = json!(true);
    invoice["attempt_count"] = json!(invoice["attempt_count"].as_i64().unwrap_or(0) + 1);
    invoice["next_payment_attempt"] = json!(next.map(|next| next.0));
    invoice
}

/// The invoice as Stripe shows it once it is void.
pub(super) fn voided(mut invoice: Value, at: UnixTime) -> Value {
    invoice["status"] = json!("void");
    invoice["status_transitions"]["voided_at"] = json!(at.0);
    invoice
}

/// A `charge` or `payment_intent` about it: mrrd doesn't read them, and takes them in all the same.
pub(super) fn payment(object: &str, invoice: &Value, random: &mut Random, status: &str, at: UnixTime) -> Value {
    json!({
        "id": random.id(if object == "charge" { "ch_3T" } else { "pi_3T" }, 22),
        "object": object,
        "amount": invoice["amount_due"],
        "created": at.0,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "livemode": true,
        "metadata": {},
        "payment_method": null,
        "status": status,
    })
}
