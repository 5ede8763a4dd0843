//! All sums that are kept beside the rows, in SQL: moved with the rows, and held against them.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::{Database, dialect::*},
    asked::{PART_OF, split_sum},
    digests, group_sums, lasting_sums, loss_sums,
    readback::ledgers_in,
    retention_sums,
    sum_columns::{AMOUNT, COUNT, MOVED, amount_numbers, count_numbers, movement_numbers},
    sum_rows::{Line, Lines, Meaning, first_wrong},
};
use crate::{
    event::CustomerKey,
    limits,
    store::{
        StoreError,
        derived::{
            GenerationId, ProfileLedger, SUMS_VERSION, WrongDay,
            day_sums::{DaySums, Standing},
            sum::{DayAmount, DayCount, DayMovement},
        },
        errors::Doing,
    },
};

const DOING: &str = "reading the ledger";

/// What tells the sums of a generation apart.
const KEY: &str = "generation, profile, livemode, account, test_clock, currency, day";
/// What further tells sums of movements apart.
const MOVED_KEY: &str = "kind, since";

/// Every line that the sums come to, in the order in which all who recompute take the rows they share.
pub(in super::super) fn lines(sums: &DaySums) -> Result<Vec<Lines<'_>>, StoreError> {
    Ok(by_day(sums).into_iter().chain(beside_days(sums)?).collect())
}

/// Those of days: amounts, counts and movements.
fn by_day(sums: &DaySums) -> [Lines<'_>; 3] {
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
    [
        ("day_amount", "currency, day", AMOUNT, amounts),
        ("day_count", "currency, day", COUNT, counts),
        ("day_movement", "currency, day, kind, since", MOVED, movements),
    ]
    .map(|(table, key, numbers, lines)| Lines {
        table,
        key,
        numbers: numbers.into(),
        meaning: Meaning::Moved,
        lines,
    })
}

/// Those of groups and of figures by customer.
fn beside_days(sums: &DaySums) -> Result<impl Iterator<Item = Lines<'_>>, StoreError> {
    Ok(group_sums::lines(sums)?.into_iter().chain(retention_sums::lines(sums)).chain([
        loss_sums::lines(sums),
        lasting_sums::lines(sums),
        digests::lines(sums),
    ]))
}

impl Database {
    /// The first sum of `generation` that isn't that of its rows, in words. Where sums are what was `seen` of customers one by
    /// one, and there are no more rows than these have, they are right; others are held against all rows, as of one instant.
    pub(in crate::store) async fn wrong_day(
        &self,
        generation: GenerationId,
        seen: Option<&DaySums>,
    ) -> Result<Option<WrongDay>, StoreError> {
        let amounts = ["mrr", "list", "estimated", "at_risk", "scheduled_churn"].map(split_sum).join(", ");
        let counts = ["customers", "subscriptions", "trials"].map(|column| format!("CAST(SUM({column}) AS BIGINT)"));
        let since = "visible_from / 86400 - CASE WHEN visible_from % 86400 < 0 THEN 1 ELSE 0 END";
        let moved_key = format!("{KEY}, {MOVED_KEY}");
        let seen_days = seen.map(by_day);
        for (place, (days, columns, table, key, of, sums)) in [
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
        ]
        .into_iter()
        .enumerate()
        {
            if let Some(lines) = seen_days.as_ref().and_then(|seen| seen.get(place))
                && self.are_seen(generation, lines, &format!("{table} WHERE generation = $1 {of}")).await?
            {
                continue;
            }
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

    /// Whether the sums of days are these lines, and as many rows are there as these sum: none is of a customer who has no ledger.
    async fn are_seen(&self, generation: GenerationId, lines: &Lines<'_>, rows: &str) -> Result<bool, StoreError> {
        let mut connection = self.derived.acquire().await.doing(DOING)?;
        if first_wrong(&mut connection, generation, lines).await?.is_some() {
            return Ok(false);
        }
        let text = format!("SELECT COUNT(*) FROM {rows}");
        let there = sqlx::query_scalar(AssertSqlSafe(text)).bind(generation).fetch_one(&mut *connection).await;
        let there: i64 = there.doing(DOING)?;
        Ok(lines.lines.iter().filter_map(|line| line.numbers.first()).sum::<i64>() == there)
    }

    /// The first sum of groups or of figures by customer that isn't that of its customers. Where it is what was `seen` of
    /// them, one by one, that is it; else all rows are read at the same instant.
    async fn wrong_sum(
        &self,
        generation: GenerationId,
        seen: Option<&DaySums>,
    ) -> Result<Option<WrongDay>, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let kept: Option<i64> = sqlx::query_scalar("SELECT sums FROM generation WHERE id = $1")
            .bind(generation)
            .fetch_optional(&mut *tx)
            .await
            .doing(DOING)?;
        if kept != Some(SUMS_VERSION) {
            return Ok(None);
        }
        if let Some(wrong) = first_misplaced(&mut tx, generation).await? {
            return Ok(Some(wrong));
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
            for (key, ProfileLedger { profile, ledger }) in &page {
                sums.change(profile, key, None, Some(Standing::whole(ledger)))?;
            }
        }
        let wrong = first_wrong_of(&mut tx, generation, &sums).await?;
        tx.commit().await.doing(DOING)?;
        Ok(wrong)
    }
}

/// The first part of a movement that doesn't say where its movement stands in the list of its cause.
async fn first_misplaced(
    connection: &mut Connection,
    generation: GenerationId,
) -> Result<Option<WrongDay>, StoreError> {
    let text = format!(
        "SELECT p.profile, p.customer, m.day FROM movement_part p JOIN movement m ON {PART_OF}
         WHERE p.generation = $1 AND (p.moved_on <> m.day OR p.moved_at <> m.effective_at
         OR (p.moved_on IS NULL) <> (p.moved_at IS NULL) OR (p.moved_on IS NULL) <> (p.part > 0 AND EXISTS (
             SELECT 1 FROM movement_part o WHERE o.generation = p.generation AND o.profile = p.profile
             AND o.livemode = p.livemode AND o.account = p.account AND o.customer = p.customer
             AND o.ordinal = p.ordinal AND o.part < p.part AND o.cause = p.cause))) LIMIT 1"
    );
    let found = sqlx::query(AssertSqlSafe(text)).bind(generation).fetch_optional(connection).await.doing(DOING)?;
    let Some(row) = found else { return Ok(None) };
    let text = |at: usize| row.try_get::<String, _>(at).doing(DOING);
    let (profile, customer, day) = (text(0)?, text(1)?, text(2)?);
    let what = format!("{day}: a part of a movement of {customer} doesn't say where it is listed under its cause");
    Ok(Some(WrongDay { profile: profile.into(), table: "movement_part", what }))
}

/// The first row of sums of groups or of figures by customer that isn't what these sums say.
async fn first_wrong_of(
    connection: &mut Connection,
    generation: GenerationId,
    sums: &DaySums,
) -> Result<Option<WrongDay>, StoreError> {
    for lines in beside_days(sums)? {
        if let Some((profile, which)) = first_wrong(connection, generation, &lines).await? {
            let what = format!("{which}: what is kept isn't the sum of the customers' rows");
            return Ok(Some(WrongDay { profile: profile.into(), table: lines.table, what }));
        }
    }
    Ok(None)
}
