//! What reports read of a ledger: rows summed by accounting day (`day_rows.rs`), and of each customer. Memory gives the same
//! (`report::memory`).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use super::{
    day_rows::*,
    lists::*,
    loss_sums::{DaySpan, LossesAsked, LossesTold, LossyDays},
    scope::*,
};
pub use crate::ledger::losses::{LossPart, LossRow};
use crate::ledger::{
    cohorts::Month,
    ids::{AccountId, CustomerId},
    money::{Currency, Mrr},
    outcome::{Movement, QualityEntry, SubscriptionLedger, Trial},
    retention::{Aged, Looked},
    time::{Day, UnixTime},
};

/// What months are summed by, beside their rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// By product; rows of a price without one have no group.
    Product,
    /// By the id of the price.
    Price,
    /// By billing interval, such as `3 month`.
    Interval,
    /// The currency it is billed in.
    Currency,
    /// By the cause of each part (rule `causes`).
    Cause,
    /// By the customer's country as it is now.
    Country,
    /// The month of the customer's first MRR.
    Cohort,
    /// What the customer's metadata has under this key.
    Metadata(Arc<str>),
}

impl Dimension {
    /// As its column holds it.
    pub fn text(&self) -> String {
        match self {
            Self::Product => "product".into(),
            Self::Price => "price".into(),
            Self::Interval => "interval".into(),
            Self::Currency => "currency".into(),
            Self::Cause => "cause".into(),
            Self::Country => "country".into(),
            Self::Cohort => "cohort".into(),
            Self::Metadata(key) => format!("metadata:{key}"),
        }
    }

    /// Whether customers stand in one group of it each, and so can be counted.
    pub fn is_of_customers(&self) -> bool {
        matches!(self, Self::Country | Self::Cohort | Self::Metadata(_))
    }
}

/// A day's change of what a customer holds of one thing: a product, a price, an interval, or a currency that it is billed in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldRow {
    /// The customer, by Stripe's id or the name that joins several.
    pub customer: Arc<str>,
    /// What is held; `None` where that isn't known.
    pub value: Option<Arc<str>>,
    /// The accounting day of the ledger's zone.
    pub day: Day,
    /// Change of its MRR before discounts, over all currencies: for nothing but whether there is any.
    pub list: Mrr,
}

/// What bridges are made of, of each customer by itself, in groups of what it holds or why it moved.
pub type RowsOfCustomers = BTreeMap<Arc<str>, LedgerRows>;

/// What each day adds to the figures that look at customers one by one, up to a cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionRows {
    /// Changes over all customers by day.
    pub whole: LedgerRows,
    /// What each day adds to the figures of a currency.
    pub days: BTreeMap<(Currency, Day), Looked>,
    /// By currency, month of first MRR and day.
    pub cohorts: BTreeMap<(Currency, Month, Day), Aged>,
}

/// A trial that ended, with whose it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrialRow {
    /// The customer, by Stripe's id or the name that joins several.
    pub customer: CustomerId,
    /// When it began and ended, and whether it became paid.
    pub trial: Trial,
}

/// A trial that ended, without whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialTimes {
    /// The instant at which it began.
    pub started_at: UnixTime,
    /// When it ended.
    pub ended_at: UnixTime,
    /// From when it paid; `None` where it doesn't by the cut.
    pub converted_at: Option<UnixTime>,
}

/// A movement with whose it is and its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovementRow {
    /// A hash of profile, livemode, account, customer, currency and window.
    pub id: Arc<str>,
    /// The connected account; `None` for the account's own.
    pub account: Option<AccountId>,
    /// The customer who pays, by Stripe's id or the name that joins several.
    pub customer: CustomerId,
    /// Its place among its customer's movements, in the order in which one leads to the next.
    pub ordinal: i64,
    /// The movement, with its parts.
    pub movement: Movement,
}

impl MovementRow {
    /// Where a page that ends with it ends.
    pub fn key(&self) -> MovementKey {
        let Movement { day, effective_at, .. } = self.movement;
        MovementKey { day, effective_at, ordinal: self.ordinal, id: self.id.clone() }
    }
}

/// A customer as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerRow {
    /// The connected account; `None` for the account's own.
    pub account: Option<AccountId>,
    /// The customer who pays, by Stripe's id or the name that joins several.
    pub customer: CustomerId,
    /// Its current country, for breakdowns; `None` where Stripe tells none.
    pub country: Option<Arc<str>>,
    /// First instant of MRR above 0.
    pub first_mrr_at: Option<UnixTime>,
    /// MRR in each currency it ever had any in.
    pub mrr: Vec<(Currency, Mrr)>,
    /// What is set to cancel, in each currency in which anything ever was.
    pub scheduled_churn: Vec<(Currency, Mrr)>,
    /// The customer's subscriptions as they stand now, by id.
    pub subscriptions: Vec<SubscriptionLedger>,
}

impl CustomerRow {
    /// Leaves out what is in any other currency.
    pub fn keep_currency(&mut self, currency: Currency) {
        self.mrr.retain(|(of, _)| *of == currency);
        self.scheduled_churn.retain(|(of, _)| *of == currency);
        self.subscriptions.retain(|one| one.currency == Some(currency));
    }
}

/// A quality entry with whose it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QualityRow {
    /// The connected account; `None` for the account's own.
    pub account: Option<AccountId>,
    /// The customer it is about.
    pub customer: CustomerId,
    /// What couldn't be known of it.
    pub entry: QualityEntry,
}

/// What customers are grouped by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerTraits {
    /// The customer, by Stripe's id.
    pub customer: CustomerId,
    /// Current country, for all history.
    pub country: Option<Arc<str>>,
    /// Current values of the configured metadata keys, for all history.
    pub metadata: BTreeMap<Arc<str>, Arc<str>>,
    /// First instant of MRR above 0.
    pub first_mrr_at: Option<UnixTime>,
}

/// A day on which a customer came (positive), or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The customer, by Stripe's id.
    pub customer: CustomerId,
    /// The accounting day on which the customer came or went.
    pub day: Day,
    /// Change of the count of paying customers, over all currencies.
    pub customers: i64,
}

/// Customers whose payments failed within a span of days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failing {
    /// Their changes by day of what is past due or set to cancel: of all who failed on `since` or later.
    pub rows: Vec<DayAmounts>,
    /// `None` where all of the span are here.
    pub since: Option<Day>,
}

/// What a customer began beside what it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BegunRow {
    /// The id of the ledger's customer.
    pub customer: CustomerId,
    /// The currency of the ledger it is of.
    pub currency: Currency,
    /// The accounting day it is booked on.
    pub day: Day,
    /// How much, in 10⁻⁶ of a minor unit.
    pub amount: Mrr,
}

impl From<&MovementRow> for LossRow {
    fn from(row: &MovementRow) -> Self {
        Self::from_movement(&row.customer, &row.movement)
    }
}

/// What stands at the cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandingRows {
    /// MRR of all customers, by currency; a currency in which anything ever changed is there, with 0 too.
    pub mrr: BTreeMap<Currency, Mrr>,
    /// As much of it as is of the customers that were named.
    pub of_named: BTreeMap<Currency, Mrr>,
    /// What is past due, by currency and customer; none of it is 0.
    pub at_risk: BTreeMap<(Currency, Arc<str>), Mrr>,
}

impl StandingRows {
    /// From changes by customer; `None` beyond what an amount holds.
    pub fn of_customers(rows: &[DayAmounts], named: &BTreeSet<&str>) -> Option<Self> {
        let mut standing = Self::default();
        for row in rows {
            let customer = row.group.as_deref().unwrap_or_default();
            let of_named = if named.contains(customer) { row.mrr } else { Mrr::ZERO };
            for (sums, amount) in [(&mut standing.mrr, row.mrr), (&mut standing.of_named, of_named)] {
                let sum = sums.entry(row.currency).or_default();
                *sum = sum.checked_add(amount)?;
            }
        }
        standing.add_at_risk(rows)?;
        Some(standing)
    }

    /// Adds what changes by customer say to be past due; `None` beyond what an amount holds.
    pub(crate) fn add_at_risk(&mut self, rows: &[DayAmounts]) -> Option<()> {
        for row in rows.iter().filter(|row| row.at_risk != Mrr::ZERO) {
            let sum = self.at_risk.entry((row.currency, row.group.clone().unwrap_or_default())).or_default();
            *sum = sum.checked_add(row.at_risk)?;
        }
        self.at_risk.retain(|_, sum| *sum != Mrr::ZERO);
        Some(())
    }
}

/// What alerts look at: the days of the whole, and customers only where there is something to tell of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DailyRows {
    /// By how much MRR changed on each day, by currency and group.
    pub amounts: Vec<DayAmounts>,
    /// By how much each count changed on each day, by currency.
    pub counts: Vec<DayCounts>,
    /// The days of customers who left lately.
    pub turns: Vec<Turn>,
    /// Changes by customer of what is past due or set to cancel, each customer's together.
    pub in_doubt: Vec<InDoubt>,
}

/// By how much what is past due or set to cancel changed on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InDoubt {
    /// The id of the ledger's customer.
    pub customer: CustomerId,
    /// The currency of the amounts.
    pub currency: Currency,
    /// The accounting day of the change.
    pub day: Day,
    /// Of what is past due.
    pub at_risk: Mrr,
    /// Of what is set to cancel.
    pub scheduled_churn: Mrr,
}

impl DailyRows {
    /// The first day on which anything changed in any currency.
    pub fn first_day(&self) -> Option<Day> {
        self.amounts.iter().map(|row| row.day).chain(self.counts.iter().map(|row| row.day)).min()
    }
}
