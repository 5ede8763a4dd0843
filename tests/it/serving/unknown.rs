//! What isn't known is said, and shown as no figure and no day.

use serde_json::{Value, json};

use crate::support::daemon::Daemon;

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
