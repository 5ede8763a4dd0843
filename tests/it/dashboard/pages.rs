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
pub(super) async fn account() -> Daemon {
    let now = Clock::system().now();
    let mut account = Simulator::new(5, 40, UnixTime(now.0 - 500 * 86_400), UnixTime(now.0 - 60));
    let events = account.advance(UnixTime(now.0 - 60));
    let mut daemon = Settings::default()
        .env("MRRD_LEDGER__PROFILES", "stripe,finance")
        .env("MRRD_SEGMENTS__AMERICAN__WHERE", "country = US")
        .start()
        .await;
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

/// What a line of a bridge sums to, in whole minor units.
fn sum(bridge: &Value, line: &str) -> i64 {
    let entries = bridge["data"].as_array().unwrap().iter();
    let all: f64 = entries.map(|one| one[line].as_str().unwrap().parse::<f64>().unwrap()).sum();
    #[expect(clippy::cast_possible_truncation, reason = "whole minor units of a small account")]
    let all = all.round() as i64;
    all
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

    let year = last["start"].as_str().unwrap();
    let year: jiff::civil::Date = year.parse().unwrap();
    let from = year.checked_sub(jiff::ToSpan::months(11)).unwrap();
    let churned = daemon.json(&format!("/api/v1/movements?currency=usd&kind=churn&from={from}&limit=1000")).await;
    let churned = churned["data"].as_array().unwrap().iter();
    let lost: f64 = churned.map(|one| one["amount_exact"].as_str().unwrap().parse::<f64>().unwrap()).sum();
    #[expect(clippy::cast_possible_truncation, reason = "whole minor units of a small account")]
    let lost = lost.round() as i64;
    let products = daemon.json(&format!("/api/v1/mrr?currency=usd&group_by=product&from={year}")).await;
    let product = products["data"].as_array().unwrap().iter().max_by_key(|one| one["closing"].as_i64()).unwrap();
    let cohorts = daemon.json(&format!("/api/v1/cohorts?currency=usd&from={from}")).await;
    let retained = cohorts["data"][0]["ages"][1]["mrr_retention"]["value"].as_str().unwrap().parse::<f64>().unwrap();
    let cohort = format!("{:.1}%", retained * 100.0);
    let month = year.checked_sub(jiff::ToSpan::months(1)).unwrap().strftime("%Y-%m").to_string();
    let compared = daemon.json(&format!("/api/v1/compare?currency=usd&with=finance&month={month}")).await;
    let other = compared["totals"][0]["to"]["closing"].as_i64().unwrap();
    // The three months before the three that end with the running one.
    let (first, end) = (jiff::ToSpan::months(5), jiff::ToSpan::months(3));
    let (first, end) = (year.checked_sub(first).unwrap(), year.checked_sub(end).unwrap().last_of_month());
    let then = daemon.json(&format!("/api/v1/mrr?currency=usd&from={first}&to={end}")).await;
    let (then_new, then_closing) = (sum(&then, "new_exact"), then["data"][2]["closing"].as_i64().unwrap());

    let of_customer = format!("/customers/{customer}?currency=usd");
    let of_event = format!("/events/{event}");
    let pages = json!([
        {"path": "/?currency=usd"}, {"path": "/movements?currency=usd"}, {"path": "/customers?currency=usd"},
        {"path": of_customer}, {"path": format!("{of_customer}&view=rules")}, {"path": "/events"}, {"path": of_event},
        {"path": "/churn?currency=usd"}, {"path": "/cohorts?currency=usd"}, {"path": "/breakdown?currency=usd"},
        {"path": "/movements?currency=usd&range=3m&compare=previous"}, {"path": "/differences?currency=usd&with=finance"}, {"path": "/closing?currency=usd"}, {"path": "/alerts"},
        {"path": "/health"},
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
        let beside = one(view, "/movements?currency=usd&range=3m&compare=previous");
        for shown in [
            "Difference",
            &format!("{}{}", if then_new > 0 { "+" } else { "" }, dollars(then_new)),
            &dollars(then_closing),
        ] {
            beside.shows(shown);
        }
        let list = one(view, "/customers?currency=usd");
        list.shows(&customer);
        list.shows(&dollars(largest["data"][0]["mrr"][0]["mrr"].as_i64().unwrap()));
        one(view, &of_event).shows("\"livemode\": true");
        one(view, "/closing?currency=usd").shows(&amount("opening"));
        one(view, "/churn?currency=usd").shows(&dollars(lost));
        one(view, "/breakdown?currency=usd").shows(&dollars(product["closing"].as_i64().unwrap()));
        one(view, "/cohorts?currency=usd").shows(&cohort);
        one(view, "/differences?currency=usd&with=finance").shows(&dollars(other));
        one(view, "/alerts").shows("Nothing is noted yet.");
        one(view, "/health").shows("/webhooks/stripe");
        for task in ["reconciler", "sealer"] {
            one(view, "/health").shows(task);
        }
    }
}

/// Closing, customers, share and reading are the last columns: who looks for them needn't scroll.
#[tokio::test(flavor = "multi_thread")]
async fn on_a_laptop_the_last_columns_are_in_sight() {
    let daemon = account().await;
    let views = json!([{"width": 1280, "dark": false}]);
    let pages = json!([
        {"path": "/movements?currency=usd"}, {"path": "/breakdown?currency=usd"}, {"path": "/cohorts?currency=usd"},
        {"path": "/events"},
        {"path": "/differences?currency=usd&with=finance"},
    ]);
    let seen = walk(&daemon, &views, &pages);
    no_faults(&seen);
    let sideways: Vec<String> = seen.iter().map(|one| format!("{}: {}", one.0["path"], one.0["sideways"])).collect();
    assert!(seen.iter().all(|one| one.0["sideways"] == json!([])), "{}", sideways.join("\n"));
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

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_on_screen_without_asking_and_the_keyboard_does_everything() {
    let mut daemon = account().await;
    let customer =
        daemon.json("/api/v1/customers?sort=since&limit=1").await["data"][0]["id"].as_str().unwrap().to_owned();
    let pages = json!([
        // The palette finds a customer; the arithmetic of a day and every chart are reached by keys alone.
        {"path": "/events", "steps": [
            {"press": "/"}, {"type": customer}, {"until": "#found li:nth-child(2)"}, {"press": "Enter"},
            {"wait": "How it came about"}, {"look": "found"},
            {"press": "?"}, {"wait": "find a page, customer or event"}, {"press": "Escape"},
            {"press": "g"}, {"press": "m"}, {"wait": "The movements"}, {"until": ".canvas"}, {"focus": ".canvas"}, {"press": "ArrowLeft"},
            {"press": "ArrowDown"}, {"press": "Enter"}, {"look": "opened"},
        ]},
    ]);
    let seen = walk(&daemon, &once(), &pages);
    no_faults(&seen);
    let first = |look: &str| seen[0].look(look).0.split('?').next().unwrap().to_owned();
    assert_eq!(first("found"), format!("/customers/{customer}"));
    assert_eq!(first("opened"), "/movements");
    assert!(seen[0].look("opened").0.contains("from="), "{}", seen[0].look("opened").0);

    // A page that stays open while a webhook arrives: the walk waits for it, and says how long it took.
    let sold = crate::api::subscription("sub_seen", "cus_seen", "price_seen", 12_345, 1, Clock::system().now().0 - 60);
    let body =
        crate::api::event("evt_seen", "customer.subscription.created", Clock::system().now().0 - 60, &sold, None);
    let signed = mrrd::demo::http::sign(SECRET, Clock::system().now(), body.as_bytes());
    let pages = json!([{"path": "/customers?sort=since&currency=usd", "steps": [
        {"post": {"path": "/webhooks/stripe", "body": body, "headers": {"stripe-signature": signed}}}, {"wait": "cus_seen"},
        {"look": "live"},
    ]}]);
    let seen = walk(&daemon, &once(), &pages);
    no_faults(&seen);
    assert!(seen[0].look("live").1.contains("$123.45"), "{}", seen[0].look("live").1);
}
