//! How many events the log holds and what became of them: each stretch is counted once, and what can't change is kept for the next
//! start.

use serde::{Serialize, de::DeserializeOwned};
use sqlx::Row as _;

use super::super::{Database, dialect::*};
use crate::{
    event::Seq,
    store::{
        StoreError,
        errors::{Doing, corrupt},
        log::{
            LogHead,
            looked::Looked,
            tally::{Counts, Events, Readings},
        },
    },
};

const DOING: &str = "counting events";

/// Places counted with one statement: what a question that is given up has counted by then is held for the next.
const COUNTED_AT_ONCE: i64 = 200_000;

/// The names under which counts, and what was seen, are kept.
const COUNTED: &str = "log counted";
const LOOKED: &str = "log looked through";

impl Database {
    pub(in crate::store) async fn head(&self) -> Result<LogHead, StoreError> {
        let safe = horizon(self).await?;
        let normalisers = self.normalisers().await?;
        let mut counts = self.counts(normalisers).await?;
        while self.count_on(safe, normalisers, &mut counts).await? {}
        let (mut readings, since) = self.tally.so_far(counts.readings);
        while safe > readings.to {
            self.count_readings(safe.min(readings.to.forward(COUNTED_AT_ONCE)), &mut readings).await?;
            self.tally.pass(readings, since);
        }
        // What was answered 200 may lie beyond an append that still holds the readers back.
        let (mut events, end) = (counts.events, self.end().await?);
        if end > events.to {
            self.count_events(end, &mut events).await?;
        }
        if end > readings.to {
            self.count_readings(end, &mut readings).await?;
        }
        let Readings { to, ignored, unreadable, thin, .. } = readings;
        Ok(LogHead { events: events.count, variants: events.variants, last_seq: to, ignored, unreadable, thin })
    }

    /// Counts and looks through a stretch where `least` places or more wait for it, and keeps what was, so many places or more: whoever
    /// asks first needn't wait for it. True while there may be more.
    pub(in crate::store) async fn count_ahead(&self, least: i64) -> Result<bool, StoreError> {
        let safe = horizon(self).await?;
        let mut more = false;
        self.begin_counts().await?;
        let held = self.tally.counts();
        if safe.distance(held.events.to.min(held.readings.to)) >= least {
            let normalisers = self.normalisers().await?;
            let mut counts = self.counts(normalisers).await?;
            more = self.count_on(safe, normalisers, &mut counts).await?;
        }
        let looked = self.tally.looked().to();
        if safe.distance(looked) >= least {
            self.look(safe.min(looked.forward(COUNTED_AT_ONCE))).await?;
            more = true;
        }
        let (counts, looked) = self.tally.to_keep(least);
        if let Some(counts) = counts {
            self.keep_count(COUNTED, &counts).await?;
            self.tally.counts_are_kept(counts);
        }
        if let Some(looked) = looked {
            self.keep_count(LOOKED, &looked).await?;
            self.tally.looked_is_kept(looked.to());
        }
        Ok(more)
    }

    /// The oldest and the newest normaliser whose facts there are; 0 where there are none.
    async fn normalisers(&self) -> Result<(i64, i64), StoreError> {
        let text =
            "SELECT COALESCE((SELECT MIN(normaliser) FROM fact), 0), COALESCE((SELECT MAX(normaliser) FROM fact), 0)";
        sqlx::query_as(text).fetch_one(&self.log).await.doing(DOING)
    }

    /// What is counted for good, by this process or an earlier one; of readings what holds under the newest normaliser.
    async fn counts(&self, (_, newest): (i64, i64)) -> Result<Counts, StoreError> {
        self.begin_counts().await?;
        let held = self.tally.counts();
        let anew = Readings { normaliser: newest, ..Readings::default() };
        Ok(Counts { readings: if held.readings.normaliser == newest { held.readings } else { anew }, ..held })
    }

    /// Takes over what earlier processes counted and saw, once: what lies beyond the log's end is of another log.
    pub(super) async fn begin_counts(&self) -> Result<(), StoreError> {
        if self.tally.has_begun() {
            return Ok(());
        }
        let end = self.end().await?;
        let counts: Option<Counts> = self.kept_count(COUNTED).await?;
        let counts = counts.filter(|counts| counts.events.to.max(counts.readings.to) <= end);
        let looked: Option<Looked> = self.kept_count(LOOKED).await?;
        let looked = looked.filter(|looked| looked.to() <= end);
        self.tally.begin(counts.unwrap_or_default(), looked.unwrap_or_default());
        Ok(())
    }

    /// What was kept under a name; `None` where nothing was, or nothing that this version reads.
    async fn kept_count<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        Ok(self.progress(name).await?.and_then(|text| serde_json::from_str(&text).ok()))
    }

    async fn keep_count(&self, name: &str, value: &impl Serialize) -> Result<(), StoreError> {
        let text = serde_json::to_string(value).map_err(|error| corrupt(DOING, error.to_string()))?;
        self.set_progress(name, &text).await
    }

    /// Counts a stretch on from where `counts` end. False where all is counted that can't change any more.
    async fn count_on(&self, safe: Seq, (oldest, newest): (i64, i64), counts: &mut Counts) -> Result<bool, StoreError> {
        let mut more = false;
        if safe > counts.events.to {
            let to = safe.min(counts.events.to.forward(COUNTED_AT_ONCE));
            self.count_events(to, &mut counts.events).await?;
            more = true;
        }
        if safe > counts.readings.to {
            let (from, to) = (counts.readings.to, safe.min(counts.readings.to.forward(COUNTED_AT_ONCE)));
            if oldest == newest || self.all_read_by(newest, from, to).await? {
                self.count_readings(to, &mut counts.readings).await?;
                more = true;
            }
        }
        if more {
            self.tally.hold(*counts);
        }
        Ok(more)
    }

    /// Counts events on from where `events` ends.
    async fn count_events(&self, to: Seq, events: &mut Events) -> Result<(), StoreError> {
        let text = "SELECT COUNT(*) FILTER (WHERE variant = 0), COUNT(*) FROM event WHERE seq > $1 AND seq <= $2";
        let (more, rows): (i64, i64) =
            sqlx::query_as(text).bind(events.to).bind(to).fetch_one(&self.log).await.doing(DOING)?;
        *events = Events { to, count: events.count + more, variants: events.variants + rows - more };
        Ok(())
    }

    /// Whether `normaliser`, the newest, has read all of these places that can still be read: nothing of them changes then.
    async fn all_read_by(&self, normaliser: i64, after: Seq, to: Seq) -> Result<bool, StoreError> {
        let unread: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM fact f WHERE f.normaliser < $1 AND f.seq > $2 AND f.seq <= $3
               AND EXISTS (SELECT 1 FROM event_body b WHERE b.seq = f.seq)
               AND NOT EXISTS (SELECT 1 FROM fact n WHERE n.seq = f.seq AND n.normaliser >= $1))",
        )
        .bind(normaliser)
        .bind(after)
        .bind(to)
        .fetch_one(&self.log)
        .await
        .doing(DOING)?;
        Ok(!unread)
    }

    /// Counts what was made of events, on from where `readings` end.
    async fn count_readings(&self, to: Seq, readings: &mut Readings) -> Result<(), StoreError> {
        let counted = sqlx::query(
            "SELECT f.kind, COUNT(*) FROM fact f
             WHERE f.kind IN ('ignored', 'unreadable', 'thin') AND f.seq > $1 AND f.seq <= $2
               AND NOT EXISTS (SELECT 1 FROM fact n WHERE n.seq = f.seq AND n.normaliser > f.normaliser)
               AND EXISTS (SELECT 1 FROM event e WHERE e.seq = f.seq AND e.variant = 0)
             GROUP BY f.kind",
        )
        .bind(readings.to)
        .bind(to)
        .fetch_all(&self.log)
        .await
        .doing(DOING)?;
        readings.to = to;
        for row in counted {
            let count: i64 = row.try_get(1).doing(DOING)?;
            match row.try_get::<String, _>(0).doing(DOING)?.as_str() {
                "ignored" => readings.ignored += count,
                "unreadable" => readings.unreadable += count,
                "thin" => readings.thin += count,
                _ => {}
            }
        }
        Ok(())
    }
}
