//! A subscription at one instant, and its items.

use std::sync::Arc;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{DiscountState, Price, TaxRate};
use crate::{
    ids::*,
    money::{Currency, Decimal},
    stored,
    time::UnixTime,
};

/// A subscription at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct SubscriptionState {
    /// The id that Stripe gave the subscription, `sub_…`.
    #[n(0)]
    pub id: SubscriptionId,
    /// The customer who pays, in whose ledger it is.
    #[n(1)]
    pub customer: CustomerId,
    /// Where Stripe says that it stands.
    #[n(2)]
    pub status: Status,
    /// `subscription.currency`, else its first price's.
    #[n(3)]
    pub currency: Option<Currency>,
    /// Its items in Stripe's order, as far as the payload embeds them (`items_complete`).
    #[n(4)]
    pub items: Vec<ItemState>,
    /// False when the embedded list says `has_more`: what is missing is unpriced.
    #[n(5)]
    pub items_complete: bool,
    /// Subscription-level discounts in list order.
    #[serde(default)]
    #[n(6)]
    pub discounts: Vec<DiscountState>,
    /// `default_tax_rates`, or the older `tax_percent`.
    #[serde(default)]
    #[n(7)]
    pub tax_rates: Vec<TaxRate>,
    /// When Stripe made it, by its own `created`.
    #[n(8)]
    pub created: UnixTime,
    /// `created` is no more than a bound: the first instant at which a shape that doesn't tell it (before 2017 or so)
    /// shows the subscription there.
    #[serde(default)]
    #[n(9)]
    pub created_bound: bool,
    /// `start_date`; never the old `start`, which is the last change (rule `opening-balance`).
    #[n(10)]
    pub start_date: Option<UnixTime>,
    /// When it ended: from here on it counts 0. `None` while it runs.
    #[n(11)]
    pub ended_at: Option<UnixTime>,
    /// When cancellation was asked for.
    #[n(12)]
    pub canceled_at: Option<UnixTime>,
    /// When it is set to end.
    #[n(13)]
    pub cancel_at: Option<UnixTime>,
    /// Set to end with its period.
    #[serde(default)]
    #[n(14)]
    pub cancel_at_period_end: bool,
    /// First second of the trial.
    #[n(15)]
    pub trial_start: Option<UnixTime>,
    /// The first second behind the trial; `None` without one.
    #[n(16)]
    pub trial_end: Option<UnixTime>,
    /// Current period: the subscription's own, or the widest of its items (basil and later).
    #[n(17)]
    pub period: Option<Period>,
    /// Collection is paused, status unchanged.
    #[n(18)]
    pub pause_collection: Option<PauseCollection>,
    /// `status_details.paused.subscription.type`, which endive and later tell of a paused subscription.
    #[cbor(n(19), with = "stored::optional_text", has_nil)]
    pub pause_reason: Option<Arc<str>>,
    /// Why it was cancelled, where Stripe says.
    #[n(20)]
    pub cancel_reason: Option<CancelReason>,
    /// `cancellation_details.feedback`, one of Stripe's fixed words.
    #[cbor(n(21), with = "stored::optional_text", has_nil)]
    pub cancel_feedback: Option<Arc<str>>,
    /// Breaks ties within a second.
    #[n(22)]
    pub latest_invoice: Option<InvoiceId>,
    /// A change waits for payment; it doesn't count until applied.
    #[serde(default)]
    #[n(23)]
    pub pending_update: bool,
    /// Simulated time: a ledger of its own.
    #[n(24)]
    pub test_clock: Option<TestClockId>,
}

/// Where a subscription stands, by `subscription.status` (docs/wire.md 5.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(flat)]
pub enum Status {
    /// Its first payment is outstanding: it hasn't begun.
    #[n(0)]
    Incomplete,
    /// First payment never came; terminal.
    #[n(1)]
    IncompleteExpired,
    /// It is on trial and pays nothing yet.
    #[n(2)]
    Trialing,
    /// It runs and is paid.
    #[n(3)]
    Active,
    /// The latest payment failed or is overdue.
    #[n(4)]
    PastDue,
    /// Retries are exhausted, kept open.
    #[n(5)]
    Unpaid,
    /// It is paused as a whole (knob `paused`).
    #[n(6)]
    Paused,
    /// It has ended; nothing follows.
    #[n(7)]
    Canceled,
    /// One Stripe added later: never counted, listed in quality.
    #[n(8)]
    Other(#[cbor(n(0), with = "stored::text")] Arc<str>),
}

/// Why a subscription was cancelled, by `cancellation_details.reason`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(flat)]
pub enum CancelReason {
    /// Somebody asked for it: the churn is voluntary.
    #[n(0)]
    CancellationRequested,
    /// The payment failed: the churn is involuntary.
    #[n(1)]
    PaymentFailed,
    /// The payment was disputed: the churn is involuntary.
    #[n(2)]
    PaymentDisputed,
    /// Ended by a retention policy (dahlia).
    #[n(3)]
    RetentionPolicy,
    /// A word that Stripe added later: no evidence of anything.
    #[n(4)]
    Other(#[cbor(n(0), with = "stored::text")] Arc<str>),
}

/// `pause_collection`: invoices go on without being collected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct PauseCollection {
    /// What becomes of its invoices meanwhile: `void`, `keep_as_draft` or `mark_uncollectible`.
    #[cbor(n(0), with = "stored::text")]
    pub behavior: Arc<str>,
    /// When Stripe resumes it by itself.
    #[n(1)]
    pub resumes_at: Option<UnixTime>,
}

/// One item of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct ItemState {
    /// The id that Stripe gave the item, `si_…`.
    #[n(0)]
    pub id: ItemId,
    /// Its price, as inlined in the snapshot.
    #[n(1)]
    pub price: Price,
    /// `quantity_decimal`, else `quantity`; `None` where absent (metered, or 1 when licensed).
    #[n(2)]
    pub quantity: Option<Decimal>,
    /// Item-level discounts in list order.
    #[serde(default)]
    #[n(3)]
    pub discounts: Vec<DiscountState>,
    /// The item's own tax rates; where it has none, the subscription's hold.
    #[serde(default)]
    #[n(4)]
    pub tax_rates: Vec<TaxRate>,
    /// Its own period (basil and later), else the subscription's.
    #[n(5)]
    pub period: Option<Period>,
    /// Its own trial (`current_trial`, endive): it counts 0 until the end.
    #[n(6)]
    pub trial: Option<Period>,
}

/// A span of time, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode)]
pub struct Period {
    /// The first second within it.
    #[n(0)]
    pub start: UnixTime,
    /// The first second behind it.
    #[n(1)]
    pub end: UnixTime,
}
