//! Before anything has arrived: every page says what to do, none is blank.

use serde_json::json;

use super::{everywhere, no_faults, walk};
use crate::support::daemon::Daemon;

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_ledger_says_what_to_do() {
    let daemon = Daemon::start().await;
    let pages = json!([
        {"path": "/"}, {"path": "/movements"}, {"path": "/customers"}, {"path": "/events"}, {"path": "/churn"},
        {"path": "/cohorts"}, {"path": "/breakdown"}, {"path": "/differences"}, {"path": "/closing"}, {"path": "/alerts"},
        {"path": "/health"}, {"path": "/goals"},
    ]);
    let seen = walk(&daemon, &everywhere(), &pages);
    no_faults(&seen);
    for one in &seen {
        match one.0["path"].as_str().unwrap() {
            "/events" => one.shows("Nothing has arrived yet."),
            "/alerts" => one.shows("No alert was ever raised."),
            "/health" => one.shows("nothing yet"),
            _ => {
                one.shows("Nothing has arrived yet");
                one.shows("/webhooks/stripe");
                one.shows("mrrd backfill --history");
            }
        }
    }
}
