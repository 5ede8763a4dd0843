//! Which database it is: decided when it is opened, and asked in each operation by `either!`, nowhere else.

use std::sync::Arc;

use super::{postgres, sqlite};

/// One of two databases; clones share connections.
#[derive(Clone, Debug)]
pub(super) enum Database {
    /// Two files: the log, and everything derived from it.
    Sqlite(Arc<sqlite::Database>),
    /// One PostgreSQL database for log, derived tables and records.
    Postgres(Arc<postgres::Database>),
}

macro_rules! either {
    ($self:expr, $database:ident => $do:expr) => {
        match &$self {
            $crate::store::database::Database::Sqlite($database) => $do,
            $crate::store::database::Database::Postgres($database) => $do,
        }
    };
}

pub(super) use either;
