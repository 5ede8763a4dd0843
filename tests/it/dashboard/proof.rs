//! One figure of each page is followed to its raw webhook in three clicks, and every page is operated by keys alone.

use serde_json::{Value, json};

use super::{no_faults, once, pages::account, walk};

/// The day of a movement in a list leads to it; the event beside it to its body.
fn from_the_list() -> Vec<Value> {
    vec![
        json!({"until": ".moves tbody tr td a"}),
        json!({"click": ".moves tbody tr td a"}),
        json!({"at": "/customers/"}),
        json!({"until": ".story li.marked"}),
        json!({"click": ".story li.marked .part a.id"}),
    ]
}

/// A customer leads to a story, whose events lead to bodies.
fn from_a_customer() -> Vec<Value> {
    vec![json!({"at": "/customers/"}), json!({"until": ".story .part a.id"}), json!({"click": ".story .part a.id"})]
}

fn steps(first: &[Value], then: Vec<Value>) -> Value {
    let end = [json!({"at": "/events/evt_"}), json!({"wait": "The body, as received"}), json!({"look": "body"})];
    Value::Array(first.iter().cloned().chain(then).chain(end).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_figure_of_each_page_leads_to_its_webhook_in_three_clicks() {
    let mut daemon = account().await;
    let mrr = daemon.json("/api/v1/mrr?currency=usd").await;
    let months = mrr["data"].as_array().unwrap();
    let month = months[months.len() - 2]["start"].as_str().unwrap()[..7].to_owned();
    // A week on the alerts' chart in which somebody left, counted back from the last one.
    let tested = daemon.json("/api/v1/alerts/backtest").await;
    let weeks = tested["weeks"].as_array().unwrap();
    let back = weeks.iter().rev().position(|week| week["observed"].as_i64() > Some(0)).expect("somebody left once");

    let click = |selector: &str| json!({"click": selector});
    let pages = json!([
        {"path": "/?currency=usd", "steps": steps(&[click(".figure a.value"), json!({"until": "tbody .customer"}), click("tbody .customer")], from_a_customer())},
        {"path": "/movements?currency=usd", "steps": steps(&[json!({"until": ".bridge tbody td a"}), click(".bridge tbody td a"), json!({"wait": "The movements that match"})], from_the_list())},
        {"path": "/customers?currency=usd", "steps": steps(&[click("tbody .customer")], from_a_customer())},
        {"path": "/churn?currency=usd", "steps": steps(&[json!({"until": "tbody a[href*='cause=']"}), click("tbody a[href*='cause=']"), json!({"wait": "The movements that match"})], from_the_list())},
        {"path": "/cohorts?currency=usd", "steps": steps(&[json!({"until": ".cell a"}), click(".cell a"), json!({"wait": "The movements that match"})], from_the_list())},
        {"path": "/breakdown?currency=usd", "steps": steps(&[json!({"until": "section:last-of-type tbody th a"}), click("section:last-of-type tbody th a"), json!({"wait": "The movements that match"})], from_the_list())},
        {"path": format!("/differences?currency=usd&with=finance&month={month}"), "steps": steps(&[json!({"until": "tbody .customer"}), click("tbody .customer")], from_a_customer())},
        {"path": "/closing?currency=usd", "steps": steps(&[json!({"until": "tbody th a"}), click("tbody th a"), json!({"wait": "The movements"})], from_the_list())},
        {"path": "/events", "steps": steps(&[click("tbody th a.id")], Vec::new())},
        {"path": "/alerts?over=24", "steps": steps(&[json!({"until": "canvas[data-drawn]"}), json!({"focus": ".canvas"}), json!({"press": "ArrowLeft", "times": back + 1}), json!({"press": "Enter"}), json!({"at": "/movements"})], from_the_list())},
        {"path": "/health", "steps": steps(&[json!({"until": ".facts a.id"}), click(".facts a.id")], Vec::new())},
    ]);
    let seen = walk(&daemon, &once(), &pages);
    no_faults(&seen);
    for one in &seen {
        let (at, text) = one.look("body");
        let event = at.trim_start_matches("/events/").split('?').next().unwrap();
        assert!(text.contains(&format!("\"id\": \"{event}\"")), "{} led to {at}: {text}", one.0["path"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_alone_come_to_everything_that_can_be_operated() {
    let mut daemon = account().await;
    let customer = daemon.json("/api/v1/customers?sort=mrr&currency=usd&limit=1").await["data"][0]["id"].clone();
    let customer = customer.as_str().unwrap();
    let tabs = json!([{"tabs": true}]);
    let walked = |path: String| json!({"path": path, "steps": tabs});
    let mut pages: Vec<Value> = ["/", "/churn", "/cohorts", "/breakdown", "/closing", "/alerts", "/health"]
        .into_iter()
        .map(|path| walked(format!("{path}?currency=usd")))
        .collect();
    // Shorter lists of the same: a Tab a link.
    pages.push(walked("/movements?currency=usd&range=last-month".into()));
    pages.push(walked("/customers?currency=usd&state=past_due".into()));
    pages.push(walked("/differences?currency=usd&with=finance".into()));
    pages.push(walked(format!("/customers/{customer}")));
    pages.push(walked("/events?type=price.created".into()));
    // What keys open, keys operate and close: the calendar of what was known when. All of it arrived today.
    let today = mrrd::clock::Clock::system().now().to_string()[8..10].parse::<i64>().unwrap();
    pages.push(json!({"path": "/movements?currency=usd", "steps": [
        {"until": ".known button"}, {"focus": ".known button"}, {"press": "Enter"}, {"until": ".calendar"},
        {"press": "Tab", "times": 2}, {"press": "ArrowRight", "times": today - 1}, {"press": "Enter"},
        {"wait": "nothing that arrived later is in these figures"}, {"look": "known"}, {"press": "n"}, {"look": "now"},
    ]}));
    let seen = walk(&daemon, &once(), &json!(pages));
    no_faults(&seen);
    let (last, walked) = seen.split_last().unwrap();
    let unreached: Vec<String> = walked.iter().flat_map(super::Seen::unreached).collect();
    assert!(unreached.is_empty(), "{}", unreached.join("\n"));
    assert!(last.look("known").0.contains("asof=20"), "{}", last.look("known").0);
    assert!(!last.look("now").0.contains("asof"), "{}", last.look("now").0);
}
