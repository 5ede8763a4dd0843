//! What a configuration says about customers, applied: the metadata they are grouped by, and whom the ledger leaves out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    config::customers::{CustomerRules, Exclusion},
    ledger::{
        fact::{CustomerState, Fact, State},
        outcome::CustomerLedger,
    },
    limits,
    store::{ReadStore, StoreError},
    stripe::metadata::customer_metadata,
};

/// Values of metadata by key.
pub type Metadata = BTreeMap<Arc<str>, Arc<str>>;

impl CustomerRules {
    /// The keys that must be read from customers.
    fn keys(&self) -> Vec<Arc<str>> {
        self.metadata_keys.iter().cloned().chain(self.excluding_keys()).collect()
    }

    fn excluding_keys(&self) -> impl Iterator<Item = Arc<str>> {
        self.exclude.iter().filter_map(|one| match one {
            Exclusion::Metadata { key, .. } => Some(key.clone()),
            Exclusion::Customer(_) => None,
        })
    }

    /// Each customer's metadata now: what its newest state says, which holds for all history as its country does. Erased
    /// bodies say nothing.
    pub(super) async fn metadata<F: AsRef<[Fact]>>(
        &self,
        store: &ReadStore,
        customers: &[F],
    ) -> Result<Vec<Metadata>, StoreError> {
        newest_metadata(store, customers, &self.keys()).await
    }

    /// As much of it as tells whether one of several customers that are one is left out.
    pub(super) async fn excluding_metadata<F: AsRef<[Fact]>>(
        &self,
        store: &ReadStore,
        customers: &[F],
    ) -> Result<Vec<Metadata>, StoreError> {
        newest_metadata(store, customers, &self.excluding_keys().collect::<Vec<_>>()).await
    }

    /// Whether `ledger.exclude` names this customer.
    pub(super) fn names(&self, customer: &str) -> bool {
        self.exclude.iter().any(|one| matches!(one, Exclusion::Customer(id) if **id == *customer))
    }

    /// Whether `ledger.exclude` leaves out the customer with this metadata.
    pub(super) fn leaves_out(&self, customer: &str, metadata: &Metadata) -> bool {
        let by_metadata = |one: &Exclusion| match one {
            Exclusion::Customer(_) => false,
            Exclusion::Metadata { key, value } => metadata.get(key) == Some(value),
        };
        self.names(customer) || self.exclude.iter().any(by_metadata)
    }

    /// A customer's ledger as this configuration wants it: with its metadata, or empty where it is left out.
    pub(super) fn apply(&self, left_out: bool, metadata: &Metadata, ledger: CustomerLedger) -> CustomerLedger {
        if left_out {
            return CustomerLedger { test_clock: ledger.test_clock, ..CustomerLedger::default() };
        }
        let kept = |key: &Arc<str>| Some((key.clone(), metadata.get(key)?.clone()));
        CustomerLedger { metadata: self.metadata_keys.iter().filter_map(kept).collect(), ..ledger }
    }
}

/// The metadata of each customer, by its facts.
async fn newest_metadata<F: AsRef<[Fact]>>(
    store: &ReadStore,
    customers: &[F],
    keys: &[Arc<str>],
) -> Result<Vec<Metadata>, StoreError> {
    if keys.is_empty() {
        return Ok(vec![Metadata::new(); customers.len()]);
    }
    let newest: Vec<_> = customers.iter().map(|facts| Some(&newest(facts.as_ref())?.0.event)).collect();
    // Each once: of a customer asked for at two places of the log it is mostly the same.
    let events: Vec<_> = newest.iter().copied().flatten().collect::<BTreeSet<_>>().into_iter().collect();
    let mut told = BTreeMap::new();
    for events in events.chunks(limits::BODIES_READ) {
        told.extend(store.log.read_bodies(events, |body| customer_metadata(body, keys)).await?);
    }
    Ok(newest.into_iter().map(|event| event.and_then(|event| told.get(event).cloned()).unwrap_or_default()).collect())
}

/// The fact that tells a customer's newest state; a deleted one's says nothing.
pub(super) fn newest(facts: &[Fact]) -> Option<(&Fact, &CustomerState)> {
    let states = facts.iter().filter_map(|fact| Some((fact, living(fact)?)));
    states.max_by_key(|(fact, _)| (fact.at, fact.role, &fact.event))
}

/// The state that a fact tells of a customer who isn't deleted.
pub(super) fn living(fact: &Fact) -> Option<&CustomerState> {
    match &fact.state {
        State::Customer(state) if !state.deleted => Some(state),
        _ => None,
    }
}
