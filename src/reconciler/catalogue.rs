//! What whoever goes through all customers keeps of one page for the next: facts about the objects they share, and what they
//! tell each other of them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    event::{CustomerKey, Seq},
    ledger::{
        fact::Fact,
        ids::AccountId,
        told::{Lack, tellings},
    },
    limits,
    store::derived::{Lacking, told::Told},
};

/// Within which ledger an object's id means something.
pub(super) type Scope<'a> = (bool, Option<&'a AccountId>);

/// Facts about prices, products and coupons that were read before, for whoever goes through all customers: these share a
/// few of them, and page after page names the same. Some tens of megabytes at most. And what these customers tell each other:
/// the terms that their facts embed, and those that some of them lack.
#[derive(Clone, Debug)]
pub(super) struct Catalogue {
    facts: Arc<Mutex<CatalogueFacts>>,
    heard: Arc<Mutex<Heard>>,
    /// What lies behind it in the log is heard by whoever looks at it there.
    horizon: Seq,
}

#[derive(Debug, Default)]
struct CatalogueFacts {
    of: HashMap<(bool, Option<AccountId>, String), Arc<[Fact]>>,
    facts: usize,
}

#[derive(Debug, Default)]
struct Heard {
    told: HashMap<(bool, Option<AccountId>), HashMap<String, Vec<Told>>>,
    terms: usize,
    lacking: Lacking,
}

impl Catalogue {
    /// An empty one, of the log up to `horizon`.
    pub(super) fn up_to(horizon: Seq) -> Self {
        Self { facts: Arc::default(), heard: Arc::default(), horizon }
    }

    /// Hears the terms that a customer's facts embed, each with its place in the log.
    pub(super) fn hear(&self, (livemode, account): Scope<'_>, facts: &[(Seq, Fact)]) {
        let mut held = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let Heard { told, terms, .. } = &mut *held;
        let told = told.entry((livemode, account.cloned())).or_default();
        for (seq, fact) in facts.iter().filter(|(seq, _)| *seq <= self.horizon) {
            tellings(fact, |telling| {
                let make = || Told::new(livemode, account.cloned(), &telling, *seq, &fact.event);
                match told.get_mut(telling.object()) {
                    Some(known) => match known.iter_mut().find(|one| telling.is(one.state())) {
                        Some(one) if one.seq <= *seq => {}
                        Some(one) => *one = make(),
                        None => {
                            known.push(make());
                            *terms += 1;
                        }
                    },
                    None => {
                        told.insert(telling.object().to_owned(), vec![make()]);
                        *terms += 1;
                    }
                }
            });
        }
    }

    /// Hears what a customer lacks.
    pub(super) fn lack(&self, key: &CustomerKey, lacking: &BTreeSet<Lack>) {
        if !lacking.is_empty() {
            let mut held = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            held.lacking.entry((key.livemode, key.account.clone())).or_default().extend(lacking.iter().cloned());
        }
    }

    /// The terms heard since this was asked last; none while there are fewer than `least`.
    pub(super) fn told(&self, least: usize) -> Vec<Told> {
        let mut held = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if held.terms < least {
            return Vec::new();
        }
        held.terms = 0;
        std::mem::take(&mut held.told).into_values().flat_map(HashMap::into_values).flatten().collect()
    }

    /// What customers lacked so far.
    pub(super) fn lacking(&self) -> Lacking {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).lacking.clone()
    }

    /// The facts about one of a ledger's objects, where they were read before.
    pub(super) fn get(&self, (livemode, account): Scope<'_>, object: &str) -> Option<Arc<[Fact]>> {
        self.held().of.get(&(livemode, account.cloned(), object.to_owned())).cloned()
    }

    pub(super) fn add(&self, (livemode, account): Scope<'_>, object: &str, facts: Arc<[Fact]>) {
        let mut held = self.held();
        // Customers come in the order of their accounts: what is old is of others.
        if held.facts + facts.len() > limits::CATALOGUE_FACTS {
            *held = CatalogueFacts::default();
        }
        held.facts += facts.len();
        held.of.insert((livemode, account.cloned(), object.to_owned()), facts);
    }

    fn held(&self) -> MutexGuard<'_, CatalogueFacts> {
        // Each change leaves it whole, but for a count that only bounds it.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
