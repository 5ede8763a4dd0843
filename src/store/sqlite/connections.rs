//! The driver's connections that write, and what becomes of one in doubt: it is closed, and the next one is opened.
//!
//! SQLite rolls a transaction back by itself when a write fails. The driver doesn't hear of it and counts the transaction as
//! open for ever, so transactions are begun and ended here in SQLite's own words, and a connection goes back to its pool only
//! after a COMMIT or ROLLBACK that succeeded.

use std::ops::{Deref, DerefMut};

use sqlx::{Connection as _, Sqlite, SqliteConnection, pool::PoolConnection, sqlite::SqlitePoolOptions};

use super::{derived_files::DerivedFiles, driver::Pool};

/// Connections that write one file.
#[derive(Clone, Debug)]
pub(crate) struct Writers(Pool);

impl Writers {
    pub(super) fn new(pool: Pool) -> Self {
        Self(pool)
    }

    /// Begins a transaction. Neither committed nor rolled back when it is dropped, it closes its connection.
    pub(crate) async fn begin_with(&self, begin: &'static str) -> Result<Transaction, sqlx::Error> {
        let connection = self.0.acquire().await?;
        let mut transaction = Transaction { connection, settled: false };
        sqlx::query(begin).execute(&mut *transaction.connection).await?;
        Ok(transaction)
    }

    /// Until this is dropped nobody else in this process has the connection.
    pub(super) async fn acquire(&self) -> Result<PoolConnection<Sqlite>, sqlx::Error> {
        self.0.acquire().await
    }

    pub(super) async fn close(&self) {
        self.0.close().await;
    }
}

/// A transaction that writes.
pub(crate) struct Transaction {
    connection: PoolConnection<Sqlite>,
    /// Ended, as SQLite itself has said.
    settled: bool,
}

impl Transaction {
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        self.end("COMMIT").await
    }

    /// Leaves everything as it was.
    pub(crate) async fn rollback(self) -> Result<(), sqlx::Error> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, word: &'static str) -> Result<(), sqlx::Error> {
        sqlx::query(word).execute(&mut *self.connection).await?;
        self.settled = true;
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.settled {
            self.connection.close_on_drop();
        }
    }
}

impl Deref for Transaction {
    type Target = SqliteConnection;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

/// What every pool of connections to a local file does: no ping before each use, for these never grow stale; and back goes
/// only one that the driver holds to be outside any transaction. Of `replaceable` files only connections to the one that
/// lies there now are used.
pub(super) fn pool(replaceable: Option<DerivedFiles>) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .before_acquire(move |_, connection| {
            let is_of_now = replaceable.as_ref().is_none_or(|files| files.is_of_now(connection.age));
            Box::pin(async move { Ok(is_of_now) })
        })
        .after_release(|connection, _| {
            Box::pin(async move {
                if connection.is_in_transaction() {
                    // The rollback may still be on its way to the connection's thread; the ping comes after it.
                    connection.ping().await?;
                }
                Ok(!connection.is_in_transaction())
            })
        })
}
