//! Names and e-mails of customers: kept by place of the log, looked up by id, forgotten when they aren't to be shown.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use super::{
    super::{Database, dialect::*},
    reader::Columns,
    rows::{account, account_of, insert},
};
use crate::{
    event::{CustomerKey, Seq},
    ledger::{ids::CustomerId, time::UnixTime},
    store::{
        StoreError,
        derived::names::{CustomerNamed, sorted_by},
        errors::Doing,
        log::prepared::clean,
    },
};

const READING: &str = "reading names";
const KEEPING: &str = "keeping names";

impl Database {
    pub(in crate::store) async fn names_position(&self) -> Result<Seq, StoreError> {
        let text = "SELECT seq FROM name_position WHERE one = 1";
        sqlx::query_scalar(text).fetch_one(&self.derived).await.doing(READING)
    }

    pub(in crate::store) async fn keep_names(
        &self,
        from: Seq,
        to: Seq,
        named: &[CustomerNamed],
    ) -> Result<bool, StoreError> {
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(KEEPING)?;
        let moved = sqlx::query("UPDATE name_position SET seq = $1 WHERE one = 1 AND seq = $2")
            .bind(to)
            .bind(from)
            .execute(&mut *tx)
            .await
            .doing(KEEPING)?
            .rows_affected();
        if moved != 1 {
            return Ok(false);
        }
        // The newest alone of each customer: one statement can't change a row twice.
        let mut newest: BTreeMap<&CustomerKey, &CustomerNamed> = BTreeMap::new();
        for one in named {
            let kept = newest.entry(&one.key).or_insert(one);
            if (kept.at, kept.seq) <= (one.at, one.seq) {
                *kept = one;
            }
        }
        let rows: Vec<_> = newest.into_values().collect();
        let head = "INSERT INTO customer_name (livemode, account, customer, at, seq, name, email, search, name_lower)";
        let tail = "ON CONFLICT (livemode, account, customer) DO UPDATE SET at = excluded.at, seq = excluded.seq,
                 name = excluded.name, email = excluded.email, search = excluded.search,
                 name_lower = excluded.name_lower
             WHERE (customer_name.at, customer_name.seq) <= (excluded.at, excluded.seq)";
        insert(&mut tx, head, 9, tail, &rows, |query, one| {
            query
                .bind(one.key.livemode)
                .bind(account(one.key.account.as_ref()))
                .bind(clean(one.key.customer.as_str()))
                .bind(one.at.0)
                .bind(one.seq)
                .bind(clean(&one.name))
                .bind(clean(&one.email))
                .bind(clean(&format!("{}\n{}", one.name, one.email).to_lowercase()))
                .bind(clean(&sorted_by(&one.name)))
        })
        .await
        .doing(KEEPING)?;
        tx.commit().await.doing(KEEPING)?;
        Ok(true)
    }

    pub(in crate::store) async fn forget_names(&self) -> Result<(), StoreError> {
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(KEEPING)?;
        sqlx::query("DELETE FROM customer_name").execute(&mut *tx).await.doing(KEEPING)?;
        sqlx::query("UPDATE name_position SET seq = 0 WHERE one = 1").execute(&mut *tx).await.doing(KEEPING)?;
        tx.commit().await.doing(KEEPING)
    }

    pub(in crate::store) async fn forget_name(&self, customer: &CustomerId) -> Result<(), StoreError> {
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(KEEPING)?;
        let gone = sqlx::query("DELETE FROM customer_name WHERE customer = $1").bind(clean(customer.as_str()));
        gone.execute(&mut *tx).await.doing(KEEPING)?;
        tx.commit().await.doing(KEEPING)
    }

    pub(in crate::store) async fn emails(&self) -> Result<Vec<(String, CustomerId)>, StoreError> {
        let text = "SELECT email, customer FROM customer_name WHERE email <> ''";
        let rows = sqlx::query(text).fetch_all(&self.derived).await.doing(READING)?;
        let read = |row: &Row| {
            let mut columns = Columns::of(row, 0);
            Ok((columns.text()?, CustomerId::new(columns.text()?)))
        };
        rows.iter().map(read).collect()
    }

    pub(in crate::store) async fn names_of(
        &self,
        livemode: bool,
        customers: &[&str],
    ) -> Result<Vec<CustomerNamed>, StoreError> {
        // Names lie by account, and whose these are isn't asked: they are looked up in each that has any. In one statement PostgreSQL
        // would go through all names instead.
        let held: Vec<Option<String>> = sqlx::query_scalar(
            "WITH RECURSIVE held (account) AS (SELECT MIN(n.account) FROM customer_name n WHERE n.livemode = $1
             UNION ALL SELECT (SELECT MIN(n.account) FROM customer_name n WHERE n.livemode = $1 AND n.account > h.account)
             FROM held h WHERE h.account IS NOT NULL)
             SELECT account FROM held",
        )
        .bind(livemode)
        .fetch_all(&self.derived)
        .await
        .doing(READING)?;
        let read = |row: &Row| {
            let mut columns = Columns::of(row, 0);
            let (account, customer) = (account_of(columns.text()?), CustomerId::new(columns.text()?));
            Ok(CustomerNamed {
                key: CustomerKey { livemode, account, customer },
                at: UnixTime(columns.number()?),
                seq: columns.seq()?,
                name: columns.text()?,
                email: columns.text()?,
            })
        };
        let text = format!(
            "SELECT account, customer, at, seq, name, email FROM customer_name WHERE livemode = $1 AND {} AND {}",
            in_list("account", 2),
            in_list("customer", 3)
        );
        let query = sqlx::query(AssertSqlSafe(text))
            .bind(livemode)
            .bind(text_list(held.iter().flatten().map(String::as_str)))
            .bind(text_list(customers.iter().copied()));
        query.fetch_all(&self.derived).await.doing(READING)?.iter().map(read).collect()
    }
}
