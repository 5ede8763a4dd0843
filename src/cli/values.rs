//! Options whose values a shell completes, though others are possible too: a profile of one's own, `metadata:KEY`.

use std::ffi::OsStr;

use clap::{
    Arg, Command, Error,
    builder::{PossibleValue, TypedValueParser},
};

use crate::{
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
