//! Rows from ledgers held in memory: what the store sums in SQL, for answers as known at an earlier point of the log. Its lists
//! are in `memory_lists.rs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::ReportError;
use crate::{
    budget::{Charge, charge},
    event::CustomerKey,
    ledger::{
        ids::{PriceId, SubscriptionId},
        money::{Currency, Mrr},
        outcome::{Cause, CustomerLedger, Delta, Kind, Movement, Part, Trial},
        time::Day,
    },
    store::derived::reports::*,
};

/// What a row is grouped under; `None` is the one group of an ungrouped answer.
type Group = Option<Arc<str>>;

/// All customers of one profile, as derived from a prefix of the log.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The profile under whose rules it is counted.
    pub profile: Arc<str>,
    /// In order of their keys.
    pub customers: Vec<(CustomerKey, CustomerLedger)>,
    /// What they cost the question they were derived for.
    _charge: Arc<Charge>,
}

impl Memory {
    /// Ledgers that cost no question anything.
    pub fn of_ledgers(profile: Arc<str>, customers: Vec<(CustomerKey, CustomerLedger)>) -> Self {
        Self::charged(profile, customers, Charge::default())
    }

    /// Ledgers, and what they cost the question they were derived for.
    pub(super) fn charged(profile: Arc<str>, customers: Vec<(CustomerKey, CustomerLedger)>, charge: Charge) -> Self {
        Self { profile, customers, _charge: Arc::new(charge) }
    }

    /// The same, costing no question anything any more.
    pub(super) fn uncharged(self) -> Self {
        Self { _charge: Arc::default(), ..self }
    }

    /// The customers a scope asks for, in order of account and id.
    pub(super) fn sorted<'a>(&'a self, scope: &'a Scope) -> Vec<(&'a CustomerKey, &'a CustomerLedger)> {
        let mut found: Vec<_> = self.in_scope(scope).collect();
        found.sort_by_key(|(key, _)| *key);
        found
    }

    /// The customers a scope asks for.
    pub(super) fn in_scope<'a>(
        &'a self,
        scope: &'a Scope,
    ) -> impl Iterator<Item = (&'a CustomerKey, &'a CustomerLedger)> {
        self.customers.iter().map(|(key, ledger)| (key, ledger)).filter(move |(key, ledger)| {
            scope.includes(key.livemode, key.account.as_ref()) && ledger.test_clock == scope.test_clock
        })
    }

    /// The currencies in which there is a ledger.
    pub fn currencies(&self, scope: &Scope) -> BTreeSet<Currency> {
        self.in_scope(scope).flat_map(|(_, ledger)| ledger.currencies()).collect()
    }

    /// A customer of each price.
    pub fn price_holders(&self, scope: &Scope) -> Vec<CustomerKey> {
        let mut holders: BTreeMap<&PriceId, &CustomerKey> = BTreeMap::new();
        for (key, ledger) in self.in_scope(scope) {
            for delta in &ledger.deltas {
                holders.entry(&delta.price).or_insert(key);
            }
        }
        holders.into_values().cloned().collect()
    }

    /// Whether any customer is live.
    pub fn saw_live(&self) -> bool {
        self.customers.iter().any(|(key, _)| key.livemode)
    }

    /// What a bridge is made of.
    pub fn ledger_rows(&self, scope: &Scope, group: RowGroup) -> Result<LedgerRows, ReportError> {
        rows_of(self.in_scope(scope), scope, group)
    }

    /// What a bridge is made of in these groups, customer by customer: without counts.
    pub fn rows_of_customers(&self, scope: &Scope, group: RowGroup) -> Result<RowsOfCustomers, ReportError> {
        let mut all = RowsOfCustomers::new();
        for one in self.in_scope(scope) {
            let rows = rows_of(std::iter::once(one), scope, group)?;
            let of = all.entry(one.0.customer.as_str().into()).or_default();
            // The same id in several accounts is one customer to a question about all of them.
            of.amounts.extend(rows.amounts);
            of.lines.extend(rows.lines);
        }
        Ok(all)
    }
}

/// What bridges of these customers are made of.
fn rows_of<'l>(
    customers: impl Iterator<Item = (&'l CustomerKey, &'l CustomerLedger)>,
    scope: &Scope,
    group: RowGroup,
) -> Result<LedgerRows, ReportError> {
    let mut amounts: BTreeMap<(Currency, Group, Day), [Mrr; 5]> = BTreeMap::new();
    let mut counts: BTreeMap<(Option<Currency>, Group, Day), [i64; 3]> = BTreeMap::new();
    let mut lines: BTreeMap<(Currency, Group, Day, Kind), Mrr> = BTreeMap::new();
    for (key, ledger) in customers {
        // Whoever asks waits for it: not for ever.
        charge(0)?;
        let who = || Arc::<str>::from(key.customer.as_str());
        let billed_in = |subscription: &SubscriptionId| {
            let one = ledger.subscriptions.binary_search_by(|one| one.id.cmp(subscription)).ok();
            one.and_then(|place| ledger.subscriptions[place].currency).map(|code| Arc::<str>::from(code.as_str()))
        };
        if group != RowGroup::Cause {
            for delta in ledger.deltas.iter().filter(|delta| delta.at <= scope.cut) {
                let row = amounts
                    .entry((delta.currency, delta_group(delta, group, &who, &billed_in), delta.day))
                    .or_default();
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
                Ok::<_, ReportError>(())
            };
            match group {
                RowGroup::Whole => add(None, movement.amount)?,
                RowGroup::Customer => add(Some(who()), movement.amount)?,
                _ if movement.kind == Kind::Transient => {}
                _ => {
                    movement.parts.iter().try_for_each(|part| add(part_group(part, group, &billed_in), part.amount))?
                }
            }
        }
    }
    charge(
        amounts.len() * size_of::<DayAmounts>()
            + counts.len() * size_of::<DayCounts>()
            + lines.len() * size_of::<DayLine>(),
    )?;
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

impl Memory {
    /// What customers hold, as the store tells it.
    pub fn held(&self, scope: &Scope, by: RowGroup) -> Result<Vec<HeldRow>, ReportError> {
        let mut sums: BTreeMap<(Arc<str>, Group, Day), Mrr> = BTreeMap::new();
        for (key, ledger) in self.in_scope(scope) {
            charge(size_of::<HeldRow>())?;
            let who = || Arc::<str>::from(key.customer.as_str());
            let billed_in = |subscription: &SubscriptionId| {
                let one = ledger.subscriptions.binary_search_by(|one| one.id.cmp(subscription)).ok();
                one.and_then(|place| ledger.subscriptions[place].currency).map(|code| Arc::<str>::from(code.as_str()))
            };
            for delta in ledger.deltas.iter().filter(|delta| delta.at <= scope.cut && delta.list != Mrr::ZERO) {
                let sum = sums.entry((who(), delta_group(delta, by, &who, &billed_in), delta.day)).or_default();
                *sum = sum.checked_add(delta.list).ok_or(ReportError::Overflow)?;
            }
        }
        let row = |((customer, value, day), list)| HeldRow { customer, value, day, list };
        Ok(sums.into_iter().map(row).collect())
    }

    /// Changes of what is past due or set to cancel, as the store tells them.
    pub fn in_doubt(&self, scope: &Scope) -> Vec<DayAmounts> {
        let of_customer = |(key, ledger): (&CustomerKey, &'_ CustomerLedger)| -> Vec<DayAmounts> {
            let doubtful = |delta: &&Delta| {
                delta.at <= scope.cut && (delta.at_risk != Mrr::ZERO || delta.scheduled_churn != Mrr::ZERO)
            };
            let amounts = |delta: &Delta| DayAmounts {
                currency: delta.currency,
                group: Some(key.customer.as_str().into()),
                day: delta.day,
                mrr: delta.mrr,
                list: delta.list,
                estimated: delta.estimated,
                at_risk: delta.at_risk,
                scheduled_churn: delta.scheduled_churn,
            };
            ledger.deltas.iter().filter(doubtful).map(amounts).collect()
        };
        self.in_scope(scope).flat_map(of_customer).collect()
    }

    /// The new movements that were imported, if only in part: a line each (rule `opening-balance`: outside ASP).
    pub fn imported_lines(&self, scope: &Scope) -> Vec<DayLine> {
        let imported = |one: &&Movement| {
            visible(one, scope) && one.kind == Kind::New && one.parts.iter().any(|part| part.cause == Cause::Imported)
        };
        let of_customer = |(key, ledger): (&CustomerKey, &'_ CustomerLedger)| -> Vec<DayLine> {
            let line = |one: &Movement| DayLine {
                currency: one.currency,
                group: Some(key.customer.as_str().into()),
                day: one.day,
                kind: one.kind,
                amount: one.amount,
            };
            ledger.movements.iter().filter(imported).map(line).collect()
        };
        self.in_scope(scope).flat_map(of_customer).collect()
    }

    /// Trials that ended by the cut, as they stand at it.
    pub fn trials(&self, scope: &Scope) -> Vec<TrialRow> {
        let all = self.in_scope(scope).flat_map(|(key, ledger)| ledger.trials.iter().map(move |trial| (key, trial)));
        let ended = |(key, trial): (&CustomerKey, &Trial)| {
            Some(TrialRow { customer: key.customer.clone(), trial: trial.clone().at(scope.cut)? })
        };
        all.filter_map(ended).collect()
    }

    /// What customers are grouped by.
    pub fn customer_traits(&self, scope: &Scope) -> Vec<CustomerTraits> {
        let traits = |(key, ledger): (&CustomerKey, &CustomerLedger)| CustomerTraits {
            customer: key.customer.clone(),
            country: ledger.country.clone(),
            metadata: ledger.metadata.clone(),
            first_mrr_at: ledger.first_mrr_at.filter(|at| *at <= scope.cut),
        };
        self.in_scope(scope).map(traits).collect()
    }
}

/// Whether readers at the cut see this movement.
pub fn visible(movement: &Movement, scope: &Scope) -> bool {
    movement.visible_from <= scope.cut && movement.visible_until.is_none_or(|until| scope.cut < until)
}

fn delta_group(
    delta: &Delta,
    group: RowGroup,
    who: &impl Fn() -> Arc<str>,
    billed_in: &impl Fn(&SubscriptionId) -> Option<Arc<str>>,
) -> Option<Arc<str>> {
    match group {
        RowGroup::Currency => billed_in(&delta.subscription),
        RowGroup::Whole | RowGroup::Cause => None,
        RowGroup::Product => delta.product.as_ref().map(|product| product.as_str().into()),
        RowGroup::Price => Some(delta.price.as_str().into()),
        RowGroup::Interval => delta.interval.map(|interval| interval.to_string().into()),
        RowGroup::Customer => Some(who()),
    }
}

/// A part is booked on the group it leads to, else on the one it left: the rest is `transfer`.
fn part_group(
    part: &Part,
    group: RowGroup,
    billed_in: &impl Fn(&SubscriptionId) -> Option<Arc<str>>,
) -> Option<Arc<str>> {
    let side = part.after.as_ref().or(part.before.as_ref());
    match group {
        RowGroup::Currency => billed_in(&part.subscription),
        RowGroup::Whole | RowGroup::Customer => None,
        RowGroup::Cause => Some(part.cause.as_str().into()),
        RowGroup::Product => side?.product.as_ref().map(|product| product.as_str().into()),
        RowGroup::Price => side.map(|side| side.price.as_str().into()),
        RowGroup::Interval => side?.interval.map(|interval| interval.to_string().into()),
    }
}
