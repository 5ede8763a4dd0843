//! The list of customers, page by page over stable keys, and what is asked of single ones.

use std::{collections::BTreeMap, sync::Arc};

use sqlx::{Executor as _, QueryBuilder, Transaction};

use super::{
    super::{Database, dialect::*},
    asked::{Scoped, each, ledger_of, push_customers, push_scope},
    columns::*,
    found,
    group_sums::has_sums,
    in_order,
    largest::{Through, largest},
    reader::Columns,
    rows::{account, account_of},
};
use crate::{
    ledger::{
        ids::CustomerId,
        money::{Currency, Mrr},
        outcome::SubscriptionLedger,
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
    pub(in crate::store) async fn customer_page(
        &self,
        scope: &Scope,
        asked: &CustomersAsked,
        limit: i64,
    ) -> Result<Vec<CustomerRow>, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
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
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let summed = has_sums(&mut tx).await?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let rows = if found::asks_for_next_to_end(asked) {
            next_to_end(&mut tx, scope, asked, limit).await?
        } else {
            let only = the_few(&mut tx, scope, asked, limit).await?;
            if summed && only.is_none() && in_order::is_kept(scope, asked) {
                in_kept_order(&mut tx, scope, asked, limit).await?
            } else {
                let mut query = found::found(scope, asked, limit, summed, only.as_deref());
                query.build().fetch_all(&mut *tx).await.doing(DOING)?
            }
        };
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

    pub(in crate::store) async fn customer_of_subscription(
        &self,
        scope: &Scope,
        id: &str,
    ) -> Result<Option<CustomerId>, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
        let scope = &Scoped::look_up(&mut tx, scope).await?;
        let mut query =
            QueryBuilder::<Driver>::new("SELECT s.customer FROM subscription_ledger s CROSS JOIN customer_ledger l");
        push_scope(&mut query, "s", "l", scope);
        query.push(format_args!(" AND {}", ledger_of("s")));
        query.push(" AND s.subscription = ").push_bind(clean(id)).push(" ORDER BY s.account LIMIT 1");
        let found = query.build().fetch_optional(&mut *tx).await.doing(DOING)?;
        tx.commit().await.doing(DOING)?;
        found.map(|row| Columns::of(&row, 0).text().map(CustomerId::new)).transpose()
    }

    pub(in crate::store) async fn customer_traits(&self, scope: &Scope) -> Result<Vec<CustomerTraits>, StoreError> {
        let mut tx = self.derived.begin_with(begin_read()).await.doing(DOING)?;
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

/// Those who are sought, where they are few: only what these pay is looked for.
async fn the_few(
    tx: &mut Connection,
    scope: &Scoped<'_>,
    asked: &CustomerSearch,
    limit: i64,
) -> Result<Option<Vec<String>>, StoreError> {
    if !found::may_be_few(asked) {
        return Ok(None);
    }
    let most = limit.saturating_mul(limits::FEW_FOUND).min(limits::MANY_FOUND);
    // Ledgers and names apart: each is gone through once, by as many processors as the database has for it.
    if let Some(longest) = found::longest_word(asked) {
        tx.execute(ALL_TOGETHER).await.doing(DOING)?;
        let mut held = ids(tx, found::holding(scope, &longest, most)).await?;
        if !is_full(&held, most) {
            held.extend(ids(tx, found::named(scope, &longest, most)).await?);
        }
        if !is_full(&held, most) {
            return Ok(Some(ids(tx, found::sought_among(scope, asked, &held)).await?));
        }
        // One word that many hold: together with others it may be of few.
        if longest == asked.text.trim().to_lowercase() {
            return Ok(None);
        }
    }
    let ids = ids(tx, found::sought(scope, asked, most)).await?;
    Ok(Some(ids).filter(|ids| !is_full(ids, most)))
}

async fn ids(tx: &mut Connection, mut query: QueryBuilder<Driver>) -> Result<Vec<String>, StoreError> {
    query.build_query_scalar().fetch_all(tx).await.doing(DOING)
}

/// A page in an order that is kept: of those whom the order knows, and then of all others.
async fn in_kept_order(
    tx: &mut Connection,
    scope: &Scoped<'_>,
    asked: &CustomerSearch,
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    // Few subscriptions lead to their customers by themselves.
    let first = in_order::met_first(limit);
    let many = match found::subscriptions_of_state(scope, asked, first) {
        Some(mut counting) => counting.build_query_scalar::<i64>().fetch_one(&mut *tx).await.doing(DOING)? >= first,
        None => true,
    };
    let mut rows = Vec::new();
    if let Some(currency) = in_order::asks_for_largest(asked) {
        // Who is on trial mostly pays nothing yet, and isn't among those who pay most.
        if many && asked.state != Some(CustomerState::Trialing) {
            let mut query = largest(scope, currency, asked, limit, Through::Order);
            rows = query.build().fetch_all(&mut *tx).await.doing(DOING)?;
        }
        if found::is_of_subscriptions(asked) && !is_full(&rows, limit) {
            let mut query = largest(scope, currency, asked, limit, Through::Subscriptions);
            rows = query.build().fetch_all(&mut *tx).await.doing(DOING)?;
        }
    } else if let Some(mut query) = in_order::known(scope, asked, limit).filter(|_| many) {
        rows = query.build().fetch_all(&mut *tx).await.doing(DOING)?;
    }
    if is_full(&rows, limit) {
        return Ok(rows);
    }
    if !many || in_order::may_be_rare(asked) {
        let mut query = if asked.state == Some(CustomerState::Left) {
            in_order::who_left(scope, asked, limit)
        } else {
            found::found(scope, asked, limit, true, None)
        };
        return query.build().fetch_all(tx).await.doing(DOING);
    }
    let left = limit.saturating_sub(i64::try_from(rows.len()).unwrap_or(limit));
    if left > 0 {
        rows.extend(in_order::others(scope, asked, left).build().fetch_all(&mut *tx).await.doing(DOING)?);
    }
    Ok(rows)
}

/// The next that are set to end; all are sorted where others lie between them.
async fn next_to_end(
    tx: &mut Connection,
    scope: &Scoped<'_>,
    asked: &CustomerSearch,
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    let mut next = found::next_to_end(scope, asked.after.as_ref(), limit);
    let mut rows = next.build().fetch_all(&mut *tx).await.doing(DOING)?;
    let more = is_full(&rows, limit);
    rows.retain(|row| Columns::of(row, 1).text_or_null().is_ok_and(|customer| customer.is_some()));
    if !more || is_full(&rows, limit) {
        return Ok(rows);
    }
    found::found(scope, asked, limit, false, None).build().fetch_all(tx).await.doing(DOING)
}

/// Whether a page of at most `limit` rows has as many.
fn is_full<T>(rows: &[T], limit: i64) -> bool {
    i64::try_from(rows.len()).is_ok_and(|rows| rows >= limit)
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
        SUBSCRIPTION.columns_of("s")
    ));
    push_scope(&mut query, "l", "l", scope);
    push_customers(&mut query, "l.customer", &ids);
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
    push_customers(&mut query, "l.customer", &ids);
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
