//! Events as Stripe writes them: the envelope, what an update changed, and Ruby's way of laying out JSON.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::ledger::time::UnixTime;

/// The version the simulated account's endpoint is pinned to.
pub(super) const API_VERSION: &str = "2025-12-15.clover";

/// One event, ready to be posted.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id, `evt_…`.
    pub id: String,
    /// Stripe's type of event, such as `invoice.paid`.
    pub kind: &'static str,
    /// `created`, in simulated time.
    pub created: UnixTime,
    /// The body to the byte, as it is posted.
    pub body: Bytes,
}

/// Wraps an object's new state. `request` names the API call behind it; none where Stripe acted by itself.
pub(super) fn event(
    id: String,
    kind: &'static str,
    created: UnixTime,
    object: Value,
    previous: Option<Value>,
    request: Option<String>,
) -> Event {
    let mut data = Map::new();
    data.insert("object".to_owned(), object);
    data.extend(previous.map(|previous| ("previous_attributes".to_owned(), previous)));
    let envelope = json!({
        "id": id,
        "object": "event",
        "api_version": API_VERSION,
        "created": created.0,
        "data": data,
        "livemode": true,
        "pending_webhooks": 1,
        "request": {"id": request, "idempotency_key": null},
        "type": kind,
    });
    let mut body = String::with_capacity(8 * 1024);
    write(&envelope, 0, &mut body);
    Event { id, kind, created, body: body.into() }
}

/// `previous_attributes`: the old values of what changed, hashes as their own difference, arrays whole, `null` for what
/// wasn't there; `None` where nothing changed.
pub(super) fn difference(before: &Value, after: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return (before != after).then(|| before.clone());
    };
    let mut changed = Map::new();
    for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
        let none = Value::Null;
        let (old, new) = (old.get(key).unwrap_or(&none), new.get(key).unwrap_or(&none));
        changed.extend(difference(old, new).map(|value| (key.clone(), value)));
    }
    (!changed.is_empty()).then_some(Value::Object(changed))
}

/// Two spaces a level, `id` and `object` first, an empty list over three lines (docs/wire.md 1.1).
fn write(value: &Value, depth: usize, out: &mut String) {
    let indent = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    match value {
        Value::Object(map) => {
            out.push('{');
            let first = ["id", "object"].into_iter().filter_map(|key| map.get_key_value(key));
            let rest = map.iter().filter(|(key, _)| !["id", "object"].contains(&key.as_str()));
            for (place, (key, value)) in first.chain(rest).enumerate() {
                out.push_str(if place == 0 { "" } else { "," });
                indent(out, depth + 1);
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push_str(": ");
                write(value, depth + 1, out);
            }
            indent(out, depth);
            out.push('}');
        }
        Value::Array(list) => {
            out.push('[');
            for (place, value) in list.iter().enumerate() {
                out.push_str(if place == 0 { "" } else { "," });
                indent(out, depth + 1);
                write(value, depth + 1, out);
            }
            out.push_str(if list.is_empty() { "\n" } else { "" });
            indent(out, depth);
            out.push(']');
        }
        simple => out.push_str(&simple.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_tells_what_was_before() {
        let before = json!({"a": 1, "hash": {"x": 1, "y": 2}, "items": {"data": [1, 2]}, "gone": true});
        let after = json!({"a": 1, "hash": {"x": 1, "y": 3}, "items": {"data": [1, 3]}, "come": 5});
        let previous = json!({"hash": {"y": 2}, "items": {"data": [1, 2]}, "gone": true, "come": null});
        assert_eq!(difference(&before, &after), Some(previous));
        assert_eq!(difference(&after, &after), None);
    }

    #[test]
    fn bodies_are_laid_out_as_ruby_does() {
        let mut out = String::new();
        write(&json!({"b": [], "object": "event", "a": {}, "id": "evt_1"}), 0, &mut out);
        assert_eq!(out, "{\n  \"id\": \"evt_1\",\n  \"object\": \"event\",\n  \"a\": {\n  },\n  \"b\": [\n\n  ]\n}");
    }
}
