//! `privacy.keep = "minimal"`: what names a person is never on the disk, and every figure is the same.

use serde_json::json;

use super::*;
use crate::api::{DAY, JANUARY, event, subscription};

on_both! {
    async fn nothing_of_a_person_is_stored_and_figures_are_the_same(settings) {
        let whole = Settings::default().start().await;
        let minimal = settings.env("MRRD_PRIVACY__KEEP", "minimal").start().await;
        let mut reports = Vec::new();
        for mut daemon in [whole, minimal] {
            let customer = json!({
                "id": "cus_1", "object": "customer", "name": "Ada Lovelace-Byron", "email": "ada@lovelace.example",
                "address": {"line1": "12 Saint James's Square", "country": "GB"}, "livemode": true,
            });
            let body = event("evt_1", "customer.created", JANUARY, &customer, None);
            daemon.accept(body.clone()).await;
            let plan = subscription("sub_1", "cus_1", "price_1", 2000, 1, JANUARY + DAY);
            daemon.accept(event("evt_2", "customer.subscription.created", JANUARY + DAY, &plan, None)).await;
            // What is sent again is known again.
            let again = daemon.post(body).await;
            assert_eq!(again.json()["duplicate"], true);
            // And so is what a file brings.
            let mut other = customer.clone();
            (other["id"], other["name"]) = (json!("cus_2"), json!("Ada Lovelace-Byron"));
            std::fs::write(daemon.dir().join("more.jsonl"), event("evt_3", "customer.created", JANUARY, &other, None)).unwrap();
            beside(&daemon, &["replay", "more.jsonl"]).well();
            daemon.settle().await;
            reports.push((
                beside(&daemon, &["report", "mrr", "--month", "2026-01", "--json"]).json(),
                beside(&daemon, &["report", "mrr", "--month", "2026-01", "--by", "country", "--json"]).json(),
            ));
            let verified = beside(&daemon, &["verify", "--json"]).json();
            assert_eq!((&verified["ok"], &verified["bodies"]), (&json!(true), &json!(3)));
            let raw = beside(&daemon, &["events", "show", "evt_1", "--raw"]).well();
            let exported = beside(&daemon, &["events", "export"]).well();
            let is_whole = reports.len() == 1;
            for personal in ["Lovelace", "ada@", "Saint James"] {
                assert_eq!((raw.contains(personal), exported.contains(personal)), (is_whole, is_whole), "{personal}");
            }
            assert!(raw.contains("\"GB\"") && raw.contains("cus_1"), "{raw}");
        }
        assert_eq!(reports[0], reports[1]);
    }
}
