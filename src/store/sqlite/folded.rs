//! A question that reads rows of everybody, row by row where they lie: nothing is kept of a row but what is made of it. Its twin
//! is in `postgres/`.

use rusqlite::Connection;

use super::{
    Database,
    body::{
        reader::{Columns, Read},
        rows::Value,
    },
};
use crate::{budget, store::StoreError};

/// Adds each row that `text` finds to `to`, in their order.
pub(crate) async fn fold<T: Send + 'static>(
    database: &Database,
    doing: &'static str,
    (text, values): (String, Vec<Value>),
    mut to: T,
    mut add: impl FnMut(&mut T, &mut Columns<'_>) -> Read<()> + Send + 'static,
) -> Result<T, StoreError> {
    let question = budget::current();
    let read = move |connection: &mut Connection| {
        let mut statement = connection.prepare_cached(&text)?;
        for (value, place) in values.iter().zip(1..) {
            statement.raw_bind_parameter(place, value)?;
        }
        let mut rows = statement.raw_query();
        budget::within(question, || {
            while let Some(row) = rows.next()? {
                add(&mut to, &mut Columns::of(row, 0))?;
            }
            Ok(to)
        })
    };
    database.ledgers.run(doing, read).await
}
