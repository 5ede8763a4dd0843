//! Customers found by what is known of them, movements by what they are of, events backwards: on both databases.

use serde_json::{Value, json};

use super::{DAY, JANUARY, event, subscription};
use crate::support::{
    daemon::{Daemon, Settings},
    postgres,
};

fn person(id: &str, name: &str, email: &str, country: &str, tier: &str) -> String {
    let object = json!({
        "id": id, "object": "customer", "name": name, "email": email, "address": {"country": country},
        "metadata": {"tier": tier}, "created": JANUARY
    });
    event(&format!("evt_{id}"), "customer.created", JANUARY, &object, None)
}

/// Three customers: Ada pays most, Bob's payment failed, Carla has left.
async fn ledger(settings: Settings) -> Daemon {
    let mut daemon = settings.env("MRRD_LEDGER__METADATA_KEYS", "tier").start().await;
    daemon.accept(person("cus_a", "Ada Byron", "ada@lace.example", "DE", "gold")).await;
    daemon.accept(person("cus_b", "Bob_100%", "bob@example.com", "US", "silver")).await;
    daemon.accept(person("cus_c", "", "carla@example.com", "DE", "gold")).await;
    let (ada, mut bob, carla) = (
        subscription("sub_a", "cus_a", "price_a", 5000, 1, JANUARY),
        subscription("sub_b", "cus_b", "price_b", 2000, 1, JANUARY + DAY),
        subscription("sub_c", "cus_c", "price_b", 2000, 1, JANUARY + 2 * DAY),
    );
    for (n, sold) in [&ada, &bob, &carla].into_iter().enumerate() {
        let created = JANUARY + i64::try_from(n).unwrap() * DAY;
        daemon.accept(event(&format!("evt_sold_{n}"), "customer.subscription.created", created, sold, None)).await;
    }
    bob["status"] = json!("past_due");
    let (status, late) = (json!({"status": "active"}), JANUARY + 31 * DAY);
    daemon.accept(event("evt_late", "customer.subscription.updated", late, &bob, Some(status))).await;
    let mut gone = carla;
    gone["status"] = json!("canceled");
    gone["ended_at"] = json!(JANUARY + 40 * DAY);
    gone["cancellation_details"] = json!({"reason": "cancellation_requested", "feedback": "unused"});
    daemon.accept(event("evt_gone", "customer.subscription.deleted", JANUARY + 40 * DAY, &gone, None)).await;
    daemon.settle().await;
    daemon
}

async fn ids(daemon: &mut Daemon, query: &str) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    // A customer a page: the cursor is part of what is tested.
    loop {
        let page = daemon.json(&format!("/api/v1/customers?limit=1&{query}{cursor}")).await;
        found.extend(page["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// Names are read behind the figures: waits until one is there.
async fn named(daemon: &mut Daemon, id: &str) -> Value {
    for _ in 0..400 {
        let one = daemon.json(&format!("/api/v1/customers/{id}")).await;
        if !one["email"].is_null() {
            return one;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{id} got no name: {}", daemon.output());
}

async fn customers_are_found(settings: Settings) {
    let mut daemon = ledger(settings).await;
    assert_eq!(named(&mut daemon, "cus_a").await["name"], "Ada Byron");
    named(&mut daemon, "cus_c").await;
    let lists = [
        ("sort=mrr&currency=usd", "cus_a cus_b cus_c"),
        ("sort=since", "cus_c cus_b cus_a"),
        ("sort=name", "cus_a cus_b cus_c"),
        ("", "cus_a cus_b cus_c"),
        ("q=ADA", "cus_a"),
        ("q=byron+ada", "cus_a"),
        ("q=example.com", "cus_b cus_c"),
        ("q=cus_C", "cus_c"),
        ("q=%25", "cus_b"),
        ("q=_1", "cus_b"),
        ("q=tier:gold&sort=since", "cus_c cus_a"),
        ("q=tier:gol", ""),
        ("q=example.com&sort=mrr&currency=usd", "cus_b cus_c"),
        ("q=b&sort=mrr&currency=usd&state=paying", "cus_a cus_b"),
        ("q=nobody&sort=mrr&currency=usd", ""),
        // Of several words each may be somewhere else; none has wildcards.
        ("q=ada+gold&sort=mrr&currency=usd", "cus_a"),
        ("q=tier:gold+cus_&sort=mrr&currency=usd", "cus_a cus_c"),
        ("q=example.com+cus_&sort=mrr&currency=usd", "cus_b cus_c"),
        ("q=BOB_100%25&sort=mrr&currency=usd", "cus_b"),
        ("q=b_b&sort=mrr&currency=usd", ""),
        ("q=o%25_1&sort=mrr&currency=usd", ""),
        ("q=!&sort=mrr&currency=usd", ""),
        ("q=b_b", ""),
        ("cohort=2026-01&sort=mrr&currency=usd", "cus_a cus_b cus_c"),
        ("cohort=2025-12&sort=mrr&currency=usd", ""),
        ("cohort=2026-01&state=left&q=c", "cus_c"),
        ("q=nobody", ""),
        ("state=paying", "cus_a cus_b"),
        ("state=past_due", "cus_b"),
        ("state=left", "cus_c"),
        ("state=ending", ""),
        ("state=trialing", ""),
        ("cohort=2026-01&sort=since", "cus_c cus_b cus_a"),
        ("cohort=2025-12", ""),
        // Nobody's subscription is set to end.
        ("sort=ends", "cus_a cus_b cus_c"),
    ];
    for (query, expected) in lists {
        assert_eq!(ids(&mut daemon, query).await.join(" "), expected, "{query}");
    }
    // SQLite takes no statement of a thousand words: more than 500 letters are refused before.
    assert!(ids(&mut daemon, &format!("q={}&sort=mrr&currency=usd", "x".repeat(500))).await.is_empty());
    for words in ["x".repeat(501), "x+".repeat(5_000), "%C3%A9".repeat(501)] {
        let answer = daemon.get(&format!("/api/v1/customers?q={words}")).await;
        assert_eq!(answer.status, 422, "{}", String::from_utf8_lossy(&answer.body));
    }
    assert!(ids(&mut daemon, &format!("q={}", "9+".repeat(250))).await.is_empty());
    // As known at a place of the log the same is found in memory; before Carla left she pays.
    for (query, expected) in lists.iter().chain(&[("state=paying&as_known_at=7", "cus_a cus_b cus_c")]) {
        let query = if query.contains("as_known_at") { (*query).to_owned() } else { format!("{query}&as_known_at=8") };
        assert_eq!(ids(&mut daemon, &query).await.join(" "), *expected, "{query}");
    }
    for (query, wrong) in [("state=happy", "state"), ("sort=age", "sort"), ("sort=mrr", "currency")] {
        let answer = daemon.get(&format!("/api/v1/customers?{query}")).await;
        assert_eq!(answer.status, 422);
        assert!(String::from_utf8_lossy(&answer.body).contains(wrong), "{query}");
    }
}

/// Who is set to end, when, and how much goes with them: under a profile that counts them still and under one that doesn't.
async fn ends_are_found(settings: Settings) {
    let mut daemon = ledger(settings.env("MRRD_LEDGER__PROFILES", "stripe,finance")).await;
    let now = mrrd::clock::Clock::system().now().0;
    let mut failing = vec![subscription("sub_a", "cus_a", "price_a", 5000, 1, JANUARY)];
    for (id, amount, days) in [("cus_late", 700, 60), ("cus_soon", 900, 5)] {
        let mut sold = subscription(&format!("sub_{id}"), id, "price_x", amount, 1, JANUARY);
        let created = event(&format!("evt_{id}"), "customer.subscription.created", JANUARY, &sold, None);
        daemon.accept(created).await;
        sold["cancel_at_period_end"] = json!(true);
        (sold["cancel_at"], sold["canceled_at"]) = (json!(now + days * DAY), json!(JANUARY + DAY));
        sold["items"]["data"][0]["current_period_start"] = json!(JANUARY);
        sold["items"]["data"][0]["current_period_end"] = json!(now + days * DAY);
        let before = json!({"cancel_at_period_end": false, "cancel_at": null, "canceled_at": null});
        let asked =
            event(&format!("evt_end_{id}"), "customer.subscription.updated", JANUARY + DAY, &sold, Some(before));
        daemon.accept(asked).await;
        failing.push(sold);
    }
    daemon.settle().await;
    for (profile, mrr) in [("stripe", json!(0)), ("finance", json!(900))] {
        for known in ["", "&as_known_at=12"] {
            let query = format!("state=ending&sort=ends&profile={profile}{known}");
            assert_eq!(ids(&mut daemon, &query).await, ["cus_soon", "cus_late"], "{query}");
            let soon = daemon.json(&format!("/api/v1/customers?limit=1&{query}")).await["data"][0].clone();
            let told = (&soon["mrr"][0]["mrr"], &soon["scheduled_churn"][0]["mrr_exact"]);
            assert_eq!(told, (&mrr, &json!("900")), "{query}: {soon}");
        }
    }
    // What ends ahead is paid still: rows dated ahead are taken off what is kept of each.
    for state in ["", "&state=paying"] {
        let query = format!("sort=mrr&currency=usd&profile=finance{state}");
        let known = ids(&mut daemon, &format!("{query}&as_known_at=12")).await;
        assert_eq!(known[..4], ["cus_a", "cus_b", "cus_soon", "cus_late"], "{query}");
        assert_eq!(ids(&mut daemon, &query).await, known, "{query}");
        let page = daemon.json(&format!("/api/v1/customers?limit=3&{query}")).await;
        let page: Vec<&Value> = page["data"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
        assert_eq!(page, known[..3].iter().collect::<Vec<_>>(), "{query}");
    }
    // Three more whose payments fail, two of them with an end ahead.
    for (number, mut sold) in failing.into_iter().enumerate() {
        sold["status"] = json!("past_due");
        let (id, status) = (format!("evt_fails_{number}"), json!({"status": "active"}));
        daemon.accept(event(&id, "customer.subscription.updated", JANUARY + 50 * DAY, &sold, Some(status))).await;
    }
    daemon.settle().await;
    for profile in ["stripe", "finance"] {
        let query = format!("sort=mrr&currency=usd&state=past_due&profile={profile}");
        let known = ids(&mut daemon, &format!("{query}&as_known_at=15")).await;
        assert_eq!(known.len(), 4, "{known:?}");
        assert_eq!(ids(&mut daemon, &query).await, known, "{query}");
        let page = daemon.json(&format!("/api/v1/customers?limit=2&{query}")).await;
        let page: Vec<&Value> = page["data"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
        assert_eq!(page, known[..2].iter().collect::<Vec<_>>(), "{query}");
    }
    let all = "cus_soon cus_late cus_a cus_b cus_c";
    assert_eq!(ids(&mut daemon, "sort=ends").await.join(" "), all);
    assert_eq!(daemon.json("/api/v1/customers/cus_a").await["scheduled_churn"], Value::Null);
}

/// Who is on a test clock isn't found beside those who aren't, though an end of theirs may come first.
async fn ends_on_a_test_clock_are_found_apart(settings: Settings) {
    let mut daemon = settings.start().await;
    let now = mrrd::clock::Clock::system().now().0;
    for (id, clock, days) in [("cus_clock", Some("clock_1"), 3), ("cus_soon", None, 5), ("cus_late", None, 60)] {
        let mut sold = subscription(&format!("sub_{id}"), id, "price_x", 700, 1, JANUARY);
        (sold["livemode"], sold["test_clock"]) = (json!(false), json!(clock));
        sold["cancel_at_period_end"] = json!(true);
        (sold["cancel_at"], sold["canceled_at"]) = (json!(now + days * DAY), json!(JANUARY));
        sold["items"]["data"][0]["current_period_start"] = json!(JANUARY);
        sold["items"]["data"][0]["current_period_end"] = json!(now + days * DAY);
        let told = event(&format!("evt_{id}"), "customer.subscription.created", JANUARY, &sold, None);
        let mut told: Value = serde_json::from_str(&told).unwrap();
        told["livemode"] = json!(false);
        daemon.accept(told.to_string()).await;
    }
    daemon.settle().await;
    let query = "state=ending&sort=ends&livemode=false";
    assert_eq!(ids(&mut daemon, query).await, ["cus_soon", "cus_late"]);
    assert_eq!(ids(&mut daemon, &format!("{query}&test_clock=clock_1")).await, ["cus_clock"]);
}

/// In every order, of every state, page by page: whom the kept orders find in the tables, the ledgers held in memory find as well.
async fn each_order_finds_the_same_as_in_memory(settings: Settings) {
    let mut daemon = ledger(settings.env("MRRD_LEDGER__PROFILES", "stripe,finance")).await;
    let now = mrrd::clock::Clock::system().now().0;
    // Their names sort by what they are in lower case, also beyond ASCII; two have the same; without one, behind all others.
    for (id, name) in [("cus_z", "Zo\u{eb}"), ("cus_e", "\u{c9}mile"), ("cus_d", "\u{e9}mile"), ("cus_n", "~ Nora")] {
        daemon.accept(person(id, name, &format!("{id}@example.com"), "FR", "gold")).await;
    }
    // In euros alone, in both, less than a minor unit, on a test clock, on trial, set to end, set to end and back to nothing.
    let mut sold = Vec::new();
    for (id, currency, amount, days) in [
        ("cus_d", "eur", 4000, 0),
        ("cus_e", "usd", 3000, 0),
        ("cus_e", "eur", 100, 0),
        ("cus_little", "usd", 5, 0),
        ("cus_soon", "usd", 900, 5),
        ("cus_late", "usd", 900, 60),
        ("cus_z", "eur", 700, 30),
        ("cus_z", "usd", 600, 0),
        ("cus_trial", "usd", 800, 0),
        ("cus_left", "eur", 300, 0),
    ] {
        let mut one =
            subscription(&format!("sub_{id}_{currency}"), id, &format!("price_{id}_{currency}"), amount, 1, JANUARY);
        one["currency"] = json!(currency);
        one["items"]["data"][0]["price"]["currency"] = json!(currency);
        if id == "cus_little" {
            one["items"]["data"][0]["price"]["recurring"] = json!({"interval": "year", "interval_count": 1});
        }
        if id == "cus_trial" {
            (one["status"], one["trial_start"], one["trial_end"]) =
                (json!("trialing"), json!(now - DAY), json!(now + 9 * DAY));
        }
        if days > 0 {
            one["cancel_at_period_end"] = json!(true);
            (one["cancel_at"], one["canceled_at"]) = (json!(now + days * DAY), json!(JANUARY + DAY));
            one["items"]["data"][0]["current_period_start"] = json!(JANUARY);
            one["items"]["data"][0]["current_period_end"] = json!(now + days * DAY);
        }
        let created = event(&format!("evt_{id}_{currency}"), "customer.subscription.created", JANUARY, &one, None);
        daemon.accept(created).await;
        sold.push(one);
    }
    let mut left = sold.pop().unwrap();
    (left["status"], left["ended_at"], left["canceled_at"]) =
        (json!("canceled"), json!(JANUARY + DAY), json!(JANUARY + DAY));
    daemon.accept(event("evt_left", "customer.subscription.deleted", JANUARY + DAY, &left, None)).await;
    daemon.settle().await;
    for id in ["cus_z", "cus_e", "cus_d", "cus_n"] {
        named(&mut daemon, id).await;
    }
    let last = daemon.json("/api/v1/status").await["log"]["last_seq"].clone();
    let mut found_of_each = std::collections::BTreeMap::new();
    for profile in ["stripe", "finance"] {
        for state in ["", "&state=paying", "&state=left", "&state=past_due", "&state=trialing", "&state=ending"] {
            for sort in ["mrr&currency=usd", "mrr&currency=eur", "since", "name", "ends", "id"] {
                let query = format!("sort={sort}&profile={profile}{state}");
                let known = daemon.json(&format!("/api/v1/customers?{query}&limit=500&as_known_at={last}")).await;
                let known: Vec<&str> =
                    known["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
                assert_eq!(ids(&mut daemon, &query).await, known, "{query}");
                let page = daemon.json(&format!("/api/v1/customers?{query}&limit=3")).await;
                let page: Vec<&str> =
                    page["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
                assert_eq!(page, known[..known.len().min(3)], "{query}");
                found_of_each.insert(query, known.join(" "));
            }
        }
    }
    // And it is right. With a currency, who has nothing in it isn't listed.
    for (query, expected) in [
        (
            "sort=name&profile=stripe",
            "cus_a cus_b cus_z cus_n cus_d cus_e cus_c cus_late cus_left cus_little cus_soon cus_trial",
        ),
        ("sort=mrr&currency=eur&profile=finance&state=paying", "cus_d cus_z cus_e"),
        ("sort=mrr&currency=usd&profile=finance&state=left", "cus_c"),
        ("sort=mrr&currency=usd&profile=stripe&state=left", "cus_c"),
        ("sort=id&profile=stripe&state=left", "cus_c cus_left"),
        ("sort=mrr&currency=usd&profile=finance&state=ending", "cus_late cus_soon cus_z"),
    ] {
        assert_eq!(found_of_each[query], expected, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_order_finds_the_same_as_in_memory_on_sqlite() {
    each_order_finds_the_same_as_in_memory(Settings::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_order_finds_the_same_as_in_memory_on_postgres() {
    each_order_finds_the_same_as_in_memory(Settings::default().env("MRRD_DATABASE__URL", &postgres::database().await))
        .await;
}

/// Few of a status, or with a text, are found one by one, many in the order of what customers pay: both give the same.
async fn many_past_due_are_found_as_few_are(settings: Settings) {
    const MANY: usize = 450;
    let mut daemon = ledger(settings).await;
    for number in 0..MANY {
        let (id, customer) = (format!("sub_due_{number:03}"), format!("cus_due_{number:03}"));
        let amount = 100 * (1 + i64::try_from(number * 7 % 101).unwrap());
        let mut due = subscription(&id, &customer, "price_a", amount, 1, JANUARY);
        due["status"] = json!("past_due");
        let created = event(&format!("evt_due_{number:03}"), "customer.subscription.created", JANUARY, &due, None);
        daemon.accept(created).await;
        // Two of three have a name, which some share.
        if number % 3 != 0 {
            let name = format!("Due {:02}", number * 11 % 97);
            daemon.accept(person(&customer, &name, &format!("{customer}@example.com"), "FR", "gold")).await;
        }
    }
    daemon.settle().await;
    // Of a status, or with a text in their ids; cus_c has left.
    for (asked, found) in [("state=past_due", MANY + 1), ("q=cus_due", MANY), ("cohort=2026-01&q=cus", MANY + 3)] {
        let query = format!("sort=mrr&currency=usd&{asked}");
        // On a page of 500 they are few, on pages of one many.
        let page = daemon.json(&format!("/api/v1/customers?limit=500&{query}")).await;
        let page = page["data"].as_array().unwrap();
        let few: Vec<&str> = page.iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(few.len(), found, "{asked}");
        assert_eq!(ids(&mut daemon, &query).await, few, "{asked}");
        let pay: Vec<i64> = page.iter().map(|one| one["mrr"][0]["mrr"].as_i64().unwrap_or(0)).collect();
        assert!(pay.is_sorted_by(|more, less| more >= less), "{pay:?}");
    }
    // By name, whoever has none last; the last of those told is named when all are.
    named(&mut daemon, &format!("cus_due_{:03}", MANY - 1)).await;
    let page = daemon.json("/api/v1/customers?limit=500&sort=name&state=past_due").await;
    let page = page["data"].as_array().unwrap();
    let keys: Vec<_> =
        page.iter().map(|one| (one["name"].is_null(), one["name"].as_str(), one["id"].as_str())).collect();
    assert!(keys.is_sorted() && keys.len() == MANY + 1, "{keys:?}");
    let few: Vec<&str> = keys.iter().filter_map(|(_, _, id)| *id).collect();
    assert_eq!(ids(&mut daemon, "sort=name&state=past_due").await, few);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_past_due_are_found_as_few_are_on_sqlite() {
    many_past_due_are_found_as_few_are(Settings::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_past_due_are_found_as_few_are_on_postgres() {
    many_past_due_are_found_as_few_are(Settings::default().env("MRRD_DATABASE__URL", &postgres::database().await))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_set_to_end_is_found_with_what_goes_on_sqlite() {
    ends_are_found(Settings::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_set_to_end_is_found_with_what_goes_on_postgres() {
    ends_are_found(Settings::default().env("MRRD_DATABASE__URL", &postgres::database().await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_on_a_test_clock_are_found_apart_on_sqlite() {
    ends_on_a_test_clock_are_found_apart(Settings::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_on_a_test_clock_are_found_apart_on_postgres() {
    ends_on_a_test_clock_are_found_apart(Settings::default().env("MRRD_DATABASE__URL", &postgres::database().await))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_told_for_any_ids_and_failed_payments_with_what_became_of_them() {
    let mut daemon = ledger(Settings::default()).await;
    named(&mut daemon, "cus_a").await;
    named(&mut daemon, "cus_c").await;
    let told = daemon.json("/api/v1/names?ids=cus_a,cus_c,cus_none").await;
    let entry = |id: &str, name: Value, email: &str| json!({"id": id, "name": name, "email": email});
    let all =
        [entry("cus_a", json!("Ada Byron"), "ada@lace.example"), entry("cus_c", Value::Null, "carla@example.com")];
    assert_eq!(told["data"], json!(all));
    let many = vec!["cus_x"; 1001].join(",");
    assert_eq!(daemon.get(&format!("/api/v1/names?ids={many}")).await.status, 422);

    let failed = daemon.json("/api/v1/failed-payments?currency=usd").await;
    let one = &failed["data"][0];
    assert_eq!((&one["customer"], &one["outcome"], &one["at_risk"]), (&json!("cus_b"), &json!("open"), &json!(2000)));
    assert_eq!(failed["data"].as_array().unwrap().len(), 1);
    assert_eq!(daemon.json("/api/v1/failed-payments?from=2026-03-01").await["data"], json!([]));
    let paid = subscription("sub_b", "cus_b", "price_b", 2000, 1, JANUARY + DAY);
    let status = json!({"status": "past_due"});
    let at = JANUARY + 35 * DAY;
    daemon.accept(event("evt_paid", "customer.subscription.updated", at, &paid, Some(status))).await;
    daemon.settle().await;
    let csv = daemon.get("/api/v1/failed-payments?format=csv").await;
    let csv = String::from_utf8(csv.body.to_vec()).unwrap();
    assert!(csv.contains("cus_b,Bob_100%,usd,2026-02-14,2026-02-18,recovered,20.00,20.00,0.00,0.00"), "{csv}");
    // As known before it was paid, and before it failed.
    let known = daemon.json("/api/v1/failed-payments?as_known_at=8").await;
    assert_eq!((&known["data"][0]["outcome"], &known["data"][0]["at_risk"]), (&json!("open"), &json!(2000)));
    assert_eq!(daemon.json("/api/v1/failed-payments?as_known_at=6").await["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn invoices_are_told_as_they_were_last_read() {
    let mut daemon = ledger(Settings::default()).await;
    let line = json!({
        "id": "il_1", "object": "line_item", "amount": 5000, "quantity": 1, "subscription": "sub_a",
        "price": {"id": "price_a", "object": "price", "product": "prod_price_a", "currency": "usd", "unit_amount": 5000},
        "type": "subscription", "proration": false, "period": {"start": JANUARY, "end": JANUARY + 31 * DAY}
    });
    let mut invoice = json!({
        "id": "in_1", "object": "invoice", "customer": "cus_a", "created": JANUARY, "subscription": "sub_a",
        "status": "open", "currency": "usd", "total": 4500, "subtotal": 5000, "billing_reason": "subscription_create",
        "total_discount_amounts": [{"amount": 500, "discount": "di_1"}],
        "lines": {"object": "list", "has_more": false, "data": [line]}
    });
    daemon.accept(event("evt_in_1", "invoice.finalized", JANUARY + 5, &invoice, None)).await;
    invoice["status"] = json!("paid");
    invoice["status_transitions"] = json!({"finalized_at": JANUARY + 5, "paid_at": JANUARY + 60});
    daemon.accept(event("evt_in_2", "invoice.paid", JANUARY + 60, &invoice, None)).await;
    daemon.settle().await;
    let told = daemon.json("/api/v1/customers/cus_a/invoices").await;
    let one = &told["data"][0];
    assert_eq!(told["data"].as_array().unwrap().len(), 1);
    assert_eq!((&one["id"], &one["status"], &one["total"]), (&json!("in_1"), &json!("paid"), &json!(4500)));
    assert_eq!((&one["discount"], &one["events"]), (&json!(500), &json!(["evt_in_1", "evt_in_2"])));
    assert_eq!((&one["lines"][0]["price"], &one["lines"][0]["amount"]), (&json!("price_a"), &json!(5000)));
    // As known before it was paid.
    let open = daemon.json("/api/v1/customers/cus_a/invoices?as_known_at=9").await;
    assert_eq!((&open["data"][0]["status"], &open["data"][0]["paid_at"]), (&json!("open"), &Value::Null));
    assert_eq!(daemon.json("/api/v1/customers/cus_b/invoices").await["data"], json!([]));
    assert_eq!(daemon.get("/api/v1/customers/cus_none/invoices").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_found_by_what_is_known_of_them_on_sqlite() {
    customers_are_found(Settings::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_found_by_what_is_known_of_them_on_postgres() {
    customers_are_found(Settings::default().env("MRRD_DATABASE__URL", &postgres::database().await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_hidden_and_forgotten_when_they_are_not_to_be_shown() {
    let mut daemon = ledger(Settings::default()).await;
    named(&mut daemon, "cus_a").await;
    let moves = daemon.json("/api/v1/movements?customer=cus_a").await;
    assert_eq!(moves["data"][0]["customer_name"], "Ada Byron");
    assert!(daemon.command(&["erase", "cus_b", "--reason", "asked for", "--yes"]).status.success());
    assert_eq!(daemon.json("/api/v1/customers/cus_b").await["name"], Value::Null, "who is erased has no name");

    let mut daemon = daemon.restart_with("MRRD_PRIVACY__SHOW_NAMES", "false").await;
    daemon.settle().await;
    assert_eq!(daemon.json("/api/v1/customers/cus_a").await["name"], Value::Null);
    assert_eq!(ids(&mut daemon, "q=cus_a").await, ["cus_a"]);
    for _ in 0..400 {
        if ids(&mut daemon, "q=ada").await.is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("names are still searched");
}

async fn movements_are_filtered(settings: Settings) {
    let mut daemon = ledger(settings).await;
    for (query, expected) in [
        ("rollup=voluntary", "cus_c"),
        ("rollup=new", "cus_a cus_b cus_c"),
        ("rollup=upsell", ""),
        ("product=prod_price_b", "cus_b cus_c cus_c"),
        ("price=price_a", "cus_a"),
        ("billing=month", "cus_a cus_b cus_c cus_c"),
        ("billing=year", ""),
        ("country=DE", "cus_a cus_c cus_c"),
        ("metadata=tier:silver", "cus_b"),
        ("country=DE&rollup=voluntary&price=price_b", "cus_c"),
        ("without=churn", "cus_a cus_b cus_c"),
        ("without=new", "cus_c"),
        ("cohort=2026-01", "cus_a cus_b cus_c cus_c"),
        ("cohort=2026-02", ""),
    ] {
        for known in ["", "&as_known_at=8"] {
            let list = daemon.json(&format!("/api/v1/movements?{query}{known}")).await;
            let customers = list["data"].as_array().unwrap().iter().map(|one| one["customer"].as_str().unwrap());
            assert_eq!(customers.collect::<Vec<_>>().join(" "), expected, "{query}{known}");
        }
    }
    let quality = daemon.json("/api/v1/quality?customer=cus_a").await;
    assert_eq!(quality["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn movements_are_found_by_what_they_are_of_on_sqlite() {
    movements_are_filtered(Settings::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn movements_are_found_by_what_they_are_of_on_postgres() {
    movements_are_filtered(Settings::default().env("MRRD_DATABASE__URL", &postgres::database().await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_read_backwards_and_by_its_sources() {
    let mut daemon = ledger(Settings::default()).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = daemon.json(&format!("/api/v1/events?order=desc&limit=3{cursor}")).await;
        seen.extend(page["data"].as_array().unwrap().iter().map(|one| one["seq"].as_i64().unwrap()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, (1..=8).rev().collect::<Vec<_>>());
    let count = async |daemon: &mut Daemon, query: &str| {
        daemon.json(&format!("/api/v1/events?{query}")).await["data"].as_array().unwrap().len()
    };
    assert_eq!(count(&mut daemon, "source=webhook").await, 8);
    assert_eq!(count(&mut daemon, "source=api").await, 0);
    let facts = daemon.json("/api/v1/events/evt_gone/facts").await;
    assert_eq!(facts["data"][0]["event"], "evt_gone");
    assert!(facts["data"][0]["state"].is_object(), "{facts}");
    assert_eq!(daemon.get("/api/v1/events/evt_none/facts").await.status, 404);
    // What was read stays when the body is erased.
    assert!(daemon.command(&["erase", "cus_c", "--reason", "asked for", "--yes"]).status.success());
    assert_eq!(daemon.json("/api/v1/events/evt_gone").await["erased"], true);
    assert_eq!(daemon.get("/api/v1/events/evt_gone/raw").await.status, 404);
    assert_eq!(daemon.json("/api/v1/events/evt_gone/facts").await, facts);
}
