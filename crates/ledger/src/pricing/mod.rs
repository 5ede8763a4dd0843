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
mod spans;
mod tax;
mod terms;
mod tiers;
mod trail;
mod view;
mod windows;

#[cfg(test)]
mod tests;

pub(crate) use self::terms::newest_of;
use self::{
    quality::Tracker,
    trail::{Recorder, Silent, Written},
    view::{Durations, View},
};
pub use self::{
    spans::{Granted, ItemAmount, Span, Trigger},
    terms::Terms,
    trail::Step,
};
use super::{
    fact::{Status, Usage},
    ids::ItemId,
    money::{Decimal, Mrr},
    outcome::QualityEntry,
    profile::Profile,
    timeline::Snapshot,
};

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
                let currency = view::currency_of(&now.state);
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
    let currency = view::currency_of(state);
    let amount = gross::by_price(item, quantity, currency, terms).ok()??;
    let stands = || view::stands_so_far(snapshots, index, item);
    tax::inside(state, item, currency, stands, terms).take_out(amount).and_then(exact::in_range).ok()
}
