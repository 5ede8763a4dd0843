//! Records: what people and the daemon itself keep beside the log (closings, rates, alerts, tokens, leases, places). Durable; no
//! rebuild touches them.

pub mod access;
pub mod alerts;
pub mod audit_trail;
pub mod closings;
pub mod feeds;
pub mod goals;
pub mod imports;
pub(super) mod presence;
pub mod segments;

use std::time::Duration;

use self::{
    access::*,
    alerts::*,
    audit_trail::*,
    closings::*,
    feeds::{FeedEntry, NewFeedEntry},
    goals::GoalRow,
    imports::*,
    segments::SegmentVersion,
};
use super::{
    StoreError,
    database::{Database, either},
};
use crate::ledger::{
    fx::Quote,
    time::{Day, UnixTime},
};

/// A lease as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseHeld {
    /// What only one process may do.
    pub name: String,
    /// The number of the process that holds it, where that is.
    pub process: String,
    /// That process is known to have ended, or the lease came here with a copy: it is free.
    pub is_gone: bool,
}

/// Reads and writes records. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Records(pub(super) Database);

impl Records {
    /// Every rate that was imported, by base, currency and day.
    pub async fn rates(&self) -> Result<Vec<Quote>, StoreError> {
        either!(self.0, database => database.rates().await)
    }

    /// Grows with every import: whoever holds the rates of an earlier one reads them again.
    pub async fn last_import(&self) -> Result<i64, StoreError> {
        either!(self.0, database => database.last_import().await)
    }

    /// Keeps rates; one of the same base, currency and day is replaced. Answers how many are new or other than before.
    /// An import that is killed may have kept some of them: import the file again.
    pub async fn import_rates(&self, quotes: &[Quote], deed: &Deed) -> Result<u64, StoreError> {
        either!(self.0, database => database.import_rates(quotes, deed).await)
    }

    /// Records an import with its rows for ever, in one transaction with its line of the audit trail. `None`, and nothing
    /// done, where another import was recorded meanwhile: record it again.
    pub async fn record_import(&self, import: &NewImport, deed: &Deed) -> Result<Option<Import>, StoreError> {
        either!(self.0, database => database.record_import(import, deed).await)
    }

    /// Every import, in the order in which they were recorded.
    pub async fn imports(&self) -> Result<Vec<Import>, StoreError> {
        either!(self.0, database => database.imports().await)
    }

    /// What an import brought, by line.
    pub async fn imported_rows(&self, import: i64) -> Result<Vec<AttributeRow>, StoreError> {
        either!(self.0, database => database.imported_rows(import).await)
    }

    /// What an import brought of spend, by line.
    pub async fn imported_spend(&self, import: i64) -> Result<Vec<SpendRow>, StoreError> {
        either!(self.0, database => database.imported_spend(import).await)
    }

    /// All that was told of spend for a segment (empty: for the whole company) up to the import of this number, each with its
    /// import, in the order in which it was told.
    pub async fn spend_rows(&self, segment: &str, last_import: i64) -> Result<Vec<(i64, SpendRow)>, StoreError> {
        either!(self.0, database => database.spend_rows(segment, last_import).await)
    }

    /// What an import couldn't take, by line.
    pub async fn lines_set_aside(&self, import: i64) -> Result<Vec<SetAside>, StoreError> {
        either!(self.0, database => database.lines_set_aside(import).await)
    }

    /// The number of the last import that is known; 0 for none.
    pub async fn imports_known(&self, known: ImportsKnown) -> Result<i64, StoreError> {
        either!(self.0, database => database.imports_known(known).await)
    }

    /// Every value told of an attribute up to the import of this number, in the order they were told.
    pub async fn attribute_rows(&self, key: &str, last_import: i64) -> Result<Vec<AttributeRow>, StoreError> {
        either!(self.0, database => database.attribute_rows(key, last_import).await)
    }

    /// The names of attributes told up to the import of this number.
    pub async fn attribute_keys(&self, last_import: i64) -> Result<Vec<String>, StoreError> {
        either!(self.0, database => database.attribute_keys(last_import).await)
    }

    /// How many imports the audit trail tells of: as many as there are, or one was taken away.
    pub async fn imports_told(&self) -> Result<i64, StoreError> {
        either!(self.0, database => database.imports_told().await)
    }

    /// Takes or renews the lease `name`; false while another holder has it.
    ///
    /// It lasts by its renewals: this store takes it from a holder that it has seen renew nothing for `length`, by its own
    /// count of time, or that is known to be gone (its process ended; its lease lies in a copy of the file).
    pub async fn lease(&self, name: &str, holder: &str, length: Duration) -> Result<bool, StoreError> {
        either!(self.0, database => database.lease(name, holder, length).await)
    }

    /// Every lease there is, and who holds it.
    pub async fn leases(&self) -> Result<Vec<LeaseHeld>, StoreError> {
        either!(self.0, database => database.leases().await)
    }

    /// Gives the lease back, if `holder` has it.
    pub async fn release(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        either!(self.0, database => database.release(name, holder).await)
    }

    /// The place kept under `name` by [`Records::set_progress`].
    pub async fn progress(&self, name: &str) -> Result<Option<String>, StoreError> {
        either!(self.0, database => database.progress(name).await)
    }

    /// Keeps how far the work `name` has come.
    pub async fn set_progress(&self, name: &str, place: &str) -> Result<(), StoreError> {
        either!(self.0, database => database.set_progress(name, place).await)
    }

    /// Forgets the places of all work whose name begins with `prefix`.
    pub async fn clear_progress(&self, prefix: &str) -> Result<(), StoreError> {
        either!(self.0, database => database.clear_progress(prefix).await)
    }

    /// Keeps a closed month for ever, in one transaction. False, and nothing done, unless its revision is the next one.
    pub async fn close_month(&self, month: &ClosedMonth, deed: &Deed) -> Result<bool, StoreError> {
        either!(self.0, database => database.close_month(month, deed).await)
    }

    /// Every closing, by month, profile and revision: those that hold and those that were superseded.
    pub async fn closings(&self) -> Result<Vec<Closing>, StoreError> {
        either!(self.0, database => database.closings().await)
    }

    /// The lines of a closed month's bridges.
    pub async fn closed_totals(&self, closing: &Closing) -> Result<Vec<ClosedTotal>, StoreError> {
        either!(self.0, database => database.closed_totals(closing).await)
    }

    /// What each customer paid around a closed month, by customer and currency.
    pub async fn closed_customers(&self, closing: &Closing) -> Result<Vec<ClosedCustomer>, StoreError> {
        either!(self.0, database => database.closed_customers(closing).await)
    }

    /// The movements a month was closed with, by customer.
    pub async fn closed_movements(&self, closing: &Closing) -> Result<Vec<ClosedMovement>, StoreError> {
        either!(self.0, database => database.closed_movements(closing).await)
    }

    /// Up to `limit` entries after this position, in order.
    pub async fn feed_after(&self, position: i64, limit: i64) -> Result<Vec<FeedEntry>, StoreError> {
        either!(self.0, database => database.feed_after(position, limit).await)
    }

    /// What was last told of each movement of the days from `from` on.
    pub async fn feed_latest(&self, from: Day) -> Result<Vec<FeedEntry>, StoreError> {
        either!(self.0, database => database.feed_latest(from).await)
    }

    /// The place of the feed's newest entry; 0 where there is none.
    pub async fn feed_end(&self) -> Result<i64, StoreError> {
        either!(self.0, database => database.feed_end().await)
    }

    /// Forgets entries of the feed up to and with the place `taken` that were found before `before` and that later ones of the
    /// same movement replace; how many.
    pub async fn prune_feed(&self, taken: i64, before: UnixTime) -> Result<u64, StoreError> {
        either!(self.0, database => database.prune_feed(taken, before).await)
    }

    /// Changes whenever a record that answers are made of is added: closings, erasures, imports, saved segments.
    pub async fn mark(&self) -> Result<(i64, i64, i64, i64, i64), StoreError> {
        either!(self.0, database => database.records_mark().await)
    }

    /// Appends entries in this order, in one transaction. A version of a movement that is there already stays as it is.
    pub async fn append_feed(&self, entries: &[NewFeedEntry], at: UnixTime) -> Result<(), StoreError> {
        either!(self.0, database => database.append_feed(entries, at).await)
    }

    /// Keeps an alert and its messages in one transaction. False, and nothing done, when it is known already.
    pub async fn raise_alert(&self, alert: &NewAlert, outgoing: &Outgoing) -> Result<bool, StoreError> {
        either!(self.0, database => database.raise_alert(alert, outgoing).await)
    }

    /// Makes an open alert its next version, with messages, in one transaction. False, and nothing done, when it is over
    /// or has that version already.
    pub async fn update_alert(&self, update: &AlertUpdate, outgoing: &Outgoing) -> Result<bool, StoreError> {
        either!(self.0, database => database.update_alert(update, outgoing).await)
    }

    /// Ends an alert's episode and tells of it, in one transaction. False, and nothing done, when it is over already.
    pub async fn close_alert(&self, id: &str, ending: &Ending<'_>, outgoing: &Outgoing) -> Result<bool, StoreError> {
        either!(self.0, database => database.close_alert(id, ending, outgoing).await)
    }

    /// Somebody took the alert on; the first to say so stays.
    pub async fn acknowledge_alert(&self, id: &str, by: Option<&str>, deed: &Deed) -> Result<(), StoreError> {
        either!(self.0, database => database.acknowledge_alert(id, by, deed).await)
    }

    /// The alert with this id.
    pub async fn alert(&self, id: &str) -> Result<Option<AlertRow>, StoreError> {
        either!(self.0, database => database.alert(id).await)
    }

    /// Up to `limit` alerts, newest first, after the place named.
    pub async fn alerts(
        &self,
        filter: &AlertFilter,
        after: Option<(UnixTime, &str)>,
        limit: i64,
    ) -> Result<Vec<AlertRow>, StoreError> {
        either!(self.0, database => database.alerts(filter, after, limit).await)
    }

    /// Every planned event, by day.
    pub async fn annotations(&self) -> Result<Vec<Annotation>, StoreError> {
        either!(self.0, database => database.annotations().await)
    }

    /// Keeps a planned event; answers its number.
    pub async fn annotate(&self, annotation: &Annotation, deed: &Deed) -> Result<i64, StoreError> {
        either!(self.0, database => database.annotate(annotation, deed).await)
    }

    /// Forgets a planned event; false where there is none.
    pub async fn remove_annotation(&self, id: i64, deed: &Deed) -> Result<bool, StoreError> {
        either!(self.0, database => database.remove_annotation(id, deed).await)
    }

    /// Every goal that was ever set, in that order.
    pub async fn goals(&self) -> Result<Vec<GoalRow>, StoreError> {
        either!(self.0, database => database.goals().await)
    }

    /// Keeps a goal; answers its number.
    pub async fn set_goal(&self, goal: &GoalRow, deed: &Deed) -> Result<i64, StoreError> {
        either!(self.0, database => database.set_goal(goal, deed).await)
    }

    /// Ends a goal; false where there is none, or it was ended before.
    pub async fn end_goal(&self, id: i64, reason: &str, deed: &Deed) -> Result<bool, StoreError> {
        either!(self.0, database => database.end_goal(id, reason, deed).await)
    }

    /// Every version of every saved segment, in the order in which they were saved.
    pub async fn segment_versions(&self) -> Result<Vec<SegmentVersion>, StoreError> {
        either!(self.0, database => database.segment_versions().await)
    }

    /// Keeps what a name means from now on, or with `None` that it means nothing; answers the version's number.
    pub async fn save_segment(&self, name: &str, condition: Option<&str>, deed: &Deed) -> Result<i64, StoreError> {
        either!(self.0, database => database.save_segment(name, condition, deed).await)
    }

    /// The rules that are muted at `now`.
    pub async fn mutes(&self, now: UnixTime) -> Result<Vec<Mute>, StoreError> {
        either!(self.0, database => database.mutes(now).await)
    }

    /// Mutes a rule; what was said of it before is replaced.
    pub async fn mute(&self, mute: &Mute, deed: &Deed) -> Result<(), StoreError> {
        either!(self.0, database => database.mute(mute, deed).await)
    }

    /// Lets a rule speak again; false where it wasn't muted.
    pub async fn unmute(&self, rule: &str, deed: &Deed) -> Result<bool, StoreError> {
        either!(self.0, database => database.unmute(rule, deed).await)
    }

    /// Up to `limit` messages to `channel` that are due, with what they say.
    pub async fn due_deliveries(
        &self,
        channel: &str,
        now: UnixTime,
        limit: i64,
    ) -> Result<Vec<(DeliveryRow, String)>, StoreError> {
        either!(self.0, database => database.due_deliveries(channel, now, limit).await)
    }

    /// Keeps what an attempt to deliver came to. False where the message no longer waits.
    pub async fn record_attempt(&self, id: i64, attempt: &Attempt) -> Result<bool, StoreError> {
        either!(self.0, database => database.record_attempt(id, attempt).await)
    }

    /// Gives up what has waited since before `created_before`; answers how many.
    pub async fn give_up_deliveries(&self, created_before: UnixTime) -> Result<i64, StoreError> {
        either!(self.0, database => database.give_up_deliveries(created_before).await)
    }

    /// What became of the messages about these alerts, oldest first.
    pub async fn deliveries(&self, alerts: &[&str]) -> Result<Vec<DeliveryRow>, StoreError> {
        either!(self.0, database => database.deliveries(alerts).await)
    }

    /// How many messages wait, and how many were given up.
    pub async fn outbox_counts(&self) -> Result<OutboxCounts, StoreError> {
        either!(self.0, database => database.outbox_counts().await)
    }

    /// The token of this digest, revoked ones too.
    pub async fn access_token(&self, digest: &SecretDigest) -> Result<Option<TokenRow>, StoreError> {
        either!(self.0, database => database.access_token(digest).await)
    }

    /// Every token there ever was, oldest first.
    pub async fn access_tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        either!(self.0, database => database.access_tokens().await)
    }

    /// Keeps a new token; one of the same digest stays as it is.
    pub async fn keep_token(&self, token: &TokenRow, deed: &Deed) -> Result<(), StoreError> {
        either!(self.0, database => database.keep_token(token, deed).await)
    }

    /// Revokes the token of this id and ends the sessions opened with it; false where there is none in force.
    pub async fn revoke_token(&self, id: &str, deed: &Deed) -> Result<bool, StoreError> {
        either!(self.0, database => database.revoke_token(id, deed).await)
    }

    /// Keeps a new session, and forgets those that have ended.
    pub async fn open_session(&self, session: &SessionRow, deed: &Deed) -> Result<(), StoreError> {
        either!(self.0, database => database.open_session(session, deed).await)
    }

    /// The session of this digest; `None` once it has ended.
    pub async fn session(&self, digest: &SecretDigest, now: UnixTime) -> Result<Option<SessionRow>, StoreError> {
        either!(self.0, database => database.session(digest, now).await)
    }

    /// Ends a session before its time.
    pub async fn end_session(&self, digest: &SecretDigest) -> Result<(), StoreError> {
        either!(self.0, database => database.end_session(digest).await)
    }

    /// Writes a line of the audit trail about what isn't one of the operations here: those write theirs themselves.
    pub async fn record(&self, deed: &Deed) -> Result<(), StoreError> {
        either!(self.0, database => database.record(deed).await)
    }

    /// Up to `limit` lines of the audit trail, newest first, before the place named.
    pub async fn audit_trail(
        &self,
        action: Option<Action>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<TrailRow>, StoreError> {
        either!(self.0, database => database.audit_trail(action, before, limit).await)
    }
}
