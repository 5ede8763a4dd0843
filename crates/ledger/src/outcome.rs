//! What the ledger says of one customer under one profile: the content of the derived tables, and nothing else.
//!
//! No log position, no arrival time, no generation: the same facts give the same outcome, byte for byte (rule `arrival-order`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{
    fact::Interval,
    ids::*,
    money::{Currency, Mrr},
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
    /// Movements in time order.
    pub movements: Vec<Movement>,
    /// Each subscription's latest state, by id.
    pub subscriptions: Vec<SubscriptionLedger>,
    /// What couldn't be known, by kind and object.
    pub quality: Vec<QualityEntry>,
    /// Trials that ended, for conversion and trial churn.
    pub trials: Vec<Trial>,
}

impl CustomerLedger {
    /// The currencies in which it has a ledger: those of its amounts and counts.
    pub fn currencies(&self) -> impl Iterator<Item = Currency> + '_ {
        let counted = self.counts.iter().filter_map(|count| count.currency);
        self.deltas.iter().map(|delta| delta.currency).chain(counted)
    }
}

/// One item's amounts changed by this much at one instant. A snapshot is their running sum (docs/decisions/007-daily-deltas.md).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Delta {
    /// When it takes effect; readers cut at now.
    pub at: UnixTime,
    /// The accounting day of `at`.
    pub day: Day,
    /// The ledger's currency.
    pub currency: Currency,
    /// Whose item.
    pub subscription: SubscriptionId,
    /// Which item.
    pub item: ItemId,
    /// Breakdown by product.
    pub product: Option<ProductId>,
    /// Breakdown by price.
    pub price: PriceId,
    /// Breakdown by interval.
    pub interval: Option<Interval>,
    /// Change of MRR.
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
    /// When it takes effect.
    pub at: UnixTime,
    /// The accounting day of `at`.
    pub day: Day,
    /// The currency counted in; `None` counts over all currencies.
    pub currency: Option<Currency>,
    /// Paying customers: +1, 0 or −1.
    pub customers: i64,
    /// Subscriptions with MRR above 0.
    pub subscriptions: i64,
    /// Subscriptions on trial.
    pub trials: i64,
}

/// The kind of a movement (rule `kinds`).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// Money first seen already running.
    OpeningBalance,
    /// The first MRR of a customer.
    New,
    /// More of a running customer.
    Expansion,
    /// Back after none.
    Reactivation,
    /// Less of a running customer.
    Contraction,
    /// None left.
    Churn,
    /// Revaluation; reporting-currency ledgers only.
    Fx,
    /// Came and went within the window: no movement, but its parts are kept and counted.
    Transient,
}

impl Kind {
    /// All kinds, in the order of the bridge.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Reads the API's word.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident => $rollup:ident),+ $(,)?) => {
        /// Why money moved (rule `causes`).
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, EnumString, IntoStaticStr,
            VariantArray,
        )]
        #[serde(rename_all = "snake_case")]
        #[strum(serialize_all = "snake_case")]
        pub enum Cause { $($(#[$doc])* $name),+ }

        impl Cause {
            /// Every cause.
            pub const ALL: &'static [Self] = Self::VARIANTS;

            /// As the API writes it.
            pub fn as_str(self) -> &'static str {
                self.into()
            }

            /// Reads the API's word.
            pub fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }

            /// The one roll-up it belongs to.
            pub fn rollup(self) -> Rollup {
                match self { $(Self::$name => Rollup::$rollup),+ }
            }
        }
    };
}

causes! {
    /// Its amount before the log began.
    OpeningBalance => New,
    /// Created with an earlier start date.
    Imported => New,
    /// A trial became paid.
    TrialConversion => New,
    /// Known before at a price of 0.
    FreeToPaid => New,
    /// The first subscription.
    FirstSubscription => New,
    /// Paid again after unpaid or past due.
    Recovery => Involuntary,
    /// Running again after a pause.
    Resume => Paused,
    /// A cancellation was taken back.
    CancellationWithdrawn => Voluntary,
    /// Back after an end.
    Winback => Reactivation,
    /// Paused.
    Pause => Paused,
    /// A payment was disputed.
    Dispute => Involuntary,
    /// Ended by a retention policy.
    RetentionPolicy => Involuntary,
    /// Asked for.
    Cancellation => Voluntary,
    /// Payment failed.
    PaymentFailure => Involuntary,
    /// A discount took it all.
    FullDiscount => Discount,
    /// What counts now has a list price of 0.
    ToFree => Downgrade,
    /// None of it is left.
    QuantityZero => Downgrade,
    /// Ended, without evidence why.
    UnknownEnd => Unknown,
    /// Moved to another currency.
    CurrencySwitch => Currency,
    /// Put back on trial.
    TrialGranted => Paused,
    /// Back from such a trial.
    TrialEnded => Paused,
    /// Another subscription ended, and with it a product.
    ProductDropped => Downgrade,
    /// Another subscription ended; the product is still held.
    SubscriptionDropped => Downgrade,
    /// Another subscription began, of a product not held.
    CrossSell => CrossSell,
    /// Another subscription began, of a product held already.
    ExtraSubscription => CrossSell,
    /// An item came.
    AddOn => AddOn,
    /// An item left.
    AddOnRemoved => Downgrade,
    /// Same product, other interval.
    IntervalChange => Price,
    /// The same plan costs more.
    PriceIncrease => Price,
    /// The same plan costs less.
    PriceDecrease => Price,
    /// Another, dearer price.
    PlanUpgrade => Upsell,
    /// Another, cheaper price.
    PlanDowngrade => Downgrade,
    /// More units.
    QuantityIncrease => Upsell,
    /// Fewer units.
    QuantityDecrease => Downgrade,
    /// A discount began.
    DiscountStart => Discount,
    /// A discount ended.
    DiscountEnd => Discount,
    /// A discount changed.
    DiscountChange => Discount,
    /// Measured usage changed.
    Usage => Usage,
    /// Revaluation.
    Fx => Currency,
    /// None of the above.
    Other => Unknown,
}

/// Groups of causes (rule `roll-ups`); `reactivation` is never counted as expansion unless a profile says so.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Rollup {
    /// First money.
    New,
    /// More of the same.
    Upsell,
    /// Another product or subscription.
    CrossSell,
    /// Another item.
    AddOn,
    /// The same at another price.
    Price,
    /// Discounts.
    Discount,
    /// Less of it.
    Downgrade,
    /// Pauses and granted trials.
    Paused,
    /// Asked for.
    Voluntary,
    /// Payment, dispute, policy.
    Involuntary,
    /// Back after an end.
    Reactivation,
    /// Between currencies.
    Currency,
    /// Measured usage.
    Usage,
    /// No evidence.
    Unknown,
}

impl Rollup {
    /// Every roll-up, in the order of the rules.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A change of a customer's MRR in one currency within one netting window (rule `netting`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// The currency it is in.
    pub currency: Currency,
    /// Its accounting day.
    pub day: Day,
    /// When its window opens: with the currency it names the movement within its customer and profile.
    pub window: UnixTime,
    /// Its last part's instant.
    pub effective_at: UnixTime,
    /// What it is.
    pub kind: Kind,
    /// after − before.
    pub amount: Mrr,
    /// MRR when the window opened.
    pub before: Mrr,
    /// MRR when it closed.
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
    /// Whose item.
    pub subscription: SubscriptionId,
    /// Which item.
    pub item: ItemId,
    /// Why.
    pub cause: Cause,
    /// How much.
    pub amount: Mrr,
    /// When.
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
    /// What is sold.
    pub product: Option<ProductId>,
    /// At which price.
    pub price: PriceId,
    /// Billed how often.
    pub interval: Option<Interval>,
    /// How many, as Stripe wrote it.
    pub quantity: Option<super::money::Decimal>,
    /// Monthly, net of discounts.
    pub amount: Mrr,
}

/// A subscription as it stands after the last thing known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionLedger {
    /// `sub_…`
    pub id: SubscriptionId,
    /// Stripe's word for its status.
    pub status: Arc<str>,
    /// Its currency.
    pub currency: Option<Currency>,
    /// What it counts under the profile, the future written ahead left out.
    pub mrr: Mrr,
    /// When it started.
    pub started_at: UnixTime,
    /// When it ended.
    pub ended_at: Option<UnixTime>,
    /// When it is set to end.
    pub ends_at: Option<UnixTime>,
    /// The event of its latest state.
    pub event: EventId,
}

/// What couldn't be known, and what would settle it (rules `unknown-amounts` and `snapshot-order`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QualityEntry {
    /// What is wrong.
    pub kind: QualityKind,
    /// The object it is about.
    pub object: Arc<str>,
    /// The event that shows it.
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

/// Kinds of quality entry.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum QualityKind {
    /// An item whose amount isn't known: counted in no figure.
    UnpricedItem,
    /// An item that counts an estimate.
    EstimatedItem,
    /// A discount whose terms aren't known.
    UnresolvedDiscount,
    /// A chain of snapshots that breaks.
    Gap,
    /// An order that only the event's id could settle.
    UnresolvedTie,
    /// A change that should have come and hasn't.
    Overdue,
    /// An inclusive price whose rate isn't known.
    TaxUnknown,
    /// A status or value mrrd doesn't know.
    UnknownValue,
    /// An exchange rate that isn't there: reporting-currency ledgers only.
    MissingRate,
    /// A stretch before the log began in which invoices don't tell what changed, or when.
    UnclearPast,
    /// A discount known only by its id, read off the invoice lines that show it.
    DiscountEstimated,
    /// A discount's duration, read off when it went.
    DurationInferred,
}

impl QualityKind {
    /// All kinds.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// Reads the API's word.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A trial that ended (rule `trial-churn`: trial churn is its own counter).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Trial {
    /// Whose trial.
    pub subscription: SubscriptionId,
    /// When it began.
    pub started_at: UnixTime,
    /// When it ended.
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
