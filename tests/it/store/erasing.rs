//! Erasing a customer: bodies leave, figures and the chain stay, on both databases; and what is sent again stays away.

use std::{fs, path::Path};

use serde_json::{Value, json};
use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};

use crate::support::{daemon::Settings, postgres};

#[tokio::test]
async fn figures_and_chain_outlive_a_customers_bodies_on_sqlite() {
    outlive(Settings::default()).await;
}

#[tokio::test]
async fn figures_and_chain_outlive_a_customers_bodies_on_postgres() {
    outlive(Settings::default().env("MRRD_DATABASE__URL", &postgres::database().await)).await;
}

async fn outlive(settings: Settings) {
    let mut daemon = settings.start().await;
    for (customer, name) in [("cus_1", "Ada Byron"), ("cus_12", "Bob")] {
        daemon.accept(person(customer, name)).await;
        daemon.accept(subscription(customer)).await;
    }
    daemon.settle().await;
    let before = daemon.json("/api/v1/customers").await;
    let body = stored_body(daemon.dir()).await;
    if let Some(body) = &body {
        assert!(body.len() > 30 && holds(daemon.dir(), body), "a small body lies whole on a page");
    }
    let refused = daemon.command(&["erase", "cus_1", "--reason", "asked for"]);
    assert_eq!(refused.status.code(), Some(2), "without a terminal nobody can be asked");
    let counted: Value =
        serde_json::from_slice(&daemon.command(&["erase", "cus_1", "--dry-run", "--json"]).stdout).unwrap();
    assert_eq!((&counted["bodies_naming"], &counted["bodies_erased"]), (&json!(2), &json!(0)));

    let erased: Value =
        serde_json::from_slice(&daemon.command(&["erase", "cus_1", "--reason", "asked for", "--yes", "--json"]).stdout)
            .unwrap();
    assert_eq!(erased["bodies_erased"], 2);
    assert_eq!(
        daemon.command(&["erase", "cus_1", "--reason", "x", "--yes"]).status.code(),
        Some(1),
        "there is no more"
    );

    // What is sent again is a duplicate, and stays away.
    daemon.accept(person("cus_1", "Ada Byron")).await;
    let event = daemon.json("/api/v1/events/evt_cus_1").await;
    assert_eq!(event["erased"], true);
    assert_eq!(daemon.json("/api/v1/events/evt_cus_12").await["erased"], false, "a longer id is somebody else");
    assert_eq!(daemon.json("/api/v1/customers").await["data"][0]["mrr_exact"], before["data"][0]["mrr_exact"]);

    let verified = daemon.command(&["verify", "--json"]);
    let report: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!((&report["ok"], &report["bodies_erased"]), (&json!(true), &json!(2)), "{report}");
    assert_eq!(report["erasures"][0]["reason"], "asked for");
    if let Some(body) = body {
        assert!(!holds(daemon.dir(), &body), "the file still holds the bytes of the body");
    }
}

/// Whether the log's file or its write-ahead log holds these bytes.
fn holds(dir: &Path, bytes: &[u8]) -> bool {
    ["mrrd.db", "mrrd.db-wal"]
        .iter()
        .any(|file| memchr::memmem::find(&fs::read(dir.join(file)).unwrap_or_default(), bytes).is_some())
}

/// The stored bytes of the first body, where the log is a file.
async fn stored_body(dir: &Path) -> Option<Vec<u8>> {
    let file = dir.join("mrrd.db");
    if !file.exists() {
        return None;
    }
    let mut log = SqliteConnectOptions::new().filename(file).read_only(true).connect().await.unwrap();
    let (bytes,): (Vec<u8>,) =
        sqlx::query_as("SELECT bytes FROM event_body WHERE seq = 1").fetch_one(&mut log).await.unwrap();
    Some(bytes)
}

fn person(customer: &str, name: &str) -> String {
    json!({
        "id": format!("evt_{customer}"), "object": "event", "type": "customer.created", "created": 1_767_225_600,
        "livemode": true, "api_version": "2024-06-20",
        "data": {"object": {"id": customer, "object": "customer", "name": name, "created": 1_767_225_600}},
    })
    .to_string()
}

fn subscription(customer: &str) -> String {
    json!({
        "id": format!("evt_sub_{customer}"), "object": "event", "type": "customer.subscription.created",
        "created": 1_767_225_601, "livemode": true, "api_version": "2024-06-20",
        "data": {"object": {
            "id": format!("sub_{customer}"), "object": "subscription", "customer": customer, "status": "active",
            "created": 1_767_225_601, "start_date": 1_767_225_601, "currency": "usd",
            "items": {"object": "list", "has_more": false, "data": [{
                "id": format!("si_{customer}"), "object": "subscription_item", "quantity": 1,
                "price": {"id": "price_1", "object": "price", "product": "prod_1", "currency": "usd", "unit_amount": 1000,
                    "billing_scheme": "per_unit", "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}},
            }]},
        }},
    })
    .to_string()
}
