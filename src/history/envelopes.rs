//! Events inside what other services hand on: EventBridge's `detail`, Event Grid's `data`, the `body` of a webhook as
//! hookdeck, n8n or a gateway keeps it, whole or as text.

use std::{borrow::Cow, collections::BTreeMap};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Fields that hold what was handed on, the likeliest first.
const HOLDING: [&str; 9] = ["detail", "data", "body", "rawBody", "payload", "event", "json", "request", "Body"];

/// Envelopes within envelopes: a queue's message around a bus's event around the body.
const DEPTH: usize = 4;

/// The event inside an envelope, its own bytes: where it is kept as text, what that text says. `None` where there is none.
pub fn unwrapped(document: &Bytes) -> Option<Bytes> {
    let text = std::str::from_utf8(document).ok()?;
    within(text, DEPTH).map(|inside| match inside {
        Cow::Borrowed(inside) => document.slice_ref(inside.as_bytes()),
        Cow::Owned(inside) => inside.into(),
    })
}

fn within(text: &str, depth: usize) -> Option<Cow<'_, str>> {
    let fields: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(text).ok()?;
    HOLDING.iter().filter_map(|name| fields.get(*name)).find_map(|value| {
        let value = value.get();
        match value.as_bytes().first() {
            Some(b'{') if is_event(value) => Some(Cow::Borrowed(value)),
            Some(b'{') if depth > 0 => within(value, depth - 1),
            Some(b'"') => {
                let kept: String = serde_json::from_str(value).ok()?;
                // Gateways write a body in base64 where they don't know its type.
                let kept = match kept.trim_start().starts_with('{') {
                    true => kept,
                    false => String::from_utf8(STANDARD.decode(kept.trim()).ok()?).ok()?,
                };
                if is_event(&kept) {
                    return Some(Cow::Owned(kept));
                }
                within(&kept, depth.checked_sub(1)?).map(|inside| Cow::Owned(inside.into_owned()))
            }
            _ => None,
        }
    })
}

/// Whether it says itself that it is one of Stripe's events: what else has an id and a type may be the envelope's.
fn is_event(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        object: Cow<'a, str>,
        #[serde(borrow, rename = "id")]
        _id: Cow<'a, str>,
        #[serde(borrow, rename = "type")]
        _kind: Cow<'a, str>,
    }
    serde_json::from_str::<Named<'_>>(text).is_ok_and(|named| matches!(&*named.object, "event" | "v2.core.event"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_found_in_every_envelope_and_keeps_its_bytes() {
        let event = r#"{ "id":"evt_1","object":"event","type":"customer.created","data":{"object":{"name":"é"}} }"#;
        let (text, coded) = (serde_json::to_string(event).unwrap(), STANDARD.encode(event));
        for envelope in [
            format!(r#"{{"version":"0","id":"7","detail-type":"customer.created","account":"12","detail":{event}}}"#),
            format!(r#"{{"specversion":"1.0","id":"evt_9","type":"customer.created","data":{event}}}"#),
            format!(r#"{{"headers":{{}},"body":{event}}}"#),
            format!(r#"{{"headers":{{}},"body":{text}}}"#),
            format!(r#"{{"isBase64Encoded":true,"body":"{coded}"}}"#),
            format!(r#"{{"id":"evt_hookdeck","data":{{"headers":{{}},"body":{event}}}}}"#),
            format!(r#"{{"json":{{"params":{{}},"body":{text}}}}}"#),
            format!(r#"{{"Body":{}}}"#, serde_json::to_string(&format!(r#"{{"detail":{event}}}"#)).unwrap()),
        ] {
            let found = unwrapped(&Bytes::from(envelope.clone()));
            assert_eq!(found.as_deref(), Some(event.as_bytes()), "{envelope}");
        }
        for none in [
            "[]",
            r#"{"body":"hello"}"#,
            r#"{"body":{"id":"evt_1","type":"x"}}"#,
            r#"{"id":"evt_1","object":"event","type":"x","data":{"object":{"id":"cus_1","object":"customer"}}}"#,
        ] {
            assert_eq!(unwrapped(&Bytes::from(none)), None, "{none}");
        }
    }
}
