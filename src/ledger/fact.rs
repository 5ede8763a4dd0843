//! Facts: what one event says about one object, in the ledger's own words. Stripe's shapes end here.
//!
//! A fact is a full state, never a command, and an update carries the state before as well (architecture.md, decision 3).
//! Facts hold ids, times and money only; names, e-mails and comments stay in the raw body.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    ids::*,
    money::{Currency, Decimal},
    time::UnixTime,
};

/// Version of the readers that turn events into facts: raise it when the same bytes would yield other facts.
pub const NORMALISER: i64 = 2;

/// One object's state as one event (or API answer) gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The event it came from.
    pub event: EventId,
    /// `event.created`, or the response's `Date` for an API read.
    pub at: UnixTime,
    /// The shape's version, a hint and a tie-breaker only; absent before 2014-10-31.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<Arc<str>>,
    /// What the fact rests on.
    pub origin: Origin,
    /// Its place within one second (mrr.md 4).
    pub role: Role,
    /// The object's state.
    pub state: State,
}

/// What a fact rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A webhook or an exported event.
    Event,
    /// An answer of Stripe's API.
    Api,
    /// Rebuilt from an invoice's lines.
    Invoice,
}

/// What kind of event carried the snapshot: it ranks facts within one second (mrr.md 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// `*.created`: first whatever its second.
    Created,
    /// `*.updated`.
    Updated,
    /// Any other type that carries the object (`paused`, `trial_will_end`, …).
    Other,
    /// An API read: after all events of its second.
    Read,
    /// `*.deleted`: last whatever its second.
    Deleted,
}

/// The object a fact is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A subscription, with the state before where the event told it.
    Subscription {
        /// `previous_attributes` laid over the object, read by the same reader; `None` where the event carried none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Box<SubscriptionState>>,
        /// The snapshot.
        after: Box<SubscriptionState>,
    },
    /// An invoice: payments, estimates and metered usage; never MRR by itself.
    Invoice(Box<InvoiceState>),
    /// A customer.
    Customer(Box<CustomerState>),
    /// A price or plan, told apart from any subscription.
    Price(Box<Price>),
    /// A product.
    Product(ProductState),
    /// A coupon's terms.
    Coupon(CouponTerms),
    /// A discount put on or taken off a customer or subscription (`customer.discount.*`); with [`Role::Other`], as an
    /// invoice shows it: then only its terms are told.
    Discount(DiscountState),
    /// A credit note or refund: kept for the explanation, never MRR (mrr.md, preamble).
    Correction(CorrectionState),
    /// A subscription schedule: what is planned. It counts only once the subscription itself shows it.
    Schedule(ScheduleState),
}

/// `subscription.status` (stripe.md 5.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// First payment outstanding.
    Incomplete,
    /// First payment never came; terminal.
    IncompleteExpired,
    /// On trial.
    Trialing,
    /// Running.
    Active,
    /// The latest payment failed or is overdue.
    PastDue,
    /// Retries are exhausted, kept open.
    Unpaid,
    /// Paused as a whole.
    Paused,
    /// Ended; terminal.
    Canceled,
    /// One Stripe added later: never counted, listed in quality.
    Other(Arc<str>),
}

/// A span of time, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Period {
    /// First second.
    pub start: UnixTime,
    /// First second after it.
    pub end: UnixTime,
}

/// A subscription at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionState {
    /// `sub_…`
    pub id: SubscriptionId,
    /// Who pays.
    pub customer: CustomerId,
    /// Its status.
    pub status: Status,
    /// `subscription.currency`, else its first price's.
    pub currency: Option<Currency>,
    /// Items in Stripe's order.
    pub items: Vec<ItemState>,
    /// False when the embedded list says `has_more`: what is missing is unpriced.
    pub items_complete: bool,
    /// Subscription-level discounts in list order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<DiscountState>,
    /// `default_tax_rates`, or the older `tax_percent`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tax_rates: Vec<TaxRate>,
    /// When Stripe made it.
    pub created: UnixTime,
    /// `created` is no more than a bound: the first instant at which a shape that doesn't tell it (before 2017 or so)
    /// shows the subscription there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub created_bound: bool,
    /// `start_date`; never the old `start`, which is the last change (mrr.md 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_date: Option<UnixTime>,
    /// When it ended: from here on it counts 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<UnixTime>,
    /// When cancellation was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canceled_at: Option<UnixTime>,
    /// When it is set to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_at: Option<UnixTime>,
    /// Set to end with its period.
    #[serde(default)]
    pub cancel_at_period_end: bool,
    /// First second of the trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_start: Option<UnixTime>,
    /// End of the trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_end: Option<UnixTime>,
    /// Current period: the subscription's own, or the widest of its items (basil and later).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Collection is paused, status unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_collection: Option<PauseCollection>,
    /// `status_details.paused.subscription.type` (endive).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_reason: Option<Arc<str>>,
    /// Why it was cancelled, where Stripe says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<CancelReason>,
    /// `cancellation_details.feedback`, one of Stripe's fixed words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_feedback: Option<Arc<str>>,
    /// Breaks ties within a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_invoice: Option<InvoiceId>,
    /// A change waits for payment; it doesn't count until applied.
    #[serde(default)]
    pub pending_update: bool,
    /// Simulated time: a ledger of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_clock: Option<TestClockId>,
}

/// `cancellation_details.reason`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// Asked for: voluntary.
    CancellationRequested,
    /// Payment failed: involuntary.
    PaymentFailed,
    /// Disputed: involuntary.
    PaymentDisputed,
    /// Ended by a retention policy (dahlia).
    RetentionPolicy,
    /// One Stripe added later.
    Other(Arc<str>),
}

/// `pause_collection`: invoices go on without being collected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseCollection {
    /// `void`, `keep_as_draft` or `mark_uncollectible`.
    pub behavior: Arc<str>,
    /// When Stripe resumes it by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumes_at: Option<UnixTime>,
}

/// One item of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemState {
    /// `si_…`
    pub id: ItemId,
    /// Its price, as inlined in the snapshot.
    pub price: Price,
    /// `quantity_decimal`, else `quantity`; `None` where absent (metered, or 1 when licensed).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Decimal>,
    /// Item-level discounts in list order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<DiscountState>,
    /// `tax_rates` of the item.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tax_rates: Vec<TaxRate>,
    /// Its own period (basil and later), else the subscription's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Its own trial (`current_trial`, endive): it counts 0 until the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<Period>,
}

/// A price or a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// `price_…` or plan id.
    pub id: PriceId,
    /// What is sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// The price's default currency; amounts below are in it.
    pub currency: Option<Currency>,
    /// How units become money.
    pub scheme: Scheme,
    /// Billing interval; `None` for a one-off price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Licensed or metered.
    pub usage: Usage,
    /// `transform_quantity`, applied first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Transform>,
    /// The amounts include tax.
    #[serde(default)]
    pub tax_inclusive: bool,
    /// Stable name across replacements (causes, mrr.md 5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookup_key: Option<Arc<str>>,
    /// Internal name (causes, mrr.md 5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nickname: Option<Arc<str>>,
    /// Amounts in other currencies, where the payload had them expanded.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub currency_options: BTreeMap<Currency, Scheme>,
}

/// How units become money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// So many minor units each (`unit_amount_decimal` before `unit_amount`).
    PerUnit(Decimal),
    /// Each tier's share at its own rate.
    Graduated(Vec<Tier>),
    /// All units at the rate of the tier reached.
    Volume(Vec<Tier>),
    /// The payload can't tell (tiers or amounts not expanded): never 0.
    Unknown,
}

/// One tier of a tiered price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// Last unit it covers; `None` is the last tier.
    pub up_to: Option<Decimal>,
    /// Minor units for each unit.
    pub unit_amount: Decimal,
    /// Minor units once, when the tier is touched.
    pub flat_amount: Decimal,
}

/// Whether quantity is set or measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Usage {
    /// A number of seats, bought.
    Licensed,
    /// Measured usage (knob `metered`).
    Metered,
}

/// A billing interval: `count` times `unit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Interval {
    /// Day, week, month or year.
    pub unit: IntervalUnit,
    /// At least 1.
    pub count: u32,
}

/// The unit of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalUnit {
    /// 365/12 of them make a month.
    Day,
    /// 52/12 of them make a month.
    Week,
    /// One makes a month.
    Month,
    /// 1/12 makes a month.
    Year,
}

/// Prints as `month`, `year`, `3 month`, …: the value of `group_by=interval`.
impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = match self.unit {
            IntervalUnit::Day => "day",
            IntervalUnit::Week => "week",
            IntervalUnit::Month => "month",
            IntervalUnit::Year => "year",
        };
        if self.count == 1 { f.write_str(unit) } else { write!(f, "{} {unit}", self.count) }
    }
}

/// `transform_quantity`: packages of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transform {
    /// Units in a package, at least 1.
    pub divide_by: u64,
    /// Whether a begun package counts whole.
    pub round: Round,
}

/// Which way a begun package is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Round {
    /// A begun package counts.
    Up,
    /// Only whole packages count.
    Down,
}

/// A tax rate, as far as money needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRate {
    /// In percent.
    pub percentage: Decimal,
    /// Part of the price, or on top of it.
    pub inclusive: bool,
}

/// A discount as one place of the log shows it: perhaps only its id (stripe.md 0, fact 1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscountState {
    /// `di_…`; absent before 2020.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<DiscountId>,
    /// Its coupon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon: Option<CouponId>,
    /// The coupon's terms, where this place has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<CouponTerms>,
    /// From when it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<UnixTime>,
    /// `end`: null for once and forever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<UnixTime>,
    /// Whose: set on `customer.discount.*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// Which subscription it is on; `None` on the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<SubscriptionId>,
    /// Which item it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
}

/// What a coupon grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouponTerms {
    /// Its id.
    pub id: CouponId,
    /// Percentage or amount; `None` where the payload had neither.
    pub off: Option<Off>,
    /// For how long.
    pub duration: Duration,
    /// Months of a repeating one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub months: Option<u32>,
    /// Amounts in further currencies, where expanded.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub currency_options: BTreeMap<Currency, Decimal>,
    /// Only these products, where expanded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub products: Option<Vec<ProductId>>,
}

/// What is taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Off {
    /// In percent.
    Percent(Decimal),
    /// In minor units per invoice.
    Amount(Decimal, Currency),
}

/// `coupon.duration`: which knob it falls under (mrr.md 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duration {
    /// Never ends by itself.
    Forever,
    /// For some months.
    Repeating,
    /// The first invoice only.
    Once,
    /// Not told: counts as forever (mrr.md 1).
    Unknown,
}

/// An invoice at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceState {
    /// `in_…`; absent on an upcoming invoice, which yields no fact.
    pub id: InvoiceId,
    /// Who pays.
    pub customer: Option<CustomerId>,
    /// Which subscription it bills.
    pub subscription: Option<SubscriptionId>,
    /// `status`, or what `closed` and `forgiven` said before 2018-11-08.
    pub status: InvoiceStatus,
    /// Its currency.
    pub currency: Option<Currency>,
    /// Minor units after discounts and tax.
    pub total: i64,
    /// Minor units before discounts.
    pub subtotal: i64,
    /// Minor units taken from the customer's credit; below 0 where the invoice added to it.
    #[serde(default)]
    pub balance_applied: i64,
    /// Minor units of discount over the whole invoice.
    #[serde(default)]
    pub discount_total: i64,
    /// `subscription_create`, `subscription_cycle`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_reason: Option<Arc<str>>,
    /// When Stripe made it.
    pub created: UnixTime,
    /// `status_transitions.paid_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<UnixTime>,
    /// Lines in Stripe's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<InvoiceLine>,
    /// False when the embedded list says `has_more`.
    pub lines_complete: bool,
    /// Simulated time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_clock: Option<TestClockId>,
}

/// `invoice.status`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStatus {
    /// Not final.
    Draft,
    /// Final, unpaid.
    Open,
    /// Paid.
    Paid,
    /// Given up.
    Uncollectible,
    /// Voided.
    Void,
    /// Deleted draft.
    Deleted,
    /// One Stripe added later.
    Other(Arc<str>),
}

/// One line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLine {
    /// Which subscription it bills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<SubscriptionId>,
    /// Which item it bills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
    /// At which price; since basil only its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceId>,
    /// Its product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// The price's interval, where the line still tells it (before basil).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Minor units before discounts.
    pub amount: i64,
    /// Units billed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Decimal>,
    /// Minor units each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_amount: Option<Decimal>,
    /// A correction within a period: never the base of an estimate.
    #[serde(default)]
    pub proration: bool,
    /// What it pays for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// What each discount took off, in minor units.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<(DiscountId, i64)>,
    /// Its tax rates, where the line tells them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tax_rates: Vec<TaxRate>,
    /// Minor units of tax inside `amount`, where there is any; since basil a line tells no more of its tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_inside: Option<i64>,
}

/// A customer, as far as the ledger needs one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerState {
    /// `cus_…`
    pub id: CustomerId,
    /// Two letters, from the address, else from shipping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Arc<str>>,
    /// The customer-level discount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<DiscountState>,
    /// `customer.deleted`: ends all its subscriptions (mrr.md 4).
    #[serde(default)]
    pub deleted: bool,
    /// Simulated time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_clock: Option<TestClockId>,
}

/// A product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductState {
    /// `prod_…`
    pub id: ProductId,
    /// Metadata marks it as an add-on (mrr.md 5).
    #[serde(default)]
    pub add_on: bool,
}

/// A credit note or refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrectionState {
    /// `cn_…` or `re_…`
    pub id: Arc<str>,
    /// `credit_note` or `refund`.
    pub object: Arc<str>,
    /// Whose.
    pub customer: Option<CustomerId>,
    /// Minor units.
    pub amount: i64,
    /// Their currency.
    pub currency: Option<Currency>,
}

/// A subscription schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleState {
    /// `sub_sched_…`
    pub id: Arc<str>,
    /// Whose.
    pub customer: Option<CustomerId>,
    /// The subscription it drives, or drove until it was released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<SubscriptionId>,
    /// `not_started`, `active`, `completed`, `released`, `canceled`, or one Stripe added later.
    pub status: Arc<str>,
    /// What follows its last phase: `release`, `cancel`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_behavior: Option<Arc<str>>,
    /// In Stripe's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
}

/// One phase of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// When it is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// The prices it bills, and how many of each.
    pub items: Vec<(PriceId, Option<Decimal>)>,
}

impl Fact {
    /// The customer whose ledger it belongs to; `None` for prices, products and coupons.
    pub fn customer(&self) -> Option<&CustomerId> {
        match &self.state {
            State::Subscription { after, .. } => Some(&after.customer),
            State::Invoice(invoice) => invoice.customer.as_ref(),
            State::Customer(customer) => Some(&customer.id),
            State::Discount(discount) => discount.customer.as_ref(),
            State::Correction(correction) => correction.customer.as_ref(),
            State::Schedule(schedule) => schedule.customer.as_ref(),
            State::Price(_) | State::Product(_) | State::Coupon(_) => None,
        }
    }
}
