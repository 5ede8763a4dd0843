//! Moving the write-ahead log into the log's file beside the writer, so that no webhook waits for it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use super::Database;
use crate::store::{StoreError, errors::Doing};

/// Events after which it is worth the two flushes: some tens of megabytes, and a second of reading after a kill.
const EVENTS: u64 = 4096;

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
        let (database, checkpoints) = (self.clone(), self.checkpoints.clone());
        tokio::spawn(async move {
            if let Err(error) = database.checkpoint().await {
                // Nothing is lost: it is tried again, and at the latest when the file is closed.
                tracing::warn!(%error, "the write-ahead log could not be moved into the log's file now");
            }
            checkpoints.0.1.store(false, Ordering::Release);
        });
    }

    /// Moves the whole write-ahead log into the file and empties it: what was erased must not stay in it. A reader that is
    /// under way keeps it for a while; it is emptied with the next erasure, or overwritten by what comes.
    pub(in crate::store) async fn empty_write_ahead_log(&self) -> Result<(), StoreError> {
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&self.log)
            .await
            .doing("emptying the write-ahead log")?;
        Ok(())
    }

    async fn checkpoint(&self) -> Result<(), sqlx::Error> {
        const MOVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";
        let mut reader = self.log.acquire().await?;
        sqlx::query(MOVE).execute(&mut *reader).await?;
        // Under load there is always a page more, and the file would grow without end; a flush that has to grow it takes
        // twice as long. The writer waits while the last pages are moved, some milliseconds, and then begins at the file's
        // start again; not while a reader is still in it, who isn't waited for: then it is for the next time.
        let _turn = self.log_writer.turn().await;
        sqlx::query(MOVE).execute(&mut *reader).await?;
        Ok(())
    }
}
