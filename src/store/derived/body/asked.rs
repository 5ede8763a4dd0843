//! What statements of questions share: which rows are meant, how amounts are summed, and how columns are read.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use sqlx::{QueryBuilder, Row as _};

use super::{super::dialect::*, rows::account};
use crate::{
    budget::charge,
    ledger::{
        money::{Currency, Mrr},
        outcome::Kind,
        time::Day,
    },
    store::{
        StoreError,
        derived::{GenerationId, reports::*, sum::MINOR},
        errors::{Doing, corrupt},
        log::prepared::clean,
    },
};

const DOING: &str = "reading the ledger";

/// What is asked for, of the generation that answers: looked up once, at the instant at which the question is answered.
#[derive(Clone, Copy)]
pub(super) struct Scoped<'a> {
    scope: &'a Scope,
    /// None has the number 0: where nothing answers, nothing is found.
    pub(super) generation: GenerationId,
}

impl<'a> Scoped<'a> {
    /// Within the question's transaction.
    pub(super) async fn look_up(connection: &mut Connection, scope: &'a Scope) -> Result<Self, StoreError> {
        Ok(Self { scope, generation: current(connection).await? })
    }
}

impl std::ops::Deref for Scoped<'_> {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        self.scope
    }
}

/// The number of the generation that answers; 0 where there is none.
pub(super) async fn current(connection: &mut Connection) -> Result<GenerationId, StoreError> {
    let current: Option<GenerationId> = sqlx::query_scalar("SELECT id FROM generation WHERE state = 'current'")
        .fetch_optional(connection)
        .await
        .doing(DOING)?;
    Ok(current.unwrap_or(GenerationId(0)))
}

/// ` WHERE` the row of table `t` belongs to the scope; `clock` names the table that has the test clock. The generation stands
/// there as a number, as its indices say it.
pub(super) fn push_scope(query: &mut QueryBuilder<Driver>, t: &str, clock: &str, scope: &Scoped<'_>) {
    query
        .push(format_args!(" WHERE {t}.generation = {} AND {t}.profile = ", scope.generation))
        .push_bind(clean(&scope.profile))
        .push(format_args!(" AND {t}.livemode = "))
        .push_bind(scope.livemode);
    if let AccountScope::One(one) = &scope.account {
        query.push(format_args!(" AND {t}.account = ")).push_bind(account(one.as_ref()));
    }
    let test_clock = scope.test_clock.as_ref().map(|clock| clean(clock.as_str())).unwrap_or_default();
    query.push(format_args!(" AND {clock}.test_clock = ")).push_bind(test_clock);
}

/// That the customer in `column` is one of these.
pub(super) fn push_customers(query: &mut QueryBuilder<Driver>, column: &str, ids: &[String]) {
    let condition = in_list(column, 0);
    // The list stands where the dialect puts its parameter.
    let (before, after) = condition.split_once("$0").unwrap_or((&condition, ""));
    query.push(" AND ").push(before).push_bind(text_list(ids.iter().map(String::as_str))).push(after);
}

/// The movements that readers at the cut see.
pub(super) fn push_visible(query: &mut QueryBuilder<Driver>, scope: &Scope) {
    query
        .push(" AND m.visible_from <= ")
        .push_bind(scope.cut.0)
        .push(" AND (m.visible_until IS NULL OR m.visible_until > ")
        .push_bind(scope.cut.0)
        .push(")");
}

/// Two columns whose sums together are the sum of `column`: a book in a small currency passes 64 bits within one day, its
/// whole minor units and the rest of them never do.
pub(super) fn split_sum(column: &str) -> String {
    format!("CAST(SUM({column} / {MINOR}) AS BIGINT), CAST(SUM({column} % {MINOR}) AS BIGINT)")
}

/// The sum again from its two columns.
pub(super) fn sum(row: &Row, first: usize) -> Result<Mrr, sqlx::Error> {
    let (minor, rest): (i64, i64) = (row.try_get(first)?, row.try_get(first + 1)?);
    Ok(Mrr(i128::from(minor) * i128::from(MINOR) + i128::from(rest)))
}

pub(super) fn currency(text: &str) -> Result<Currency, StoreError> {
    text.parse().map_err(|error| corrupt(DOING, format!("{error}")))
}

pub(super) fn day(text: &str) -> Result<Day, StoreError> {
    text.parse().map_err(|error| corrupt(DOING, format!("{text:?} is not a day: {error}")))
}

pub(super) fn kind(text: &str) -> Result<Kind, StoreError> {
    Kind::parse(text).ok_or_else(|| corrupt(DOING, format!("{text:?} is not a kind of movement")))
}

/// The group in a column. Rows come by group, so that many in a row share one text.
pub(super) fn group_of(row: &Row, at: usize, last: &mut Option<Arc<str>>) -> Result<Option<Arc<str>>, StoreError> {
    let text: Option<&str> = row.try_get(at).doing(DOING)?;
    if last.as_deref() != text {
        *last = text.map(Arc::from);
    }
    Ok(last.clone())
}

/// What a question is answered with, row by row: the driver's rows take many times the room of ours.
pub(super) async fn each<T>(
    query: &mut QueryBuilder<Driver>,
    connection: &mut Connection,
    mut read: impl FnMut(&Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut rows = query.build().fetch(connection);
    let mut all = Vec::new();
    while let Some(row) = rows.try_next().await.doing(DOING)? {
        charge(size_of::<T>() + TEXT_BYTES)?;
        all.push(read(&row)?);
    }
    Ok(all)
}

/// What the texts of a row hold beside it, about.
const TEXT_BYTES: usize = 32;

pub(super) fn amounts_sums() -> String {
    ["d.mrr", "d.list", "d.estimated", "d.at_risk", "d.scheduled_churn"].map(split_sum).join(", ")
}

/// The columns of a movement that its parts share.
pub(super) const PART_OF: &str = "p.generation = m.generation AND p.profile = m.profile AND p.livemode = m.livemode
    AND p.account = m.account AND p.customer = m.customer AND p.ordinal = m.ordinal";

/// That `l` is the customer of a row of `t`, in whose table it lies. The two are crossed, so that SQLite looks customers up: by its own
/// guess it may go through all of them.
pub(super) fn ledger_of(t: &str) -> String {
    format!(
        "l.generation = {t}.generation AND l.profile = {t}.profile AND l.livemode = {t}.livemode
         AND l.account = {t}.account AND l.customer = {t}.customer"
    )
}

/// The currency of the subscription that a row of `t` is of, whatever its amounts are converted into.
pub(super) fn billed_in(t: &str, subscription: &str) -> String {
    format!(
        "(SELECT s.currency FROM subscription_ledger s WHERE s.generation = {t}.generation AND s.profile = {t}.profile
         AND s.livemode = {t}.livemode AND s.account = {t}.account AND s.customer = {t}.customer
         AND s.subscription = {subscription})"
    )
}

/// Reads currency, day, kind, group and sum.
pub(super) fn line(row: &Row, last: Option<&mut Option<Arc<str>>>) -> Result<DayLine, StoreError> {
    Ok(DayLine {
        currency: currency(row.try_get(0).doing(DOING)?)?,
        day: day(row.try_get(1).doing(DOING)?)?,
        kind: kind(row.try_get(2).doing(DOING)?)?,
        group: last.map(|last| group_of(row, 3, last)).transpose()?.flatten(),
        amount: sum(row, 4).doing(DOING)?,
    })
}
