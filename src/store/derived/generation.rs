//! A generation of the derived tables: its marks, the rows of its customers, and what is done with them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use serde::Serialize;

use super::sum::amounts_fit;
use crate::{
    event::{CustomerKey, Seq},
    ledger::{
        ids::AccountId,
        money::{Currency, Mrr},
        outcome::CustomerLedger,
        told::Lack,
    },
};

/// Version of the sums beside the rows, and of what rows hold for one question alone (`movement_part.moved_on`, `prospect`): raise
/// it when more is kept, or otherwise. A generation keeps the version it was filled under; sums of another one are read by nobody, and the
/// reconciler rebuilds behind it.
pub const SUMS_VERSION: i64 = 8;

/// One ledger: what MRR may be summed over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Book {
    /// The name of the profile.
    pub profile: String,
    /// True in live mode, false in test mode.
    pub livemode: bool,
    /// `None` for the account's own.
    pub account: Option<AccountId>,
    /// The currency of its amounts.
    pub currency: Currency,
}

/// What differs between two generations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Customers under each profile in either of them.
    pub ledgers: u64,
    /// Of these, how many have other rows in the second than in the first; those of only one of them included.
    pub changed: u64,
    /// MRR in each, wherever anything counted.
    pub mrr: [BTreeMap<Book, Mrr>; 2],
}

/// A customer whose rows are older than its facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The customer whose ledger it is.
    pub key: CustomerKey,
    /// The least seq not yet applied.
    pub first_seq: Seq,
    /// The mark is cleared only if this is unchanged.
    pub last_seq: Seq,
}

/// Whose marks are taken. Of those marked by events of their own half are the longest waiting and half the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turns {
    /// Of those marked by events of their own as many as come, but a quarter at least of those that only name what has changed: a
    /// price that a hundred thousand customers pay marks them all, and who subscribes meanwhile mustn't wait behind them.
    All,
    /// Those alone that events of their own have marked.
    Own,
}

/// The number of a generation: none is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct GenerationId(pub i64);

impl fmt::Display for GenerationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How far a generation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The last place of the log whose customers are marked.
    pub position: Seq,
    /// The least place not yet applied to its customer; `None` where no customer is marked.
    pub first_marked: Option<Seq>,
}

impl Applied {
    /// The greatest place up to which everything is in the rows.
    pub fn seq(self) -> Seq {
        self.first_marked.map_or(self.position, |first| self.position.min(first.before()))
    }
}

/// One generation of the derived tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// The number by which statements name it.
    pub id: GenerationId,
    /// Answers come from the current one.
    pub current: bool,
    /// What it was computed under.
    pub fingerprint: String,
    /// Last log seq whose customers are marked.
    pub position: Seq,
}

/// One customer's rows under one profile.
#[derive(Clone, Debug)]
pub struct ProfileLedger {
    /// The name of the profile.
    pub profile: Arc<str>,
    /// The customer's rows under that profile.
    pub ledger: CustomerLedger,
}

/// A customer's rows under each profile, in a generation that has none of it yet.
#[derive(Clone, Debug)]
pub struct Filled {
    /// The customer whose ledger it is.
    pub key: CustomerKey,
    /// The prices, products, coupons and discounts its facts name.
    pub references: Vec<String>,
    /// The customer's rows, one ledger for each profile kept.
    pub derived: Vec<ProfileLedger>,
}

/// What customers of each ledger named whose terms neither they nor facts about it told.
pub type Lacking = BTreeMap<(bool, Option<AccountId>), BTreeSet<Lack>>;

impl Filled {
    /// Whether every amount is one that a row holds.
    pub fn fits(&self) -> bool {
        self.derived.iter().all(|derived| amounts_fit(&derived.ledger).is_ok())
    }

    /// About how many rows it comes to.
    pub fn rows(&self) -> usize {
        let of = |ledger: &CustomerLedger| {
            let parts: usize = ledger.movements.iter().map(|movement| 1 + movement.parts.len()).sum();
            ledger.deltas.len()
                + ledger.counts.len()
                + parts
                + ledger.subscriptions.len()
                + ledger.quality.len()
                + ledger.prospects.len()
                + 1
        };
        self.references.len() + self.derived.iter().map(|derived| of(&derived.ledger)).sum::<usize>()
    }
}

/// How far an advance came, and what it marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Advanced {
    /// The last seq whose customers are marked, after the advance.
    pub position: Seq,
    /// Events looked at: 0 when there was nothing new.
    pub read: i64,
    /// Customers that were marked, each once.
    pub marked: i64,
}

/// A digest of one customer's rows under one profile, and the place where the next page of digests begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dumped {
    /// The name of the profile.
    pub profile: String,
    /// The customer whose rows they are.
    pub key: CustomerKey,
    /// SHA-256 of the rows in their canonical form, the same on every database.
    pub digest: [u8; 32],
}

/// The sum of a day that isn't that of its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongDay {
    /// The profile under whose rules the rows are.
    pub profile: Arc<str>,
    /// The table that holds it.
    pub table: &'static str,
    /// Which day, and of which rows.
    pub what: String,
}
