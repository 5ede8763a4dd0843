//! What each month changed in each group, summed over customers: by product, price, interval, billed currency and cause, and by
//! what a customer is (country, cohort, metadata). Kept beside the rows, and moved as rows come and go, as days are.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    reports::Dimension,
    sum::{DayAmount, DayCount, DayMovement, Rows, RowsOf},
};
use crate::{
    ledger::{
        cohorts::Month,
        fact::Interval,
        ids::{PriceId, ProductId, SubscriptionId},
        money::Currency,
        outcome::{Cause, CustomerLedger, Kind},
        time::Day,
    },
    store::{StoreError, errors::corrupt},
};

/// A group within a dimension; `None` where it isn't known.
pub(crate) type Group = Option<Arc<str>>;
/// A group of a dimension in one currency and month, which is named by its first day.
pub(crate) type GroupMonth = (Dimension, Group, Currency, Day);

/// What is sold: all that an item is grouped by.
type Sold = (Option<ProductId>, Option<PriceId>, Option<Interval>, Option<Currency>);

/// Changes of the groups of one ledger.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupSums {
    /// By what is sold, in each currency and month.
    items: BTreeMap<(Currency, Day, Sold), DayAmount>,
    /// By why it moved and what is sold.
    parts: BTreeMap<(Currency, Day, Kind, Cause, Sold), DayMovement>,
    /// By what the customer is.
    amounts: BTreeMap<GroupMonth, DayAmount>,
    counts: BTreeMap<GroupMonth, DayCount>,
    movements: BTreeMap<(GroupMonth, Kind), DayMovement>,
}

/// The sums of one ledger by group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ByGroup {
    pub(crate) amounts: BTreeMap<GroupMonth, DayAmount>,
    pub(crate) counts: BTreeMap<GroupMonth, DayCount>,
    pub(crate) movements: BTreeMap<(GroupMonth, Kind), DayMovement>,
}

/// What a customer is grouped by, and the currencies its subscriptions are billed in: where these stay, so do the groups of
/// the rows that stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Traits {
    of_customer: Vec<(Dimension, Group)>,
    billed: Vec<(SubscriptionId, Option<Currency>)>,
}

impl Traits {
    pub(crate) fn from_ledger(ledger: &CustomerLedger) -> Self {
        // The ledger's own day of it, which is cut in the ledger's zone.
        let first = ledger.first_mrr_at.and_then(|at| ledger.deltas.iter().find(|delta| delta.at >= at));
        let cohort = first.map(|delta| Arc::from(Month::of(delta.day).to_string()));
        let mut of_customer = vec![(Dimension::Country, ledger.country.clone()), (Dimension::Cohort, cohort)];
        let metadata = ledger.metadata.iter();
        of_customer.extend(metadata.map(|(key, value)| (Dimension::Metadata(key.clone()), Some(value.clone()))));
        let mut billed: Vec<_> = ledger.subscriptions.iter().map(|one| (one.id.clone(), one.currency)).collect();
        billed.sort_unstable();
        Self { of_customer, billed }
    }

    fn billed(&self, subscription: &SubscriptionId) -> Option<Currency> {
        self.billed.binary_search_by(|(id, _)| id.cmp(subscription)).ok().and_then(|at| self.billed[at].1)
    }
}

/// The month of a day, by its first.
fn month(day: Day) -> Day {
    Day(day.0.first_of_month())
}

impl GroupSums {
    /// Rows of a customer with these traits; `None` where a sum leaves 64 bits.
    pub(crate) fn add(&mut self, traits: &Traits, (deltas, counts, movements): RowsOf<'_>, rows: Rows) -> Option<()> {
        let mut amounts: BTreeMap<(Currency, Day), DayAmount> = BTreeMap::new();
        for delta in deltas {
            let billed = traits.billed(&delta.subscription);
            let sold = (delta.product.clone(), Some(delta.price.clone()), delta.interval, billed);
            let of_item = self.items.entry((delta.currency, month(delta.day), sold)).or_default();
            let of_customer = amounts.entry((delta.currency, month(delta.day))).or_default();
            let row = DayAmount::from_delta(delta)?;
            of_item.add(&row, rows)?;
            of_customer.add(&row, rows)?;
        }
        let mut counted: BTreeMap<(Currency, Day), DayCount> = BTreeMap::new();
        for count in counts {
            // Over all currencies there are no groups.
            let Some(currency) = count.currency else { continue };
            counted.entry((currency, month(count.day))).or_default().add(&DayCount::from_delta(count), rows)?;
        }
        let mut moves: BTreeMap<(Currency, Day, Kind), DayMovement> = BTreeMap::new();
        for movement in movements.iter().filter(|movement| movement.visible_until.is_none()) {
            let (currency, day, kind) = (movement.currency, month(movement.day), movement.kind);
            moves.entry((currency, day, kind)).or_default().add(&DayMovement::from_amount(movement.amount)?, rows)?;
            if kind == Kind::Transient {
                continue;
            }
            for part in &movement.parts {
                // Booked on what it leads to, else on what it left.
                let side = part.after.as_ref().or(part.before.as_ref());
                let sold = (
                    side.and_then(|side| side.product.clone()),
                    side.map(|side| side.price.clone()),
                    side.and_then(|side| side.interval),
                    traits.billed(&part.subscription),
                );
                let sum = self.parts.entry((currency, day, kind, part.cause, sold)).or_default();
                sum.add(&DayMovement::from_amount(part.amount)?, rows)?;
            }
        }
        for (dimension, group) in &traits.of_customer {
            let of = |currency: Currency, day: Day| (dimension.clone(), group.clone(), currency, day);
            for ((currency, day), row) in &amounts {
                self.amounts.entry(of(*currency, *day)).or_default().add(row, Rows::Written)?;
            }
            for ((currency, day), row) in &counted {
                self.counts.entry(of(*currency, *day)).or_default().add(row, Rows::Written)?;
            }
            for ((currency, day, kind), row) in &moves {
                self.movements.entry((of(*currency, *day), *kind)).or_default().add(row, Rows::Written)?;
            }
        }
        Some(())
    }

    /// How many rows they come to, about.
    pub(crate) fn len(&self) -> usize {
        self.items.len() + self.parts.len() + self.amounts.len() + self.counts.len() + self.movements.len()
    }

    /// Group by group, without those that nothing changes in.
    pub(crate) fn by_group(&self) -> Result<ByGroup, StoreError> {
        let beyond = || corrupt("summing groups", "a month's sum is beyond a row");
        let (mut amounts, mut movements) = (self.amounts.clone(), self.movements.clone());
        for ((currency, day, sold), row) in &self.items {
            for (dimension, group) in groups_of(sold) {
                let sum = amounts.entry((dimension, group, *currency, *day)).or_default();
                sum.add(row, Rows::Written).ok_or_else(beyond)?;
            }
        }
        for ((currency, day, kind, cause, sold), row) in &self.parts {
            let cause = (Dimension::Cause, Some(cause.as_str().into()));
            for (dimension, group) in groups_of(sold).into_iter().chain([cause]) {
                let sum = movements.entry(((dimension, group, *currency, *day), *kind)).or_default();
                sum.add(row, Rows::Written).ok_or_else(beyond)?;
            }
        }
        amounts.retain(|_, row| *row != DayAmount::default());
        movements.retain(|_, row| *row != DayMovement::default());
        let mut counts = self.counts.clone();
        counts.retain(|_, row| *row != DayCount::default());
        Ok(ByGroup { amounts, counts, movements })
    }
}

fn groups_of((product, price, interval, billed): &Sold) -> [(Dimension, Group); 4] {
    [
        (Dimension::Product, product.as_ref().map(|product| product.as_str().into())),
        (Dimension::Price, price.as_ref().map(|price| price.as_str().into())),
        (Dimension::Interval, interval.map(|interval| interval.to_string().into())),
        (Dimension::Currency, billed.map(|billed| billed.as_str().into())),
    ]
}
