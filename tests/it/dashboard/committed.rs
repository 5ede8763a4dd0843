//! Committed MRR on the overview: each horizon is what the API answers, and each line opens to its customers and webhooks.

use mrrd::clock::Clock;
use serde_json::{Value, json};

use super::{dollars, everywhere, no_faults, once, pages::account, walk};
use crate::{
    api::{DAY, event, subscription},
    support::daemon::Daemon,
};

/// The simulated account, with an end within the month, a phase of a schedule beyond it, a trial and a failed payment.
async fn scheduled() -> Daemon {
    let mut daemon = account().await;
    let now = Clock::system().now().0;
    let began = now - 40 * DAY;
    let of = |number: u8, amount: i64| {
        let (id, customer) = (format!("sub_ahead_{number}"), format!("cus_ahead_{number}"));
        let mut state = subscription(&id, &customer, &format!("price_{amount}"), amount, 1, began);
        (state["current_period_start"], state["current_period_end"]) = (json!(began), json!(now + 5 * DAY));
        state
    };
    let mut ending = of(1, 12_321);
    ending["cancel_at_period_end"] = json!(true);
    let mut trial = of(3, 700);
    trial["status"] = json!("trialing");
    (trial["trial_start"], trial["trial_end"]) = (json!(began), json!(now + 3 * DAY));
    let mut late = of(4, 900);
    late["status"] = json!("past_due");
    let phase = |from: i64, price: &str| json!({"start_date": from, "end_date": from + 30 * DAY, "discounts": [], "items": [{"price": price, "quantity": 1, "discounts": []}]});
    let schedule = json!({"id": "sub_sched_ahead", "object": "subscription_schedule", "customer": "cus_ahead_2",
        "subscription": "sub_ahead_2", "status": "active", "end_behavior": "release",
        "phases": [phase(began, "price_1000"), phase(now + 60 * DAY, "price_12321")]});
    for (number, state) in [ending, of(2, 1000), trial, late].iter().enumerate() {
        let id = format!("evt_ahead_{}", number + 1);
        daemon.accept(event(&id, "customer.subscription.created", began, state, None)).await;
    }
    daemon.accept(event("evt_ahead_plan", "subscription_schedule.updated", began + DAY, &schedule, None)).await;
    daemon.settle().await;
    daemon
}

#[tokio::test(flavor = "multi_thread")]
async fn committed_mrr_stands_beside_mrr_and_opens_to_its_webhooks() {
    let mut daemon = scheduled().await;
    let path = "/?currency=usd&profile=finance";
    let seen = walk(&daemon, &everywhere(), &json!([{"path": path}]));
    no_faults(&seen);
    let steps = json!([
        // The curve, as the chart's table has it.
        {"click": "#mrr .as-table summary"}, {"look": "curve"},
        {"click": "a[href*='line=scheduled_churn'][href*='days=30']"}, {"wait": "Scheduled churn within 30 days"}, {"look": "lines"},
        {"click": "a[href*='line=scheduled_expansion'][href*='days=90']"}, {"wait": "Scheduled expansion within 90 days"},
        {"click": {"text": "evt_ahead_plan"}}, {"wait": "The body, as received"}, {"look": "event"},
    ]);
    let opened = walk(&daemon, &once(), &json!([{"path": path, "steps": steps}]));
    no_faults(&opened);

    let whole = daemon.json("/api/v1/committed?currency=usd&profile=finance&horizon=365").await["data"][0].clone();
    for horizon in [30, 90, 365] {
        let told = daemon.json(&format!("/api/v1/committed?currency=usd&profile=finance&horizon={horizon}")).await;
        let entry = &told["data"][0];
        let committed = dollars(entry["committed"].as_i64().unwrap());
        let left = dollars(entry["scheduled_churn"].as_i64().unwrap());
        for one in &seen {
            one.shows(&committed);
            one.shows(&left);
        }
    }
    let trials = format!("{} if all convert", dollars(whole["trials_due"]["mrr"].as_i64().unwrap()));
    for one in &seen {
        one.shows(&trials);
        one.shows("Past due now");
    }
    let curve = opened[0].look("curve").1;
    let ends = |one: &&Value| {
        let day: jiff::civil::Date = one["day"].as_str().unwrap().parse().unwrap();
        day == day.last_of_month()
    };
    let months: Vec<&Value> = whole["curve"].as_array().unwrap().iter().filter(ends).collect();
    assert!(months.len() >= 12, "{months:?}");
    for one in months {
        let amount = dollars(one["committed"].as_i64().unwrap());
        assert!(curve.contains(&amount), "{one} is not in the curve:\n{curve}");
    }
    let lines = opened[0].look("lines").1;
    for told in ["cus_ahead_1", "evt_ahead_1", "-$123.21"] {
        assert!(lines.contains(told), "{told} is not among the lines:\n{lines}");
    }
    assert!(!lines.contains("evt_ahead_plan"), "the phase is another line's:\n{lines}");
    assert_eq!(opened[0].look("event").0.split('?').next(), Some("/events/evt_ahead_plan"));
}
