//! Events that come for the first time, written without asking whether they are there. Its twin is in `postgres/`.

use std::collections::HashMap;

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    Database,
    body::{
        append::{DOING, EVENT, Fresh, bind_event, write_contents},
        rows,
    },
    dialect::BEGIN_WRITE,
};
use crate::store::{
    StoreError,
    errors::Doing,
    planned,
    prepared::{Prepared, clean},
};

/// Appends those of `events` whose ids the log doesn't have: the place of each, or `None`. Durable on return.
pub(super) async fn insert(database: &Database, events: &[&Prepared]) -> Result<Vec<Option<i64>>, StoreError> {
    let mut tx = database.log_writer.begin_with(BEGIN_WRITE).await.doing(DOING)?;
    let mut written = Vec::with_capacity(events.len());
    for (size, now) in rows::chunks(events) {
        let text = rows::statement(EVENT, 12, size, "ON CONFLICT DO NOTHING RETURNING id, seq");
        let query = now.iter().fold(sqlx::query(AssertSqlSafe(text)), |query, event| bind_event(query, None, 0, event));
        written.extend(query.fetch_all(&mut *tx).await.doing(DOING)?);
    }
    let seq_of: HashMap<String, i64> = written
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect::<Result<_, sqlx::Error>>()
        .doing(DOING)?;
    let seqs: Vec<Option<i64>> =
        events.iter().map(|event| seq_of.get(&clean(event.event.id.as_str())).copied()).collect();
    let fresh: Vec<Fresh<'_>> =
        events.iter().zip(&seqs).filter_map(|(&event, seq)| seq.map(|seq| Fresh { seq, variant: 0, event })).collect();
    if fresh.is_empty() {
        return Ok(seqs);
    }
    write_contents(&mut tx, &fresh).await?;
    database.plan.pass(planned::LOG_BEFORE_COMMIT).await?;
    tx.commit().await.doing(DOING)?;
    database.grown(fresh.len());
    database.plan.pass(planned::LOG_AFTER_COMMIT).await?;
    Ok(seqs)
}
