//! SQLite: the log in one file, everything derived from it in another beside it, so that the reconciler never holds the
//! webhooks' write lock (architecture.md, decision 11).

mod arrivals;
#[path = "../body/mod.rs"]
mod body;
mod checkpoint;
mod dialect;
mod direct;
mod facts;
mod fresh;
mod writer;

use std::{path::Path, time::Duration};

use sqlx::{
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{Options, StoreError, planned::Plan, schema, tally::Tally};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// One write lock for each file: whoever waits longer than this is told that the database is busy.
const BUSY: Duration = Duration::from_secs(10);

/// How customers' facts are read.
const READING: &str = "PRAGMA query_only = ON";

/// How a generation is filled: a page of customers reaches many pages of the indices by day, which are kept at hand.
const FILLING: &str = "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 16000; PRAGMA cache_size = -16000";

/// From how many pages of the write-ahead log on a commit moves them into the file, and the cache of the connection that
/// writes. Of the log: leases and seals are written when no event comes, and only events make [`checkpoint`] look.
const LOG_FILE: (&str, &str) = ("8000", "-2000");

/// Of the derived tables: each customer has rows on dozens of pages all over a large file, and a page that a batch changes
/// twice is written once.
const DERIVED_FILE: (&str, &str) = ("4000", "-16000");

/// A log file and its derived file.
#[derive(Clone, Debug)]
pub struct Database {
    /// Readers of the log.
    log: dialect::Pool,
    /// What writes the log.
    log_writer: writer::LogWriter,
    /// Readers of the derived tables.
    derived: dialect::Pool,
    /// The one connection that writes them.
    derived_writer: dialect::Pool,
    /// Readers of customers' facts.
    facts: direct::Direct,
    /// Writers of a generation that is being filled.
    fresh: direct::Direct,
    checkpoints: checkpoint::Checkpoints,
    tally: Tally,
    pub(super) plan: Plan,
}

impl Database {
    /// Opens the log at `path`, and `….derived.db` beside it; creates and migrates both where needed.
    pub(super) async fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        let plan = Plan::default();
        let (log, log_connection) =
            open_file(path, SqliteSynchronous::Full, LOG_FILE, options, schema::log_part(&MIGRATIONS)).await?;
        let derived_path = path.with_extension("derived.db");
        let (derived, derived_writer) = open_file(
            &derived_path,
            SqliteSynchronous::Normal,
            DERIVED_FILE,
            options,
            schema::derived_part(&MIGRATIONS),
        )
        .await?;
        let database = Self {
            log,
            log_writer: writer::LogWriter::start(path, log_connection, plan.clone())?,
            derived,
            derived_writer,
            facts: direct::Direct::to(path, READING),
            fresh: direct::Direct::to(&derived_path, FILLING),
            checkpoints: checkpoint::Checkpoints::default(),
            tally: Tally::default(),
            plan,
        };
        database.forget_other_logs().await?;
        Ok(database)
    }
}

async fn open_file(
    path: &Path,
    synchronous: SqliteSynchronous,
    (checkpoint_pages, writer_cache): (&'static str, &'static str),
    options: &Options,
    migrations: Migrator,
) -> Result<(dialect::Pool, dialect::Pool), StoreError> {
    if path.is_dir() {
        return Err(StoreError::Schema(format!("{} is a folder: database.url must name a file", path.display())));
    }
    let unavailable = |error| cannot_open(path, error);
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .pragma("wal_autocheckpoint", checkpoint_pages)
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .statement_cache_capacity(256);
    // A local file needs no ping before each use, and its connections never grow stale.
    let pool = || SqlitePoolOptions::new().test_before_acquire(false).idle_timeout(None).max_lifetime(None);
    // What is erased leaves the pages as well, overwritten with zeros; nothing else is ever deleted from the log.
    let writing = connect.clone().pragma("cache_size", writer_cache).pragma("secure_delete", "ON");
    let writer = pool().max_connections(1).connect_with(writing).await.map_err(unavailable)?;
    migrate(&migrations, &writer, path).await?;
    let readers = pool()
        .max_connections(options.readers)
        .connect_with(connect.pragma("query_only", "ON"))
        .await
        .map_err(unavailable)?;
    Ok((readers, writer))
}

/// Brings a file up to date. Each step is one transaction, but SQLite has no lock around all of them: of two processes that
/// start at once, one finds a step taken or the file busy, and looks again.
async fn migrate(migrations: &Migrator, writer: &dialect::Pool, path: &Path) -> Result<(), StoreError> {
    const LOOKS: u32 = 10;
    const PAUSE: Duration = Duration::from_millis(100);
    let name = path.display().to_string();
    for _ in 1..LOOKS {
        match schema::migrate(migrations, writer, &name).await {
            Err(StoreError::Unavailable { .. }) => tokio::time::sleep(PAUSE).await,
            other => return other,
        }
    }
    schema::migrate(migrations, writer, &name).await
}

/// Says which file, and what to do about it.
fn cannot_open(path: &Path, error: sqlx::Error) -> StoreError {
    let path = path.display();
    let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
    // The primary result code is the low byte of an extended one.
    match code.and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff) {
        Some(SQLITE_NOTADB | SQLITE_CORRUPT) => StoreError::Schema(format!(
            "{path} is no SQLite database, or is damaged ({error}): check database.url, or restore the file from a backup"
        )),
        Some(SQLITE_CANTOPEN | SQLITE_READONLY) => StoreError::Unavailable {
            doing: "opening the database",
            reason: format!("{path}: {error}; is its folder there, and may this user write in it?"),
        },
        _ => StoreError::Unavailable { doing: "opening the database", reason: format!("{path}: {error}") },
    }
}

const SQLITE_READONLY: i32 = 8;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_CANTOPEN: i32 = 14;
const SQLITE_NOTADB: i32 = 26;
