//! Lists of ledgers held in memory, page by page in the order in which the store lists the same: movements, customers, quality.

use std::collections::BTreeMap;

use super::{
    ReportError,
    memory::{Memory, visible},
};
use crate::{
    event::CustomerKey,
    ledger::{
        ids::CustomerId,
        money::{Currency, Mrr},
        movement_id::movement_id,
        outcome::{CustomerLedger, Kind, Movement, Part},
    },
    store::derived::reports::*,
};

impl Memory {
    /// Movements as the store lists them.
    pub fn movement_page(
        &self,
        scope: &Scope,
        filter: &MovementFilter,
        order: Order,
        after: Option<&MovementKey>,
        limit: i64,
    ) -> Vec<MovementRow> {
        let mut rows: Vec<(MovementKey, MovementRow)> = Vec::new();
        for (key, ledger) in self.in_scope(scope) {
            for (ordinal, movement) in (0..).zip(&ledger.movements) {
                if !visible(movement, scope) || !asked(movement, &key.customer, filter) || !is_of(ledger, filter) {
                    continue;
                }
                let id = movement_id(&self.profile, key.livemode, key.account.as_ref(), &key.customer, movement);
                let row = MovementRow {
                    id: id.into(),
                    account: key.account.clone(),
                    customer: key.customer.clone(),
                    ordinal,
                    movement: movement.clone(),
                };
                rows.push((row.key(), row));
            }
        }
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        if order == Order::Descending {
            rows.reverse();
        }
        let beyond = |key: &MovementKey| match (after, order) {
            (None, _) => true,
            (Some(after), Order::Ascending) => key > after,
            (Some(after), Order::Descending) => key < after,
        };
        rows.into_iter().filter(|(key, _)| beyond(key)).map(|(_, row)| row).take(size(limit)).collect()
    }

    /// Customers as the store lists them.
    pub fn customer_page(
        &self,
        scope: &Scope,
        asked: &CustomersAsked,
        limit: i64,
    ) -> Result<Vec<CustomerRow>, ReportError> {
        let beyond = |key: &CustomerKey| match asked {
            CustomersAsked::After(Some(after)) => (&key.account, &key.customer) > (&after.account, &after.customer),
            CustomersAsked::One(only) => *only == key.customer,
            CustomersAsked::After(None) => true,
        };
        let mut found: Vec<_> = self.in_scope(scope).filter(|(key, _)| beyond(key)).collect();
        found.sort_by_key(|(key, _)| *key);
        found.truncate(size(limit));
        found.into_iter().map(|(key, ledger)| customer_row(key, ledger, scope)).collect()
    }

    /// Quality entries as the store lists them.
    pub fn quality_page(
        &self,
        scope: &Scope,
        only: &QualityAsked,
        after: Option<&QualityPosition>,
        limit: i64,
    ) -> Vec<(QualityPosition, QualityRow)> {
        let mut rows = Vec::new();
        for (key, ledger) in self.in_scope(scope) {
            for (ordinal, entry) in (0..).zip(&ledger.quality) {
                let asked = match only {
                    QualityAsked::All => true,
                    QualityAsked::Kind(kind) => entry.kind == *kind,
                    QualityAsked::Customer(customer) => key.customer == *customer,
                };
                if !asked || entry.at > scope.cut || entry.until.is_some_and(|until| until <= scope.cut) {
                    continue;
                }
                let position = QualityPosition {
                    kind: entry.kind.as_str().into(),
                    at: entry.at,
                    account: key.account.clone(),
                    customer: key.customer.clone(),
                    ordinal,
                };
                let (account, customer) = (key.account.clone(), key.customer.clone());
                rows.push((position, QualityRow { account, customer, entry: entry.clone() }));
            }
        }
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        rows.into_iter().filter(|(position, _)| after.is_none_or(|after| position > after)).take(size(limit)).collect()
    }
}

fn size(limit: i64) -> usize {
    usize::try_from(limit).unwrap_or(0)
}

fn asked(movement: &Movement, customer: &CustomerId, filter: &MovementFilter) -> bool {
    filter.from.is_none_or(|from| movement.day >= from)
        && filter.to.is_none_or(|to| movement.day <= to)
        && filter.customer.as_ref().is_none_or(|only| only == customer)
        && filter.kind.map_or(movement.kind != Kind::Transient, |kind| movement.kind == kind)
        && filter.without.is_none_or(|kind| movement.kind != kind)
        && filter.currency.is_none_or(|currency| movement.currency == currency)
        && filter.cause.is_none_or(|cause| movement.parts.iter().any(|part| part.cause == cause))
        && (filter.part == PartFilter::default() || movement.parts.iter().any(|part| is_part(part, &filter.part)))
}

/// Whether a customer is one of those asked for.
fn is_of(ledger: &CustomerLedger, filter: &MovementFilter) -> bool {
    filter.country.as_ref().is_none_or(|country| ledger.country.as_ref() == Some(country))
        && filter.metadata.as_ref().is_none_or(|(key, value)| ledger.metadata.get(key) == Some(value))
        && filter.cohort.is_none_or(|cohort| cohort.holds(ledger.first_mrr_at))
}

/// Whether a part is one of those asked for.
fn is_part(part: &Part, filter: &PartFilter) -> bool {
    let sides = || [part.before.as_ref(), part.after.as_ref()].into_iter().flatten();
    filter.rollup.is_none_or(|rollup| part.cause.rollup() == rollup)
        && filter.product.as_ref().is_none_or(|only| sides().any(|side| side.product.as_ref() == Some(only)))
        && filter.price.as_ref().is_none_or(|only| sides().any(|side| side.price == *only))
        && filter
            .interval
            .as_ref()
            .is_none_or(|only| sides().any(|side| side.interval.is_some_and(|interval| interval.to_string() == **only)))
}

fn customer_row(key: &CustomerKey, ledger: &CustomerLedger, scope: &Scope) -> Result<CustomerRow, ReportError> {
    let mut mrr: BTreeMap<Currency, Mrr> = BTreeMap::new();
    let mut subscriptions = ledger.subscriptions.clone();
    subscriptions.iter_mut().for_each(|one| one.mrr = Mrr::ZERO);
    let mut ending: BTreeMap<Currency, Mrr> = BTreeMap::new();
    for delta in ledger.deltas.iter().filter(|delta| delta.at <= scope.cut && delta.scheduled_churn != Mrr::ZERO) {
        let sum = ending.entry(delta.currency).or_default();
        *sum = sum.checked_add(delta.scheduled_churn).ok_or(ReportError::Overflow)?;
    }
    for delta in ledger.deltas.iter().filter(|delta| delta.at <= scope.cut && delta.mrr != Mrr::ZERO) {
        let of_subscription = subscriptions.iter_mut().find(|one| one.id == delta.subscription).map(|one| &mut one.mrr);
        for sum in [Some(mrr.entry(delta.currency).or_default()), of_subscription].into_iter().flatten() {
            *sum = sum.checked_add(delta.mrr).ok_or(ReportError::Overflow)?;
        }
    }
    Ok(CustomerRow {
        account: key.account.clone(),
        customer: key.customer.clone(),
        country: ledger.country.clone(),
        first_mrr_at: ledger.first_mrr_at.filter(|at| *at <= scope.cut),
        mrr: mrr.into_iter().collect(),
        scheduled_churn: ending.into_iter().collect(),
        subscriptions,
    })
}
