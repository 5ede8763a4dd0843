//! What isn't known is said, and shown as no figure and no day.

use serde_json::{Value, json};

use crate::{
    api::{DAY, event, subscription},
    support::daemon::{Daemon, Settings},
};

fn said(daemon: &Daemon, args: &[&str]) -> String {
    let output = daemon.command(args);
    [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
}

/// It was listed as of 1970.
#[tokio::test]
async fn an_event_that_tells_no_time_is_of_no_day() {
    let mut daemon = Daemon::start().await;
    daemon
        .accept(r#"{"id":"evt_1","object":"event","type":"customer.created","livemode":true,"data":{"object":{}}}"#)
        .await;
    let listed = said(&daemon, &["events", "list"]);
    assert!(listed.contains("       1  not known             evt_1") && !listed.contains("1970"), "{listed}");
    let shown = said(&daemon, &["events", "show", "evt_1"]);
    assert!(shown.contains("created   not known") && !shown.contains("1970"), "{shown}");
    let line: Value = serde_json::from_str(&said(&daemon, &["events", "list", "--json"])).unwrap();
    assert_eq!((&line["created"], &line["reading"]), (&Value::Null, &json!("unreadable")), "{line}");
    let api = daemon.json("/api/v1/events").await;
    assert_eq!(api["data"][0]["created"], Value::Null, "{api}");
    assert!(!said(&daemon, &["doctor"]).contains("1970"));
}

/// "0 fired" was said of days of which nothing can be said, and "all" of no day at all.
#[tokio::test]
async fn a_rule_that_could_judge_no_day_has_not_kept_silent() {
    let mut daemon = Settings::default().start().await;
    let now = mrrd::clock::Clock::system().now().0;
    let state = subscription("sub_1", "cus_1", "price_1", 2000, 1, now - 90 * DAY);
    daemon.accept(event("evt_1", "customer.subscription.created", now - 90 * DAY, &state, None)).await;
    daemon.settle().await;
    let told = said(&daemon, &["alerts", "backtest"]);
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = told.lines().map(words).collect();
    let spike = "churn_spike not judged at most 2 a year none of 91: fewer than about 2 a week are expected";
    assert!(lines.iter().any(|line| line == spike), "{told}");
    assert!(lines.iter().any(|line| line.starts_with("payment_failures 0 at most")), "{told}");
    assert!(!told.contains("No rule would have fired."), "{told}");
    assert!(
        told.contains(
            "Nothing can be said of churn_spike and contraction_spike: on no day were about 2 a week expected"
        ),
        "{told}"
    );
    let found: Value = serde_json::from_str(&said(&daemon, &["alerts", "backtest", "--json"])).unwrap();
    let reason = &found["rules"][0]["reason"];
    assert!(reason.as_str().is_some_and(|reason| reason.contains("fewer than about 2 a week")), "{found:#}");
    assert_eq!(found["rules"][2]["reason"], Value::Null, "{found:#}");
    // Of days that the ledger hasn't got.
    let output = daemon.command(&["alerts", "backtest", "--from", "2031-01-01"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("there is nothing to go through: the ledger has no day from 2031-01-01 on"), "{told}");
}
