//! Values of options: those that a shell completes, though others are possible too (a profile of one's own, `metadata:KEY`), and
//! whole numbers, which say what is expected where they can't be read.

use std::{ffi::OsStr, ops::RangeInclusive};

use clap::{
    Arg, Command, Error,
    builder::{PossibleValue, TypedValueParser},
};

use crate::{
    event::Seq,
    ledger::profile::Profile,
    report::{ask::GroupBy, period::Interval},
    rules,
};

/// A parser, and the values that a shell offers for it.
#[derive(Clone)]
pub(super) struct Offered<P> {
    values: Vec<&'static str>,
    parser: P,
}

/// Values read by `parser`, of which a shell offers `values`.
pub(super) fn offered<P: TypedValueParser>(values: Vec<&'static str>, parser: P) -> Offered<P> {
    Offered { values, parser }
}

impl<P: TypedValueParser> TypedValueParser for Offered<P> {
    type Value = P::Value;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<P::Value, Error> {
        self.parser.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.values.iter().map(|value| PossibleValue::new(*value))))
    }
}

/// Profiles: those built in are offered.
pub(super) fn profile() -> impl TypedValueParser<Value = String> {
    offered(Profile::BUILT_IN.to_vec(), clap::builder::StringValueParser::new())
}

/// Names of rules: all are offered.
pub(super) fn rule() -> impl TypedValueParser<Value = String> {
    offered(rules::all().into_iter().map(|rule| rule.name).collect(), clap::builder::StringValueParser::new())
}

/// Lengths of a period.
pub(super) fn intervals() -> Vec<&'static str> {
    Interval::ALL.iter().map(|interval| interval.as_str()).collect()
}

/// What a series may be broken down by, but for the name of a key.
pub(super) fn groups() -> Vec<&'static str> {
    GroupBy::words().split(", ").map(|word| word.strip_suffix("KEY").unwrap_or(word)).collect()
}

/// Ledgers: the converted one, and the currencies that most accounts bill in.
pub(super) fn currencies() -> Vec<&'static str> {
    vec!["reporting", "usd", "eur", "gbp", "cad", "aud", "jpy", "chf", "sek", "dkk", "nok", "pln", "inr", "brl"]
}

/// So many days, as `90` or `90d`; `such_as` is an example.
pub(super) fn days<T: TryFrom<i64>>(
    possible: RangeInclusive<i64>,
    such_as: i64,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    whole(Some("days"), possible, such_as)
}

/// So many months, as `12` or `12m`.
pub(super) fn months<T: TryFrom<i64>>(
    possible: RangeInclusive<i64>,
    such_as: i64,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    whole(Some("months"), possible, such_as)
}

/// So many seconds, as `60` or `60s`.
pub(super) fn seconds<T: TryFrom<i64>>(such_as: i64) -> impl Fn(&str) -> Result<T, String> + Clone {
    whole(Some("seconds"), 0..=i64::MAX, such_as)
}

/// A whole number of what has no unit.
pub(super) fn number<T: TryFrom<i64>>(
    possible: RangeInclusive<i64>,
    such_as: i64,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    whole(None, possible, such_as)
}

/// A place in the log.
pub(super) fn place() -> impl Fn(&str) -> Result<Seq, String> + Clone {
    let read = number::<i64>(0..=i64::MAX, 1200);
    move |text| read(text).map(Seq)
}

/// A whole number, with the first letter of its unit behind it or without.
fn whole<T: TryFrom<i64>>(
    unit: Option<&'static str>,
    possible: RangeInclusive<i64>,
    such_as: i64,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let letter = unit.and_then(|unit| unit.chars().next());
        let digits = letter.and_then(|letter| text.strip_suffix(letter)).unwrap_or(text);
        let number = digits.parse::<i64>().ok().filter(|number| possible.contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
            let (least, most) = (possible.start(), possible.end());
            let bounds = match (unit, *most) {
                (Some(_), i64::MAX) => String::new(),
                (None, i64::MAX) => format!(" of at least {least}"),
                _ => format!(" from {least} to {most}"),
            };
            match unit.zip(letter) {
                Some((unit, letter)) => {
                    format!("so many {unit}{bounds} are expected, such as {such_as} or {such_as}{letter}")
                }
                None => format!("a number{bounds} is expected, such as {such_as}"),
            }
        })
    }
}
