//! Rates and cohorts of a segment (rule `segments`): who was in it at the start of a rate's days is followed, wherever it goes, so that
//! a segment and its `not` add up above and below the line of every rate; held against a naive reading of random accounts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    segments::{encoded, growing, micros, on_postgres, random},
    workbooks::{plain, sheet},
};
use crate::support::daemon::{Daemon, Settings};

/// Amounts and counts, which stand over nothing: a segment's and its `not`'s add up.
const OVER_NOTHING: [&str; 3] = ["mrr", "arr", "trial_churn"];

/// Figures whose parts add up above and below the line: all others but LTV, which is a quotient of quotients.
const ADDING: [&str; 14] = [
    "arpa",
    "asp",
    "nrr",
    "grr",
    "nrr_bridge",
    "nrr_12m",
    "grr_12m",
    "gross_mrr_churn",
    "net_mrr_churn",
    "customer_churn",
    "quick_ratio",
    "quick_ratio_without_reactivation",
    "expansion_durability",
    "trial_conversion",
];

fn data(answer: &Value) -> &Vec<Value> {
    answer["data"].as_array().unwrap_or_else(|| panic!("{answer}"))
}

/// 10⁻⁶ minor units, or millionths of whatever else is counted; nothing is 0.
fn number(text: &Value) -> i128 {
    if text.as_str() == Some("") { 0 } else { micros(text) }
}

/// Above and below the line.
fn parts(entry: &Value, name: &str) -> [i128; 2] {
    [number(&entry[name]["numerator"]), number(&entry[name]["denominator"])]
}

async fn one_who_grows(settings: Settings) -> Vec<Value> {
    let mut daemon = growing(settings).await;
    let may = "/api/v1/metrics?from=2026-05-01&to=2026-05-31";
    let june = "/api/v1/metrics?from=2026-06-01&to=2026-06-30";
    let told = |entry: &Value, name: &str| {
        let of = |part: &str| entry[name][part].as_str().unwrap().to_owned();
        (of("numerator"), of("denominator"), micros(&entry[name]["value"]), entry[name]["reason"].clone())
    };
    let text = |a: &str, b: &str, value: &str| (a.to_owned(), b.to_owned(), micros(&json!(value)), Value::Null);
    // It wasn't large when May began: nothing is retained of nobody, and its growth is of those who are large.
    let large = daemon.json(&format!("{may}&segment=large")).await;
    let entry = &data(&large)[0];
    assert_eq!(told(entry, "mrr").2, micros(&json!("3500")));
    assert_eq!((&entry["nrr"]["value"], &entry["nrr"]["reason"]), (&Value::Null, &json!("no opening MRR")));
    assert_eq!(told(entry, "arpa"), text("3500", "1", "3500.000000"));
    // Small when May began, and followed: it is neither lost nor less, though it is in the segment no more.
    let small = daemon.json(&format!("{may}&segment=small")).await;
    let entry = &data(&small)[0];
    assert_eq!(told(entry, "mrr").2, micros(&json!("500")));
    assert_eq!(told(entry, "nrr"), text("4000", "2500", "1.600000"));
    assert_eq!(told(entry, "grr"), text("2500", "2500", "1.000000"));
    assert_eq!(told(entry, "gross_mrr_churn"), text("0", "2500", "0.000000"));
    assert_eq!(told(entry, "customer_churn"), text("0", "2", "0.000000"));
    // From June on it is of the large ones.
    let large_in_june = daemon.json(&format!("{june}&where={}", encoded("attribute:size >= 200"))).await;
    assert_eq!(told(&data(&large_in_june)[0], "nrr"), text("3500", "3500", "1.000000"));
    // By today's values it was large from the beginning.
    let today = daemon.json(&format!("{may}&segment=large&current=true")).await;
    assert_eq!(told(&data(&today)[0], "nrr"), text("3500", "2000", "1.750000"));
    // It began small: a cohort is of those who were in the segment on the day they began.
    let cohorts = daemon.json("/api/v1/cohorts?segment=small").await;
    let cohort = &data(&cohorts)[0];
    assert_eq!((&cohort["cohort"], &cohort["customers"]), (&json!("2026-01"), &json!(2)));
    assert_eq!((&cohort["ages"][0]["mrr_exact"], &cohort["ages"][4]["mrr_exact"]), (&json!("2500"), &json!("4000")));
    assert_eq!(daemon.json("/api/v1/cohorts?segment=large").await["data"], json!([]));
    // As a command, as CSV and as a workbook that says what was asked.
    let metrics: &[&str] = &["report", "metrics", "--month", "2026-05", "--segment", "small"];
    let printed = daemon.command(&[metrics, &["--json"]].concat());
    assert_eq!(serde_json::from_slice::<Value>(&printed.stdout).unwrap()["data"], small["data"]);
    let csv = daemon.command(&[metrics, &["--format", "csv"]].concat());
    let csv = String::from_utf8(csv.stdout).unwrap();
    assert!(csv.lines().any(|line| line.contains(",nrr,1.6")), "{csv}");
    let cohorts_printed = daemon.command(&["report", "cohorts", "--where", "attribute:size < 200", "--json"]);
    assert_eq!(serde_json::from_slice::<Value>(&cohorts_printed.stdout).unwrap()["data"], cohorts["data"]);
    for (path, wanted) in [
        ("/api/v1/metrics?segment=small&format=xlsx", ["segment", "small: attribute:size < 200"]),
        ("/api/v1/cohorts?where=mrr%20%3E%3D%200&current=true&format=xlsx", ["where", "mrr >= 0"]),
    ] {
        let book = daemon.get(path).await;
        let about: Vec<Vec<String>> =
            sheet(&book.body, "about").iter().map(|row| row.iter().map(plain).collect()).collect();
        assert!(about.contains(&wanted.map(str::to_owned).to_vec()), "{path}: {about:?}");
    }
    let refused = daemon.get(&format!("{may}&segment=large&basis=closed")).await;
    assert_eq!(refused.status, 422);
    assert!(String::from_utf8_lossy(&refused.body).contains("answered as restated"));
    vec![large["data"].clone(), small["data"].clone(), large_in_june["data"].clone(), cohorts["data"].clone()]
}

#[tokio::test]
async fn who_was_small_when_the_month_began_is_retained_though_it_grew_out_of_the_segment() {
    let answers = one_who_grows(Settings::default()).await;
    assert_eq!(one_who_grows(on_postgres().await).await, answers);
}

/// Each customer's MRR by currency and day on which it changed.
type Standing = BTreeMap<(String, String), BTreeMap<String, i128>>;

/// From the series of each customer by day.
fn standing(daily: &Value) -> Standing {
    let mut all = Standing::new();
    for entry in data(daily) {
        let (currency, customer) = (entry["currency"].as_str().unwrap(), entry["group"].as_str().unwrap());
        let days = all.entry((currency.into(), customer.into())).or_default();
        days.insert(entry["start"].as_str().unwrap().into(), micros(&entry["closing_exact"]));
    }
    all
}

fn at(days: &BTreeMap<String, i128>, day: &str) -> i128 {
    days.range(..=day.to_owned()).next_back().map_or(0, |(_, amount)| *amount)
}

fn last_of(month: &str) -> String {
    mrrd::report::month::Month::last(month.parse().unwrap()).to_string()
}

async fn laws(daemon: &mut Daemon, seed: u64) -> Vec<Value> {
    let sizes = random(daemon, seed).await;
    let size = |customer: &str, day: &str| {
        sizes.get(customer).and_then(|days| days.range(..=day.to_owned()).next_back()).map(|(_, value)| *value)
    };
    let is = |customer: &str, day: &str| size(customer, day).is_some_and(|size| size >= 2);
    let condition = "attribute:size >= 2";
    let span = "from=2026-01-01&to=2026-05-31";
    let daily = daemon.json("/api/v1/mrr?from=2025-10-01&to=2026-05-31&interval=day&group_by=customer").await;
    let standing = standing(&daily);
    let (mut answers, mut told) = (Vec::new(), BTreeSet::new());
    // As imports tell it, and as the ledger does.
    for of in [condition, "mrr >= 30 and status = paying or tenure_days < 60 and product exists"] {
        let only = if of == condition { "" } else { "&currency=usd" };
        let asked = async |daemon: &mut Daemon, route: &str, of: Option<String>| {
            let of = of.map(|of| format!("&where={}", encoded(&of))).unwrap_or_default();
            daemon.json(&format!("/api/v1/{route}?{span}{only}{of}")).await
        };
        for interval in ["month", "week", "quarter"] {
            let route = |of: &str| {
                let of = if of.is_empty() { String::new() } else { format!("&where={}", encoded(of)) };
                format!("/api/v1/metrics?interval={interval}&{span}{only}{of}")
            };
            let all = daemon.json(&route("")).await;
            let (one, other) = (daemon.json(&route(of)).await, daemon.json(&route(&format!("not ({of})"))).await);
            assert_eq!([data(&one).len(), data(&other).len()], [data(&all).len(); 2], "{of}: {interval}");
            for ((one, other), all) in data(&one).iter().zip(data(&other)).zip(data(&all)) {
                for name in OVER_NOTHING.into_iter().chain(ADDING) {
                    let (a, b) = (parts(one, name), parts(other, name));
                    let whole = parts(all, name);
                    let below = if OVER_NOTHING.contains(&name) { whole[1] } else { a[1] + b[1] };
                    assert_eq!([a[0] + b[0], below], whole, "{of} {interval} {name}: {one} {other} {all}");
                    told.extend((a[0] != 0 && b[0] != 0).then_some(name));
                }
            }
            answers.push(one["data"].clone());
        }
        let (all, one) = (asked(daemon, "cohorts", None).await, asked(daemon, "cohorts", Some(of.into())).await);
        let other = asked(daemon, "cohorts", Some(format!("not ({of})"))).await;
        let mut sums: BTreeMap<(String, String, i64), [i128; 3]> = BTreeMap::new();
        let each = |answer: &Value, sign: i128, sums: &mut BTreeMap<(String, String, i64), [i128; 3]>| {
            for cohort in data(answer) {
                let (currency, month) = (cohort["currency"].to_string(), cohort["cohort"].to_string());
                for age in cohort["ages"].as_array().unwrap() {
                    let sum = sums.entry((currency.clone(), month.clone(), age["age"].as_i64().unwrap())).or_default();
                    let figures = [
                        i128::from(cohort["customers"].as_i64().unwrap()),
                        i128::from(age["customers"].as_i64().unwrap()),
                        micros(&age["mrr_exact"]),
                    ];
                    sum.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += sign * figure);
                }
            }
        };
        each(&one, 1, &mut sums);
        each(&other, 1, &mut sums);
        assert!(sums.len() > 3, "{one} {other}");
        each(&all, -1, &mut sums);
        assert!(sums.values().all(|sum| *sum == [0; 3]), "{of}: {sums:?}");
        let trials = |answer: &Value| -> i64 {
            answer["trials"].as_array().unwrap().iter().map(|month| month["ended"].as_i64().unwrap()).sum()
        };
        assert_eq!(trials(&one) + trials(&other), trials(&all), "{of}");
        answers.push(one["data"].clone());
    }
    assert!(told.len() >= 8, "seed {seed}: only {told:?} have two parts");
    // A naive reading of each customer: what who was in it before the month pays at its end, and of which cohort it is.
    let metrics = daemon.json(&format!("/api/v1/metrics?{span}&where={}", encoded(condition))).await;
    for entry in data(&metrics) {
        let (currency, start) = (entry["currency"].as_str().unwrap(), entry["start"].as_str().unwrap());
        let before = start.parse::<mrrd::ledger::time::Day>().unwrap().before().to_string();
        let end = entry["end"].as_str().unwrap();
        let (mut opening, mut kept, mut least) = (0, 0, 0);
        for ((of, customer), days) in &standing {
            let (then, now) = (at(days, &before), at(days, end));
            if of == currency && then > 0 && is(customer, &before) {
                (opening, kept, least) = (opening + then, kept + now, least + now.min(then));
            }
        }
        let told = [parts(entry, "nrr"), parts(entry, "grr")];
        assert_eq!(told, [[kept, opening], [least, opening]], "seed {seed}: {entry}");
    }
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for ((_, customer), days) in &standing {
        let began = days.iter().find(|(_, amount)| **amount > 0).map(|(day, _)| day.as_str());
        if let Some(began) = began {
            let day = first.entry(customer).or_insert(began);
            *day = began.min(*day);
        }
    }
    let cohorts = daemon.json(&format!("/api/v1/cohorts?where={}", encoded(condition))).await;
    let mut looked_at = 0;
    for cohort in data(&cohorts) {
        let (currency, month) = (cohort["currency"].as_str().unwrap(), cohort["cohort"].as_str().unwrap());
        let of: Vec<&BTreeMap<String, i128>> = standing
            .iter()
            .filter(|((of, customer), _)| {
                of == currency
                    && first.get(customer.as_str()).is_some_and(|day| day[..7] == *month && is(customer, day))
            })
            .map(|(_, days)| days)
            .collect();
        assert_eq!(cohort["customers"], json!(of.len()), "seed {seed}: {cohort}");
        for age in cohort["ages"].as_array().unwrap() {
            let months = u32::try_from(age["age"].as_u64().unwrap()).unwrap();
            let number = month[5..].parse::<u32>().unwrap() - 1 + months;
            let end =
                last_of(&format!("{:04}-{:02}", month[..4].parse::<u32>().unwrap() + number / 12, number % 12 + 1));
            if end.as_str() > "2026-05-31" {
                continue;
            }
            let (paying, mrr) = of.iter().fold((0_u64, 0), |(paying, sum), days| {
                let now = at(days, &end);
                (paying + u64::from(now > 0), sum + now)
            });
            assert_eq!((&age["customers"], micros(&age["mrr_exact"])), (&json!(paying), mrr), "seed {seed}: {cohort}");
            looked_at += 1;
        }
    }
    assert!(looked_at > 2, "{cohorts}");
    answers
}

#[tokio::test]
async fn a_segment_and_its_not_add_up_in_every_rate_and_cohort_the_same_on_either_database() {
    for seed in [11, 13] {
        let answers = laws(&mut Settings::default().start().await, seed).await;
        assert_eq!(laws(&mut on_postgres().await.start().await, seed).await, answers, "seed {seed}");
    }
}
