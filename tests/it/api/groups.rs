//! Whatever a series is grouped by, its groups add up to the whole; and the waterfall's lines to its closing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{DAY, JANUARY, event, ledger};
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

/// The ledger of these settings, with what `cus_1` says of itself, later corrected.
async fn with_customer(settings: Settings) -> Daemon {
    let mut daemon = ledger(settings).await;
    for (id, at, tier) in [("evt_c1", JANUARY, "silver"), ("evt_c2", JANUARY + 50 * DAY, "gold")] {
        let customer = json!({
            "id": "cus_1", "object": "customer", "address": {"country": "DE"},
            "metadata": {"tier": tier, "internal": "true", "contact": "someone@example.com"}
        });
        daemon.accept(event(id, "customer.updated", at, &customer, None)).await;
    }
    daemon.settle().await;
    daemon
}

/// The closing of January by group.
async fn closings(daemon: &mut Daemon, group_by: &str) -> Vec<(Value, Value)> {
    let path = format!("/api/v1/mrr?from=2026-01-01&to=2026-01-31&group_by={group_by}");
    let answer = daemon.json(&path).await;
    let entries = answer["data"].as_array().unwrap().iter();
    entries.map(|entry| (entry["group"].clone(), entry["closing_exact"].clone())).collect()
}

#[tokio::test]
async fn customers_are_grouped_by_the_metadata_that_was_configured_as_it_is_now() {
    let mut daemon = with_customer(Settings::default().env("MRRD_LEDGER__METADATA_KEYS", "tier")).await;
    let by_tier = [(Value::Null, json!("1000")), (json!("gold"), json!("2000"))];
    assert_eq!(closings(&mut daemon, "metadata:tier").await, by_tier);
    assert_eq!(closings(&mut daemon, "country").await, [(Value::Null, json!("1000")), (json!("DE"), json!("2000"))]);
    assert_eq!(sums(&mut daemon, "&group_by=metadata:tier").await, sums(&mut daemon, "").await);
    let known = closings(&mut daemon, "metadata:tier&as_known_at=6").await;
    assert_eq!(known[1].0, "silver", "six events were known");
    let refused = daemon.get("/api/v1/mrr?group_by=metadata:contact").await;
    assert_eq!(refused.status, 422);
    assert!(String::from_utf8_lossy(&refused.body).contains("ledger.metadata_keys"));
    assert!(daemon.command(&["verify"]).status.success());
}

#[tokio::test]
async fn who_is_excluded_is_in_no_figure() {
    for exclude in ["cus_1", "metadata:internal=true"] {
        let mut daemon = with_customer(Settings::default().env("MRRD_LEDGER__EXCLUDE", exclude)).await;
        assert_eq!(sums(&mut daemon, "").await["2026-01-01"][8], 1000, "{exclude}");
        let movements = daemon.json("/api/v1/movements").await;
        assert!(!movements.to_string().contains("cus_1"), "{movements}");
        assert!(daemon.command(&["verify"]).status.success());
    }
}
