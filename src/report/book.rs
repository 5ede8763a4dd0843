//! Each customer's MRR over time, for figures that look at customers one by one.

use std::{collections::BTreeMap, sync::Arc};

use super::ReportError;
use crate::{
    ledger::{
        money::{Currency, Mrr},
        outcome::Kind,
        time::Day,
    },
    store::derived::reports::LedgerRows,
};

/// A value that changes on some days and stands in between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByDay<T>(Vec<(Day, T)>);

impl<T: Copy + Default> ByDay<T> {
    /// From changes in order of day.
    fn from_changes(changes: BTreeMap<Day, T>, add: impl Fn(T, T) -> Option<T>) -> Result<Self, ReportError> {
        let mut value = T::default();
        let mut days = Vec::with_capacity(changes.len());
        for (day, change) in changes {
            value = add(value, change).ok_or(ReportError::Overflow)?;
            days.push((day, value));
        }
        Ok(Self(days))
    }

    /// The value at the end of `day`.
    pub fn at(&self, day: Day) -> T {
        match self.0.partition_point(|(changed, _)| *changed <= day) {
            0 => T::default(),
            after => self.0[after - 1].1,
        }
    }

    /// The value at the end of each day on which it changed.
    pub fn changes(&self) -> &[(Day, T)] {
        &self.0
    }
}

/// What one customer pays from day to day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Customer {
    /// MRR after each day on which it changed, by currency.
    pub mrr: BTreeMap<Currency, ByDay<Mrr>>,
    /// Whether it is a paying customer: 1 or 0, in one currency or (`None`) in any.
    pub paying: BTreeMap<Option<Currency>, ByDay<i64>>,
    /// Its movements of the kinds that figures look at, in order of day.
    pub movements: Vec<(Day, Currency, Kind, Mrr)>,
}

impl Customer {
    /// MRR in a currency at the end of a day.
    pub fn mrr_at(&self, currency: Currency, day: Day) -> Mrr {
        self.mrr.get(&currency).map_or(Mrr::ZERO, |mrr| mrr.at(day))
    }

    /// Whether it is a paying customer at the end of a day.
    pub fn pays_at(&self, currency: Option<Currency>, day: Day) -> bool {
        self.paying.get(&currency).is_some_and(|paying| paying.at(day) > 0)
    }
}

/// All customers of a ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// Every customer of the ledger by its id.
    pub customers: BTreeMap<Arc<str>, Customer>,
}

impl Book {
    /// From rows summed by customer.
    pub fn of(rows: &LedgerRows) -> Result<Self, ReportError> {
        let whose = |group: &Option<Arc<str>>| group.clone().unwrap_or_default();
        let mut amounts: BTreeMap<(Arc<str>, Currency), BTreeMap<Day, Mrr>> = BTreeMap::new();
        for row in &rows.amounts {
            let sum = amounts.entry((whose(&row.group), row.currency)).or_default().entry(row.day).or_default();
            *sum = sum.checked_add(row.mrr).ok_or(ReportError::Overflow)?;
        }
        let mut counts: BTreeMap<(Arc<str>, Option<Currency>), BTreeMap<Day, i64>> = BTreeMap::new();
        for row in &rows.counts {
            *counts.entry((whose(&row.group), row.currency)).or_default().entry(row.day).or_default() += row.customers;
        }
        let mut book = Self::default();
        for ((customer, currency), changes) in amounts {
            let by_day = ByDay::from_changes(changes, Mrr::checked_add)?;
            book.customers.entry(customer).or_default().mrr.insert(currency, by_day);
        }
        for ((customer, currency), changes) in counts {
            let by_day = ByDay::from_changes(changes, i64::checked_add)?;
            book.customers.entry(customer).or_default().paying.insert(currency, by_day);
        }
        for row in &rows.lines {
            let customer = book.customers.entry(whose(&row.group)).or_default();
            customer.movements.push((row.day, row.currency, row.kind, row.amount));
        }
        book.customers.values_mut().for_each(|customer| customer.movements.sort_by_key(|(day, ..)| *day));
        Ok(book)
    }
}
