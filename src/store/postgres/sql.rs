//! What PostgreSQL says differently in statements. Its twin is in `sqlite/`.

use std::sync::{LazyLock, atomic::Ordering};

use sqlx::AssertSqlSafe;

use super::{
    Database,
    body::{columns::TABLES, found::EACH_IS_NAMED, generations::SUM_TABLES},
    driver::Connection,
};
use crate::{
    budget,
    event::Seq,
    limits,
    store::{
        StoreError,
        derived::generation::{Advanced, GenerationId},
        errors::{Doing, saw_read_only},
    },
};

/// Begins a transaction that will write.
pub(crate) const BEGIN_WRITE: &str = "BEGIN";
/// Begins a transaction that reads several things as of one instant.
pub(crate) fn begin_read() -> &'static str {
    if budget::current().is_some() { &READ_FOR_A_QUESTION } else { READ }
}
const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// The same for a question. Whoever asked is told when its time is over, but the server isn't: a statement would go on for as long as it
/// takes. What fits into so much memory is hashed, where else it would be gone through again for each row; and statements are planned
/// for what is asked: planned for anything, a list of which one page is wanted is planned for a tenth of all.
static READ_FOR_A_QUESTION: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{READ}; SET LOCAL statement_timeout = {}; SET LOCAL work_mem = '32MB'; SET LOCAL plan_cache_mode = force_custom_plan",
        limits::QUESTION_TIME.as_millis()
    )
});
/// Says within a transaction that rows are read in the order in which they lie, many of them asked for before they are needed: of
/// many customers each row lies somewhere else, and one waits for the disk after the other where they come by their index. Planned for
/// the list that is asked for, and without helpers: some of these statements run beside each other anyway.
pub(crate) const AHEAD_OF_ROWS: &str =
    "SET LOCAL enable_indexscan = off; SET LOCAL enable_seqscan = off; SET LOCAL effective_io_concurrency = 64;
     SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL max_parallel_workers_per_gather = 0";
/// That customer `l` is one whose name `w` has what follows: whether to find all such names once or each customer's is left to the
/// planner. As `IN`, names that don't fit into memory were gone through for each customer.
pub(crate) const IS_NAMED: &str = EACH_IS_NAMED;
/// What stands around a text in lower case whose letters from A to Z may be of either case.
pub(crate) const ANY_CASE: [&str; 2] = ["lower(", ")"];
/// Says within a transaction that all processors may go through a table, however many rows of it are thought to be found: the planner
/// leaves that to one where it is told to stop after a few.
pub(crate) const ALL_TOGETHER: &str = "SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0";
/// How many bytes the database holds.
pub(crate) const SIZE: &str = "SELECT pg_database_size(current_database())";
/// Log and derived tables lie together.
pub(crate) const APART: bool = false;
/// What the metadata of `l` holds under a key, which stands between the two.
pub(crate) const METADATA: (&str, &str) = ("(CAST(l.metadata AS json) ->> ", ")");
/// Ends a SELECT whose rows stay as they are until the commit.
pub(crate) const FOR_UPDATE: &str = " FOR UPDATE";
/// The time in seconds, by the server.
pub(crate) const NOW: &str = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)";
/// Whether that clock may end a lease: every process asks the same one.
pub(crate) const LEASES_EXPIRE: bool = true;
/// Two processes may append the same event at once; the later one fails on the key and looks again.
pub(crate) const APPENDS_MAY_COLLIDE: bool = true;

/// The body of event `e`, as `b`, after `JOIN` or `LEFT JOIN`: looked for in its month's partition, and in the one of bodies
/// without a month. `OFFSET 0` has it looked for event by event: the planner doesn't know that so few partitions are looked
/// into, and would rather join all of them for one page.
pub(crate) const BODY: &str = "LATERAL (SELECT salt, codec, bytes FROM event_body
    WHERE event_body.seq = e.seq AND event_body.received_at IN (e.received_at, 0) OFFSET 0) b ON TRUE";
/// A body says when it was received: that is the partition it belongs in.
pub(crate) const BODIES_HAVE_MONTHS: bool = true;

/// Within `SELECT * FROM (VALUES …)` it would take every value for a text.
pub(crate) const PADS: bool = false;

/// The movement of part `c`, as `m`. `LIMIT 1` tells the planner that each part has one: by its own estimate next to none has, and
/// then a page is sorted out of all parts of its cause instead of being read in their order.
pub(crate) const MOVEMENT_OF_PART: &str =
    "JOIN LATERAL (SELECT * FROM movement WHERE movement.generation = c.generation
    AND movement.profile = c.profile AND movement.livemode = c.livemode AND movement.account = c.account
    AND movement.customer = c.customer AND movement.ordinal = c.ordinal LIMIT 1) m ON TRUE";

/// The place of a statement's value `n`.
pub(crate) fn place(n: usize, text: &mut String) {
    use std::fmt::Write as _;

    // Writing to a String can't fail.
    let _ = write!(text, "${n}");
}

/// `column IN (the texts bound as $n)`; bind them with [`text_list`].
pub(crate) fn in_list(column: &str, n: usize) -> String {
    format!("{column} = ANY(${n}::text[])")
}

/// Texts to bind for [`in_list`].
pub(crate) fn text_list<'t>(texts: impl IntoIterator<Item = &'t str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

/// Takes the next `count` places in the log, within the append's transaction and behind [`hold_horizon`].
pub(crate) async fn next_seqs(connection: &mut Connection, count: usize) -> Result<Vec<Seq>, StoreError> {
    sqlx::query_scalar("SELECT nextval('event_seq_seq') FROM generate_series(1, $1)")
        .bind(i64::try_from(count).unwrap_or(i64::MAX))
        .fetch_all(connection)
        .await
        .doing("numbering events")
}

// The migration's trigger takes the same lock, so that no other way into the log forgets it: 'mrrd', 'seq' in ASCII.
const HOLD: &str = "SELECT pg_advisory_xact_lock_shared(1836216932, 7562609)";
const WAIT: &str = "SELECT pg_advisory_xact_lock(1836216932, 7562609)";

/// Lets no reader of the log pass what this transaction is about to append, until it commits.
pub(crate) async fn hold_horizon(connection: &mut Connection) -> Result<(), StoreError> {
    sqlx::query(HOLD).execute(connection).await.doing("appending events").map(drop)
}

/// The greatest seq that every reader may see.
///
/// Sequence order is not commit order: seq 2 may be visible while seq 1 is not yet, and a reader that went on to 2 would
/// never see 1. So every append holds a lock shared from before it takes its seqs until it commits, and whoever asks for
/// the horizon takes the same lock alone: at that moment no seq is out. Appends never wait for each other.
///
/// While the lock is asked for, appends queue behind the asker. So the asker waits for half a second at most; behind an
/// append that hangs longer it answers with the last horizon known, which is always safe.
pub(crate) async fn horizon(database: &Database) -> Result<Seq, StoreError> {
    let doing = "reading the log's end";
    let mut tx = database.log.begin().await.doing(doing)?;
    sqlx::query("SET LOCAL lock_timeout = '500ms'").execute(&mut *tx).await.doing(doing)?;
    if let Err(error) = sqlx::query(WAIT).execute(&mut *tx).await {
        // 55P03: the lock wasn't to be had in time.
        if error.as_database_error().and_then(|error| error.code()).as_deref() == Some("55P03") {
            return Ok(Seq(database.horizon.load(Ordering::SeqCst)));
        }
        return Err(error).doing(doing);
    }
    let last: i64 =
        sqlx::query_scalar("SELECT COALESCE(MAX(seq), 0) FROM event").fetch_one(&mut *tx).await.doing(doing)?;
    tx.commit().await.doing(doing)?;
    Ok(Seq(database.horizon.fetch_max(last, Ordering::SeqCst).max(last)))
}

/// Says that so many events were appended: the server looks after its own log.
pub(crate) fn grown(_database: &Database, _events: usize) {}

// 'geni' in ASCII, then the generation's number.
const GENERATION: i32 = 1_734_700_649;

/// Until the commit, this transaction works on `generation` beside others that do; [`alone_with_generation`] waits for it.
pub(crate) async fn share_generation(connection: &mut Connection, generation: GenerationId) -> Result<(), StoreError> {
    // Deriving takes its time in the middle of the transaction; a process that stops there is thrown out after this one.
    sqlx::query(
        "SELECT set_config('idle_in_transaction_session_timeout', '60s', TRUE),
         pg_advisory_xact_lock_shared($1, CAST($2 AS INTEGER))",
    )
    .bind(GENERATION)
    .bind(generation)
    .execute(connection)
    .await
    .doing("sharing a generation")
    .map(drop)
}

/// Marks whoever the next `limit` events of the log touch.
pub(crate) async fn advance_to(
    database: &Database,
    generation: GenerationId,
    limit: i64,
) -> Result<Advanced, StoreError> {
    database.advance_by_statements(generation, limit).await
}

/// Waits for every transaction that shares `generation`, and keeps new ones waiting until the commit.
pub(crate) async fn alone_with_generation(
    connection: &mut Connection,
    generation: GenerationId,
) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock($1, CAST($2 AS INTEGER))")
        .bind(GENERATION)
        .bind(generation)
        .execute(connection)
        .await
        .doing("waiting for a generation")
        .map(drop)
}

/// Whether the log could be written: a connection is to be had, and this is no read-only standby.
pub(crate) async fn log_is_writable(database: &Database) -> Result<(), StoreError> {
    let doing = "asking the database";
    let (standby, read_only): (bool, bool) =
        sqlx::query_as("SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::boolean")
            .fetch_one(&database.log_writer)
            .await
            .doing(doing)?;
    if read_only {
        // Nor does the next who asks get this session, if the server takes writes again.
        saw_read_only();
    }
    let reason = match (standby, read_only) {
        (true, _) => "this PostgreSQL is a read-only standby: database.url must name the primary",
        (false, true) => "PostgreSQL takes no writes here: default_transaction_read_only is on",
        (false, false) => return Ok(()),
    };
    Err(StoreError::Unavailable { doing, reason: reason.into() })
}

/// Closes what isn't of a pool: the leases held are free.
pub(crate) fn close_direct(database: &Database) {
    database.presence.end();
    database.arriving.forget();
}

/// Tells the planner what a generation holds that was filled at once: else it believes tables empty until, minutes later,
/// they are looked at by themselves.
pub(crate) async fn gather_statistics(database: &Database) -> Result<(), StoreError> {
    let tables: Vec<&str> =
        ["reference", "joined"].into_iter().chain(SUM_TABLES).chain(TABLES.iter().map(|table| table.name)).collect();
    let doing = "gathering statistics";
    let mut tx = database.derived_writer.begin().await.doing(doing)?;
    // Who is asked for by key wants no finer picture; the server refines it by itself.
    sqlx::query("SET LOCAL default_statistics_target = 10").execute(&mut *tx).await.doing(doing)?;
    let text = format!("ANALYZE {}", tables.join(", "));
    sqlx::query(AssertSqlSafe(text)).execute(&mut *tx).await.doing(doing)?;
    tx.commit().await.doing(doing)
}

/// Has rows found by an index: the planner knows by itself whether the span asked for is short.
pub(crate) fn by_index(_index: &str) -> &'static str {
    ""
}
