//! The month's pack: every number in it is the field of the API's answer that it names, and it is the same whenever it is made.
#![allow(clippy::float_arithmetic, reason = "the numbers of a spreadsheet are floats")]

use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

use calamine::Data;
use mrrd::report::{
    terminal::{percent, ratio},
    units::{Places, grouped},
};
use serde_json::{Value, json};

use super::closing::{done, refused};
use crate::{
    api::{
        DAY, JANUARY, event, subscription,
        workbooks::{plain, sheet},
    },
    support::{
        daemon::{Daemon, Settings},
        postgres,
    },
};

const URL: &str = "https://mrr.example.com";
const FEBRUARY: i64 = JANUARY + 25 * DAY;

/// Three customers begin in January; in February one grows, one leaves, one is set to end, one begins on trial.
async fn account(settings: Settings) -> Daemon {
    let settings = settings.env("MRRD_ALERTS__URL", URL).env("MRRD_PRIVACY__SHOW_NAMES", "true");
    let mut daemon = settings.env("MRRD_LEDGER__PROFILES", "finance").start().await;
    let state = |number: u8, quantity: i64| {
        let amount = 100_000 + 777 * i64::from(number);
        let price = format!("price_{number}");
        subscription(&format!("sub_{number}"), &format!("cus_{number}"), &price, amount, quantity, JANUARY)
    };
    let items = |object: &Value| Some(json!({"items": object["items"]}));
    let mut gone = state(2, 1);
    (gone["status"], gone["ended_at"]) = (json!("canceled"), json!(FEBRUARY + DAY));
    gone["cancellation_details"] = json!({"reason": "cancellation_requested", "feedback": "too_expensive"});
    let mut ends = state(3, 1);
    ends["cancel_at_period_end"] = json!(true);
    (ends["current_period_start"], ends["current_period_end"]) = (json!(JANUARY), json!(FEBRUARY + 40 * DAY));
    let mut trial = state(4, 1);
    (trial["status"], trial["trial_start"], trial["trial_end"]) =
        (json!("trialing"), json!(FEBRUARY), json!(FEBRUARY + 30 * DAY));
    let named = json!({"id": "cus_1", "object": "customer", "name": "Müller & <b>Söhne</b>", "email": "m@example.com", "created": JANUARY});
    for body in [
        event("evt_name", "customer.created", JANUARY, &named, None),
        event("evt_1", "customer.subscription.created", JANUARY, &state(1, 1), None),
        event("evt_2", "customer.subscription.created", JANUARY + DAY, &state(2, 1), None),
        event("evt_3", "customer.subscription.created", JANUARY + 2 * DAY, &state(3, 1), None),
    ] {
        daemon.accept(body).await;
    }
    daemon.settle().await;
    done(&daemon, &["close", "2026-01", "--json"]);
    for body in [
        event("evt_late", "customer.subscription.updated", JANUARY + 5 * DAY, &state(3, 2), items(&state(3, 1))),
        event("evt_less", "customer.subscription.updated", FEBRUARY - DAY, &state(3, 1), items(&state(3, 2))),
        event("evt_5", "customer.subscription.updated", FEBRUARY, &state(1, 12), items(&state(1, 1))),
        event("evt_6", "customer.subscription.deleted", FEBRUARY + DAY, &gone, None),
        event(
            "evt_7",
            "customer.subscription.updated",
            FEBRUARY + 2 * DAY,
            &ends,
            Some(json!({"cancel_at_period_end": false})),
        ),
        // In March, before February is closed: it had happened to nobody yet, and was scheduled for nobody.
        event("evt_march", "customer.subscription.updated", FEBRUARY + 25 * DAY, &state(1, 20), items(&state(1, 12))),
        event("evt_8", "customer.subscription.created", FEBRUARY + 3 * DAY, &trial, None),
    ] {
        daemon.accept(body).await;
    }
    daemon.settle().await;
    let until = Instant::now() + Duration::from_secs(30);
    while daemon.json("/api/v1/names?ids=cus_1").await["data"] == json!([]) {
        assert!(Instant::now() < until, "the name isn't read");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    daemon
}

/// The files of a folder, by name.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap());
    files.map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap())).collect()
}

fn made(daemon: &Daemon, args: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let output = daemon.command(&[&["report", "pack"], args].concat());
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    // Customers are named in them.
    for path in String::from_utf8_lossy(&output.stdout).lines() {
        let mode = std::fs::metadata(daemon.dir().join(path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{path}");
    }
    files(&daemon.dir().join(args[args.iter().position(|arg| *arg == "--out").unwrap() + 1]))
}

/// Each number of the document: where it is from, and how it is written.
fn numbers(html: &str) -> Vec<(String, String)> {
    let of = html.split("<a class=\"n\" href=\"").skip(1).map(|rest| {
        let (href, rest) = rest.split_once("\">").unwrap();
        (
            href.replace("&amp;", "&").strip_prefix(URL).unwrap().to_owned(),
            rest.split_once("</a>").unwrap().0.to_owned(),
        )
    });
    of.collect()
}

fn amount(value: &Value) -> f64 {
    value
        .as_str()
        .map_or_else(|| value.as_f64(), |text| text.parse().ok())
        .unwrap_or_else(|| panic!("{value} is no number"))
}

/// Whether `text` is what the answer has at `place`.
fn is_field(answer: &Value, place: &str, text: &str) -> bool {
    let at = |place: &str| answer.pointer(place).unwrap_or_else(|| panic!("{place} is no place of {answer:#}"));
    let usd = "usd".parse().unwrap();
    let unsigned = text.trim_start_matches('+');
    if let Some((one, other)) = place.split_once("&less=") {
        let change = amount(at(one)) - amount(at(other));
        return grouped(&change.to_string(), usd, Places::Currency).as_deref() == Some(unsigned);
    }
    if let Some((one, other)) = place.split_once("&over=") {
        let (one, other) = (amount(at(one)), amount(at(other)));
        let told: f64 = unsigned.trim_end_matches(" %").parse().unwrap();
        return ((one - other) / other * 100.0 - told).abs() <= 0.05;
    }
    let field = match at(place) {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let forms = [Some(field.clone()), percent(&field), ratio(&field), grouped(&field, usd, Places::Currency)];
    forms.iter().flatten().any(|form| form == text)
}

async fn holds(settings: Settings) {
    let mut daemon = account(settings).await;
    // Open: refused with what to do, or a draft that says so on each page.
    let said = refused(&daemon, &["report", "pack", "2026-02", "--out", "pack"]);
    assert!(said.contains("`mrrd close 2026-02` closes it") && said.contains("--draft"), "{said}");
    // One that still runs can't be closed: only the draft is named.
    let today = mrrd::clock::Clock::system().now().to_string();
    let running = today.get(..7).unwrap();
    let said = refused(&daemon, &["report", "pack", running, "--out", "pack"]);
    assert!(said.contains(&format!("{running} isn't over: it ends with ")) && said.contains("--draft"), "{said}");
    assert!(!said.contains("mrrd close"), "{said}");
    let draft = made(&daemon, &["2026-02", "--out", "draft", "--draft"]);
    let page = String::from_utf8_lossy(&draft["mrr-2026-02-draft.html"]).into_owned();
    assert!(page.contains("<div class=\"draft\"") && page.contains("DRAFT: the month isn't closed"), "{page}");
    assert!(page.contains("short_term"), "{page}");

    done(&daemon, &["close", "2026-02", "--json"]);
    let pack = made(&daemon, &["2026-02", "--out", "pack"]);
    let html = String::from_utf8(pack["mrr-2026-02.html"].clone()).unwrap();
    let markdown = String::from_utf8(pack["mrr-2026-02.md"].clone()).unwrap();
    assert!(!html.contains("class=\"draft\"") && !html.contains("<script"));
    assert!(html.contains("Müller &amp; &lt;b&gt;Söhne&lt;/b&gt;"), "a name is text");
    for said in ["too expensive", "1 of them by events that came since 2026-01 was closed", "supporting"] {
        assert!(html.contains(said), "{said}: {html}");
    }

    // Every number is what the API answers to its link, which tells of the month as it was closed.
    let all = numbers(&html);
    let mut answers: BTreeMap<String, Value> = BTreeMap::new();
    for (source, text) in &all {
        let (path, place) = source.split_once('#').unwrap();
        if !answers.contains_key(path) {
            answers.insert(path.to_owned(), daemon.json(path).await);
        }
        assert!(is_field(&answers[path], place, text), "{source} is {text}");
        assert!(markdown.contains(text.as_str()), "{text} is missing in {markdown}");
    }
    let told = |route: &str| answers.keys().any(|path| path.starts_with(&format!("/api/v1/{route}?")));
    for route in ["mrr", "metrics", "movements", "durability", "cohorts", "committed", "restatements", "accuracy"] {
        assert!(told(route), "nothing of {route}");
    }
    assert!(all.len() > 80, "{} numbers", all.len());
    // No cell of a column of numbers holds one that isn't from there.
    for cell in html.split("<td class=\"r\">").skip(1).map(|rest| rest.split_once("</td>").unwrap().0) {
        let linked = cell.starts_with("<a class=\"n\"") || cell.contains("/health?kind=");
        assert!(linked || cell.chars().all(|c| !c.is_ascii_digit()), "{cell}");
    }

    // The tables: the workbook has what the CSV has, and both what the API tells.
    for (name, csv) in pack.iter().filter(|(name, _)| name.ends_with(".csv")) {
        let table = name.strip_prefix("mrr-2026-02-").unwrap().strip_suffix(".csv").unwrap();
        let rows = sheet(&pack["mrr-2026-02.xlsx"], table);
        let mut csv = csv::ReaderBuilder::new().has_headers(false).from_reader(csv.as_slice());
        let expected: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), expected.len(), "{table}");
        for (row, record) in rows.iter().zip(&expected) {
            for (cell, text) in row.iter().zip(record) {
                let same = match cell {
                    Data::Float(number) => text.parse() == Ok(*number),
                    Data::DateTime(_) => plain(cell) == text || plain(cell) == format!("{text}-01"),
                    cell => plain(cell) == text,
                };
                assert!(same, "{table}: {cell:?} {text}");
            }
        }
    }
    let known = all[0].0.split_once("as_known_at=").unwrap().1.split_once('&').unwrap().0.to_owned();
    let mrr = daemon.json(&format!("/api/v1/mrr?from=2026-02-01&to=2026-02-28&as_known_at={known}")).await;
    let bridge = sheet(&pack["mrr-2026-02.xlsx"], "bridge");
    let column = bridge[0].iter().position(|cell| plain(cell) == "closing").unwrap();
    assert_eq!(bridge.last().unwrap()[column], Data::Float(amount(&mrr["data"][0]["closing_exact"]) / 100.0));

    let committed = String::from_utf8_lossy(&pack["mrr-2026-02-committed.csv"]).into_owned();
    assert!(committed.contains("scheduled_churn") && !committed.contains("scheduled_expansion"), "{committed}");

    // Whatever comes later, it is the same document.
    assert_eq!(made(&daemon, &["2026-02", "--out", "again"]), pack);
    let later = subscription("sub_9", "cus_9", "price_9", 5000, 1, FEBRUARY);
    daemon.accept(event("evt_9", "customer.subscription.created", FEBRUARY, &later, None)).await;
    daemon.settle().await;
    assert_eq!(made(&daemon, &["2026-02", "--out", "again"]), pack);
    let now = daemon.json("/api/v1/mrr?from=2026-02-01&to=2026-02-28").await;
    assert_ne!(now["data"][0]["closing_exact"], mrr["data"][0]["closing_exact"], "what is known now is another");
}

#[tokio::test]
async fn every_number_of_the_pack_is_the_answer_it_names_and_it_stays_the_same() {
    holds(Settings::default()).await;
}

#[tokio::test]
async fn the_pack_on_postgres() {
    holds(Settings::default().env("MRRD_DATABASE__URL", &postgres::database().await)).await;
}

#[tokio::test]
async fn a_month_that_has_not_begun_has_no_pack() {
    let daemon = Settings::default().start().await;
    let said = refused(&daemon, &["report", "pack", "2999-01", "--out", "pack", "--draft"]);
    assert!(said.contains("2999-01 hasn't begun"), "{said}");
    assert!(!daemon.dir().join("pack").exists());
}
