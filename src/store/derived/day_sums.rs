//! What each accounting day changed, summed over customers: kept beside the rows, and moved as rows come and go.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    ProfileLedger,
    group_sums::{GroupSums, Traits},
    retention_sums::RetentionSums,
};
use crate::{
    event::CustomerKey,
    ledger::{
        ids::{AccountId, CustomerId, TestClockId},
        money::{Currency, Mrr},
        outcome::{CountDelta, CustomerLedger, Delta, Movement},
        retention,
        time::{Day, UnixTime},
    },
    store::{StoreError, errors::corrupt},
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

impl DayAmount {
    /// Of one row; `None` where an amount leaves 64 bits.
    pub(crate) fn of(delta: &Delta) -> Option<Self> {
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
    pub(crate) fn of(count: &CountDelta) -> Self {
        Self { items: 1, counts: [count.customers, count.subscriptions, count.trials] }
    }

    pub(crate) fn add(&mut self, other: &Self, rows: Rows) -> Option<()> {
        moved(&mut self.items, other.items, rows)?;
        self.counts.iter_mut().zip(other.counts).try_for_each(|(sum, by)| moved(sum, by, rows))
    }
}

impl DayMovement {
    /// Of one movement; `None` where its amount leaves 64 bits.
    pub(crate) fn of(amount: Mrr) -> Option<Self> {
        let amount = i64::try_from(amount.0).ok()?;
        Some(Self { items: 1, amount: (amount / MINOR, amount % MINOR) })
    }

    pub(crate) fn add(&mut self, other: &Self, rows: Rows) -> Option<()> {
        moved(&mut self.items, other.items, rows)?;
        moved(&mut self.amount.0, other.amount.0, rows)?;
        moved(&mut self.amount.1, other.amount.1, rows)
    }
}

/// Which movements: of which currency, day and kind, shown from which day (UTC, since 1970) on.
pub(crate) type MovementDay = (Currency, Day, &'static str, i64);

/// The sums of one ledger.
#[derive(Clone, Debug, Default)]
pub(crate) struct LedgerSums {
    pub(crate) amounts: BTreeMap<(Currency, Day), DayAmount>,
    pub(crate) counts: BTreeMap<(Option<Currency>, Day), DayCount>,
    pub(crate) movements: BTreeMap<MovementDay, DayMovement>,
    /// By month and group.
    pub(crate) groups: GroupSums,
    /// Of figures that look at customers one by one.
    pub(crate) retention: RetentionSums,
    /// What each customer pays, whatever is dated ahead included.
    pub(crate) customers: BTreeMap<(CustomerId, Currency), DayMovement>,
}

/// Rows of a customer: amounts, counts and movements.
pub(crate) type RowsOf<'r> = (&'r [Delta], &'r [CountDelta], &'r [Movement]);

/// A customer's ledger, and those of its rows that aren't kept as they are.
#[derive(Clone, Copy)]
pub(crate) struct Standing<'r> {
    pub(crate) ledger: &'r CustomerLedger,
    pub(crate) tails: RowsOf<'r>,
}

impl<'r> Standing<'r> {
    /// Nothing of it is kept.
    pub(crate) fn whole(ledger: &'r CustomerLedger) -> Self {
        Self { ledger, tails: (&ledger.deltas, &ledger.counts, &ledger.movements) }
    }
}

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
    fn add(
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
            DayAmount::of(delta).and_then(|row| day.add(&row, rows)).ok_or_else(beyond)?;
        }
        for count in counts {
            let day = sums.counts.entry((count.currency, count.day)).or_default();
            day.add(&DayCount::of(count), rows).ok_or_else(beyond)?;
        }
        // What is shown for a while only is looked for row by row: it is little.
        for movement in movements.iter().filter(|movement| movement.visible_until.is_none()) {
            let since = movement.visible_from.0.div_euclid(UnixTime::DAY_SECONDS);
            let of = (movement.currency, movement.day, movement.kind.as_str(), since);
            let day = sums.movements.entry(of).or_default();
            DayMovement::of(movement.amount).and_then(|row| day.add(&row, rows)).ok_or_else(beyond)?;
        }
        Ok(())
    }

    /// A customer whose rows become others: of the old ones and the new these, after those that stay as they are.
    pub(crate) fn change(
        &mut self,
        profile: &Arc<str>,
        key: &CustomerKey,
        old: Option<Standing<'_>>,
        new: Option<Standing<'_>>,
    ) -> Result<(), StoreError> {
        let beyond = || corrupt("summing groups", format!("{}: a sum is beyond a row", key.customer));
        let traits = [old, new].map(|one| one.map(|one| Traits::of(one.ledger)));
        // Whoever is of another country takes all rows there.
        let whole = traits[0] != traits[1];
        for ((one, traits), rows) in [old, new].into_iter().zip(&traits).zip([Rows::Taken, Rows::Written]) {
            let (Some(Standing { ledger, tails }), Some(traits)) = (one, traits) else { continue };
            let test_clock = ledger.test_clock.as_ref();
            self.add(profile, key, test_clock, tails, rows)?;
            let of = (profile.clone(), key.livemode, key.account.clone(), test_clock.cloned());
            let sums = self.0.entry(of).or_default();
            let grouped = if whole { (&*ledger.deltas, &*ledger.counts, &*ledger.movements) } else { tails };
            sums.groups.add(traits, grouped, rows).ok_or_else(beyond)?;
            for delta in tails.0 {
                let row = DayMovement::of(delta.mrr).ok_or_else(beyond)?;
                let stands = sums.customers.entry((key.customer.clone(), delta.currency)).or_default();
                stands.add(&row, rows).ok_or_else(beyond)?;
            }
            let share = retention::share(ledger, None).ok_or_else(beyond)?;
            sums.retention.add(&share, rows).ok_or_else(beyond)?;
        }
        Ok(())
    }

    /// All rows of a customer that is written where nothing of it was.
    pub fn add_whole(&mut self, key: &CustomerKey, derived: &[ProfileLedger]) -> Result<(), StoreError> {
        derived.iter().try_for_each(|ProfileLedger { profile, ledger }| {
            self.change(profile, key, None, Some(Standing::whole(ledger)))
        })
    }

    /// How many rows they come to.
    pub fn len(&self) -> usize {
        let by_day = |sums: &LedgerSums| sums.amounts.len() + sums.counts.len() + sums.movements.len();
        self.0.values().map(|sums| by_day(sums) + sums.groups.len() + sums.retention.len() + sums.customers.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
