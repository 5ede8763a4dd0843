//! `/metrics`: health for every scraper, money for a token's bearer.

use mrrd::{
    clock::Clock,
    demo::{Simulator, delivery::Delivery, http::Answer},
    ledger::time::UnixTime,
};

use super::webhooks::event;
use crate::support::{
    daemon::{Daemon, SECRET, Settings},
    python::{program, said},
};

async fn get(daemon: &Daemon, path: &str, fields: &[(&str, &str)]) -> Answer {
    daemon.stranger().send(http::Method::GET, path, fields, bytes::Bytes::new()).await.unwrap()
}

async fn scraped(daemon: &Daemon, fields: &[(&str, &str)]) -> String {
    let answer = get(daemon, "/metrics", fields).await;
    assert_eq!(answer.status, 200);
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"), "{text}");
    text
}

/// The value of `mrrd_{name}`.
fn value(text: &str, name: &str) -> Option<i64> {
    let value = |line: &str| line.strip_prefix("mrrd_")?.strip_prefix(name)?.trim().parse().ok();
    text.lines().find_map(value)
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_shown_to_the_bearer_of_a_token_alone() {
    let (start, end) = (UnixTime(1_704_067_200), UnixTime(1_719_792_000));
    let account = Simulator::new(21, 4, start, end).advance(end);
    let token = [("authorization", "Bearer a-token-of-the-scraper")];
    let with = Settings::default().env("MRRD_LEDGER__PROFILES", "stripe,finance");
    let with = with.env("MRRD_API__TOKENS", "a-token-of-the-scraper").start().await;
    let mut without = Settings::default().env("MRRD_API__TOKENS", "another-token-of-this-one").start().await;
    for daemon in [&with, &without] {
        let delivery =
            Delivery { address: daemon.address(), secret: SECRET.into(), clock: Clock::system(), connections: 4 };
        delivery.deliver(account.clone(), |_| {}).await.unwrap();
    }
    without.settle().await;
    let behind = async || value(&scraped(&with, &[]).await, "reconciler_lag_events") != Some(0);
    while behind().await {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let poor = [&[][..], &[("authorization", "Bearer no-token-of-it")]];
    for text in [scraped(&with, poor[0]).await, scraped(&with, poor[1]).await, scraped(&without, &token).await] {
        assert!(text.contains("mrrd_log_events ") && !text.contains("mrr_minor_units"), "{text}");
        assert!(!text.contains("paying_customers"), "{text}");
    }
    let rich = scraped(&with, &token).await;
    let mut currencies = 0;
    for profile in ["stripe", "finance"] {
        let answer = get(&with, &format!("/api/v1/mrr?profile={profile}"), &token).await.json();
        let entries = answer["data"].as_array().unwrap();
        for entry in entries.iter().filter(|entry| entry["partial"] == true) {
            let labels = format!("{{profile=\"{profile}\",currency=\"{}\"}}", entry["currency"].as_str().unwrap());
            for (name, field) in [
                ("mrr_minor_units", "closing"),
                ("mrr_at_risk_minor_units", "at_risk"),
                ("mrr_scheduled_churn_minor_units", "scheduled_churn"),
                ("paying_customers", "customers"),
            ] {
                assert_eq!(value(&rich, &format!("{name}{labels}")), entry[field].as_i64(), "{name}{labels}\n{rich}");
            }
            currencies += usize::from(entry["closing"] != 0);
        }
    }
    assert!(currencies >= 2, "hardly any money in {rich}");
}

#[tokio::test]
async fn what_the_alerting_rules_ask_for_is_there_and_moves() {
    let mut daemon = Settings::default().env("MRRD_SERVER__ROLES", "receiver,api").start().await;
    daemon.accept(event("evt_1")).await;
    daemon.accept(event("evt_2").replace("foo.bar", "customer.subscription.updated")).await;
    daemon.connect().post_signed("whsec_rolled", Clock::system().now(), event("evt_3").into()).await.unwrap();
    let text = scraped(&daemon, &[]).await;
    let rules = include_str!("../../../deploy/prometheus/rules.yml");
    let names =
        rules.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| word.starts_with("mrrd_"));
    let names: std::collections::BTreeSet<_> = names.collect();
    assert!(names.len() >= 4, "{names:?}");
    // Drift is shown once there was an audit, which needs a key.
    for name in names.into_iter().filter(|name| *name != "mrrd_ledger_drift_subscriptions") {
        assert!(text.lines().any(|line| line.starts_with(name)), "{name} is not in\n{text}");
    }
    assert_eq!(value(&text, "database_up"), Some(1));
    assert_eq!(value(&text, "failed_tasks"), Some(0));
    // Nobody reconciles here: both events wait.
    assert_eq!(value(&text, "reconciler_lag_events"), Some(2));
    assert_eq!(value(&text, "log_unreadable_events"), Some(1));
    assert_eq!(value(&text, "webhooks_total{endpoint=\"default\",answer=\"signature-mismatch\"}"), Some(1));
}

/// Prometheus' own parsers read both texts, and find the same samples in them.
#[tokio::test(flavor = "multi_thread")]
async fn both_texts_are_what_prometheus_parses() {
    let settings = Settings::default()
        .env("MRRD_FEEDS__CRM__URL", "http://127.0.0.1:9/")
        .env("MRRD_FEEDS__CRM__SECRET", "a-secret-of-the-feed-and-long");
    let mut daemon = settings.start().await;
    daemon.accept(event("evt_1")).await;
    daemon.settle().await;
    let token = format!("Bearer {}", daemon.token());
    let mut seen = Vec::new();
    for (kind, accept, media) in [
        ("plain", "text/plain", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "openmetrics",
            "application/openmetrics-text; version=1.0.0",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
    ] {
        let answer = get(&daemon, "/metrics", &[("accept", accept), ("authorization", &token)]).await;
        assert_eq!(answer.headers["content-type"], media);
        let file = daemon.dir().join(kind);
        std::fs::write(&file, &answer.body).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/surface/metrics_parser.py");
        let output = tokio::task::block_in_place(|| {
            program("python", daemon.dir()).args([script, kind, file.to_str().unwrap()]).output().unwrap()
        });
        assert!(output.status.success(), "{kind}: {}", said(&output));
        let mut names: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
        names.sort();
        names.dedup();
        seen.push(names);
    }
    assert_eq!(seen[0], seen[1]);
    for name in [
        "mrrd_webhooks_total",
        "mrrd_build_info",
        "mrrd_feed_position",
        "mrrd_feed_waiting_messages",
        "mrrd_feed_refusals_total",
    ] {
        assert!(seen[0].iter().any(|one| one == name), "{name} in {:?}", seen[0]);
    }
}
