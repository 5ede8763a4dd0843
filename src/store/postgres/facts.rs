//! Customers' facts, fetched for many of them at once. Its twin is in `sqlite/`.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    Database,
    body::{
        facts::{DOING, NEWEST, reference_rows},
        log_columns::{STORED, fact},
        rows::account,
    },
    driver::{Connection, Row},
    sql::{AHEAD_OF_ROWS, begin_read, in_list, text_list},
};
use crate::{
    event::{CustomerKey, Seq},
    ledger::fact::Fact,
    store::{
        StoreError,
        errors::{Doing, corrupt},
        log::prepared::clean,
    },
};

/// So many facts are read into the ledger's words where they are; more of them would keep webhooks from their thread.
const FEW: usize = 64;

/// From so many customers on their facts are read ahead where an earlier answer asks for them: a customer's lie far apart, each in
/// the place of its time. Of whom an event has just touched the pages are at hand, and reading ahead would only cost trips.
const MANY: usize = 32;

/// Each customer's facts in the log's order, with their places.
pub(crate) async fn customer_facts(
    database: &Database,
    customers: &[CustomerKey],
    known_at: Option<Seq>,
) -> Result<Vec<Vec<(Seq, Fact)>>, StoreError> {
    let mut ledgers: BTreeMap<(bool, String), BTreeMap<String, usize>> = BTreeMap::new();
    let mut again = Vec::new();
    for (place, key) in customers.iter().enumerate() {
        let ledger = ledgers.entry((key.livemode, account(key.account.as_ref()))).or_default();
        again.extend(ledger.insert(clean(key.customer.as_str()), place).map(|before| (before, place)));
    }
    let mut of_customers = vec![Vec::new(); customers.len()];
    for ((livemode, account), places) in ledgers {
        let asked = Asked { livemode, account, customers: text_list(places.keys().map(String::as_str)), known_at };
        let rows = if known_at.is_none() || places.len() < MANY {
            let mut connection = database.log.acquire().await.doing(DOING)?;
            asked.rows(&mut connection, NEWEST).await?
        } else {
            let mut tx = database.log.begin_with(begin_read()).await.doing(DOING)?;
            // Looked up by itself: an index answers it, and what reads ahead uses none row by row.
            let newest = if is_of_one_normaliser(&mut tx).await? { "TRUE" } else { NEWEST };
            sqlx::raw_sql(AHEAD_OF_ROWS).execute(&mut *tx).await.doing(DOING)?;
            let rows = asked.rows(&mut tx, newest).await?;
            tx.commit().await.doing(DOING)?;
            rows
        };
        let few = rows.len() <= FEW;
        let read = move || in_order(&rows, &places);
        let facts = if few {
            read()?
        } else {
            let reading = tokio::task::spawn_blocking(read);
            reading.await.map_err(|error| corrupt(DOING, format!("the thread that read them died: {error}")))??
        };
        for (place, seq, fact) in facts {
            of_customers[place].push((seq, fact));
        }
    }
    // The same customer asked for twice is answered twice.
    for (before, place) in again.into_iter().rev() {
        of_customers[before] = of_customers[place].clone();
    }
    Ok(of_customers)
}

/// Which facts.
struct Asked {
    livemode: bool,
    account: String,
    customers: Vec<String>,
    known_at: Option<Seq>,
}

impl Asked {
    async fn rows(&self, connection: &mut Connection, newest: &str) -> Result<Vec<Row>, StoreError> {
        let text = format!(
            "SELECT {STORED}, f.customer, f.ordinal FROM fact f
             WHERE f.livemode = $1 AND f.account = $2 AND {} AND f.seq <= $4 AND {newest}",
            in_list("f.customer", 3)
        );
        sqlx::query(AssertSqlSafe(text))
            .bind(self.livemode)
            .bind(&self.account)
            .bind(&self.customers)
            .bind(self.known_at.unwrap_or(Seq::END))
            .fetch_all(connection)
            .await
            .doing(DOING)
    }
}

/// Whether all facts are of one normaliser: then each is its event's newest.
async fn is_of_one_normaliser(connection: &mut Connection) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT COALESCE((SELECT MIN(normaliser) FROM fact) = (SELECT MAX(normaliser) FROM fact), TRUE)")
        .fetch_one(connection)
        .await
        .doing(DOING)
}

/// Facts in the log's order, each with the place of its customer and its own.
fn in_order(rows: &[Row], places: &BTreeMap<String, usize>) -> Result<Vec<(usize, Seq, Fact)>, StoreError> {
    let mut facts = Vec::with_capacity(rows.len());
    for row in rows {
        let read = || Ok((row.try_get(0)?, row.try_get(4)?, row.try_get::<&str, _>(3)?));
        let (seq, ordinal, customer): (Seq, i64, _) = read().doing(DOING)?;
        // The list asked for no other customer.
        if let Some(place) = places.get(customer) {
            facts.push((seq, ordinal, *place, fact(row)?));
        }
    }
    // A database sorts whole rows, bodies and all.
    facts.sort_by_key(|(seq, ordinal, _, _)| (*seq, *ordinal));
    Ok(facts.into_iter().map(|(seq, _, place, fact)| (place, seq, fact)).collect())
}

/// Facts about objects of one ledger that are no customer's, in the log's order.
pub(crate) async fn reference_facts(
    database: &Database,
    (livemode, account): (bool, String),
    objects: Vec<String>,
    known_at: Seq,
) -> Result<Vec<Fact>, StoreError> {
    let rows = sqlx::query(AssertSqlSafe(reference_rows()))
        .bind(livemode)
        .bind(account)
        .bind(text_list(objects.iter().map(String::as_str)))
        .bind(known_at)
        .fetch_all(&database.log)
        .await
        .doing(DOING)?;
    rows.iter().map(fact).collect()
}
