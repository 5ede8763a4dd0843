//! Closing a month by hand: only what may be closed is offered, and what may not says why.

use serde_json::json;

use super::{no_faults, once, walk};
use crate::{
    api::{DAY, JANUARY, event, subscription},
    support::daemon::Daemon,
};

/// What stands in the cells of the page that `what` is.
fn cells(text: &str, what: impl Fn(&str) -> bool) -> usize {
    text.split(['\n', '\t']).filter(|cell| what(cell.trim())).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_months_that_may_be_closed_are_offered() {
    let mut daemon = Daemon::start().await;
    // A trial in December, and the first money in January.
    let mut trial = subscription("sub_0", "cus_0", "price_0", 1000, 1, JANUARY - 30 * DAY);
    trial["status"] = "trialing".into();
    let money = subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY);
    daemon.accept(event("evt_0", "customer.subscription.created", JANUARY - 30 * DAY, &trial, None)).await;
    daemon.accept(event("evt_1", "customer.subscription.created", JANUARY, &money, None)).await;
    daemon.settle().await;
    let page = json!([{"path": "/closing"}]);
    let seen = walk(&daemon, &once(), &page);
    no_faults(&seen);
    seen[0].shows("can be closed once it is over.");
    let over = daemon.json("/api/v1/mrr").await["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["partial"] != true)
        .count();
    assert_eq!(cells(seen[0].text(), |cell| cell == "Close"), over.min(36) - 1, "{}", seen[0].text());
    assert_eq!(cells(seen[0].text(), |cell| cell == "before the ledger began"), 1, "{}", seen[0].text());
    let refused = daemon.send("POST", "/api/v1/closings", r#"{"month":"2025-12"}"#).await;
    assert_eq!(refused.status, 409);
    // Once one is closed the months after it follow in their order.
    assert_eq!(daemon.send("POST", "/api/v1/closings", r#"{"month":"2026-02"}"#).await.status, 200);
    assert_eq!(daemon.send("POST", "/api/v1/closings", r#"{"month":"2026-04"}"#).await.status, 409);
    let seen = walk(&daemon, &once(), &page);
    no_faults(&seen);
    let text = seen[0].text();
    assert_eq!(cells(text, |cell| cell == "Close"), 1, "{text}");
    assert_eq!(cells(text, |cell| cell == "followed by a closed month"), 2, "{text}");
    seen[0].shows("a month followed by a closed one only by mrrd close MONTH --force.");
    assert_eq!(cells(text, |cell| cell == "after March 2026"), over.min(36) - 4, "{text}");
}
