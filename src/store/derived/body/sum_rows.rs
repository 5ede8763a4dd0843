//! Rows of sums, moved: what changes is added to what stands, and the sum of nothing any more is no row.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::dialect::*,
    rows::{TableRows, Value, Values, account},
};
use crate::store::{
    StoreError,
    derived::{GenerationId, day_sums::SumsOf},
    errors::Doing,
    log::prepared::clean,
};

/// What every row of sums begins with: whose it is.
pub(super) const WHOSE: &str = "generation, profile, livemode, account, test_clock";

/// Holds of a row that is the sum of nothing any more: then it is none, as in a generation that never had it.
pub(in super::super) const IS_EMPTY: &str = "items = 0";

/// What the numbers of lines say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Meaning {
    /// By how much the numbers of a row move.
    Moved,
    /// What the numbers of a row are from now on; none of them anything, and the row is gone.
    Whole,
}

/// One row: whose, what tells it apart from the others of that, and its numbers.
pub(in super::super) struct Line<'s> {
    pub(in super::super) of: &'s SumsOf,
    pub(in super::super) key: Vec<Value>,
    /// The first is how many rows are summed here.
    pub(in super::super) numbers: Vec<i64>,
}

/// Lines of one table, told apart by the columns `key` and holding the columns `numbers`.
pub(in super::super) struct Lines<'s> {
    pub(in super::super) table: &'static str,
    pub(in super::super) key: &'static str,
    pub(in super::super) numbers: String,
    pub(in super::super) meaning: Meaning,
    pub(in super::super) lines: Vec<Line<'s>>,
}

impl Lines<'_> {
    /// What a row holds, in the order of its values.
    pub(in super::super) fn columns(&self) -> String {
        format!("{WHOSE}, {}, {}", self.key, self.numbers)
    }

    /// The rows of a generation that has none of them yet.
    pub(super) fn fresh_rows(&self, generation: GenerationId) -> TableRows {
        let rows = self.lines.iter().map(|line| Values(line.values(generation))).collect();
        TableRows { table: self.table, columns: self.columns(), rows }
    }

    /// What becomes of a row that is there.
    pub(in super::super) fn on_conflict(&self) -> String {
        let Lines { table, key, numbers, meaning, .. } = self;
        let stands = |column: &str| match meaning {
            Meaning::Moved => format!("{table}.{column} + "),
            Meaning::Whole => String::new(),
        };
        let sums: Vec<String> =
            numbers.split(", ").map(|column| format!("{column} = {}excluded.{column}", stands(column))).collect();
        format!("ON CONFLICT ({WHOSE}, {key}) DO UPDATE SET {}", sums.join(", "))
    }

    /// The keys of the rows that may be the sum of nothing once they have moved: they are deleted if they are.
    pub(in super::super) fn ending_keys(&self, generation: GenerationId) -> TableRows {
        let may_end = |items: i64| match self.meaning {
            Meaning::Moved => items < 0,
            Meaning::Whole => items == 0,
        };
        let ending = self.lines.iter().filter(|line| line.numbers.first().is_some_and(|items| may_end(*items)));
        let rows = ending.map(|line| Values(line.key_values(generation))).collect();
        TableRows { table: self.table, columns: format!("{WHOSE}, {}", self.key), rows }
    }
}

impl Line<'_> {
    /// The row's key, as it is bound.
    fn key_values(&self, generation: GenerationId) -> Vec<Value> {
        let (profile, livemode, of, clock) = self.of;
        let clock = clock.as_ref().map(|clock| clean(clock.as_str())).unwrap_or_default();
        let mut values = Vec::with_capacity(5 + self.key.len() + self.numbers.len());
        values.extend([generation.0.into(), clean(profile).into(), (*livemode).into(), account(of.as_ref()).into()]);
        values.push(clock.into());
        values.extend(self.key.iter().cloned());
        values
    }

    /// The whole row, as it is bound.
    pub(in super::super) fn values(&self, generation: GenerationId) -> Vec<Value> {
        let mut values = self.key_values(generation);
        values.extend(self.numbers.iter().map(|number| Value::from(*number)));
        values
    }
}

/// Rows' numbers by whose they are (profile, livemode, account, test clock) and what they are told apart by, as texts.
type Told = BTreeMap<([String; 4], Vec<String>), Vec<i64>>;

/// The profile of the first row of a table that isn't what `Lines` say it is, and what it is told apart by.
pub(super) async fn first_wrong(
    connection: &mut Connection,
    generation: GenerationId,
    Lines { table, key, numbers, lines, .. }: &Lines<'_>,
) -> Result<Option<(String, String)>, StoreError> {
    let doing = "holding sums against their rows";
    let texts = key.split(", ").map(|column| format!("CAST({column} AS TEXT)")).collect::<Vec<_>>().join(", ");
    let text =
        format!("SELECT profile, livemode, account, test_clock, {texts}, {numbers} FROM {table} WHERE generation = $1");
    let (keys, count) = (key.split(',').count(), numbers.split(',').count());
    let mut kept = Told::new();
    let mut rows = sqlx::query(AssertSqlSafe(text)).bind(generation).fetch(connection);
    while let Some(row) = rows.try_next().await.doing(doing)? {
        let text = |at: usize| row.try_get::<String, _>(at);
        let livemode = row.try_get::<bool, _>(1).doing(doing)?.to_string();
        let whose = [text(0).doing(doing)?, livemode, text(2).doing(doing)?, text(3).doing(doing)?];
        let told = (4..4 + keys).map(text).collect::<Result<_, _>>().doing(doing)?;
        let numbers = (0..count).map(|at| row.try_get(4 + keys + at)).collect::<Result<_, _>>().doing(doing)?;
        kept.insert((whose, told), numbers);
    }
    let mut summed = Told::new();
    let there = lines.iter().filter(|line| line.numbers.iter().any(|number| *number != 0));
    for Line { of: (profile, livemode, of, clock), key, numbers } in there {
        let clock = clock.as_ref().map(|clock| clean(clock.as_str())).unwrap_or_default();
        let whose = [clean(profile), livemode.to_string(), account(of.as_ref()), clock];
        let told = key.iter().map(|value| match value {
            Value::Text(text) => text.clone().unwrap_or_default(),
            Value::Number(number) => number.map(|number| number.to_string()).unwrap_or_default(),
            Value::Truth(truth) => truth.to_string(),
        });
        summed.insert((whose, told.collect()), numbers.clone());
    }
    let differs = kept.iter().find(|(key, numbers)| summed.get(*key) != Some(*numbers));
    let missing = || summed.iter().find(|(key, _)| !kept.contains_key(*key));
    Ok(differs.or_else(missing).map(|(([profile, ..], told), _)| (profile.clone(), told.join(" "))))
}
