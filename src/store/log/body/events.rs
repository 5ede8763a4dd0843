//! Reading the log: its end, its events, their bodies.

use std::collections::BTreeMap;

use bytes::Bytes;
use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::{Database, dialect::*},
    log_columns::{EVENTS, LISTED, event_row},
    reader::Columns,
};
use crate::{
    event::{EventRow, ReadAs, Seq, SeqRange, Source, codec},
    ledger::{ids::EventId, time::UnixTime},
    limits::NEWEST_EVENTS,
    store::{
        StoreError,
        errors::{Doing, corrupt},
        log::{EventFilter, LogHead, prepared::clean, tally::Events},
    },
};

const DOING: &str = "reading events";

/// Events counted with one statement: what a question that is given up has counted by then is kept for the next.
const COUNTED_AT_ONCE: i64 = 200_000;

impl Database {
    pub(in crate::store) async fn head(&self) -> Result<LogHead, StoreError> {
        let safe = horizon(self).await?;
        let mut events = self.tally.events();
        while safe > events.to {
            self.count_events(safe.min(Seq(events.to.0.saturating_add(COUNTED_AT_ONCE))), &mut events).await?;
            self.tally.keep_events(events);
        }
        let (mut head, since) = self.tally.so_far();
        while safe > head.last_seq {
            self.count_readings(safe.min(Seq(head.last_seq.0.saturating_add(COUNTED_AT_ONCE))), &mut head).await?;
            self.tally.keep(head, since);
        }
        // What was answered 200 may lie beyond an append that still holds the readers back.
        let end = self.end().await?;
        if end > events.to {
            self.count_events(end, &mut events).await?;
        }
        if end > head.last_seq {
            self.count_readings(end, &mut head).await?;
        }
        Ok(LogHead { events: events.count, variants: events.variants, ..head })
    }

    /// Counts events on from where `events` ends.
    async fn count_events(&self, to: Seq, events: &mut Events) -> Result<(), StoreError> {
        let text = "SELECT COUNT(*) FILTER (WHERE variant = 0), COUNT(*) FROM event WHERE seq > $1 AND seq <= $2";
        let (more, rows): (i64, i64) =
            sqlx::query_as(text).bind(events.to).bind(to).fetch_one(&self.log).await.doing(DOING)?;
        *events = Events { to, count: events.count + more, variants: events.variants + rows - more };
        Ok(())
    }

    /// Counts what was read of events, on from where `head` ends.
    async fn count_readings(&self, last_seq: Seq, head: &mut LogHead) -> Result<(), StoreError> {
        let counted = sqlx::query(
            "SELECT f.kind, COUNT(*) FROM fact f
             WHERE f.kind IN ('ignored', 'unreadable', 'thin') AND f.seq > $1 AND f.seq <= $2
               AND NOT EXISTS (SELECT 1 FROM fact n WHERE n.seq = f.seq AND n.normaliser > f.normaliser)
               AND EXISTS (SELECT 1 FROM event e WHERE e.seq = f.seq AND e.variant = 0)
             GROUP BY f.kind",
        )
        .bind(head.last_seq)
        .bind(last_seq)
        .fetch_all(&self.log)
        .await
        .doing(DOING)?;
        head.last_seq = last_seq;
        for row in counted {
            let count: i64 = row.try_get(1).doing(DOING)?;
            match row.try_get::<String, _>(0).doing(DOING)?.as_str() {
                "ignored" => head.ignored += count,
                "unreadable" => head.unreadable += count,
                "thin" => head.thin += count,
                _ => {}
            }
        }
        Ok(())
    }

    pub(in crate::store) async fn end(&self) -> Result<Seq, StoreError> {
        sqlx::query_scalar("SELECT COALESCE(MAX(seq), 0) FROM event").fetch_one(&self.log).await.doing(DOING)
    }

    pub(in crate::store) async fn heard(&self, until: UnixTime, limit: i64) -> Result<Vec<UnixTime>, StoreError> {
        let created: Vec<i64> = sqlx::query_scalar(
            "SELECT created FROM event WHERE source = 'webhook' AND created <= $1 ORDER BY seq DESC LIMIT $2",
        )
        .bind(until.0)
        .bind(limit)
        .fetch_all(&self.log)
        .await
        .doing(DOING)?;
        Ok(created.into_iter().map(UnixTime).collect())
    }

    pub(in crate::store) async fn horizon(&self) -> Result<Seq, StoreError> {
        horizon(self).await
    }

    pub(in crate::store) async fn events(
        &self,
        filter: &EventFilter,
        after_seq: Seq,
        limit: i64,
    ) -> Result<Vec<EventRow>, StoreError> {
        let until = horizon(self).await?;
        self.events_within(filter, after_seq, until, "ASC", limit).await
    }

    /// The newest event of a source. The log is looked through once, and from then on only where it has grown.
    pub(in crate::store) async fn newest_of(&self, source: Source) -> Result<Option<EventRow>, StoreError> {
        let mut newest = self.tally.newest();
        let horizon = horizon(self).await?;
        while horizon > newest.to {
            let to = horizon.min(Seq(newest.to.0.saturating_add(COUNTED_AT_ONCE)));
            let rows = sqlx::query("SELECT source, MAX(seq) FROM event WHERE seq > $1 AND seq <= $2 GROUP BY source")
                .bind(newest.to)
                .bind(to)
                .fetch_all(&self.log)
                .await
                .doing(DOING)?;
            for row in &rows {
                newest.seqs.insert(row.try_get(0).doing(DOING)?, row.try_get(1).doing(DOING)?);
            }
            newest.to = to;
            self.tally.keep_newest(newest.clone());
        }
        let Some(seq) = newest.seqs.get(source.as_str()) else { return Ok(None) };
        let row = sqlx::query(AssertSqlSafe(format!("SELECT {LISTED} FROM {EVENTS} WHERE e.seq = $1")))
            .bind(seq)
            .fetch_optional(&self.log)
            .await
            .doing(DOING)?;
        row.map(|row| event_row(&mut Columns::of(&row, 0))).transpose()
    }

    pub(in crate::store) async fn events_back(
        &self,
        filter: &EventFilter,
        before_seq: Option<Seq>,
        limit: i64,
    ) -> Result<Vec<EventRow>, StoreError> {
        let until = horizon(self).await?;
        let until = before_seq.map_or(until, |before| until.min(before.before()));
        self.events_within(filter, Seq::START, until, "DESC", limit).await
    }

    /// Events of `after_seq < seq <= until`, in this order.
    async fn events_within(
        &self,
        filter: &EventFilter,
        after_seq: Seq,
        until: Seq,
        order: &'static str,
        limit: i64,
    ) -> Result<Vec<EventRow>, StoreError> {
        let mut text = format!("SELECT {LISTED} FROM {EVENTS} WHERE e.seq > $1 AND e.seq <= $2");
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut only = |condition: &str, value: Parameter| {
            parameters.push(value);
            text.push_str(" AND ");
            text.push_str(&condition.replace('?', &format!("${}", parameters.len() + 3)));
        };
        match filter.kind.as_deref().map(|kind| (kind, kind.strip_suffix('*'))) {
            Some((_, Some(prefix))) => {
                // A range instead of LIKE: no wildcard in what was asked for, and the same order on both databases.
                only("e.type >= ?", Parameter::Text(clean(prefix)));
                only("e.type < ?", Parameter::Text(format!("{}\u{10FFFF}", clean(prefix))));
            }
            Some((kind, None)) => only("e.type = ?", Parameter::Text(clean(kind))),
            None => {}
        }
        if let Some(since) = filter.since {
            only("e.created >= ?", Parameter::Number(since.0));
        }
        if let Some(until) = filter.until {
            only("e.created < ?", Parameter::Number(until.0));
        }
        if let Some(livemode) = filter.livemode {
            only("e.livemode = ?", Parameter::Truth(livemode));
        }
        if let Some(account) = &filter.account {
            only("e.account = ?", Parameter::Text(super::rows::account(account.as_ref())));
        }
        if let Some(source) = filter.source {
            only("e.source = ?", Parameter::Text(source.as_str().to_owned()));
        }
        match filter.reading {
            Some(ReadAs::Facts) => text.push_str(" AND f.kind NOT IN ('ignored', 'unreadable', 'thin')"),
            Some(reading) => {
                parameters.push(Parameter::Text(reading.as_str().to_owned()));
                // Said twice, so that the index of unread events can lead.
                let unread = format!(
                    " AND f.kind = ${0} AND e.seq IN (SELECT seq FROM fact WHERE kind = ${0}
                       AND kind IN ('ignored', 'unreadable', 'thin'))",
                    parameters.len() + 3
                );
                text.push_str(&unread);
            }
            None => {}
        }
        if let Some(customer) = &filter.customer {
            parameters.push(Parameter::Text(clean(customer.as_str())));
            let place = parameters.len() + 3;
            let newest = "c.normaliser = (SELECT MAX(n.normaliser) FROM fact n WHERE n.seq = c.seq)";
            // Within one account the index of customers leads; across accounts each event is looked at.
            let of_customer = match &filter.account {
                Some(account) => {
                    parameters.push(Parameter::Text(super::rows::account(account.as_ref())));
                    format!(
                        " AND e.seq IN (SELECT c.seq FROM fact c WHERE c.livemode IN (FALSE, TRUE)
                           AND c.account = ${} AND c.customer = ${place} AND {newest})",
                        place + 1
                    )
                }
                None => format!(
                    " AND EXISTS (SELECT 1 FROM fact c WHERE c.seq = e.seq AND c.customer = ${place} AND {newest})"
                ),
            };
            text.push_str(&of_customer);
        }
        text.push_str(&format!(" ORDER BY e.seq {order} LIMIT $3"));
        let mut query = sqlx::query(AssertSqlSafe(text)).bind(after_seq).bind(until).bind(limit);
        for parameter in parameters {
            query = match parameter {
                Parameter::Text(text) => query.bind(text),
                Parameter::Number(number) => query.bind(number),
                Parameter::Truth(truth) => query.bind(truth),
            };
        }
        let rows = query.fetch_all(&self.log).await.doing(DOING)?;
        rows.iter().map(|row| event_row(&mut Columns::of(row, 0))).collect()
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

/// A value of a filter.
enum Parameter {
    Text(String),
    Number(i64),
    Truth(bool),
}
