//! The answers as they are documented: every field of the interface is there, and nothing changes unseen.

use serde_json::Value;

use super::ledger;
use crate::support::daemon::Settings;

/// Where, and what must be there: `a.0.b` walks into objects and lists.
const DOCUMENTED: &[(&str, &str, &str)] = &[
    ("/api/v1/status", "", "version database log reconciler quality"),
    ("/api/v1/status", "log", "events last_seq"),
    ("/api/v1/status", "tasks.0", "name last_run_at last_outcome next_run_at error"),
    ("/api/v1/status", "reconciler", "applied_seq lag_events last_run_at"),
    (
        "/api/v1/status",
        "quality",
        "unreadable_events ignored_events unpriced_items unresolved_discounts gaps unresolved_ties",
    ),
    ("/api/v1/mrr", "", "profile currency interval data"),
    (
        "/api/v1/mrr",
        "data.0",
        "start end currency opening opening_exact opening_balance opening_balance_exact new new_exact expansion \
         expansion_exact reactivation reactivation_exact contraction contraction_exact churn churn_exact fx fx_exact \
         closing closing_exact customers subscriptions at_risk at_risk_exact scheduled_churn scheduled_churn_exact",
    ),
    ("/api/v1/movements", "", "data next_cursor"),
    (
        "/api/v1/movements?kind=expansion",
        "data.0",
        "id customer day effective_at kind currency amount amount_exact before_exact after_exact parts",
    ),
    (
        "/api/v1/movements?kind=expansion",
        "data.0.parts.0",
        "subscription item cause rollup amount_exact before after effective_at events",
    ),
    ("/api/v1/movements?kind=expansion", "data.0.parts.0.before", "product price interval quantity amount_exact"),
    ("/api/v1/movements?kind=expansion", "data.0.parts.0.after", "product price interval quantity amount_exact"),
    ("/api/v1/customers", "", "data next_cursor"),
    ("/api/v1/customers", "data.0", "id mrr"),
    ("/api/v1/customers/cus_1", "", "id mrr subscriptions movements"),
    ("/api/v1/customers/cus_1/explain", "", "customer steps"),
    (
        "/api/v1/metrics",
        "data.0",
        "mrr arr arpa asp nrr grr gross_mrr_churn net_mrr_churn customer_churn quick_ratio ltv trial_conversion",
    ),
    ("/api/v1/metrics", "data.0.nrr", "value numerator denominator reason"),
    ("/api/v1/cohorts", "", "data"),
    ("/api/v1/committed", "", "profile currency converted horizon day until data"),
    (
        "/api/v1/committed",
        "data.0",
        "currency mrr mrr_exact scheduled_churn_exact scheduled_contraction_exact scheduled_expansion_exact discount_end_exact \
         discount_start_exact resume_exact committed committed_exact lines curve trials_due past_due annual_renewals untold",
    ),
    ("/api/v1/accuracy", "", "profile converted data"),
    ("/api/v1/durability", "", "profile currency converted data"),
    ("/api/v1/durability", "data.0", "month currency rollup customers expansion expansion_exact ages"),
    ("/api/v1/durability", "data.0.ages.0", "days day held held_exact lost lost_exact share"),
    ("/api/v1/events", "", "data next_cursor"),
    ("/api/v1/events", "data.0", "id seq type created received_at livemode account"),
    ("/api/v1/quality", "", "data"),
];

#[tokio::test]
async fn every_documented_field_is_there() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    for (path, place, fields) in DOCUMENTED {
        let answer = daemon.json(path).await;
        let within = place
            .split('.')
            .filter(|step| !step.is_empty())
            .fold(&answer, |value, step| step.parse::<usize>().map_or_else(|_| &value[step], |at| &value[at]));
        for field in fields.split_whitespace() {
            assert!(within.get(field).is_some(), "{path}: no {field} at {place:?} in {answer}");
        }
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[test]
fn the_document_of_the_api_changes_only_on_purpose() {
    let document = serde_json::to_value(mrrd::api::document()).unwrap();
    insta::assert_snapshot!("openapi", pretty(&document));
}

#[tokio::test]
async fn answers_over_a_small_life_stay_as_they_are() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    const SPAN: &str = "from=2026-01-01&to=2026-02-28";
    for (name, path) in [
        ("mrr", format!("/api/v1/mrr?{SPAN}")),
        ("mrr_by_cause", format!("/api/v1/mrr?{SPAN}&group_by=cause")),
        ("movements", format!("/api/v1/movements?{SPAN}")),
        ("metrics", format!("/api/v1/metrics?{SPAN}")),
        ("customer", "/api/v1/customers/cus_1".to_owned()),
        ("activities", "/v1/customers/cus_1/activities".to_owned()),
    ] {
        insta::assert_snapshot!(name, pretty(&daemon.json(&path).await));
    }
}
