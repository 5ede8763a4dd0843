//! SQLite by its own interface: a page of work is one trip to a thread, not one for each statement, and no row is copied
//! on its way.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, OpenFlags};

use super::{log_file::LogFile, opening::BUSY};
use crate::store::{
    StoreError,
    errors::{DoingDirectly, corrupt},
};

/// Statements kept ready on each connection.
const STATEMENTS: usize = 128;

/// Why work on a connection failed.
#[derive(Debug)]
pub(super) enum Failure {
    Sqlite(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Connections to one file, opened as they are needed and kept for the next.
#[derive(Clone, Debug)]
pub(super) struct Direct {
    path: Arc<Path>,
    /// Where it is the log.
    log: Option<LogFile>,
    /// Run on each new connection.
    pragmas: &'static str,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Direct {
    /// To the file at `path`, which is there and migrated; `pragmas` prepare each connection.
    pub(super) fn to(path: &Path, pragmas: &'static str) -> Self {
        Self { path: path.into(), log: None, pragmas, idle: Arc::default() }
    }

    /// The same to the log.
    pub(super) fn to_log(file: LogFile, pragmas: &'static str) -> Self {
        Self { path: file.path().into(), log: Some(file), pragmas, idle: Arc::default() }
    }

    /// Does `work` on a connection, on a thread that may block.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let direct = self.clone();
        let working = tokio::task::spawn_blocking(move || {
            let mut connection = direct.take(doing)?;
            let done = work(&mut connection)?;
            // One that failed is closed: it may be in a state nobody knows.
            direct.idle().push(connection);
            Ok(done)
        });
        let done = working.await.map_err(|error| corrupt(doing, format!("the thread that did it died: {error}")))?;
        match done {
            Ok(done) => Ok(done),
            Err(Failure::Store(error)) => Err(error),
            Err(Failure::Sqlite(error)) => Err(error).doing_directly(doing),
        }
    }

    /// Closes what isn't in use.
    pub(super) fn close(&self) {
        self.idle().clear();
    }

    fn take(&self, doing: &'static str) -> Result<Connection, Failure> {
        if let Some(connection) = self.idle().pop() {
            return Ok(connection);
        }
        self.log.as_ref().map_or(Ok(()), |log| log.may_be_opened(doing))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.execute_batch(self.pragmas)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // A push or a pop leaves the list whole, whoever panics.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
