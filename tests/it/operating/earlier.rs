//! What was known at a place of the log is what a log that ends there told, route by route, on both databases: the answers that
//! were given while it ended there are held against those that are given later as known then.

use serde_json::{Value, json};

use super::*;
use crate::api::{DAY, JANUARY, event, subscription};

/// Routes with everything that a ledger is read in: whole, in groups, by customer, in lists and page by page.
const ROUTES: [&str; 28] = [
    "/api/v1/mrr?",
    "/api/v1/mrr?currency=usd&interval=day&from=2026-02-01&to=2026-03-31",
    "/api/v1/mrr?currency=jpy",
    "/api/v1/mrr?interval=year",
    "/api/v1/mrr?group_by=product",
    "/api/v1/mrr?group_by=price&currency=usd",
    "/api/v1/mrr?group_by=interval",
    "/api/v1/mrr?group_by=cause",
    "/api/v1/mrr?group_by=country",
    "/api/v1/mrr?group_by=cohort",
    "/api/v1/mrr?group_by=customer&currency=usd",
    "/api/v1/mrr?group_by=product&interval=week",
    "/api/v1/mrr?profile=finance",
    "/api/v1/metrics?",
    "/api/v1/metrics?currency=usd&interval=quarter",
    "/api/v1/metrics?currency=usd&interval=week&from=2026-02-02",
    "/api/v1/cohorts?",
    "/api/v1/cohorts?currency=usd&profile=finance",
    "/api/v1/movements?limit=1000",
    "/api/v1/movements?order=desc&limit=7",
    "/api/v1/movements?kind=churn&order=desc&limit=50",
    "/api/v1/movements?currency=jpy&without=fx&limit=50",
    "/api/v1/customers?limit=1000",
    "/api/v1/customers?sort=mrr&currency=usd&limit=20",
    "/api/v1/quality?limit=100",
    "/api/v1/failed-payments?limit=1000",
    "/api/v1/committed?",
    "/api/v1/durability?",
];

/// Without what is told as of now: names, and that the answer is of a place.
fn figures(mut answer: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for name in [
                    "product_name",
                    "price_name",
                    "customer_name",
                    "as_known_at_seq",
                    "behind",
                    "notices",
                    "next_cursor",
                ] {
                    fields.remove(name);
                }
                // A customer's, which are read behind the ledger: nothing waits for them.
                if fields.remove("email").is_some() {
                    fields.remove("name");
                }
                fields.values_mut().for_each(strip);
            }
            Value::Array(values) => values.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut answer);
    answer
}

/// The last place of the log.
async fn last(daemon: &mut Daemon) -> i64 {
    daemon.json("/api/v1/health").await["work"]["last_seq"].as_i64().unwrap()
}

on_both! {
    async fn as_known_then_is_what_was_told_then(settings) {
        let settings = settings.env("MRRD_LEDGER__PROFILES", "stripe,finance");
        let mut daemon = settings.start().await;
        let events = account(11, 30);
        let mut told: Vec<(i64, Vec<Value>)> = Vec::new();
        // Long before, a little before, and nothing after.
        let places = [events.len() / 3, events.len() * 9 / 10, events.len()];
        let mut posted = 0;
        for place in places {
            for event in &events[posted..place] {
                daemon.accept(event.body.clone()).await;
            }
            posted = place;
            daemon.settle().await;
            let mut answers = Vec::new();
            for route in ROUTES {
                answers.push(figures(daemon.json(route).await));
            }
            told.push((last(&mut daemon).await, answers));
        }
        for (seq, answers) in told {
            for (route, answer) in ROUTES.iter().zip(answers) {
                let known = figures(daemon.json(&format!("{route}&as_known_at={seq}")).await);
                assert!(known == answer, "{route} as known at {seq}: {}", difference(&answer, &known));
            }
        }
    }
}

on_both! {
    async fn rows_that_are_behind_the_log_are_exchanged_for_what_they_hold(settings) {
        let mut daemon = settings.env("MRRD_LEDGER__PROFILES", "stripe,finance").start().await;
        let events = account(13, 20);
        let (first, then) = (events.len() / 3, events.len() * 2 / 3);
        for event in &events[..first] {
            daemon.accept(event.body.clone()).await;
        }
        daemon.settle().await;
        let mut answers = Vec::new();
        for route in ROUTES {
            answers.push(figures(daemon.json(route).await));
        }
        let seq = last(&mut daemon).await;
        for event in &events[first..then] {
            daemon.accept(event.body.clone()).await;
        }
        daemon.settle().await;
        // What comes now about the same customers reaches no row.
        let mut daemon = daemon.restart_with("MRRD_SERVER__ROLES", "receiver,api").await;
        for event in &events[then..] {
            daemon.accept(event.body.clone()).await;
        }
        for (route, answer) in ROUTES.iter().zip(answers) {
            let known = figures(daemon.json(&format!("{route}&as_known_at={seq}")).await);
            assert!(known == answer, "{route}: {}", difference(&answer, &known));
        }
    }
}

on_both! {
    async fn what_was_known_stays_while_webhooks_come(settings) {
        let mut daemon = settings.env("MRRD_LEDGER__PROFILES", "stripe,finance").start().await;
        let events = account(14, 20);
        let mut posted = events.len() / 3;
        for event in &events[..posted] {
            daemon.accept(event.body.clone()).await;
        }
        daemon.settle().await;
        let routes = || ROUTES.iter().step_by(2);
        let mut answers = Vec::new();
        for route in routes() {
            answers.push(figures(daemon.json(route).await));
        }
        let seq = last(&mut daemon).await;
        // Who was exchanged for the answer before and is touched again, who is new, and who is as before.
        while posted < events.len() {
            let until = events.len().min(posted + events.len() / 6);
            for event in &events[posted..until] {
                daemon.accept(event.body.clone()).await;
            }
            posted = until;
            daemon.settle().await;
            for (route, answer) in routes().zip(&answers) {
                let known = figures(daemon.json(&format!("{route}&as_known_at={seq}")).await);
                assert!(known == *answer, "{route} after {posted}: {}", difference(answer, &known));
            }
        }
    }
}

on_both! {
    async fn profiles_that_are_kept_compare_as_those_that_are_not(settings) {
        // Not kept are the profiles of another daemon, which derives everybody.
        let (kept, other) = (settings.env("MRRD_LEDGER__PROFILES", "stripe,finance"), Settings::default());
        let (mut kept, mut other) = (kept.start().await, other.env("MRRD_LEDGER__PROFILES", "chartmogul").start().await);
        for event in account(12, 40) {
            kept.accept(event.body.clone()).await;
            other.accept(event.body.clone()).await;
        }
        kept.settle().await;
        other.settle().await;
        let mut differing = 0;
        for question in ["month=2026-03", "month=2026-05&currency=usd", "month=2026-01&currency=jpy"] {
            let path = format!("/api/v1/compare?profile=stripe&with=finance&{question}");
            let (one, all) = (figures(kept.json(&path).await), figures(compared(&other, question)));
            differing += one["data"].as_array().unwrap().len();
            assert!(one == all, "{question}: {}", difference(&all, &one));
        }
        assert!(differing > 0, "nothing was compared");
    }
}

on_both! {
    async fn failed_payments_are_the_same_page_by_page_and_span_by_span(settings) {
        let mut daemon = settings.start().await;
        // Seven customers whose payments fail on four days, one of them twice; every other one pays after all.
        for number in 0..7_i64 {
            let (id, customer) = (format!("sub_{number}"), format!("cus_{number}"));
            let mut state = subscription(&id, &customer, "price_1", 1_000, 1, JANUARY);
            daemon.accept(event(&format!("evt_{number}"), "customer.subscription.created", JANUARY, &state, None)).await;
            let fails = 2 + number / 2;
            let turns: &[(i64, &str)] = match number {
                0 => &[(fails, "past_due"), (fails + 1, "active"), (fails + 2, "past_due")],
                _ if number % 2 == 0 => &[(fails, "past_due"), (fails + 1, "active")],
                _ => &[(fails, "past_due")],
            };
            for (day, status) in turns {
                let before = json!({"status": state["status"]});
                state["status"] = json!(status);
                let id = format!("evt_{number}_{day}");
                let at = JANUARY + day * DAY;
                daemon.accept(event(&id, "customer.subscription.updated", at, &state, Some(before))).await;
            }
        }
        daemon.settle().await;
        let listed = async |daemon: &mut Daemon, query: &str| -> Vec<Value> {
            let (mut all, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = daemon.json(&format!("/api/v1/failed-payments?{query}{cursor}")).await;
                all.extend(page["data"].as_array().unwrap().iter().cloned());
                let Some(next) = page["next_cursor"].as_str() else { return all };
                cursor = format!("&cursor={next}");
            }
        };
        let whole = listed(&mut daemon, "limit=1000").await;
        assert!(whole.len() > 4, "{whole:?}");
        assert_eq!(listed(&mut daemon, "limit=1").await, whole);
        assert_eq!(listed(&mut daemon, "limit=3").await, whole);
        let failed_on = |one: &Value| one["failed_on"].as_str().unwrap().to_owned();
        let (to, from) = (failed_on(&whole[1]), failed_on(&whole[whole.len() - 2]));
        let within: Vec<Value> =
            whole.iter().filter(|one| (from.clone()..=to.clone()).contains(&failed_on(one))).cloned().collect();
        assert_eq!(listed(&mut daemon, &format!("limit=2&from={from}&to={to}")).await, within);
    }
}

/// What the command says, which compares profiles that no ledger keeps.
fn compared(daemon: &Daemon, question: &str) -> Value {
    let words = question.split('&').map(|word| word.split_once('=').unwrap());
    let options = words.flat_map(|(name, value)| [format!("--{name}"), value.to_owned()]);
    let args: Vec<String> =
        ["compare", "stripe", "finance", "--json"].map(str::to_owned).into_iter().chain(options).collect();
    beside(daemon, &args.iter().map(String::as_str).collect::<Vec<_>>()).json()
}

/// The first place at which two answers differ.
fn difference(then: &Value, known: &Value) -> String {
    match (then, known) {
        (Value::Object(one), Value::Object(other)) => {
            let names: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            let differs = names.into_iter().find(|name| one.get(*name) != other.get(*name));
            differs.map_or_else(String::new, |name| {
                let of = |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or(Value::Null);
                format!("{name}: {}", difference(&of(one), &of(other)))
            })
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let at = (0..one.len()).find(|at| one[*at] != other[*at]).unwrap_or_default();
            format!("[{at}] {}", difference(&one[at], &other[at]))
        }
        (Value::Array(one), Value::Array(other)) => {
            let beyond = |these: &[Value], those: &[Value]| {
                these.iter().filter(|value| !those.contains(value)).take(2).map(Value::to_string).collect::<Vec<_>>()
            };
            let (one, other) = (one.as_slice(), other.as_slice());
            format!(
                "{} and {} of them: {:?} against {:?}",
                one.len(),
                other.len(),
                beyond(one, other),
                beyond(other, one)
            )
        }
        _ => format!("{then} then, {known} as known then"),
    }
}
