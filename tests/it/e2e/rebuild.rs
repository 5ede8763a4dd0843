//! `rebuild` and `verify` as processes of their own: beside a live `serve` under load, and after a discount's end.

use mrrd::{
    demo::{
        Ledger, Simulator,
        check::{Asked, compare},
        months,
    },
    store::{Store, derived::Dumped},
};
use serde_json::{Value, json};

use super::{END, START, delivery};
use crate::support::{
    daemon::{Daemon, Settings},
    postgres,
};

/// Every derived row that answers, by digest.
pub(crate) async fn rows(url: &str) -> Vec<Dumped> {
    let store = Store::open(url).await.unwrap();
    let current = store.derived.generations().await.unwrap().into_iter().find(|generation| generation.current).unwrap();
    let mut all: Vec<Dumped> = Vec::new();
    loop {
        let page = store.derived.dump(current.id, all.last(), 100).await.unwrap();
        if page.is_empty() {
            store.close().await;
            return all;
        }
        all.extend(page);
    }
}

/// Where a daemon of SQLite keeps its log.
pub(super) fn file(daemon: &Daemon) -> String {
    format!("sqlite://{}", daemon.dir().join("mrrd.db").display())
}

/// What `mrrd … --json` prints, which must succeed.
fn told(daemon: &Daemon, command: &str) -> Value {
    let output = tokio::task::block_in_place(|| daemon.command(&[command, "--json"]));
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "mrrd {command}: {said}{complained}");
    serde_json::from_str(&said).unwrap()
}

async fn rebuild_and_verify_agree_under_load(url: Option<String>) {
    let settings = Settings::default().env("MRRD_LEDGER__PROFILES", "stripe,finance");
    let settings = url.iter().fold(settings, |settings, url| settings.env("MRRD_DATABASE__URL", url));
    let mut daemon = settings.start().await;
    let mut account = Simulator::new(14, 20, START, END);
    let mut events = account.advance(END);
    let late = events.split_off(events.len() / 3);
    delivery(&daemon).deliver(events, |_| {}).await.unwrap();
    let load = tokio::spawn({
        let delivery = delivery(&daemon);
        async move { delivery.deliver(late, |_| {}).await.unwrap() }
    });
    let mut rounds = 0;
    while rounds == 0 || (!load.is_finished() && rounds < 10) {
        assert_eq!(told(&daemon, "rebuild")["failed"], json!([]));
        assert_eq!(told(&daemon, "verify")["ok"], true);
        rounds += 1;
    }
    load.await.unwrap();
    daemon.settle().await;
    let url = url.unwrap_or_else(|| file(&daemon));
    let incremental = rows(&url).await;
    assert!(incremental.len() >= 40, "{}", incremental.len());
    let rebuilt = told(&daemon, "rebuild");
    assert_eq!((&rebuilt["ledgers"], &rebuilt["changed"]), (&json!(incremental.len()), &json!(0)), "{rebuilt}");
    assert_eq!(incremental, rows(&url).await);
    let verified = told(&daemon, "verify");
    assert_eq!((&verified["ok"], &verified["waiting"]), (&json!(true), &json!(0)), "{verified}");
    let comparison = compare(
        account.truth(),
        &months(START, END),
        &Ledger::NATIVE,
        Asked { address: daemon.address(), token: daemon.token() },
    )
    .await
    .unwrap();
    assert_eq!(comparison.differences, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuild_and_verify_agree_under_load_on_sqlite() {
    rebuild_and_verify_agree_under_load(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuild_and_verify_agree_under_load_on_postgres() {
    rebuild_and_verify_agree_under_load(Some(postgres::database().await)).await;
}

/// A subscription to 20.00 a month from 2025-01-01, half off until `end`.
fn half_off_until(end: i64, number: u32) -> String {
    let start = 1_735_689_600;
    let price = json!({
        "id": "price_1", "object": "price", "active": true, "billing_scheme": "per_unit", "currency": "usd",
        "product": "prod_1", "type": "recurring", "unit_amount": 2000, "unit_amount_decimal": "2000",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
    });
    let coupon = json!({
        "id": "half", "object": "coupon", "percent_off": 50, "duration": "repeating", "duration_in_months": 6,
        "valid": true,
    });
    let (id, customer) = (format!("sub_{number}"), format!("cus_{number}"));
    let subscription = json!({
        "id": id, "object": "subscription", "customer": customer, "status": "active", "currency": "usd",
        "created": start, "start_date": start, "current_period_start": start, "current_period_end": start + 2_678_400,
        "cancel_at_period_end": false, "livemode": true,
        "discount": {"id": format!("di_{number}"), "object": "discount", "coupon": coupon, "customer": customer,
                     "start": start, "end": end, "subscription": id},
        "items": {"object": "list", "has_more": false, "total_count": 1, "data": [{
            "id": format!("si_{number}"), "object": "subscription_item", "created": start, "price": price,
            "quantity": 1, "subscription": id,
        }]},
    });
    json!({
        "id": format!("evt_{number}"), "object": "event", "api_version": "2022-11-15", "created": start,
        "livemode": true, "pending_webhooks": 1, "type": "customer.subscription.created",
        "data": {"object": subscription},
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discounts_end_needs_no_webhook_and_a_rebuild_after_it_changes_nothing() {
    const JULY_2025: i64 = 1_751_328_000;
    const YEAR_2090: i64 = 3_786_912_000;
    let mut daemon = Settings::default().env("MRRD_LEDGER__PROFILES", "finance").start().await;
    daemon.accept(half_off_until(JULY_2025, 1)).await;
    daemon.accept(half_off_until(YEAR_2090, 2)).await;
    daemon.settle().await;
    let movements = async |daemon: &mut Daemon, query: &str| -> Vec<String> {
        let answer = daemon.json(&format!("/api/v1/movements?from=2025-01-01&to=2091-01-01{query}")).await;
        let text = |movement: &Value, field: &str| movement[field].as_str().unwrap().to_owned();
        let line = |movement: &Value| {
            ["day", "customer", "kind", "amount_exact"].map(|field| text(movement, field)).join(" ")
                + " "
                + movement["parts"][0]["cause"].as_str().unwrap()
        };
        answer["data"].as_array().unwrap().iter().map(line).collect()
    };
    let known = [
        "2025-01-01 cus_1 new 1000 first_subscription",
        "2025-01-01 cus_2 new 1000 first_subscription",
        "2025-07-01 cus_1 expansion 1000 discount_end",
    ];
    let ahead = "2090-01-01 cus_2 expansion 1000 discount_end";
    let incremental = rows(&file(&daemon)).await;
    for _ in 0..2 {
        let mut now = movements(&mut daemon, "").await;
        now.sort();
        assert_eq!(now, known);
        assert_eq!(movements(&mut daemon, "&include=scheduled").await.last().map(String::as_str), Some(ahead));
        // And once more from the rebuilt tables.
        let rebuilt = told(&daemon, "rebuild");
        assert_eq!((&rebuilt["ledgers"], &rebuilt["changed"]), (&json!(2), &json!(0)), "{rebuilt}");
        assert_eq!(incremental, rows(&file(&daemon)).await);
        assert_eq!(told(&daemon, "verify")["ok"], true);
    }
}
