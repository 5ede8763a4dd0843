//! What falls due by itself: rows dated ahead that begin or cease to be shown.

use super::super::{Database, dialect::*};
use crate::{
    ledger::time::UnixTime,
    store::{StoreError, derived::GenerationId, errors::Doing},
};

impl Database {
    pub(in crate::store) async fn falls_due(
        &self,
        generation: GenerationId,
        since: UnixTime,
        until: UnixTime,
    ) -> Result<bool, StoreError> {
        const DOING: &str = "looking for what fell due";
        // Each by the index that orders it by time.
        let rows = |table: &str, index: &str, condition: &str, at: &str| {
            let by_index = by_own_index(index, generation);
            format!(
                "EXISTS (SELECT 1 FROM {table} AS r{by_index} WHERE r.generation = {generation} AND {condition}
                 AND r.{at} > $1 AND r.{at} <= $2)"
            )
        };
        let for_a_while = "r.visible_until IS NOT NULL";
        let text = format!(
            "SELECT {} OR {} OR {} OR {} OR EXISTS (SELECT 1 FROM movement AS r{} WHERE r.generation = {generation}
             AND {for_a_while} AND r.visible_until > $1 AND r.visible_from > $1 AND r.visible_from <= $2)",
            rows("count_delta", "count_delta_by_time", "r.ordinal >= 0", "at"),
            rows("item_delta", "item_delta_by_time", "r.ordinal >= 0", "at"),
            rows("movement", "movement_by_time", "r.visible_until IS NULL", "visible_from"),
            rows("movement", "movement_for_a_while", for_a_while, "visible_until"),
            by_own_index("movement_for_a_while", generation),
        );
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let state: Option<String> = sqlx::query_scalar("SELECT state FROM generation WHERE id = $1")
            .bind(generation)
            .fetch_optional(&mut *tx)
            .await
            .doing(DOING)?;
        if state.as_deref() != Some("current") {
            // Another one answers by now.
            return Ok(true);
        }
        let due = sqlx::query_scalar(sqlx::AssertSqlSafe(text)).bind(since.0).bind(until.0).fetch_one(&mut *tx).await;
        let due = due.doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        Ok(due)
    }
}
