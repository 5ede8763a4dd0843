//! The commands themselves against the stand-in: what they print, what they end with, what a kill costs, and that the key
//! is never seen.

use std::{collections::BTreeMap, process::Output, time::Duration};

use serde_json::Value;
use tempfile::TempDir;

use super::{account, room::*};
use crate::support::{
    daemon::{Settings, mrrd},
    fake_stripe::{FakeStripe, KEY, Trouble},
};

/// Now, for the binary's own clock.
fn now() -> mrrd::ledger::time::UnixTime {
    mrrd::clock::Clock::system().now()
}

fn settings(stripe: &FakeStripe, key: &str) -> Settings {
    Settings::default().env("MRRD_STRIPE__API_BASE", &stripe.base()).env("MRRD_STRIPE__API_KEY", key)
}

/// Runs `mrrd ARGS`; whatever it printed, the key isn't in it.
async fn run(dir: &TempDir, settings: &Settings, args: &[&str]) -> (i32, String, String) {
    let mut command = mrrd(dir.path(), settings);
    command.args(args);
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let Output { status, stdout, stderr } = ended;
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert!(!stdout.contains(KEY) && !stderr.contains(KEY), "the key is shown:\n{stdout}\n{stderr}");
    (status.code().unwrap(), stdout, stderr)
}

/// The events of an account's last days up to now.
fn recent(customers: u32, days: i64) -> Vec<mrrd::demo::Event> {
    let end = now();
    let start = end.plus(-days * 86_400);
    mrrd::demo::Simulator::new(3, customers, start, end).advance(end.plus(-400))
}

#[tokio::test]
async fn backfill_completes_while_one_request_in_five_fails_and_a_second_one_appends_nothing() {
    let stripe = FakeStripe::start(now(), Duration::ZERO, |number, _| match number % 10 {
        3 => Some(Trouble::Status(429)),
        8 => Some(Trouble::Status(500)),
        _ => None,
    })
    .await;
    let events = recent(30, 50);
    account::show(&stripe, &events);
    let (dir, settings) = (TempDir::new().unwrap(), settings(&stripe, KEY));
    let (code, out, err) = run(&dir, &settings, &["backfill", "--history", "--json"]).await;
    assert_eq!(code, 0, "{err}");
    let first: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert!(first["appended"].as_i64().unwrap() > 200 && first["rejected"] == 0, "{first}");
    let (code, out, _) = run(&dir, &settings, &["backfill", "--history", "--json"]).await;
    let second: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!((code, &second["appended"]), (0, &Value::from(0)), "{second}");
    let (code, out, _) = run(&dir, &settings, &["audit", "--json"]).await;
    let audit: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, audit["differences"].as_array().map(Vec::len)), (0, Some(0)), "{audit}");
}

#[tokio::test]
async fn a_bad_key_is_told_and_what_a_restricted_one_lacks() {
    let stripe =
        FakeStripe::start(now(), Duration::ZERO, |_, path| (path == "invoices").then_some(Trouble::Forbidden)).await;
    account::show(&stripe, &recent(3, 10));
    let dir = TempDir::new().unwrap();
    for command in ["backfill", "audit"] {
        let (code, _, err) = run(&dir, &settings(&stripe, "rk_test_some_other"), &[command]).await;
        assert!(code == 1 && err.contains("doesn't know the key in stripe.api_key"), "{code}: {err}");
        assert!(!err.contains("rk_test_some_other"), "{err}");
    }
    let lacking = settings(&stripe, KEY);
    let (code, _, err) = run(&dir, &lacking, &["backfill", "--history"]).await;
    assert!(code == 1 && err.contains("rak_invoice_read"), "{code}: {err}");
    let (code, out, _) = run(&dir, &lacking, &["doctor"]).await;
    assert!(code == 1 && out.contains("failed  stripe:") && out.contains("rak_invoice_read"), "{code}: {out}");
    let (code, _, err) = run(&dir, &Settings::default(), &["backfill"]).await;
    assert!(code == 2 && err.contains("stripe.api_key"), "{code}: {err}");
}

#[tokio::test]
async fn killed_anywhere_it_asks_again_only_for_what_was_coming_in() {
    let events = recent(150, 28);
    let end = now();
    for after in [150, 300, 450, 600] {
        let stripe = FakeStripe::start(end, Duration::from_millis(20), |_, _| None).await;
        list(&stripe, &events);
        let (dir, settings) = (TempDir::new().unwrap(), settings(&stripe, KEY));
        let mut killed = mrrd(dir.path(), &settings).arg("backfill").spawn().unwrap();
        while stripe.answered().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(after)).await;
        killed.kill().unwrap();
        killed.wait().unwrap();
        let had = stripe.answered().len();
        let (code, _, err) = run(&dir, &settings, &["backfill"]).await;
        assert_eq!(code, 0, "{err}");
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        // The end of the first run is looked at once more by the second: that has addresses of its own.
        stripe.answered().into_iter().for_each(|path| *times.entry(path).or_default() += 1);
        let again = times.values().filter(|times| **times > 1).count();
        // One that was being kept, and one that came meanwhile.
        assert!(again <= 2, "killed with {had} pages answered: {again} were asked for again");
    }
}

#[tokio::test]
async fn a_daemon_heals_and_audits_on_start_and_shows_what_differs() {
    let stripe = FakeStripe::calm(now()).await;
    let events = recent(12, 20);
    account::show(&stripe, &events);
    let lost = serde_json::json!({"id": "sub_lost", "object": "subscription", "customer": "cus_lost", "status": "active",
        "currency": "usd", "created": now().0 - 86_400, "livemode": true, "discounts": [],
        "items": {"object": "list", "has_more": false, "data": []}});
    stripe.put("subscriptions", "sub_lost", now(), lost.to_string());
    let mut daemon = settings(&stripe, KEY).start().await;
    let began = std::time::Instant::now();
    let metrics = loop {
        let metrics = String::from_utf8(daemon.get("/metrics").await.body.to_vec()).unwrap();
        let healed = metrics.contains(&format!("mrrd_healed_events_total {}\n", events.len()));
        if healed && metrics.contains("\nmrrd_ledger_drift_subscriptions{}") {
            break metrics;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "never audited:\n{}", daemon.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(metrics.contains("mrrd_ledger_drift_subscriptions{} 1\n"), "{metrics}");
    daemon.settle().await;
    assert_eq!(daemon.json("/api/v1/status").await["log"]["events"], events.len());
    assert!(!daemon.output().contains(KEY));
}

#[tokio::test]
async fn replay_reads_other_programs_tables_and_sets_aside_what_it_cannot_read() {
    let dir = TempDir::new().unwrap();
    let subscription = serde_json::json!({"id": "sub_1", "object": "subscription", "customer": "cus_1", "livemode": true,
        "status": "active", "currency": "usd", "created": 1_760_000_000, "discounts": [], "items": {"object": "list",
        "has_more": false, "data": [{"id": "si_1", "object": "subscription_item", "quantity": 2, "price": {"id": "price_1",
        "object": "price", "currency": "usd", "unit_amount": 500, "billing_scheme": "per_unit", "product": "prod_1",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}}}]}});
    let event = serde_json::json!({"id": "evt_1", "object": "event", "type": "customer.created", "created": 1_760_000_000,
        "livemode": true, "data": {"object": {"id": "cus_1", "object": "customer"}}});
    let lines = [
        serde_json::json!({"djstripe_id": 1, "id": "evt_1", "stripe_data": event}).to_string(),
        serde_json::json!({"id": "sub_1", "_raw_data": subscription, "_last_synced_at": "2026-01-31 10:00:00+00"})
            .to_string(),
        "{\"id\": \"evt_2\", \"obj".to_owned(),
        subscription.to_string(),
    ];
    std::fs::write(dir.path().join("tables.jsonl"), lines.join("\n")).unwrap();
    let args = ["replay", "--json", "--set-aside", "rest.jsonl", "tables.jsonl"];
    let (code, out, err) = run(&dir, &Settings::default(), &args).await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(out, "{\"read\":4,\"appended\":2,\"duplicates\":0,\"rejected\":2}\n");
    assert!(
        err.contains("line 3: it is not JSON") && err.contains("line 4: it is an object, and nothing tells when"),
        "{err}"
    );
    let rest = std::fs::read_to_string(dir.path().join("rest.jsonl")).unwrap();
    assert_eq!(rest, format!("{}\n{}\n", lines[2], lines[3]));
    let (_, out, _) = run(&dir, &Settings::default(), &args).await;
    assert!(out.contains("\"appended\":0,\"duplicates\":2"), "{out}");
}
