//! The figures of the overview: the name of each opens its formula with what it was made of, and hides no figure; where the ledger
//! begins among them is told.

use serde_json::json;

use super::{dollars, no_faults, once, one_sold, pages::account, walk};
use crate::api::{DAY, JANUARY, event, subscription};

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_a_figure_shows_what_it_was_made_of() {
    let mut daemon = account().await;
    let metrics = daemon.json("/api/v1/metrics?currency=usd").await;
    let last = metrics["data"].as_array().unwrap().last().unwrap().clone();
    let looks = ["NRR", "GRR", "MRR churn", "LTV", "Customer churn"];
    let steps: Vec<_> =
        looks.iter().flat_map(|name| [json!({"click": {"text": name}}), json!({"look": name})]).collect();
    let seen = walk(&daemon, &once(), &json!([{"path": "/?currency=usd", "steps": steps}]));
    no_faults(&seen);
    let part = |metric: &str, side: &str| last[metric][side].as_str().unwrap().to_owned();
    for (name, metric) in [("NRR", "nrr"), ("GRR", "grr"), ("MRR churn", "gross_mrr_churn")] {
        let of = |side: &str| {
            let exact: f64 = part(metric, side).parse().unwrap();
            #[expect(clippy::cast_possible_truncation, reason = "minor units of a small account")]
            let minor = exact.round_ties_even() as i64;
            dollars(minor)
        };
        let made = format!("{} ÷ {}", of("numerator"), of("denominator"));
        let shown = seen[0].look(name).1;
        assert!(shown.contains(&made), "{made:?} is not shown by {name}:\n{shown}");
    }
    let made = format!("{} ÷ {}", part("customer_churn", "numerator"), part("customer_churn", "denominator"));
    assert!(seen[0].look("Customer churn").1.contains(&made), "{made}");
    assert!(seen[0].look("LTV").1.contains(" ÷ "), "{}", seen[0].look("LTV").1);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_ledger_begins_is_told_in_a_sentence_with_a_day_like_any_other() {
    let daemon = one_sold().await;
    let seen = walk(&daemon, &once(), &json!([{"path": "/?from=2025-06-01&to=2026-03-31"}]));
    no_faults(&seen);
    seen[0].shows("The ledger begins on Jan 14, 2026: of the days before it");
}

/// It was shown to the end of its month, and the pages beside it to its last day: one address, two figures.
#[tokio::test(flavor = "multi_thread")]
async fn a_span_that_is_over_is_shown_to_its_last_day_on_every_page() {
    let mut daemon = account().await;
    let now = mrrd::clock::Clock::system().now();
    let month =
        mrrd::ledger::time::Zone::UTC.day(mrrd::ledger::time::UnixTime(now.0 - 70 * DAY)).to_string()[..7].to_owned();
    let (from, to) = (format!("{month}-01"), format!("{month}-15"));
    let mrr = daemon.json(&format!("/api/v1/mrr?currency=usd&from={from}&to={to}")).await;
    let closing = dollars(mrr["data"][0]["closing"].as_i64().unwrap());
    let whole = daemon.json(&format!("/api/v1/mrr?currency=usd&from={from}&to={month}-28")).await;
    assert_ne!(mrr["data"][0]["closing"], whole["data"][0]["closing"], "the account changes in the rest of that month");
    let query = format!("?currency=usd&from={from}&to={to}");
    let seen = walk(&daemon, &once(), &json!([{"path": format!("/{query}")}, {"path": format!("/movements{query}")}]));
    no_faults(&seen);
    for one in &seen {
        one.shows(&closing);
        one.shows(" 1 – ");
        one.shows(" 15, ");
    }
    for said in ["What lies ahead is told for now only", "Latest movements to", "vs all of the month before"] {
        seen[0].shows(said);
    }
}

/// Customers are counted over all currencies, and the ledger is shown in one: the link showed no movement where only others had any.
#[tokio::test(flavor = "multi_thread")]
async fn a_week_in_which_a_customer_of_another_currency_left_leads_to_it() {
    let mut daemon = one_sold().await;
    let mut gone = subscription("sub_2", "cus_euro", "price_2", 900, 1, JANUARY);
    (gone["currency"], gone["items"]["data"][0]["price"]["currency"]) = (json!("eur"), json!("eur"));
    daemon.accept(event("evt_2", "customer.subscription.created", JANUARY, &gone, None)).await;
    let left = mrrd::clock::Clock::system().now().0 - 2 * DAY;
    (gone["status"], gone["ended_at"]) = (json!("canceled"), json!(left));
    daemon.accept(event("evt_3", "customer.subscription.deleted", left, &gone, None)).await;
    daemon.settle().await;
    let steps = json!([
        {"until": "canvas[data-drawn]"}, {"focus": ".canvas"}, {"press": "ArrowLeft"}, {"press": "Enter"},
        {"at": "/movements"}, {"wait": "The movements that match"}, {"until": ".moves tbody tr td a"}, {"look": "main"}
    ]);
    let seen = walk(&daemon, &once(), &json!([{"path": "/alerts?over=24&currency=usd", "steps": steps}]));
    no_faults(&seen);
    let (at, text) = seen[0].look("main");
    assert!(at.contains("currencies=all"), "{at}");
    assert!(text.contains("cus_euro"), "{text}");
    assert!(text.contains("in all currencies"), "{text}");
}
