//! What an older normaliser read last: found by its version, to be read again (architecture.md, decision 3).

use bytes::Bytes;
use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::{Database, dialect::*},
    events::{EVENTS, FIELDS, event_row},
};
use crate::{
    limits,
    log::codec,
    store::{
        EventRow, StoreError,
        errors::{Doing, corrupt},
    },
};

const DOING: &str = "reading what an older normaliser read";

/// Events at once: their newer facts are appended in one transaction, beside webhooks.
const PAGE: i64 = 256;

impl Database {
    pub(in crate::store) async fn read_by_older(
        &self,
        normaliser: i64,
        after_seq: i64,
    ) -> Result<Vec<(EventRow, Bytes)>, StoreError> {
        let text = format!(
            "SELECT {FIELDS}, e.body_bytes, b.codec, b.bytes FROM {EVENTS} JOIN event_body b ON b.seq = e.seq
             WHERE e.seq > $1 AND e.seq <= $2 AND f.normaliser < $3 ORDER BY e.seq LIMIT $4"
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(after_seq)
            .bind(horizon(self).await?)
            .bind(normaliser)
            .bind(PAGE)
            .fetch_all(&self.log)
            .await
            .doing(DOING)?;
        let mut events = Vec::with_capacity(rows.len());
        let mut size = 0;
        for row in &rows {
            let event = event_row(row).doing(DOING)?;
            let stored = || -> Result<(i64, i64, Vec<u8>), sqlx::Error> {
                Ok((row.try_get("body_bytes")?, row.try_get("codec")?, row.try_get("bytes")?))
            };
            let (length, codec, bytes) = stored().doing(DOING)?;
            let body = codec::decode(codec, &bytes, usize::try_from(length).unwrap_or(0))
                .map_err(|error| corrupt(DOING, format!("event {} at {}: {error}", event.id, event.seq)))?;
            size += body.len();
            events.push((event, Bytes::from(body)));
            if size >= limits::REPLAY_BATCH_BYTES {
                break;
            }
        }
        Ok(events)
    }

    pub(in crate::store) async fn count_read_by_older(&self, normaliser: i64) -> Result<i64, StoreError> {
        sqlx::query_scalar(
            "SELECT COUNT(DISTINCT f.seq) FROM fact f JOIN event_body b ON b.seq = f.seq
             WHERE f.normaliser < $1
               AND NOT EXISTS (SELECT 1 FROM fact n WHERE n.seq = f.seq AND n.normaliser >= $1)",
        )
        .bind(normaliser)
        .fetch_one(&self.log)
        .await
        .doing(DOING)
    }
}
