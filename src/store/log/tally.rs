//! Counts of the log: it only grows, so only what is new is counted, and what can't change any more is kept for the next start.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

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

/// A newer normaliser in another process changes what counts as ignored or unreadable: after so long that is counted again, where
/// events are left that it may read.
const TRUSTED: Duration = Duration::from_secs(600);

/// The counts up to a seq, and what was seen of sources and types; clones share them.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Tally(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    /// Whether what an earlier process kept was taken over.
    begun: bool,
    counts: Counts,
    /// So much of the counts, and of what was seen up to a place, is kept in the database.
    kept: (Counts, Seq),
    /// What is counted further of readings that may change, and when that was begun.
    passing: Option<(Readings, Instant)>,
    looked: Looked,
}

/// What is counted of the log for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Counts {
    pub(in crate::store) events: Events,
    pub(in crate::store) readings: Readings,
}

/// How many events lie up to a seq, each id counted once. Rows of events never change, so they are never counted again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Events {
    pub(in crate::store) to: Seq,
    pub(in crate::store) count: i64,
    /// The same ids in other shapes, not counted in `count`.
    pub(in crate::store) variants: i64,
}

/// What the newest normaliser made of events up to a seq, where that wasn't facts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Readings {
    pub(in crate::store) to: Seq,
    /// The newest whose facts the log had. A newer one may read the same events otherwise.
    pub(in crate::store) normaliser: i64,
    pub(in crate::store) ignored: i64,
    pub(in crate::store) unreadable: i64,
    pub(in crate::store) thin: i64,
}

impl Counts {
    /// How many places of the log are counted here and weren't in `before`.
    fn further_than(&self, before: &Self) -> i64 {
        let anew = self.readings.normaliser != before.readings.normaliser;
        let readings = if anew { Seq::START } else { before.readings.to };
        self.events.to.distance(before.events.to).max(self.readings.to.distance(readings))
    }
}

impl Tally {
    fn held(&self) -> MutexGuard<'_, Held> {
        // Each change leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has begun with what earlier processes kept.
    pub(in crate::store) fn has_begun(&self) -> bool {
        self.held().begun
    }

    /// Begins with what earlier processes kept. Whoever comes second changes nothing.
    pub(in crate::store) fn begin(&self, counts: Counts, looked: Looked) {
        let mut held = self.held();
        if !held.begun {
            *held = Held { begun: true, counts, kept: (counts, looked.to()), passing: None, looked };
        }
    }

    /// What was seen of the log so far.
    pub(in crate::store) fn looked(&self) -> Looked {
        self.held().looked.clone()
    }

    /// What is counted for good.
    pub(in crate::store) fn counts(&self) -> Counts {
        self.held().counts
    }

    /// Holds what is counted for good. Of two that counted at once the one who saw more is held.
    pub(in crate::store) fn hold(&self, counted: Counts) {
        let mut held = self.held();
        let counts = &mut held.counts;
        if counted.events.to > counts.events.to {
            counts.events = counted.events;
        }
        let seen = |readings: &Readings| (readings.normaliser, readings.to);
        if seen(&counted.readings) > seen(&counts.readings) {
            counts.readings = counted.readings;
        }
    }

    /// What is held and not kept in the database, where it is of `least` places or more.
    pub(in crate::store) fn to_keep(&self, least: i64) -> (Option<Counts>, Option<Looked>) {
        let held = self.held();
        let (counts, looked) = held.kept;
        let counted = (held.counts.further_than(&counts) >= least).then_some(held.counts);
        (counted, (held.looked.to().distance(looked) >= least).then(|| held.looked.clone()))
    }

    /// Remembers that so much is kept in the database.
    pub(in crate::store) fn counts_are_kept(&self, counts: Counts) {
        self.held().kept.0 = counts;
    }

    /// The same of what was seen up to a place.
    pub(in crate::store) fn looked_is_kept(&self, to: Seq) {
        self.held().kept.1 = to;
    }

    /// Holds what was seen. Of two that looked at once the one who saw more is held.
    pub(in crate::store) fn hold_looked(&self, looked: Looked) {
        let mut held = self.held();
        if looked.to() > held.looked.to() {
            held.looked = looked;
        }
    }

    /// What was counted further than `settled` of readings, and since when; only that where it is too old to be trusted.
    pub(in crate::store) fn so_far(&self, settled: Readings) -> (Readings, Instant) {
        let goes_on = |(readings, since): &(Readings, Instant)| {
            since.elapsed() < TRUSTED && readings.normaliser == settled.normaliser && readings.to > settled.to
        };
        self.held().passing.filter(goes_on).unwrap_or_else(|| (settled, Instant::now()))
    }

    /// Holds counts begun at `since` that may change. Of two that counted at once the one who saw more is held.
    pub(in crate::store) fn pass(&self, readings: Readings, since: Instant) {
        let mut held = self.held();
        if held.passing.is_none_or(|(other, begun)| begun < since || (begun == since && other.to < readings.to)) {
            held.passing = Some((readings, since));
        }
    }

    /// Counts next time from where it is settled.
    pub(in crate::store) fn forget(&self) {
        self.held().passing = None;
    }
}
