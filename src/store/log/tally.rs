//! Counts of the log, kept while the process lives: the log only grows, so only what is new is counted.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::looked::Looked;
use crate::event::Seq;

/// How far the log reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogHead {
    /// How many events, each id counted once.
    pub events: i64,
    /// In how many further shapes events of these ids came: the log's rows are both together.
    pub variants: i64,
    /// The greatest seq that every reader may see.
    pub last_seq: Seq,
    /// Events of types mrrd doesn't read.
    pub ignored: i64,
    /// Events that should have yielded a fact.
    pub unreadable: i64,
    /// Events that only point to an object.
    pub thin: i64,
}

/// A newer normaliser in another process changes what counts as ignored or unreadable: after so long that is counted again.
const TRUSTED: Duration = Duration::from_secs(600);

/// The counts up to a seq, and what was seen of sources and types; clones share them.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Tally {
    head: Arc<Mutex<Option<(LogHead, Instant)>>>,
    events: Arc<Mutex<Events>>,
    looked: Arc<Mutex<Looked>>,
}

/// How many events lie up to a seq, each id counted once. Rows of events never change, so they are never counted again.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::store) struct Events {
    pub(in crate::store) to: Seq,
    pub(in crate::store) count: i64,
    /// The same ids in other shapes, not counted in `count`.
    pub(in crate::store) variants: i64,
}

impl Tally {
    /// What was seen of the log so far.
    pub(in crate::store) fn looked(&self) -> Looked {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The events counted so far.
    pub(in crate::store) fn events(&self) -> Events {
        *self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps their count. Of two that counted at once the one who saw more is kept.
    pub(in crate::store) fn keep_events(&self, events: Events) {
        let mut kept = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.to > kept.to {
            *kept = events;
        }
    }

    /// Keeps what was seen. Of two that looked at once the one who saw more is kept.
    pub(in crate::store) fn keep_looked(&self, looked: Looked) {
        let mut kept = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.to() > kept.to() {
            *kept = looked;
        }
    }

    /// What was counted of readings; nothing when it is too old to be trusted.
    pub(in crate::store) fn so_far(&self) -> (LogHead, Instant) {
        let counted = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        counted.filter(|(_, since)| since.elapsed() < TRUSTED).unwrap_or_else(|| (LogHead::default(), Instant::now()))
    }

    /// Keeps the counts begun at `since`. Of two that counted at once the one who saw more is kept.
    pub(in crate::store) fn keep(&self, head: LogHead, since: Instant) {
        let mut counted = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.is_none_or(|(other, begun)| begun < since || (begun == since && other.last_seq < head.last_seq)) {
            *counted = Some((head, since));
        }
    }

    /// Counts what was read of them from the beginning next time.
    pub(in crate::store) fn forget(&self) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
