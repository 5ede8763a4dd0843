//! The store: SQL only. About fifteen whole operations that speak domain types; no transaction leaks out.
//!
//! One body of statements serves both databases: `body/` is compiled once per driver against a small `dialect`.

pub mod access;
pub mod alerts;
mod anchors;
pub mod audit_trail;
pub mod closings;
pub mod day_sums;
mod errors;
pub mod feeds;
mod health;
pub mod joined;
pub mod names;
pub mod naming;
mod operations;
pub mod planned;
mod postgres;
mod prepared;
mod presence;
pub mod reports;
mod schema;
mod sqlite;
mod tally;
pub mod told;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use thiserror::Error;

use crate::budget::Exceeded;
use crate::ledger::{
    fact::Fact,
    ids::{AccountId, CustomerId, EventId},
    outcome::CustomerLedger,
    time::UnixTime,
    told::Lack,
};

pub use anchors::{Anchors, NoHead, OtherLog, SealHead};
pub use operations::Store;
pub use prepared::Prepared;

/// The store failed. Says what was being done; never holds data of an event.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database can't be reached, is locked, full or read-only: try again later.
    #[error("{doing}: the database is unavailable: {reason}")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// The driver's own words.
        reason: String,
    },
    /// The question that reads costs more than it may.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// The database was written by a newer mrrd, or isn't mrrd's.
    #[error("{0}")]
    Schema(String),
    /// The log is another one than the one remembered beside it, or has lost something: opening it would hide that.
    #[error("{0}")]
    OtherLog(String),
    /// A file is not what SQLite wrote. Derived tables are made again by themselves; the log can't be.
    #[error("{doing}: the database file is damaged: {reason}")]
    Damaged {
        /// What was being done.
        doing: &'static str,
        /// The driver's own words.
        reason: String,
    },
    /// The database refused what it was asked, and would again: a fault of mrrd's, or data that no row holds.
    #[error("{doing}: {source}")]
    Internal {
        /// What was being done.
        doing: &'static str,
        /// The driver's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row can't be read as what it should be.
    #[error("{doing}: {reason}")]
    Corrupt {
        /// What was being done.
        doing: &'static str,
        /// What is wrong with which row.
        reason: String,
    },
}

/// What a process needs the database for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Writing the log: webhooks, alerts.
    Appending,
    /// Writing the derived tables.
    Deriving,
    /// Reading them.
    Answering,
}

impl StoreError {
    /// Whether it came of what was to be written, and not of where: without that, the rest can be written.
    pub fn is_of_the_data(&self) -> bool {
        matches!(self, Self::Internal { .. } | Self::Corrupt { .. })
    }
}

/// Which normaliser read an event last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// One before this version.
    OlderThan(i64),
    /// This version.
    Version(i64),
}

/// Where an event came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Posted by Stripe.
    Webhook,
    /// Read from a file.
    Replay,
    /// An answer of Stripe's API.
    Api,
}

/// What the normaliser made of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// At least one fact.
    Facts(Vec<Fact>),
    /// A type mrrd doesn't read.
    Ignored,
    /// A thin event: its object is fetched later. Holds `snapshot_event` and the related object's id, where named.
    Thin(String),
    /// A type mrrd reads, without a fact; the reason, free of personal data.
    Unreadable(String),
}

/// An event to append, already verified and read.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its id.
    pub id: EventId,
    /// Its type.
    pub kind: Arc<str>,
    /// Whose: `None` for the account's own events.
    pub account: Option<AccountId>,
    /// Live or test.
    pub livemode: bool,
    /// Stripe's `created`.
    pub created: UnixTime,
    /// The shape's version.
    pub api_version: Option<Arc<str>>,
    /// Our clock.
    pub received_at: UnixTime,
    /// Where it came from.
    pub source: Source,
    /// The very bytes received.
    pub body: bytes::Bytes,
    /// What the normaliser made of it.
    pub reading: Reading,
}

/// What became of an appended event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is new, at this place in the log.
    New(i64),
    /// The log had it.
    Duplicate,
    /// The log had it in another shape: kept as a variant at this place (rule `variants`).
    Variant(i64),
}

/// An event as the log lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Its place in the log.
    pub seq: i64,
    /// Its id.
    pub id: EventId,
    /// 0 for the first body seen of its id.
    pub variant: i64,
    /// Its type.
    pub kind: String,
    /// Whose.
    pub account: Option<AccountId>,
    /// Live or test.
    pub livemode: bool,
    /// Stripe's `created`.
    pub created: UnixTime,
    /// The shape's version.
    pub api_version: Option<String>,
    /// Our clock.
    pub received_at: UnixTime,
    /// `webhook`, `replay` or `api`.
    pub source: String,
    /// `facts`, `ignored`, `unreadable` or `thin`.
    pub reading: String,
    /// Why it is unreadable, or what a thin event points to.
    pub reason: Option<String>,
}

/// Which events to list.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Exactly this type, or a prefix ending in `*`.
    pub kind: Option<String>,
    /// Created at or after.
    pub since: Option<UnixTime>,
    /// Created before.
    pub until: Option<UnixTime>,
    /// `facts`, `ignored`, `unreadable` or `thin`.
    pub reading: Option<String>,
    /// How it came: `webhook`, `replay` or `api`.
    pub source: Option<String>,
    /// Only this customer's.
    pub customer: Option<CustomerId>,
    /// Only live or test ones.
    pub livemode: Option<bool>,
    /// Only this account's; `Some(None)` the account's own.
    pub account: Option<Option<AccountId>>,
}

/// The unit of recomputation: one customer of one account, live or test.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerKey {
    /// Live or test.
    pub livemode: bool,
    /// `None` for the account's own.
    pub account: Option<AccountId>,
    /// The customer.
    pub customer: CustomerId,
}

/// A dirty customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Who.
    pub key: CustomerKey,
    /// The least seq not yet applied.
    pub first_seq: i64,
    /// The mark is cleared only if this is unchanged.
    pub last_seq: i64,
}

/// One generation of the derived tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Its number.
    pub id: i64,
    /// Answers come from the current one.
    pub current: bool,
    /// What it was computed under.
    pub fingerprint: String,
    /// Last log seq whose customers are marked.
    pub position: i64,
}

/// How far the log reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogHead {
    /// Distinct events.
    pub events: i64,
    /// The greatest seq that every reader may see.
    pub last_seq: i64,
    /// Events of types mrrd doesn't read.
    pub ignored: i64,
    /// Events that should have yielded a fact.
    pub unreadable: i64,
    /// Events that only point to an object.
    pub thin: i64,
}

/// One customer's rows under one profile.
#[derive(Clone, Debug)]
pub struct Derived {
    /// The profile's name.
    pub profile: Arc<str>,
    /// The rows.
    pub ledger: CustomerLedger,
}

/// A customer's rows under each profile, in a generation that has none of it yet.
#[derive(Clone, Debug)]
pub struct Filled {
    /// Whose.
    pub key: CustomerKey,
    /// The prices, products, coupons and discounts its facts name.
    pub references: Vec<String>,
    /// One for each profile.
    pub derived: Vec<Derived>,
}

/// What customers of each ledger named whose terms neither they nor facts about it told.
pub type Lacking = BTreeMap<(bool, Option<AccountId>), BTreeSet<Lack>>;

impl Filled {
    /// About how many rows it comes to.
    pub fn rows(&self) -> usize {
        let of = |ledger: &CustomerLedger| {
            let parts: usize = ledger.movements.iter().map(|movement| 1 + movement.parts.len()).sum();
            ledger.deltas.len() + ledger.counts.len() + parts + ledger.subscriptions.len() + ledger.quality.len() + 1
        };
        self.references.len() + self.derived.iter().map(|derived| of(&derived.ledger)).sum::<usize>()
    }
}

/// What an advance did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Advanced {
    /// The position now.
    pub position: i64,
    /// Events looked at: 0 when there was nothing new.
    pub read: i64,
    /// Customers marked.
    pub marked: i64,
}

/// A stretch of the log that was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its first seq.
    pub from_seq: i64,
    /// Its last seq.
    pub to_seq: i64,
    /// Events in it.
    pub events: i64,
}

/// What holding the log against its seals showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainReport {
    /// The last seq that a seal covers, and found as it was sealed.
    pub sealed_to: i64,
    /// Events after it, held against their digests only.
    pub unsealed: i64,
    /// The first thing that differs, in words; `None` when all is as it was.
    pub first_difference: Option<String>,
}

/// A digest of one customer's rows under one profile, and the place where the next page of digests begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dumped {
    /// The profile.
    pub profile: String,
    /// Whose rows.
    pub key: CustomerKey,
    /// SHA-256 of the rows in their canonical form, the same on every database.
    pub digest: [u8; 32],
}

/// The sum of a day that isn't that of its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongDay {
    /// Under which profile.
    pub profile: Arc<str>,
    /// In which table.
    pub table: &'static str,
    /// Which day, and of which rows.
    pub what: String,
}

/// A month of which bodies lay in the default partition before it had one of its own: they stay there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateMonth {
    /// The name of its own partition.
    pub partition: String,
    /// From when on that takes what is received; `None` where there is no room left for it.
    pub from: Option<UnixTime>,
}

/// Bodies erased at one time for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// When.
    pub at: UnixTime,
    /// Why, as it was given.
    pub reason: String,
    /// How many.
    pub bodies: i64,
}

/// How many connections to keep.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Readers of the log, and as many of the derived tables.
    pub readers: u32,
    /// What to do with a log that isn't the one remembered beside it.
    pub other_log: OtherLog,
}

impl Default for Options {
    fn default() -> Self {
        Self { readers: 8, other_log: OtherLog::Refuse }
    }
}

impl Source {
    /// As the log names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Replay => "replay",
            Self::Api => "api",
        }
    }
}
