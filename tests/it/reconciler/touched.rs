//! A price or coupon that arrives late changes its own customers' ledgers, and nobody else's.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use mrrd::{
    event::NewEvent,
    ledger::money::Mrr,
    limits,
    reconciler::{Reconciler, driver::Driver, planned::AFTER_BEGIN},
    store::{
        StoreError,
        derived::{GenerationId, Mark, ProfileLedger, Turns},
        planned::Failure,
    },
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::sync::{Notify, watch};

use super::bench::*;

fn event(id: &str, kind: &str, created: i64, object: &Value) -> NewEvent {
    let body = json!({
        "id": id, "object": "event", "type": kind, "created": created, "livemode": true,
        "api_version": "2025-12-15.clover", "pending_webhooks": 1, "data": {"object": object}
    });
    received(body.to_string().into())
}

/// Twelve seats of a tiered price whose tiers a webhook doesn't show.
fn subscribed(customer: &str, price: &str) -> NewEvent {
    let id = format!("sub_{customer}");
    let subscription = json!({
        "id": id, "object": "subscription", "customer": customer, "status": "active", "currency": "usd",
        "created": 1_700_000_000, "start_date": 1_700_000_000, "cancel_at_period_end": false, "discounts": [],
        "items": {"object": "list", "has_more": false, "data": [{
            "id": format!("si_{customer}"), "object": "subscription_item", "quantity": 12, "discounts": [],
            "price": {
                "id": price, "object": "price", "product": "prod_1", "currency": "usd", "billing_scheme": "tiered",
                "tiers_mode": "volume", "unit_amount": null, "unit_amount_decimal": null, "type": "recurring",
                "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
            }
        }]}
    });
    event(&format!("evt_{customer}"), "customer.subscription.created", 1_700_000_000, &subscription)
}

/// The same price with its tiers, as the API answers.
fn with_tiers(price: &str) -> NewEvent {
    let price = json!({
        "id": price, "object": "price", "product": "prod_1", "currency": "usd", "billing_scheme": "tiered",
        "tiers_mode": "volume", "unit_amount": null, "unit_amount_decimal": null, "type": "recurring",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
        "tiers": [
            {"up_to": 10, "unit_amount": 700, "unit_amount_decimal": "700", "flat_amount": null},
            {"up_to": null, "unit_amount": 600, "unit_amount_decimal": "600", "flat_amount": null}
        ]
    });
    event("evt_price", "price.updated", 1_700_000_500, &price)
}

/// Its subscription as it stands, told again by another event.
fn renewed(customer: &str, price: &str) -> NewEvent {
    let body = String::from_utf8(subscribed(customer, price).body.to_vec()).unwrap();
    let body =
        body.replacen("\"quantity\":12", "\"quantity\":13", 1).replace("subscription.created", "subscription.updated");
    received(body.replacen(&format!("evt_{customer}"), &format!("evt_{customer}_2"), 1).into())
}

/// Whose turn it is, in that order; they keep their marks.
async fn whose_turn(ledger: &Ledger, generation: GenerationId, whose: (Turns, i64)) -> Vec<String> {
    let looking = async {
        loop {
            let mut taken = Vec::new();
            let keep = &mut taken;
            let take = move |marks: Vec<Mark>| {
                keep.extend(marks.iter().map(|mark| mark.key.customer.as_str().to_owned()));
                async { Err::<Vec<(Mark, Vec<ProfileLedger>)>, _>(StoreError::Schema("only looking".into())) }
            };
            let _ = ledger.store.derived.recompute(generation, whose, &BTreeSet::new(), take).await;
            if !taken.is_empty() {
                return taken;
            }
            // PostgreSQL frees what was only looked at when its connection is used again.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), looking).await.expect("nobody's turn ever comes")
}

on_both! {
    async fn who_renews_after_a_price_has_marked_everybody_needs_not_wait_for_all_of_them(kind) {
        let ledger = Ledger::empty(kind).await;
        let all: Vec<NewEvent> = (10..40).map(|n| subscribed(&format!("cus_{n}"), "price_a")).collect();
        ledger.append(&all).await;
        ledger.settle().await.unwrap();
        let generation = ledger.reconciler().current_generation().await.unwrap().unwrap().id;
        ledger.append(&[with_tiers("price_a"), renewed("cus_25", "price_a")]).await;
        ledger.store.derived.advance(generation, 100).await.unwrap();
        assert_eq!(whose_turn(&ledger, generation, (Turns::Own, 4)).await, ["cus_25"]);
        assert_eq!(whose_turn(&ledger, generation, (Turns::All, 4)).await, ["cus_25", "cus_10", "cus_11", "cus_12"]);
        // However many events of their own come, a quarter is left to the others.
        ledger.append(&(30..40).map(|n| renewed(&format!("cus_{n}"), "price_a")).collect::<Vec<_>>()).await;
        ledger.store.derived.advance(generation, 100).await.unwrap();
        let turns = whose_turn(&ledger, generation, (Turns::All, 8)).await;
        assert_eq!(turns[..6], ["cus_25", "cus_30", "cus_31", "cus_39", "cus_38", "cus_37"]);
        assert_eq!(turns[6..], ["cus_10", "cus_11"]);
        ledger.settle().await.unwrap();
        assert!(ledger.verify().await.holds());
    }

    async fn who_renews_while_a_generation_is_filled_for_everybody_is_in_the_one_that_answers(kind) {
        let ledger = Ledger::empty(kind).await;
        let all: Vec<NewEvent> = (10..40).map(|n| subscribed(&format!("cus_{n}"), "price_a")).collect();
        ledger.append(&all).await;
        ledger.settle().await.unwrap();
        let old = ledger.reconciler().current_generation().await.unwrap().unwrap().id;
        ledger.append(&[with_tiers("price_a")]).await;
        let (go_on, stop) = (Arc::new(Notify::new()), watch::channel(false));
        ledger.store.plan().arm(AFTER_BEGIN, Failure::Pause(go_on.clone()));
        let (driver, handle) = Driver::new(Reconciler { many_waiting: 20, ..ledger.reconciler() });
        let driver = tokio::spawn(driver.run(stop.1));
        let mrr = async |generation: GenerationId, customer: &str| -> Mrr {
            let rows = ledger.store.derived.customer_ledger(generation, "stripe", &key(customer)).await.unwrap();
            Mrr(rows.iter().flat_map(|rows| &rows.deltas).map(|delta| delta.mrr.0).sum())
        };
        let filling = async || ledger.store.derived.generations().await.unwrap().len() == 2;
        while !filling().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        ledger.append(&[renewed("cus_25", "price_a")]).await;
        handle.notify();
        let renewed_to = Mrr(13 * 600 * Mrr::MINOR);
        let reached = async {
            while mrr(old, "cus_25").await != renewed_to {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), reached).await.expect("it waits for the generation to be filled");
        assert_eq!(ledger.reconciler().current_generation().await.unwrap().unwrap().id, old);
        assert_eq!(mrr(old, "cus_10").await, Mrr::ZERO, "the others' rows are made in the new one");
        ledger.store.plan().disarm(AFTER_BEGIN);
        go_on.notify_one();
        let mut status = handle.subscribe();
        let end = ledger.store.log.horizon().await.unwrap();
        let caught_up = status.wait_for(|status| status.applied_seq == end);
        let new = tokio::time::timeout(Duration::from_secs(30), caught_up).await.unwrap().unwrap().generation.unwrap();
        assert!(new > old);
        assert_eq!((mrr(new, "cus_25").await, mrr(new, "cus_10").await), (renewed_to, Mrr(12 * 600 * Mrr::MINOR)));
        stop.0.send(true).unwrap();
        driver.await.unwrap();
        assert!(ledger.verify().await.holds());
    }

    async fn page_after_page_of_customers_is_filled_with_the_same_price(kind) {
        let ledger = Ledger::empty(kind).await;
        ledger.settle().await.unwrap();
        let customers = usize::try_from(2 * limits::FILL_PAGE).unwrap() + 10;
        let mut events: Vec<NewEvent> =
            (0..customers).map(|n| subscribed(&format!("cus_{n}"), ["price_a", "price_b"][n % 2])).collect();
        events.push(with_tiers("price_a"));
        ledger.append(&events).await;
        ledger.settle().await.unwrap();
        let rows = ledger.rows().await;
        assert_eq!(rows.len(), 2 * customers);
        let changes = ledger.reconciler().rebuild(&go_on(), &mut |_| ()).await.unwrap();
        assert_eq!((changes.changed, changes.failed), (0, vec![]));
        assert_eq!(ledger.rows().await, rows);
        // Half of them count, each twelve seats at 6.00; where only what was paid counts, nobody does.
        let half = Mrr(12 * 600 * Mrr::MINOR * i128::try_from(customers / 2).unwrap());
        assert!(changes.mrr.values().map(|mrr| mrr.after).eq([half]), "{:?}", changes.mrr);
    }

    async fn a_late_price_recomputes_its_own_customers_only(kind) {
        let ledger = Ledger::empty(kind).await;
        ledger.append(&[subscribed("cus_1", "price_a"), subscribed("cus_2", "price_b")]).await;
        ledger.settle().await.unwrap();
        let generation = ledger.reconciler().current_generation().await.unwrap().unwrap().id;
        let mrr = async |customer: &str| -> Mrr {
            let rows = ledger.store.derived.customer_ledger(generation, "stripe", &key(customer)).await.unwrap().unwrap();
            Mrr(rows.deltas.iter().map(|delta| delta.mrr.0).sum())
        };
        assert_eq!((mrr("cus_1").await, mrr("cus_2").await), (Mrr::ZERO, Mrr::ZERO), "what isn't known isn't counted");
        ledger.append(&[with_tiers("price_a")]).await;
        let advanced = ledger.store.derived.advance(generation, 100).await.unwrap();
        assert_eq!((advanced.read, advanced.marked), (1, 1));
        let dirty = ledger.store.derived.dirty(generation, 100).await.unwrap();
        assert_eq!(dirty.into_iter().map(|mark| mark.key).collect::<Vec<_>>(), [key("cus_1")]);
        ledger.settle().await.unwrap();
        assert_eq!((mrr("cus_1").await, mrr("cus_2").await), (Mrr(12 * 600 * Mrr::MINOR), Mrr::ZERO));
        assert!(ledger.verify().await.holds());
    }
}

/// Each row of a customer's tables, with the transaction that wrote it.
async fn written(ledger: &Ledger) -> Vec<(String, String)> {
    let mut connection = PgConnection::connect(&ledger.url).await.unwrap();
    let mut all = Vec::new();
    for table in ["item_delta", "count_delta", "movement", "subscription_ledger", "customer_ledger"] {
        let text = format!("SELECT '{table} ' || t.*::text, t.xmin::text FROM {table} t");
        all.extend(
            sqlx::query_as::<_, (String, String)>(AssertSqlSafe(text)).fetch_all(&mut connection).await.unwrap(),
        );
    }
    all
}

#[tokio::test]
async fn an_event_writes_the_rows_it_changes_and_leaves_the_others_where_they_lie() {
    let ledger = Ledger::empty(Kind::Postgres).await;
    let life = life(5, 6, 400);
    let (before, last) = life.split_at(life.len() - 12);
    ledger.append(before).await;
    ledger.settle().await.unwrap();
    let stood = written(&ledger).await;
    ledger.append(last).await;
    ledger.settle().await.unwrap();
    let stands = written(&ledger).await;
    let (stood, stands): (BTreeMap<_, _>, BTreeMap<_, _>) = (stood.into_iter().collect(), stands.into_iter().collect());
    let rewritten: Vec<_> =
        stands.iter().filter(|(row, by)| stood.get(*row).is_some_and(|before| before != *by)).collect();
    assert_eq!(rewritten, [], "rows that say the same were written again");
    assert!(
        stands.keys().any(|row| !stood.contains_key(row)),
        "the last events change nothing: another life is needed"
    );
    assert!(stood.len() > 100, "{}", stood.len());
}
