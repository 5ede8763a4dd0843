//! Everything that the statements in `body/` take from SQLite. Its twin in `postgres/` has the same items.

pub(crate) use super::{
    advance::advance_to,
    driver::{Connection, Driver, Row},
    facts::{customer_facts, reference_facts},
    folded::fold,
    fresh::write_fresh,
    indices::{by_own_index, drop_indices, make_indices, make_indices_within},
    ledgers::{read_ledgers, read_ledgers_of},
    sql::*,
    values::insert_values,
    watch::{Afresh, keep_files, look_afresh, probe_log},
};
