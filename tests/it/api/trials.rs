//! Trials: who began one, who went on to pay, and who left without moving any MRR (rules `trial-churn` and `metrics`).

use serde_json::{Value, json};

use super::{DAY, JANUARY, event, subscription};
use crate::support::daemon::Settings;

#[tokio::test]
async fn a_trial_that_ends_without_paying_is_trial_churn_and_no_movement() {
    let mut daemon = Settings::default().start().await;
    for (number, then) in [(1, "active"), (2, "canceled"), (3, "canceled"), (4, "trialing")] {
        let (id, customer) = (format!("sub_{number}"), format!("cus_{number}"));
        let mut state = subscription(&id, &customer, "price_1", 2000, 1, JANUARY);
        state["status"] = json!("trialing");
        (state["trial_start"], state["trial_end"]) = (json!(JANUARY), json!(JANUARY + 14 * DAY));
        daemon.accept(event(&format!("evt_{number}"), "customer.subscription.created", JANUARY, &state, None)).await;
        let end = JANUARY + 14 * DAY;
        let (kind, previous) = match then {
            "active" => ("customer.subscription.updated", Some(json!({"status": "trialing"}))),
            "canceled" => {
                state["ended_at"] = json!(end);
                ("customer.subscription.deleted", None)
            }
            _ => continue,
        };
        state["status"] = json!(then);
        daemon.accept(event(&format!("evt_{number}_later"), kind, end, &state, previous)).await;
    }
    daemon.settle().await;
    let metrics = daemon.json("/api/v1/metrics?from=2026-01-01&to=2026-02-28&currency=usd").await;
    let value = |month: usize, name: &str| metrics["data"][month][name]["value"].clone();
    assert_eq!((value(0, "trial_churn"), value(1, "trial_churn")), (json!("2"), json!("0")));
    assert_eq!(value(0, "trial_conversion"), "0.333333");
    let movements = daemon.json("/api/v1/movements").await;
    let kinds: Vec<&Value> = movements["data"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["new"], "{movements}");
    let cohorts = daemon.json("/api/v1/cohorts").await;
    let trials = &cohorts["trials"];
    assert_eq!(trials.as_array().unwrap().len(), 1);
    assert_eq!(
        (&trials[0]["cohort"], &trials[0]["ended"], &trials[0]["converted"], &trials[0]["conversion"]["value"]),
        (&json!("2026-01"), &json!(3), &json!(1), &json!("0.333333"))
    );
    let printed = daemon.command(&["report", "cohorts"]);
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(printed.contains("trials began"), "{printed}");
}

#[tokio::test]
async fn a_trial_is_not_converted_by_being_past_due_but_by_its_first_paid_invoice() {
    let mut daemon = Settings::default().env("MRRD_LEDGER__PROFILES", "stripe,finance").start().await;
    let mut state = subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY);
    state["status"] = json!("trialing");
    (state["trial_start"], state["trial_end"]) = (json!(JANUARY), json!(JANUARY + 7 * DAY));
    daemon.accept(event("evt_1", "customer.subscription.created", JANUARY, &state, None)).await;
    // It counts, for both profiles, and has paid nothing.
    state["status"] = json!("past_due");
    let previous = Some(json!({"status": "trialing"}));
    daemon.accept(event("evt_2", "customer.subscription.updated", JANUARY + 7 * DAY, &state, previous)).await;
    let paid = json!({
        "id": "in_1", "object": "invoice", "customer": "cus_1", "subscription": "sub_1", "status": "paid",
        "currency": "usd", "total": 2000, "subtotal": 2000, "created": JANUARY + 7 * DAY,
        "status_transitions": {"paid_at": JANUARY + 9 * DAY}, "lines": {"object": "list", "has_more": false, "data": []}
    });
    daemon.accept(event("evt_3", "invoice.paid", JANUARY + 9 * DAY, &paid, None)).await;
    daemon.settle().await;
    for profile in ["stripe", "finance"] {
        // From the log up to a place, and from the tables.
        for (known, converted) in [("&as_known_at=2", 0), ("&as_known_at=3", 1), ("", 1)] {
            let asked = format!("profile={profile}{known}");
            let metrics =
                daemon.json(&format!("/api/v1/metrics?from=2026-01-01&to=2026-01-31&currency=usd&{asked}")).await;
            let (conversion, mrr) = (&metrics["data"][0]["trial_conversion"], &metrics["data"][0]["mrr"]["value"]);
            assert_eq!(
                [&conversion["numerator"], &conversion["denominator"], mrr],
                [&json!(converted.to_string()), &json!("1"), &json!("2000")],
                "{asked}: {conversion}"
            );
            let cohorts = daemon.json(&format!("/api/v1/cohorts?{asked}")).await;
            assert_eq!(cohorts["trials"][0]["converted"], converted, "{asked}");
        }
    }
}
