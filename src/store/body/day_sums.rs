//! The sums of days in SQL: moved with the rows, read for reports over all customers, held against the rows.

use sqlx::{AssertSqlSafe, QueryBuilder, Row as _};

use super::{
    super::{Database, dialect::*},
    reports::{currency, day, push_scope, split_sum, sum},
    rows::{Query, account, insert},
};
use crate::{
    ledger::time::Day,
    store::{
        StoreError, WrongDay,
        day_sums::{DayAmount, DayCount, DaySums, MINOR, SumsOf},
        errors::Doing,
        prepared::clean,
        reports::*,
    },
};

const DOING: &str = "reading the ledger";

/// What tells the sums of a generation apart.
const KEY: &str = "generation, profile, livemode, account, test_clock, currency, day";
const AMOUNT: &str = "items, mrr, mrr_rest, list, list_rest, estimated, estimated_rest, at_risk, at_risk_rest, \
                      scheduled_churn, scheduled_churn_rest";
const COUNT: &str = "items, customers, subscriptions, trials";

/// No accounting day is longer, whatever its zone does to its clocks.
const DAY_SECONDS: i64 = 27 * 3600;

/// One row: whose, of which currency and day, and its numbers.
type Line<'s> = (&'s SumsOf, String, Day, Vec<i64>);

/// Moves the sums of `generation`.
pub(super) async fn move_sums(connection: &mut Connection, generation: i64, sums: &DaySums) -> Result<(), sqlx::Error> {
    let (mut amounts, mut counts): (Vec<Line<'_>>, Vec<Line<'_>>) = Default::default();
    for (of, ledger) in &sums.0 {
        let changed = ledger.amounts.iter().filter(|(_, day)| **day != DayAmount::default());
        amounts.extend(changed.map(|((currency, day), DayAmount { items, amounts })| {
            let numbers = amounts.iter().flat_map(|(minor, rest)| [*minor, *rest]);
            (of, currency.to_string(), *day, std::iter::once(*items).chain(numbers).collect())
        }));
        let changed = ledger.counts.iter().filter(|(_, day)| **day != DayCount::default());
        counts.extend(changed.map(|((currency, day), DayCount { items, counts })| {
            let currency = currency.map(|currency| currency.to_string()).unwrap_or_default();
            (of, currency, *day, std::iter::once(*items).chain(*counts).collect())
        }));
    }
    for (table, columns, lines) in [("day_amount", AMOUNT, &amounts), ("day_count", COUNT, &counts)] {
        let head = format!("INSERT INTO {table} ({KEY}, {columns})");
        let sums: Vec<String> =
            columns.split(", ").map(|column| format!("{column} = {table}.{column} + excluded.{column}")).collect();
        let tail = format!("ON CONFLICT ({KEY}) DO UPDATE SET {}", sums.join(", "));
        let width = KEY.split(',').count() + columns.split(',').count();
        insert(connection, &head, width, &tail, lines, |query, line| {
            line.3.iter().fold(bind_key(query, generation, line), |query, number| query.bind(*number))
        })
        .await?;
        // What is the sum of nothing any more is no row, as in a generation that never had it.
        let text = format!(
            "DELETE FROM {table} WHERE items = 0 AND generation = $1 AND profile = $2 AND livemode = $3 AND account = $4
             AND test_clock = $5 AND currency = $6 AND day = $7"
        );
        for line in lines.iter().filter(|(.., numbers)| numbers.first().is_some_and(|items| *items < 0)) {
            bind_key(sqlx::query(AssertSqlSafe(text.clone())), generation, line).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

fn bind_key<'q>(
    query: Query<'q>,
    generation: i64,
    ((profile, livemode, of, clock), currency, day, _): &Line<'_>,
) -> Query<'q> {
    query
        .bind(generation)
        .bind(clean(profile))
        .bind(*livemode)
        .bind(account(of.as_ref()))
        .bind(clock.as_ref().map(|clock| clean(clock.as_str())).unwrap_or_default())
        .bind(currency.clone())
        .bind(day.to_string())
}

/// Changes of amounts by day up to the cut: the days' sums, without what takes effect later on the cut's own day.
pub(super) async fn amounts(
    connection: &mut Connection,
    scope: &Scope,
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
    scope: &Scope,
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
    (scope, cut_day): (&Scope, Day),
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
    query.push(format_args!(" UNION ALL SELECT s.currency, s.day, -1, {row} FROM {table} s{}", by_time(table)));
    push_scope(&mut query, "s", "s", scope);
    query.push(" AND s.at > ").push_bind(scope.cut.0).push(" AND s.at <= ").push_bind(scope.cut.plus(DAY_SECONDS).0);
    query.push(" AND s.day = ").push_bind(cut_day.to_string());
    query.push(") AS summed GROUP BY currency, day HAVING SUM(items) <> 0");
    query
}

impl Database {
    /// The first sum of `generation` that isn't that of its rows, in words.
    pub(in crate::store) async fn wrong_day(&self, generation: i64) -> Result<Option<WrongDay>, StoreError> {
        let amounts = ["mrr", "list", "estimated", "at_risk", "scheduled_churn"].map(split_sum).join(", ");
        let counts = ["customers", "subscriptions", "trials"].map(|column| format!("CAST(SUM({column}) AS BIGINT)"));
        for (days, columns, table, sums) in
            [("day_amount", AMOUNT, "item_delta", amounts), ("day_count", COUNT, "count_delta", counts.join(", "))]
        {
            let kept = format!("SELECT {KEY}, {columns} FROM {days} WHERE generation = $1");
            let rows = format!("SELECT {KEY}, COUNT(*), {sums} FROM {table} WHERE generation = $1 GROUP BY {KEY}");
            // One statement sees rows and sums at one instant.
            let text = format!(
                "SELECT profile, currency, day FROM (SELECT * FROM ({kept} EXCEPT {rows}) AS a
                 UNION ALL SELECT * FROM ({rows} EXCEPT {kept}) AS b) AS wrong ORDER BY profile, day, currency LIMIT 1"
            );
            let found = sqlx::query(AssertSqlSafe(text)).bind(generation).fetch_optional(&self.derived).await;
            if let Some(row) = found.doing(DOING)? {
                let text = |at: usize| row.try_get::<String, _>(at).doing(DOING);
                let (profile, currency, day) = (text(0)?, text(1)?, text(2)?);
                let of = if currency.is_empty() { "over all currencies" } else { &currency };
                let what = format!("{day} {of}: what is kept isn't the sum of the rows of {table}");
                return Ok(Some(WrongDay { profile: profile.into(), table: days, what }));
            }
        }
        Ok(None)
    }
}
