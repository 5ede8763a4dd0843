//! Rows of PostgreSQL's tables into a copy, in one snapshot; and those of a copy into an empty database, in one transaction.

use std::path::Path;

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Column as _, Connection as _, PgConnection, Row as _, TypeInfo as _, postgres::PgRow};
use tokio::sync::mpsc;

use super::{
    Contents,
    rows::{BATCH, Sum, Table, Value},
    sqlite,
};
use crate::store::{
    StoreError,
    errors::{Doing, corrupt},
    postgres::{self, copied},
};

const COPYING: &str = "copying the log";
const RESTORING: &str = "restoring a copy";

/// Batches that may wait to be written.
const AHEAD: usize = 4;

impl postgres::Database {
    pub(super) async fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let tables = sqlite::tables_of(path).await?;
        let (sender, receiver) = mpsc::channel(AHEAD);
        let writing = tokio::spawn(sqlite::write(path.to_owned(), tables.clone(), receiver));
        let read = self.read_all(&tables, sender).await;
        let written = writing.await.map_err(|error| corrupt(COPYING, error.to_string()))?;
        // Where writing failed, reading could only say that nobody takes the rows any more.
        let (written, read) = (written?, read?);
        for ((table, read), written) in tables.iter().zip(&read).zip(&written) {
            same_rows(COPYING, table, read, written)?;
        }
        Ok(())
    }

    /// Every row of `tables` as of one instant.
    async fn read_all(
        &self,
        tables: &[Table],
        sender: mpsc::Sender<(usize, Vec<Vec<Value>>)>,
    ) -> Result<Vec<Sum>, StoreError> {
        let mut connection = self.own_connection().await?;
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        sqlx::query(begin).execute(&mut connection).await.doing(COPYING)?;
        let mut sums = Vec::with_capacity(tables.len());
        for (place, table) in tables.iter().enumerate() {
            let text = format!("SELECT {} FROM {}", table.quoted(), table.name);
            let mut found = sqlx::query(AssertSqlSafe(text)).fetch(&mut connection);
            let (mut batch, mut sum) = (Vec::with_capacity(BATCH), Sum::default());
            while let Some(row) = found.try_next().await.doing(COPYING)? {
                let row = values(table, &row)?;
                sum.add(&row);
                batch.push(row);
                if batch.len() == BATCH && sender.send((place, std::mem::take(&mut batch))).await.is_err() {
                    return Err(corrupt(COPYING, "the file isn't written any more"));
                }
            }
            if sender.send((place, batch)).await.is_err() {
                return Err(corrupt(COPYING, "the file isn't written any more"));
            }
            sums.push(sum);
        }
        connection.close().await.doing(COPYING)?;
        Ok(sums)
    }
}

/// Errors where what was written isn't what was read: as many rows, and the same ones.
fn same_rows(doing: &'static str, table: &Table, read: &Sum, written: &Sum) -> Result<(), StoreError> {
    if read == written {
        return Ok(());
    }
    let counts = format!("table {}: {} rows were read and {} written", table.name, read.rows, written.rows);
    let but = if read.rows == written.rows { ", but they don't hold the same values" } else { "" };
    Err(corrupt(doing, format!("{counts}{but}")))
}

fn values(table: &Table, row: &PgRow) -> Result<Vec<Value>, StoreError> {
    let mut values = Vec::with_capacity(row.len());
    for column in row.columns() {
        let place = column.ordinal();
        let value = match column.type_info().name() {
            "INT8" => row.try_get::<Option<i64>, _>(place).map(|found| found.map(Value::Number)),
            "BOOL" => row.try_get::<Option<bool>, _>(place).map(|found| found.map(|it| Value::Number(it.into()))),
            "TEXT" => row.try_get::<Option<String>, _>(place).map(|found| found.map(Value::Text)),
            "BYTEA" => row.try_get::<Option<Vec<u8>>, _>(place).map(|found| found.map(Value::Bytes)),
            other => {
                let reason = format!("{}.{} is of a type that copies don't know: {other}", table.name, column.name());
                return Err(corrupt(COPYING, reason));
            }
        };
        values.push(value.doing(COPYING)?.unwrap_or(Value::Null));
    }
    Ok(values)
}

/// Puts the copy at `path` into the database at `url`, which may hold nothing.
pub(super) async fn restore(path: &Path, url: &str, contents: &Contents) -> Result<(), StoreError> {
    // As the schema was when the copy was made; what follows is brought up to date as any database is.
    let mut connection = copied::connect_to_schema(url, contents.schema).await?;
    let tables = sqlite::tables_of(path).await?;
    let mut tx = connection.begin().await.doing(RESTORING)?;
    // Whoever starts on it meanwhile waits, and finds what was restored.
    sqlx::query("LOCK TABLE event IN ACCESS EXCLUSIVE MODE").execute(&mut *tx).await.doing(RESTORING)?;
    for table in tables.iter().filter(|table| table.name != "log_identity") {
        let text = format!("SELECT EXISTS (SELECT FROM {})", table.name);
        let holds: bool = sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(&mut *tx).await.doing(RESTORING)?;
        // Places that work has come to are kept by whoever looks at a database, and say nothing of what is in it.
        if holds && table.name != "progress" {
            return Err(StoreError::Schema(format!(
                "the database holds something already (in the table {}), and nothing is restored over it: name an empty one",
                table.name
            )));
        }
    }
    // A log that was there, empty, is another one.
    sqlx::raw_sql(
        "ALTER TABLE log_identity DISABLE TRIGGER USER; DELETE FROM log_identity;
         ALTER TABLE log_identity ENABLE TRIGGER USER; DELETE FROM log_reach; DELETE FROM progress",
    )
    .execute(&mut *tx)
    .await
    .doing(RESTORING)?;
    for table in &tables {
        let (sender, mut batches) = mpsc::channel(AHEAD);
        let reading = tokio::spawn(sqlite::read(path.to_owned(), table.clone(), sender));
        let types = types(&mut tx, table).await?;
        let mut read = Sum::default();
        while let Some(batch) = batches.recv().await {
            batch.iter().for_each(|row| read.add(row));
            insert(&mut tx, table, &types, batch).await?;
        }
        reading.await.map_err(|error| corrupt(RESTORING, error.to_string()))??;
        let (text, mut written) = (format!("SELECT {} FROM {}", table.quoted(), table.name), Sum::default());
        let mut found = sqlx::query(AssertSqlSafe(text)).fetch(&mut *tx);
        while let Some(row) = found.try_next().await.doing(RESTORING)? {
            written.add(&values(table, &row)?);
        }
        same_rows(RESTORING, table, &read, &written)?;
    }
    // Numbers go on behind those that came along.
    let counted: Vec<(String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text FROM information_schema.columns
         WHERE table_schema = current_schema() AND pg_get_serial_sequence(quote_ident(table_name), column_name) IS NOT NULL",
    )
    .fetch_all(&mut *tx)
    .await
    .doing(RESTORING)?;
    for (table, column) in counted.iter().filter(|(name, _)| tables.iter().any(|table| table.name == *name)) {
        let text = format!(
            "SELECT setval(pg_get_serial_sequence('{table}', '{column}'), MAX(\"{column}\")) FROM {table}
             HAVING MAX(\"{column}\") IS NOT NULL"
        );
        sqlx::query(AssertSqlSafe(text)).execute(&mut *tx).await.doing(RESTORING)?;
    }
    tx.commit().await.doing(RESTORING)?;
    connection.close().await.doing(RESTORING)
}

/// The type of each of a table's columns.
async fn types(connection: &mut PgConnection, table: &Table) -> Result<Vec<String>, StoreError> {
    let found: Vec<(String, String)> = sqlx::query_as(
        "SELECT column_name::text, data_type::text FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name = $1",
    )
    .bind(&table.name)
    .fetch_all(connection)
    .await
    .doing(RESTORING)?;
    let of = |column: &String| found.iter().find(|(name, _)| name == column).map(|(_, kind)| kind.clone());
    let lacking = |column: &String| corrupt(RESTORING, format!("the database has no column {}.{column}", table.name));
    table.columns.iter().map(|column| of(column).ok_or_else(|| lacking(column))).collect()
}

/// One statement for a batch: a list of each column's values.
async fn insert(
    connection: &mut PgConnection,
    table: &Table,
    types: &[String],
    batch: Vec<Vec<Value>>,
) -> Result<(), StoreError> {
    if batch.is_empty() {
        return Ok(());
    }
    let mut columns: Vec<Vec<Value>> = vec![Vec::with_capacity(batch.len()); types.len()];
    for row in batch {
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    let lists: Vec<String> = types.iter().zip(1..).map(|(kind, place)| format!("${place}::{kind}[]")).collect();
    let (names, lists) = (table.quoted(), lists.join(", "));
    // Bodies lie in the month in which they were received, which their event tells.
    let (more, from) = match table.name.as_str() {
        "event_body" if copied::bodies_have_months(connection).await? => {
            (", received_at", "SELECT r.*, e.received_at FROM rows r JOIN event e ON e.seq = r.seq")
        }
        _ => ("", "SELECT * FROM rows"),
    };
    let text = format!(
        "WITH rows AS (SELECT * FROM unnest({lists}) AS row ({names}))
         INSERT INTO {} ({names}{more}) OVERRIDING SYSTEM VALUE {from}",
        table.name
    );
    let mut query = sqlx::query(AssertSqlSafe(text));
    for (kind, column) in types.iter().zip(columns) {
        let wrong = || corrupt(RESTORING, format!("a row of {} holds what is no {kind}", table.name));
        query = match kind.as_str() {
            "bigint" => query.bind(list(column, number).ok_or_else(wrong)?),
            "boolean" => query.bind(list(column, |value| number(value).map(|number| number != 0)).ok_or_else(wrong)?),
            "text" => query.bind(list(column, text_of).ok_or_else(wrong)?),
            "bytea" => query.bind(list(column, bytes_of).ok_or_else(wrong)?),
            _ => return Err(wrong()),
        };
    }
    query.execute(connection).await.doing(RESTORING)?;
    Ok(())
}

/// A column's values, each as `read` takes it; `None` where one is of another type.
fn list<T>(column: Vec<Value>, read: impl Fn(Value) -> Option<T>) -> Option<Vec<Option<T>>> {
    let value = |value| match value {
        Value::Null => Some(None),
        value => read(value).map(Some),
    };
    column.into_iter().map(value).collect()
}

fn number(value: Value) -> Option<i64> {
    if let Value::Number(number) = value { Some(number) } else { None }
}

fn text_of(value: Value) -> Option<String> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

fn bytes_of(value: Value) -> Option<Vec<u8>> {
    if let Value::Bytes(bytes) = value { Some(bytes) } else { None }
}
