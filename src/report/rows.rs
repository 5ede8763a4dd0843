//! Rows: what a report is made of, summed by accounting day, whether they come from tables or from memory.

use std::sync::Arc;

use crate::ledger::{
    ids::{AccountId, CustomerId, TestClockId},
    money::{Currency, Mrr},
    outcome::{Kind, Movement, QualityEntry, SubscriptionLedger},
    time::{Day, UnixTime},
};

/// Which ledger is asked: `livemode`, `account` and test clocks are ledgers of their own (mrr.md 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Whose rules.
    pub profile: Arc<str>,
    /// Live or test.
    pub livemode: bool,
    /// Whose events.
    pub account: AccountScope,
    /// Simulated time, only where asked for.
    pub test_clock: Option<TestClockId>,
    /// Readers cut here: nothing that takes effect later is in the answer.
    pub cut: UnixTime,
}

/// Which accounts are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountScope {
    /// The account's own events (`None`), or one connected account's.
    One(Option<AccountId>),
    /// All of them together.
    All,
}

/// What days are summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowGroup {
    /// Nothing further: one row a currency and day.
    Whole,
    /// What is sold.
    Product,
    /// At which price.
    Price,
    /// Billed how often.
    Interval,
    /// Who pays.
    Customer,
    /// Why it moved: movements only.
    Cause,
}

/// A day's changes of amounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayAmounts {
    /// The ledger's currency.
    pub currency: Currency,
    /// What it is summed by; `None` where that isn't known.
    pub group: Option<Arc<str>>,
    /// The accounting day.
    pub day: Day,
    /// Change of MRR.
    pub mrr: Mrr,
    /// Change before discounts.
    pub list: Mrr,
    /// Change of the share that rests on estimates.
    pub estimated: Mrr,
    /// Change of what is `past_due`.
    pub at_risk: Mrr,
    /// Change of what is set to cancel.
    pub scheduled_churn: Mrr,
}

/// A day's changes of counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayCounts {
    /// `None` counts over all currencies.
    pub currency: Option<Currency>,
    /// What it is summed by.
    pub group: Option<Arc<str>>,
    /// The accounting day.
    pub day: Day,
    /// Paying customers.
    pub customers: i64,
    /// Paying subscriptions.
    pub subscriptions: i64,
    /// Subscriptions on trial.
    pub trials: i64,
}

/// A day's movements of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayLine {
    /// The ledger's currency.
    pub currency: Currency,
    /// What it is summed by.
    pub group: Option<Arc<str>>,
    /// The accounting day the movement is booked on.
    pub day: Day,
    /// Its kind.
    pub kind: Kind,
    /// Their sum.
    pub amount: Mrr,
}

/// Everything a bridge is made of, read at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerRows {
    /// Amounts by day.
    pub amounts: Vec<DayAmounts>,
    /// Counts by day.
    pub counts: Vec<DayCounts>,
    /// Movements by day.
    pub lines: Vec<DayLine>,
}

/// A movement with whose it is and its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovementRow {
    /// A hash of profile, livemode, account, customer, currency and window.
    pub id: Arc<str>,
    /// Whose account.
    pub account: Option<AccountId>,
    /// Who pays.
    pub customer: CustomerId,
    /// What moved.
    pub movement: Movement,
}

/// Which movements are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MovementFilter {
    /// First day.
    pub from: Option<Day>,
    /// Last day.
    pub to: Option<Day>,
    /// Only this customer's.
    pub customer: Option<CustomerId>,
    /// Only this kind; without it every kind that moves money (`transient` only when named).
    pub kind: Option<Kind>,
    /// Only those with a part of this cause.
    pub cause: Option<crate::ledger::outcome::Cause>,
    /// Only in this currency.
    pub currency: Option<Currency>,
}

/// Where a page of movements ends: stable keys, so that a page stays where it is while the ledger grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovementKey {
    /// Its day.
    pub day: Day,
    /// Its last instant.
    pub effective_at: UnixTime,
    /// Its id.
    pub id: Arc<str>,
}

/// A customer as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerRow {
    /// Whose account.
    pub account: Option<AccountId>,
    /// Who pays.
    pub customer: CustomerId,
    /// For breakdowns.
    pub country: Option<Arc<str>>,
    /// First instant of MRR above 0.
    pub first_mrr_at: Option<UnixTime>,
    /// MRR in each currency it ever had any in.
    pub mrr: Vec<(Currency, Mrr)>,
    /// Its subscriptions, by id.
    pub subscriptions: Vec<SubscriptionLedger>,
}

/// A quality entry with whose it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QualityRow {
    /// Whose account.
    pub account: Option<AccountId>,
    /// Whose customer.
    pub customer: CustomerId,
    /// What is wrong.
    pub entry: QualityEntry,
}
