//! An alert reads alike wherever it is told.

use std::time::{Duration, Instant};

use mrrd::clock::Clock;
use serde_json::json;

use super::{no_faults, once, walk};
use crate::{
    api::{DAY, event, subscription},
    support::daemon::Daemon,
};

/// The overview wrote `50.00 USD` where the page of alerts wrote `$50.00`.
#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_written_on_the_overview_as_on_its_own_page() {
    let mut daemon = Daemon::start().await;
    let now = Clock::system().now().0;
    let stays = subscription("sub_stays", "cus_stays", "price_stays", 10_000, 1, now - 90 * DAY);
    let mut ends = subscription("sub_ends", "cus_ends", "price_ends", 5_000, 1, now - 90 * DAY);
    daemon.accept(event("evt_stays", "customer.subscription.created", now - 90 * DAY, &stays, None)).await;
    daemon.accept(event("evt_ends", "customer.subscription.created", now - 90 * DAY, &ends, None)).await;
    (ends["cancel_at"], ends["canceled_at"]) = (json!(now + 10 * DAY), json!(now));
    let before = Some(json!({"cancel_at": null, "canceled_at": null}));
    daemon.accept(event("evt_asked", "customer.subscription.updated", now, &ends, before)).await;
    daemon.settle().await;
    // What is set to end is judged at the first look, and seldom after it.
    let mut daemon = daemon.restart().await;
    let since = Instant::now();
    while daemon.json("/api/v1/alerts?rule=scheduled_churn").await["data"][0].is_null() {
        assert!(since.elapsed() < Duration::from_secs(40), "no alert is raised");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let seen = walk(&daemon, &once(), &json!([{"path": "/"}, {"path": "/alerts"}]));
    no_faults(&seen);
    for one in &seen {
        one.shows("Scheduled churn: $50.00 of MRR is set to end within 30 days; ");
        one.shows("no part of the $100.00 that count now");
    }
}
