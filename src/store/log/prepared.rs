//! An event made ready for the log before anything is locked: compressed, digested, its facts written out.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{
    event::{NewEvent, Reading, codec, naming},
    ledger::fact::{Fact, NORMALISER},
};

/// An event as its rows will hold it.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(in crate::store) event: NewEvent,
    pub(in crate::store) salt: [u8; 16],
    pub(in crate::store) digest: [u8; 32],
    pub(in crate::store) codec: i64,
    pub(in crate::store) bytes: Vec<u8>,
    pub(in crate::store) normaliser: i64,
    pub(in crate::store) facts: Vec<FactRow>,
}

/// One row of `fact`.
#[derive(Clone, Debug)]
pub(in crate::store) struct FactRow {
    pub(in crate::store) kind: &'static str,
    pub(in crate::store) customer: Option<String>,
    pub(in crate::store) object: Option<String>,
    pub(in crate::store) codec: i64,
    pub(in crate::store) state: Vec<u8>,
}

impl Prepared {
    /// Does the work that needs no database: some tens of microseconds for a usual event.
    pub fn new(event: NewEvent) -> Self {
        let salt: [u8; 16] = rand::random();
        let digest = codec::digest(&salt, &event.body);
        let (codec, bytes) = codec::encode(&event.body);
        let facts = fact_rows(&event.reading);
        Self { event, salt, digest, codec, bytes, normaliser: NORMALISER, facts }
    }

    /// Bytes this event brings to the log.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.facts.iter().map(|fact| fact.state.len()).sum::<usize>()
    }
}

/// The rows of a reading: its facts, or one row that says why there are none.
pub(in crate::store) fn fact_rows(reading: &Reading) -> Vec<FactRow> {
    match reading {
        Reading::Facts(facts) if facts.is_empty() => reason("unreadable", "no fact could be read from the object"),
        Reading::Facts(facts) => facts.iter().map(fact_row).collect(),
        Reading::Ignored => reason("ignored", ""),
        Reading::Thin(points_to) => reason("thin", points_to),
        Reading::Unreadable(why) => reason("unreadable", why),
    }
}

fn fact_row(fact: &Fact) -> FactRow {
    let (codec, state) = codec::encode_fact(fact);
    FactRow {
        kind: naming::kind(fact),
        customer: fact.customer().map(|customer| clean(customer.as_str())),
        object: naming::object(fact).map(clean),
        codec,
        state,
    }
}

fn reason(kind: &'static str, reason: &str) -> Vec<FactRow> {
    let (codec, state) = codec::encode_reason(reason);
    vec![FactRow { kind, customer: None, object: None, codec, state }]
}

/// Text that both databases take: PostgreSQL has no NUL in text, and one customer's name must not stop the log.
pub(in crate::store) fn clean(text: &str) -> String {
    cleaned(text).into_owned()
}

/// [`clean`], copied only where there is something to clean.
pub(in crate::store) fn cleaned(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{FFFD}")) } else { Cow::Borrowed(text) }
}

/// The same event again: equal to the byte, or but for the space between tokens, which Stripe's lists indent deeper than
/// its webhooks, and the number of top-level `pending_webhooks`, which Stripe counts down between deliveries.
pub(in crate::store) fn same_event(one: &[u8], other: &[u8]) -> bool {
    one == other || matches!((around_pending(one), around_pending(other)), (Some(one), Some(other)) if one == other)
}

#[derive(serde::Deserialize)]
struct Pending<'a> {
    #[serde(borrow)]
    pending_webhooks: Option<&'a RawValue>,
}

/// A JSON object without space between its tokens, and without the digits of that number.
fn around_pending(body: &[u8]) -> Option<Vec<u8>> {
    let pending = serde_json::from_slice::<Pending<'_>>(body).ok()?.pending_webhooks.map(RawValue::get);
    let number = pending.filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    // The raw value borrows from the body, so its address tells its place.
    let digits = match number {
        Some(number) => {
            let at = (number.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
            at..at + number.len()
        }
        None => 0..0,
    };
    let (mut kept, mut in_text, mut escaped) = (Vec::with_capacity(body.len()), false, false);
    for (_, &byte) in body.iter().enumerate().filter(|(place, _)| !digits.contains(place)) {
        if in_text || !byte.is_ascii_whitespace() {
            kept.push(byte);
        }
        in_text ^= byte == b'"' && !escaped;
        escaped = in_text && byte == b'\\' && !escaped;
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_top_level_pending_webhooks_may_differ() {
        for (one, other, same) in [
            (r#"{"id":"evt_1","pending_webhooks":2}"#, r#"{"id":"evt_1","pending_webhooks":10}"#, true),
            (r#"{"pending_webhooks":2,"id":"evt_1"}"#, r#"{"id":"evt_1","pending_webhooks":2}"#, false),
            (r#"{"id":"evt_1","pending_webhooks":2}"#, r#"{"id":"evt_1","pending_webhooks":"2"}"#, false),
            (r#"{"id":"evt_1","pending_webhooks":2}"#, r#"{"id":"evt_1"}"#, false),
            (
                r#"{"id":"evt_1","pending_webhooks":2}"#,
                "{\n  \"id\": \"evt_1\",\r\n\t\"pending_webhooks\": 10\n}",
                true,
            ),
            (r#"{"id":"evt_1"}"#, r#"{ "id" : "evt_1" }"#, true),
            (r#"{"id":"evt_1"}"#, r#"{"id":"evt _1"}"#, false),
            (r#"{"a":"\\\" x","b":1}"#, r#"{"a":"\\\" x", "b":1}"#, true),
            (r#"{"a":"\\\" x","b":1}"#, r#"{"a":"\\\"  x","b":1}"#, false),
            (r#"{"data":{"pending_webhooks":2}}"#, r#"{"data":{"pending_webhooks":3}}"#, false),
            (
                r#"{"a":"\"pending_webhooks\":1","pending_webhooks":1}"#,
                r#"{"a":"\"pending_webhooks\":1","pending_webhooks":2}"#,
                true,
            ),
            ("not json", "not json", true),
            ("not json", "not jsom", false),
        ] {
            assert_eq!(same_event(one.as_bytes(), other.as_bytes()), same, "{one} {other}");
        }
    }
}
