//! Many rows in few statements, and the columns that recur.

use sqlx::{AssertSqlSafe, Row as _};

use super::super::dialect::{Connection, Driver, Row};
use crate::{
    ledger::ids::{AccountId, CustomerId},
    store::{CustomerKey, prepared::clean},
};

/// A statement whose values are being bound.
pub(in super::super) type Query<'q> = sqlx::query::Query<'q, Driver, <Driver as sqlx::Database>::Arguments>;

/// How many rows go into one statement: few sizes, so that each is prepared once for each connection.
const SIZES: [usize; 7] = [64, 32, 16, 8, 4, 2, 1];

/// Inserts `rows` of `width` values each, `head` being `INSERT INTO t (…)` and `tail` an `ON CONFLICT` clause or nothing.
pub(super) async fn insert<R>(
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

/// `rows` in pieces of [`SIZES`].
pub(in super::super) fn chunks<R>(mut rest: &[R]) -> impl Iterator<Item = (usize, &[R])> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rest.len())?;
        let (now, later) = rest.split_at(size);
        rest = later;
        Some((size, now))
    })
}

/// `head VALUES ($1, $2), ($3, $4) tail`.
pub(in super::super) fn statement(head: &str, width: usize, rows: usize, tail: &str) -> String {
    use std::fmt::Write as _;

    let mut text = format!("{head} VALUES ");
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..width {
            // Writing to a String can't fail.
            let _ = write!(text, "{}${}", if column == 0 { "" } else { ", " }, row * width + column + 1);
        }
        text.push(')');
    }
    text.push(' ');
    text.push_str(tail);
    text
}

/// An account as its column holds it: '' for the account's own.
pub(in super::super) fn account(account: Option<&AccountId>) -> String {
    account.map(|account| clean(account.as_str())).unwrap_or_default()
}

/// The column `account` again.
pub(super) fn account_of(text: String) -> Option<AccountId> {
    (!text.is_empty()).then(|| AccountId::new(text))
}

/// Reads livemode, account and customer from three columns in that order.
pub(super) fn customer_key(row: &Row, first: usize) -> Result<CustomerKey, sqlx::Error> {
    Ok(CustomerKey {
        livemode: row.try_get(first)?,
        account: account_of(row.try_get(first + 1)?),
        customer: CustomerId::new(row.try_get::<String, _>(first + 2)?),
    })
}
