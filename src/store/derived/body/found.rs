//! Customers found by what is known of them, in an order of their own, page by page over stable keys.

use sqlx::QueryBuilder;

use super::{super::dialect::*, asked::push_scope, rows::account};
use crate::{
    ledger::money::Currency,
    store::{
        derived::{reports::*, sum::MINOR},
        log::prepared::clean,
    },
};

/// What each order compares by, and whether the greatest comes first. Whole minor units of MRR; a day's second; a name.
fn key(order: CustomerOrder) -> (&'static str, bool) {
    match order {
        CustomerOrder::Mrr => ("COALESCE(g.whole, 0)", true),
        CustomerOrder::Since => ("CASE WHEN l.first_mrr_at <= c.cut THEN l.first_mrr_at ELSE 0 END", true),
        // The next end first: its second, below zero; who isn't set to end comes last.
        CustomerOrder::Ends => (
            "-COALESCE((SELECT MIN(e.ends_at) FROM subscription_ledger e WHERE e.generation = l.generation
             AND e.profile = l.profile AND e.livemode = l.livemode AND e.account = l.account AND e.customer = l.customer
             AND e.ends_at > c.cut AND e.ended_at IS NULL), 9223372036854775807)",
            true,
        ),
        // Without a name behind all that have one.
        CustomerOrder::Name => ("CASE WHEN COALESCE(n.name, '') = '' THEN '~~~~' ELSE lower(n.name) END", false),
        CustomerOrder::Id => ("l.customer", false),
    }
}

/// The account, customer, country, first MRR and key of those found.
///
/// `summed`: what customers pay is kept beside their rows.
pub(super) fn found(scope: &Scope, asked: &CustomerSearch, limit: i64, summed: bool) -> QueryBuilder<Driver> {
    let (key, greatest_first) = key(asked.order);
    // What everybody pays is looked for only where it decides.
    let pays =
        asked.order == CustomerOrder::Mrr || matches!(asked.state, Some(CustomerState::Paying | CustomerState::Left));
    let text = matches!(asked.order, CustomerOrder::Name | CustomerOrder::Id);
    let mut query = QueryBuilder::new(format!(
        "SELECT l.account, l.customer, l.country, l.first_mrr_at, {key} AS place FROM customer_ledger l
         CROSS JOIN (SELECT CAST("
    ));
    query.push_bind(scope.cut.0).push(" AS BIGINT) AS cut) AS c");
    query.push(
        " LEFT JOIN customer_name n ON n.livemode = l.livemode AND n.account = l.account AND n.customer = l.customer",
    );
    if pays {
        query.push(" LEFT JOIN (");
        push_standing(&mut query, scope, asked.currency, summed);
        query.push(") AS g ON g.account = l.account AND g.customer = l.customer");
    }
    push_scope(&mut query, "l", "l", scope);
    for word in asked.text.to_lowercase().split_whitespace() {
        // As it is written: what was typed holds no wildcard.
        let like = format!("%{}%", clean(word).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        query.push(" AND (lower(l.customer) LIKE ").push_bind(like.clone()).push(" ESCAPE '\\'");
        query.push(" OR n.search LIKE ").push_bind(like.clone()).push(" ESCAPE '\\'");
        query.push(" OR lower(l.metadata) LIKE ").push_bind(metadata(word).unwrap_or(like)).push(" ESCAPE '\\')");
    }
    let subscriptions =
        "SELECT 1 FROM subscription_ledger s WHERE s.generation = l.generation AND s.profile = l.profile
        AND s.livemode = l.livemode AND s.account = l.account AND s.customer = l.customer";
    match asked.state {
        None => {}
        Some(CustomerState::Paying) => {
            query.push(" AND g.paying > 0");
        }
        Some(CustomerState::Left) => {
            query.push(" AND l.first_mrr_at <= c.cut AND COALESCE(g.paying, 0) = 0");
        }
        Some(CustomerState::PastDue) => {
            query.push(format_args!(" AND EXISTS ({subscriptions} AND s.status IN ('past_due', 'unpaid'))"));
        }
        Some(CustomerState::Trialing) => {
            query.push(format_args!(" AND EXISTS ({subscriptions} AND s.status = 'trialing')"));
        }
        Some(CustomerState::Ending) => {
            query.push(format_args!(" AND EXISTS ({subscriptions} AND s.ends_at > c.cut AND s.ended_at IS NULL)"));
        }
    }
    if let Some(cohort) = asked.cohort {
        query.push(" AND l.first_mrr_at >= ").push_bind(cohort.from.0);
        query.push(" AND l.first_mrr_at < ").push_bind(cohort.before.0);
    }
    if let Some(after) = &asked.after {
        let beyond = if greatest_first { "<" } else { ">" };
        let bind = |query: &mut QueryBuilder<Driver>| {
            if text {
                query.push_bind(clean(&after.key));
            } else {
                query.push_bind(after.key.parse::<i64>().unwrap_or(0));
            }
        };
        query.push(format_args!(" AND ({key} {beyond} "));
        bind(&mut query);
        query.push(format_args!(" OR {key} = "));
        bind(&mut query);
        query.push(" AND (l.account, l.customer) > (").push_bind(account(after.account.as_ref())).push(", ");
        query.push_bind(clean(after.customer.as_str())).push("))");
    }
    let direction = if greatest_first { "DESC" } else { "ASC" };
    query.push(format_args!(" ORDER BY place {direction}, l.account, l.customer LIMIT ")).push_bind(limit);
    query
}

/// What each customer pays at the cut in a currency, in whole minor units, and in how many currencies anything.
fn push_standing(query: &mut QueryBuilder<Driver>, scope: &Scope, currency: Option<Currency>, summed: bool) {
    query.push("SELECT t.account, t.customer, CAST(SUM(CASE WHEN t.currency = ");
    query.push_bind(currency.map(|currency| currency.as_str().to_owned()).unwrap_or_default());
    query.push(
        " THEN t.whole ELSE 0 END) AS BIGINT) AS whole, CAST(SUM(CASE WHEN t.whole > 0 OR t.rest > 0 THEN 1 ELSE 0 END)
         AS BIGINT) AS paying FROM (",
    );
    query.push(format_args!(
        "SELECT d.account, d.customer, d.currency,
         CAST(SUM(d.minor) + SUM(d.rest) / {MINOR} AS BIGINT) AS whole,
         CAST(SUM(d.rest) % {MINOR} AS BIGINT) AS rest FROM ("
    ));
    if summed {
        // All there is of each, without what is dated ahead.
        query.push(
            "SELECT k.account, k.customer, k.currency, k.amount AS minor, k.amount_rest AS rest FROM customer_mrr k",
        );
        push_scope(query, "k", "k", scope);
        query.push(format_args!(
            " UNION ALL SELECT s.account, s.customer, s.currency, -(s.mrr / {MINOR}), -(s.mrr % {MINOR}) FROM item_delta s{}",
            by_index("item_delta_by_time")
        ));
        push_scope(query, "s", "s", scope);
        query.push(" AND s.ordinal >= 0 AND s.at > ").push_bind(scope.cut.0);
    } else {
        query.push(format_args!(
            "SELECT s.account, s.customer, s.currency, s.mrr / {MINOR} AS minor, s.mrr % {MINOR} AS rest FROM item_delta s"
        ));
        push_scope(query, "s", "s", scope);
        query.push(" AND s.at <= ").push_bind(scope.cut.0);
    }
    query.push(") AS d GROUP BY d.account, d.customer, d.currency) AS t GROUP BY t.account, t.customer");
}

/// `key:value` as it stands in the metadata that is kept, as JSON.
fn metadata(word: &str) -> Option<String> {
    let (key, value) = word.split_once([':', '=']).filter(|(key, value)| !key.is_empty() && !value.is_empty())?;
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let pair = format!("{}:{}", quoted(key), quoted(value));
    Some(format!("%{}%", pair.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")))
}
