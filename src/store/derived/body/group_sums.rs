//! The sums of months by group in SQL: moved with the rows, read for reports in groups.
//!
//! A month that still runs is summed whole. What of it takes effect after the cut is little and found by its time: those rows
//! are taken off again, as those of a customer are who is of no cohort yet.

use std::{collections::BTreeMap, sync::Arc};

use sqlx::{QueryBuilder, Row as _};

use super::{
    super::{Database, dialect::*},
    day_sums::{AMOUNT, COUNT, MOVED, amount_numbers, count_numbers, movement_numbers},
    reports::{PART_OF, amounts_sums, billed_in, currency, day, each, kind, push_scope, split_sum, sum},
    rows::Value,
    sum_rows::{Line, Lines},
};
use crate::{
    ledger::{
        cohorts::Month,
        money::{Currency, Mrr},
        outcome::Kind,
        time::{Day, UnixTime},
    },
    store::{
        StoreError,
        derived::{
            day_sums::DaySums,
            group_sums::{Group, GroupMonth},
            reports::*,
        },
        errors::{Doing, corrupt},
        log::prepared::clean,
    },
};

const DOING: &str = "reading the ledger";
/// How long after a cut its month may go on, in whatever zone.
const MONTH_SECONDS: i64 = 33 * UnixTime::DAY_SECONDS;

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
    let lines = |(table, key, numbers, lines): (_, _, &str, _)| Lines { table, key, numbers: numbers.into(), lines };
    Ok(tables.into_iter().map(lines).collect())
}

/// Rows that the sums of months have to be corrected by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    /// Of the cut's month, after the cut.
    Ahead,
    /// Up to the cut, of customers whose first MRR comes after it.
    NotYet,
    /// Shown at the cut, but not for ever.
    ForAWhile,
}

/// Sums of months up to a cut, being corrected.
struct Months {
    amounts: BTreeMap<(Currency, Group, Day), DayAmounts>,
    counts: BTreeMap<(Currency, Group, Day), DayCounts>,
    lines: BTreeMap<(Currency, Group, Day, Kind), DayLine>,
}

/// By how much a row counts.
#[derive(Clone, Copy)]
enum Sign {
    More,
    Less,
}

impl Sign {
    fn add(self, sum: &mut Mrr, by: Mrr) -> Result<(), StoreError> {
        let moved = match self {
            Self::More => sum.checked_add(by),
            Self::Less => sum.checked_sub(by),
        };
        *sum = moved.ok_or_else(|| corrupt(DOING, "the amounts of a group pass 128 bits"))?;
        Ok(())
    }

    fn of(self, count: i64) -> i64 {
        match self {
            Self::More => count,
            Self::Less => -count,
        }
    }
}

impl Months {
    fn amounts(&mut self, row: DayAmounts, sign: Sign) -> Result<(), StoreError> {
        let nothing = DayAmounts {
            mrr: Mrr::ZERO,
            list: Mrr::ZERO,
            estimated: Mrr::ZERO,
            at_risk: Mrr::ZERO,
            scheduled_churn: Mrr::ZERO,
            ..row.clone()
        };
        let sum = self.amounts.entry((row.currency, row.group.clone(), row.day)).or_insert(nothing);
        sign.add(&mut sum.mrr, row.mrr)?;
        sign.add(&mut sum.list, row.list)?;
        sign.add(&mut sum.estimated, row.estimated)?;
        sign.add(&mut sum.at_risk, row.at_risk)?;
        sign.add(&mut sum.scheduled_churn, row.scheduled_churn)
    }

    fn counts(&mut self, row: DayCounts, sign: Sign) {
        let Some(currency) = row.currency else { return };
        let nothing = DayCounts { customers: 0, subscriptions: 0, trials: 0, ..row.clone() };
        let sum = self.counts.entry((currency, row.group.clone(), row.day)).or_insert(nothing);
        sum.customers += sign.of(row.customers);
        sum.subscriptions += sign.of(row.subscriptions);
        sum.trials += sign.of(row.trials);
    }

    fn line(&mut self, row: DayLine, sign: Sign) -> Result<(), StoreError> {
        let nothing = DayLine { amount: Mrr::ZERO, ..row.clone() };
        let sum = self.lines.entry((row.currency, row.group.clone(), row.day, row.kind)).or_insert(nothing);
        sign.add(&mut sum.amount, row.amount)
    }
}

impl Database {
    /// Sums by month and group up to the cut, each month on its first day; `None` where the current generation has none.
    pub(in crate::store) async fn group_months(
        &self,
        scope: &Scope,
        cut_day: Day,
        dimension: &Dimension,
    ) -> Result<Option<LedgerRows>, StoreError> {
        let mut tx = self.derived.begin_with(BEGIN_READ).await.doing(DOING)?;
        if !has_sums(&mut tx).await? {
            return Ok(None);
        }
        let reading = Reading { scope, dimension, last: Day(cut_day.0.last_of_month()) };
        let mut months = reading.summed(&mut tx, cut_day).await?;
        let mut corrected = vec![(Which::Ahead, Sign::Less)];
        if *dimension == Dimension::Cohort {
            corrected.push((Which::NotYet, Sign::Less));
        }
        for (which, sign) in corrected {
            for row in reading.amounts(&mut tx, which).await? {
                reading.moved(which, &row.group, |group| {
                    months.amounts(DayAmounts { group, ..row.clone() }, Sign::More)
                })?;
                months.amounts(row, sign)?;
            }
            for row in reading.counts(&mut tx, which).await? {
                reading.moved(which, &row.group, |group| {
                    months.counts(DayCounts { group, ..row.clone() }, Sign::More);
                    Ok(())
                })?;
                months.counts(row, sign);
            }
            for row in reading.lines(&mut tx, which).await? {
                reading.moved(which, &row.group, |group| months.line(DayLine { group, ..row.clone() }, Sign::More))?;
                months.line(row, sign)?;
            }
        }
        for row in reading.lines(&mut tx, Which::ForAWhile).await? {
            months.line(row, Sign::More)?;
        }
        tx.commit().await.doing(DOING)?;
        let mut rows = LedgerRows {
            amounts: months.amounts.into_values().collect(),
            counts: months.counts.into_values().collect(),
            lines: months.lines.into_values().collect(),
        };
        if *dimension == Dimension::Cohort {
            // Nobody is yet of a month to come.
            let now = Month::of(cut_day).to_string();
            let ahead = |group: &str| (*group <= *now).then(|| Arc::from(group));
            rows.regroup(ahead);
        }
        Ok(Some(rows))
    }

    /// A customer whose facts name a price, of each of these prices: who can tell what it is called.
    pub(in crate::store) async fn who_name(
        &self,
        livemode: bool,
        prices: &[String],
    ) -> Result<Vec<crate::event::CustomerKey>, StoreError> {
        let text = format!(
            "SELECT livemode, account, MIN(customer) FROM reference
             WHERE generation = (SELECT id FROM generation WHERE state = 'current') AND livemode = $1 AND {}
             GROUP BY livemode, account, object",
            in_list("object", 2)
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(livemode)
            .bind(text_list(prices.iter().map(String::as_str)))
            .fetch_all(&self.derived)
            .await
            .doing(DOING)?;
        rows.iter().map(|row| super::rows::customer_key(row, 0).doing(DOING)).collect()
    }
}

/// Whether the current generation has sums of groups and of figures by customer: one filled by an older mrrd hasn't.
pub(super) async fn has_sums(connection: &mut Connection) -> Result<bool, StoreError> {
    let sums: Option<i64> = sqlx::query_scalar("SELECT sums FROM generation WHERE state = 'current'")
        .fetch_optional(connection)
        .await
        .doing(DOING)?;
    Ok(sums.is_some_and(|sums| sums > 0))
}

/// One question.
struct Reading<'a> {
    scope: &'a Scope,
    dimension: &'a Dimension,
    /// The last day of the cut's month.
    last: Day,
}

impl Reading<'_> {
    /// What is told of customers who are of no cohort yet is theirs who have none.
    fn moved(
        &self,
        which: Which,
        from: &Group,
        add: impl FnOnce(Group) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if which == Which::NotYet && from.is_some() { add(None) } else { Ok(()) }
    }

    async fn summed(&self, connection: &mut Connection, cut_day: Day) -> Result<Months, StoreError> {
        let mut months = Months { amounts: BTreeMap::new(), counts: BTreeMap::new(), lines: BTreeMap::new() };
        self.add_summed(connection, cut_day, self.dimension, &mut months).await?;
        if matches!(self.dimension, Dimension::Metadata(_)) {
            // Whoever has nothing under the key is in none of its groups: all customers, less those who have something.
            let mut whole = Months { amounts: BTreeMap::new(), counts: BTreeMap::new(), lines: BTreeMap::new() };
            self.add_summed(connection, cut_day, &Dimension::Country, &mut whole).await?;
            let known = LedgerRows {
                amounts: months.amounts.values().cloned().collect(),
                counts: months.counts.values().cloned().collect(),
                lines: months.lines.values().cloned().collect(),
            };
            for row in whole.amounts.into_values() {
                months.amounts(DayAmounts { group: None, ..row }, Sign::More)?;
            }
            for row in whole.counts.into_values() {
                months.counts(DayCounts { group: None, ..row }, Sign::More);
            }
            for row in whole.lines.into_values() {
                months.line(DayLine { group: None, ..row }, Sign::More)?;
            }
            for row in known.amounts {
                months.amounts(DayAmounts { group: None, ..row }, Sign::Less)?;
            }
            for row in known.counts {
                months.counts(DayCounts { group: None, ..row }, Sign::Less);
            }
            for row in known.lines {
                months.line(DayLine { group: None, ..row }, Sign::Less)?;
            }
        }
        Ok(months)
    }

    async fn add_summed(
        &self,
        connection: &mut Connection,
        cut_day: Day,
        dimension: &Dimension,
        months: &mut Months,
    ) -> Result<(), StoreError> {
        let numbers = |columns: &str| {
            columns.split(", ").skip(1).map(|column| format!("g.{column}")).collect::<Vec<_>>().join(", ")
        };
        let select = |also: &str, columns: &str, table: &str| {
            let mut query = QueryBuilder::<Driver>::new(format!(
                "SELECT g.currency, g.grp, g.month, {also}{} FROM {table} g",
                numbers(columns)
            ));
            push_scope(&mut query, "g", "g", self.scope);
            query.push(" AND g.dimension = ").push_bind(clean(&dimension.text()));
            query.push(" AND g.month <= ").push_bind(cut_day.to_string());
            query
        };
        let group = |row: &Row| -> Result<Group, StoreError> {
            Ok(row.try_get::<&str, _>(1).doing(DOING)?.strip_prefix('=').map(Arc::from))
        };
        for row in each(&mut select("", AMOUNT, "group_amount"), connection, |row| amounts(row, group(row)?)).await? {
            months.amounts(row, Sign::More)?;
        }
        for row in each(&mut select("", COUNT, "group_count"), connection, |row| counts(row, group(row)?)).await? {
            months.counts(row, Sign::More);
        }
        let read = |row: &Row| line(row, group(row)?);
        for row in each(&mut select("g.kind, ", MOVED, "group_movement"), connection, read).await? {
            months.line(row, Sign::More)?;
        }
        Ok(())
    }

    /// What row `t` is grouped by, as a column, but for what a customer is: that is of `l`.
    fn push_group(&self, query: &mut QueryBuilder<Driver>, t: &str, which: Which) {
        match self.dimension {
            Dimension::Country => {
                query.push("l.country");
            }
            Dimension::Metadata(key) => {
                query.push(METADATA.0).push_bind(clean(key)).push(METADATA.1);
            }
            Dimension::Cohort => {
                // As it is summed: by the day of the first amount from then on.
                let first = "(SELECT SUBSTR(f.day, 1, 7) FROM item_delta f WHERE f.generation = l.generation
                     AND f.profile = l.profile AND f.livemode = l.livemode AND f.account = l.account
                     AND f.customer = l.customer AND f.at >= l.first_mrr_at ORDER BY f.ordinal LIMIT 1)";
                if which == Which::ForAWhile {
                    query.push("CASE WHEN l.first_mrr_at <= ").push_bind(self.scope.cut.0);
                    query.push(format_args!(" THEN {first} END"));
                } else {
                    query.push(first);
                }
            }
            Dimension::Product => {
                query.push(format_args!("{t}.product"));
            }
            Dimension::Price => {
                query.push(format_args!("{t}.price"));
            }
            Dimension::Interval => {
                query.push(format_args!("{t}.interval"));
            }
            Dimension::Currency => {
                query.push(billed_in(t, &format!("{t}.subscription")));
            }
            Dimension::Cause => {
                query.push(format_args!("{t}.cause"));
            }
        }
    }

    /// Joins the customer of row `t` as `l`, where what it is matters.
    fn push_customer(&self, query: &mut QueryBuilder<Driver>, t: &str) {
        if self.dimension.is_of_customers() {
            query.push(format_args!(
                " JOIN customer_ledger l ON l.generation = {t}.generation AND l.profile = {t}.profile
                 AND l.livemode = {t}.livemode AND l.account = {t}.account AND l.customer = {t}.customer"
            ));
        }
    }

    /// Which rows of `t` are meant, by the instant `at` from which they count.
    fn push_which(&self, query: &mut QueryBuilder<Driver>, t: &str, at: &str, which: Which) {
        let cut = self.scope.cut;
        match which {
            Which::Ahead => {
                query.push(format_args!(" AND {t}.{at} > ")).push_bind(cut.0);
                query.push(format_args!(" AND {t}.{at} <= ")).push_bind(cut.plus(MONTH_SECONDS).0);
            }
            Which::NotYet => {
                query.push(format_args!(" AND {t}.{at} <= ")).push_bind(cut.0);
                query.push(" AND l.first_mrr_at > ").push_bind(cut.0);
                query.push(" AND l.first_mrr_at <= ").push_bind(cut.plus(MONTH_SECONDS).0);
            }
            Which::ForAWhile => {
                query.push(format_args!(" AND {t}.{at} <= ")).push_bind(cut.0);
            }
        }
        if which != Which::ForAWhile {
            query.push(format_args!(" AND {t}.day <= ")).push_bind(self.last.to_string());
        }
    }

    /// Rows of the table `t` of changes, with what they are grouped by; those of `NotYet` customer by customer.
    fn select(&self, table: &str, sums: &str, which: Which) -> QueryBuilder<Driver> {
        let mut query = QueryBuilder::new("SELECT d.currency, ");
        self.push_group(&mut query, "d", which);
        query.push(format_args!(", SUBSTR(d.day, 1, 7), {sums} FROM "));
        if which == Which::NotYet {
            // Few customers, and found first.
            query.push(format_args!("customer_ledger l CROSS JOIN {table} d"));
        } else {
            query.push(format_args!("{table} d{}", by_index(&format!("{table}_by_time"))));
            self.push_customer(&mut query, "d");
        }
        push_scope(&mut query, "d", "d", self.scope);
        if which == Which::NotYet {
            query.push(of_customer("d"));
        }
        // As the index says it on SQLite.
        query.push(" AND d.ordinal >= 0");
        self.push_which(&mut query, "d", "at", which);
        query.push(" GROUP BY 1, 2, 3");
        query
    }

    async fn amounts(&self, connection: &mut Connection, which: Which) -> Result<Vec<DayAmounts>, StoreError> {
        // Nothing stands for a cause: its sum is that of its movements.
        if *self.dimension == Dimension::Cause {
            return Ok(Vec::new());
        }
        let mut query = self.select("item_delta", &amounts_sums(), which);
        each(&mut query, connection, |row| amounts(row, group(row)?)).await
    }

    async fn counts(&self, connection: &mut Connection, which: Which) -> Result<Vec<DayCounts>, StoreError> {
        if !self.dimension.is_of_customers() {
            return Ok(Vec::new());
        }
        let sums = ["customers", "subscriptions", "trials"].map(|column| format!("CAST(SUM(d.{column}) AS BIGINT)"));
        let mut query = self.select("count_delta", &sums.join(", "), which);
        each(&mut query, connection, |row| counts(row, group(row)?)).await
    }

    async fn lines(&self, connection: &mut Connection, which: Which) -> Result<Vec<DayLine>, StoreError> {
        let of_parts = !self.dimension.is_of_customers();
        let mut query = QueryBuilder::new("SELECT m.currency, ");
        match self.dimension {
            Dimension::Product | Dimension::Price | Dimension::Interval => {
                // Booked on what it leads to, else on what it left.
                let column = self.dimension.text();
                query.push(format_args!(
                    "CASE WHEN p.after_price IS NULL THEN p.before_{column} ELSE p.after_{column} END"
                ));
            }
            Dimension::Currency => {
                query.push(billed_in("m", "p.subscription"));
            }
            _ => self.push_group(&mut query, "p", which),
        }
        let amount = if of_parts { split_sum("p.amount") } else { split_sum("m.amount") };
        query.push(format_args!(", SUBSTR(m.day, 1, 7), m.kind, {amount} FROM "));
        if which == Which::NotYet {
            query.push("customer_ledger l CROSS JOIN movement m");
        } else {
            let index = if which == Which::Ahead { "movement_by_time" } else { "movement_for_a_while" };
            query.push(format_args!("movement m{}", by_index(index)));
            self.push_customer(&mut query, "m");
        }
        if of_parts {
            query.push(format_args!(" JOIN movement_part p ON {PART_OF}"));
        }
        push_scope(&mut query, "m", "m", self.scope);
        if which == Which::NotYet {
            query.push(of_customer("m"));
        }
        self.push_which(&mut query, "m", "visible_from", which);
        if which == Which::ForAWhile {
            query.push(" AND m.visible_until IS NOT NULL AND m.visible_until > ").push_bind(self.scope.cut.0);
        } else {
            query.push(" AND m.visible_until IS NULL");
        }
        if of_parts {
            query.push(" AND m.kind <> 'transient'");
        }
        query.push(" GROUP BY 1, 2, 3, 4");
        each(&mut query, connection, |row| line(row, group(row)?)).await
    }
}

/// That row `t` is of the customer `l`.
fn of_customer(t: &str) -> String {
    format!(
        " AND {t}.generation = l.generation AND {t}.profile = l.profile AND {t}.livemode = l.livemode
         AND {t}.account = l.account AND {t}.customer = l.customer"
    )
}

/// The group of a row of changes.
fn group(row: &Row) -> Result<Group, StoreError> {
    Ok(row.try_get::<Option<&str>, _>(1).doing(DOING)?.map(Arc::from))
}

/// The first day of a month that is written as its first day, or without one.
fn month(row: &Row) -> Result<Day, StoreError> {
    let text: &str = row.try_get(2).doing(DOING)?;
    if text.len() > "2026-01".len() { day(text) } else { day(&format!("{text}-01")) }
}

fn amounts(row: &Row, group: Group) -> Result<DayAmounts, StoreError> {
    let money = |at: usize| sum(row, 3 + 2 * at).doing(DOING);
    Ok(DayAmounts {
        currency: currency(row.try_get(0).doing(DOING)?)?,
        group,
        day: month(row)?,
        mrr: money(0)?,
        list: money(1)?,
        estimated: money(2)?,
        at_risk: money(3)?,
        scheduled_churn: money(4)?,
    })
}

fn counts(row: &Row, group: Group) -> Result<DayCounts, StoreError> {
    let (code, count): (&str, _) = (row.try_get(0).doing(DOING)?, |at: usize| row.try_get(3 + at).doing(DOING));
    let currency = if code.is_empty() { None } else { Some(currency(code)?) };
    let (customers, subscriptions, trials) = (count(0)?, count(1)?, count(2)?);
    Ok(DayCounts { currency, group, day: month(row)?, customers, subscriptions, trials })
}

fn line(row: &Row, group: Group) -> Result<DayLine, StoreError> {
    Ok(DayLine {
        currency: currency(row.try_get(0).doing(DOING)?)?,
        group,
        day: month(row)?,
        kind: kind(row.try_get(3).doing(DOING)?)?,
        amount: sum(row, 4).doing(DOING)?,
    })
}
