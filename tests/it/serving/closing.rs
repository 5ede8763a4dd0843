//! Months that are closed, and what later events change in them.

use serde_json::{Value, json};

use crate::{
    api::{DAY, JANUARY, event, subscription},
    support::daemon::{Daemon, Settings},
};

/// The answer of a command that must end with 0.
#[track_caller]
pub(crate) fn done(daemon: &Daemon, args: &[&str]) -> Value {
    let output = daemon.command(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// What a command says that must end with 1.
#[track_caller]
pub(super) fn refused(daemon: &Daemon, args: &[&str]) -> String {
    let output = daemon.command(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Two customers who began in January, at 20.00 and 10.00.
pub(super) async fn january(settings: Settings) -> Daemon {
    let mut daemon = settings.start().await;
    let (one, two) = (
        subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY),
        subscription("sub_2", "cus_2", "price_2", 1000, 1, JANUARY + DAY),
    );
    daemon.accept(event("evt_1", "customer.subscription.created", JANUARY, &one, None)).await;
    daemon.accept(event("evt_2", "customer.subscription.created", JANUARY + DAY, &two, None)).await;
    daemon.settle().await;
    daemon
}

/// `sub_1` goes from 20.00 to `amount` on the 20th of January.
pub(super) fn late(id: &str, amount: i64) -> String {
    let was = subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY);
    let is = subscription("sub_1", "cus_1", "price_dear", amount, 1, JANUARY);
    event(id, "customer.subscription.updated", JANUARY + 6 * DAY, &is, Some(json!({"items": was["items"]})))
}

#[tokio::test]
async fn a_late_event_into_a_closed_month_is_a_restatement_that_names_it() {
    let mut daemon = january(Settings::default().env("MRRD_LEDGER__PROFILES", "stripe,profitwell")).await;
    let closed = done(&daemon, &["close", "2026-01", "--json"]);
    let seq = closed["closed"][0]["seq"].as_i64().unwrap();
    assert_eq!(seq, daemon.json("/api/v1/status").await["log"]["last_seq"]);
    assert_eq!(closed["closed"][0]["profile"], "stripe");
    assert_eq!(closed["closed"][1]["profile"], "profitwell");
    let lines: Vec<_> = closed["closed"][0]["totals"].as_array().unwrap().iter().collect();
    let line = |name| lines.iter().find(|line| line["line"] == name).map(|line| line["amount_exact"].clone());
    assert_eq!(
        (line("opening"), line("new"), line("closing")),
        (Some(json!("0")), Some(json!("3000")), Some(json!("3000")))
    );
    let path = "/api/v1/restatements?profile=stripe";
    assert_eq!(daemon.json(path).await["data"], json!([]));

    // Something of February, and something of January that comes late.
    let two = subscription("sub_2", "cus_2", "price_2", 1000, 1, JANUARY + DAY);
    let more = subscription("sub_2", "cus_2", "price_2", 1000, 3, JANUARY + DAY);
    let grew = event(
        "evt_february",
        "customer.subscription.updated",
        JANUARY + 30 * DAY,
        &more,
        Some(json!({"items": two["items"]})),
    );
    daemon.accept(grew).await;
    daemon.accept(late("evt_late", 3500)).await;
    daemon.settle().await;
    let restated = daemon.json(path).await;
    assert_eq!(restated["data"].as_array().unwrap().len(), 1, "{restated}");
    let one = &restated["data"][0];
    assert_eq!((&one["month"], &one["customer"]), (&json!("2026-01"), &json!("cus_1")));
    assert_eq!(one["events"], json!(["evt_late"]), "{one}");
    let figures = ["opening_exact", "new_exact", "expansion_exact", "closing_exact"];
    assert_eq!(figures.map(|name| one["before"][name].clone()), ["0", "2000", "0", "2000"].map(Value::from));
    assert_eq!(figures.map(|name| one["after"][name].clone()), ["0", "2000", "1500", "3500"].map(Value::from));
    assert_eq!(one["rules_changed"], json!([]));

    // The old figure can still be asked for, and the report was closed with it.
    let closing = async |daemon: &mut Daemon, more: &str| {
        let mrr = daemon.json(&format!("/api/v1/mrr?from=2026-01-01&to=2026-01-31{more}")).await;
        mrr["data"][0]["closing_exact"].clone()
    };
    assert_eq!(closing(&mut daemon, &format!("&as_known_at={seq}")).await, "3000");
    assert_eq!(closing(&mut daemon, "").await, "4500");
    let then = daemon.json(&format!("{path}&as_known_at={seq}")).await;
    assert_eq!(then["data"], json!([]));

    // A rebuild leaves closings alone, and the command lists what the API does.
    done(&daemon, &["rebuild", "--json"]);
    let listed = done(&daemon, &["report", "restatements", "--month", "2026-01", "--json"]);
    assert_eq!(listed, restated);
    let csv = daemon.get(&format!("{path}&format=csv")).await;
    // A row a figure that changed: of a month that ended where it had, it is its lines that did.
    let csv = String::from_utf8_lossy(&csv.body).into_owned();
    for row in ["expansion,0.00,15.00,evt_late,", "closing,20.00,35.00,evt_late,"] {
        assert!(csv.contains(&format!("2026-01,,cus_1,usd,false,{row}")), "{csv}");
    }
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert_eq!(daemon.get("/api/v1/restatements?month=January").await.status, 422);
    assert_eq!(daemon.json("/api/v1/restatements?month=2026-02").await["data"], json!([]));
    assert!(refused(&daemon, &["close", "2026-01"]).contains("2026-01 is closed already"));
}

#[tokio::test]
async fn a_month_closes_only_when_it_is_over_and_nothing_waits() {
    let daemon = january(Settings::default()).await;
    let said = refused(&daemon, &["close", "2999-12"]);
    assert!(said.contains("2999-12 isn't over: it ends with 2999-12-31 in UTC"), "{said}");
    assert_eq!(daemon.command(&["close", "January"]).status.code(), Some(2));
    let mut daemon = daemon;
    daemon.kill();
    // Into the log, but with nobody there to derive it.
    std::fs::write(daemon.dir().join("late.jsonl"), late("evt_late", 3500)).unwrap();
    done(&daemon, &["replay", "--json", "late.jsonl"]);
    // Without a server the command derives it first: what is closed is what the log says.
    assert_eq!(done(&daemon, &["close", "2026-01", "--json"])["closed"][0]["movements"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_keeps_nothing_and_says_what_would_be_kept_in_units() {
    let daemon = january(Settings::default()).await;
    let said = daemon.command(&["close", "2026-01", "--dry-run"]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.starts_with("2026-01 would be closed under stripe with MRR 30.00 USD, 30.00 USD more than"), "{said}");
    assert!(String::from_utf8_lossy(&daemon.command(&["close", "list"]).stdout).contains("No month is closed yet"));
    assert_eq!(done(&daemon, &["close", "2026-01", "--dry-run", "--json"])["dry_run"], true);
    let said = daemon.command(&["close", "2026-01"]);
    assert!(String::from_utf8_lossy(&said.stdout).starts_with("2026-01 is closed under stripe with MRR 30.00 USD"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn months_close_in_order_unless_forced() {
    let daemon = january(Settings::default()).await;
    let said = refused(&daemon, &["close", "2025-11"]);
    assert!(said.contains("2025-11 lies before the ledger began, on 2026-01-14"), "{said}");
    // Nothing is closed yet, so any month may be the first: what that does to those before it is said before and after.
    let would = done(&daemon, &["close", "2026-02", "--dry-run", "--json"]);
    assert!(would["notice"].as_str().unwrap().contains("2026-01 could be closed after it only by"), "{would}");
    let would = done(&daemon, &["close", "2026-01", "--dry-run", "--json"]);
    assert!(would.get("notice").is_none(), "{would}");
    let closed = daemon.command(&["close", "2026-02"]);
    let said = String::from_utf8_lossy(&closed.stdout).into_owned();
    let notice = "2026-02 is the first month closed, and the ledger begins in 2026-01: 2026-01 stays open, and it is closed from now on \
                  only with --force, as in `mrrd close 2026-01 --force`.\n";
    assert!(closed.status.success() && said.contains(notice), "{said}");
    let said = refused(&daemon, &["close", "2026-04"]);
    assert!(said.contains("2026-03 isn't closed yet under stripe"), "{said}");
    let said = refused(&daemon, &["close", "2026-01"]);
    assert!(said.contains("2026-02, which follows, is closed already"), "{said}");
    done(&daemon, &["close", "2026-01", "--force", "--json"]);
    let next = done(&daemon, &["close", "2026-03", "--json"]);
    assert!(next.get("notice").is_none(), "{next}");
}

/// Each ledger's line counts its own movements, and their sum is what was kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closing_counts_the_movements_of_each_currency_by_itself() {
    let mut daemon = january(Settings::default()).await;
    let mut euros = subscription("sub_3", "cus_3", "price_3", 700, 1, JANUARY);
    euros["currency"] = json!("eur");
    euros["items"]["data"][0]["price"]["currency"] = json!("eur");
    daemon.accept(event("evt_3", "customer.subscription.created", JANUARY, &euros, None)).await;
    daemon.settle().await;
    let closed = daemon.command(&["close", "2026-01", "--dry-run"]);
    let said = String::from_utf8_lossy(&closed.stdout).into_owned();
    let block = |currency: &str| {
        let mut lines = said.lines().skip_while(|line| !line.starts_with(&format!("In {currency}")));
        lines.nth(2).unwrap_or_default().split_whitespace().last().map(str::to_owned)
    };
    assert_eq!((block("EUR").as_deref(), block("USD").as_deref()), (Some("1"), Some("2")), "{said}");
    let closed = done(&daemon, &["close", "2026-01", "--json"]);
    let one = &closed["closed"][0];
    let by_ledger: Vec<_> = one["movements_by_ledger"].as_array().unwrap().iter().collect();
    let told: Vec<_> = by_ledger.iter().map(|one| (one["currency"].as_str(), one["movements"].as_i64())).collect();
    assert_eq!(told, [(Some("eur"), Some(1)), (Some("usd"), Some(2))], "{one}");
    assert_eq!(one["movements"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closing_is_superseded_and_the_old_one_stays() {
    let mut daemon = january(Settings::default()).await;
    assert!(refused(&daemon, &["close", "2026-01", "--supersede", "--reason", "x"]).contains("nothing to supersede"));
    let first = done(&daemon, &["close", "2026-01", "--json"]);
    daemon.accept(late("evt_late", 3500)).await;
    daemon.settle().await;
    let path = "/api/v1/restatements?profile=stripe";
    assert_eq!(daemon.json(path).await["data"].as_array().unwrap().len(), 1);
    assert_eq!(daemon.command(&["close", "2026-01", "--supersede"]).status.code(), Some(2), "why isn't said");
    let second = done(&daemon, &["close", "2026-01", "--supersede", "--reason", "closed too early", "--json"]);
    assert_eq!((&first["closed"][0]["revision"], &second["closed"][0]["revision"]), (&json!(1), &json!(2)));
    // What holds now is the new one; the log as it was before it has the old one.
    assert_eq!(daemon.json(path).await["data"], json!([]));
    let closed = daemon.json("/api/v1/closings").await;
    assert_eq!((&closed["data"][0]["revision"], &closed["data"][0]["reason"]), (&json!(2), &json!("closed too early")));
    let mrr = "/api/v1/mrr?from=2026-01-01&to=2026-01-31&basis=closed";
    assert_eq!(daemon.json(mrr).await["data"][0]["closing_exact"], "4500");
    let listed = done(&daemon, &["close", "list", "--json"]);
    let told: Vec<_> =
        listed["data"].as_array().unwrap().iter().map(|one| (&one["superseded"], &one["reason"])).collect();
    assert_eq!(told, [(&json!(true), &Value::Null), (&json!(false), &json!("closed too early"))]);
    let trail = daemon.json("/api/v1/audit-trail?action=closing_superseded").await;
    assert_eq!(trail["data"][0]["detail"], "stripe: closed too early", "{trail}");
    assert_eq!(done(&daemon, &["verify", "--json"])["closings"], 2);
}

/// Without a name in the environment it was "unknown" who had closed a month.
#[tokio::test]
async fn who_closed_a_month_is_the_account_of_the_system_or_whoever_is_named() {
    let daemon = january(Settings::default()).await;
    done(&daemon, &["close", "2026-01", "--json"]);
    let account = std::process::Command::new("id").arg("-un").output().unwrap();
    let account = String::from_utf8(account.stdout).unwrap().trim().to_owned();
    let who = || done(&daemon, &["close", "list", "--json"])["data"].as_array().unwrap().last().unwrap()["who"].clone();
    assert_eq!(who(), json!(account));
    done(&daemon, &["close", "2026-01", "--supersede", "--reason", "a test", "--by", "Ada Lovelace", "--json"]);
    assert_eq!(who(), json!("Ada Lovelace"));
    let refused = daemon.command(&["close", "2026-01", "--by", " "]);
    assert_eq!(refused.status.code(), Some(2), "{}", String::from_utf8_lossy(&refused.stderr));
}
