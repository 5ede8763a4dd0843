//! What holds from which day on: a value for each day there is.

use std::collections::BTreeMap;

use crate::ledger::time::Day;

/// A value for every day: what held before all changes, and each change by its first day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steps<T> {
    before: T,
    changes: BTreeMap<Day, T>,
}

impl<T: Clone + PartialEq> Steps<T> {
    /// The same on all days.
    pub fn always(value: T) -> Self {
        Self { before: value, changes: BTreeMap::new() }
    }

    /// From `day` on it is `value`, until the next change. A second one of the same day takes the place of the first.
    pub fn set(&mut self, day: Day, value: T) {
        self.changes.insert(day, value);
    }

    /// What holds on a day.
    pub fn on(&self, day: Day) -> &T {
        self.changes.range(..=day).next_back().map_or(&self.before, |(_, value)| value)
    }

    /// The same steps with each value made another.
    pub fn map<U>(&self, of: impl Fn(&T) -> U) -> Steps<U> {
        Steps { before: of(&self.before), changes: self.changes.iter().map(|(day, value)| (*day, of(value))).collect() }
    }

    /// The days on which something is set, in order.
    pub fn days(&self) -> impl Iterator<Item = Day> + '_ {
        self.changes.keys().copied()
    }

    /// Each day on which it becomes another, with what it was and what it is.
    pub fn turns(&self) -> impl Iterator<Item = (Day, &T, &T)> {
        let mut last = &self.before;
        self.changes.iter().filter_map(move |(day, value)| {
            let was = std::mem::replace(&mut last, value);
            (was != value).then_some((*day, was, value))
        })
    }
}
