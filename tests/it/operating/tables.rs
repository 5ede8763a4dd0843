//! The SQL views answer what the API answers, to the millionth, on both databases; and a reader's role sees nothing else.

use std::{collections::BTreeSet, fmt::Write as _};

use mrrd::demo::read_exact;
use serde_json::Value;

use super::*;
use crate::support::sql;

/// Where the views of the ledger are, and where that of the log.
fn urls(daemon: &Daemon, settings: &Settings) -> (String, String) {
    settings.get("MRRD_DATABASE__URL").map_or_else(
        || {
            let file = |name: &str| format!("sqlite://{}", daemon.dir().join(name).display());
            (file("mrrd.derived.db"), file("mrrd.db"))
        },
        |url| (url.to_owned(), url.to_owned()),
    )
}

fn millionths(entry: &Value, name: &str) -> i128 {
    let text = entry[name].as_str().unwrap_or_else(|| panic!("no {name} in {entry}"));
    read_exact(text).unwrap_or_else(|| panic!("{name} is {text}"))
}

/// Every page of a list.
async fn all(daemon: &mut Daemon, path: &str) -> Vec<Value> {
    let (mut entries, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = daemon.json(&format!("{path}{cursor}")).await;
        entries.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return entries };
        cursor = format!("&cursor={next}");
    }
}

/// Columns as one line of text, on either database.
fn line(columns: &[&str]) -> String {
    let texts: Vec<String> = columns.iter().map(|column| format!("CAST({column} AS TEXT)")).collect();
    texts.join(" || ' ' || ")
}

async fn held(url: &str, columns: &[&str], from: &str, expected: BTreeSet<String>) {
    assert!(!expected.is_empty(), "the API answers nothing to hold {from} against");
    let found = sql::lines(url, &format!("SELECT {} FROM {from}", line(columns))).await.unwrap();
    let shown: BTreeSet<String> = found.iter().cloned().collect();
    let (missing, extra): (Vec<_>, Vec<_>) =
        (expected.difference(&shown).take(5).collect(), shown.difference(&expected).take(5).collect());
    assert!(missing.is_empty() && extra.is_empty(), "{from} lacks {missing:#?}\nand has {extra:#?}");
    assert_eq!(found.len(), shown.len(), "{from} says something twice");
}

const WHICH: &str = "profile = 'stripe' AND test_clock = '' AND currency";

on_both! {
    async fn views_answer_what_the_api_answers(settings) {
        let mut daemon = settings.clone().start().await;
        for event in account(7, 40) {
            daemon.accept(event.body.clone()).await;
        }
        daemon.settle().await;
        let (ledger, log) = urls(&daemon, &settings);
        for currency in ["usd", "jpy"] {
            let of = format!("currency={currency}&from=2025-11-01&to=2026-06-30");

            let daily = daemon.json(&format!("/api/v1/mrr?{of}&interval=day")).await;
            let first = format!("SELECT CAST(MIN(day) AS TEXT) FROM v_mrr_daily WHERE {WHICH} = '{currency}'");
            let first = sql::lines(&ledger, &first).await.unwrap().remove(0);
            let days = daily["data"].as_array().unwrap().iter().filter(|day| *day["start"].as_str().unwrap() >= *first);
            let days = days.map(|day| {
                format!("{} {} {} {}", day["start"].as_str().unwrap(), millionths(day, "closing_exact"), day["customers"], day["subscriptions"])
            });
            let from = format!("v_mrr_daily WHERE {WHICH} = '{currency}' AND CAST(day AS TEXT) <= '2026-06-30'");
            held(&ledger, &["day", "mrr_millionths", "customers", "subscriptions"], &from, days.collect()).await;

            let movements = all(&mut daemon, &format!("/api/v1/movements?{of}&limit=1000")).await;
            let told = movements.iter().map(|one| {
                let word = |name: &str| one[name].as_str().unwrap().to_owned();
                format!("{} {} {} {} {}", word("id"), word("customer"), word("day"), word("kind"), millionths(one, "amount_exact"))
            });
            let from = format!("v_movement WHERE {WHICH} = '{currency}'");
            held(&ledger, &["id", "customer", "day", "kind", "amount_millionths"], &from, told.collect()).await;
            let mut parts = BTreeSet::new();
            for movement in &movements {
                for (place, part) in movement["parts"].as_array().unwrap().iter().enumerate() {
                    let (id, cause) = (movement["id"].as_str().unwrap(), part["cause"].as_str().unwrap());
                    parts.insert(format!("{id} {place} {cause} {}", millionths(part, "amount_exact")));
                }
            }
            let from = format!("v_movement_part WHERE {WHICH} = '{currency}'");
            held(&ledger, &["movement", "part", "cause", "amount_millionths"], &from, parts).await;

            let months = daemon.json(&format!("/api/v1/mrr?{of}&interval=month")).await;
            let sums = ["opening", "new", "expansion", "contraction", "churn", "reactivation", "closing"];
            let expected = months["data"].as_array().unwrap().iter().filter(|month| {
                millionths(month, "closing_exact") != 0 || millionths(month, "new_exact") != 0
            });
            let expected = expected.map(|month| {
                let mut line = month["start"].as_str().unwrap().to_owned();
                sums.iter().for_each(|name| write!(line, " {}", millionths(month, &format!("{name}_exact"))).unwrap());
                line
            });
            let rounded: Vec<String> =
                sums.iter().map(|name| format!("CAST(ROUND(SUM({name}) * 1000000) AS BIGINT)")).collect();
            let columns: Vec<&str> = std::iter::once("month").chain(rounded.iter().map(String::as_str)).collect();
            let from = format!("v_customer_month WHERE {WHICH} = '{currency}' AND CAST(month AS TEXT) < '2026-07-01' GROUP BY month");
            held(&ledger, &columns, &from, expected.collect()).await;
        }

        let mut now = BTreeSet::new();
        for customer in all(&mut daemon, "/api/v1/customers?limit=100").await {
            for amount in customer["mrr"].as_array().unwrap() {
                let (id, currency) = (customer["id"].as_str().unwrap(), amount["currency"].as_str().unwrap());
                now.insert(format!("{id} {currency} {}", millionths(amount, "mrr_exact")));
            }
            // Who pays nothing has a row for what is free now, or none: the API names what was ever paid for.
            now.retain(|line| !line.ends_with(" 0"));
        }
        let from = "v_customer WHERE profile = 'stripe' AND mrr_millionths <> 0";
        held(&ledger, &["customer", "currency", "mrr_millionths"], from, now).await;

        let quality = all(&mut daemon, "/api/v1/quality?limit=100").await;
        let entries = quality.iter().filter(|entry| entry["customer"].is_string()).map(|entry| {
            let word = |name: &str| entry[name].as_str().unwrap().to_owned();
            format!("{} {} {}", word("customer"), word("kind"), word("object"))
        });
        let from = "(SELECT DISTINCT customer, kind, object FROM v_quality WHERE profile = 'stripe' AND until IS NULL) AS one";
        held(&ledger, &["customer", "kind", "object"], from, entries.collect()).await;

        let events = all(&mut daemon, "/api/v1/events?limit=100").await;
        let told = events.iter().map(|event| {
            format!("{} {} {}", event["seq"], event["id"].as_str().unwrap(), event["type"].as_str().unwrap())
        });
        held(&log, &["seq", "id", "type"], "v_event", told.collect()).await;
        let unread = sql::number(&log, "SELECT COUNT(*) FROM v_event WHERE reading NOT IN ('read', 'ignored')").await;
        assert_eq!(unread, 0, "the simulated account sends nothing that can't be read");
    }
}

/// The blocks of the guide whose words behind the fence are `of`.
fn told(of: &str) -> Vec<String> {
    guides::blocks("tables.md").into_iter().filter(|(words, _)| words == of).map(|(_, text)| text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_made_as_the_guide_tells_reads_the_views_and_nothing_else() {
    let settings = on_postgres().await;
    let mut daemon = settings.clone().start().await;
    for event in account(7, 3) {
        daemon.accept(event.body.clone()).await;
    }
    daemon.settle().await;
    let owner = settings.get("MRRD_DATABASE__URL").unwrap();
    let role = told("sql role").concat();
    for statement in role.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        // A cluster has one role of a name, and other tests may have made it.
        match sql::run(owner, statement).await {
            Err(error) if error.to_string().contains("already exists") => {}
            done => done.unwrap(),
        }
    }
    let reader = format!("SET ROLE mrrd_reader; {}", "SELECT COUNT(*) FROM v_mrr_daily;");
    sql::run(owner, &reader).await.unwrap();
    for table in ["event_body", "movement", "access_token", "customer_name"] {
        let refused = sql::run(owner, &format!("SET ROLE mrrd_reader; SELECT 1 FROM {table};")).await.unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{table}: {refused}");
    }
    let questions = told("sql");
    assert!(questions.len() >= 3, "the guide asks {} questions", questions.len());
    for question in questions {
        sql::run(owner, &format!("SET ROLE mrrd_reader; {question}")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guides_questions_are_answered_by_sqlite_too() {
    let mut daemon = Settings::default().start().await;
    for event in account(7, 3) {
        daemon.accept(event.body.clone()).await;
    }
    daemon.settle().await;
    let (ledger, log) = urls(&daemon, &Settings::default());
    for question in told("sql") {
        let url = if question.contains("v_event") { &log } else { &ledger };
        sql::run(url, &question).await.unwrap_or_else(|error| panic!("{question}: {error}"));
    }
}
