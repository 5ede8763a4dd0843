//! Every row of the webhook answer (docs/interface.md 4), against the real binary.

use mrrd::{
    clock::Clock,
    demo::http::{Answer, sign},
    ledger::time::UnixTime,
};

use crate::support::daemon::{Daemon, SECRET, Settings};

/// A small event of a type mrrd doesn't read.
pub(crate) fn event(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","object":"event","type":"foo.bar","created":1700000000,"livemode":true,"pending_webhooks":1,"data":{{"object":{{}}}}}}"#
    )
}

fn now() -> UnixTime {
    Clock::system().now()
}

/// How many rows the log has.
async fn rows(daemon: &mut Daemon) -> i64 {
    daemon.json("/api/v1/status").await["log"]["last_seq"].as_i64().unwrap()
}

#[track_caller]
fn is_problem(answer: &Answer, status: u16, name: &str) {
    let body = answer.json();
    assert_eq!(
        (answer.status, body["type"].as_str()),
        (status, Some(format!("urn:mrrd:problem:{name}").as_str())),
        "{body}"
    );
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(body["status"], status);
}

#[tokio::test]
async fn what_is_verified_is_taken_once() {
    let mut daemon = Daemon::start().await;
    let other_count = event("evt_1").replace("\"pending_webhooks\":1", "\"pending_webhooks\":0");
    for (body, duplicate, rows_after) in [
        (event("evt_1"), false, 1),
        (event("evt_1"), true, 1),
        (other_count, true, 1),
        // A variant is kept, and answered as the duplicate it is.
        (event("evt_1").replace("foo.bar", "foo.baz"), true, 2),
        (event("evt_2"), false, 3),
        // Of a type that is read, without anything to read.
        (event("evt_3").replace("foo.bar", "customer.subscription.updated"), false, 4),
        (r#"{"id":"evt_4","object":"v2.core.event","type":"v1.invoice.paid","created":"2026-01-01T00:00:00Z","livemode":true}"#.to_owned(), false, 5),
    ] {
        let answer = daemon.post(body.clone()).await;
        let expected = format!(r#"{{"received":true,"duplicate":{duplicate}}}"#);
        assert_eq!((answer.status, &*answer.body), (200, expected.as_bytes()), "{body}");
        assert_eq!(rows(&mut daemon).await, rows_after, "{body}");
    }
    let status = daemon.json("/api/v1/status").await;
    let (log, quality) = (&status["log"], &status["quality"]);
    // Of evt_1 there are two bodies, and it is one event; the list has a row for each body.
    assert_eq!((&log["events"], &log["variants"]), (&4.into(), &1.into()), "{log}");
    assert_eq!(daemon.json("/api/v1/events").await["data"].as_array().unwrap().len(), 5);
    assert_eq!((&quality["unreadable_events"], &quality["ignored_events"]), (&1.into(), &2.into()), "{quality}");
}

#[tokio::test]
async fn what_is_not_verified_leaves_no_trace() {
    let mut daemon = Daemon::start().await;
    let body = event("evt_1");
    let valid = |at| sign(SECRET, at, body.as_bytes());
    let v0 = valid(now()).replace("v1=", "v0=");
    let twice = format!("t=1,{}", valid(now()));
    let (other, old, early) =
        (sign("whsec_other", now(), body.as_bytes()), valid(now().plus(-302)), valid(now().plus(330)));
    let mut connection = daemon.connect();
    for (header, name) in [
        (None, "signature-missing"),
        (Some("nonsense"), "signature-malformed"),
        (Some(twice.as_str()), "signature-malformed"),
        (Some(&v0), "signature-without-v1"),
        (Some(&other), "signature-mismatch"),
        (Some(&old), "signature-outside-tolerance"),
        (Some(&early), "signature-outside-tolerance"),
    ] {
        let answer = connection.post("/webhooks/stripe", header, body.clone().into()).await.unwrap();
        is_problem(&answer, 400, name);
    }
    for (body, name) in [
        ("not json", "body-not-json"),
        ("[]", "body-not-an-object"),
        (r#"{"object":"event"}"#, "event-without-id"),
        (r#"{"id":"cus_1","object":"customer"}"#, "body-not-an-event"),
        ("", "body-not-json"),
    ] {
        is_problem(&daemon.post(body).await, 400, name);
    }
    assert_eq!(rows(&mut daemon).await, 0);
}

#[tokio::test]
async fn either_secret_verifies_while_one_is_rolled() {
    let mut daemon = Settings::default().env("MRRD_STRIPE__WEBHOOK_SECRETS", "whsec_old,whsec_new").start().await;
    let mut connection = daemon.connect();
    for (id, secret) in [("evt_1", "whsec_old"), ("evt_2", "whsec_new")] {
        let answer = connection.post_signed(secret, now(), event(id).into()).await.unwrap();
        assert_eq!(answer.status, 200);
    }
    // Stripe signs with both meanwhile.
    let body = event("evt_3");
    let (old, new) = (sign("whsec_older", now(), body.as_bytes()), sign("whsec_new", now(), body.as_bytes()));
    let both = format!("{old},{}", new.split_once(',').unwrap().1);
    assert_eq!(connection.post("/webhooks/stripe", Some(&both), body.into()).await.unwrap().status, 200);
    assert_eq!(rows(&mut daemon).await, 3);
}

#[tokio::test]
async fn each_endpoint_has_its_own_secret_and_account() {
    let daemon = Settings::default()
        .env("MRRD_STRIPE__ENDPOINTS__EU__WEBHOOK_SECRETS", "whsec_eu")
        .env("MRRD_STRIPE__ENDPOINTS__EU__ACCOUNT", "acct_eu")
        .start()
        .await;
    let mut connection = daemon.connect();
    let body = event("evt_1");
    let (eu, default) = (sign("whsec_eu", now(), body.as_bytes()), sign(SECRET, now(), body.as_bytes()));
    let mut post = async |path: &str, signature: &str, body: &str| {
        connection.post(path, Some(signature), body.to_owned().into()).await.unwrap()
    };
    is_problem(&post("/webhooks/stripe/eu", &default, &body).await, 400, "signature-mismatch");
    is_problem(&post("/webhooks/stripe", &eu, &body).await, 400, "signature-mismatch");
    assert_eq!(post("/webhooks/stripe/eu", &eu, &body).await.status, 200);
    let connected = body.replace("evt_1", "evt_2").replace("\"livemode\"", "\"account\":\"acct_its_own\",\"livemode\"");
    let answer = post("/webhooks/stripe/eu", &sign("whsec_eu", now(), connected.as_bytes()), &connected).await;
    is_problem(&answer, 400, "other-account");
    let default = sign(SECRET, now(), connected.as_bytes());
    assert_eq!(post("/webhooks/stripe", &default, &connected).await.status, 200);
    let listed = daemon.command(&["events", "list", "--json"]);
    let accounts: Vec<_> = String::from_utf8(listed.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["account"].clone())
        .collect();
    assert_eq!(accounts, ["acct_eu", "acct_its_own"]);
}

/// All webhooks were answered 400, and neither status nor metrics said anything.
#[tokio::test]
async fn an_endpoint_that_takes_nothing_is_told_and_stays_ready() {
    let mut daemon = Settings::default()
        .env("MRRD_STRIPE__ENDPOINTS__EU__WEBHOOK_SECRETS", "whsec_eu")
        .env("MRRD_STRIPE__ENDPOINTS__EU__ACCOUNT", "acct_eu")
        .start()
        .await;
    async fn told(daemon: &mut Daemon) -> Vec<(String, String, bool)> {
        let status = daemon.json("/api/v1/status").await;
        let metrics = daemon.get("/metrics").await;
        let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
        let told = status["webhooks_refused"].as_array().unwrap_or_else(|| panic!("{status}")).iter().map(|one| {
            let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
            assert!(!text("detail").is_empty() && !text("since").is_empty(), "{one}");
            (text("endpoint"), text("answer"), one["verified"] == true)
        });
        let told: Vec<_> = told.collect();
        for endpoint in ["default", "eu", "unknown"] {
            let refuses = u8::from(told.iter().any(|(of, ..)| of == endpoint));
            let line = format!("mrrd_webhooks_all_refused{{endpoint=\"{endpoint}\"}} {refuses}");
            assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
        }
        // Anybody may post nonsense: a balancer that turned away would turn Stripe away.
        assert_eq!(daemon.get("/readyz").await.status, 200);
        told
    }
    let one = |endpoint: &str, answer: &str, verified| vec![(endpoint.to_owned(), answer.to_owned(), verified)];
    let mut connection = daemon.connect();
    let mut post = async |path: &str, secret: &str, body: String| {
        let signature = sign(secret, now(), body.as_bytes());
        connection.post(path, Some(&signature), body.into()).await.unwrap().status
    };
    assert!(told(&mut daemon).await.is_empty());
    assert_eq!(post("/webhooks/stripe", "whsec_other", event("evt_1")).await, 400);
    assert_eq!(told(&mut daemon).await, one("default", "signature-mismatch", false));
    assert_eq!(post("/webhooks/stripe", SECRET, event("evt_1")).await, 200);
    assert!(told(&mut daemon).await.is_empty());
    // What a stranger posts says nothing of an endpoint that takes Stripe's.
    assert_eq!(post("/webhooks/stripe", "whsec_other", event("evt_2")).await, 400);
    assert_eq!(post("/webhooks/stripe/nowhere", SECRET, event("evt_2")).await, 404);
    assert!(told(&mut daemon).await.is_empty());
    // What is signed is Stripe's, and refused by a setting.
    let connected = event("evt_3").replace("\"livemode\"", "\"account\":\"acct_its_own\",\"livemode\"");
    assert_eq!(post("/webhooks/stripe/eu", "whsec_eu", connected).await, 400);
    assert_eq!(told(&mut daemon).await, one("eu", "other-account", true));
    assert_eq!(post("/webhooks/stripe/eu", "whsec_eu", event("evt_4")).await, 200);
    assert!(told(&mut daemon).await.is_empty());
    // Another process has seen nothing of it yet.
    let mut daemon = daemon.restart().await;
    assert!(told(&mut daemon).await.is_empty());
}

#[tokio::test]
async fn other_addresses_and_methods_are_told_so_and_never_redirected() {
    let daemon = Daemon::start().await;
    let mut connection = daemon.connect();
    let large = "x".repeat(300_000);
    for (method, path, status, name) in [
        ("GET", "/webhooks/stripe", 405, "method-not-allowed"),
        ("PUT", "/webhooks/stripe", 405, "method-not-allowed"),
        ("POST", "/webhooks/stripe/nobody", 404, "unknown-endpoint"),
        ("POST", "/webhooks/stripe/", 404, "not-found"),
        ("POST", "/webhook", 404, "not-found"),
    ] {
        let answer = connection.send(method.parse().unwrap(), path, &[], large.clone().into()).await.unwrap();
        is_problem(&answer, status, name);
        assert_eq!(answer.headers.contains_key("allow"), status == 405);
    }
    // What Stripe's dashboard shows of a mistyped address says the right one.
    for path in ["/webhooks/stripe/", "/webhook", "/"] {
        let signed = [("stripe-signature", "t=1,v1=00")];
        let answer = connection.send("POST".parse().unwrap(), path, &signed, "{}".into()).await.unwrap();
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(text.contains("webhooks are posted to /webhooks/stripe, without a slash"), "{path}: {text}");
    }
}

/// A mistyped address at Stripe: nothing came in, and neither log nor metrics said why.
#[tokio::test]
async fn a_webhook_posted_to_another_address_is_told_and_counted() {
    let mut daemon = Daemon::start().await;
    let mut connection = daemon.connect();
    let signed = [("stripe-signature", "t=1,v1=00")];
    for path in ["/webhook/stripe", "/webhooks/stripe/", "/webhook/stripe", "/webhooks", "/webhook/stripe"] {
        let answer = connection.send("POST".parse().unwrap(), path, &signed, "{}".into()).await.unwrap();
        is_problem(&answer, 404, "not-found");
    }
    // Who signs nothing is nobody of Stripe's.
    connection.send("POST".parse().unwrap(), "/webhook/stripe", &[], "{}".into()).await.unwrap();
    let metrics = daemon.get("/metrics").await;
    let said = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(said.contains("mrrd_webhooks_total{endpoint=\"unknown\",answer=\"not-found\"} 5"), "{said}");
    // Each address once: whoever mends one by another that is wrong as well sees it.
    for path in ["/webhook/stripe", "/webhooks/stripe/", "/webhooks"] {
        daemon.wait_for_output(&format!("it was posted to {path}, and webhooks are posted to /webhooks/stripe"));
    }
    let output = daemon.output();
    assert_eq!(output.matches("webhook refused").count(), 3, "{output}");
    // As of any endpoint that refuses what comes and takes none, pages and status say so.
    let status = daemon.json("/api/v1/status").await;
    let refused = &status["webhooks_refused"][0];
    assert_eq!((&refused["endpoint"], &refused["answer"]), (&"unknown".into(), &"not-found".into()), "{status}");
}

#[tokio::test]
async fn a_mistyped_page_is_a_page_for_browsers_alone() {
    let daemon = Daemon::start().await;
    let mut connection = daemon.connect();
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let mut get = async |path: &str, fields: &[(&str, &str)]| {
        connection.send("GET".parse().unwrap(), path, fields, Vec::new().into()).await.unwrap()
    };
    let page = get("/movemnts", &browser).await;
    assert_eq!((page.status, &page.headers["content-type"]), (404, &"text/html; charset=utf-8".parse().unwrap()));
    let text = String::from_utf8_lossy(&page.body).into_owned();
    assert!(text.contains("Nothing here") && text.contains("href=\"/\""), "{text}");
    is_problem(&get("/movemnts", &[("accept", "*/*")]).await, 404, "not-found");
    is_problem(&get("/movemnts", &[]).await, 404, "not-found");
    let api = get("/api/v1/nothing", &browser).await;
    assert_eq!(api.headers["content-type"], "application/problem+json");
}

#[tokio::test]
async fn a_body_too_large_is_answered_so_that_the_client_can_read_it() {
    let mut daemon = Settings::default().env("MRRD_SERVER__MAX_BODY_BYTES", "2048").start().await;
    let mut large = event("evt_1");
    large.insert_str(1, &format!("\"x\":\"{}\",", "x".repeat(3_000_000)));
    is_problem(&daemon.post(large).await, 413, "body-too-large");
    let mut fits = event("evt_2");
    fits.insert_str(1, &" ".repeat(2048 - fits.len()));
    daemon.accept(fits.clone()).await;
    fits.insert(1, ' ');
    is_problem(&daemon.post(fits).await, 413, "body-too-large");
    assert_eq!(rows(&mut daemon).await, 1);
}

#[tokio::test]
async fn every_published_event_is_taken_and_its_repetition_changes_nothing() {
    let mut daemon = Daemon::start().await;
    let mut bodies = Vec::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/stripe"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if let Ok(body) = std::fs::read(entry.path())
                && let Ok(json) = serde_json::from_slice::<serde_json::Value>(&body)
                && json["object"] == "event"
                && json["id"].is_string()
            {
                bodies.push(body);
            }
        }
    }
    assert!(bodies.len() > 240, "only {} events found", bodies.len());
    for body in &bodies {
        daemon.accept(body.clone()).await;
    }
    let before = rows(&mut daemon).await;
    for body in &bodies {
        let answer = daemon.post(body.clone()).await;
        assert_eq!((answer.status, &answer.json()["duplicate"]), (200, &true.into()));
    }
    assert_eq!(rows(&mut daemon).await, before);
}

#[tokio::test]
async fn neither_bodies_nor_secrets_reach_the_log_lines_or_the_metrics() {
    let mut daemon = Settings::default().env("MRRD_LOG__FILTER", "trace").start().await;
    let body = event("evt_1").replace("{}", r#"{"email":"jenny.rosen@example.com"}"#);
    daemon.accept(body.clone()).await;
    daemon.connect().post("/webhooks/stripe", Some("t=1,v1=00"), body.into()).await.unwrap();
    daemon.wait_for_output("webhook refused");
    let metrics = daemon.get("/metrics").await;
    let said = format!("{}{}", daemon.output(), String::from_utf8_lossy(&metrics.body));
    assert!(said.contains("mrrd_webhooks_total{endpoint=\"default\",answer=\"accepted\"} 1"), "{said}");
    for hidden in [SECRET, "jenny.rosen"] {
        assert!(!said.contains(hidden), "{hidden} is shown");
    }
}
