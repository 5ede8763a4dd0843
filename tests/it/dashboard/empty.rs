//! Before anything has arrived: every page says what to do, none is blank.

use serde_json::json;

use super::{everywhere, no_faults, walk};
use crate::support::daemon::Daemon;

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_ledger_says_what_to_do() {
    let daemon = Daemon::start().await;
    let pages = json!([
        {"path": "/"}, {"path": "/movements"}, {"path": "/customers"}, {"path": "/events"},
    ]);
    let seen = walk(&daemon, &everywhere(), &pages);
    no_faults(&seen);
    for one in &seen {
        if one.0["path"] == "/events" {
            one.shows("Nothing has arrived yet.");
        } else {
            one.shows("Nothing has arrived yet");
            one.shows("/webhooks/stripe");
            one.shows("mrrd backfill --history");
        }
    }
}
