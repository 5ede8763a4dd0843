//! Alerts, acknowledgements, mutes and planned events: an alert and its messages are written in one transaction.

use super::{
    super::{Database, dialect::*},
    audit_trail::record,
    reader::Columns,
    rows::insert,
};
use crate::{
    ledger::time::UnixTime,
    store::{
        StoreError,
        errors::{Doing, corrupt},
        log::prepared::clean,
        records::{alerts::*, audit_trail::Deed},
    },
};

const READING: &str = "reading alerts";
const RAISING: &str = "keeping an alert";
const CHANGING: &str = "changing an alert";

const COLUMNS: &str = "id, rule, subject, day, raised_at, headline, content, silenced, closed_at, closed_why, \
                       acknowledged_at, acknowledged_by, version, updated_at, taken_back";

fn alert(row: &Row) -> Result<AlertRow, StoreError> {
    let mut columns = Columns::of(row, 0);
    let alert = NewAlert {
        id: columns.text()?,
        rule: columns.text()?,
        subject: columns.text()?,
        day: columns.parsed("day")?,
        raised_at: UnixTime(columns.number()?),
        headline: columns.text()?,
        content: columns.text()?,
        silenced: columns.text_or_null()?,
        closed: false,
    };
    let closed_at = columns.time_or_null()?;
    Ok(AlertRow {
        alert: NewAlert { closed: closed_at.is_some(), ..alert },
        closed_at,
        closed_why: columns.text_or_null()?,
        acknowledged_at: columns.time_or_null()?,
        acknowledged_by: columns.text_or_null()?,
        version: columns.number()?,
        updated_at: columns.time_or_null()?,
        taken_back: columns.truth()?,
    })
}

/// Puts a message into the outbox, once for each channel.
async fn post(
    connection: &mut Connection,
    alert: &str,
    version: i64,
    outgoing: &Outgoing,
    at: UnixTime,
) -> Result<(), sqlx::Error> {
    let head = "INSERT INTO outbox (alert, event, channel, message, state, created_at, attempts, next_at, version)";
    let tail = "ON CONFLICT (alert, event, version, channel) DO NOTHING";
    insert(connection, head, 9, tail, &outgoing.channels, |query, channel: &String| {
        query
            .bind(alert.to_owned())
            .bind(outgoing.event)
            .bind(channel.clone())
            .bind(clean(&outgoing.message))
            .bind(DeliveryState::Waiting.as_str())
            .bind(at.0)
            .bind(0_i64)
            .bind(at.0)
            .bind(version)
    })
    .await
}

impl Database {
    pub(in crate::store) async fn raise_alert(
        &self,
        alert: &NewAlert,
        outgoing: &Outgoing,
    ) -> Result<bool, StoreError> {
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(RAISING)?;
        let closed_at = alert.closed.then_some(alert.raised_at.0);
        let written = sqlx::query(
            "INSERT INTO alert (id, rule, subject, day, raised_at, headline, content, silenced, closed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING",
        )
        .bind(alert.id.as_str())
        .bind(alert.rule.as_str())
        .bind(clean(&alert.subject))
        .bind(alert.day.to_string())
        .bind(alert.raised_at.0)
        .bind(clean(&alert.headline))
        .bind(clean(&alert.content))
        .bind(alert.silenced.as_deref().map(clean))
        .bind(closed_at)
        .execute(&mut *tx)
        .await
        .doing(RAISING)?
        .rows_affected();
        if written == 0 {
            tx.rollback().await.doing(RAISING)?;
            return Ok(false);
        }
        post(&mut tx, &alert.id, 1, outgoing, alert.raised_at).await.doing(RAISING)?;
        tx.commit().await.doing(RAISING)?;
        Ok(true)
    }

    pub(in crate::store) async fn update_alert(
        &self,
        update: &AlertUpdate,
        outgoing: &Outgoing,
    ) -> Result<bool, StoreError> {
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(CHANGING)?;
        let written = sqlx::query(
            "UPDATE alert SET version = $2, updated_at = $3, headline = $4, content = $5, silenced = CAST($6 AS TEXT)
             WHERE id = $1 AND version = $2 - 1 AND closed_at IS NULL",
        )
        .bind(update.id.as_str())
        .bind(update.version)
        .bind(update.at.0)
        .bind(clean(&update.headline))
        .bind(clean(&update.content))
        .bind(update.silenced.as_deref().map(clean))
        .execute(&mut *tx)
        .await
        .doing(CHANGING)?
        .rows_affected();
        if written == 0 {
            return Ok(false);
        }
        post(&mut tx, &update.id, update.version, outgoing, update.at).await.doing(CHANGING)?;
        tx.commit().await.doing(CHANGING)?;
        Ok(true)
    }

    pub(in crate::store) async fn close_alert(
        &self,
        id: &str,
        ending: &Ending<'_>,
        outgoing: &Outgoing,
    ) -> Result<bool, StoreError> {
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(CHANGING)?;
        let text = "UPDATE alert SET closed_at = $2, closed_why = $3, taken_back = $4
             WHERE id = $1 AND closed_at IS NULL";
        let query = sqlx::query(text).bind(id).bind(ending.at.0).bind(ending.why).bind(ending.taken_back);
        if query.execute(&mut *tx).await.doing(CHANGING)?.rows_affected() == 0 {
            tx.rollback().await.doing(CHANGING)?;
            return Ok(false);
        }
        post(&mut tx, id, 1, outgoing, ending.at).await.doing(CHANGING)?;
        tx.commit().await.doing(CHANGING)?;
        Ok(true)
    }

    pub(in crate::store) async fn acknowledge_alert(
        &self,
        id: &str,
        by: Option<&str>,
        deed: &Deed,
    ) -> Result<(), StoreError> {
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(CHANGING)?;
        let written = sqlx::query(
            "UPDATE alert SET acknowledged_at = $2, acknowledged_by = CAST($3 AS TEXT)
             WHERE id = $1 AND acknowledged_at IS NULL",
        )
        .bind(id)
        .bind(deed.at.0)
        .bind(by.map(clean))
        .execute(&mut *tx)
        .await
        .doing(CHANGING)?
        .rows_affected();
        if written > 0 {
            record(&mut tx, deed).await?;
        }
        tx.commit().await.doing(CHANGING)
    }

    pub(in crate::store) async fn alert(&self, id: &str) -> Result<Option<AlertRow>, StoreError> {
        let text = sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM alert WHERE id = $1"));
        let row = sqlx::query(text).bind(id).fetch_optional(&self.log).await.doing(READING)?;
        row.as_ref().map(alert).transpose()
    }

    pub(in crate::store) async fn alerts(
        &self,
        filter: &AlertFilter,
        after: Option<(UnixTime, &str)>,
        limit: i64,
    ) -> Result<Vec<AlertRow>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS} FROM alert
             WHERE (CAST($1 AS TEXT) IS NULL OR rule = $1)
               AND (CAST($2 AS BOOLEAN) IS NULL OR (closed_at IS NULL) = $2)
               AND (CAST($3 AS BOOLEAN) IS NULL OR (acknowledged_at IS NOT NULL) = $3)
               AND raised_at >= $4 AND (raised_at < $5 OR (raised_at = $5 AND id > $6))
             ORDER BY raised_at DESC, id LIMIT $7"
        );
        let (before, id) = after.map_or((i64::MAX, ""), |(at, id)| (at.0, id));
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(filter.rule.as_deref())
            .bind(filter.open)
            .bind(filter.acknowledged)
            .bind(filter.since.map_or(i64::MIN, |since| since.0))
            .bind(before)
            .bind(id)
            .bind(limit)
            .fetch_all(&self.log)
            .await
            .doing(READING)?;
        rows.iter().map(alert).collect()
    }

    pub(in crate::store) async fn annotations(&self) -> Result<Vec<Annotation>, StoreError> {
        let text = "SELECT id, first_day, last_day, kind, note FROM annotation ORDER BY first_day, id";
        let annotation = |row: &Row| {
            let mut columns = Columns::of(row, 0);
            Ok(Annotation {
                id: columns.number()?,
                first: columns.parsed("day")?,
                last: columns.parsed("day")?,
                kind: AnnotationKind::parse(&columns.text()?)
                    .ok_or_else(|| corrupt(READING, "an annotation is of no kind there is"))?,
                note: columns.text()?,
            })
        };
        let rows = sqlx::query(text).fetch_all(&self.log).await.doing(READING)?;
        rows.iter().map(annotation).collect()
    }

    pub(in crate::store) async fn annotate(&self, annotation: &Annotation, deed: &Deed) -> Result<i64, StoreError> {
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(CHANGING)?;
        let id = sqlx::query_scalar(
            "INSERT INTO annotation (first_day, last_day, kind, note, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING id",
        )
        .bind(annotation.first.to_string())
        .bind(annotation.last.to_string())
        .bind(annotation.kind.as_str())
        .bind(clean(&annotation.note))
        .bind(deed.at.0)
        .fetch_one(&mut *tx)
        .await
        .doing(CHANGING)?;
        record(&mut tx, deed).await?;
        tx.commit().await.doing(CHANGING)?;
        Ok(id)
    }

    pub(in crate::store) async fn remove_annotation(&self, id: i64, deed: &Deed) -> Result<bool, StoreError> {
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(CHANGING)?;
        let query = sqlx::query("DELETE FROM annotation WHERE id = $1").bind(id);
        let removed = query.execute(&mut *tx).await.doing(CHANGING)?.rows_affected();
        if removed > 0 {
            record(&mut tx, deed).await?;
        }
        tx.commit().await.doing(CHANGING)?;
        Ok(removed > 0)
    }

    pub(in crate::store) async fn mutes(&self, now: UnixTime) -> Result<Vec<Mute>, StoreError> {
        let text = "SELECT rule, until, note FROM mute WHERE until > $1 ORDER BY rule";
        let mute = |row: &Row| {
            let mut columns = Columns::of(row, 0);
            Ok(Mute { rule: columns.text()?, until: UnixTime(columns.number()?), note: columns.text()? })
        };
        let rows = sqlx::query(text).bind(now.0).fetch_all(&self.log).await.doing(READING)?;
        rows.iter().map(mute).collect()
    }

    pub(in crate::store) async fn mute(&self, mute: &Mute, deed: &Deed) -> Result<(), StoreError> {
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(CHANGING)?;
        sqlx::query(
            "INSERT INTO mute (rule, until, note, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (rule) DO UPDATE SET until = excluded.until, note = excluded.note",
        )
        .bind(mute.rule.as_str())
        .bind(mute.until.0)
        .bind(clean(&mute.note))
        .bind(deed.at.0)
        .execute(&mut *tx)
        .await
        .doing(CHANGING)?;
        record(&mut tx, deed).await?;
        tx.commit().await.doing(CHANGING)
    }

    pub(in crate::store) async fn unmute(&self, rule: &str, deed: &Deed) -> Result<bool, StoreError> {
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(CHANGING)?;
        let query = sqlx::query("DELETE FROM mute WHERE rule = $1").bind(rule);
        let removed = query.execute(&mut *tx).await.doing(CHANGING)?.rows_affected();
        if removed > 0 {
            record(&mut tx, deed).await?;
        }
        tx.commit().await.doing(CHANGING)?;
        Ok(removed > 0)
    }
}
