//! Where only test events tell of customers: every page says so, and what it links to at Stripe is test data.

use serde_json::json;

use super::{everywhere, no_faults, once, walk};
use crate::{
    api::{JANUARY, event, subscription},
    support::daemon::Daemon,
};

#[tokio::test(flavor = "multi_thread")]
async fn figures_of_test_events_are_never_shown_as_live_ones() {
    let mut daemon = Daemon::start().await;
    let state = subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY);
    let mut created: serde_json::Value =
        serde_json::from_str(&event("evt_1", "customer.subscription.created", JANUARY, &state, None)).unwrap();
    created["livemode"] = false.into();
    daemon.accept(created.to_string()).await;
    daemon.settle().await;
    assert_eq!(daemon.json("/api/v1/status").await["livemode"], false);
    let pages = json!([
        {"path": "/", "steps": [{"wait": "These are figures of test events"}, {"until": "select option[value='true']"}]},
        {"path": "/customers/cus_1", "steps": [
            {"wait": "These are figures of test events"}, {"until": "a[href='https://dashboard.stripe.com/test/customers/cus_1']"},
        ]},
        {"path": "/customers?livemode=false", "steps": [{"wait": "cus_1"}]},
    ]);
    let seen = walk(&daemon, &everywhere(), &pages);
    no_faults(&seen);
    for one in seen.iter().filter(|one| one.0["path"] == "/customers?livemode=false") {
        assert!(!one.text().contains("figures of test events"), "who asked for them needs no telling: {}", one.text());
    }

    // A live customer beside it, and the same address answers for live events.
    let state = subscription("sub_2", "cus_2", "price_1", 3000, 1, JANUARY);
    daemon.accept(event("evt_2", "customer.subscription.created", JANUARY, &state, None)).await;
    daemon.settle().await;
    assert_eq!(daemon.json("/api/v1/status").await["livemode"], true);
    let pages = json!([
        {"path": "/customers/cus_2", "steps": [{"until": "a[href='https://dashboard.stripe.com/customers/cus_2']"}, {"until": "select option[value='false']"}]},
        {"path": "/customers/cus_1?livemode=false", "steps": [{"until": "a[href='https://dashboard.stripe.com/test/customers/cus_1']"}]},
    ]);
    let seen = walk(&daemon, &once(), &pages);
    no_faults(&seen);
    for one in &seen {
        assert!(!one.text().contains("figures of test events"), "{}", one.text());
    }
}
