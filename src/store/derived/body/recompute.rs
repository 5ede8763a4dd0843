//! Marks of customers to be recomputed, whose turn it is among them, and whether their generation is still there.

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
        derived::{GenerationId, Mark, Turns},
        errors::Doing,
    },
};

const DOING: &str = "reading marks";

/// Which marks, and the order in which they wait; an index leads along each.
const ALL: (&str, &str) = ("", "first_seq, livemode, account, customer");
const OWN: (&str, &str) = (" AND own_seq IS NOT NULL", "own_seq, livemode, account, customer");
const NEWEST: (&str, &str) = (" AND own_seq IS NOT NULL", "own_seq DESC, livemode DESC, account DESC, customer DESC");
const BY_OBJECT: (&str, &str) = (" AND own_seq IS NULL", "first_seq, livemode, account, customer");

impl Database {
    pub(in crate::store) async fn dirty(&self, generation: GenerationId, limit: i64) -> Result<Vec<Mark>, StoreError> {
        let mut connection = self.derived.acquire().await.doing(DOING)?;
        marks(&mut connection, generation, ALL, limit, "").await
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

/// Whose turn it is. Without the customers `passed_over`; `take` ends the statement.
pub(in super::super) async fn whose_turn(
    connection: &mut Connection,
    generation: GenerationId,
    (turns, limit): (Turns, i64),
    passed_over: &BTreeSet<&CustomerKey>,
    take: &str,
) -> Result<Vec<Mark>, StoreError> {
    // Whoever is passed over may stand before all others, of either kind.
    let passed = i64::try_from(passed_over.len()).unwrap_or(i64::MAX);
    let (theirs, limit) = ((limit / 4).saturating_add(passed), limit.saturating_add(passed));
    let mut all = match turns {
        Turns::Own => both_ends(connection, generation, limit, take).await?,
        Turns::All => {
            let mut by_object = marks(connection, generation, BY_OBJECT, theirs, take).await?;
            let own = both_ends(connection, generation, limit - count(&by_object), take).await?;
            // There may be more of them, and nobody else is there to go before them.
            if count(&by_object) == theirs && count(&own) < limit - theirs {
                by_object = marks(connection, generation, BY_OBJECT, limit - count(&own), take).await?;
            }
            own.into_iter().chain(by_object).collect()
        }
    };
    all.retain(|mark| !passed_over.contains(&mark.key));
    Ok(all)
}

/// Of those marked by events of their own half of the longest waiting, which lets nobody wait for ever, and half of the newest: who
/// subscribes while a long history is taken in mustn't wait for all of it.
async fn both_ends(
    connection: &mut Connection,
    generation: GenerationId,
    limit: i64,
    take: &str,
) -> Result<Vec<Mark>, StoreError> {
    let newest = limit / 2;
    let mut all = marks(connection, generation, OWN, limit - newest, take).await?;
    if newest > 0 && count(&all) == limit - newest {
        let known: BTreeSet<CustomerKey> = all.iter().map(|mark| mark.key.clone()).collect();
        let further = marks(connection, generation, NEWEST, newest, take).await?;
        all.extend(further.into_iter().filter(|mark| !known.contains(&mark.key)));
    }
    Ok(all)
}

fn count(marks: &[Mark]) -> i64 {
    i64::try_from(marks.len()).unwrap_or(i64::MAX)
}

async fn marks(
    connection: &mut Connection,
    generation: GenerationId,
    (which, order): (&str, &str),
    limit: i64,
    take: &str,
) -> Result<Vec<Mark>, StoreError> {
    let text = format!(
        "SELECT livemode, account, customer, first_seq, last_seq FROM dirty WHERE generation = $1{which}
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
