//! From the drivers' errors to ours: what another try may mend, what a damaged file says, and what is a fault.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{error::DatabaseError, sqlite::SqliteError};
use thiserror::Error;

use crate::budget::Exceeded;

/// The store failed. Says what was being done; never holds data of an event.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database can't be reached, is locked, full or read-only: try again later.
    #[error("{doing}: the database is unavailable: {reason}")]
    Unavailable {
        /// What was being done, as the sentence goes on: "reading events".
        doing: &'static str,
        /// The driver's own words for it.
        reason: String,
    },
    /// The question that reads costs more than it may.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// The database was written by a newer mrrd, or isn't mrrd's.
    #[error("{0}")]
    Schema(String),
    /// There is no ledger in the database yet, and whoever only reads makes none.
    #[error("{0}")]
    NoLedger(String),
    /// The log is another one than the one remembered beside it, or has lost something: opening it would hide that.
    #[error("{0}")]
    OtherLog(String),
    /// A file is not what SQLite wrote. Derived tables are made again by themselves; the log can't be.
    #[error("{doing}: the database file is damaged: {reason}")]
    Damaged {
        /// What was being done, as the sentence goes on: "reading events".
        doing: &'static str,
        /// The driver's own words for it.
        reason: String,
    },
    /// The database refused what it was asked, and would again: a fault of mrrd's, or data that no row holds.
    #[error("{doing}: {source}")]
    Internal {
        /// What was being done, as the sentence goes on: "reading events".
        doing: &'static str,
        /// The error of the database's driver.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row can't be read as what it should be.
    #[error("{doing}: {reason}")]
    Corrupt {
        /// What was being done, as the sentence goes on: "reading events".
        doing: &'static str,
        /// What is wrong with which row.
        reason: String,
    },
}

impl StoreError {
    /// Whether it came of what was to be written, and not of where: without that, the rest can be written.
    pub fn is_of_the_data(&self) -> bool {
        matches!(self, Self::Internal { .. } | Self::Corrupt { .. })
    }

    /// Whether the disk was full, which is for somebody to mend who can make room.
    pub fn is_of_a_full_disk(&self) -> bool {
        matches!(self, Self::Unavailable { reason, .. } if reason.starts_with(FULL))
    }

    /// Why it failed, for whoever is to mend it: of a full disk that it is full, whatever was being done.
    pub fn why(&self) -> String {
        match self {
            Self::Unavailable { reason, .. } if self.is_of_a_full_disk() => reason.clone(),
            error => error.to_string(),
        }
    }
}

/// How the reason begins where the disk is full.
const FULL: &str = "the disk is full";

/// How often a file was found damaged since the process began: whoever keeps files in order looks whether this has grown.
static DAMAGE_SEEN: AtomicU64 = AtomicU64::new(0);

/// How often a file was found damaged since the start, by [`DAMAGE_SEEN`].
pub(crate) fn damage_seen() -> u64 {
    DAMAGE_SEEN.load(Ordering::Relaxed)
}

/// When a session of PostgreSQL's last refused a write as read-only: what a session began with it keeps, though the server takes
/// writes again.
static READ_ONLY_SEEN: Mutex<Option<Instant>> = Mutex::new(None);

/// Sessions aren't thrown away more often than this.
const DISTRUST: Duration = Duration::from_secs(1);

/// A session is read-only: those from before now are asked no more.
pub(crate) fn saw_read_only() {
    let mut seen = READ_ONLY_SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if seen.is_none_or(|seen| seen.elapsed() >= DISTRUST) {
        *seen = Some(Instant::now());
    }
}

/// Whether a session of this age is from before one refused a write as read-only.
pub(crate) fn is_distrusted(age: Duration) -> bool {
    let seen = READ_ONLY_SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.is_some_and(|seen| age > seen.elapsed())
}

/// What `asked` answers within `patience`; then it is given up, and the database is unavailable.
pub(crate) async fn in_time<T>(
    patience: Duration,
    doing: &'static str,
    asked: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(patience, asked).await.unwrap_or_else(|_| {
        let reason = format!("no answer within {} seconds", patience.as_secs());
        Err(StoreError::Unavailable { doing, reason })
    })
}

/// Does `work` on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| corrupt(doing, format!("the thread that did it died: {error}")))?
}

/// Says what was being done when the driver failed.
pub(crate) trait Doing<T> {
    /// `doing` in a few words: "appending events".
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        // What was bound never shows: drivers name columns and constraints only.
        self.map_err(|error| match &error {
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::TypeNotFound { .. } => StoreError::Corrupt { doing, reason: error.to_string() },
            sqlx::Error::Database(said) => Nature::of(said.as_ref()).error(doing, error),
            // The connection, or the way to one.
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed
            | sqlx::Error::InvalidSavePointStatement => Nature::Passing.error(doing, error),
            _ => Nature::Fault.error(doing, error),
        })
    }
}

/// The same of SQLite by its own interface.
pub(crate) trait DoingDirectly<T> {
    /// `doing` in a few words.
    fn doing_directly(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> DoingDirectly<T> for Result<T, rusqlite::Error> {
    fn doing_directly(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| {
            let nature = error.sqlite_error().map_or(Nature::Fault, |said| Nature::of_sqlite(said.extended_code));
            nature.error(doing, error)
        })
    }
}

/// What an error of the database's says about trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nature {
    /// It may pass by itself, or by somebody's hand: away, locked, read-only.
    Passing,
    /// The disk is full: it passes as well.
    Full,
    /// A file is not what SQLite wrote.
    Damage,
    /// What was asked can't be done, now or later.
    Fault,
}

impl Nature {
    fn error(self, doing: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
        match self {
            Self::Passing => StoreError::Unavailable { doing, reason: error.to_string() },
            Self::Full => {
                let reason = format!("{FULL} ({error}): make room on the disk that the database lies on");
                StoreError::Unavailable { doing, reason }
            }
            Self::Damage => {
                DAMAGE_SEEN.fetch_add(1, Ordering::Relaxed);
                StoreError::Damaged { doing, reason: error.to_string() }
            }
            Self::Fault => StoreError::Internal { doing, source: Box::new(error) },
        }
    }

    fn of(said: &dyn DatabaseError) -> Self {
        let code = said.code().unwrap_or_default();
        match said.try_downcast_ref::<SqliteError>() {
            Some(_) => code.parse().map_or(Self::Fault, Self::of_sqlite),
            None => {
                if code == "25006" {
                    saw_read_only();
                }
                Self::of_postgres(&code)
            }
        }
    }

    /// By SQLite's result code; the primary one is the low byte of an extended one.
    fn of_sqlite(code: i32) -> Self {
        match code & 0xff {
            // PERM, BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, CANTOPEN, PROTOCOL, NOLFS, AUTH
            3 | 5 | 6 | 7 | 8 | 9 | 10 | 14 | 15 | 22 | 23 => Self::Passing,
            13 => Self::Full,
            SQLITE_CORRUPT | SQLITE_NOTADB => Self::Damage,
            _ => Self::Fault,
        }
    }

    /// By PostgreSQL's code: its first two characters are the class.
    fn of_postgres(code: &str) -> Self {
        match code.get(..2).unwrap_or_default() {
            _ if code == "53100" => Self::Full,
            // Connection, transaction state (read-only, idle too long), who we are, rollback, which database, resources,
            // locks, an operator's hand, the system.
            "08" | "25" | "28" | "40" | "3D" | "53" | "55" | "57" | "58" => Self::Passing,
            // A right that can be granted.
            _ if code == "42501" => Self::Passing,
            _ => Self::Fault,
        }
    }
}

pub(super) const SQLITE_CORRUPT: i32 = 11;
pub(super) const SQLITE_NOTADB: i32 = 26;

/// A row that can't be read as what it should be.
pub(crate) fn corrupt(doing: &'static str, reason: impl Into<String>) -> StoreError {
    StoreError::Corrupt { doing, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_from_what_is_damaged_and_what_is_a_fault() {
        // FULL, IOERR_FSYNC, BUSY_SNAPSHOT; CORRUPT_INDEX, NOTADB; TOOBIG, CONSTRAINT_UNIQUE.
        for (code, nature) in [
            (13, Nature::Full),
            (10 | 4 << 8, Nature::Passing),
            (5 | 2 << 8, Nature::Passing),
            (11 | 3 << 8, Nature::Damage),
            (26, Nature::Damage),
            (18, Nature::Fault),
            (19 | 8 << 8, Nature::Fault),
        ] {
            assert_eq!(Nature::of_sqlite(code), nature, "{code}");
        }
        // Disk full, read-only, shutting down, deadlock; a row too long for its index, a number out of range, no such table.
        for (code, nature) in [
            ("53100", Nature::Full),
            ("25006", Nature::Passing),
            ("57P01", Nature::Passing),
            ("40P01", Nature::Passing),
            ("54000", Nature::Fault),
            ("22003", Nature::Fault),
            ("42P01", Nature::Fault),
        ] {
            assert_eq!(Nature::of_postgres(code), nature, "{code}");
        }
    }
}
