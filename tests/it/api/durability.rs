//! How long expansion lasts, over webhooks (rule `durability`): its ages, its roll-ups, and the share that metrics tell.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use mrrd::clock::Clock;
use serde_json::{Value, json};

use super::{DAY, event, subscription};
use crate::support::daemon::Settings;

fn date(at: i64) -> Date {
    Timestamp::from_second(at).unwrap().to_zoned(TimeZone::UTC).date()
}

#[tokio::test]
async fn what_is_held_of_expansion_is_told_by_age_and_agrees_with_metrics() {
    let mut daemon = Settings::default().start().await;
    let now = Clock::system().now().0;
    let [began, grown, given_back] = [230, 200, 140].map(|days| now - days * DAY);
    let state = |quantity: i64| subscription("sub_1", "cus_1", "price_seat", 1000, quantity, began);
    let from = |quantity: i64| Some(json!({"items": state(quantity)["items"]}));
    for body in [
        event("evt_1", "customer.subscription.created", began, &state(1), None),
        event("evt_2", "customer.subscription.updated", grown, &state(4), from(1)),
        event("evt_3", "customer.subscription.updated", given_back, &state(2), from(4)),
        // Grown again: expansion of its own, that gives the older nothing back.
        event("evt_4", "customer.subscription.updated", given_back + 2 * DAY, &state(9), from(2)),
    ] {
        daemon.accept(body).await;
    }
    daemon.settle().await;
    let month = date(grown);
    let span = format!("from={}&to={}", month.first_of_month(), month.last_of_month());
    let told = daemon.json(&format!("/api/v1/durability?{span}")).await;
    let entries = told["data"].as_array().unwrap();
    let rollups: Vec<&Value> = entries.iter().map(|entry| &entry["rollup"]).collect();
    assert_eq!(rollups, [&Value::Null, &json!("upsell")], "{told:#}");
    for entry in entries {
        assert_eq!((&entry["expansion_exact"], &entry["customers"]), (&json!("3000"), &json!(1)));
        let ages = entry["ages"].as_array().unwrap();
        assert_eq!(ages.iter().map(|age| age["days"].as_i64().unwrap()).collect::<Vec<_>>(), [30, 90, 180, 365]);
        for age in ages {
            let day: Date = age["day"].as_str().unwrap().parse().unwrap();
            let expected = if day > date(now) {
                [Value::Null, Value::Null]
            } else if day >= date(given_back) {
                [json!("1000"), json!("2000")]
            } else {
                [json!("3000"), json!("0")]
            };
            assert_eq!([&age["held_exact"], &age["lost_exact"]], [&expected[0], &expected[1]], "{age}");
        }
        assert_eq!((&ages[1]["share"]["value"], &ages[3]["share"]["value"]), (&json!("0.333333"), &Value::Null));
    }
    let seq = daemon.json("/api/v1/status").await["log"]["last_seq"].as_i64().unwrap();
    for known in [String::new(), format!("&as_known_at={seq}")] {
        let metrics = daemon.json(&format!("/api/v1/metrics?{span}{known}")).await;
        assert_eq!(metrics["data"][0]["expansion_durability"], entries[0]["ages"][1]["share"], "{metrics:#}");
        let again = daemon.json(&format!("/api/v1/durability?{span}{known}")).await;
        assert_eq!(again["data"], told["data"]);
    }
    // Before anything was given back, all of it was held.
    let before = daemon.json(&format!("/api/v1/durability?{span}&as_known_at={}", seq - 2)).await;
    assert_eq!(before["data"][0]["ages"][1]["held_exact"], "3000");
    let printed = daemon.command(&["report", "durability", "--json", "--from", &month.first_of_month().to_string()]);
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(printed["data"][0], told["data"][0]);
    // A person reads one line a month and group of causes; ages that haven't come have no column.
    let printed = daemon.command(&["report", "durability", "--from", &month.first_of_month().to_string()]);
    let printed = String::from_utf8(printed.stdout).unwrap();
    let head: Vec<&str> = printed.lines().nth(1).unwrap_or_default().split_whitespace().collect();
    assert!(head.starts_with(&["month", "rollup", "customers", "expansion", "held", "30", "days"]), "{printed}");
    assert!(!head.contains(&"365"), "{printed}");
}
