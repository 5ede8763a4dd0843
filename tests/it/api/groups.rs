//! Whatever a series is grouped by, its groups add up to the whole; and the waterfall's lines to its closing.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ledger;
use crate::support::daemon::{Daemon, Settings};

const SPAN: &str = "from=2026-01-01&to=2026-03-31";
const LINES: [&str; 9] = [
    "opening_exact",
    "opening_balance_exact",
    "new_exact",
    "expansion_exact",
    "reactivation_exact",
    "contraction_exact",
    "churn_exact",
    "fx_exact",
    "closing_exact",
];

fn exact(entry: &Value, name: &str) -> i64 {
    entry[name].as_str().unwrap_or("0").parse().unwrap()
}

/// Each period's lines, summed over groups.
async fn sums(daemon: &mut Daemon, group_by: &str) -> BTreeMap<String, [i64; 9]> {
    let answer = daemon.json(&format!("/api/v1/mrr?{SPAN}{group_by}")).await;
    let mut sums = BTreeMap::new();
    for entry in answer["data"].as_array().unwrap() {
        let sum: &mut [i64; 9] = sums.entry(entry["start"].as_str().unwrap().to_owned()).or_default();
        LINES.iter().zip(sum).for_each(|(name, sum)| *sum += exact(entry, name));
    }
    sums
}

#[tokio::test]
async fn groups_add_up_to_the_whole() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    let whole = sums(&mut daemon, "").await;
    assert_eq!(whole["2026-02-01"][8], 3500);
    for group_by in ["product", "price", "interval", "currency", "country", "cohort", "customer", "cause"] {
        let of_groups = sums(&mut daemon, &format!("&group_by={group_by}")).await;
        assert_eq!(of_groups, whole, "{group_by}");
    }
}

#[tokio::test]
async fn the_waterfall_adds_up_line_by_line_and_each_line_by_its_causes() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    let output = daemon.command(&["report", "waterfall", "--from", "2026-02-01", "--to", "2026-02-28", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines = answer["data"].as_array().unwrap();
    let whole: Vec<_> = lines.iter().filter(|line| line["cause"].is_null()).collect();
    let (closing, steps) = whole.split_last().unwrap();
    assert_eq!((&closing["line"], exact(closing, "amount_exact")), (&Value::from("closing"), 3500));
    assert_eq!(steps.iter().map(|line| exact(line, "amount_exact")).sum::<i64>(), 3500);
    for line in &steps[1..] {
        let causes = lines.iter().filter(|one| !one["cause"].is_null() && one["line"] == line["line"]);
        let sum: i64 = causes.map(|one| exact(one, "amount_exact")).sum();
        assert_eq!(sum, exact(line, "amount_exact"), "{line}");
    }
    let churn = lines.iter().find(|line| line["cause"] == "cancellation").unwrap();
    assert_eq!((&churn["line"], &churn["amount"]), (&Value::from("churn"), &Value::from(-1000)));
    let refused = daemon.command(&["report", "waterfall", "--group-by", "product"]);
    assert_eq!(refused.status.code(), Some(2));
}
