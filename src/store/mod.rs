//! The store: SQL only, behind whole operations that speak domain types; no transaction leaks out.
//!
//! Three lifetimes, each a folder and a handle: `log/` for ever, `derived/` thrown away and made again, `records/` durable. A
//! room is handed what it may use: who only reads log and ledger gets a [`ReadStore`]. One body of statements serves both
//! databases: the `body/` of each folder is compiled once per driver, against a small `dialect`.

mod anchors;
pub mod copies;
mod database;
pub mod derived;
mod errors;
mod health;
pub mod log;
mod options;
pub mod planned;
mod postgres;
pub mod records;
mod schema;
mod sqlite;

use std::{path::Path, sync::Arc, time::Duration};

pub use self::{
    anchors::{Anchors, NoHead, OtherLog, SealHead},
    errors::StoreError,
    options::{Keeping, OlderSchema, Options, Work},
};
use self::{
    database::{Database, either},
    derived::{Derived, ReadDerived},
    errors::in_time,
    log::{Log, ReadLog},
    records::Records,
};

/// What is missing of the folders that a file of SQLite at `url` lies in, and what to do; `None` where nothing is that opening it
/// wouldn't make, and of another database.
pub fn missing_folder(url: &str) -> Option<String> {
    sqlite::private::missing_folder(Path::new(url.strip_prefix("sqlite://")?))
}

/// The store: one of two databases. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Store {
    /// The log: events, for ever.
    pub log: Log,
    /// What is made of them.
    pub derived: Derived,
    /// What people keep beside them.
    pub records: Records,
    reader: ReadStore,
    database: Database,
}

/// The store as questions see it: the log and what is derived from it can be read, records kept. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ReadStore {
    /// The log: events, for ever.
    pub log: ReadLog,
    /// What is made of them.
    pub derived: ReadDerived,
    /// What people keep beside them.
    pub records: Records,
}

impl ReadStore {
    /// Which database it is: `sqlite` or `postgres`.
    pub fn kind(&self) -> &'static str {
        match self.log.0 {
            Database::Sqlite(_) => "sqlite",
            Database::Postgres(_) => "postgres",
        }
    }

    /// Answers when the database answers, in time, with its schema in place, and took the last write of the kind asked for.
    pub async fn ready(&self, work: Work) -> Result<(), StoreError> {
        const PATIENCE: Duration = Duration::from_secs(3);
        let asked = async { either!(self.log.0, database => database.ready(work).await) };
        in_time(PATIENCE, "asking the database", asked).await
    }

    /// Bytes on disk: of the log, and of what is derived where that lies apart.
    pub async fn sizes(&self) -> Result<(i64, Option<i64>), StoreError> {
        either!(self.log.0, database => database.sizes().await)
    }
}

impl Store {
    /// Opens the database at `url` (`sqlite://PATH` or `postgres://…`), creating and migrating it where needed.
    ///
    /// On SQLite, `PATH` is the log; beside it lies `PATH` with the extension `.derived.db`, which is rebuilt when it is
    /// missing. Errors: [`StoreError::Schema`] for a URL of another kind or a database of a newer mrrd.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_with(url, &Options::default()).await
    }

    /// [`Store::open`] with other numbers of connections.
    pub async fn open_with(url: &str, options: &Options) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            let path = Path::new(path);
            let opened = Database::Sqlite(Arc::new(sqlite::Database::open(path, options).await?));
            return Ok(Self::new(opened, options.keeping));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let opened = Database::Postgres(Arc::new(postgres::Database::open(url, options).await?));
            return Ok(Self::new(opened, options.keeping));
        }
        Err(StoreError::Schema("database.url is neither sqlite://PATH nor postgres://…".into()))
    }

    /// Which database it is: `sqlite` or `postgres`.
    pub fn kind(&self) -> &'static str {
        self.reader.kind()
    }

    /// The same, for those who only read the log and what is derived from it.
    pub fn reader(&self) -> &ReadStore {
        &self.reader
    }

    fn new(database: Database, keeping: Keeping) -> Self {
        let (log, derived) = (ReadLog(database.clone()), ReadDerived(database.clone()));
        let records = Records(database.clone());
        let reader = ReadStore { log: log.clone(), derived: derived.clone(), records: records.clone() };
        Self { log: Log(log, keeping), derived: Derived(derived), records, reader, database }
    }

    /// The failures planned for this store: nothing in a release.
    pub fn plan(&self) -> &planned::Plan {
        either!(self.database, database => &database.plan)
    }

    /// What a daemon does every second: sees to it that the log is still the one it opened, whole and remembered, that derived
    /// tables are there, and that a write that failed is tried again.
    pub async fn look_after(&self) -> Result<(), StoreError> {
        const PATIENCE: Duration = Duration::from_secs(15);
        let looking = async { either!(self.database, database => database.look_after().await) };
        in_time(PATIENCE, "looking after the log", looking).await
    }

    /// Closes all connections, once what is in flight is done. SQLite's write-ahead log is then in the file.
    pub async fn close(&self) {
        either!(self.database, database => database.close().await)
    }

    /// Holds the log against what is remembered of it elsewhere: in the derived tables, in closed months, and in `head`.
    pub async fn anchors(&self, head: Option<&SealHead>) -> Result<Anchors, StoreError> {
        either!(self.database, database => database.anchors(head).await)
    }
}
