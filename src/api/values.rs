//! What a query parameter's value may be: how it is read, what is said to who gives something else, and its schema.

use std::sync::Arc;

use jiff::Timestamp;
use utoipa::openapi::{
    path::Parameter,
    schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type},
};

use super::{
    problem::ApiProblem,
    query::{Given, Part, Value, described},
};
use crate::{
    config::alert_rules::Rule,
    ledger::{
        ids::{CustomerId, PriceId, ProductId, TestClockId},
        money::Currency,
        outcome::{Cause, Kind, Rollup},
        time::{Day, NotADay, UnixTime},
    },
    report::{
        ask::{Basis, GroupBy, InCurrency, KnownAt},
        month::Month,
        period::Interval,
    },
    store::{
        derived::reports::{AccountScope, CustomerOrder, CustomerState, Order},
        records::audit_trail::Action,
    },
};

/// Text of a form that only its reader knows.
fn text(example: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).examples([example])
}

fn formatted(format: KnownFormat, example: &str) -> Object {
    text(example).format(Some(SchemaFormat::KnownFormat(format))).build()
}

pub(super) fn one_of(words: &[&'static str]) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().copied())).build()
}

/// One of a few words, each with what it stands for.
macro_rules! words {
    ($($type:ty: $all:expr, $as_str:expr);+ $(;)?) => {
        $(impl $crate::api::query::Value for $type {
            fn read(text: &str) -> Option<Self> {
                $all.into_iter().find(|one| $as_str(*one) == text)
            }

            fn expected() -> String {
                let words = $all.into_iter().map($as_str).collect::<Vec<_>>();
                if let [one, other] = &words[..] { format!("{one} or {other}") } else { format!("one of {}", words.join(", ")) }
            }

            fn schema() -> utoipa::openapi::schema::Object {
                $crate::api::values::one_of(&$all.into_iter().map($as_str).collect::<Vec<_>>())
            }
        })+
    };
}

pub(super) use words;

words! {
    Interval: Interval::ALL.iter().copied(), Interval::as_str;
    Basis: Basis::ALL.iter().copied(), Basis::as_str;
    Order: Order::ALL, Order::as_str;
    CustomerOrder: CustomerOrder::ALL, CustomerOrder::as_str;
    CustomerState: CustomerState::ALL, CustomerState::as_str;
    Kind: Kind::ALL.iter().copied(), Kind::as_str;
    Cause: Cause::ALL.iter().copied(), Cause::as_str;
    Rollup: Rollup::ALL.iter().copied(), Rollup::as_str;
    Rule: Rule::ALL, Rule::as_str;
    Action: Action::ALL, Action::as_str;
    Format: [Format::Json, Format::Csv, Format::Xlsx], Format::as_str;
    Units: [Units::Major, Units::Minor], Units::as_str;
}

impl Value for bool {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn expected() -> String {
        "true or false".into()
    }

    fn schema() -> Object {
        ObjectBuilder::new().schema_type(Type::Boolean).build()
    }
}

/// Values that any text may be; what is none of an account's is found nowhere.
macro_rules! texts {
    ($($type:ty: $example:literal),+ $(,)?) => {
        $(impl Value for $type {
            fn read(text: &str) -> Option<Self> {
                Some(text.into())
            }

            fn expected() -> String {
                concat!("text such as ", $example).into()
            }

            fn schema() -> Object {
                text($example).build()
            }
        })+
    };
}

texts! {
    String: "text",
    Arc<str>: "text",
    CustomerId: "cus_1",
    ProductId: "prod_1",
    PriceId: "price_1",
    TestClockId: "clock_1",
}

/// Values that read themselves.
macro_rules! parsed {
    ($($type:ty: $expected:expr, $schema:expr);+ $(;)?) => {
        $(impl Value for $type {
            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }

            fn expected() -> String {
                $expected.into()
            }

            fn schema() -> Object {
                $schema
            }
        })+
    };
}

parsed! {
    Month: "a month such as 2026-10", text("2026-10").build();
    Currency: "a currency such as usd", text("usd").build();
    InCurrency: InCurrency::WORDS, text("usd").build();
    i64: "a whole number", ObjectBuilder::new().schema_type(Type::Integer).examples([0]).build();
}

impl Value for Day {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn expected() -> String {
        "a day such as 2026-01-31".into()
    }

    fn expected_for(text: &str) -> String {
        match text.parse::<Self>() {
            Err(none @ (NotADay::Month | NotADay::Day { .. })) => {
                let none = none.to_string();
                format!("a day: {}", none.trim_start_matches("there is no such day: "))
            }
            _ => Self::expected(),
        }
    }

    fn schema() -> Object {
        formatted(KnownFormat::Date, "2026-01-31")
    }
}

impl Value for UnixTime {
    fn read(text: &str) -> Option<Self> {
        text.parse::<Timestamp>().ok().map(|at| Self(at.as_second()))
    }

    fn expected() -> String {
        "an instant such as 2026-01-31T12:00:00Z".into()
    }

    fn expected_for(text: &str) -> String {
        match text.parse::<Day>() {
            Ok(day) if !text.contains(['T', ':']) => {
                format!("an instant but a day: for its beginning in UTC write {day}T00:00:00Z")
            }
            _ => Self::expected(),
        }
    }

    fn schema() -> Object {
        formatted(KnownFormat::DateTime, "2026-01-31T12:00:00Z")
    }
}

impl Value for KnownAt {
    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn expected() -> String {
        Self::WORDS.into()
    }

    fn expected_for(text: &str) -> String {
        Self::expected(text)
    }

    fn schema() -> Object {
        text("2026-01-31T12:00:00Z").build()
    }
}

impl Value for GroupBy {
    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn expected() -> String {
        format!("one of {}", Self::words())
    }

    fn schema() -> Object {
        text("product").build()
    }
}

impl Value for AccountScope {
    fn read(text: &str) -> Option<Self> {
        Some(Self::named(Some(text).filter(|text| *text != "own")))
    }

    fn expected() -> String {
        "an account such as acct_1, own or all".into()
    }

    fn schema() -> Object {
        text("all").build()
    }
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Csv,
    Xlsx,
}

impl Format {
    fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }
}

/// What amounts of a table are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Units {
    /// In units of the currency, as people write amounts.
    Major,
    /// In minor units of the currency, as JSON has them.
    Minor,
}

impl Units {
    fn as_str(self) -> &'static str {
        match self {
            Self::Major => "major",
            Self::Minor => "minor",
        }
    }
}

/// A list's further contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Include {
    /// Also movements written ahead, after now.
    Scheduled,
}

impl Value for Include {
    fn read(text: &str) -> Option<Self> {
        (text == "scheduled").then_some(Self::Scheduled)
    }

    fn expected() -> String {
        "scheduled".into()
    }

    fn schema() -> Object {
        one_of(&["scheduled"])
    }
}

/// A condition of customers, as it is written (rule `segments`): read where it is said of what, so that a mistake is shown its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition(pub(super) Arc<str>);

impl Value for Condition {
    fn read(text: &str) -> Option<Self> {
        Some(Self(text.into()))
    }

    fn expected() -> String {
        "a condition such as status=paying".into()
    }

    fn schema() -> Object {
        text("status=paying").build()
    }
}

/// A pair of a customer's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyValue(pub(super) Arc<str>, pub(super) Arc<str>);

impl Value for KeyValue {
    fn read(text: &str) -> Option<Self> {
        let (key, value) = text.split_once(':')?;
        Some(Self(key.into(), value.into()))
    }

    fn expected() -> String {
        "a key and a value such as channel:partner".into()
    }

    fn schema() -> Object {
        text("channel:partner").build()
    }
}

/// How many entries a page has: from 1 to `MAX`, and `DEFAULT` where nothing is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageSize<const MAX: i64, const DEFAULT: i64>(pub(super) i64);

impl<const MAX: i64, const DEFAULT: i64> Value for PageSize<MAX, DEFAULT> {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok().filter(|size| (1..=MAX).contains(size)).map(Self)
    }

    fn expected() -> String {
        format!("a whole number from 1 to {MAX}")
    }

    fn schema() -> Object {
        let size = ObjectBuilder::new().schema_type(Type::Integer).default(Some(DEFAULT.into()));
        size.minimum(Some(1_isize)).maximum(isize::try_from(MAX).ok()).build()
    }
}

/// At most so many; without a default.
#[derive(Clone, Copy, Debug)]
pub(super) struct UpTo<const MAX: i64>(pub(super) i64);

impl<const MAX: i64> Value for UpTo<MAX> {
    fn read(text: &str) -> Option<Self> {
        PageSize::<MAX, MAX>::read(text).map(|size| Self(size.0))
    }

    fn expected() -> String {
        PageSize::<MAX, MAX>::expected()
    }

    fn schema() -> Object {
        let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(MAX));
        number.examples([MAX]).build()
    }
}

/// So many days, from 1 to `MAX`, as `30` or, as commands take it, `30d`; `DEFAULT` where nothing is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Days<const MAX: i64, const DEFAULT: i64>(pub(super) i64);

impl<const MAX: i64, const DEFAULT: i64> Value for Days<MAX, DEFAULT> {
    fn read(text: &str) -> Option<Self> {
        PageSize::<MAX, DEFAULT>::read(text.strip_suffix('d').unwrap_or(text)).map(|days| Self(days.0))
    }

    fn expected() -> String {
        format!("so many days from 1 to {MAX}, such as {DEFAULT} or {DEFAULT}d")
    }

    fn schema() -> Object {
        PageSize::<MAX, DEFAULT>::schema()
    }
}

/// Those that have a value where none is given.
macro_rules! with_a_default {
    ($($type:ident),+) => {
        $(impl<const MAX: i64, const DEFAULT: i64> Part for $type<MAX, DEFAULT> {
            fn take(given: &mut Given, name: &'static str) -> Result<Self, ApiProblem> {
                Ok(given.take(name)?.unwrap_or(Self(DEFAULT)))
            }

            fn describe(name: &'static str, about: &[&str]) -> Vec<Parameter> {
                vec![described::<Self>(name, about).build()]
            }
        })+
    };
}

with_a_default!(PageSize, Days);
