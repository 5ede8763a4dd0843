//! One event id in several bodies: which of them counts is told wherever the event is (rule `variants`).

use serde_json::{Value, json};

use super::{JANUARY, event, subscription};
use crate::support::daemon::{Daemon, Settings};

/// A purchase of so many seats, in a body of this API version; every one has the same id.
fn body(quantity: i64, version: &str) -> String {
    let bought = subscription("sub_1", "cus_1", "price_1", 1000, quantity, JANUARY);
    let mut body: Value =
        serde_json::from_str(&event("evt_1", "customer.subscription.created", JANUARY, &bought, None)).unwrap();
    body["api_version"] = version.into();
    body.to_string()
}

async fn told(bodies: &[String]) -> Daemon {
    let mut daemon = Settings::default().start().await;
    for body in bodies {
        daemon.accept(body.clone()).await;
    }
    let other = subscription("sub_2", "cus_2", "price_1", 1000, 1, JANUARY);
    daemon.accept(event("evt_2", "customer.subscription.created", JANUARY, &other, None)).await;
    daemon.settle().await;
    daemon
}

fn said(daemon: &Daemon, args: &[&str]) -> String {
    let output = daemon.command(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Rule `variants`.
#[tokio::test]
async fn the_body_that_counts_is_named_where_there_are_several() {
    let (old, new) = (body(2, "2024-06-20"), body(3, "2025-03-31.basil"));
    let mut daemon = told(&[old, new]).await;
    let explained = daemon.json("/api/v1/customers/cus_1/explain").await;
    assert_eq!(explained["mrr"][0]["mrr"], 3000, "{explained:#}");
    let counts = json!([{"event": "evt_1", "bodies": 2, "api_version": "2025-03-31.basil"}]);
    assert_eq!(explained["variants"], counts, "{explained:#}");
    let text = said(&daemon, &["explain", "cus_1"]);
    assert!(text.contains("evt_1 (2 bodies: the one that counts is of API version 2025-03-31.basil)"), "{text}");
    let shown = said(&daemon, &["events", "show", "evt_1"]);
    assert!(
        shown.contains("variant   0 of 0 to 1: one id, several bodies; rule variants says which counts"),
        "{shown}"
    );
    let listed = said(&daemon, &["events", "list"]);
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[1].contains("evt_1") && lines[1].ends_with("facts, variant 1"), "{listed}");
    assert!(!lines[0].contains("variant") && !lines[2].contains("variant"), "{listed}");
    // One body alone isn't spoken of.
    assert_eq!(daemon.json("/api/v1/customers/cus_2/explain").await["variants"], Value::Null);
    // As known when there was but one.
    let before = daemon.json("/api/v1/customers/cus_1/explain?as_known_at=1").await;
    assert_eq!((&before["mrr"][0]["mrr"], &before["variants"]), (&2000.into(), &Value::Null), "{before:#}");
}

/// Rules `variants` and `arrival-order`: neither the figures nor what is said of them tells which came first.
#[tokio::test]
async fn of_two_bodies_of_one_version_the_same_counts_whichever_came_first() {
    let [two, three] = [2, 3].map(|quantity| body(quantity, "2024-06-20"));
    let mut explanations = Vec::new();
    for bodies in [[two.clone(), three.clone()], [three, two]] {
        let mut daemon = told(&bodies).await;
        let explained = daemon.json("/api/v1/customers/cus_1/explain").await;
        assert_eq!(explained["mrr"][0]["mrr"], 2000, "{explained:#}");
        explanations.push(explained);
    }
    assert_eq!(explanations[0], explanations[1]);
}
