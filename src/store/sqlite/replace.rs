//! Recomputing marked customers and writing their rows: a batch in one transaction and one trip. Its twin is in `postgres/`.
//!
//! The write lock can't be held while ledgers are derived: the marks are looked at again, and rows that came too late are
//! refused.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params, params_from_iter};
use tokio::runtime::Handle;

use super::{
    Database,
    body::{
        columns::TABLES,
        fill::DOING as FILLING,
        readback::Group,
        recompute::whose_turn,
        replace::{
            DOING, Differing, KeptHalves, PROFILES, PlacedLedger, RowKey, Tails, all_fit, changes, placed, rows, tails,
            together, unreadable,
        },
        rows::{TableRows, account},
        sum_rows::{IS_EMPTY, Lines},
        sums,
    },
    direct::Failure,
    fresh::{lives, write_rows},
    ledgers::read_named,
};
use crate::{
    event::CustomerKey,
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
        let doing = "reading marks";
        let mut connection = self.derived.acquire().await.doing(doing)?;
        let marks = whose_turn(&mut connection, generation, whose, passed_over, "").await?;
        drop(connection);
        let taken = marks.len();
        if taken > 0 {
            self.replace(generation, derive(marks).await?).await?;
        }
        Ok(taken)
    }

    pub(in crate::store) async fn fill_sums(&self, generation: GenerationId, sums: DaySums) -> Result<(), StoreError> {
        let _turn = self.derived_writer.acquire().await.doing(FILLING)?;
        let write = move |connection: &mut Connection| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            lives(&tx, generation)?;
            move_sums(&tx, generation, &sums)?;
            Ok(tx.commit()?)
        };
        self.fresh.run(FILLING, write).await
    }

    pub(in crate::store) async fn replace(
        &self,
        generation: GenerationId,
        batch: Vec<(Mark, Vec<ProfileLedger>)>,
    ) -> Result<i64, StoreError> {
        let replaced = async {
            // SQLite makes whoever finds the file locked sleep and try again: within this process one waits for one's turn.
            let _turn = self.derived_writer.acquire().await.doing(DOING)?;
            let (plan, runtime) = (self.plan.clone(), Handle::current());
            let write = move |connection: &mut Connection| {
                let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let replaced = write_batch(&tx, generation, &batch)?;
                runtime.block_on(plan.pass(planned::REPLACE_BEFORE_COMMIT))?;
                tx.commit()?;
                Ok(replaced)
            };
            self.replacing.run(DOING, write).await
        };
        self.health.derived().of(replaced, |replaced| *replaced > 0).await
    }
}

/// Replaces the rows of a batch within a transaction, and clears its marks; answers of how many customers.
fn write_batch(
    tx: &Transaction<'_>,
    generation: GenerationId,
    batch: &[(Mark, Vec<ProfileLedger>)],
) -> Result<i64, Failure> {
    let (mut cleared, mut sums) = (0, DaySums::default());
    let mut ours: Vec<PlacedLedger<'_>> = Vec::with_capacity(batch.len());
    for (mark, derived) in batch {
        all_fit(&mark.key, derived)?;
        // A mark that is gone, or that has begun anew, was taken by another reconciler: its rows are newer than ours.
        if !clear_mark(tx, generation, mark)? {
            continue;
        }
        cleared += 1;
        if derived.is_empty() {
            delete_merged_customer(tx, generation, &mark.key, &mut sums)?;
        }
        ours.extend(placed(generation, &mark.key, derived));
    }
    let kept = digests(tx, &ours)?;
    let ours = Differing::among(ours, kept)?;
    let old = stored(tx, generation, &ours.placed)?;
    let changes = changes(ours, &old, &mut sums)?;
    for tails in tails(&changes, &old) {
        delete_tails(tx, &tails)?;
    }
    for rows in &mut rows(&changes) {
        write_rows(tx, rows)?;
    }
    move_sums(tx, generation, &sums)?;
    Ok(cleared)
}

/// Clears a mark if nothing was added to it, else moves it on; false for one that is no longer the mark that was taken.
fn clear_mark(tx: &Transaction<'_>, generation: GenerationId, mark: &Mark) -> rusqlite::Result<bool> {
    const SCOPE: &str = "WHERE generation = ?1 AND livemode = ?2 AND account = ?3 AND customer = ?4";
    let (account, customer) = (account(mark.key.account.as_ref()), clean(mark.key.customer.as_str()));
    let of = params![generation.0, mark.key.livemode, account, customer];
    let found: Option<(i64, i64)> = tx
        .prepare_cached(&format!("SELECT first_seq, last_seq FROM dirty {SCOPE}"))?
        .query_row(of, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match found {
        Some((first, last)) if first == mark.first_seq.0 && last == mark.last_seq.0 => {
            tx.prepare_cached(&format!("DELETE FROM dirty {SCOPE}"))?.execute(of)?;
            Ok(true)
        }
        // Marked again meanwhile: it waits behind the others for what came since. With its old place some dozens of busy
        // customers would be taken again and again, and nobody else ever.
        Some((first, last)) if first == mark.first_seq.0 && last > mark.last_seq.0 => {
            let later = params![generation.0, mark.key.livemode, account, customer, mark.last_seq.next().0];
            let text = format!(
                "UPDATE dirty SET first_seq = ?5, own_seq = CASE WHEN own_seq < ?5 THEN ?5 ELSE own_seq END {SCOPE}"
            );
            tx.prepare_cached(&text)?.execute(later)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// The digest that is kept of each.
fn digests(tx: &Transaction<'_>, placed: &[PlacedLedger<'_>]) -> rusqlite::Result<KeptHalves> {
    let mut kept = tx.prepare_cached(
        "SELECT digest, digest_rest FROM customer_digest
         WHERE generation = ? AND profile = ? AND livemode = ? AND account = ? AND test_clock = ? AND customer = ?",
    )?;
    let of = |(place, ..): &PlacedLedger<'_>| {
        let RowKey { generation, profile, livemode, account, clock, customer } = place;
        let key = params![generation.0, profile, livemode, account, clock, customer];
        kept.query_row(key, |row| Ok([row.get(0)?, row.get(1)?])).optional()
    };
    placed.iter().map(of).collect()
}

/// What is stored of each; `None` of whom there is nothing.
fn stored(
    tx: &Transaction<'_>,
    generation: GenerationId,
    placed: &[PlacedLedger<'_>],
) -> Result<Vec<Option<CustomerLedger>>, Failure> {
    let mut stored: Vec<Option<CustomerLedger>> = placed.iter().map(|_| None).collect();
    for ((profile, livemode, account), mut members) in together(placed.iter().map(|(place, ..)| place)) {
        members.sort_unstable_by_key(|(_, customer)| *customer);
        let customers: Vec<String> = members.iter().map(|(_, customer)| (*customer).to_owned()).collect();
        let group = Group { generation, profile, livemode, account, customers: &customers };
        for (customer, ledger) in read(tx, &group)? {
            if let Ok(member) = members.binary_search_by_key(&customer.as_str(), |(_, customer)| *customer) {
                stored[members[member].0] = Some(ledger);
            }
        }
    }
    Ok(stored)
}

fn read(tx: &Transaction<'_>, group: &Group<'_>) -> Result<Vec<(String, CustomerLedger)>, Failure> {
    read_named(tx, group).map_err(|failure| match failure {
        Failure::Store(error) => Failure::Store(unreadable(error)),
        failure @ Failure::Sqlite(_) => failure,
    })
}

/// Deletes all rows of a customer whose facts were merged into another customer's ledger.
fn delete_merged_customer(
    tx: &Transaction<'_>,
    generation: GenerationId,
    key: &CustomerKey,
    sums: &mut DaySums,
) -> Result<(), Failure> {
    let profiles: rusqlite::Result<Vec<String>> =
        tx.prepare_cached(PROFILES)?.query_map([generation.0], |row| row.get(0))?.collect();
    let (account, customers) = (account(key.account.as_ref()), [clean(key.customer.as_str())]);
    for profile in &profiles? {
        let livemode = key.livemode;
        let group = || Group { generation, profile, livemode, account: &account, customers: &customers };
        let Some((customer, old)) = read(tx, &group())?.pop() else { continue };
        sums.change(&profile.as_str().into(), key, Some(Standing::whole(&old)), None)?;
        for table in &TABLES {
            delete_tails(tx, &Tails { table, group: group(), customers: vec![(&customer, 0)] })?;
        }
    }
    Ok(())
}

fn delete_tails(tx: &Transaction<'_>, Tails { table, group, customers }: &Tails<'_>) -> rusqlite::Result<()> {
    let Group { generation, profile, livemode, account, .. } = group;
    let of = "generation = ? AND profile = ? AND livemode = ? AND account = ? AND customer = ?";
    let from = if table.numbered() { " AND ordinal >= ?" } else { "" };
    let mut delete = tx.prepare_cached(&format!("DELETE FROM {} WHERE {of}{from}", table.name))?;
    for (customer, first) in customers {
        if table.numbered() {
            delete.execute(params![generation.0, profile, livemode, account, customer, first])?;
        } else {
            delete.execute(params![generation.0, profile, livemode, account, customer])?;
        }
    }
    Ok(())
}

/// Moves the sums of a generation.
fn move_sums(tx: &Transaction<'_>, generation: GenerationId, sums: &DaySums) -> Result<(), Failure> {
    for lines in sums::lines(sums)? {
        move_lines(tx, generation, &lines)?;
    }
    Ok(())
}

/// Moves the rows of a table of sums.
fn move_lines(tx: &Transaction<'_>, generation: GenerationId, lines: &Lines<'_>) -> rusqlite::Result<()> {
    if lines.lines.is_empty() {
        return Ok(());
    }
    let (table, columns) = (lines.table, lines.columns());
    let values = vec!["?"; columns.split(',').count()].join(", ");
    let conflict = lines.on_conflict();
    let mut add = tx.prepare_cached(&format!("INSERT INTO {table} ({columns}) VALUES ({values}) {conflict}"))?;
    for line in &lines.lines {
        add.execute(params_from_iter(line.values(generation)))?;
    }
    let TableRows { columns, rows, .. } = lines.ending_keys(generation);
    let same = columns.split(", ").map(|column| format!("{column} = ?")).collect::<Vec<_>>().join(" AND ");
    let delete = format!("DELETE FROM {table} WHERE {} AND {same}", IS_EMPTY);
    for row in rows {
        tx.prepare_cached(&delete)?.execute(params_from_iter(row.0))?;
    }
    Ok(())
}
