//! Saved segments: versions recorded one after the other, and read again.

use super::{
    super::{Database, dialect::*},
    audit_trail::record,
    reader::Columns,
};
use crate::{
    event::Seq,
    ledger::time::UnixTime,
    store::{
        StoreError,
        errors::Doing,
        log::prepared::clean,
        records::{audit_trail::Deed, segments::SegmentVersion},
    },
};

const READING: &str = "reading the saved segments";
const SAVING: &str = "saving a segment";

fn version(row: &Row) -> Result<SegmentVersion, StoreError> {
    let mut columns = Columns::of(row, 0);
    Ok(SegmentVersion {
        id: columns.number()?,
        name: columns.text()?,
        condition: Some(columns.text()?).filter(|condition| !condition.is_empty()),
        recorded_at: UnixTime(columns.number()?),
        log_seq: Seq(columns.number()?),
        who: columns.text()?,
    })
}

impl Database {
    pub(in crate::store) async fn segment_versions(&self) -> Result<Vec<SegmentVersion>, StoreError> {
        let text = "SELECT id, name, condition, recorded_at, log_seq, who FROM segment_version ORDER BY id";
        let rows = sqlx::query(text).fetch_all(&self.log).await.doing(READING)?;
        rows.iter().map(version).collect()
    }

    pub(in crate::store) async fn save_segment(
        &self,
        name: &str,
        condition: Option<&str>,
        deed: &Deed,
    ) -> Result<i64, StoreError> {
        loop {
            let mut tx = self.log_writer.begin_with(BEGIN_WRITE).await.doing(SAVING)?;
            let written: Option<i64> = sqlx::query_scalar(
                "INSERT INTO segment_version (id, name, condition, recorded_at, log_seq, who)
                 SELECT (SELECT COALESCE(MAX(id), 0) + 1 FROM segment_version), $1, $2, $3,
                        (SELECT COALESCE(MAX(seq), 0) FROM event), $4
                 WHERE true
                 ON CONFLICT (id) DO NOTHING RETURNING id",
            )
            .bind(clean(name))
            .bind(clean(condition.unwrap_or_default()))
            .bind(deed.at.0)
            .bind(clean(&deed.actor.who))
            .fetch_optional(&mut *tx)
            .await
            .doing(SAVING)?;
            match written {
                Some(id) => {
                    record(&mut tx, deed).await?;
                    tx.commit().await.doing(SAVING)?;
                    return Ok(id);
                }
                // Somebody else has taken the number meanwhile and is done: the next one is free, or was taken by one more.
                None => tx.rollback().await.doing(SAVING)?,
            }
        }
    }
}
