//! Ledgers as the log told them up to a place: everybody's, page by page, or some customers' beside what they are now.

use std::sync::Arc;

use crate::{
    event::{CustomerKey, Seq},
    ledger::{fact::Fact, outcome::CustomerLedger, time::Day},
    limits,
    store::{ReadStore, derived::digests::KeptDigest},
};

use super::{
    ReconcileError, Rules,
    derivation::{add_metadata, derive_customers, derive_one, hear_elsewhere, with_references},
    joining::Joins,
};

/// Every customer's ledger under one profile, as the log told it up to a position: page by page, in key order, memory
/// bounded by a page. What `as_known_at` answers from (rule `as-known-at`).
#[derive(Debug)]
pub struct KnownAt<'a> {
    store: &'a ReadStore,
    rules: Arc<Rules>,
    known_at: Option<Seq>,
    cuts: Vec<Day>,
    after: Option<CustomerKey>,
    /// Those that are asked for and still to come; `None` for everybody.
    only: Option<std::vec::IntoIter<CustomerKey>>,
    done: bool,
}

impl<'a> KnownAt<'a> {
    /// Begins at the first customer. `rules` holds the profiles wanted; `None` knows the whole log.
    pub fn new(store: &'a ReadStore, rules: Rules, known_at: Option<Seq>) -> Self {
        Self { store, rules: Arc::new(rules), known_at, cuts: Vec::new(), after: None, only: None, done: false }
    }

    /// Lets no netting window reach over one of these days, in order (`ledger::derive_cut`).
    pub fn cut_at(self, cuts: &[Day]) -> Self {
        Self { cuts: cuts.to_vec(), ..self }
    }

    /// Goes on after a customer; at the first one without it.
    pub(crate) fn after(self, after: Option<CustomerKey>) -> Self {
        Self { after, ..self }
    }

    /// Only these customers, in this order.
    pub fn of_customers(self, customers: Vec<CustomerKey>) -> Self {
        Self { only: Some(customers.into_iter()), ..self }
    }

    /// The next page: each customer with one ledger for each profile, in the order of the rules. `None` after the last.
    ///
    /// Errors when the log can't be read or a customer can't be derived: an answer that leaves one out would be wrong.
    pub async fn next_page(&mut self) -> Result<Option<Vec<(CustomerKey, Vec<CustomerLedger>)>>, ReconcileError> {
        if self.done {
            return Ok(None);
        }
        let joins = Joins::current(self.store, &self.rules.customers, self.known_at).await?;
        let customers = match &mut self.only {
            Some(only) => only.take(usize::try_from(limits::CUSTOMERS_PAGE).unwrap_or(usize::MAX)).collect(),
            None => joins.ledgers(self.store, self.after.as_ref(), limits::CUSTOMERS_PAGE, self.known_at).await?,
        };
        let Some(last) = customers.last() else {
            self.done = true;
            return Ok(None);
        };
        self.after = Some(last.clone());
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let outcomes =
            derive_customers(joins, self.store, &self.rules, &customers, self.known_at, &self.cuts, workers).await?;
        let page = customers.into_iter().zip(outcomes).filter_map(|(customer, outcome)| match outcome {
            Ok(derived) if derived.is_empty() => None,
            Ok(derived) => Some(Ok((customer, derived.into_iter().map(|derived| derived.ledger).collect()))),
            Err(reason) => Some(Err(ReconcileError::Customer { customer, reason })),
        });
        page.collect::<Result<_, _>>().map(Some)
    }
}

/// Some customers' ledgers under one profile, of those who have any.
#[derive(Debug, Default)]
pub(crate) struct ThenAndNow {
    /// As the log told them up to a place.
    pub(crate) then: Vec<(CustomerKey, CustomerLedger)>,
    /// As the log tells them now, with their digests; without those who can't be derived now.
    pub(crate) now: Vec<(CustomerKey, CustomerLedger, KeptDigest)>,
}

/// Derives customers, whom no rule joins with others, under the one profile of `rules`, up to a place and up to the log's end, from
/// one reading of their facts: these lie apart, and reading them costs more than deriving.
///
/// Errors when the log can't be read or a customer can't be derived as of the place.
pub(crate) async fn then_and_now(
    store: &ReadStore,
    rules: Arc<Rules>,
    customers: Vec<CustomerKey>,
    place: Seq,
) -> Result<ThenAndNow, ReconcileError> {
    let placed = store.log.placed_customer_facts(&customers, Some(Seq::END)).await?;
    let by_then = |facts: &Vec<(Seq, Fact)>| {
        let count = facts.partition_point(|(seq, _)| *seq <= place);
        facts[..count].iter().map(|(_, fact)| fact.clone()).collect()
    };
    let earlier = placed.iter().map(by_then).collect();
    let all = placed.into_iter().map(|facts| facts.into_iter().map(|(_, fact)| fact).collect()).collect();
    let mut known = with_references(store, &customers, (earlier, Vec::new()), Some(place), None).await?;
    known.extend(with_references(store, &customers, (all, Vec::new()), None, None).await?);
    // Of both at once: mostly the same event tells it.
    add_metadata(store, &rules, &mut known).await?;
    let joins = Joins::none();
    let (then, now) = known.split_at_mut(customers.len());
    hear_elsewhere(joins, store, &customers, then, Some(place)).await?;
    hear_elsewhere(joins, store, &customers, now, None).await?;
    let deriving = tokio::task::spawn_blocking(move || {
        let mut derived = ThenAndNow::default();
        let (then, now) = known.split_at(customers.len());
        for ((key, then), now) in customers.into_iter().zip(then).zip(now) {
            let ledgers = derive_one(then, &rules);
            let ledgers = ledgers.map_err(|reason| ReconcileError::Customer { customer: key.clone(), reason })?;
            derived.then.extend(ledgers.into_iter().next().map(|one| (key.clone(), one.ledger)));
            if let Some(one) = derive_one(now, &rules).ok().and_then(|ledgers| ledgers.into_iter().next()) {
                let digest = KeptDigest::from_ledger(&one.ledger)?;
                derived.now.push((key, one.ledger, digest));
            }
        }
        Ok(derived)
    });
    deriving.await.map_err(|error| ReconcileError::Worker(error.to_string()))?
}
