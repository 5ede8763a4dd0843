//! Several of Stripe's customers as one (`ledger.customer_key`): figures, pages, explanations, closings and audits of a
//! running daemon.

use serde_json::{Value, json};

use super::{DAY, JANUARY, event, subscription};
use crate::support::daemon::{Daemon, Settings};

fn customer(id: &str, event_id: &str, company: &str, at: i64) -> String {
    let customer = json!({"id": id, "object": "customer", "metadata": {"company": company}});
    event(event_id, "customer.updated", at, &customer, None)
}

/// `cus_1` at 20.00 and `cus_2`, a day later, at 10.00, both of Acme; `cus_3` at 5.00 by itself.
async fn acme() -> Daemon {
    let mut daemon = Settings::default().env("MRRD_LEDGER__CUSTOMER_KEY", "company").start().await;
    for (id, amount, at) in [("1", 2000, JANUARY), ("2", 1000, JANUARY + DAY), ("3", 500, JANUARY)] {
        let (name, subscribed) = (format!("cus_{id}"), format!("sub_{id}"));
        let made = subscription(&subscribed, &name, "price_1", amount, 1, at);
        daemon.accept(event(&format!("evt_{id}"), "customer.subscription.created", at, &made, None)).await;
    }
    daemon.accept(customer("cus_1", "evt_c1", "Acme & Sons", JANUARY)).await;
    daemon.accept(customer("cus_2", "evt_c2", "Acme & Sons", JANUARY)).await;
    daemon.settle().await;
    daemon
}

fn told(movements: &Value) -> Vec<String> {
    let one = |one: &Value| {
        let cause = one["parts"][0]["cause"].as_str().unwrap();
        format!("{} {} {} {cause}", one["customer"].as_str().unwrap(), one["kind"].as_str().unwrap(), one["amount"])
    };
    movements["data"].as_array().unwrap().iter().map(one).collect()
}

fn json_of(daemon: &Daemon, args: &[&str]) -> (Option<i32>, Value) {
    let output = daemon.command(args);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn one_customer_by_any_of_its_names() {
    let mut daemon = acme().await;
    let movements = daemon.json("/api/v1/movements").await;
    let acme = ["Acme & Sons new 2000 first_subscription", "Acme & Sons expansion 1000 extra_subscription"];
    let mut all = told(&movements);
    all.sort();
    assert_eq!(all, [acme[1], acme[0], "cus_3 new 500 first_subscription"]);
    let entry = &daemon.json("/api/v1/mrr?from=2026-01-01&to=2026-01-31").await["data"][0].clone();
    assert_eq!((&entry["customers"], &entry["closing_exact"]), (&json!(2), &json!("3500")));

    let by_name = daemon.json("/api/v1/customers/Acme%20%26%20Sons").await;
    assert_eq!((&by_name["id"], &by_name["mrr"][0]["mrr"]), (&json!("Acme & Sons"), &json!(3000)));
    assert_eq!(by_name["stripe_customers"], json!(["cus_1", "cus_2"]));
    assert_eq!(by_name["subscriptions"].as_array().unwrap().len(), 2);
    for id in ["cus_1", "cus_2"] {
        assert_eq!(daemon.json(&format!("/api/v1/customers/{id}")).await, by_name);
        assert_eq!(told(&daemon.json(&format!("/api/v1/movements?customer={id}")).await), acme);
        let explained = daemon.json(&format!("/api/v1/customers/{id}/explain")).await;
        assert_eq!(
            (&explained["customer"], &explained["stripe_customers"]),
            (&by_name["id"], &by_name["stripe_customers"])
        );
        assert_eq!(daemon.get(&format!("/v1/customers/{id}/activities")).await.status, 200);
    }
    let listed = daemon.json("/api/v1/customers").await;
    let ids: Vec<_> = listed["data"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(ids, ["Acme & Sons", "cus_3"]);
    let output = daemon.command(&["explain", "cus_2"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.starts_with("Acme & Sons has MRR 30.00 USD a month under profile stripe"), "{said}");
    assert!(said.contains("Stripe's customers in it: cus_1, cus_2"), "{said}");

    // Before either of them said so, they were two.
    let before = daemon.json("/api/v1/customers/cus_2?as_known_at=3").await;
    assert_eq!((&before["id"], &before["mrr"][0]["mrr"]), (&json!("cus_2"), &json!(1000)));
    assert_eq!(told(&daemon.json("/api/v1/movements?customer=cus_1&as_known_at=4").await), [acme[0]]);
    assert_eq!(daemon.json("/api/v1/customers/cus_1?as_known_at=4").await["stripe_customers"], json!(["cus_1"]));
    assert_eq!(daemon.get("/api/v1/customers/cus_9").await.status, 404);
    assert!(daemon.command(&["verify"]).status.success());
}

#[tokio::test]
async fn a_customer_that_moves_restates_both_ledgers_and_is_named() {
    let mut daemon = acme().await;
    assert_eq!(json_of(&daemon, &["close", "2026-01", "--json"]).0, Some(0));
    daemon.accept(customer("cus_2", "evt_away", "", JANUARY + 2 * DAY)).await;
    daemon.settle().await;
    let answer = daemon.json("/api/v1/restatements").await;
    let one = |one: &Value| {
        let amount = |side: &str| one[side]["closing_exact"].as_str().unwrap().to_owned();
        format!("{} {} {} {}", one["customer"].as_str().unwrap(), amount("before"), amount("after"), one["events"])
    };
    let restated: Vec<String> = answer["data"].as_array().unwrap().iter().map(one).collect();
    assert_eq!(restated, ["Acme & Sons 3000 2000 [\"evt_away\"]", "cus_2 0 1000 [\"evt_away\"]"], "{answer}");
    assert_eq!(daemon.json("/api/v1/customers/cus_2").await["id"], "cus_2");
    let (code, verified) = json_of(&daemon, &["verify", "--json"]);
    assert_eq!(code, Some(0), "{verified}");
}

#[tokio::test]
async fn stripes_own_export_names_its_customers_and_agrees() {
    let daemon = acme().await;
    let per_month = "Customer ID,Currency,2026-01\ncus_1,usd,20.00\ncus_2,usd,10.00\ncus_3,usd,5.00\n";
    // To Stripe each of them is new.
    let changes = "Date,Customer ID,Event type,MRR change,Currency\n2026-01-14,cus_1,New,20.00,usd\n\
                   2026-01-15,cus_2,New,10.00,usd\n2026-01-14,cus_3,New,5.00,usd\n";
    for (csv, figures) in [(per_month, 2), (changes, 3)] {
        std::fs::write(daemon.dir().join("export.csv"), csv).unwrap();
        let (code, answer) = json_of(&daemon, &["audit", "--csv", "export.csv", "--json"]);
        assert_eq!(
            (code, &answer["compared"], &answer["matched"]),
            (Some(0), &json!(figures), &json!(figures)),
            "{answer}"
        );
    }
    std::fs::write(daemon.dir().join("export.csv"), per_month.replace("10.00", "12.00")).unwrap();
    let (code, answer) = json_of(&daemon, &["audit", "--csv", "export.csv", "--json"]);
    assert_eq!((code, &answer["differences"][0]["customer"]), (Some(1), &json!("Acme & Sons")), "{answer}");
}
