//! The state before an update: `previous_attributes` laid over the object, as text, so that no number changes.
//!
//! Objects merge key by key, arrays are replaced whole, null means that the key was absent. In versions up to
//! 2017-04-06 an array held only its changed elements: those replace the elements with their ids.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Deserialize;
use serde_json::value::RawValue;

type Object<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// Lays `previous` over `object`; `None` where either is no object.
pub(super) fn lay_over(object: &str, previous: &str, partial_arrays: bool) -> Option<String> {
    let mut merged = String::with_capacity(object.len() + previous.len());
    merge(object, previous, partial_arrays, DEPTH_MAX, &mut merged)?;
    Some(merged)
}

/// The top-level keys of `previous`.
pub(super) fn touches(previous: &str, key: &str) -> bool {
    serde_json::from_str::<Object<'_>>(previous).is_ok_and(|previous| previous.contains_key(key))
}

/// Stripe nests five deep; anything deeper is replaced whole.
const DEPTH_MAX: usize = 16;

fn merge(object: &str, previous: &str, partial_arrays: bool, depth: usize, out: &mut String) -> Option<()> {
    let object: Object<'_> = serde_json::from_str(object).ok()?;
    let previous: Object<'_> = serde_json::from_str(previous).ok()?;
    out.push('{');
    let mut first = true;
    let absent = previous.iter().filter(|(key, _)| !object.contains_key(*key)).map(|(key, value)| (key, *value, None));
    let present = object.iter().map(|(key, value)| (key, *value, previous.get(key)));
    for (key, value, before) in present.chain(absent) {
        if before.is_some_and(|before| before.get() == "null") {
            continue;
        }
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        out.push_str(&serde_json::to_string(key).ok()?);
        out.push(':');
        let Some(before) = before else {
            out.push_str(value.get());
            continue;
        };
        let (value, before) = (value.get(), before.get());
        let written = out.len();
        let done = match (value.as_bytes().first(), before.as_bytes().first()) {
            (Some(b'{'), Some(b'{')) if depth > 0 => merge(value, before, partial_arrays, depth - 1, out),
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
