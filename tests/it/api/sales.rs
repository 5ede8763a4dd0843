//! What is sold to whom, and why a part of it ends: ASP and the parts of movements (docs/rules.md).

use serde_json::json;

use super::{DAY, JANUARY, event, subscription};
use crate::support::daemon::Settings;

#[tokio::test]
async fn a_customer_who_was_imported_is_outside_asp_with_all_their_money() {
    let mut daemon = Settings::default().start().await;
    // Somebody's customer for a year, who takes something more on the day they are brought over.
    let mut imported = subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY);
    imported["start_date"] = json!(JANUARY - 400 * DAY);
    let more = subscription("sub_2", "cus_1", "price_2", 1000, 1, JANUARY + 60);
    let sold = subscription("sub_3", "cus_2", "price_1", 3000, 1, JANUARY + DAY);
    for (id, state) in [("evt_1", &imported), ("evt_2", &more), ("evt_3", &sold)] {
        let created = state["created"].as_i64().unwrap();
        daemon.accept(event(id, "customer.subscription.created", created, state, None)).await;
    }
    daemon.settle().await;
    // From the tables, and from the log up to its end.
    for known in ["", "&as_known_at=3"] {
        let metrics = daemon.json(&format!("/api/v1/metrics?from=2026-01-01&to=2026-01-31{known}")).await;
        let asp = &metrics["data"][0]["asp"];
        assert_eq!([&asp["numerator"], &asp["denominator"], &asp["value"]], ["3000", "1", "3000"], "{known}: {asp}");
    }
}

#[tokio::test]
async fn a_subscription_dropped_beside_others_says_why() {
    let mut daemon = Settings::default().start().await;
    let kept = subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY);
    let mut dropped = subscription("sub_2", "cus_1", "price_2", 1000, 1, JANUARY);
    for (id, state) in [("evt_1", &kept), ("evt_2", &dropped)] {
        daemon.accept(event(id, "customer.subscription.created", JANUARY, state, None)).await;
    }
    let end = JANUARY + 10 * DAY;
    (dropped["status"], dropped["ended_at"]) = (json!("canceled"), json!(end));
    dropped["cancellation_details"] = json!({"reason": "cancellation_requested"});
    daemon.accept(event("evt_3", "customer.subscription.deleted", end, &dropped, None)).await;
    daemon.settle().await;
    let parts = |kind: &str| format!("/api/v1/movements?kind={kind}");
    let movements = daemon.json(&parts("contraction")).await;
    let part = &movements["data"][0]["parts"][0];
    assert_eq!([&part["cause"], &part["end_reason"]], ["product_dropped", "cancellation"], "{movements}");
    assert_eq!(daemon.json(&parts("new")).await["data"][0]["parts"][0].get("end_reason"), None);
    let csv = daemon.get(&format!("{}&format=csv", parts("contraction"))).await;
    assert_eq!(csv.headers["content-disposition"], "attachment; filename=\"mrrd-movements.csv\"");
    let text = String::from_utf8(csv.body.to_vec()).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    let column = rows[0].iter().position(|name| *name == "end_reasons").unwrap();
    assert_eq!(rows[1][column], "cancellation", "{text}");
}
