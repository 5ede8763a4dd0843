//! What isn't shown is said (83, 106, 108), what replay reads (54), and healing that a refusal does not stop (115).

use std::{
    path::Path,
    process::Output,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    daemon::{Settings, mrrd},
    fake_stripe::{FakeStripe, KEY, Trouble},
};

/// Runs `mrrd ARGS` in `dir`, without any server.
fn run(dir: &Path, args: &[&str]) -> Output {
    mrrd(dir, &Settings::default()).args(args).stdin(std::process::Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn event(id: &str) -> Value {
    json!({"id": id, "object": "event", "api_version": "2025-08-27.basil", "created": 1_769_936_400, "livemode": true,
        "type": "customer.created", "pending_webhooks": 1, "data": {"object": {"id": "cus_A", "object": "customer"}}})
}

#[test]
fn case_54_replay_reads_what_services_hand_on_and_ends_with_1_when_it_could_read_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let inside = event("evt_1");
    let told = |value: Value| (value.to_string(), 0, "{\"read\":1,\"appended\":1,\"duplicates\":0,\"rejected\":0}");
    let nothing = |text: &str| (text.to_owned(), 1, "{\"read\":1,\"appended\":0,\"duplicates\":0,\"rejected\":1}");
    for (what, (input, code, printed)) in [
        (
            "EventBridge",
            told(json!({"version": "0", "id": "7e1f", "detail-type": "customer.created", "account": "1234",
            "source": "aws.partner/stripe.com/ed_1", "time": "2026-02-01T09:00:00Z", "region": "eu-west-1",
            "resources": [], "detail": inside})),
        ),
        (
            "Event Grid",
            told(json!({"specversion": "1.0", "id": "evt_not_this", "type": "customer.created",
            "source": "/stripe", "time": "2026-02-01T09:00:00Z", "data": inside})),
        ),
        ("hookdeck", told(json!({"id": "evt_hookdeck", "headers": {"stripe-signature": "t=1"}, "body": inside}))),
        ("n8n", told(json!([{"headers": {}, "params": {}, "query": {}, "body": inside}]))),
        ("body as text", told(json!({"headers": {}, "body": inside.to_string()}))),
        ("no event in it", nothing("{\"headers\":{},\"body\":{\"hello\":1}}")),
        ("no JSON", nothing("hello")),
        ("an object without its time", nothing("{\"id\":\"sub_1\",\"object\":\"subscription\"}")),
    ] {
        std::fs::write(dir.path().join("input.json"), input).unwrap();
        let output = run(dir.path(), &["replay", "--dry-run", "--json", "input.json"]);
        assert_eq!(output.status.code(), Some(code), "{what}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout).trim(), printed, "{what}: {}", text(&output.stderr));
    }
    // The envelope's own id and account are not the event's, and the event's bytes are its own.
    let bus = json!({"id": "evt_not_this", "account": "1234", "detail": inside});
    std::fs::write(dir.path().join("input.json"), bus.to_string()).unwrap();
    assert!(run(dir.path(), &["replay", "input.json"]).status.success());
    assert_eq!(text(&run(dir.path(), &["events", "show", "evt_1", "--raw"]).stdout), inside.to_string());
    // Some of it could be read: 0.
    std::fs::write(dir.path().join("input.json"), format!("{}\nnonsense\n", event("evt_2"))).unwrap();
    assert_eq!(run(dir.path(), &["replay", "input.json"]).status.code(), Some(0));
}

#[test]
fn case_54_a_printed_list_of_objects_is_read_as_of_when_it_was_printed() {
    let dir = tempfile::tempdir().unwrap();
    let list = |quantity: u32| {
        let price = json!({"id": "price_1", "object": "price", "currency": "usd", "unit_amount": 1000,
            "billing_scheme": "per_unit", "product": "prod_1", "type": "recurring",
            "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}});
        let subscription = json!({"id": "sub_1", "object": "subscription", "customer": "cus_1", "livemode": true,
            "status": "active", "currency": "usd", "created": 1_767_225_600, "start_date": 1_767_225_600, "discounts": [],
            "items": {"object": "list", "has_more": false, "data": [
                {"id": "si_1", "object": "subscription_item", "quantity": quantity, "price": price}]}});
        serde_json::to_string_pretty(&json!({"object": "list", "url": "/v1/subscriptions", "has_more": false,
            "data": [subscription]}))
        .unwrap()
    };
    let replay = |quantity, at: &str| {
        std::fs::write(dir.path().join("subscriptions.json"), list(quantity)).unwrap();
        run(dir.path(), &["replay", "--json", "--read-at", at, "subscriptions.json"])
    };
    // There and back again: the third says what the first said, of another time.
    for (quantity, at, appended) in [
        (1, "2026-02-01T12:00:00Z", 1),
        (4, "2026-03-01T12:00:00Z", 1),
        (1, "2026-04-01T12:00:00Z", 1),
        (1, "2026-04-01T12:00:00Z", 0),
    ] {
        let output = replay(quantity, at);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains(&format!("\"appended\":{appended}")), "{at}: {}", text(&output.stdout));
    }
    let rebuilt = run(dir.path(), &["rebuild"]);
    let said = String::from_utf8_lossy(&rebuilt.stdout).into_owned();
    assert!(rebuilt.status.success() && said.contains("(every customer has a ledger under "), "{said}");
    let report = run(dir.path(), &["report", "mrr", "--from", "2026-01-01", "--to", "2026-04-30", "--json"]);
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    let closing: Vec<&str> =
        report["data"].as_array().unwrap().iter().map(|month| month["closing_exact"].as_str().unwrap()).collect();
    assert_eq!(closing, ["1000", "1000", "4000", "1000"]);
    let late = replay(1, "2999-01-01");
    assert_eq!(late.status.code(), Some(2), "{}", text(&late.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn case_115_what_a_key_may_not_read_stops_nothing_else() {
    let now = mrrd::clock::Clock::system().now();
    // A key that may not read subscriptions, and a coupon that Stripe answers with 400.
    let stripe = FakeStripe::start(now, Duration::ZERO, |_, path| match path {
        _ if path.starts_with("subscriptions") => Some(Trouble::Forbidden),
        "coupons" => Some(Trouble::Refused),
        _ => None,
    })
    .await;
    let created = now.0 - 10 * 86_400;
    let price = json!({"id": "price_1", "object": "price", "currency": "usd", "unit_amount": null,
        "unit_amount_decimal": null, "billing_scheme": "tiered", "tiers_mode": "volume", "product": "prod_1",
        "type": "recurring", "livemode": true, "created": created,
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}});
    let mut whole = price.clone();
    whole["tiers"] = json!([{"up_to": null, "unit_amount": 700, "unit_amount_decimal": "700", "flat_amount": null}]);
    stripe.put("prices", "price_1", now, whole.to_string());
    let state = |subscription: &str, quantity: u32| {
        json!({"id": subscription, "object": "subscription", "customer": "cus_1", "livemode": true, "status": "active",
            "currency": "usd", "created": created, "start_date": created, "discounts": [],
            "items": {"object": "list", "has_more": false, "data": [{"id": format!("si_{subscription}"),
                "object": "subscription_item", "quantity": quantity, "price": price, "discounts": []}]}})
    };
    let told = |id: &str, kind: &str, minute: i64, data: Value| {
        json!({"id": id, "object": "event", "api_version": "2025-08-27.basil", "type": kind, "livemode": true,
            "created": created + 60 * minute, "data": data})
        .to_string()
    };
    let settings = Settings::default()
        .env("MRRD_STRIPE__API_BASE", &stripe.base())
        .env("MRRD_STRIPE__API_KEY", KEY)
        .env("MRRD_SERVER__ROLES", "receiver,api");
    let mut daemon = settings.start().await;
    let created_event =
        |id, subscription| told(id, "customer.subscription.created", 0, json!({ "object": state(subscription, 2) }));
    daemon.accept(created_event("evt_1", "sub_tiers")).await;
    daemon.accept(created_event("evt_2", "sub_gap")).await;
    // Its chain breaks, which only the subscription could settle.
    let previous = json!({"items": state("sub_gap", 5)["items"]});
    let gap = json!({"object": state("sub_gap", 3), "previous_attributes": previous});
    daemon.accept(told("evt_3", "customer.subscription.updated", 20, gap)).await;
    daemon.kill();
    let mut daemon = daemon.restart_with("MRRD_SERVER__ROLES", "receiver,reconciler,alerts,api").await;
    let began = Instant::now();
    loop {
        // Until the ledger is derived there is no answer, and it is no 0.
        let answer = daemon.get("/api/v1/mrr").await;
        let mrr: Value = serde_json::from_slice(&answer.body).unwrap();
        let priced = answer.status == 200
            && mrr["data"].as_array().and_then(|data| data.last()).is_some_and(|last| last["closing"] == 3_500);
        // What is refused is kept when the round is over.
        if priced && daemon.json("/api/v1/status").await["stripe"]["refused"][0].is_object() {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "the price was never fetched: {mrr}\n{}", daemon.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let doctor = text(&daemon.command(&["doctor"]).stdout);
    for said in [
        "failed  stripe: GET /v1/subscriptions/{id}: ",
        "failed  stripe: GET /v1/coupons: /coupons: Stripe refuses the request with 400 (parameter_unknown: some_parameter)",
        "warning  healing: GET /v1/subscriptions/{id} was refused",
    ] {
        assert!(doctor.contains(said), "{doctor}");
    }
}

/// A case's events.
fn case(name: &str) -> String {
    format!("{}/tests/data/cases/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// What a command prints, on both streams, and its exit code.
fn said(dir: &Path, args: &[&str]) -> (String, Option<i32>) {
    let output = run(dir, args);
    (text(&output.stdout) + &text(&output.stderr), output.status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn case_83_only_invoices_came_and_it_is_said_which_events_to_add() {
    let missing = "add the event types customer.subscription.created, customer.subscription.updated, customer.subscription.deleted";
    let dir = tempfile::tempdir().unwrap();
    assert!(run(dir.path(), &["replay", &case("83-only-invoices.jsonl")]).status.success());
    for args in [
        &["report", "mrr"][..],
        &["report", "movements"],
        &["report", "waterfall"],
        &["explain", "sub_A"],
        &["quality"],
        &["doctor"],
    ] {
        let (printed, _) = said(dir.path(), args);
        let flat = printed.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains("subscriptions_missing") || flat.contains(missing), "{args:?}: {printed}");
        assert!(!printed.contains("Nothing to show"), "{args:?}: {printed}");
    }
    let mut daemon = Settings::default().start().await;
    for line in std::fs::read_to_string(case("83-only-invoices.jsonl")).unwrap().lines() {
        daemon.accept(line.to_owned()).await;
    }
    daemon.settle().await;
    let mrr = daemon.json("/api/v1/mrr").await;
    assert_eq!((&mrr["data"], &mrr["notices"][0]["kind"]), (&json!([]), &json!("subscriptions_missing")), "{mrr}");
    let quality = daemon.json("/api/v1/quality").await;
    assert_eq!(quality["data"][0]["kind"], "subscriptions_missing", "{quality}");
    let explain = daemon.get("/api/v1/customers/sub_A/explain").await;
    assert_eq!(explain.status, 404);
    assert!(text(&explain.body).contains("invoices came, and no subscription"), "{}", text(&explain.body));
}

#[tokio::test(flavor = "multi_thread")]
async fn case_108_only_a_connected_account_is_there_and_it_is_said_how_it_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    assert!(run(dir.path(), &["replay", &case("108-only-a-connected-account.jsonl")]).status.success());
    for args in
        [&["report", "mrr"][..], &["report", "metrics"], &["explain", "cus_A"], &["explain", "sub_A"], &["doctor"]]
    {
        let (printed, _) = said(dir.path(), args);
        assert!(printed.contains("--account acct_conn1"), "{args:?}: {printed}");
    }
    let (shown, code) = said(dir.path(), &["report", "mrr", "--account", "acct_conn1"]);
    assert!(code == Some(0) && !shown.contains("there are"), "{shown}");
    assert_eq!(said(dir.path(), &["explain", "cus_A", "--account", "acct_conn1"]).1, Some(0));
    let mut daemon = Settings::default().start().await;
    daemon.accept(std::fs::read_to_string(case("108-only-a-connected-account.jsonl")).unwrap().trim().to_owned()).await;
    daemon.settle().await;
    for path in ["/api/v1/mrr", "/api/v1/movements", "/api/v1/metrics", "/api/v1/customers"] {
        let answer = daemon.json(path).await;
        assert_eq!(answer["notices"][0]["kind"], "elsewhere", "{path}: {answer}");
        assert_eq!(answer["notices"][0]["option"], "account=acct_conn1", "{path}: {answer}");
    }
    let missing = daemon.get("/api/v1/customers/cus_A").await;
    assert!(
        missing.status == 404 && text(&missing.body).contains("ask with account=acct_conn1"),
        "{}",
        text(&missing.body)
    );
}

#[test]
fn case_106_a_replay_without_a_server_is_in_the_next_report() {
    let dir = tempfile::tempdir().unwrap();
    let event = |id: &str, customer: &str| {
        let connected = std::fs::read_to_string(case("108-only-a-connected-account.jsonl")).unwrap();
        let mut event: Value = serde_json::from_str(&connected).unwrap();
        event.as_object_mut().unwrap().remove("account");
        event["id"] = id.into();
        event["data"]["object"]["id"] = format!("sub_{customer}").into();
        event["data"]["object"]["customer"] = customer.into();
        event.to_string()
    };
    let (empty, code) = said(dir.path(), &["replay", "--dry-run", &case("108-only-a-connected-account.jsonl")]);
    assert_eq!(code, Some(0), "{empty}");
    for (number, customer) in ["cus_1", "cus_2"].into_iter().enumerate() {
        std::fs::write(dir.path().join("events.jsonl"), event(&format!("evt_{number}"), customer)).unwrap();
        assert!(run(dir.path(), &["replay", "events.jsonl"]).status.success());
        // Right after it, and after the next one.
        let report = run(dir.path(), &["report", "mrr", "--from", "2026-02-01", "--to", "2026-02-28", "--json"]);
        let report: Value = serde_json::from_slice(&report.stdout).unwrap();
        assert_eq!(report["data"][0]["closing"], 1000 * (number + 1), "{report}");
        assert_eq!(run(dir.path(), &["explain", customer]).status.code(), Some(0));
    }
    // Under another configuration too: its rules are other ones.
    let finance = Settings::default().env("MRRD_LEDGER__PROFILES", "finance");
    let report = mrrd(dir.path(), &finance).args(["report", "mrr", "--json", "--from", "2026-02-01"]).output().unwrap();
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!((&report["profile"], &report["data"][0]["closing"]), (&json!("finance"), &json!(2000)), "{report}");
    let (verified, code) = said(dir.path(), &["verify"]);
    assert!(code != Some(0), "kept under finance by now: {verified}");
}

#[test]
fn an_empty_answer_says_what_is_true() {
    let connected = std::fs::read_to_string(case("108-only-a-connected-account.jsonl")).unwrap();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut event: Value = serde_json::from_str(&connected).unwrap();
        event.as_object_mut().unwrap().remove("account");
        change(&mut event);
        event.to_string()
    };
    for (event, args, told) in [
        (
            changed(&|event| event["livemode"] = false.into()),
            &["report", "mrr", "--livemode", "true"][..],
            "Only test events are there: the account's own (test: 1 customer): --livemode false.",
        ),
        (
            changed(&|event| {
                event["livemode"] = false.into();
                event["data"]["object"]["test_clock"] = "clock_1".into();
            }),
            &["report", "mrr"],
            "--test-clock clock_1.",
        ),
        (changed(&|_| ()), &["report", "mrr", "--from", "2990-01-01"], "The span begins after today"),
        (changed(&|_| ()), &["report", "mrr", "--to", "2025-01-31", "--from", "2025-01-01"], "2025-01"),
        (
            changed(&|event| event["type"] = "charge.succeeded".into()),
            &["report", "mrr"],
            "The one event in the log doesn't tell of a customer: of types that are not read 1, not readable 0, without an object 0",
        ),
        (changed(&|_| ()), &["quality"], "The one event is read and priced."),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("events.jsonl"), event).unwrap();
        assert!(run(dir.path(), &["replay", "events.jsonl"]).status.success());
        let (printed, _) = said(dir.path(), args);
        assert!(printed.contains(told), "{args:?}: {printed}");
    }
    // A test clock's figures are shown in its own time.
    let dir = tempfile::tempdir().unwrap();
    let clocked = changed(&|event| {
        event["livemode"] = false.into();
        event["data"]["object"]["test_clock"] = "clock_1".into();
    });
    std::fs::write(dir.path().join("events.jsonl"), clocked).unwrap();
    assert!(run(dir.path(), &["replay", "events.jsonl"]).status.success());
    let (shown, _) = said(dir.path(), &["report", "mrr", "--test-clock", "clock_1", "--livemode", "false"]);
    assert!(shown.contains("closing"), "{shown}");
}

/// One customer of the test ledger and one of the live one: of the first it was said that there are only test events.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_the_other_ledger_is_said_to_be_there_and_no_more() {
    let of = |id: &str, customer: &str, livemode: bool| {
        let connected = std::fs::read_to_string(case("108-only-a-connected-account.jsonl")).unwrap();
        let mut event: Value = serde_json::from_str(&connected).unwrap();
        event.as_object_mut().unwrap().remove("account");
        event["id"] = id.into();
        event["livemode"] = livemode.into();
        event["data"]["object"]["livemode"] = livemode.into();
        event["data"]["object"]["id"] = format!("sub_{customer}").into();
        event["data"]["object"]["customer"] = customer.into();
        event.to_string()
    };
    let events = [of("evt_a1", "cus_a", false), of("evt_a3", "cus_b", true)];
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("events.jsonl"), events.join("\n")).unwrap();
    assert!(run(dir.path(), &["replay", "events.jsonl"]).status.success());
    for (args, told) in [
        (
            &["explain", "cus_a"][..],
            "no customer and no subscription cus_a; it is in the test ledger: ask with --livemode false",
        ),
        (
            &["report", "movements", "--customer", "cus_a"],
            "no customer cus_a; it is in the test ledger: ask with --livemode false",
        ),
    ] {
        let (printed, code) = said(dir.path(), args);
        assert!(code == Some(1) && printed.contains(told), "{args:?}: {printed}");
    }
    let mut daemon = Settings::default().start().await;
    for event in events {
        daemon.accept(event).await;
    }
    daemon.settle().await;
    let missing = daemon.get("/api/v1/customers/cus_a").await;
    let told = "there is no customer cus_a: it is in the test ledger; ask with livemode=false";
    assert!(missing.status == 404 && text(&missing.body).contains(told), "{}", text(&missing.body));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_what_is_not_derived_yet_is_told_so_and_never_0() {
    let events = case("108-only-a-connected-account.jsonl");
    let dir = tempfile::tempdir().unwrap();
    assert!(run(dir.path(), &["replay", &events]).status.success());
    // Nothing was derived: nothing can be held against the log.
    let (verified, code) = said(dir.path(), &["verify"]);
    assert!(code == Some(1) && verified.contains("nothing compared"), "{verified}");
    // A process that only answers, beside none that derives.
    let roles = Settings::default().env("MRRD_SERVER__ROLES", "api");
    let mut reader =
        roles.env("MRRD_DATABASE__URL", &format!("sqlite://{}", dir.path().join("mrrd.db").display())).start().await;
    for path in ["/api/v1/mrr?account=all", "/api/v1/customers", "/api/v1/customers/cus_A", "/api/v1/quality"] {
        let answer = reader.get(path).await;
        assert_eq!(answer.status, 503, "{path}: {}", text(&answer.body));
        assert!(answer.headers.contains_key("retry-after") && text(&answer.body).contains("not-derived"), "{path}");
    }
    assert_eq!(reader.get("/readyz").await.status, 503);
    assert_eq!(run(dir.path(), &["report", "mrr"]).status.code(), Some(0));
    assert_eq!(reader.get("/readyz").await.status, 200);
    let mrr = reader.json("/api/v1/mrr?account=all").await;
    assert_eq!((mrr["data"][0]["closing"].clone(), mrr.get("behind")), (1000.into(), None), "{mrr}");
    // One more event, which nobody derives.
    let more = std::fs::read_to_string(&events).unwrap().replace("evt_hunt0016", "evt_more").replace("sub_A", "sub_B");
    std::fs::write(dir.path().join("more.jsonl"), more).unwrap();
    assert!(run(dir.path(), &["replay", "more.jsonl"]).status.success());
    let mrr = reader.json("/api/v1/mrr?account=all").await;
    assert_eq!((&mrr["behind"], &mrr["notices"][0]["kind"]), (&json!(1), &json!("behind")), "{mrr}");
    assert_eq!(mrr["data"][0]["closing"], 1000);
    for path in ["/api/v1/movements", "/api/v1/metrics", "/api/v1/customers", "/api/v1/quality", "/api/v1/restatements"]
    {
        let answer = reader.json(&format!("{path}?account=all")).await;
        assert_eq!(answer["behind"], 1, "{path}: {answer}");
    }
    for path in
        ["/api/v1/mrr?account=all&format=csv", "/v1/metrics/mrr?account=all&start-date=2026-02-01&end-date=2026-02-28"]
    {
        let answer = reader.get(path).await;
        assert_eq!(answer.headers["mrrd-notice"], "these figures are 1 event behind the log", "{path}");
    }
    let (verified, _) = said(dir.path(), &["doctor"]);
    assert!(verified.contains("warning  figures: these figures are 1 event behind the log"), "{verified}");
}
