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

/// The places in the log that touch a customer or an object: the least and the greatest, and the least of those that tell of the
/// customer itself.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Touches {
    pub(in super::super) first: Seq,
    pub(in super::super) last: Seq,
    pub(in super::super) own: Option<Seq>,
}

impl Touches {
    /// An event of the customer's own.
    fn own(place: Seq) -> Self {
        Self { own: Some(place), ..Self::by_object(place) }
    }

    /// One of an object, which whoever names it is touched by.
    pub(in super::super) fn by_object(place: Seq) -> Self {
        Self::between(place, place)
    }

    /// Places of which none is known to be of the customer's own.
    pub(in super::super) fn between(first: Seq, last: Seq) -> Self {
        Self { first, last, own: None }
    }

    /// Both.
    pub(in super::super) fn and(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            own: self.own.into_iter().chain(other.own).min(),
        }
    }
}

/// Customers or objects, each with the places in the log that touch it.
pub(in super::super) type Marks = BTreeMap<Scoped, Touches>;

/// Adds places in the log to a mark, or makes it.
pub(in super::super) fn touch(marks: &mut Marks, of: Scoped, places: Touches) {
    let mark = marks.entry(of).or_insert(places);
    *mark = mark.and(places);
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
    pub(in super::super) again: BTreeMap<(Scoped, String), Touches>,
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
        touch(&mut self.customers, customer, Touches::own(seq));
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
                    Adds::Something => touch(&mut self.objects, of.clone(), Touches::by_object(seq)),
                    Adds::Nothing => {}
                    Adds::NothingBeside(telling) => {
                        let account = rows::account_of(ledger.1.clone());
                        let told = Told::new(ledger.0, account, &telling, seq, &fact.event);
                        let place = Touches::by_object(seq);
                        let mark = self.again.entry((of.clone(), told.digest().to_owned())).or_insert(place);
                        *mark = mark.and(place);
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
