//! `mrrd events export`: what `mrrd replay` takes back, to the byte and to the cent.

use std::io::Write as _;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::api::{DAY, JANUARY, event, subscription};

/// Lines by what a copy must have too: all but when and how they came. Another shape of an event may come some places later.
fn told(lines: &str) -> Vec<Value> {
    let mut told: Vec<Value> = lines
        .lines()
        .map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            for field in ["received_at", "source"] {
                line.as_object_mut().unwrap().remove(field).unwrap();
            }
            line
        })
        .collect();
    told.sort_by_key(|line| (line["id"].to_string(), line["variant"].as_i64()));
    told
}

async fn replayed(url: &str, lines: &str) -> Value {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("events.jsonl");
    std::fs::File::create(&path).unwrap().write_all(lines.as_bytes()).unwrap();
    run(url, &["replay", "--json", path.to_str().unwrap()]).await.json()
}

on_both! {
    async fn an_export_replayed_is_the_same_log_and_the_same_figures(settings) {
        let mut daemon = settings.start().await;
        for event in account(7, 6) {
            daemon.accept(event.body.clone()).await;
        }
        // As Stripe writes them: with line ends, and what JSON escapes.
        let plain = subscription("sub_x", "cus_x", "price_x", 2000, 1, JANUARY);
        let body: Value = serde_json::from_str(&event("evt_x", "customer.subscription.created", JANUARY, &plain, None)).unwrap();
        let mut pretty = serde_json::to_string_pretty(&body).unwrap();
        pretty.insert_str(1, "\n  \"note\": \"Zürich \\u0007 \\\"quoted\\\"\",");
        daemon.accept(pretty.clone()).await;
        // The same event in another shape, and an object that is no event.
        let mut other = body.clone();
        other["data"]["object"]["items"]["data"][0]["quantity"] = json!(2);
        daemon.accept(other.to_string()).await;
        std::fs::write(daemon.dir().join("object.json"), subscription("sub_y", "cus_y", "price_y", 700, 3, JANUARY + DAY).to_string()).unwrap();
        beside(&daemon, &["replay", "--read-at", "2026-02-10T00:00:00Z", "object.json"]).well();
        daemon.settle().await;

        let exported = beside(&daemon, &["events", "export"]).well();
        let line = exported.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).find(|line| line["id"] == "evt_x");
        assert_eq!(line.unwrap()["body"], json!(pretty));
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}", folder.path().join("mrrd.db").display());
        let counts = replayed(&url, &exported).await;
        let lines = exported.lines().count();
        assert_eq!((&counts["read"], &counts["rejected"]), (&json!(lines), &json!(0)), "{counts}");
        assert_eq!(told(&run(&url, &["events", "export"]).await.well()), told(&exported));
        for report in ["mrr", "movements"] {
            let args = ["report", report, "--from", "2025-11-01", "--to", "2026-05-31", "--json"];
            assert_eq!(run(&url, &args).await.json(), beside(&daemon, &args).json());
        }
        assert_eq!(run(&url, &["verify", "--json"]).await.json()["ok"], true);
        // Once more, nothing is new: an export and its origin are the same events.
        assert_eq!(replayed(&url, &exported).await["appended"], 0);
    }

    async fn an_export_holds_what_was_asked_for_and_tells_what_was_erased(settings) {
        let mut daemon = settings.start().await;
        for (customer, at) in [("cus_1", 0), ("cus_2", 1), ("cus_3", 2)] {
            let object = subscription(&format!("sub_{customer}"), customer, "price_1", 1000, 1, JANUARY + at * DAY);
            daemon.accept(event(&format!("evt_{customer}"), "customer.subscription.created", JANUARY + at * DAY, &object, None)).await;
        }
        daemon.settle().await;
        let ids = |args: &[&str]| {
            let out = beside(&daemon, &[&["events", "export"], args].concat()).well();
            let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
            out.lines().map(id).collect::<Vec<_>>()
        };
        assert_eq!(ids(&["--customer", "cus_2"]), ["evt_cus_2"]);
        assert_eq!(ids(&["--type", "invoice.*"]), Vec::<String>::new());
        assert_eq!(ids(&["--after", "1"]), ["evt_cus_2", "evt_cus_3"]);
        let second = (JANUARY + DAY).to_string();
        assert_eq!(ids(&["--since", &second]), ["evt_cus_2", "evt_cus_3"]);
        assert_eq!(ids(&["--until", &second]), ["evt_cus_1"]);
        beside(&daemon, &["erase", "cus_2", "--reason", "asked for", "--yes"]).well();
        let ended = beside(&daemon, &["events", "export"]);
        assert!(ended.err.contains("2 events exported") && ended.err.contains("1 more were erased"), "{}", ended.err);
        assert_eq!(ended.well().lines().count(), 2);
    }
}
