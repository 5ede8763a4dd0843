//! Filling an empty generation: customer after customer, without marks and with nothing to delete.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::{Database, dialect::*},
    advance::touched_by_objects,
    digests,
    generations::dropped,
    joined,
    recompute::lives,
    replace::fresh_rows,
    retention_sums::customer_lines,
    rows::{self, TableRows, Values, account},
    stretch::{Marks, Touches, touch},
    told::told_of,
};
use crate::{
    event::{CustomerKey, Seq, SeqRange},
    store::{
        StoreError,
        derived::{Filled, GenerationId, Lacking, day_sums::DaySums},
        errors::Doing,
        log::prepared::clean,
    },
};

pub(in super::super) const DOING: &str = "filling a generation";

impl Database {
    pub(in crate::store) async fn fill(&self, generation: GenerationId, batch: &[Filled]) -> Result<(), StoreError> {
        let mut tables = fresh_rows(generation, batch)?;
        tables.push(references(generation, batch));
        let own = DaySums::own_of(batch)?;
        tables.extend([digests::lines(&own), customer_lines(&own)].map(|lines| lines.fresh_rows(generation)));
        self.health.derived().of(write_fresh(self, generation, tables), |()| true).await
    }

    pub(in crate::store) async fn filled(
        &self,
        generation: GenerationId,
        position: Seq,
        left_out: &[CustomerKey],
        lacking: &Lacking,
    ) -> Result<(), StoreError> {
        make_indices(self, generation).await?;
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
        let mut marks = Marks::new();
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
                let read = || Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
                let (customer, first, last): (String, Seq, Seq) = read().doing(DOING)?;
                nameless.remove(&customer);
                marks.insert((livemode, account.clone(), customer), Touches::between(first, last));
            }
            // Customers joined under another name have no facts under that one.
            marks.extend(
                nameless
                    .into_iter()
                    .map(|ledger| ((livemode, account.clone(), ledger), Touches::between(Seq::START.next(), position))),
            );
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
        for (ledger, mark) in told_meanwhile(&mut tx, generation, lacking, position).await? {
            touch(&mut marks, ledger, mark);
        }
        let marks: Vec<_> = marks.into_iter().collect();
        let head = "INSERT INTO dirty (generation, livemode, account, customer, first_seq, last_seq)";
        rows::insert(&mut tx, head, 6, "", &marks, |query, ((livemode, account, customer), places)| {
            let query = query.bind(generation).bind(*livemode).bind(account.clone()).bind(customer.clone());
            query.bind(places.first).bind(places.last)
        })
        .await
        .doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        gather_statistics(self).await
    }
}

/// The ledgers to derive once more: of who named what somebody read later told.
async fn told_meanwhile(
    tx: &mut Connection,
    generation: GenerationId,
    lacking: &Lacking,
    position: Seq,
) -> Result<Marks, StoreError> {
    let mut objects = Marks::new();
    for ((livemode, of), lacks) in lacking {
        let account = account(of.as_ref());
        for anything in [false, true] {
            let named = lacks.iter().filter(|lack| lack.amount != anything).map(|lack| lack.object.as_str()).collect();
            for (object, seq) in told_of(tx, generation, (*livemode, &account), &named, anything).await? {
                let places = Touches::between(seq.min(position), position);
                objects.entry((*livemode, account.clone(), object)).or_insert(places);
            }
        }
    }
    let mut marks = Marks::new();
    touched_by_objects(tx, generation, &objects, &mut marks).await?;
    let joined: bool = sqlx::query_scalar("SELECT customer_key IS NOT NULL FROM generation WHERE id = $1")
        .bind(generation)
        .fetch_one(&mut *tx)
        .await
        .doing(DOING)?;
    if joined {
        joined::of_ledgers(tx, generation, &marks, SeqRange { after: Seq::START, to: position }).await
    } else {
        Ok(marks)
    }
}

/// Which objects the customers' facts name.
fn references(generation: GenerationId, batch: &[Filled]) -> TableRows {
    let of = |one: &Filled, object: &str| {
        Values::with_width(5)
            .bind(generation.0)
            .bind(one.key.livemode)
            .bind(account(one.key.account.as_ref()))
            .bind(clean(object))
            .bind(clean(one.key.customer.as_str()))
    };
    let rows = batch.iter().flat_map(|one| one.references.iter().map(move |object| of(one, object))).collect();
    TableRows { table: "reference", columns: "generation, livemode, account, object, customer".into(), rows }
}
