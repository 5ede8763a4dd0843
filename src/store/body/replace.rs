//! Writing derived rows: a batch of customers, each replaced whole, marks cleared in the same transaction.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use super::{
    super::{Database, dialect::*},
    columns::*,
    rows::{self, Query, account, account_of},
};
use crate::{
    ledger::{ids::CustomerId, movement_id::movement_id, outcome::CustomerLedger},
    store::{
        CustomerKey, Derived, Mark, StoreError,
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

    fn bind<'q>(&self, query: Query<'q>) -> Query<'q> {
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
    fn bind<'q>(&self, query: Query<'q>) -> Query<'q> {
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
        for (mark, derived) in batch {
            for derived in derived {
                amounts_fit(&derived.ledger).map_err(|amount| {
                    corrupt(DOING, format!("{}: an amount of {amount} minor units is beyond a row", mark.key.customer))
                })?;
            }
        }
        let mut tx = self.derived_writer.begin_with(BEGIN_WRITE).await.doing(DOING)?;
        let mut ledgers = Vec::with_capacity(batch.len());
        let mut replaced = 0;
        // In one order everywhere: two reconcilers wait for each other, never in a circle.
        let mut batch: Vec<_> = batch.iter().collect();
        batch.sort_by(|(one, _), (other, _)| one.key.cmp(&other.key));
        for (mark, derived) in batch {
            // A mark that is gone, or that has begun anew, was taken by another reconciler: its rows are newer than ours.
            if clear_mark(&mut tx, generation, mark).await? {
                replaced += 1;
                ledgers.extend(
                    derived.iter().map(|derived| (Place::new(generation, &mark.key, derived), &derived.ledger)),
                );
            }
        }
        delete(&mut tx, &ledgers).await.doing(DOING)?;
        insert(&mut tx, &ledgers).await.doing(DOING)?;
        self.plan.pass(planned::REPLACE_BEFORE_COMMIT).await?;
        tx.commit().await.doing(DOING)?;
        Ok(replaced)
    }
}

/// Clears the mark if nothing was added to it; false if it is no longer the mark that was taken.
async fn clear_mark(connection: &mut Connection, generation: i64, mark: &Mark) -> Result<bool, StoreError> {
    let text = format!(
        "SELECT last_seq FROM dirty WHERE generation = $1 AND livemode = $2 AND account = $3 AND customer = $4
         AND first_seq = $5{FOR_UPDATE}"
    );
    let last: Option<i64> = sqlx::query_scalar(AssertSqlSafe(text))
        .bind(generation)
        .bind(mark.key.livemode)
        .bind(account(mark.key.account.as_ref()))
        .bind(clean(mark.key.customer.as_str()))
        .bind(mark.first_seq)
        .fetch_optional(&mut *connection)
        .await
        .doing(DOING)?;
    if last == Some(mark.last_seq) {
        sqlx::query("DELETE FROM dirty WHERE generation = $1 AND livemode = $2 AND account = $3 AND customer = $4")
            .bind(generation)
            .bind(mark.key.livemode)
            .bind(account(mark.key.account.as_ref()))
            .bind(clean(mark.key.customer.as_str()))
            .execute(connection)
            .await
            .doing(DOING)?;
    }
    Ok(last.is_some_and(|last| last >= mark.last_seq))
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

async fn insert(connection: &mut Connection, ledgers: &[(Place, &CustomerLedger)]) -> Result<(), sqlx::Error> {
    let (head, width) = CUSTOMER.insert();
    rows::insert(connection, &head, width, "", ledgers, |query, (place, ledger)| {
        bind_customer(place.bind(query).bind(place.clock.clone()), ledger)
    })
    .await?;
    write(connection, &DELTA, lines(ledgers, |ledger| &ledger.deltas), |query, line| {
        bind_delta(line.bind(query).bind(line.place.clock.clone()), line.row)
    })
    .await?;
    write(connection, &COUNT, lines(ledgers, |ledger| &ledger.counts), |query, line| {
        bind_count(line.bind(query).bind(line.place.clock.clone()), line.row)
    })
    .await?;
    write(connection, &MOVEMENT, lines(ledgers, |ledger| &ledger.movements), |query, line| {
        let Place { profile, livemode, account, customer, clock, .. } = line.place;
        let account = account_of(account.clone());
        let id = movement_id(profile, *livemode, account.as_ref(), &CustomerId::from(customer.as_str()), line.row);
        bind_movement(line.bind(query).bind(clock.clone()).bind(id), line.row)
    })
    .await?;
    let mut parts = Vec::new();
    for movement in lines(ledgers, |ledger| &ledger.movements) {
        let of = |(part, row)| (part, Line { place: movement.place, ordinal: movement.ordinal, row });
        parts.extend((0i64..).zip(&movement.row.parts).map(of));
    }
    write(connection, &PART, parts, |query, (part, line)| bind_part(line.bind(query).bind(*part), line.row)).await?;
    write(connection, &SUBSCRIPTION, lines(ledgers, |ledger| &ledger.subscriptions), |query, line| {
        bind_subscription(line.place.bind(query), line.row)
    })
    .await?;
    write(connection, &QUALITY, lines(ledgers, |ledger| &ledger.quality), |query, line| {
        bind_quality(line.bind(query), line.row)
    })
    .await?;
    write(connection, &TRIAL, lines(ledgers, |ledger| &ledger.trials), |query, line| {
        bind_trial(line.bind(query), line.row)
    })
    .await
}

async fn write<R>(
    connection: &mut Connection,
    table: &Table,
    rows: Vec<R>,
    bind: impl for<'q> Fn(Query<'q>, &R) -> Query<'q>,
) -> Result<(), sqlx::Error> {
    let (head, width) = table.insert();
    rows::insert(connection, &head, width, "", &rows, bind).await
}
