//! Instants and accounting days; nothing here reads a clock.

use std::{fmt, str::FromStr};

use jiff::{
    Timestamp,
    civil::Date,
    tz::{TimeZone, TimeZoneDatabase},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// An instant in whole seconds since 1970, as Stripe writes `created`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// Seconds in twenty-four hours, the unit of `days:N` (rule `past-due`).
    pub const DAY_SECONDS: i64 = 86_400;

    /// `seconds` later, saturating at the ends of time.
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The same day of the month `months` later, in UTC, or that month's last day: how Stripe counts a coupon's months.
    pub fn plus_months(self, months: u32) -> Self {
        let later = self.timestamp().to_zoned(TimeZone::UTC).checked_add(jiff::Span::new().months(months.min(10_000)));
        later.map_or(Self(i64::MAX), |zoned| Self(zoned.timestamp().as_second()))
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_second(self.0).unwrap_or(if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }
}

/// RFC 3339 in UTC, as the API prints instants (docs/interface.md 5).
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.timestamp(), f)
    }
}

impl fmt::Debug for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A calendar day in the ledger's zone: the accounting day (rule `effective-time`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(pub Date);

impl Day {
    /// The day before; the first representable day stays.
    pub fn before(self) -> Self {
        Self(self.0.yesterday().unwrap_or(self.0))
    }

    /// The day after; the last representable day stays.
    pub fn after(self) -> Self {
        Self(self.0.tomorrow().unwrap_or(self.0))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Text that names no day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotADay {
    /// It isn't written as one.
    #[error("a day such as 2026-01-31 is expected")]
    Unreadable,
    /// It is written as one, of a month that no year has.
    #[error("there is no such day: months go from 01 to 12")]
    Month,
    /// It is written as one, of a month that doesn't have it.
    #[error("there is no such day: {month} ends on {last}", month = last.0.strftime("%Y-%m"))]
    Day {
        /// The last one of that month.
        last: Day,
    },
}

impl NotADay {
    /// Why `text`, which can't be read, names no day.
    fn of(text: &str) -> Self {
        let part = |from: usize, to: usize| {
            text.get(from..to).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?.parse::<i16>().ok()
        };
        let dashes = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
        let (true, Some(year), Some(month), Some(_)) = (dashes, part(0, 4), part(5, 7), part(8, 10)) else {
            return Self::Unreadable;
        };
        let first = i8::try_from(month).ok().and_then(|month| Date::new(year, month, 1).ok());
        first.map_or(Self::Month, |first| Self::Day { last: Day(first.last_of_month()) })
    }
}

impl FromStr for Day {
    type Err = NotADay;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| NotADay::of(text))
    }
}

/// The zone that cuts time into accounting days (`ledger.timezone`).
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated universal time, the default.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// An IANA name, looked up in the database inside the binary. Errors when there is no such zone.
    pub fn named(name: &str) -> Result<Self, jiff::Error> {
        TimeZoneDatabase::bundled().get(name).map(Self)
    }

    /// Its IANA name; `None` where it has none.
    pub fn name(&self) -> Option<&str> {
        self.0.iana_name()
    }

    /// Names the version of this zone's data: a hash of the offsets in force from 1970 to 2100. A release of the zone
    /// database that leaves this zone alone leaves it alone too.
    pub fn data_version(&self) -> String {
        const END_2100: i64 = 4_133_980_800;
        let mut hash = Sha256::new();
        hash.update(self.0.to_offset(Timestamp::UNIX_EPOCH).seconds().to_be_bytes());
        for change in self.0.following(Timestamp::UNIX_EPOCH) {
            if change.timestamp().as_second() >= END_2100 {
                break;
            }
            hash.update(change.timestamp().as_second().to_be_bytes());
            hash.update(change.offset().seconds().to_be_bytes());
        }
        hex::encode(&hash.finalize()[..8])
    }

    /// The accounting day that holds `at`.
    pub fn day(&self, at: UnixTime) -> Day {
        Day(self.0.to_datetime(at.timestamp()).date())
    }

    /// The first second of `day`.
    pub fn start_of(&self, day: Day) -> UnixTime {
        let start = self.0.to_zoned(day.0.to_datetime(jiff::civil::Time::midnight()));
        match start {
            Ok(zoned) => UnixTime(zoned.timestamp().as_second()),
            // Only the last hours of year 9999 or the first of -9999 fall outside the clock.
            Err(_) => UnixTime(if day.0.year() < 0 { i64::MIN } else { i64::MAX }),
        }
    }

    /// The last second of `day`: when an opening balance of the day after is booked (rule `opening-balance`).
    pub fn end_of(&self, day: Day) -> UnixTime {
        self.start_of(day.after()).plus(-1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_its_zone_also_when_the_clocks_change() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        // 2026-03-29 has 23 hours there.
        let day: Day = "2026-03-29".parse().unwrap();
        assert_eq!(berlin.start_of(day).to_string(), "2026-03-28T23:00:00Z");
        assert_eq!(berlin.end_of(day).to_string(), "2026-03-29T21:59:59Z");
        assert_eq!(berlin.day(berlin.start_of(day)), day);
        assert_eq!(berlin.day(berlin.end_of(day)), day);
    }

    #[test]
    fn the_data_version_tells_zones_with_other_offsets_apart() {
        let version = |name| Zone::named(name).unwrap().data_version();
        assert_eq!(version("Etc/UTC"), Zone::UTC.data_version());
        assert_ne!(version("Europe/Berlin"), version("Europe/London"));
        assert_ne!(version("Europe/Berlin"), Zone::UTC.data_version());
    }
}
