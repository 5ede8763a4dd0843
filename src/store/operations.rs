//! The operations: each whole, each in domain types; which database does them is decided here and nowhere else.

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    access::*,
    alerts::*,
    audit_trail::*,
    closings::*,
    day_sums::DaySums,
    feeds::{FeedEntry, NewFeedEntry},
    joined::*,
    names::CustomerNamed,
    reports::*,
    told::Told,
    *,
};
use crate::{
    ledger::{
        fact::Fact,
        fx::Quote,
        ids::{AccountId, CustomerId, EventId},
        money::Currency,
        outcome::{CustomerLedger, QualityKind, Trial},
        time::Day,
    },
    limits,
};

/// The store: one of two databases, behind the same operations. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub enum Store {
    /// Two files: the log, and everything derived from it.
    Sqlite(sqlite::Database),
    /// One database.
    Postgres(postgres::Database),
}

macro_rules! either {
    ($self:expr, $database:ident => $do:expr) => {
        match $self {
            Self::Sqlite($database) => $do,
            Self::Postgres($database) => $do,
        }
    };
}

impl Store {
    /// Opens the database at `url` (`sqlite://PATH` or `postgres://…`), creating and migrating it where needed.
    ///
    /// On SQLite, `PATH` is the log; beside it lies `PATH` with the extension `.derived.db`, which is rebuilt when it is
    /// missing. Errors: [`StoreError::Schema`] for a URL of another kind or a database of a newer mrrd.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_with(url, &Options::default()).await
    }

    /// [`Store::open`] with other numbers of connections.
    pub async fn open_with(url: &str, options: &Options) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            let path = Path::new(path);
            return Ok(Self::Sqlite(sqlite::Database::open(path, options).await?));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(postgres::Database::open(url, options).await?));
        }
        Err(StoreError::Schema("database.url is neither sqlite://PATH nor postgres://…".into()))
    }

    /// `sqlite` or `postgres`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// The failures planned for this store: nothing in a release.
    pub fn plan(&self) -> &planned::Plan {
        either!(self, database => &database.plan)
    }

    /// Answers when the database answers, in time, with its schema in place, and took the last write of the kind asked for.
    pub async fn ready(&self, work: Work) -> Result<(), StoreError> {
        const PATIENCE: Duration = Duration::from_secs(3);
        let asked = async { either!(self, database => database.ready(work).await) };
        tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| {
            let reason = format!("no answer within {} seconds", PATIENCE.as_secs());
            Err(StoreError::Unavailable { doing: "asking the database", reason })
        })
    }

    /// What a daemon does every second: sees to it that the log is still the one it opened, whole and remembered, that derived
    /// tables are there, and that a write that failed is tried again.
    pub async fn look_after(&self) -> Result<(), StoreError> {
        const PATIENCE: Duration = Duration::from_secs(15);
        let looking = async { either!(self, database => database.look_after().await) };
        tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| {
            let reason = format!("no answer within {} seconds", PATIENCE.as_secs());
            Err(StoreError::Unavailable { doing: "looking after the log", reason })
        })
    }

    /// Closes all connections, once what is in flight is done. SQLite's write-ahead log is then in the file.
    pub async fn close(&self) {
        either!(self, database => database.close().await)
    }

    // The log: written.

    /// Appends events with their facts: all or nothing, durable on return. One answer each, in order.
    ///
    /// The same event again, equal but for `pending_webhooks`, is a duplicate; the same id with another body is kept as
    /// a variant (rule `variants`). An erased event doesn't come back.
    pub async fn append(&self, events: &[NewEvent]) -> Result<Vec<Appended>, StoreError> {
        self.append_prepared(events.iter().cloned().map(Prepared::new).collect()).await
    }

    /// [`Store::append`], with the work that needs no database done before.
    pub async fn append_prepared(&self, events: Vec<Prepared>) -> Result<Vec<Appended>, StoreError> {
        self.append_shared(&Arc::new(events)).await
    }

    /// The same; shared with the thread that writes, which goes on when nobody waits for it any more.
    pub(crate) async fn append_shared(&self, events: &Arc<Vec<Prepared>>) -> Result<Vec<Appended>, StoreError> {
        // A server that neither answers nor closes the connection must not stop the log for ever: the connection is given
        // up, and whether the events are in the log shows when they are sent again.
        let appending = async { either!(self, database => database.append(events).await) };
        tokio::time::timeout(limits::APPEND_WAIT, appending).await.unwrap_or_else(|_| {
            let reason = format!("no answer within {} seconds", limits::APPEND_WAIT.as_secs());
            Err(StoreError::Unavailable { doing: "appending events", reason })
        })
    }

    /// Appends what `normaliser` reads from each of these events: all or nothing. Readers use only the newest version's
    /// facts; what the same normaliser has read already stays.
    ///
    /// Marks nobody dirty: a rebuild follows.
    pub async fn append_facts(&self, normaliser: i64, readings: &[(EventRow, Reading)]) -> Result<(), StoreError> {
        either!(self, database => database.append_facts(normaliser, readings).await)
    }

    /// Erases the bodies at these places of the log, each under a row with `reason` and `at` that stays: all or nothing.
    /// Answers how many were there. What is erased doesn't come back by being sent again.
    pub async fn erase(&self, seqs: &[i64], reason: &str, at: UnixTime) -> Result<u64, StoreError> {
        let erased = either!(self, database => database.erase(seqs, reason, at).await)?;
        if let Self::Sqlite(database) = self {
            database.empty_write_ahead_log().await?;
        }
        Ok(erased)
    }

    /// What was erased when and why, oldest first.
    pub async fn erasures(&self) -> Result<Vec<Erased>, StoreError> {
        either!(self, database => database.erasures().await)
    }

    /// Sees to it that bodies received in the month of `now`, and in those that follow it soon, have a partition of their
    /// own: on PostgreSQL; SQLite has one table. Answers which months came too late for some of theirs, each once.
    ///
    /// Until it succeeds, what has no partition goes to the default one. No append waits for it, but one that goes there, for
    /// half a second at most.
    pub async fn months_ahead(&self, now: UnixTime) -> Result<Vec<LateMonth>, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(Vec::new()),
            Self::Postgres(database) => database.months_ahead(now).await,
        }
    }

    // The log: read.

    /// How far the log reaches, and what is in it.
    pub async fn head(&self) -> Result<LogHead, StoreError> {
        either!(self, database => database.head().await)
    }

    /// The greatest seq that every reader may see: nothing at or below it will still appear.
    pub async fn horizon(&self) -> Result<i64, StoreError> {
        either!(self, database => database.horizon().await)
    }

    /// The greatest seq there is: whatever was acknowledged lies at or before it, and below it something may still appear.
    pub async fn end(&self) -> Result<i64, StoreError> {
        either!(self, database => database.end().await)
    }

    /// When the last `limit` events were made that webhooks brought, none of them after `until`; the last to arrive first.
    pub async fn heard(&self, until: UnixTime, limit: i64) -> Result<Vec<UnixTime>, StoreError> {
        either!(self, database => database.heard(until, limit).await)
    }

    /// Up to `limit` events after `after_seq`, in the log's order.
    pub async fn events(&self, filter: &EventFilter, after_seq: i64, limit: i64) -> Result<Vec<EventRow>, StoreError> {
        either!(self, database => database.events(filter, after_seq, limit).await)
    }

    /// Up to `limit` events of a filter, newest first, from before a place in the log.
    pub async fn events_back(
        &self,
        filter: &EventFilter,
        before_seq: Option<i64>,
        limit: i64,
    ) -> Result<Vec<EventRow>, StoreError> {
        either!(self, database => database.events_back(filter, before_seq, limit).await)
    }

    /// The event with this id, as it was first seen.
    pub async fn event(&self, id: &EventId) -> Result<Option<EventRow>, StoreError> {
        either!(self, database => database.event(id).await)
    }

    /// Every body seen of this id, to the byte, by variant; without those erased.
    pub async fn bodies(&self, id: &EventId) -> Result<Vec<(EventRow, Bytes)>, StoreError> {
        either!(self, database => database.bodies(id).await)
    }

    /// The next events after `after_seq` that `reader` read last, with their bodies: some at a time, in the log's order.
    /// Erased ones aren't among them: nothing can read them again.
    pub async fn read_by(&self, reader: Reader, after_seq: i64) -> Result<Vec<(EventRow, Bytes)>, StoreError> {
        either!(self, database => database.read_by(reader, after_seq).await)
    }

    /// Holds the facts that `normaliser` kept after `after_seq`, up to the last of `readings`, against what it reads now:
    /// the first that differs, in words; or one that belongs to no event.
    pub async fn misread(
        &self,
        normaliser: i64,
        after_seq: i64,
        readings: &[(EventRow, Reading)],
    ) -> Result<Option<String>, StoreError> {
        either!(self, database => database.misread(normaliser, after_seq, readings).await)
    }

    /// How many such events there are, in any of their shapes.
    pub async fn count_read_by_older(&self, normaliser: i64) -> Result<i64, StoreError> {
        either!(self, database => database.count_read_by_older(normaliser).await)
    }

    /// Those of `ids` that the log has, in the order of ids.
    pub async fn known_ids(&self, ids: &[EventId]) -> Result<Vec<EventId>, StoreError> {
        either!(self, database => database.known_ids(ids).await)
    }

    /// When the newest event or answer between two places of the log, the first exclusive, told of each of `objects` in
    /// full; without those that none told of. It reads all facts in between: keep the places near.
    pub async fn last_told(
        &self,
        objects: &[&str],
        after_seq: i64,
        to_seq: i64,
    ) -> Result<Vec<(String, UnixTime)>, StoreError> {
        either!(self, database => database.last_told(objects, after_seq, to_seq).await)
    }

    /// Each customer's facts in the log's order: one list for each of `customers`. With `known_at`, as the log stood at
    /// that seq.
    pub async fn customer_facts(
        &self,
        customers: &[CustomerKey],
        known_at: Option<i64>,
    ) -> Result<Vec<Vec<Fact>>, StoreError> {
        either!(self, database => database.customer_facts(customers, known_at).await)
    }

    /// The same, each with its place in the log.
    pub async fn placed_customer_facts(
        &self,
        customers: &[CustomerKey],
        known_at: Option<i64>,
    ) -> Result<Vec<Vec<(i64, Fact)>>, StoreError> {
        either!(self, database => database.placed_customer_facts(customers, known_at).await)
    }

    /// Facts without a customer about `objects` (prices, products, coupons, discounts), in the log's order.
    pub async fn reference_facts(
        &self,
        livemode: bool,
        account: Option<&AccountId>,
        objects: &[&str],
        known_at: Option<i64>,
    ) -> Result<Vec<Fact>, StoreError> {
        either!(self, database => database.reference_facts(livemode, account, objects, known_at).await)
    }

    /// Up to `limit` customers with facts, after `after` in the order of keys.
    pub async fn customers(
        &self,
        after: Option<&CustomerKey>,
        limit: i64,
        known_at: Option<i64>,
    ) -> Result<Vec<CustomerKey>, StoreError> {
        either!(self, database => database.customers(after, limit, known_at).await)
    }

    // Exchange rates.

    /// Every rate that was imported, by base, currency and day.
    pub async fn rates(&self) -> Result<Vec<Quote>, StoreError> {
        either!(self, database => database.rates().await)
    }

    /// Grows with every import: whoever holds the rates of an earlier one reads them again.
    pub async fn last_import(&self) -> Result<i64, StoreError> {
        either!(self, database => database.last_import().await)
    }

    /// Keeps rates; one of the same base, currency and day is replaced. Answers how many are new or other than before.
    /// An import that is killed may have kept some of them: import the file again.
    pub async fn import_rates(&self, quotes: &[Quote], deed: &Deed) -> Result<u64, StoreError> {
        either!(self, database => database.import_rates(quotes, deed).await)
    }

    // Leases, progress and seals.

    /// Takes or renews the lease `name`; false while another holder has it.
    ///
    /// It lasts by its renewals: this store takes it from a holder that it has seen renew nothing for `length`, by its own
    /// count of time, or that is known to be gone (its process ended; its lease lies in a copy of the file).
    pub async fn lease(&self, name: &str, holder: &str, length: Duration) -> Result<bool, StoreError> {
        either!(self, database => database.lease(name, holder, length).await)
    }

    /// Gives the lease back, if `holder` has it.
    pub async fn release(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        either!(self, database => database.release(name, holder).await)
    }

    /// The place kept under `name` by [`Store::set_progress`].
    pub async fn progress(&self, name: &str) -> Result<Option<String>, StoreError> {
        either!(self, database => database.progress(name).await)
    }

    /// Keeps how far the work `name` has come.
    pub async fn set_progress(&self, name: &str, place: &str) -> Result<(), StoreError> {
        either!(self, database => database.set_progress(name, place).await)
    }

    /// Forgets the places of all work whose name begins with `prefix`.
    pub async fn clear_progress(&self, prefix: &str) -> Result<(), StoreError> {
        either!(self, database => database.clear_progress(prefix).await)
    }

    /// Whether there are events that no seal covers.
    pub async fn seal_is_due(&self) -> Result<bool, StoreError> {
        either!(self, database => database.seal_is_due().await)
    }

    /// Seals the next events, `max_rows` at most; `None` when all are sealed.
    pub async fn seal(&self, max_rows: i64) -> Result<Option<Sealed>, StoreError> {
        either!(self, database => database.seal(max_rows).await)
    }

    /// The head of the chain of seals; `None` while nothing is sealed.
    pub async fn seal_head(&self) -> Result<Option<SealHead>, StoreError> {
        either!(self, database => database.seal_head().await)
    }

    /// Holds the log against what is remembered of it elsewhere: in the derived tables, in closed months, and in `head`.
    pub async fn anchors(&self, head: Option<&SealHead>) -> Result<Anchors, StoreError> {
        either!(self, database => database.anchors(head).await)
    }

    /// Holds the log against its seals, and every body against its digest.
    pub async fn verify_chain(&self) -> Result<ChainReport, StoreError> {
        either!(self, database => database.verify_chain().await)
    }

    // Closed months: records of their own beside the log.

    /// Keeps a closed month for ever, in one transaction. False, and nothing done, when it is closed already.
    pub async fn close_month(&self, month: &ClosedMonth, deed: &Deed) -> Result<bool, StoreError> {
        either!(self, database => database.close_month(month, deed).await)
    }

    /// Every closing, by month and profile.
    pub async fn closings(&self) -> Result<Vec<Closing>, StoreError> {
        either!(self, database => database.closings().await)
    }

    /// The lines of a closed month's bridges.
    pub async fn closed_totals(&self, profile: &str, month: &str) -> Result<Vec<ClosedTotal>, StoreError> {
        either!(self, database => database.closed_totals(profile, month).await)
    }

    /// What each customer paid around a closed month, by customer and currency.
    pub async fn closed_customers(&self, profile: &str, month: &str) -> Result<Vec<ClosedCustomer>, StoreError> {
        either!(self, database => database.closed_customers(profile, month).await)
    }

    /// The movements a month was closed with, by customer.
    pub async fn closed_movements(&self, profile: &str, month: &str) -> Result<Vec<ClosedMovement>, StoreError> {
        either!(self, database => database.closed_movements(profile, month).await)
    }

    // The feed of movements: a record of what was told.

    /// Up to `limit` entries after this position, in order.
    pub async fn feed_after(&self, position: i64, limit: i64) -> Result<Vec<FeedEntry>, StoreError> {
        either!(self, database => database.feed_after(position, limit).await)
    }

    /// What was last told of each movement of the days from `from` on.
    pub async fn feed_latest(&self, from: Day) -> Result<Vec<FeedEntry>, StoreError> {
        either!(self, database => database.feed_latest(from).await)
    }

    /// Appends entries in this order, in one transaction. A version of a movement that is there already stays as it is.
    pub async fn append_feed(&self, entries: &[NewFeedEntry], at: UnixTime) -> Result<(), StoreError> {
        either!(self, database => database.append_feed(entries, at).await)
    }

    // Alerts and their outbox: records of their own beside the log.

    /// Keeps an alert and its messages in one transaction. False, and nothing done, when it is known already.
    pub async fn raise_alert(&self, alert: &NewAlert, outgoing: &Outgoing) -> Result<bool, StoreError> {
        either!(self, database => database.raise_alert(alert, outgoing).await)
    }

    /// Makes an open alert its next version, with messages, in one transaction. False, and nothing done, when it is over
    /// or has that version already.
    pub async fn update_alert(&self, update: &AlertUpdate, outgoing: &Outgoing) -> Result<bool, StoreError> {
        either!(self, database => database.update_alert(update, outgoing).await)
    }

    /// Ends an alert's episode and tells of it, in one transaction. False, and nothing done, when it is over already.
    pub async fn close_alert(&self, id: &str, ending: &Ending<'_>, outgoing: &Outgoing) -> Result<bool, StoreError> {
        either!(self, database => database.close_alert(id, ending, outgoing).await)
    }

    /// Somebody took the alert on; the first to say so stays.
    pub async fn acknowledge_alert(&self, id: &str, by: Option<&str>, deed: &Deed) -> Result<(), StoreError> {
        either!(self, database => database.acknowledge_alert(id, by, deed).await)
    }

    /// The alert with this id.
    pub async fn alert(&self, id: &str) -> Result<Option<AlertRow>, StoreError> {
        either!(self, database => database.alert(id).await)
    }

    /// Up to `limit` alerts, newest first, after the place named.
    pub async fn alerts(
        &self,
        filter: &AlertFilter,
        after: Option<(UnixTime, &str)>,
        limit: i64,
    ) -> Result<Vec<AlertRow>, StoreError> {
        either!(self, database => database.alerts(filter, after, limit).await)
    }

    /// Every planned event, by day.
    pub async fn annotations(&self) -> Result<Vec<Annotation>, StoreError> {
        either!(self, database => database.annotations().await)
    }

    /// Keeps a planned event; answers its number.
    pub async fn annotate(&self, annotation: &Annotation, deed: &Deed) -> Result<i64, StoreError> {
        either!(self, database => database.annotate(annotation, deed).await)
    }

    /// Forgets a planned event; false where there is none.
    pub async fn remove_annotation(&self, id: i64, deed: &Deed) -> Result<bool, StoreError> {
        either!(self, database => database.remove_annotation(id, deed).await)
    }

    /// The rules that are muted at `now`.
    pub async fn mutes(&self, now: UnixTime) -> Result<Vec<Mute>, StoreError> {
        either!(self, database => database.mutes(now).await)
    }

    /// Mutes a rule; what was said of it before is replaced.
    pub async fn mute(&self, mute: &Mute, deed: &Deed) -> Result<(), StoreError> {
        either!(self, database => database.mute(mute, deed).await)
    }

    /// Lets a rule speak again; false where it wasn't muted.
    pub async fn unmute(&self, rule: &str, deed: &Deed) -> Result<bool, StoreError> {
        either!(self, database => database.unmute(rule, deed).await)
    }

    /// Up to `limit` messages to `channel` that are due, with what they say.
    pub async fn due_deliveries(
        &self,
        channel: &str,
        now: UnixTime,
        limit: i64,
    ) -> Result<Vec<(DeliveryRow, String)>, StoreError> {
        either!(self, database => database.due_deliveries(channel, now, limit).await)
    }

    /// Keeps what an attempt to deliver came to. False where the message no longer waits.
    pub async fn record_attempt(&self, id: i64, attempt: &Attempt) -> Result<bool, StoreError> {
        either!(self, database => database.record_attempt(id, attempt).await)
    }

    /// Gives up what has waited since before `created_before`; answers how many.
    pub async fn give_up_deliveries(&self, created_before: UnixTime) -> Result<i64, StoreError> {
        either!(self, database => database.give_up_deliveries(created_before).await)
    }

    /// What became of the messages about these alerts, oldest first.
    pub async fn deliveries(&self, alerts: &[&str]) -> Result<Vec<DeliveryRow>, StoreError> {
        either!(self, database => database.deliveries(alerts).await)
    }

    /// How many messages wait, and how many were given up.
    pub async fn outbox_counts(&self) -> Result<OutboxCounts, StoreError> {
        either!(self, database => database.outbox_counts().await)
    }

    // Derived tables.

    /// All generations, by number. One that is not current is being built, or waits to be dropped.
    pub async fn generations(&self) -> Result<Vec<Generation>, StoreError> {
        either!(self, database => database.generations().await)
    }

    /// Begins an empty generation at position 0, beside the current one; `customer_key` joins customers in it.
    pub async fn begin_generation(&self, fingerprint: &str, customer_key: Option<&str>) -> Result<i64, StoreError> {
        either!(self, database => database.begin_generation(fingerprint, customer_key).await)
    }

    /// Makes `generation` the current one, in one small transaction; the one before is left to be dropped.
    ///
    /// False, and nothing done, while it is behind the current one or has more than `failing` customers marked: what was
    /// answered once must not be taken back.
    pub async fn switch_generation(&self, generation: i64, failing: usize) -> Result<bool, StoreError> {
        either!(self, database => database.switch_generation(generation, failing).await)
    }

    /// Drops a generation's rows, some hundred customers a transaction. Cut short, it goes on when called again.
    pub async fn drop_generation(&self, generation: i64) -> Result<(), StoreError> {
        either!(self, database => database.drop_generation(generation).await)
    }

    /// Looks at up to `limit` events after the position, marks the customers they touch, and moves the position, in one
    /// transaction. Where customers are joined it goes no further than [`Store::join`] has gone, and marks ledgers.
    pub async fn advance(&self, generation: i64, limit: i64) -> Result<Advanced, StoreError> {
        either!(self, database => database.advance(generation, limit).await)
    }

    /// Takes up to `limit` dirty customers, the longest waiting first and without those to be passed over, hands them to
    /// `derive`, replaces their rows as [`Store::replace`] does, and answers how many were taken.
    ///
    /// On PostgreSQL several processes share the work: what one has taken, others pass over, and when it dies its marks are
    /// free at once. On SQLite nothing is locked: [`Store::replace`] refuses rows older than those another has written, so
    /// that two at work at once cost time, never truth.
    pub async fn recompute<E, F>(
        &self,
        generation: i64,
        limit: i64,
        passed_over: &BTreeSet<&CustomerKey>,
        derive: impl FnOnce(Vec<Mark>) -> F + Send,
    ) -> Result<usize, E>
    where
        E: From<StoreError>,
        F: Future<Output = Result<Vec<(Mark, Vec<Derived>)>, E>> + Send,
    {
        either!(self, database => database.recompute(generation, limit, passed_over, derive).await)
    }

    /// Writes the rows of customers that `generation`, an empty one that nobody else works on, has nothing of yet; one
    /// transaction for all. The sums of their days are owed: [`Store::fill_sums`] or [`Store::filled`].
    pub async fn fill(&self, generation: i64, batch: &[Filled]) -> Result<(), StoreError> {
        either!(self, database => database.fill(generation, batch).await)
    }

    /// Ends the filling of `generation`: everything up to `position` is in its rows, but for the customers `left_out`, which
    /// are marked, and for those who lack terms that others' facts tell, who are marked as well. `sums` are those that [`Store::fill_sums`] wasn't given.
    pub async fn filled(
        &self,
        generation: i64,
        position: i64,
        left_out: &[CustomerKey],
        lacking: &Lacking,
        sums: &DaySums,
    ) -> Result<(), StoreError> {
        either!(self, database => database.filled(generation, position, left_out, lacking, sums).await)
    }

    /// Terms that customers' facts told of `objects` up to `known_at`, as far as `generation` has looked at the log: each
    /// with the first place that tells it, and its object.
    pub async fn told(
        &self,
        generation: i64,
        livemode: bool,
        account: Option<&AccountId>,
        objects: &[&str],
        known_at: Option<i64>,
    ) -> Result<Vec<(i64, String, Fact)>, StoreError> {
        either!(self, database => database.told(generation, livemode, account, objects, known_at).await)
    }

    /// Keeps terms told in the facts of a generation that is being filled.
    pub async fn tell(&self, generation: i64, told: &[Told]) -> Result<(), StoreError> {
        either!(self, database => database.tell(generation, told).await)
    }

    /// Adds sums of days of rows that [`Store::fill`] wrote.
    pub async fn fill_sums(&self, generation: i64, sums: &DaySums) -> Result<(), StoreError> {
        either!(self, database => database.fill_sums(generation, sums).await)
    }

    /// The first sum of a day in `generation` that isn't that of its rows.
    pub async fn wrong_day(&self, generation: i64) -> Result<Option<WrongDay>, StoreError> {
        either!(self, database => database.wrong_day(generation).await)
    }

    /// Whether several processes may recompute customers of one generation at once.
    pub fn shares_marks(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Up to `limit` dirty customers, the longest waiting first.
    pub async fn dirty(&self, generation: i64, limit: i64) -> Result<Vec<Mark>, StoreError> {
        either!(self, database => database.dirty(generation, limit).await)
    }

    /// Replaces all rows of each customer, one [`Derived`] for each profile kept (or none at all, for one that is nobody any
    /// more), and clears its mark unless something was added to it meanwhile; one transaction for all. Answers how many customers were written: one whose mark is
    /// gone was done by somebody else and is left as it is.
    pub async fn replace(&self, generation: i64, batch: &[(Mark, Vec<Derived>)]) -> Result<i64, StoreError> {
        either!(self, database => database.replace(generation, batch).await)
    }

    /// The position, and the least seq not yet applied to its customer, as of one instant.
    pub async fn applied(&self, generation: i64) -> Result<(i64, Option<i64>), StoreError> {
        either!(self, database => database.applied(generation).await)
    }

    /// The greatest n such that everything up to n is in the rows that answer (docs/decisions/005-customer-is-the-unit.md).
    pub async fn applied_seq(&self) -> Result<i64, StoreError> {
        let Some(current) = self.generations().await?.into_iter().find(|generation| generation.current) else {
            return Ok(0);
        };
        let (position, dirty) = self.applied(current.id).await?;
        Ok(dirty.map_or(position, |dirty| position.min(dirty - 1)))
    }

    /// How many customers are marked.
    pub async fn waiting(&self, generation: i64) -> Result<u64, StoreError> {
        either!(self, database => database.waiting(generation).await)
    }

    /// How many customers have rows under a profile.
    pub async fn kept(&self, generation: i64, profile: &str) -> Result<u64, StoreError> {
        either!(self, database => database.kept(generation, profile).await)
    }

    /// One customer's rows under one profile, exactly as they were written.
    pub async fn customer_ledger(
        &self,
        generation: i64,
        profile: &str,
        key: &CustomerKey,
    ) -> Result<Option<CustomerLedger>, StoreError> {
        either!(self, database => database.customer_ledger(generation, profile, key).await)
    }

    /// Up to `limit` customers' rows, by profile and customer, after the place named.
    pub async fn ledgers(
        &self,
        generation: i64,
        after: Option<(&str, &CustomerKey)>,
        limit: i64,
    ) -> Result<Vec<(CustomerKey, Derived)>, StoreError> {
        either!(self, database => database.ledgers(generation, after, limit).await)
    }

    /// Digests of up to `limit` customers' rows after `after`, by profile and customer: equal digests, equal rows.
    pub async fn dump(&self, generation: i64, after: Option<&Dumped>, limit: i64) -> Result<Vec<Dumped>, StoreError> {
        either!(self, database => database.dump(generation, after, limit).await)
    }

    // Customers that are one in the ledger.

    /// How far a generation knows who belongs to whom; `None` where every customer is a ledger of its own.
    pub async fn joining(&self, generation: i64) -> Result<Option<Joining>, StoreError> {
        either!(self, database => database.joining(generation).await)
    }

    /// Up to `limit` states of customers between two places of the log, the first exclusive, in the log's order.
    pub async fn customers_told(&self, after: i64, to: i64, limit: i64) -> Result<Vec<CustomerTold>, StoreError> {
        either!(self, database => database.customers_told(after, to, limit).await)
    }

    /// Keeps what all states of customers between two places of the log say of where these belong. False, and nothing done,
    /// when another process has gone there first.
    pub async fn join(&self, generation: i64, from: i64, to: i64, told: &[Belongs]) -> Result<bool, StoreError> {
        either!(self, database => database.join(generation, from, to, told).await)
    }

    /// In whose ledger each of Stripe's customers is; `None` for one at home, of whom nothing is kept.
    pub async fn ledgers_of(
        &self,
        generation: i64,
        customers: &[CustomerKey],
        known_at: Option<i64>,
    ) -> Result<Vec<Option<CustomerId>>, StoreError> {
        either!(self, database => database.ledgers_of(generation, customers, known_at).await)
    }

    /// Stripe's customers in each ledger, by id. One that the log has never heard of is at home.
    pub async fn members(
        &self,
        generation: i64,
        ledgers: &[CustomerKey],
        known_at: Option<i64>,
    ) -> Result<Vec<Vec<CustomerKey>>, StoreError> {
        either!(self, database => database.members(generation, ledgers, known_at).await)
    }

    /// Stripe's customers that came into a ledger between two places of the log, the first exclusive.
    pub async fn once_members(
        &self,
        generation: i64,
        ledger: &CustomerKey,
        between: (i64, i64),
    ) -> Result<Vec<CustomerKey>, StoreError> {
        either!(self, database => database.once_members(generation, ledger, between).await)
    }

    /// Up to `limit` ledgers of customers of whom it is kept where they belong, after `after` in the order of keys.
    pub async fn joined_ledgers(
        &self,
        generation: i64,
        after: Option<&CustomerKey>,
        limit: i64,
        known_at: Option<i64>,
    ) -> Result<Vec<CustomerKey>, StoreError> {
        either!(self, database => database.joined_ledgers(generation, after, limit, known_at).await)
    }

    /// The events between two places of the log, the first exclusive, with facts of one of `customers`, or about one of
    /// `objects` in their ledgers; by place.
    pub async fn events_about(
        &self,
        customers: &[CustomerKey],
        objects: &[&str],
        between: (i64, i64),
    ) -> Result<Vec<(i64, EventId)>, StoreError> {
        either!(self, database => database.events_about(customers, objects, between).await)
    }

    // Who may read and who may change.

    /// The token of this digest, revoked ones too.
    pub async fn access_token(&self, digest: &SecretDigest) -> Result<Option<TokenRow>, StoreError> {
        either!(self, database => database.access_token(digest).await)
    }

    /// Every token there ever was, oldest first.
    pub async fn access_tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        either!(self, database => database.access_tokens().await)
    }

    /// Keeps a new token; one of the same digest stays as it is.
    pub async fn keep_token(&self, token: &TokenRow, deed: &Deed) -> Result<(), StoreError> {
        either!(self, database => database.keep_token(token, deed).await)
    }

    /// Revokes the token of this id and ends the sessions opened with it; false where there is none in force.
    pub async fn revoke_token(&self, id: &str, deed: &Deed) -> Result<bool, StoreError> {
        either!(self, database => database.revoke_token(id, deed).await)
    }

    /// Keeps a new session, and forgets those that have ended.
    pub async fn open_session(&self, session: &SessionRow, deed: &Deed) -> Result<(), StoreError> {
        either!(self, database => database.open_session(session, deed).await)
    }

    /// The session of this digest; `None` once it has ended.
    pub async fn session(&self, digest: &SecretDigest, now: UnixTime) -> Result<Option<SessionRow>, StoreError> {
        either!(self, database => database.session(digest, now).await)
    }

    /// Ends a session before its time.
    pub async fn end_session(&self, digest: &SecretDigest) -> Result<(), StoreError> {
        either!(self, database => database.end_session(digest).await)
    }

    /// Writes a line of the audit trail about what isn't one of the operations here: those write theirs themselves.
    pub async fn record(&self, deed: &Deed) -> Result<(), StoreError> {
        either!(self, database => database.record(deed).await)
    }

    /// Up to `limit` lines of the audit trail, newest first, before the place named.
    pub async fn audit_trail(
        &self,
        action: Option<Action>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<TrailRow>, StoreError> {
        either!(self, database => database.audit_trail(action, before, limit).await)
    }

    // What reports read, always of the current generation.

    /// Changes by accounting day, all read at one instant: what a bridge is made of.
    pub async fn ledger_rows(&self, scope: &Scope, cut_day: Day, group: RowGroup) -> Result<LedgerRows, StoreError> {
        either!(self, database => database.ledger_rows(scope, cut_day, group).await)
    }

    /// What alerts look at, with customers' comings and goings from the day `from` on, or all of them; one snapshot.
    pub async fn standing_rows(
        &self,
        scope: &Scope,
        cut_day: Day,
        from: Option<Day>,
    ) -> Result<StandingRows, StoreError> {
        either!(self, database => database.standing_rows(scope, cut_day, from).await)
    }

    /// Up to `limit` movements with their parts, after `after` in the order asked for.
    pub async fn movement_page(
        &self,
        scope: &Scope,
        filter: &MovementFilter,
        order: Order,
        after: Option<&MovementKey>,
        limit: i64,
    ) -> Result<Vec<MovementRow>, StoreError> {
        either!(self, database => database.movement_page(scope, filter, order, after, limit).await)
    }

    /// Up to `limit` customers as they stand at the cut.
    pub async fn customer_page(
        &self,
        scope: &Scope,
        asked: &CustomersAsked,
        limit: i64,
    ) -> Result<Vec<CustomerRow>, StoreError> {
        either!(self, database => database.customer_page(scope, asked, limit).await)
    }

    /// Whose subscription it is.
    pub async fn customer_of_subscription(&self, scope: &Scope, id: &str) -> Result<Option<CustomerId>, StoreError> {
        either!(self, database => database.customer_of_subscription(scope, id).await)
    }

    /// What customers are grouped by.
    pub async fn customer_traits(&self, scope: &Scope) -> Result<Vec<CustomerTraits>, StoreError> {
        either!(self, database => database.customer_traits(scope).await)
    }

    /// The new movements that were imported, if only in part: a line each (rule `opening-balance`: outside ASP).
    pub async fn imported_lines(&self, scope: &Scope) -> Result<Vec<DayLine>, StoreError> {
        either!(self, database => database.imported_lines(scope).await)
    }

    /// Trials that ended by the cut.
    pub async fn trials(&self, scope: &Scope) -> Result<Vec<Trial>, StoreError> {
        either!(self, database => database.trials(scope).await)
    }

    /// Up to `limit` customers by what is known of them, each with its place in the list.
    pub async fn customers_found(
        &self,
        scope: &Scope,
        asked: &CustomerSearch,
        limit: i64,
    ) -> Result<Vec<(FoundPosition, CustomerRow)>, StoreError> {
        either!(self, database => database.customers_found(scope, asked, limit).await)
    }

    /// Up to which place the log is sealed.
    pub async fn sealed_to(&self) -> Result<i64, StoreError> {
        either!(self, database => database.sealed_to().await)
    }

    /// Bytes on disk: of the log, and of what is derived where that lies apart.
    pub async fn sizes(&self) -> Result<(i64, Option<i64>), StoreError> {
        either!(self, database => database.sizes().await)
    }

    /// Up to which place of the log names have been read.
    pub async fn names_position(&self) -> Result<i64, StoreError> {
        either!(self, database => database.names_position().await)
    }

    /// Keeps what the log from `from` to `to` says of names; false where another process has gone on from there already.
    pub async fn keep_names(&self, from: i64, to: i64, named: &[CustomerNamed]) -> Result<bool, StoreError> {
        either!(self, database => database.keep_names(from, to, named).await)
    }

    /// Forgets every name.
    pub async fn forget_names(&self) -> Result<(), StoreError> {
        either!(self, database => database.forget_names().await)
    }

    /// Forgets the name of a customer, in every account.
    pub async fn forget_name(&self, customer: &CustomerId) -> Result<(), StoreError> {
        either!(self, database => database.forget_name(customer).await)
    }

    /// The names of these customers of Stripe's, of all accounts.
    pub async fn names_of(&self, livemode: bool, customers: &[&str]) -> Result<Vec<CustomerNamed>, StoreError> {
        either!(self, database => database.names_of(livemode, customers).await)
    }

    /// Up to `limit` quality entries that stand at the cut, after `after` by kind, time and customer.
    pub async fn quality_page(
        &self,
        scope: &Scope,
        only: &QualityAsked,
        after: Option<&QualityPosition>,
        limit: i64,
    ) -> Result<Vec<(QualityPosition, QualityRow)>, StoreError> {
        either!(self, database => database.quality_page(scope, only, after, limit).await)
    }

    /// How many entries of each kind stand at `now`, over all ledgers of a profile.
    pub async fn quality_counts(&self, profile: &str, now: UnixTime) -> Result<Vec<(QualityKind, i64)>, StoreError> {
        either!(self, database => database.quality_counts(profile, now).await)
    }

    /// The currencies in which there is a ledger, also where all that stands in it is 0.
    pub async fn currencies(&self, scope: &Scope) -> Result<BTreeSet<Currency>, StoreError> {
        either!(self, database => database.currencies(scope).await)
    }

    /// The ledgers there are under a profile, live ones first; those only that hold a customer or subscription, where one is
    /// named.
    pub async fn ledgers_there(&self, profile: &str, holding: Option<&str>) -> Result<Vec<LedgerThere>, StoreError> {
        either!(self, database => database.ledgers_there(profile, holding).await)
    }

    /// Whether a ledger has any subscription, of whatever status.
    pub async fn has_subscriptions(&self, scope: &Scope) -> Result<bool, StoreError> {
        either!(self, database => database.has_subscriptions(scope).await)
    }

    /// A customer of each price in an account.
    pub async fn price_holders(&self, scope: &Scope) -> Result<Vec<CustomerKey>, StoreError> {
        either!(self, database => database.price_holders(scope).await)
    }

    /// Whether the profile's ledger has customers in live (or test) mode.
    pub async fn has_customers(&self, profile: &str, livemode: bool) -> Result<bool, StoreError> {
        either!(self, database => database.has_customers(profile, livemode).await)
    }

    /// The end of the longest prefix of the log that was received by `at`.
    pub async fn last_seq_received_by(&self, at: UnixTime) -> Result<i64, StoreError> {
        either!(self, database => database.last_seq_received_by(at).await)
    }

    /// The latest `created` by `until` among the newest events, up to a place in the log: how far Stripe's clock has come.
    pub async fn newest_created(&self, seq: Option<i64>, until: UnixTime) -> Result<Option<UnixTime>, StoreError> {
        either!(self, database => database.newest_created(seq, until).await)
    }
}
