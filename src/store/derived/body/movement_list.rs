//! The list of movements, page by page over stable keys.

use sqlx::{QueryBuilder, Transaction};

use super::{
    super::{Database, dialect::*},
    asked::{PART_OF, Scoped, push_scope, push_visible},
    columns::*,
    group_sums::has_sums,
    reader::Columns,
    rows::account_of,
};
use crate::{
    ledger::{
        ids::CustomerId,
        outcome::{Cause, Kind},
    },
    store::{StoreError, derived::reports::*, errors::Doing, log::prepared::clean},
};

const DOING: &str = "reading movements";

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
            MOVEMENT.columns_of("m"),
            PART.columns_of("p")
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
