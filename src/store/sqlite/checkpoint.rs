//! Moving the write-ahead log into the log's file beside the writer, so that no webhook waits for it.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::Database;
use crate::store::{StoreError, errors::Doing};

/// Events after which it is worth the two flushes: some tens of megabytes, and a second of reading after a kill.
const EVENTS: u64 = 4096;

/// How long what was written stays out of the file at most: a copy of the file alone is no older.
const INTERVAL: Duration = Duration::from_secs(5);

/// How much has been appended since the last time, and whether one is under way; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Checkpoints(Arc<Since>);

#[derive(Debug, Default)]
struct Since {
    events: AtomicU64,
    under_way: AtomicBool,
    begun: Mutex<Option<Instant>>,
    /// The last one failed, and that was said.
    failed: AtomicBool,
}

impl Database {
    /// Says that so many events were appended.
    pub(super) fn grown(&self, events: usize) {
        if self.checkpoints.0.events.fetch_add(events as u64, Ordering::Relaxed) + (events as u64) >= EVENTS {
            self.begin_checkpoint();
        }
    }

    /// The same when time has passed: asked every second.
    pub(super) fn checkpoint_by_time(&self) {
        let begun = *self.checkpoints.0.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.is_none_or(|begun| begun.elapsed() >= INTERVAL) {
            self.begin_checkpoint();
        }
    }

    fn begin_checkpoint(&self) {
        let Since { events, under_way, begun, .. } = &*self.checkpoints.0;
        if under_way.swap(true, Ordering::AcqRel) {
            return;
        }
        events.store(0, Ordering::Relaxed);
        *begun.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        let (database, checkpoints) = (self.clone(), self.checkpoints.clone());
        tokio::spawn(async move {
            let Since { under_way, failed, .. } = &*checkpoints.0;
            match database.checkpoint().await {
                Ok(()) => failed.store(false, Ordering::Relaxed),
                // Nothing is lost: it is tried again, and at the latest when the file is closed.
                Err(error) if !failed.swap(true, Ordering::Relaxed) => {
                    tracing::warn!(%error, "the write-ahead log could not be moved into the log's file now");
                }
                Err(_) => {}
            }
            under_way.store(false, Ordering::Release);
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

    /// Moves all of the write-ahead log into the file: nothing to do where it is there already.
    pub(super) async fn checkpoint(&self) -> Result<(), sqlx::Error> {
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
