//! How much of its price's interval an invoice line bills (rule `line-periods`): a period cut short by an end or an anchor is scaled.

use super::exact::Exact;
use crate::{
    fact::{Interval, IntervalUnit, Period},
    time::{UnixTime, Zone},
};

/// A day on which a clock is put forward has an hour less.
const CLOCK_CHANGE_SECONDS: i64 = 3_600;

/// So many times the line's amount is that of a whole interval; 1 for a period that isn't shorter. `None` where the period
/// can't be measured.
pub(super) fn wholes(period: Period, interval: Interval) -> Option<Exact> {
    let seconds = period.end.0.checked_sub(period.start.0).filter(|seconds| *seconds > 0)?;
    let count = interval.count.max(1);
    let months = match interval.unit {
        IntervalUnit::Month => Some(count),
        IntervalUnit::Year => Some(count.checked_mul(12)?),
        IntervalUnit::Day | IntervalUnit::Week => None,
    };
    if let Some((whole, billed)) = months.zip(calendar_months(period)) {
        return Some(if billed < whole { Exact::ratio(whole.into(), billed.into()) } else { Exact::ONE });
    }
    let whole = interval.after(period.start, 1).0.checked_sub(period.start.0)?;
    if seconds >= whole - CLOCK_CHANGE_SECONDS.min(whole / 24) {
        return Some(Exact::ONE);
    }
    Some(Exact::ratio(whole.into(), seconds.into()))
}

/// Whole calendar months from the period's first day to its end, where both ends allow: the end is the same day of a later
/// month (or that month's last), or the day before it, as who sets an end by the calendar writes it.
fn calendar_months(period: Period) -> Option<u32> {
    let day = |at: UnixTime| Zone::UTC.day(at);
    let about = period.end.0.checked_sub(period.start.0)? / (30 * UnixTime::DAY_SECONDS);
    let about = u32::try_from(about).ok()?;
    let end = day(period.end);
    (about.saturating_sub(about / 60 + 1)..=about + 1).filter(|months| *months > 0).find(|months| {
        let whole = day(period.start.plus_months(*months));
        whole == end || whole == end.after()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(start: &str, end: &str, unit: IntervalUnit, count: u32) -> String {
        let at = |text: &str| UnixTime(text.parse::<jiff::Timestamp>().unwrap().as_second());
        let period = Period { start: at(start), end: at(end) };
        wholes(period, Interval { unit, count }).map_or("none".into(), |times| times.to_string())
    }

    #[test]
    fn a_part_of_an_interval_is_scaled_by_months_else_by_days() {
        use IntervalUnit::{Day, Month, Week, Year};
        for (start, end, unit, count, times) in [
            ("2026-05-01T09:00:00Z", "2026-12-31T09:00:00Z", Year, 1, "1.5"),
            ("2026-05-01T09:00:00Z", "2027-01-01T09:00:00Z", Year, 1, "1.5"),
            ("2026-05-01T09:00:00Z", "2027-05-01T09:00:00Z", Year, 1, "1"),
            ("2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z", Month, 1, "1"),
            ("2026-02-28T00:00:00Z", "2026-03-31T00:00:00Z", Month, 1, "1"),
            ("2026-01-15T00:00:00Z", "2026-02-15T00:00:00Z", Month, 3, "3"),
            ("2026-04-01T00:00:00Z", "2026-04-16T00:00:00Z", Month, 1, "2"),
            ("2026-01-10T00:00:00Z", "2026-01-17T00:00:00Z", Week, 2, "2"),
            ("2026-03-28T00:00:00Z", "2026-03-28T23:00:00Z", Day, 1, "1"),
            ("2026-01-01T00:00:00Z", "2026-03-15T00:00:00Z", Month, 1, "1"),
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", Month, 1, "none"),
        ] {
            assert_eq!(share(start, end, unit, count), times, "{start} to {end} of {count} {unit:?}");
        }
    }
}
