//! What an item costs a month before discounts: known, estimated, or not to be told (mrr.md 1).

use super::{
    amount::{factor, per_interval, units},
    exact::{Exact, Overflow},
    terms::Terms,
};
use crate::{
    fact::{Interval, ItemState, SubscriptionState, Usage},
    money::{Currency, Decimal},
    profile::{Metered, Profile},
    time::UnixTime,
    timeline::Snapshot,
};

/// An item's monthly amount before discounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gross {
    /// By its price.
    Known(Exact),
    /// By the knob `metered`.
    Usage(Exact),
    /// The same, from invoices that don't show all their lines.
    PartOfUsage(Exact),
    /// As it was when it was last known.
    Carried(Exact),
    /// By its last invoice line.
    Billed(Exact),
    /// Nothing tells.
    Unknown,
    /// It doesn't fit into exact arithmetic.
    Overflow,
}

/// The subscription's currency, else its first price's.
pub(super) fn currency_of(state: &SubscriptionState) -> Option<Currency> {
    state.currency.or_else(|| state.items.first()?.price.currency)
}

/// What the price says for `quantity`; `None` where its terms, its interval among them, aren't known anywhere: what a
/// subscription holds recurs, whether or not the log can tell how often.
pub(super) fn by_price(
    item: &ItemState,
    quantity: Option<Decimal>,
    currency: Option<Currency>,
    terms: &Terms<'_>,
) -> Result<Option<Exact>, Overflow> {
    let Some(scheme) = terms.scheme(&item.price, currency) else { return Ok(None) };
    let Some(interval) = terms.interval(&item.price) else { return Ok(None) };
    match per_interval(scheme, units(quantity, item.price.transform)?)? {
        Some(amount) => amount.times(factor(interval)).map(Some),
        None => Ok(None),
    }
}

/// The amount of `item` as the last of `line` shows it, at `at`.
pub(super) fn gross(
    item: &ItemState,
    line: &[Snapshot<'_>],
    at: UnixTime,
    terms: &Terms<'_>,
    profile: &Profile,
) -> Gross {
    let Some((now, earlier)) = line.split_last() else { return Gross::Unknown };
    let currency = currency_of(&now.state);
    if currency.is_none() {
        return Gross::Unknown;
    }
    if item.price.usage == Usage::Metered {
        return match measured(item, &now.state, currency, at, terms, profile.metered) {
            Ok(Some((amount, false))) => Gross::Usage(amount),
            Ok(Some((amount, true))) => Gross::PartOfUsage(amount),
            Ok(None) => Gross::Unknown,
            Err(Overflow) => Gross::Overflow,
        };
    }
    match by_price(item, item.quantity, currency, terms) {
        Ok(Some(amount)) => return Gross::Known(amount),
        Ok(None) => {}
        Err(Overflow) => return Gross::Overflow,
    }
    if let Some(amount) = earlier.iter().rev().find_map(|then| last_known(item, then, currency, terms)) {
        return Gross::Carried(amount);
    }
    match billed(item, &now.state, currency, now.at, terms) {
        Ok(Some(amount)) => Gross::Billed(amount),
        Ok(None) => Gross::Unknown,
        Err(Overflow) => Gross::Overflow,
    }
}

/// The same item's amount in an earlier snapshot, where its price then is known.
fn last_known(item: &ItemState, then: &Snapshot<'_>, currency: Option<Currency>, terms: &Terms<'_>) -> Option<Exact> {
    let before = then.state.items.iter().find(|before| before.id == item.id)?;
    let comparable = before.price.usage == Usage::Licensed && currency_of(&then.state) == currency;
    comparable.then(|| by_price(before, before.quantity, currency, terms).ok().flatten())?
}

/// The amount of the item's last invoice line: of this price and quantity where one was billed, so that a later bill
/// of the same never moves anything; else of this price; else the last one.
fn billed(
    item: &ItemState,
    state: &SubscriptionState,
    currency: Option<Currency>,
    at: UnixTime,
    terms: &Terms<'_>,
) -> Result<Option<Exact>, Overflow> {
    let Some(interval) = terms.interval(&item.price) else { return Ok(None) };
    let invoices = terms.invoices();
    let find = |price: bool, quantity: bool, whole: bool| {
        invoices.last_bill(state, item, currency, at, |billed| {
            !billed.of_trial(state)
                && (!price || billed.of_price(item))
                && (!quantity || billed.of_quantity(item))
                && (!whole || billed.whole(interval))
        })
    };
    let bill = find(true, true, true)
        .or_else(|| find(true, false, true))
        .or_else(|| find(false, false, true))
        .or_else(|| find(false, false, false));
    let Some(bill) = bill else { return Ok(None) };
    let interval: Interval = bill.lines.iter().find_map(|line| line.interval).unwrap_or(interval);
    Exact::whole(bill.amount).times(factor(interval)).map(Some)
}

/// Measured usage under the knob: nothing, or the mean of the last paid invoices' lines; and whether any of these invoices
/// doesn't show all its lines. `None` where nothing tells how often it is billed.
fn measured(
    item: &ItemState,
    state: &SubscriptionState,
    currency: Option<Currency>,
    at: UnixTime,
    terms: &Terms<'_>,
    knob: Metered,
) -> Result<Option<(Exact, bool)>, Overflow> {
    let last = match knob {
        Metered::Ignore => return Ok(Some((Exact::ZERO, false))),
        Metered::LastInvoice => 1,
        Metered::Mean(count) => usize::try_from(count.max(1)).unwrap_or(usize::MAX),
    };
    let Some(interval) = terms.interval(&item.price) else { return Ok(None) };
    let usage = terms.invoices().usage(state, item, currency);
    let paid: Vec<_> = usage.into_iter().filter(|usage| usage.at <= at).collect();
    let counted = &paid[paid.len().saturating_sub(last)..];
    let number = i128::try_from(counted.len()).map_err(|_| Overflow)?;
    let amount = Exact::ratio(counted.iter().map(|usage| usage.amount).sum(), number).times(factor(interval))?;
    Ok(Some((amount, counted.iter().any(|usage| usage.cut))))
}
