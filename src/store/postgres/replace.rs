//! Recomputing marked customers and writing their rows, shared by several processes: a mark is locked from when it is taken
//! until its rows are written and it is gone, in one transaction. Others pass over it, and a process that dies gives it back
//! with its connection. Its twin is in `sqlite/`.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    Database,
    arrays::{ROWS_MAX, delete_rows, insert_rows, insert_values},
    body::{
        columns::{TABLES, Table},
        fill::DOING as FILLING,
        generations::dropped,
        readback::{GROUP, Group, read_group},
        recompute::{lives, whose_turn},
        replace::{
            DOING, Differing, KeptHalves, PROFILES, PlacedLedger, Tails, all_fit, changes, placed, rows, tails,
            together, unreadable,
        },
        rows::{Values, account},
        sum_rows::{IS_EMPTY, Lines},
        sums,
    },
    driver::Connection,
    sql::{BEGIN_WRITE, FOR_UPDATE, in_list, text_list},
};
use crate::{
    event::{CustomerKey, Seq},
    ledger::outcome::CustomerLedger,
    store::{
        StoreError,
        derived::{
            GenerationId, Mark, ProfileLedger, Turns,
            day_sums::{DaySums, Standing},
        },
        errors::Doing,
        log::prepared::clean,
        planned,
    },
};

/// Takes rows of marks that nobody else has taken.
const TAKE: &str = " FOR UPDATE SKIP LOCKED";

impl Database {
    pub(in crate::store) async fn recompute<E, F>(
        &self,
        generation: GenerationId,
        whose: (Turns, i64),
        passed_over: &BTreeSet<&CustomerKey>,
        derive: impl FnOnce(Vec<Mark>) -> F + Send,
    ) -> Result<usize, E>
    where
        E: From<StoreError>,
        F: Future<Output = Result<Vec<(Mark, Vec<ProfileLedger>)>, E>> + Send,
    {
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing("reading marks")?;
        if !lives(&mut tx, generation).await? {
            return Ok(0);
        }
        let marks = whose_turn(&mut tx, generation, whose, passed_over, TAKE).await?;
        let taken = marks.len();
        if taken > 0 {
            let batch = derive(marks).await?;
            let written = async {
                write_batch(&mut tx, generation, &batch).await?;
                self.plan.pass(planned::REPLACE_BEFORE_COMMIT).await?;
                tx.commit().await.doing(DOING)
            };
            self.health.derived().of(written, |()| true).await?;
        }
        Ok(taken)
    }

    pub(in crate::store) async fn fill_sums(&self, generation: GenerationId, sums: DaySums) -> Result<(), StoreError> {
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(FILLING)?;
        if !lives(&mut tx, generation).await? {
            return Err(dropped());
        }
        move_sums(&mut tx, generation, &sums).await?;
        tx.commit().await.doing(FILLING)
    }

    pub(in crate::store) async fn replace(
        &self,
        generation: GenerationId,
        batch: Vec<(Mark, Vec<ProfileLedger>)>,
    ) -> Result<i64, StoreError> {
        let written = async {
            let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(DOING)?;
            let replaced = write_batch(&mut tx, generation, &batch).await?;
            self.plan.pass(planned::REPLACE_BEFORE_COMMIT).await?;
            tx.commit().await.doing(DOING)?;
            Ok(replaced)
        };
        self.health.derived().of(written, |replaced| *replaced > 0).await
    }
}

/// Replaces the rows of a batch within a transaction, and clears its marks; answers whose rows were taken.
async fn write_batch(
    tx: &mut Connection,
    generation: GenerationId,
    batch: &[(Mark, Vec<ProfileLedger>)],
) -> Result<i64, StoreError> {
    for (mark, derived) in batch {
        all_fit(&mark.key, derived)?;
    }
    // A mark that is gone, or that has begun anew, was taken by another reconciler: its rows are newer than ours.
    let cleared = clear_marks(tx, generation, batch.iter().map(|(mark, _)| mark)).await?;
    let ours = batch.iter().zip(&cleared).filter(|(_, cleared)| **cleared).map(|(one, _)| one);
    let placed: Vec<_> = ours.clone().flat_map(|(mark, derived)| placed(generation, &mark.key, derived)).collect();
    let merged: Vec<&CustomerKey> = ours.filter(|(_, derived)| derived.is_empty()).map(|(mark, _)| &mark.key).collect();
    let mut sums = DaySums::default();
    delete_merged_customers(tx, generation, &merged, &mut sums).await?;
    let kept = digests(tx, generation, &placed).await?;
    let ours = Differing::among(placed, kept)?;
    let old = stored(tx, generation, &ours.placed).await?;
    let changes = changes(ours, &old, &mut sums)?;
    for Tails { table, group, customers } in tails(&changes, &old) {
        let deleted = if table.numbered() {
            delete_tails(tx, table.name, &group, &customers).await
        } else {
            delete(tx, table, &group, customers.iter().map(|(customer, _)| *customer)).await
        };
        deleted.doing(DOING)?;
    }
    for rows in rows(&changes) {
        insert_rows(tx, &rows).await.doing(DOING)?;
    }
    // Last, and in one order: rows that all who recompute share are locked until the commit.
    move_sums(tx, generation, &sums).await?;
    Ok(i64::try_from(cleared.into_iter().filter(|cleared| *cleared).count()).unwrap_or(i64::MAX))
}

/// Clears each mark if nothing was added to it, else moves it on; false for one that is no longer the mark that was taken.
async fn clear_marks(
    connection: &mut Connection,
    generation: GenerationId,
    marks: impl Iterator<Item = &Mark>,
) -> Result<Vec<bool>, StoreError> {
    let marks: Vec<(String, String, &Mark)> =
        marks.map(|mark| (account(mark.key.account.as_ref()), clean(mark.key.customer.as_str()), mark)).collect();
    let mut ledgers: BTreeMap<(bool, &str), Vec<&str>> = BTreeMap::new();
    for (account, customer, mark) in &marks {
        ledgers.entry((mark.key.livemode, account)).or_default().push(customer);
    }
    let (mut found, mut unchanged) = (BTreeMap::new(), BTreeMap::<(bool, &str), Vec<String>>::new());
    let scope = "WHERE generation = $1 AND livemode = $2 AND account = $3";
    let text = format!(
        "SELECT customer, first_seq, last_seq FROM dirty {scope} AND {} ORDER BY customer{FOR_UPDATE}",
        in_list("customer", 4)
    );
    for ((livemode, account), customers) in &ledgers {
        let rows = sqlx::query(AssertSqlSafe(text.clone()))
            .bind(generation)
            .bind(livemode)
            .bind(*account)
            .bind(text_list(customers.iter().copied()))
            .fetch_all(&mut *connection)
            .await
            .doing(DOING)?;
        for row in &rows {
            let customer: String = row.try_get(0).doing(DOING)?;
            let seqs: (Seq, Seq) = (row.try_get(1).doing(DOING)?, row.try_get(2).doing(DOING)?);
            found.insert((*livemode, *account, customer), seqs);
        }
    }
    let mut cleared = Vec::with_capacity(marks.len());
    for (account, customer, mark) in &marks {
        let seqs = found.get(&(mark.key.livemode, account.as_str(), customer.clone()));
        let taken = seqs.filter(|(first, last)| *first == mark.first_seq && *last >= mark.last_seq);
        match taken {
            Some((_, last)) if *last == mark.last_seq => {
                unchanged.entry((mark.key.livemode, account)).or_default().push(customer.clone());
            }
            // Marked again meanwhile: it waits behind the others for what came since. With its old place some dozens of busy
            // customers would be taken again and again, and nobody else ever.
            Some(_) => {
                let text = format!(
                    "UPDATE dirty SET first_seq = $5, own_seq = CASE WHEN own_seq < $5 THEN $5 ELSE own_seq END {scope}
                     AND customer = $4"
                );
                sqlx::query(AssertSqlSafe(text))
                    .bind(generation)
                    .bind(mark.key.livemode)
                    .bind(account)
                    .bind(customer)
                    .bind(mark.last_seq.next())
                    .execute(&mut *connection)
                    .await
                    .doing(DOING)?;
            }
            None => {}
        }
        cleared.push(taken.is_some());
    }
    let text = format!("DELETE FROM dirty {scope} AND {}", in_list("customer", 4));
    for ((livemode, account), customers) in unchanged {
        sqlx::query(AssertSqlSafe(text.clone()))
            .bind(generation)
            .bind(livemode)
            .bind(account)
            .bind(text_list(customers.iter().map(String::as_str)))
            .execute(&mut *connection)
            .await
            .doing(DOING)?;
    }
    Ok(cleared)
}

/// The digest that is kept of each.
async fn digests(
    connection: &mut Connection,
    generation: GenerationId,
    placed: &[PlacedLedger<'_>],
) -> Result<KeptHalves, StoreError> {
    let mut kept: KeptHalves = placed.iter().map(|_| None).collect();
    // With the clocks, which stand before the customers in its key: without them all digests are gone through.
    let text = format!(
        "SELECT customer, test_clock, digest, digest_rest FROM customer_digest WHERE {GROUP} AND {} AND {}",
        in_list("test_clock", 5),
        in_list("customer", 6)
    );
    for ((profile, livemode, account), members) in together(placed.iter().map(|(place, ..)| place)) {
        let clocks: BTreeSet<&str> = members.iter().map(|(at, _)| placed[*at].0.clock.as_str()).collect();
        let query = sqlx::query(AssertSqlSafe(text.clone())).bind(generation).bind(profile);
        let query = query.bind(livemode).bind(account).bind(text_list(clocks));
        let query = query.bind(text_list(members.iter().map(|(_, customer)| *customer)));
        let rows = query.fetch_all(&mut *connection).await.doing(DOING)?;
        let mut found = BTreeMap::new();
        for row in &rows {
            let read = || Ok((row.try_get(0)?, row.try_get(1)?, [row.try_get(2)?, row.try_get(3)?]));
            let (customer, clock, halves): (String, String, [i64; 2]) = read().doing(DOING)?;
            found.insert((customer, clock), halves);
        }
        for (at, customer) in members {
            kept[at] = found.remove(&(customer.to_owned(), placed[at].0.clock.clone()));
        }
    }
    Ok(kept)
}

/// What is stored of each; `None` of whom there is nothing.
async fn stored(
    connection: &mut Connection,
    generation: GenerationId,
    placed: &[PlacedLedger<'_>],
) -> Result<Vec<Option<CustomerLedger>>, StoreError> {
    let mut stored: Vec<Option<CustomerLedger>> = placed.iter().map(|_| None).collect();
    for ((profile, livemode, account), members) in together(placed.iter().map(|(place, ..)| place)) {
        let customers: Vec<String> = members.iter().map(|(_, customer)| (*customer).to_owned()).collect();
        let group = Group { generation, profile, livemode, account, customers: &customers };
        let mut ledgers = read_group(connection, &group).await.map_err(unreadable)?;
        for (at, customer) in members {
            stored[at] = ledgers.remove(customer);
        }
    }
    Ok(stored)
}

/// All rows of some customers of a group in one table.
async fn delete(
    connection: &mut Connection,
    table: &Table,
    group: &Group<'_>,
    customers: impl Iterator<Item = &str>,
) -> Result<(), sqlx::Error> {
    let text = format!("DELETE FROM {} WHERE {GROUP} AND {}", table.name, in_list("customer", 5));
    let query = sqlx::query(AssertSqlSafe(text)).bind(group.generation).bind(group.profile);
    let query = query.bind(group.livemode).bind(group.account).bind(text_list(customers));
    query.execute(connection).await.map(drop)
}

/// Deletes all rows of customers whose facts were merged into another customer's ledger.
async fn delete_merged_customers(
    connection: &mut Connection,
    generation: GenerationId,
    merged: &[&CustomerKey],
    sums: &mut DaySums,
) -> Result<(), StoreError> {
    if merged.is_empty() {
        return Ok(());
    }
    let profiles: Vec<String> =
        sqlx::query_scalar(PROFILES).bind(generation).fetch_all(&mut *connection).await.doing(DOING)?;
    for profile in &profiles {
        for key in merged {
            let (account, customers) = (account(key.account.as_ref()), [clean(key.customer.as_str())]);
            let livemode = key.livemode;
            let group = Group { generation, profile, livemode, account: &account, customers: &customers };
            let stored = read_group(connection, &group).await.map_err(unreadable)?;
            let Some(old) = stored.into_values().next() else { continue };
            sums.change(&profile.as_str().into(), key, Some(Standing::whole(&old)), None)?;
            for table in &TABLES {
                delete(connection, table, &group, customers.iter().map(String::as_str)).await.doing(DOING)?;
            }
        }
    }
    Ok(())
}

/// Takes away each customer's rows from a number on.
async fn delete_tails(
    connection: &mut Connection,
    table: &str,
    group: &Group<'_>,
    tails: &[(&str, i64)],
) -> Result<(), sqlx::Error> {
    let text = format!(
        "DELETE FROM {table} USING unnest($5::text[], $6::bigint[]) AS tail (of_customer, first)
         WHERE {GROUP} AND customer = tail.of_customer AND ordinal >= tail.first"
    );
    let (customers, first): (Vec<&str>, Vec<i64>) = tails.iter().copied().unzip();
    let query = sqlx::query(AssertSqlSafe(text)).bind(group.generation).bind(group.profile);
    query.bind(group.livemode).bind(group.account).bind(customers).bind(first).execute(connection).await.map(drop)
}

/// Moves the sums of a generation.
async fn move_sums(connection: &mut Connection, generation: GenerationId, sums: &DaySums) -> Result<(), StoreError> {
    for lines in sums::lines(sums)? {
        move_lines(connection, generation, &lines).await.doing("moving sums")?;
    }
    Ok(())
}

/// Moves the rows of a table.
async fn move_lines(
    connection: &mut Connection,
    generation: GenerationId,
    lines: &Lines<'_>,
) -> Result<(), sqlx::Error> {
    let head = format!("INSERT INTO {} ({})", lines.table, lines.columns());
    // Values are made for one statement at a time: of a fill there are more sums than belong into memory twice.
    for page in lines.lines.chunks(ROWS_MAX) {
        let rows: Vec<_> = page.iter().map(|line| Values(line.values(generation))).collect();
        insert_values(connection, &head, &rows, &lines.on_conflict()).await?;
    }
    delete_rows(connection, &lines.ending_keys(generation), IS_EMPTY).await
}
