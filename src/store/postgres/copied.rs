//! Connections of their own for copies: what takes minutes takes none of those that work.

use std::str::FromStr as _;

use sqlx::{Connection as _, PgConnection, migrate::Migrator, postgres::PgConnectOptions};

use super::{Database, MIGRATIONS, refusal};
use crate::store::{StoreError, errors::Doing, schema};

const DOING: &str = "connecting to PostgreSQL";

fn place(connect: &PgConnectOptions) -> String {
    format!("{}:{}", connect.get_host(), connect.get_port())
}

impl Database {
    /// A connection beside the pools.
    pub(in crate::store) async fn own_connection(&self) -> Result<PgConnection, StoreError> {
        PgConnection::connect_with(&self.log.connect_options()).await.doing(DOING)
    }
}

/// Connects to the database at `url`, with the schema brought up to the step `last` and no further.
pub(in crate::store) async fn connect_to_schema(url: &str, last: i64) -> Result<PgConnection, StoreError> {
    let wrong = |error: sqlx::Error| StoreError::Schema(format!("the URL can't be read: {error}"));
    let connect = PgConnectOptions::from_str(url).map_err(wrong)?.application_name("mrrd");
    let refused = |error: sqlx::Error| refusal(&place(&connect), &error);
    let mut connection = PgConnection::connect_with(&connect).await.map_err(refused)?;
    let steps = MIGRATIONS.iter().filter(|step| step.version <= last).cloned().collect();
    let mut migrator = Migrator::with_migrations(steps);
    // One that is further already is well, as long as it holds nothing.
    migrator.set_ignore_missing(true);
    schema::migrate(&migrator, &mut connection, "the database").await?;
    Ok(connection)
}

/// Whether bodies lie in partitions, as they do since a step of the schema.
pub(in crate::store) async fn bodies_have_months(connection: &mut PgConnection) -> Result<bool, StoreError> {
    let text = "SELECT EXISTS (SELECT FROM information_schema.columns
                WHERE table_schema = current_schema() AND table_name = 'event_body' AND column_name = 'received_at')";
    sqlx::query_scalar(text).fetch_one(connection).await.doing("looking at the schema")
}
