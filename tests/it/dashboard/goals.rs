//! Goals and imports on the pages: set and ended by hand, shown with their pace, and what was imported line by line.

use mrrd::clock::Clock;
use serde_json::{Value, json};

use super::{dollars, everywhere, no_faults, once, pages::account, walk};
use crate::support::daemon::Daemon;

async fn taken(daemon: &mut Daemon, path: &str, body: String) -> Value {
    let answer = daemon.send("POST", path, body).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn goals_are_set_and_ended_on_their_page_and_stand_on_the_overview() {
    let mut daemon = account().await;
    let today = &Clock::system().now().to_string()[..10];
    let first: jiff::civil::Date = today.parse::<jiff::civil::Date>().unwrap().first_of_month();
    let (from, by) =
        (first.checked_sub(jiff::ToSpan::months(3)).unwrap(), first.checked_add(jiff::ToSpan::months(6)).unwrap());
    let goal = json!({"name": "Plan", "metric": "mrr", "target": "900000000", "by": by.to_string(), "from": from.to_string(), "owner": "ada", "currency": "usd", "note": "as the board agreed"});
    let told = taken(&mut daemon, "/api/v1/goals", goal.to_string()).await["data"][0].clone();
    assert_eq!(told["state"], "behind", "{told}");
    let seen = walk(&daemon, &everywhere(), &json!([{"path": "/goals"}, {"path": "/?currency=usd"}]));
    no_faults(&seen);
    let minor = |name: &str| {
        let exact: f64 = told[name].as_str().unwrap().parse().unwrap();
        #[expect(clippy::cast_possible_truncation, reason = "minor units of a small account")]
        let minor = exact.round_ties_even() as i64;
        dollars(minor)
    };
    for one in &seen {
        for shown in [
            "Plan",
            "behind",
            "$9,000,000.00",
            &minor("now"),
            &format!("{} are due by now", minor("due")),
            &format!("{} a day needed", minor("needed_a_day")),
        ] {
            one.shows(shown);
        }
    }

    let steps = json!([
        {"focus": "input[name=name]"}, {"type": "Customers"}, {"select": "form select", "value": "customers"}, {"wait": "Target, in customers"},
        {"focus": "input[name=target]"}, {"type": "1,000"}, {"focus": "input[name=owner]"}, {"type": "grace"},
        {"click": {"text": "Set it"}}, {"until": "button[aria-label='End Customers']"}, {"look": "set"},
        {"click": {"text": "End Plan"}}, {"wait": "It stays listed as it was set"}, {"focus": "dialog .row input"}, {"type": "the board decided otherwise"},
        {"click": {"text": "End it"}}, {"wait": "the board decided otherwise"}, {"look": "ended"}, {"tabs": true},
    ]);
    let seen = walk(&daemon, &once(), &json!([{"path": "/goals?currency=usd", "steps": steps}]));
    no_faults(&seen);
    assert_eq!(seen[0].unreached(), Vec::<String>::new());
    let all = daemon.json("/api/v1/goals?all=true").await["data"].clone();
    let of = |name: &str| all.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone();
    assert_eq!((&of("Customers")["target"], &of("Customers")["owner"]), (&json!("1000"), &json!("grace")));
    assert_eq!(of("Plan")["ended_because"], "the board decided otherwise");
    assert!(seen[0].look("set").1.contains("1,000"), "{}", seen[0].look("set").1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_listed_with_what_was_taken_and_set_aside() {
    let mut daemon = account().await;
    let customer = daemon.json("/api/v1/customers?limit=1").await["data"][0]["id"].as_str().unwrap().to_owned();
    let sheet = format!("customer,key,value,valid_from\n{customer},size,250,2026-01-01\n,size,3,2026-01-01\n");
    let told = taken(&mut daemon, "/api/v1/imports?kind=attributes&file=sizes.csv", sheet).await;
    assert_eq!((&told["taken"], told["set_aside"].as_array().unwrap().len()), (&json!(1), 1), "{told}");
    let seen = walk(&daemon, &everywhere(), &json!([{"path": "/health?import=1"}]));
    no_faults(&seen);
    for one in &seen {
        for shown in ["sizes.csv", &customer, "size", "250", "Jan 1, 2026", "Line 3 was set aside"] {
            one.shows(shown);
        }
        one.shows(told["set_aside"][0]["reason"].as_str().unwrap());
    }
}
