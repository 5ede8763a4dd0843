//! Entries of the feed: appended by whoever holds the lease of alerts, read in order by everybody.

use super::{
    super::{Database, dialect::*},
    reader::Columns,
};
use crate::{
    ledger::time::{Day, UnixTime},
    store::{
        StoreError,
        errors::{Doing, corrupt},
        log::prepared::clean,
        records::feeds::*,
    },
};

const READING: &str = "reading the feed";
const WRITING: &str = "writing the feed";

const COLUMNS: &str = "position, created_at, movement, version, change, customer, day, digest, content, previous";

fn entry(row: &Row) -> Result<FeedEntry, StoreError> {
    let mut columns = Columns::of(row, 0);
    Ok(FeedEntry {
        position: columns.number()?,
        created_at: UnixTime(columns.number()?),
        entry: NewFeedEntry {
            movement: columns.text()?,
            version: columns.number()?,
            change: {
                let change = columns.text()?;
                FeedChange::named(&change).ok_or_else(|| corrupt(READING, format!("{change:?} is no change")))?
            },
            customer: columns.text()?.as_str().into(),
            day: columns.parsed("day")?,
            digest: columns.text()?,
            content: columns.text()?,
            previous: columns.text_or_null()?,
        },
    })
}

impl Database {
    pub(in crate::store) async fn feed_after(&self, position: i64, limit: i64) -> Result<Vec<FeedEntry>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM feed_entry WHERE position > $1 ORDER BY position LIMIT $2");
        let query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(position).bind(limit);
        let rows = query.fetch_all(&self.log).await.doing(READING)?;
        rows.iter().map(entry).collect()
    }

    pub(in crate::store) async fn feed_latest(&self, from: Day) -> Result<Vec<FeedEntry>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS} FROM feed_entry AS entry WHERE day >= $1 AND NOT EXISTS (
                 SELECT 1 FROM feed_entry AS later WHERE later.movement = entry.movement AND later.version > entry.version)"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(from.to_string());
        let rows = query.fetch_all(&self.log).await.doing(READING)?;
        rows.iter().map(entry).collect()
    }

    pub(in crate::store) async fn feed_end(&self) -> Result<i64, StoreError> {
        let text = "SELECT COALESCE(MAX(position), 0) FROM feed_entry";
        sqlx::query_scalar(text).fetch_one(&self.log).await.doing(READING)
    }

    pub(in crate::store) async fn prune_feed(&self, taken: i64, before: UnixTime) -> Result<u64, StoreError> {
        let text = "DELETE FROM feed_entry WHERE position <= $1 AND created_at < $2 AND EXISTS (
                        SELECT 1 FROM feed_entry AS later
                        WHERE later.movement = feed_entry.movement AND later.version > feed_entry.version
                          AND later.position <= $1)";
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(WRITING)?;
        let gone = sqlx::query(text).bind(taken).bind(before.0).execute(&mut *tx).await.doing(WRITING)?;
        tx.commit().await.doing(WRITING)?;
        Ok(gone.rows_affected())
    }

    pub(in crate::store) async fn append_feed(&self, entries: &[NewFeedEntry], at: UnixTime) -> Result<(), StoreError> {
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(WRITING)?;
        for entry in entries {
            sqlx::query(
                "INSERT INTO feed_entry
                     (movement, version, change, customer, day, digest, content, previous, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (movement, version) DO NOTHING",
            )
            .bind(entry.movement.as_str())
            .bind(entry.version)
            .bind(entry.change.as_str())
            .bind(clean(entry.customer.as_str()))
            .bind(entry.day.to_string())
            .bind(entry.digest.as_str())
            .bind(clean(&entry.content))
            .bind(entry.previous.as_deref().map(clean))
            .bind(at.0)
            .execute(&mut *tx)
            .await
            .doing(WRITING)?;
        }
        tx.commit().await.doing(WRITING)
    }
}
