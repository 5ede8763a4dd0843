//! What a segment says, and how it is written: one meaning, one text.

use std::{fmt, sync::Arc};

use crate::ledger::{money::Decimal, time::Day};

/// What a customer must be to belong to a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// Each of them holds: two or more, none of them an `and`.
    And(Vec<Expression>),
    /// One of them holds: two or more, none of them an `or`.
    Or(Vec<Expression>),
    /// It holds where this expression doesn't.
    Not(Box<Expression>),
    /// What one key must be.
    Test(Test),
}

/// What one key must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// What of a customer is looked at.
    pub key: Key,
    /// What its value must be.
    pub check: Check,
}

/// What of a customer is looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// An attribute that was imported, by its name.
    Attribute(Arc<str>),
    /// The customer's metadata, as it is now.
    Metadata(Arc<str>),
    /// The customer's country, as it is now.
    Country,
    /// The currencies it is billed in.
    Currency,
    /// The products of what it holds.
    Product,
    /// The prices of what it holds.
    Price,
    /// How often what it holds is billed.
    Interval,
    /// The month of its first MRR.
    Cohort,
    /// Its MRR, in units of the currency.
    Mrr,
    /// How many units it holds.
    Seats,
    /// Days since its first MRR.
    TenureDays,
    /// How it stands: `paying`, `past_due`, `ending`, `trialing`, `left`, whichever hold.
    Status,
}

/// What a key must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// It has any value at all.
    Exists,
    /// One of its values compares so.
    Is(Comparison, Literal),
    /// One of its values is one of these.
    In(Vec<Literal>),
}

/// How a value must compare with the one told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each says it by its name")]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// A value as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// A number, such as `200` or `0.5`.
    Number(Decimal),
    /// A text, such as `DE` or `"two words"`.
    Text(Arc<str>),
    /// A day, such as `2026-05-10`.
    Day(Day),
}

/// How a customer may stand: the words of `status`.
pub const STATUSES: [&str; 5] = ["paying", "past_due", "ending", "trialing", "left"];

/// Words of the language: as texts they stand in quotes.
pub(super) const WORDS: [&str; 5] = ["and", "or", "not", "in", "exists"];

impl Expression {
    /// Each of them; one alone is itself, and what is an `and` already is drawn in.
    pub fn and(all: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(all.len());
        for one in all {
            match one {
                Self::And(more) => flat.extend(more),
                other => flat.push(other),
            }
        }
        match flat.pop() {
            Some(only) if flat.is_empty() => only,
            last => Self::And(flat.into_iter().chain(last).collect()),
        }
    }

    /// One of them; one alone is itself, and what is an `or` already is drawn in.
    pub fn or(all: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(all.len());
        for one in all {
            match one {
                Self::Or(more) => flat.extend(more),
                other => flat.push(other),
            }
        }
        match flat.pop() {
            Some(only) if flat.is_empty() => only,
            last => Self::Or(flat.into_iter().chain(last).collect()),
        }
    }

    /// The expression that holds where this one doesn't.
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Every test of the expression, from left to right.
    pub fn tests(&self) -> Vec<&Test> {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().flat_map(Self::tests).collect(),
            Self::Not(one) => one.tests(),
            Self::Test(test) => vec![test],
        }
    }
}

impl Key {
    /// The key of this word, with the name behind its colon where it takes one; `None` where there is no such key.
    pub fn named(word: &str, name: Option<&str>) -> Option<Self> {
        match (word, name) {
            ("attribute", Some(name)) => Some(Self::Attribute(name.into())),
            ("metadata", Some(name)) => Some(Self::Metadata(name.into())),
            ("country", None) => Some(Self::Country),
            ("currency", None) => Some(Self::Currency),
            ("product", None) => Some(Self::Product),
            ("price", None) => Some(Self::Price),
            ("interval", None) => Some(Self::Interval),
            ("cohort", None) => Some(Self::Cohort),
            ("mrr", None) => Some(Self::Mrr),
            ("seats", None) => Some(Self::Seats),
            ("tenure_days", None) => Some(Self::TenureDays),
            ("status", None) => Some(Self::Status),
            _ => None,
        }
    }

    /// All of them, in words.
    pub const WORDS: &'static str = "attribute:KEY, metadata:KEY, country, currency, product, price, interval, cohort, mrr, seats, tenure_days and status";
}

/// Whether a text can stand without quotes.
pub(super) fn is_bare(text: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(first) && text.chars().all(is_inner) && !WORDS.contains(&text)
}

/// What a word or number goes on with.
pub(super) fn is_inner(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if is_bare(text) {
        return f.write_str(text);
    }
    write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, all: &[Self], word: &str| {
            for (at, one) in all.iter().enumerate() {
                f.write_str(if at == 0 { "" } else { word })?;
                match one {
                    Self::Test(_) | Self::Not(_) => write!(f, "{one}")?,
                    Self::And(_) | Self::Or(_) => write!(f, "({one})")?,
                }
            }
            Ok(())
        };
        match self {
            Self::And(all) => joined(f, all, " and "),
            Self::Or(all) => joined(f, all, " or "),
            Self::Not(one) => match **one {
                Self::Test(_) | Self::Not(_) => write!(f, "not {one}"),
                Self::And(_) | Self::Or(_) => write!(f, "not ({one})"),
            },
            Self::Test(Test { key, check: Check::Exists }) => write!(f, "{key} exists"),
            Self::Test(Test { key, check: Check::Is(comparison, literal) }) => {
                write!(f, "{key} {comparison} {literal}")
            }
            Self::Test(Test { key, check: Check::In(all) }) => {
                write!(f, "{key} in (")?;
                for (at, one) in all.iter().enumerate() {
                    write!(f, "{}{one}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Attribute(name) => {
                f.write_str("attribute:")?;
                return quoted(name, f);
            }
            Self::Metadata(name) => {
                f.write_str("metadata:")?;
                return quoted(name, f);
            }
            Self::Country => "country",
            Self::Currency => "currency",
            Self::Product => "product",
            Self::Price => "price",
            Self::Interval => "interval",
            Self::Cohort => "cohort",
            Self::Mrr => "mrr",
            Self::Seats => "seats",
            Self::TenureDays => "tenure_days",
            Self::Status => "status",
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        })
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => quoted(text, f),
            Self::Day(day) => write!(f, "{day}"),
        }
    }
}
