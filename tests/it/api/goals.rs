//! Goals, through the running binary: set by a command and over HTTP, held against the ledger's own figures, superseded, ended, and
//! as they were known before (rule `goals`).

use mrrd::clock::Clock;
use serde_json::{Value, json};

use super::{DAY, event, subscription, written::send};
use crate::support::daemon::Settings;

fn day(at: i64) -> String {
    jiff::Timestamp::from_second(at).unwrap().to_string()[..10].to_owned()
}

#[tokio::test]
async fn a_goal_is_held_against_the_ledgers_own_figures() {
    let mut daemon = Settings::default().start().await;
    let now = Clock::system().now().0;
    let (began, grown) = (now - 40 * DAY, now - 4 * DAY);
    let state = |quantity: i64| subscription("sub_1", "cus_1", "price_seat", 1000, quantity, began);
    let lost = subscription("sub_2", "cus_2", "price_seat", 1000, 2, began);
    let mut ended = lost.clone();
    ended["status"] = json!("canceled");
    ended["ended_at"] = json!(grown);
    for body in [
        event("evt_1", "customer.subscription.created", began, &state(5), None),
        event("evt_2", "customer.subscription.created", began, &lost, None),
        event("evt_3", "customer.subscription.updated", grown, &state(8), Some(json!({"items": state(5)["items"]}))),
        event("evt_4", "customer.subscription.deleted", grown, &ended, None),
    ] {
        daemon.accept(body).await;
    }
    daemon.settle().await;
    let (first, last) = (day(now - 9 * DAY), day(now + 10 * DAY));
    // Amounts in units of the currency on the command line, in minor units over HTTP.
    let set = |name: &str, metric: &str, target: &str| {
        let args =
            ["goal", "set", name, "--metric", metric, "--target", target, "--by", &last, "--from", &first, "--owner"];
        let printed = daemon.command(&[&args[..], &["ada", "--currency", "usd"]].concat());
        assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        String::from_utf8(printed.stdout).unwrap()
    };
    let printed = set("grow", "mrr", "100");
    assert!(
        printed.contains("70.00 USD") && printed.contains("80.00 USD") && printed.contains("100.00 USD"),
        "{printed}"
    );
    set("people", "customers", "3");
    set("losses", "churn", "15");
    set("more", "expansion", "30");
    set("keep", "nrr", "95%");
    // Below what MRR was as it began: no wish to shrink, and nothing to be paced.
    let printed = set("passed", "mrr", "60");
    assert!(printed.contains("met already") && !printed.contains('%'), "{printed}");
    let told = daemon.json("/api/v1/goals").await;
    let shown: Vec<[&Value; 7]> = told["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|goal| ["name", "unit", "target", "start", "now", "state", "days_over"].map(|field| &goal[field]))
        .collect();
    let row = |name: &str, unit: &str, target: &str, start: &str, now: &str, state: &str| {
        [name, unit, target, start, now, state].map(|text| json!(text))
    };
    let expected = [
        row("grow", "minor", "10000", "7000", "8000", "behind"),
        row("people", "customers", "3", "2", "1", "behind"),
        row("losses", "minor", "1500", "0", "2000", "missed"),
        row("more", "minor", "3000", "0", "3000", "met"),
    ];
    for (shown, expected) in shown.iter().zip(&expected) {
        assert_eq!(shown[..6], expected.iter().collect::<Vec<_>>(), "{told:#}");
        assert_eq!(shown[6], &json!(9), "{told:#}");
    }
    // What can't be known is said, and nothing is put in its place.
    let keep = &told["data"][4];
    assert_eq!((&keep["state"], &keep["now"]), (&Value::Null, &Value::Null), "{keep:#}");
    assert!(keep["reason"].as_str().unwrap().starts_with("at the end of "), "{keep:#}");
    let passed = &told["data"][5];
    let of_pace = ["state", "met_at_start", "due", "progress", "needed_a_day"].map(|field| passed[field].clone());
    assert_eq!(of_pace, [json!("met"), json!(true), Value::Null, Value::Null, Value::Null], "{passed:#}");
    assert_eq!(told["data"][0]["met_at_start"], json!(false));
    // 70.00, and nine of twenty days towards 100.00; the other eleven have to bring what is left.
    let grow = &told["data"][0];
    assert_eq!((&grow["due"], &grow["progress"]), (&json!("8350"), &json!("0.333333")), "{grow:#}");
    assert_eq!(grow["needed_a_day"], json!("181.818182"));
    let mrr = daemon.json(&format!("/api/v1/metrics?from={first}&to={}&interval=year", day(now))).await;
    let last_entry = mrr["data"].as_array().unwrap().last().unwrap();
    assert_eq!(last_entry["mrr"]["value"], grow["now"], "{last_entry:#}");

    // Set again, it is another goal: the older one is listed, and answers a question about then.
    let before = grow["set_at"].as_str().unwrap().to_owned();
    while Clock::system().now().to_string() == before {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let body = json!({"name": "grow", "metric": "mrr", "target": "7500", "by": last, "from": first, "owner": "grace", "currency": "usd"});
    let (_, answer) = send(&mut daemon, "POST", "/api/v1/goals", &body).await;
    assert_eq!(
        (&answer["data"][0]["state"], &answer["data"][0]["owner"]),
        (&json!("met"), &json!("grace")),
        "{answer:#}"
    );
    let owner_of = |list: &Value| {
        let grow = list["data"].as_array().unwrap().iter().filter(|goal| goal["name"] == "grow");
        grow.map(|goal| (goal["owner"].clone(), goal["superseded"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(owner_of(&daemon.json("/api/v1/goals").await), [(json!("grace"), json!(false))]);
    let all = daemon.json("/api/v1/goals?all=true").await;
    assert_eq!(owner_of(&all), [(json!("ada"), json!(true)), (json!("grace"), json!(false))]);
    let then = daemon.json(&format!("/api/v1/goals?as_known_at={before}")).await;
    assert_eq!(owner_of(&then), [(json!("ada"), json!(false))], "{then:#}");

    let why = json!({"reason": "the plan changed"});
    let (_, ended) = send(&mut daemon, "POST", "/api/v1/goals/grow/end", &why).await;
    assert_eq!(ended["data"][0]["ended_because"], json!("the plan changed"), "{ended:#}");
    assert_eq!(owner_of(&daemon.json("/api/v1/goals").await), []);
    let again = daemon.command(&["goal", "end", "grow"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("no goal \"grow\" runs"));
    let trail = daemon.json("/api/v1/audit-trail").await;
    let actions: Vec<&Value> = trail["data"].as_array().unwrap().iter().map(|line| &line["action"]).take(2).collect();
    assert_eq!(actions, [&json!("goal_ended"), &json!("goal_set")]);
}

#[tokio::test]
async fn a_goal_that_the_ledger_could_not_be_asked_for_is_refused_by_name() {
    let mut daemon = Settings::default().start().await;
    let now = Clock::system().now().0;
    let state = subscription("sub_1", "cus_1", "price_seat", 1000, 5, now - DAY);
    daemon.accept(event("evt_1", "customer.subscription.created", now - DAY, &state, None)).await;
    daemon.settle().await;
    let (later, earlier) = (day(now + 10 * DAY), day(now - 10 * DAY));
    let set = |metric: &str, target: &str, by: &str, more: &[&str]| {
        let args = ["goal", "set", "x", "--metric", metric, "--target", target, "--by", by, "--owner", "ada"];
        let printed = daemon.command(&[&args[..], more].concat());
        assert_eq!(printed.status.code(), Some(2), "{}", String::from_utf8_lossy(&printed.stdout));
        String::from_utf8(printed.stderr).unwrap()
    };
    for (said, told) in [
        (set("mrr", "100", &later, &[]), "which one? no reporting currency is configured"),
        (set("mrr", "100", &later, &["--currency", "eur"]), "currency"),
        (set("mrr", "100", &earlier, &["--currency", "usd"]), "is before its first day"),
        (set("churn", "-100", &later, &["--currency", "usd"]), "positive amounts"),
        (set("customers", "2.5", &later, &["--currency", "usd"]), "customers are whole"),
        (set("profit", "1", &later, &["--currency", "usd"]), "mrr, arr, customers"),
    ] {
        assert!(said.contains(told), "{said}");
    }
    assert_eq!(daemon.json("/api/v1/goals?all=true").await["data"], json!([]));
}
