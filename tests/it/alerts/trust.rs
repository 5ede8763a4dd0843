//! What fires `churn_spike` and what mustn't, by the running binary.

use std::time::{Duration, Instant};

use mrrd::{
    clock::Clock,
    stripe::signature::{SigningSecret, verify},
};
use serde_json::{Value, json};

use super::{
    account::{self, DAYS, beginning, begins, ends, fails, staying},
    channels::{Receiver, SECRET, Temper, webhook},
};
use crate::{
    api::{DAY, event},
    support::daemon::Daemon,
};

/// Longer than the watcher rests between two looks.
const LOOKS: Duration = Duration::from_secs(6);

/// The rules that fired so far.
async fn fired(daemon: &mut Daemon) -> Vec<String> {
    let list = daemon.json("/api/v1/alerts").await;
    list["data"].as_array().unwrap().iter().map(|alert| alert["rule"].as_str().unwrap().to_owned()).collect()
}

async fn quiet(daemon: &mut Daemon, what: &str) {
    daemon.settle().await;
    tokio::time::sleep(LOOKS).await;
    let fired = fired(daemon).await;
    assert!(!fired.iter().any(|rule| rule == "churn_spike"), "{what}: {fired:?}");
}

/// Waits until these and no others have fired, however slow the machine.
async fn fires(daemon: &mut Daemon, rules: &[&str]) {
    let since = Instant::now();
    loop {
        let fired = fired(daemon).await;
        if fired == rules {
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "{fired:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spike_is_told_within_seconds_signed_once_and_by_name() {
    let receiver = Receiver::start(|_, _| Temper::Take).await;
    let settings = webhook(account::settings(), "ops", &receiver.url("/ops"));
    let mut daemon = account::lived(settings.env("MRRD_ALERTS__URL", "https://mrrd.example.com")).await;
    tokio::time::sleep(LOOKS).await;
    assert_eq!(fired(&mut daemon).await, [""; 0], "an even history");

    account::spike(&mut daemon).await;
    let completed = Instant::now();
    let told = |sent: &super::channels::Sent| sent.body["alert"]["rule"] == "churn_spike";
    let sent = receiver.wait("/ops", Duration::from_secs(20), told).await;
    let took = sent.at.saturating_duration_since(completed);
    assert!(took < Duration::from_secs(15), "{took:?}");

    let header = sent.headers.get("mrrd-signature").unwrap().as_bytes();
    let secret = [SigningSecret::new(SECRET).unwrap()];
    verify(Some(header), &sent.bytes, &secret, Clock::system().now(), Some(60)).unwrap();
    let alert = &sent.body["alert"];
    let customers: Vec<&Value> = alert["customers"].as_array().unwrap().iter().collect();
    assert!(customers.iter().any(|one| one["customer"] == staying(0)), "{alert}");
    assert_eq!(alert["warnings"], json!([]));
    let link = customers[0]["link"].as_str().unwrap();
    assert!(link.starts_with("https://mrrd.example.com/customers/cus_"), "{link}");
    assert!(alert["expected"]["high"].as_u64().unwrap() < alert["observed"].as_u64().unwrap(), "{alert}");

    // One alert an episode, however often it is looked at; the API and the command tell of it.
    let more = ends(&staying(20), beginning(), Clock::system().now().0, "cancellation_requested");
    daemon.accept(more).await;
    tokio::time::sleep(LOOKS).await;
    let list = daemon.json("/api/v1/alerts?rule=churn_spike&open=true").await;
    let [entry] = &list["data"].as_array().unwrap()[..] else { panic!("{list}") };
    assert_eq!(entry["id"], sent.body["id"]);
    assert_eq!(entry["deliveries"][0]["state"], "delivered", "{entry}");
    let id = entry["id"].as_str().unwrap();
    let path = format!("/api/v1/alerts/{id}/acknowledge");
    let post = async |body: &'static str| {
        let mut client = daemon.connect();
        client.send(http::Method::POST, &path, &[], bytes::Bytes::from_static(body.as_bytes())).await.unwrap()
    };
    assert_eq!(post(r#"{"by":"ada"}"#).await.json()["acknowledged_by"], "ada");
    assert_eq!(post("").await.json()["acknowledged_by"], "ada", "the first stays");
    assert_eq!(post("nonsense").await.status, 422);
    let shown = daemon.command(&["alerts", "list"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("Churn spike") && shown.contains("acknowledged by ada"), "{shown}");
    assert_eq!(daemon.get("/api/v1/alerts/al_none").await.status, 404);
    let metrics = String::from_utf8(daemon.get("/metrics").await.body.to_vec()).unwrap();
    assert!(metrics.contains(r#"mrrd_alert_deliveries_total{channel="ops",outcome="delivered"} 1"#), "{metrics}");
    // Secrets stay where they are.
    let told = format!("{}{metrics}", daemon.output());
    assert!(!told.contains(SECRET) && !told.contains("/ops"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whales_migrations_outages_and_imports_are_no_spikes() {
    let mut daemon = account::lived(account::settings()).await;
    let (start, now) = (beginning(), Clock::system().now().0);

    // A bulk migration: everyone is cancelled and created anew, some the same hour, some a day later.
    for n in 0..30 {
        let created = now - 3 * DAY;
        daemon.accept(ends(&staying(n), start, created, "cancellation_requested")).await;
        let again = if n % 2 == 0 { created + 600 } else { created + DAY };
        daemon.accept(account::again(&staying(n), again)).await;
    }
    quiet(&mut daemon, "a bulk migration").await;

    // An outage of a week: what happened on its days comes at once.
    for n in 0..7 {
        let at = now - (6 - n as i64) * DAY - 3600;
        daemon.accept(ends(&staying(100 + n), start, at, "cancellation_requested")).await;
    }
    quiet(&mut daemon, "an outage, then a burst").await;

    // As many customers again, who came and went long ago.
    let mut imported = Vec::new();
    for n in 0..300_i64 {
        let customer = format!("cus_import_{n}");
        imported.push(begins(&customer, start - 200 * DAY));
        if n < 150 {
            imported.push(ends(
                &customer,
                start - 200 * DAY,
                start + (n % (DAYS - 10)) * DAY,
                "cancellation_requested",
            ));
        }
    }
    account::import(&daemon, &imported);
    quiet(&mut daemon, "a back-dated import").await;

    // A whale, who is a large loss.
    let mut whale = account::paying("cus_whale", start);
    whale["items"]["data"][0]["price"]["unit_amount"] = json!(500_000);
    whale["items"]["data"][0]["price"]["unit_amount_decimal"] = json!("500000");
    daemon.accept(event("evt_whale", "customer.subscription.created", start, &whale, None)).await;
    whale["status"] = json!("canceled");
    whale["ended_at"] = json!(now);
    whale["cancellation_details"] = json!({"reason": "cancellation_requested"});
    daemon.accept(event("evt_whale_gone", "customer.subscription.deleted", now, &whale, None)).await;
    quiet(&mut daemon, "a whale").await;
    fires(&mut daemon, &["large_loss"]).await;

    // Payments fail, and nobody has left yet.
    for n in 0..20 {
        daemon.accept(fails(&staying(40 + n), start, now - 60 + n as i64)).await;
    }
    quiet(&mut daemon, "failing payments").await;
    fires(&mut daemon, &["payment_failures", "large_loss"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_rate_silences_no_alert() {
    // All is billed in usd, and no rate was ever imported: nothing can be told in eur.
    let settings = account::settings().env("MRRD_LEDGER__REPORTING_CURRENCY", "eur");
    let mut daemon = account::lived(settings).await;
    assert_eq!(daemon.get("/api/v1/mrr").await.status, 409);
    daemon.wait_for_output("alerts are judged in each currency's own ledger");
    account::spike(&mut daemon).await;
    fires(&mut daemon, &["churn_spike"]).await;
    let list = daemon.json("/api/v1/alerts").await;
    let warnings = list["data"][0]["alert"]["warnings"].to_string();
    assert!(warnings.contains("missing exchange rates"), "{list}");
}
