//! The driver's types for SQLite.

use sqlx::Sqlite;

pub(crate) type Driver = Sqlite;
pub(crate) type Pool = sqlx::SqlitePool;
pub(crate) type Row = sqlx::sqlite::SqliteRow;
pub(crate) type Connection = sqlx::SqliteConnection;
