//! One fact as one short line, for snapshots a person can review: absent things leave no trace.

use std::fmt::Write;

use mrrd::ledger::fact::*;

/// `subscription sub_1 of cus_1 active usd …`
pub(crate) fn line(fact: &Fact) -> String {
    match &fact.state {
        State::Subscription { before, after } => {
            let mut text = format!("subscription {}", subscription(after));
            if let Some(before) = before {
                let before = subscription(before);
                let after = subscription(after);
                let _ = match before == after {
                    true => write!(text, "\n      before: the same"),
                    false => write!(text, "\n      before: {before}"),
                };
            }
            text
        }
        State::Invoice(invoice) => format!("invoice {}", self::invoice(invoice)),
        State::Customer(customer) => {
            let mut text = format!("customer {}", customer.id);
            add(&mut text, "in", customer.country.as_ref());
            add(&mut text, "discount", customer.discount.as_ref().map(discount));
            flag(&mut text, "deleted", customer.deleted);
            add(&mut text, "clock", customer.test_clock.as_ref());
            text
        }
        State::Price(price) => format!("price {}", self::price(price)),
        State::Product(product) => {
            let mut text = format!("product {}", product.id);
            flag(&mut text, "add-on", product.add_on);
            text
        }
        State::Coupon(terms) => format!("coupon {}", coupon(terms)),
        State::Discount(state) => format!("discount {}", discount(state)),
        State::Correction(correction) => {
            let mut text = format!("{} {} {}", correction.object, correction.id, correction.amount);
            add(&mut text, "", correction.currency);
            add(&mut text, "of", correction.customer.as_ref());
            text
        }
        State::TaxRate(rate) => {
            let inclusive = if rate.inclusive { " included" } else { "" };
            format!("tax rate {} {}%{inclusive}", rate.id, rate.percentage)
        }
        State::Schedule(schedule) => {
            let mut text = format!("schedule {} {}", schedule.id, schedule.status);
            add(&mut text, "of", schedule.customer.as_ref());
            add(&mut text, "for", schedule.subscription.as_ref());
            for phase in &schedule.phases {
                text.push_str(" [");
                for PhaseItem { price, quantity, .. } in &phase.items {
                    add(&mut text, "", Some(price));
                    add(&mut text, "×", *quantity);
                }
                add(&mut text, "", phase.period.map(period));
                text.push(']');
            }
            add(&mut text, "then", schedule.end_behavior.as_ref());
            text
        }
    }
}

fn add(text: &mut String, name: &str, value: Option<impl std::fmt::Display>) {
    if let Some(value) = value {
        let space = if name.is_empty() { "" } else { " " };
        let _ = write!(text, " {name}{space}{value}");
    }
}

fn flag(text: &mut String, name: &str, set: bool) {
    add(text, "", set.then_some(name));
}

fn subscription(state: &SubscriptionState) -> String {
    let status = serde_json::to_value(&state.status).unwrap();
    let status = status.as_str().map_or_else(|| status.to_string(), str::to_owned);
    let mut text = format!("{} of {} {status}", state.id, state.customer);
    add(&mut text, "", state.currency);
    for item in &state.items {
        let _ = write!(text, " [{}]", self::item(item));
    }
    flag(&mut text, "ITEMS-INCOMPLETE", !state.items_complete);
    for state in &state.discounts {
        add(&mut text, "discount", Some(discount(state)));
    }
    taxes(&mut text, &state.tax_rates);
    add(&mut text, "created", Some(state.created.0));
    add(&mut text, "started", state.start_date.map(|at| at.0));
    add(&mut text, "period", state.period.map(period));
    add(&mut text, "trial", state.trial_start.map(|at| at.0));
    add(&mut text, "trial-end", state.trial_end.map(|at| at.0));
    flag(&mut text, "cancel-at-period-end", state.cancel_at_period_end);
    add(&mut text, "cancel-at", state.cancel_at.map(|at| at.0));
    add(&mut text, "canceled-at", state.canceled_at.map(|at| at.0));
    add(&mut text, "ended-at", state.ended_at.map(|at| at.0));
    add(&mut text, "because", state.cancel_reason.as_ref().map(|reason| format!("{reason:?}")));
    add(&mut text, "feedback", state.cancel_feedback.as_ref());
    if let Some(pause) = &state.pause_collection {
        add(&mut text, "collection-paused", Some(&pause.behavior));
        add(&mut text, "resumes", pause.resumes_at.map(|at| at.0));
    }
    add(&mut text, "paused", state.pause_reason.as_ref());
    add(&mut text, "latest", state.latest_invoice.as_ref());
    flag(&mut text, "PENDING-UPDATE", state.pending_update);
    add(&mut text, "clock", state.test_clock.as_ref());
    text
}

fn item(item: &ItemState) -> String {
    let mut text = format!("{} {}", item.id, price(&item.price));
    add(&mut text, "×", item.quantity);
    for state in &item.discounts {
        add(&mut text, "discount", Some(discount(state)));
    }
    taxes(&mut text, &item.tax_rates);
    add(&mut text, "period", item.period.map(period));
    add(&mut text, "trial", item.trial.map(period));
    text
}

fn price(price: &Price) -> String {
    let mut text = format!("{}", price.id);
    add(&mut text, "for", price.product.as_ref());
    add(&mut text, "", price.currency);
    add(&mut text, "", Some(scheme(&price.scheme)));
    add(&mut text, "/", price.interval);
    flag(&mut text, "metered", price.usage == Usage::Metered);
    add(&mut text, "", price.transform.map(|by| format!("÷{}{:?}", by.divide_by, by.round)));
    flag(&mut text, "tax-inclusive", price.tax_inclusive);
    add(&mut text, "lookup", price.lookup_key.as_ref());
    add(&mut text, "nickname", price.nickname.as_ref());
    for (currency, option) in &price.currency_options {
        add(&mut text, currency.as_str(), Some(scheme(option)));
    }
    text
}

fn scheme(scheme: &Scheme) -> String {
    let tiers = |name: &str, tiers: &[Tier]| {
        let mut text = name.to_owned();
        for tier in tiers {
            let _ = match tier.up_to {
                Some(up_to) => write!(text, " {up_to}:"),
                None => write!(text, " ∞:"),
            };
            let _ = write!(text, "{}+{}", tier.unit_amount, tier.flat_amount);
        }
        text
    };
    match scheme {
        Scheme::PerUnit(amount) => amount.to_string(),
        Scheme::Graduated(list) => tiers("graduated", list),
        Scheme::Volume(list) => tiers("volume", list),
        Scheme::Unknown => "UNKNOWN".into(),
    }
}

fn discount(state: &DiscountState) -> String {
    let mut text = String::from("(");
    add(&mut text, "", state.id.as_ref());
    match &state.terms {
        Some(terms) => add(&mut text, "", Some(coupon(terms))),
        None => add(&mut text, "coupon", state.coupon.as_ref()),
    }
    flag(&mut text, "TERMS-UNKNOWN", state.terms.is_none());
    add(&mut text, "from", state.start.map(|at| at.0));
    add(&mut text, "to", state.end.map(|at| at.0));
    add(&mut text, "of", state.customer.as_ref());
    add(&mut text, "on", state.subscription.as_ref());
    add(&mut text, "on", state.item.as_ref());
    text + " )"
}

fn coupon(terms: &CouponTerms) -> String {
    let mut text = terms.id.to_string();
    match terms.off {
        Some(Off::Percent(percent)) => add(&mut text, "", Some(format!("{percent}%"))),
        Some(Off::Amount(amount, currency)) => add(&mut text, "", Some(format!("{amount}{currency}"))),
        None => add(&mut text, "", Some("OFF-UNKNOWN")),
    }
    add(&mut text, "", Some(format!("{:?}", terms.duration)));
    add(&mut text, "months", terms.months);
    for (currency, amount) in &terms.currency_options {
        add(&mut text, currency.as_str(), Some(amount));
    }
    add(&mut text, "only", terms.products.as_ref().map(|products| format!("{products:?}")));
    text
}

fn invoice(state: &InvoiceState) -> String {
    let mut text = format!("{} {:?} {} of {}", state.id, state.status, state.total, state.subtotal);
    add(&mut text, "", state.currency);
    add(&mut text, "by", state.customer.as_ref());
    add(&mut text, "for", state.subscription.as_ref());
    add(&mut text, "balance", (state.balance_applied != 0).then_some(state.balance_applied));
    add(&mut text, "discounted", (state.discount_total != 0).then_some(state.discount_total));
    add(&mut text, "", state.billing_reason.as_ref());
    add(&mut text, "created", Some(state.created.0));
    add(&mut text, "final", state.finalized_at.map(|at| at.0));
    add(&mut text, "paid", state.paid_at.map(|at| at.0));
    for line in &state.lines {
        let _ = write!(text, " [{}]", self::invoice_line(line));
    }
    flag(&mut text, "LINES-INCOMPLETE", !state.lines_complete);
    add(&mut text, "clock", state.test_clock.as_ref());
    text
}

fn invoice_line(line: &InvoiceLine) -> String {
    let mut text = line.amount.to_string();
    add(&mut text, "", line.price.as_ref());
    add(&mut text, "for", line.product.as_ref());
    add(&mut text, "/", line.interval);
    add(&mut text, "×", line.quantity);
    add(&mut text, "at", line.unit_amount);
    add(&mut text, "", line.subscription.as_ref());
    add(&mut text, "", line.item.as_ref());
    flag(&mut text, "proration", line.proration);
    add(&mut text, "period", line.period.map(period));
    for (id, amount) in &line.discounts {
        add(&mut text, "−", Some(format!("{amount} {id}")));
    }
    taxes(&mut text, &line.tax_rates);
    add(&mut text, "tax-inside", line.tax_inside);
    match &line.terms {
        Some(LineTerms::Plain) => text.push_str(" plain"),
        Some(LineTerms::Whole(whole)) => add(&mut text, "terms", Some(format!("({})", price(whole)))),
        None => {}
    }
    text
}

fn taxes(text: &mut String, rates: &[TaxRate]) {
    for rate in rates {
        let inclusive = if rate.inclusive { " included" } else { "" };
        let told = rate.percentage.map(|percentage| format!("{percentage}%{inclusive}"));
        add(text, "tax", told.or_else(|| rate.id.as_ref().map(ToString::to_string)));
    }
}

fn period(period: Period) -> String {
    format!("{}…{}", period.start.0, period.end.0)
}
