//! What one place shows and another tells (rule `monthly-amount`): prices by their ids, and what a discount is of which only the id is
//! known, read off the invoice lines that show it.

use std::collections::BTreeMap;

use mrrd::ledger::{fact::*, ids::*, money::Decimal, time::UnixTime};

use super::{Line, listed};

/// Puts in the prices that some place of the log tells.
pub(super) fn fill_in_prices(facts: &[Fact], lines: &mut BTreeMap<SubscriptionId, Line>) {
    let mut prices: BTreeMap<PriceId, Price> = BTreeMap::new();
    let mut hear = |price: &Price| {
        if price.scheme != Scheme::Unknown {
            prices.insert(price.id.clone(), price.clone());
        }
    };
    for fact in facts {
        match &fact.state {
            State::Price(price) => hear(price),
            State::Subscription { before, after } => {
                let states = before.iter().chain(std::iter::once(after));
                states.flat_map(|state| &state.items).for_each(|item| hear(&item.price));
            }
            State::Invoice(invoice) => {
                let embedded = invoice.lines.iter().filter_map(|line| line.told_price(invoice.currency));
                embedded.for_each(|price| hear(&price));
            }
            _ => {}
        }
    }
    let items = lines.values_mut().flat_map(|line| &mut line.states).flat_map(|(_, state)| &mut state.items);
    for item in items.filter(|item| item.price.scheme == Scheme::Unknown) {
        item.price = prices.get(&item.price.id).expect("the oracle reads told prices only").clone();
    }
}

/// Reads the terms of discounts known by their ids, with the ends of those that ended with a period, and puts them in.
pub(super) fn fill_in_discounts(lines: &mut BTreeMap<SubscriptionId, Line>) {
    let mut told: BTreeMap<DiscountId, (CouponTerms, Option<i64>)> = BTreeMap::new();
    for line in lines.values() {
        for discount in line.states.iter().flat_map(|(_, state)| listed(state)) {
            if let (None, Some(id)) = (&discount.terms, &discount.id) {
                let (duration, end) = duration(line, id);
                let terms = CouponTerms {
                    id: CouponId::new(id.to_string()),
                    off: off(lines, line, id),
                    duration,
                    months: None,
                    currency_options: BTreeMap::new(),
                    products: None,
                };
                told.insert(id.clone(), (terms, end));
            }
        }
    }
    for (_, state) in lines.values_mut().flat_map(|line| &mut line.states) {
        let on_items = state.items.iter_mut().flat_map(|item| &mut item.discounts);
        for discount in state.discounts.iter_mut().chain(on_items).filter(|discount| discount.terms.is_none()) {
            let Some((terms, end)) = discount.id.as_ref().and_then(|id| told.get(id)) else { continue };
            discount.end = end.map(UnixTime);
            discount.terms = Some(terms.clone());
        }
    }
}

/// What it takes off: a whole or half percent that explains every line, else an amount that explains every invoice.
fn off(lines: &BTreeMap<SubscriptionId, Line>, own: &Line, id: &DiscountId) -> Option<Off> {
    let mut shown: Vec<(i64, i64)> = Vec::new();
    let mut by_invoice: Vec<i64> = Vec::new();
    for (_, invoice) in lines.values().flat_map(|line| &line.billed) {
        let mut sum = None;
        for line in invoice.lines.iter().filter(|line| !line.proration) {
            let Some(place) = line.discounts.iter().position(|(one, _)| one == id) else { continue };
            let before: i64 = line.discounts[..place].iter().map(|(_, off)| off).sum();
            // Nothing is taken off nothing: a trial's line tells nothing.
            if line.amount > before {
                shown.push((line.amount - before, line.discounts[place].1));
                *sum.get_or_insert(0) += line.discounts[place].1;
            }
        }
        by_invoice.extend(sum);
    }
    if shown.is_empty() {
        return None;
    }
    // Within rounding: a minor unit or less from the exact share.
    let explains = |halves: &i64| shown.iter().all(|(left, off)| (left * halves - off * 200).abs() <= 100);
    let mut fitting = (1..=200).filter(explains);
    if let Some(halves) = fitting.next() {
        return Some(Off::Percent(Decimal::from_units(i128::from(halves) * Decimal::ONE_UNITS / 2)));
    }
    let one = by_invoice[0];
    let currency = own.currency;
    by_invoice.iter().all(|sum| *sum == one).then(|| Off::Amount(Decimal::whole(one), currency))
}

/// How long it lasts, by when it went; and the end of the last period it was listed in, where that is its end.
fn duration(line: &Line, id: &DiscountId) -> (Duration, Option<i64>) {
    let lists = |state: &SubscriptionState| listed(state).any(|discount| discount.id.as_ref() == Some(id));
    let first = line.states.iter().position(|(_, state)| lists(state)).expect("somebody asked");
    let mut renewals = 0;
    for place in first + 1..line.states.len() {
        let (before, after) = (&line.states[place - 1].1, &line.states[place].1);
        let renewed = is_renewal(before, after);
        renewals += u32::from(renewed);
        if !lists(after) {
            let ends_with_period = before.period.map(|period| period.end.0);
            return match (renewed, renewals) {
                (true, 1) => (Duration::Once, ends_with_period),
                (true, _) => (Duration::Repeating, ends_with_period),
                (false, _) => (Duration::Forever, None),
            };
        }
    }
    (if renewals > 1 { Duration::Forever } else { Duration::Unknown }, None)
}

/// A period that begins where the one before ends, after no trial and at the same interval.
fn is_renewal(before: &SubscriptionState, after: &SubscriptionState) -> bool {
    let every = |state: &SubscriptionState| state.items.first().and_then(|item| item.price.interval);
    let follows = before.period.zip(after.period).is_some_and(|(old, new)| new.start == old.end && new != old);
    follows && before.status != Status::Trialing && every(before) == every(after)
}
