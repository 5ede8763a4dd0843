//! The state before an update: `previous_attributes` laid over the object, as text, so that no number changes.
//!
//! Objects merge key by key, arrays are replaced whole, null means that the key was absent. In versions up to
//! 2017-04-06 an array held only its changed elements: those replace the elements with their ids.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Lays `previous` over `object`; `None` where either is no object.
pub(super) fn lay_over(object: &str, previous: &Previous<'_>, partial_arrays: bool) -> Option<String> {
    let mut merged = String::with_capacity(object.len() + previous.length);
    merge(object, &previous.attributes, partial_arrays, DEPTH_MAX, &mut merged)?;
    Some(merged)
}

/// `previous_attributes`: the old values of the keys that changed.
pub(super) struct Previous<'a> {
    attributes: Attributes<'a>,
    length: usize,
}

impl<'a> Previous<'a> {
    /// `None` where it is no object.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        Some(Self { attributes: serde_json::from_str(text).ok()?, length: text.len() })
    }

    /// Whether `key` changed.
    pub(super) fn touches(&self, key: &str) -> bool {
        self.attributes.get(key).is_some()
    }
}

/// An object's keys and values in order, the values as text.
struct Attributes<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Attributes<'a> {
    fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| *value)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Attributes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(Cow<'de, str>, &'de str)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut all = Vec::with_capacity(48);
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    all.push((key, value.get()));
                }
                Ok(all)
            }
        }
        deserializer.deserialize_map(InOrder).map(Self)
    }
}

/// A key, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Stripe nests five deep; anything deeper is replaced whole.
const DEPTH_MAX: usize = 16;

fn merge(object: &str, previous: &Attributes<'_>, partial_arrays: bool, depth: usize, out: &mut String) -> Option<()> {
    let object: Attributes<'_> = serde_json::from_str(object).ok()?;
    out.push('{');
    let mut first = true;
    let gone = previous.0.iter().filter(|(key, _)| object.get(key).is_none());
    let gone = gone.map(|(key, before)| (key, *before, None));
    let present = object.0.iter().map(|(key, value)| (key, *value, previous.get(key)));
    for (key, value, before) in present.chain(gone) {
        if before == Some("null") {
            continue;
        }
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        match key {
            Cow::Borrowed(plain) => out.extend(["\"", plain, "\":"]),
            Cow::Owned(escaped) => out.extend([&*serde_json::to_string(escaped).ok()?, ":"]),
        }
        let Some(before) = before else {
            out.push_str(value);
            continue;
        };
        let written = out.len();
        let done = match (value.as_bytes().first(), before.as_bytes().first()) {
            (Some(b'{'), Some(b'{')) if depth > 0 => serde_json::from_str(before)
                .ok()
                .and_then(|before| merge(value, &before, partial_arrays, depth - 1, out)),
            (Some(b'['), Some(b'[')) if partial_arrays => merge_elements(value, before, out),
            _ => None,
        };
        if done.is_none() {
            out.truncate(written);
            out.push_str(before);
        }
    }
    out.push('}');
    Some(())
}

/// Elements of `previous` replace those of `array` that have their id; `None` where they have none.
fn merge_elements(array: &str, previous: &str, out: &mut String) -> Option<()> {
    #[derive(Deserialize)]
    struct WithId<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
    }
    let elements = |text| -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
        let raw: Vec<&RawValue> = serde_json::from_str(text).ok()?;
        raw.into_iter().map(|raw| Some((serde_json::from_str::<WithId<'_>>(raw.get()).ok()?.id, raw))).collect()
    };
    let (array, previous) = (elements(array)?, elements(previous)?);
    out.push('[');
    for (index, (id, element)) in array.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let changed = previous.iter().find(|(changed, _)| changed == id);
        out.push_str(changed.map_or(element.get(), |(_, changed)| changed.get()));
    }
    out.push(']');
    Some(())
}
