//! Bodies that leave for good: each under a row that says when and why, which stays.

use sqlx::Row as _;

use super::super::{Database, dialect::*};
use crate::{
    event::Seq,
    ledger::time::UnixTime,
    store::{
        StoreError,
        errors::Doing,
        log::{Erased, prepared::clean},
    },
};

const DOING: &str = "erasing bodies";

impl Database {
    pub(in crate::store) async fn erase(&self, seqs: &[Seq], reason: &str, at: UnixTime) -> Result<u64, StoreError> {
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(DOING)?;
        let mut erased = 0;
        for seq in seqs {
            sqlx::query(
                "INSERT INTO erasure (seq, erased_at, reason) VALUES ($1, $2, $3) ON CONFLICT (seq) DO NOTHING",
            )
            .bind(seq)
            .bind(at.0)
            .bind(clean(reason))
            .execute(&mut *tx)
            .await
            .doing(DOING)?;
            let gone = sqlx::query("DELETE FROM event_body WHERE seq = $1").bind(seq).execute(&mut *tx).await;
            erased += gone.doing(DOING)?.rows_affected();
        }
        tx.commit().await.doing(DOING)?;
        Ok(erased)
    }

    pub(in crate::store) async fn erasures(&self) -> Result<Vec<Erased>, StoreError> {
        let rows = sqlx::query(
            "SELECT erased_at, reason, COUNT(*) FROM erasure GROUP BY erased_at, reason ORDER BY erased_at, reason",
        )
        .fetch_all(&self.log)
        .await
        .doing(DOING)?;
        let read = rows
            .iter()
            .map(|row| Ok(Erased { at: UnixTime(row.try_get(0)?), reason: row.try_get(1)?, bodies: row.try_get(2)? }));
        read.collect::<Result<_, sqlx::Error>>().doing(DOING)
    }
}
