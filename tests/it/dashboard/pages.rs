//! Every page over a simulated account: what it shows is what the API answers, and every figure leads to its webhook.

use mrrd::{
    clock::Clock,
    demo::{Simulator, delivery::Delivery},
    ledger::time::UnixTime,
};
use serde_json::{Value, json};

use super::{Seen, dollars, everywhere, no_faults, once, walk};
use crate::support::daemon::{Daemon, SECRET, Settings};

/// A small account of a year and a half, up to now: pages show the running month.
async fn account() -> Daemon {
    let now = Clock::system().now();
    let mut account = Simulator::new(5, 40, UnixTime(now.0 - 500 * 86_400), UnixTime(now.0 - 60));
    let events = account.advance(UnixTime(now.0 - 60));
    let mut daemon = Settings::default().env("MRRD_LEDGER__PROFILES", "stripe,finance").start().await;
    let delivery =
        Delivery { address: daemon.address(), secret: SECRET.into(), clock: Clock::system(), connections: 8 };
    delivery.deliver(events, |_| {}).await.expect("every webhook is taken in");
    daemon.settle().await;
    daemon
}

fn entry<'a>(answer: &'a Value, currency: &str) -> &'a Value {
    let of = |one: &&Value| one["currency"] == currency;
    answer["data"].as_array().unwrap().iter().rfind(of).expect("a period of this currency")
}

fn one<'a>(seen: &[&'a Seen], path: &str) -> &'a Seen {
    seen.iter().find(|one| one.0["path"] == path).unwrap_or_else(|| panic!("{path} was not walked"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_shows_what_the_api_answers() {
    let mut daemon = account().await;
    let mrr = daemon.json("/api/v1/mrr?currency=usd").await;
    let last = entry(&mrr, "usd").clone();
    let largest = daemon.json("/api/v1/customers?sort=mrr&currency=usd&limit=1").await;
    let customer = largest["data"][0]["id"].as_str().unwrap().to_owned();
    let moves = daemon.json("/api/v1/movements?currency=usd&order=desc&limit=1").await;
    let event = moves["data"][0]["parts"][0]["events"][0].as_str().unwrap().to_owned();

    let of_customer = format!("/customers/{customer}?currency=usd");
    let of_event = format!("/events/{event}");
    let pages = json!([
        {"path": "/?currency=usd"}, {"path": "/movements?currency=usd"}, {"path": "/customers?currency=usd"},
        {"path": of_customer}, {"path": format!("{of_customer}&view=rules")}, {"path": "/events"}, {"path": of_event},
    ]);
    let seen = walk(&daemon, &everywhere(), &pages);
    no_faults(&seen);
    for place in 0..everywhere().as_array().unwrap().len() {
        let view: Vec<&Seen> = seen.iter().skip(place).step_by(everywhere().as_array().unwrap().len()).collect();
        let view = view.as_slice();
        let amount = |name: &str| dollars(last[name].as_i64().unwrap());
        one(view, "/?currency=usd").shows(&amount("closing"));
        one(view, "/?currency=usd").shows(&last["customers"].to_string());
        let bridge = one(view, "/movements?currency=usd");
        for line in ["opening", "closing"] {
            bridge.shows(&amount(line));
        }
        let list = one(view, "/customers?currency=usd");
        list.shows(&customer);
        list.shows(&dollars(largest["data"][0]["mrr"][0]["mrr"].as_i64().unwrap()));
        one(view, &of_event).shows("\"livemode\": true");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_figure_to_its_webhook_in_three_clicks_and_back() {
    let mut daemon = account().await;
    let largest = daemon.json("/api/v1/customers?sort=mrr&currency=usd&limit=1").await;
    let customer = largest["data"][0]["id"].as_str().unwrap().to_owned();
    let detail = daemon.json(&format!("/api/v1/customers/{customer}")).await;
    let last = detail["movements"].as_array().unwrap().last().unwrap().clone();
    let event = last["parts"][0]["events"][0].as_str().unwrap().to_owned();
    let pages = json!([{"path": "/?currency=usd", "steps": [
        {"click": ".figure a.value"}, {"wait": customer}, {"look": "customers"},
        {"click": ".customer"}, {"wait": "How it came about"}, {"look": "customer"},
        {"click": {"text": event}}, {"wait": "The body, as received"}, {"look": "event"},
        {"press": "g"}, {"press": "o"}, {"wait": "MRR over time"}, {"look": "home"},
    ]}]);
    let seen = walk(&daemon, &once(), &pages);
    no_faults(&seen);
    assert_eq!(seen[0].look("customers").0.split('?').next(), Some("/customers"));
    assert_eq!(seen[0].look("customer").0.split('?').next(), Some(&*format!("/customers/{customer}")));
    let (at, text) = seen[0].look("event");
    assert_eq!(at.split('?').next(), Some(&*format!("/events/{event}")));
    assert!(text.contains(&customer), "the body names its customer: {text}");
    assert_eq!(seen[0].look("home").0, "/?currency=usd");
}
