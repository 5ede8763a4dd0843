//! A failure is said when it begins, when it becomes another one, and once a minute while it lasts; and when it is over. What
//! fails a thousand times a second fills no disk with lines, least of all one that is full already.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::limits;

/// Two failures that take turns are said no more often than this.
const TURNS: Duration = Duration::from_secs(5);

/// One kind of failure, as one task meets it.
#[derive(Debug, Default)]
pub struct Trouble {
    /// Something is failing: what is well asks no lock.
    failing: AtomicBool,
    lasting: Mutex<Option<Lasting>>,
}

#[derive(Debug)]
struct Lasting {
    what: String,
    since: Instant,
    said: Instant,
    /// Failures since it began, and those since it was last said.
    failures: u64,
    unsaid: u64,
}

impl Trouble {
    /// It failed, for the reason `what`. Answers how many failures weren't said before this one, where it is to be said.
    pub fn is_to_be_said(&self, what: &str) -> Option<u64> {
        let mut lasting = self.lasting();
        self.failing.store(true, Ordering::Release);
        let now = Instant::now();
        let Some(before) = &mut *lasting else {
            *lasting = Some(Lasting { what: what.to_owned(), since: now, said: now, failures: 1, unsaid: 0 });
            return Some(0);
        };
        before.failures += 1;
        let patience = if before.what == what { limits::REPEATED_FAILURE } else { TURNS };
        if before.said.elapsed() < patience {
            before.unsaid += 1;
            return None;
        }
        (before.what, before.said) = (what.to_owned(), now);
        Some(std::mem::take(&mut before.unsaid))
    }

    /// It failed: says `words` with the reason, where that is due.
    pub fn goes_on(&self, error: &str, words: &str) {
        if let Some(unsaid) = self.is_to_be_said(error) {
            tracing::warn!(error, failures_not_told = unsaid, "{words}");
        }
    }

    /// It succeeded: says `words`, where it failed before.
    pub fn is_over(&self, words: &str) {
        if !self.failing.load(Ordering::Acquire) {
            return;
        }
        let mut lasting = self.lasting();
        self.failing.store(false, Ordering::Release);
        if let Some(Lasting { failures, since, .. }) = lasting.take() {
            tracing::info!(failures, after_seconds = since.elapsed().as_secs(), "{words}");
        }
    }

    fn lasting(&self) -> MutexGuard<'_, Option<Lasting>> {
        // Replaced whole, whoever panics.
        self.lasting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_said_once_and_again_after_it_was_over() {
        let trouble = Trouble::default();
        assert_eq!(trouble.is_to_be_said("full"), Some(0));
        for _ in 0..1000 {
            assert_eq!(trouble.is_to_be_said("full"), None);
            assert_eq!(trouble.is_to_be_said("busy"), None, "taking turns");
        }
        trouble.is_over("well");
        assert_eq!(trouble.is_to_be_said("full"), Some(0));
    }
}
