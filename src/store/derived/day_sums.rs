//! What each accounting day changed, summed over customers: kept beside the rows, and moved as rows come and go.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    event::CustomerKey,
    ledger::{
        ids::{AccountId, TestClockId},
        money::{Currency, Mrr},
        outcome::{CountDelta, CustomerLedger, Delta, Movement},
        time::{Day, UnixTime},
    },
    store::{StoreError, derived::ProfileLedger, errors::corrupt},
};

/// One minor unit, the seam at which sums are split.
pub(crate) const MINOR: i64 = 1_000_000;

/// Amounts of a row: MRR, list, estimated, at risk, set to cancel.
pub(crate) const AMOUNTS: usize = 5;

/// A ledger whose days are summed: the profile, `livemode`, the account, the test clock.
pub(crate) type SumsOf = (Arc<str>, bool, Option<AccountId>, Option<TestClockId>);

/// Changes of one day in one currency. Each amount is two numbers, the sum of the rows' whole minor units and that of
/// their rests: a book in a small currency passes 64 bits within one day, these never do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DayAmount {
    /// Rows summed here.
    pub(crate) items: i64,
    /// Whole minor units, and the rest in 10⁻⁶.
    pub(crate) amounts: [(i64, i64); AMOUNTS],
}

/// Changes of one day's counts; without a currency, over all currencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DayCount {
    /// Rows summed here.
    pub(crate) items: i64,
    /// Customers, subscriptions, trials.
    pub(crate) counts: [i64; 3],
}

/// Amounts of a day's movements of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DayMovement {
    /// Rows summed here.
    pub(crate) items: i64,
    /// Whole minor units, and the rest in 10⁻⁶.
    pub(crate) amount: (i64, i64),
}

/// Which movements: of which currency, day and kind, shown from which day (UTC, since 1970) on.
pub(crate) type MovementDay = (Currency, Day, &'static str, i64);

/// The sums of one ledger.
#[derive(Clone, Debug, Default)]
pub(crate) struct LedgerSums {
    pub(crate) amounts: BTreeMap<(Currency, Day), DayAmount>,
    pub(crate) counts: BTreeMap<(Option<Currency>, Day), DayCount>,
    pub(crate) movements: BTreeMap<MovementDay, DayMovement>,
}

/// Rows of a customer: amounts, counts and movements.
pub(crate) type RowsOf<'r> = (&'r [Delta], &'r [CountDelta], &'r [Movement]);

/// Changes to the sums of a generation. In the order of their keys, which is that in which several processes take the
/// rows they share.
#[derive(Clone, Debug, Default)]
pub struct DaySums(pub(crate) BTreeMap<SumsOf, LedgerSums>);

/// Whether rows are written or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    Written,
    Taken,
}

impl DaySums {
    /// Rows of a customer. Errors where a sum leaves 64 bits, which some 10⁶ rows at the most that one holds would.
    pub(crate) fn add(
        &mut self,
        profile: &Arc<str>,
        key: &CustomerKey,
        test_clock: Option<&TestClockId>,
        (deltas, counts, movements): RowsOf<'_>,
        rows: Rows,
    ) -> Result<(), StoreError> {
        if deltas.is_empty() && counts.is_empty() && movements.is_empty() {
            return Ok(());
        }
        let of = (profile.clone(), key.livemode, key.account.clone(), test_clock.cloned());
        let sums = self.0.entry(of).or_default();
        let beyond = || corrupt("summing days", format!("{}: a day's sum is beyond a row", key.customer));
        for delta in deltas {
            let day = sums.amounts.entry((delta.currency, delta.day)).or_default();
            let amounts = [delta.mrr, delta.list, delta.estimated, delta.at_risk, delta.scheduled_churn];
            let mut add = || -> Option<()> {
                moved(&mut day.items, 1, rows)?;
                for ((minor, rest), Mrr(amount)) in day.amounts.iter_mut().zip(amounts) {
                    let amount = i64::try_from(amount).ok()?;
                    moved(minor, amount / MINOR, rows)?;
                    moved(rest, amount % MINOR, rows)?;
                }
                Some(())
            };
            add().ok_or_else(beyond)?;
        }
        for count in counts {
            let day = sums.counts.entry((count.currency, count.day)).or_default();
            let mut add = || -> Option<()> {
                moved(&mut day.items, 1, rows)?;
                let changes = [count.customers, count.subscriptions, count.trials];
                day.counts.iter_mut().zip(changes).try_for_each(|(sum, change)| moved(sum, change, rows))
            };
            add().ok_or_else(beyond)?;
        }
        // What is shown for a while only is looked for row by row: it is little.
        for movement in movements.iter().filter(|movement| movement.visible_until.is_none()) {
            let since = movement.visible_from.0.div_euclid(UnixTime::DAY_SECONDS);
            let of = (movement.currency, movement.day, movement.kind.as_str(), since);
            let DayMovement { items, amount: (minor, rest) } = sums.movements.entry(of).or_default();
            let mut add = || -> Option<()> {
                let amount = i64::try_from(movement.amount.0).ok()?;
                moved(items, 1, rows)?;
                moved(minor, amount / MINOR, rows)?;
                moved(rest, amount % MINOR, rows)
            };
            add().ok_or_else(beyond)?;
        }
        Ok(())
    }

    /// All rows of a customer that is written where nothing of it was.
    pub fn add_whole(&mut self, key: &CustomerKey, derived: &[ProfileLedger]) -> Result<(), StoreError> {
        derived.iter().try_for_each(|ProfileLedger { profile, ledger }| {
            let CustomerLedger { test_clock, deltas, counts, movements, .. } = ledger;
            self.add(profile, key, test_clock.as_ref(), (deltas, counts, movements), Rows::Written)
        })
    }

    /// How many rows they come to.
    pub fn len(&self) -> usize {
        self.0.values().map(|sums| sums.amounts.len() + sums.counts.len() + sums.movements.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Moves a sum by a row's number; `None` beyond 64 bits.
fn moved(sum: &mut i64, by: i64, rows: Rows) -> Option<()> {
    *sum = match rows {
        Rows::Written => sum.checked_add(by)?,
        Rows::Taken => sum.checked_sub(by)?,
    };
    Some(())
}
