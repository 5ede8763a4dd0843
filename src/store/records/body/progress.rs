//! How far long work has come.

use super::super::{Database, dialect::*};
use crate::store::{StoreError, errors::Doing};

impl Database {
    pub(in crate::store) async fn progress(&self, name: &str) -> Result<Option<String>, StoreError> {
        sqlx::query_scalar("SELECT place FROM progress WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.log)
            .await
            .doing("reading how far the work has come")
    }

    pub(in crate::store) async fn set_progress(&self, name: &str, place: &str) -> Result<(), StoreError> {
        self.health.log().of(self.write_progress(name, place), |wrote| *wrote).await.map(drop)
    }

    /// Answers whether anything was written: what stands there already is not, also not by SQLite, whatever the disk takes.
    async fn write_progress(&self, name: &str, place: &str) -> Result<bool, StoreError> {
        let doing = "keeping how far the work has come";
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(doing)?;
        let written = sqlx::query(
            "INSERT INTO progress (name, place) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET place = excluded.place WHERE progress.place <> excluded.place",
        )
        .bind(name)
        .bind(place)
        .execute(&mut *tx)
        .await
        .doing(doing)?;
        tx.commit().await.doing(doing)?;
        Ok(written.rows_affected() > 0)
    }

    pub(in crate::store) async fn clear_progress(&self, prefix: &str) -> Result<(), StoreError> {
        let doing = "forgetting how far finished work had come";
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(doing)?;
        sqlx::query("DELETE FROM progress WHERE SUBSTR(name, 1, LENGTH($1)) = $1")
            .bind(prefix)
            .execute(&mut *tx)
            .await
            .doing(doing)?;
        tx.commit().await.doing(doing)
    }
}
