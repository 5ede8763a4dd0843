//! `mrrd segment` and `/api/v1/segments`: saved by a name, in versions that a question knows as of its own place in the log, in every
//! back-up (rule `segments`).

use mrrd::clock::Clock;
use serde_json::{Value, json};

use super::*;
use crate::{
    api::{DAY, JANUARY, event, subscription},
    support::sql,
};

/// Two customers, one of whom pays more than 15 dollars.
async fn two_customers(settings: Settings) -> Daemon {
    let mut daemon = settings.env("MRRD_SEGMENTS__ALL__WHERE", "mrr >= 0").start().await;
    for (number, amount) in [(1, 2000), (2, 1000)] {
        let (sub, customer) = (format!("sub_{number}"), format!("cus_{number}"));
        let state = subscription(&sub, &customer, "price_1", amount, 1, JANUARY);
        daemon.accept(event(&format!("evt_{number}"), "customer.subscription.created", JANUARY, &state, None)).await;
    }
    daemon.settle().await;
    daemon
}

/// One more event, of a customer who pays nothing.
async fn another(daemon: &mut Daemon, number: i64) {
    let customer = json!({"id": format!("cus_{number}"), "object": "customer", "created": JANUARY, "metadata": {}});
    let at = JANUARY + number * DAY;
    daemon.accept(event(&format!("evt_c{number}"), "customer.created", at, &customer, None)).await;
    daemon.settle().await;
}

const JANUARYS: &str = "/api/v1/mrr?from=2026-01-01&to=2026-01-31";

/// The closing of January for `segment=large`, as known at a place in the log where one is given.
async fn large(daemon: &mut Daemon, seq: Option<i64>) -> Result<String, String> {
    let known = seq.map(|seq| format!("&as_known_at={seq}")).unwrap_or_default();
    let answer = daemon.get(&format!("{JANUARYS}&segment=large{known}")).await;
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    match answer.status {
        200 => Ok(body["data"][0]["closing_exact"].as_str().unwrap().to_owned()),
        422 => Err(body["detail"].as_str().unwrap().to_owned()),
        _ => panic!("{body}"),
    }
}

on_both! {
    async fn a_segment_means_what_its_latest_version_says_and_meant_before_what_was_known_then(settings) {
        let url = settings.get("MRRD_DATABASE__URL").map(str::to_owned);
        let mut daemon = two_customers(settings).await;
        let url = url.unwrap_or_else(|| format!("sqlite://{}", daemon.dir().join("mrrd.db").display()));
        let why = large(&mut daemon, None).await.unwrap_err();
        assert!(why.contains("there is no segment \"large\": there are all") && why.contains("mrrd segment save"), "{why}");
        let said = beside(&daemon, &["segment", "save", "large", "mrr  >= 15 and (currency=usd)"]).well();
        assert!(said.contains("large is saved: mrr >= 15 and currency = usd"), "{said}");
        // Another answer to the same question, whatever was kept of the one before.
        assert_eq!(large(&mut daemon, None).await, Ok("2000".into()));
        let again = beside(&daemon, &["segment", "save", "large", "mrr >= 15 and currency = usd"]).well();
        assert!(again.contains("saved already"), "{again}");
        another(&mut daemon, 3).await;
        let first = daemon.json("/api/v1/segments").await["data"][1]["saved_at"].as_str().unwrap().to_owned();
        while Clock::system().now().to_string() <= first {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let said = beside(&daemon, &["segment", "save", "large", "mrr >= 5"]).well();
        assert!(said.contains("questions as of before still know it as mrr >= 15 and currency = usd"), "{said}");
        assert_eq!(large(&mut daemon, None).await, Ok("3000".into()));
        another(&mut daemon, 4).await;
        // Saved when the log ended at 2: known as of 3, and not before.
        assert!(large(&mut daemon, Some(2)).await.unwrap_err().contains("as known then: there are all"));
        assert_eq!(large(&mut daemon, Some(3)).await, Ok("2000".into()));
        assert_eq!(large(&mut daemon, Some(4)).await, Ok("3000".into()));
        let then = daemon.json(&format!("{JANUARYS}&segment=large&as_known_at={first}")).await;
        assert_eq!(then["data"][0]["closing_exact"], "2000", "as of {first}");
        // Of the configuration and saved side by side, in every figure that takes one.
        let compared = daemon.json(&format!("{JANUARYS}&compare=all,large")).await;
        assert_eq!(compared["data"].as_array().unwrap().len(), 2, "{compared}");
        for route in ["metrics", "cohorts", "movements", "customers"] {
            let told = daemon.json(&format!("/api/v1/{route}?segment=large")).await;
            assert_ne!(told["data"], json!([]), "{route}");
        }
        let printed = beside(&daemon, &["report", "mrr", "--month", "2026-01", "--segment", "large", "--json"]).json();
        assert_eq!(printed["data"][0]["closing_exact"], "3000");
        let list = beside(&daemon, &["segment", "list", "--json"]).json();
        let told = |list: &Value| -> Vec<(Value, Value, Value, Value)> {
            let one = |entry: &Value| {
                (entry["name"].clone(), entry["where"].clone(), entry["source"].clone(), entry["current"].clone())
            };
            list["data"].as_array().unwrap().iter().map(one).collect()
        };
        let all = (json!("all"), json!("mrr >= 0"), json!("configuration"), json!(true));
        let latest = (json!("large"), json!("mrr >= 5"), json!("saved"), json!(true));
        let first = (json!("large"), json!("mrr >= 15 and currency = usd"), json!("saved"), json!(false));
        assert_eq!(told(&list), [all.clone(), latest.clone()]);
        let every = daemon.json("/api/v1/segments?all=true").await;
        assert_eq!(told(&every), [all.clone(), first.clone(), latest]);
        let then = daemon.json("/api/v1/segments?as_known_at=3").await;
        assert_eq!(told(&then), [all.clone(), (first.0.clone(), first.1.clone(), first.2.clone(), json!(true))]);
        assert_eq!((&then["data"][1]["log_seq"], &then["data"][1]["version"]), (&json!(2), &json!(1)), "{then}");
        // Dropped, it means nothing from now on.
        let said = beside(&daemon, &["segment", "drop", "large"]).well();
        assert!(said.contains("large is dropped"), "{said}");
        assert!(large(&mut daemon, None).await.unwrap_err().contains("there is no segment"));
        assert_eq!(large(&mut daemon, Some(4)).await, Ok("3000".into()));
        let again = beside(&daemon, &["segment", "drop", "large"]);
        assert!(again.code == 1 && again.err.contains("no segment \"large\" is saved"), "{}", again.err);
        // What was saved stays: nobody changes it behind mrrd's back without taking the triggers off.
        for change in ["UPDATE segment_version SET condition = 'mrr > 1'", "DELETE FROM segment_version"] {
            let refused = sql::run(&url, change).await.unwrap_err().to_string();
            assert!(refused.contains("a segment stays as it was saved"), "{refused}");
        }
        let trail = daemon.json("/api/v1/audit-trail").await;
        let actions: Vec<(&str, &str)> = trail["data"].as_array().unwrap().iter()
            .map(|line| (line["action"].as_str().unwrap(), line["subject"].as_str().unwrap())).take(3).collect();
        assert_eq!(actions, [("segment_dropped", "large"), ("segment_saved", "large"), ("segment_saved", "large")]);
        assert_eq!(trail["data"][1]["detail"], "mrr >= 5");
    }

    async fn a_backup_takes_saved_segments_along(settings) {
        let daemon = two_customers(settings).await;
        for condition in ["mrr >= 15", "mrr >= 5"] {
            beside(&daemon, &["segment", "save", "large", condition]).well();
        }
        let folder = TempDir::new().unwrap();
        let backup = folder.path().join("one");
        beside(&daemon, &["backup", backup.to_str().unwrap()]).well();
        let listed = beside(&daemon, &["segment", "list", "--all", "--json"]).json();
        let restored = format!("sqlite://{}", folder.path().join("restored/mrrd.db").display());
        for url in [restored, postgres::database().await] {
            let of = |args: &[&str]| {
                let settings = Settings::default().env("MRRD_DATABASE__URL", &url).env("MRRD_SEGMENTS__ALL__WHERE", "mrr >= 0");
                let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
                async move { run_with(settings, &args.iter().map(String::as_str).collect::<Vec<_>>()).await }
            };
            of(&["restore", backup.to_str().unwrap()]).await.well();
            assert_eq!(of(&["segment", "list", "--all", "--json"]).await.json(), listed);
            of(&["segment", "save", "large", "mrr >= 7"]).await.well();
            let versions = of(&["segment", "list", "--all", "--json"]).await.json();
            assert_eq!(versions["data"][3]["version"], 3, "{versions}");
            // A name that the configuration takes later means what stands there.
            let settings = Settings::default().env("MRRD_DATABASE__URL", &url).env("MRRD_SEGMENTS__LARGE__WHERE", "mrr >= 1");
            let all = run_with(settings, &["segment", "list", "--all", "--json"]).await.json();
            let current: Vec<(&Value, &Value)> = all["data"].as_array().unwrap().iter()
                .filter(|entry| entry["current"] == true).map(|entry| (&entry["where"], &entry["source"])).collect();
            assert_eq!(current, [(&json!("mrr >= 1"), &json!("configuration"))], "{all}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_saves_over_http_and_what_is_no_segment_is_refused_by_its_place() {
    let mut daemon = two_customers(Settings::default()).await;
    let body = |name: &str, condition: &str| json!({"name": name, "where": condition}).to_string();
    let saved = daemon.send("POST", "/api/v1/segments", body("large", "mrr >= 15")).await;
    let saved: Value = serde_json::from_slice(&saved.body).unwrap();
    assert_eq!((&saved["data"][0]["where"], &saved["data"][0]["version"]), (&json!("mrr >= 15"), &json!(1)), "{saved}");
    assert_eq!(large(&mut daemon, None).await, Ok("2000".into()));
    for (said, words) in [
        (body("all", "mrr >= 1"), "the configuration has a segment all"),
        (body("large", "mrr >> 1"), "at character 6"),
        (body("Large ones", "mrr >= 1"), "lower-case letters"),
        (body("", "mrr >= 1"), "lower-case letters"),
        (body("long", &format!("mrr >= 1{}", " or mrr >= 1".repeat(400))), "longer than"),
        ("{}".into(), "missing field `name`"),
        ("{".into(), "it is not JSON: it is such as"),
    ] {
        let refused = daemon.send("POST", "/api/v1/segments", said.clone()).await;
        let text = String::from_utf8_lossy(&refused.body).into_owned();
        assert!(refused.status == 422 && text.contains(words), "{said}: {} {text}", refused.status);
    }
    let refused = beside(&daemon, &["segment", "save", "all", "mrr >= 1"]);
    assert!(refused.code != 0 && refused.err.contains("[segments.all]"), "{}", refused.err);
    let refused = beside(&daemon, &["segment", "drop", "all"]);
    assert!(refused.code == 1 && refused.err.contains("of the configuration"), "{}", refused.err);
    let csv = daemon.get("/api/v1/segments?format=csv").await;
    let csv = String::from_utf8_lossy(&csv.body).into_owned();
    assert!(csv.contains("name,where,source,current") && csv.contains("large,mrr >= 15,saved,true,1,"), "{csv}");
    // Who only reads may list, and neither saves nor drops.
    let made = beside(&daemon, &["token", "create", "reader", "--role", "viewer", "--json"]).json();
    let mut viewer = daemon.stranger().bearing(made["token"].as_str().unwrap());
    for (method, path) in [(http::Method::POST, "/api/v1/segments"), (http::Method::DELETE, "/api/v1/segments/large")] {
        let refused = viewer.send(method, path, &[], body("other", "mrr >= 1").into()).await.unwrap();
        assert_eq!(refused.status, 403);
    }
    let dropped = daemon.send("DELETE", "/api/v1/segments/large", String::new()).await;
    assert_eq!(dropped.status, 200);
    let dropped: Value = serde_json::from_slice(&dropped.body).unwrap();
    assert_eq!(
        (&dropped["data"][1]["where"], &dropped["data"][1]["current"]),
        (&Value::Null, &json!(false)),
        "{dropped}"
    );
    assert_eq!(daemon.send("DELETE", "/api/v1/segments/large", String::new()).await.status, 404);
    assert_eq!(daemon.json("/api/v1/segments").await["data"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_saved_at_once_are_numbered_without_a_hole() {
    let settings = on_postgres().await;
    let url = settings.get("MRRD_DATABASE__URL").unwrap().to_owned();
    let daemon = two_customers(settings).await;
    let saved = (1..=8).map(|number| {
        let (url, condition) = (url.clone(), format!("mrr >= {number}"));
        tokio::spawn(async move { run(&url, &["segment", "save", &format!("of_{number}"), &condition]).await })
    });
    let saved: Vec<_> = saved.collect();
    for one in saved {
        one.await.unwrap().well();
    }
    let list = beside(&daemon, &["segment", "list", "--all", "--json"]).json();
    let versions: Vec<i64> =
        list["data"].as_array().unwrap().iter().filter_map(|entry| entry["version"].as_i64()).collect();
    assert_eq!(versions, (1..=8).collect::<Vec<_>>(), "{list}");
}
