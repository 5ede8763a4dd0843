//! What is written through the API: closings, planned events, mutes; and that nothing is written by another site's page.

use serde_json::{Value, json};

use super::ledger;
use crate::support::daemon::{Daemon, Settings};

pub(super) async fn send(daemon: &mut Daemon, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let answer = daemon.send(method, path, body.to_string()).await;
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_month_is_closed_once_and_listed() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    assert_eq!(daemon.json("/api/v1/closings").await["data"], json!([]));
    let (status, refused) = send(&mut daemon, "POST", "/api/v1/closings", &json!({"month": "2026-13"})).await;
    assert_eq!((status, refused["type"].as_str().unwrap().ends_with("bad-parameter")), (422, true), "{refused}");
    let (status, refused) = send(&mut daemon, "POST", "/api/v1/closings", &json!({"month": "2999-01"})).await;
    assert_eq!((status, refused["detail"].as_str().unwrap().contains("isn't over")), (409, true), "{refused}");
    let (status, closed) = send(&mut daemon, "POST", "/api/v1/closings", &json!({"month": "2026-01"})).await;
    assert_eq!((status, &closed["month"]), (200, &json!("2026-01")), "{closed}");
    let list = daemon.json("/api/v1/closings").await;
    assert_eq!(list["data"][0]["month"], "2026-01");
    assert_eq!(list["data"][0]["seq"], 5);
    let lines = list["data"][0]["totals"].as_array().unwrap();
    let closing = lines.iter().find(|line| line["line"] == "closing").unwrap();
    assert_eq!((&closing["amount_exact"], &closing["currency"]), (&json!("3000"), &json!("usd")));
    assert_eq!(daemon.json("/api/v1/closings?month=2026-02").await["data"], json!([]));
    let (status, refused) = send(&mut daemon, "POST", "/api/v1/closings", &json!({"month": "2026-01"})).await;
    assert_eq!((status, refused["detail"].as_str().unwrap().contains("closed already")), (409, true), "{refused}");
    let csv = daemon.get("/api/v1/closings?format=csv").await;
    let csv = String::from_utf8_lossy(&csv.body).into_owned();
    assert!(csv.starts_with("month,profile,seq,closed_at"), "{csv}");
    // What is counted is no money.
    assert!(csv.contains(",usd,closing,30.00\r\n") && csv.contains(",usd,customers,2\r\n"), "{csv}");
}

#[tokio::test]
async fn a_table_is_in_units_of_its_currency_unless_minor_ones_are_asked_for() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    let path = "/api/v1/mrr?from=2026-02-01&to=2026-02-28&format=csv";
    for (more, column, expected) in
        [("", "closing", "35.00"), ("&units=major", "closing", "35.00"), ("&units=minor", "closing_exact", "3500")]
    {
        let answer = daemon.get(&format!("{path}{more}")).await;
        assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"mrrd-mrr.csv\"");
        let mut table = csv::Reader::from_reader(&answer.body[..]);
        let at = table.headers().unwrap().iter().position(|name| name == column);
        let row = table.records().next().unwrap().unwrap();
        assert_eq!(at.map(|at| &row[at]), Some(expected), "{more}: {row:?}");
    }
    let metrics = daemon.get("/api/v1/metrics?from=2026-02-01&to=2026-02-28&format=csv").await;
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(metrics.contains(",arpa,35.00,35.00,1,") && metrics.contains(",nrr,1.166667,35.00,30.00,"), "{metrics}");
    for fixed in ["/api/v1/mrr?units=major", "/api/v1/mrr?format=xlsx&units=minor"] {
        let refused = daemon.get(fixed).await;
        let said = String::from_utf8_lossy(&refused.body).into_owned();
        assert!(refused.status == 422 && said.contains("units: it goes with format=csv"), "{fixed}: {said}");
    }
}

#[tokio::test]
async fn planned_events_and_mutes_come_and_go() {
    let mut daemon = ledger(Settings::default()).await;
    let plan = json!({"from": "2026-03-01", "to": "2026-03-02", "note": " price change "});
    let (status, kept) = send(&mut daemon, "POST", "/api/v1/annotations", &plan).await;
    assert_eq!((status, &kept["note"]), (200, &json!("price change")), "{kept}");
    let list = daemon.json("/api/v1/annotations").await;
    assert_eq!((&list["data"][0]["from"], &list["data"][0]["to"]), (&json!("2026-03-01"), &json!("2026-03-02")));
    for wrong in [
        json!({"from": "2026-03-03", "to": "2026-03-02", "note": "x"}),
        json!({"from": "soon", "note": "x"}),
        json!({"from": "2026-03-01", "note": " "}),
        json!({"from": "2026-03-01", "note": "x", "colour": "red"}),
    ] {
        assert_eq!(send(&mut daemon, "POST", "/api/v1/annotations", &wrong).await.0, 422, "{wrong}");
    }
    let path = format!("/api/v1/annotations/{}", kept["id"]);
    assert_eq!(send(&mut daemon, "DELETE", &path, &Value::Null).await.0, 200);
    assert_eq!(send(&mut daemon, "DELETE", &path, &Value::Null).await.0, 404);

    let mute = json!({"rule": "large_loss", "until": "2999-01-01T00:00:00Z", "note": "migration"});
    let (status, muted) = send(&mut daemon, "POST", "/api/v1/mutes", &mute).await;
    assert_eq!((status, &muted["data"][0]["rule"]), (200, &json!("large_loss")), "{muted}");
    for wrong in [
        json!({"rule": "loss", "until": "2999-01-01T00:00:00Z"}),
        json!({"rule": "all", "until": "2020-01-01T00:00:00Z"}),
    ] {
        assert_eq!(send(&mut daemon, "POST", "/api/v1/mutes", &wrong).await.0, 422, "{wrong}");
    }
    assert_eq!(send(&mut daemon, "DELETE", "/api/v1/mutes/large_loss", &Value::Null).await.1["data"], json!([]));
    assert_eq!(send(&mut daemon, "DELETE", "/api/v1/mutes/large_loss", &Value::Null).await.0, 404);
}
