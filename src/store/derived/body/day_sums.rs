//! The sums of days in SQL: moved with the rows, read for reports over all customers, held against the rows.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, QueryBuilder, Row as _};

use super::{
    super::{Database, dialect::*},
    group_sums,
    readback::ledgers_in,
    reports::{currency, day, line, push_scope, split_sum, sum},
    retention_sums,
    sum_rows::{Line, Lines, first_wrong, move_lines},
};
use crate::{
    event::CustomerKey,
    ledger::time::{Day, UnixTime},
    limits,
    store::{
        StoreError,
        derived::{
            SUMS_VERSION, WrongDay,
            day_sums::{DayAmount, DayCount, DayMovement, DaySums, MINOR},
            reports::*,
        },
        errors::Doing,
    },
};

const DOING: &str = "reading the ledger";

/// What tells the sums of a generation apart.
const KEY: &str = "generation, profile, livemode, account, test_clock, currency, day";
pub(super) const AMOUNT: &str = "items, mrr, mrr_rest, list, list_rest, estimated, estimated_rest, at_risk, at_risk_rest, \
                      scheduled_churn, scheduled_churn_rest";
pub(super) const COUNT: &str = "items, customers, subscriptions, trials";
/// What further tells sums of movements apart, and their numbers.
const MOVED_KEY: &str = "kind, since";
pub(super) const MOVED: &str = "items, amount, amount_rest";

/// How long after an instant its accounting day may go on: a day, and as long again for rows of a generation that was cut
/// in another zone and still answers.
pub(super) const DAY_SECONDS: i64 = 2 * 27 * 3600;

/// Moves the sums of `generation`.
pub(super) async fn move_sums(connection: &mut Connection, generation: i64, sums: &DaySums) -> Result<(), StoreError> {
    let (mut amounts, mut counts, mut movements) = (Vec::new(), Vec::new(), Vec::new());
    for (of, ledger) in &sums.0 {
        let changed = ledger.amounts.iter().filter(|(_, day)| **day != DayAmount::default());
        amounts.extend(changed.map(|((currency, day), row)| {
            let key = vec![currency.to_string().into(), day.to_string().into()];
            Line { of, key, numbers: amount_numbers(row) }
        }));
        let changed = ledger.counts.iter().filter(|(_, day)| **day != DayCount::default());
        counts.extend(changed.map(|((currency, day), row)| {
            let currency = currency.map(|currency| currency.to_string()).unwrap_or_default();
            Line { of, key: vec![currency.into(), day.to_string().into()], numbers: count_numbers(row) }
        }));
        let changed = ledger.movements.iter().filter(|(_, day)| **day != DayMovement::default());
        movements.extend(changed.map(|((currency, day, kind, since), row)| {
            let key = vec![currency.to_string().into(), day.to_string().into(), (*kind).into(), (*since).into()];
            Line { of, key, numbers: movement_numbers(row) }
        }));
    }
    let by_day = [
        ("day_amount", "currency, day", AMOUNT, amounts),
        ("day_count", "currency, day", COUNT, counts),
        ("day_movement", "currency, day, kind, since", MOVED, movements),
    ];
    let by_day =
        by_day.into_iter().map(|(table, key, numbers, lines)| Lines { table, key, numbers: numbers.into(), lines });
    for lines in by_day.chain(group_sums::lines(sums)?).chain(retention_sums::lines(sums)) {
        move_lines(connection, generation, &lines).await.doing("moving sums")?;
    }
    Ok(())
}

/// In the order of [`AMOUNT`].
pub(super) fn amount_numbers(DayAmount { items, amounts }: &DayAmount) -> Vec<i64> {
    std::iter::once(*items).chain(amounts.iter().flat_map(|(minor, rest)| [*minor, *rest])).collect()
}

/// In the order of [`COUNT`].
pub(super) fn count_numbers(DayCount { items, counts }: &DayCount) -> Vec<i64> {
    std::iter::once(*items).chain(*counts).collect()
}

/// In the order of [`MOVED`].
pub(super) fn movement_numbers(DayMovement { items, amount: (minor, rest) }: &DayMovement) -> Vec<i64> {
    vec![*items, *minor, *rest]
}

/// All changes by day up to the cut.
pub(super) async fn whole(connection: &mut Connection, scope: &Scope, cut_day: Day) -> Result<LedgerRows, StoreError> {
    Ok(LedgerRows {
        amounts: amounts(connection, scope, cut_day).await?,
        counts: counts(connection, scope, cut_day).await?,
        lines: lines(connection, scope).await?,
    })
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
    pub(in crate::store) async fn wrong_day(
        &self,
        generation: i64,
        seen: Option<&DaySums>,
    ) -> Result<Option<WrongDay>, StoreError> {
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
        self.wrong_sum(generation, seen).await
    }

    /// The first sum of groups or of figures by customer that isn't that of its customers. Where it is what was `seen` of
    /// them, one by one, that is it; else all rows are read at the same instant.
    async fn wrong_sum(&self, generation: i64, seen: Option<&DaySums>) -> Result<Option<WrongDay>, StoreError> {
        let mut tx = self.derived.begin_with(BEGIN_READ).await.doing(DOING)?;
        let kept: Option<i64> = sqlx::query_scalar("SELECT sums FROM generation WHERE id = $1")
            .bind(generation)
            .fetch_optional(&mut *tx)
            .await
            .doing(DOING)?;
        if kept != Some(SUMS_VERSION) {
            return Ok(None);
        }
        if let Some(seen) = seen
            && first_wrong_of(&mut tx, generation, seen).await?.is_none()
        {
            return Ok(None);
        }
        let mut sums = DaySums::default();
        let mut after: Option<(Arc<str>, CustomerKey)> = None;
        loop {
            let from = after.as_ref().map(|(profile, key)| (&**profile, key));
            let page = ledgers_in(&mut tx, generation, from, limits::CUSTOMERS_PAGE).await?;
            let Some((key, derived)) = page.last() else { break };
            after = Some((derived.profile.clone(), key.clone()));
            for (key, derived) in &page {
                sums.add_whole(key, std::slice::from_ref(derived))?;
            }
        }
        let wrong = first_wrong_of(&mut tx, generation, &sums).await?;
        tx.commit().await.doing(DOING)?;
        Ok(wrong)
    }
}

/// The first row of sums of groups or of figures by customer that isn't what these sums say.
async fn first_wrong_of(
    connection: &mut Connection,
    generation: i64,
    sums: &DaySums,
) -> Result<Option<WrongDay>, StoreError> {
    for lines in group_sums::lines(sums)?.into_iter().chain(retention_sums::lines(sums)) {
        if let Some((profile, which)) = first_wrong(connection, generation, &lines).await? {
            let what = format!("{which}: what is kept isn't the sum of the customers' rows");
            return Ok(Some(WrongDay { profile: profile.into(), table: lines.table, what }));
        }
    }
    Ok(None)
}
