//! The lists of reports: movements, customers and quality entries, page by page over stable keys.

use std::{collections::BTreeMap, sync::Arc};

use sqlx::{QueryBuilder, Transaction};

use super::{
    super::{Database, dialect::*},
    asked::{PART_OF, Scoped, each, push_scope, push_visible},
    columns::*,
    found::{self, asks_for_largest, found},
    group_sums::has_sums,
    reader::Columns,
    rows::{account, account_of},
};
use crate::{
    ledger::{
        ids::CustomerId,
        money::{Currency, Mrr},
        outcome::{Cause, Kind, QualityKind, SubscriptionLedger},
        time::UnixTime,
    },
    store::{
        StoreError,
        derived::reports::*,
        errors::{Doing, corrupt},
        log::prepared::clean,
    },
};

const DOING: &str = "reading the ledger";

/// A table's own columns, each of `t`.
fn columns_of(t: &str, table: &Table) -> String {
    table.columns.split(", ").map(|column| format!("{t}.{}", column.trim())).collect::<Vec<_>>().join(", ")
}

impl Database {
    pub(in crate::store) async fn movement_page(
        &self,
        scope: &Scope,
        filter: &MovementFilter,
        order: Order,
        after: Option<&MovementKey>,
        limit: i64,
    ) -> Result<Vec<MovementRow>, StoreError> {
        let (direction, beyond) = match order {
            Order::Ascending => ("ASC", ">"),
            Order::Descending => ("DESC", "<"),
        };
        let mut tx = self.derived.begin_with(BEGIN_READ).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let mut query = QueryBuilder::<Driver>::new("WITH page AS (SELECT m.* FROM movement m");
        push_scope(&mut query, "m", "m", scope);
        push_visible(&mut query, scope);
        push_filter(&mut query, filter);
        if let Some(cause) = filter.cause.filter(|_| filter.kind != Some(Kind::Transient))
            && has_sums(&mut tx).await?
        {
            // Not one by one, where no month holds any.
            let Some((first, last)) = months_of(&mut tx, scope, cause).await? else { return Ok(Vec::new()) };
            query.push(" AND m.day >= ").push_bind(format!("{first}-01"));
            query.push(" AND m.day <= ").push_bind(format!("{last}-31"));
        }
        if let Some(after) = after {
            query
                .push(format_args!(" AND (m.day, m.effective_at, m.id) {beyond} ("))
                .push_bind(after.day.to_string())
                .push(", ")
                .push_bind(after.effective_at.0)
                .push(", ")
                .push_bind(clean(&after.id))
                .push(")");
        }
        // One customer's are found by the customer and sorted, not sought among everybody's in the order of days.
        let day = if filter.customer.is_some() { "m.day || ''" } else { "m.day" };
        query.push(format_args!(" ORDER BY {day} {direction}, m.effective_at {direction}, m.id {direction} LIMIT "));
        query.push_bind(limit);
        query.push(format_args!(
            ") SELECT m.account, m.customer, m.ordinal, m.id, {}, p.part, {} FROM page m LEFT JOIN movement_part p
             ON {PART_OF} ORDER BY m.day {direction}, m.effective_at {direction}, m.id {direction}, p.part",
            columns_of("m", &MOVEMENT),
            columns_of("p", &PART)
        ));
        let rows = query.build().fetch_all(&mut *tx).await.doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        let mut page: Vec<MovementRow> = Vec::new();
        let mut last = None;
        for row in &rows {
            let mut columns = Columns::of(row, 0);
            let key = (columns.text()?, columns.text()?, columns.number()?);
            let id = columns.text()?;
            let movement = read_movement(&mut columns)?;
            if last.as_ref() != Some(&key) {
                let (account, customer) = (account_of(key.0.clone()), CustomerId::new(key.1.as_str()));
                page.push(MovementRow { id: id.into(), account, customer, movement });
                last = Some(key);
            }
            if let (Some(_), Some(row)) = (columns.number_or_null()?, page.last_mut()) {
                row.movement.parts.push(read_part(&mut columns)?);
            }
        }
        Ok(page)
    }

    pub(in crate::store) async fn customer_page(
        &self,
        scope: &Scope,
        asked: &CustomersAsked,
        limit: i64,
    ) -> Result<Vec<CustomerRow>, StoreError> {
        let mut tx = self.derived.begin_with(BEGIN_READ).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let mut query =
            QueryBuilder::new("SELECT l.account, l.customer, l.country, l.first_mrr_at FROM customer_ledger l");
        push_scope(&mut query, "l", "l", scope);
        match asked {
            CustomersAsked::After(None) => {}
            CustomersAsked::One(only) => {
                query.push(" AND l.customer = ").push_bind(clean(only.as_str()));
            }
            CustomersAsked::After(Some(after)) => {
                query
                    .push(" AND (l.account, l.customer) > (")
                    .push_bind(account(after.account.as_ref()))
                    .push(", ")
                    .push_bind(clean(after.customer.as_str()))
                    .push(")");
            }
        }
        query.push(" ORDER BY l.account, l.customer LIMIT ").push_bind(limit);
        let found = query.build().fetch_all(&mut *tx).await.doing(DOING)?;
        let customers = found.iter().map(|row| customer_row(row, scope)).collect::<Result<_, _>>()?;
        let customers = completed(&mut tx, scope, customers).await?;
        tx.commit().await.doing(DOING)?;
        Ok(customers)
    }

    pub(in crate::store) async fn customers_found(
        &self,
        scope: &Scope,
        asked: &CustomerSearch,
        limit: i64,
    ) -> Result<Vec<(FoundPosition, CustomerRow)>, StoreError> {
        let mut tx = self.derived.begin_with(BEGIN_READ).await.doing(DOING)?;
        let summed = has_sums(&mut tx).await?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let mut rows = Vec::new();
        if let Some(currency) = asks_for_largest(scope, asked).filter(|_| summed) {
            let mut query = found::largest(scope, currency, asked.after.as_ref(), limit);
            rows = query.build().fetch_all(&mut *tx).await.doing(DOING)?;
        }
        // Behind those who pay come all others, in an order of their own.
        if i64::try_from(rows.len()).is_ok_and(|found| found < limit) {
            rows = found(scope, asked, limit, summed).build().fetch_all(&mut *tx).await.doing(DOING)?;
        }
        let mut places = Vec::with_capacity(rows.len());
        let mut customers = Vec::with_capacity(rows.len());
        for row in &rows {
            let customer = customer_row(row, scope)?;
            let mut place = Columns::of(row, 4);
            let key = match asked.order {
                CustomerOrder::Mrr | CustomerOrder::Since | CustomerOrder::Ends => place.number()?.to_string(),
                CustomerOrder::Name | CustomerOrder::Id => place.text()?,
            };
            let (account, customer_id) = (customer.account.clone(), customer.customer.clone());
            places.push(FoundPosition { key, account, customer: customer_id });
            customers.push(customer);
        }
        let customers = completed(&mut tx, scope, customers).await?;
        tx.commit().await.doing(DOING)?;
        Ok(places.into_iter().zip(customers).collect())
    }

    pub(in crate::store) async fn quality_page(
        &self,
        scope: &Scope,
        only: &QualityAsked,
        after: Option<&QualityPosition>,
        limit: i64,
    ) -> Result<Vec<(QualityPosition, QualityRow)>, StoreError> {
        let mut tx = self.derived.begin_with(BEGIN_READ).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let mut query = QueryBuilder::<Driver>::new(format!(
            "SELECT q.account, q.customer, q.ordinal, {} FROM quality q JOIN customer_ledger l
             ON l.generation = q.generation AND l.profile = q.profile AND l.livemode = q.livemode
             AND l.account = q.account AND l.customer = q.customer",
            columns_of("q", &QUALITY)
        ));
        push_scope(&mut query, "q", "l", scope);
        query.push(" AND q.at <= ").push_bind(scope.cut.0);
        query.push(" AND (q.until IS NULL OR q.until > ").push_bind(scope.cut.0).push(")");
        match only {
            QualityAsked::All => {}
            QualityAsked::Kind(kind) => {
                query.push(" AND q.kind = ").push_bind(kind.as_str());
            }
            QualityAsked::Customer(customer) => {
                query.push(" AND q.customer = ").push_bind(clean(customer.as_str()));
            }
        }
        if let Some(after) = after {
            query
                .push(" AND (q.kind, q.at, q.account, q.customer, q.ordinal) > (")
                .push_bind(clean(&after.kind))
                .push(", ")
                .push_bind(after.at.0)
                .push(", ")
                .push_bind(account(after.account.as_ref()))
                .push(", ")
                .push_bind(clean(after.customer.as_str()))
                .push(", ")
                .push_bind(after.ordinal)
                .push(")");
        }
        query.push(" ORDER BY q.kind, q.at, q.account, q.customer, q.ordinal LIMIT ").push_bind(limit);
        let rows = query.build().fetch_all(&mut *tx).await.doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        rows.iter().map(quality_row).collect()
    }

    pub(in crate::store) async fn quality_counts(
        &self,
        profile: &str,
        now: UnixTime,
    ) -> Result<Vec<(QualityKind, i64)>, StoreError> {
        let mut query = QueryBuilder::<Driver>::new(
            "SELECT q.kind, COUNT(*) FROM quality q
             WHERE q.generation = (SELECT id FROM generation WHERE state = 'current') AND q.profile = ",
        );
        query.push_bind(clean(profile)).push(" AND q.at <= ").push_bind(now.0);
        query.push(" AND (q.until IS NULL OR q.until > ").push_bind(now.0).push(") GROUP BY q.kind");
        let rows = query.build().fetch_all(&self.derived).await.doing(DOING)?;
        let read = |row: &Row| {
            let mut columns = Columns::of(row, 0);
            let kind = columns.text()?;
            let kind = QualityKind::parse(&kind)
                .ok_or_else(|| corrupt(DOING, format!("{kind:?} is not a kind of quality entry")))?;
            Ok((kind, columns.number()?))
        };
        rows.iter().map(read).collect()
    }

    pub(in crate::store) async fn customer_of_subscription(
        &self,
        scope: &Scope,
        id: &str,
    ) -> Result<Option<CustomerId>, StoreError> {
        let mut tx = self.derived.begin_with(BEGIN_READ).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let mut query = QueryBuilder::<Driver>::new(
            "SELECT s.customer FROM subscription_ledger s JOIN customer_ledger l ON l.generation = s.generation
             AND l.profile = s.profile AND l.livemode = s.livemode AND l.account = s.account
             AND l.customer = s.customer",
        );
        push_scope(&mut query, "s", "l", scope);
        query.push(" AND s.subscription = ").push_bind(clean(id)).push(" ORDER BY s.account LIMIT 1");
        let found = query.build().fetch_optional(&mut *tx).await.doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        found.map(|row| Columns::of(&row, 0).text().map(CustomerId::new)).transpose()
    }

    pub(in crate::store) async fn customer_traits(&self, scope: &Scope) -> Result<Vec<CustomerTraits>, StoreError> {
        let mut tx = self.derived.begin_with(BEGIN_READ).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let mut query = QueryBuilder::<Driver>::new(
            "SELECT l.customer, l.country, l.first_mrr_at, l.metadata FROM customer_ledger l",
        );
        push_scope(&mut query, "l", "l", scope);
        let read = |row: &Row| {
            let mut columns = Columns::of(row, 0);
            Ok(CustomerTraits {
                customer: CustomerId::new(columns.text()?),
                country: columns.text_or_null()?.map(Arc::from),
                first_mrr_at: columns.time_or_null()?.filter(|at| *at <= scope.cut),
                metadata: read_metadata(&mut columns)?,
            })
        };
        let traits = each(&mut query, &mut tx, read).await?;
        tx.commit().await.doing(DOING)?;
        Ok(traits)
    }
}

/// The first and the last month with movements of a cause, by the sums of months, and among the movements that are shown for
/// a while only, of any cause; `None` where there are none.
async fn months_of(
    tx: &mut Transaction<'_, Driver>,
    scope: &Scoped<'_>,
    cause: Cause,
) -> Result<Option<(String, String)>, StoreError> {
    let mut query = QueryBuilder::<Driver>::new(
        "SELECT MIN(month), MAX(month) FROM (SELECT SUBSTR(g.month, 1, 7) AS month FROM group_movement g",
    );
    push_scope(&mut query, "g", "g", scope);
    query.push(" AND g.dimension = 'cause' AND g.grp = ").push_bind(format!("={}", cause.as_str()));
    query.push(format_args!(
        " UNION ALL SELECT SUBSTR(w.day, 1, 7) FROM movement w{}",
        by_own_index("movement_for_a_while", scope.generation)
    ));
    push_scope(&mut query, "w", "w", scope);
    query.push(" AND w.visible_until IS NOT NULL AND w.visible_until > ").push_bind(scope.cut.0);
    query.push(") AS months");
    let row = query.build().fetch_one(&mut **tx).await.doing(DOING)?;
    let mut columns = Columns::of(&row, 0);
    Ok(columns.text_or_null()?.zip(columns.text_or_null()?))
}

/// Subscriptions and amounts of these customers, who were found in the same transaction.
async fn completed(
    tx: &mut Transaction<'_, Driver>,
    scope: &Scoped<'_>,
    mut customers: Vec<CustomerRow>,
) -> Result<Vec<CustomerRow>, StoreError> {
    let places: BTreeMap<(String, String), usize> = (0..)
        .zip(&customers)
        .map(|(place, one)| ((account(one.account.as_ref()), one.customer.to_string()), place))
        .collect();
    let ids: Vec<String> = customers.iter().map(|one| one.customer.to_string()).collect();

    let mut query = QueryBuilder::new(format!(
        "SELECT s.account, s.customer, {} FROM customer_ledger l JOIN subscription_ledger s
         ON s.generation = l.generation AND s.profile = l.profile AND s.livemode = l.livemode
         AND s.account = l.account AND s.customer = l.customer",
        columns_of("s", &SUBSCRIPTION)
    ));
    push_scope(&mut query, "l", "l", scope);
    push_customers(&mut query, &ids);
    query.push(" ORDER BY s.account, s.customer, s.subscription");
    for row in &query.build().fetch_all(&mut **tx).await.doing(DOING)? {
        let mut columns = Columns::of(row, 0);
        let whose = (columns.text()?, columns.text()?);
        if let Some(one) = places.get(&whose).and_then(|place| customers.get_mut(*place)) {
            one.subscriptions.push(SubscriptionLedger { mrr: Mrr::ZERO, ..read_subscription(&mut columns)? });
        }
    }

    // What stands now is the sum of what has taken effect: a subscription's own row doesn't know of a discount that
    // ended since. One customer's amounts are added up here, for they may pass 64 bits in a small currency.
    let mut query = QueryBuilder::new(
        "SELECT l.account, l.customer, l.subscription, l.currency, l.mrr, l.scheduled_churn FROM item_delta l",
    );
    push_scope(&mut query, "l", "l", scope);
    push_customers(&mut query, &ids);
    query.push(" AND (l.mrr <> 0 OR l.scheduled_churn <> 0) AND l.at <= ").push_bind(scope.cut.0);
    for row in &query.build().fetch_all(&mut **tx).await.doing(DOING)? {
        let mut columns = Columns::of(row, 0);
        let whose = (columns.text()?, columns.text()?);
        let Some(one) = places.get(&whose).and_then(|place| customers.get_mut(*place)) else { continue };
        let (id, code, change) = (columns.text()?, columns.parsed::<Currency>("currency")?, columns.mrr()?);
        let ending = columns.mrr()?;
        if ending != Mrr::ZERO {
            add(of_currency(&mut one.scheduled_churn, code), ending)?;
        }
        if change == Mrr::ZERO {
            continue;
        }
        add(of_currency(&mut one.mrr, code), change)?;
        if let Some(its) = one.subscriptions.iter_mut().find(|subscription| subscription.id.as_str() == id) {
            add(&mut its.mrr, change)?;
        }
    }
    Ok(customers)
}

/// The sum of a currency, in order of currencies.
fn of_currency(sums: &mut Vec<(Currency, Mrr)>, code: Currency) -> &mut Mrr {
    let at = sums.binary_search_by_key(&code, |(code, _)| *code).unwrap_or_else(|at| {
        sums.insert(at, (code, Mrr::ZERO));
        at
    });
    &mut sums[at].1
}

/// The customers of one page.
fn push_customers(query: &mut QueryBuilder<Driver>, ids: &[String]) {
    let condition = in_list("l.customer", 0);
    // The list stands where the dialect puts its parameter.
    let (before, after) = condition.split_once("$0").unwrap_or((&condition, ""));
    query.push(" AND ").push(before).push_bind(text_list(ids.iter().map(String::as_str))).push(after);
}

fn push_filter(query: &mut QueryBuilder<Driver>, filter: &MovementFilter) {
    if let Some(from) = filter.from {
        query.push(" AND m.day >= ").push_bind(from.to_string());
    }
    if let Some(to) = filter.to {
        query.push(" AND m.day <= ").push_bind(to.to_string());
    }
    if let Some(customer) = &filter.customer {
        query.push(" AND m.customer = ").push_bind(clean(customer.as_str()));
    }
    match filter.kind {
        Some(kind) => query.push(" AND m.kind = ").push_bind(kind.as_str()),
        None => query.push(" AND m.kind <> 'transient'"),
    };
    if let Some(without) = filter.without {
        query.push(" AND m.kind <> ").push_bind(without.as_str());
    }
    if matches!(filter.kind, Some(Kind::Churn | Kind::Contraction)) {
        // As the index of losses says it.
        query.push(" AND m.kind IN ('churn', 'contraction')");
    }
    if let Some(currency) = filter.currency {
        query.push(" AND m.currency = ").push_bind(currency.as_str().to_owned());
    }
    if let Some(cause) = filter.cause {
        query
            .push(format_args!(" AND EXISTS (SELECT 1 FROM movement_part p WHERE {PART_OF} AND p.cause = "))
            .push_bind(cause.as_str())
            .push(")");
    }
    push_part(query, &filter.part);
    let customer = "EXISTS (SELECT 1 FROM customer_ledger l WHERE l.generation = m.generation AND l.profile = m.profile
        AND l.livemode = m.livemode AND l.account = m.account AND l.customer = m.customer AND ";
    if let Some(country) = &filter.country {
        query.push(format_args!(" AND {customer} l.country = ")).push_bind(clean(country)).push(")");
    }
    if let Some((key, value)) = &filter.metadata {
        query.push(format_args!(" AND {customer} ")).push(METADATA.0).push_bind(clean(key)).push(METADATA.1);
        query.push(" = ").push_bind(clean(value)).push(")");
    }
    if let Some(cohort) = filter.cohort {
        query.push(format_args!(" AND {customer} l.first_mrr_at >= ")).push_bind(cohort.from.0);
        query.push(" AND l.first_mrr_at < ").push_bind(cohort.before.0).push(")");
    }
}

fn push_part(query: &mut QueryBuilder<Driver>, part: &PartFilter) {
    if *part == PartFilter::default() {
        return;
    }
    query.push(format_args!(" AND EXISTS (SELECT 1 FROM movement_part p WHERE {PART_OF}"));
    if let Some(rollup) = part.rollup {
        query.push(" AND p.cause IN (");
        let mut causes = query.separated(", ");
        for cause in Cause::ALL.iter().filter(|cause| cause.rollup() == rollup) {
            causes.push_bind(cause.as_str());
        }
        query.push(")");
    }
    let interval = part.interval.as_deref();
    let sides = [
        ("product", part.product.as_ref().map(|product| product.as_str())),
        ("price", part.price.as_ref().map(|price| price.as_str())),
        ("interval", interval),
    ];
    for (column, only) in sides {
        if let Some(only) = only {
            query.push(format_args!(" AND (p.before_{column} = ")).push_bind(clean(only));
            query.push(format_args!(" OR p.after_{column} = ")).push_bind(clean(only)).push(")");
        }
    }
    query.push(")");
}

fn add(sum: &mut Mrr, change: Mrr) -> Result<(), StoreError> {
    *sum = sum.checked_add(change).ok_or_else(|| corrupt(DOING, "a customer's amounts pass 128 bits"))?;
    Ok(())
}

fn customer_row(row: &Row, scope: &Scope) -> Result<CustomerRow, StoreError> {
    let mut columns = Columns::of(row, 0);
    Ok(CustomerRow {
        account: account_of(columns.text()?),
        customer: CustomerId::new(columns.text()?),
        country: columns.text_or_null()?.map(Arc::from),
        first_mrr_at: columns.time_or_null()?.filter(|at| *at <= scope.cut),
        mrr: Vec::new(),
        scheduled_churn: Vec::new(),
        subscriptions: Vec::new(),
    })
}

fn quality_row(row: &Row) -> Result<(QualityPosition, QualityRow), StoreError> {
    let mut columns = Columns::of(row, 0);
    let (account, customer) = (account_of(columns.text()?), CustomerId::new(columns.text()?));
    let ordinal = columns.number()?;
    let entry = read_quality(&mut columns)?;
    let position = QualityPosition {
        kind: entry.kind.as_str().into(),
        at: entry.at,
        account: account.clone(),
        customer: customer.clone(),
        ordinal,
    };
    Ok((position, QualityRow { account, customer, entry }))
}
