//! What a fact is called in the log's typed columns: its kind, its object, and the objects it names.

use std::collections::BTreeSet;

use crate::ledger::fact::{
    DiscountState, Fact, InvoiceState, ItemState, ScheduleState, State, SubscriptionState, TaxRate,
};

/// What the ids of schedules begin with.
pub(crate) const SCHEDULES: &str = "sub_sched_";

/// The fact's kind, as the column `fact.kind` holds it.
pub(crate) fn kind(fact: &Fact) -> &'static str {
    match &fact.state {
        State::Subscription { .. } => "subscription",
        State::Invoice(_) => "invoice",
        State::Customer(_) => "customer",
        State::Price(_) => "price",
        State::Product(_) => "product",
        State::Coupon(_) => "coupon",
        State::Discount(_) => "discount",
        State::Correction(_) => "correction",
        State::Schedule(_) => "schedule",
        State::TaxRate(_) => "tax_rate",
    }
}

/// The id of the object the fact is about.
pub(crate) fn object(fact: &Fact) -> Option<&str> {
    match &fact.state {
        State::Subscription { after, .. } => Some(after.id.as_str()),
        State::Invoice(invoice) => Some(invoice.id.as_str()),
        State::Customer(customer) => Some(customer.id.as_str()),
        State::Price(price) => Some(price.id.as_str()),
        State::Product(product) => Some(product.id.as_str()),
        State::Coupon(coupon) => Some(coupon.id.as_str()),
        State::Discount(discount) => discount.id.as_ref().map(|id| id.as_str()),
        State::Correction(correction) => Some(&correction.id),
        State::Schedule(schedule) => Some(&schedule.id),
        State::TaxRate(rate) => Some(rate.id.as_str()),
    }
}

/// Every price, product, coupon, discount and tax rate the fact names: facts about these may change its customer's ledger.
pub fn references(fact: &Fact) -> BTreeSet<&str> {
    let mut named = BTreeSet::new();
    add_references(fact, &mut named);
    named
}

/// The same, added to what other facts name.
pub fn add_references<'f>(fact: &'f Fact, named: &mut BTreeSet<&'f str>) {
    match &fact.state {
        State::Subscription { before, after } => {
            before.iter().for_each(|before| of_subscription(before, named));
            of_subscription(after, named);
        }
        State::Invoice(invoice) => of_invoice(invoice, named),
        State::Customer(customer) => customer.discount.iter().for_each(|discount| of_discount(discount, named)),
        State::Discount(discount) => of_discount(discount, named),
        State::Schedule(schedule) => of_schedule(schedule, named),
        State::Price(_) | State::Product(_) | State::Coupon(_) | State::Correction(_) | State::TaxRate(_) => {}
    }
}

/// What it plans to bill; and itself, so that customers with a schedule are found ([`SCHEDULES`]).
fn of_schedule<'f>(schedule: &'f ScheduleState, named: &mut BTreeSet<&'f str>) {
    named.insert(&schedule.id);
    for phase in &schedule.phases {
        phase.discounts.iter().flatten().for_each(|discount| of_discount(discount, named));
        of_rates(phase.tax_rates.as_deref().unwrap_or_default(), named);
        for item in &phase.items {
            named.insert(item.price.as_str());
            item.discounts.iter().flatten().for_each(|discount| of_discount(discount, named));
            of_rates(item.tax_rates.as_deref().unwrap_or_default(), named);
        }
    }
}

fn of_subscription<'f>(subscription: &'f SubscriptionState, named: &mut BTreeSet<&'f str>) {
    subscription.items.iter().for_each(|item| of_item(item, named));
    subscription.discounts.iter().for_each(|discount| of_discount(discount, named));
    of_rates(&subscription.tax_rates, named);
}

fn of_rates<'f>(rates: &'f [TaxRate], named: &mut BTreeSet<&'f str>) {
    named.extend(rates.iter().filter_map(|rate| Some(rate.id.as_ref()?.as_str())));
}

fn of_item<'f>(item: &'f ItemState, named: &mut BTreeSet<&'f str>) {
    named.insert(item.price.id.as_str());
    named.extend(item.price.product.iter().map(|product| product.as_str()));
    item.discounts.iter().for_each(|discount| of_discount(discount, named));
    of_rates(&item.tax_rates, named);
}

fn of_discount<'f>(discount: &'f DiscountState, named: &mut BTreeSet<&'f str>) {
    named.extend(discount.id.iter().map(|id| id.as_str()));
    named.extend(discount.coupon.iter().map(|coupon| coupon.as_str()));
    named.extend(discount.terms.iter().map(|terms| terms.id.as_str()));
}

fn of_invoice<'f>(invoice: &'f InvoiceState, named: &mut BTreeSet<&'f str>) {
    for line in &invoice.lines {
        named.extend(line.price.iter().map(|price| price.as_str()));
        named.extend(line.product.iter().map(|product| product.as_str()));
        named.extend(line.discounts.iter().map(|(discount, _)| discount.as_str()));
        of_rates(&line.tax_rates, named);
    }
}
