//! The outbox: what is due to a channel, and what became of it.

use super::{
    super::{Database, dialect::*},
    reader::Columns,
};
use crate::{
    ledger::time::UnixTime,
    store::{
        StoreError,
        errors::{Doing, corrupt},
        records::alerts::*,
    },
};

const READING: &str = "reading the outbox";
const WRITING: &str = "writing the outbox";

const COLUMNS: &str =
    "id, alert, event, version, channel, state, created_at, attempts, next_at, delivered_at, last_error, message";

fn delivery(row: &Row) -> Result<(DeliveryRow, String), StoreError> {
    let mut columns = Columns::of(row, 0);
    let row = DeliveryRow {
        id: columns.number()?,
        alert: columns.text()?,
        event: columns.text()?,
        version: columns.number()?,
        channel: columns.text()?,
        state: {
            let state = columns.text()?;
            DeliveryState::named(&state).ok_or_else(|| corrupt(READING, format!("{state:?} is no state")))?
        },
        created_at: UnixTime(columns.number()?),
        attempts: columns.number()?,
        next_at: UnixTime(columns.number()?),
        delivered_at: columns.time_or_null()?,
        last_error: columns.text_or_null()?,
    };
    Ok((row, columns.text()?))
}

impl Database {
    pub(in crate::store) async fn due_deliveries(
        &self,
        channel: &str,
        now: UnixTime,
        limit: i64,
    ) -> Result<Vec<(DeliveryRow, String)>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS} FROM outbox WHERE channel = $1 AND state = 'waiting' AND next_at <= $2
             ORDER BY next_at, id LIMIT $3"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(channel).bind(now.0).bind(limit);
        let rows = query.fetch_all(&self.log).await.doing(READING)?;
        rows.iter().map(delivery).collect()
    }

    pub(in crate::store) async fn record_attempt(&self, id: i64, attempt: &Attempt) -> Result<bool, StoreError> {
        let (state, next_at, delivered_at, error) = match attempt {
            Attempt::Delivered(at) => (DeliveryState::Delivered, None, Some(at.0), None),
            Attempt::Later(error, next_at) => (DeliveryState::Waiting, Some(next_at.0), None, Some(error.as_str())),
            Attempt::Failed(error) => (DeliveryState::Failed, None, None, Some(error.as_str())),
        };
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(WRITING)?;
        let written = sqlx::query(
            "UPDATE outbox SET state = $2, attempts = attempts + 1, next_at = COALESCE(CAST($3 AS BIGINT), next_at),
                delivered_at = CAST($4 AS BIGINT), last_error = CAST($5 AS TEXT)
             WHERE id = $1 AND state = 'waiting'",
        )
        .bind(id)
        .bind(state.as_str())
        .bind(next_at)
        .bind(delivered_at)
        .bind(error)
        .execute(&mut *tx)
        .await
        .doing(WRITING)?
        .rows_affected();
        tx.commit().await.doing(WRITING)?;
        Ok(written > 0)
    }

    pub(in crate::store) async fn give_up_deliveries(&self, created_before: UnixTime) -> Result<i64, StoreError> {
        // Looked at once a minute, written once in a blue moon: webhooks share the write lock.
        let text = "SELECT COUNT(*) FROM outbox WHERE state = 'waiting' AND created_at < $1";
        let query = sqlx::query_scalar(text).bind(created_before.0);
        let due: i64 = query.fetch_one(&self.log).await.doing(READING)?;
        if due == 0 {
            return Ok(0);
        }
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(WRITING)?;
        let written = sqlx::query(
            "UPDATE outbox SET state = 'failed', last_error = COALESCE(last_error, 'the channel is not configured')
             WHERE state = 'waiting' AND created_at < $1",
        )
        .bind(created_before.0)
        .execute(&mut *tx)
        .await
        .doing(WRITING)?
        .rows_affected();
        tx.commit().await.doing(WRITING)?;
        Ok(i64::try_from(written).unwrap_or(i64::MAX))
    }

    pub(in crate::store) async fn deliveries(&self, alerts: &[&str]) -> Result<Vec<DeliveryRow>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM outbox WHERE {} ORDER BY id", in_list("alert", 1));
        let query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(text_list(alerts.iter().copied()));
        let rows = query.fetch_all(&self.log).await.doing(READING)?;
        rows.iter().map(|row| delivery(row).map(|(row, _)| row)).collect()
    }

    pub(in crate::store) async fn outbox_counts(&self) -> Result<OutboxCounts, StoreError> {
        let text = "SELECT CAST(COALESCE(SUM(CASE WHEN state = 'waiting' THEN 1 ELSE 0 END), 0) AS BIGINT),
                           CAST(COALESCE(SUM(CASE WHEN state = 'failed' THEN 1 ELSE 0 END), 0) AS BIGINT) FROM outbox";
        let row = sqlx::query(text).fetch_one(&self.log).await.doing(READING)?;
        let mut columns = Columns::of(&row, 0);
        Ok(OutboxCounts { waiting: columns.number()?, failed: columns.number()? })
    }
}
