//! Generations of the derived tables: built beside each other, switched in one tiny transaction, dropped in slices.

use sqlx::AssertSqlSafe;

use super::{
    super::{Database, dialect::*},
    columns::TABLES,
    reader::{Columns, Read},
};
use crate::store::{
    StoreError,
    derived::{Generation, GenerationId, SUMS_VERSION},
    errors::{Doing, corrupt},
    log::prepared::clean,
};

const DOING: &str = "reading generations";

/// Sums of the rows of a generation.
pub(in super::super) const SUM_TABLES: [&str; 12] = [
    "day_amount",
    "day_count",
    "day_movement",
    "group_amount",
    "group_count",
    "group_movement",
    "retention_day",
    "cohort_day",
    "loss_day",
    "expanded_month",
    "customer_mrr",
    "customer_digest",
];

/// Customers whose rows are dropped in one transaction: short enough for a reconciler to come between.
const SLICE: i64 = 500;

/// Why nothing can be added to a generation any more.
pub(in super::super) fn dropped() -> StoreError {
    StoreError::Unavailable { doing: "filling a generation", reason: "another process dropped it meanwhile".into() }
}

impl Database {
    pub(in crate::store) async fn generations(&self) -> Result<Vec<Generation>, StoreError> {
        let rows = sqlx::query("SELECT id, state, fingerprint, position FROM generation ORDER BY id")
            .fetch_all(&self.derived)
            .await
            .doing(DOING)?;
        let read = |row: &Row| -> Read<Generation> {
            let mut columns = Columns::of(row, 0);
            Ok(Generation {
                id: GenerationId(columns.number()?),
                current: columns.text()? == "current",
                fingerprint: columns.text()?,
                position: columns.seq()?,
            })
        };
        rows.iter().map(read).collect()
    }

    pub(in crate::store) async fn begin_generation(
        &self,
        fingerprint: &str,
        customer_key: Option<&str>,
    ) -> Result<GenerationId, StoreError> {
        let doing = "beginning a generation";
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(doing)?;
        let id = sqlx::query_scalar(
            "INSERT INTO generation (state, fingerprint, customer_key, sums) VALUES ('building', $1, $2, $3)
             RETURNING id",
        )
        .bind(fingerprint)
        .bind(customer_key.map(clean))
        .bind(SUMS_VERSION)
        .fetch_one(&mut *tx)
        .await
        .doing(doing)?;
        tx.commit().await.doing(doing)?;
        Ok(id)
    }

    pub(in crate::store) async fn switch_generation(
        &self,
        generation: GenerationId,
        failing: usize,
    ) -> Result<bool, StoreError> {
        let doing = "switching generations";
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(doing)?;
        // Locked in the order of their numbers: neither position moves until this is decided.
        let text =
            format!("SELECT id, state, position FROM generation WHERE state <> 'retired' ORDER BY id{FOR_UPDATE}");
        let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(&mut *tx).await.doing(doing)?;
        let (mut ours, mut current) = (None, None);
        for row in &rows {
            let mut columns = Columns::of(row, 0);
            let (id, state, position) = (columns.number()?, columns.text()?, columns.seq()?);
            if GenerationId(id) == generation {
                ours = Some(position);
            } else if state == "current" {
                current = Some(position);
            }
        }
        let ours = ours.ok_or_else(|| corrupt(doing, format!("there is no generation {generation} to switch to")))?;
        let waiting: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM dirty WHERE generation = $1")
            .bind(generation)
            .fetch_one(&mut *tx)
            .await
            .doing(doing)?;
        let behind = current.is_some_and(|current| ours < current);
        if behind || usize::try_from(waiting).is_ok_and(|waiting| waiting > failing) {
            tx.rollback().await.doing(doing)?;
            return Ok(false);
        }
        make_indices_within(&mut tx, generation).await?;
        // The one before first: there is never more than one.
        for (state, condition) in [("retired", "state = 'current' AND id <> $1"), ("current", "id = $1")] {
            let text = format!("UPDATE generation SET state = '{state}' WHERE {condition}");
            sqlx::query(AssertSqlSafe(text)).bind(generation).execute(&mut *tx).await.doing(doing)?;
        }
        tx.commit().await.doing(doing)?;
        Ok(true)
    }

    pub(in crate::store) async fn drop_generation(&self, generation: GenerationId) -> Result<(), StoreError> {
        let doing = "dropping a generation";
        // From here on nothing answers from it, and nobody advances it or writes rows of it; a drop cut short is taken up again at start.
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(doing)?;
        alone_with_generation(&mut tx, generation).await?;
        sqlx::query("UPDATE generation SET state = 'retired' WHERE id = $1")
            .bind(generation)
            .execute(&mut *tx)
            .await
            .doing(doing)?;
        tx.commit().await.doing(doing)?;
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(doing)?;
        drop_indices(&mut tx, generation).await?;
        tx.commit().await.doing(doing)?;
        while self.drop_slice(generation).await? {}
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(doing)?;
        for table in ["dirty", "reference", "told", "joined"].into_iter().chain(SUM_TABLES).chain(["generation"]) {
            let column = if table == "generation" { "id" } else { "generation" };
            sqlx::query(AssertSqlSafe(format!("DELETE FROM {table} WHERE {column} = $1")))
                .bind(generation)
                .execute(&mut *tx)
                .await
                .doing(doing)?;
        }
        tx.commit().await.doing(doing)
    }

    /// Drops the rows of the next customers; false when there are none left.
    async fn drop_slice(&self, generation: GenerationId) -> Result<bool, StoreError> {
        let doing = "dropping a generation";
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(doing)?;
        let first = sqlx::query(
            "SELECT profile, livemode, account FROM customer_ledger WHERE generation = $1
             ORDER BY profile, livemode, account LIMIT 1",
        )
        .bind(generation)
        .fetch_optional(&mut *tx)
        .await
        .doing(doing)?;
        let Some(first) = first else {
            tx.rollback().await.doing(doing)?;
            return Ok(false);
        };
        let (profile, livemode, account) = {
            let mut columns = Columns::of(&first, 0);
            (columns.text()?, columns.truth()?, columns.text()?)
        };
        let last: Option<String> = sqlx::query_scalar(
            "SELECT MAX(customer) FROM (SELECT customer FROM customer_ledger
             WHERE generation = $1 AND profile = $2 AND livemode = $3 AND account = $4
             ORDER BY customer LIMIT $5) AS slice",
        )
        .bind(generation)
        .bind(&profile)
        .bind(livemode)
        .bind(&account)
        .bind(SLICE)
        .fetch_one(&mut *tx)
        .await
        .doing(doing)?;
        for table in TABLES {
            let text = format!(
                "DELETE FROM {} WHERE generation = $1 AND profile = $2 AND livemode = $3 AND account = $4
                 AND customer <= $5",
                table.name
            );
            sqlx::query(AssertSqlSafe(text))
                .bind(generation)
                .bind(&profile)
                .bind(livemode)
                .bind(&account)
                .bind(last.as_deref().unwrap_or_default())
                .execute(&mut *tx)
                .await
                .doing(doing)?;
        }
        tx.commit().await.doing(doing)?;
        Ok(true)
    }

    /// What was derived from another log, or from more of this one, is worth nothing.
    pub(in super::super) async fn forget_other_logs(&self) -> Result<(), StoreError> {
        for generation in self.generations().await? {
            self.drop_generation(generation.id).await?;
        }
        Ok(())
    }
}
