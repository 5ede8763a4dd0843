//! From when until when a discount counts (rule `discount-windows`).

use super::{
    customer_discounts::same,
    terms::{Discount, Terms},
};
use crate::{
    fact::{DiscountState, Duration, ItemState, Period},
    time::UnixTime,
    timeline::Snapshot,
};

/// Stripe stamps the objects of one call some seconds apart (docs/wire.md 3.2): a discount this little younger than a
/// period was there when the period was billed.
const SAME_CALL_SECONDS: i64 = 60;

/// Start inclusive, end exclusive; `None` is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub start: Option<UnixTime>,
    pub end: Option<UnixTime>,
}

impl Window {
    pub(super) fn holds(self, at: UnixTime) -> bool {
        self.start.is_none_or(|start| start <= at) && self.end.is_none_or(|end| at < end)
    }
}

/// The window of a discount on one item, as the last of `line` shows it. That it counts no longer than the snapshot
/// that lists it follows from asking the snapshot at hand.
pub(super) fn window(
    discount: &Discount<'_>,
    shown: &DiscountState,
    item: &ItemState,
    line: &[Snapshot<'_>],
    terms: &Terms<'_>,
) -> Window {
    let end = match discount.duration {
        Duration::Forever | Duration::Unknown => None,
        Duration::Repeating => end_of_repeating(discount, period_of(item, line.last())),
        Duration::Once => end_of_once(discount, shown, item, line, terms),
    };
    Window { start: discount.start, end }
}

/// Until the end of the last billing period that starts before its `end`: a yearly invoice is discounted whole.
fn end_of_repeating(discount: &Discount<'_>, period: Option<Period>) -> Option<UnixTime> {
    let months = || Some(discount.start?.plus_months(discount.months?));
    let end = discount.end.or_else(months)?;
    // A period that starts later was billed without it; the one before ended where this one starts.
    let billed = period.filter(|period| period.start < end);
    Some(billed.map_or(end, |period| end.max(period.end)))
}

/// Until the end of the first period billed with it: as an invoice line shows, else the first period that isn't a
/// trial and starts when the discount was already there. Open until such a period is known.
fn end_of_once(
    discount: &Discount<'_>,
    shown: &DiscountState,
    item: &ItemState,
    line: &[Snapshot<'_>],
    terms: &Terms<'_>,
) -> Option<UnixTime> {
    let state = &line.last()?.state;
    let billed = discount.id.and_then(|id| terms.invoices().first_period_with(id, state, item));
    if let Some(period) = billed {
        return Some(period.end);
    }
    let listed = |snapshot: &&Snapshot<'_>| {
        let on_items = snapshot.state.items.iter().flat_map(|item| &item.discounts);
        let customers = terms.customer_discounts.at(&snapshot.state.customer, snapshot.at);
        on_items.chain(&snapshot.state.discounts).chain(customers).any(|other| same(other, shown))
    };
    let period = line.iter().filter(listed).find_map(|snapshot| {
        // An item that came later wasn't there when it was used up.
        let then = snapshot.state.items.iter().find(|other| other.id == item.id);
        let period = then.and_then(|then| then.period).or(snapshot.state.period)?;
        let began_before = discount.start.is_none_or(|start| start <= period.start.plus(SAME_CALL_SECONDS));
        let trial = snapshot.state.trial_end.is_some_and(|end| period.start < end);
        (began_before && !trial).then_some(period)
    });
    period.map(|period| period.end)
}

/// The item's own period, else the subscription's.
fn period_of(item: &ItemState, snapshot: Option<&Snapshot<'_>>) -> Option<Period> {
    item.period.or_else(|| snapshot?.state.period)
}
