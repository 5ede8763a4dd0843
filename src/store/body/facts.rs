//! Reading facts: of customers, and of the objects they name; always as the newest normaliser read them.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::{Database, dialect::*},
    rows::{account, customer_key},
};
use crate::{
    ledger::{fact::Fact, ids::AccountId},
    log::codec,
    store::{
        CustomerKey, StoreError,
        errors::{Doing, corrupt},
        prepared::clean,
    },
};

const DOING: &str = "reading facts";

/// As the newest normaliser read it. Usually there is but one, which an index tells at once: no event is then asked for its
/// own newest.
pub(super) const NEWEST: &str = "((SELECT MIN(normaliser) FROM fact) = (SELECT MAX(normaliser) FROM fact)
    OR f.normaliser = (SELECT MAX(n.normaliser) FROM fact n WHERE n.seq = f.seq))";

/// So many facts are read into the ledger's words where they are; more of them would keep webhooks from their thread.
const FEW: usize = 64;

/// A fact as it lies in the log.
pub(super) struct Stored {
    seq: i64,
    codec: i64,
    state: Vec<u8>,
}

impl Stored {
    /// From a row that begins with seq, codec and state.
    fn of(row: &Row) -> Result<Self, StoreError> {
        let read = || Ok(Self { seq: row.try_get(0)?, codec: row.try_get(1)?, state: row.try_get(2)? });
        read().doing(DOING)
    }

    fn fact(&self) -> Result<Fact, StoreError> {
        let unreadable = |why: String| corrupt(DOING, format!("the fact at {} can't be read: {why}", self.seq));
        let text = codec::decode_fact(self.codec, &self.state).map_err(|error| unreadable(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))
    }
}

/// The fact in a row that begins with its seq, codec and state.
pub(super) fn fact(row: &Row) -> Result<Fact, StoreError> {
    Stored::of(row)?.fact()
}

/// Facts with the place each belongs to.
async fn facts(stored: Vec<(usize, Stored)>) -> Result<Vec<(usize, Fact)>, StoreError> {
    let read = |stored: Vec<(usize, Stored)>| -> Result<Vec<(usize, Fact)>, StoreError> {
        stored.iter().map(|(place, stored)| Ok((*place, stored.fact()?))).collect()
    };
    if stored.len() <= FEW {
        return read(stored);
    }
    let reading = tokio::task::spawn_blocking(move || read(stored));
    reading.await.map_err(|error| corrupt(DOING, format!("the thread that read them died: {error}")))?
}

impl Database {
    pub(in crate::store) async fn customer_facts(
        &self,
        customers: &[CustomerKey],
        known_at: Option<i64>,
    ) -> Result<Vec<Vec<Fact>>, StoreError> {
        let mut ledgers: BTreeMap<(bool, String), BTreeMap<String, usize>> = BTreeMap::new();
        let mut again = Vec::new();
        for (place, key) in customers.iter().enumerate() {
            let ledger = ledgers.entry((key.livemode, account(key.account.as_ref()))).or_default();
            again.extend(ledger.insert(clean(key.customer.as_str()), place).map(|before| (before, place)));
        }
        let text = format!(
            "SELECT f.seq, f.codec, f.state, f.customer, f.ordinal FROM fact f
             WHERE f.livemode = $1 AND f.account = $2 AND {} AND f.seq <= $4 AND {NEWEST}",
            in_list("f.customer", 3)
        );
        let mut of_customers = vec![Vec::new(); customers.len()];
        for ((livemode, account), places) in ledgers {
            let rows = sqlx::query(AssertSqlSafe(text.clone()))
                .bind(livemode)
                .bind(account)
                .bind(text_list(places.keys().map(String::as_str)))
                .bind(known_at.unwrap_or(i64::MAX))
                .fetch_all(&self.log)
                .await
                .doing(DOING)?;
            let mut stored = Vec::with_capacity(rows.len());
            for row in &rows {
                // The list asked for no other customer.
                if let Some(place) = places.get(row.try_get::<&str, _>(3).doing(DOING)?) {
                    let ordinal: i64 = row.try_get(4).doing(DOING)?;
                    stored.push((ordinal, *place, Stored::of(row)?));
                }
            }
            drop(rows);
            // A database sorts whole rows, bodies and all.
            stored.sort_by_key(|(ordinal, _, stored)| (stored.seq, *ordinal));
            let stored = stored.into_iter().map(|(_, place, stored)| (place, stored)).collect();
            for (place, fact) in facts(stored).await? {
                of_customers[place].push(fact);
            }
        }
        // The same customer asked for twice is answered twice.
        for (before, place) in again.into_iter().rev() {
            of_customers[before] = of_customers[place].clone();
        }
        Ok(of_customers)
    }

    pub(in crate::store) async fn reference_facts(
        &self,
        livemode: bool,
        of: Option<&AccountId>,
        objects: &[&str],
        known_at: Option<i64>,
    ) -> Result<Vec<Fact>, StoreError> {
        let text = format!(
            "SELECT f.seq, f.codec, f.state FROM fact f
             WHERE f.livemode = $1 AND f.account = $2 AND f.customer IS NULL AND f.object IS NOT NULL AND {}
               AND f.seq <= $4 AND {NEWEST}
             ORDER BY f.seq, f.ordinal",
            in_list("f.object", 3)
        );
        let objects: Vec<String> = objects.iter().map(|object| clean(object)).collect();
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(livemode)
            .bind(account(of))
            .bind(text_list(objects.iter().map(String::as_str)))
            .bind(known_at.unwrap_or(i64::MAX))
            .fetch_all(&self.log)
            .await
            .doing(DOING)?;
        rows.iter().map(fact).collect()
    }

    pub(in crate::store) async fn customers(
        &self,
        after: Option<&CustomerKey>,
        limit: i64,
        known_at: Option<i64>,
    ) -> Result<Vec<CustomerKey>, StoreError> {
        let text = format!(
            "SELECT DISTINCT f.livemode, f.account, f.customer FROM fact f
             WHERE f.customer IS NOT NULL AND f.seq <= $1 {}
             ORDER BY f.livemode, f.account, f.customer LIMIT $2",
            if after.is_some() { "AND (f.livemode, f.account, f.customer) > ($3, $4, $5)" } else { "" }
        );
        let mut query = sqlx::query(AssertSqlSafe(text)).bind(known_at.unwrap_or(i64::MAX)).bind(limit);
        if let Some(after) = after {
            query =
                query.bind(after.livemode).bind(account(after.account.as_ref())).bind(clean(after.customer.as_str()));
        }
        let rows = query.fetch_all(&self.log).await.doing(DOING)?;
        rows.iter().map(|row| customer_key(row, 0)).collect::<Result<_, _>>().doing(DOING)
    }
}
