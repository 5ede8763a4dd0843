//! What days add to the figures that look at customers one by one, in SQL: moved with the customers, read up to a cut.

use std::collections::BTreeSet;

use sqlx::{QueryBuilder, Row as _};

use super::{
    super::{Database, dialect::*},
    asked::{Scoped, currency, day, each, push_scope, sum},
    day_sums,
    group_sums::has_sums,
    readback::{Group, read_group},
    rows::account,
    sum_columns::{MOVED, movement_numbers},
    sum_rows::{Line, Lines, Meaning},
};
use crate::{
    budget::Charge,
    ledger::{
        cohorts::Month,
        outcome::CustomerLedger,
        retention::{self, Aged, Looked},
        time::Day,
    },
    limits,
    store::{
        StoreError,
        derived::{
            day_sums::DaySums,
            reports::*,
            retention_sums::{CohortDay, LookedDay},
            sum::{DayMovement, Rows},
        },
        errors::{Doing, corrupt},
        log::prepared::clean,
    },
};

const DOING: &str = "reading the ledger";

/// In the order of `retention::amount`.
const AMOUNTS: [&str; retention::AMOUNTS] = [
    "positive",
    "kept_month",
    "kept_quarter",
    "kept_year",
    "least_month",
    "least_quarter",
    "least_year",
    "kept_12",
    "least_12",
    "bought",
    "expanded",
    "held",
];
/// In the order of `retention::counted`.
const COUNTS: [&str; retention::COUNTS] =
    ["paying", "lost_month", "lost_quarter", "lost_year", "lost_in_month", "new_30", "lost_30", "buyers"];

fn looked_columns() -> String {
    let amounts = AMOUNTS.iter().flat_map(|name| [(*name).to_owned(), format!("{name}_rest")]);
    let all = std::iter::once("items".to_owned()).chain(amounts).chain(COUNTS.iter().map(|name| (*name).to_owned()));
    all.collect::<Vec<_>>().join(", ")
}

/// The rows of what customers pay.
pub(super) fn customer_lines(sums: &DaySums) -> Lines<'_> {
    let mut lines = Vec::new();
    for (of, ledger) in &sums.0 {
        let changed = ledger.customers.iter().filter(|(_, row)| **row != DayMovement::default());
        lines.extend(changed.map(|((customer, currency), row)| {
            let key = vec![clean(customer.as_str()).into(), currency.to_string().into()];
            Line { of, key, numbers: movement_numbers(row) }
        }));
    }
    let (table, key, meaning) = ("customer_mrr", "customer, currency", Meaning::Moved);
    Lines { table, key, numbers: MOVED.into(), meaning, lines }
}

/// The rows of what days add, of cohorts, and of what customers pay.
pub(super) fn lines(sums: &DaySums) -> Vec<Lines<'_>> {
    let (mut days, mut cohorts) = (Vec::new(), Vec::new());
    for (of, ledger) in &sums.0 {
        let changed = ledger.retention.days.iter().filter(|(_, row)| **row != LookedDay::default());
        days.extend(changed.map(|((currency, day), LookedDay { items, amounts, counts })| {
            let numbers = std::iter::once(*items).chain(amounts.iter().flat_map(|(minor, rest)| [*minor, *rest]));
            let key = vec![currency.to_string().into(), day.to_string().into()];
            Line { of, key, numbers: numbers.chain(*counts).collect() }
        }));
        let changed = ledger.retention.cohorts.iter().filter(|(_, row)| **row != CohortDay::default());
        cohorts.extend(changed.map(|((currency, cohort, day), CohortDay { items, mrr, active, members })| {
            let key = vec![currency.to_string().into(), cohort.to_string().into(), day.to_string().into()];
            Line { of, key, numbers: vec![*items, mrr.0, mrr.1, *active, *members] }
        }));
    }
    let aged = "items, mrr, mrr_rest, active, members".to_owned();
    vec![
        Lines {
            table: "retention_day",
            key: "currency, day",
            numbers: looked_columns(),
            meaning: Meaning::Moved,
            lines: days,
        },
        Lines {
            table: "cohort_day",
            key: "currency, cohort, day",
            numbers: aged,
            meaning: Meaning::Moved,
            lines: cohorts,
        },
        customer_lines(sums),
    ]
}

impl Database {
    /// What each day up to the cut adds; `None` where the current generation doesn't keep it, or accounts are asked together.
    pub(in crate::store) async fn retention(
        &self,
        scope: &Scope,
        cut_day: Day,
    ) -> Result<Option<RetentionRows>, StoreError> {
        let AccountScope::One(of) = &scope.account else { return Ok(None) };
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        if !has_sums(&mut tx).await? {
            return Ok(None);
        }
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let whole = day_sums::whole(&mut tx, scope, cut_day).await?;
        let mut rows = RetentionRows { whole, ..RetentionRows::default() };
        let names = looked_columns();
        let names = names.split(", ").skip(1).map(|name| format!("s.{name}")).collect::<Vec<_>>().join(", ");
        let mut query = QueryBuilder::<Driver>::new(format!("SELECT s.currency, s.day, {names} FROM retention_day s"));
        push_scope(&mut query, "s", "s", scope);
        query.push(" AND s.day <= ").push_bind(cut_day.to_string());
        let read = |row: &Row| {
            let mut looked = Looked::default();
            for (place, amount) in looked.amounts.iter_mut().enumerate() {
                *amount = sum(row, 2 + 2 * place).doing(DOING)?;
            }
            for (place, count) in looked.counts.iter_mut().enumerate() {
                *count = row.try_get(2 + 2 * retention::AMOUNTS + place).doing(DOING)?;
            }
            let of = (currency(row.try_get(0).doing(DOING)?)?, day(row.try_get(1).doing(DOING)?)?);
            Ok((of, looked))
        };
        rows.days = each(&mut query, &mut tx, read).await?.into_iter().collect();

        let mut query = QueryBuilder::<Driver>::new(
            "SELECT s.currency, s.cohort, s.day, s.mrr, s.mrr_rest, s.active, s.members FROM cohort_day s",
        );
        push_scope(&mut query, "s", "s", scope);
        query.push(" AND s.day <= ").push_bind(cut_day.to_string());
        let read = |row: &Row| {
            let cohort: &str = row.try_get(1).doing(DOING)?;
            let of = (
                currency(row.try_get(0).doing(DOING)?)?,
                Month::of(day(&format!("{cohort}-01"))?),
                day(row.try_get(2).doing(DOING)?)?,
            );
            let count = |at: usize| row.try_get(at).doing(DOING);
            Ok((of, Aged { mrr: sum(row, 3).doing(DOING)?, active: count(5)?, members: count(6)? }))
        };
        rows.cohorts = each(&mut query, &mut tx, read).await?.into_iter().collect();
        correct(&mut tx, scope, &account(of.as_ref()), cut_day, &mut rows).await?;
        tx.commit().await.doing(DOING)?;
        Ok(Some(rows))
    }
}

/// Whoever has rows that aren't shown yet, or not for ever, counts as it is shown at the cut.
async fn correct(
    tx: &mut Connection,
    scope: &Scoped<'_>,
    account: &str,
    cut_day: Day,
    rows: &mut RetentionRows,
) -> Result<(), StoreError> {
    let generation = scope.generation;
    let profile = clean(&scope.profile);
    let beyond = || corrupt(DOING, "figures of a day pass what their sum holds");
    let customers = in_between(tx, scope, cut_day).await?;
    for customers in customers.chunks(limits::CUSTOMERS_IN_BETWEEN) {
        let group = Group { generation, profile: &profile, livemode: scope.livemode, account, customers };
        let ledgers = read_group(tx, &group).await?;
        // What is held of them goes with the page; the question's time is looked at as well.
        Charge::begin().add(ledgers.values().map(CustomerLedger::bytes_held).sum())?;
        for ledger in ledgers.values() {
            let kept = retention::share(ledger, None).ok_or_else(beyond)?;
            let shown = retention::share(ledger, Some(scope.cut)).ok_or_else(beyond)?;
            rows.add(&kept, Rows::Taken, cut_day).ok_or_else(beyond)?;
            rows.add(&shown, Rows::Written, cut_day).ok_or_else(beyond)?;
        }
    }
    Ok(())
}

/// Customers with rows of a day up to the cut's that come after the cut, and with movements that are shown for a while.
pub(super) async fn in_between(
    tx: &mut Connection,
    scope: &Scoped<'_>,
    cut_day: Day,
) -> Result<Vec<String>, StoreError> {
    let mut found = BTreeSet::new();
    let later = scope.cut.plus(day_sums::DAY_SECONDS).0;
    for (table, at, index, condition) in [
        ("item_delta", "at", "item_delta_by_time", "d.ordinal >= 0"),
        ("count_delta", "at", "count_delta_by_time", "d.ordinal >= 0"),
        ("movement", "visible_from", "movement_by_time", "d.visible_until IS NULL"),
    ] {
        let mut query = QueryBuilder::<Driver>::new(format!(
            "SELECT DISTINCT d.customer FROM {table} d{}",
            by_own_index(index, scope.generation)
        ));
        push_scope(&mut query, "d", "d", scope);
        query.push(format_args!(" AND {condition} AND d.{at} > ")).push_bind(scope.cut.0);
        query.push(format_args!(" AND d.{at} <= ")).push_bind(later);
        query.push(" AND d.day <= ").push_bind(cut_day.to_string());
        for customer in each(&mut query, tx, |row| row.try_get::<String, _>(0).doing(DOING)).await? {
            found.insert(customer);
        }
    }
    let mut query = QueryBuilder::<Driver>::new(format!(
        "SELECT DISTINCT d.customer FROM movement d{}",
        by_own_index("movement_for_a_while", scope.generation)
    ));
    push_scope(&mut query, "d", "d", scope);
    query.push(" AND d.visible_until IS NOT NULL AND d.visible_until > ").push_bind(scope.cut.0);
    query.push(" AND d.visible_from <= ").push_bind(scope.cut.0);
    for customer in each(&mut query, tx, |row| row.try_get::<String, _>(0).doing(DOING)).await? {
        found.insert(customer);
    }
    Ok(found.into_iter().collect())
}
