//! Periods: how days become the entries of a series (docs/interface.md 5).

use jiff::{ToSpan, civil::Date};
use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantArray};
use utoipa::ToSchema;

use super::ReportError;
use crate::ledger::{
    profile::Netting,
    time::{Day, UnixTime, Zone},
};

/// The length of a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema, EnumString, IntoStaticStr, VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Interval {
    /// One accounting day of the ledger's zone.
    Day,
    /// A week from Monday to Sunday.
    Week,
    /// A month of the calendar.
    #[default]
    Month,
    /// Three calendar months from January.
    Quarter,
    /// A year of the calendar.
    Year,
}

impl Interval {
    /// Every interval, the shortest first.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The value of a word in the API; `None` where no value has that word.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The first day of the period that holds `day`.
    pub fn first_day(self, day: Day) -> Day {
        let date = day.0;
        let first = match self {
            Self::Day => Some(date),
            Self::Week => date.checked_sub(i64::from(date.weekday().to_monday_zero_offset()).days()).ok(),
            Self::Month => Some(date.first_of_month()),
            Self::Quarter => Date::new(date.year(), (date.month() - 1) / 3 * 3 + 1, 1).ok(),
            Self::Year => Some(date.first_of_year()),
        };
        // Only the first week of time itself has no Monday.
        Day(first.unwrap_or(date))
    }

    /// The last day of the period that holds `day`.
    pub fn last_day(self, day: Day) -> Day {
        let first = self.first_day(day).0;
        let last = match self {
            Self::Day => Some(first),
            Self::Week => first.checked_add(6.days()).ok(),
            Self::Month => Some(first.last_of_month()),
            Self::Quarter => first.checked_add(2.months()).ok().map(Date::last_of_month),
            Self::Year => Some(first.last_of_year()),
        };
        // Only the last week of time itself has no Sunday.
        Day(last.unwrap_or(first))
    }
}

/// One entry's span, both days inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first day of the period.
    pub start: Day,
    /// The last day of the period, which is in it.
    pub end: Day,
    /// Where it stands to now.
    pub phase: Phase,
}

/// Where a period stands to the instant the answer is cut at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It ended before today.
    Past,
    /// It is still running: its figures are of a part.
    Running,
    /// It lies ahead: only what is written ahead is in it (`include=scheduled`).
    Scheduled,
}

/// The most entries one series may have: fifty years of days. More is a mistake, or a way to make the daemon work.
pub const PERIODS_MAX: usize = 18_300;

/// Cuts `from..=to` into periods; the first and last are clipped to it, so that nothing outside was asked for.
/// Periods that begin after `now` are left out unless `scheduled` asks for what is written ahead.
pub fn periods(
    interval: Interval,
    from: Day,
    to: Day,
    now: UnixTime,
    scheduled: bool,
    zone: &Zone,
) -> Result<Vec<Period>, ReportError> {
    let today = zone.day(now);
    let mut periods = Vec::new();
    let mut start = from;
    while start <= to && (scheduled || start <= today) {
        if periods.len() == PERIODS_MAX {
            return Err(ReportError::TooManyPeriods { interval: interval.as_str(), max: PERIODS_MAX });
        }
        let end = interval.last_day(start).min(to);
        let phase = match (start > today, zone.end_of(end) <= now) {
            (true, _) => Phase::Scheduled,
            // In its last second nothing of it is still to come.
            (_, true) => Phase::Past,
            _ => Phase::Running,
        };
        periods.push(Period { start, end, phase });
        if end.after() <= end {
            break; // the last day of time
        }
        start = end.after();
    }
    Ok(periods)
}

/// The days on which a period parts a netting window: none, where each window lies within one period. What lies after
/// `today` isn't shown, so that nothing parts it.
pub fn cuts(netting: Netting, periods: &[Period], today: Day) -> Vec<Day> {
    match netting {
        Netting::None | Netting::Window(_) | Netting::Day => Vec::new(),
        Netting::Month => {
            let ends = periods.last().map(|last| last.end.after());
            let days = periods.iter().map(|period| period.start).chain(ends);
            days.filter(|day| day.0.day() != 1 && *day <= today).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    /// `from to interval` at noon of `today`, as `start..end` with `*` for running and `+` for scheduled.
    fn cut(line: &str, today: &str, scheduled: bool) -> String {
        let mut words = line.split(' ');
        let (from, to) = (day(words.next().unwrap()), day(words.next().unwrap()));
        let interval = Interval::parse(words.next().unwrap()).unwrap();
        let now = Zone::UTC.start_of(day(today)).plus(43_200);
        let periods = periods(interval, from, to, now, scheduled, &Zone::UTC).unwrap();
        let text = |p: &Period| {
            let mark = match p.phase {
                Phase::Past => "",
                Phase::Running => "*",
                Phase::Scheduled => "+",
            };
            format!("{}..{}{mark}", p.start, p.end)
        };
        periods.iter().map(text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn periods_follow_the_calendar_and_are_clipped_to_what_was_asked() {
        for (line, expected) in [
            ("2025-11-15 2026-01-10 month", "2025-11-15..2025-11-30 2025-12-01..2025-12-31 2026-01-01..2026-01-10"),
            ("2024-02-28 2024-03-01 day", "2024-02-28..2024-02-28 2024-02-29..2024-02-29 2024-03-01..2024-03-01"),
            ("2026-01-01 2026-01-12 week", "2026-01-01..2026-01-04 2026-01-05..2026-01-11 2026-01-12..2026-01-12"),
            ("2025-08-01 2026-03-31 quarter", "2025-08-01..2025-09-30 2025-10-01..2025-12-31 2026-01-01..2026-03-31"),
            ("2024-06-01 2025-12-31 year", "2024-06-01..2024-12-31 2025-01-01..2025-12-31"),
            ("2026-02-01 2026-01-01 day", ""),
        ] {
            assert_eq!(cut(line, "2027-01-01", false), expected, "{line}");
        }
    }

    #[test]
    fn nothing_after_today_unless_scheduled_is_asked_for() {
        let line = "2026-04-01 2026-07-31 month";
        assert_eq!(cut(line, "2026-05-31", false), "2026-04-01..2026-04-30 2026-05-01..2026-05-31*");
        assert_eq!(
            cut(line, "2026-05-10", true),
            "2026-04-01..2026-04-30 2026-05-01..2026-05-31* 2026-06-01..2026-06-30+ 2026-07-01..2026-07-31+"
        );
    }

    #[test]
    fn a_month_is_over_at_its_end_and_not_a_second_before() {
        let (from, to) = (day("2026-05-01"), day("2026-05-31"));
        let end = Zone::UTC.end_of(to);
        let phase = |now| periods(Interval::Month, from, to, now, false, &Zone::UTC).unwrap()[0].phase;
        assert_eq!((phase(end.plus(-1)), phase(end)), (Phase::Running, Phase::Past));
    }

    #[test]
    fn a_day_runs_until_midnight_in_the_ledgers_own_zone() {
        let zone = Zone::named("America/Los_Angeles").unwrap();
        let now = Zone::UTC.start_of(day("2026-02-01")); // still 31 January there
        let cut = periods(Interval::Day, day("2026-01-30"), day("2026-02-05"), now, false, &zone).unwrap();
        assert_eq!(
            cut.iter().map(|p| (p.start, p.phase)).collect::<Vec<_>>(),
            [(day("2026-01-30"), Phase::Past), (day("2026-01-31"), Phase::Running)]
        );
    }

    #[test]
    fn a_series_without_end_is_refused() {
        let result = periods(Interval::Day, day("0001-01-01"), day("9999-12-31"), UnixTime(1 << 40), true, &Zone::UTC);
        assert!(matches!(result, Err(ReportError::TooManyPeriods { .. })));
    }
}
