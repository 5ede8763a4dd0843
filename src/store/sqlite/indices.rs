//! A generation's own indices: what orders its rows by time instead of by customer. They are made in order once the
//! generation is filled, and dropped whole with it. Rows that are written customer by customer would touch nearly every page
//! of such an index in each transaction.

use sqlx::AssertSqlSafe;

use super::{
    Database,
    driver::{Connection, Pool},
    sql::BEGIN_WRITE,
};
use crate::store::{StoreError, derived::generation::GenerationId, errors::Doing};

const DOING: &str = "making a generation's indices";

/// An index that each generation has of its own.
struct OwnIndex {
    /// Without the generation, which is put behind it.
    name: &'static str,
    table: &'static str,
    columns: &'static str,
    /// Which of the generation's rows are in it; `None` for all.
    rows: Option<&'static str>,
}

/// `ordinal >= 0` holds for every row: the planner takes such an index only where a statement says so too, and never instead
/// of the order of customers.
const OWN: [OwnIndex; 10] = [
    OwnIndex { name: "count_delta_by_time", table: "count_delta", columns: "at", rows: Some("ordinal >= 0") },
    // Statements that look through customers by another order say `+l.first_mrr_at`: a bound that is no constant is guessed to leave few.
    OwnIndex {
        name: "customer_ledger_since",
        table: "customer_ledger",
        columns: "profile, livemode, account, test_clock, first_mrr_at DESC, customer",
        rows: Some("first_mrr_at IS NOT NULL"),
    },
    OwnIndex { name: "item_delta_by_time", table: "item_delta", columns: "at", rows: Some("ordinal >= 0") },
    OwnIndex {
        name: "item_delta_failing",
        table: "item_delta",
        columns: "profile, livemode, account, test_clock, day, customer",
        rows: Some("at_risk > 0"),
    },
    OwnIndex {
        name: "movement_by_day",
        table: "movement",
        columns: "profile, livemode, account, test_clock, day, effective_at, ordinal, id",
        rows: None,
    },
    OwnIndex {
        name: "movement_by_time",
        table: "movement",
        columns: "visible_from",
        rows: Some("visible_until IS NULL"),
    },
    OwnIndex {
        name: "movement_for_a_while",
        table: "movement",
        columns: "visible_until",
        rows: Some("visible_until IS NOT NULL"),
    },
    OwnIndex {
        name: "movement_gained",
        table: "movement",
        columns: "profile, livemode, account, test_clock, kind, day, effective_at, ordinal, id",
        rows: Some("kind IN ('new', 'reactivation')"),
    },
    OwnIndex {
        name: "movement_lost",
        table: "movement",
        columns: "profile, livemode, account, test_clock, kind, day, effective_at, id",
        rows: Some("kind IN ('churn', 'contraction')"),
    },
    OwnIndex {
        name: "movement_part_by_cause",
        table: "movement_part",
        columns: "profile, livemode, account, cause, moved_on, moved_at",
        rows: Some("moved_on IS NOT NULL"),
    },
];

/// Has a generation's rows found by an index of its own: SQLite can't know that the span asked for is short. Nothing has no
/// index: 0.
pub(crate) fn by_own_index(index: &str, generation: GenerationId) -> String {
    if generation == GenerationId(0) { String::new() } else { format!(" INDEXED BY {index}_{generation}") }
}

/// Whether a generation has all indices of its own.
pub(super) async fn has_indices(pool: &Pool, generation: GenerationId) -> Result<bool, StoreError> {
    for OwnIndex { name, .. } in &OWN {
        let text = format!("SELECT COUNT(*) FROM sqlite_master WHERE name = '{name}_{generation}'");
        let there: i64 = sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(pool).await.doing(DOING)?;
        if there == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes what isn't there yet. Each is a transaction of its own: others come in between.
pub(crate) async fn make_indices(database: &Database, generation: GenerationId) -> Result<(), StoreError> {
    for own in &OWN {
        let mut tx = database.derived_writer.begin_with(BEGIN_WRITE).await.doing(DOING)?;
        make(&mut tx, generation, own).await?;
        tx.commit().await.doing(DOING)?;
    }
    Ok(())
}

/// The same within a transaction: nothing to do where the generation was filled.
pub(crate) async fn make_indices_within(
    connection: &mut Connection,
    generation: GenerationId,
) -> Result<(), StoreError> {
    for own in &OWN {
        make(connection, generation, own).await?;
    }
    Ok(())
}

async fn make(connection: &mut Connection, generation: GenerationId, own: &OwnIndex) -> Result<(), StoreError> {
    let OwnIndex { name, table, columns, rows } = own;
    let which = rows.map(|which| format!(" AND {which}")).unwrap_or_default();
    let text = format!(
        "CREATE INDEX IF NOT EXISTS {name}_{generation} ON {table} ({columns}) WHERE generation = {generation}{which}"
    );
    sqlx::query(AssertSqlSafe(text)).execute(connection).await.map(drop).doing(DOING)
}

/// Drops them, once nobody answers from the generation.
pub(crate) async fn drop_indices(connection: &mut Connection, generation: GenerationId) -> Result<(), StoreError> {
    for OwnIndex { name, .. } in &OWN {
        let text = format!("DROP INDEX IF EXISTS {name}_{generation}");
        sqlx::query(AssertSqlSafe(text)).execute(&mut *connection).await.doing(DOING)?;
    }
    Ok(())
}
