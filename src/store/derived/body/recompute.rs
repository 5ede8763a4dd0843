//! Marks of customers to be recomputed, the oldest and the newest of them, and whether their generation is still there.

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;

use super::{
    super::{Database, dialect::*},
    reader::Columns,
};
use crate::{
    event::CustomerKey,
    store::{
        StoreError,
        derived::{GenerationId, Mark},
        errors::Doing,
    },
};

const DOING: &str = "reading marks";

const OLDEST: &str = "first_seq, livemode, account, customer";
const NEWEST: &str = "first_seq DESC, livemode DESC, account DESC, customer DESC";

impl Database {
    pub(in crate::store) async fn dirty(&self, generation: GenerationId, limit: i64) -> Result<Vec<Mark>, StoreError> {
        let mut connection = self.derived.acquire().await.doing(DOING)?;
        marks(&mut connection, generation, OLDEST, limit, "").await
    }
}

/// Shares a generation until the commit; false where it is retired and being dropped: nothing may be added to it.
pub(in super::super) async fn lives(connection: &mut Connection, generation: GenerationId) -> Result<bool, StoreError> {
    share_generation(connection, generation).await?;
    let state: Option<String> = sqlx::query_scalar("SELECT state FROM generation WHERE id = $1")
        .bind(generation)
        .fetch_optional(connection)
        .await
        .doing("sharing a generation")?;
    Ok(state.is_some_and(|state| state != "retired"))
}

/// Marks of the longest waiting, and as many of the newest: a price that a hundred thousand customers pay marks them all, and
/// who subscribes meanwhile mustn't wait behind them. The oldest half moves the ledger on. Without the customers `passed_over`;
/// `take` ends the statement.
pub(in super::super) async fn both_ends(
    connection: &mut Connection,
    generation: GenerationId,
    limit: i64,
    passed_over: &BTreeSet<&CustomerKey>,
    take: &str,
) -> Result<Vec<Mark>, StoreError> {
    let limit = limit.saturating_add(i64::try_from(passed_over.len()).unwrap_or(i64::MAX));
    let newest = limit / 2;
    let mut all = marks(connection, generation, OLDEST, limit - newest, take).await?;
    if newest > 0 && i64::try_from(all.len()).is_ok_and(|found| found == limit - newest) {
        let known: BTreeSet<CustomerKey> = all.iter().map(|mark| mark.key.clone()).collect();
        let further = marks(connection, generation, NEWEST, newest, take).await?;
        all.extend(further.into_iter().filter(|mark| !known.contains(&mark.key)));
    }
    all.retain(|mark| !passed_over.contains(&mark.key));
    Ok(all)
}

async fn marks(
    connection: &mut Connection,
    generation: GenerationId,
    order: &str,
    limit: i64,
    take: &str,
) -> Result<Vec<Mark>, StoreError> {
    let text = format!(
        "SELECT livemode, account, customer, first_seq, last_seq FROM dirty WHERE generation = $1
         ORDER BY {order} LIMIT $2{take}"
    );
    let rows =
        sqlx::query(AssertSqlSafe(text)).bind(generation).bind(limit).fetch_all(connection).await.doing(DOING)?;
    let read = |row: &Row| {
        let mut columns = Columns::of(row, 0);
        Ok(Mark { key: columns.customer()?, first_seq: columns.seq()?, last_seq: columns.seq()? })
    };
    rows.iter().map(read).collect()
}
