//! What pricing says: stretches of time, and what each item counts in them.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    fact::Interval,
    ids::{EventId, ItemId, PriceId, ProductId},
    money::{Currency, Decimal, Mrr},
    time::UnixTime,
};

/// What one item counts during a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemAmount {
    /// The id of the item.
    pub item: ItemId,
    /// The product it is sold as; `None` where the price has none.
    pub product: Option<ProductId>,
    /// The price it is sold at.
    pub price: PriceId,
    /// How often it is billed; `None` where it isn't known.
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
    /// Whether it is measured usage, of which the knob `metered` decides.
    pub metered: bool,
    /// Stable name across replacements (causes, rule `causes`).
    pub lookup_key: Option<Arc<str>>,
    /// Internal name (causes, rule `causes`).
    pub nickname: Option<Arc<str>>,
}

/// What opens a span of unchanged amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trigger {
    /// A snapshot says something else.
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
    /// By what it was opened.
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
