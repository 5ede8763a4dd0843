//! Rows summed by accounting day, of which bridges are made.

use std::{collections::BTreeMap, sync::Arc};

use crate::ledger::{
    money::{Currency, Mrr},
    outcome::Kind,
    time::Day,
};

/// What days are summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowGroup {
    /// Nothing further: one row a currency and day.
    Whole,
    /// By product; rows of a price without one have no group.
    Product,
    /// By the id of the price.
    Price,
    /// By billing interval, such as `3 month`.
    Interval,
    /// The currency it is billed in.
    Currency,
    /// By the id of the ledger's customer.
    Customer,
    /// Why it moved: movements only.
    Cause,
}

/// A day's changes of amounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayAmounts {
    /// The currency of its amounts, the ledger's.
    pub currency: Currency,
    /// What it is summed by; `None` where that isn't known.
    pub group: Option<Arc<str>>,
    /// The accounting day of the ledger's zone.
    pub day: Day,
    /// Change of MRR, net of discounts.
    pub mrr: Mrr,
    /// Change of MRR before discounts.
    pub list: Mrr,
    /// Change of the share that rests on estimates.
    pub estimated: Mrr,
    /// Change of what is `past_due`.
    pub at_risk: Mrr,
    /// Change of what is set to cancel.
    pub scheduled_churn: Mrr,
}

impl DayAmounts {
    /// A row in which nothing changed.
    pub fn nothing(currency: Currency, group: Option<Arc<str>>, day: Day) -> Self {
        Self {
            currency,
            group,
            day,
            mrr: Mrr::ZERO,
            list: Mrr::ZERO,
            estimated: Mrr::ZERO,
            at_risk: Mrr::ZERO,
            scheduled_churn: Mrr::ZERO,
        }
    }
}

/// A day's changes of counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayCounts {
    /// `None` counts over all currencies.
    pub currency: Option<Currency>,
    /// What it is summed by.
    pub group: Option<Arc<str>>,
    /// The accounting day of the ledger's zone.
    pub day: Day,
    /// Change of the number of paying customers.
    pub customers: i64,
    /// Change of the number of subscriptions with MRR above 0.
    pub subscriptions: i64,
    /// Change of the number of subscriptions on trial.
    pub trials: i64,
}

/// A day's movements of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayLine {
    /// The currency of its amounts, the ledger's.
    pub currency: Currency,
    /// What it is summed by.
    pub group: Option<Arc<str>>,
    /// The accounting day the movement is booked on.
    pub day: Day,
    /// The kind of movements summed.
    pub kind: Kind,
    /// The sum of their amounts.
    pub amount: Mrr,
}

/// Everything a bridge is made of, read at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerRows {
    /// By how much MRR changed on each day, by currency and group.
    pub amounts: Vec<DayAmounts>,
    /// By how much each count changed on each day, by currency.
    pub counts: Vec<DayCounts>,
    /// What moved on each day, by kind.
    pub lines: Vec<DayLine>,
}

impl LedgerRows {
    /// Leaves out every other currency.
    pub fn keep_currency(&mut self, currency: Currency) {
        self.amounts.retain(|row| row.currency == currency);
        self.counts.retain(|row| row.currency.is_none_or(|of| of == currency));
        self.lines.retain(|row| row.currency == currency);
    }

    /// Sees to it that each currency has a row in no group.
    pub fn fill_currencies(&mut self) {
        let mut first: BTreeMap<Currency, Day> = BTreeMap::new();
        for row in &self.amounts {
            let day = first.entry(row.currency).or_insert(row.day);
            *day = row.day.min(*day);
        }
        self.amounts.extend(first.into_iter().map(|(currency, day)| DayAmounts::nothing(currency, None, day)));
    }

    /// Puts rows into the groups that `label` names; rows of one group add up.
    pub fn regroup(&mut self, label: impl Fn(&str) -> Option<Arc<str>>) {
        let groups = self.amounts.iter_mut().map(|row| &mut row.group);
        let groups = groups.chain(self.counts.iter_mut().map(|row| &mut row.group));
        for group in groups.chain(self.lines.iter_mut().map(|row| &mut row.group)) {
            *group = group.as_deref().and_then(&label);
        }
    }

    /// The same over all groups: a row a day. `None` beyond 128 bits.
    pub fn whole(&self) -> Option<Self> {
        let mut amounts: BTreeMap<(Currency, Day), DayAmounts> = BTreeMap::new();
        for row in &self.amounts {
            let nothing = || DayAmounts::nothing(row.currency, None, row.day);
            let sum = amounts.entry((row.currency, row.day)).or_insert_with(nothing);
            sum.mrr = sum.mrr.checked_add(row.mrr)?;
            sum.list = sum.list.checked_add(row.list)?;
            sum.estimated = sum.estimated.checked_add(row.estimated)?;
            sum.at_risk = sum.at_risk.checked_add(row.at_risk)?;
            sum.scheduled_churn = sum.scheduled_churn.checked_add(row.scheduled_churn)?;
        }
        let mut counts: BTreeMap<(Option<Currency>, Day), DayCounts> = BTreeMap::new();
        for row in &self.counts {
            let DayCounts { currency, day, .. } = *row;
            let nothing = DayCounts { currency, group: None, day, customers: 0, subscriptions: 0, trials: 0 };
            let sum = counts.entry((currency, day)).or_insert(nothing);
            sum.customers = sum.customers.checked_add(row.customers)?;
            sum.subscriptions = sum.subscriptions.checked_add(row.subscriptions)?;
            sum.trials = sum.trials.checked_add(row.trials)?;
        }
        let mut lines: BTreeMap<(Currency, Day, Kind), DayLine> = BTreeMap::new();
        for row in &self.lines {
            let DayLine { currency, day, kind, .. } = *row;
            let nothing = DayLine { currency, group: None, day, kind, amount: Mrr::ZERO };
            let sum = lines.entry((currency, day, kind)).or_insert(nothing);
            sum.amount = sum.amount.checked_add(row.amount)?;
        }
        Some(Self {
            amounts: amounts.into_values().collect(),
            counts: counts.into_values().collect(),
            lines: lines.into_values().collect(),
        })
    }

    /// The first day on which anything changed in any currency.
    pub fn first_day(&self) -> Option<Day> {
        let days = self.amounts.iter().map(|row| row.day);
        days.chain(self.counts.iter().map(|row| row.day)).chain(self.lines.iter().map(|row| row.day)).min()
    }
}
