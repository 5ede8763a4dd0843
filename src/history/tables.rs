//! Rows of tables that other programs keep of Stripe's objects, one JSON object a line: what is inside, and as of when.
//!
//! dj-stripe keeps each object whole as `stripe_data`, stripe-sync-engine as `_raw_data` (for a while `raw_data`) or as the
//! row's own columns. A row of events is the event; any other is an object as it stood when the row was written last.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ledger::time::UnixTime;

/// What one row of an exported table holds.
#[derive(Debug)]
pub struct Row {
    /// Stripe's object or event, its own bytes.
    pub inside: Bytes,
    /// When the row was written last, where it says.
    pub at: Option<UnixTime>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Columns<'a> {
    #[serde(borrow)]
    stripe_data: Option<&'a RawValue>,
    #[serde(borrow, rename = "_raw_data", alias = "raw_data")]
    raw_data: Option<&'a RawValue>,
    #[serde(borrow)]
    djstripe_updated: Option<&'a RawValue>,
    #[serde(borrow, rename = "_last_synced_at")]
    last_synced: Option<&'a RawValue>,
    #[serde(borrow)]
    last_synced_at: Option<&'a RawValue>,
    #[serde(borrow, rename = "_updated_at")]
    own_updated: Option<&'a RawValue>,
    #[serde(borrow)]
    updated_at: Option<&'a RawValue>,
}

/// What a row keeps in a column of its own; `None` where it has no such column.
pub fn wrapped(body: &Bytes) -> Option<Row> {
    let text = std::str::from_utf8(body).ok()?;
    // Almost every document is an event: it is read once.
    if !text.contains("\"stripe_data\"") && !text.contains("raw_data\"") {
        return None;
    }
    let columns: Columns<'_> = serde_json::from_str(text).ok()?;
    let whole = |column: &&RawValue| serde_json::from_str::<Named>(column.get()).is_ok();
    let inside = columns.stripe_data.or(columns.raw_data).filter(whole)?;
    Some(Row { inside: body.slice_ref(inside.get().as_bytes()), at: columns.at() })
}

/// A row whose columns are the object.
pub fn own(body: Bytes) -> Row {
    let at = serde_json::from_slice(&body).ok().and_then(|columns: Columns<'_>| columns.at());
    Row { inside: body, at }
}

/// What every object of Stripe's says of itself. A column that was added later is empty in the rows of before.
#[derive(Deserialize)]
struct Named {
    #[serde(rename = "object")]
    _object: String,
}

impl Columns<'_> {
    fn at(&self) -> Option<UnixTime> {
        let written = [self.djstripe_updated, self.last_synced, self.last_synced_at, self.own_updated, self.updated_at];
        written.into_iter().flatten().find_map(instant)
    }
}

/// `2026-01-31T10:00:00Z`, PostgreSQL's `2026-01-31 10:00:00.123+00`, either without a zone in UTC, or Unix seconds.
fn instant(value: &RawValue) -> Option<UnixTime> {
    if let Ok(seconds) = value.get().parse() {
        return Some(UnixTime(seconds));
    }
    let text: String = serde_json::from_str(value.get()).ok()?;
    let zoned = text.parse::<jiff::Timestamp>().ok();
    let plain =
        || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|at| at.timestamp());
    zoned.or_else(plain).map(|at| UnixTime(at.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_what_is_inside_it() {
        let inside = r#"{"id":"sub_1","object":"subscription","name":"é"}"#;
        for (text, at) in [
            (
                format!(
                    r#"{{"djstripe_id":7,"djstripe_updated":"2026-01-31T10:00:00.5+00:00","stripe_data":{inside}}}"#
                ),
                1_769_853_600,
            ),
            (
                format!(r#"{{"_raw_data":{inside},"id":"sub_1","_last_synced_at":"2026-01-31 10:00:00.123+00"}}"#),
                1_769_853_600,
            ),
            (format!(r#"{{"_raw_data":{inside},"_updated_at":"2026-01-31 10:00:00"}}"#), 1_769_853_600),
        ] {
            let row = wrapped(&Bytes::from(text.clone())).unwrap();
            assert_eq!((std::str::from_utf8(&row.inside).unwrap(), row.at), (inside, Some(UnixTime(at))), "{text}");
        }
        let own = Bytes::from(r#"{"id":"sub_1","object":"subscription","updated_at":1769853600}"#);
        assert!(wrapped(&own).is_none());
        let row = super::own(own.clone());
        assert_eq!((row.inside, row.at), (own, Some(UnixTime(1_769_853_600))));
        // A column added later, and an event that only speaks of such a thing.
        for text in
            [r#"{"id":"evt_1","stripe_data":{}}"#, r#"{"id":"evt_1","data":{"object":{"raw_data":{"object":"x"}}}}"#]
        {
            assert!(wrapped(&Bytes::from(text)).is_none(), "{text}");
        }
    }
}
