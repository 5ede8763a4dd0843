//! A calendar month of accounting days, as people close it, report it and spend in it.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};
use thiserror::Error;

use super::time::Day;

/// A calendar month, written `2026-10`. Months are in the order of time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(Day);

/// The text is not a month.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0:?} is not a month such as 2026-10")]
pub struct NotAMonth(pub String);

impl Month {
    /// The month that a day lies in.
    pub fn of(day: Day) -> Self {
        Self(Day(day.0.first_of_month()))
    }

    /// The first day of the month.
    pub fn first(self) -> Day {
        self.0
    }

    /// The last day of the month, which is in it.
    pub fn last(self) -> Day {
        Day(self.0.0.last_of_month())
    }
}

impl FromStr for Month {
    type Err = NotAMonth;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let day = (text.len() == 7).then(|| format!("{text}-01").parse().ok()).flatten();
        day.map(Self).ok_or_else(|| NotAMonth(text.into()))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.0.strftime("%Y-%m"))
    }
}

impl fmt::Debug for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
