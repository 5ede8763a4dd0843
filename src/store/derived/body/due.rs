//! What falls due by itself: rows dated ahead that begin or cease to be shown.

use super::super::Database;
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
        // Each by the index that orders it by time.
        let text = "SELECT EXISTS (SELECT 1 FROM count_delta WHERE generation = $1 AND ordinal >= 0 AND at > $2 AND at <= $3)
                        OR EXISTS (SELECT 1 FROM item_delta WHERE generation = $1 AND ordinal >= 0 AND at > $2 AND at <= $3)
                        OR EXISTS (SELECT 1 FROM movement WHERE generation = $1 AND visible_until IS NULL
                                   AND visible_from > $2 AND visible_from <= $3)
                        OR EXISTS (SELECT 1 FROM movement WHERE generation = $1 AND visible_until IS NOT NULL
                                   AND ((visible_from > $2 AND visible_from <= $3) OR (visible_until > $2 AND visible_until <= $3)))";
        sqlx::query_scalar(text)
            .bind(generation)
            .bind(since.0)
            .bind(until.0)
            .fetch_one(&self.derived)
            .await
            .doing("looking for what fell due")
    }
}
