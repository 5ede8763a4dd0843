//! A webhook's way as a trace: from its receipt to its movement, as a collector gets it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    alerts::channels::{Receiver, Temper},
    api::{JANUARY, event, subscription},
    support::daemon::{Daemon, Settings},
};

/// A bound, not a pace.
const PATIENCE: Duration = Duration::from_secs(60);

/// Every span that came so far.
fn spans(collector: &Receiver) -> Vec<Value> {
    let of =
        |export: &Value| export["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().cloned().unwrap_or_default();
    collector.sent("/v1/traces").iter().flat_map(|sent| of(&sent.body)).collect()
}

fn attribute(span: &Value, name: &str) -> Value {
    let attributes = span["attributes"].as_array().unwrap();
    let found = attributes.iter().find(|one| one["key"] == name).map(|one| one["value"].clone());
    found.and_then(|value| value.as_object()?.values().next().cloned()).unwrap_or_default()
}

/// Waits until so many spans of each name came that say they are of this event.
async fn of_event(collector: &Receiver, id: &str, wanted: &[(&str, usize)]) -> BTreeMap<String, Vec<Value>> {
    let since = Instant::now();
    loop {
        let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for span in spans(collector).into_iter().filter(|span| attribute(span, "mrrd.event.id") == id) {
            found.entry(span["name"].as_str().unwrap().to_owned()).or_default().push(span);
        }
        if wanted.iter().all(|(name, count)| found.get(*name).is_some_and(|spans| spans.len() >= *count)) {
            return found;
        }
        assert!(since.elapsed() < PATIENCE, "of {id} there are only {found:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A daemon that derives customer by customer: what comes before the first generation is there is filled in with it, untold.
async fn ready(settings: Settings) -> Daemon {
    let mut daemon = settings.start().await;
    let since = Instant::now();
    while daemon.get("/readyz?role=api").await.status != 200 {
        assert!(since.elapsed() < PATIENCE, "it is never ready: {}", daemon.output());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    daemon
}

fn traced(endpoint: &str) -> Settings {
    Settings::default().env("MRRD_TELEMETRY__OTLP_ENDPOINT", endpoint).env("MRRD_LEDGER__PROFILES", "stripe,finance")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_one_trace_from_its_receipt_to_its_movement() {
    let collector = Receiver::start(|_, _| Temper::Take).await;
    let mut daemon = ready(traced(&collector.url(""))).await;
    let mut plan = subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY);
    plan["metadata"] = json!({"note": "a name nobody may see"});
    let body = event("evt_1", "customer.subscription.created", JANUARY, &plan, None);
    daemon.accept(body.clone()).await;
    daemon.accept(body).await;
    let wanted = [("webhook", 2), ("append", 1), ("reconcile", 1), ("movement", 2)];
    let found = of_event(&collector, "evt_1", &wanted).await;
    let all: Vec<&Value> = found.values().flatten().collect();
    assert!(all.iter().all(|span| span["traceId"] == all[0]["traceId"]), "{found:?}");
    let one = |name: &str| found[name][0].clone();
    let (first, again): (Vec<&Value>, Vec<&Value>) =
        found["webhook"].iter().partition(|span| attribute(span, "mrrd.duplicate") == false);
    assert_eq!((first.len(), again.len(), &first[0]["kind"]), (1, 1, &json!(2)));
    assert_eq!(one("append")["parentSpanId"], first[0]["spanId"]);
    assert_eq!(one("reconcile")["parentSpanId"], one("append")["spanId"]);
    assert!(found["movement"].iter().all(|span| span["parentSpanId"] == one("reconcile")["spanId"]), "{found:?}");
    assert_eq!(attribute(first[0], "mrrd.event.type"), "customer.subscription.created");
    assert_eq!(
        (attribute(&one("append"), "mrrd.seq"), attribute(&one("reconcile"), "mrrd.customer")),
        (json!("1"), json!("cus_1"))
    );
    // The movement is the one that the API tells of.
    let told = daemon.json("/api/v1/movements").await;
    let of_stripe = found["movement"].iter().find(|span| attribute(span, "mrrd.profile") == "stripe").unwrap();
    assert_eq!(attribute(of_stripe, "mrrd.movement.id"), told["data"][0]["id"]);
    assert_eq!(attribute(of_stripe, "mrrd.movement.kind"), "new");
    for span in all {
        let at = |name: &str| span[name].as_str().unwrap().parse::<u64>().unwrap();
        assert!(at("startTimeUnixNano") <= at("endTimeUnixNano"), "{span}");
        assert!(!span.to_string().contains("nobody may see") && !span.to_string().contains("2000"), "{span}");
    }
    let resource = &collector.sent("/v1/traces")[0].body["resourceSpans"][0]["resource"]["attributes"];
    assert_eq!(resource[0], json!({"key": "service.name", "value": {"stringValue": "mrrd"}}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_takes_nothing_holds_nothing_up() {
    let collector = Receiver::start(|number, _| if number == 0 { Temper::Answer(503) } else { Temper::Take }).await;
    let mut daemon = traced(&collector.url("")).start().await;
    let plan = subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY);
    daemon.accept(event("evt_1", "customer.subscription.created", JANUARY, &plan, None)).await;
    daemon.settle().await;
    // Only what was refused is lost.
    let plan = subscription("sub_2", "cus_2", "price_1", 2000, 1, JANUARY);
    collector.wait("/v1/traces", PATIENCE, |_| true).await;
    daemon.accept(event("evt_2", "customer.subscription.created", JANUARY, &plan, None)).await;
    of_event(&collector, "evt_2", &[("webhook", 1), ("append", 1)]).await;
    let since = Instant::now();
    loop {
        let scraped = String::from_utf8(daemon.get("/metrics").await.body.to_vec()).unwrap();
        let value = |name: &str| {
            let line =
                scraped.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {scraped}"));
            line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
        };
        if value("mrrd_trace_spans_dropped_total") >= 1.0 && value("mrrd_trace_spans_sent_total") >= 2.0 {
            break;
        }
        assert!(since.elapsed() < PATIENCE, "{scraped}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop::<Daemon>(daemon);
}
