//! What one place shows and another tells (rule `monthly-amount`): prices by their ids, and what a discount is of which only the id is
//! known, read off the invoice lines that show it.

use std::collections::BTreeMap;

use mrrd::ledger::{fact::*, ids::*, money::Decimal, time::UnixTime};

use super::{
    Line,
    amounts::{R, billed, monthly, months_later},
    listed,
};

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
    for item in items.filter(|item| item.price.scheme == Scheme::Unknown && item.price.unknown.is_none()) {
        if let Some(told) = prices.get(&item.price.id) {
            item.price = told.clone();
        }
    }
}

/// What items come to whose prices are told nowhere (rules `unknown-amounts` and `line-periods`): by a line of that very price, the
/// last one billed while the state stands, else the last before, else the first after; else what they last came to.
pub(super) fn estimate(lines: &mut BTreeMap<SubscriptionId, Line>) {
    for line in lines.values_mut() {
        let mut estimates: BTreeMap<(usize, usize), R> = BTreeMap::new();
        for index in 0..line.states.len() {
            for (place, item) in line.states[index].1.items.iter().enumerate() {
                if item.price.scheme != Scheme::Unknown {
                    continue;
                }
                let before = || {
                    line.states[..index].iter().enumerate().rev().find_map(|(earlier, (_, state))| {
                        let place = state.items.iter().position(|one| one.id == item.id)?;
                        let known = || monthly(&state.items[place]) * billed(&state.items[place]);
                        let told = state.items[place].price.scheme != Scheme::Unknown;
                        if told { Some(known()) } else { estimates.get(&(earlier, place)).copied() }
                    })
                };
                let found = by_line(line, index, item).or_else(before);
                estimates.extend(found.map(|amount| ((index, place), amount)));
            }
        }
        let untold =
            |(_, state): &(i64, SubscriptionState)| state.items.iter().any(|item| item.price.scheme == Scheme::Unknown);
        line.odd |= line.states.iter().any(untold);
        line.estimates = estimates;
    }
}

fn by_line(line: &Line, index: usize, item: &ItemState) -> Option<R> {
    let state = &line.states[index].1;
    let stands = |(_, state): &(i64, SubscriptionState)| {
        let same =
            |one: &ItemState| (&one.id, &one.price.id, one.quantity) == (&item.id, &item.price.id, item.quantity);
        state.items.iter().any(same)
    };
    let first = (0..=index).rev().take_while(|place| stands(&line.states[*place])).last()?;
    let last = (index..line.states.len()).take_while(|place| stands(&line.states[*place])).last()?;
    let from = line.states[first].0;
    let until = line.states.get(last + 1).map_or(i64::MAX, |(until, _)| *until);
    let interval = item.price.interval?;
    let of_trial = |one: &InvoiceLine| {
        one.amount == 0 && one.period.zip(state.trial_end).is_some_and(|(period, end)| period.start < end)
    };
    let own = |one: &&InvoiceLine| {
        one.item.as_ref() == Some(&item.id)
            && one.price.as_ref() == Some(&item.price.id)
            && !one.proration
            && !of_trial(one)
    };
    let all: Vec<(i64, R)> = line
        .billed
        .iter()
        .flat_map(|(_, invoice)| invoice.lines.iter().filter(own).map(|one| (invoice.created.0, one)))
        .map(|(at, one)| {
            (at, R::from(i128::from(one.amount)) * one.period.map_or(R::from(1), |period| wholes(period, interval)))
        })
        .collect();
    let within = all.iter().rfind(|(at, _)| from <= *at && *at < until);
    let before = || all.iter().rfind(|(at, _)| *at < from);
    let after = || all.iter().find(|(at, _)| *at >= until);
    within.or_else(before).or_else(after).map(|(_, amount)| *amount * monthly(item))
}

/// How many such periods make an interval, where they are shorter: by calendar months where both ends allow, else by days.
fn wholes(period: Period, interval: Interval) -> R {
    let months = match interval.unit {
        IntervalUnit::Year => 12 * interval.count,
        _ => interval.count,
    };
    let day = |at: i64| at.div_euclid(86_400);
    let end = |months: u32| months_later(period.start, months);
    if let Some(billed) = (1..months).find(|months| {
        let whole = day(end(*months));
        whole == day(period.end.0) || whole == day(period.end.0) + 1
    }) {
        return R::new(months.into(), billed.into());
    }
    let (whole, seconds) = (end(months) - period.start.0, period.end.0 - period.start.0);
    if seconds >= whole - 3_600 { R::from(1) } else { R::new(whole.into(), seconds.into()) }
}

/// Puts in what tax rates are that snapshots name by their ids.
pub(super) fn fill_in_tax_rates(facts: &[Fact], lines: &mut BTreeMap<SubscriptionId, Line>) {
    let told = |fact: &Fact| match &fact.state {
        State::TaxRate(rate) => Some((rate.id.clone(), rate.clone())),
        _ => None,
    };
    let rates: BTreeMap<TaxRateId, TaxRateState> = facts.iter().filter_map(told).collect();
    for (_, state) in lines.values_mut().flat_map(|line| &mut line.states) {
        let on_items = state.items.iter_mut().flat_map(|item| &mut item.tax_rates);
        for rate in state.tax_rates.iter_mut().chain(on_items) {
            if let Some(known) = rate.id.as_ref().map(|id| &rates[id]) {
                (rate.percentage, rate.inclusive) = (Some(known.percentage), known.inclusive);
            }
        }
    }
}

/// An item whose price is of a kind that nobody knows keeps what it counted before (rule `unknown-values`): its last known price
/// and quantity; without one it counts nothing.
pub(super) fn keep_over_unknown(lines: &mut BTreeMap<SubscriptionId, Line>) {
    for line in lines.values_mut() {
        for place in 0..line.states.len() {
            let (earlier, now) = line.states.split_at_mut(place);
            for item in now[0].1.items.iter_mut().filter(|item| item.price.unknown.is_some()) {
                // What kept something has it filled in by now.
                let known = |one: &&ItemState| one.id == item.id && one.price.usage == Usage::Licensed;
                let mut before = earlier.iter().rev().filter_map(|(_, state)| state.items.iter().find(known));
                match before.next() {
                    Some(before) => {
                        let unknown = item.price.unknown.clone();
                        let (id, product) = (item.price.id.clone(), item.price.product.clone());
                        item.price = Price { id, product, unknown, ..before.price.clone() };
                        item.quantity = before.quantity;
                        line.odd = true;
                    }
                    None => {
                        item.price.scheme = Scheme::PerUnit(Decimal::whole(0));
                        item.price.interval = Some(Interval { unit: IntervalUnit::Month, count: 1 });
                        line.odd = true;
                    }
                }
            }
        }
    }
}

/// Reads the terms of discounts known by their ids, with the ends of those that ended with a period, and puts them in. Tells
/// what each of them counts as.
pub(super) fn fill_in_discounts(lines: &mut BTreeMap<SubscriptionId, Line>) -> BTreeMap<DiscountId, &'static str> {
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
    let known = told.into_iter().filter(|(_, (terms, _))| terms.off.is_some());
    let word = |duration| match duration {
        Duration::Once => "once",
        Duration::Repeating => "repeating",
        Duration::Forever | Duration::Unknown => "forever",
    };
    known.map(|(id, (terms, _))| (id, word(terms.duration))).collect()
}

/// What it takes off: a whole or half percent that explains every line, else an amount that explains every invoice.
fn off(lines: &BTreeMap<SubscriptionId, Line>, own: &Line, id: &DiscountId) -> Option<Off> {
    let mut shown: Vec<Vec<(i64, i64)>> = Vec::new();
    let mut by_invoice: Vec<i64> = Vec::new();
    for (_, invoice) in lines.values().flat_map(|line| &line.billed) {
        let (mut sum, mut of_invoice) = (None, Vec::new());
        for line in invoice.lines.iter().filter(|line| !line.proration) {
            let Some(place) = line.discounts.iter().position(|(one, _)| one == id) else { continue };
            let before: i64 = line.discounts[..place].iter().map(|(_, off)| off).sum();
            // Nothing is taken off nothing: a trial's line tells nothing.
            if line.amount > before {
                of_invoice.push((line.amount - before, line.discounts[place].1));
                *sum.get_or_insert(0) += line.discounts[place].1;
            }
        }
        by_invoice.extend(sum);
        shown.extend((!of_invoice.is_empty()).then_some(of_invoice));
    }
    if shown.is_empty() {
        return None;
    }
    // Within rounding, in two-hundredths of a minor unit: each line by itself, or the invoice as a whole and then its lines.
    let explains = |halves: &i64| {
        shown.iter().all(|lines| {
            let apart: Vec<i64> = lines.iter().map(|(left, off)| off * 200 - left * halves).collect();
            let each = apart.iter().all(|apart| apart.abs() <= 100);
            each || (apart.iter().all(|apart| apart.abs() < 200) && apart.iter().sum::<i64>().abs() <= 100)
        })
    };
    // Of several, the one nearest to what was taken in all; of two as near, a whole one.
    let all: (i64, i64) = shown.iter().flatten().fold((0, 0), |sum, line| (sum.0 + line.0, sum.1 + line.1));
    let fitting = (1..=200).filter(explains).min_by_key(|halves| ((all.1 * 200 - all.0 * halves).abs(), halves % 2));
    if let Some(halves) = fitting {
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
