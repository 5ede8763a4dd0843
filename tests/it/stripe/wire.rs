//! Shapes at the edges through the running binary: signed, posted, and what `quality` and `explain` then say.

use serde_json::{Value, json};

use crate::{
    api::{JANUARY, event, subscription},
    reconciler::variants,
    support::daemon::Daemon,
};

fn printed(daemon: &Daemon, args: &[&str]) -> String {
    let output = daemon.command(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn one_event_in_two_shapes_counts_the_same_whichever_comes_first() {
    let mut told = Vec::new();
    for pair in [[variants::old(), variants::new()], [variants::new(), variants::old()]] {
        let mut daemon = Daemon::start().await;
        for (shape, duplicate) in pair.iter().zip([false, true]) {
            let answer = daemon.post(shape.body.clone()).await;
            assert_eq!(answer.status, 200);
            assert_eq!(
                serde_json::from_slice::<Value>(&answer.body).unwrap(),
                json!({"received": true, "duplicate": duplicate})
            );
        }
        daemon.settle().await;
        let event = daemon.json("/api/v1/events/evt_1").await;
        assert_eq!(event["variants"].as_array().unwrap().len(), 1, "both are kept: {event}");
        for (variant, shape) in ["0", "1"].iter().zip(&pair) {
            let raw = daemon.command(&["events", "show", "evt_1", "--raw", "--variant", variant]).stdout;
            assert_eq!(raw, shape.body, "to the byte");
        }
        assert_eq!(daemon.json("/api/v1/quality").await["data"], json!([]), "either tells what the other does not");
        let movements = daemon.json("/api/v1/movements").await;
        assert_eq!(movements["data"].as_array().unwrap().len(), 1);
        // Twelve seats of the newer shape, at the older one's tier of 6.00, less its half.
        assert_eq!(movements["data"][0]["amount_exact"], "3600");
        told.push((movements, printed(&daemon, &["explain", "sub_1"])));
    }
    assert_eq!(told[0], told[1]);
}

/// A subscription of its own customer with one thing about it that can't be told.
fn odd(name: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut object =
        subscription(&format!("sub_{name}"), &format!("cus_{name}"), &format!("price_{name}"), 1000, 1, JANUARY);
    change(&mut object);
    event(&format!("evt_{name}"), "customer.subscription.created", JANUARY, &object, None)
}

#[tokio::test]
async fn what_an_odd_shape_cannot_tell_is_listed_and_in_no_figure() {
    let mut daemon = Daemon::start().await;
    let item = "/items/data/0";
    for body in [
        odd("whole", |_| ()),
        odd("interval", |sub| {
            *sub.pointer_mut(&format!("{item}/price/recurring/interval")).unwrap() = json!("fortnight")
        }),
        odd("quantity", |sub| *sub.pointer_mut(&format!("{item}/quantity")).unwrap() = json!("many")),
        odd("currency", |sub| {
            (sub["currency"], *sub.pointer_mut(&format!("{item}/price/currency")).unwrap()) =
                (json!("usdc"), json!("usdc"));
        }),
        odd("discount", |sub| {
            sub["discounts"] = json!([{"id": "di_odd", "object": "discount", "start": JANUARY,
            "source": {"type": "coupon", "coupon": {"id": "odd", "object": "coupon", "percent_off": 50, "duration": "at_times"}}}])
        }),
        odd("unread", |sub| sub["discounts"] = json!([7])),
        odd("cut", |sub| sub["items"]["has_more"] = json!(true)),
    ] {
        daemon.accept(body).await;
    }
    daemon.settle().await;
    let listed = daemon.json("/api/v1/quality").await;
    let mut told: Vec<String> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| ["kind", "customer", "object"].map(|name| entry[name].as_str().unwrap_or("-")).join(" "))
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            "duration_inferred cus_discount di_odd",
            "unknown_value cus_interval si_sub_interval",
            "unpriced_item cus_currency si_sub_currency",
            "unpriced_item cus_cut sub_cut",
            "unpriced_item cus_interval si_sub_interval",
            "unpriced_item cus_quantity sub_quantity",
            "unresolved_discount cus_unread discount",
        ]
    );
    // 10.00 of the whole one, the cut one's shown item and the unread discount's, 5.00 of the one half off.
    let mrr = daemon.json("/api/v1/mrr?from=2026-01-01&to=2026-01-31").await;
    assert_eq!(mrr["data"][0]["closing_exact"], "3500");
    let table = printed(&daemon, &["quality", "--format", "csv"]);
    assert!(table.contains("the list of items is not whole") && table.contains("how long it lasts"), "{table}");
    let explained = printed(&daemon, &["explain", "sub_interval"]);
    assert!(explained.contains("counted in no figure"), "{explained}");
}

#[tokio::test]
async fn a_thin_event_stands_in_quality_until_something_fills_it_in() {
    let thin = |id: &str, object: &str, kind: &str, more: Value| {
        let mut body = json!({
            "id": id, "object": "v2.core.event", "type": kind, "livemode": true, "created": "2026-01-20T10:00:00.000Z",
            "related_object": {"id": object, "type": "subscription", "url": "/v1/…"}
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body.to_string()
    };
    const UPDATED: &str = "v1.customer.subscription.updated";
    const AT: i64 = 1_768_903_200; // 2026-01-20T10:00:00Z
    let mut daemon = Daemon::start().await;
    daemon.accept(odd("a", |_| ())).await;
    daemon.accept(thin("evt_thin_twin", "sub_b", UPDATED, json!({"snapshot_event": "evt_twin"}))).await;
    daemon.accept(thin("evt_thin_later", "sub_a", UPDATED, json!({}))).await;
    daemon.accept(thin("evt_thin_other", "ba_1", "v1.billing.meter.no_meter_found", json!({}))).await;
    daemon.settle().await;
    let open = async |daemon: &mut Daemon| -> Vec<String> {
        let listed = daemon.json("/api/v1/quality").await;
        let thin = listed["data"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "thin_event");
        thin.map(|entry| format!("{} {}", entry["event"].as_str().unwrap(), entry["settle"].as_str().unwrap()))
            .collect()
    };
    let listed = open(&mut daemon).await;
    assert_eq!(listed.len(), 2, "what sub_a was before says nothing of after: {listed:?}");
    assert!(listed[0].starts_with("evt_thin_twin its twin evt_twin, or sub_b read from Stripe's API"), "{listed:?}");
    assert!(printed(&daemon, &["quality", "--format", "csv"]).contains("evt_thin_later"));

    // The twin comes; and any later state of the other one's object.
    let twin = subscription("sub_b", "cus_b", "price_b", 1000, 1, JANUARY);
    daemon.accept(event("evt_twin", "customer.subscription.updated", AT, &twin, None)).await;
    assert_eq!(open(&mut daemon).await.len(), 1);
    let later = subscription("sub_a", "cus_a", "price_a", 1000, 2, JANUARY);
    daemon.accept(event("evt_later", "customer.subscription.updated", AT, &later, None)).await;
    assert_eq!(open(&mut daemon).await, [""; 0]);
    assert_eq!(daemon.json("/api/v1/status").await["quality"]["thin_events"], 3, "all are kept and counted");
}
