//! The only place that reads the time; everything else is handed a [`Clock`].

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use crate::ledger::time::UnixTime;

/// Tells the time: the machine's, or a test's.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that reads the machine's.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `at` until [`Clock::set`] moves it; clones share it.
    pub fn fixed(at: UnixTime) -> Self {
        Self(Source::Fixed(Arc::new(AtomicI64::new(at.0))))
    }

    /// Moves a fixed clock; the machine's goes its own way.
    pub fn set(&self, at: UnixTime) {
        if let Source::Fixed(now) = &self.0 {
            now.store(at.0, Ordering::SeqCst);
        }
    }

    /// The present instant, in whole seconds.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
    pub fn now(&self) -> UnixTime {
        match &self.0 {
            Source::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH);
                UnixTime(since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)))
            }
            Source::Fixed(now) => UnixTime(now.load(Ordering::SeqCst)),
        }
    }

    /// Now, in nanoseconds since 1970: for spans of traces, and for nothing that a figure is made of.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
    pub fn now_nanoseconds(&self) -> u64 {
        match &self.0 {
            Source::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH);
                since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
            }
            Source::Fixed(now) => u64::try_from(now.load(Ordering::SeqCst)).unwrap_or(0).saturating_mul(1_000_000_000),
        }
    }
}
