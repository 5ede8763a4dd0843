//! Items and discounts over the past: what each invoice billed, and what changed between two of them.

use super::bills::{Bill, Bills, Cycle, Proration, item_of};
use crate::{
    fact::{DiscountState, Duration, ItemState, SubscriptionState, Usage},
    time::UnixTime,
};

/// Invoices follow what they bill within a day, and a renewal its period's end.
pub(super) const A_DAY: i64 = UnixTime::DAY_SECONDS;

/// A stretch in which invoices don't tell a change's instant, or not what held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unclear {
    pub(super) from: UnixTime,
    pub(super) until: UnixTime,
    pub(super) what: String,
}

/// Objects of one call are stamped some seconds apart (docs/wire.md 3.2).
const SAME_CALL_SECONDS: i64 = 60;

/// Items and discounts from `at` on.
#[derive(Clone, Debug)]
pub(super) struct Held<'a> {
    pub(super) at: UnixTime,
    pub(super) items: Vec<ItemState>,
    pub(super) discounts: Vec<DiscountState>,
    /// The invoice that tells it.
    pub(super) bill: &'a Bill<'a>,
}

/// Lays the cycles out from `began` to `until`, where the subscription stood as in `last`. What isn't told of the time
/// after the last invoice is booked at `late`.
#[allow(clippy::too_many_arguments, reason = "the two ends of the past, and what lies between them")]
pub(super) fn held<'a>(
    last: &SubscriptionState,
    cycles: &'a [Cycle<'a>],
    prorations: &[Proration<'_>],
    bills: &Bills<'_>,
    began: UnixTime,
    until: UnixTime,
    late: UnixTime,
    unclear: &mut Vec<Unclear>,
) -> Vec<Held<'a>> {
    let mut all: Vec<Held<'a>> = Vec::new();
    let billed = with_carried(cycles, &last.items);
    for (place, cycle) in cycles.iter().enumerate() {
        let next = cycles.get(place + 1);
        let next_at = next.map_or(until, |next| next.at);
        let next_items = billed.get(place + 1).unwrap_or(&last.items);
        let next_discounts = next.map_or(&last.discounts, |next| &next.discounts);
        let from = if place == 0 { began } else { cycle.at };
        let mut now =
            Held { at: from, items: billed[place].clone(), discounts: cycle.discounts.clone(), bill: cycle.bill };
        if cycle.summed && !alike(&now.items, next_items) {
            let what = "an item was billed in several lines, which tell its quantity only as their sum".to_owned();
            unclear.push(Unclear { from, until: next_at, what });
        }
        all.push(now.clone());
        let within = prorations.iter().filter(|one| one.at > cycle.at && one.at < next_at).copied();
        for change in within.collect::<Vec<_>>().chunk_by(|one, other| one.at == other.at) {
            now.at = change[0].at;
            apply(change, &mut now.items, last, bills);
            all.push(now.clone());
        }
        // A discount taken between two invoices counts from its start.
        let came = next_discounts.iter().filter(|one| !has(&cycle.discounts, one));
        for discount in came {
            match discount.start {
                Some(start) if start > cycle.at.plus(SAME_CALL_SECONDS) && start < next_at => {
                    // What holds at its start, the discount beside it, and so for all that holds later.
                    let mut then = all.iter().rfind(|held| held.at <= start).unwrap_or(&now).clone();
                    then.at = start;
                    all.retain(|held| held.at != start);
                    all.push(then);
                    all.sort_by_key(|held| held.at);
                    all.iter_mut()
                        .filter(|held| held.at >= start)
                        .for_each(|held| held.discounts.push(discount.clone()));
                }
                Some(start) if start >= next_at.plus(-SAME_CALL_SECONDS) => {}
                _ => unclear.push(Unclear { from, until: next_at, what: "a discount came".to_owned() }),
            }
        }
        if cycle.discounts.iter().any(|one| !has(next_discounts, one) && !over(one, next_at)) {
            unclear.push(Unclear { from, until: next_at, what: "a discount was taken off".to_owned() });
        }
        let reached = all.last().map_or(from, |held| held.at);
        if !alike(&now.items, next_items) {
            let what =
                "items, prices or quantities changed; booked where the next invoice or event shows it".to_owned();
            unclear.push(Unclear { from: reached, until: next_at, what });
        }
        let settled = alike(&now.items, next_items) && cycle.discounts.iter().all(|one| has(next_discounts, one));
        if next.is_none() && !settled && late > reached {
            let (items, discounts) = (last.items.clone(), last.discounts.clone());
            all.push(Held { at: late, items, discounts, bill: cycle.bill });
        }
    }
    for held in &mut all {
        unpriced(held, unclear);
    }
    all
}

/// What each invoice billed, and what it didn't because its period goes on: items of other intervals.
fn with_carried(cycles: &[Cycle<'_>], last: &[ItemState]) -> Vec<Vec<ItemState>> {
    let mut all: Vec<Vec<ItemState>> = Vec::with_capacity(cycles.len());
    for (place, cycle) in cycles.iter().enumerate() {
        let mut items = cycle.items.clone();
        for item in all.last().into_iter().flatten() {
            let goes_on = item.period.is_some_and(|period| period.end > cycle.at.plus(A_DAY));
            let mut later = cycles[place + 1..].iter().flat_map(|cycle| &cycle.items).chain(last);
            if goes_on && !items.iter().any(|one| one.id == item.id) && later.any(|one| one.id == item.id) {
                items.push(item.clone());
            }
        }
        all.push(items);
    }
    all
}

/// One change within a period: credited is what was, charged what is from then on.
fn apply(change: &[Proration<'_>], items: &mut Vec<ItemState>, last: &SubscriptionState, bills: &Bills<'_>) {
    let before = items.clone();
    let named = |line: &Proration<'_>| item_of(line.line, &before).or_else(|| item_of(line.line, &last.items));
    let credits = |one: &&Proration<'_>| {
        let held = named(one).and_then(|id| before.iter().find(|item| item.id == id));
        let same = held.is_some_and(|item| {
            Some(&item.price.id) == one.line.price.as_ref() && same_quantity(item.quantity, one.line.quantity)
        });
        one.line.amount < 0 || (one.line.amount == 0 && same)
    };
    for credit in change.iter().filter(credits) {
        let Some(id) = named(credit) else { continue };
        let charged = change.iter().any(|one| !credits(&one) && named(one).as_ref() == Some(&id));
        if !charged {
            items.retain(|item| item.id != id);
        }
    }
    for charge in change.iter().filter(|one| !credits(one)) {
        let (Some(id), Some(price)) = (named(charge), bills.price(charge.line, last)) else { continue };
        let quantity = charge.line.quantity;
        match items.iter_mut().find(|item| item.id == id) {
            Some(item) => {
                item.price = price;
                item.quantity = quantity;
            }
            None => {
                let known = last.items.iter().find(|item| item.id == id);
                let discounts = known.map(|item| item.discounts.clone()).unwrap_or_default();
                let tax_rates = known.map(|item| item.tax_rates.clone()).unwrap_or_default();
                let period = items.first().and_then(|item| item.period).or(charge.line.period);
                items.push(ItemState { id, price, quantity, discounts, tax_rates, period, trial: None });
            }
        }
    }
}

/// The same items at the same prices and quantities.
pub(super) fn alike(one: &[ItemState], other: &[ItemState]) -> bool {
    let same = |a: &ItemState, b: &ItemState| {
        a.id == b.id
            && a.price.id == b.price.id
            && (a.price.usage == Usage::Metered || same_quantity(a.quantity, b.quantity))
    };
    one.len() == other.len() && one.iter().all(|a| other.iter().any(|b| same(a, b)))
}

/// Without a number it is 1.
fn same_quantity(one: Option<crate::money::Decimal>, other: Option<crate::money::Decimal>) -> bool {
    let or_one = |quantity: Option<crate::money::Decimal>| quantity.unwrap_or_else(|| crate::money::Decimal::whole(1));
    or_one(one) == or_one(other)
}

fn has(discounts: &[DiscountState], one: &DiscountState) -> bool {
    discounts.iter().any(|other| other.id == one.id && (one.id.is_some() || other.coupon == one.coupon))
}

/// Whether a discount that an invoice at `at` doesn't show any more had come to its own end.
fn over(discount: &DiscountState, at: UnixTime) -> bool {
    let ended = discount.end.is_some_and(|end| end <= at);
    ended || discount.terms.as_ref().is_some_and(|terms| terms.duration == Duration::Once)
}

/// A price that Stripe hasn't got any more, and whose interval no line tells: nothing tells what it was a month.
fn unpriced(held: &Held<'_>, unclear: &mut Vec<Unclear>) {
    for item in held.items.iter().filter(|item| item.price.interval.is_none()) {
        let what = format!("price {} isn't at Stripe any more: what it was a month isn't told", item.price.id);
        let until = item.period.map_or(held.at, |period| period.end.max(held.at));
        unclear.push(Unclear { from: held.at, until, what });
    }
}
