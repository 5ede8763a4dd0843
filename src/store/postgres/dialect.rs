//! Everything that the statements in `body/` take from PostgreSQL. Its twin in `sqlite/` has the same items.

pub(crate) use super::{
    arrays::insert_values,
    driver::{Connection, Driver, Row},
    facts::{customer_facts, reference_facts},
    folded::fold,
    fresh::write_fresh,
    indices::{by_own_index, drop_indices, make_indices, make_indices_within},
    ledgers::{read_ledgers, read_ledgers_of},
    sql::*,
    watch::{Afresh, keep_files, look_afresh, probe_log},
};
