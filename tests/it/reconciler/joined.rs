//! Customers that `ledger.customer_key` joins: one ledger, in any order of events, by a rebuild as by incremental work, and at
//! every place of the log what was known there.

use std::{collections::BTreeSet, sync::Arc};

use mrrd::{
    config::customers::{CustomerRules, Exclusion},
    event::{CustomerKey, NewEvent, Seq},
    ledger::outcome::CustomerLedger,
    reconciler::{Reconciler, Rules, driver::Driver, known_at::KnownAt},
};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{bench::*, generations::prefixes};
use crate::support::sql;

const DAY: i64 = 86_400;
/// 2024-01-01, when the simulated account begins.
const START: i64 = 1_704_067_200;

fn joined_rules(customers: CustomerRules) -> Rules {
    let customers = CustomerRules { customer_key: Some("company".into()), ..customers };
    Rules { customers, ..rules(&["stripe", "profitwell"]) }
}

fn joining(ledger: &Ledger) -> Reconciler {
    Reconciler { rules: Arc::new(joined_rules(CustomerRules::default())), ..ledger.reconciler() }
}

async fn settle(ledger: &Ledger) {
    run_once(joining(ledger)).await.unwrap();
}

fn event(id: &str, kind: &str, at: i64, object: &Value) -> NewEvent {
    let body = json!({
        "id": id, "object": "event", "type": kind, "created": START + at, "livemode": true,
        "api_version": "2025-12-15.clover", "pending_webhooks": 1, "data": {"object": object}
    });
    received(body.to_string().into())
}

/// A state of a customer that says which company it is of.
fn of_company(id: &str, customer: &str, company: Option<&str>, at: i64) -> NewEvent {
    let metadata = company.map_or(json!({}), |company| json!({ "company": company }));
    let object = json!({"id": customer, "object": "customer", "metadata": metadata, "discount": null});
    event(id, "customer.updated", at, &object)
}

fn deleted(id: &str, customer: &str, at: i64) -> NewEvent {
    event(id, "customer.deleted", at, &json!({"id": customer, "object": "customer", "deleted": true}))
}

/// A subscription that begins at ten dollars a month.
fn subscribed(customer: &str, at: i64) -> NewEvent {
    let (id, item, started) = (format!("sub_{customer}"), format!("si_{customer}"), START + at);
    let price = json!({
        "id": "price_1", "object": "price", "product": "prod_1", "currency": "usd", "billing_scheme": "per_unit",
        "unit_amount": 1000, "unit_amount_decimal": "1000", "type": "recurring",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
    });
    let items = json!([{
        "id": item, "object": "subscription_item", "quantity": 1, "discounts": [], "price": price,
        "current_period_start": started, "current_period_end": started + 30 * DAY
    }]);
    let subscription = json!({
        "id": id, "object": "subscription", "customer": customer, "status": "active", "currency": "usd",
        "created": started, "start_date": started, "cancel_at_period_end": false, "discounts": [],
        "items": {"object": "list", "has_more": false, "data": items}
    });
    event(&format!("evt_{customer}"), "customer.subscription.created", at, &subscription)
}

/// What a simulated account sends, its customers in two companies (and some at home), which some change in time; some states
/// come late, and some customers are deleted.
fn companies(seed: u64, customers: u32, days: i64) -> Vec<NewEvent> {
    let mut events = life(seed, customers, days);
    let ids: Vec<String> = {
        let of = |event: &NewEvent| {
            let body: Value = serde_json::from_slice(&event.body).unwrap();
            (body["type"] == "customer.created").then(|| body["data"]["object"]["id"].as_str().unwrap().to_owned())
        };
        events.iter().filter_map(of).collect()
    };
    let companies = [Some("acme"), Some("globex"), None, ids.first().map(String::as_str)];
    for (number, id) in ids.iter().enumerate() {
        for (turn, days) in [5, 25, 45, days + 5].into_iter().enumerate() {
            let company = companies[(number + turn) % companies.len()];
            let at = (i64::try_from(number).unwrap() + days) * DAY;
            events.push(of_company(&format!("evt_move_{number}_{turn}"), id, company, at));
        }
    }
    events.push(deleted("evt_gone", ids.last().unwrap(), 50 * DAY));
    shuffled(&events, seed)
}

/// Every ledger as the log told it up to a place, by its customer's id.
async fn known_at(ledger: &Ledger, rules: Rules, known_at: Option<Seq>) -> Vec<(CustomerKey, Vec<CustomerLedger>)> {
    let mut pages = KnownAt::new(ledger.store.reader(), rules, known_at);
    let mut all = Vec::new();
    while let Some(page) = pages.next_page().await.unwrap() {
        all.extend(page);
    }
    all
}

/// Each movement in words: whose, on which day of the account's life, of which kind, by which causes.
fn told(all: &[(CustomerKey, Vec<CustomerLedger>)]) -> Vec<String> {
    let of = |(key, ledgers): &(CustomerKey, Vec<CustomerLedger>)| {
        let movement = |movement: &mrrd::ledger::outcome::Movement| {
            let causes: BTreeSet<&str> = movement.parts.iter().map(|part| part.cause.as_str()).collect();
            let (day, kind) = ((movement.effective_at.0 - START) / DAY, movement.kind.as_str());
            format!("{} d{day} {kind} {}: {causes:?}", key.customer, movement.amount)
        };
        ledgers[0].movements.iter().map(movement).collect::<Vec<_>>()
    };
    all.iter().flat_map(of).collect()
}

on_both! {
    async fn a_rebuild_changes_nothing_whoever_joins_moves_or_leaves(kind) {
        let ledger = Ledger::empty(kind).await;
        let events = companies(3, 5, 70);
        // Three at once: many prefixes, and stretches in which somebody comes and goes.
        for some in events[..prefixes().min(events.len())].chunks(3) {
            ledger.append(some).await;
            // What was said, said again.
            ledger.append(&some[..1]).await;
            settle(&ledger).await;
            let rows = ledger.rows().await;
            let changes = joining(&ledger).rebuild(&go_on(), &mut |_| ()).await.unwrap();
            assert_eq!((changes.changed, changes.failed), (0, vec![]));
            assert_eq!(usize::try_from(changes.ledgers).unwrap(), rows.len());
            assert_eq!(rows, ledger.rows().await);
        }
        ledger.append(&events).await;
        settle(&ledger).await;
        let rows = ledger.rows().await;
        let report = joining(&ledger).verify(&go_on(), &mut |_| ()).await.unwrap();
        assert_eq!((report.waiting, &report.first_difference), (0, &None));
        let straight = Ledger::empty(kind).await;
        straight.append(&shuffled(&events, 8)).await;
        settle(&straight).await;
        assert_eq!(rows, straight.rows().await);
        let named: BTreeSet<String> = rows.iter().map(|row| row.key.customer.to_string()).collect();
        assert!(named.contains("acme") && named.contains("globex") && named.iter().any(|id| id.starts_with("cus_")), "{named:?}");
    }

    async fn who_joins_while_others_rebuild_help_and_ask_ends_where_it_belongs(kind) {
        let ledger = Ledger::empty(kind).await;
        let events = companies(7, 8, 90);
        let (stop, told) = watch::channel(false);
        let (driver, handle) = Driver::new(joining(&ledger));
        let other = ledger.elsewhere().await;
        let (helper, _) = Driver::new(joining(&other));
        let live = [tokio::spawn(driver.run(told.clone())), tokio::spawn(helper.run(told))];
        let appender = async {
            for some in events.chunks(4) {
                ledger.append(some).await;
                handle.notify();
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        };
        let beside = async {
            handle.subscribe().wait_for(|status| status.generation.is_some()).await.unwrap();
            for _ in 0..3 {
                let changes = rebuild_beside(joining(&other)).await;
                assert!(changes.failed.is_empty());
                let seq = other.store.log.horizon().await.unwrap();
                known_at(&other, joined_rules(CustomerRules::default()), Some(seq)).await;
                assert_eq!(joining(&other).verify(&go_on(), &mut |_| ()).await.unwrap().first_difference, None);
            }
        };
        tokio::join!(appender, beside);
        let horizon = ledger.store.log.horizon().await.unwrap();
        handle.subscribe().wait_for(|status| status.applied_seq >= horizon).await.unwrap();
        stop.send(true).unwrap();
        for task in live {
            task.await.unwrap();
        }
        let straight = Ledger::empty(kind).await;
        straight.append(&events).await;
        settle(&straight).await;
        assert_eq!(straight.rows().await, ledger.rows().await);
        assert!(joining(&ledger).verify(&go_on(), &mut |_| ()).await.unwrap().holds());
    }

    async fn several_customers_of_one_company_are_what_one_customer_would_be(kind) {
        let (joined, named) = (Ledger::empty(kind).await, Ledger::empty(kind).await);
        let life = life(7, 6, 150);
        let (mut as_several, mut as_one) = (Vec::new(), Vec::new());
        for event in life {
            let text = String::from_utf8(event.body.to_vec()).unwrap();
            let mut body: Value = serde_json::from_str(&text).unwrap();
            let kind = body["type"].as_str().unwrap().to_owned();
            // What ends with a customer, or is on a customer, is each customer's own.
            if kind == "customer.deleted" || kind.starts_with("customer.discount") {
                continue;
            }
            let id = body["data"]["object"]["customer"].as_str().or(body["data"]["object"]["id"].as_str()).unwrap().to_owned();
            let company = if id.starts_with("cus_") && id.bytes().map(u32::from).sum::<u32>() % 3 != 0 { "acme" } else { &id };
            as_one.push(received(text.replace(&format!("\"{id}\""), &format!("\"{company}\"")).into()));
            if body["data"]["object"]["object"] == "customer" {
                body["data"]["object"]["metadata"] = json!({"company": company});
            }
            as_several.push(received(body.to_string().into()));
        }
        joined.append(&shuffled(&as_several, 2)).await;
        named.append(&as_one).await;
        settle(&joined).await;
        named.settle().await.unwrap();
        assert_eq!(joined.rows().await, named.rows().await);
        let at_once = known_at(&named, rules(&["stripe"]), None).await;
        let acme = at_once.iter().find(|(key, _)| key.customer.as_str() == "acme").unwrap();
        assert!(acme.1[0].subscriptions.len() > 2 && at_once.len() > 1, "{} ledgers", at_once.len());
    }

    async fn who_was_joined_when_the_log_was_shorter(kind) {
        let ledger = Ledger::empty(kind).await;
        settle(&ledger).await;
        let events = [
            of_company("evt_a", "cus_a", None, 0),
            subscribed("cus_a", DAY),
            of_company("evt_b", "cus_b", None, 0),
            subscribed("cus_b", 3 * DAY),
            of_company("evt_join_a", "cus_a", Some("acme"), 5 * DAY),
            of_company("evt_join_b", "cus_b", Some("acme"), 5 * DAY),
            // It is older than what is known, though it comes later.
            of_company("evt_late", "cus_b", Some("globex"), 4 * DAY),
            deleted("evt_gone", "cus_b", 9 * DAY),
            // A parent, by its id.
            of_company("evt_parent", "cus_a", Some("cus_c"), 10 * DAY),
            subscribed("cus_c", 12 * DAY),
        ];
        ledger.append(&events).await;
        // Asked before the reconciler has come there: it is looked up for the asking.
        let seen = async |seq| told(&known_at(&ledger, joined_rules(CustomerRules::default()), seq).await);
        let apart = ["cus_a d1 new 1000: {\"first_subscription\"}", "cus_b d3 new 1000: {\"first_subscription\"}"];
        let half = ["acme d1 new 1000: {\"first_subscription\"}", apart[1]];
        let one = [half[0], "acme d3 expansion 1000: {\"extra_subscription\"}"];
        let ended = [one[0], one[1], "acme d9 contraction -1000: {\"subscription_dropped\"}"];
        for (seq, expected) in [(4, &apart[..]), (5, &half[..]), (6, &one[..]), (7, &one[..]), (8, &ended[..])] {
            assert_eq!(seen(Some(Seq(seq))).await, expected, "up to {seq}");
        }
        settle(&ledger).await;
        assert_eq!(seen(Some(Seq(6))).await, one);
        let moved = [
            "acme d3 new 1000: {\"first_subscription\"}",
            "acme d9 churn -1000: {\"unknown_end\"}",
            "cus_c d1 new 1000: {\"first_subscription\"}",
            "cus_c d12 expansion 1000: {\"extra_subscription\"}",
        ];
        assert_eq!(seen(None).await, moved);
        // Nobody is left of whom the rows of before were.
        let rows: Vec<String> = ledger.rows().await.iter().map(|row| row.key.customer.to_string()).collect();
        assert_eq!(rows, ["acme", "cus_c", "acme", "cus_c"]);
        assert!(joining(&ledger).verify(&go_on(), &mut |_| ()).await.unwrap().holds());
    }

    /// Rule `separate-ledgers`.
    async fn simulated_time_and_whoever_is_left_out_stay_apart(kind) {
        let ledger = Ledger::empty(kind).await;
        let mut clocked = json!({"id": "cus_t", "object": "customer", "metadata": {"company": "acme"}, "test_clock": "clock_1"});
        clocked["discount"] = Value::Null;
        ledger.append(&[
            of_company("evt_a", "cus_a", Some("acme"), 0),
            subscribed("cus_a", DAY),
            of_company("evt_b", "cus_b", Some("acme"), 0),
            subscribed("cus_b", 3 * DAY),
            event("evt_t", "customer.updated", 0, &clocked),
            subscribed("cus_t", 4 * DAY),
        ]).await;
        settle(&ledger).await;
        let seen = async |customers| told(&known_at(&ledger, joined_rules(customers), None).await);
        let without = |exclude: &str| CustomerRules {
            exclude: vec![Exclusion::parse(exclude).unwrap()], ..CustomerRules::default()
        };
        let clocked = "cus_t d4 new 1000: {\"first_subscription\"}";
        let both = ["acme d1 new 1000: {\"first_subscription\"}", "acme d3 expansion 1000: {\"extra_subscription\"}", clocked];
        assert_eq!(seen(CustomerRules::default()).await, both);
        assert_eq!(seen(without("cus_a")).await, ["acme d3 new 1000: {\"first_subscription\"}", clocked]);
        for nobody in ["acme", "metadata:company=acme"] {
            assert_eq!(seen(without(nobody)).await.len(), usize::from(nobody == "acme"), "{nobody}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_body_joins_nobody() {
    let ledger = Ledger::empty(Kind::Sqlite).await;
    let (a, b) = (of_company("evt_a", "cus_a", Some("acme"), 0), of_company("evt_b", "cus_b", Some("acme"), 0));
    ledger.append(&[a, subscribed("cus_a", DAY), b, subscribed("cus_b", DAY)]).await;
    settle(&ledger).await;
    let names = async || ledger.rows().await.iter().map(|row| row.key.customer.to_string()).collect::<BTreeSet<_>>();
    assert_eq!(names().await, BTreeSet::from(["acme".to_owned()]));
    sql::run(&ledger.url, "INSERT INTO erasure VALUES (1, 1, 'asked for'); DELETE FROM event_body WHERE seq = 1")
        .await
        .unwrap();
    joining(&ledger).rebuild(&go_on(), &mut |_| ()).await.unwrap();
    assert_eq!(names().await, BTreeSet::from(["acme".to_owned(), "cus_a".to_owned()]));
    assert!(joining(&ledger).verify(&go_on(), &mut |_| ()).await.unwrap().holds());
}

/// With another key the ledger is rebuilt; without one it is as if there had never been any.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_joins_anew() {
    let (ledger, apart) = (Ledger::empty(Kind::Sqlite).await, Ledger::empty(Kind::Sqlite).await);
    let events = companies(4, 4, 40);
    for one in [&ledger, &apart] {
        one.append(&events).await;
    }
    apart.settle().await.unwrap();
    settle(&ledger).await;
    let joined = ledger.rows().await;
    ledger.settle().await.unwrap();
    assert_eq!(ledger.rows().await, apart.rows().await);
    settle(&ledger).await;
    assert_eq!(ledger.rows().await, joined);
    assert_ne!(joined, apart.rows().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_databases_join_alike() {
    let mut all = Vec::new();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let ledger = Ledger::empty(kind).await;
        ledger.append(&companies(5, 6, 80)).await;
        settle(&ledger).await;
        all.push(ledger.rows().await);
    }
    assert_eq!(all[0], all[1]);
}

/// Pages are cut where both lists are known, so that nobody is passed over or met twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_ledgers_hold_each_once() {
    let ledger = Ledger::empty(Kind::Sqlite).await;
    let mut events = Vec::new();
    for number in 0..700 {
        let company =
            (number % 3 == 0).then(|| format!("{}_{}", if number % 2 == 0 { "acme" } else { "zeta" }, number / 50));
        let customer = format!("cus_{number:03}");
        events.push(of_company(&format!("evt_c{number}"), &customer, company.as_deref(), 0));
        events.push(subscribed(&customer, i64::from(number % 40) * DAY));
    }
    ledger.append(&events).await;
    settle(&ledger).await;
    let all = known_at(&ledger, joined_rules(CustomerRules::default()), None).await;
    let keys: Vec<&CustomerKey> = all.iter().map(|(key, _)| key).collect();
    assert!(keys.windows(2).all(|two| two[0] < two[1]), "in order, each once");
    assert_eq!(keys.len(), 700 - 234 + 28);
    assert_eq!(all.iter().map(|(_, ledgers)| ledgers[0].subscriptions.len()).sum::<usize>(), 700);
    assert_eq!(ledger.rows().await.len(), 2 * keys.len());
}
