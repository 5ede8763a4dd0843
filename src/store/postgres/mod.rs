//! PostgreSQL: log and derived tables in one database, shared by as many processes as roles.

mod arrivals;
#[path = "../body/mod.rs"]
mod body;
mod dialect;

use std::{
    str::FromStr,
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use sqlx::{
    Connection, PgConnection,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{Options, StoreError, planned::Plan, schema, tally::Tally};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// Appends, and the reconciler beside them: two of each kind may be in flight.
const WRITERS: u32 = 4;

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// One database.
#[derive(Clone, Debug)]
pub struct Database {
    /// Readers of the log.
    log: dialect::Pool,
    /// Writers of the log, apart from the readers: a busy API never keeps a webhook waiting.
    log_writer: dialect::Pool,
    /// Readers of the derived tables.
    derived: dialect::Pool,
    /// Writers of the derived tables.
    derived_writer: dialect::Pool,
    /// The last horizon this process saw.
    horizon: Arc<AtomicI64>,
    tally: Tally,
    pub(super) plan: Plan,
}

impl Database {
    /// Connects, and migrates where needed.
    pub(super) async fn open(url: &str, options: &Options) -> Result<Self, StoreError> {
        let wrong = |error: sqlx::Error| StoreError::Schema(format!("database.url can't be read: {error}"));
        let connect = PgConnectOptions::from_str(url).map_err(wrong)?.application_name("mrrd").options([
            // A process that stops in the middle of an append may hold the others' readers back so long and no longer.
            ("idle_in_transaction_session_timeout", "15s"),
            ("synchronous_commit", "on"),
        ]);
        let place = format!("{}:{}", connect.get_host(), connect.get_port());
        let unavailable = |error: sqlx::Error| StoreError::Unavailable {
            doing: "connecting to PostgreSQL",
            // The driver's words name the role, never the password.
            reason: format!("{place}: {error}; is it running, and is database.url right?"),
        };
        // The pool would only say that it waited: one connection tells why there is none.
        let asked = tokio::time::timeout(PATIENCE, PgConnection::connect_with(&connect)).await;
        let first = asked.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut)).map_err(unavailable)?;
        first.close().await.map_err(unavailable)?;
        let pool = || PgPoolOptions::new().acquire_timeout(PATIENCE);
        let writers = pool().max_connections(WRITERS).connect_with(connect.clone()).await.map_err(unavailable)?;
        schema::migrate(&MIGRATIONS, &writers, "the database").await?;
        let readers = pool().max_connections(options.readers).connect_with(connect).await.map_err(unavailable)?;
        let database = Self {
            log: readers.clone(),
            log_writer: writers.clone(),
            derived: readers,
            derived_writer: writers,
            horizon: Arc::new(AtomicI64::new(0)),
            tally: Tally::default(),
            plan: Plan::default(),
        };
        database.forget_other_logs().await?;
        Ok(database)
    }
}
