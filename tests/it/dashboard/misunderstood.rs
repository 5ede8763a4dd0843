//! What an address asks and its page doesn't understand: it is said there, and nothing is shown in its place.

use serde_json::{Value, json};

use super::{no_faults, once, pages::account, walk};

const SAID: &str = "This page doesn’t understand what its address asks";

/// `/?as_known_at=2026-01-31` showed today's figures, and `range=nonsense` those of twelve months.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_answers_nothing_else_than_was_asked() {
    let mut daemon = account().await;
    let asked = [
        ("/?as_known_at=2026-01-31", "as_known_at: there is no such parameter: did you mean asof?"),
        ("/?rnage=3m", "rnage: there is no such parameter: did you mean range?"),
        ("/?range=nonsense", "range: “nonsense” is not one of month, last-month, 3m,"),
        ("/?range=0m", "range: “0m” is not one of month,"),
        ("/movements?intervall=week", "intervall: there is no such parameter: did you mean interval?"),
        ("/movements?interval=fortnight", "interval: “fortnight” is not one of day, week, month, quarter, year"),
        ("/movements?from=2026-01-01&from=2026-02-01", "from: it is given more than once"),
        ("/movements?kind=upgrade", "kind: “upgrade” is not one of new, reactivation,"),
        ("/movements?compare=before", "compare: “before” is not previous or year"),
        ("/customers?kind=churn", "kind: there is no such parameter; this page takes profile, "),
        ("/customers/cus_1?sort=mrr", "sort: there is no such parameter; this page takes profile, "),
        ("/churn?livemode=yes", "livemode: “yes” is not true or false"),
        ("/breakdown?group_by=country", "group_by: there is no such parameter: did you mean by?"),
        ("/closing?month=2026-13", "month: “2026-13” is not a month such as 2026-10"),
        ("/alerts?over=x", "over: “x” is not a number above 0"),
        ("/health?quality=nothing", "quality: “nothing” is not one of unreadable_events,"),
    ];
    let pages: Value = asked.iter().map(|(path, _)| json!({"path": path})).collect();
    let seen = walk(&daemon, &once(), &pages);
    no_faults(&seen);
    for (one, (_, says)) in seen.iter().zip(&asked) {
        one.shows(SAID);
        one.shows(says);
        assert_eq!(one.text().matches('$').count(), 0, "{}: {}", one.0["path"], one.text());
    }

    // What was meant is one click away, and so is the page without it; the month's pack links by the API's name of a kind.
    let today = &daemon.json("/api/v1/status").await["now"].as_str().unwrap()[..10].to_owned();
    let pages = json!([
        {"path": format!("/?currency=usd&as_known_at={today}"), "steps": [
            {"click": {"text": "Ask with asof"}}, {"wait": "As known at the end of"}, {"look": "meant"}]},
        {"path": "/movements?currency=usd&range=nonsense&kind=upgrade", "steps": [
            {"look": "refused"}, {"click": {"text": "Leave them out"}}, {"wait": "The bridge"}, {"look": "without"}]},
        {"path": "/?currency=usd&range=nonsense", "steps": [
            {"click": {"text": "⇅Movements"}}, {"wait": "The bridge"}, {"look": "on"}]},
        {"path": "/health?kind=gap"}, {"path": "/?currency=usd&range=18m"},
    ]);
    let seen = walk(&daemon, &once(), &pages);
    no_faults(&seen);
    assert_eq!(seen[0].look("meant").0, format!("/?currency=usd&asof={today}"));
    assert!(seen[1].look("refused").1.contains("range: “nonsense”"), "{}", seen[1].look("refused").1);
    assert_eq!(seen[1].look("without").0, "/movements?currency=usd");
    assert_eq!(seen[2].look("on").0, "/movements?currency=usd");
    for one in &seen[3..] {
        assert!(!one.text().contains(SAID), "{}", one.text());
    }
}
