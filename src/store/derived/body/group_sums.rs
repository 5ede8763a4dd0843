//! The sums of months by group in SQL: moved with the rows, read for reports in groups.
//!
//! A month that still runs is summed whole. What of it takes effect after the cut is little and found by its time: those rows
//! are taken off again, as those of a customer are who is of no cohort yet.

use std::sync::Arc;

use super::{
    super::{Database, dialect::*},
    asked::Scoped,
    group_rows::{Reading, Which},
    rows::Value,
    sum_columns::{AMOUNT, COUNT, MOVED, amount_numbers, count_numbers, movement_numbers},
    sum_rows::{Line, Lines, Meaning},
};
use crate::{
    ledger::{cohorts::Month, time::Day},
    store::{
        StoreError,
        derived::{
            SUMS_VERSION,
            day_sums::DaySums,
            group_sums::{Group, GroupMonth},
            reports::*,
            sum::Rows,
        },
        errors::Doing,
        log::prepared::clean,
    },
};

const DOING: &str = "reading the ledger";

/// A group as its column holds it: a key's column can't be null.
fn column(group: &Group) -> String {
    group.as_ref().map(|group| format!("={}", clean(group))).unwrap_or_default()
}

fn key_of((dimension, group, currency, month): &GroupMonth) -> Vec<Value> {
    vec![clean(&dimension.text()).into(), column(group).into(), currency.to_string().into(), month.to_string().into()]
}

/// The rows of sums of groups.
pub(super) fn lines(sums: &DaySums) -> Result<Vec<Lines<'_>>, StoreError> {
    let (mut amounts, mut counts, mut movements) = (Vec::new(), Vec::new(), Vec::new());
    for (of, ledger) in &sums.0 {
        let groups = ledger.groups.by_group()?;
        amounts.extend(groups.amounts.iter().map(|(key, row)| Line {
            of,
            key: key_of(key),
            numbers: amount_numbers(row),
        }));
        counts.extend(groups.counts.iter().map(|(key, row)| Line {
            of,
            key: key_of(key),
            numbers: count_numbers(row),
        }));
        movements.extend(groups.movements.iter().map(|((key, kind), row)| {
            let mut key = key_of(key);
            key.push(kind.as_str().into());
            Line { of, key, numbers: movement_numbers(row) }
        }));
    }
    let tables = [
        ("group_amount", "dimension, grp, currency, month", AMOUNT, amounts),
        ("group_count", "dimension, grp, currency, month", COUNT, counts),
        ("group_movement", "dimension, grp, currency, month, kind", MOVED, movements),
    ];
    let lines = |(table, key, numbers, lines): (_, _, &str, _)| Lines {
        table,
        key,
        numbers: numbers.into(),
        meaning: Meaning::Moved,
        lines,
    };
    Ok(tables.into_iter().map(lines).collect())
}

impl Database {
    /// Sums by month and group up to the cut, each month on its first day; `None` where the current generation has none.
    pub(in crate::store) async fn group_months(
        &self,
        scope: &Scope,
        cut_day: Day,
        dimension: &Dimension,
    ) -> Result<Option<LedgerRows>, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        if !has_sums(&mut tx).await? {
            return Ok(None);
        }
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let reading = Reading { scope, dimension, last: Day(cut_day.0.last_of_month()) };
        let mut months = reading.summed(&mut tx, cut_day).await?;
        let mut taken_off = vec![Which::Ahead];
        if *dimension == Dimension::Cohort {
            taken_off.push(Which::NotYet);
        }
        for which in taken_off {
            for row in reading.amounts(&mut tx, which).await? {
                if without_cohort(which, &row.group) {
                    months.amounts(DayAmounts { group: None, ..row.clone() }, Rows::Written)?;
                }
                months.amounts(row, Rows::Taken)?;
            }
            for row in reading.counts(&mut tx, which).await? {
                if without_cohort(which, &row.group) {
                    months.counts(DayCounts { group: None, ..row.clone() }, Rows::Written)?;
                }
                months.counts(row, Rows::Taken)?;
            }
            for row in reading.lines(&mut tx, which).await? {
                if without_cohort(which, &row.group) {
                    months.line(DayLine { group: None, ..row.clone() }, Rows::Written)?;
                }
                months.line(row, Rows::Taken)?;
            }
        }
        for row in reading.lines(&mut tx, Which::ForAWhile).await? {
            months.line(row, Rows::Written)?;
        }
        tx.commit().await.doing(DOING)?;
        let mut rows = months.into_rows();
        if *dimension == Dimension::Cohort {
            // Nobody is yet of a month to come.
            let now = Month::of(cut_day).to_string();
            let ahead = |group: &str| (*group <= *now).then(|| Arc::from(group));
            rows.regroup(ahead);
        }
        Ok(Some(rows))
    }
}

/// Whether what is taken off a group is of customers who are of no cohort yet: it is then theirs who have none.
fn without_cohort(which: Which, group: &Group) -> bool {
    which == Which::NotYet && group.is_some()
}

/// Whether the current generation has sums of groups and of figures by customer as this version keeps them: one filled by
/// an older mrrd hasn't.
pub(super) async fn has_sums(connection: &mut Connection) -> Result<bool, StoreError> {
    let sums: Option<i64> = sqlx::query_scalar("SELECT sums FROM generation WHERE state = 'current'")
        .fetch_optional(connection)
        .await
        .doing(DOING)?;
    Ok(sums == Some(SUMS_VERSION))
}
