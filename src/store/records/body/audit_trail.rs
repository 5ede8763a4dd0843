//! The audit trail: written within the transaction of the deed, listed newest first.

use super::{
    super::{Database, dialect::*},
    reader::Columns,
};
use crate::{
    ledger::time::UnixTime,
    store::{StoreError, errors::Doing, log::prepared::clean, records::audit_trail::*},
};

const DOING: &str = "keeping the audit trail";

/// Writes one line, to be committed with what it tells of.
pub(super) async fn record(connection: &mut Connection, deed: &Deed) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit_trail (at, who, by, address, action, subject, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(deed.at.0)
    .bind(clean(&deed.actor.who))
    .bind(deed.actor.by.as_str())
    .bind(clean(&deed.actor.address))
    .bind(deed.action.as_str())
    .bind(clean(&deed.subject))
    .bind(clean(&deed.detail))
    .execute(connection)
    .await
    .doing(DOING)?;
    Ok(())
}

impl Database {
    pub(in crate::store) async fn record(&self, deed: &Deed) -> Result<(), StoreError> {
        let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(DOING)?;
        record(&mut tx, deed).await?;
        tx.commit().await.doing(DOING)
    }

    pub(in crate::store) async fn audit_trail(
        &self,
        action: Option<Action>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<TrailRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, at, who, by, address, action, subject, detail FROM audit_trail
             WHERE id < $1 AND (CAST($2 AS TEXT) IS NULL OR action = $2) ORDER BY id DESC LIMIT $3",
        )
        .bind(before.unwrap_or(i64::MAX))
        .bind(action.map(Action::as_str))
        .bind(limit)
        .fetch_all(&self.log)
        .await
        .doing("reading the audit trail")?;
        let row = |row: &Row| {
            let mut columns = Columns::of(row, 0);
            Ok(TrailRow {
                id: columns.number()?,
                at: UnixTime(columns.number()?),
                who: columns.text()?,
                by: columns.text()?,
                address: columns.text()?,
                action: columns.text()?,
                subject: columns.text()?,
                detail: columns.text()?,
            })
        };
        rows.iter().map(row).collect()
    }
}
