//! The log's file copied as it is at one instant, and a new one for rows of another database.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use sqlx::{
    Connection as _,
    sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode},
};

use super::{
    Database,
    opening::{BUSY, MIGRATIONS},
    private,
};
use crate::store::{
    StoreError,
    errors::{Doing, DoingDirectly, blocking},
    schema,
};

pub(in crate::store) use super::log_file::beside;

const DOING: &str = "copying the log";

impl Database {
    pub(in crate::store) async fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let (log, path) = (self.file.path().to_owned(), path.to_owned());
        let (file, health) = (self.file.clone(), self.health.clone());
        blocking(DOING, move || {
            health.log_is_there(DOING)?;
            file.may_be_opened(DOING)?;
            // Nobody else may read it; SQLite takes an empty file for none.
            private::make_file(&path)?;
            let copy = || {
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let connection = Connection::open_with_flags(&log, flags)?;
                connection.busy_timeout(BUSY)?;
                // One statement, so one instant of the log; whoever writes goes on into the write-ahead log.
                connection.execute("VACUUM INTO ?", [path.to_string_lossy()])
            };
            copy().doing_directly(DOING)?;
            // Nor did it go meanwhile.
            file.may_be_opened(DOING)
        })
        .await
    }
}

/// Makes a new log at `path`, with its schema and nothing else, for rows of another database.
pub(in crate::store) async fn make(path: &Path) -> Result<(), StoreError> {
    private::make_file(path)?;
    let connect = SqliteConnectOptions::new().filename(path).journal_mode(SqliteJournalMode::Delete);
    let mut connection = SqliteConnection::connect_with(&connect).await.doing(DOING)?;
    schema::migrate(&schema::log_part(&MIGRATIONS), &mut connection, &path.display().to_string()).await?;
    connection.close().await.doing(DOING)
}

/// The last step of the log's schema that this version knows.
pub(in crate::store) fn newest() -> i64 {
    schema::log_part(&MIGRATIONS).iter().map(|step| step.version).max().unwrap_or_default()
}

/// Makes the folder of a log and an empty file beside it, which only their owner may read.
pub(in crate::store) fn make_private(path: &Path) -> Result<(), StoreError> {
    private::make_folder(path)?;
    private::make_file(&beside(path, ".restoring"))
}
