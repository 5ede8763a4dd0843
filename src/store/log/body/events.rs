//! Reading the log: its end, single events, their bodies. Lists of events are in `listed.rs`, counts in `counts.rs`.

use std::collections::BTreeMap;

use bytes::Bytes;
use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::{Database, dialect::*},
    log_columns::{EVENTS, LISTED, event_row},
    reader::Columns,
};
use crate::{
    event::{EventRow, Seq, SeqRange, Source, codec},
    ledger::{ids::EventId, time::UnixTime},
    limits::NEWEST_EVENTS,
    store::{
        StoreError,
        errors::{Doing, corrupt},
        log::{looked::Looked, prepared::clean},
    },
};

const DOING: &str = "reading events";

impl Database {
    pub(in crate::store) async fn end(&self) -> Result<Seq, StoreError> {
        sqlx::query_scalar("SELECT COALESCE(MAX(seq), 0) FROM event").fetch_one(&self.log).await.doing(DOING)
    }

    pub(in crate::store) async fn heard(&self, until: UnixTime, limit: i64) -> Result<Vec<UnixTime>, StoreError> {
        let all = SeqRange { after: Seq::START, to: Seq::END };
        // Where a long history was replayed, the newest webhooks may lie far behind it.
        let parts =
            self.look(horizon(self).await?).await?.may_hold(all, |source, _| source == Source::Webhook.as_str());
        let mut heard = Vec::new();
        for SeqRange { after, to } in parts.into_iter().rev() {
            let created: Vec<i64> = sqlx::query_scalar(
                "SELECT created FROM event WHERE source = 'webhook' AND created <= $1 AND seq > $2 AND seq <= $3
                 ORDER BY seq DESC LIMIT $4",
            )
            .bind(until.0)
            .bind(after)
            .bind(to)
            .bind(limit - i64::try_from(heard.len()).unwrap_or(limit))
            .fetch_all(&self.log)
            .await
            .doing(DOING)?;
            heard.extend(created.into_iter().map(UnixTime));
            if i64::try_from(heard.len()).unwrap_or(limit) >= limit {
                break;
            }
        }
        Ok(heard)
    }

    pub(in crate::store) async fn horizon(&self) -> Result<Seq, StoreError> {
        horizon(self).await
    }

    /// Looks through the log up to the horizon: once, and from then on only where it has grown.
    pub(super) async fn look(&self, horizon: Seq) -> Result<Looked, StoreError> {
        self.begin_counts().await?;
        let mut looked = self.tally.looked();
        while let Some(next) = looked.next(horizon) {
            let rows = sqlx::query(
                "SELECT source, type, MAX(seq) FROM event WHERE seq > $1 AND seq <= $2 GROUP BY source, type",
            )
            .bind(next.after)
            .bind(next.to)
            .fetch_all(&self.log)
            .await
            .doing(DOING)?;
            let read = |row: &Row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
            let found: Vec<_> = rows.iter().map(read).collect::<Result<_, sqlx::Error>>().doing(DOING)?;
            looked.add(next, found.into_iter());
            self.tally.hold_looked(looked.clone());
        }
        Ok(looked)
    }

    pub(in crate::store) async fn newest_of(&self, source: Source) -> Result<Option<EventRow>, StoreError> {
        let looked = self.look(horizon(self).await?).await?;
        let Some(seq) = looked.newest(source.as_str()) else { return Ok(None) };
        let row = sqlx::query(AssertSqlSafe(format!("SELECT {LISTED} FROM {EVENTS} WHERE e.seq = $1")))
            .bind(seq)
            .fetch_optional(&self.log)
            .await
            .doing(DOING)?;
        row.map(|row| event_row(&mut Columns::of(&row, 0))).transpose()
    }

    pub(in crate::store) async fn event(&self, id: &EventId) -> Result<Option<EventRow>, StoreError> {
        let row =
            sqlx::query(AssertSqlSafe(format!("SELECT {LISTED} FROM {EVENTS} WHERE e.id = $1 AND e.variant = 0")))
                .bind(clean(id.as_str()))
                .fetch_optional(&self.log)
                .await
                .doing(DOING)?;
        row.map(|row| event_row(&mut Columns::of(&row, 0))).transpose()
    }

    pub(in crate::store) async fn bodies(&self, id: &EventId) -> Result<Vec<(EventRow, Bytes)>, StoreError> {
        let doing = "reading a body";
        let text = format!("SELECT {LISTED} FROM {EVENTS} WHERE e.id = $1 ORDER BY e.variant");
        let id = clean(id.as_str());
        let events = sqlx::query(AssertSqlSafe(text)).bind(&id).fetch_all(&self.log).await.doing(doing)?;
        let text = format!("SELECT e.seq, e.body_bytes, b.codec, b.bytes FROM event e JOIN {BODY} WHERE e.id = $1");
        let stored = sqlx::query(AssertSqlSafe(text)).bind(&id).fetch_all(&self.log).await.doing(doing)?;
        let mut bodies = Vec::with_capacity(stored.len());
        for row in &events {
            let event = event_row(&mut Columns::of(row, 0))?;
            for body in &stored {
                let mut columns = Columns::of(body, 0);
                let seq = columns.seq()?;
                if seq != event.seq {
                    continue;
                }
                let (length, codec, bytes) = (columns.number()?, columns.number()?, columns.bytes()?);
                let plain = codec::decode(codec, &bytes, usize::try_from(length).unwrap_or(0))
                    .map_err(|error| corrupt(doing, format!("event {} at {seq}: {error}", event.id)))?;
                bodies.push((event.clone(), Bytes::from(plain)));
            }
        }
        Ok(bodies)
    }

    pub(in crate::store) async fn read_bodies<T: Send>(
        &self,
        ids: &[&EventId],
        read: impl Fn(&[u8]) -> Option<T> + Send,
    ) -> Result<BTreeMap<EventId, T>, StoreError> {
        let doing = "reading bodies";
        let text = format!(
            "SELECT e.id, e.seq, e.body_bytes, b.codec, b.bytes FROM event e JOIN {BODY} WHERE {} ORDER BY e.id, e.variant",
            in_list("e.id", 1)
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(text_list(ids.iter().map(|id| id.as_str())))
            .fetch_all(&self.log)
            .await
            .doing(doing)?;
        let mut told = BTreeMap::new();
        for row in &rows {
            let mut columns = Columns::of(row, 0);
            let (id, seq) = (EventId::new(columns.text()?), columns.seq()?);
            if told.contains_key(&id) {
                continue;
            }
            let (length, codec, bytes) = (columns.number()?, columns.number()?, columns.bytes()?);
            let plain = codec::decode(codec, &bytes, usize::try_from(length).unwrap_or(0))
                .map_err(|error| corrupt(doing, format!("event {id} at {seq}: {error}")))?;
            if let Some(value) = read(&plain) {
                told.insert(id, value);
            }
        }
        Ok(told)
    }

    pub(in crate::store) async fn known_ids(&self, ids: &[EventId]) -> Result<Vec<EventId>, StoreError> {
        let text = format!("SELECT id FROM event WHERE variant = 0 AND {} ORDER BY id", in_list("id", 1));
        let found: Vec<String> = sqlx::query_scalar(AssertSqlSafe(text))
            .bind(text_list(ids.iter().map(EventId::as_str)))
            .fetch_all(&self.log)
            .await
            .doing(DOING)?;
        Ok(found.into_iter().map(EventId::new).collect())
    }

    pub(in crate::store) async fn last_told(
        &self,
        objects: &[&str],
        between: SeqRange,
    ) -> Result<Vec<(String, UnixTime)>, StoreError> {
        let text = format!(
            "SELECT f.object, MAX(e.created) FROM fact f JOIN event e ON e.seq = f.seq
             WHERE f.seq > $1 AND f.seq <= $2 AND {} GROUP BY f.object",
            in_list("f.object", 3)
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(between.after)
            .bind(between.to)
            .bind(text_list(objects.iter().copied()))
            .fetch_all(&self.log)
            .await
            .doing(DOING)?;
        let read = |row: &Row| Ok((row.try_get(0)?, UnixTime(row.try_get(1)?)));
        rows.iter().map(read).collect::<Result<_, sqlx::Error>>().doing(DOING)
    }

    pub(in crate::store) async fn last_seq_received_by(&self, at: UnixTime) -> Result<Seq, StoreError> {
        let horizon = horizon(self).await?;
        let later: Option<Seq> = sqlx::query_scalar("SELECT MIN(seq) FROM event WHERE received_at > $1")
            .bind(at.0)
            .fetch_one(&self.log)
            .await
            .doing(DOING)?;
        Ok(later.map_or(horizon, |seq| horizon.min(seq.before())))
    }

    pub(in crate::store) async fn newest_created(
        &self,
        seq: Option<Seq>,
        until: UnixTime,
    ) -> Result<Option<UnixTime>, StoreError> {
        let newest =
            "SELECT MAX(created) FROM (SELECT created FROM event WHERE seq <= $1 ORDER BY seq DESC LIMIT $2) AS newest
            WHERE created <= $3";
        let created: Option<i64> = sqlx::query_scalar(newest)
            .bind(seq.unwrap_or(Seq::END))
            .bind(NEWEST_EVENTS)
            .bind(until.0)
            .fetch_one(&self.log)
            .await
            .doing(DOING)?;
        Ok(created.map(UnixTime))
    }
}
