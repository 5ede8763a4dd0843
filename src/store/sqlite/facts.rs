//! Customers' facts, read into the ledger's words row by row where they lie. Its twin is in `postgres/`.

use rusqlite::{Connection, Row, params};

use super::{
    Database,
    body::{
        facts::{DOING, NEWEST, reference_rows},
        log_columns::{STORED, decoded},
        rows::account,
    },
    direct::Failure,
    sql::text_list,
};
use crate::{
    event::{CustomerKey, Seq},
    ledger::fact::Fact,
    store::{StoreError, log::prepared::clean},
};

/// Each customer's facts in the log's order, with their places, all as of one instant.
pub(crate) async fn customer_facts(
    database: &Database,
    customers: &[CustomerKey],
    known_at: Option<Seq>,
) -> Result<Vec<Vec<(Seq, Fact)>>, StoreError> {
    let keys: Vec<(bool, String, String)> = customers
        .iter()
        .map(|key| (key.livemode, account(key.account.as_ref()), clean(key.customer.as_str())))
        .collect();
    let known_at = known_at.unwrap_or(Seq::END);
    let read = move |connection: &mut Connection| {
        let tx = connection.transaction()?;
        let text = format!(
            "SELECT {STORED}, f.ordinal FROM fact f
             WHERE f.livemode = ? AND f.account = ? AND f.customer = ? AND f.seq <= ? AND {NEWEST} ORDER BY f.seq"
        );
        let mut statement = tx.prepare_cached(&text)?;
        let mut of_customers = Vec::with_capacity(keys.len());
        for (livemode, account, customer) in keys {
            let mut rows = statement.query(params![livemode, account, customer, known_at.0])?;
            let mut facts: Vec<(Seq, i64, Fact)> = Vec::new();
            while let Some(row) = rows.next()? {
                let (seq, ordinal) = (Seq(row.get(0)?), row.get(3)?);
                facts.push((seq, ordinal, fact(row)?));
            }
            // The index gives them by seq; of one event they are few.
            facts.sort_by_key(|(seq, ordinal, _)| (*seq, *ordinal));
            of_customers.push(facts.into_iter().map(|(seq, _, fact)| (seq, fact)).collect());
        }
        Ok(of_customers)
    };
    database.facts.run(DOING, read).await
}

/// Facts about objects of one ledger that are no customer's, in the log's order.
pub(crate) async fn reference_facts(
    database: &Database,
    ledger: (bool, String),
    objects: Vec<String>,
    known_at: Seq,
) -> Result<Vec<Fact>, StoreError> {
    database.facts.run(DOING, move |connection| facts_about(connection, &ledger, &objects, known_at)).await
}

/// The same, where a connection is at hand.
pub(super) fn facts_about(
    connection: &Connection,
    (livemode, account): &(bool, String),
    objects: &[String],
    known_at: Seq,
) -> Result<Vec<Fact>, Failure> {
    let named = text_list(objects.iter().map(String::as_str));
    let mut statement = connection.prepare_cached(&reference_rows())?;
    let mut rows = statement.query(params![livemode, account, named, known_at.0])?;
    let mut facts = Vec::new();
    while let Some(row) = rows.next()? {
        facts.push(fact(row)?);
    }
    Ok(facts)
}

/// The fact in a row that begins with [`STORED`]. Borrowed: a rebuild reads every fact of the log.
pub(super) fn fact(row: &Row<'_>) -> Result<Fact, Failure> {
    let state = row.get_ref(2)?;
    let state = state.as_blob().map_err(rusqlite::Error::from)?;
    Ok(decoded(Seq(row.get(0)?), row.get(1)?, state)?)
}
