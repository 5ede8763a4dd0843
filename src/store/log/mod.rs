//! The log: events, their bodies and facts, for ever. Appended to and read, never changed; what is erased leaves a row that says so.

mod filter;
pub(super) mod looked;
pub mod prepared;
pub(super) mod tally;

use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use bytes::Bytes;

pub use self::{filter::EventFilter, prepared::Prepared, tally::LogHead};
use super::{
    Keeping, StoreError,
    anchors::SealHead,
    database::{Database, either},
    derived::joined::CustomerTold,
    errors::in_time,
};
use crate::{
    event::{CustomerKey, EventRow, NewEvent, Reading, Seq, SeqRange, Source},
    ledger::{
        fact::Fact,
        ids::{AccountId, EventId},
        time::UnixTime,
    },
    limits,
};

/// Reads the log. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ReadLog(pub(super) Database);

/// Reads the log and writes it: only who takes events in, seals or erases is handed one.
#[derive(Clone, Debug)]
pub struct Log(pub(super) ReadLog, pub(super) Keeping);

impl Deref for Log {
    type Target = ReadLog;

    fn deref(&self) -> &ReadLog {
        &self.0
    }
}

/// Which normaliser read an event last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadBy {
    /// Those that a version before this one read last.
    OlderThan(i64),
    /// Those that this version read.
    Version(i64),
}

/// What became of an appended event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is new, at this place in the log.
    New(Seq),
    /// The log had the same event: nothing was written.
    Duplicate,
    /// The log had it in another shape: kept as a variant at this place (rule `variants`).
    Variant(Seq),
}

/// A stretch of the log that was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The seq of its first event.
    pub from_seq: Seq,
    /// The seq of its last event.
    pub to_seq: Seq,
    /// How many events it covers.
    pub events: i64,
}

/// What holding the log against its seals showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainReport {
    /// The last seq that a seal covers, and found as it was sealed.
    pub sealed_to: Seq,
    /// Events after it, held against their digests only.
    pub unsealed: i64,
    /// The first thing that differs, in words; `None` when all is as it was.
    pub first_difference: Option<String>,
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
    /// When it was done, by mrrd's clock.
    pub at: UnixTime,
    /// Why, as it was given.
    pub reason: String,
    /// How many bodies were erased.
    pub bodies: i64,
}

impl ReadLog {
    /// How far the log reaches, and what is in it.
    pub async fn head(&self) -> Result<LogHead, StoreError> {
        either!(self.0, database => database.head().await)
    }

    /// The greatest seq that every reader may see: nothing at or below it will still appear.
    pub async fn horizon(&self) -> Result<Seq, StoreError> {
        either!(self.0, database => database.horizon().await)
    }

    /// The greatest seq there is: whatever was acknowledged lies at or before it, and below it something may still appear.
    pub async fn end(&self) -> Result<Seq, StoreError> {
        either!(self.0, database => database.end().await)
    }

    /// When the last `limit` events were made that webhooks brought, none of them after `until`; the last to arrive first.
    pub async fn heard(&self, until: UnixTime, limit: i64) -> Result<Vec<UnixTime>, StoreError> {
        either!(self.0, database => database.heard(until, limit).await)
    }

    /// Up to `limit` events after `after_seq`, in the log's order.
    pub async fn events(&self, filter: &EventFilter, after_seq: Seq, limit: i64) -> Result<Vec<EventRow>, StoreError> {
        either!(self.0, database => database.events(filter, after_seq, limit).await)
    }

    /// The newest event that came one way: `webhook`, `replay` or `api`.
    pub async fn newest_of(&self, source: Source) -> Result<Option<EventRow>, StoreError> {
        either!(self.0, database => database.newest_of(source).await)
    }

    /// Up to `limit` events of a filter, newest first, from before a place in the log.
    pub async fn events_back(
        &self,
        filter: &EventFilter,
        before_seq: Option<Seq>,
        limit: i64,
    ) -> Result<Vec<EventRow>, StoreError> {
        either!(self.0, database => database.events_back(filter, before_seq, limit).await)
    }

    /// The event with this id, as it was first seen.
    pub async fn event(&self, id: &EventId) -> Result<Option<EventRow>, StoreError> {
        either!(self.0, database => database.event(id).await)
    }

    /// Every body seen of this id, to the byte, by variant; without those erased.
    pub async fn bodies(&self, id: &EventId) -> Result<Vec<(EventRow, Bytes)>, StoreError> {
        either!(self.0, database => database.bodies(id).await)
    }

    /// What `read` makes of each of these events: of the first of its bodies, in the order of variants, that it makes
    /// anything of. Erased ones say nothing.
    pub(crate) async fn read_bodies<T: Send>(
        &self,
        ids: &[&EventId],
        read: impl Fn(&[u8]) -> Option<T> + Send,
    ) -> Result<BTreeMap<EventId, T>, StoreError> {
        either!(self.0, database => database.read_bodies(ids, read).await)
    }

    /// The next events after `after_seq` that `reader` names, with their bodies: a page of them, in the log's order. Those
    /// whose bodies were erased are left out: nothing can read them again.
    pub async fn read_by(&self, reader: ReadBy, after_seq: Seq) -> Result<Vec<(EventRow, Bytes)>, StoreError> {
        either!(self.0, database => database.read_by(reader, after_seq).await)
    }

    /// Holds the facts that `normaliser` kept after `after_seq`, up to the last of `readings`, against what it reads now:
    /// the first that differs, in words; or one that belongs to no event.
    pub async fn misread(
        &self,
        normaliser: i64,
        after_seq: Seq,
        readings: &[(EventRow, Reading)],
    ) -> Result<Option<String>, StoreError> {
        either!(self.0, database => database.misread(normaliser, after_seq, readings).await)
    }

    /// How many events a normaliser before this version read last, in any of their shapes; without those whose bodies were
    /// erased.
    pub async fn count_read_by_older(&self, normaliser: i64) -> Result<i64, StoreError> {
        either!(self.0, database => database.count_read_by_older(normaliser).await)
    }

    /// Those of `ids` that the log has, in the order of ids.
    pub async fn known_ids(&self, ids: &[EventId]) -> Result<Vec<EventId>, StoreError> {
        either!(self.0, database => database.known_ids(ids).await)
    }

    /// When the newest event or answer between two places of the log, the first exclusive, told of each of `objects` in
    /// full; without those that none told of. It reads all facts in between: keep the places near.
    pub async fn last_told(&self, objects: &[&str], between: SeqRange) -> Result<Vec<(String, UnixTime)>, StoreError> {
        either!(self.0, database => database.last_told(objects, between).await)
    }

    /// Each customer's facts in the log's order: one list for each of `customers`. With `known_at`, as the log stood at
    /// that seq.
    pub async fn customer_facts(
        &self,
        customers: &[CustomerKey],
        known_at: Option<Seq>,
    ) -> Result<Vec<Vec<Fact>>, StoreError> {
        either!(self.0, database => database.customer_facts(customers, known_at).await)
    }

    /// The same, each with its place in the log.
    pub async fn placed_customer_facts(
        &self,
        customers: &[CustomerKey],
        known_at: Option<Seq>,
    ) -> Result<Vec<Vec<(Seq, Fact)>>, StoreError> {
        either!(self.0, database => database.placed_customer_facts(customers, known_at).await)
    }

    /// Facts without a customer about `objects` (prices, products, coupons, discounts), in the log's order.
    pub async fn reference_facts(
        &self,
        livemode: bool,
        account: Option<&AccountId>,
        objects: &[&str],
        known_at: Option<Seq>,
    ) -> Result<Vec<Fact>, StoreError> {
        either!(self.0, database => database.reference_facts(livemode, account, objects, known_at).await)
    }

    /// What was read from the event or answer at this place, erased or not; empty where nothing was.
    pub async fn facts_of(&self, seq: Seq) -> Result<Vec<Fact>, StoreError> {
        either!(self.0, database => database.facts_of(seq).await)
    }

    /// Up to `limit` customers with facts, after `after` in the order of keys.
    pub async fn customers(
        &self,
        after: Option<&CustomerKey>,
        limit: i64,
        known_at: Option<Seq>,
    ) -> Result<Vec<CustomerKey>, StoreError> {
        either!(self.0, database => database.customers(after, limit, known_at).await)
    }

    /// Up to `limit` states of customers between two places of the log, the first exclusive, in the log's order.
    pub async fn customers_told(&self, after: Seq, to: Seq, limit: i64) -> Result<Vec<CustomerTold>, StoreError> {
        either!(self.0, database => database.customers_told(after, to, limit).await)
    }

    /// The events between two places of the log, the first exclusive, with facts of one of `customers`, or about one of
    /// `objects` in their ledgers; by place.
    pub async fn events_about(
        &self,
        customers: &[CustomerKey],
        objects: &[&str],
        between: SeqRange,
    ) -> Result<Vec<(Seq, EventId)>, StoreError> {
        either!(self.0, database => database.events_about(customers, objects, between).await)
    }

    /// Up to which place the log is sealed.
    pub async fn sealed_to(&self) -> Result<Seq, StoreError> {
        either!(self.0, database => database.sealed_to().await)
    }

    /// Whether there are events that no seal covers.
    pub async fn seal_is_due(&self) -> Result<bool, StoreError> {
        either!(self.0, database => database.seal_is_due().await)
    }

    /// The head of the chain of seals; `None` while nothing is sealed.
    pub async fn seal_head(&self) -> Result<Option<SealHead>, StoreError> {
        either!(self.0, database => database.seal_head().await)
    }

    /// Holds the log against its seals, and every body against its digest.
    pub async fn verify_chain(&self) -> Result<ChainReport, StoreError> {
        either!(self.0, database => database.verify_chain().await)
    }

    /// What was erased when and why, oldest first.
    pub async fn erasures(&self) -> Result<Vec<Erased>, StoreError> {
        either!(self.0, database => database.erasures().await)
    }

    /// The end of the longest prefix of the log that was received by `at`.
    pub async fn last_seq_received_by(&self, at: UnixTime) -> Result<Seq, StoreError> {
        either!(self.0, database => database.last_seq_received_by(at).await)
    }

    /// The latest `created` by `until` among the newest events, up to a place in the log: how far Stripe's clock has come.
    pub async fn newest_created(&self, seq: Option<Seq>, until: UnixTime) -> Result<Option<UnixTime>, StoreError> {
        either!(self.0, database => database.newest_created(seq, until).await)
    }
}

impl Log {
    /// How many appends may be under way at once: SQLite has one writer; PostgreSQL flushes for several at a time.
    pub fn writers(&self) -> usize {
        match &self.0.0 {
            Database::Sqlite(_) => 1,
            Database::Postgres(_) => 2,
        }
    }

    /// Counts a stretch of what [`ReadLog::head`] tells, where at least so many places wait to be counted, and keeps what can't change
    /// any more: no later process counts it again. True while there may be more to count.
    pub async fn count_ahead(&self, least: i64) -> Result<bool, StoreError> {
        either!(self.0.0, database => database.count_ahead(least).await)
    }

    /// An event made ready to be kept: the work that needs no database.
    pub fn prepared(&self, event: NewEvent) -> Prepared {
        Prepared::new((self.1)(event))
    }

    /// Appends events with their facts: all or nothing, durable on return. One answer each, in order.
    ///
    /// The same event again, equal but for `pending_webhooks`, is a duplicate; the same id with another body is kept as
    /// a variant (rule `variants`). An erased event doesn't come back.
    pub async fn append(&self, events: &[NewEvent]) -> Result<Vec<Appended>, StoreError> {
        self.append_prepared(events.iter().cloned().map(|event| self.prepared(event)).collect()).await
    }

    /// [`Log::append`], with the work that needs no database done before.
    pub async fn append_prepared(&self, events: Vec<Prepared>) -> Result<Vec<Appended>, StoreError> {
        self.append_shared(&Arc::new(events)).await
    }

    /// The same; shared with the thread that writes, which goes on when nobody waits for it any more.
    pub(crate) async fn append_shared(&self, events: &Arc<Vec<Prepared>>) -> Result<Vec<Appended>, StoreError> {
        // A server that neither answers nor closes the connection must not stop the log for ever: the connection is given
        // up, and whether the events are in the log shows when they are sent again.
        let appending = async { either!(self.0.0, database => database.append(events).await) };
        in_time(limits::APPEND_WAIT, "appending events", appending).await
    }

    /// Appends what `normaliser` reads from each of these events: all or nothing. Readers use only the newest version's
    /// facts; what the same normaliser has read already stays.
    ///
    /// Marks nobody dirty: a rebuild follows.
    pub async fn append_facts(&self, normaliser: i64, readings: &[(EventRow, Reading)]) -> Result<(), StoreError> {
        either!(self.0.0, database => database.append_facts(normaliser, readings).await)
    }

    /// Erases the bodies at these places of the log, each under a row with `reason` and `at` that stays: all or nothing.
    /// Answers how many were there. What is erased doesn't come back by being sent again.
    pub async fn erase(&self, seqs: &[Seq], reason: &str, at: UnixTime) -> Result<u64, StoreError> {
        let erased = either!(self.0.0, database => database.erase(seqs, reason, at).await)?;
        if let Database::Sqlite(database) = &self.0.0 {
            database.empty_write_ahead_log().await?;
        }
        Ok(erased)
    }

    /// Sees to it that bodies received in the month of `now`, and in those that follow it soon, have a partition of their
    /// own: on PostgreSQL; SQLite has one table. Answers which months came too late for some of theirs, each once.
    ///
    /// Until it succeeds, what has no partition goes to the default one. No append waits for it, but one that goes there, for
    /// half a second at most.
    pub async fn months_ahead(&self, now: UnixTime) -> Result<Vec<LateMonth>, StoreError> {
        match &self.0.0 {
            Database::Sqlite(_) => Ok(Vec::new()),
            Database::Postgres(database) => database.months_ahead(now).await,
        }
    }

    /// Seals the next events, `max_rows` at most; `None` when all are sealed.
    pub async fn seal(&self, max_rows: i64) -> Result<Option<Sealed>, StoreError> {
        either!(self.0.0, database => database.seal(max_rows).await)
    }
}
