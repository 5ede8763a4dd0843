//! Pricing: from one subscription's snapshots to what each item counts, and from when (mrr.md 1 and 2).
//!
//! Whether a subscription counts at all is the timeline's matter; here every item has the amount it counts if it does.

pub mod terms;

use std::sync::Arc;

use super::{
    fact::Interval,
    ids::{ItemId, PriceId, ProductId},
    money::{Currency, Decimal, Mrr},
    outcome::QualityEntry,
    profile::Profile,
    time::UnixTime,
    timeline::Snapshot,
};
pub use terms::Terms;

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
    /// `list` or `net` rests on an invoice line or on what was known before (mrr.md 1).
    pub estimated: bool,
    /// The log can't tell the amount: it is 0 here, counted in no figure, and listed in quality.
    pub unpriced: bool,
    /// In its own trial: counts 0 until that ends (mrr.md 3).
    pub in_trial: bool,
    /// Measured usage (knob `metered`).
    pub metered: bool,
    /// Stable name across replacements (causes, mrr.md 5).
    pub lookup_key: Option<Arc<str>>,
    /// Internal name (causes, mrr.md 5).
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
    /// A paid invoice brought new measured usage.
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
    /// The subscription's currency, else its first price's.
    pub currency: Option<Currency>,
    /// Items in Stripe's order, then those carried because the list was cut.
    pub items: Vec<ItemAmount>,
}

/// Prices one subscription: one span for each snapshot, and one more wherever time alone changes an amount; in time order.
pub fn price(_snapshots: &[Snapshot<'_>], _terms: &Terms<'_>, _profile: &Profile) -> (Vec<Span>, Vec<QualityEntry>) {
    Default::default()
}

/// What item `item` of `snapshot` would list for another quantity: parts take price first, then quantity (mrr.md 5).
/// `None` where the log can't tell.
pub fn list_at(
    _snapshot: &Snapshot<'_>,
    _item: usize,
    _quantity: Option<Decimal>,
    _terms: &Terms<'_>,
    _profile: &Profile,
) -> Option<Mrr> {
    None
}
