//! Filling an empty generation: customer after customer, without marks and with nothing to delete.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::{Database, dialect::*},
    day_sums::move_sums,
    recompute::lives,
    replace::fresh_rows,
    rows::{self, TableRows, Values, account},
};
use crate::store::{CustomerKey, Filled, StoreError, day_sums::DaySums, errors::Doing, prepared::clean};

pub(in super::super) const DOING: &str = "filling a generation";

/// Why nothing can be added to a generation any more.
pub(in super::super) fn dropped() -> StoreError {
    StoreError::Unavailable { doing: DOING, reason: "another process dropped it meanwhile".into() }
}

impl Database {
    pub(in crate::store) async fn fill(&self, generation: i64, batch: &[Filled]) -> Result<(), StoreError> {
        let mut tables = fresh_rows(generation, batch)?;
        tables.push(references(generation, batch));
        self.health.derived().note(write_fresh(self, generation, tables).await, |()| true)
    }

    pub(in crate::store) async fn filled(
        &self,
        generation: i64,
        position: i64,
        left_out: &[CustomerKey],
        sums: &DaySums,
    ) -> Result<(), StoreError> {
        let mut ledgers: BTreeMap<(bool, String), Vec<String>> = BTreeMap::new();
        for key in left_out {
            let ledger = ledgers.entry((key.livemode, account(key.account.as_ref()))).or_default();
            ledger.push(clean(key.customer.as_str()));
        }
        let text = format!(
            "SELECT f.customer, MIN(f.seq), MAX(f.seq) FROM fact f
             WHERE f.livemode = $1 AND f.account = $2 AND f.seq <= $3 AND {} GROUP BY f.customer ORDER BY f.customer",
            in_list("f.customer", 4)
        );
        let mut marks: Vec<(bool, String, String, i64, i64)> = Vec::with_capacity(left_out.len());
        for ((livemode, account), customers) in ledgers {
            let rows = sqlx::query(AssertSqlSafe(text.clone()))
                .bind(livemode)
                .bind(&account)
                .bind(position)
                .bind(text_list(customers.iter().map(String::as_str)))
                .fetch_all(&self.log)
                .await
                .doing(DOING)?;
            let mut nameless: BTreeSet<String> = customers.into_iter().collect();
            for row in &rows {
                let read = || Ok((livemode, account.clone(), row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
                let mark: (bool, String, String, i64, i64) = read().doing(DOING)?;
                nameless.remove(&mark.2);
                marks.push(mark);
            }
            // Customers joined under another name have no facts under that one.
            marks.extend(nameless.into_iter().map(|ledger| (livemode, account.clone(), ledger, 1, position)));
        }
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(DOING)?;
        if !lives(&mut tx, generation).await? {
            return Err(dropped());
        }
        sqlx::query("UPDATE generation SET position = $1 WHERE id = $2 AND position = 0")
            .bind(position)
            .bind(generation)
            .execute(&mut *tx)
            .await
            .doing(DOING)?;
        let head = "INSERT INTO dirty (generation, livemode, account, customer, first_seq, last_seq)";
        rows::insert(&mut tx, head, 6, "", &marks, |query, (livemode, account, customer, first, last)| {
            query.bind(generation).bind(*livemode).bind(account.clone()).bind(customer.clone()).bind(*first).bind(*last)
        })
        .await
        .doing(DOING)?;
        move_sums(&mut tx, generation, sums).await.doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        gather_statistics(self).await
    }

    pub(in crate::store) async fn fill_sums(&self, generation: i64, sums: &DaySums) -> Result<(), StoreError> {
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(DOING)?;
        if !lives(&mut tx, generation).await? {
            return Err(dropped());
        }
        move_sums(&mut tx, generation, sums).await.doing(DOING)?;
        tx.commit().await.doing(DOING)
    }
}

/// Which objects the customers' facts name.
fn references(generation: i64, batch: &[Filled]) -> TableRows {
    let of = |one: &Filled, object: &str| {
        Values::of(5)
            .bind(generation)
            .bind(one.key.livemode)
            .bind(account(one.key.account.as_ref()))
            .bind(clean(object))
            .bind(clean(one.key.customer.as_str()))
    };
    let rows = batch.iter().flat_map(|one| one.references.iter().map(move |object| of(one, object))).collect();
    TableRows { table: "reference", columns: "generation, livemode, account, object, customer".into(), rows }
}
