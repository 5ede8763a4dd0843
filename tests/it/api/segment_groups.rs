//! A segment in groups of what customers hold, or why they moved (rule `segments`): the groups add up to the segment, and a segment and
//! its `not` to each group, line by line.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::segments::{encoded, micros, on_postgres, random};
use crate::support::daemon::{Daemon, Settings};

const LINES: [&str; 7] = ["opening_balance", "new", "expansion", "reactivation", "contraction", "churn", "fx"];

/// The figures of an entry that add up.
fn figures(entry: &Value) -> Vec<i128> {
    let exact = |name: &str| entry.get(format!("{name}_exact")).map_or(0, micros);
    let names = [&["opening", "closing", "transfer", "list", "at_risk"], &LINES[..]].concat();
    names.into_iter().map(exact).collect()
}

/// Sums by currency, first day and whatever `also` tells of an entry.
fn sums(answers: &[&Value], also: impl Fn(&Value) -> Value) -> BTreeMap<String, Vec<i128>> {
    let mut all: BTreeMap<String, Vec<i128>> = BTreeMap::new();
    for entry in answers.iter().flat_map(|answer| answer["data"].as_array().unwrap()) {
        let key = json!([entry["currency"], entry["start"], also(entry)]).to_string();
        let figures = figures(entry);
        let sum = all.entry(key).or_insert_with(|| vec![0; figures.len()]);
        sum.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
    }
    // A group's empty periods are left out.
    all.retain(|_, sum| sum.iter().any(|figure| *figure != 0));
    all
}

async fn laws(daemon: &mut Daemon, seed: u64) -> Vec<Value> {
    random(daemon, seed).await;
    let seq = daemon.json("/api/v1/status").await["log"]["last_seq"].as_i64().unwrap();
    let mut answers = Vec::new();
    for condition in ["attribute:size >= 2", "mrr >= 30 and tenure_days < 90"] {
        let span = match condition.starts_with("mrr") {
            true => "from=2026-01-01&to=2026-05-31&currency=usd",
            false => "from=2026-01-01&to=2026-05-31",
        };
        let of = |condition: &str| format!("/api/v1/mrr?{span}&where={}", encoded(condition));
        let opposite = format!("not ({condition})");
        let segment = daemon.json(&of(condition)).await;
        for group_by in ["product", "price", "interval", "currency", "cause"] {
            let by = format!("&group_by={group_by}");
            let one = daemon.json(&format!("{}{by}", of(condition))).await;
            let other = daemon.json(&format!("{}{by}", of(&opposite))).await;
            let all = daemon.json(&format!("/api/v1/mrr?{span}{by}")).await;
            let group = |entry: &Value| entry["group"].clone();
            let (parts, whole) = (sums(&[&one, &other], group), sums(&[&all], group));
            assert!(parts.len() > 3, "seed {seed}, {condition}, {group_by}: {one} {other}");
            assert_eq!(parts, whole, "seed {seed}, {condition}, {group_by}");
            // Why it moved says nothing of what stood before: there only the lines add up.
            let seen = |sums: BTreeMap<String, Vec<i128>>| -> BTreeMap<String, Vec<i128>> {
                let from = if group_by == "cause" { 5 } else { 0 };
                let lines = sums.into_iter().map(|(key, sum)| (key, sum[from..].to_vec()));
                lines.filter(|(_, sum)| sum.iter().any(|figure| *figure != 0)).collect()
            };
            let nothing = |_: &Value| Value::Null;
            assert_eq!(
                seen(sums(&[&one], nothing)),
                seen(sums(&[&segment], nothing)),
                "seed {seed}, {condition}, {group_by}"
            );
            if condition.starts_with("mrr") {
                let log = daemon.json(&format!("{}{by}&as_known_at={seq}", of(condition))).await;
                assert_eq!(log["data"], one["data"], "seed {seed}, {group_by}");
            }
            answers.push(one["data"].clone());
        }
    }
    answers
}

#[tokio::test]
async fn a_backtest_of_a_segment_and_of_its_not_lose_together_who_was_lost() {
    let mut daemon = Settings::default().start().await;
    random(&mut daemon, 11).await;
    // Customers lost, month by month, and days that can be judged.
    let lost = |answer: &Value| -> Vec<(String, u64)> {
        let months = answer["months"].as_array().unwrap().iter();
        months.map(|month| (month["month"].as_str().unwrap().into(), month["churned"].as_u64().unwrap())).collect()
    };
    let path = "/api/v1/alerts/backtest?from=2026-01-01&to=2026-05-31";
    let all = lost(&daemon.json(path).await);
    assert!(all.iter().any(|(_, churned)| *churned > 0), "{all:?}");
    for condition in ["attribute:size >= 2", "currency = usd and tenure_days < 120"] {
        let one = daemon.json(&format!("{path}&where={}", encoded(condition))).await;
        let other = daemon.json(&format!("{path}&where={}", encoded(&format!("not ({condition})")))).await;
        let (one, other) = (lost(&one), lost(&other));
        let sums: Vec<_> = one.iter().zip(&other).map(|((month, a), (_, b))| (month.clone(), a + b)).collect();
        assert_eq!(sums, all);
    }
    let printed = daemon.command(&[
        "alerts",
        "backtest",
        "--from",
        "2026-01-01",
        "--to",
        "2026-05-31",
        "--where",
        "attribute:size >= 2",
        "--json",
    ]);
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(printed, daemon.json(&format!("{path}&where={}", encoded("attribute:size >= 2"))).await);
}

#[tokio::test]
async fn a_segments_groups_add_up_to_it_and_with_its_not_to_each_group_the_same_on_either_database() {
    for seed in [11, 14] {
        let answers = laws(&mut Settings::default().start().await, seed).await;
        assert_eq!(laws(&mut on_postgres().await.start().await, seed).await, answers, "seed {seed}");
    }
}

/// By currency, and whatever `also` tells of an entry: the amounts of these names, and of each entry of `within` those of `inner`.
fn amounts(
    answer: &Value,
    also: &str,
    names: &[&str],
    (within, inner): (&str, &[&str]),
) -> BTreeMap<String, Vec<i128>> {
    let exact = |entry: &Value, name: &str| {
        entry[format!("{name}_exact")].as_str().map_or(0, |_| micros(&entry[format!("{name}_exact")]))
    };
    let mut all = BTreeMap::new();
    for entry in answer["data"].as_array().unwrap() {
        let key = json!([entry["currency"], entry[also], entry["rollup"]]).to_string();
        let own = names.iter().map(|name| exact(entry, name));
        let ages =
            entry[within].as_array().into_iter().flatten().flat_map(|age| inner.iter().map(|name| exact(age, name)));
        all.insert(key, own.chain(ages).collect());
    }
    all
}

#[tokio::test]
async fn durability_and_committed_mrr_of_a_segment_and_of_its_not_add_up() {
    let mut daemon = Settings::default().start().await;
    random(&mut daemon, 11).await;
    let committed = [
        "mrr",
        "scheduled_churn",
        "scheduled_contraction",
        "scheduled_expansion",
        "discount_end",
        "discount_start",
        "resume",
        "committed",
    ];
    for (path, also, names, within) in [
        ("/api/v1/durability?to=2026-05-31", "month", &["expansion"][..], ("ages", &["held", "lost"][..])),
        ("/api/v1/committed?horizon=365", "day", &committed[..], ("curve", &["committed"][..])),
    ] {
        let told = |answer: &Value| amounts(answer, also, names, within);
        let all = told(&daemon.json(path).await);
        assert!(all.values().flatten().any(|amount| *amount != 0), "{path}: {all:?}");
        for condition in ["attribute:size >= 2", "currency = usd and tenure_days < 150"] {
            let one = told(&daemon.json(&format!("{path}&where={}", encoded(condition))).await);
            let other = told(&daemon.json(&format!("{path}&where={}", encoded(&format!("not ({condition})")))).await);
            for (key, whole) in &all {
                let of =
                    |one: &BTreeMap<String, Vec<i128>>| one.get(key).cloned().unwrap_or_else(|| vec![0; whole.len()]);
                let sums: Vec<i128> = of(&one).iter().zip(of(&other)).map(|(a, b)| a + b).collect();
                assert_eq!(&sums, whole, "{path}: {condition}: {key}");
            }
            let parts = one != all && other != all;
            assert!(parts || condition.contains("tenure_days"), "{path}: {condition} parts nothing");
        }
    }
    let printed = daemon.command(&["report", "committed", "--where", "attribute:size >= 2", "--json"]);
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(
        printed["data"],
        daemon.json(&format!("/api/v1/committed?where={}", encoded("attribute:size >= 2"))).await["data"]
    );
    let printed = daemon.command(&["report", "durability", "--where", "attribute:size >= 2", "--json"]);
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(
        printed["data"],
        daemon.json(&format!("/api/v1/durability?where={}", encoded("attribute:size >= 2"))).await["data"]
    );
}
