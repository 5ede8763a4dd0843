//! Instants as options take them: a day, an RFC 3339 instant, or Unix seconds.

use crate::ledger::time::{Day, NotADay, UnixTime, Zone};

/// Reads `2026-01-31` (its first second in UTC), `2026-01-31T12:00:00Z` or `1769860800`.
pub(super) fn parse(text: &str) -> Result<UnixTime, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(UnixTime(seconds));
    }
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Ok(UnixTime(instant.as_second()));
    }
    match text.parse::<Day>() {
        Ok(day) if !text.contains('T') => return Ok(Zone::UTC.start_of(day)),
        Err(none @ (NotADay::Month | NotADay::Day { .. })) => return Err(none.to_string()),
        _ => {}
    }
    Err("a day (2026-01-31), an instant (2026-01-31T12:00:00Z) or Unix seconds are possible".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_ways_to_say_one_instant() {
        for text in ["2026-01-31", "2026-01-31T00:00:00Z", "2026-01-31T01:00:00+01:00", "1769817600"] {
            assert_eq!(parse(text), Ok(UnixTime(1_769_817_600)), "{text}");
        }
        for text in ["yesterday", "2026-13-01", "2026-01-31T00:00:00", ""] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
