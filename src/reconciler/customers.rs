//! What a configuration says about customers: metadata to group by, whom the ledger leaves out, and who are one.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    ledger::{
        fact::{CustomerState, Fact, State},
        outcome::CustomerLedger,
    },
    store::{ReadStore, StoreError},
    stripe::metadata::customer_metadata,
};

/// Values of metadata by key.
pub type Metadata = BTreeMap<Arc<str>, Arc<str>>;

/// `ledger.metadata_keys`, `ledger.exclude` and `ledger.customer_key`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerRules {
    /// Keys whose values are kept with each customer.
    pub metadata_keys: Vec<Arc<str>>,
    /// Who is left out.
    pub exclude: Vec<Exclusion>,
    /// Customers whose metadata has the same value under this key are one.
    pub customer_key: Option<Arc<str>>,
}

/// One entry of `ledger.exclude`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exclusion {
    /// This customer.
    Customer(Arc<str>),
    /// Every customer whose metadata has this value under this key.
    Metadata {
        /// The key.
        key: Arc<str>,
        /// The value, exactly.
        value: Arc<str>,
    },
}

impl Exclusion {
    /// Reads `cus_…` or `metadata:KEY=VALUE`; a product or a price is none of these.
    pub fn parse(text: &str) -> Option<Self> {
        let Some(pair) = text.strip_prefix("metadata:") else {
            let id = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == ':' || c == '=');
            let id = id && !text.starts_with("prod_") && !text.starts_with("price_");
            return id.then(|| Self::Customer(text.into()));
        };
        let (key, value) = pair.split_once('=').filter(|(key, value)| !key.is_empty() && !value.is_empty())?;
        Some(Self::Metadata { key: key.into(), value: value.into() })
    }
}

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

    /// The customer's metadata now: what its newest state says, which holds for all history as its country does. Erased
    /// bodies say nothing.
    pub(super) async fn metadata(&self, store: &ReadStore, facts: &[Fact]) -> Result<Metadata, StoreError> {
        newest_metadata(store, facts, &self.keys()).await
    }

    /// As much of it as tells whether one of several customers that are one is left out.
    pub(super) async fn excluding_metadata(&self, store: &ReadStore, facts: &[Fact]) -> Result<Metadata, StoreError> {
        newest_metadata(store, facts, &self.excluding_keys().collect::<Vec<_>>()).await
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

async fn newest_metadata(store: &ReadStore, facts: &[Fact], keys: &[Arc<str>]) -> Result<Metadata, StoreError> {
    if keys.is_empty() {
        return Ok(Metadata::new());
    }
    let Some((newest, _)) = newest(facts) else { return Ok(Metadata::new()) };
    let bodies = store.log.bodies(&newest.event).await?;
    Ok(bodies.iter().find_map(|(_, body)| customer_metadata(body, keys)).unwrap_or_default())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exclusion_is_a_customer_or_a_pair_of_metadata() {
        for (text, expected) in [
            ("cus_1", Some(Exclusion::Customer("cus_1".into()))),
            ("metadata:internal=yes", Some(Exclusion::Metadata { key: "internal".into(), value: "yes".into() })),
            ("metadata:internal", None),
            ("metadata:=yes", None),
            ("internal=yes", None),
            ("", None),
        ] {
            assert_eq!(Exclusion::parse(text), expected, "{text}");
        }
    }
}
