//! Customers in an order that is kept: read in it until a page is full, each looked up, instead of all of them sorted for it.
//!
//! Whom the order knows comes first, then all others by their ids: who has no MRR, no name, nothing in the currency asked for.

use sqlx::QueryBuilder;

use super::{
    super::dialect::*,
    asked::{Scoped, ledger_of, push_scope},
    found::{
        EACH_IS_NAMED, NAME_KEY, by_what_is_paid, ending, is_of_subscriptions, of_subscriptions, push_ends,
        push_sought, push_subscriptions, seeks,
    },
    rows::account,
};
use crate::{
    ledger::money::Currency,
    limits,
    store::{
        derived::{
            names::{NAMED, NAMELESS},
            reports::*,
            sum::MINOR,
        },
        log::prepared::clean,
    },
};

const COLUMNS: &str = "SELECT l.account, l.customer, l.country, l.first_mrr_at";
/// What names the ledger of a row of what is paid.
const OF_LEDGER: &str = "SELECT k.generation, k.profile, k.livemode, k.account, k.test_clock, k.customer";

/// Whether customers are found in a kept order, where they are many: of one account; of a state of subscriptions, which lead to their
/// customers by themselves, by MRR, name or id alone; with a text or of a cohort where what is paid matters.
pub(super) fn is_kept(scope: &Scoped<'_>, asked: &CustomerSearch) -> bool {
    matches!(scope.account, AccountScope::One(_))
        && (!is_of_subscriptions(asked)
            || matches!(asked.order, CustomerOrder::Mrr | CustomerOrder::Name | CustomerOrder::Id))
        && (asked.order != CustomerOrder::Mrr || asked.currency.is_some())
        && (!seeks(asked) || by_what_is_paid(asked))
}

/// Where a page begins among those whom the order knows; `None` for one that begins behind all of these.
fn among_known(asked: &CustomerSearch) -> Option<Option<&FoundPosition>> {
    let Some(after) = &asked.after else { return Some(None) };
    let knows = match asked.order {
        CustomerOrder::Mrr | CustomerOrder::Since => after.key.parse().unwrap_or(0) > 0,
        CustomerOrder::Ends => after.key.parse().is_ok_and(|ends: i64| ends > ENDLESS),
        CustomerOrder::Name => !after.key.starts_with(NAMELESS),
        CustomerOrder::Id => false,
    };
    knows.then_some(Some(after))
}

/// The key of whoever isn't set to end: behind all that are, whose keys are the seconds of their ends below zero.
const ENDLESS: i64 = -i64::MAX;

/// So many of the first in an order are looked at before what else leads to a page of `limit` customers is taken.
pub(super) fn met_first(limit: i64) -> i64 {
    limit.saturating_mul(limits::MET_FOR_EACH).min(limits::MET_FIRST)
}

/// The columns of `found::found` for those whom the order by name, by first MRR or by ends knows; `None` where the page begins behind
/// them. Those by MRR are `largest::largest`.
pub(super) fn known(scope: &Scoped<'_>, asked: &CustomerSearch, limit: i64) -> Option<QueryBuilder<Driver>> {
    let after = among_known(asked)?;
    let mut query = QueryBuilder::new("");
    push_ahead(&mut query, scope, asked);
    match asked.order {
        CustomerOrder::Name => {
            query.push(format_args!(
                " {COLUMNS}, '{NAMED}' || n.name_lower AS place FROM (SELECT n.name_lower, n.customer FROM customer_name n
                 WHERE n.name_lower <> '' AND n.livemode = "
            ));
            query.push_bind(scope.livemode).push(" AND n.account = ");
            if let AccountScope::One(one) = &scope.account {
                query.push_bind(account(one.as_ref()));
            }
            if let Some(after) = after {
                let name = after.key.strip_prefix(NAMED).unwrap_or_default();
                query.push(" AND (n.name_lower, n.customer) > (").push_bind(clean(name)).push(", ");
                query.push_bind(clean(after.customer.as_str())).push(")");
            }
            push_first(&mut query, asked, "n.name_lower, n.customer", limit);
            query.push(") AS n CROSS JOIN customer_ledger l");
            push_scope(&mut query, "l", "l", scope);
            query.push(" AND l.customer = n.customer");
        }
        CustomerOrder::Since => {
            query.push(format_args!(
                " {COLUMNS}, l.first_mrr_at AS place FROM (SELECT l.* FROM customer_ledger l{}",
                by_own_index("customer_ledger_since", scope.generation)
            ));
            push_scope(&mut query, "l", "l", scope);
            let since =
                after.and_then(|after| after.key.parse().ok()).map_or(scope.cut.0, |at: i64| at.min(scope.cut.0));
            query.push(" AND l.first_mrr_at IS NOT NULL AND l.first_mrr_at <= ").push_bind(since);
            if let Some(after) = after {
                query.push(" AND (l.first_mrr_at < ").push_bind(since).push(" OR l.customer > ");
                query.push_bind(clean(after.customer.as_str())).push(")");
            }
            push_first(&mut query, asked, "l.first_mrr_at DESC, l.customer", limit);
            query.push(") AS l WHERE TRUE");
        }
        CustomerOrder::Ends => {
            query.push(format_args!(" {COLUMNS}, -e.next AS place FROM ("));
            push_ends(&mut query, scope);
            query.push(") AS e CROSS JOIN customer_ledger l");
            push_scope(&mut query, "l", "l", scope);
            query.push(" AND l.account = e.account AND l.customer = e.customer");
            if let Some(after) = after {
                let next = after.key.parse::<i64>().unwrap_or(0).saturating_neg();
                query.push(format_args!(" AND (e.next > {next} OR (e.next = {next} AND l.customer > "));
                query.push_bind(clean(after.customer.as_str())).push("))");
            }
        }
        CustomerOrder::Mrr | CustomerOrder::Id => return None,
    }
    push_of_subscriptions(&mut query, scope, asked);
    push_state(&mut query, scope, asked);
    query.push(match asked.order {
        CustomerOrder::Name => " ORDER BY n.name_lower, n.customer LIMIT ",
        CustomerOrder::Ends => " ORDER BY e.next, l.customer LIMIT ",
        _ => " ORDER BY l.first_mrr_at DESC, l.customer LIMIT ",
    });
    query.push_bind(limit);
    Some(query)
}

/// Whether those asked for may be so rare in their order that it is left, where a page isn't filled by the first of it. Who left, and who
/// is in a state of subscriptions, by name or newest first: each is looked up somewhere else, and all of them found and sorted
/// ([`who_left`], `found::found`) cost less than all of the order gone through.
pub(super) fn may_be_rare(asked: &CustomerSearch) -> bool {
    (asked.state == Some(CustomerState::Left) || is_of_subscriptions(asked))
        && matches!(asked.order, CustomerOrder::Name | CustomerOrder::Since)
}

/// The same columns for who left, all looked up and sorted: whoever pays nothing in some currency is found in the order of what is paid,
/// and looked at in all.
pub(super) fn who_left(scope: &Scoped<'_>, asked: &CustomerSearch, limit: i64) -> QueryBuilder<Driver> {
    let mut query = QueryBuilder::new("");
    push_ahead(&mut query, scope, asked);
    let (key, beyond, direction) = match asked.order {
        CustomerOrder::Name => (NAME_KEY, ">", "ASC"),
        _ => ("l.first_mrr_at", "<", "DESC"),
    };
    // The currencies there are, for the order of what is paid is kept in each.
    query.push(", held (currency) AS (SELECT MIN(k.currency) FROM customer_mrr k");
    push_scope(&mut query, "k", "k", scope);
    query.push(" UNION ALL SELECT (SELECT MIN(k.currency) FROM customer_mrr k");
    push_scope(&mut query, "k", "k", scope);
    query.push(format_args!(
        " AND k.currency > h.currency) FROM held h WHERE h.currency IS NOT NULL),
         l AS ({OF_LEDGER} FROM held h CROSS JOIN customer_mrr k"
    ));
    push_scope(&mut query, "k", "k", scope);
    query.push(format_args!(
        " AND k.currency = h.currency AND k.amount + k.amount_rest / {MINOR} <= 0
         UNION {OF_LEDGER} FROM ahead a CROSS JOIN customer_mrr k"
    ));
    push_scope(&mut query, "k", "k", scope);
    // Made whole first: PostgreSQL would look at what everybody pays, and then for these.
    query.push(" AND k.customer = a.customer), gone AS MATERIALIZED (SELECT l.customer FROM l WHERE NOT ");
    push_pays(&mut query, None);
    query.push(format_args!(") {COLUMNS}, {key} AS place FROM gone g CROSS JOIN customer_ledger l"));
    if asked.order == CustomerOrder::Name {
        query.push(
            " LEFT JOIN customer_name n ON n.livemode = l.livemode AND n.account = l.account AND n.customer = l.customer",
        );
    }
    push_scope(&mut query, "l", "l", scope);
    query.push(" AND l.customer = g.customer AND +l.first_mrr_at <= ").push_bind(scope.cut.0);
    push_sought(&mut query, scope, asked, EACH_IS_NAMED);
    if let Some(after) = &asked.after {
        let push_key = |query: &mut QueryBuilder<Driver>| match asked.order {
            CustomerOrder::Name => drop(query.push_bind(clean(&after.key))),
            _ => drop(query.push_bind(after.key.parse::<i64>().unwrap_or(0))),
        };
        query.push(format_args!(" AND ({key} {beyond} "));
        push_key(&mut query);
        query.push(format_args!(" OR ({key} = "));
        push_key(&mut query);
        query.push(" AND l.customer > ").push_bind(clean(after.customer.as_str())).push("))");
    }
    query.push(format_args!(" ORDER BY place {direction}, l.customer LIMIT ")).push_bind(limit);
    query
}

/// The first of an order, where others may be too many to go through.
fn push_first(query: &mut QueryBuilder<Driver>, asked: &CustomerSearch, order: &str, limit: i64) {
    if may_be_rare(asked) {
        query.push(format_args!(" ORDER BY {order} LIMIT {}", met_first(limit)));
    }
}

/// The currency in which those who pay most come first, where a page may hold any of them: not behind them, and not of those who left.
pub(super) fn asks_for_largest(asked: &CustomerSearch) -> Option<Currency> {
    let among =
        asked.order == CustomerOrder::Mrr && asked.state != Some(CustomerState::Left) && among_known(asked).is_some();
    asked.currency.filter(|_| among)
}

/// The same columns for all others, by their ids.
pub(super) fn others(scope: &Scoped<'_>, asked: &CustomerSearch, limit: i64) -> QueryBuilder<Driver> {
    let mut query = QueryBuilder::new("");
    push_ahead(&mut query, scope, asked);
    query.push(format_args!(" {COLUMNS}"));
    match asked.order {
        CustomerOrder::Id => query.push(", l.customer AS place"),
        CustomerOrder::Name => query.push(format_args!(", '{NAMELESS}' AS place")),
        CustomerOrder::Mrr | CustomerOrder::Since => query.push(", CAST(0 AS BIGINT) AS place"),
        CustomerOrder::Ends => query.push(format_args!(", CAST({ENDLESS} AS BIGINT) AS place")),
    };
    let after = asked.after.as_ref().filter(|_| among_known(asked).is_none());
    query.push(" FROM customer_ledger l");
    push_scope(&mut query, "l", "l", scope);
    push_of_subscriptions(&mut query, scope, asked);
    match asked.order {
        CustomerOrder::Since => {
            query.push(" AND (l.first_mrr_at IS NULL OR l.first_mrr_at > ").push_bind(scope.cut.0).push(")");
        }
        CustomerOrder::Name => {
            query.push(
                " AND (SELECT COUNT(*) FROM customer_name n WHERE n.livemode = l.livemode AND n.account = l.account
                 AND n.customer = l.customer AND n.name_lower <> '') = 0",
            );
        }
        // Who has left pays in no currency.
        CustomerOrder::Mrr if asked.state != Some(CustomerState::Left) => {
            query.push(" AND NOT ");
            push_pays(&mut query, asked.currency);
        }
        CustomerOrder::Ends => {
            push_counted(&mut query, scope, "l", &ending(scope));
            query.push(" = 0");
        }
        CustomerOrder::Mrr | CustomerOrder::Id => {}
    }
    push_state(&mut query, scope, asked);
    if let Some(after) = after {
        query.push(" AND l.customer > ").push_bind(clean(after.customer.as_str()));
    }
    query.push(" ORDER BY l.customer LIMIT ").push_bind(limit);
    query
}

/// That customer `l` has a subscription of the state asked for, where it is one of subscriptions: looked up for each.
fn push_of_subscriptions(query: &mut QueryBuilder<Driver>, scope: &Scoped<'_>, asked: &CustomerSearch) {
    if let Some(condition) = of_subscriptions(scope, asked) {
        push_counted(query, scope, "l", &condition);
        query.push(" > 0");
    }
}

/// How many subscriptions of the customer of row `t` there are of which `condition` holds: counted for each, as in [`push_pays`].
pub(super) fn push_counted(query: &mut QueryBuilder<Driver>, scope: &Scoped<'_>, t: &str, condition: &str) {
    query.push(" AND (SELECT COUNT(*) FROM ");
    // Signed, SQLite doesn't look for it in the index of ends: for each customer it would go through all of these.
    push_subscriptions(query, scope, &condition.replace("s.ends_at >", "+s.ends_at >"));
    query.push(format_args!(" AND s.account = {t}.account AND s.customer = {t}.customer)"));
}

/// That customer `l` is in the state asked for, and is sought.
fn push_state(query: &mut QueryBuilder<Driver>, scope: &Scoped<'_>, asked: &CustomerSearch) {
    match asked.state {
        Some(CustomerState::Paying) => {
            query.push(" AND ");
            push_pays(query, None);
        }
        Some(CustomerState::Left) => {
            // Signed, for SQLite would take the order of first MRR for what leads to a few.
            query.push(" AND +l.first_mrr_at <= ").push_bind(scope.cut.0).push(" AND NOT ");
            push_pays(query, None);
        }
        _ => {}
    }
    push_sought(query, scope, asked, EACH_IS_NAMED);
}

/// Who has rows dated ahead, as `ahead`, and what these pay at the cut, as `standing`: they are few. What all others pay is what is kept
/// of them. Begins a statement in which [`push_pays`] stands.
fn push_ahead(query: &mut QueryBuilder<Driver>, scope: &Scoped<'_>, asked: &CustomerSearch) {
    if !by_what_is_paid(asked) {
        return;
    }
    query.push(format_args!(
        "WITH RECURSIVE ahead AS (SELECT s.customer, s.currency, CAST(SUM(s.mrr / {MINOR}) AS BIGINT) AS minor,
         CAST(SUM(s.mrr % {MINOR}) AS BIGINT) AS rest FROM item_delta s{}",
        by_own_index("item_delta_by_time", scope.generation)
    ));
    push_scope(query, "s", "s", scope);
    query.push(" AND s.ordinal >= 0 AND s.at > ").push_bind(scope.cut.0);
    query.push(format_args!(
        " GROUP BY s.customer, s.currency), standing AS (SELECT k.customer, k.currency,
         k.amount - COALESCE(a.minor, 0) + (k.amount_rest - COALESCE(a.rest, 0)) / {MINOR} AS whole,
         (k.amount_rest - COALESCE(a.rest, 0)) % {MINOR} AS rest
         FROM (SELECT DISTINCT customer FROM ahead) d CROSS JOIN customer_mrr k
         LEFT JOIN ahead a ON a.customer = k.customer AND a.currency = k.currency"
    ));
    push_scope(query, "k", "k", scope);
    query.push(" AND k.customer = d.customer)");
}

/// That customer `l` pays: anything at all, or a minor unit in a currency. Counted, for PostgreSQL makes a join of EXISTS: then what all
/// pay is gone through before the first is met.
fn push_pays(query: &mut QueryBuilder<Driver>, currency: Option<Currency>) {
    let push_if = |query: &mut QueryBuilder<Driver>, t: &str, whole: &str, rest: &str| match currency {
        None => {
            query.push(format_args!("({whole} > 0 OR {rest} > 0)"));
        }
        Some(currency) => {
            query.push(format_args!("{whole} > 0 AND {t}.currency = ")).push_bind(currency.as_str().to_owned());
        }
    };
    query.push(
        "(CASE WHEN l.customer IN (SELECT a.customer FROM ahead a) THEN l.customer IN (SELECT g.customer FROM standing g WHERE ",
    );
    push_if(query, "g", "g.whole", "g.rest");
    query.push(format_args!(
        ") ELSE (SELECT COUNT(*) FROM customer_mrr k WHERE {} AND k.test_clock = l.test_clock AND ",
        ledger_of("k")
    ));
    push_if(query, "k", &format!("k.amount + k.amount_rest / {MINOR}"), &format!("k.amount_rest % {MINOR}"));
    query.push(") > 0 END)");
}
