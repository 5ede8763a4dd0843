//! Sums that rows are added to and taken off: what each is made of, and that none leaves its bounds unseen.

use crate::ledger::{
    money::Mrr,
    outcome::{CountDelta, CustomerLedger, Delta, Movement, Part, Side},
};

/// One minor unit, the seam at which sums are split.
pub(crate) const MINOR: i64 = 1_000_000;

/// Amounts of a row: MRR, list, estimated, at risk, set to cancel.
pub(crate) const AMOUNTS: usize = 5;

/// Rows of a customer: amounts, counts and movements.
pub(crate) type RowsOf<'r> = (&'r [Delta], &'r [CountDelta], &'r [Movement]);

/// Whether rows are written or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    Written,
    Taken,
}

/// Changes of one day in one currency. Each amount is two numbers, the sum of the rows' whole minor units and that of
/// their rests: a book in a small currency passes 64 bits within one day, these never do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DayAmount {
    /// How many rows are summed here: a sum of none is no row.
    pub(crate) items: i64,
    /// Whole minor units, and the rest in 10⁻⁶.
    pub(crate) amounts: [(i64, i64); AMOUNTS],
}

/// Changes of one day's counts; without a currency, over all currencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DayCount {
    /// How many rows are summed here: a sum of none is no row.
    pub(crate) items: i64,
    /// Paying customers, paying subscriptions, subscriptions on trial.
    pub(crate) counts: [i64; 3],
}

/// Amounts of a day's movements of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DayMovement {
    /// How many rows are summed here: a sum of none is no row.
    pub(crate) items: i64,
    /// Whole minor units, and the rest in 10⁻⁶.
    pub(crate) amount: (i64, i64),
}

impl DayAmount {
    /// Of one row; `None` where an amount leaves 64 bits.
    pub(crate) fn from_delta(delta: &Delta) -> Option<Self> {
        let amounts = [delta.mrr, delta.list, delta.estimated, delta.at_risk, delta.scheduled_churn];
        let mut one = Self { items: 1, ..Self::default() };
        for ((minor, rest), Mrr(amount)) in one.amounts.iter_mut().zip(amounts) {
            let amount = i64::try_from(amount).ok()?;
            (*minor, *rest) = (amount / MINOR, amount % MINOR);
        }
        Some(one)
    }

    pub(crate) fn add(&mut self, other: &Self, rows: Rows) -> Option<()> {
        moved(&mut self.items, other.items, rows)?;
        for ((minor, rest), (by, rest_by)) in self.amounts.iter_mut().zip(other.amounts) {
            moved(minor, by, rows)?;
            moved(rest, rest_by, rows)?;
        }
        Some(())
    }
}

impl DayCount {
    /// Of one row.
    pub(crate) fn from_delta(count: &CountDelta) -> Self {
        Self { items: 1, counts: [count.customers, count.subscriptions, count.trials] }
    }

    pub(crate) fn add(&mut self, other: &Self, rows: Rows) -> Option<()> {
        moved(&mut self.items, other.items, rows)?;
        self.counts.iter_mut().zip(other.counts).try_for_each(|(sum, by)| moved(sum, by, rows))
    }
}

impl DayMovement {
    /// Of one movement; `None` where its amount leaves 64 bits.
    pub(crate) fn from_amount(amount: Mrr) -> Option<Self> {
        let amount = i64::try_from(amount.0).ok()?;
        Some(Self { items: 1, amount: (amount / MINOR, amount % MINOR) })
    }

    pub(crate) fn add(&mut self, other: &Self, rows: Rows) -> Option<()> {
        moved(&mut self.items, other.items, rows)?;
        moved(&mut self.amount.0, other.amount.0, rows)?;
        moved(&mut self.amount.1, other.amount.1, rows)
    }
}

/// Moves a sum by a row's number; `None` beyond 64 bits.
pub(crate) fn moved(sum: &mut i64, by: i64, rows: Rows) -> Option<()> {
    *sum = match rows {
        Rows::Written => sum.checked_add(by)?,
        Rows::Taken => sum.checked_sub(by)?,
    };
    Some(())
}

/// The same of an amount; `None` beyond 128 bits.
pub(crate) fn moved_amount(sum: &mut Mrr, by: Mrr, rows: Rows) -> Option<()> {
    *sum = match rows {
        Rows::Written => sum.checked_add(by)?,
        Rows::Taken => sum.checked_sub(by)?,
    };
    Some(())
}

/// Refuses amounts beyond what a row holds: 9.2 million million minor units in one item or movement.
pub(crate) fn amounts_fit(ledger: &CustomerLedger) -> Result<(), Mrr> {
    let of_delta = |row: &Delta| [row.mrr, row.list, row.estimated, row.at_risk, row.scheduled_churn];
    let of_part = |part: &Part| {
        let side = |side: &Option<Side>| side.as_ref().map_or(Mrr::ZERO, |side| side.amount);
        [part.amount, side(&part.before), side(&part.after)]
    };
    let all = ledger
        .deltas
        .iter()
        .flat_map(of_delta)
        .chain(ledger.movements.iter().flat_map(|row| [row.amount, row.before, row.after]))
        .chain(ledger.movements.iter().flat_map(|row| row.parts.iter().flat_map(of_part)))
        .chain(ledger.subscriptions.iter().map(|row| row.mrr))
        .chain(ledger.prospects.iter().filter_map(|row| row.amount));
    match all.into_iter().find(|amount| i64::try_from(amount.0).is_err()) {
        Some(beyond) => Err(beyond),
        None => Ok(()),
    }
}
