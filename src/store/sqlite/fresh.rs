//! Filling an empty generation: the rows of many customers in one transaction and one trip. Its twin is in `postgres/`.

use rusqlite::{
    Connection, OptionalExtension, ToSql, Transaction, TransactionBehavior, params_from_iter,
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
    direct::Failure,
};
use crate::store::{StoreError, derived::GenerationId, errors::Doing, planned};

/// How many rows a statement writes, the greatest that there are rows for. Within one SQLite keeps its place at the end of the
/// table; each statement looks for it from the root, comparing keys that begin alike.
const TOGETHER: [usize; 3] = [16, 4, 1];

/// Columns at the beginning that the rows of one statement have in common and that are bound once: the generation and whose
/// ledger it is, whatever a table says first of that.
const SHARED: usize = 3;

/// Writes rows of customers that `generation` has none of.
pub(crate) async fn write_fresh(
    database: &Database,
    generation: GenerationId,
    mut tables: Vec<TableRows>,
) -> Result<(), StoreError> {
    // SQLite makes whoever finds the file locked sleep and try again: within this process one waits for one's turn.
    let _turn = database.derived_writer.acquire().await.doing(DOING)?;
    let (plan, runtime) = (database.plan.clone(), Handle::current());
    let write = move |connection: &mut Connection| {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        lives(&tx, generation)?;
        for rows in &mut tables {
            write_rows(&tx, rows)?;
        }
        runtime.block_on(plan.pass(planned::REPLACE_BEFORE_COMMIT))?;
        Ok(tx.commit()?)
    };
    database.fresh.run(DOING, write).await
}

/// Errors where a generation is retired and being dropped: nothing may be added to it.
pub(super) fn lives(tx: &Transaction<'_>, generation: GenerationId) -> Result<(), Failure> {
    let state = "SELECT state FROM generation WHERE id = ?";
    let state: Option<String> = tx.prepare_cached(state)?.query_row([generation.0], |row| row.get(0)).optional()?;
    if state.is_none_or(|state| state == "retired") {
        return Err(dropped().into());
    }
    Ok(())
}

/// Writes rows into their table. What fails ends the transaction.
pub(super) fn write_rows(
    tx: &Transaction<'_>,
    TableRows { table, columns, rows }: &mut TableRows,
) -> rusqlite::Result<()> {
    // Several profiles of one customer follow each other; in the table each has a place of its own.
    rows.sort_by(|one, other| one.0[..SHARED].cmp(&other.0[..SHARED]));
    for mut rest in rows.chunk_by(|one, other| one.0[..SHARED] == other.0[..SHARED]) {
        for size in TOGETHER {
            if rest.len() < size {
                continue;
            }
            let mut insert = tx.prepare_cached(&insertion(table, columns, size))?;
            while let Some((now, later)) = rest.split_at_checked(size) {
                let (shared, own) = (&now[0].0[..SHARED], now.iter().flat_map(|row| &row.0[SHARED..]));
                insert.execute(params_from_iter(shared.iter().chain(own)))?;
                rest = later;
            }
        }
    }
    Ok(())
}

/// The statement that writes so many rows of a table. A row that can't be written ends the transaction, and with it the rows
/// before it: `OR FAIL` saves SQLite the journal by which it would take back this statement alone.
fn insertion(table: &str, columns: &str, rows: usize) -> String {
    let places: Vec<String> =
        (1..=columns.split(',').count()).map(|n| if n <= SHARED { format!("?{n}") } else { "?".to_owned() }).collect();
    let row = format!("({})", places.join(", "));
    format!("INSERT OR FAIL INTO {table} ({columns}) VALUES {}", vec![row; rows].join(", "))
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
