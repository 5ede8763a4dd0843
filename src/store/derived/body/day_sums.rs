//! The sums of days in SQL, read for reports over all customers.

use sqlx::{QueryBuilder, Row as _};

use super::{
    super::dialect::*,
    asked::{Scoped, currency, day, line, push_scope, sum},
    sum_columns::{AMOUNT, COUNT},
};
use crate::{
    ledger::time::{Day, UnixTime},
    store::{
        StoreError,
        derived::{reports::*, sum::MINOR},
        errors::Doing,
    },
};

const DOING: &str = "reading the ledger";

/// How long after an instant its accounting day may go on: a day, and as long again for rows of a generation that was cut
/// in another zone and still answers.
pub(super) const DAY_SECONDS: i64 = 2 * 27 * 3600;

/// All changes by day up to the cut.
pub(super) async fn whole(
    connection: &mut Connection,
    scope: &Scoped<'_>,
    cut_day: Day,
) -> Result<LedgerRows, StoreError> {
    Ok(LedgerRows {
        amounts: amounts(connection, scope, cut_day).await?,
        counts: counts(connection, scope, cut_day).await?,
        lines: lines(connection, scope).await?,
    })
}

/// Changes of amounts by day up to the cut: the days' sums, without what takes effect later on the cut's own day.
pub(super) async fn amounts(
    connection: &mut Connection,
    scope: &Scoped<'_>,
    cut_day: Day,
) -> Result<Vec<DayAmounts>, StoreError> {
    let row = ["mrr", "list", "estimated", "at_risk", "scheduled_churn"]
        .map(|column| format!("-(s.{column} / {MINOR}), -(s.{column} % {MINOR})"));
    let mut query = up_to_the_cut("day_amount", AMOUNT, "item_delta", &row.join(", "), (scope, cut_day));
    let rows = query.build().fetch_all(connection).await.doing(DOING)?;
    let read = |row: &Row| {
        let money = |at: usize| sum(row, 2 + 2 * at).doing(DOING);
        Ok(DayAmounts {
            currency: currency(row.try_get(0).doing(DOING)?)?,
            group: None,
            day: day(row.try_get(1).doing(DOING)?)?,
            mrr: money(0)?,
            list: money(1)?,
            estimated: money(2)?,
            at_risk: money(3)?,
            scheduled_churn: money(4)?,
        })
    };
    rows.iter().map(read).collect()
}

/// The same of counts.
pub(super) async fn counts(
    connection: &mut Connection,
    scope: &Scoped<'_>,
    cut_day: Day,
) -> Result<Vec<DayCounts>, StoreError> {
    let row = "-s.customers, -s.subscriptions, -s.trials";
    let mut query = up_to_the_cut("day_count", COUNT, "count_delta", row, (scope, cut_day));
    let rows = query.build().fetch_all(connection).await.doing(DOING)?;
    let read = |row: &Row| {
        let code: &str = row.try_get(0).doing(DOING)?;
        let count = |at: usize| row.try_get::<i64, _>(2 + at).doing(DOING);
        Ok(DayCounts {
            currency: if code.is_empty() { None } else { Some(currency(code)?) },
            group: None,
            day: day(row.try_get(1).doing(DOING)?)?,
            customers: count(0)?,
            subscriptions: count(1)?,
            trials: count(2)?,
        })
    };
    rows.iter().map(read).collect()
}

/// Currency, day and the sums of `columns` but the first, which counts what is summed: a day of nothing is no row.
fn up_to_the_cut(
    days: &str,
    columns: &str,
    table: &str,
    row: &str,
    (scope, cut_day): (&Scoped<'_>, Day),
) -> QueryBuilder<Driver> {
    let all: Vec<&str> = columns.split(", ").collect();
    let sums: Vec<String> = all[1..].iter().map(|column| format!("CAST(SUM({column}) AS BIGINT)")).collect();
    let mut query = QueryBuilder::new(format!(
        "SELECT currency, day, {} FROM (SELECT s.currency, s.day, {} FROM {days} s",
        sums.join(", "),
        all.iter().map(|column| format!("s.{column}")).collect::<Vec<_>>().join(", ")
    ));
    push_scope(&mut query, "s", "s", scope);
    query.push(" AND s.day <= ").push_bind(cut_day.to_string());
    query.push(format_args!(
        " UNION ALL SELECT s.currency, s.day, -1, {row} FROM {table} s{}",
        by_own_index(&format!("{table}_by_time"), scope.generation)
    ));
    push_scope(&mut query, "s", "s", scope);
    // As the index says it on SQLite.
    query.push(" AND s.ordinal >= 0");
    query.push(" AND s.at > ").push_bind(scope.cut.0).push(" AND s.at <= ").push_bind(scope.cut.plus(DAY_SECONDS).0);
    query.push(" AND s.day <= ").push_bind(cut_day.to_string());
    query.push(") AS summed GROUP BY currency, day HAVING SUM(items) <> 0");
    query
}

/// Sums of the movements shown at the cut, by currency, day and kind: those of the days before, and the rows of the cut's
/// own day and of those that are shown for a while only. Days in UTC here: which day it is doesn't matter, only which rows.
pub(super) async fn lines(connection: &mut Connection, scope: &Scoped<'_>) -> Result<Vec<DayLine>, StoreError> {
    let today = scope.cut.0.div_euclid(UnixTime::DAY_SECONDS);
    let row = format!("s.currency, s.day, s.kind, s.amount / {MINOR}, s.amount % {MINOR} FROM movement s");
    let mut query = QueryBuilder::new(
        "SELECT currency, day, kind, '', CAST(SUM(amount) AS BIGINT), CAST(SUM(amount_rest) AS BIGINT)
         FROM (SELECT s.currency, s.day, s.kind, s.amount, s.amount_rest FROM day_movement s",
    );
    push_scope(&mut query, "s", "s", scope);
    query.push(" AND s.since < ").push_bind(today);
    query.push(format_args!(" UNION ALL SELECT {row}{}", by_own_index("movement_by_time", scope.generation)));
    push_scope(&mut query, "s", "s", scope);
    query.push(" AND s.visible_until IS NULL AND s.visible_from >= ").push_bind(today * UnixTime::DAY_SECONDS);
    query.push(" AND s.visible_from <= ").push_bind(scope.cut.0);
    query.push(format_args!(" UNION ALL SELECT {row}{}", by_own_index("movement_for_a_while", scope.generation)));
    push_scope(&mut query, "s", "s", scope);
    query.push(" AND s.visible_until IS NOT NULL AND s.visible_until > ").push_bind(scope.cut.0);
    query.push(" AND s.visible_from <= ").push_bind(scope.cut.0);
    query.push(") AS shown GROUP BY currency, day, kind");
    let rows = query.build().fetch_all(connection).await.doing(DOING)?;
    rows.iter().map(|row| line(row, None)).collect()
}
