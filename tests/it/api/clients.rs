//! ChartMogul's Python client, as it is published, against the daemon: its documented calls read this ledger.

use serde_json::{Value, json};

use super::{JANUARY, event, ledger};
use crate::support::{
    daemon::Settings,
    python::{program, said},
};

#[tokio::test(flavor = "multi_thread")]
async fn chartmoguls_own_client_reads_this_ledger() {
    let mut daemon = ledger(Settings::default()).await;
    let ada =
        json!({"id": "cus_1", "object": "customer", "name": "Ada", "email": "ada@example.com", "created": JANUARY});
    daemon.accept(event("evt_6", "customer.created", JANUARY, &ada, None)).await;
    daemon.settle().await;
    // Names are read at their own pace.
    let since = std::time::Instant::now();
    while daemon.json("/api/v1/customers/cus_1").await["email"] != "ada@example.com" {
        assert!(since.elapsed().as_secs() < 60, "its name never came: {}", daemon.output());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/surface/chartmogul_client.py");
    let address = format!("http://{}", daemon.address());
    let token = daemon.token().to_owned();
    let dir = daemon.dir().to_owned();
    let output = tokio::task::block_in_place(|| {
        program("python", &dir)
            .args([script, &address, &token, "another-token-which-is-of-nobody-here"])
            .output()
            .unwrap()
    });
    assert!(output.status.success(), "{}", said(&output));
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    for (what, expected) in [
        ("ping", json!("pong!")),
        ("account", json!({"currency": "USD", "time_zone": "UTC", "week_start_on": "monday"})),
        ("customers", json!(["cus_1", "cus_2"])),
        ("left", json!(["cus_2"])),
        (
            "customer",
            json!({"mrr": 3500, "arr": 42_000, "status": "Active", "currency": "USD", "name": "Ada",
                   "since": "2026-01-14T10:00:00+00:00"}),
        ),
        ("found", json!(["cus_1"])),
        (
            "subscriptions",
            json!([{"external_id": "sub_1", "plan": "price_large", "quantity": 1, "mrr": 3500, "status": "active",
                    "cycle": ["month", 1], "start": "2026-01-14T10:00:00+00:00"}]),
        ),
        ("activities", json!([["new_biz", 2000], ["expansion", 1500]])),
        (
            "plans",
            json!([
                ["price_large", "price_large", "month", 1],
                ["price_other", "price_other", "month", 1],
                ["price_small", "price_small", "month", 1]
            ]),
        ),
        ("plan", json!("price_large")),
        ("all", json!([["2026-01-31", 3000, 2], ["2026-02-28", 3500, 1]])),
        ("mrr", json!([[3000, 3000, 0, 0], [3500, 0, 1500, -1000]])),
        ("summary", json!([3500.0, 3000.0, 16.7])),
        ("refused", json!({"wrong token": 401, "no such customer": 404, "no such plan": 404})),
    ] {
        assert_eq!(seen[what], expected, "{what} in {seen}");
    }
}
