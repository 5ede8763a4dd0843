//! Many rows in few statements, and the columns that recur.

use sqlx::AssertSqlSafe;

use super::super::dialect::{Connection, Driver, PADS, place};
use crate::{ledger::ids::AccountId, store::log::prepared::clean};

/// A statement whose values are being bound.
pub(in super::super) type Query<'q> = sqlx::query::Query<'q, Driver, <Driver as sqlx::Database>::Arguments>;

/// The values of one row, before it is known how they are bound.
#[derive(Debug, Default)]
pub(in super::super) struct Values(pub(in super::super) Vec<Value>);

/// What a derived row's column may hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Value {
    Number(Option<i64>),
    Truth(bool),
    Text(Option<String>),
}

/// Rows of one table, ready to be written.
#[derive(Debug)]
pub(in super::super) struct TableRows {
    pub(in super::super) table: &'static str,
    /// In the order of each row's values.
    pub(in super::super) columns: String,
    pub(in super::super) rows: Vec<Values>,
}

impl Values {
    /// None yet, of so many.
    pub(in super::super) fn with_width(width: usize) -> Self {
        Self(Vec::with_capacity(width))
    }

    pub(in super::super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.0.push(value.into());
        self
    }
}

macro_rules! value {
    ($($of:ty => $make:expr),+ $(,)?) => {$(
        impl From<$of> for Value {
            fn from(value: $of) -> Self {
                ($make)(value)
            }
        }
    )+};
}
value! {
    i64 => |number| Self::Number(Some(number)),
    Option<i64> => Self::Number,
    bool => Self::Truth,
    String => |text| Self::Text(Some(text)),
    Option<String> => Self::Text,
    &str => |text: &str| Self::Text(Some(text.to_owned())),
    Option<&str> => |text: Option<&str>| Self::Text(text.map(str::to_owned)),
}

/// Most rows in one statement.
const ROWS_MAX: usize = 64;

/// Inserts `rows` of `width` values each, `head` being `INSERT INTO t (…)` and `tail` an `ON CONFLICT` clause or nothing.
/// The first column is never null.
pub(in super::super) async fn insert<R>(
    connection: &mut Connection,
    head: &str,
    width: usize,
    tail: &str,
    rows: &[R],
    bind: impl for<'q> Fn(Query<'q>, &R) -> Query<'q>,
) -> Result<(), sqlx::Error> {
    for (size, now) in chunks(rows) {
        let query = now.iter().fold(sqlx::query(AssertSqlSafe(statement(head, width, size, tail))), &bind);
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// `rows` in pieces, each with the size of its statement. There are few sizes, so that each is prepared once for each
/// connection: powers of two, either taken so or filled up with rows of nulls that the statement leaves out (`PADS`).
pub(in super::super) fn chunks<R>(mut rest: &[R]) -> impl Iterator<Item = (usize, &[R])> {
    std::iter::from_fn(move || {
        let most = rest.len().min(ROWS_MAX);
        let size = if PADS { most.next_power_of_two() } else { (most + 1).next_power_of_two() / 2 };
        let (now, later) = rest.split_at(size.min(most));
        rest = later;
        (!now.is_empty()).then_some((size, now))
    })
}

/// `head VALUES ($1, $2), ($3, $4) tail`, or the same without the rows that begin with a null.
pub(in super::super) fn statement(head: &str, width: usize, rows: usize, tail: &str) -> String {
    let mut text = format!("{head} {}VALUES ", if PADS { "SELECT * FROM (" } else { "" });
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..width {
            text.push_str(if column == 0 { "" } else { ", " });
            place(row * width + column + 1, &mut text);
        }
        text.push(')');
    }
    text.push_str(if PADS { ") WHERE column1 IS NOT NULL " } else { " " });
    text.push_str(tail);
    text
}

/// An account as its column holds it: '' for the account's own.
pub(in super::super) fn account(account: Option<&AccountId>) -> String {
    account.map(|account| clean(account.as_str())).unwrap_or_default()
}

/// The column `account` again.
pub(in super::super) fn account_of(text: String) -> Option<AccountId> {
    (!text.is_empty()).then(|| AccountId::new(text))
}
