//! A question that reads rows of everybody, row by row as they come: nothing is kept of a row but what is made of it. Its twin is
//! in `sqlite/`.

use futures_util::TryStreamExt as _;
use sqlx::AssertSqlSafe;

use super::{
    Database,
    arrays::bound,
    body::{
        reader::{Columns, Read},
        rows::Value,
    },
    sql::begin_read,
};
use crate::store::{StoreError, errors::Doing};

/// Adds each row that `text` finds to `to`, in their order.
pub(crate) async fn fold<T: Send + 'static>(
    database: &Database,
    doing: &'static str,
    (text, values): (String, Vec<Value>),
    mut to: T,
    mut add: impl FnMut(&mut T, &mut Columns<'_>) -> Read<()> + Send + 'static,
) -> Result<T, StoreError> {
    let query = values.into_iter().fold(sqlx::query(AssertSqlSafe(text)), bound);
    let mut tx = database.derived.begin_with(begin_read()).await.doing(doing)?;
    let mut rows = query.fetch(&mut *tx);
    while let Some(row) = rows.try_next().await.doing(doing)? {
        add(&mut to, &mut Columns::of(&row, 0))?;
    }
    drop(rows);
    tx.commit().await.doing(doing)?;
    Ok(to)
}
