//! The sums of days in SQL: moved with the rows, read for reports over all customers, held against the rows.

use sqlx::{AssertSqlSafe, QueryBuilder, Row as _};

use super::{
    super::{Database, dialect::*},
    reports::{currency, day, line, push_scope, split_sum, sum},
    rows::{Query, account, insert},
};
use crate::{
    ledger::time::{Day, UnixTime},
    store::{
        StoreError,
        derived::{
            WrongDay,
            day_sums::{DayAmount, DayCount, DayMovement, DaySums, MINOR, SumsOf},
            reports::*,
        },
        errors::Doing,
        log::prepared::clean,
    },
};

const DOING: &str = "reading the ledger";

/// What tells the sums of a generation apart.
const KEY: &str = "generation, profile, livemode, account, test_clock, currency, day";
const AMOUNT: &str = "items, mrr, mrr_rest, list, list_rest, estimated, estimated_rest, at_risk, at_risk_rest, \
                      scheduled_churn, scheduled_churn_rest";
const COUNT: &str = "items, customers, subscriptions, trials";
/// What further tells sums of movements apart, and their numbers.
const MOVED_KEY: &str = "kind, since";
const MOVED: &str = "items, amount, amount_rest";

/// How long after an instant its accounting day may go on: a day, and as long again for rows of a generation that was cut
/// in another zone and still answers.
const DAY_SECONDS: i64 = 2 * 27 * 3600;

/// One row: whose, of which currency and day, of which kind and since when where it is one of movements, and its numbers.
struct SumRow<'s> {
    of: &'s SumsOf,
    currency: String,
    day: Day,
    moved: Option<(&'static str, i64)>,
    numbers: Vec<i64>,
}

/// Moves the sums of `generation`.
pub(super) async fn move_sums(connection: &mut Connection, generation: i64, sums: &DaySums) -> Result<(), sqlx::Error> {
    let (mut amounts, mut counts, mut movements) = (Vec::new(), Vec::new(), Vec::new());
    for (of, ledger) in &sums.0 {
        let changed = ledger.amounts.iter().filter(|(_, day)| **day != DayAmount::default());
        amounts.extend(changed.map(|((currency, day), DayAmount { items, amounts })| {
            let numbers = amounts.iter().flat_map(|(minor, rest)| [*minor, *rest]);
            let numbers = std::iter::once(*items).chain(numbers).collect();
            SumRow { of, currency: currency.to_string(), day: *day, moved: None, numbers }
        }));
        let changed = ledger.counts.iter().filter(|(_, day)| **day != DayCount::default());
        counts.extend(changed.map(|((currency, day), DayCount { items, counts })| {
            let currency = currency.map(|currency| currency.to_string()).unwrap_or_default();
            let numbers = std::iter::once(*items).chain(*counts).collect();
            SumRow { of, currency, day: *day, moved: None, numbers }
        }));
        let changed = ledger.movements.iter().filter(|(_, day)| **day != DayMovement::default());
        movements.extend(changed.map(
            |((currency, day, kind, since), DayMovement { items, amount: (minor, rest) })| {
                let (moved, numbers) = (Some((*kind, *since)), vec![*items, *minor, *rest]);
                SumRow { of, currency: currency.to_string(), day: *day, moved, numbers }
            },
        ));
    }
    let moved_key = format!("{KEY}, {MOVED_KEY}");
    for (table, key, columns, lines) in [
        ("day_amount", KEY, AMOUNT, &amounts),
        ("day_count", KEY, COUNT, &counts),
        ("day_movement", &moved_key, MOVED, &movements),
    ] {
        let head = format!("INSERT INTO {table} ({key}, {columns})");
        let sums: Vec<String> =
            columns.split(", ").map(|column| format!("{column} = {table}.{column} + excluded.{column}")).collect();
        let tail = format!("ON CONFLICT ({key}) DO UPDATE SET {}", sums.join(", "));
        let width = key.split(',').count() + columns.split(',').count();
        insert(connection, &head, width, &tail, lines, |query, line| {
            line.numbers.iter().fold(bind_key(query, generation, line), |query, number| query.bind(*number))
        })
        .await?;
        // What is the sum of nothing any more is no row, as in a generation that never had it.
        let places: Vec<String> = key.split(", ").zip(1..).map(|(column, n)| format!("{column} = ${n}")).collect();
        let text = format!("DELETE FROM {table} WHERE items = 0 AND {}", places.join(" AND "));
        for line in lines.iter().filter(|line| line.numbers.first().is_some_and(|items| *items < 0)) {
            bind_key(sqlx::query(AssertSqlSafe(text.clone())), generation, line).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

fn bind_key<'q>(query: Query<'q>, generation: i64, line: &SumRow<'_>) -> Query<'q> {
    let (profile, livemode, of, clock) = line.of;
    let query = query
        .bind(generation)
        .bind(clean(profile))
        .bind(*livemode)
        .bind(account(of.as_ref()))
        .bind(clock.as_ref().map(|clock| clean(clock.as_str())).unwrap_or_default())
        .bind(line.currency.clone())
        .bind(line.day.to_string());
    match line.moved {
        Some((kind, since)) => query.bind(kind).bind(since),
        None => query,
    }
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
    query.push(format_args!(
        " UNION ALL SELECT s.currency, s.day, -1, {row} FROM {table} s{}",
        by_index(&format!("{table}_by_time"))
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
pub(super) async fn lines(connection: &mut Connection, scope: &Scope) -> Result<Vec<DayLine>, StoreError> {
    let today = scope.cut.0.div_euclid(UnixTime::DAY_SECONDS);
    let row = format!("s.currency, s.day, s.kind, s.amount / {MINOR}, s.amount % {MINOR} FROM movement s");
    let mut query = QueryBuilder::new(
        "SELECT currency, day, kind, '', CAST(SUM(amount) AS BIGINT), CAST(SUM(amount_rest) AS BIGINT)
         FROM (SELECT s.currency, s.day, s.kind, s.amount, s.amount_rest FROM day_movement s",
    );
    push_scope(&mut query, "s", "s", scope);
    query.push(" AND s.since < ").push_bind(today);
    query.push(format_args!(" UNION ALL SELECT {row}{}", by_index("movement_by_time")));
    push_scope(&mut query, "s", "s", scope);
    query.push(" AND s.visible_until IS NULL AND s.visible_from >= ").push_bind(today * UnixTime::DAY_SECONDS);
    query.push(" AND s.visible_from <= ").push_bind(scope.cut.0);
    query.push(format_args!(" UNION ALL SELECT {row}{}", by_index("movement_for_a_while")));
    push_scope(&mut query, "s", "s", scope);
    query.push(" AND s.visible_until IS NOT NULL AND s.visible_until > ").push_bind(scope.cut.0);
    query.push(" AND s.visible_from <= ").push_bind(scope.cut.0);
    query.push(") AS shown GROUP BY currency, day, kind");
    let rows = query.build().fetch_all(connection).await.doing(DOING)?;
    rows.iter().map(|row| line(row, None)).collect()
}

impl Database {
    /// The first sum of `generation` that isn't that of its rows, in words.
    pub(in crate::store) async fn wrong_day(&self, generation: i64) -> Result<Option<WrongDay>, StoreError> {
        let amounts = ["mrr", "list", "estimated", "at_risk", "scheduled_churn"].map(split_sum).join(", ");
        let counts = ["customers", "subscriptions", "trials"].map(|column| format!("CAST(SUM({column}) AS BIGINT)"));
        let since = "visible_from / 86400 - CASE WHEN visible_from % 86400 < 0 THEN 1 ELSE 0 END";
        let moved_key = format!("{KEY}, {MOVED_KEY}");
        for (days, columns, table, key, of, sums) in [
            ("day_amount", format!("{KEY}, {AMOUNT}"), "item_delta", KEY.to_owned(), "", amounts),
            ("day_count", format!("{KEY}, {COUNT}"), "count_delta", KEY.to_owned(), "", counts.join(", ")),
            (
                "day_movement",
                format!("{moved_key}, {MOVED}"),
                "movement",
                format!("{KEY}, kind, {since}"),
                "AND visible_until IS NULL",
                split_sum("amount"),
            ),
        ] {
            let kept = format!("SELECT {columns} FROM {days} WHERE generation = $1");
            let rows = format!("SELECT {key}, COUNT(*), {sums} FROM {table} WHERE generation = $1 {of} GROUP BY {key}");
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
