//! What is looked at, and what may be found in it.

use super::{calendar::DayKind, tail::upper_tail};

/// Days in the long window, and how long a day waits before it is learnt: a spike mustn't teach that spikes are usual.
pub(super) const WEEK: usize = 7;

/// Under this expected count a window isn't judged.
pub(super) const JUDGED_FROM: f64 = 2.0;

/// What was counted on one accounting day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation<const N: usize> {
    /// Its place in week and month.
    pub kind: DayKind,
    /// Customers who could have been counted: those paying when the day began.
    pub exposed: u64,
    /// The day's count in each series; the first holds all of them.
    pub counts: [u64; N],
}

/// The test that found something unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// The count of one day.
    Day,
    /// The count of seven days.
    Week,
    /// A rise over more than seven days.
    SlowRise,
}

/// What was found to be unusual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// The place of its series among the observation's.
    pub series: usize,
    /// The test that found it.
    pub test: Test,
    /// Days looked at, the last one today.
    pub days: u32,
    /// How many were counted on these days.
    pub observed: u64,
    /// How many were expected on these days.
    pub expected: f64,
    /// Nine of ten such windows lie from here …
    pub low: u64,
    /// … to here: the upper end.
    pub high: u64,
    /// Alerts a year that chance alone would bring at this threshold: under the budget, or it wouldn't be one.
    pub by_chance_a_year: f64,
    /// So many further ones, later that day, would be an alert by themselves.
    pub further: u64,
}

impl Finding {
    /// Chance alone brings as much once in so many years.
    pub fn once_in_years(&self) -> f64 {
        1.0 / self.by_chance_a_year.max(1e-9)
    }
}

/// What seven days brought, and what was usual.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Usual {
    /// How many were counted on these days.
    pub observed: u64,
    /// How many were expected on these days.
    pub expected: f64,
    /// Nine of ten such weeks lie from here …
    pub low: u64,
    /// … to here: the upper end.
    pub high: u64,
}

/// What a day means for a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// Fewer than about two expected even in a week: not judged.
    TooFew {
        /// What a week is expected to bring.
        expected: f64,
    },
    /// About as many as are expected.
    Usual,
    /// An episode begins, with what was found.
    Raised(Finding),
    /// The episode goes on unchanged.
    Open,
    /// The episode goes on, and what came in it would be an alert by itself.
    Risen(Finding),
    /// The episode is over, and how it ended.
    Closed(End),
}

/// Why an episode ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Counts are as they were before it.
    AsBefore,
    /// Its rise lasts: what is expected starts afresh from the new level.
    NewLevel,
    /// Too few are expected now to judge anything.
    TooFew,
}

/// What a test found, however usual.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// How often a day chance brings as much, as the test reckons it.
    pub(super) chance: f64,
    pub(super) finding: Finding,
    pub(super) variance: f64,
}

impl Candidate {
    /// A window's count held against the negative binomial with this mean and variance.
    pub(super) fn new(series: usize, test: Test, days: u32, observed: u64, expected: f64, variance: f64) -> Self {
        let rest = (0, 0, 0.0, 0);
        let (low, high, by_chance_a_year, further) = rest;
        let finding = Finding { series, test, days, observed, expected, low, high, by_chance_a_year, further };
        Self { chance: upper_tail(observed, expected, variance), finding, variance }
    }
}
