//! Pricing: from one subscription's snapshots to what each item counts, and from when (rules `monthly-amount` and `discount-order`).
//!
//! Whether a subscription counts at all is the timeline's matter; here every item has the amount it counts if it does.

mod amount;
mod boundaries;
mod customer_discounts;
mod discounts;
mod durations;
mod evidence;
pub mod exact;
mod gross;
mod invoices;
mod items;
mod periods;
mod quality;
mod tax;
mod terms;
mod tiers;
mod trail;
mod windows;

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, sync::Arc};

use super::{
    fact::{Interval, Scheme, Status, Usage},
    ids::{EventId, ItemId, PriceId, ProductId},
    money::{Currency, Decimal, Mrr},
    outcome::QualityEntry,
    profile::Profile,
    time::UnixTime,
    timeline::Snapshot,
};
use items::{Durations, View};
use quality::Tracker;
pub use terms::Terms;
pub use trail::Step;
use trail::{Recorder, Silent, Written};

/// What one item counts during a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemAmount {
    /// Which item.
    pub item: ItemId,
    /// What is sold.
    pub product: Option<ProductId>,
    /// At which price.
    pub price: PriceId,
    /// Billed how often.
    pub interval: Option<Interval>,
    /// How many, as Stripe wrote it.
    pub quantity: Option<Decimal>,
    /// Monthly, before discounts, inclusive tax taken out.
    pub list: Mrr,
    /// Monthly, after discounts, inclusive tax taken out; never above `list`.
    pub net: Mrr,
    /// `list` or `net` rests on an invoice line or on what was known before (rule `unknown-amounts`).
    pub estimated: bool,
    /// The log can't tell the amount: it is 0 here, counted in no figure, and listed in quality.
    pub unpriced: bool,
    /// In its own trial: counts 0 until that ends (rule `item-trials`).
    pub in_trial: bool,
    /// Measured usage (knob `metered`).
    pub metered: bool,
    /// Stable name across replacements (causes, rule `causes`).
    pub lookup_key: Option<Arc<str>>,
    /// Internal name (causes, rule `causes`).
    pub nickname: Option<Arc<str>>,
}

/// What opened a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trigger {
    /// A snapshot.
    Snapshot,
    /// A discount began, by its `start` or on the customer.
    DiscountStart,
    /// A discount ended, by time or on the customer.
    DiscountEnd,
    /// An item's own trial began.
    ItemTrialStart,
    /// An item's own trial ended.
    ItemTrialEnd,
    /// A finalised invoice brought new measured usage.
    Usage,
}

/// A stretch of time during which a subscription's items count the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// First second; the next span's is the end.
    pub from: UnixTime,
    /// Index of the snapshot that holds.
    pub snapshot: usize,
    /// What opened it.
    pub trigger: Trigger,
    /// The event that shows it, where it isn't the snapshot's own: an invoice paid, a discount put on the customer.
    pub event: Option<EventId>,
    /// The subscription's currency, else its first price's.
    pub currency: Option<Currency>,
    /// Items in Stripe's order, then those carried because the list was cut.
    pub items: Vec<ItemAmount>,
}

/// Items whose own trial changes nothing, by the snapshot that shows them on it: they counted before, and the profile counts
/// granted trials (knob `trial_granted`).
pub type Granted = BTreeSet<(usize, ItemId)>;

/// Prices one subscription: one span for each snapshot, and one more wherever time alone changes an amount; in time order.
pub fn price(
    snapshots: &[Snapshot<'_>],
    terms: &Terms<'_>,
    profile: &Profile,
    granted: &Granted,
) -> (Vec<Span>, Vec<QualityEntry>) {
    let mut spans = Vec::with_capacity(snapshots.len());
    let quality = walk::<Silent>(snapshots, terms, (profile, granted), |span, _| spans.push(span));
    (spans, quality)
}

/// The same spans, each with the arithmetic behind it: what `explain` prints.
pub fn explain(
    snapshots: &[Snapshot<'_>],
    terms: &Terms<'_>,
    profile: &Profile,
    granted: &Granted,
) -> Vec<(Span, Vec<(ItemId, Step)>)> {
    let mut spans = Vec::with_capacity(snapshots.len());
    walk::<Written>(snapshots, terms, (profile, granted), |span, written| spans.push((span, written.0)));
    spans
}

fn walk<R: Recorder>(
    snapshots: &[Snapshot<'_>],
    terms: &Terms<'_>,
    (profile, granted): (&Profile, &Granted),
    mut emit: impl FnMut(Span, R),
) -> Vec<QualityEntry> {
    let mut tracker = Tracker::default();
    let durations = Durations::default();
    for (index, now) in snapshots.iter().enumerate() {
        let view = View { all: snapshots, index, now, terms, profile, granted, durations: &durations };
        let until = snapshots.get(index + 1).map(|next| next.at);
        let over = matches!(now.state.status, Status::Canceled | Status::IncompleteExpired);
        let boundaries = view.boundaries(until);
        let changes = !boundaries.is_empty();
        let mut held: Option<Vec<ItemAmount>> = None;
        for (from, trigger, event) in std::iter::once((now.at, Trigger::Snapshot, None)).chain(boundaries) {
            let (mut recorder, mut issues) = (R::default(), Vec::new());
            let items = view.items(from, &mut recorder, &mut issues);
            // What is over needs no settling.
            let shown_by = event.or(now.events.first());
            tracker.observe(from, shown_by, if over { Vec::new() } else { issues });
            if held.as_ref() != Some(&items) {
                held = changes.then(|| items.clone());
                let currency = gross::currency_of(&now.state);
                emit(Span { from, snapshot: index, trigger, event: event.cloned(), currency, items }, recorder);
            }
        }
    }
    tracker.finish()
}

/// What item `item` of the snapshot at `index` would list for another quantity: parts take price first, then quantity
/// (rule `kinds`). Its own trial is left aside. `None` where the log can't tell, and for measured usage.
pub fn list_at(
    snapshots: &[Snapshot<'_>],
    index: usize,
    item: usize,
    quantity: Option<Decimal>,
    terms: &Terms<'_>,
) -> Option<Mrr> {
    let state = &*snapshots.get(index)?.state;
    let item = state.items.get(item)?;
    if item.price.usage == Usage::Metered {
        return None;
    }
    let currency = gross::currency_of(state);
    let amount = gross::by_price(item, quantity, currency, terms).ok()??;
    let stands = || items::stands_so_far(snapshots, index, item);
    tax::inside(state, item, currency, stands, terms).take_out(amount).and_then(exact::in_range).ok()
}

/// A scheme as an explanation writes it.
fn scheme_in_words(scheme: Option<&Scheme>) -> String {
    match scheme {
        Some(Scheme::PerUnit(unit)) => unit.to_string(),
        Some(Scheme::Graduated(tiers)) => format!("graduated over {} tiers", tiers.len()),
        Some(Scheme::Volume(tiers)) => format!("volume over {} tiers", tiers.len()),
        Some(Scheme::Unknown) | None => "an unknown price".into(),
    }
}
