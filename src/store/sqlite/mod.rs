//! SQLite: the log in one file, everything derived from it in another beside it, so that the reconciler never holds the
//! webhooks' write lock (docs/decisions/011-sqlite-two-files.md).

mod advance;
mod arrivals;
#[path = "../body/mod.rs"]
mod body;
mod checkpoint;
mod connections;
pub(super) mod copied;
mod derived;
mod derived_files;
mod dialect;
mod direct;
mod driver;
mod facts;
mod folded;
mod fresh;
mod indices;
mod ledgers;
mod log_file;
mod opening;
pub(super) mod private;
mod replace;
mod sql;
mod values;
mod watch;
mod writer;

use std::path::Path;

use sqlx::sqlite::SqliteSynchronous;

use self::opening::{LOG_FILE, MIGRATIONS, open_file};
use super::{
    Options, StoreError,
    anchors::{OtherLog, refusal},
    errors::{Doing, DoingDirectly},
    health::Health,
    planned::Plan,
    schema,
};
use crate::store::{log::tally::Tally, records::presence::Presence};

/// How customers' facts are read.
const READING: &str = "PRAGMA query_only = ON";

/// How a generation is filled: a page of customers reaches many pages of the indices by day, which are kept at hand.
const FILLING: &str = "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 16000; PRAGMA cache_size = -16000";

/// How customers' rows are replaced: as the driver writes the derived file (`opening::DERIVED_FILE`), for both connections write it
/// in turns. What is deleted is overwritten with zeros.
const REPLACING: &str = "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -16000; \
                         PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON";

/// A log file and its derived file.
#[derive(Clone, Debug)]
pub(super) struct Database {
    log: driver::Pool,
    log_writer: writer::LogWriter,
    /// Readers of the derived tables.
    derived: driver::Pool,
    /// The one connection that writes them.
    derived_writer: connections::Writers,
    /// Readers of customers' facts.
    facts: direct::Direct,
    /// Writers of a generation that is being filled.
    fresh: direct::Direct,
    /// Writers of customers' rows.
    replacing: direct::Direct,
    /// Readers of whole ledgers.
    ledgers: direct::Direct,
    checkpoints: checkpoint::Checkpoints,
    file: log_file::LogFile,
    derived_files: derived_files::DerivedFiles,
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
        if options.other_log != OtherLog::Accept {
            // SQLite would make a new log, and throw away a write-ahead log that lies beside it: even who only reads does so.
            is_not_lost(path)?;
        }
        opening::refuse_what_is_not_ours(path).map_err(restore_a_copy)?;
        private::make_folder(path)?;
        let derived_path = path.with_extension("derived.db");
        let is_new = !path.exists();
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
            facts: direct::Direct::to_log(file.clone(), READING),
            fresh: direct::Direct::to(&derived_path, FILLING),
            replacing: direct::Direct::to(&derived_path, REPLACING),
            ledgers: direct::Direct::to(&derived_path, READING),
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

/// No database file is shorter than the smallest page of one.
const SHORTEST: u64 = 512;

/// Errors where the log was there: SQLite is about to take what is left for nothing.
fn is_not_lost(path: &Path) -> Result<(), StoreError> {
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
    let (shown, ahead) = (path.display(), length(&log_file::beside(path, "-wal")));
    if ahead == 0 || length(path) >= SHORTEST {
        return Ok(());
    }
    Err(StoreError::OtherLog(refusal(&format!(
        "{shown} is gone or empty, and its write-ahead log of {ahead} bytes still lies beside it: if the file was moved away, put it back"
    ))))
}

/// Errors where the derived tables remember a log with events: this one would be a new one in its place.
async fn is_remembered_by_nobody(path: &Path, derived: &driver::Pool) -> Result<(), StoreError> {
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
