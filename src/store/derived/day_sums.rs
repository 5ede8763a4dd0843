//! What each accounting day changed, summed over customers: kept beside the rows, and moved as rows come and go.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Filled, ProfileLedger,
    digests::KeptDigest,
    group_sums::{GroupSums, Traits},
    lasting_sums::LastingSums,
    loss_sums::LossSums,
    retention_sums::RetentionSums,
    sum::{DayAmount, DayCount, DayMovement, Rows, RowsOf},
};
use crate::{
    event::CustomerKey,
    ledger::{
        ids::{AccountId, CustomerId, TestClockId},
        lasting, losses,
        money::Currency,
        outcome::CustomerLedger,
        retention,
        time::{Day, UnixTime},
    },
    store::{StoreError, errors::corrupt},
};

/// A ledger whose days are summed: the profile, `livemode`, the account, the test clock.
pub(crate) type SumsOf = (Arc<str>, bool, Option<AccountId>, Option<TestClockId>);

/// Which movements: of which currency, day and kind, shown from which day (UTC, since 1970) on.
pub(crate) type MovementDay = (Currency, Day, &'static str, i64);

/// The sums of one ledger.
#[derive(Clone, Debug, Default)]
pub(crate) struct LedgerSums {
    pub(crate) amounts: BTreeMap<(Currency, Day), DayAmount>,
    pub(crate) counts: BTreeMap<(Option<Currency>, Day), DayCount>,
    pub(crate) movements: BTreeMap<MovementDay, DayMovement>,
    pub(crate) groups: GroupSums,
    /// Of figures that look at customers one by one.
    pub(crate) retention: RetentionSums,
    /// Of what alerts count.
    pub(crate) losses: LossSums,
    /// Of how long expansion lasts.
    pub(crate) lasting: LastingSums,
    /// What each customer pays, whatever is dated ahead included.
    pub(crate) customers: BTreeMap<(CustomerId, Currency), DayMovement>,
    /// What each customer's rows come to now, and not by how much it moves; without an item, that it has none any more.
    pub(crate) digests: BTreeMap<CustomerId, KeptDigest>,
}

/// A customer's ledger, and those of its rows that aren't kept as they are.
#[derive(Clone, Copy)]
pub(crate) struct Standing<'r> {
    pub(crate) ledger: &'r CustomerLedger,
    pub(crate) tails: RowsOf<'r>,
    /// Of the whole ledger, where it is known already.
    pub(crate) digest: Option<KeptDigest>,
}

impl<'r> Standing<'r> {
    /// Nothing of it is kept.
    pub(crate) fn whole(ledger: &'r CustomerLedger) -> Self {
        Self { ledger, tails: (&ledger.deltas, &ledger.counts, &ledger.movements), digest: None }
    }

    /// Whether `retention::share`, `losses::of_customer` and `lasting::lasting` are the same of both: none of the rows that they read differ.
    fn has_share_of(&self, new: &Self) -> bool {
        let is_kept =
            |(deltas, counts, movements): RowsOf<'_>| deltas.is_empty() && counts.is_empty() && movements.is_empty();
        let (old_customer, new_customer) = (self.ledger, new.ledger);
        is_kept(self.tails)
            && is_kept(new.tails)
            && old_customer.test_clock == new_customer.test_clock
            && old_customer.first_mrr_at == new_customer.first_mrr_at
    }
}

/// Changes to the sums of a generation. In the order of their keys, which is that in which several processes take the
/// rows they share.
#[derive(Clone, Debug, Default)]
pub struct DaySums(pub(crate) BTreeMap<SumsOf, LedgerSums>);

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
            DayAmount::from_delta(delta).and_then(|row| day.add(&row, rows)).ok_or_else(beyond)?;
        }
        for count in counts {
            let day = sums.counts.entry((count.currency, count.day)).or_default();
            day.add(&DayCount::from_delta(count), rows).ok_or_else(beyond)?;
        }
        // What is shown for a while only is looked for row by row: it is little.
        for movement in movements.iter().filter(|movement| movement.visible_until.is_none()) {
            let since = movement.visible_from.0.div_euclid(UnixTime::DAY_SECONDS);
            let of = (movement.currency, movement.day, movement.kind.as_str(), since);
            let day = sums.movements.entry(of).or_default();
            DayMovement::from_amount(movement.amount).and_then(|row| day.add(&row, rows)).ok_or_else(beyond)?;
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
        if let (Some(old), Some(new)) = (old, new)
            && old.ledger == new.ledger
        {
            return Ok(());
        }
        self.change_shared(profile, key, old, new)?;
        for (one, rows) in [old, new].into_iter().zip([Rows::Taken, Rows::Written]) {
            if let Some(standing) = one {
                self.change_own(profile, key, standing, rows)?;
            }
        }
        Ok(())
    }

    /// What it moves of the sums that customers share.
    fn change_shared(
        &mut self,
        profile: &Arc<str>,
        key: &CustomerKey,
        old: Option<Standing<'_>>,
        new: Option<Standing<'_>>,
    ) -> Result<(), StoreError> {
        let beyond = || beyond_a_row(key);
        // Its share follows from these rows alone, and is dearer than all else here where there are many.
        let moves_share = !matches!((old, new), (Some(old), Some(new)) if old.has_share_of(&new));
        let traits = [old, new].map(|one| one.map(|one| Traits::from_ledger(one.ledger)));
        // Whoever is of another country takes all rows there.
        let whole = traits[0] != traits[1];
        for ((one, traits), rows) in [old, new].into_iter().zip(&traits).zip([Rows::Taken, Rows::Written]) {
            let (Some(Standing { ledger, tails, .. }), Some(traits)) = (one, traits) else { continue };
            self.add(profile, key, ledger.test_clock.as_ref(), tails, rows)?;
            let sums = self.of(profile, key, ledger);
            let grouped = if whole { (&*ledger.deltas, &*ledger.counts, &*ledger.movements) } else { tails };
            sums.groups.add(traits, grouped, rows).ok_or_else(beyond)?;
            if moves_share {
                let share = retention::share(ledger, None).ok_or_else(beyond)?;
                sums.retention.add(&share, rows).ok_or_else(beyond)?;
                let lost = losses::of_customer(&key.customer, ledger, None, None).ok_or_else(beyond)?;
                sums.losses.add(&lost.days(), rows).ok_or_else(beyond)?;
                let lasting = lasting::lasting(ledger, None).ok_or_else(beyond)?;
                sums.lasting.add(&lasting, rows).ok_or_else(beyond)?;
            }
        }
        Ok(())
    }

    /// What it moves of the sums that are its own.
    fn change_own(
        &mut self,
        profile: &Arc<str>,
        key: &CustomerKey,
        Standing { ledger, tails, digest }: Standing<'_>,
        rows: Rows,
    ) -> Result<(), StoreError> {
        let sums = self.of(profile, key, ledger);
        for delta in tails.0 {
            let row = DayMovement::from_amount(delta.mrr).ok_or_else(|| beyond_a_row(key))?;
            let stands = sums.customers.entry((key.customer.clone(), delta.currency)).or_default();
            stands.add(&row, rows).ok_or_else(|| beyond_a_row(key))?;
        }
        let digest = match (rows, digest) {
            (Rows::Written, Some(digest)) => digest,
            (Rows::Written, None) => KeptDigest::from_ledger(ledger)?,
            (Rows::Taken, _) => KeptDigest::default(),
        };
        sums.digests.insert(key.customer.clone(), digest);
        Ok(())
    }

    fn of(&mut self, profile: &Arc<str>, key: &CustomerKey, ledger: &CustomerLedger) -> &mut LedgerSums {
        self.0.entry((profile.clone(), key.livemode, key.account.clone(), ledger.test_clock.clone())).or_default()
    }

    /// All rows of a customer that is written where nothing of it was, without what is its own: [`DaySums::own_of`].
    pub fn add_shared(&mut self, one: &Filled) -> Result<(), StoreError> {
        one.derived.iter().try_for_each(|ProfileLedger { profile, ledger }| {
            self.change_shared(profile, &one.key, None, Some(Standing::whole(ledger)))
        })
    }

    /// The same taken back: the customer could not be written.
    pub fn take_shared(&mut self, one: &Filled) -> Result<(), StoreError> {
        one.derived.iter().try_for_each(|ProfileLedger { profile, ledger }| {
            self.change_shared(profile, &one.key, Some(Standing::whole(ledger)), None)
        })
    }

    /// The sums of customers that are written where nothing of them was which nobody else adds to.
    pub(crate) fn own_of(batch: &[Filled]) -> Result<Self, StoreError> {
        let mut own = Self::default();
        for one in batch {
            for ProfileLedger { profile, ledger } in &one.derived {
                own.change_own(profile, &one.key, Standing::whole(ledger), Rows::Written)?;
            }
        }
        Ok(own)
    }

    /// How many rows they come to.
    pub fn len(&self) -> usize {
        let by_day = |sums: &LedgerSums| sums.amounts.len() + sums.counts.len() + sums.movements.len();
        let by_customer = |sums: &LedgerSums| sums.customers.len() + sums.digests.len();
        let of_people = |sums: &LedgerSums| sums.retention.len() + sums.losses.len() + sums.lasting.len();
        self.0.values().map(|sums| by_day(sums) + sums.groups.len() + of_people(sums) + by_customer(sums)).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn beyond_a_row(key: &CustomerKey) -> StoreError {
    corrupt("summing groups", format!("{}: a sum is beyond a row", key.customer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{
        money::Mrr,
        outcome::{CountDelta, Delta, Kind, Movement},
    };

    #[test]
    fn what_is_taken_back_leaves_the_sums_of_the_others() {
        let (at, day, currency) = (UnixTime(1_760_000_000), "2025-10-09".parse().unwrap(), "usd".parse().unwrap());
        let customer = |name: &str, amount: i128| {
            let mrr = Mrr(amount * 1_000_000);
            let (list, estimated, at_risk, scheduled_churn) = (mrr, Mrr::ZERO, Mrr::ZERO, Mrr::ZERO);
            let (subscription, item, price) = ("sub_1".into(), "si_1".into(), "price_1".into());
            let (product, interval) = (None, None);
            let delta = Delta {
                at,
                day,
                currency,
                subscription,
                item,
                product,
                price,
                interval,
                mrr,
                list,
                estimated,
                at_risk,
                scheduled_churn,
            };
            let count = CountDelta { at, day, currency: Some(currency), customers: 1, subscriptions: 1, trials: 0 };
            let movement = Movement {
                currency,
                day,
                window: at,
                effective_at: at,
                kind: Kind::New,
                amount: mrr,
                before: Mrr::ZERO,
                after: mrr,
                visible_from: at,
                visible_until: None,
                parts: Vec::new(),
            };
            let ledger = CustomerLedger {
                country: Some("DE".into()),
                first_mrr_at: Some(at),
                deltas: vec![delta],
                counts: vec![count],
                movements: vec![movement],
                ..CustomerLedger::default()
            };
            let key = CustomerKey { livemode: true, account: None, customer: name.into() };
            Filled { key, references: Vec::new(), derived: vec![ProfileLedger { profile: "default".into(), ledger }] }
        };
        let (one, other) = (customer("cus_1", 1_900), customer("cus_2", 4_900));
        let (mut sums, mut alone) = (DaySums::default(), DaySums::default());
        let add = |sums: &mut DaySums, Filled { key, derived, .. }: &Filled| {
            sums.change(&derived[0].profile, key, None, Some(Standing::whole(&derived[0].ledger))).unwrap();
        };
        add(&mut sums, &one);
        add(&mut sums, &other);
        sums.change(&one.derived[0].profile, &one.key, Some(Standing::whole(&one.derived[0].ledger)), None).unwrap();
        add(&mut alone, &other);
        // What a fill writes beside each other is what is moved as one.
        let mut filled = DaySums::own_of(std::slice::from_ref(&other)).unwrap();
        filled.add_shared(&one).unwrap();
        filled.add_shared(&other).unwrap();
        filled.take_shared(&one).unwrap();
        let filled = filled.0.values().next().unwrap().clone();
        let (sums, alone) = (sums.0.values().next().unwrap(), alone.0.values().next().unwrap());
        assert_eq!((&sums.amounts, &sums.counts), (&alone.amounts, &alone.counts));
        assert_eq!((&sums.movements, &sums.retention), (&alone.movements, &alone.retention));
        assert_eq!((&sums.losses, &sums.lasting), (&alone.losses, &alone.lasting));
        let kept: Vec<_> = sums.digests.iter().filter(|(_, digest)| **digest != KeptDigest::default()).collect();
        assert_eq!(kept, alone.digests.iter().collect::<Vec<_>>());
        let kept: Vec<_> = sums.customers.iter().filter(|(_, row)| **row != DayMovement::default()).collect();
        assert_eq!(kept, alone.customers.iter().collect::<Vec<_>>());
        assert_eq!(
            (&filled.amounts, &filled.counts, &filled.movements),
            (&alone.amounts, &alone.counts, &alone.movements)
        );
        assert_eq!((&filled.customers, &filled.digests), (&alone.customers, &alone.digests));
    }
}
