//! What an item costs a month before discounts: known, estimated, or not to be told (rule `unknown-amounts`).

use super::{
    amount::{factor, per_interval, units},
    exact::{Exact, Overflow},
    terms::Terms,
    view::{View, currency_of},
};
use crate::{
    fact::{Interval, ItemState, Usage},
    money::{Currency, Decimal},
    profile::Metered,
    time::UnixTime,
};

/// An item's monthly amount before discounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gross {
    /// What its price says.
    Known(Exact),
    /// What measured usage counts by the knob `metered`.
    Usage(Exact),
    /// The same, from invoices that don't show all their lines.
    PartOfUsage(Exact),
    /// As it was when it last counted.
    Carried(Exact),
    /// By an invoice line of its price.
    Billed(Exact),
    /// Nothing tells what it costs: not 0, but unknown.
    Unknown,
    /// It doesn't fit into exact arithmetic.
    Overflow,
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

/// How often an item is billed; where its price tells nothing that anybody knows, as often as it was before.
pub(super) fn interval(item: &ItemState, view: &View<'_, '_>) -> Option<Interval> {
    let before = |earlier: View<'_, '_>| {
        let before = earlier.now.state.items.iter().find(|before| before.id == item.id)?;
        earlier.terms.interval(&before.price).filter(|_| before.price.usage == Usage::Licensed)
    };
    view.terms.interval(&item.price).or_else(|| view.earlier().find_map(before))
}

/// The amount of `item` in the view's snapshot, at `at`.
pub(super) fn gross(item: &ItemState, view: &View<'_, '_>, at: UnixTime) -> Gross {
    if currency_of(&view.now.state).is_none() {
        return Gross::Unknown;
    }
    let found = match item.price.usage {
        Usage::Metered => measured(item, view, at),
        Usage::Licensed => licensed(item, view),
    };
    found.unwrap_or(Gross::Overflow)
}

/// By its price; else by a line of that very price, else as it last counted. What is of a kind nobody knows changes nothing:
/// the item counts what it counted before.
fn licensed(item: &ItemState, view: &View<'_, '_>) -> Result<Gross, Overflow> {
    let currency = currency_of(&view.now.state);
    if let Some(amount) = by_price(item, item.quantity, currency, view.terms)? {
        return Ok(Gross::Known(amount));
    }
    if item.price.unknown.is_none()
        && let Some(amount) = billed(item, view)?
    {
        return Ok(Gross::Billed(amount));
    }
    Ok(last_counted(item, view, currency)?.map_or(Gross::Unknown, Gross::Carried))
}

/// What the same item counted in the last earlier snapshot that can tell.
fn last_counted(item: &ItemState, view: &View<'_, '_>, currency: Option<Currency>) -> Result<Option<Exact>, Overflow> {
    for earlier in view.earlier() {
        let state = &earlier.now.state;
        let Some(before) = state.items.iter().find(|before| before.id == item.id) else { continue };
        if before.price.usage != Usage::Licensed || currency_of(state) != currency {
            continue;
        }
        // What overflowed then is unknown now.
        if let Ok(Some(amount)) = by_price(before, before.quantity, currency, view.terms) {
            return Ok(Some(amount));
        }
        if before.price.unknown.is_none()
            && let Ok(Some(amount)) = billed(before, &earlier)
        {
            return Ok(Some(amount));
        }
    }
    Ok(None)
}

/// The amount by an invoice line of this very price, which bills a whole interval or can be scaled to one.
fn billed(item: &ItemState, view: &View<'_, '_>) -> Result<Option<Exact>, Overflow> {
    let Some(interval) = view.terms.interval(&item.price) else { return Ok(None) };
    let state = &view.now.state;
    let bill = view.terms.invoices().bill(state, item, currency_of(state), view.stands(item), |billed| {
        !billed.of_trial(state) && billed.of_price(item) && billed.wholes(interval).is_some()
    });
    let Some((amount, wholes)) = bill.and_then(|bill| Some((bill.amount, bill.wholes(interval)?))) else {
        return Ok(None);
    };
    Exact::whole(amount).times(wholes)?.times(factor(interval)).map(Some)
}

/// Measured usage under the knob: nothing, or the mean of what the last finalised invoices billed, as they billed it. Unknown
/// where nothing tells how often it is billed.
fn measured(item: &ItemState, view: &View<'_, '_>, at: UnixTime) -> Result<Gross, Overflow> {
    let last = match view.profile.metered {
        Metered::Ignore => return Ok(Gross::Usage(Exact::ZERO)),
        Metered::LastInvoice => 1,
        Metered::Mean(count) => usize::try_from(count.max(1)).unwrap_or(usize::MAX),
    };
    let Some(interval) = view.terms.interval(&item.price) else { return Ok(Gross::Unknown) };
    let usage = view.terms.invoices().usage(&view.now.state, item, currency_of(&view.now.state));
    let finalized: Vec<_> = usage.into_iter().filter(|usage| usage.at <= at).collect();
    let counted = &finalized[finalized.len().saturating_sub(last)..];
    let number = i128::try_from(counted.len()).map_err(|_| Overflow)?;
    let amount = Exact::ratio(counted.iter().map(|usage| usage.amount).sum(), number).times(factor(interval))?;
    let cut = counted.iter().any(|usage| usage.cut);
    Ok(if cut { Gross::PartOfUsage(amount) } else { Gross::Usage(amount) })
}
