//! How many customers lost something on each accounting day, summed over customers (`ledger::losses`): what alerts count. Moved
//! as customers are.

use std::collections::BTreeMap;

use super::sum::{Rows, moved};
use crate::ledger::{
    losses::{Loss, Lossy, LossyDay, Lost, SERIES},
    money::{Currency, Mrr},
    time::Day,
};

/// What a day's losses of a currency and magnitude count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LossSum {
    /// Customers who add anything here.
    pub(crate) items: i64,
    /// Customers.
    pub(crate) lossy: Lossy,
}

/// The sums of one ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LossSums(pub(crate) BTreeMap<LossyDay, LossSum>);

impl LossSums {
    /// A customer's days; `None` where a sum leaves 64 bits.
    pub(crate) fn add(&mut self, days: &BTreeMap<LossyDay, Lossy>, rows: Rows) -> Option<()> {
        for (of, lossy) in days {
            let sum = self.0.entry(*of).or_default();
            moved(&mut sum.items, 1, rows)?;
            add(&mut sum.lossy, lossy, rows)?;
        }
        Some(())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Moves counts by others; `None` where one leaves 64 bits.
pub(crate) fn add(sum: &mut Lossy, by: &Lossy, rows: Rows) -> Option<()> {
    for series in 0..SERIES {
        moved(&mut sum.churned[series], by.churned[series], rows)?;
    }
    moved(&mut sum.contracted, by.contracted, rows)?;
    moved(&mut sum.failing, by.failing, rows)
}

/// How many customers lost something, by currency, day and magnitude.
pub type LossyDays = BTreeMap<LossyDay, Lossy>;

/// Days from one to another, both among them.
pub type DaySpan = (Day, Day);

/// Whose losses are told one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LossesAsked {
    /// Spans of days of those who left.
    pub churned: Vec<DaySpan>,
    /// Of those who pay less and stay.
    pub contracted: Vec<DaySpan>,
    /// Of those whose payments began to fail.
    pub failing: Vec<DaySpan>,
    /// In these currencies losses from this amount on, on days of the span.
    pub large: Vec<(Currency, Mrr, DaySpan)>,
}

/// The losses asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LossesTold {
    /// Who left, in the order of days, instants and customers.
    pub churned: Vec<Lost>,
    /// Who pays less and stays, in the same order.
    pub contracted: Vec<Lost>,
    /// Whose payments began to fail, in the order of customers, currencies and days.
    pub failing: Vec<(Day, Loss)>,
    /// Those that are large, in the order of days, instants and customers.
    pub large: Vec<Lost>,
}
