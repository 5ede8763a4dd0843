//! What the ledger says of one customer under one profile: the content of the derived tables, and nothing else.
//!
//! No log position, no arrival time, no generation: the same facts give the same outcome, byte for byte (rule `arrival-order`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use super::words::{Cause, Kind, QualityKind, Rollup};
use super::{
    fact::Interval,
    ids::*,
    money::{Currency, Mrr},
    prospect::Prospect,
    time::{Day, UnixTime},
};

/// Everything derived for one customer under one profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerLedger {
    /// Simulated time: the rows belong to that clock's own ledger.
    pub test_clock: Option<TestClockId>,
    /// Country for breakdowns: the current value, for all history.
    pub country: Option<Arc<str>>,
    /// The configured keys of the customer's metadata, as they are now. Facts hold no metadata: `derive` leaves it empty.
    #[serde(default)]
    pub metadata: std::collections::BTreeMap<Arc<str>, Arc<str>>,
    /// First instant of MRR above 0 (cohorts); `None` before it.
    pub first_mrr_at: Option<UnixTime>,
    /// Changes of item amounts, in time order.
    pub deltas: Vec<Delta>,
    /// Changes of counts, in time order.
    pub counts: Vec<CountDelta>,
    /// Movements, in the order of their windows.
    pub movements: Vec<Movement>,
    /// Each subscription's latest state, by id.
    pub subscriptions: Vec<SubscriptionLedger>,
    /// What couldn't be known, by kind and object.
    pub quality: Vec<QualityEntry>,
    /// Trials that ended, for conversion and trial churn.
    pub trials: Vec<Trial>,
    /// What is known ahead, in the order in which it is shown: in the currencies that are billed, also where all else is converted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prospects: Vec<Prospect>,
}

impl CustomerLedger {
    /// The currencies in which it has a ledger: those of its amounts and counts.
    pub fn currencies(&self) -> impl Iterator<Item = Currency> + '_ {
        let counted = self.counts.iter().filter_map(|count| count.currency);
        self.deltas.iter().map(|delta| delta.currency).chain(counted)
    }

    /// The bytes it takes in memory, about: its rows, and the ids in them.
    pub fn bytes_held(&self) -> usize {
        const ROW_TEXT: usize = 64;
        let parts = self.movements.iter().map(|movement| movement.parts.len()).sum::<usize>();
        size_of::<Self>()
            + self.deltas.len() * (size_of::<Delta>() + ROW_TEXT)
            + self.counts.len() * size_of::<CountDelta>()
            + self.movements.len() * (size_of::<Movement>() + ROW_TEXT)
            + parts * (size_of::<Part>() + 2 * ROW_TEXT)
            + self.quality.len() * (size_of::<QualityEntry>() + 4 * ROW_TEXT)
            + self.subscriptions.len() * (size_of::<SubscriptionLedger>() + ROW_TEXT)
            + self.trials.len() * size_of::<Trial>()
            + self.prospects.len() * (size_of::<Prospect>() + ROW_TEXT)
    }
}

/// One item's amounts changed by this much at one instant. A snapshot is their running sum (docs/decisions/007-daily-deltas.md).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Delta {
    /// When it takes effect; readers cut at now.
    pub at: UnixTime,
    /// The accounting day of `at`.
    pub day: Day,
    /// The currency of all its amounts: the item's own, or the reporting currency.
    pub currency: Currency,
    /// The subscription that the item belongs to.
    pub subscription: SubscriptionId,
    /// The item whose amounts change.
    pub item: ItemId,
    /// The product it is counted under in breakdowns; `None` where the price has none.
    pub product: Option<ProductId>,
    /// The price it is counted under in breakdowns.
    pub price: PriceId,
    /// The billing interval it is counted under in breakdowns; `None` where it isn't known.
    pub interval: Option<Interval>,
    /// Change of MRR, net of discounts.
    pub mrr: Mrr,
    /// Change of MRR before discounts; discount = list − net.
    pub list: Mrr,
    /// The share of `mrr` that rests on an estimate.
    pub estimated: Mrr,
    /// Change of the MRR that is `past_due`.
    pub at_risk: Mrr,
    /// Change of the MRR that is set to end.
    pub scheduled_churn: Mrr,
}

/// Counts changed by this much at one instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CountDelta {
    /// When it takes effect; readers cut at now.
    pub at: UnixTime,
    /// The accounting day of `at`.
    pub day: Day,
    /// The currency counted in; `None` counts over all currencies.
    pub currency: Option<Currency>,
    /// Paying customers: +1, 0 or −1.
    pub customers: i64,
    /// Subscriptions with MRR above 0: by how many more or fewer.
    pub subscriptions: i64,
    /// Subscriptions on trial: by how many more or fewer.
    pub trials: i64,
}

/// A change of a customer's MRR in one currency within one netting window (rule `netting`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// The currency it is in.
    pub currency: Currency,
    /// The accounting day it is booked on.
    pub day: Day,
    /// When its window opens: with the currency it names the movement within its customer and profile.
    pub window: UnixTime,
    /// When its last part takes effect.
    pub effective_at: UnixTime,
    /// The kind under which it stands in the bridge (rule `kinds`).
    pub kind: Kind,
    /// `after` − `before`: below 0 where MRR fell.
    pub amount: Mrr,
    /// MRR when the window opened.
    pub before: Mrr,
    /// MRR when the window closed.
    pub after: Mrr,
    /// A change that time alone brings may fall into a window that is already open. The movement as it stands before
    /// that change is then a row of its own: shown from `visible_from` (inclusive) …
    pub visible_from: UnixTime,
    /// … until here (exclusive); `None` for ever.
    pub visible_until: Option<UnixTime>,
    /// One per item and cause; they sum to `amount` exactly.
    pub parts: Vec<Part>,
}

/// One item's share of a movement, with its cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The subscription that the item belongs to.
    pub subscription: SubscriptionId,
    /// The id of the item that changed.
    pub item: ItemId,
    /// Why it changed, by the evidence there is (rule `causes`).
    pub cause: Cause,
    /// By how much MRR changed, signed as movements are.
    pub amount: Mrr,
    /// The instant at which the part takes effect.
    pub effective_at: UnixTime,
    /// The item before; `None` where there was none.
    pub before: Option<Side>,
    /// The item after; `None` where there is none.
    pub after: Option<Side>,
    /// The events that show it.
    pub events: Vec<EventId>,
    /// `cancellation_details.feedback`, where the cause is an end.
    pub feedback: Option<Arc<str>>,
    /// Why a subscription ended whose end only lowered a customer's MRR (`product_dropped`, `subscription_dropped`).
    pub end_reason: Option<Cause>,
}

/// An item on one side of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// The product sold; `None` where the price has none.
    pub product: Option<ProductId>,
    /// The price it is sold at.
    pub price: PriceId,
    /// How often it is billed; `None` where it isn't known.
    pub interval: Option<Interval>,
    /// How many units, as Stripe wrote it; `None` where it wrote none.
    pub quantity: Option<super::money::Decimal>,
    /// What it counts a month, net of discounts.
    pub amount: Mrr,
}

/// A subscription as it stands after the last thing known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionLedger {
    /// The id that Stripe gave the subscription, `sub_…`.
    pub id: SubscriptionId,
    /// Stripe's word for its status.
    pub status: Arc<str>,
    /// The currency it is billed in; `None` where neither it nor its prices tell.
    pub currency: Option<Currency>,
    /// What it counts under the profile, the future written ahead left out.
    pub mrr: Mrr,
    /// When it started, as far as the log tells.
    pub started_at: UnixTime,
    /// When it ended; `None` while it runs.
    pub ended_at: Option<UnixTime>,
    /// When it is set to end; `None` where it isn't.
    pub ends_at: Option<UnixTime>,
    /// The event of its latest state.
    pub event: EventId,
}

/// What couldn't be known, and what would settle it (rules `unknown-amounts` and `snapshot-order`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QualityEntry {
    /// What kind of thing couldn't be known.
    pub kind: QualityKind,
    /// The object it is about.
    pub object: Arc<str>,
    /// The event that shows it; `None` where it shows by what is missing.
    pub event: Option<EventId>,
    /// When it is shown from: `overdue` is written ahead.
    pub at: UnixTime,
    /// When it was settled by the log; `None` while it stands.
    pub until: Option<UnixTime>,
    /// What is wrong, in words.
    pub detail: String,
    /// What would settle it, in words.
    pub settle: String,
}

/// A trial that ended (rule `trial-churn`: trial churn is its own counter).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Trial {
    /// The subscription that was on trial.
    pub subscription: SubscriptionId,
    /// The instant at which the trial began.
    pub started_at: UnixTime,
    /// When the trial ended, or will.
    pub ended_at: UnixTime,
    /// From when it paid; `None` where nothing says that it ever will. A discount's end may put that ahead of now.
    pub converted_at: Option<UnixTime>,
}

impl Trial {
    /// The trial as it stands at `now`; `None` while it hasn't ended.
    pub fn at(self, now: UnixTime) -> Option<Self> {
        let converted_at = self.converted_at.filter(|at| *at <= now);
        (self.ended_at <= now).then_some(Self { converted_at, ..self })
    }
}
