//! What each accounting day adds to the figures that look at customers one by one, summed over customers
//! (`ledger::retention`): who is kept and who is lost, and what cohorts still pay. Moved as customers are.

use std::collections::BTreeMap;

use super::{
    reports::RetentionRows,
    sum::{MINOR, Rows, moved, moved_amount},
};
use crate::ledger::{
    cohorts::Month,
    money::{Currency, Mrr},
    retention::{self, Share},
    time::Day,
};

/// An amount in two numbers: whole minor units, and the rest in 10⁻⁶.
pub(crate) type Split = (i64, i64);

/// What a day adds in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LookedDay {
    /// Customers who add anything here.
    pub(crate) items: i64,
    pub(crate) amounts: [Split; retention::AMOUNTS],
    pub(crate) counts: [i64; retention::COUNTS],
}

/// What a day adds to a cohort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CohortDay {
    /// Customers who add anything here.
    pub(crate) items: i64,
    pub(crate) mrr: Split,
    pub(crate) active: i64,
    pub(crate) members: i64,
}

/// The sums of one ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RetentionSums {
    pub(crate) days: BTreeMap<(Currency, Day), LookedDay>,
    pub(crate) cohorts: BTreeMap<(Currency, Month, Day), CohortDay>,
}

/// Moves an amount in two numbers; `None` beyond 64 bits.
pub(super) fn move_split((minor, rest): &mut Split, Mrr(amount): Mrr, rows: Rows) -> Option<()> {
    moved(minor, i64::try_from(amount / i128::from(MINOR)).ok()?, rows)?;
    moved(rest, i64::try_from(amount % i128::from(MINOR)).ok()?, rows)
}

impl RetentionSums {
    /// A customer's share; `None` where a sum leaves 64 bits.
    pub(crate) fn add(&mut self, share: &Share, rows: Rows) -> Option<()> {
        for (of, looked) in &share.days {
            let day = self.days.entry(*of).or_default();
            moved(&mut day.items, 1, rows)?;
            for (sum, amount) in day.amounts.iter_mut().zip(looked.amounts) {
                move_split(sum, amount, rows)?;
            }
            for (sum, count) in day.counts.iter_mut().zip(looked.counts) {
                moved(sum, count, rows)?;
            }
        }
        for ((currency, day), aged) in &share.ages {
            let Some(cohort) = share.cohort else { continue };
            let sum = self.cohorts.entry((*currency, cohort, *day)).or_default();
            moved(&mut sum.items, 1, rows)?;
            move_split(&mut sum.mrr, aged.mrr, rows)?;
            moved(&mut sum.active, aged.active, rows)?;
            moved(&mut sum.members, aged.members, rows)?;
        }
        Some(())
    }

    pub(crate) fn len(&self) -> usize {
        self.days.len() + self.cohorts.len()
    }
}

impl RetentionRows {
    /// Adds a customer's share up to a day; `None` beyond what a sum holds.
    pub fn put(&mut self, share: &Share, cut_day: Day) -> Option<()> {
        self.add(share, Rows::Written, cut_day)
    }

    /// Takes a customer's share up to a day off; `None` beyond what a sum holds.
    pub fn take(&mut self, share: &Share, cut_day: Day) -> Option<()> {
        self.add(share, Rows::Taken, cut_day)
    }

    /// Adds a customer's share up to a day, or takes it off; `None` beyond what a sum holds.
    pub(crate) fn add(&mut self, share: &Share, rows: Rows, cut_day: Day) -> Option<()> {
        for (of, looked) in share.days.iter().filter(|((_, day), _)| *day <= cut_day) {
            let day = self.days.entry(*of).or_default();
            for (sum, amount) in day.amounts.iter_mut().zip(looked.amounts) {
                moved_amount(sum, amount, rows)?;
            }
            for (sum, count) in day.counts.iter_mut().zip(looked.counts) {
                moved(sum, count, rows)?;
            }
        }
        for ((currency, day), aged) in share.ages.iter().filter(|((_, day), _)| *day <= cut_day) {
            let Some(cohort) = share.cohort else { continue };
            let sum = self.cohorts.entry((*currency, cohort, *day)).or_default();
            moved_amount(&mut sum.mrr, aged.mrr, rows)?;
            moved(&mut sum.active, aged.active, rows)?;
            moved(&mut sum.members, aged.members, rows)?;
        }
        Some(())
    }
}
