//! What a stretch of the log says: whom it is about, what it names, and of which objects it tells something new.

use std::collections::{BTreeMap, BTreeSet};

use super::rows;
use crate::{
    event::{Seq, naming},
    ledger::{
        fact::Fact,
        told::tellings,
        told_again::{Adds, adds},
    },
    store::{derived::told::Told, log::prepared::clean},
};

/// One customer or object, within its ledger.
pub(in super::super) type Scoped = (bool, String, String);

/// Customers or objects, each with the least and the greatest place in the log that touches it.
pub(in super::super) type Marks = BTreeMap<Scoped, (Seq, Seq)>;

/// Adds places in the log to a mark, or makes it.
pub(in super::super) fn touch(marks: &mut Marks, of: Scoped, (first, last): (Seq, Seq)) {
    let mark = marks.entry(of).or_insert((first, last));
    *mark = (mark.0.min(first), mark.1.max(last));
}

/// Facts about objects of one ledger that are no customer's, in the log's order.
type About = BTreeMap<String, Vec<(Seq, Fact)>>;

/// What a stretch of the log says.
#[derive(Default)]
pub(in super::super) struct Stretch {
    /// Customers with facts of their own.
    pub(in super::super) customers: Marks,
    /// Objects without a customer of which something new is told.
    pub(in super::super) objects: Marks,
    /// Objects that are told again as they were, with the digest of their terms: they touch somebody only where customers'
    /// facts embed other terms of them.
    pub(in super::super) again: BTreeMap<(Scoped, String), (Seq, Seq)>,
    /// Which object which customer names.
    pub(in super::super) references: BTreeSet<(Scoped, String)>,
    /// Terms that customers' facts embed, by the object's id.
    pub(in super::super) told: BTreeMap<Scoped, Vec<Told>>,
    /// What isn't weighed yet, by ledger.
    about: BTreeMap<(bool, String), About>,
}

impl Stretch {
    /// Takes a customer's fact.
    pub(in super::super) fn add(&mut self, customer: Scoped, seq: Seq, fact: &Fact) {
        for object in naming::references(fact) {
            self.references.insert((customer.clone(), clean(object)));
        }
        self.take_terms(customer.0, &customer.1, seq, fact);
        touch(&mut self.customers, customer, (seq, seq));
    }

    /// Takes a fact about an object that is no customer's, to be weighed.
    pub(in super::super) fn add_object(&mut self, (livemode, account, object): Scoped, seq: Seq, fact: Fact) {
        self.about.entry((livemode, account)).or_default().entry(object).or_default().push((seq, fact));
    }

    /// The objects that are to be weighed, by ledger.
    pub(in super::super) fn to_weigh(&self) -> Vec<((bool, String), Vec<String>)> {
        self.about.iter().map(|(ledger, about)| (ledger.clone(), about.keys().cloned().collect())).collect()
    }

    /// Weighs what the stretch tells of a ledger's objects against all facts about them that lie before it.
    pub(in super::super) fn weigh(&mut self, ledger: &(bool, String), before: Vec<Fact>) {
        let mut known: BTreeMap<String, Vec<Fact>> = BTreeMap::new();
        for fact in before {
            if let Some(object) = naming::object(&fact).map(clean) {
                known.entry(object).or_default().push(fact);
            }
        }
        for (object, facts) in self.about.remove(ledger).unwrap_or_default() {
            let mut before = known.remove(&object).unwrap_or_default();
            let of = (ledger.0, ledger.1.clone(), object);
            for (seq, fact) in facts {
                match adds(&fact, &before) {
                    Adds::Something => touch(&mut self.objects, of.clone(), (seq, seq)),
                    Adds::Nothing => {}
                    Adds::NothingBeside(telling) => {
                        let account = rows::account_of(ledger.1.clone());
                        let told = Told::new(ledger.0, account, &telling, seq, &fact.event);
                        let mark = self.again.entry((of.clone(), told.digest().to_owned())).or_insert((seq, seq));
                        *mark = (mark.0.min(seq), mark.1.max(seq));
                    }
                }
                before.push(fact);
            }
        }
    }

    /// Takes the terms that a customer's fact embeds, each once.
    fn take_terms(&mut self, livemode: bool, account: &str, seq: Seq, fact: &Fact) {
        tellings(fact, |telling| {
            let object = (livemode, account.to_owned(), telling.object().to_owned());
            let known = self.told.entry(object).or_default();
            if !known.iter().any(|one| telling.is(one.state())) {
                known.push(Told::new(livemode, rows::account_of(account.to_owned()), &telling, seq, &fact.event));
            }
        });
    }
}
