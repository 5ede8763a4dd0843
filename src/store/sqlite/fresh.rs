//! Filling an empty generation: the rows of many customers in one transaction and one trip. Its twin is in `postgres/`.

use rusqlite::{
    Connection, OptionalExtension, ToSql, TransactionBehavior, params_from_iter,
    types::{ToSqlOutput, ValueRef},
};
use tokio::runtime::Handle;

use super::{
    Database,
    body::{
        fill::DOING,
        generations::dropped,
        rows::{TableRows, Value},
    },
};
use crate::store::{StoreError, derived::GenerationId, errors::Doing, planned};

/// Writes rows of customers that `generation` has none of.
pub(crate) async fn write_fresh(
    database: &Database,
    generation: GenerationId,
    tables: Vec<TableRows>,
) -> Result<(), StoreError> {
    // SQLite makes whoever finds the file locked sleep and try again: within this process one waits for one's turn.
    let _turn = database.derived_writer.acquire().await.doing(DOING)?;
    let (plan, runtime) = (database.plan.clone(), Handle::current());
    let write = move |connection: &mut Connection| {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let state = "SELECT state FROM generation WHERE id = ?";
        let state: Option<String> = tx.prepare_cached(state)?.query_row([generation.0], |row| row.get(0)).optional()?;
        if state.is_none_or(|state| state == "retired") {
            return Err(dropped().into());
        }
        for TableRows { table, columns, rows } in &tables {
            let places = vec!["?"; columns.split(',').count()].join(", ");
            let mut insert = tx.prepare_cached(&format!("INSERT INTO {table} ({columns}) VALUES ({places})"))?;
            for row in rows {
                insert.execute(params_from_iter(&row.0))?;
            }
        }
        runtime.block_on(plan.pass(planned::REPLACE_BEFORE_COMMIT))?;
        Ok(tx.commit()?)
    };
    database.fresh.run(DOING, write).await
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Number(number) => number.map_or(ValueRef::Null, ValueRef::Integer),
            Self::Truth(truth) => ValueRef::Integer(i64::from(*truth)),
            Self::Text(text) => text.as_ref().map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes())),
        }))
    }
}
