//! Periods before the ledger begins: 0 stands in their bridges, and in words that nothing is known of them.

use serde_json::Value;

use super::{DAY, JANUARY, event, subscription};
use crate::support::daemon::{Daemon, Settings};

/// Two currencies, the second from February on; the first runs since before the log began.
async fn ledger() -> Daemon {
    let mut daemon = Settings::default().start().await;
    let running = subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY - 40 * DAY);
    let mut euros = subscription("sub_2", "cus_2", "price_2", 1000, 1, JANUARY + 40 * DAY);
    euros["currency"] = "eur".into();
    euros["items"]["data"][0]["price"]["currency"] = "eur".into();
    let before = serde_json::json!({"metadata": {"seen": "no"}});
    daemon.accept(event("evt_1", "customer.subscription.updated", JANUARY, &running, Some(before))).await;
    daemon.accept(event("evt_2", "customer.subscription.created", JANUARY + 40 * DAY, &euros, None)).await;
    daemon.settle().await;
    daemon
}

fn told(answer: &Value) -> Vec<&str> {
    let notices = answer["notices"].as_array().into_iter().flatten();
    notices.filter(|one| one["kind"] == "before_the_ledger").map(|one| one["detail"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_lies_before_the_ledger_is_said_to_be_unknown_wherever_it_stands_at_0() {
    let mut daemon = ledger().await;
    let begins = daemon.json("/api/v1/mrr?interval=day&currency=usd").await["data"][0]["start"].clone();
    let begins = begins.as_str().unwrap().to_owned();
    let unknown = format!(
        "the ledger begins on {begins}: of the days before it the log tells nothing, and what stands at 0 there is not known"
    );
    for path in ["/api/v1/mrr", "/api/v1/metrics"] {
        for asked in [
            "from=2025-06-01",
            "from=2025-06-01&currency=usd",
            "from=2025-11-01&interval=week",
            "from=2025-01-01&interval=quarter",
        ] {
            let answer = daemon.json(&format!("{path}?{asked}")).await;
            assert_eq!(told(&answer), [&unknown], "{path}?{asked}");
        }
        // Its own first month holds its beginning, and another currency's months before its first are known to be empty.
        for asked in ["", "interval=week", "from=2026-01-01&currency=eur", "from=2026-02-01"] {
            let answer = daemon.json(&format!("{path}?{asked}")).await;
            assert!(!answer["data"].as_array().unwrap().is_empty(), "{answer}");
            assert_eq!(told(&answer), [""; 0], "{path}?{asked}");
        }
    }
    // The numbers are what they were.
    let answer = daemon.json("/api/v1/mrr?from=2025-11-01&currency=usd").await;
    assert_eq!(answer["data"][0]["closing_exact"], "0");
    let csv = daemon.get("/api/v1/mrr?from=2025-06-01&format=csv").await;
    assert_eq!(csv.headers["mrrd-notice"], unknown);
    // By group a period without anything isn't there.
    assert_eq!(told(&daemon.json("/api/v1/mrr?from=2025-06-01&group_by=product").await), [""; 0]);
    for report in ["mrr", "waterfall", "metrics"] {
        let printed = daemon.command(&["report", report, "--from", "2025-06-01"]);
        let all = [&printed.stdout, &printed.stderr].map(|said| String::from_utf8_lossy(said).into_owned()).concat();
        assert!(all.contains(&format!("he ledger begins on {begins}: of the days before it")), "{report}: {all}");
    }
}
