//! The figures of the overview: the name of each opens its formula with what it was made of, and hides no figure; where the ledger
//! begins among them is told.

use serde_json::json;

use super::{dollars, no_faults, once, one_sold, pages::account, walk};

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
