//! Customers found by what is known of them, in an order of their own, page by page over stable keys.

use sqlx::QueryBuilder;

use super::{
    super::dialect::*,
    asked::{Scoped, push_customers, push_scope},
    rows::account,
};
use crate::{
    ledger::money::Currency,
    store::{
        derived::{reports::*, sum::MINOR},
        log::prepared::clean,
    },
};

/// Statuses of subscriptions whose payment failed, and of those on trial.
const PAST_DUE: &str = "'past_due', 'unpaid'";
const TRIALING: &str = "'trialing'";

/// What holds of a subscription `s` of whoever is in the state asked for, where it is one of subscriptions.
pub(super) fn of_subscriptions(scope: &Scoped<'_>, asked: &CustomerSearch) -> Option<String> {
    match asked.state? {
        CustomerState::PastDue => Some(format!("s.status IN ({PAST_DUE})")),
        CustomerState::Trialing => Some(format!("s.status IN ({TRIALING})")),
        CustomerState::Ending => Some(ending(scope)),
        CustomerState::Paying | CustomerState::Left => None,
    }
}

/// That the customer of row `t` has a subscription `s` of which `condition` holds: all who have are found at once.
pub(super) fn push_with_subscription(query: &mut QueryBuilder<Driver>, scope: &Scoped<'_>, t: &str, condition: &str) {
    query.push(format_args!(" AND ({t}.account, {t}.customer) IN (SELECT s.account, s.customer FROM "));
    push_subscriptions(query, scope, condition);
    query.push(")");
}

/// The subscriptions `s` of which `condition` holds.
pub(super) fn push_subscriptions(query: &mut QueryBuilder<Driver>, scope: &Scoped<'_>, condition: &str) {
    query.push(format_args!("subscription_ledger s WHERE s.generation = {} AND s.profile = ", scope.generation));
    query.push_bind(clean(&scope.profile)).push(" AND s.livemode = ").push_bind(scope.livemode);
    if let AccountScope::One(one) = &scope.account {
        query.push(" AND s.account = ").push_bind(account(one.as_ref()));
    }
    query.push(format_args!(" AND {condition}"));
}

/// That subscription `s` is set to end, behind the cut.
pub(super) fn ending(scope: &Scoped<'_>) -> String {
    format!("s.ends_at > {} AND s.ended_at IS NULL", scope.cut.0)
}

/// When the first of each customer's subscriptions ends that are set to, as `next`: an index leads through all of these.
pub(super) fn push_ends(query: &mut QueryBuilder<Driver>, scope: &Scoped<'_>) {
    query.push("SELECT s.account, s.customer, MIN(s.ends_at) AS next FROM ");
    push_subscriptions(query, scope, &ending(scope));
    query.push(" GROUP BY s.account, s.customer");
}

/// Where customer `l` with name `n` stands among all by name: `names::NAMED` with its name, or `names::NAMELESS`.
pub(super) const NAME_KEY: &str = "CASE WHEN COALESCE(n.name_lower, '') = '' THEN '1' ELSE '0' || n.name_lower END";

/// What each order compares by, and whether the greatest comes first. Whole minor units of MRR; a day's second; a name.
fn key(order: CustomerOrder) -> (&'static str, bool) {
    match order {
        CustomerOrder::Mrr => ("COALESCE(g.whole, 0)", true),
        CustomerOrder::Since => ("CASE WHEN l.first_mrr_at <= c.cut THEN l.first_mrr_at ELSE 0 END", true),
        // The next end first: its second, below zero; who isn't set to end comes last, at `in_order::ENDLESS`.
        CustomerOrder::Ends => ("-COALESCE(e.next, 9223372036854775807)", true),
        // Without a name behind all that have one.
        CustomerOrder::Name => (NAME_KEY, false),
        CustomerOrder::Id => ("l.customer", false),
    }
}

/// That customer `l` is one whose name `w` has what follows, looked up for each: where many have it, and a page of them is wanted.
pub(in super::super) const EACH_IS_NAMED: &str =
    "EXISTS (SELECT 1 FROM customer_name w WHERE w.account = l.account AND w.customer = l.customer AND";

/// That each word of a text is in the id, the name or the metadata of customer `l`, and that it is of the cohort asked for; names are
/// looked for as `is_named` says.
pub(super) fn push_sought(
    query: &mut QueryBuilder<Driver>,
    scope: &Scoped<'_>,
    asked: &CustomerSearch,
    is_named: &str,
) {
    if let Some(cohort) = asked.cohort {
        query.push(" AND +l.first_mrr_at >= ").push_bind(cohort.from.0);
        query.push(" AND +l.first_mrr_at < ").push_bind(cohort.before.0);
    }
    for word in words(asked) {
        query.push(" AND (");
        push_told_by_itself(query, &word);
        query.push(format_args!(" OR {is_named} w.livemode = ")).push_bind(scope.livemode).push(" AND ");
        push_holds(query, "w.search", &word);
        query.push("))");
    }
}

/// The words of the text that is sought, in lower case.
fn words(asked: &CustomerSearch) -> Vec<String> {
    asked.text.to_lowercase().split_whitespace().map(clean).collect()
}

/// The longest of the words that are sought, which the fewest hold, where each customer may be one of those sought.
pub(super) fn longest_word(asked: &CustomerSearch) -> Option<String> {
    words(asked).into_iter().filter(|_| !is_of_subscriptions(asked)).max_by_key(String::len)
}

/// That the id or the metadata of customer `l` holds a word.
fn push_told_by_itself(query: &mut QueryBuilder<Driver>, word: &str) {
    push_holds(query, &ANY_CASE.join("l.customer"), word);
    query.push(" OR ");
    push_holds(query, &ANY_CASE.join("l.metadata"), &metadata(word).unwrap_or_else(|| word.to_owned()));
}

/// That a text in lower case holds a word.
fn push_holds(query: &mut QueryBuilder<Driver>, text: &str, word: &str) {
    let mut pattern = String::with_capacity(word.len() + 2);
    for letter in word.chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    query.push(format_args!("{text} LIKE ")).push_bind(format!("%{pattern}%")).push(" ESCAPE '!'");
}

/// Whether what everybody pays decides who is found, or in which order: only there it is looked for.
pub(super) fn by_what_is_paid(asked: &CustomerSearch) -> bool {
    asked.order == CustomerOrder::Mrr || matches!(asked.state, Some(CustomerState::Paying | CustomerState::Left))
}

/// Whether a text or a cohort tells which customers are sought.
pub(super) fn seeks(asked: &CustomerSearch) -> bool {
    asked.cohort.is_some() || !asked.text.trim().is_empty()
}

/// Whether it is looked first whether those sought are few, of whom alone the rest is found: where what is paid matters.
pub(super) fn may_be_few(asked: &CustomerSearch) -> bool {
    seeks(asked) && by_what_is_paid(asked)
}

/// Whether the state asked for is one of subscriptions.
pub(super) fn is_of_subscriptions(asked: &CustomerSearch) -> bool {
    matches!(asked.state, Some(CustomerState::PastDue | CustomerState::Trialing | CustomerState::Ending))
}

/// How many subscriptions make a customer be in the state asked for, counted up to `most`; `None` where it isn't one of subscriptions.
pub(super) fn subscriptions_of_state(
    scope: &Scoped<'_>,
    asked: &CustomerSearch,
    most: i64,
) -> Option<QueryBuilder<Driver>> {
    let condition = of_subscriptions(scope, asked)?;
    let mut query = QueryBuilder::new("SELECT COUNT(*) FROM (SELECT 1 FROM ");
    push_subscriptions(&mut query, scope, &condition);
    query.push(" LIMIT ").push_bind(most).push(") AS counted");
    Some(query)
}

/// Customers of the cohort asked for in whom the text is found, and who have a subscription of the state asked for, up to `most`.
pub(super) fn sought(scope: &Scoped<'_>, asked: &CustomerSearch, most: i64) -> QueryBuilder<Driver> {
    let mut query = QueryBuilder::new("SELECT l.customer FROM ");
    if let Some(condition) = of_subscriptions(scope, asked) {
        query.push("(SELECT DISTINCT s.account, s.customer FROM ");
        push_subscriptions(&mut query, scope, &condition);
        query.push(") f CROSS JOIN customer_ledger l");
        push_scope(&mut query, "l", "l", scope);
        query.push(" AND l.account = f.account AND l.customer = f.customer");
    } else {
        query.push("customer_ledger l");
        push_scope(&mut query, "l", "l", scope);
    }
    push_sought(&mut query, scope, asked, IS_NAMED);
    query.push(" LIMIT ").push_bind(most);
    query
}

/// Customers whose id or metadata holds a word, up to `most`, whatever else is asked for.
pub(super) fn holding(scope: &Scoped<'_>, word: &str, most: i64) -> QueryBuilder<Driver> {
    let mut query = QueryBuilder::new("SELECT l.customer FROM customer_ledger l");
    push_scope(&mut query, "l", "l", scope);
    query.push(" AND (");
    push_told_by_itself(&mut query, word);
    query.push(") LIMIT ").push_bind(most);
    query
}

/// The same by their name or e-mail.
pub(super) fn named(scope: &Scoped<'_>, word: &str, most: i64) -> QueryBuilder<Driver> {
    let mut query = QueryBuilder::new("SELECT w.customer FROM customer_name w WHERE w.livemode = ");
    query.push_bind(scope.livemode);
    if let AccountScope::One(one) = &scope.account {
        query.push(" AND w.account = ").push_bind(account(one.as_ref()));
    }
    query.push(" AND ");
    push_holds(&mut query, "w.search", word);
    query.push(" LIMIT ").push_bind(most);
    query
}

/// Those of `ids` who are [`sought`].
pub(super) fn sought_among(scope: &Scoped<'_>, asked: &CustomerSearch, ids: &[String]) -> QueryBuilder<Driver> {
    let mut query = QueryBuilder::new("SELECT l.customer FROM customer_ledger l");
    push_scope(&mut query, "l", "l", scope);
    push_customers(&mut query, "l.customer", ids);
    push_sought(&mut query, scope, asked, EACH_IS_NAMED);
    query
}

/// The account, customer, country, first MRR and key of those found.
///
/// `summed`: what customers pay is kept beside their rows. `only`: those who are [`sought`], where they are few.
pub(super) fn found(
    scope: &Scoped<'_>,
    asked: &CustomerSearch,
    limit: i64,
    summed: bool,
    only: Option<&[String]>,
) -> QueryBuilder<Driver> {
    let (key, greatest_first) = key(asked.order);
    let pays = by_what_is_paid(asked);
    let text = matches!(asked.order, CustomerOrder::Name | CustomerOrder::Id);
    let mut query = QueryBuilder::new(format!(
        "SELECT l.account, l.customer, l.country, l.first_mrr_at, {key} AS place FROM customer_ledger l
         CROSS JOIN (SELECT CAST("
    ));
    query.push_bind(scope.cut.0).push(" AS BIGINT) AS cut) AS c");
    if asked.order == CustomerOrder::Name {
        query.push(
            " LEFT JOIN customer_name n ON n.livemode = l.livemode AND n.account = l.account AND n.customer = l.customer",
        );
    }
    if asked.order == CustomerOrder::Ends {
        query.push(" LEFT JOIN (");
        push_ends(&mut query, scope);
        query.push(") AS e ON e.account = l.account AND e.customer = l.customer");
    }
    if pays {
        query.push(" LEFT JOIN (");
        push_standing(&mut query, scope, asked.currency, summed, (of_subscriptions(scope, asked).as_deref(), only));
        query.push(") AS g ON g.account = l.account AND g.customer = l.customer");
    }
    push_scope(&mut query, "l", "l", scope);
    match only {
        // In one account their ids tell who they are.
        Some(ids) if matches!(scope.account, AccountScope::One(_)) => push_customers(&mut query, "l.customer", ids),
        Some(ids) => {
            push_sought(&mut query, scope, asked, EACH_IS_NAMED);
            push_customers(&mut query, "l.customer", ids);
        }
        None => push_sought(&mut query, scope, asked, IS_NAMED),
    }
    match asked.state {
        None => {}
        Some(CustomerState::Paying) => {
            query.push(" AND g.paying > 0");
        }
        Some(CustomerState::Left) => {
            query.push(" AND +l.first_mrr_at <= c.cut AND COALESCE(g.paying, 0) = 0");
        }
        Some(CustomerState::PastDue | CustomerState::Trialing | CustomerState::Ending) => {
            let condition = of_subscriptions(scope, asked);
            condition.into_iter().for_each(|condition| push_with_subscription(&mut query, scope, "l", &condition));
        }
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

/// Whether the customers asked for are all that are set to end, the next first.
pub(super) fn asks_for_next_to_end(asked: &CustomerSearch) -> bool {
    asked.state == Some(CustomerState::Ending)
        && asked.order == CustomerOrder::Ends
        && asked.text.trim().is_empty()
        && asked.cohort.is_none()
}

/// The same columns as of [`found`] for the next `limit` customers that are set to end: the ends are read in their order, and their
/// customers looked up. Whoever isn't in the scope has a row of nulls: on another test clock.
pub(super) fn next_to_end(scope: &Scoped<'_>, after: Option<&FoundPosition>, limit: i64) -> QueryBuilder<Driver> {
    let mut query = QueryBuilder::new("WITH e AS (");
    push_ends(&mut query, scope);
    if let Some(after) = after {
        let next = after.key.parse::<i64>().unwrap_or(0).saturating_neg();
        query.push(format_args!(
            " HAVING MIN(s.ends_at) > {next} OR (MIN(s.ends_at) = {next} AND (s.account, s.customer) > ("
        ));
        query.push_bind(account(after.account.as_ref())).push(", ");
        query.push_bind(clean(after.customer.as_str())).push("))");
    }
    query.push(" ORDER BY next, s.account, s.customer LIMIT ").push_bind(limit);
    query.push(format_args!(
        ") SELECT l.account, l.customer, l.country, l.first_mrr_at, -e.next AS place FROM e LEFT JOIN customer_ledger l
         ON l.generation = {} AND l.profile = ",
        scope.generation
    ));
    query.push_bind(clean(&scope.profile)).push(" AND l.livemode = ").push_bind(scope.livemode);
    query.push(" AND l.account = e.account AND l.customer = e.customer AND l.test_clock = ");
    query.push_bind(scope.test_clock.as_ref().map(|clock| clean(clock.as_str())).unwrap_or_default());
    query.push(" ORDER BY e.next, e.account, e.customer");
    query
}

/// What each customer pays at the cut in a currency, in whole minor units, and in how many currencies anything; where
/// only those with a subscription of which something holds are looked for, or single customers, of these.
fn push_standing(
    query: &mut QueryBuilder<Driver>,
    scope: &Scoped<'_>,
    currency: Option<Currency>,
    summed: bool,
    (with_subscription, only): (Option<&str>, Option<&[String]>),
) {
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
        with_subscription.into_iter().for_each(|condition| push_with_subscription(query, scope, "k", condition));
        only.into_iter().for_each(|ids| push_customers(query, "k.customer", ids));
        query.push(format_args!(
            " UNION ALL SELECT s.account, s.customer, s.currency, -(s.mrr / {MINOR}), -(s.mrr % {MINOR}) FROM item_delta s{}",
            by_own_index("item_delta_by_time", scope.generation)
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
    Some(format!("{}:{}", quoted(key), quoted(value)))
}
