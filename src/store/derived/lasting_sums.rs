//! What customers expanded by in each month and what they hold of it later, summed over customers (`ledger::lasting`). Moved as
//! customers are.

use std::collections::BTreeMap;

use super::{
    retention_sums::{Split, move_split},
    sum::{Rows, moved, moved_amount},
};
use crate::ledger::{
    durability::AGES,
    lasting::{LastingMonth, LastingMonths},
};

/// What a month's expansion comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LastingSum {
    /// Customers who expanded: none left, no row.
    pub(crate) items: i64,
    pub(crate) expansion: Split,
    pub(crate) held: [Split; AGES.len()],
}

/// The sums of one ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LastingSums(pub(crate) BTreeMap<LastingMonth, LastingSum>);

impl LastingSums {
    /// A customer's months; `None` where a sum leaves 64 bits.
    pub(crate) fn add(&mut self, months: &LastingMonths, rows: Rows) -> Option<()> {
        for (of, one) in months {
            let sum = self.0.entry(*of).or_default();
            moved(&mut sum.items, one.customers, rows)?;
            move_split(&mut sum.expansion, one.expansion, rows)?;
            for (sum, held) in sum.held.iter_mut().zip(one.held) {
                move_split(sum, held, rows)?;
            }
        }
        Some(())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Adds a customer's months to those read, or takes them off; `None` beyond what a sum holds.
pub(crate) fn add(all: &mut LastingMonths, months: &LastingMonths, rows: Rows) -> Option<()> {
    for (of, one) in months {
        let sum = all.entry(*of).or_default();
        moved(&mut sum.customers, one.customers, rows)?;
        moved_amount(&mut sum.expansion, one.expansion, rows)?;
        for (sum, held) in sum.held.iter_mut().zip(one.held) {
            moved_amount(sum, held, rows)?;
        }
    }
    Some(())
}
