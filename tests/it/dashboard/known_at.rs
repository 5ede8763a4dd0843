//! As known at: a place in the log, an instant or a day stands in the address of any page, and what is none of them is told.

use serde_json::{Value, json};

use super::{Seen, dollars, no_faults, once, pages::account, walk};
use crate::{
    api::{JANUARY, event, subscription},
    support::daemon::{Daemon, Settings},
};

/// Pages of figures, each with words that stand there once its figures do.
const PAGES: [(&str, &str); 9] = [
    ("/", "What moved it, month by month"),
    ("/movements", "The movements"),
    ("/customers", "First MRR"),
    ("/churn", "Customers lost"),
    ("/cohorts", "Cohorts"),
    ("/breakdown", "From the first day to the last"),
    ("/differences", "Closing MRR of"),
    ("/closing", "MRR as closed"),
    ("/goals", "Goals"),
];

/// Closes the month before the running one; its closing as it is kept, and the closing MRR in dollars.
async fn closed(daemon: &mut Daemon) -> (Value, String) {
    let now = daemon.json("/api/v1/status").await["now"].as_str().unwrap().to_owned();
    let first: jiff::civil::Date = now[..10].parse().unwrap();
    let month = first.first_of_month().yesterday().unwrap().strftime("%Y-%m").to_string();
    let closed = daemon.command(&["close", &month, "--yes", "--force"]);
    assert!(closed.status.success(), "{}", String::from_utf8_lossy(&closed.stderr));
    let kept = daemon.json("/api/v1/closings?profile=stripe&currency=usd").await["data"][0].clone();
    assert_eq!(kept["month"], json!(month), "{kept}");
    let totals = kept["totals"].as_array().unwrap();
    let total = totals.iter().find(|one| one["line"] == "closing" && one["currency"] == "usd").unwrap();
    let mrr = dollars(total["amount"].as_i64().unwrap());
    (kept, mrr)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_an_instant_and_a_day_are_known_on_every_page() {
    let mut daemon = account().await;
    let (kept, mrr) = closed(&mut daemon).await;
    let place = kept["seq"].to_string();
    let at = kept["closed_at"].as_str().unwrap();
    let day = &daemon.json("/api/v1/status").await["now"].as_str().unwrap()[..10].to_owned();
    let mut paths = Vec::new();
    for asof in [&place, at, day] {
        paths.extend(PAGES.map(|(path, words)| (format!("{path}?currency=usd&asof={asof}"), words)));
    }
    // A place of the log that no closing has, and a place cut at an instant, as the pack links to.
    let before = kept["seq"].as_i64().unwrap() - 1;
    paths.push((format!("/movements?currency=usd&asof={before}"), "The movements"));
    paths.push((format!("/movements?currency=usd&asof={place}@{at}"), "The movements"));
    let pages: Value = paths.iter().map(|(path, _)| json!({"path": path})).collect();
    let seen = walk(&daemon, &once(), &pages);
    no_faults(&seen);
    for (one, (_, words)) in seen.iter().zip(&paths) {
        one.shows(words);
        // Closings are told as they are now, and the page says so.
        let now = one.0["path"].as_str().unwrap().starts_with("/closing");
        one.shows(if now { "it shows what is known now" } else { "nothing that arrived later is in these figures" });
    }
    // Spans are counted back from the month that was closed: what was reported stands there.
    for one in &seen[..2] {
        one.shows(&mrr);
        one.shows("as closed");
    }

    // The way that a reader goes: by a figure as it was closed, on to other pages, and back to now.
    let (look, wait) = (|name: &str| json!({"look": name}), |text: &str| json!({"wait": text}));
    let pages = json!([{"path": "/closing?currency=usd", "steps": [
        {"click": "td a[href*='asof=']"}, wait("The movements"), look("as closed"),
        {"click": {"text": "⇅Movements"}}, {"click": {"text": "▦Cohorts"}}, wait("As known at"), look("by the menu"),
        {"click": {"text": "Back to now"}}, look("now"),
    ]}]);
    let seen = walk(&daemon, &once(), &pages);
    no_faults(&seen);
    let (address, text) = seen[0].look("as closed");
    assert!(address.contains(&format!("asof={place}")) && text.contains(&mrr), "{address}: {text}");
    assert!(seen[0].look("by the menu").0.contains(&format!("asof={place}")), "{}", seen[0].look("by the menu").0);
    let (address, text) = seen[0].look("now");
    assert!(!address.contains("asof") && !text.contains("As known at place"), "{address}: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_time_is_told_and_left_behind() {
    let daemon = account().await;
    let told = ["abc", "2026-02-30", "2026-11-29T23:40", "12@noon", "-5"];
    let mut pages: Vec<Value> = Vec::new();
    for (n, asof) in told.iter().enumerate() {
        let (path, _) = PAGES[n];
        pages.push(json!({"path": format!("{path}?currency=usd&asof={asof}"), "steps": [
            {"look": "told"}, {"click": {"text": "Back to now"}}, {"wait": "Copy link"}, {"look": "now"},
        ]}));
    }
    pages.push(json!({"path": "/movements?currency=usd&from=2026-02-30&to=2026-03-31", "steps": [
        {"look": "told"}, {"click": {"text": "Leave it out"}}, {"wait": "The bridge"}, {"look": "now"},
    ]}));
    pages.push(json!({"path": "/?currency=usd&asof=abc", "steps": [
        {"look": "told"}, {"click": {"text": "⇅Movements"}}, {"wait": "The bridge"}, {"look": "now"},
    ]}));
    let seen = walk(&daemon, &once(), &json!(pages));
    no_faults(&seen);
    let day = seen.iter().find(|one| one.0["path"].as_str().unwrap().contains("from=")).unwrap();
    assert!(day.look("told").1.contains("There is no day “2026-02-30”"), "{}", day.look("told").1);
    assert_eq!(day.look("now").0, "/movements?currency=usd&to=2026-03-31");
    let said = |one: &Seen, what: &str| {
        let (at, text) = one.look("told");
        assert!(text.contains(&format!("“{what}”")) && text.contains("Back to now"), "{at}: {text}");
        let (at, text) = one.look("now");
        assert!(!at.contains("asof") && !text.contains("Back to now"), "{at}: {text}");
    };
    let asked = seen.iter().filter(|one| one.0["path"].as_str().unwrap().contains("asof="));
    for (one, what) in asked.zip(told.iter().chain(&["abc"])) {
        said(one, what);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_span_ahead_of_today_and_a_day_before_anything_came_are_told() {
    let mut daemon = Settings::default().env("MRRD_LEDGER__REPORTING_CURRENCY", "usd").start().await;
    let bought = subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY);
    daemon.accept(event("evt_1", "customer.subscription.created", JANUARY, &bought, None)).await;
    daemon.settle().await;
    let now = daemon.json("/api/v1/status").await["now"].as_str().unwrap().to_owned();
    let today: jiff::civil::Date = now[..10].parse().unwrap();
    let tomorrow = today.tomorrow().unwrap();
    let pages = json!([
        {"path": "/?from=2099-01-01&to=2099-02-01"},
        {"path": format!("/?from={tomorrow}&to={}", tomorrow.tomorrow().unwrap())},
        {"path": format!("/?asof={}", today.yesterday().unwrap()), "steps": [
            {"look": "then"}, {"click": {"text": "Back to now"}}, {"wait": "MRR over time"}, {"look": "now"},
        ]},
    ]);
    let seen = walk(&daemon, &once(), &pages);
    no_faults(&seen);
    // On no page would a longer range or another currency bring anything.
    let told = ["/movements", "/customers", "/churn", "/cohorts", "/breakdown", "/goals"];
    let pages: Value =
        told.iter().map(|path| json!({"path": format!("{path}?asof={}", today.yesterday().unwrap())})).collect();
    let before = walk(&daemon, &once(), &pages);
    no_faults(&before);
    for one in &before {
        one.shows("Nothing had arrived by the end of");
        one.shows("the log’s first event came on");
        for wrong in ["Choose a longer range", "another currency", "They appear with the first webhook"] {
            assert!(!one.text().contains(wrong), "{}: {}", one.0["path"], one.text());
        }
    }
    for one in &seen[..2] {
        one.shows("The span begins after today.");
        assert!(!one.text().contains("is after to") && !one.text().contains(" so far"), "{}", one.text());
    }
    let (_, text) = seen[2].look("then");
    assert!(text.contains("Nothing had arrived by the end of") && !text.contains("Choose another one"), "{text}");
    assert!(seen[2].look("now").1.contains("$20.00"), "{}", seen[2].look("now").1);
}
