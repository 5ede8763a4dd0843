//! Text of events that would steer a terminal or run in a spreadsheet: kept to the byte, shown harmless. And events that would
//! steer another account's ledger.

use bytes::Bytes;
use mrrd::{clock::Clock, demo::http::sign};
use serde_json::json;

use super::webhooks::event;
use crate::{
    api::{self, JANUARY, subscription},
    support::daemon::{Daemon, Settings},
};

/// Sets a terminal's title, clears it, and turns the writing's direction; as C0 and as C1.
const EVIL: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}";

fn steers(text: &str) -> bool {
    text.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}', '\r'])
}

#[tokio::test]
async fn no_text_of_an_event_steers_a_terminal() {
    let mut daemon = Daemon::start().await;
    let customer = format!("cus_{EVIL}");
    let object = subscription("sub_1", &customer, &format!("price_{EVIL}"), 2000, 1, JANUARY);
    daemon.accept(api::event("evt_1", "customer.subscription.created", JANUARY, &object, None)).await;
    daemon.accept(event("evt_2").replace("foo.bar", &json!(format!("foo.{EVIL}")).to_string().replace('"', ""))).await;
    daemon
        .accept(api::event(&format!("evt_{EVIL}"), &format!("foo.{EVIL}"), JANUARY, &json!({"object": "x"}), None))
        .await;
    daemon.settle().await;
    for args in [
        &["events", "list"][..],
        &["events", "tail", "--no-follow"],
        &["events", "list", "--json"],
        &["events", "show", "evt_1"],
        &["events", "show", "evt_1", "--json"],
        &["explain", "sub_1"],
        &["explain", "sub_1", "--json"],
        &["report", "movements"],
        &["report", "mrr", "--group-by", "customer"],
        &["report", "mrr", "--group-by", "customer", "--json"],
        &["quality"],
        &["explain", &format!("cus_none{EVIL}")],
    ] {
        let output = daemon.command(args);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!steers(&said) && !said.trim().is_empty(), "{args:?}: {said:?}");
    }
    // The very bytes are still there for whoever asks for them.
    let raw = daemon.command(&["events", "show", &format!("evt_{EVIL}"), "--raw"]);
    assert!(raw.status.success());
}

#[tokio::test]
async fn no_cell_of_a_csv_begins_a_formula() {
    let mut daemon = Daemon::start().await;
    for (number, name) in
        ["=1+1", "+1+cmd|' /C calc'!A0", "-2+3+cmd", "@SUM(1)", "\t=1", "\r=1"].into_iter().enumerate()
    {
        let object = subscription(&format!("sub_{number}"), name, "price_1", 2000, 1, JANUARY);
        let body = api::event(&format!("evt_{number}"), "customer.subscription.created", JANUARY, &object, None);
        daemon.accept(body).await;
    }
    daemon.settle().await;
    for path in
        ["/api/v1/mrr?group_by=customer&format=csv&from=2026-01-01&to=2026-01-31", "/api/v1/customers?format=csv"]
    {
        let answer = daemon.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        let csv = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(csv.contains("'-2+3+cmd") && csv.contains("'=1+1") && csv.contains("'@SUM(1)"), "{csv}");
        for cell in csv.split("\r\n").flat_map(|line| line.split(',')) {
            let cell = cell.trim_matches('"');
            let number = cell.strip_prefix('-').unwrap_or(cell).chars().all(|c| c.is_ascii_digit() || c == '.');
            assert!(number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?} in {csv}");
        }
    }
}

#[tokio::test]
async fn an_endpoint_bound_to_an_account_writes_into_no_others_ledger() {
    let mut daemon = Settings::default()
        .env("MRRD_STRIPE__ENDPOINTS__EU__WEBHOOK_SECRETS", "whsec_eu")
        .env("MRRD_STRIPE__ENDPOINTS__EU__ACCOUNT", "acct_eu")
        .env("MRRD_STRIPE__ENDPOINTS__CONNECT__WEBHOOK_SECRETS", "whsec_connect")
        .start()
        .await;
    let named = |id: &str, account: Option<&str>| {
        let object = subscription(&format!("sub_{id}"), "cus_1", "price_1", 2000, 1, JANUARY);
        let mut body: serde_json::Value =
            serde_json::from_str(&api::event(id, "customer.subscription.created", JANUARY, &object, None)).unwrap();
        if let Some(account) = account {
            body["account"] = account.into();
        }
        Bytes::from(body.to_string())
    };
    for (id, endpoint, secret, account, status) in [
        ("evt_1", "eu", "whsec_eu", None, 200),
        ("evt_2", "eu", "whsec_eu", Some("acct_eu"), 200),
        ("evt_3", "eu", "whsec_eu", Some("acct_us"), 400),
        ("evt_4", "connect", "whsec_connect", Some("acct_us"), 200),
    ] {
        let body = named(id, account);
        let signature = sign(secret, Clock::system().now(), &body);
        let path = format!("/webhooks/stripe/{endpoint}");
        let answer = daemon.connect().post(&path, Some(&signature), body).await.unwrap();
        assert_eq!(answer.status, status, "{id}: {}", String::from_utf8_lossy(&answer.body));
        if status == 400 {
            assert_eq!(answer.json()["type"], "urn:mrrd:problem:other-account");
        }
    }
    let events = daemon.json("/api/v1/events").await;
    let accounts: Vec<_> = events["data"].as_array().unwrap().iter().map(|event| &event["account"]).collect();
    assert_eq!(accounts, ["acct_eu", "acct_eu", "acct_us"]);
}
