//! Durability by month: what customers expanded by in a month, and what they hold of it later (rule `durability`).

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    durability::{AGES, Expansion, by_rollup},
    money::{Currency, Mrr},
    month::Month,
    outcome::{CustomerLedger, Movement, Rollup},
    retention::days_after,
    time::UnixTime,
};

/// What customers expanded by in a month, and what they hold of it later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lasting {
    /// How many customers expanded.
    pub customers: i64,
    /// By how much.
    pub expansion: Mrr,
    /// What is held of it at the end of the day that comes each of [`AGES`] after the month's last.
    pub held: [Mrr; AGES.len()],
}

/// Of which currency and month, and by which group of causes; `None` over all of them.
pub type LastingMonth = (Currency, Month, Option<Rollup>);

/// Months with what customers hold of their expansions.
pub type LastingMonths = BTreeMap<LastingMonth, Lasting>;

/// Adds one customer's expansions in a currency to the months they fall into; `counted` are the groups in which the customer is
/// counted already. `None` where a sum passes its bits.
pub fn add_lasting(
    months: &mut LastingMonths,
    counted: &mut BTreeSet<LastingMonth>,
    currency: Currency,
    all: impl IntoIterator<Item = Expansion<Rollup>>,
) -> Option<()> {
    for one in all {
        let month = Month::of(one.day);
        let held = AGES.map(|days| one.held(days_after(month.last(), days)));
        for rollup in [None, Some(one.tag)] {
            let of = (currency, month, rollup);
            let sum = months.entry(of).or_default();
            sum.expansion = sum.expansion.checked_add(one.amount)?;
            for (sum, held) in sum.held.iter_mut().zip(held) {
                *sum = sum.checked_add(held)?;
            }
            if counted.insert(of) {
                sum.customers = sum.customers.checked_add(1)?;
            }
        }
    }
    Some(())
}

/// What one customer adds to each month, from all its rows that last, or (`cut`) from those that are shown at an instant. `None`
/// where a sum passes its bits.
pub fn lasting(ledger: &CustomerLedger, cut: Option<UnixTime>) -> Option<LastingMonths> {
    let shown = |row: &&Movement| match cut {
        None => row.visible_until.is_none(),
        Some(cut) => row.visible_from <= cut && row.visible_until.is_none_or(|until| until > cut),
    };
    let (mut months, mut counted) = (LastingMonths::new(), BTreeSet::new());
    for (currency, all) in by_rollup(ledger.movements.iter().filter(shown)) {
        add_lasting(&mut months, &mut counted, currency, all)?;
    }
    Some(months)
}
