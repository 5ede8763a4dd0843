//! PostgreSQL: log and derived tables in one database, shared by as many processes as roles.

mod arrays;
mod arrivals;
mod arriving;
#[path = "../body/mod.rs"]
mod body;
pub(super) mod copied;
mod dialect;
mod driver;
mod facts;
mod folded;
mod fresh;
mod indices;
mod ledgers;
mod months;
mod replace;
mod sql;
mod watch;

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

use super::{OlderSchema, Options, StoreError, errors::is_distrusted, health::Health, planned::Plan, schema};
use crate::store::{log::tally::Tally, records::presence::Presence};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// Appends under way at once, and as many writes to the derived tables: none of these waits for one of those.
const WRITERS: u32 = 4;

/// How long opening the database may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long an operation waits for a connection. While PostgreSQL is away or has none to give, webhooks are answered 503
/// after this time.
const CONNECTION_WAIT: Duration = Duration::from_secs(3);

/// How long an append waits for another session's lock before it gives up, and its webhooks are answered 503.
const LOCK_WAIT: &str = "5s";

#[derive(Clone, Debug)]
pub(super) struct Database {
    log: driver::Pool,
    /// Writers of the log, apart from the readers: a busy API never keeps a webhook waiting.
    log_writer: driver::Pool,
    /// What appends keep of them between two groups.
    arriving: arriving::Arriving,
    /// Readers of the derived tables.
    derived: driver::Pool,
    /// Writers of the derived tables.
    derived_writer: driver::Pool,
    /// The last horizon this process saw.
    horizon: Arc<AtomicI64>,
    /// Where the last month begins that was seen to be there or made.
    months_to: Arc<AtomicI64>,
    /// The log's identity as it was opened.
    known_as: String,
    presence: Presence,
    health: Health,
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
            // Compiling a statement took 330 ms of one that then ran for 120: the planner holds ours to be dearer than they are.
            ("jit", "off"),
        ]);
        let place = format!("{}:{}", connect.get_host(), connect.get_port());
        let refused = |error: sqlx::Error| refusal(&place, &error);
        // The pool would only say that it waited: one connection tells why there is none. Migrations lock each other out on
        // it, and may take as long as they need.
        let asked = tokio::time::timeout(PATIENCE, PgConnection::connect_with(&connect)).await;
        let mut first = asked.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut)).map_err(refused)?;
        match options.schema {
            OlderSchema::BringUpToDate => schema::migrate(&MIGRATIONS, &mut first, "the database").await?,
            OlderSchema::Tell => {
                let taken = "SELECT version FROM _sqlx_migrations WHERE success";
                let taken = sqlx::query_scalar(taken).fetch_all(&mut first).await;
                schema::is_of_now(&MIGRATIONS, &taken.map_err(|_| schema::none_yet("the database"))?, "the database")?;
            }
        }
        first.close().await.map_err(refused)?;
        let pool = || {
            PgPoolOptions::new().acquire_timeout(CONNECTION_WAIT).before_acquire(|_, connection| {
                let is_trusted = !is_distrusted(connection.age);
                Box::pin(async move { Ok(is_trusted) })
            })
        };
        let log_writer = pool()
            .max_connections(WRITERS)
            .connect_with(connect.clone().options([("lock_timeout", LOCK_WAIT)]))
            .await
            .map_err(refused)?;
        let derived_writer = pool().max_connections(WRITERS).connect_lazy_with(connect.clone());
        let readers = pool().max_connections(options.readers).connect_with(connect).await.map_err(refused)?;
        let mut database = Self {
            log: readers.clone(),
            log_writer,
            arriving: arriving::Arriving::default(),
            derived: readers,
            derived_writer,
            horizon: Arc::new(AtomicI64::new(0)),
            months_to: Arc::new(AtomicI64::new(0)),
            known_as: String::new(),
            presence: Presence::new(None),
            health: Health::default(),
            tally: Tally::default(),
            plan: Plan::default(),
        };
        database.known_as = database.identity().await?;
        database.hold_against_anchors(options.other_log).await?;
        Ok(database)
    }
}

/// Why there is no connection: PostgreSQL is not to be had now, or it is, and refuses what `database.url` says.
fn refusal(place: &str, error: &sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code());
    // Classes 28 (who we say we are) and 3D (which database we ask for): waiting mends neither.
    if code.is_some_and(|code| code.starts_with("28") || code.starts_with("3D")) {
        // Its own words: the driver adds the line of PostgreSQL's source that they come from.
        let words = error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
        return StoreError::Schema(format!("PostgreSQL at {place} refuses database.url: {words}"));
    }
    StoreError::Unavailable {
        doing: "connecting to PostgreSQL",
        // The driver's words name the role, never the password.
        reason: format!("{place}: {error}; is it running, and is database.url right?"),
    }
}
