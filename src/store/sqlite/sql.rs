//! What SQLite says differently in statements. Its twin is in `postgres/`.

use super::{Database, driver::Connection};
use crate::{
    event::Seq,
    store::{StoreError, derived::generation::GenerationId, errors::Doing},
};

/// Begins a transaction that will write: takes the write lock at once, so that it never fails half-way for want of it.
pub(crate) const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";
/// Begins a transaction that reads several things as of one instant.
pub(crate) fn begin_read() -> &'static str {
    "BEGIN"
}
/// That customer `l` is one whose name `w` has what follows: all such names are found once, for looking each up costs many
/// times as much.
pub(crate) const IS_NAMED: &str = "(l.account, l.customer) IN (SELECT w.account, w.customer FROM customer_name w WHERE";
/// What stands around a text that is looked through by `LIKE`, whose letters from A to Z may be of either case: nothing, for they aren't
/// told apart there, and `lower` would copy every text.
pub(crate) const ANY_CASE: [&str; 2] = ["", ""];
/// One processor goes through a table.
pub(crate) const ALL_TOGETHER: &str = "SELECT 1";
/// How many bytes a database file holds.
pub(crate) const SIZE: &str = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
/// Log and derived tables lie in two files.
pub(crate) const APART: bool = true;
/// What the metadata of `l` holds under a key, which stands between the two.
pub(crate) const METADATA: (&str, &str) = ("(SELECT value FROM json_each(l.metadata) WHERE key = ", ")");
/// Ends a SELECT whose rows stay as they are until the commit: the write lock sees to that.
pub(crate) const FOR_UPDATE: &str = "";
/// The time in seconds, by the database.
pub(crate) const NOW: &str = "unixepoch()";
/// Whether that clock may end a lease: it is this machine's, which may jump.
pub(crate) const LEASES_EXPIRE: bool = false;
/// Two connections never append at once, so an append never meets a row that it didn't see.
pub(crate) const APPENDS_MAY_COLLIDE: bool = false;

/// Each statement is a trip to the connection's thread: rather one with rows that aren't there than one more. What isn't
/// bound is null.
pub(crate) const PADS: bool = true;

/// The body of event `e`, as `b`, after `JOIN` or `LEFT JOIN`.
pub(crate) const BODY: &str = "event_body b ON b.seq = e.seq";
/// All bodies lie in one table.
pub(crate) const BODIES_HAVE_MONTHS: bool = false;

/// The movement of part `c`, as `m`: parts come first, in their order.
pub(crate) const MOVEMENT_OF_PART: &str =
    "CROSS JOIN movement m ON m.generation = c.generation AND m.profile = c.profile
    AND m.livemode = c.livemode AND m.account = c.account AND m.customer = c.customer AND m.ordinal = c.ordinal";

/// The place of a statement's value `n`. SQLite finds the name of each place by going through all before it, so that a
/// statement of a thousand values spends its time there; places without a name cost nothing.
pub(crate) fn place(_n: usize, text: &mut String) {
    text.push('?');
}

/// `column IN (the texts bound as $n)`; bind them with [`text_list`].
pub(crate) fn in_list(column: &str, n: usize) -> String {
    format!("{column} IN (SELECT value FROM json_each(${n}))")
}

/// Texts to bind for [`in_list`].
pub(crate) fn text_list<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    serde_json::Value::from_iter(texts).to_string()
}

/// Takes the next `count` places in the log, within the append's transaction.
pub(crate) async fn next_seqs(connection: &mut Connection, count: usize) -> Result<Vec<Seq>, StoreError> {
    let last: Option<Seq> = sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = 'event'")
        .fetch_optional(connection)
        .await
        .doing("numbering events")?;
    Ok(std::iter::successors(Some(last.unwrap_or_default().next()), |seq| Some(seq.next())).take(count).collect())
}

/// The greatest seq that every reader may see. There is one writer: the order of seq is the order of commits.
pub(crate) async fn horizon(database: &Database) -> Result<Seq, StoreError> {
    sqlx::query_scalar("SELECT COALESCE(MAX(seq), 0) FROM event")
        .fetch_one(&database.log)
        .await
        .doing("reading the log's end")
}

/// Lets no reader of the log pass what this transaction is about to append: nothing to do with one writer.
pub(crate) async fn hold_horizon(_connection: &mut Connection) -> Result<(), StoreError> {
    Ok(())
}

/// Says that so many events were appended.
pub(crate) fn grown(database: &Database, events: usize) {
    database.grown(events);
}

/// Works on a generation beside others that do: there is one writer.
pub(crate) async fn share_generation(
    _connection: &mut Connection,
    _generation: GenerationId,
) -> Result<(), StoreError> {
    Ok(())
}

/// Waits for every transaction that shares a generation: whoever holds the write lock is alone.
pub(crate) async fn alone_with_generation(
    _connection: &mut Connection,
    _generation: GenerationId,
) -> Result<(), StoreError> {
    Ok(())
}

/// Whether the log could be written: the one connection that writes it may be busy doing so, and isn't disturbed.
pub(crate) async fn log_is_writable(database: &Database) -> Result<(), StoreError> {
    database.file.may_be_opened("looking at the log's file")
}

/// Closes connections that aren't of a pool.
pub(crate) fn close_direct(database: &Database) {
    database.presence.end();
    database.file.close();
    database.facts.close();
    database.fresh.close();
    database.replacing.close();
    database.ledgers.close();
}

/// Nothing to do: no plan depends on how much a table holds.
pub(crate) async fn gather_statistics(_database: &Database) -> Result<(), StoreError> {
    Ok(())
}

/// Has rows found by an index: SQLite can't know that the span asked for is short.
pub(crate) fn by_index(index: &str) -> String {
    format!(" INDEXED BY {index}")
}
