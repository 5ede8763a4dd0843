//! What customers expanded by in each month and hold of it later, in SQL: moved with the customers, read up to a cut.

use std::collections::BTreeSet;

use sqlx::{QueryBuilder, Row as _};

use super::{
    super::{Database, dialect::*},
    asked::{Scoped, currency, day, each, push_scope, sum},
    group_sums::has_sums,
    readback::{Group, read_group},
    retention_sums::in_between,
    rows::{account, account_of},
    sum_rows::{Line, Lines, Meaning},
};
use crate::{
    budget::Charge,
    ledger::{
        durability::AGES,
        ids::AccountId,
        lasting::{Lasting, LastingMonths, lasting},
        month::Month,
        outcome::{CustomerLedger, Kind, Rollup},
        time::Day,
    },
    limits,
    store::{
        StoreError,
        derived::{
            day_sums::DaySums,
            lasting_sums::{LastingSum, add},
            reports::*,
            sum::Rows,
        },
        errors::{Doing, corrupt},
        log::prepared::clean,
    },
};

const DOING: &str = "reading how long expansion lasts";

fn columns() -> String {
    let held = AGES.map(|days| format!("held_{days}, held_{days}_rest")).join(", ");
    format!("items, expansion, expansion_rest, {held}")
}

/// The rows of what months' expansions come to.
pub(super) fn lines(sums: &DaySums) -> Lines<'_> {
    let mut lines = Vec::new();
    for (of, ledger) in &sums.0 {
        let changed = ledger.lasting.0.iter().filter(|(_, row)| **row != LastingSum::default());
        lines.extend(changed.map(|((currency, month, rollup), LastingSum { items, expansion, held })| {
            let rollup = rollup.map(Rollup::as_str).unwrap_or_default();
            let key = vec![currency.to_string().into(), month.to_string().into(), rollup.into()];
            let amounts = std::iter::once(expansion).chain(held).flat_map(|(minor, rest)| [*minor, *rest]);
            Line { of, key, numbers: std::iter::once(*items).chain(amounts).collect() }
        }));
    }
    Lines {
        table: "expanded_month",
        key: "currency, month, rollup",
        numbers: columns(),
        meaning: Meaning::Moved,
        lines,
    }
}

fn beyond() -> StoreError {
    corrupt(DOING, "an amount or a count passes what its sum holds")
}

impl Database {
    /// What customers expanded by in each month up to the cut's, and what they hold of it on days up to the cut's. All of one
    /// instant; `None` where the current generation doesn't keep it.
    pub(in crate::store) async fn lasting_months(
        &self,
        scope: &Scope,
        cut_day: Day,
    ) -> Result<Option<LastingMonths>, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        if !has_sums(&mut tx).await? {
            return Ok(None);
        }
        let all = Scoped::look_up(&mut tx, scope).await?;
        let mut months = kept(&mut tx, &all).await?;
        // A customer is told apart by its id within one account.
        for account in accounts(&mut tx, scope).await? {
            let one = Scope { account: AccountScope::One(account), ..scope.clone() };
            let one = Scoped::look_up(&mut tx, &one).await?;
            correct(&mut tx, &one, cut_day, &mut months).await?;
        }
        tx.commit().await.doing(DOING)?;
        let cut_month = Month::of(cut_day);
        months.retain(|(_, month, _), sum| *month <= cut_month && sum.customers > 0);
        Ok(Some(months))
    }
}

/// What is kept of all customers' rows, those dated ahead among them.
async fn kept(tx: &mut Connection, scope: &Scoped<'_>) -> Result<LastingMonths, StoreError> {
    let columns = columns().split(", ").map(|column| format!("s.{column}")).collect::<Vec<_>>().join(", ");
    let mut query =
        QueryBuilder::<Driver>::new(format!("SELECT s.currency, s.month, s.rollup, {columns} FROM expanded_month s"));
    push_scope(&mut query, "s", "s", scope);
    let read = |row: &Row| {
        let (month, word): (&str, &str) = (row.try_get(1).doing(DOING)?, row.try_get(2).doing(DOING)?);
        let rollup = match word {
            "" => None,
            word => Some(Rollup::parse(word).ok_or_else(|| corrupt(DOING, format!("{word:?} is no roll-up")))?),
        };
        let of = (currency(row.try_get(0).doing(DOING)?)?, Month::of(day(&format!("{month}-01"))?), rollup);
        let customers: i64 = row.try_get(3).doing(DOING)?;
        let mut one = Lasting { customers, expansion: sum(row, 4).doing(DOING)?, ..Lasting::default() };
        for (place, held) in one.held.iter_mut().enumerate() {
            *held = sum(row, 6 + 2 * place).doing(DOING)?;
        }
        Ok((of, one))
    };
    let mut months = LastingMonths::new();
    // Over all accounts there is a row of each.
    for (of, one) in each(&mut query, tx, read).await? {
        add(&mut months, &LastingMonths::from([(of, one)]), Rows::Written).ok_or_else(beyond)?;
    }
    Ok(months)
}

/// The accounts asked for in which anybody has rows.
async fn accounts(tx: &mut Connection, scope: &Scope) -> Result<Vec<Option<AccountId>>, StoreError> {
    if let AccountScope::One(one) = &scope.account {
        return Ok(vec![one.clone()]);
    }
    let scope = &Scoped::look_up(tx, scope).await?;
    let mut query = QueryBuilder::<Driver>::new("SELECT DISTINCT s.account FROM day_amount s");
    push_scope(&mut query, "s", "s", scope);
    each(&mut query, tx, |row| Ok(account_of(row.try_get(0).doing(DOING)?))).await
}

/// Whoever has rows that aren't shown yet, or not for ever, counts as it is shown at the cut.
async fn correct(
    tx: &mut Connection,
    scope: &Scoped<'_>,
    cut_day: Day,
    months: &mut LastingMonths,
) -> Result<(), StoreError> {
    let (profile, account) = (clean(&scope.profile), account(scope.account.one()));
    let mut customers: BTreeSet<String> = in_between(tx, scope, cut_day).await?.into_iter().collect();
    customers.extend(expanding_later(tx, scope, cut_day).await?);
    let customers: Vec<String> = customers.into_iter().collect();
    for customers in customers.chunks(limits::CUSTOMERS_IN_BETWEEN) {
        let (generation, livemode) = (scope.generation, scope.livemode);
        let group = Group { generation, profile: &profile, livemode, account: &account, customers };
        let ledgers = read_group(tx, &group).await?;
        // What is held of them goes with the page; the question's time is looked at as well.
        Charge::begin().add(ledgers.values().map(CustomerLedger::bytes_held).sum())?;
        for ledger in ledgers.values() {
            let (kept, shown) = (lasting(ledger, None), lasting(ledger, Some(scope.cut)));
            add(months, &kept.ok_or_else(beyond)?, Rows::Taken).ok_or_else(beyond)?;
            add(months, &shown.ok_or_else(beyond)?, Rows::Written).ok_or_else(beyond)?;
        }
    }
    Ok(())
}

/// Who expands in the cut's month, but later than its day: of months to come nothing is told, and what is lost later is still held.
async fn expanding_later(tx: &mut Connection, scope: &Scoped<'_>, cut_day: Day) -> Result<Vec<String>, StoreError> {
    let index = by_own_index("movement_by_time", scope.generation);
    let mut query = QueryBuilder::<Driver>::new(format!("SELECT DISTINCT d.customer FROM movement d{index}"));
    push_scope(&mut query, "d", "d", scope);
    query.push(" AND d.visible_until IS NULL AND d.visible_from > ").push_bind(scope.cut.0);
    query.push(" AND d.kind = ").push_bind(Kind::Expansion.as_str());
    query.push(" AND d.day > ").push_bind(cut_day.to_string());
    query.push(" AND d.day <= ").push_bind(Month::of(cut_day).last().to_string());
    each(&mut query, tx, |row| row.try_get(0).doing(DOING)).await
}
