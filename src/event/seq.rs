//! A place in the log.

use std::{fmt, num::ParseIntError, str::FromStr};

use serde::{Deserialize, Serialize};

/// A place in the log: 1 for the first event, and more for each that comes later; a number may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct Seq(pub i64);

impl Seq {
    /// The place before the first event.
    pub const START: Self = Self(0);
    /// Behind every event that may come.
    pub const END: Self = Self(i64::MAX);

    /// The place right behind this one, whether an event has it or not.
    pub fn next(self) -> Self {
        self.forward(1)
    }

    /// The place right before this one, whether an event has it or not.
    pub fn before(self) -> Self {
        self.back(1)
    }

    /// The place so many further on, at most [`Self::END`].
    pub fn forward(self, places: i64) -> Self {
        Self(self.0.saturating_add(places))
    }

    /// The place so many before; below [`Self::START`] where they are more than there are.
    pub fn back(self, places: i64) -> Self {
        Self(self.0.saturating_sub(places))
    }

    /// How many places this one lies behind `earlier`; 0 where it lies at or before it.
    pub fn distance(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).max(0)
    }
}

/// A stretch of the log: the places behind `after`, up to and with `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeqRange {
    /// The last place before it.
    pub after: Seq,
    /// Its last place; nothing is in it where that isn't behind `after`.
    pub to: Seq,
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Seq {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}
