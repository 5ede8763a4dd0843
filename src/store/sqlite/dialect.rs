//! Everything that the statements in `body/` take from SQLite. Its twin in `postgres/` has the same items.

pub(crate) use super::{
    driver::{Connection, Driver, Row},
    facts::customer_facts,
    fresh::write_fresh,
    sql::*,
    watch::{Afresh, keep_files, look_afresh, probe_log},
};
