//! Those who pay most in a currency, in the order in which what they pay is kept.

use sqlx::QueryBuilder;

use super::{
    super::dialect::*,
    asked::{Scoped, ledger_of, push_scope},
    found::{EACH_IS_NAMED, of_subscriptions, push_sought, push_subscriptions, push_with_subscription, seeks},
    in_order::{met_first, push_counted},
};
use crate::{
    ledger::money::Currency,
    store::{
        derived::{reports::*, sum::MINOR},
        log::prepared::clean,
    },
};

/// How those of a state of subscriptions are found among those who pay most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Through {
    /// Met among the first in the order of what is paid.
    Order,
    /// All of them looked up.
    Subscriptions,
}

/// The same columns as of `found::found` for those who pay most in a currency: in the order in which what they pay is kept, but for
/// those who have rows dated ahead, who are few. Whoever pays less than a minor unit isn't among them. Those of a state of
/// subscriptions may pay the least of all: they are met among the first in that order, or else ([`Through::Subscriptions`]) all of them
/// are looked up.
pub(super) fn largest(
    scope: &Scoped<'_>,
    currency: Currency,
    asked: &CustomerSearch,
    limit: i64,
    through: Through,
) -> QueryBuilder<Driver> {
    let (after, only) = (asked.after.as_ref(), of_subscriptions(scope, asked));
    let only = only.as_deref();
    let looked_up = only.filter(|_| through == Through::Subscriptions);
    let met = only.filter(|_| through == Through::Order);
    let kept = format!("k.amount + k.amount_rest / {MINOR}");
    // Behind the last one of the page before.
    let push_after = |query: &mut QueryBuilder<Driver>, whole: &str, customer: &str| {
        if let Some(after) = after {
            let place = after.key.parse::<i64>().unwrap_or(0);
            query.push(format_args!(" AND ({whole} < {place} OR ({whole} = {place} AND {customer} > "));
            query.push_bind(clean(after.customer.as_str())).push("))");
        }
    };
    let mut query = QueryBuilder::new(format!(
        "WITH ahead AS (SELECT s.customer, CAST(SUM(s.mrr / {MINOR}) AS BIGINT) AS minor,
         CAST(SUM(s.mrr % {MINOR}) AS BIGINT) AS rest FROM item_delta s{}",
        by_own_index("item_delta_by_time", scope.generation)
    ));
    push_scope(&mut query, "s", "s", scope);
    query.push(" AND s.ordinal >= 0 AND s.at > ").push_bind(scope.cut.0);
    query.push(" AND s.currency = ").push_bind(currency.as_str().to_owned());
    query.push(" GROUP BY s.customer), ");
    if met.is_some() {
        query.push("foremost AS (SELECT k.* FROM ");
    } else {
        query.push(format_args!("best AS (SELECT k.customer, {kept} AS whole FROM "));
    }
    if let Some(condition) = looked_up {
        query.push("(SELECT DISTINCT s.customer FROM ");
        push_subscriptions(&mut query, scope, condition);
        query.push(") f CROSS JOIN ");
    }
    query.push("customer_mrr k");
    push_scope(&mut query, "k", "k", scope);
    query.push(" AND k.currency = ").push_bind(currency.as_str().to_owned());
    query.push(format_args!(" AND {kept} > 0"));
    push_after(&mut query, &kept, "k.customer");
    if let Some(condition) = met {
        query.push(format_args!(
            " ORDER BY {kept} DESC, k.customer LIMIT {}), best AS (SELECT k.customer, {kept} AS whole FROM foremost k WHERE TRUE",
            met_first(limit)
        ));
        push_counted(&mut query, scope, "k", condition);
        query.push(" > 0");
    }
    query.push(" AND k.customer NOT IN (SELECT a.customer FROM ahead a)");
    if looked_up.is_some() {
        query.push(" AND k.customer = f.customer");
    }
    if seeks(asked) {
        // Counted, for PostgreSQL makes a join of EXISTS: then all are looked through before the first is met.
        query.push(format_args!(" AND (SELECT COUNT(*) FROM customer_ledger l WHERE {}", ledger_of("k")));
        push_sought(&mut query, scope, asked, EACH_IS_NAMED);
        query.push(") > 0");
    }
    query.push(format_args!(" ORDER BY {kept} DESC, k.customer LIMIT ")).push_bind(limit);
    query.push(format_args!(
        "), those AS (SELECT b.customer, b.whole FROM best b UNION ALL
         SELECT k.customer, k.amount - a.minor + (k.amount_rest - a.rest) / {MINOR} AS whole
         FROM ahead a CROSS JOIN customer_mrr k"
    ));
    push_scope(&mut query, "k", "k", scope);
    query.push(" AND k.customer = a.customer AND k.currency = ").push_bind(currency.as_str().to_owned());
    only.into_iter().for_each(|condition| push_with_subscription(&mut query, scope, "k", condition));
    // Crossed, so that SQLite looks up each of these few: by its own guess it went through all customers.
    query.push(
        ") SELECT l.account, l.customer, l.country, l.first_mrr_at, t.whole AS place
         FROM those t CROSS JOIN customer_ledger l",
    );
    push_scope(&mut query, "l", "l", scope);
    query.push(" AND l.customer = t.customer AND t.whole > 0");
    if met.is_some() {
        // Who pays no more than the last of the first may come behind others who aren't among them.
        query.push(format_args!(" AND t.whole > COALESCE((SELECT MIN({kept}) FROM foremost k), 0)"));
    }
    push_sought(&mut query, scope, asked, EACH_IS_NAMED);
    push_after(&mut query, "t.whole", "l.customer");
    query.push(" ORDER BY t.whole DESC, l.customer LIMIT ").push_bind(limit);
    query
}
