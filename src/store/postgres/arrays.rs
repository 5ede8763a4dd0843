//! Rows written by one statement a table, an array for each column.
//!
//! `COPY` costs the server a tenth less, but over TCP it stands still for a delayed acknowledgement, 40 ms, at each end of
//! rows: the driver sends their last bytes and the word that they are all apart, and leaves Nagle's algorithm on.

use sqlx::{AssertSqlSafe, PgConnection};

use super::body::rows::{Query, TableRows, Value, Values};

/// Most rows in one statement: a megabyte or two.
pub(super) const ROWS_MAX: usize = 4096;

/// Writes rows into their table, where none of them is yet.
pub(crate) async fn insert_rows(connection: &mut PgConnection, rows: &TableRows) -> Result<(), sqlx::Error> {
    let TableRows { table, columns, rows } = rows;
    insert_values(connection, &format!("INSERT INTO {table} ({columns})"), rows, "").await
}

/// Writes rows, `head` being `INSERT INTO t (…)`; `conflict` says what becomes of those that are there, an `ON CONFLICT` clause.
/// They are taken in the order given.
pub(crate) async fn insert_values(
    connection: &mut PgConnection,
    head: &str,
    rows: &[Values],
    conflict: &str,
) -> Result<(), sqlx::Error> {
    execute(connection, rows, |arrays| format!("{head} SELECT * FROM unnest({arrays}) {conflict}")).await
}

/// Deletes the rows that have these values in these columns and that `condition` holds of.
pub(super) async fn delete_rows(
    connection: &mut PgConnection,
    TableRows { table, columns, rows }: &TableRows,
    condition: &str,
) -> Result<(), sqlx::Error> {
    let same: Vec<String> = columns.split(", ").map(|column| format!("{table}.{column} = listed.{column}")).collect();
    let same = same.join(" AND ");
    let text = |arrays: &str| {
        format!("DELETE FROM {table} USING unnest({arrays}) AS listed ({columns}) WHERE {condition} AND {same}")
    };
    execute(connection, rows, text).await
}

/// Executes a statement about rows, made of their columns as arrays.
async fn execute(
    connection: &mut PgConnection,
    rows: &[Values],
    text: impl Fn(&str) -> String,
) -> Result<(), sqlx::Error> {
    for rows in rows.chunks(ROWS_MAX) {
        let types: Vec<String> =
            rows[0].0.iter().zip(1..).map(|(value, n)| format!("${n}::{}[]", kind(value))).collect();
        let query = sqlx::query(AssertSqlSafe(text(&types.join(", "))));
        let query = (0..types.len()).fold(query, |query, column| bind(query, rows, column));
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Number(_) => "bigint",
        Value::Truth(_) => "bool",
        Value::Text(_) => "text",
    }
}

/// Binds one column of all rows. Its kind is that of the first row's value, as it is of every other's.
fn bind<'q>(query: Query<'q>, rows: &'q [Values], column: usize) -> Query<'q> {
    let values = rows.iter().map(|row| &row.0[column]);
    match &rows[0].0[column] {
        Value::Number(_) => query.bind(
            values.map(|value| if let Value::Number(number) = value { *number } else { None }).collect::<Vec<_>>(),
        ),
        Value::Truth(_) => query.bind(values.map(|value| matches!(value, Value::Truth(true))).collect::<Vec<_>>()),
        Value::Text(_) => query.bind(
            values.map(|value| if let Value::Text(text) = value { text.as_deref() } else { None }).collect::<Vec<_>>(),
        ),
    }
}

/// Binds the next value, by itself.
pub(super) fn bound(query: Query<'_>, value: Value) -> Query<'_> {
    match value {
        Value::Number(number) => query.bind(number),
        Value::Truth(truth) => query.bind(truth),
        Value::Text(text) => query.bind(text),
    }
}
