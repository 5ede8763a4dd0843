//! Random objects in every published shape: whatever a field of the right kind holds, a reader never panics, says the same
//! twice, and what it says can be stored and read back.
//!
//! The shapes are those of `tests/data/stripe`: Stripe's own samples of each object by version, and recorded events.

use mrrd::{
    event::{Reading, codec},
    ledger::time::UnixTime,
    stripe::read::{read, read_answer},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::golden::{payloads, root};

/// A stream of choices from a seed.
struct Choices(u64);

impl Choices {
    /// One of `0..n`.
    fn of(&mut self, n: u64) -> u64 {
        // SplitMix64: good enough to wander through JSON.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }
}

/// The same shape with other values: numbers, words and flags of their own kinds, lists longer or shorter, what may be
/// null null.
fn vary(value: &mut Value, choices: &mut Choices) {
    if !value.is_object() && choices.of(12) == 0 {
        *value = Value::Null;
        return;
    }
    match value {
        Value::Null => {}
        Value::Bool(flag) => *flag ^= choices.of(3) == 0,
        Value::Number(_) if choices.of(3) == 0 => {
            let signed = i64::try_from(choices.of(1 << 40)).unwrap() - (1 << 20);
            *value =
                [json!(signed), json!(0), json!(i64::MAX), json!(0.5), json!(1e21)][choices.of(5) as usize].clone();
        }
        Value::String(text) if choices.of(4) == 0 => {
            let other = ["", "x", "\u{0}", "\u{1f600} \"", "-12.000000000001", "1e400", "inf", "acct_1"];
            *text = other[choices.of(8) as usize].to_owned();
        }
        Value::Number(_) | Value::String(_) => {}
        Value::Array(list) => {
            list.iter_mut().for_each(|element| vary(element, choices));
            match (choices.of(6), list.first().cloned()) {
                (0, Some(first)) => list.push(first),
                (1, Some(_)) => drop(list.pop()),
                _ => {}
            }
        }
        Value::Object(fields) => fields.iter_mut().for_each(|(name, field)| {
            // What the object is decides who reads it: all else may be anything of its kind.
            if (name != "object" && name != "type") || field.is_object() {
                vary(field, choices);
            }
        }),
    }
}

fn check(reading: &Reading) {
    let Reading::Facts(facts) = reading else { return };
    assert!(!facts.is_empty());
    let stored = serde_json::to_string(facts).unwrap();
    assert!(!stored.replace("\\\\u0000", "").contains("\\u0000"), "NUL in {stored}");
    for fact in facts {
        let (codec, stored) = codec::encode_fact(fact);
        assert_eq!(&codec::decode_fact(codec, &stored).unwrap(), fact);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_published_shape_with_any_values_is_answered(seed in any::<u64>()) {
        let mut choices = Choices(seed);
        let mut read_events = 0;
        for path in payloads(&root()) {
            let mut value: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            vary(&mut value, &mut choices);
            let body = value.to_string();
            let answer = || read_answer(body.as_bytes(), &"answer".into(), UnixTime(1), Some("2026-10-28.endive".into()));
            check(&answer());
            assert_eq!(answer(), answer(), "{}", path.display());
            if let Ok(event) = read(body.as_bytes()) {
                check(&event.reading);
                read_events += usize::from(matches!(event.reading, Reading::Facts(_)));
            }
        }
        prop_assert!(read_events > 20, "the variation leaves nothing to read: {read_events}");
    }
}
