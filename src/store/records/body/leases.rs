//! Leases: who does what only one process may do.
//!
//! A lease lasts as long as its holder renews it, as those who wait for it see: unrenewed for its length by their own count
//! of time, or with a holder that is gone, it is free. No date decides; only PostgreSQL's own clock may free one earlier.

use std::time::Duration;

use sqlx::AssertSqlSafe;

use super::{
    super::{Database, dialect::*},
    reader::{Columns, Read},
};
use crate::store::{
    StoreError,
    errors::Doing,
    records::{LeaseHeld, presence::Held},
};

/// What [`held`] reads, in this order.
const HELD: &str = "holder, place, renewals, expires_at";

fn held(columns: &mut Columns<'_>) -> Read<Held> {
    Ok(Held {
        holder: columns.text()?,
        place: columns.text()?,
        renewals: columns.number()?,
        expires_at: columns.number()?,
    })
}

impl Database {
    pub(in crate::store) async fn lease(&self, name: &str, holder: &str, length: Duration) -> Result<bool, StoreError> {
        self.health.log().of(self.take_lease(name, holder, length), |taken| *taken).await
    }

    async fn take_lease(&self, name: &str, holder: &str, length: Duration) -> Result<bool, StoreError> {
        let doing = "taking a lease";
        // Looked at without a lock: who only waits holds nobody up.
        let text = format!("SELECT {HELD}, expires_at <= {NOW} AS expired FROM lease WHERE name = $1");
        let found = sqlx::query(AssertSqlSafe(text)).bind(name).fetch_optional(&self.log).await.doing(doing)?;
        let mut before = (holder.to_owned(), 0);
        if let Some(row) = found {
            let mut columns = Columns::of(&row, 0);
            let held = held(&mut columns)?;
            let expired = columns.truth()?;
            let free = held.holder == holder
                || (LEASES_EXPIRE && expired)
                || self.presence.is_gone(&held)
                || self.presence.is_unrenewed(name, &held, length);
            if !free {
                return Ok(false);
            }
            before = (held.holder, held.renewals);
        }
        let seconds = i64::try_from(length.as_secs().max(1)).unwrap_or(i64::MAX);
        let text = format!(
            "INSERT INTO lease (name, holder, place, renewals, expires_at) VALUES ($1, $2, $3, 0, {NOW} + $4)
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, place = excluded.place,
                 renewals = lease.renewals + 1, expires_at = excluded.expires_at
             WHERE lease.holder = $5 AND lease.renewals = $6"
        );
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(doing)?;
        let taken = sqlx::query(AssertSqlSafe(text))
            .bind(name)
            .bind(holder)
            .bind(self.presence.told())
            .bind(seconds)
            .bind(before.0)
            .bind(before.1)
            .execute(&mut *tx)
            .await
            .doing(doing)?
            .rows_affected();
        tx.commit().await.doing(doing)?;
        Ok(taken == 1)
    }

    pub(in crate::store) async fn leases(&self) -> Result<Vec<LeaseHeld>, StoreError> {
        let doing = "reading the leases";
        let rows = sqlx::query(AssertSqlSafe(format!("SELECT name, {HELD} FROM lease ORDER BY name")));
        let rows = rows.fetch_all(&self.log).await.doing(doing)?;
        let read = |row: &Row| -> Read<LeaseHeld> {
            let mut columns = Columns::of(row, 0);
            let (name, held) = (columns.text()?, held(&mut columns)?);
            let process = held.place.split(' ').nth(2).unwrap_or("-").to_owned();
            Ok(LeaseHeld { name, process, is_gone: self.presence.is_gone(&held) })
        };
        rows.iter().map(read).collect()
    }

    pub(in crate::store) async fn release(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        let doing = "releasing a lease";
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(doing)?;
        sqlx::query("DELETE FROM lease WHERE name = $1 AND holder = $2")
            .bind(name)
            .bind(holder)
            .execute(&mut *tx)
            .await
            .doing(doing)?;
        tx.commit().await.doing(doing)
    }
}
