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
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let causes = causes_of(filter);
        let mut page = Page { scope, filter, order, after, limit, months: None };
        let mut query = QueryBuilder::<Driver>::new("WITH page AS (");
        if !causes.is_empty() && has_sums(&mut tx).await? {
            if filter.kind != Some(Kind::Transient) {
                page.months = months_of(&mut tx, scope, &causes, filter.kind).await?;
                if page.months.is_none() {
                    return Ok(Vec::new());
                }
            }
            if page.is_listed_by_cause() {
                page.push_of_causes(&mut query, &causes);
            } else {
                page.push_of_days(&mut query);
            }
        } else {
            page.push_of_days(&mut query);
        }
        query.push(format_args!(
            ") SELECT m.account, m.customer, m.ordinal, m.id, {}, p.part, {} FROM page m LEFT JOIN movement_part p
             ON {PART_OF} ORDER BY m.day {direction}, m.effective_at {direction}, m.ordinal {direction}, m.id {direction},
             p.part",
            MOVEMENT.columns_of("m"),
            PART.columns_of("p"),
            direction = words(order).0
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
                page.push(MovementRow { id: id.into(), account, customer, ordinal: key.2, movement });
                last = Some(key);
            }
            if let (Some(_), Some(row)) = (columns.number_or_null()?, page.last_mut()) {
                row.movement.parts.push(read_part(&mut columns)?);
            }
        }
        Ok(page)
    }
}

/// How SQL sorts so, and what lies behind something.
fn words(order: Order) -> (&'static str, &'static str) {
    match order {
        Order::Ascending => ("ASC", ">"),
        Order::Descending => ("DESC", "<"),
    }
}

/// The causes of which one must be among a movement's parts; none where any may be.
fn causes_of(filter: &MovementFilter) -> Vec<Cause> {
    match (filter.cause, filter.part.rollup) {
        (Some(cause), _) => vec![cause],
        (None, Some(rollup)) => Cause::ALL.iter().copied().filter(|cause| cause.rollup() == rollup).collect(),
        (None, None) => Vec::new(),
    }
}

/// One page of the list.
struct Page<'p> {
    scope: &'p Scoped<'p>,
    filter: &'p MovementFilter,
    order: Order,
    after: Option<&'p MovementKey>,
    limit: i64,
    /// The first and the last month that hold any.
    months: Option<(String, String)>,
}

impl Page<'_> {
    /// Whether it is in the order of the index by cause, which is of one account. One customer's are found by the customer.
    fn is_listed_by_cause(&self) -> bool {
        self.is_of_one_account() && self.filter.customer.is_none()
    }

    fn is_of_one_account(&self) -> bool {
        matches!(self.scope.account, AccountScope::One(_))
    }

    /// One by one in the order of days.
    fn push_of_days(&self, query: &mut QueryBuilder<Driver>) {
        query.push("SELECT m.* FROM movement m");
        if self.is_of_one_account() && self.filter.customer.is_none() {
            // In the order of all days SQLite needn't sort: of a kind that is rare it would look at everything.
            let of_kind = self.filter.kind.and_then(index_of).map(|(index, _)| index);
            query.push(of_kind.map(|index| by_own_index(index, self.scope.generation)).unwrap_or_default());
        }
        push_scope(query, "m", "m", self.scope);
        if let Some(cause) = self.filter.cause {
            query
                .push(format_args!(" AND EXISTS (SELECT 1 FROM movement_part p WHERE {PART_OF} AND p.cause = "))
                .push_bind(cause.as_str())
                .push(")");
        }
        push_part(query, &self.filter.part);
        // One customer's are found by the customer and sorted, not sought among everybody's in the order of days.
        let sorted = if self.filter.customer.is_some() { "m.day || ''" } else { "m.day" };
        self.push_which(query, ("m.day", sorted), "m.effective_at");
    }

    /// Of each cause so many as fill the page; a movement of several is one all the same.
    fn push_of_causes(&self, query: &mut QueryBuilder<Driver>, causes: &[Cause]) {
        query.push("SELECT * FROM (");
        for (at, cause) in causes.iter().enumerate() {
            query.push(if at == 0 { "SELECT * FROM (" } else { " UNION SELECT * FROM (" });
            let by_own_index = by_own_index("movement_part_by_cause", self.scope.generation);
            query.push(format_args!("SELECT m.* FROM movement_part c{by_own_index} {MOVEMENT_OF_PART}"));
            push_scope(query, "c", "m", self.scope);
            query.push(" AND c.moved_on IS NOT NULL AND c.cause = ").push_bind(cause.as_str());
            let rollup = self.filter.part.rollup;
            if self.filter.cause.is_some() || self.filter.part != (PartFilter { rollup, ..PartFilter::default() }) {
                push_part(query, &self.filter.part);
            }
            if let Some(after) = self.after {
                // Where the index goes on.
                let (_, beyond) = words(self.order);
                query.push(format_args!(" AND (c.moved_on, c.moved_at) {beyond}= ("));
                query.push_bind(after.day.to_string()).push(", ").push_bind(after.effective_at.0).push(")");
            }
            self.push_which(query, ("c.moved_on", "c.moved_on"), "c.moved_at");
            query.push(format_args!(") AS of_cause_{at}"));
        }
        let (direction, _) = words(self.order);
        query.push(format_args!(
            ") AS listed ORDER BY day {direction}, effective_at {direction}, ordinal {direction}, id {direction} LIMIT "
        ));
        query.push_bind(self.limit);
    }

    /// All else that is asked for, and the order, where these columns hold a movement's day and instant.
    fn push_which(&self, query: &mut QueryBuilder<Driver>, (day, sorted): (&str, &str), at: &str) {
        let (direction, beyond) = words(self.order);
        push_visible(query, self.scope);
        push_filter(query, self.filter);
        for (beyond, edge) in [(">=", self.filter.from), ("<=", self.filter.to)] {
            if let Some(edge) = edge {
                query.push(format_args!(" AND {day} {beyond} ")).push_bind(edge.to_string());
            }
        }
        if let Some((first, last)) = &self.months {
            query.push(format_args!(" AND {day} >= ")).push_bind(format!("{first}-01"));
            query.push(format_args!(" AND {day} <= ")).push_bind(format!("{last}-31"));
        }
        if let Some(after) = self.after {
            query
                .push(format_args!(" AND ({day}, {at}, m.ordinal, m.id) {beyond} ("))
                .push_bind(after.day.to_string())
                .push(", ")
                .push_bind(after.effective_at.0)
                .push(", ")
                .push_bind(after.ordinal)
                .push(", ")
                .push_bind(clean(&after.id))
                .push(")");
        }
        query.push(format_args!(
            " ORDER BY {sorted} {direction}, {at} {direction}, m.ordinal {direction}, m.id {direction} LIMIT "
        ));
        query.push_bind(self.limit);
    }
}

/// The first and the last month with movements of one of these causes and of a kind, by the sums of months, and among the
/// movements that are shown for a while only, of any cause; `None` where there are none. Transient ones are in no sum.
async fn months_of(
    tx: &mut Transaction<'_, Driver>,
    scope: &Scoped<'_>,
    causes: &[Cause],
    kind: Option<Kind>,
) -> Result<Option<(String, String)>, StoreError> {
    let mut query = QueryBuilder::<Driver>::new(
        "SELECT MIN(month), MAX(month) FROM (SELECT SUBSTR(g.month, 1, 7) AS month FROM group_movement g",
    );
    push_scope(&mut query, "g", "g", scope);
    query.push(" AND g.dimension = 'cause' AND g.grp IN (");
    let mut groups = query.separated(", ");
    for cause in causes {
        groups.push_bind(format!("={}", cause.as_str()));
    }
    query.push(")");
    if let Some(kind) = kind {
        query.push(" AND g.kind = ").push_bind(kind.as_str());
    }
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

/// The index of a kind's movements in the order of the list, and the kinds that are in it; `None` of kinds that are in none.
fn index_of(kind: Kind) -> Option<(&'static str, &'static str)> {
    match kind {
        Kind::Churn | Kind::Contraction => Some(("movement_lost", "'churn', 'contraction'")),
        Kind::New | Kind::Reactivation => Some(("movement_gained", "'new', 'reactivation'")),
        _ => None,
    }
}

/// All that is asked for but days and parts.
fn push_filter(query: &mut QueryBuilder<Driver>, filter: &MovementFilter) {
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
    if let Some((_, kinds)) = filter.kind.and_then(index_of) {
        // As the index says it.
        query.push(format_args!(" AND m.kind IN ({kinds})"));
    }
    if let Some(currency) = filter.currency {
        query.push(" AND m.currency = ").push_bind(currency.as_str().to_owned());
    }
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
        query.push(format_args!(" AND {customer} +l.first_mrr_at >= ")).push_bind(cohort.from.0);
        query.push(" AND +l.first_mrr_at < ").push_bind(cohort.before.0).push(")");
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
