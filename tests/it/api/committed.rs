//! Committed MRR over webhooks (rule `committed-mrr`): its lines, what stands beside them, and from where they are told.

use mrrd::clock::Clock;
use serde_json::{Value, json};

use super::{DAY, event, subscription};
use crate::support::{daemon::Settings, postgres};

fn now() -> i64 {
    Clock::system().now().0
}

#[tokio::test]
async fn what_is_scheduled_is_told_with_its_events_from_the_tables_and_from_the_log() {
    scheduled(Settings::default()).await;
}

#[tokio::test]
async fn the_same_on_postgres() {
    scheduled(Settings::default().env("MRRD_DATABASE__URL", &postgres::database().await)).await;
}

async fn scheduled(settings: Settings) {
    let began = now() - 40 * DAY;
    let mut daemon = settings.env("MRRD_LEDGER__PROFILES", "finance,stripe").start().await;
    let of = |number: u8, amount: i64| {
        let mut state = subscription(
            &format!("sub_{number}"),
            &format!("cus_{number}"),
            &format!("price_{amount}"),
            amount,
            1,
            began,
        );
        (state["current_period_start"], state["current_period_end"]) = (json!(began), json!(now() + 5 * DAY));
        state
    };
    let mut ending = of(1, 2000);
    ending["cancel_at_period_end"] = json!(true);
    let mut trial = of(4, 700);
    trial["status"] = json!("trialing");
    (trial["trial_start"], trial["trial_end"]) = (json!(began), json!(now() + 3 * DAY));
    let mut late = of(5, 900);
    late["status"] = json!("past_due");
    let phase = |from: i64, price: &str, quantity: i64| json!({"start_date": from, "end_date": from + 30 * DAY, "discounts": [], "items": [{"price": price, "quantity": quantity, "discounts": []}]});
    let schedule = json!({"id": "sub_sched_2", "object": "subscription_schedule", "customer": "cus_2",
        "subscription": "sub_2", "status": "active", "end_behavior": "release",
        // The next phase's price is told by another customer's subscription only.
        "phases": [phase(began, "price_1000", 1), phase(now() + 10 * DAY, "price_2000", 2)]});
    for (number, state) in [ending, of(2, 1000), of(3, 3000), trial, late].iter().enumerate() {
        daemon.accept(event(&format!("evt_{}", number + 1), "customer.subscription.created", began, state, None)).await;
    }
    daemon.accept(event("evt_schedule", "subscription_schedule.updated", began + DAY, &schedule, None)).await;
    daemon.settle().await;
    let mut told: Value = daemon.json("/api/v1/committed?horizon=30").await;
    let entry = &told["data"][0];
    let exact = |name: &str| entry[format!("{name}_exact")].as_str().unwrap().to_owned();
    assert_eq!(
        [
            "mrr",
            "scheduled_churn",
            "scheduled_contraction",
            "scheduled_expansion",
            "discount_end",
            "resume",
            "committed"
        ]
        .map(exact),
        ["6900", "-2000", "0", "3000", "0", "0", "7900"],
        "{told:#}"
    );
    let lines: Vec<[&str; 4]> = entry["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| ["line", "customer", "amount_exact", "event"].map(|name| line[name].as_str().unwrap()))
        .collect();
    assert_eq!(
        lines,
        [["scheduled_churn", "cus_1", "-2000", "evt_1"], ["scheduled_expansion", "cus_2", "3000", "evt_schedule"]]
    );
    assert_eq!((&entry["trials_due"]["trials"], &entry["trials_due"]["mrr_exact"]), (&json!(1), &json!("700")));
    assert_eq!(entry["trials_due"]["expected_exact"], Value::Null, "no trial has ended yet: its rate isn't known");
    assert_eq!((&entry["past_due"]["customers"], &entry["past_due"]["mrr_exact"]), (&json!(1), &json!("900")));
    let curve = entry["curve"].as_array().unwrap();
    assert_eq!(curve.last().unwrap()["committed_exact"], "7900");
    // The log tells the same, and what was known before the schedule came.
    let seq = daemon.json("/api/v1/status").await["log"]["last_seq"].as_i64().unwrap();
    let mut known = daemon.json(&format!("/api/v1/committed?horizon=30&as_known_at={seq}")).await;
    assert_eq!(known.as_object_mut().unwrap().remove("as_known_at_seq"), Some(json!(seq)));
    assert_eq!(known, told);
    let before = daemon.json(&format!("/api/v1/committed?horizon=30&as_known_at={}", seq - 1)).await;
    assert_eq!(before["data"][0]["committed_exact"], "4900");
    // A shorter horizon ends before the phase; where a request counts at once, nothing is left to end.
    let week = daemon.json("/api/v1/committed?horizon=7").await;
    assert_eq!(week["data"][0]["committed_exact"], "4900");
    let stripe = daemon.json("/api/v1/committed?profile=stripe").await;
    assert_eq!([&stripe["data"][0]["mrr_exact"], &stripe["data"][0]["scheduled_churn_exact"]], ["4900", "0"]);
    // As commands take it.
    assert_eq!(daemon.json("/api/v1/committed?horizon=7d").await["data"], week["data"]);
    let refused = daemon.get("/api/v1/committed?horizon=1y").await;
    let said = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(refused.status == 422 && said.contains("is not so many days from 1 to 3650, such as 30 or 30d"), "{said}");
    let refused = daemon.get("/api/v1/committed?horizon=0").await;
    assert_eq!(refused.status, 422);
    let printed = daemon.command(&["report", "committed", "--json"]);
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    told.as_object_mut().unwrap().retain(|name, _| name != "behind");
    assert_eq!(printed, told);
    let table = daemon.command(&["report", "committed"]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("scheduled_expansion") || table.contains("scheduled expansion"), "{table}");
}

/// Of hundreds of thousands of trials only the first are wanted, and all of them counted.
#[tokio::test]
async fn the_first_that_are_due_are_listed_and_all_counted() {
    let mut daemon = Settings::default().start().await;
    let began = now() - 40 * DAY;
    for number in 0..4 {
        // The later they come the sooner they are due; two of them on one day.
        let mut trial = subscription(&format!("sub_{number}"), &format!("cus_{number}"), "price_1", 700, 1, began);
        trial["status"] = json!("trialing");
        let end = now() + (4 - number / 2) * DAY;
        (trial["trial_start"], trial["trial_end"]) = (json!(began), json!(end));
        let mut yearly = subscription(&format!("sub_y{number}"), &format!("cus_{number}"), "price_2", 1200, 1, began);
        (yearly["current_period_start"], yearly["current_period_end"]) = (json!(end - 365 * DAY), json!(end));
        yearly["items"]["data"][0]["price"]["recurring"]["interval"] = json!("year");
        for (state, kind) in [(trial, "trial"), (yearly, "yearly")] {
            let id = format!("evt_{kind}_{number}");
            daemon.accept(event(&id, "customer.subscription.created", began, &state, None)).await;
        }
    }
    daemon.settle().await;
    let seq = daemon.json("/api/v1/status").await["log"]["last_seq"].clone();
    for of in [String::new(), format!("&as_known_at={seq}")] {
        let all = daemon.json(&format!("/api/v1/committed?{of}")).await;
        let mut first = all["data"].clone();
        for list in ["trials_due", "annual_renewals"] {
            let data = first[0][list]["data"].as_array_mut().unwrap();
            assert_eq!(data.len(), 4, "{list}: {all:#}");
            assert!(data.is_sorted_by_key(|one| (one["day"].to_string(), one["customer"].to_string())), "{data:?}");
            data.truncate(3);
        }
        assert_eq!(daemon.json(&format!("/api/v1/committed?limit=3{of}")).await["data"], first);
        assert_eq!(daemon.json(&format!("/api/v1/committed?limit=1000{of}")).await["data"], all["data"]);
    }
    assert_eq!(daemon.get("/api/v1/committed?limit=0").await.status, 422);
}

/// A schedule whose phases nobody tells to have begun has more windows than are looked at when the customer is derived: from there
/// on its facts are read, and the answer is theirs.
#[tokio::test]
async fn with_more_windows_than_are_kept_its_facts_are_read() {
    let mut daemon = Settings::default().env("MRRD_LEDGER__PROFILES", "finance").start().await;
    let began = now() - 170 * DAY;
    let mut state = subscription("sub_1", "cus_1", "price_1000", 1000, 1, began);
    (state["current_period_start"], state["current_period_end"]) = (json!(began), json!(now() + 5 * DAY));
    // One a day, the last in six days: some 150 of them are overdue.
    let phase = |n: i64| {
        let start = began + (n + 1) * DAY;
        json!({"start_date": start, "end_date": start + DAY, "discounts": [],
            "items": [{"price": "price_1000", "quantity": n, "discounts": []}]})
    };
    let schedule = json!({"id": "sub_sched_1", "object": "subscription_schedule", "customer": "cus_1",
        "subscription": "sub_1", "status": "active", "end_behavior": "release",
        "phases": (1..=175).map(phase).collect::<Vec<_>>()});
    daemon.accept(event("evt_1", "customer.subscription.created", began, &state, None)).await;
    daemon.accept(event("evt_schedule", "subscription_schedule.updated", began + DAY, &schedule, None)).await;
    // Its trial is told by its facts alone, somebody else's by its row.
    for (number, customer) in [(2, "cus_1"), (3, "cus_3")] {
        let mut trial = subscription(&format!("sub_{number}"), customer, "price_500", 500, 1, now() - 3 * DAY);
        (trial["status"], trial["trial_start"], trial["trial_end"]) =
            (json!("trialing"), json!(now() - 3 * DAY), json!(now() + number * DAY));
        daemon
            .accept(event(&format!("evt_{number}"), "customer.subscription.created", now() - 3 * DAY, &trial, None))
            .await;
    }
    daemon.settle().await;
    let told = daemon.json("/api/v1/committed?horizon=30").await;
    let entry = &told["data"][0];
    let due = &entry["trials_due"];
    let listed: Vec<_> = due["data"].as_array().unwrap().iter().map(|one| one["customer"].as_str().unwrap()).collect();
    assert_eq!(
        (&due["trials"], &due["mrr_exact"], listed),
        (&json!(2), &json!("1000"), vec!["cus_1", "cus_3"]),
        "{due:#}"
    );
    let exact = ["mrr", "scheduled_expansion", "committed"].map(|name| entry[format!("{name}_exact")].as_str());
    assert_eq!(exact, [Some("1000"), Some("174000"), Some("175000")], "{told:#}");
    // What is overdue comes at once; the rest day by day.
    assert!(entry["lines"].as_array().is_some_and(|lines| (6..=8).contains(&lines.len())), "{told:#}");
}

/// In the reporting currency rows tell of customers who pay in it, and facts of the others (rule `revaluation`).
#[tokio::test]
async fn in_the_reporting_currency_each_customer_is_told_at_the_rate_it_stands_at() {
    let settings = Settings::default().env("MRRD_LEDGER__PROFILES", "finance");
    let mut daemon = settings.env("MRRD_LEDGER__REPORTING_CURRENCY", "usd").start().await;
    let began = now() - 40 * DAY;
    let created = "customer.subscription.created";
    for (number, currency, ends) in [(1, "usd", true), (2, "usd", false), (3, "eur", true), (4, "eur", false)] {
        let of = |id: &str| format!("{id}_{number}");
        let mut state = subscription(&of("sub"), &of("cus"), &of("price"), 1000 * number, 1, began);
        state["currency"] = json!(currency);
        state["items"]["data"][0]["price"]["currency"] = json!(currency);
        (state["current_period_start"], state["current_period_end"]) = (json!(began), json!(now() + 5 * DAY));
        state["cancel_at_period_end"] = json!(ends);
        daemon.accept(event(&of("evt"), created, began, &state, None)).await;
    }
    let mut rates = String::from("day,currency,rate\n");
    for days in 0..=45 {
        let day = jiff::Timestamp::from_second(now() - (44 - days) * DAY).unwrap().strftime("%Y-%m-%d");
        rates.push_str(&format!("{day},eur,1.5\n"));
    }
    std::fs::write(daemon.dir().join("rates.csv"), rates).unwrap();
    let imported = daemon.command(&["fx", "import", "rates.csv"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let since = std::time::Instant::now();
    let told = loop {
        let answer = daemon.get("/api/v1/committed").await;
        if answer.status == 200 {
            break serde_json::from_slice::<Value>(&answer.body).unwrap();
        }
        assert!(since.elapsed().as_secs() < 60, "{}", String::from_utf8_lossy(&answer.body));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    let entry = &told["data"][0];
    let exact = ["mrr", "scheduled_churn", "committed"].map(|name| entry[format!("{name}_exact")].as_str().unwrap());
    assert_eq!((exact, &told["converted"]), (["13500", "-5500", "8000"], &json!(true)), "{told:#}");
    let lines: Vec<[&str; 2]> = entry["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| ["customer", "amount_exact"].map(|name| line[name].as_str().unwrap()))
        .collect();
    assert_eq!(lines, [["cus_1", "-1000"], ["cus_3", "-4500"]]);
}
