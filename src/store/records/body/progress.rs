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
        self.health.log().note(self.write_progress(name, place).await, |()| true)
    }

    async fn write_progress(&self, name: &str, place: &str) -> Result<(), StoreError> {
        let doing = "keeping how far the work has come";
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(doing)?;
        sqlx::query(
            "INSERT INTO progress (name, place) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET place = excluded.place",
        )
        .bind(name)
        .bind(place)
        .execute(&mut *tx)
        .await
        .doing(doing)?;
        tx.commit().await.doing(doing)
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
