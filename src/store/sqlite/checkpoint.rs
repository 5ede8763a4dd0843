//! Moving the write-ahead log into the log's file beside the writer, so that no webhook waits for it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use sqlx::Row as _;

use super::{Database, dialect::Pool};

/// Events after which it is worth the two flushes: some tens of megabytes, and a second of reading after a kill.
const EVENTS: u64 = 4096;

/// Pages after which writing begins at the file's start again: under load there is always a page more, and it would grow
/// without end. The writer waits for that, some milliseconds.
const PAGES_MAX: i64 = 32_768;

/// How much has been appended since the last time, and whether one is under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Checkpoints(Arc<(AtomicU64, AtomicBool)>);

impl Database {
    /// Says that so many events were appended.
    pub(super) fn grown(&self, events: usize) {
        let (since, under_way) = &*self.checkpoints.0;
        if since.fetch_add(events as u64, Ordering::Relaxed) + (events as u64) < EVENTS
            || under_way.swap(true, Ordering::AcqRel)
        {
            return;
        }
        since.store(0, Ordering::Relaxed);
        let (pool, checkpoints) = (self.log.clone(), self.checkpoints.clone());
        tokio::spawn(async move {
            if let Err(error) = checkpoint(&pool).await {
                // Nothing is lost: it is tried again, and at the latest when the file is closed.
                tracing::warn!(%error, "the write-ahead log could not be moved into the log's file now");
            }
            checkpoints.0.1.store(false, Ordering::Release);
        });
    }
}

async fn checkpoint(pool: &Pool) -> Result<(), sqlx::Error> {
    let mut reader = pool.acquire().await?;
    let moved = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&mut *reader).await?;
    if moved.try_get::<i64, _>(1)? > PAGES_MAX {
        sqlx::query("PRAGMA wal_checkpoint(RESTART)").fetch_one(&mut *reader).await?;
    }
    Ok(())
}
