//! Routes that the dashboard and programs ask beside figures: profiles, comparing, health, backtests, audits, comments, accounts.

use serde_json::{Value, json};

use super::{DAY, JANUARY, event, ledger, subscription};
use crate::support::daemon::{Daemon, Settings};

#[tokio::test]
async fn profiles_say_their_knobs_and_comparing_two_sums_to_their_difference() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    let profiles = daemon.json("/api/v1/profiles").await;
    let named =
        |name: &str| profiles["data"].as_array().unwrap().iter().find(|one| one["name"] == name).cloned().unwrap();
    assert_eq!((&named("stripe")["kept"], &named("finance")["kept"]), (&json!(true), &json!(false)));
    let knobs = |name: &str| -> Vec<Value> { named(name)["knobs"].as_array().unwrap().clone() };
    assert_eq!(knobs("stripe").len(), knobs("finance").len());
    assert!(knobs("stripe") != knobs("finance"), "two rule sets differ in a knob");

    let compared = daemon.json("/api/v1/compare?with=finance&month=2026-02").await;
    let total = &compared["totals"][0];
    assert_eq!(total["from"]["closing"], 3500, "{compared}");
    let csv = daemon.get("/api/v1/compare?with=finance&month=2026-02&format=csv").await;
    assert!(csv.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    for (query, word) in [
        ("month=2026-02", "with"),
        ("with=finance", "month"),
        ("with=none&month=2026-02", "none"),
        ("with=finance&month=x", "month"),
    ] {
        let refused = daemon.get(&format!("/api/v1/compare?{query}")).await;
        let said = String::from_utf8_lossy(&refused.body).into_owned();
        assert!(refused.status == 422 && said.contains(word), "{query}: {said}");
    }
}

#[tokio::test]
async fn health_says_what_came_and_how_far_the_work_is() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    let health = daemon.json("/api/v1/health").await;
    assert_eq!(health["newest"]["webhook"]["id"], "evt_5", "{health}");
    assert_eq!((&health["newest"]["replay"], &health["newest"]["api"]), (&Value::Null, &Value::Null));
    assert_eq!((&health["work"]["last_seq"], &health["work"]["applied_seq"]), (&json!(5), &json!(5)));
    assert_eq!((&health["work"]["waiting_customers"], &health["drift"]), (&json!(0), &Value::Null));
    assert_eq!(health["endpoints"], json!([{"path": "/webhooks/stripe", "account": null}]));
    assert_eq!(health["roles"], json!(["receiver", "reconciler", "api", "alerts"]));
    assert!(health["sizes"]["log_bytes"].as_i64().is_some_and(|bytes| bytes > 0));
}

#[tokio::test]
async fn a_backtest_judges_each_day_and_refuses_what_it_cannot_calibrate() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    let found = daemon.json("/api/v1/alerts/backtest?from=2026-01-14&to=2026-03-31&false_alerts=1").await;
    assert!(found["alerts"].is_array(), "{found}");
    assert!(found.to_string().contains("2026-02"), "the customer who left in February is counted: {found}");
    for (query, word) in [("false_alerts=100", "false_alerts"), ("from=yesterday", "from"), ("rule=x", "rule")] {
        let refused = daemon.get(&format!("/api/v1/alerts/backtest?{query}")).await;
        let said = String::from_utf8_lossy(&refused.body).into_owned();
        assert!(refused.status == 422 && said.contains(word), "{query}: {said}");
    }
}

const EXPORT: &str = "Customer,Customer Email,Customer ID,Currency,2026-01,2026-02\n\
                      Ada,ada@example.com,cus_1,usd,20.00,35.00\nBob,bob@example.com,cus_2,usd,10.00,5.00\n";

#[tokio::test]
async fn an_export_is_held_against_the_ledger_by_viewers_too_and_nothing_is_kept_of_it() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    let created = daemon.command(&["token", "create", "Ada, finance", "--role", "viewer", "--json"]);
    let viewer = serde_json::from_slice::<Value>(&created.stdout).unwrap()["token"].as_str().unwrap().to_owned();
    let mut client = mrrd::demo::http::Client::new(daemon.address()).bearing(&viewer);
    let mut post = async |path: &str, body: &'static str| {
        client.send(http::Method::POST, path, &[("content-type", "text/csv")], body.into()).await.unwrap()
    };
    let answer = post("/api/v1/audit", EXPORT).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let differences = answer.json()["differences"].as_array().unwrap().clone();
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert_eq!((&differences[0]["customer"], &differences[0]["stripe_exact"]), (&json!("cus_2"), &json!("500")));
    let csv = post("/api/v1/audit?format=csv", EXPORT).await;
    assert!(csv.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert!(String::from_utf8_lossy(&csv.body).contains("cus_2"));
    for (path, body, word) in [
        ("/api/v1/audit", "", "MRR exports"),
        ("/api/v1/audit", "one,two\n1,2\n", "MRR exports"),
        ("/api/v1/audit?profile=none", EXPORT, "profile"),
    ] {
        let refused = post(path, body).await;
        let said = String::from_utf8_lossy(&refused.body).into_owned();
        assert!(refused.status == 422 && said.contains(word), "{path}: {said}");
    }
    // What changes anything is refused as ever, and nobody's name was written down.
    assert_eq!(post("/api/v1/closings", "{\"month\":\"2026-01\"}").await.status, 403);
    assert!(!daemon.output().contains("ada@example.com"));
}

#[tokio::test]
async fn comments_are_read_from_bodies_where_they_are_asked_for() {
    let mut daemon = ledger(Settings::default()).await;
    let sold = subscription("sub_3", "cus_3", "price_3", 700, 1, JANUARY);
    let mut left = sold.clone();
    (left["status"], left["ended_at"]) = (json!("canceled"), json!(JANUARY + 5 * DAY));
    left["cancellation_details"] = json!({"reason": "cancellation_requested", "comment": "We ran out of runway."});
    daemon.accept(event("evt_7", "customer.subscription.created", JANUARY, &sold, None)).await;
    daemon.accept(event("evt_8", "customer.subscription.deleted", JANUARY + 5 * DAY, &left, None)).await;
    daemon.settle().await;
    let path = "/api/v1/movements?kind=churn&customer=cus_3";
    assert!(daemon.json(path).await["data"][0]["parts"][0].get("comment").is_none());
    let told = daemon.json(&format!("{path}&comments=true")).await;
    assert_eq!(told["data"][0]["parts"][0]["comment"], "We ran out of runway.");
    let refused = daemon.get(&format!("{path}&comments=true&limit=201")).await;
    assert!(refused.status == 422 && String::from_utf8_lossy(&refused.body).contains("200 at most"));
    let mut hidden = daemon.restart_with("MRRD_PRIVACY__SHOW_NAMES", "false").await;
    let told = hidden.json(&format!("{path}&comments=true")).await;
    assert!(told["data"][0]["parts"][0].get("comment").is_none(), "{told}");
}

#[tokio::test]
async fn connected_accounts_are_listed_as_the_parameter_takes_them() {
    let mut daemon = ledger(Settings::default()).await;
    let sold = subscription("sub_9", "cus_9", "price_9", 900, 1, JANUARY);
    let mut body: Value =
        serde_json::from_str(&event("evt_9", "customer.subscription.created", JANUARY, &sold, None)).unwrap();
    body["account"] = json!("acct_1");
    daemon.accept(body.to_string()).await;
    daemon.settle().await;
    let listed = daemon.json("/api/v1/accounts").await;
    assert_eq!(listed, json!({"data": [{"account": "acct_1", "customers": 1}], "next_cursor": null}));
    let account = listed["data"][0]["account"].as_str().unwrap();
    let mrr = daemon.json(&format!("/api/v1/mrr?account={account}&from=2026-01-01&to=2026-01-31")).await;
    assert_eq!(mrr["data"][0]["closing"], 900);
    assert_eq!(daemon.json("/api/v1/accounts?livemode=false").await["data"], json!([]));
}

/// Every route of the API is behind the door, whatever it does; what a stranger may see is written here.
#[tokio::test]
async fn nobody_without_a_token_is_told_anything() {
    let daemon: Daemon = Settings::default().start().await;
    let document = serde_json::to_value(mrrd::api::document()).unwrap();
    let mut stranger = daemon.stranger();
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let open = ["/healthz", "/readyz", "/metrics"].contains(&path.as_str()) || path.starts_with("/webhooks/");
        for method in item.as_object().unwrap().keys() {
            assert_eq!(item[method]["responses"].get("401").is_none(), open, "{method} {path}");
            if open {
                continue;
            }
            let place = path.replace(['{', '}'], "");
            let answer =
                stranger.send(method.to_uppercase().parse().unwrap(), &place, &[], bytes::Bytes::new()).await.unwrap();
            assert_eq!(answer.status, 401, "{method} {place}: {}", String::from_utf8_lossy(&answer.body));
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{place}");
            assert!(answer.headers.contains_key("www-authenticate"), "{place}");
            asked += 1;
        }
    }
    assert!(asked > 40, "only {asked} routes were asked");
}
