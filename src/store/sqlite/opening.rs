//! Opening one file: its connections, how much of it they keep at hand, and its schema.

use std::{
    fmt::Display,
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use sqlx::{
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{connections::pool, derived_files::DerivedFiles, driver::Pool, private};
use crate::store::{
    OlderSchema, Options, StoreError,
    errors::{SQLITE_CORRUPT, SQLITE_NOTADB},
    schema,
};

/// Every step of the schema.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// One write lock for each file: whoever waits longer than this is told that the database is busy.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// How a file is written, in the values of SQLite's pragmas.
#[derive(Clone, Copy)]
pub(super) struct Writing {
    /// From how many pages of the write-ahead log on a commit moves them into the file.
    checkpoint_pages: &'static str,
    /// The cache of the connection that writes: below zero in KiB.
    cache: &'static str,
}

/// Of the log: leases and seals are written when no event comes, and only events make `checkpoint.rs` look.
pub(super) const LOG_FILE: Writing = Writing { checkpoint_pages: "8000", cache: "-2000" };

/// Of the derived tables: each customer has rows on dozens of pages all over a large file, and a page that a batch changes
/// twice is written once.
pub(super) const DERIVED_FILE: Writing = Writing { checkpoint_pages: "4000", cache: "-16000" };

/// Refuses a folder and another program's file before anything is made beside them or changed in them. What can't be looked at is
/// told when it is opened.
pub(super) fn refuse_what_is_not_ours(path: &Path) -> Result<(), StoreError> {
    let shown = path.display();
    if path.is_dir() {
        return Err(StoreError::Schema(format!("{shown} is a folder: database.url must name a file")));
    }
    let foreign = "SELECT MIN(name) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'
        AND NOT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations')";
    let looked = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|file| file.query_row(foreign, [], |row| row.get::<_, Option<String>>(0)));
    match looked {
        // Before derived tables are made beside it.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => Err(no_database(path, &error)),
        Ok(Some(table)) => Err(StoreError::Schema(format!(
            "{shown} holds another program's tables, such as {table}: database.url must name a file of mrrd's own, or one that \
             isn't there yet"
        ))),
        _ => Ok(()),
    }
}

/// Opens a file, made where it is missing and brought up to date: its readers, and the one connection that writes it.
pub(super) async fn open_file(
    path: &Path,
    synchronous: SqliteSynchronous,
    written: Writing,
    options: &Options,
    migrations: Migrator,
    replaceable: Option<DerivedFiles>,
) -> Result<(Pool, Pool), StoreError> {
    // What was never there is no ledger of an older version: derived tables are made where they are missing.
    let is_fresh = std::fs::metadata(path).map_or(0, |found| found.len()) == 0;
    private::make_file(path)?;
    let unavailable = |error| cannot_open(path, error);
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .pragma("wal_autocheckpoint", written.checkpoint_pages)
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .statement_cache_capacity(256);
    // What is erased leaves the pages as well, overwritten with zeros; nothing else is ever deleted from the log.
    let writing = connect.clone().pragma("cache_size", written.cache).pragma("secure_delete", "ON");
    let writer = connected(pool(replaceable.clone()).max_connections(1), writing).await.map_err(unavailable)?;
    if is_fresh || options.schema == OlderSchema::BringUpToDate {
        migrate(&migrations, &writer, path).await?;
    } else {
        let taken = sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success").fetch_all(&writer).await;
        let shown = path.display().to_string();
        schema::is_of_now(&migrations, &taken.map_err(|_| schema::none_yet(&shown))?, &shown)?;
    }
    let reading = connect.pragma("query_only", "ON");
    // The log's are all opened now: none is opened while another file lies under its name (`log_file.rs`).
    let at_once = if replaceable.is_none() { options.readers } else { 0 };
    let readers = pool(replaceable).min_connections(at_once).max_connections(options.readers);
    let readers = readers.connect_with(reading).await.map_err(unavailable)?;
    Ok((readers, writer))
}

/// After so long whoever finds a file locked or a step taken looks again.
const PAUSE: Duration = Duration::from_millis(100);

/// Connects to a file. Of processes that start at once over a new one, the first makes it keep a write-ahead log, and SQLite tells the
/// others meanwhile that it is locked, without waiting as it does elsewhere.
async fn connected(options: SqlitePoolOptions, connect: SqliteConnectOptions) -> Result<Pool, sqlx::Error> {
    let began = Instant::now();
    loop {
        match options.clone().connect_with(connect.clone()).await {
            Err(error) if result_code(&error) == Some(SQLITE_BUSY) && began.elapsed() < BUSY => {
                tokio::time::sleep(PAUSE).await;
            }
            other => return other,
        }
    }
}

/// Brings a file up to date. Each step is one transaction, but SQLite has no lock around all of them: of processes that
/// start at once, one finds a step taken or the file busy, and looks again. As long as another goes on, that is no failure: with
/// several over a slow disk each may find every other step taken.
async fn migrate(migrations: &Migrator, writer: &Pool, path: &Path) -> Result<(), StoreError> {
    /// So often where nobody takes a step meanwhile.
    const LOOKS: u32 = 10;
    let name = path.display().to_string();
    let (mut looks, mut taken) = (1, 0_i64);
    loop {
        match schema::migrate(migrations, writer, &name).await {
            Err(StoreError::Unavailable { .. }) if looks < LOOKS => {
                // What can't be counted just now counts as nothing taken: then it is one look fewer.
                let steps = sqlx::query_scalar("SELECT COUNT(*) FROM _sqlx_migrations").fetch_one(writer).await;
                let steps = steps.unwrap_or(taken);
                looks = if steps > taken { 1 } else { looks + 1 };
                taken = taken.max(steps);
                tokio::time::sleep(PAUSE).await;
            }
            other => return other,
        }
    }
}

const DOING: &str = "opening the database";

/// What SQLite can't read as a database.
fn no_database(path: &Path, error: &dyn Display) -> StoreError {
    StoreError::Damaged {
        doing: DOING,
        reason: format!("{} is no SQLite database, or is damaged ({error})", path.display()),
    }
}

/// Says which file, and what to do about it.
fn cannot_open(path: &Path, error: sqlx::Error) -> StoreError {
    let doing = DOING;
    let shown = path.display();
    match result_code(&error) {
        Some(SQLITE_NOTADB | SQLITE_CORRUPT) => no_database(path, &error),
        Some(SQLITE_CANTOPEN | SQLITE_READONLY) => StoreError::Unavailable {
            doing,
            reason: match private::owner_of(path) {
                Some(owner) => format!(
                    "{shown}: {error}; it belongs to the user with the number {owner}: may this user write it, and its folder?"
                ),
                None => format!("{shown}: {error}; is its folder there, and may this user write in it?"),
            },
        },
        _ => StoreError::Unavailable { doing, reason: format!("{shown}: {error}") },
    }
}

/// SQLite's primary result code, the low byte of an extended one; `None` where it isn't SQLite's error.
fn result_code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?.parse::<i32>().ok()?;
    Some(code & 0xff)
}

const SQLITE_BUSY: i32 = 5;
const SQLITE_READONLY: i32 = 8;
const SQLITE_CANTOPEN: i32 = 14;
