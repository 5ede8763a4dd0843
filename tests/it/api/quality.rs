//! Everything that can't be known is listed with what would settle it, from webhook to page; nothing is left out quietly.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{DAY, JANUARY, event, subscription};
use crate::support::daemon::Daemon;

const UPDATED: &str = "customer.subscription.updated";

/// A subscription of its own customer, as changed by `change`, told when it was created.
fn created(name: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut object =
        subscription(&format!("sub_{name}"), &format!("cus_{name}"), &format!("price_{name}"), 1000, 1, JANUARY);
    change(&mut object);
    event(&format!("evt_{name}"), "customer.subscription.created", JANUARY, &object, None)
}

/// Tiers that a webhook doesn't show.
fn without_tiers(object: &mut Value) {
    let price = &mut object["items"]["data"][0]["price"];
    price["billing_scheme"] = json!("tiered");
    price["tiers_mode"] = json!("volume");
    (price["unit_amount"], price["unit_amount_decimal"]) = (Value::Null, Value::Null);
}

/// Another quantity at `at`, by an update that tells `previous` or nothing of the state before.
fn updated(name: &str, n: i64, at: i64, quantity: i64, previous: Option<Value>) -> String {
    let id = format!("sub_{name}");
    let object = subscription(&id, &format!("cus_{name}"), &format!("price_{name}"), 1000, quantity, JANUARY);
    event(&format!("evt_{name}_{n}"), UPDATED, at, &object, previous)
}

fn items(name: &str, quantity: i64) -> Value {
    let whole = subscription(&format!("sub_{name}"), "", &format!("price_{name}"), 1000, quantity, JANUARY);
    json!({"items": whole["items"]})
}

fn thin(id: &str, twin: Option<&str>) -> String {
    let mut body = json!({
        "id": id, "object": "v2.core.event", "type": "v1.customer.subscription.updated", "livemode": true,
        "created": "2026-01-20T10:00:00.000Z", "related_object": {"id": "sub_whole", "type": "subscription"}
    });
    if let Some(twin) = twin {
        body["snapshot_event"] = json!(twin);
    }
    body.to_string()
}

/// The bill of an item whose price can't be told.
fn bill(name: &str, amount: i64) -> String {
    let subscription = format!("sub_{name}");
    let line = json!({
        "id": "il_1", "object": "line_item", "amount": amount, "quantity": 1, "subscription": subscription,
        "subscription_item": format!("si_sub_{name}"), "type": "subscription", "proration": false,
        "period": {"start": JANUARY, "end": JANUARY + 31 * DAY}
    });
    let invoice = json!({
        "id": format!("in_{name}"), "object": "invoice", "customer": format!("cus_{name}"), "created": JANUARY,
        "subscription": subscription, "status": "paid", "currency": "usd", "total": amount, "subtotal": amount,
        "lines": {"object": "list", "has_more": false, "data": [line]}
    });
    event(&format!("evt_in_{name}"), "invoice.paid", JANUARY + 5, &invoice, None)
}

/// One event or some for each thing that can't be known, each of a customer of its own.
pub(crate) fn events() -> Vec<String> {
    let mut anonymous = subscription("sub_anonymous", "", "price_1", 1000, 1, JANUARY);
    anonymous["customer"] = Value::Null;
    vec![
        created("whole", |_| ()),
        event("evt_anonymous", UPDATED, JANUARY, &anonymous, None),
        created("unpriced", without_tiers),
        created("estimated", without_tiers),
        bill("estimated", 4200),
        created("unresolved", |object| object["discounts"] = json!(["di_unheard"])),
        // One seat, then an update from 5: something between them never came.
        created("gap", |_| ()),
        updated("gap", 1, JANUARY + 10 * DAY, 9, Some(items("gap", 5))),
        // Two updates of one second that both say nothing of the state before.
        created("tie", |_| ()),
        updated("tie", 1, JANUARY + 10 * DAY, 2, None),
        updated("tie", 2, JANUARY + 10 * DAY, 3, None),
        created("overdue", |object| {
            object["status"] = json!("trialing");
            (object["trial_start"], object["trial_end"]) = (json!(JANUARY), json!(JANUARY + 14 * DAY));
        }),
        created("taxed", |object| object["items"]["data"][0]["price"]["tax_behavior"] = json!("inclusive")),
        created("unknown", |object| object["status"] = json!("hibernating")),
        // The list says that it was cut, and nothing before tells of the rest.
        created("cut", |object| object["items"]["has_more"] = json!(true)),
        thin("evt_thin_1", Some("evt_whole")),
        thin("evt_thin_2", None),
        event("evt_ignored", "charge.succeeded", JANUARY, &json!({"id": "ch_1", "object": "charge"}), None),
    ]
}

#[tokio::test]
async fn whatever_cannot_be_known_is_listed_with_what_would_settle_it() {
    let mut daemon = Daemon::start().await;
    for body in events() {
        daemon.accept(body).await;
    }
    daemon.settle().await;

    // In pages of two, as a reader with little patience would.
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = daemon.json(&format!("/api/v1/quality?limit=2{cursor}")).await;
        listed.extend(page["data"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or("-").to_owned();
    let mut told: Vec<_> = listed
        .iter()
        .map(|entry| ["kind", "customer", "object", "event"].map(|name| text(entry, name)).join(" "))
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            "estimated_item cus_estimated si_sub_estimated evt_estimated",
            "gap cus_gap sub_gap evt_gap_1",
            "overdue cus_overdue sub_overdue evt_overdue",
            "tax_unknown cus_taxed si_sub_taxed evt_taxed",
            "thin_event - sub_whole evt_thin_2",
            "unknown_value cus_unknown sub_unknown evt_unknown",
            "unpriced_item cus_cut sub_cut evt_cut",
            "unpriced_item cus_unpriced si_sub_unpriced evt_unpriced",
            "unreadable_event - evt_anonymous evt_anonymous",
            "unresolved_discount cus_unresolved di_unheard evt_unresolved",
            "unresolved_tie cus_tie sub_tie evt_tie_1",
        ]
    );
    for entry in &listed {
        for name in ["detail", "settle", "at"] {
            assert!(entry[name].as_str().is_some_and(|said| said.len() > 10), "{name} of {entry}");
        }
    }

    // Status counts what the list lists, and everything else that is no fact.
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in &listed {
        *counts.entry(entry["kind"].as_str().unwrap()).or_default() += 1;
    }
    let status = daemon.json("/api/v1/status").await["quality"].clone();
    // Thin events are counted whether or not something has filled them in; one has not.
    assert_eq!(counts.remove("thin_event"), Some(1));
    for (kind, count) in [("ignored_events", 1), ("thin_events", 2)] {
        assert_eq!(status[kind], count, "{kind} in {status}");
    }
    for (kind, name) in [
        ("unreadable_event", "unreadable_events"),
        ("unpriced_item", "unpriced_items"),
        ("estimated_item", "estimated_items"),
        ("unresolved_discount", "unresolved_discounts"),
        ("gap", "gaps"),
        ("unresolved_tie", "unresolved_ties"),
        ("overdue", "overdue"),
        ("tax_unknown", "tax_unknown"),
        ("unknown_value", "unknown_values"),
    ] {
        assert_eq!(status[name], counts.remove(kind).unwrap(), "{name} in {status}");
    }
    assert_eq!(counts, BTreeMap::new(), "a kind that status doesn't count");

    // A thin event stays in the log and points to its twin and its object.
    let events = daemon.json("/api/v1/events?reading=thin").await;
    let pointers: Vec<_> = events["data"].as_array().unwrap().iter().map(|one| text(one, "reason")).collect();
    assert_eq!(pointers, ["evt_whole sub_whole", "sub_whole"]);

    // The command lists the same entries.
    let output = daemon.command(&["quality", "--format", "csv"]);
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed.lines().count(), listed.len() + 1, "{printed}");
    assert!(listed.iter().all(|entry| printed.contains(entry["event"].as_str().unwrap())), "{printed}");
}

#[tokio::test]
async fn a_log_that_an_older_mrrd_read_is_announced_and_read_again() {
    use crate::support::sql;

    let mut daemon = Daemon::start().await;
    daemon.accept(created("whole", |_| ())).await;
    daemon.settle().await;
    let said = |output: std::process::Output| String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!said(daemon.command(&["doctor"])).contains("--renormalize"));
    daemon.kill();
    let url = format!("sqlite://{}", daemon.dir().join("mrrd.db").display());
    sql::unprotect(&url, "fact").await;
    let older = "UPDATE fact SET normaliser = 0, kind = 'unreadable', customer = NULL, object = NULL, \
                 codec = 0, state = CAST('too new' AS BLOB)";
    sql::run(&url, older).await.unwrap();

    let mut daemon = daemon.restart().await;
    daemon.wait_for_output("mrrd rebuild --renormalize");
    assert!(said(daemon.command(&["doctor"])).contains("1 event was read by an older mrrd"));
    assert_eq!(daemon.json("/api/v1/status").await["quality"]["unreadable_events"], 1);
    let rebuilt: Value =
        serde_json::from_slice(&daemon.command(&["rebuild", "--renormalize", "--json"]).stdout).unwrap();
    assert_eq!(rebuilt["renormalized"], json!({"read": 1, "gained": 1, "lost": 0}));
    assert!(!said(daemon.command(&["doctor"])).contains("--renormalize"));
    let mrr = daemon.json("/api/v1/mrr?from=2026-01-01&to=2026-01-31").await;
    assert_eq!(mrr["data"][0]["closing_exact"], "1000");
    let nothing: Value = serde_json::from_slice(&daemon.command(&["rebuild", "--json"]).stdout).unwrap();
    assert_eq!(nothing["renormalized"], Value::Null);
}
