//! Copies of the log and of the records beside it, as of one instant: out of either database into one SQLite file, and from
//! such a file into an empty database of either kind. What is derived doesn't go along: it is made again.

mod postgres;
mod rows;
pub(super) mod sqlite;

use std::path::Path;

pub use self::sqlite::Contents;
use super::{Options, OtherLog, Store, StoreError, database::Database};

impl Store {
    /// Copies the log and the records beside it, as they are at one instant, into a new file at `path`, and flushes it.
    /// Whoever writes goes on meanwhile. Leases and sessions stay behind: whoever holds them is not where the copy is.
    ///
    /// Errors where `path` holds something already, and where the copy isn't what was read.
    pub async fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        match &self.database {
            Database::Sqlite(database) => {
                database.copy_to(path).await?;
                sqlite::finished(path).await
            }
            Database::Postgres(database) => {
                super::sqlite::copied::make(path).await?;
                database.copy_to(path).await
            }
        }
    }

    /// Opens the copy at `path` to be looked at, whatever is remembered beside it.
    pub async fn open_copy(path: &Path) -> Result<Self, StoreError> {
        let options = Options { readers: 2, other_log: OtherLog::Tell, ..Options::default() };
        Self::open_with(&format!("sqlite://{}", path.display()), &options).await
    }
}

/// What the copy at `path` holds.
pub async fn contents(path: &Path) -> Result<Contents, StoreError> {
    sqlite::contents(path).await
}

/// Puts the copy at `path` into the database at `url`, all of it or nothing. Refuses one that holds anything already, and a
/// copy that a newer mrrd has made.
pub async fn restore(path: &Path, url: &str) -> Result<(), StoreError> {
    let contents = contents(path).await?;
    let known = super::sqlite::copied::newest();
    if contents.schema > known {
        return Err(StoreError::Schema(format!(
            "{} was made by a newer mrrd (its schema has step {}, this version knows {known}): use that version or a newer one",
            path.display(),
            contents.schema
        )));
    }
    match url.strip_prefix("sqlite://") {
        Some(target) => sqlite::restore(path, Path::new(target)).await,
        None => postgres::restore(path, url, &contents).await,
    }
}
