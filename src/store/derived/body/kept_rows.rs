//! Which of a customer's rows stay as they are when it is derived anew.

use super::columns::{COUNT, DELTA, MOVEMENT, PART, PROSPECT, QUALITY, SUBSCRIPTION, TRIAL};
use crate::{ledger::outcome::CustomerLedger, store::derived::sum::RowsOf};

/// How many rows of each table stand as they are, from a customer's first on. An event mostly adds rows after the others:
/// all else stays as it lies, on its pages and in its indices.
#[derive(Clone, Copy, Default)]
pub(super) struct Kept {
    pub(super) customer: usize,
    pub(super) deltas: usize,
    pub(super) counts: usize,
    pub(super) movements: usize,
    pub(super) subscriptions: usize,
    pub(super) quality: usize,
    pub(super) trials: usize,
    pub(super) prospects: usize,
}

impl Kept {
    pub(super) fn between(old: &CustomerLedger, new: &CustomerLedger) -> Self {
        // The clock stands in rows of every kind.
        if old.test_clock != new.test_clock {
            return Self::default();
        }
        let head = |of: &CustomerLedger| (of.country.clone(), of.first_mrr_at, of.metadata.clone());
        Self {
            customer: usize::from(head(old) == head(new)),
            deltas: shared(&old.deltas, &new.deltas),
            counts: shared(&old.counts, &new.counts),
            movements: shared(&old.movements, &new.movements),
            // In the order of their ids, not of time.
            subscriptions: if old.subscriptions == new.subscriptions { new.subscriptions.len() } else { 0 },
            quality: shared(&old.quality, &new.quality),
            trials: shared(&old.trials, &new.trials),
            prospects: shared(&old.prospects, &new.prospects),
        }
    }

    /// The rows that are summed by day and not kept.
    pub(super) fn tails<'l>(&self, of: &'l CustomerLedger) -> RowsOf<'l> {
        (&of.deltas[self.deltas..], &of.counts[self.counts..], &of.movements[self.movements..])
    }

    /// Of how many rows so many are kept, in the table of this name.
    pub(super) fn of_table(&self, table: &str, ledger: &CustomerLedger) -> (usize, usize) {
        match table {
            name if name == DELTA.name => (self.deltas, ledger.deltas.len()),
            name if name == COUNT.name => (self.counts, ledger.counts.len()),
            name if name == MOVEMENT.name || name == PART.name => (self.movements, ledger.movements.len()),
            name if name == SUBSCRIPTION.name => (self.subscriptions, ledger.subscriptions.len()),
            name if name == QUALITY.name => (self.quality, ledger.quality.len()),
            name if name == TRIAL.name => (self.trials, ledger.trials.len()),
            name if name == PROSPECT.name => (self.prospects, ledger.prospects.len()),
            _ => (self.customer, 1),
        }
    }
}

/// How many rows both begin with.
fn shared<T: PartialEq>(old: &[T], new: &[T]) -> usize {
    old.iter().zip(new).take_while(|(old, new)| old == new).count()
}
