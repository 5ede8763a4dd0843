//! The commands themselves against the stand-in: what they print, what they end with, what a kill costs, and that the key
//! is never seen.

use std::{
    collections::BTreeSet,
    io::Write,
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{account, room::*};
use crate::{
    api::{event, subscription},
    support::{
        daemon::{Daemon, Settings, mrrd},
        fake_stripe::{FakeStripe, KEY, Trouble},
    },
};

/// Now, for the binary's own clock.
fn now() -> mrrd::ledger::time::UnixTime {
    mrrd::clock::Clock::system().now()
}

fn settings(stripe: &FakeStripe, key: &str) -> Settings {
    Settings::default().env("MRRD_STRIPE__API_BASE", &stripe.base()).env("MRRD_STRIPE__API_KEY", key)
}

/// Runs `mrrd ARGS`; whatever it printed, the key isn't in it.
async fn run(dir: &TempDir, settings: &Settings, args: &[&str]) -> (i32, String, String) {
    let mut command = mrrd(dir.path(), settings);
    command.args(args);
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let Output { status, stdout, stderr } = ended;
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert!(!stdout.contains(KEY) && !stderr.contains(KEY), "the key is shown:\n{stdout}\n{stderr}");
    (status.code().unwrap(), stdout, stderr)
}

/// The events of an account's last days up to now.
fn recent(customers: u32, days: i64) -> Vec<mrrd::demo::Event> {
    let end = now();
    let start = end.plus(-days * 86_400);
    mrrd::demo::Simulator::new(3, customers, start, end).outspoken().advance(end.plus(-400))
}

#[tokio::test]
async fn backfill_completes_while_one_request_in_five_fails_and_a_second_one_appends_nothing() {
    let stripe = FakeStripe::start(now(), Duration::ZERO, |number, _| match number % 10 {
        3 => Some(Trouble::Status(429)),
        8 => Some(Trouble::Status(500)),
        _ => None,
    })
    .await;
    let events = recent(30, 50);
    account::show(&stripe, &events);
    let (dir, settings) = (TempDir::new().unwrap(), settings(&stripe, KEY));
    let (code, out, err) = run(&dir, &settings, &["backfill", "--history", "--json"]).await;
    assert_eq!(code, 0, "{err}");
    let first: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert!(first["appended"].as_i64().unwrap() > 200 && first["rejected"] == 0, "{first}");
    let (code, out, _) = run(&dir, &settings, &["backfill", "--history", "--json"]).await;
    let second: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!((code, &second["appended"]), (0, &Value::from(0)), "{second}");
    let (code, out, _) = run(&dir, &settings, &["audit", "--json"]).await;
    let audit: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, audit["differences"].as_array().map(Vec::len)), (0, Some(0)), "{audit}");
}

#[tokio::test]
async fn a_bad_key_is_told_and_what_a_restricted_one_lacks() {
    let stripe =
        FakeStripe::start(now(), Duration::ZERO, |_, path| (path == "invoices").then_some(Trouble::Forbidden)).await;
    account::show(&stripe, &recent(3, 10));
    let dir = TempDir::new().unwrap();
    for command in ["backfill", "audit"] {
        let (code, _, err) = run(&dir, &settings(&stripe, "rk_test_some_other"), &[command]).await;
        assert!(code == 1 && err.contains("doesn't know the key in stripe.api_key"), "{code}: {err}");
        assert!(!err.contains("rk_test_some_other"), "{err}");
    }
    let lacking = settings(&stripe, KEY);
    let (code, _, err) = run(&dir, &lacking, &["backfill", "--history"]).await;
    assert!(code == 1 && err.contains("rak_invoice_read"), "{code}: {err}");
    let (code, out, _) = run(&dir, &lacking, &["doctor"]).await;
    assert!(code == 1 && out.contains("failed  stripe:") && out.contains("rak_invoice_read"), "{code}: {out}");
    let (code, _, err) = run(&dir, &Settings::default(), &["backfill"]).await;
    assert!(code == 2 && err.contains("stripe.api_key"), "{code}: {err}");
}

/// Kills a backfill with history so often, each time at another moment, then lets it end. Of what each of the processes was
/// given, at most one page may be asked for again; and nothing may be missing in the end.
pub(super) async fn killed(kind: Kind, kills: usize) {
    let (end, events) = (now(), recent(10, 6));
    let shown = |stripe: &FakeStripe| {
        account::show(stripe, &events);
        stripe.put("invoices", "in_1", end, account::long_invoice(330, end.plus(-9)).to_string());
        stripe.put("subscriptions", "sub_1", end, account::wide_subscription(230, end.plus(-9)).to_string());
    };
    let whole = FakeStripe::calm(end).await;
    shown(&whole);
    let room = Room::at(&whole, patience()).await;
    room.fetch.clock.set(end);
    room.fetch.events(|_| {}).await.unwrap();
    room.fetch.objects(|_, _| {}).await.unwrap();

    let stripe = FakeStripe::all_at_once(end, Duration::from_millis(170)).await;
    shown(&stripe);
    let dir = TempDir::new().unwrap();
    let url = database(kind, &dir).await;
    let settings = settings(&stripe, KEY).env("MRRD_DATABASE__URL", &url);
    let (mut lives, mut given) = (Vec::new(), 0);
    for _ in 0..kills {
        let mut child = mrrd(dir.path(), &settings).args(["backfill", "--history"]).spawn().unwrap();
        while stripe.answered().len() == given && child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let moment = Duration::from_micros(rand::random_range(0..400_000));
        tokio::time::sleep(moment).await;
        child.kill().unwrap();
        let ended = child.wait().unwrap().success();
        let life = stripe.answered().split_off(given);
        given += life.len();
        lives.push((moment, life));
        if ended {
            break;
        }
    }
    let (code, _, err) = run(&dir, &settings, &["backfill", "--history"]).await;
    assert_eq!(code, 0, "{err}");
    lives.push((Duration::MAX, stripe.answered().split_off(given)));
    let (mut pages, mut twice) = (0, 0);
    for (at, (moment, life)) in lives.iter().enumerate() {
        let again: Vec<_> =
            life.iter().filter(|page| lives[at + 1..].iter().any(|(_, later)| later.contains(page))).collect();
        assert!(again.len() <= 1, "process {at}, killed {moment:?} after its first page: {again:#?} of {life:#?}");
        let own: BTreeSet<_> = life.iter().collect();
        assert_eq!(own.len(), life.len(), "it asks twice for what it was given: {life:#?}");
        pages += life.len();
        twice += again.len();
    }
    println!("{} kills: {pages} pages given, {twice} of them twice", lives.len() - 1);
    let store = mrrd::store::Store::open(&url).await.unwrap();
    assert_eq!(logged(&store).await, room.logged().await);
}

on_both! {
    async fn killed_anywhere_it_fetches_at_most_one_page_again(kind) {
        killed(kind, 4).await;
    }
}

#[tokio::test]
async fn a_daemon_heals_and_audits_on_start_and_shows_what_differs() {
    let stripe = FakeStripe::calm(now()).await;
    let events = recent(12, 20);
    account::show(&stripe, &events);
    let lost = serde_json::json!({"id": "sub_lost", "object": "subscription", "customer": "cus_lost", "status": "active",
        "currency": "usd", "created": now().0 - 86_400, "livemode": true, "discounts": [],
        "items": {"object": "list", "has_more": false, "data": []}});
    stripe.put("subscriptions", "sub_lost", now(), lost.to_string());
    let mut daemon = settings(&stripe, KEY).start().await;
    let began = std::time::Instant::now();
    let metrics = loop {
        let metrics = String::from_utf8(daemon.get("/metrics").await.body.to_vec()).unwrap();
        let healed = metrics.contains(&format!("mrrd_healed_events_total {}\n", events.len()));
        if healed && metrics.contains("\nmrrd_ledger_drift_subscriptions{}") {
            break metrics;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "never audited:\n{}", daemon.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(metrics.contains("mrrd_ledger_drift_subscriptions{} 1\n"), "{metrics}");
    daemon.settle().await;
    assert_eq!(daemon.json("/api/v1/status").await["log"]["events"], events.len());
    assert!(!daemon.output().contains(KEY));
}

#[tokio::test]
async fn replay_reads_other_programs_tables_and_sets_aside_what_it_cannot_read() {
    let dir = TempDir::new().unwrap();
    let subscription = serde_json::json!({"id": "sub_1", "object": "subscription", "customer": "cus_1", "livemode": true,
        "status": "active", "currency": "usd", "created": 1_760_000_000, "discounts": [], "items": {"object": "list",
        "has_more": false, "data": [{"id": "si_1", "object": "subscription_item", "quantity": 2, "price": {"id": "price_1",
        "object": "price", "currency": "usd", "unit_amount": 500, "billing_scheme": "per_unit", "product": "prod_1",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"}}}]}});
    let event = serde_json::json!({"id": "evt_1", "object": "event", "type": "customer.created", "created": 1_760_000_000,
        "livemode": true, "data": {"object": {"id": "cus_1", "object": "customer"}}});
    let customer = serde_json::json!({"object": {"id": "cus_2", "object": "customer"}});
    let lines = [
        // dj-stripe's: an event, one of before it kept events whole, a subscription.
        serde_json::json!({"djstripe_id": 1, "id": "evt_1", "type": "customer.created", "data": event["data"],
            "created": "2025-10-09T08:53:20+00:00", "livemode": true, "stripe_data": event}),
        serde_json::json!({"djstripe_id": 2, "id": "evt_2", "type": "customer.created", "data": customer,
            "created": "2025-10-09T08:53:20+00:00", "livemode": true, "stripe_data": {}}),
        serde_json::json!({"djstripe_id": 3, "id": "sub_1", "djstripe_updated": "2026-01-30T10:00:00+00:00",
            "stripe_data": subscription}),
        // stripe-sync-engine's: a subscription in one column, an event and a subscription in columns of their own.
        serde_json::json!({"id": "sub_1", "_raw_data": subscription, "_last_synced_at": "2026-01-31 10:00:00+00"}),
        serde_json::json!({"id": "evt_3", "object": "event", "type": "customer.created", "data": customer,
            "created": 1_760_000_000, "request": null, "updated": null, "livemode": true, "api_version": "2020-08-27"}),
        serde_json::json!({"id": "sub_2", "object": "subscription", "customer": "cus_1", "livemode": true,
            "status": "canceled", "items": subscription["items"], "updated_at": "2026-01-31T10:00:00Z"}),
    ];
    let bad = [
        "{\"id\": \"evt_4\", \"obj".to_owned(),
        subscription.to_string(),
        serde_json::json!({"djstripe_id": 4, "id": "sub_1", "status": "active"}).to_string(),
    ];
    let text: Vec<String> = lines.iter().map(ToString::to_string).chain(bad.iter().cloned()).collect();
    std::fs::write(dir.path().join("tables.jsonl"), text.join("\n")).unwrap();
    let args = ["replay", "--json", "--set-aside", "rest.jsonl", "tables.jsonl"];
    let (code, out, err) = run(&dir, &Settings::default(), &args).await;
    assert_eq!(code, 0, "{err}");
    // The same subscription twice: it says the same, so it is one answer.
    assert_eq!(out, "{\"read\":9,\"appended\":5,\"duplicates\":1,\"rejected\":3}\n");
    for told in ["line 7: it is not JSON", "line 8: it is an object, and nothing tells when", "line 9: it is no event"]
    {
        assert!(err.contains(told), "{err}");
    }
    let rest = std::fs::read_to_string(dir.path().join("rest.jsonl")).unwrap();
    assert_eq!(rest, bad.join("\n") + "\n");
    let store = mrrd::store::Store::open(&database(Kind::Sqlite, &dir).await).await.unwrap();
    let log = store.log.events(&mrrd::store::log::EventFilter::default(), mrrd::event::Seq::START, 100).await.unwrap();
    let kinds: Vec<_> = log.iter().map(|row| (&*row.kind, row.reading.as_str(), row.livemode)).collect();
    let (event, object) = (("customer.created", "facts", true), ("api.subscription", "facts", true));
    assert_eq!(kinds, [event, event, object, event, object]);
    let times: Vec<i64> = log.iter().map(|row| row.created.0).collect();
    assert_eq!(times, [1_760_000_000, 1_760_000_000, 1_769_767_200, 1_760_000_000, 1_769_853_600]);
    let bodies = store.log.bodies(&"evt_1".into()).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&bodies[0].1).unwrap()["object"], "event");
    let (_, out, _) = run(&dir, &Settings::default(), &args).await;
    assert!(out.contains("\"appended\":0,\"duplicates\":6"), "{out}");
}

/// Runs `mrrd replay ARGS` over an empty database, with `input` at its standard input.
fn replayed(files: &TempDir, args: &[&str], input: &[u8]) -> (String, String) {
    let dir = TempDir::new().unwrap();
    let mut command = mrrd(dir.path(), &Settings::default());
    command.current_dir(files.path()).arg("replay").args(args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    (String::from_utf8(ended.stdout).unwrap(), String::from_utf8(ended.stderr).unwrap())
}

#[test]
fn replay_reads_every_form_that_events_are_kept_in() {
    let events = lived(3, 5);
    let bodies: Vec<Value> = events.iter().map(|event| serde_json::from_slice(&event.body).unwrap()).collect();
    let lines: String = bodies.iter().map(|body| format!("{body}\n")).collect();
    let list = serde_json::json!({"object": "list", "data": bodies, "has_more": false, "url": "/v1/events"});
    let printed = serde_json::to_string_pretty(&list).unwrap();
    let gzip = |text: &str| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        packed.finish().unwrap()
    };
    // Two pages printed behind each other, as a loop over `stripe events list` leaves them.
    let (first, second) = bodies.split_at(bodies.len() / 2);
    let page = |data: &[Value]| {
        serde_json::to_string_pretty(&serde_json::json!({"object": "list", "data": data, "has_more": true})).unwrap()
    };
    let forms: [(&str, Vec<u8>); 9] = [
        ("lines.jsonl", lines.clone().into_bytes()),
        ("windows.jsonl", lines.replace('\n', "\r\n").into_bytes()),
        ("list.json", printed.clone().into_bytes()),
        ("one-line.json", list.to_string().into_bytes()),
        ("array.json", serde_json::to_vec_pretty(&bodies).unwrap()),
        ("pages.json", format!("{}\n{}\n", page(first), page(second)).into_bytes()),
        ("lines.jsonl.gz", [gzip(&lines[..lines.len() / 2]), gzip(&lines[lines.len() / 2..])].concat()),
        ("list.json.gz", gzip(&printed)),
        ("lines.jsonl.zst", zstd::encode_all(lines.as_bytes(), 1).unwrap()),
    ];
    let all = events.len();
    let told = |appended: usize, duplicates: usize| {
        let read = appended + duplicates;
        format!("{{\"read\":{read},\"appended\":{appended},\"duplicates\":{duplicates},\"rejected\":0}}\n")
    };
    let files = TempDir::new().unwrap();
    std::fs::create_dir(files.path().join("kept")).unwrap();
    for (name, contents) in &forms {
        std::fs::write(files.path().join("kept").join(name), contents).unwrap();
        assert_eq!(replayed(&files, &["--json", &format!("kept/{name}")], b"").0, told(all, 0), "{name}");
    }
    // All of them are the same events.
    std::fs::write(files.path().join("kept/notes.txt"), "not of events").unwrap();
    assert_eq!(replayed(&files, &["--json", "kept"], b"").0, told(all, all * (forms.len() - 1)));
    assert_eq!(replayed(&files, &["--json", "-"], &forms[6].1).0, told(all, 0));
    assert_eq!(replayed(&files, &["--json", "--dry-run", "kept/list.json", "-"], lines.as_bytes()).0, told(all, all));
}

#[test]
fn what_replay_cannot_read_is_told_so_that_something_can_be_done() {
    let files = TempDir::new().unwrap();
    let write = |name: &str, contents: &[u8]| std::fs::write(files.path().join(name), contents).unwrap();
    let good = String::from_utf8(lived(1, 3)[0].body.to_vec()).unwrap();
    let line = serde_json::from_str::<Value>(&good).unwrap().to_string();
    write("half.jsonl.gz", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3]);
    write("mixed.jsonl", format!("{line}\n{{\"id\":\n{{\"id\":\"cus_1\",\"object\":\"customer\"}}\n").as_bytes());
    let (out, err) = replayed(&files, &["half.jsonl.gz", "mixed.jsonl"], b"");
    assert_eq!(out, "4 read: 1 appended, 0 duplicates, 3 rejected\n");
    let told: Vec<&str> = err.lines().collect();
    assert!(told[0].starts_with("mrrd: half.jsonl.gz: it can't be read beyond line 1: "), "{err}");
    assert_eq!(told[1], "mrrd: mixed.jsonl: line 2: it is not JSON: it breaks off at column 6");
    assert!(told[2].starts_with("mrrd: mixed.jsonl: line 3: it is an object, and nothing tells when"), "{err}");
    assert_eq!(told[3], "mrrd: to get what was rejected in a file, run it again with --set-aside FILE");
}

#[tokio::test]
async fn another_body_of_an_event_that_is_there_is_told_apart_from_the_same_once_more() {
    let dir = TempDir::new().unwrap();
    let write = |name: &str, contents: &str| std::fs::write(dir.path().join(name), contents).unwrap();
    let replayed = async |args: &[&str]| {
        let (code, out, err) = run(&dir, &Settings::default(), &[&["replay"], args].concat()).await;
        assert_eq!(code, 0, "{err}");
        out
    };
    let mut other: Value = serde_json::from_slice(&lived(1, 3)[0].body).unwrap();
    let first = other.to_string();
    other["data"]["object"]["metadata"] = json!({"told": "otherwise"});
    write("first.jsonl", &first);
    write("again.jsonl", &format!("{first}\n{other}\n"));
    assert_eq!(replayed(&["first.jsonl"]).await, "1 read: 1 appended, 0 duplicates, 0 rejected\n");
    let told = "2 read: 0 appended, 2 duplicates (1 of them in another body, which is kept as a variant), 0 rejected\n";
    assert_eq!(replayed(&["again.jsonl"]).await, told);
    assert_eq!(replayed(&["again.jsonl"]).await, "2 read: 0 appended, 2 duplicates, 0 rejected\n");
    other["data"]["object"]["metadata"] = json!({"told": "a third time"});
    write("third.jsonl", &other.to_string());
    let counted: Value = serde_json::from_str(&replayed(&["--json", "third.jsonl"]).await).unwrap();
    assert_eq!(counted, json!({"read": 1, "appended": 0, "duplicates": 1, "rejected": 0}));
}

#[tokio::test]
async fn the_log_is_delivered_again_without_what_is_no_event() {
    let (dir, events) = (TempDir::new().unwrap(), lived(3, 5));
    let mut lines: Vec<String> =
        events.iter().map(|event| serde_json::from_slice::<Value>(&event.body).unwrap().to_string()).collect();
    let mut answer = account::wide_subscription(2, NOW);
    answer["updated_at"] = NOW.0.into();
    // More of them in a row than refusals are put up with.
    drop(lines.splice(
        1..1,
        (0..12).map(|quantity| {
            answer["items"]["data"][0]["quantity"] = quantity.into();
            answer.to_string()
        }),
    ));
    std::fs::write(dir.path().join("log.jsonl"), lines.join("\n")).unwrap();
    let (_, out, err) = run(&dir, &Settings::default(), &["replay", "log.jsonl"]).await;
    assert_eq!(out, format!("{0} read: {0} appended, 0 duplicates, 0 rejected\n", lines.len()), "{err}");

    let mut there = Settings::default().start().await;
    let url = format!("http://{}/webhooks/stripe", there.address());
    let (code, out, err) =
        run(&dir, &Settings::default(), &["replay", "--to", &url, "--secret", crate::support::daemon::SECRET]).await;
    let all = events.len();
    assert_eq!((code, out), (0, format!("{all} sent: {all} taken, 0 known there, 0 refused\n")), "{err}");
    assert_eq!(there.json("/api/v1/status").await["log"]["events"], all);
    let first = lines.first().unwrap();
    let body = serde_json::from_str::<Value>(first).unwrap();
    let raw = there.get(&format!("/api/v1/events/{}/raw", body["id"].as_str().unwrap())).await;
    assert_eq!(raw.body, first.as_bytes());

    let (code, _, err) = run(&dir, &Settings::default(), &["replay", "--to", &url, "--secret", "whsec_another"]).await;
    assert!(code == 1 && err.contains("it answers 400 Bad Request: no v1 signature matches"), "{err}");
    assert!(err.contains("stopped: 10 refusals in a row; check --to and --secret"), "{err}");
    drop(there);
    let (code, _, err) = run(&dir, &Settings::default(), &["replay", "--to", "staging.example", "--secret", "s"]).await;
    assert!(code == 2 && err.contains("staging.example must begin with http:// or https://"), "{err}");
}

/// A line of a file to replay: what `event` makes, of test mode.
fn of_test_mode(line: &str) -> String {
    let mut event: Value = serde_json::from_str(line).unwrap();
    event["livemode"] = false.into();
    event.to_string()
}

#[tokio::test]
async fn stripes_own_metrics_are_held_against_the_ledger_and_differences_get_their_reason() {
    let stripe = FakeStripe::calm(now()).await;
    let (dir, settings) = (Arc::new(TempDir::new().unwrap()), settings(&stripe, KEY));
    // The two whole months before the running one, by their names.
    let today = jiff::Timestamp::from_second(now().0).unwrap().to_zoned(jiff::tz::TimeZone::UTC).date();
    let whole = today.first_of_month().yesterday().unwrap();
    let before = whole.first_of_month().yesterday().unwrap();
    let name = |day: jiff::civil::Date| day.strftime("%Y-%m").to_string();
    let noon =
        |day: jiff::civil::Date| day.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second() + 12 * 3600;
    let (begun, asked) = (noon(before.first_of_month()), noon(whole.first_of_month()));
    let one = subscription("sub_1", "cus_1", "price_1", 2000, 1, begun);
    let two = subscription("sub_2", "cus_2", "price_2", 1000, 1, begun);
    let mut asks = two.clone();
    asks["cancel_at_period_end"] = true.into();
    let lines = [
        event("evt_1", "customer.subscription.created", begun, &one, None),
        event("evt_2", "customer.subscription.created", begun, &two, None),
        event(
            "evt_3",
            "customer.subscription.updated",
            asked,
            &asks,
            Some(serde_json::json!({"cancel_at_period_end": false})),
        ),
    ];
    let lines: Vec<String> = lines.iter().map(|line| of_test_mode(line)).collect();
    std::fs::write(dir.path().join("events.jsonl"), lines.join("\n")).unwrap();
    let (code, _, err) = run(&dir, &settings, &["replay", "events.jsonl"]).await;
    assert_eq!(code, 0, "{err}");
    let audit = ["audit", "--metrics", "--months", "2"];

    // To an account that wasn't let in, the route isn't there.
    let (code, _, err) = run(&dir, &settings, &audit).await;
    assert!(code == 1 && err.contains("The Metrics API is a preview: is it open to this account"), "{code}: {err}");

    for (month, customer, minor) in
        [(before, "cus_1", 2000), (before, "cus_2", 1000), (whole, "cus_1", 2000), (whole, "cus_2", 0)]
    {
        stripe.tell_mrr(&name(month), customer, minor);
    }
    let (code, out, err) = run(&dir, &settings, &audit).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.starts_with("Stripe's own figures as of "), "{out}");
    assert!(out.contains("3 figures compared, 3 match, 0 differ"), "{out}");

    // Whoever asked to leave still counts at Stripe, as the Dashboard's setting may have it; and one nobody sent an event of.
    stripe.tell_mrr(&name(whole), "cus_2", 1000);
    stripe.tell_mrr(&name(whole), "cus_3", 700);
    let (code, out, err) = run(&dir, &settings, &[&audit[..], &["--json"]].concat()).await;
    assert_eq!(code, 1, "{err}");
    let found: Value = serde_json::from_str(&out).unwrap();
    let differences: Vec<(&str, &str)> = found["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["customer"].as_str().unwrap(), one["reason"]["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(differences, [("cus_2", "setting"), ("cus_3", "missing_event")], "{found:#}");
    assert_eq!(found["differences"][0]["reason"]["knobs"][0]["knob"], "churn_at");

    // It is kept for whoever asks how far the figures can be trusted.
    let (_, out, err) = run(&dir, &settings, &["report", "accuracy", "--format", "json"]).await;
    let accuracy: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}"));
    let last = &accuracy["last_audit"];
    assert_eq!(
        (&last["source"], &last["compared"], &last["matched"]),
        (&"metrics".into(), &5.into(), &3.into()),
        "{last}"
    );
    assert_eq!(last["reasons"][0]["knobs"][0], "churn_at = end", "{last}");

    // And `serve` asks for the last whole month by itself, where it is switched on.
    let hourly = settings.clone().env("MRRD_STRIPE__METRICS_AUDIT", "true");
    let mut daemon = Daemon::spawn(dir.clone(), hourly, &[]).await;
    let since = std::time::Instant::now();
    let last = loop {
        let last = daemon.json("/api/v1/accuracy").await["last_audit"].clone();
        if last["from"] == name(whole).as_str() {
            break last;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "it never asked: {}", daemon.output());
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!((&last["compared"], &last["matched"]), (&3.into(), &1.into()), "{last}");
    drop(daemon);

    // What isn't refreshed up to the month's end can't be held against anything.
    stripe.at(mrrd::ledger::time::UnixTime(noon(whole)));
    let (code, _, err) = run(&dir, &settings, &audit).await;
    assert!(code == 1 && err.contains(&format!("{} isn't whole there yet", name(whole))), "{code}: {err}");
}
