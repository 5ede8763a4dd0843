//! Signed events that can't be Stripe's: absurd instants, ids no index holds, numbers beyond money. Each is kept and listed,
//! none counts, and nobody else's figures feel them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    reconciler::bench::{Kind, on_both},
    support::{
        daemon::{Daemon, Settings},
        postgres,
    },
};

/// A month ago.
fn at() -> i64 {
    mrrd::clock::Clock::system().now().0 - 30 * 86_400
}

/// A subscription of 10.00 a month.
fn subscription(id: &str, customer: &str) -> Value {
    let at = at();
    json!({"id": id, "object": "subscription", "customer": customer, "livemode": true, "status": "active",
        "currency": "usd", "created": at, "start_date": at, "ended_at": null, "discounts": [],
        "items": {"object": "list", "has_more": false, "data": [{"id": format!("si_{id}"), "object": "subscription_item",
            "quantity": 1, "current_period_start": at, "current_period_end": at + 2_678_400, "discounts": [],
            "price": {"id": "price_1", "object": "price", "currency": "usd", "unit_amount": 1000,
                "unit_amount_decimal": "1000", "billing_scheme": "per_unit", "product": "prod_1", "type": "recurring",
                "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}}}]}})
}

fn event(id: &str, object: &Value) -> Value {
    json!({"id": id, "object": "event", "api_version": "2025-08-27.basil", "type": "customer.subscription.created",
        "livemode": true, "created": at(), "data": {"object": object}})
}

async fn daemon(kind: Kind, settings: Settings) -> Daemon {
    match kind {
        Kind::Sqlite => settings.start().await,
        Kind::Postgres => settings.env("MRRD_DATABASE__URL", &postgres::database().await).start().await,
    }
}

/// Posts each change of a good event; all must be taken in, listed as `listed`, and leave the others' figures alone.
async fn takes(mut daemon: Daemon, listed: &str, changes: &[(&str, Value)]) {
    daemon.accept(event("evt_good", &subscription("sub_good", "cus_good")).to_string()).await;
    for (number, (place, value)) in changes.iter().enumerate() {
        let mut odd = event(&format!("evt_{number}"), &subscription(&format!("sub_{number}"), "cus_odd"));
        let (above, last) = place.rsplit_once('/').unwrap();
        odd.pointer_mut(above).unwrap()[last] = value.clone();
        daemon.accept(odd.to_string()).await;
    }
    daemon.accept(event("evt_later", &subscription("sub_later", "cus_later")).to_string()).await;
    daemon.settle_within(Duration::from_secs(20)).await;
    let mrr = daemon.json("/api/v1/mrr").await;
    let months = mrr["data"].as_array().unwrap();
    assert!(months.len() <= 3, "{mrr}");
    assert_eq!(months.last().unwrap()["closing_exact"], "2000", "{mrr}");
    let quality = daemon.json("/api/v1/quality?account=all").await;
    let kinds: Vec<_> =
        quality["data"].as_array().unwrap().iter().map(|item| (item["kind"].clone(), item["event"].clone())).collect();
    let expected: Vec<_> = (0..changes.len()).map(|number| (listed.into(), format!("evt_{number}").into())).collect();
    assert_eq!(kinds, expected, "{quality}");
    let verified = daemon.command(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

on_both! {
    /// Rule `implausible-times`.
    async fn an_absurd_instant_stretches_no_series(kind) {
        let ahead = at() + 40 * 86_400;
        takes(daemon(kind, Settings::default()).await, "implausible_time", &[
            ("/created", 1.into()),
            ("/created", 253_402_300_799_i64.into()),
            ("/created", (-62_135_596_800_i64).into()),
            ("/data/object/start_date", (-62_135_596_800_i64).into()),
            ("/data/object/ended_at", ahead.into()),
            ("/data/object/cancel_at", i64::MAX.into()),
            ("/data/object/items/data/0/current_period_start", 0.into()),
            ("/data/object/trial_end", 1.into()),
            ("/data/object/discounts", json!([{"id": "di_1", "object": "discount", "start": 1, "end": 2,
                "coupon": {"id": "C", "object": "coupon", "percent_off": 10.0, "duration": "forever"}}])),
        ]).await;
    }

    async fn ids_that_no_index_holds_stop_nobody(kind) {
        // No database makes it shorter.
        let long = |prefix: &str| -> Value {
            let text: String = (0..3_000).map(|_| rand::random_range('a'..='z')).collect();
            format!("{prefix}_{text}").into()
        };
        let settings = Settings::default().env("MRRD_LEDGER__CUSTOMER_KEY", "company");
        let mut odd = daemon(kind, settings).await;
        let mut body = event("evt_1", &subscription("sub_1", "cus_1"));
        body["id"] = long("evt");
        let answer = odd.post(body.to_string()).await;
        assert_eq!(answer.status, 400, "{}", String::from_utf8_lossy(&answer.body));
        // Metadata joins customers, but not by what can't be metadata.
        let customer = json!({"id": "cus_good", "object": "customer", "livemode": true, "metadata": {"company": long("c")}});
        let mut told = event("evt_customer", &customer);
        told["type"] = "customer.updated".into();
        odd.accept(told.to_string()).await;
        takes(odd, "unreadable_event", &[
            ("/account", long("acct")),
            ("/data/object/id", long("sub")),
            ("/data/object/customer", long("cus")),
            ("/data/object/items/data/0/id", long("si")),
            ("/data/object/items/data/0/price/id", long("price")),
            ("/data/object/items/data/0/price/product", long("prod")),
            ("/data/object/discounts", json!([long("di")])),
            ("/data/object/latest_invoice", long("in")),
            ("/data/object/customer", "cus_\u{0}".into()),
            ("/data/object/items/data/0/id", "si_\u{1b}[31m".into()),
        ]).await;
    }

    async fn numbers_beyond_money_are_no_money(kind) {
        let huge: Value = serde_json::from_str("99999999999999999999").unwrap();
        takes(daemon(kind, Settings::default()).await, "unreadable_event", &[
            ("/data/object/items/data/0/quantity", huge.clone()),
            ("/data/object/items/data/0/quantity", 1e300.into()),
            ("/data/object/items/data/0/price/unit_amount_decimal", "99999999999999999999".into()),
            ("/data/object/created", huge),
        ]).await;
    }
}
