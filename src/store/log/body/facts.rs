//! Reading facts: of customers, and of the objects they name; always as the newest normaliser read them.

use sqlx::AssertSqlSafe;

use super::{
    super::{Database, dialect::*},
    log_columns::{STORED, fact},
    reader::Columns,
    rows::account,
};
use crate::{
    event::{CustomerKey, Seq},
    ledger::{fact::Fact, ids::AccountId},
    store::{StoreError, errors::Doing, log::prepared::clean},
};

pub(in super::super) const DOING: &str = "reading facts";

/// As the newest normaliser read it. Usually there is but one, which an index tells at once: no event is then asked for its
/// own newest.
pub(in super::super) const NEWEST: &str = "((SELECT MIN(normaliser) FROM fact) = (SELECT MAX(normaliser) FROM fact)
    OR f.normaliser = (SELECT MAX(n.normaliser) FROM fact n WHERE n.seq = f.seq))";

/// The facts about objects of one ledger that are no customer's, in the log's order.
pub(in super::super) fn reference_rows() -> String {
    format!(
        "SELECT {STORED} FROM fact f
         WHERE f.livemode = $1 AND f.account = $2 AND f.customer IS NULL AND f.object IS NOT NULL AND {}
           AND f.seq <= $4 AND {NEWEST}
         ORDER BY f.seq, f.ordinal",
        in_list("f.object", 3)
    )
}

impl Database {
    pub(in crate::store) async fn customer_facts(
        &self,
        customers: &[CustomerKey],
        known_at: Option<Seq>,
    ) -> Result<Vec<Vec<Fact>>, StoreError> {
        let placed = customer_facts(self, customers, known_at).await?;
        Ok(placed.into_iter().map(|facts| facts.into_iter().map(|(_, fact)| fact).collect()).collect())
    }

    pub(in crate::store) async fn placed_customer_facts(
        &self,
        customers: &[CustomerKey],
        known_at: Option<Seq>,
    ) -> Result<Vec<Vec<(Seq, Fact)>>, StoreError> {
        customer_facts(self, customers, known_at).await
    }

    pub(in crate::store) async fn reference_facts(
        &self,
        livemode: bool,
        of: Option<&AccountId>,
        objects: &[&str],
        known_at: Option<Seq>,
    ) -> Result<Vec<Fact>, StoreError> {
        let objects = objects.iter().map(|object| clean(object)).collect();
        reference_facts(self, (livemode, account(of)), objects, known_at.unwrap_or(Seq::END)).await
    }

    pub(in crate::store) async fn facts_of(&self, seq: Seq) -> Result<Vec<Fact>, StoreError> {
        let text = format!(
            "SELECT {STORED} FROM fact f
             WHERE f.seq = $1 AND f.kind NOT IN ('ignored', 'unreadable', 'thin') AND {NEWEST} ORDER BY f.ordinal"
        );
        let rows = sqlx::query(AssertSqlSafe(text)).bind(seq).fetch_all(&self.log).await.doing(DOING)?;
        rows.iter().map(fact).collect()
    }

    pub(in crate::store) async fn customers(
        &self,
        after: Option<&CustomerKey>,
        limit: i64,
        known_at: Option<Seq>,
    ) -> Result<Vec<CustomerKey>, StoreError> {
        let text = format!(
            "SELECT DISTINCT f.livemode, f.account, f.customer FROM fact f
             WHERE f.customer IS NOT NULL AND f.seq <= $1 {}
             ORDER BY f.livemode, f.account, f.customer LIMIT $2",
            if after.is_some() { "AND (f.livemode, f.account, f.customer) > ($3, $4, $5)" } else { "" }
        );
        let mut query = sqlx::query(AssertSqlSafe(text)).bind(known_at.unwrap_or(Seq::END)).bind(limit);
        if let Some(after) = after {
            query =
                query.bind(after.livemode).bind(account(after.account.as_ref())).bind(clean(after.customer.as_str()));
        }
        let rows = query.fetch_all(&self.log).await.doing(DOING)?;
        rows.iter().map(|row| Columns::of(row, 0).customer()).collect()
    }
}
