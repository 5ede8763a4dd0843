//! Digests of customers' rows in SQL: moved with the rows, and two generations compared by them.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, QueryBuilder};

use super::{
    super::{Database, dialect::*},
    asked::{Scoped, each, push_scope, sum},
    group_sums::has_sums,
    readback::GROUP,
    reader::Columns,
    rows::account,
    sum_rows::{Line, Lines, Meaning},
};
use crate::{
    event::CustomerKey,
    ledger::{money::Mrr, outcome::CustomerLedger, time::UnixTime},
    store::{
        StoreError,
        derived::{
            Book, Compared, GenerationId, SUMS_VERSION, day_sums::DaySums, digests::KeptDigest, reports::Scope,
            sum::MINOR,
        },
        errors::Doing,
        log::prepared::clean,
    },
};

const DOING: &str = "comparing generations";

/// The rows of `customer_digest` that the sums come to.
pub(super) fn lines(sums: &DaySums) -> Lines<'_> {
    let mut lines = Vec::new();
    for (of, ledger) in &sums.0 {
        lines.extend(ledger.digests.iter().map(|(customer, KeptDigest { items, halves: [digest, rest] })| Line {
            of,
            key: vec![clean(customer.as_str()).into()],
            numbers: vec![*items, *digest, *rest],
        }));
    }
    Lines {
        table: "customer_digest",
        key: "customer",
        numbers: "items, digest, digest_rest".into(),
        meaning: Meaning::Whole,
        lines,
    }
}

impl Database {
    /// What differs between two generations as of `now`; `None` where one of them keeps no digests.
    pub(in crate::store) async fn compare(
        &self,
        (before, after): (GenerationId, GenerationId),
        now: UnixTime,
    ) -> Result<Option<Compared>, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let digested: i64 = number(
            &mut tx,
            &format!("SELECT COUNT(*) FROM generation WHERE id IN ({before}, {after}) AND sums = {SUMS_VERSION}"),
        )
        .await?;
        if digested < 2 {
            return Ok(None);
        }
        let (count_before, count_after) = (count(&mut tx, before).await?, count(&mut tx, after).await?);
        let same_customer = "b.profile = a.profile AND b.livemode = a.livemode AND b.account = a.account
            AND b.customer = a.customer";
        let both = number(
            &mut tx,
            &format!(
                "SELECT COUNT(*) FROM customer_ledger a JOIN customer_ledger b ON b.generation = {after} AND {same_customer}
                 WHERE a.generation = {before}"
            ),
        )
        .await?;
        let same = number(
            &mut tx,
            &format!(
                "SELECT COUNT(*) FROM customer_digest a JOIN customer_digest b ON b.generation = {after} AND {same_customer}
                 AND b.test_clock = a.test_clock AND b.digest = a.digest AND b.digest_rest = a.digest_rest
                 WHERE a.generation = {before}"
            ),
        )
        .await?;
        let ledgers = count_before + count_after - both;
        let mrr = [standing(&mut tx, before, now).await?, standing(&mut tx, after, now).await?];
        tx.commit().await.doing(DOING)?;
        Ok(Some(Compared { ledgers: ledgers.unsigned_abs(), changed: (ledgers - same).unsigned_abs(), mrr }))
    }
}

impl Database {
    /// Customers of a scope whose rows under its profile aren't the same as under another; `None` where no digests are kept.
    pub(in crate::store) async fn differing_customers(
        &self,
        scope: &Scope,
        other: &str,
    ) -> Result<Option<Vec<CustomerKey>>, StoreError> {
        let doing = "comparing profiles";
        let mut tx = self.derived.begin_with(begin_read()).await.doing(doing)?;
        if !has_sums(&mut tx).await? {
            return Ok(None);
        }
        let of_other = Scope { profile: other.into(), ..scope.clone() };
        let mut customers = BTreeSet::new();
        for (these, those) in [(scope, &of_other), (&of_other, scope)] {
            let these = &Scoped::look_up(&mut tx, these).await?;
            let mut query = QueryBuilder::<Driver>::new("SELECT a.account, a.customer FROM customer_digest a");
            push_scope(&mut query, "a", "a", these);
            query.push(
                " AND NOT EXISTS (SELECT 1 FROM customer_digest b WHERE b.generation = a.generation AND b.profile = ",
            );
            query.push_bind(clean(&those.profile)).push(
                " AND b.livemode = a.livemode AND b.account = a.account AND b.test_clock = a.test_clock
                 AND b.customer = a.customer AND b.digest = a.digest AND b.digest_rest = a.digest_rest)",
            );
            let read = |row: &Row| {
                let mut columns = Columns::of(row, 0);
                let (account, customer) = (columns.account()?, columns.id()?);
                Ok(CustomerKey { livemode: these.livemode, account, customer })
            };
            customers.extend(each(&mut query, &mut tx, read).await?);
        }
        tx.commit().await.doing(doing)?;
        Ok(Some(customers.into_iter().collect()))
    }
}

impl Database {
    /// Those of `derived` whose digests are kept of the rows, and which of `customers` are left over.
    pub(in crate::store) async fn as_in_rows(
        &self,
        generation: GenerationId,
        profile: &str,
        customers: Vec<CustomerKey>,
        derived: Vec<(CustomerKey, CustomerLedger, KeptDigest)>,
    ) -> Result<(Vec<(CustomerKey, CustomerLedger, KeptDigest)>, Vec<CustomerKey>), StoreError> {
        let doing = "reading digests";
        let mut tx = self.derived.begin_with(begin_read()).await.doing(doing)?;
        let version: Option<i64> = sqlx::query_scalar("SELECT sums FROM generation WHERE id = $1")
            .bind(generation)
            .fetch_optional(&mut *tx)
            .await
            .doing(doing)?;
        if version != Some(SUMS_VERSION) {
            return Ok((Vec::new(), customers));
        }
        // With the clocks, which stand before the customers in its key.
        let mut groups: BTreeMap<(bool, String, String), Vec<String>> = BTreeMap::new();
        for (key, ledger, _) in &derived {
            groups.entry(group(key, ledger)).or_default().push(clean(key.customer.as_str()));
        }
        let text = format!(
            "SELECT customer, items, digest, digest_rest FROM customer_digest WHERE {GROUP} AND test_clock = $5 AND {}",
            in_list("customer", 6)
        );
        let mut kept = BTreeMap::new();
        for (group, customers) in groups {
            let (livemode, account, clock) = &group;
            let query = sqlx::query(AssertSqlSafe(text.clone())).bind(generation).bind(clean(profile));
            let query = query.bind(livemode).bind(account).bind(clock);
            let query = query.bind(text_list(customers.iter().map(String::as_str)));
            for row in &query.fetch_all(&mut *tx).await.doing(doing)? {
                let mut columns = Columns::of(row, 0);
                let customer = columns.text()?;
                let (items, halves) = (columns.number()?, [columns.number()?, columns.number()?]);
                kept.insert((group.clone(), customer), KeptDigest { items, halves });
            }
        }
        tx.commit().await.doing(doing)?;
        let mut in_rows = Vec::with_capacity(derived.len());
        let mut left: BTreeSet<CustomerKey> = customers.into_iter().collect();
        for (key, ledger, digest) in derived {
            if kept.get(&(group(&key, &ledger), clean(key.customer.as_str()))) == Some(&digest) {
                left.remove(&key);
                in_rows.push((key, ledger, digest));
            }
        }
        Ok((in_rows, left.into_iter().collect()))
    }
}

/// Among which rows a customer's digest stands: its mode, account and test clock.
fn group(key: &CustomerKey, ledger: &CustomerLedger) -> (bool, String, String) {
    let clock = ledger.test_clock.as_ref().map(|clock| clean(clock.as_str())).unwrap_or_default();
    (key.livemode, account(key.account.as_ref()), clock)
}

async fn number(connection: &mut Connection, text: &str) -> Result<i64, StoreError> {
    sqlx::query_scalar(AssertSqlSafe(text.to_owned())).fetch_one(connection).await.doing(DOING)
}

async fn count(connection: &mut Connection, generation: GenerationId) -> Result<i64, StoreError> {
    number(connection, &format!("SELECT COUNT(*) FROM customer_ledger WHERE generation = {generation}")).await
}

/// MRR at an instant wherever anything counted by then: the sums of days, without the rows that come later. Simulated time is
/// summed into no MRR.
async fn standing(
    connection: &mut Connection,
    generation: GenerationId,
    now: UnixTime,
) -> Result<BTreeMap<Book, Mrr>, StoreError> {
    let text = format!(
        "SELECT profile, livemode, account, currency, CAST(SUM(mrr) AS BIGINT), CAST(SUM(rest) AS BIGINT) FROM (
         SELECT d.profile, d.livemode, d.account, d.currency, d.items AS items, d.mrr AS mrr, d.mrr_rest AS rest
         FROM day_amount d WHERE d.generation = {generation} AND d.test_clock = ''
         UNION ALL SELECT d.profile, d.livemode, d.account, d.currency, -1, -(d.mrr / {MINOR}), -(d.mrr % {MINOR})
         FROM item_delta d{} WHERE d.generation = {generation} AND d.test_clock = '' AND d.ordinal >= 0 AND d.at > $1
         ) AS s GROUP BY profile, livemode, account, currency HAVING SUM(items) <> 0",
        by_own_index("item_delta_by_time", generation)
    );
    let rows = sqlx::query(AssertSqlSafe(text)).bind(now.0).fetch_all(connection).await.doing(DOING)?;
    let read = |row: &Row| {
        let mut columns = Columns::of(row, 0);
        let book = Book {
            profile: columns.text()?,
            livemode: columns.truth()?,
            account: columns.account()?,
            currency: columns.parsed("currency")?,
        };
        Ok((book, sum(row, 4).doing(DOING)?))
    };
    rows.iter().map(read).collect()
}
