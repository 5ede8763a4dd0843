//! Rows written by the driver, some dozens a statement. Its twin in `postgres/` is `arrays.rs`.

use super::{
    body::rows::{Value, Values, insert},
    driver::Connection,
};

/// Writes rows, `head` being `INSERT INTO t (…)`; `conflict` says what becomes of those that are there, an `ON CONFLICT` clause.
/// They are taken in the order given.
pub(crate) async fn insert_values(
    connection: &mut Connection,
    head: &str,
    rows: &[Values],
    conflict: &str,
) -> Result<(), sqlx::Error> {
    let Some(first) = rows.first() else { return Ok(()) };
    insert(connection, head, first.0.len(), conflict, rows, |query, row| {
        row.0.iter().cloned().fold(query, |query, value| match value {
            Value::Number(number) => query.bind(number),
            Value::Truth(truth) => query.bind(truth),
            Value::Text(text) => query.bind(text),
        })
    })
    .await
}
