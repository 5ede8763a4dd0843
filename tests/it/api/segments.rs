//! Segments and attributes over webhooks (rules `segments` and `attributes`): history as it was, sums that close, and a second,
//! naive reading of random accounts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{DAY, JANUARY, event, subscription};
use crate::support::{
    daemon::{Daemon, Settings},
    postgres,
};

pub(super) async fn on_postgres() -> Settings {
    Settings::default().env("MRRD_DATABASE__URL", &postgres::database().await)
}

/// A condition as a query carries it.
pub(super) fn encoded(condition: &str) -> String {
    let plain =
        |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    condition.bytes().map(plain).collect()
}

async fn import(daemon: &mut Daemon, sheet: &str) {
    let done = daemon.send("POST", "/api/v1/imports?kind=attributes", sheet.to_owned()).await;
    let done: Value = serde_json::from_slice(&done.body).unwrap();
    assert_eq!(done["set_aside"], json!([]), "{done}");
}

fn exact(entry: &Value, name: &str) -> i128 {
    let text = entry[format!("{name}_exact")].as_str().unwrap_or_else(|| panic!("{name}: {entry}"));
    text.parse().unwrap_or_else(|_| panic!("{name}: {entry}"))
}

/// Group, opening, expansion, transfer, closing and customers of one month.
fn months(answer: &Value) -> Vec<(Value, [i128; 4], Value)> {
    let figures = |entry: &Value| ["opening", "expansion", "transfer", "closing"].map(|name| exact(entry, name));
    let one = |entry: &Value| (entry["group"].clone(), figures(entry), entry["customers"].clone());
    answer["data"].as_array().unwrap().iter().map(one).collect()
}

/// One customer who grows in May from 20 to 400 seats and pays more later in the month; one of whom nothing is imported; one small.
pub(super) async fn growing(settings: Settings) -> Daemon {
    let settings = settings
        .env("MRRD_SEGMENTS__LARGE__WHERE", "attribute:size >= 200")
        .env("MRRD_SEGMENTS__SMALL__WHERE", "attribute:size < 200")
        .env("MRRD_SEGMENTS__ALL__WHERE", "mrr >= 0");
    let mut daemon = settings.start().await;
    for (number, amount) in [(1, 2000), (2, 1000), (3, 500)] {
        let state = subscription(
            &format!("sub_{number}"),
            &format!("cus_{number}"),
            &format!("price_{amount}"),
            amount,
            1,
            JANUARY,
        );
        daemon.accept(event(&format!("evt_{number}"), "customer.subscription.created", JANUARY, &state, None)).await;
    }
    import(&mut daemon, "customer,key,value,valid_from\ncus_1,size,20,2026-01-01\ncus_3,size,30,2026-01-01\n").await;
    let small = subscription("sub_1", "cus_1", "price_2000", 2000, 1, JANUARY);
    let grown = subscription("sub_1", "cus_1", "price_3500", 3500, 1, JANUARY);
    // 2026-05-20.
    let body = event(
        "evt_4",
        "customer.subscription.updated",
        JANUARY + 126 * DAY,
        &grown,
        Some(json!({"items": small["items"]})),
    );
    daemon.accept(body).await;
    daemon.settle().await;
    import(&mut daemon, "customer,key,value,valid_from\ncus_1,size,400,2026-05-10\n").await;
    daemon
}

async fn history_as_it_was(settings: Settings) {
    let mut daemon = growing(settings).await;
    let april = "/api/v1/mrr?from=2026-04-01&to=2026-04-30";
    let may = "/api/v1/mrr?from=2026-05-01&to=2026-05-31";
    let grouped = months(&daemon.json(&format!("{may}&group_by=attribute:size")).await);
    let expected = [
        (Value::Null, [1000, 0, 0, 1000], json!(1)),
        (json!("20"), [2000, 0, -2000, 0], json!(0)),
        (json!("30"), [500, 0, 0, 500], json!(1)),
        (json!("400"), [0, 1500, 2000, 3500], json!(1)),
    ];
    assert_eq!(grouped, expected);
    let large = encoded("attribute:size >= 200");
    let told = daemon.json(&format!("{may}&where={large}")).await;
    assert_eq!(months(&told), [(Value::Null, [0, 1500, 2000, 3500], json!(1))]);
    let before = daemon.json(&format!("{april}&where={large}")).await;
    assert_eq!(months(&before), [(Value::Null, [0, 0, 0, 0], json!(0))]);
    let rest = daemon.json(&format!("{may}&where={}", encoded("not attribute:size >= 200"))).await;
    assert_eq!(months(&rest), [(Value::Null, [3500, 0, -2000, 1500], json!(2))]);
    // By name, and side by side; the small ones were small until then.
    assert_eq!(daemon.json(&format!("{may}&segment=large")).await["data"], told["data"]);
    let compared = months(&daemon.json(&format!("{may}&compare=small,large")).await);
    let expected =
        [(json!("small"), [2500, 0, -2000, 500], json!(1)), (json!("large"), [0, 1500, 2000, 3500], json!(1))];
    assert_eq!(compared, expected);
    let all = months(&daemon.json(&format!("{may}&segment=all")).await);
    assert_eq!(all, [(Value::Null, [3500, 1500, 0, 5000], json!(3))]);
    // As it is today, for all history.
    let today = daemon.json(&format!("{april}&where={large}&current=true")).await;
    assert_eq!(months(&today), [(Value::Null, [2000, 0, 0, 2000], json!(1))]);
    let within = daemon.json(&format!("{may}&segment=large&group_by=customer")).await;
    assert_eq!(months(&within), [(json!("cus_1"), [0, 1500, 2000, 3500], json!(1))]);
    // The second import was recorded after the last event: as of that place nobody knew.
    let seq = daemon.json("/api/v1/status").await["log"]["last_seq"].as_i64().unwrap();
    let old = months(&daemon.json(&format!("{may}&where={large}&as_known_at={seq}")).await);
    assert_eq!(old, [(Value::Null, [0, 0, 0, 0], json!(0))]);
    let old = months(&daemon.json(&format!("{may}&segment=small&as_known_at={seq}")).await);
    assert_eq!(old, [(Value::Null, [2500, 1500, 0, 4000], json!(2))]);
    let none = daemon.json(&format!("{may}&segment=small&as_known_at={}", seq - 1)).await;
    assert_eq!(months(&none), [(Value::Null, [0, 0, 0, 0], json!(0))], "the first import came after the third event");
    // Lists: movements of the days on which a customer belongs, customers who belong now.
    let customers = |list: &Value| -> Vec<String> {
        list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let named = one["customer"].as_str().or(one["id"].as_str());
                named.unwrap().to_owned()
            })
            .collect()
    };
    let list = daemon.json(&format!("/api/v1/movements?where={large}")).await;
    assert_eq!((customers(&list), &list["data"][0]["kind"]), (vec!["cus_1".into()], &json!("expansion")));
    let list = daemon.json("/api/v1/movements?segment=small&limit=1").await;
    assert_eq!(customers(&list), ["cus_1"]);
    let next = list["next_cursor"].as_str().unwrap();
    let list = daemon.json(&format!("/api/v1/movements?segment=small&limit=1&cursor={next}")).await;
    assert_eq!((customers(&list), &list["next_cursor"]), (vec!["cus_3".into()], &Value::Null));
    for (condition, expected) in [
        ("attribute:size >= 200", vec!["cus_1"]),
        ("not attribute:size exists", vec!["cus_2"]),
        ("product = prod_price_500 or price = price_1000", vec!["cus_2", "cus_3"]),
        ("mrr > 9.99 and mrr < 20 and currency = usd and interval = month", vec!["cus_2"]),
        (
            "status = paying and tenure_days >= 1 and cohort = 2026-01 and not country exists",
            vec!["cus_1", "cus_2", "cus_3"],
        ),
        ("status in (left, past_due)", vec![]),
    ] {
        let list = daemon.json(&format!("/api/v1/customers?where={}", encoded(condition))).await;
        assert_eq!(customers(&list), expected, "{condition}");
    }
    let printed =
        daemon.command(&["report", "mrr", "--month", "2026-05", "--where", "attribute:size >= 200", "--json"]);
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(printed["data"], told["data"]);
}

/// Whether a size is in a segment, by the test's own reading.
type Judged = Box<dyn Fn(Option<i64>) -> bool>;

#[tokio::test]
async fn a_customer_who_grows_is_in_the_old_segment_before_and_in_the_new_one_after() {
    history_as_it_was(Settings::default()).await;
}

#[tokio::test]
async fn the_same_on_postgres() {
    history_as_it_was(on_postgres().await).await;
}

#[tokio::test]
async fn what_cannot_be_asked_of_a_segment_says_why() {
    let mut daemon = growing(Settings::default()).await;
    for (query, words) in [
        (format!("where={}", encoded("attribute:size >> 5")), "at character 17"),
        (format!("where={}", encoded("seats > 5")), "seats has no history"),
        (format!("where={}", encoded("attribute:colour = red")), "there are size"),
        (format!("where={}", encoded("metadata:crm = 7")), "ledger.metadata_keys"),
        ("group_by=attribute:colour".into(), "there are size"),
        ("segment=none".into(), "there are all, large, small"),
        ("segment=large&where=mrr%20exists".into(), "give one of the two"),
        ("segment=large&basis=closed".into(), "answered as restated"),
        ("compare=large,none".into(), "no segment"),
        ("compare=large&segment=small".into(), "neither segment"),
    ] {
        let refused = daemon.get(&format!("/api/v1/mrr?{query}")).await;
        let body: Value = serde_json::from_slice(&refused.body).unwrap();
        assert_eq!(refused.status, 422, "{query}: {body}");
        assert!(body["detail"].as_str().unwrap().contains(words), "{query}: {body}");
    }
}

/// A random account's events, and values of an attribute told of its customers.
pub(super) async fn random(daemon: &mut Daemon, seed: u64) -> BTreeMap<String, BTreeMap<String, i64>> {
    let end = mrrd::ledger::time::UnixTime(1_780_000_000);
    let events = mrrd::demo::Simulator::new(seed, 24, end.plus(-200 * 86_400), end).advance(end);
    let half = events.len() / 2;
    for event in &events[..half] {
        daemon.accept(event.body.clone()).await;
    }
    daemon.settle().await;
    let known = daemon.json("/api/v1/customers?limit=1000").await;
    let ids: Vec<String> =
        known["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    assert!(ids.len() > 4, "{known}");
    // Imported between events; customers of whom nothing is told among them.
    let (mut sheets, mut number) = (["customer,key,value,valid_from\n"; 2].map(str::to_owned), seed);
    for (_, id) in ids.iter().enumerate().filter(|(at, _)| at % 4 != 3) {
        for change in 0..4 {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (day, month, value) =
                (1 + number % 28, 1 + (number >> 8) % 5, i64::try_from((number >> 16) % 5).unwrap());
            let day = format!("2026-{month:02}-{day:02}");
            sheets[change % 2].push_str(&format!("{id},size,{value},{day}\n"));
        }
    }
    let mut by_day: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    // Of the same day the last row of the last sheet holds.
    for sheet in &sheets {
        for line in sheet.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            by_day.entry(cells[0].into()).or_default().insert(cells[3].into(), cells[2].parse().unwrap());
        }
    }
    import(daemon, &sheets[0]).await;
    for event in &events[half..] {
        daemon.accept(event.body.clone()).await;
    }
    import(daemon, &sheets[1]).await;
    daemon.settle().await;
    by_day
}

const LINES: [&str; 7] = ["opening_balance", "new", "expansion", "reactivation", "contraction", "churn", "fx"];

/// By currency and month: opening, lines, closing, as a naive reading of each customer's days has them where `is` holds.
fn naive(
    daily: &Value,
    months: &[String],
    is: impl Fn(&str, &str) -> bool,
) -> BTreeMap<(String, String), (i128, i128, i128)> {
    let mut figures = BTreeMap::new();
    let mut standing: BTreeMap<(String, String), BTreeMap<String, i128>> = BTreeMap::new();
    let mut currencies = BTreeSet::new();
    for entry in daily["data"].as_array().unwrap() {
        let (currency, customer) = (entry["currency"].as_str().unwrap(), entry["group"].as_str().unwrap());
        let day = entry["start"].as_str().unwrap();
        currencies.insert(currency.to_owned());
        standing
            .entry((currency.into(), customer.into()))
            .or_default()
            .insert(day.into(), micros(&entry["closing_exact"]));
        if is(customer, day) {
            let lines: i128 = LINES.iter().map(|line| micros(&entry[format!("{line}_exact")])).sum();
            figures.entry((currency.to_owned(), day[..7].to_owned())).or_insert((0, 0, 0)).1 += lines;
        }
    }
    for currency in &currencies {
        for month in months {
            let last = mrrd::report::month::Month::last(month.parse().unwrap()).to_string();
            let first = format!("{month}-01");
            let at = |until: &str, inclusive: bool, on: &str| -> i128 {
                standing
                    .iter()
                    .filter(|((of, customer), _)| of == currency && is(customer, on))
                    .map(|(_, days)| {
                        let mut upto = days
                            .iter()
                            .filter(|(day, _)| if inclusive { day.as_str() <= until } else { day.as_str() < until });
                        upto.next_back().map_or(0, |(_, amount)| *amount)
                    })
                    .sum()
            };
            let before: mrrd::ledger::time::Day = first.parse().unwrap();
            let before = before.before().to_string();
            let one = figures.entry((currency.clone(), month.clone())).or_insert((0, 0, 0));
            (one.0, one.2) = (at(&first, false, &before), at(&last, true, &last));
        }
    }
    figures
}

/// 10⁻⁶ minor units of a decimal text.
pub(super) fn micros(text: &Value) -> i128 {
    let number: mrrd::ledger::money::Decimal = text.as_str().unwrap().parse().unwrap();
    number.units() / 1_000_000
}

async fn laws(settings: Settings, seed: u64) -> Vec<Value> {
    let mut daemon = settings.start().await;
    let told = random(&mut daemon, seed).await;
    let span = "from=2026-01-01&to=2026-05-31";
    // From before the account began: nothing stood then.
    let daily = daemon.json("/api/v1/mrr?from=2025-11-01&to=2026-05-31&interval=day&group_by=customer").await;
    let months: Vec<String> = (1..6).map(|month| format!("2026-{month:02}")).collect();
    let value = |customer: &str, day: &str| {
        told.get(customer).and_then(|days| days.range(..=day.to_owned()).next_back()).map(|(_, value)| *value)
    };
    let total = daemon.json(&format!("/api/v1/mrr?{span}")).await;
    let figures = |entry: &Value| {
        let lines: i128 = LINES.iter().map(|line| micros(&entry[format!("{line}_exact")])).sum();
        [micros(&entry["opening_exact"]), lines, micros(&entry["closing_exact"])]
    };
    let seq = daemon.json("/api/v1/status").await["log"]["last_seq"].as_i64().unwrap();
    let mut answers = vec![total.clone()];
    let rules: [(&str, Judged); 3] = [
        ("attribute:size >= 2", Box::new(|value| value.is_some_and(|value| value >= 2))),
        (
            "attribute:size in (0, 3) or not attribute:size exists",
            Box::new(|value| value.is_none_or(|value| value % 3 == 0)),
        ),
        ("attribute:size != 1", Box::new(|value| value.is_some_and(|value| value != 1))),
    ];
    for (condition, is) in &rules {
        let within = daemon.json(&format!("/api/v1/mrr?{span}&where={}", encoded(condition))).await;
        let without =
            daemon.json(&format!("/api/v1/mrr?{span}&where={}", encoded(&format!("not ({condition})")))).await;
        let expected = naive(&daily, &months, |customer, day| is(value(customer, day)));
        for ((one, other), all) in within["data"]
            .as_array()
            .unwrap()
            .iter()
            .zip(without["data"].as_array().unwrap())
            .zip(total["data"].as_array().unwrap())
        {
            let ([a, b], all) = ([figures(one), figures(other)], figures(all));
            assert_eq!([0, 1, 2].map(|at| a[at] + b[at]), all, "{condition}: {one} {other}");
            let transfers = [micros(&one["transfer_exact"]), micros(&other["transfer_exact"])];
            assert_eq!(transfers[0] + transfers[1], 0, "{condition}");
            assert_eq!(a[0] + a[1] + transfers[0], a[2], "{condition}");
            let key = (one["currency"].as_str().unwrap().to_owned(), one["start"].as_str().unwrap()[..7].to_owned());
            assert_eq!((a[0], a[1], a[2]), expected[&key], "{condition} {key:?}");
            assert_eq!(
                one["customers"].as_i64().unwrap() + other["customers"].as_i64().unwrap(),
                total["data"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|entry| entry["currency"] == one["currency"] && entry["start"] == one["start"])
                    .unwrap()["customers"]
                    .as_i64()
                    .unwrap()
            );
        }
        assert_eq!(within["data"].as_array().unwrap().len(), total["data"].as_array().unwrap().len());
        answers.push(within);
    }
    // A partition adds up, in every currency and month.
    let grouped = daemon.json(&format!("/api/v1/mrr?{span}&group_by=attribute:size")).await;
    for all in total["data"].as_array().unwrap() {
        let of: Vec<&Value> = grouped["data"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|entry| entry["currency"] == all["currency"] && entry["start"] == all["start"])
            .collect();
        let sums = of.iter().map(|entry| figures(entry)).fold([0; 3], |sum, one| [0, 1, 2].map(|at| sum[at] + one[at]));
        assert_eq!((sums, of.iter().map(|entry| micros(&entry["transfer_exact"])).sum::<i128>()), (figures(all), 0));
    }
    answers.push(grouped);
    // From the log as from the tables, but for the import that no event has followed.
    let other = "mrr >= 30 and status = paying or product exists and tenure_days < 60";
    let tables = daemon.json(&format!("/api/v1/mrr?{span}&currency=usd&where={}", encoded(other))).await;
    let log = daemon.json(&format!("/api/v1/mrr?{span}&currency=usd&where={}&as_known_at={seq}", encoded(other))).await;
    assert_eq!(tables["data"], log["data"]);
    let rest =
        daemon.json(&format!("/api/v1/mrr?{span}&currency=usd&where={}", encoded(&format!("not ({other})")))).await;
    let usd = daemon.json(&format!("/api/v1/mrr?{span}&currency=usd")).await;
    for ((one, other), all) in tables["data"]
        .as_array()
        .unwrap()
        .iter()
        .zip(rest["data"].as_array().unwrap())
        .zip(usd["data"].as_array().unwrap())
    {
        assert_eq!([0, 1, 2].map(|at| figures(one)[at] + figures(other)[at]), figures(all));
    }
    answers.push(tables);
    // Nothing of it is derived: a rebuild leaves it as it is.
    let rebuilt = daemon.command(&["rebuild"]);
    assert!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    let again = daemon.json(&format!("/api/v1/mrr?{span}&where={}", encoded(rules[0].0))).await;
    assert_eq!(again["data"], answers[1]["data"]);
    answers
}

#[tokio::test]
async fn segments_add_up_and_are_what_a_naive_reading_says_the_same_on_either_database() {
    for seed in [11, 12] {
        let answers = laws(Settings::default(), seed).await;
        assert!(answers[0]["data"].as_array().unwrap().len() >= 5, "{}", answers[0]);
        assert_eq!(laws(on_postgres().await, seed).await, answers, "seed {seed}");
    }
}
