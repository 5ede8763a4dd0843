//! The sums reports are made of: changes by accounting day, added up in SQL, all read at one instant.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::TryStreamExt as _;
use sqlx::{QueryBuilder, Row as _};

use super::{
    super::{Database, dialect::*},
    asked::{
        PART_OF, Scoped, amounts_sums, billed_in, currency, day, each, group_of, ledger_of, line, push_customers,
        push_scope, push_visible, split_sum, sum,
    },
    columns::read_trial,
    day_sums,
    reader::Columns,
};
use crate::{
    budget::charge,
    event::CustomerKey,
    ledger::{
        money::Currency,
        time::{Day, UnixTime},
    },
    limits,
    store::{
        StoreError,
        derived::reports::*,
        errors::{Doing, corrupt},
        log::prepared::clean,
    },
};

const DOING: &str = "reading the ledger";

impl Database {
    pub(in crate::store) async fn ledger_rows(
        &self,
        scope: &Scope,
        cut_day: Day,
        group: RowGroup,
    ) -> Result<LedgerRows, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let rows = LedgerRows {
            amounts: match group {
                RowGroup::Whole => day_sums::amounts(&mut tx, scope, cut_day).await?,
                RowGroup::Cause => Vec::new(),
                _ => amounts(&mut tx, scope, group).await?,
            },
            counts: match group {
                RowGroup::Whole => day_sums::counts(&mut tx, scope, cut_day).await?,
                RowGroup::Customer => counts(&mut tx, scope).await?,
                RowGroup::Product | RowGroup::Price | RowGroup::Interval | RowGroup::Currency | RowGroup::Cause => {
                    Vec::new()
                }
            },
            lines: match group {
                RowGroup::Whole => day_sums::lines(&mut tx, scope).await?,
                _ => lines(&mut tx, scope, group).await?,
            },
        };
        tx.commit().await.doing(DOING)?;
        Ok(rows)
    }

    pub(in crate::store) async fn rows_of_customers(
        &self,
        scope: &Scope,
        group: RowGroup,
    ) -> Result<RowsOfCustomers, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let mut all = RowsOfCustomers::new();
        if group != RowGroup::Cause {
            let mut query = amounts_by(scope, group, ", d.customer");
            let (mut last, mut who) = (None, None);
            let read = |row: &Row| Ok((group_of(row, 13, &mut who)?, grouped_amounts(row, &mut last)?));
            for (customer, row) in each(&mut query, &mut tx, read).await? {
                all.entry(customer.unwrap_or_default()).or_default().amounts.push(row);
            }
        }
        let mut query = lines_by(scope, group, ", m.customer");
        let (mut last, mut who) = (None, None);
        let read = |row: &Row| Ok((group_of(row, 6, &mut who)?, line(row, Some(&mut last))?));
        for (customer, row) in each(&mut query, &mut tx, read).await? {
            all.entry(customer.unwrap_or_default()).or_default().lines.push(row);
        }
        tx.commit().await.doing(DOING)?;
        Ok(all)
    }

    pub(in crate::store) async fn standing(
        &self,
        scope: &Scope,
        cut_day: Day,
        named: &[CustomerKey],
        past_due: bool,
    ) -> Result<StandingRows, StoreError> {
        let beyond = || corrupt(DOING, "what stands is beyond an amount");
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let mut standing = StandingRows::default();
        for row in day_sums::amounts(&mut tx, scope, cut_day).await? {
            let sum = standing.mrr.entry(row.currency).or_default();
            *sum = sum.checked_add(row.mrr).ok_or_else(beyond)?;
        }
        if past_due {
            standing.add_at_risk(&in_doubt(&mut tx, scope, None).await?).ok_or_else(beyond)?;
        }
        for customers in named.chunks(limits::CUSTOMERS_IN_BETWEEN) {
            let ids: Vec<String> = customers.iter().map(|key| clean(key.customer.as_str())).collect();
            let mut query =
                QueryBuilder::<Driver>::new(format!("SELECT d.currency, {} FROM item_delta d", split_sum("d.mrr")));
            push_scope(&mut query, "d", "d", scope);
            query.push(" AND d.at <= ").push_bind(scope.cut.0);
            push_customers(&mut query, "d.customer", &ids);
            query.push(" GROUP BY d.currency");
            let read = |row: &Row| Ok((currency(row.try_get(0).doing(DOING)?)?, sum(row, 1).doing(DOING)?));
            for (currency, amount) in each(&mut query, &mut tx, read).await? {
                let sum = standing.of_named.entry(currency).or_default();
                *sum = sum.checked_add(amount).ok_or_else(beyond)?;
            }
        }
        tx.commit().await.doing(DOING)?;
        Ok(standing)
    }

    pub(in crate::store) async fn failing(
        &self,
        scope: &Scope,
        (from, to): (Option<Day>, Option<Day>),
        most: i64,
    ) -> Result<Failing, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let mut query = QueryBuilder::<Driver>::new(format!(
            "SELECT DISTINCT d.day, d.customer FROM item_delta d{}",
            by_own_index("item_delta_failing", scope.generation)
        ));
        push_scope(&mut query, "d", "d", scope);
        query.push(" AND d.at_risk > 0 AND d.at <= ").push_bind(scope.cut.0);
        for (beyond, day) in [(">=", from), ("<=", to)] {
            if let Some(day) = day {
                query.push(format_args!(" AND d.day {beyond} ")).push_bind(day.to_string());
            }
        }
        query.push(" ORDER BY d.day DESC, d.customer DESC LIMIT ").push_bind(most);
        let read = |row: &Row| {
            let customer: String = row.try_get(1).doing(DOING)?;
            Ok((day(row.try_get(0).doing(DOING)?)?, customer))
        };
        let mut found: Vec<(Day, String)> = each(&mut query, &mut tx, read).await?;
        // Of the last day there may be more than were read.
        let since =
            found.last().filter(|_| i64::try_from(found.len()).is_ok_and(|len| len >= most)).map(|(day, _)| *day);
        if let Some(last) = since {
            found.retain(|(day, _)| *day > last);
        }
        let customers: BTreeSet<String> = found.into_iter().map(|(_, customer)| customer).collect();
        let customers: Vec<String> = customers.into_iter().collect();
        let mut rows = Vec::new();
        for customers in customers.chunks(limits::CUSTOMERS_IN_BETWEEN) {
            rows.extend(in_doubt(&mut tx, scope, Some(customers)).await?);
        }
        tx.commit().await.doing(DOING)?;
        Ok(Failing { rows, since: since.map(Day::after) })
    }

    pub(in crate::store) async fn has_customers(&self, profile: &str, livemode: bool) -> Result<bool, StoreError> {
        let text = "SELECT COUNT(*) FROM (SELECT 1 FROM customer_ledger
             WHERE generation = (SELECT id FROM generation WHERE state = 'current') AND profile = $1 AND livemode = $2
             LIMIT 1) AS one";
        let query = sqlx::query_scalar(text).bind(clean(profile)).bind(livemode);
        let found: i64 = query.fetch_one(&self.derived).await.doing(DOING)?;
        Ok(found > 0)
    }

    pub(in crate::store) async fn currencies(&self, scope: &Scope) -> Result<BTreeSet<Currency>, StoreError> {
        let mut all = BTreeSet::new();
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        for table in ["day_amount", "day_count"] {
            let mut query = QueryBuilder::<Driver>::new(format!("SELECT DISTINCT t.currency FROM {table} t"));
            push_scope(&mut query, "t", "t", scope);
            query.push(" AND t.currency <> ''");
            for row in &query.build().fetch_all(&mut *tx).await.doing(DOING)? {
                all.insert(currency(row.try_get(0).doing(DOING)?)?);
            }
        }
        tx.commit().await.doing(DOING)?;
        Ok(all)
    }

    pub(in crate::store) async fn imported_lines(&self, scope: &Scope) -> Result<Vec<DayLine>, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let mut query = QueryBuilder::<Driver>::new(format!(
            "SELECT m.currency, m.day, m.kind, m.customer, {} FROM movement m",
            split_sum("m.amount")
        ));
        push_scope(&mut query, "m", "m", scope);
        push_visible(&mut query, scope);
        query.push(format_args!(
            " AND m.kind = 'new'
             AND EXISTS (SELECT 1 FROM movement_part p WHERE {PART_OF} AND p.cause = 'imported')
             GROUP BY 1, 2, 3, 4, m.account, m.ordinal"
        ));
        let mut last = None;
        let lines = each(&mut query, &mut tx, |row| line(row, Some(&mut last))).await?;
        tx.commit().await.doing(DOING)?;
        Ok(lines)
    }

    pub(in crate::store) async fn held(&self, scope: &Scope, by: RowGroup) -> Result<Vec<HeldRow>, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let (column, list) = (column_of(by), split_sum("d.list"));
        let mut query =
            QueryBuilder::<Driver>::new(format!("SELECT d.customer, {column}, d.day, {list} FROM item_delta d"));
        push_scope(&mut query, "d", "d", scope);
        query.push(" AND d.list <> 0 AND d.at <= ").push_bind(scope.cut.0);
        query.push(" GROUP BY 1, 2, 3");
        let (mut who, mut what) = (None, None);
        let read = |row: &Row| {
            Ok(HeldRow {
                customer: group_of(row, 0, &mut who)?.unwrap_or_default(),
                value: group_of(row, 1, &mut what)?,
                day: day(row.try_get(2).doing(DOING)?)?,
                list: sum(row, 3).doing(DOING)?,
            })
        };
        let rows = each(&mut query, &mut tx, read).await?;
        tx.commit().await.doing(DOING)?;
        Ok(rows)
    }

    pub(in crate::store) async fn trials_ended(
        &self,
        scope: &Scope,
        since: UnixTime,
    ) -> Result<(u64, u64), StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let mut query = QueryBuilder::<Driver>::new("SELECT COUNT(CASE WHEN t.converted_at <= ");
        query.push_bind(scope.cut.0).push(" THEN 1 END), COUNT(*) FROM trial t CROSS JOIN customer_ledger l");
        push_scope(&mut query, "t", "l", scope);
        query.push(format_args!(" AND {}", ledger_of("t")));
        query.push(" AND t.ended_at > ").push_bind(since.0).push(" AND t.ended_at <= ").push_bind(scope.cut.0);
        let row = query.build().fetch_one(&mut *tx).await.doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        let count = |at: usize| row.try_get::<i64, _>(at).map(|count| u64::try_from(count).unwrap_or(0)).doing(DOING);
        Ok((count(0)?, count(1)?))
    }

    pub(in crate::store) async fn each_trial(
        &self,
        scope: &Scope,
        mut take: impl FnMut(TrialTimes) + Send,
    ) -> Result<(), StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let mut query = trials_of(scope, "t.started_at, t.ended_at, t.converted_at");
        let mut rows = query.build().fetch(&mut *tx);
        while let Some(row) = rows.try_next().await.doing(DOING)? {
            charge(0)?;
            let mut columns = Columns::of(&row, 0);
            let (started_at, ended_at, converted_at) = (columns.time()?, columns.time()?, columns.time_or_null()?);
            take(TrialTimes { started_at, ended_at, converted_at: converted_at.filter(|at| *at <= scope.cut) });
        }
        drop(rows);
        tx.commit().await.doing(DOING)
    }

    pub(in crate::store) async fn trials(&self, scope: &Scope) -> Result<Vec<TrialRow>, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let mut query = trials_of(scope, "t.customer, t.subscription, t.started_at, t.ended_at, t.converted_at");
        let at_cut = |row: &Row| {
            let mut columns = Columns::of(row, 0);
            let customer = columns.id()?;
            Ok(read_trial(&mut columns)?.at(scope.cut).map(|trial| TrialRow { customer, trial }))
        };
        let trials = each(&mut query, &mut tx, at_cut).await?;
        tx.commit().await.doing(DOING)?;
        Ok(trials.into_iter().flatten().collect())
    }
}

/// Columns of the trials that ended by the cut.
fn trials_of(scope: &Scoped<'_>, columns: &str) -> QueryBuilder<Driver> {
    let mut query = QueryBuilder::new(format!("SELECT {columns} FROM trial t CROSS JOIN customer_ledger l"));
    push_scope(&mut query, "t", "l", scope);
    query.push(format_args!(" AND {}", ledger_of("t")));
    query.push(" AND t.ended_at <= ").push_bind(scope.cut.0);
    query
}

/// What changes of amounts are grouped by.
fn column_of(group: RowGroup) -> String {
    match group {
        RowGroup::Product => "d.product".to_owned(),
        RowGroup::Price => "d.price".to_owned(),
        RowGroup::Interval => "d.interval".to_owned(),
        RowGroup::Currency => billed_in("d", "d.subscription"),
        RowGroup::Whole | RowGroup::Cause | RowGroup::Customer => "d.customer".to_owned(),
    }
}

/// Changes of amounts by day and group, from the rows.
async fn amounts(
    connection: &mut Connection,
    scope: &Scoped<'_>,
    group: RowGroup,
) -> Result<Vec<DayAmounts>, StoreError> {
    let mut last = None;
    each(&mut amounts_by(scope, group, ""), connection, |row| grouped_amounts(row, &mut last)).await
}

/// The same as a query, with a further column behind its own that it is summed by too (`, t.column`).
fn amounts_by(scope: &Scoped<'_>, group: RowGroup, further: &str) -> QueryBuilder<Driver> {
    let (column, sums) = (column_of(group), amounts_sums());
    let mut query = QueryBuilder::new(format!("SELECT d.currency, {column}, d.day, {sums}{further} FROM item_delta d"));
    push_scope(&mut query, "d", "d", scope);
    query.push(" AND d.at <= ").push_bind(scope.cut.0);
    query.push(format_args!(" GROUP BY 1, 2, 3{further}"));
    query
}

/// Reads currency, group, day and the five amounts.
fn grouped_amounts(row: &Row, last: &mut Option<Arc<str>>) -> Result<DayAmounts, StoreError> {
    let money = |at: usize| sum(row, 3 + 2 * at).doing(DOING);
    Ok(DayAmounts {
        currency: currency(row.try_get(0).doing(DOING)?)?,
        group: group_of(row, 1, last)?,
        day: day(row.try_get(2).doing(DOING)?)?,
        mrr: money(0)?,
        list: money(1)?,
        estimated: money(2)?,
        at_risk: money(3)?,
        scheduled_churn: money(4)?,
    })
}

/// Changes of counts by day and customer.
async fn counts(connection: &mut Connection, scope: &Scoped<'_>) -> Result<Vec<DayCounts>, StoreError> {
    let mut query = QueryBuilder::new(
        "SELECT c.currency, c.customer, c.day, CAST(SUM(c.customers) AS BIGINT), CAST(SUM(c.subscriptions) AS BIGINT),
         CAST(SUM(c.trials) AS BIGINT) FROM count_delta c",
    );
    push_scope(&mut query, "c", "c", scope);
    query.push(" AND c.at <= ").push_bind(scope.cut.0);
    query.push(" GROUP BY c.currency, c.customer, c.day");
    let mut last = None;
    let read = |row: &Row| {
        let code: &str = row.try_get(0).doing(DOING)?;
        let count = |at: usize| row.try_get::<i64, _>(3 + at).doing(DOING);
        Ok(DayCounts {
            currency: if code.is_empty() { None } else { Some(currency(code)?) },
            group: group_of(row, 1, &mut last)?,
            day: day(row.try_get(2).doing(DOING)?)?,
            customers: count(0)?,
            subscriptions: count(1)?,
            trials: count(2)?,
        })
    };
    each(&mut query, connection, read).await
}

/// Changes by day and customer of what is past due or set to cancel, of all customers or of these.
async fn in_doubt(
    connection: &mut Connection,
    scope: &Scoped<'_>,
    of: Option<&[String]>,
) -> Result<Vec<DayAmounts>, StoreError> {
    let (sums, by_index) = (amounts_sums(), by_index("item_delta_in_doubt"));
    let mut query =
        QueryBuilder::new(format!("SELECT d.currency, d.customer, d.day, {sums} FROM item_delta d{by_index}"));
    push_scope(&mut query, "d", "d", scope);
    // As the index says it.
    query.push(" AND (d.at_risk <> 0 OR d.scheduled_churn <> 0) AND d.at <= ").push_bind(scope.cut.0);
    if let Some(customers) = of {
        push_customers(&mut query, "d.customer", customers);
    }
    query.push(" GROUP BY d.currency, d.customer, d.day");
    let mut last = None;
    each(&mut query, connection, |row| grouped_amounts(row, &mut last)).await
}

async fn lines(connection: &mut Connection, scope: &Scoped<'_>, group: RowGroup) -> Result<Vec<DayLine>, StoreError> {
    let mut last = None;
    each(&mut lines_by(scope, group, ""), connection, |row| line(row, Some(&mut last))).await
}

/// The same as a query, with a further column behind its own that it is summed by too (`, t.column`).
fn lines_by(scope: &Scoped<'_>, group: RowGroup, further: &str) -> QueryBuilder<Driver> {
    // A part is booked on the group it leads to, else on the one it left: the rest is `transfer`.
    let side = |column| format!("CASE WHEN p.after_price IS NULL THEN p.before_{column} ELSE p.after_{column} END");
    let column = match group {
        RowGroup::Whole | RowGroup::Customer => "m.customer".to_owned(),
        RowGroup::Cause => "p.cause".to_owned(),
        RowGroup::Product => side("product"),
        RowGroup::Price => side("price"),
        RowGroup::Interval => side("interval"),
        RowGroup::Currency => billed_in("m", "p.subscription"),
    };
    let of_parts = !matches!(group, RowGroup::Whole | RowGroup::Customer);
    let (from, amount) = if of_parts {
        (format!("movement m JOIN movement_part p ON {PART_OF}"), split_sum("p.amount"))
    } else {
        ("movement m".to_owned(), split_sum("m.amount"))
    };
    let mut query = QueryBuilder::<Driver>::new(format!(
        "SELECT m.currency, m.day, m.kind, {column}, {amount}{further} FROM {from}"
    ));
    push_scope(&mut query, "m", "m", scope);
    push_visible(&mut query, scope);
    if of_parts {
        query.push(" AND m.kind <> 'transient'");
    }
    query.push(format_args!(" GROUP BY 1, 2, 3, 4{further}"));
    query
}
