//! From customers to their rows: facts read by the page, ledgers derived on threads of their own.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    config::customers::CustomerRules,
    event::{CustomerKey, Seq, naming},
    ledger::{
        self, CustomerFacts,
        fact::Fact,
        ids::CustomerId,
        profile::Profile,
        time::Day,
        told::{Lack, lacking},
    },
    store::{ReadStore, StoreError, derived::ProfileLedger},
};

use super::{
    ReconcileError, Rules,
    catalogue::{Catalogue, Scope},
    customers::Metadata,
    guard::guarded,
    joining::Joins,
};

/// One customer's facts and those about the objects they name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CustomerInput {
    pub(crate) customer: CustomerId,
    pub(crate) facts: Vec<Fact>,
    pub(crate) references: Vec<Fact>,
    /// The objects its facts name.
    pub(crate) named: Vec<String>,
    pub(crate) metadata: Metadata,
    /// Stripe's customers whose facts these are, in this order; empty where they are all one customer's own.
    pub(crate) members: Vec<Member>,
    /// What its facts name whose terms they don't tell: what other customers' facts tell of it is among `references`.
    pub(crate) lacking: BTreeSet<Lack>,
}

/// One of Stripe's customers in a ledger that `ledger.customer_key` joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) key: CustomerKey,
    /// How many facts are its own.
    facts: usize,
    /// The objects these name.
    pub(crate) named: Vec<String>,
    /// What tells whether it is left out.
    metadata: Metadata,
}

impl CustomerInput {
    /// Whether `ledger.exclude` leaves all of it out.
    pub(crate) fn is_left_out(&self, rules: &CustomerRules) -> bool {
        let name = self.customer.as_str();
        if self.members.is_empty() {
            return rules.leaves_out(name, &self.metadata);
        }
        // The name of one of Stripe's customers means that one, also where the ledger is called after it.
        let own = rules.names(name) && self.members.iter().all(|member| member.key.customer != self.customer);
        own || self.members.iter().all(|member| member.is_left_out(rules))
    }

    /// The facts that count: those of customers that `ledger.exclude` doesn't leave out; all of them where it leaves out all.
    pub(crate) fn counted(&self, rules: &CustomerRules) -> Cow<'_, [Fact]> {
        if self.members.iter().all(|member| !member.is_left_out(rules)) || self.is_left_out(rules) {
            return Cow::Borrowed(&self.facts);
        }
        let mut rest = self.facts.as_slice();
        let mut counted = Vec::with_capacity(rest.len());
        for member in &self.members {
            let (own, others) = rest.split_at(member.facts.min(rest.len()));
            if !member.is_left_out(rules) {
                counted.extend_from_slice(own);
            }
            rest = others;
        }
        Cow::Owned(counted)
    }
}

impl Member {
    fn is_left_out(&self, rules: &CustomerRules) -> bool {
        rules.leaves_out(self.key.customer.as_str(), &self.metadata)
    }
}

/// What became of a customer: its rows under each profile in the order of the rules, none at all where nothing is known of
/// it (any more), or why there are none.
pub(crate) type Outcome = Result<Vec<ProfileLedger>, String>;

/// Derives `customers` under every profile, from the facts up to the log position `known_at`, in the order asked for;
/// no netting window reaches over one of `cuts`.
///
/// Errors when the facts can't be read; a customer whose derivation fails is told apart in its outcome.
pub(super) async fn derive_customers(
    joins: Joins,
    store: &ReadStore,
    rules: &Arc<Rules>,
    customers: &[CustomerKey],
    known_at: Option<Seq>,
    cuts: &[Day],
    workers: usize,
) -> Result<Vec<Outcome>, ReconcileError> {
    let mut known = read_with(joins, store, rules, customers, known_at, None).await?;
    let cuts: Arc<[Day]> = cuts.into();
    let share = known.len().div_ceil(workers.max(1)).max(1);
    let mut tasks = Vec::new();
    while !known.is_empty() {
        let rest = known.split_off(share.min(known.len()));
        let (rules, cuts) = (rules.clone(), cuts.clone());
        tasks.push(tokio::task::spawn_blocking(move || {
            known.iter().map(|known| derive_cut(known, &rules, &cuts)).collect::<Vec<_>>()
        }));
        known = rest;
    }
    let mut outcomes = Vec::with_capacity(customers.len());
    for task in tasks {
        outcomes.extend(task.await.map_err(|error| ReconcileError::Worker(error.to_string()))?);
    }
    Ok(outcomes)
}

/// Derives one customer under every profile.
pub(crate) fn derive_one(known: &CustomerInput, rules: &Rules) -> Outcome {
    derive_cut(known, rules, &[])
}

fn derive_cut(known: &CustomerInput, rules: &Rules, cuts: &[Day]) -> Outcome {
    let CustomerInput { customer, references, metadata, .. } = known;
    if known.facts.is_empty() {
        return Ok(Vec::new());
    }
    let (facts, left_out) = (known.counted(&rules.customers), known.is_left_out(&rules.customers));
    let input = CustomerFacts { customer, facts: &facts, references };
    let one = |profile: &Profile| {
        let derive = || {
            let native = ledger::derive_cut(input, profile, &rules.zone, cuts);
            match profile.reporting {
                Some(to) => ledger::fx::convert(&native, to, profile, &rules.rates, &rules.zone, cuts),
                None => native,
            }
        };
        let ledger = rules.customers.apply(left_out, metadata, guarded(profile, derive)?);
        Ok(ProfileLedger { profile: profile.name.clone(), ledger })
    };
    rules.profiles.iter().map(one).collect()
}

/// Reads what the log, up to `known_at`, knows of each customer.
pub(crate) async fn read(
    store: &ReadStore,
    rules: &Rules,
    customers: &[CustomerKey],
    known_at: Option<Seq>,
) -> Result<Vec<CustomerInput>, ReconcileError> {
    let joins = Joins::current(store, &rules.customers, known_at).await?;
    read_with(joins, store, rules, customers, known_at, None).await
}

/// The same of the customers as a generation joins them, asking the log only for what the catalogue doesn't hold; it must be
/// of the same position.
pub(super) async fn read_with(
    joins: Joins,
    store: &ReadStore,
    rules: &Rules,
    customers: &[CustomerKey],
    known_at: Option<Seq>,
    catalogue: Option<&Catalogue>,
) -> Result<Vec<CustomerInput>, ReconcileError> {
    let (facts, members) = match joins.members(store, customers, known_at).await? {
        None => (facts_of(store, customers, known_at, catalogue).await?, Vec::new()),
        Some(members) => read_members(store, rules, members, known_at, catalogue).await?,
    };
    let mut known = with_references(store, customers, (facts, members), known_at, catalogue).await?;
    add_metadata(store, rules, &mut known).await?;
    // While a generation is filled, not all is heard yet: who lacks something is derived once more at its end.
    if catalogue.is_none() {
        hear_elsewhere(joins, store, customers, &mut known, known_at).await?;
    }
    Ok(known)
}

/// What is known of customers of whom these are the facts, and whose they are, with the facts about the objects they name.
pub(super) async fn with_references(
    store: &ReadStore,
    customers: &[CustomerKey],
    (facts, members): (Vec<Vec<Fact>>, Vec<Vec<Member>>),
    known_at: Option<Seq>,
    catalogue: Option<&Catalogue>,
) -> Result<Vec<CustomerInput>, ReconcileError> {
    let named: Vec<BTreeSet<&str>> = facts.iter().map(|facts| named(facts)).collect();
    let mut objects: BTreeMap<Scope<'_>, BTreeSet<&str>> = BTreeMap::new();
    for (key, named) in customers.iter().zip(&named) {
        objects.entry((key.livemode, key.account.as_ref())).or_default().extend(named);
    }
    let mut known_of: BTreeMap<Scope<'_>, BTreeMap<String, Arc<[Fact]>>> = BTreeMap::new();
    for (scope, objects) in &objects {
        let by_object = known_of.entry(*scope).or_default();
        let mut unread = Vec::new();
        for object in objects {
            match catalogue.and_then(|catalogue| catalogue.get(*scope, object)) {
                Some(facts) => drop(by_object.insert((*object).to_owned(), facts)),
                None => unread.push(*object),
            }
        }
        let mut read: BTreeMap<String, Vec<Fact>> = BTreeMap::new();
        for fact in store.log.reference_facts(scope.0, scope.1, &unread, known_at).await? {
            if let Some(object) = naming::object(&fact) {
                read.entry(object.to_owned()).or_default().push(fact);
            }
        }
        for (object, facts) in read {
            let facts: Arc<[Fact]> = facts.into();
            if let Some(catalogue) = catalogue {
                catalogue.add(*scope, &object, facts.clone());
            }
            by_object.insert(object, facts);
        }
    }
    let named: Vec<(Vec<String>, Vec<Fact>)> = customers
        .iter()
        .zip(&named)
        .map(|(key, named)| {
            let known = known_of.get(&(key.livemode, key.account.as_ref()));
            let of = |object: &&str| {
                known.and_then(|known| known.get(*object)).into_iter().flat_map(|facts| facts.iter()).cloned()
            };
            (named.iter().map(|object| (*object).to_owned()).collect(), named.iter().flat_map(of).collect())
        })
        .collect();
    let (mut known, mut members) = (Vec::with_capacity(customers.len()), members.into_iter());
    for ((key, facts), (named, references)) in customers.iter().zip(facts).zip(named) {
        let members = members.next().unwrap_or_default();
        let customer = key.customer.clone();
        let lacking = lacking(&facts, &references);
        known.push(CustomerInput { customer, facts, references, named, metadata: Metadata::new(), members, lacking });
    }
    Ok(known)
}

/// Adds the metadata that counts for each.
pub(super) async fn add_metadata(
    store: &ReadStore,
    rules: &Rules,
    known: &mut [CustomerInput],
) -> Result<(), ReconcileError> {
    let counted: Vec<_> = known.iter().map(|one| one.counted(&rules.customers)).collect();
    let metadata = rules.customers.metadata(store, &counted).await?;
    for (one, metadata) in known.iter_mut().zip(metadata) {
        one.metadata = metadata;
    }
    Ok(())
}

/// Adds to the references of each customer what other customers' facts tell of the terms it lacks.
pub(super) async fn hear_elsewhere(
    joins: Joins,
    store: &ReadStore,
    customers: &[CustomerKey],
    known: &mut [CustomerInput],
    known_at: Option<Seq>,
) -> Result<(), ReconcileError> {
    let mut scopes: BTreeMap<Scope<'_>, BTreeSet<String>> = BTreeMap::new();
    for (key, one) in customers.iter().zip(&*known).filter(|(_, one)| !one.lacking.is_empty()) {
        let objects = scopes.entry((key.livemode, key.account.as_ref())).or_default();
        objects.extend(one.lacking.iter().map(|lack| lack.object.clone()));
    }
    if scopes.is_empty() {
        return Ok(());
    }
    for (scope, objects) in scopes {
        let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
        let mut told: BTreeMap<String, Vec<Fact>> = BTreeMap::new();
        for (_, object, fact) in told_of(joins, store, scope, &objects, known_at).await? {
            told.entry(object).or_default().push(fact);
        }
        let of_scope = customers.iter().zip(&mut *known);
        for (_, one) in of_scope.filter(|(key, _)| (key.livemode, key.account.as_ref()) == scope) {
            let heard = one.lacking.iter().filter_map(|lack| told.get(&lack.object)).flatten();
            one.references.extend(heard.cloned());
        }
    }
    Ok(())
}

/// What other customers' facts tell of the terms that one lacks, each with the first place in the log that tells it.
pub(crate) async fn told_elsewhere(
    joins: Joins,
    store: &ReadStore,
    key: &CustomerKey,
    lacking: &BTreeSet<Lack>,
    known_at: Option<Seq>,
) -> Result<Vec<(Seq, Fact)>, StoreError> {
    let objects: Vec<&str> = lacking.iter().map(|lack| lack.object.as_str()).collect();
    let told = told_of(joins, store, (key.livemode, key.account.as_ref()), &objects, known_at).await?;
    let mut told: Vec<(Seq, Fact)> = told.into_iter().map(|(seq, _, fact)| (seq, fact)).collect();
    told.sort_by_key(|(seq, _)| *seq);
    Ok(told)
}

/// What facts tell of some of a ledger's objects, as the generation that knows it has it.
async fn told_of(
    joins: Joins,
    store: &ReadStore,
    (livemode, account): Scope<'_>,
    objects: &[&str],
    known_at: Option<Seq>,
) -> Result<Vec<(Seq, String, Fact)>, StoreError> {
    if objects.is_empty() {
        return Ok(Vec::new());
    }
    let mut known_in = joins.told_in(store).await?;
    while let Some(generation) = known_in {
        let told = store.derived.told(generation, livemode, account, objects, known_at).await?;
        // One that is replaced is dropped at once: what was read of it may be less than it held.
        known_in = joins.told_in(store).await?;
        if known_in == Some(generation) {
            return Ok(told);
        }
    }
    Ok(Vec::new())
}

/// Each customer's facts; the catalogue hears the terms they embed.
async fn facts_of(
    store: &ReadStore,
    customers: &[CustomerKey],
    known_at: Option<Seq>,
    catalogue: Option<&Catalogue>,
) -> Result<Vec<Vec<Fact>>, StoreError> {
    let Some(catalogue) = catalogue else { return store.log.customer_facts(customers, known_at).await };
    let placed = store.log.placed_customer_facts(customers, known_at).await?;
    let facts = customers.iter().zip(placed).map(|(key, facts)| {
        catalogue.hear((key.livemode, key.account.as_ref()), &facts);
        facts.into_iter().map(|(_, fact)| fact).collect()
    });
    Ok(facts.collect())
}

/// The facts of each ledger's customers, one customer after the other, and whose they are where they aren't its own alone.
async fn read_members(
    store: &ReadStore,
    rules: &Rules,
    ledgers: Vec<Vec<CustomerKey>>,
    known_at: Option<Seq>,
    catalogue: Option<&Catalogue>,
) -> Result<(Vec<Vec<Fact>>, Vec<Vec<Member>>), ReconcileError> {
    let all: Vec<CustomerKey> = ledgers.iter().flatten().cloned().collect();
    let facts_of_all = facts_of(store, &all, known_at, catalogue).await?;
    let metadata_of_all = rules.customers.excluding_metadata(store, &facts_of_all).await?;
    let mut of_all = facts_of_all.into_iter().zip(metadata_of_all);
    let (mut facts, mut members) = (Vec::with_capacity(ledgers.len()), Vec::with_capacity(ledgers.len()));
    for keys in ledgers {
        let (mut of_ledger, mut its_members) = (Vec::new(), Vec::with_capacity(keys.len()));
        for (key, (own, metadata)) in keys.into_iter().zip(&mut of_all) {
            let named = named(&own).into_iter().map(str::to_owned).collect();
            its_members.push(Member { key, facts: own.len(), named, metadata });
            of_ledger.extend(own);
        }
        its_members.retain(|member| member.facts > 0);
        facts.push(of_ledger);
        members.push(its_members);
    }
    Ok((facts, members))
}

/// Every object that one of `facts` names.
fn named(facts: &[Fact]) -> BTreeSet<&str> {
    let mut named = BTreeSet::new();
    facts.iter().for_each(|fact| naming::add_references(fact, &mut named));
    named
}
