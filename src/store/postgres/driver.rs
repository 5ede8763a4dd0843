//! The driver's types for PostgreSQL.

use sqlx::Postgres;

pub(crate) type Driver = Postgres;
pub(crate) type Pool = sqlx::PgPool;
pub(crate) type Row = sqlx::postgres::PgRow;
pub(crate) type Connection = sqlx::PgConnection;
