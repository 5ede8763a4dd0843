//! Writing derived rows: a batch of customers, each replaced whole, marks cleared in the same transaction.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::{Database, dialect::*},
    columns::*,
    rows::{TableRows, Values, account, account_of},
};
use crate::{
    ledger::{ids::CustomerId, movement_id::movement_id, outcome::CustomerLedger},
    store::{
        CustomerKey, Derived, Filled, Mark, StoreError,
        errors::{Doing, corrupt},
        planned,
        prepared::clean,
    },
};

const DOING: &str = "writing derived rows";

/// Where a row belongs: the columns every derived table begins with, and the test clock.
#[derive(Clone)]
struct Place {
    generation: i64,
    profile: String,
    livemode: bool,
    account: String,
    customer: String,
    clock: String,
}

impl Place {
    fn new(generation: i64, key: &CustomerKey, derived: &Derived) -> Self {
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
            .bind(self.generation)
            .bind(self.profile.clone())
            .bind(self.livemode)
            .bind(self.account.clone())
            .bind(self.customer.clone())
    }
}

/// A row of a table, with its number within its customer.
struct Line<'l, T> {
    place: &'l Place,
    ordinal: i64,
    row: &'l T,
}

impl<T> Line<'_, T> {
    fn bind(&self, query: Values) -> Values {
        self.place.bind(query).bind(self.ordinal)
    }
}

fn lines<'l, T>(
    ledgers: &'l [(Place, &'l CustomerLedger)],
    of: impl Fn(&'l CustomerLedger) -> &'l [T],
) -> Vec<Line<'l, T>> {
    ledgers
        .iter()
        .flat_map(|(place, ledger)| (0..).zip(of(ledger)).map(move |(ordinal, row)| Line { place, ordinal, row }))
        .collect()
}

impl Database {
    pub(in crate::store) async fn replace(
        &self,
        generation: i64,
        batch: &[(Mark, Vec<Derived>)],
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
    generation: i64,
    batch: &[(Mark, Vec<Derived>)],
) -> Result<i64, StoreError> {
    for (mark, derived) in batch {
        all_fit(&mark.key, derived)?;
    }
    // A mark that is gone, or that has begun anew, was taken by another reconciler: its rows are newer than ours.
    let cleared = clear_marks(tx, generation, batch.iter().map(|(mark, _)| mark)).await?;
    let ours = batch.iter().zip(&cleared).filter(|(_, cleared)| **cleared);
    let ledgers: Vec<_> = ours.flat_map(|((mark, derived), _)| placed(generation, &mark.key, derived)).collect();
    delete(tx, &ledgers).await.doing(DOING)?;
    let nobody = batch.iter().zip(&cleared).filter(|((_, derived), cleared)| **cleared && derived.is_empty());
    let nobody: Vec<&CustomerKey> = nobody.map(|((mark, _), _)| &mark.key).collect();
    delete_nobody(tx, generation, &nobody).await.doing(DOING)?;
    for rows in rows(&ledgers) {
        insert_rows(tx, &rows).await.doing(DOING)?;
    }
    Ok(i64::try_from(cleared.into_iter().filter(|cleared| *cleared).count()).unwrap_or(i64::MAX))
}

/// The rows of customers that have none yet.
pub(super) fn fresh_rows(generation: i64, batch: &[Filled]) -> Result<Vec<TableRows>, StoreError> {
    for one in batch {
        all_fit(&one.key, &one.derived)?;
    }
    let ledgers: Vec<_> = batch.iter().flat_map(|one| placed(generation, &one.key, &one.derived)).collect();
    Ok(rows(&ledgers))
}

fn all_fit(key: &CustomerKey, derived: &[Derived]) -> Result<(), StoreError> {
    derived.iter().try_for_each(|derived| {
        amounts_fit(&derived.ledger).map_err(|amount| {
            corrupt(DOING, format!("{}: an amount of {amount} minor units is beyond a row", key.customer))
        })
    })
}

fn placed<'d>(
    generation: i64,
    key: &CustomerKey,
    derived: &'d [Derived],
) -> impl Iterator<Item = (Place, &'d CustomerLedger)> {
    derived.iter().map(move |derived| (Place::new(generation, key, derived), &derived.ledger))
}

/// Clears each mark if nothing was added to it; false for one that is no longer the mark that was taken.
async fn clear_marks(
    connection: &mut Connection,
    generation: i64,
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
            let seqs: (i64, i64) = (row.try_get(1).doing(DOING)?, row.try_get(2).doing(DOING)?);
            found.insert((*livemode, *account, customer), seqs);
        }
    }
    let mut cleared = Vec::with_capacity(marks.len());
    for (account, customer, mark) in &marks {
        let seqs = found.get(&(mark.key.livemode, account.as_str(), customer.clone()));
        let taken = seqs.filter(|(first, last)| *first == mark.first_seq && *last >= mark.last_seq);
        if taken.is_some_and(|(_, last)| *last == mark.last_seq) {
            unchanged.entry((mark.key.livemode, account)).or_default().push(customer.clone());
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

async fn delete(connection: &mut Connection, ledgers: &[(Place, &CustomerLedger)]) -> Result<(), sqlx::Error> {
    let mut groups: BTreeMap<(i64, &str, bool, &str), Vec<&str>> = BTreeMap::new();
    for (place, _) in ledgers {
        let group = (place.generation, place.profile.as_str(), place.livemode, place.account.as_str());
        groups.entry(group).or_default().push(&place.customer);
    }
    for table in TABLES {
        let text = format!(
            "DELETE FROM {} WHERE generation = $1 AND profile = $2 AND livemode = $3 AND account = $4 AND {}",
            table.name,
            in_list("customer", 5)
        );
        for ((generation, profile, livemode, account), customers) in &groups {
            sqlx::query(AssertSqlSafe(text.clone()))
                .bind(generation)
                .bind(*profile)
                .bind(livemode)
                .bind(*account)
                .bind(text_list(customers.iter().copied()))
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

/// Takes away all rows of customers that are nobody any more: who they were has joined another ledger.
async fn delete_nobody(
    connection: &mut Connection,
    generation: i64,
    nobody: &[&CustomerKey],
) -> Result<(), sqlx::Error> {
    let keys: Vec<(bool, String, String)> =
        nobody.iter().map(|key| (key.livemode, account(key.account.as_ref()), clean(key.customer.as_str()))).collect();
    if keys.is_empty() {
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
    .await?;
    for table in TABLES {
        let text = format!(
            "DELETE FROM {} WHERE generation = $1 AND profile = $2 AND livemode = $3 AND account = $4 AND customer = $5",
            table.name
        );
        for profile in &profiles {
            for (livemode, account, customer) in &keys {
                sqlx::query(AssertSqlSafe(text.clone()))
                    .bind(generation)
                    .bind(profile)
                    .bind(livemode)
                    .bind(account)
                    .bind(customer)
                    .execute(&mut *connection)
                    .await?;
            }
        }
    }
    Ok(())
}

/// Every row of these ledgers, table by table.
fn rows(ledgers: &[(Place, &CustomerLedger)]) -> Vec<TableRows> {
    let movements = lines(ledgers, |ledger| &ledger.movements);
    let mut parts = Vec::new();
    for movement in &movements {
        let of = |(part, row)| (part, Line { place: movement.place, ordinal: movement.ordinal, row });
        parts.extend((0i64..).zip(&movement.row.parts).map(of));
    }
    vec![
        CUSTOMER.rows(ledgers, |row, (place, ledger)| bind_customer(place.bind(row).bind(place.clock.clone()), ledger)),
        DELTA.rows(&lines(ledgers, |ledger| &ledger.deltas), |row, line| {
            bind_delta(line.bind(row).bind(line.place.clock.clone()), line.row)
        }),
        COUNT.rows(&lines(ledgers, |ledger| &ledger.counts), |row, line| {
            bind_count(line.bind(row).bind(line.place.clock.clone()), line.row)
        }),
        MOVEMENT.rows(&movements, |row, line| {
            let Place { profile, livemode, account, customer, clock, .. } = line.place;
            let account = account_of(account.clone());
            let id = movement_id(profile, *livemode, account.as_ref(), &CustomerId::from(customer.as_str()), line.row);
            bind_movement(line.bind(row).bind(clock.clone()).bind(id), line.row)
        }),
        PART.rows(&parts, |row, (part, line)| bind_part(line.bind(row).bind(*part), line.row)),
        SUBSCRIPTION.rows(&lines(ledgers, |ledger| &ledger.subscriptions), |row, line| {
            bind_subscription(line.place.bind(row), line.row)
        }),
        QUALITY.rows(&lines(ledgers, |ledger| &ledger.quality), |row, line| bind_quality(line.bind(row), line.row)),
        TRIAL.rows(&lines(ledgers, |ledger| &ledger.trials), |row, line| bind_trial(line.bind(row), line.row)),
    ]
}
