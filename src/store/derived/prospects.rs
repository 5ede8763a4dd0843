//! What is known ahead of customers: of each, and trials summed, for these are as many as all else.

use std::collections::{BTreeMap, BinaryHeap};

use crate::{
    event::CustomerKey,
    ledger::{
        ahead::Ahead,
        ids::{CustomerId, EventId, SubscriptionId},
        money::{Currency, Mrr},
        time::UnixTime,
    },
};

/// What is known ahead of customers.
#[derive(Debug, Default)]
pub struct Prospects {
    /// Of each customer; `None` where its facts must be read.
    pub of: Vec<(CustomerKey, Option<Ahead>)>,
    /// The trials of those whose facts needn't be read, where they were to be summed: then they aren't told of each.
    pub trials: TrialSums,
}

/// Trials that end within a horizon, by the currency of what they bring; under `None` those whose amount the log can't tell.
#[derive(Debug, Default)]
pub struct TrialSums(pub BTreeMap<Option<Currency>, TrialSum>);

/// Trials of one currency.
#[derive(Debug, Default)]
pub struct TrialSum {
    /// How many there are.
    pub trials: u64,
    /// What they bring if all convert, in 10⁻⁶ of a minor unit.
    pub mrr: Mrr,
    /// The first of them.
    pub first: BinaryHeap<FirstTrial>,
}

/// A trial and whose it is, in order of time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FirstTrial {
    /// The instant at which it ends.
    pub at: UnixTime,
    /// The id of the customer.
    pub customer: CustomerId,
    /// The id of the subscription.
    pub subscription: SubscriptionId,
    /// What it brings if it converts, in 10⁻⁶ of a minor unit; `None` where the log can't tell.
    pub mrr: Option<Mrr>,
    /// The event that says so.
    pub event: EventId,
}

/// A trial as its row tells of it.
pub(in crate::store) struct TrialTold<'r> {
    pub(in crate::store) at: UnixTime,
    pub(in crate::store) customer: &'r str,
    pub(in crate::store) subscription: &'r str,
    pub(in crate::store) mrr: Option<(Currency, Mrr)>,
    pub(in crate::store) event: &'r str,
}

impl TrialSums {
    /// Adds a trial, and keeps it where it is among the first `listed` of its currency: how many more are kept. `None` beyond what an
    /// amount holds.
    pub(in crate::store) fn add(&mut self, told: &TrialTold<'_>, listed: usize) -> Option<usize> {
        let (currency, mrr) = told.mrr.unzip();
        let sum = self.0.entry(currency).or_default();
        sum.trials += 1;
        sum.mrr = sum.mrr.checked_add(mrr.unwrap_or_default())?;
        let comes_before = |last: &FirstTrial| (told.at, told.customer) <= (last.at, last.customer.as_str());
        if sum.first.len() >= listed && !sum.first.peek().is_some_and(comes_before) {
            return Some(0);
        }
        let (customer, subscription) = (CustomerId::new(told.customer), SubscriptionId::from(told.subscription));
        sum.first.push(FirstTrial { at: told.at, customer, subscription, mrr, event: told.event.into() });
        if sum.first.len() > listed {
            sum.first.pop();
            return Some(0);
        }
        Some(1)
    }
}
