//! Leases: who does what only one process may do.

use super::super::{Database, dialect::*};
use crate::{
    ledger::time::UnixTime,
    store::{StoreError, errors::Doing},
};

impl Database {
    pub(in crate::store) async fn lease(
        &self,
        name: &str,
        holder: &str,
        ttl_seconds: i64,
        now: UnixTime,
    ) -> Result<bool, StoreError> {
        let doing = "taking a lease";
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(doing)?;
        let taken = sqlx::query(
            "INSERT INTO lease (name, holder, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
             WHERE lease.holder = excluded.holder OR lease.expires_at <= $4",
        )
        .bind(name)
        .bind(holder)
        .bind(now.plus(ttl_seconds).0)
        .bind(now.0)
        .execute(&mut *tx)
        .await
        .doing(doing)?
        .rows_affected();
        tx.commit().await.doing(doing)?;
        Ok(taken == 1)
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
