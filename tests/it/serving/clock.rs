//! A clock of ours that is behind Stripe's.

use serde_json::json;

use crate::{
    api::{event, subscription},
    support::daemon::Settings,
};

#[tokio::test]
async fn figures_hold_an_event_that_our_clock_says_is_still_to_come() {
    let mut daemon = Settings::default().start().await;
    let now = mrrd::clock::Clock::system().now().0;
    let (was, is) = (
        subscription("sub_1", "cus_1", "price_1", 2000, 1, now),
        subscription("sub_1", "cus_1", "price_2", 3500, 1, now),
    );
    daemon.accept(event("evt_1", "customer.subscription.created", now - 5, &was, None)).await;
    let ahead = event("evt_2", "customer.subscription.updated", now + 120, &is, Some(json!({"items": was["items"]})));
    daemon.accept(ahead).await;
    // Of a year from now nothing is told, and it stands in nobody's way.
    let far = subscription("sub_2", "cus_2", "price_1", 9000, 1, now);
    daemon.accept(event("evt_3", "customer.subscription.created", now + 31_536_000, &far, None)).await;
    daemon.settle().await;
    let mrr = daemon.json("/api/v1/mrr").await;
    let last = mrr["data"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["closing_exact"], &last["customers"]), (&json!("3500"), &json!(1)), "{mrr}");
}
