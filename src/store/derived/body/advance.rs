//! The reconciler's bookkeeping: how far the log has been looked at, and whose ledgers wait to be recomputed.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::{Database, dialect::*},
    facts::NEWEST,
    joined,
    log_columns::{STORED, fact},
    reader::Columns,
    rows::{self, Values},
    stretch::{Marks, Stretch, Touches, touch},
    told,
};
use crate::{
    event::{Seq, SeqRange},
    store::{
        StoreError,
        derived::{Advanced, Applied, GenerationId},
        errors::{Doing, corrupt},
        log::prepared::clean,
    },
};

pub(in super::super) const DOING: &str = "marking customers";

/// The last of the next `$3` events behind `$1`, up to `$2`, and how many there are.
pub(in super::super) const STRETCH_END: &str = "SELECT COUNT(*), COALESCE(MAX(seq), 0) FROM
    (SELECT seq FROM event WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3) AS stretch";

/// The facts of a stretch of the log, behind `$1` and up to `$2`, with whom and what they are about.
pub(in super::super) fn stretch_rows() -> String {
    format!(
        "SELECT {STORED}, f.livemode, f.account, f.customer, f.object FROM fact f
         WHERE f.seq > $1 AND f.seq <= $2 AND (f.customer IS NOT NULL OR f.object IS NOT NULL) AND {NEWEST}
         ORDER BY f.seq, f.ordinal"
    )
}

/// Which object which customer names, in five columns.
pub(in super::super) const REFERENCE: &str = "INSERT INTO reference (generation, livemode, account, object, customer)";

/// A mark, in seven columns.
pub(in super::super) const MARK: &str =
    "INSERT INTO dirty (generation, livemode, account, customer, first_seq, last_seq, own_seq)";

/// The earlier mark keeps its first seqs: they are the least not yet applied.
pub(in super::super) const MARKED_AGAIN: &str =
    "ON CONFLICT (generation, livemode, account, customer) DO UPDATE SET last_seq = excluded.last_seq,
    own_seq = COALESCE(dirty.own_seq, excluded.own_seq)";

impl Database {
    pub(in crate::store) async fn advance(&self, generation: GenerationId, limit: i64) -> Result<Advanced, StoreError> {
        self.health.derived().of(advance_to(self, generation, limit), |advanced| advanced.read > 0).await
    }

    /// The same by the driver's statements.
    pub(in super::super) async fn advance_by_statements(
        &self,
        generation: GenerationId,
        limit: i64,
    ) -> Result<Advanced, StoreError> {
        // On SQLite the log and the marks lie in two files: the log is read first, and what was read counts only if the
        // position still stands where the reading began.
        let (position, joined_to) = self.position(generation).await?;
        // Whose ledgers a stretch touches is known as far as its customers have been looked at.
        let horizon = horizon(self).await?.min(joined_to.unwrap_or(Seq::END));
        let (to, read) = self.stretch_end(position, horizon, limit).await?;
        if to <= position {
            return Ok(Advanced { position, read: 0, marked: 0 });
        }
        let mut stretch = self.read_stretch(position, to).await?;
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(DOING)?;
        let moved = sqlx::query("UPDATE generation SET position = $1 WHERE id = $2 AND position = $3")
            .bind(to)
            .bind(generation)
            .bind(position)
            .execute(&mut *tx)
            .await
            .doing(DOING)?
            .rows_affected();
        if moved != 1 {
            // Another reconciler went first: what it found is marked already.
            tx.rollback().await.doing(DOING)?;
            return Ok(Advanced { position: self.position(generation).await?.0, read: 0, marked: 0 });
        }
        let references: Vec<_> = stretch
            .references
            .iter()
            .map(|((livemode, account, customer), object)| {
                let row = Values::with_width(5).bind(generation.0).bind(*livemode).bind(account.clone());
                row.bind(object.clone()).bind(customer.clone())
            })
            .collect();
        insert_values(&mut tx, REFERENCE, &references, "ON CONFLICT DO NOTHING").await.doing(DOING)?;
        let told = std::mem::take(&mut stretch.told).into_values().flatten().collect();
        for told in told::insert_new(&mut tx, generation, told).await? {
            let object = (told.livemode, rows::account(told.account.as_ref()), clean(&told.object));
            touch(&mut stretch.objects, object, Touches::by_object(told.seq));
        }
        told::add_told_otherwise(&mut tx, generation, &mut stretch).await?;
        let mut marks = stretch.customers;
        touched_by_objects(&mut tx, generation, &stretch.objects, &mut marks).await?;
        if joined_to.is_some() {
            marks = joined::of_ledgers(&mut tx, generation, &marks, SeqRange { after: position, to }).await?;
        }
        let marked = i64::try_from(marks.len()).unwrap_or(i64::MAX);
        let marks: Vec<_> = marks
            .iter()
            .map(|((livemode, account, customer), Touches { first, last, own })| {
                let row = Values::with_width(7).bind(generation.0).bind(*livemode).bind(account.clone());
                row.bind(customer.clone()).bind(first.0).bind(last.0).bind(own.map(|own| own.0))
            })
            .collect();
        insert_values(&mut tx, MARK, &marks, MARKED_AGAIN).await.doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        Ok(Advanced { position: to, read, marked })
    }

    /// How far the generation has looked at the log; and, where it joins customers, how far it knows who belongs to whom.
    pub(in super::super) async fn position(&self, generation: GenerationId) -> Result<(Seq, Option<Seq>), StoreError> {
        let row = sqlx::query(
            "SELECT position, CASE WHEN customer_key IS NULL THEN NULL ELSE joined_to END FROM generation
             WHERE id = $1 AND state <> 'retired'",
        )
        .bind(generation)
        .fetch_optional(&self.derived)
        .await
        .doing(DOING)?
        .ok_or_else(|| corrupt(DOING, format!("there is no generation {generation}")))?;
        Ok((row.try_get(0).doing(DOING)?, row.try_get(1).doing(DOING)?))
    }

    /// The last seq of the next `limit` events, and how many there are: the horizon itself when they are fewer, so that
    /// gaps in seq don't hold the position back.
    async fn stretch_end(&self, position: Seq, horizon: Seq, limit: i64) -> Result<(Seq, i64), StoreError> {
        let row = sqlx::query(STRETCH_END)
            .bind(position)
            .bind(horizon)
            .bind(limit)
            .fetch_one(&self.log)
            .await
            .doing(DOING)?;
        let (read, last): (i64, Seq) = (row.try_get(0).doing(DOING)?, row.try_get(1).doing(DOING)?);
        Ok((if read < limit { horizon } else { last }, read))
    }

    async fn read_stretch(&self, after: Seq, to: Seq) -> Result<Stretch, StoreError> {
        let rows =
            sqlx::query(AssertSqlSafe(stretch_rows())).bind(after).bind(to).fetch_all(&self.log).await.doing(DOING)?;
        let mut stretch = Stretch::default();
        for row in &rows {
            let mut columns = Columns::of(row, 3);
            let seq: Seq = row.try_get(0).doing(DOING)?;
            let (livemode, account) = (columns.truth()?, columns.text()?);
            match (columns.text_or_null()?, columns.text_or_null()?) {
                (Some(customer), _) => stretch.add((livemode, account, customer), seq, &fact(row)?),
                (None, Some(object)) => stretch.add_object((livemode, account, object), seq, fact(row)?),
                (None, None) => {}
            }
        }
        self.weigh(&mut stretch, after).await?;
        Ok(stretch)
    }

    /// Weighs what a stretch behind `after` tells of objects.
    pub(super) async fn weigh(&self, stretch: &mut Stretch, after: Seq) -> Result<(), StoreError> {
        for (ledger, objects) in stretch.to_weigh() {
            let before = reference_facts(self, ledger.clone(), objects, after).await?;
            stretch.weigh(&ledger, before);
        }
        Ok(())
    }

    pub(in crate::store) async fn applied(&self, generation: GenerationId) -> Result<Applied, StoreError> {
        let doing = "reading the reconciler's position";
        // One statement: position and marks as of one instant.
        let row = sqlx::query(
            "SELECT g.position, (SELECT MIN(d.first_seq) FROM dirty d WHERE d.generation = g.id)
             FROM generation g WHERE g.id = $1",
        )
        .bind(generation)
        .fetch_optional(&self.derived)
        .await
        .doing(doing)?
        .ok_or_else(|| corrupt(doing, format!("there is no generation {generation}")))?;
        Ok(Applied { position: row.try_get(0).doing(doing)?, first_marked: row.try_get(1).doing(doing)? })
    }

    pub(in crate::store) async fn waiting(&self, generation: GenerationId) -> Result<u64, StoreError> {
        let waiting: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM dirty WHERE generation = $1")
            .bind(generation)
            .fetch_one(&self.derived)
            .await
            .doing("counting marks")?;
        Ok(u64::try_from(waiting).unwrap_or(0))
    }

    pub(in crate::store) async fn kept(&self, generation: GenerationId, profile: &str) -> Result<u64, StoreError> {
        let kept: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM customer_ledger WHERE generation = $1 AND profile = $2")
                .bind(generation)
                .bind(clean(profile))
                .fetch_one(&self.derived)
                .await
                .doing("counting customers")?;
        Ok(u64::try_from(kept).unwrap_or(0))
    }
}

/// Adds the customers whose facts name one of `objects`.
pub(super) async fn touched_by_objects(
    connection: &mut Connection,
    generation: GenerationId,
    objects: &Marks,
    marks: &mut Marks,
) -> Result<(), StoreError> {
    let mut ledgers: BTreeMap<(bool, &str), Vec<&str>> = BTreeMap::new();
    for (livemode, account, object) in objects.keys() {
        ledgers.entry((*livemode, account)).or_default().push(object);
    }
    let text = format!(
        "SELECT object, customer FROM reference WHERE generation = $1 AND livemode = $2 AND account = $3 AND {}",
        in_list("object", 4)
    );
    for ((livemode, account), named) in ledgers {
        let rows = sqlx::query(AssertSqlSafe(text.clone()))
            .bind(generation)
            .bind(livemode)
            .bind(account)
            .bind(text_list(named))
            .fetch_all(&mut *connection)
            .await
            .doing(DOING)?;
        for row in &rows {
            let object = (livemode, account.to_owned(), row.try_get(0).doing(DOING)?);
            let customer = (livemode, account.to_owned(), row.try_get(1).doing(DOING)?);
            if let Some(places) = objects.get(&object) {
                touch(marks, customer, *places);
            }
        }
    }
    Ok(())
}
