//! The customers whose rows a stretch of the log may have changed, looked up in the log and in what a generation keeps of it.

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::{Database, dialect::*},
    advance::touched_by_objects,
    facts::NEWEST,
    log_columns::{STORED, fact},
    reader::Columns,
    rows::account_of,
    stretch::{Marks, Stretch, Touches},
    told,
};
use crate::{
    event::{CustomerKey, Seq},
    ledger::{ids::CustomerId, outcome::CustomerLedger},
    store::{
        StoreError,
        derived::{GenerationId, touched::*},
        errors::Doing,
        log::prepared::clean,
    },
};

const DOING: &str = "looking up whom events touch";

impl Database {
    /// How the rows that answer stand; `None` while nothing answers.
    pub(in crate::store) async fn rows_state(&self) -> Result<Option<RowsState>, StoreError> {
        let row = sqlx::query(
            "SELECT g.id, g.position, (SELECT COUNT(*) FROM dirty d WHERE d.generation = g.id) FROM generation g
             WHERE g.state = 'current'",
        )
        .fetch_optional(&self.derived)
        .await
        .doing(DOING)?;
        let read = |row: &Row| {
            Ok(RowsState { generation: row.try_get(0)?, position: row.try_get(1)?, waiting: row.try_get(2)? })
        };
        row.as_ref().map(read).transpose().doing(DOING)
    }

    /// Who was touched between the place `seq` and the rows that answer; `None` where that are more than `most`, where more
    /// than `events` lie between, or where it isn't known: who belongs to whom in a ledger that joins customers.
    pub(in crate::store) async fn touched(
        &self,
        seq: Seq,
        events: i64,
        most: usize,
    ) -> Result<Option<Touched>, StoreError> {
        let Some(rows) = self.rows_state().await? else { return Ok(None) };
        let (after, to) = (seq.min(rows.position), seq.max(rows.position));
        if to.distance(after) > events || rows.waiting > i64::try_from(most).unwrap_or(i64::MAX) {
            return Ok(None);
        }
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let joins: Option<bool> =
            sqlx::query_scalar("SELECT customer_key IS NOT NULL FROM generation WHERE id = $1 AND state = 'current'")
                .bind(rows.generation)
                .fetch_optional(&mut *tx)
                .await
                .doing(DOING)?;
        if joins != Some(false) {
            return Ok(None);
        }
        let (mut customers, places) = (Marks::new(), Touches::between(after, to));
        let text = "SELECT DISTINCT f.livemode, f.account, f.customer FROM fact f
             WHERE f.seq > $1 AND f.seq <= $2 AND f.customer IS NOT NULL";
        for row in &sqlx::query(text).bind(after).bind(to).fetch_all(&self.log).await.doing(DOING)? {
            customers.insert(scoped(row).doing(DOING)?, places);
        }
        let mut stretch = self.told_of_objects(after, to).await?;
        told::add_told_otherwise(&mut tx, rows.generation, &mut stretch).await?;
        let mut objects = stretch.objects;
        // Terms that the place in between told first: who lacks them counts otherwise since.
        let told = sqlx::query(
            "SELECT DISTINCT livemode, account, object FROM told WHERE generation = $1 AND seq > $2 AND seq <= $3",
        )
        .bind(rows.generation)
        .bind(after)
        .bind(to)
        .fetch_all(&mut *tx)
        .await
        .doing(DOING)?;
        for row in &told {
            objects.insert(scoped(row).doing(DOING)?, places);
        }
        if objects.len() > most {
            return Ok(None);
        }
        touched_by_objects(&mut tx, rows.generation, &objects, &mut customers).await?;
        // Rows that wait are of an earlier place.
        let waiting = sqlx::query("SELECT livemode, account, customer FROM dirty WHERE generation = $1")
            .bind(rows.generation)
            .fetch_all(&mut *tx)
            .await
            .doing(DOING)?;
        for row in &waiting {
            customers.insert(scoped(row).doing(DOING)?, places);
        }
        tx.commit().await.doing(DOING)?;
        if customers.len() > most || self.rows_state().await? != Some(rows) {
            return Ok(None);
        }
        let key = |(livemode, account, customer): (bool, String, String)| CustomerKey {
            livemode,
            account: account_of(account),
            customer: CustomerId::new(customer),
        };
        let mut customers: Vec<CustomerKey> = customers.into_keys().map(key).collect();
        customers.sort();
        Ok(Some(Touched { rows, customers }))
    }

    /// Of which objects a stretch of the log tells something new.
    async fn told_of_objects(&self, after: Seq, to: Seq) -> Result<Stretch, StoreError> {
        let text = format!(
            "SELECT {STORED}, f.livemode, f.account, f.object FROM fact f
             WHERE f.seq > $1 AND f.seq <= $2 AND f.customer IS NULL AND f.object IS NOT NULL AND {NEWEST}
             ORDER BY f.seq, f.ordinal"
        );
        let rows = sqlx::query(AssertSqlSafe(text)).bind(after).bind(to).fetch_all(&self.log).await.doing(DOING)?;
        let mut stretch = Stretch::default();
        for row in &rows {
            let mut columns = Columns::of(row, 3);
            let object = (columns.truth()?, columns.text()?, columns.text()?);
            stretch.add_object(object, row.try_get(0).doing(DOING)?, fact(row)?);
        }
        self.weigh(&mut stretch, after).await?;
        Ok(stretch)
    }

    /// These customers' rows under one profile, of those who have any, in their order.
    pub(in crate::store) async fn ledgers_of_customers(
        &self,
        generation: GenerationId,
        profile: &str,
        customers: &[CustomerKey],
    ) -> Result<Vec<(CustomerKey, CustomerLedger)>, StoreError> {
        read_ledgers_of(self, generation, profile, customers).await
    }

    /// How many customers a profile's ledger has in live (or test) mode, counted no further than `most`.
    pub(in crate::store) async fn customers_up_to(
        &self,
        profile: &str,
        livemode: bool,
        most: i64,
    ) -> Result<i64, StoreError> {
        sqlx::query_scalar(
            "SELECT COUNT(*) FROM (SELECT 1 FROM customer_ledger
             WHERE generation = (SELECT id FROM generation WHERE state = 'current') AND profile = $1 AND livemode = $2
             LIMIT $3) AS counted",
        )
        .bind(clean(profile))
        .bind(livemode)
        .bind(most)
        .fetch_one(&self.derived)
        .await
        .doing(DOING)
    }
}

/// Whose, or which object's, within its ledger.
fn scoped(row: &Row) -> Result<(bool, String, String), sqlx::Error> {
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
}
