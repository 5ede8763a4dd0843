//! Rows from ledgers held in memory: what the store sums in SQL, for answers as known at an earlier point of the log.

use std::{collections::BTreeMap, sync::Arc};

use super::{ReportError, rows::*};
use crate::{
    ledger::{
        money::{Currency, Mrr},
        outcome::{CustomerLedger, Delta, Kind, Movement, Part},
        time::Day,
    },
    store::CustomerKey,
};

/// All customers of one profile, as derived from a prefix of the log.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// In order of their keys.
    pub customers: Vec<(CustomerKey, CustomerLedger)>,
}

impl Memory {
    /// The customers a scope asks for.
    fn of<'a>(&'a self, scope: &'a Scope) -> impl Iterator<Item = (&'a CustomerKey, &'a CustomerLedger)> {
        self.customers.iter().map(|(key, ledger)| (key, ledger)).filter(move |(key, ledger)| {
            key.livemode == scope.livemode
                && ledger.test_clock == scope.test_clock
                && match &scope.account {
                    AccountScope::All => true,
                    AccountScope::One(account) => key.account == *account,
                }
        })
    }

    /// Whether any customer is live.
    pub fn saw_live(&self) -> bool {
        self.customers.iter().any(|(key, _)| key.livemode)
    }

    /// What a bridge is made of.
    pub fn ledger_rows(&self, scope: &Scope, group: RowGroup) -> Result<LedgerRows, ReportError> {
        let mut amounts: BTreeMap<(Currency, Option<Arc<str>>, Day), [Mrr; 5]> = BTreeMap::new();
        let mut counts: BTreeMap<(Option<Currency>, Option<Arc<str>>, Day), [i64; 3]> = BTreeMap::new();
        let mut lines: BTreeMap<(Currency, Option<Arc<str>>, Day, Kind), Mrr> = BTreeMap::new();
        for (key, ledger) in self.of(scope) {
            let who = || Arc::<str>::from(key.customer.as_str());
            if group != RowGroup::Cause {
                for delta in ledger.deltas.iter().filter(|delta| delta.at <= scope.cut) {
                    let row = amounts.entry((delta.currency, delta_group(delta, group, &who), delta.day)).or_default();
                    let changes = [delta.mrr, delta.list, delta.estimated, delta.at_risk, delta.scheduled_churn];
                    for (sum, change) in row.iter_mut().zip(changes) {
                        *sum = sum.checked_add(change).ok_or(ReportError::Overflow)?;
                    }
                }
            }
            if matches!(group, RowGroup::Whole | RowGroup::Customer) {
                for count in ledger.counts.iter().filter(|count| count.at <= scope.cut) {
                    let group = (group == RowGroup::Customer).then(&who);
                    let row = counts.entry((count.currency, group, count.day)).or_default();
                    for (sum, change) in row.iter_mut().zip([count.customers, count.subscriptions, count.trials]) {
                        *sum = sum.checked_add(change).ok_or(ReportError::Overflow)?;
                    }
                }
            }
            for movement in ledger.movements.iter().filter(|movement| visible(movement, scope)) {
                let mut add = |group, amount: Mrr| {
                    let line = lines.entry((movement.currency, group, movement.day, movement.kind)).or_default();
                    *line = line.checked_add(amount).ok_or(ReportError::Overflow)?;
                    Ok(())
                };
                match group {
                    RowGroup::Whole => add(None, movement.amount)?,
                    RowGroup::Customer => add(Some(who()), movement.amount)?,
                    _ if movement.kind == Kind::Transient => {}
                    _ => movement.parts.iter().try_for_each(|part| add(part_group(part, group), part.amount))?,
                }
            }
        }
        Ok(LedgerRows {
            amounts: amounts
                .into_iter()
                .map(|((currency, group, day), [mrr, list, estimated, at_risk, scheduled_churn])| DayAmounts {
                    currency,
                    group,
                    day,
                    mrr,
                    list,
                    estimated,
                    at_risk,
                    scheduled_churn,
                })
                .collect(),
            counts: counts
                .into_iter()
                .map(|((currency, group, day), [customers, subscriptions, trials])| DayCounts {
                    currency,
                    group,
                    day,
                    customers,
                    subscriptions,
                    trials,
                })
                .collect(),
            lines: lines
                .into_iter()
                .map(|((currency, group, day, kind), amount)| DayLine { currency, group, day, kind, amount })
                .collect(),
        })
    }
}

/// Whether readers at the cut see this movement.
pub fn visible(movement: &Movement, scope: &Scope) -> bool {
    movement.visible_from <= scope.cut && movement.visible_until.is_none_or(|until| scope.cut < until)
}

fn delta_group(delta: &Delta, group: RowGroup, who: &impl Fn() -> Arc<str>) -> Option<Arc<str>> {
    match group {
        RowGroup::Whole | RowGroup::Cause => None,
        RowGroup::Product => delta.product.as_ref().map(|product| product.as_str().into()),
        RowGroup::Price => Some(delta.price.as_str().into()),
        RowGroup::Interval => delta.interval.map(|interval| interval.to_string().into()),
        RowGroup::Customer => Some(who()),
    }
}

/// A part is booked on the group it leads to, else on the one it left: the rest is `transfer`.
fn part_group(part: &Part, group: RowGroup) -> Option<Arc<str>> {
    let side = part.after.as_ref().or(part.before.as_ref());
    match group {
        RowGroup::Whole | RowGroup::Customer => None,
        RowGroup::Cause => Some(part.cause.as_str().into()),
        RowGroup::Product => side?.product.as_ref().map(|product| product.as_str().into()),
        RowGroup::Price => side.map(|side| side.price.as_str().into()),
        RowGroup::Interval => side?.interval.map(|interval| interval.to_string().into()),
    }
}
