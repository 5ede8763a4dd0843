//! The rows that months by group are made of, read in SQL: sums of months, and the few single rows that these have to be
//! corrected by for one cut.

use std::sync::Arc;

use sqlx::{QueryBuilder, Row as _};

use super::{
    super::dialect::*,
    asked::{PART_OF, Scoped, amounts_sums, billed_in, currency, day, each, kind, push_scope, split_sum, sum},
    group_months::Months,
    sum_columns::{AMOUNT, COUNT, MOVED},
};
use crate::{
    ledger::time::{Day, UnixTime},
    store::{
        StoreError,
        derived::{group_sums::Group, reports::*, sum::Rows},
        errors::Doing,
        log::prepared::clean,
    },
};

const DOING: &str = "reading the ledger";
/// How long after a cut its month may go on, in whatever zone.
const MONTH_SECONDS: i64 = 33 * UnixTime::DAY_SECONDS;

/// Rows that the sums of months have to be corrected by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// Of the cut's month, after the cut.
    Ahead,
    /// Up to the cut, of customers whose first MRR comes after it.
    NotYet,
    /// Shown at the cut, but not for ever.
    ForAWhile,
}

/// One question.
pub(super) struct Reading<'a> {
    pub(super) scope: &'a Scoped<'a>,
    pub(super) dimension: &'a Dimension,
    /// The last day of the cut's month.
    pub(super) last: Day,
}

impl Reading<'_> {
    /// What is summed by month and group up to the cut's month.
    pub(super) async fn summed(&self, connection: &mut Connection, cut_day: Day) -> Result<Months, StoreError> {
        let known = self.summed_by(connection, cut_day, self.dimension).await?;
        if !matches!(self.dimension, Dimension::Metadata(_)) {
            return Ok(known);
        }
        // Whoever has nothing under the key is in none of its groups: all customers, less those who have something.
        let mut months = known.clone();
        months.without_group(self.summed_by(connection, cut_day, &Dimension::Country).await?, Rows::Written)?;
        months.without_group(known, Rows::Taken)?;
        Ok(months)
    }

    async fn summed_by(
        &self,
        connection: &mut Connection,
        cut_day: Day,
        dimension: &Dimension,
    ) -> Result<Months, StoreError> {
        let mut months = Months::default();
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
            months.amounts(row, Rows::Written)?;
        }
        for row in each(&mut select("", COUNT, "group_count"), connection, |row| counts(row, group(row)?)).await? {
            months.counts(row, Rows::Written)?;
        }
        let read = |row: &Row| line(row, group(row)?);
        for row in each(&mut select("g.kind, ", MOVED, "group_movement"), connection, read).await? {
            months.line(row, Rows::Written)?;
        }
        Ok(months)
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
                query.push(" AND +l.first_mrr_at > ").push_bind(cut.0);
                query.push(" AND +l.first_mrr_at <= ").push_bind(cut.plus(MONTH_SECONDS).0);
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
            query.push(format_args!("{table} d{}", by_own_index(&format!("{table}_by_time"), self.scope.generation)));
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

    pub(super) async fn amounts(
        &self,
        connection: &mut Connection,
        which: Which,
    ) -> Result<Vec<DayAmounts>, StoreError> {
        // Nothing stands for a cause: its sum is that of its movements.
        if *self.dimension == Dimension::Cause {
            return Ok(Vec::new());
        }
        let mut query = self.select("item_delta", &amounts_sums(), which);
        each(&mut query, connection, |row| amounts(row, group(row)?)).await
    }

    pub(super) async fn counts(&self, connection: &mut Connection, which: Which) -> Result<Vec<DayCounts>, StoreError> {
        if !self.dimension.is_of_customers() {
            return Ok(Vec::new());
        }
        let sums = ["customers", "subscriptions", "trials"].map(|column| format!("CAST(SUM(d.{column}) AS BIGINT)"));
        let mut query = self.select("count_delta", &sums.join(", "), which);
        each(&mut query, connection, |row| counts(row, group(row)?)).await
    }

    pub(super) async fn lines(&self, connection: &mut Connection, which: Which) -> Result<Vec<DayLine>, StoreError> {
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
            query.push(format_args!("movement m{}", by_own_index(index, self.scope.generation)));
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
