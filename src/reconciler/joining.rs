//! Customers of Stripe's that are one in the ledger (`ledger.customer_key`, rule `joined-customers`).
//!
//! Metadata is no fact: it stands in bodies, which may be erased. So each generation keeps what these say, place by place of
//! the log, in a derived table of its own. It may run ahead of the generation's position: whoever a stretch of the log
//! moves, the ledgers it left and those it came into are marked when the position passes there.

use std::sync::Arc;

use crate::{
    config::customers::CustomerRules,
    event::{CustomerKey, Seq, SeqRange},
    ledger::{
        fact::{CustomerState, Fact},
        ids::CustomerId,
    },
    limits,
    store::{
        ReadStore, StoreError,
        derived::{
            GenerationId,
            joined::{Belongs, CustomerTold, Joining},
        },
    },
    stripe::metadata::customer_metadata,
};

use super::customers::{Metadata, living, newest};

/// Who belongs to whom in one generation, and what customers tell each other of terms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Joins {
    /// The generation that joins customers; nobody is joined where there is none.
    joined: Option<GenerationId>,
    /// The one that is worked on; else what the one that answers was told holds.
    worked_on: Option<GenerationId>,
}

impl Joins {
    /// Those of the generation that is worked on: its customers are looked at already.
    pub(super) fn in_generation(rules: &CustomerRules, generation: GenerationId) -> Self {
        Self { joined: rules.customer_key.as_ref().map(|_| generation), worked_on: Some(generation) }
    }

    /// Nobody joined; of terms, what the generation that answers was told holds.
    pub(super) fn none() -> Self {
        Self { joined: None, worked_on: None }
    }

    /// Those of the generation that answers, up to the log position `known_at`.
    ///
    /// Errors while there is none: who belongs to whom isn't known yet.
    pub(crate) async fn current(
        store: &ReadStore,
        rules: &CustomerRules,
        known_at: Option<Seq>,
    ) -> Result<Self, StoreError> {
        let of = |joined| Self { joined, worked_on: None };
        if rules.customer_key.is_none() {
            return Ok(Self::none());
        }
        loop {
            let Some(current) = store.derived.generations().await?.into_iter().find(|generation| generation.current)
            else {
                let reason = "no figures have been derived yet: run `mrrd serve` or `mrrd rebuild` first".into();
                return Err(StoreError::Unavailable { doing: "joining customers", reason });
            };
            let Some(joining) = store.derived.joining(current.id).await? else { return Ok(of(None)) };
            let known = known_at.is_none_or(|known_at| known_at <= joining.joined_to);
            if known || step(store, current.id, known_at.unwrap_or(Seq::END)).await? {
                return Ok(of(Some(current.id)));
            }
            // There is more to look at; or another generation answers by now.
        }
    }

    /// The generation that knows what customers' facts tell of terms; `None` where nothing was derived yet.
    pub(super) async fn told_in(self, store: &ReadStore) -> Result<Option<GenerationId>, StoreError> {
        match self.worked_on.or(self.joined) {
            Some(generation) => Ok(Some(generation)),
            None => Ok(store.derived.generations().await?.into_iter().find(|one| one.current).map(|one| one.id)),
        }
    }

    /// Stripe's customers in each ledger; `None` where every ledger is one customer's.
    pub(super) async fn members(
        self,
        store: &ReadStore,
        ledgers: &[CustomerKey],
        known_at: Option<Seq>,
    ) -> Result<Option<Vec<Vec<CustomerKey>>>, StoreError> {
        let Some(generation) = self.joined else { return Ok(None) };
        store.derived.members(generation, ledgers, known_at).await.map(Some)
    }

    /// Stripe's customers in one ledger; none where every ledger is one customer's.
    pub(crate) async fn members_of(
        self,
        store: &ReadStore,
        ledger: &CustomerKey,
        known_at: Option<Seq>,
    ) -> Result<Vec<CustomerKey>, StoreError> {
        let members = self.members(store, std::slice::from_ref(ledger), known_at).await?;
        Ok(members.and_then(|mut members| members.pop()).unwrap_or_default())
    }

    /// Stripe's customers that were ever in a ledger from one place of the log to another; `None` where nobody is joined.
    pub(crate) async fn ever_members(
        self,
        store: &ReadStore,
        ledger: &CustomerKey,
        between: SeqRange,
    ) -> Result<Option<Vec<CustomerKey>>, StoreError> {
        let Some(generation) = self.joined else { return Ok(None) };
        let mut members = self.members_of(store, ledger, Some(between.after)).await?;
        members.extend(store.derived.once_members(generation, ledger, between).await?);
        members.sort();
        members.dedup();
        Ok(Some(members))
    }

    /// In whose ledger each of Stripe's customers is.
    pub(crate) async fn ledgers_of(
        self,
        store: &ReadStore,
        customers: &[CustomerKey],
        known_at: Option<Seq>,
    ) -> Result<Vec<CustomerKey>, StoreError> {
        let Some(generation) = self.joined else { return Ok(customers.to_vec()) };
        let ledgers = store.derived.ledgers_of(generation, customers, known_at).await?;
        let ledger = |(key, ledger): (&CustomerKey, Option<CustomerId>)| match ledger {
            Some(customer) => CustomerKey { customer, ..key.clone() },
            None => key.clone(),
        };
        Ok(customers.iter().zip(ledgers).map(ledger).collect())
    }

    /// Up to `limit` customers of the ledger with facts, after `after` in the order of keys.
    pub(crate) async fn ledgers(
        self,
        store: &ReadStore,
        after: Option<&CustomerKey>,
        limit: i64,
        known_at: Option<Seq>,
    ) -> Result<Vec<CustomerKey>, StoreError> {
        let Some(generation) = self.joined else { return store.log.customers(after, limit, known_at).await };
        let mut after = after.cloned();
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        loop {
            let customers = store.log.customers(after.as_ref(), limit, known_at).await?;
            let joined = store.derived.joined_ledgers(generation, after.as_ref(), limit, known_at).await?;
            // A full page says how far it is known; the shorter of two how far both are.
            let full = |page: &[CustomerKey]| page.last().filter(|_| page.len() >= most).cloned();
            let end = [full(&customers), full(&joined)].into_iter().flatten().min();
            let places = store.derived.ledgers_of(generation, &customers, known_at).await?;
            let at_home = customers.into_iter().zip(places).filter(|(_, ledger)| ledger.is_none());
            let mut page: Vec<CustomerKey> = at_home.map(|(key, _)| key).chain(joined).collect();
            page.retain(|key| end.as_ref().is_none_or(|end| key <= end));
            page.sort();
            page.dedup();
            page.truncate(most);
            match end {
                Some(end) if page.is_empty() => after = Some(end),
                _ => return Ok(page),
            }
        }
    }
}

/// Looks at the next states of customers up to the log position `to`, or to its end; false while there are more.
pub(super) async fn step(store: &ReadStore, generation: GenerationId, to: Seq) -> Result<bool, StoreError> {
    let Some(Joining { customer_key, joined_to }) = store.derived.joining(generation).await? else { return Ok(true) };
    if joined_to >= to {
        return Ok(true);
    }
    let to = to.min(store.log.horizon().await?);
    if joined_to >= to {
        return Ok(true);
    }
    let stretch = to.min(joined_to.forward(limits::JOIN_EVENTS));
    let told = store.log.customers_told(joined_to, stretch, limits::JOIN_PAGE).await?;
    let full = i64::try_from(told.len()).is_ok_and(|len| len >= limits::JOIN_PAGE);
    let reached = told.last().filter(|_| full).map_or(stretch, |last| last.seq);
    let key = Arc::from(customer_key);
    let belongs: Vec<Belongs> = told.into_iter().filter_map(|told| belongs(told, &key)).collect();
    // Where another process has gone first, its place is looked up anew.
    let moved = store.derived.join(generation, joined_to, reached, &belongs).await?;
    Ok(moved && reached >= to)
}

/// Where a state says that its customer belongs; `None` for a deleted one, which says nothing.
fn belongs(told: CustomerTold, key: &Arc<str>) -> Option<Belongs> {
    let CustomerTold { seq, key: customer, fact, body } = told;
    let ledger = named(living(&fact)?, body.as_deref(), key).unwrap_or_else(|| customer.customer.clone());
    Some(Belongs { seq, key: customer, ledger, at: fact.at, role: fact.role, event: fact.event })
}

/// The ledger one of Stripe's customers belongs to by its newest state among all its facts: what is kept must say the same.
pub(super) async fn by_newest(
    store: &ReadStore,
    customer: &CustomerKey,
    facts: &[Fact],
    key: &Arc<str>,
) -> Result<CustomerId, StoreError> {
    let mut ledger = None;
    if let Some((fact, state)) = newest(facts) {
        let bodies = store.log.bodies(&fact.event).await?;
        ledger = named(state, bodies.first().map(|(_, body)| &body[..]), key);
    }
    Ok(ledger.unwrap_or_else(|| customer.customer.clone()))
}

/// What a state's body names under the key. Simulated time is a ledger of its own (rule `separate-ledgers`), whatever it names.
fn named(state: &CustomerState, body: Option<&[u8]>, key: &Arc<str>) -> Option<CustomerId> {
    let body = body.filter(|_| state.test_clock.is_none())?;
    let metadata: Metadata = customer_metadata(body, std::slice::from_ref(key))?;
    metadata.get(key).map(|value| CustomerId::new(value.clone()))
}
