//! Writing derived rows: of a batch of customers those that differ from what stands, marks cleared in the same transaction.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::{Database, dialect::*},
    columns::*,
    kept_rows::Kept,
    readback::{GROUP, Group, read_group},
    rows::{TableRows, Values, account, account_of},
    sums::move_sums,
};
use crate::{
    event::{CustomerKey, Seq},
    ledger::{ids::CustomerId, movement_id::movement_id, outcome::CustomerLedger},
    store::{
        StoreError,
        derived::{
            Filled, GenerationId, Mark, ProfileLedger,
            day_sums::{DaySums, Standing},
            sum::amounts_fit,
        },
        errors::{Doing, corrupt},
        log::prepared::clean,
        planned,
    },
};

const DOING: &str = "writing derived rows";

/// Where a row belongs: the columns every derived table begins with, and the test clock.
#[derive(Clone)]
struct RowKey {
    generation: GenerationId,
    profile: String,
    livemode: bool,
    account: String,
    customer: String,
    clock: String,
}

impl RowKey {
    fn new(generation: GenerationId, key: &CustomerKey, derived: &ProfileLedger) -> Self {
        Self {
            generation,
            profile: clean(&derived.profile),
            livemode: key.livemode,
            account: account(key.account.as_ref()),
            customer: clean(key.customer.as_str()),
            clock: derived.ledger.test_clock.as_ref().map(|clock| clean(clock.as_str())).unwrap_or_default(),
        }
    }

    fn bind(&self, query: Values) -> Values {
        query
            .bind(self.generation.0)
            .bind(self.profile.clone())
            .bind(self.livemode)
            .bind(self.account.clone())
            .bind(self.customer.clone())
    }
}

/// A customer's rows under one profile, and how many of them are there already.
struct Change<'l> {
    place: RowKey,
    ledger: &'l CustomerLedger,
    kept: Kept,
}

/// A row of a table, with its number within its customer.
struct NumberedRow<'l, T> {
    place: &'l RowKey,
    ordinal: i64,
    row: &'l T,
}

impl<T> NumberedRow<'_, T> {
    fn bind(&self, query: Values) -> Values {
        self.place.bind(query).bind(self.ordinal)
    }
}

fn lines<'l, T>(
    changes: &'l [Change<'l>],
    of: impl Fn(&'l CustomerLedger) -> &'l [T],
    kept: impl Fn(&Kept) -> usize,
) -> Vec<NumberedRow<'l, T>> {
    changes
        .iter()
        .flat_map(|Change { place, ledger, kept: there }| {
            let numbered = (0..).zip(of(ledger)).skip(kept(there));
            numbered.map(move |(ordinal, row)| NumberedRow { place, ordinal, row })
        })
        .collect()
}

impl Database {
    pub(in crate::store) async fn replace(
        &self,
        generation: GenerationId,
        batch: &[(Mark, Vec<ProfileLedger>)],
    ) -> Result<i64, StoreError> {
        self.health.derived().note(self.replace_all(generation, batch).await, |replaced| *replaced > 0)
    }

    async fn replace_all(
        &self,
        generation: GenerationId,
        batch: &[(Mark, Vec<ProfileLedger>)],
    ) -> Result<i64, StoreError> {
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(DOING)?;
        let replaced = write_batch(&mut tx, generation, batch).await?;
        self.plan.pass(planned::REPLACE_BEFORE_COMMIT).await?;
        tx.commit().await.doing(DOING)?;
        Ok(replaced)
    }
}

/// Replaces the rows of a batch within a transaction, and clears its marks; answers whose rows were taken.
pub(super) async fn write_batch(
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
    let old = stored(tx, &placed).await?;
    let mut changes = Vec::with_capacity(placed.len());
    for ((place, key, derived), old) in placed.into_iter().zip(&old) {
        let ProfileLedger { profile, ledger } = derived;
        let kept = old.as_ref().map_or_else(Kept::default, |old| Kept::between(old, ledger));
        let before = old.as_ref().map(|old| Standing { ledger: old, tails: kept.tails(old) });
        sums.change(profile, key, before, Some(Standing { ledger, tails: kept.tails(ledger) }))?;
        changes.push(Change { place, ledger, kept });
    }
    delete_replaced_tails(tx, &changes, &old).await.doing(DOING)?;
    for rows in rows(&changes) {
        insert_rows(tx, &rows).await.doing(DOING)?;
    }
    // Last, and in one order: rows that all who recompute share are locked until the commit.
    move_sums(tx, generation, &sums).await?;
    Ok(i64::try_from(cleared.into_iter().filter(|cleared| *cleared).count()).unwrap_or(i64::MAX))
}

/// The rows of customers that have none yet.
pub(super) fn fresh_rows(generation: GenerationId, batch: &[Filled]) -> Result<Vec<TableRows>, StoreError> {
    for one in batch {
        all_fit(&one.key, &one.derived)?;
    }
    let placed = batch.iter().flat_map(|one| placed(generation, &one.key, &one.derived));
    let changes: Vec<_> =
        placed.map(|(place, _, derived)| Change { place, ledger: &derived.ledger, kept: Kept::default() }).collect();
    Ok(rows(&changes))
}

fn all_fit(key: &CustomerKey, derived: &[ProfileLedger]) -> Result<(), StoreError> {
    derived.iter().try_for_each(|derived| {
        amounts_fit(&derived.ledger).map_err(|amount| {
            corrupt(DOING, format!("{}: an amount of {amount} minor units is beyond a row", key.customer))
        })
    })
}

fn placed<'d>(
    generation: GenerationId,
    key: &'d CustomerKey,
    derived: &'d [ProfileLedger],
) -> impl Iterator<Item = (RowKey, &'d CustomerKey, &'d ProfileLedger)> {
    derived.iter().map(move |derived| (RowKey::new(generation, key, derived), key, derived))
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
                let text = format!("UPDATE dirty SET first_seq = $5 {scope} AND customer = $4");
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

/// Customers of one ledger, which a statement can name together, with their places among those asked for.
type Together<'p> = BTreeMap<(&'p str, bool, &'p str), Vec<(usize, &'p str)>>;

fn together<'p>(places: impl Iterator<Item = &'p RowKey>) -> Together<'p> {
    let mut groups = Together::new();
    for (at, place) in places.enumerate() {
        let group = (place.profile.as_str(), place.livemode, place.account.as_str());
        groups.entry(group).or_default().push((at, &place.customer));
    }
    groups
}

/// What is stored of each; `None` of whom there is nothing.
async fn stored(
    connection: &mut Connection,
    placed: &[(RowKey, &CustomerKey, &ProfileLedger)],
) -> Result<Vec<Option<CustomerLedger>>, StoreError> {
    let mut stored: Vec<Option<CustomerLedger>> = placed.iter().map(|_| None).collect();
    let Some((RowKey { generation, .. }, ..)) = placed.first() else { return Ok(stored) };
    for ((profile, livemode, account), members) in together(placed.iter().map(|(place, ..)| place)) {
        let customers: Vec<String> = members.iter().map(|(_, customer)| (*customer).to_owned()).collect();
        let group = Group { generation: *generation, profile, livemode, account, customers: &customers };
        let mut ledgers = read_group(connection, &group).await.map_err(unreadable)?;
        for (at, customer) in members {
            stored[at] = ledgers.remove(customer);
        }
    }
    Ok(stored)
}

/// Rows can't be replaced by others while nobody can tell what of the days' sums is theirs.
fn unreadable(error: StoreError) -> StoreError {
    match error {
        StoreError::Corrupt { reason, .. } => {
            corrupt(DOING, format!("what stands can't be read ({reason}): `mrrd rebuild` derives all of it anew"))
        }
        other => other,
    }
}

/// Takes away the rows that don't stand any more: of each table, what comes after the rows that are kept.
async fn delete_replaced_tails(
    connection: &mut Connection,
    changes: &[Change<'_>],
    old: &[Option<CustomerLedger>],
) -> Result<(), sqlx::Error> {
    let Some(Change { place: RowKey { generation, .. }, .. }) = changes.first() else { return Ok(()) };
    let groups = together(changes.iter().map(|change| &change.place));
    for table in TABLES {
        for ((profile, livemode, account), members) in &groups {
            let mut tails = Vec::new();
            for (at, customer) in members {
                let Some(old) = &old[*at] else { continue };
                let (kept, there) = changes[*at].kept.of_table(table.name, old);
                if kept < there {
                    tails.push((*customer, i64::try_from(kept).unwrap_or(i64::MAX)));
                }
            }
            if tails.is_empty() {
                continue;
            }
            let group = Group { generation: *generation, profile, livemode: *livemode, account, customers: &[] };
            if table.numbered() {
                delete_tails(connection, table.name, &group, &tails).await?;
            } else {
                delete(connection, &table, &group, tails.iter().map(|(customer, _)| *customer)).await?;
            }
        }
    }
    Ok(())
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
    // Each profile found from the one before: the index begins with them.
    let profiles: Vec<String> = sqlx::query_scalar(
        "WITH RECURSIVE kept (profile) AS (
             SELECT MIN(profile) FROM customer_ledger WHERE generation = $1
             UNION ALL
             SELECT (SELECT MIN(profile) FROM customer_ledger WHERE generation = $1 AND profile > kept.profile)
             FROM kept WHERE kept.profile IS NOT NULL
         ) SELECT profile FROM kept WHERE profile IS NOT NULL",
    )
    .bind(generation)
    .fetch_all(&mut *connection)
    .await
    .doing(DOING)?;
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

/// The rows that aren't there yet, table by table.
fn rows(changes: &[Change<'_>]) -> Vec<TableRows> {
    let movements = lines(changes, |ledger| &ledger.movements, |kept| kept.movements);
    let heads: Vec<_> = changes.iter().filter(|change| change.kept.customer == 0).collect();
    let mut parts = Vec::new();
    for movement in &movements {
        let (place, ordinal, of) = (movement.place, movement.ordinal, movement.row);
        parts.extend((0i64..).zip(of.parts.iter().enumerate()).map(|(part, (at, row))| {
            // The movement is listed once under each cause.
            let first = of.parts[..at].iter().all(|before| before.cause != row.cause);
            (part, NumberedRow { place, ordinal, row }, first.then_some(of))
        }));
    }
    vec![
        CUSTOMER.rows(&heads, |row, Change { place, ledger, .. }| {
            bind_customer(place.bind(row).bind(place.clock.clone()), ledger)
        }),
        DELTA.rows(&lines(changes, |ledger| &ledger.deltas, |kept| kept.deltas), |row, line| {
            bind_delta(line.bind(row).bind(line.place.clock.clone()), line.row)
        }),
        COUNT.rows(&lines(changes, |ledger| &ledger.counts, |kept| kept.counts), |row, line| {
            bind_count(line.bind(row).bind(line.place.clock.clone()), line.row)
        }),
        MOVEMENT.rows(&movements, |row, line| {
            let RowKey { profile, livemode, account, customer, clock, .. } = line.place;
            let account = account_of(account.clone());
            let id = movement_id(profile, *livemode, account.as_ref(), &CustomerId::from(customer.as_str()), line.row);
            bind_movement(line.bind(row).bind(clock.clone()).bind(id), line.row)
        }),
        PART.rows(&parts, |row, (part, line, listed)| {
            let row = line.bind(row).bind(*part);
            bind_part(row.bind(listed.map(|of| of.day.to_string())).bind(listed.map(|of| of.effective_at.0)), line.row)
        }),
        SUBSCRIPTION.rows(&lines(changes, |ledger| &ledger.subscriptions, |kept| kept.subscriptions), |row, line| {
            bind_subscription(line.place.bind(row), line.row)
        }),
        QUALITY.rows(&lines(changes, |ledger| &ledger.quality, |kept| kept.quality), |row, line| {
            bind_quality(line.bind(row), line.row)
        }),
        TRIAL.rows(&lines(changes, |ledger| &ledger.trials, |kept| kept.trials), |row, line| {
            bind_trial(line.bind(row), line.row)
        }),
    ]
}
