//! Closed months answered from their closing, in any currency and whoever is left out (rule `closing`).

use serde_json::{Value, json};

use super::closing::{done, january, late, refused};
use crate::{
    api::{DAY, JANUARY, event, subscription},
    support::daemon::{Daemon, Settings, mrrd},
};

const ASKED: &str = "/api/v1/mrr?from=2026-01-01&to=2026-03-31";

fn lines(answer: &Value, names: &[&str]) -> Vec<Vec<String>> {
    let line = |entry: &Value, name: &&str| entry[*name].as_str().unwrap_or("-").to_owned();
    let data = answer["data"].as_array().unwrap();
    data.iter().map(|entry| names.iter().map(|name| line(entry, name)).collect()).collect()
}

#[tokio::test]
async fn closed_months_keep_their_figures_and_what_came_later_is_prior_period_in_the_first_open_month() {
    let mut daemon = january(Settings::default()).await;
    done(&daemon, &["close", "2026-01", "--json"]);
    daemon.accept(late("evt_late", 3500)).await;
    daemon.settle().await;
    let names = ["opening_exact", "new_exact", "expansion_exact", "prior_period_exact", "closing_exact"];
    let restated = daemon.json(ASKED).await;
    assert_eq!(
        lines(&restated, &names),
        [["0", "3000", "1500", "-", "4500"], ["4500", "0", "0", "-", "4500"], ["4500", "0", "0", "-", "4500"]]
    );
    let marked: Vec<_> = restated["data"].as_array().unwrap().iter().map(|entry| entry["restated"].clone()).collect();
    assert_eq!(marked, [json!(true), Value::Null, Value::Null]);
    let closed = daemon.json(&format!("{ASKED}&basis=closed")).await;
    assert_eq!(closed["basis"], "closed");
    assert_eq!(
        lines(&closed, &names),
        [["0", "3000", "0", "0", "3000"], ["3000", "0", "0", "1500", "4500"], ["4500", "0", "0", "0", "4500"]]
    );
    assert_eq!((&closed["data"][0]["customers"], &closed["data"][0]["list_exact"]), (&json!(2), &json!("3000")));

    // Accuracy tells the same, and which kind of event brought it.
    let accuracy = daemon.json("/api/v1/accuracy").await;
    let [entry] = accuracy["data"].as_array().unwrap().as_slice() else { panic!("one month is closed: {accuracy}") };
    let exact =
        ["reported_exact", "restated_exact", "now_exact", "estimated_exact"].map(|name| entry[name].as_str().unwrap());
    assert_eq!(exact, ["3000", "1500", "4500", "0"]);
    assert_eq!(
        (&entry["month"], &entry["restated_customers"], &entry["customers"]),
        (&json!("2026-01"), &json!(1), &json!(2))
    );
    assert_eq!(entry["causes"], json!([{"event_type": "customer.subscription.updated", "events": 1}]));
    assert_eq!((&entry["class"], &entry["restated_share"]["value"]), (&json!("supporting"), &json!("0.5000")));
    assert!(entry["class_reason"].as_str().unwrap().contains("30 customers"), "{entry}");
    let printed = done(&daemon, &["report", "accuracy", "--json"]);
    assert_eq!(printed["data"], accuracy["data"]);
    assert_eq!(daemon.json("/api/v1/accuracy?from=2026-02-01").await["data"], json!([]));

    // A quarter holds both; and a month closed later, with the change known, moves the line there.
    let quarter = daemon.json(&format!("{ASKED}&basis=closed&interval=quarter")).await;
    assert_eq!(lines(&quarter, &names), [["0", "3000", "0", "1500", "4500"]]);
    done(&daemon, &["close", "2026-02", "--json"]);
    let dear = subscription("sub_1", "cus_1", "price_dear", 3500, 1, JANUARY);
    let mean = subscription("sub_1", "cus_1", "price_mean", 2500, 1, JANUARY);
    let was = json!({"items": dear["items"]});
    daemon.accept(event("evt_later", "customer.subscription.updated", JANUARY + 7 * DAY, &mean, Some(was))).await;
    daemon.settle().await;
    let closed = daemon.json(&format!("{ASKED}&basis=closed")).await;
    let told = lines(&closed, &names);
    assert_eq!(told[1], ["3000", "0", "0", "1500", "4500"]);
    assert_eq!(told[2][..4], ["4500", "0", "0", "-1000"].map(String::from), "{closed}");
    let listed = daemon.command(&["report", "mrr", "--basis", "closed", "--from", "2026-01-01", "--to", "2026-03-31"]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("prior period"));

    for (query, word) in [
        ("basis=open", "basis"),
        ("basis=closed&interval=day", "interval"),
        ("basis=closed&group_by=product", "group_by"),
        ("basis=closed&from=2026-01-15", "from"),
    ] {
        let answer = daemon.get(&format!("/api/v1/mrr?{query}")).await;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(answer.status == 422 && said.contains(word), "{query}: {said}");
    }
    assert!(daemon.command(&["verify"]).status.success());
}

#[tokio::test]
async fn metrics_and_movements_of_a_closed_month_are_told_as_they_were_when_it_was_closed() {
    let mut daemon = january(Settings::default()).await;
    let seq = done(&daemon, &["close", "2026-01", "--json"])["closed"][0]["seq"].clone();
    daemon.accept(late("evt_late", 3500)).await;
    daemon.settle().await;
    let metrics = "/api/v1/metrics?from=2026-01-01&to=2026-02-28";
    let values = |answer: &Value, name: &str| -> Vec<Value> {
        answer["data"].as_array().unwrap().iter().map(|entry| entry[name]["value"].clone()).collect()
    };
    let restated = daemon.json(metrics).await;
    assert_eq!(
        (values(&restated, "mrr"), values(&restated, "arpa")[0].clone()),
        (vec![json!("4500"); 2], json!("2250"))
    );
    let closed = daemon.json(&format!("{metrics}&basis=closed")).await;
    assert_eq!((&closed["basis"], values(&closed, "mrr")), (&json!("closed"), vec![json!("3000"), json!("4500")]));
    assert_eq!((&closed["data"][0]["closed_seq"], &closed["data"][1]["closed_seq"]), (&seq, &Value::Null));
    assert_eq!((&values(&closed, "arpa")[0], &values(&closed, "asp")[0]), (&json!("1500"), &json!("1500")));

    let movements = "/api/v1/movements?from=2026-01-01&to=2026-01-31";
    let causes = |answer: &Value| -> Vec<Value> {
        answer["data"].as_array().unwrap().iter().map(|one| one["parts"][0]["cause"].clone()).collect()
    };
    let (new, more) = (json!("first_subscription"), json!("plan_upgrade"));
    assert_eq!(causes(&daemon.json(movements).await), [new.clone(), new.clone(), more]);
    assert_eq!(causes(&daemon.json(&format!("{movements}&basis=closed")).await), [new.clone(), new]);

    for (path, word) in [
        ("metrics?basis=closed&interval=quarter", "interval"),
        ("metrics?basis=closed&from=2026-01-02", "from"),
        ("movements?basis=closed", "from"),
        ("movements?basis=closed&from=2026-02-01&to=2026-02-28", "from"),
    ] {
        let answer = daemon.get(&format!("/api/v1/{path}")).await;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(answer.status == 422 && said.contains(word), "{path}: {said}");
    }

    // Under other rules by now there is what the closing kept, and no more.
    daemon.kill();
    let settings = Settings::default().env("MRRD_LEDGER__EXCLUDE", "cus_9");
    let report = |args: &[&str]| {
        let days = ["--from", "2026-01-01", "--to", "2026-01-31", "--basis", "closed", "--json"];
        mrrd(daemon.dir(), &settings).arg("report").args(args).args(days).output().unwrap()
    };
    let kept: Value = serde_json::from_slice(&report(&["metrics"]).stdout).unwrap();
    assert_eq!((values(&kept, "mrr"), values(&kept, "arpa")), (vec![json!("3000")], vec![json!("1500")]));
    assert_eq!(values(&kept, "asp"), [Value::Null]);
    assert!(kept["data"][0]["asp"]["reason"].as_str().unwrap().contains("closed under other rules"), "{kept}");
    let refused = report(&["movements"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && said.contains("other rules (customers)"), "{said}");
}

async fn dollars_in_euros() -> Daemon {
    let mut daemon = january(Settings::default().env("MRRD_LEDGER__REPORTING_CURRENCY", "eur")).await;
    let said = refused(&daemon, &["close", "2026-01"]);
    assert!(said.contains("no rate of usd in eur on 2026-01-14"), "{said}");
    let table = "day,currency,rate\n2026-01-14,usd,0.5\n2026-01-15,usd,0.5\n2026-01-20,usd,0.5\n2026-01-30,usd,0.8\n\
                 2026-02-27,usd,0.8\n";
    std::fs::write(daemon.dir().join("rates.csv"), table).unwrap();
    daemon.kill();
    let imported = daemon.command(&["fx", "import", "rates.csv"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    done(&daemon, &["rebuild", "--json"]);
    daemon
}

#[tokio::test]
async fn a_month_closes_in_the_reporting_currency_and_other_rates_restate_it() {
    let daemon = dollars_in_euros().await;
    let closed = done(&daemon, &["close", "2026-01", "--json"]);
    let profiles: Vec<_> = closed["closed"].as_array().unwrap().iter().map(|one| one["profile"].clone()).collect();
    assert_eq!(profiles, ["stripe", "stripe in eur"]);
    let total = |name: &str| {
        let mut lines = closed["closed"][1]["totals"].as_array().unwrap().iter();
        lines.find(|line| line["line"] == name).map(|line| line["amount_exact"].clone())
    };
    assert_eq!([total("new"), total("fx"), total("closing")], ["1500", "900", "2400"].map(|text| Some(json!(text))));
    let verified = done(&daemon, &["verify", "--json"]);
    assert_eq!(verified["closings"], 2);
    // What converts a profile's figures is no profile of its own, and closings are counted as the list of them shows them.
    assert_eq!((&verified["profiles"], &verified["converted_into"]), (&json!(1), &json!("eur")), "{verified}");
    let verified = String::from_utf8_lossy(&daemon.command(&["verify"]).stdout).into_owned();
    let ledger =
        "ledger  2 customers held against the log under 1 profile, in each currency and converted into eur, 0 left out";
    assert!(verified.contains(ledger), "{verified}");
    let listed = daemon.command(&["close", "list", "--format", "csv"]).stdout;
    let rows = String::from_utf8_lossy(&listed).lines().count() - 1;
    let closed = format!("closed  2 closings of 1 month ({rows} rows of `mrrd close list`) held against the log");
    assert!(verified.contains(&closed), "{closed}: {verified}");
    // What is converted stands in a table of its own, also in the list.
    let listed = String::from_utf8_lossy(&daemon.command(&["close", "list"]).stdout).into_owned();
    let (own, converted) = listed.split_once("In EUR, everything converted\n").unwrap();
    assert!(own.contains("In USD\n") && !own.contains("stripe in eur"), "{listed}");
    assert!(converted.contains("stripe in eur") && !converted.contains("In USD"), "{listed}");
    assert_eq!(done(&daemon, &["report", "restatements", "--json"])["data"], json!([]));

    std::fs::write(daemon.dir().join("late.jsonl"), late("evt_late", 3500)).unwrap();
    done(&daemon, &["replay", "--json", "late.jsonl"]);
    done(&daemon, &["rebuild", "--json"]);
    let restated = done(&daemon, &["report", "restatements", "--json"]);
    let one = &restated["data"][0];
    assert_eq!((&one["currency"], &one["events"]), (&json!("eur"), &json!(["evt_late"])));
    assert_eq!((&one["before"]["closing_exact"], &one["after"]["closing_exact"]), (&json!("1600"), &json!("2800")));
    let native = done(&daemon, &["report", "mrr", "--currency", "usd", "--to", "2026-01-31", "--json"]);
    assert_eq!((&native["data"][0]["closing_exact"], &native["data"][0]["restated"]), (&json!("4500"), &json!(true)));
    // Each table says of which of the two ledgers it is.
    let shown = |args: &[&str]| String::from_utf8_lossy(&daemon.command(args).stdout).into_owned();
    for report in [&["accuracy", "--from", "2026-01-01", "--to", "2026-01-31"][..], &["restatements"]] {
        let said = shown(&[&["report"], report].concat());
        assert!(said.contains("In EUR, everything converted"), "{said}");
        let said = shown(&[&["report"], report, &["--currency", "usd"]].concat());
        assert!(said.contains("In USD\n") && !said.contains("converted"), "{said}");
    }
    let said = shown(&["close", "2026-02", "--dry-run"]);
    assert!(said.contains("In USD\n") && said.contains("In EUR, everything converted\n"), "{said}");

    // The difference of two profiles, too, is told in the reporting currency unless another one is named.
    let compare = |more: &[&str]| {
        done(&daemon, &[&["compare", "stripe", "finance", "--month", "2026-01", "--json"], more].concat())
    };
    assert_eq!(compare(&[])["totals"][0]["to"]["closing_exact"], "3600");
    assert_eq!(compare(&["--currency", "usd"])["totals"][0]["to"]["closing_exact"], "4500");

    let table = "day,currency,rate\n2026-01-30,usd,0.9\n";
    std::fs::write(daemon.dir().join("rates.csv"), table).unwrap();
    assert!(daemon.command(&["fx", "import", "rates.csv"]).status.success());
    let restated = done(&daemon, &["report", "restatements", "--json"]);
    let two = restated["data"].as_array().unwrap().iter().find(|one| one["customer"] == "cus_2").unwrap();
    assert_eq!((&two["events"], &two["rules_changed"]), (&json!([]), &json!(["rates"])));
    done(&daemon, &["rebuild", "--json"]);
    let verified = done(&daemon, &["verify", "--json"]);
    assert_eq!((&verified["closings"], &verified["closings_under_other_rules"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn who_is_left_out_is_in_no_closing_and_who_is_left_out_later_restates_it() {
    let mut daemon = january(Settings::default().env("MRRD_LEDGER__EXCLUDE", "cus_2")).await;
    let closed = done(&daemon, &["close", "2026-01", "--json"]);
    let lines = closed["closed"][0]["totals"].as_array().unwrap();
    assert!(lines.iter().any(|line| line["line"] == "closing" && line["amount_exact"] == "2000"), "{closed}");
    // What came of the one left out changes nothing.
    let two = subscription("sub_2", "cus_2", "price_2", 1000, 1, JANUARY + DAY);
    let more = subscription("sub_2", "cus_2", "price_2", 1000, 3, JANUARY + DAY);
    let was = json!({"items": two["items"]});
    daemon.accept(event("evt_3", "customer.subscription.updated", JANUARY + 2 * DAY, &more, Some(was))).await;
    daemon.settle().await;
    assert_eq!(daemon.json("/api/v1/restatements").await["data"], json!([]));
    daemon.kill();
    // Now both of them are left out: no event did that.
    let args = ["report", "restatements", "--json"];
    let settings = Settings::default().env("MRRD_LEDGER__EXCLUDE", "cus_1,cus_2");
    let output = mrrd(daemon.dir(), &settings).args(args).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let told: Vec<_> = answer["data"].as_array().unwrap().iter().map(|one| one["customer"].clone()).collect();
    assert_eq!(told, ["cus_1"], "{answer}");
    let one = &answer["data"][0];
    assert_eq!((&one["events"], &one["rules_changed"]), (&json!([]), &json!(["customers"])));
}

#[tokio::test]
async fn verify_finds_a_closing_that_was_touched() {
    use sqlx::Connection;
    let mut daemon = january(Settings::default()).await;
    done(&daemon, &["close", "2026-01", "--json"]);
    daemon.kill();
    let verified = done(&daemon, &["verify", "--json"]);
    assert_eq!((&verified["closings"], &verified["closing_difference"]), (&json!(1), &Value::Null));
    let path = daemon.dir().join("mrrd.db");
    let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    for (statement, table, said) in [
        ("UPDATE closing_movement SET amount = amount + 1 WHERE customer = 'cus_1'", "closing_movement", "totals"),
        (
            "UPDATE closing_movement SET amount = amount - 1, kind = 'expansion' WHERE customer = 'cus_1'",
            "closing_movement",
            "totals",
        ),
        ("UPDATE closing SET seq = seq - 1", "closing", "its hash"),
    ] {
        let touched = format!("DROP TRIGGER IF EXISTS {table}_no_update; {statement}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(touched)).execute(&mut connection).await.unwrap();
        let output = daemon.command(&["verify", "--json"]);
        assert_eq!(output.status.code(), Some(1), "{statement}");
        let verified: Value = serde_json::from_slice(&output.stdout).unwrap();
        let difference = verified["closing_difference"].as_str().unwrap();
        assert!(difference.starts_with("2026-01 under stripe") && difference.contains(said), "{difference}");
    }
}
