//! Months by group as they are summed for one question: rows are added to them, and taken off again.

use std::collections::BTreeMap;

use crate::{
    ledger::{
        money::{Currency, Mrr},
        outcome::Kind,
        time::Day,
    },
    store::{
        StoreError,
        derived::{
            group_sums::Group,
            reports::*,
            sum::{Rows, moved, moved_amount},
        },
        errors::corrupt,
    },
};

const DOING: &str = "reading the ledger";

/// Sums of months up to a cut, being corrected.
#[derive(Clone, Default)]
pub(super) struct Months {
    amounts: BTreeMap<(Currency, Group, Day), DayAmounts>,
    counts: BTreeMap<(Currency, Group, Day), DayCounts>,
    lines: BTreeMap<(Currency, Group, Day, Kind), DayLine>,
}

fn beyond() -> StoreError {
    corrupt(DOING, "the sum of a group is beyond what is held")
}

impl Months {
    pub(super) fn amounts(&mut self, row: DayAmounts, rows: Rows) -> Result<(), StoreError> {
        let nothing = DayAmounts::nothing(row.currency, row.group.clone(), row.day);
        let sum = self.amounts.entry((row.currency, row.group.clone(), row.day)).or_insert(nothing);
        moved_amount(&mut sum.mrr, row.mrr, rows).ok_or_else(beyond)?;
        moved_amount(&mut sum.list, row.list, rows).ok_or_else(beyond)?;
        moved_amount(&mut sum.estimated, row.estimated, rows).ok_or_else(beyond)?;
        moved_amount(&mut sum.at_risk, row.at_risk, rows).ok_or_else(beyond)?;
        moved_amount(&mut sum.scheduled_churn, row.scheduled_churn, rows).ok_or_else(beyond)
    }

    /// Over all currencies there are no groups: such a row counts in none.
    pub(super) fn counts(&mut self, row: DayCounts, rows: Rows) -> Result<(), StoreError> {
        let Some(currency) = row.currency else { return Ok(()) };
        let nothing = DayCounts { customers: 0, subscriptions: 0, trials: 0, ..row.clone() };
        let sum = self.counts.entry((currency, row.group.clone(), row.day)).or_insert(nothing);
        moved(&mut sum.customers, row.customers, rows).ok_or_else(beyond)?;
        moved(&mut sum.subscriptions, row.subscriptions, rows).ok_or_else(beyond)?;
        moved(&mut sum.trials, row.trials, rows).ok_or_else(beyond)
    }

    pub(super) fn line(&mut self, row: DayLine, rows: Rows) -> Result<(), StoreError> {
        let nothing = DayLine { amount: Mrr::ZERO, ..row.clone() };
        let sum = self.lines.entry((row.currency, row.group.clone(), row.day, row.kind)).or_insert(nothing);
        moved_amount(&mut sum.amount, row.amount, rows).ok_or_else(beyond)
    }

    /// Moves what has no group by all that `others` hold, in whatever group.
    pub(super) fn without_group(&mut self, others: Self, rows: Rows) -> Result<(), StoreError> {
        for row in others.amounts.into_values() {
            self.amounts(DayAmounts { group: None, ..row }, rows)?;
        }
        for row in others.counts.into_values() {
            self.counts(DayCounts { group: None, ..row }, rows)?;
        }
        for row in others.lines.into_values() {
            self.line(DayLine { group: None, ..row }, rows)?;
        }
        Ok(())
    }

    /// The rows, in the order of currency, group and month.
    pub(super) fn into_rows(self) -> LedgerRows {
        LedgerRows {
            amounts: self.amounts.into_values().collect(),
            counts: self.counts.into_values().collect(),
            lines: self.lines.into_values().collect(),
        }
    }
}
