//! ChartMogul's shapes: the fields its client libraries read, with this ledger's figures in them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::ledger;
use crate::support::daemon::Settings;

const SPAN: &str = "start-date=2026-01-01&end-date=2026-02-28&interval=month";

#[tokio::test]
async fn metrics_have_entries_and_a_summary() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    let mrr = daemon.json(&format!("/v1/metrics/mrr?{SPAN}")).await;
    assert_eq!(
        mrr["entries"],
        json!([
            {"date": "2026-01-31", "mrr": 3000, "mrr-new-business": 3000, "mrr-expansion": 0, "mrr-contraction": 0,
             "mrr-churn": 0, "mrr-reactivation": 0, "percentage-change": 0},
            {"date": "2026-02-28", "mrr": 3500, "mrr-new-business": 0, "mrr-expansion": 1500, "mrr-contraction": 0,
             "mrr-churn": -1000, "mrr-reactivation": 0, "percentage-change": 16.7}
        ])
    );
    // 30 days before 28 February only January's purchases were there.
    assert_eq!(mrr["summary"], json!({"current": 3500, "previous": 3000, "percentage-change": 16.7}));
    for (route, field, value) in [
        ("arr", "arr", json!(42000)),
        ("arpa", "arpa", json!(3500)),
        ("asp", "asp", json!(0)),
        ("customer-count", "customers", json!(1)),
        ("mrr-churn-rate", "mrr-churn-rate", json!(-16.6667)),
        ("ltv", "ltv", json!(7000)),
    ] {
        let answer = daemon.json(&format!("/v1/metrics/{route}?{SPAN}")).await;
        assert_eq!(answer["entries"][1][field], value, "{answer}");
        assert!(answer["summary"]["current"].is_number(), "{answer}");
    }
    let rate = daemon.json(&format!("/v1/metrics/customer-churn-rate?{SPAN}")).await;
    assert!(rate["entries"][1]["customer-churn-rate"].is_number(), "{rate}");
    let all = daemon.json(&format!("/v1/metrics/all?{SPAN}")).await;
    let fields = ["customer-churn-rate", "mrr-churn-rate", "ltv", "customers", "asp", "arpa", "arr", "mrr"];
    for field in fields {
        assert!(all["entries"][1][field].is_number(), "{field} in {all}");
        for name in [format!("current-{field}"), format!("previous-{field}"), format!("{field}-percentage-change")] {
            assert!(all["summary"][&name].is_number(), "{name} in {all}");
        }
    }
    assert_eq!(daemon.get("/v1/metrics/happiness").await.status, 404);
    assert_eq!(daemon.get("/v1/metrics/mrr?start_date=2026-01-01").await.status, 422);
}

#[tokio::test]
async fn activities_are_a_customers_movements() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    let first = daemon.json("/v1/customers/cus_1/activities?per-page=1").await;
    assert_eq!((&first["has_more"], &first["per_page"]), (&json!(true), &json!(1)));
    let entry = &first["entries"][0];
    for (field, value) in [
        ("date", json!("2026-01-14T10:00:00+00:00")),
        ("type", json!("new_biz")),
        ("activity-mrr", json!(2000)),
        ("activity-mrr-movement", json!(2000)),
        ("activity-arr", json!(24000)),
        ("currency", json!("USD")),
        ("currency-sign", json!("$")),
        ("description", json!("first subscription")),
        ("subscription-external-id", json!("sub_1")),
    ] {
        assert_eq!(entry[field], value, "{field} of {entry}");
    }
    assert!(entry["id"].as_u64().is_some_and(|id| id > 0 && id < 1 << 53), "{entry}");
    let cursor = first["cursor"].as_str().unwrap();
    let second = daemon.json(&format!("/v1/customers/cus_1/activities?per-page=1&cursor={cursor}")).await;
    assert_eq!((&second["has_more"], &second["entries"][0]["type"]), (&json!(false), &json!("expansion")));
    let lost = daemon.json("/v1/customers/cus_2/activities").await;
    assert_eq!(lost["entries"][1]["activity-mrr-movement"], -1000);
    assert_eq!(daemon.get("/v1/customers/cus_none/activities").await.status, 404);
}

#[tokio::test]
async fn the_token_is_the_user_name() {
    let daemon = ledger(Settings::default().env("MRRD_API__TOKENS", "a-token-of-some-length")).await;
    let status = async |user: &str| {
        let basic = format!("Basic {}", STANDARD.encode(format!("{user}:")));
        let answer = daemon
            .connect()
            .send(Method::GET, "/v1/metrics/all", &[("authorization", &basic)], Bytes::new())
            .await
            .unwrap();
        (answer.status, serde_json::from_slice::<Value>(&answer.body).unwrap())
    };
    assert_eq!(status("a-token-of-some-length").await.0, 200);
    assert_eq!(status("another").await.0, 401);
}
