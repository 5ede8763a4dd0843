//! SQLite: the log in one file, everything derived from it in another beside it, so that the reconciler never holds the
//! webhooks' write lock (docs/decisions/011-sqlite-two-files.md).

mod arrivals;
#[path = "../body/mod.rs"]
mod body;
mod checkpoint;
mod connections;
pub(super) mod copied;
mod derived;
mod dialect;
mod direct;
mod facts;
mod fresh;
mod log_file;
mod private;
mod watch;
mod writer;

use std::{path::Path, time::Duration};

use sqlx::{
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use self::connections::pool;
use super::{
    OlderSchema, Options, StoreError,
    anchors::{OtherLog, refusal},
    errors::{Doing, DoingDirectly, SQLITE_CORRUPT, SQLITE_NOTADB},
    health::Health,
    planned::Plan,
    schema,
};
use crate::store::{log::tally::Tally, records::presence::Presence};

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
pub(super) struct Database {
    /// Readers of the log.
    log: dialect::Pool,
    /// What writes the log.
    log_writer: writer::LogWriter,
    /// Readers of the derived tables.
    derived: dialect::Pool,
    /// The one connection that writes them.
    derived_writer: connections::Writers,
    /// Readers of customers' facts.
    facts: direct::Direct,
    /// Writers of a generation that is being filled.
    fresh: direct::Direct,
    checkpoints: checkpoint::Checkpoints,
    file: log_file::LogFile,
    derived_files: derived::DerivedFiles,
    /// The log's identity as it was opened.
    known_as: String,
    presence: Presence,
    health: Health,
    tally: Tally,
    pub(super) plan: Plan,
}

impl Database {
    /// Opens the log at `path`, and `….derived.db` beside it; creates and migrates both where needed.
    pub(super) async fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        let (plan, health) = (Plan::default(), Health::default());
        private::make_folder(path)?;
        let derived_path = path.with_extension("derived.db");
        let is_new = !path.exists();
        if options.other_log != OtherLog::Accept {
            // SQLite would make a new log, and throw away a write-ahead log that lies beside it.
            is_not_lost(path)?;
        }
        let derived_is_there = derived_path.exists();
        let (derived_files, derived, derived_writer) = derived::open(&derived_path, options).await?;
        if is_new && derived_is_there && options.other_log == OtherLog::Refuse {
            is_remembered_by_nobody(path, &derived).await?;
        }
        let part = schema::log_part(&MIGRATIONS);
        let opened = open_file(path, SqliteSynchronous::Full, LOG_FILE, options, part, None).await;
        let (log, log_connection) = opened.map_err(restore_a_copy)?;
        let keel = writer::open(path).doing_directly("opening the database")?;
        let file = log_file::LogFile::opened(path, Some(keel));
        let log_writer = writer::LogWriter::start(file.clone(), log_connection, plan.clone(), health.clone())?;
        let mut database = Self {
            log,
            log_writer,
            derived,
            derived_writer,
            facts: direct::Direct::to(path, READING),
            fresh: direct::Direct::to(&derived_path, FILLING),
            checkpoints: checkpoint::Checkpoints::default(),
            presence: Presence::new(log_file::identity_of(path)),
            file,
            derived_files,
            known_as: String::new(),
            health,
            tally: Tally::default(),
            plan,
        };
        database.known_as = database.identity().await?;
        if is_new {
            // Whoever copies the file alone then has a log, if an empty one.
            database.checkpoint().await.doing("opening the database")?;
        }
        database.hold_against_anchors(options.other_log).await?;
        Ok(database)
    }
}

/// Errors where the log was there: SQLite is about to take what is left for nothing.
fn is_not_lost(path: &Path) -> Result<(), StoreError> {
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
    let (shown, ahead) = (path.display(), length(&log_file::beside(path, "-wal")));
    if ahead == 0 || length(path) > 0 {
        return Ok(());
    }
    Err(StoreError::OtherLog(refusal(&format!(
        "{shown} is gone or empty, and its write-ahead log of {ahead} bytes still lies beside it"
    ))))
}

/// Errors where the derived tables remember a log with events: this one would be a new one in its place.
async fn is_remembered_by_nobody(path: &Path, derived: &dialect::Pool) -> Result<(), StoreError> {
    let text = "SELECT MAX((SELECT COALESCE(MAX(last_seq), 0) FROM log_reach),
        (SELECT COALESCE(MAX(position), 0) FROM generation))";
    let reached: i64 = sqlx::query_scalar(text).fetch_one(derived).await.doing("opening the database")?;
    if reached == 0 {
        return Ok(());
    }
    let path = path.display();
    Err(StoreError::OtherLog(refusal(&format!(
        "there is no log at {path}, and the derived file beside it remembers one of {reached} events"
    ))))
}

/// A damaged log can't be made again from anything.
fn restore_a_copy(error: StoreError) -> StoreError {
    match error {
        StoreError::Damaged { reason, .. } => {
            StoreError::Schema(format!("{reason}: check database.url, or restore the file from a copy"))
        }
        other => other,
    }
}

async fn open_file(
    path: &Path,
    synchronous: SqliteSynchronous,
    (checkpoint_pages, writer_cache): (&'static str, &'static str),
    options: &Options,
    migrations: Migrator,
    replaceable: Option<derived::DerivedFiles>,
) -> Result<(dialect::Pool, dialect::Pool), StoreError> {
    if path.is_dir() {
        return Err(StoreError::Schema(format!("{} is a folder: database.url must name a file", path.display())));
    }
    // What was never there is no ledger of an older version: derived tables are made where they are missing.
    let is_fresh = std::fs::metadata(path).map_or(0, |found| found.len()) == 0;
    private::make_file(path)?;
    let unavailable = |error| cannot_open(path, error);
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .pragma("wal_autocheckpoint", checkpoint_pages)
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .statement_cache_capacity(256);
    // What is erased leaves the pages as well, overwritten with zeros; nothing else is ever deleted from the log.
    let writing = connect.clone().pragma("cache_size", writer_cache).pragma("secure_delete", "ON");
    let writer = pool(replaceable.clone()).max_connections(1).connect_with(writing).await.map_err(unavailable)?;
    if is_fresh || options.schema == OlderSchema::BringUpToDate {
        migrate(&migrations, &writer, path).await?;
    } else {
        let taken = sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success").fetch_all(&writer).await;
        let shown = path.display().to_string();
        schema::is_of_now(&migrations, &taken.map_err(|_| schema::none_yet(&shown))?, &shown)?;
    }
    let reading = connect.pragma("query_only", "ON");
    let readers =
        pool(replaceable).max_connections(options.readers).connect_with(reading).await.map_err(unavailable)?;
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
    let doing = "opening the database";
    let shown = path.display();
    let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
    // The primary result code is the low byte of an extended one.
    match code.and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff) {
        Some(SQLITE_NOTADB | SQLITE_CORRUPT) => {
            StoreError::Damaged { doing, reason: format!("{shown} is no SQLite database, or is damaged ({error})") }
        }
        Some(SQLITE_CANTOPEN | SQLITE_READONLY) => StoreError::Unavailable {
            doing,
            reason: format!("{shown}: {error}; is its folder there, and may this user write in it?"),
        },
        _ => StoreError::Unavailable { doing, reason: format!("{shown}: {error}") },
    }
}

const SQLITE_READONLY: i32 = 8;
const SQLITE_CANTOPEN: i32 = 14;
