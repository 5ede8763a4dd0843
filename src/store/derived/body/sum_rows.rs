//! Rows of sums, moved: what changes is added to what stands, and the sum of nothing any more is no row.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::dialect::*,
    rows::{Query, Value, account, insert},
};
use crate::store::{
    StoreError,
    derived::{GenerationId, day_sums::SumsOf},
    errors::Doing,
    log::prepared::clean,
};

/// What every row of sums begins with: whose it is.
pub(super) const WHOSE: &str = "generation, profile, livemode, account, test_clock";

/// One row: whose, what tells it apart from the others of that, and by how much its numbers move.
pub(super) struct Line<'s> {
    pub(super) of: &'s SumsOf,
    pub(super) key: Vec<Value>,
    /// The first is how many rows are summed here.
    pub(super) numbers: Vec<i64>,
}

/// Lines of one table, told apart by the columns `key` and holding the columns `numbers`.
pub(super) struct Lines<'s> {
    pub(super) table: &'static str,
    pub(super) key: &'static str,
    pub(super) numbers: String,
    pub(super) lines: Vec<Line<'s>>,
}

/// Moves the rows of a table.
pub(super) async fn move_lines(
    connection: &mut Connection,
    generation: GenerationId,
    Lines { table, key, numbers, lines }: &Lines<'_>,
) -> Result<(), sqlx::Error> {
    let key = format!("{WHOSE}, {key}");
    let head = format!("INSERT INTO {table} ({key}, {numbers})");
    let sums: Vec<String> =
        numbers.split(", ").map(|column| format!("{column} = {table}.{column} + excluded.{column}")).collect();
    let tail = format!("ON CONFLICT ({key}) DO UPDATE SET {}", sums.join(", "));
    let width = key.split(',').count() + numbers.split(',').count();
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
    Ok(())
}

fn bind_key<'q>(query: Query<'q>, generation: GenerationId, line: &Line<'_>) -> Query<'q> {
    let (profile, livemode, of, clock) = line.of;
    let query = query
        .bind(generation)
        .bind(clean(profile))
        .bind(*livemode)
        .bind(account(of.as_ref()))
        .bind(clock.as_ref().map(|clock| clean(clock.as_str())).unwrap_or_default());
    line.key.iter().fold(query, |query, value| match value {
        Value::Number(number) => query.bind(*number),
        Value::Truth(truth) => query.bind(*truth),
        Value::Text(text) => query.bind(text.clone()),
    })
}

/// A row's key as texts, with its numbers.
type Told = BTreeMap<Vec<String>, Vec<i64>>;

/// The profile of the first row of a table that isn't what `Lines` say it is, and what it is told apart by.
pub(super) async fn first_wrong(
    connection: &mut Connection,
    generation: GenerationId,
    Lines { table, key, numbers, lines }: &Lines<'_>,
) -> Result<Option<(String, String)>, StoreError> {
    let doing = "holding sums against their rows";
    let text =
        format!("SELECT profile, livemode, account, test_clock, {key}, {numbers} FROM {table} WHERE generation = $1");
    let (keys, count) = (key.split(',').count(), numbers.split(',').count());
    let mut kept = Told::new();
    let mut rows = sqlx::query(AssertSqlSafe(text)).bind(generation).fetch(connection);
    while let Some(row) = rows.try_next().await.doing(doing)? {
        let text = |at: usize| row.try_get::<String, _>(at);
        let mut told = vec![text(0).doing(doing)?, row.try_get::<bool, _>(1).doing(doing)?.to_string()];
        for at in 2..4 + keys {
            told.push(text(at).doing(doing)?);
        }
        let numbers = (0..count).map(|at| row.try_get(4 + keys + at)).collect::<Result<_, _>>().doing(doing)?;
        kept.insert(told, numbers);
    }
    let mut summed = Told::new();
    for Line { of: (profile, livemode, of, clock), key, numbers } in lines {
        let mut told = vec![clean(profile), livemode.to_string(), account(of.as_ref())];
        told.push(clock.as_ref().map(|clock| clean(clock.as_str())).unwrap_or_default());
        told.extend(key.iter().map(|value| match value {
            Value::Text(text) => text.clone().unwrap_or_default(),
            Value::Number(number) => number.map(|number| number.to_string()).unwrap_or_default(),
            Value::Truth(truth) => truth.to_string(),
        }));
        summed.insert(told, numbers.clone());
    }
    let differs = kept.iter().find(|(key, numbers)| summed.get(*key) != Some(*numbers));
    let missing = || summed.iter().find(|(key, _)| !kept.contains_key(*key));
    Ok(differs.or_else(missing).map(|(key, _)| (key[0].clone(), key[4..].join(" "))))
}
