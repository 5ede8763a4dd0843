//! How the database was found: the outcome of the last writes, and whether the log is still the one that was opened.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use super::StoreError;
use crate::event::Seq;

/// What one store has found; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Health(Arc<Found>);

#[derive(Debug, Default)]
struct Found {
    log: Outcome,
    derived: Outcome,
    /// Why nothing may be appended, whatever the disk says: the log in its place is another one, or lost something.
    lost: Mutex<Option<String>>,
    /// The last place in the log that this process was told is durable.
    reached: AtomicI64,
}

/// What became of the last write.
#[derive(Debug, Default)]
pub(super) struct Outcome(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    failed: Option<String>,
    at: Option<Instant>,
    /// How many failed so far.
    failures: u64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is kept is replaced whole, whoever panics.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Health {
    /// Of writes to the log.
    pub(super) fn log(&self) -> &Outcome {
        &self.0.log
    }

    /// Of writes to the derived tables.
    pub(super) fn derived(&self) -> &Outcome {
        &self.0.derived
    }

    /// The log is well, or not the one that was opened any more, and why.
    pub(super) fn set_lost(&self, lost: Option<String>) {
        let before = std::mem::replace(&mut *locked(&self.0.lost), lost.clone());
        match (before, lost) {
            (before, Some(lost)) if before.as_ref() != Some(&lost) => {
                tracing::error!("{lost}; nothing is taken in until that is mended");
            }
            (Some(_), None) => tracing::info!("the log is whole again: events are taken in"),
            _ => {}
        }
    }

    /// Errors while the log is lost: what is appended then would be lost as well.
    pub(super) fn log_is_there(&self, doing: &'static str) -> Result<(), StoreError> {
        match &*locked(&self.0.lost) {
            Some(lost) => Err(StoreError::Unavailable { doing, reason: lost.clone() }),
            None => Ok(()),
        }
    }

    /// Everything up to here is known to be durable.
    pub(super) fn reach(&self, seq: Seq) {
        self.0.reached.fetch_max(seq.0, Ordering::SeqCst);
    }

    pub(super) fn reached(&self) -> Seq {
        Seq(self.0.reached.load(Ordering::SeqCst))
    }
}

impl Outcome {
    /// Makes a write, takes note of its outcome and hands it on; `wrote` says whether anything was written at all. A write that
    /// succeeds beside one that fails says nothing of what the disk takes since.
    pub(super) async fn of<T>(
        &self,
        write: impl Future<Output = Result<T, StoreError>>,
        wrote: impl FnOnce(&T) -> bool,
    ) -> Result<T, StoreError> {
        let failures = locked(&self.0).failures;
        let outcome = write.await;
        let mut last = locked(&self.0);
        match &outcome {
            Ok(done) if wrote(done) && last.failures == failures => last.failed = None,
            Err(error @ (StoreError::Unavailable { .. } | StoreError::Damaged { .. })) => {
                (last.failed, last.failures) = (Some(error.why()), last.failures + 1);
            }
            // Nothing was written, or what was asked was at fault: that says nothing of the disk.
            Ok(_) | Err(_) => return outcome,
        }
        last.at = Some(Instant::now());
        drop(last);
        outcome
    }

    /// Why the last write failed; `None` when it didn't.
    pub(super) fn failure(&self) -> Option<String> {
        locked(&self.0).failed.clone()
    }

    /// Whether nothing was written for so long that only another write can tell.
    pub(super) fn is_older_than(&self, age: Duration) -> bool {
        locked(&self.0).at.is_none_or(|at| at.elapsed() >= age)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    fn full() -> Result<(), StoreError> {
        Err(StoreError::Unavailable { doing: "writing", reason: "the disk is full".into() })
    }

    #[tokio::test]
    async fn a_failure_is_over_with_the_next_write_and_not_with_one_that_was_under_way() {
        let log = Outcome::default();
        let (done, under_way) = oneshot::channel();
        let slow = log.of(async { under_way.await.unwrap() }, |()| true);
        let failing = async {
            assert!(log.of(async { full() }, |()| true).await.is_err());
            done.send(Ok(())).unwrap();
        };
        let (slow, ()) = tokio::join!(slow, failing);
        assert!(slow.is_ok());
        assert!(log.failure().is_some(), "it began before the disk was full");
        assert!(log.of(async { Ok(()) }, |()| false).await.is_ok());
        assert!(log.failure().is_some(), "nothing was written");
        assert!(log.of(async { Ok(()) }, |()| true).await.is_ok());
        assert_eq!(log.failure(), None);
    }
}
