//! Asking again: tags that hold as long as the answer does, answers in fewer bytes, and lists that say where they go on.

use std::io::Read;

use bytes::Bytes;
use http::Method;
use mrrd::clock::Clock;
use serde_json::{Value, json};

use super::{DAY, event, ledger, subscription};
use crate::support::daemon::{Daemon, Settings};

/// Gets `path` with one more header field: the status and the answer.
async fn with(daemon: &Daemon, path: &str, field: (&str, &str)) -> mrrd::demo::http::Answer {
    daemon.connect().send(Method::GET, path, &[field], Bytes::new()).await.unwrap()
}

fn field<'a>(answer: &'a mrrd::demo::http::Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

/// The tag of an answer; there is none while customers wait to be recomputed.
async fn tag(daemon: &Daemon, path: &str) -> String {
    let since = std::time::Instant::now();
    loop {
        let answer = with(daemon, path, ("accept", "*/*")).await;
        assert_eq!(answer.status, 200, "{path}");
        if !field(&answer, "etag").is_empty() {
            return field(&answer, "etag").to_owned();
        }
        assert!(since.elapsed().as_secs() < 60, "{path} has no tag");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Waits until figures and names are those of the whole log: until then each answer may be another.
async fn at_rest(daemon: &mut Daemon) {
    daemon.settle().await;
    let since = std::time::Instant::now();
    loop {
        let work = daemon.json("/api/v1/health").await["work"].clone();
        if work["names_seq"] == work["last_seq"] && work["waiting_customers"] == 0 {
            return;
        }
        assert!(since.elapsed().as_secs() < 60, "{work}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

const TAGGED: [&str; 6] = [
    "/api/v1/mrr?from=2026-01-01",
    "/api/v1/metrics",
    "/api/v1/movements",
    "/api/v1/customers",
    "/api/v1/customers/cus_1",
    "/v1/metrics/all",
];

#[tokio::test]
async fn a_tag_holds_until_what_the_answer_is_made_of_changes() {
    let mut daemon = ledger(Settings::default()).await;
    at_rest(&mut daemon).await;
    let mut tags = Vec::new();
    for path in TAGGED {
        let tag = tag(&daemon, path).await;
        let again = with(&daemon, path, ("if-none-match", &tag)).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        assert_eq!(field(&again, "etag"), tag, "{path}");
        let other = with(&daemon, path, ("if-none-match", "W/\"00-0\"")).await;
        assert_eq!(other.status, 200, "{path}");
        tags.push(tag);
    }
    // Another question has another tag, and whoever may not ask hears nothing of either.
    assert_eq!(with(&daemon, "/api/v1/mrr?from=2026-01-02", ("if-none-match", &tags[0])).await.status, 200);
    let stranger = daemon.stranger().send(Method::GET, TAGGED[0], &[("if-none-match", &tags[0])], Bytes::new()).await;
    assert_eq!(stranger.unwrap().status, 401);
    // A prefix of the log is derived for its question and isn't told by so little.
    assert_eq!(field(&with(&daemon, "/api/v1/mrr?as_known_at=2", ("accept", "*/*")).await, "etag"), "");

    let sold = subscription("sub_3", "cus_3", "price_3", 700, 1, super::JANUARY + DAY);
    daemon.accept(event("evt_9", "customer.subscription.created", super::JANUARY + DAY, &sold, None)).await;
    daemon.settle().await;
    for (path, tag) in TAGGED.into_iter().zip(&tags) {
        assert_eq!(with(&daemon, path, ("if-none-match", tag)).await.status, 200, "{path}");
    }
    at_rest(&mut daemon).await;
    let tag = tag(&daemon, TAGGED[0]).await;
    let closed = daemon.send("POST", "/api/v1/closings", json!({"month": "2026-01"}).to_string()).await;
    assert_eq!(closed.status, 200);
    assert_eq!(with(&daemon, TAGGED[0], ("if-none-match", &tag)).await.status, 200, "a month was closed");
}

/// A discount that ends takes no event (rule `time-alone`): the answer changes by itself, and its tag ends with it.
#[tokio::test]
async fn a_tag_ends_when_something_falls_due() {
    let mut daemon = Settings::default().env("MRRD_LEDGER__PROFILES", "finance").start().await;
    let clock = mrrd::clock::Clock::system();
    // Where the machine is too slow to ask before the end, once more with an end further ahead.
    for (number, lead) in [(1, 8), (2, 40), (3, 160)] {
        let (id, customer, now) = (format!("sub_{number}"), format!("cus_{number}"), clock.now().0);
        let mut half = subscription(&id, &customer, "price_1", 2000, 1, now - DAY);
        let coupon = json!({"id": "half", "object": "coupon", "percent_off": 50, "duration": "repeating",
                            "duration_in_months": 6, "valid": true});
        half["discount"] = json!({"id": format!("di_{number}"), "object": "discount", "coupon": coupon, "customer": customer,
                                  "start": now - DAY, "end": now + lead, "subscription": id});
        let created = "customer.subscription.created";
        daemon.accept(event(&format!("evt_{number}"), created, now - DAY, &half, None)).await;
        at_rest(&mut daemon).await;
        let path = format!("/api/v1/movements?customer={customer}");
        let tag = tag(&daemon, &path).await;
        let movements = |answer: &Value| answer["data"].as_array().unwrap().len();
        let before = movements(&daemon.json(&path).await);
        assert!(before > 0, "nothing of {customer}");
        if clock.now().0 >= now + lead {
            continue;
        }
        let since = std::time::Instant::now();
        while movements(&daemon.json(&path).await) == before {
            assert!(since.elapsed().as_secs() < 240, "its end never came: {}", daemon.json(&path).await);
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!(with(&daemon, &path, ("if-none-match", &tag)).await.status, 200);
        return;
    }
    panic!("this machine is too slow for this test");
}

#[tokio::test]
async fn caches_keep_nothing_that_names_anybody() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    for (path, kept) in [
        ("/api/v1/mrr?from=2026-01-01", "private, no-cache"),
        ("/api/v1/movements", "no-store"),
        ("/api/v1/customers", "no-store"),
        ("/api/v1/status", "no-store"),
        ("/api/v1/events", "no-store"),
        ("/metrics", "no-store"),
    ] {
        if TAGGED.contains(&path) {
            tag(&daemon, path).await;
        }
        assert_eq!(field(&with(&daemon, path, ("accept", "*/*")).await, "cache-control"), kept, "{path}");
    }
}

#[tokio::test]
async fn an_answer_comes_in_fewer_bytes_to_who_can_read_them() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    let path = "/api/v1/mrr?from=2020-01-01&to=2026-02-28";
    let plain = with(&daemon, path, ("accept", "*/*")).await;
    assert_eq!(field(&plain, "content-encoding"), "");
    let gzip = with(&daemon, path, ("accept-encoding", "gzip")).await;
    assert_eq!(field(&gzip, "content-encoding"), "gzip");
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&gzip.body[..]).read_to_end(&mut text).unwrap();
    assert!(
        text == plain.body && gzip.body.len() * 4 < plain.body.len(),
        "{} of {}",
        gzip.body.len(),
        plain.body.len()
    );
    let zstd = with(&daemon, path, ("accept-encoding", "zstd")).await;
    assert_eq!(field(&zstd, "content-encoding"), "zstd");
    assert!(zstd::decode_all(&zstd.body[..]).unwrap() == plain.body);
    // The very bytes of an event stay what they are, however they travel.
    let raw = daemon.get("/api/v1/events/evt_1/raw").await.body;
    let packed = with(&daemon, "/api/v1/events/evt_1/raw", ("accept-encoding", "zstd")).await;
    assert!(zstd::decode_all(&packed.body[..]).unwrap() == raw);
}

#[tokio::test]
async fn a_list_says_where_it_goes_on_in_csv_as_well() {
    let mut daemon = ledger(Settings::default()).await;
    daemon.settle().await;
    for (path, expected) in [
        ("/api/v1/movements?limit=1", 4),
        ("/api/v1/movements?format=csv&limit=1&order=desc", 4),
        ("/api/v1/events?limit=2", 3),
        ("/api/v1/customers?limit=1", 2),
        ("/api/v1/audit-trail?limit=1", 1),
    ] {
        let (mut at, mut pages) = (path.to_owned(), 0);
        loop {
            let answer = daemon.get(&at).await;
            assert_eq!(answer.status, 200, "{at}: {}", String::from_utf8_lossy(&answer.body));
            pages += 1;
            let link = field(&answer, "link");
            if link.is_empty() {
                break;
            }
            at = link.strip_prefix('<').unwrap().split_once('>').unwrap().0.to_owned();
            assert!(link.ends_with("; rel=\"next\"") && pages < 10, "{link}");
        }
        assert_eq!(pages, expected, "{path}");
    }
}

#[tokio::test]
async fn what_looks_at_the_whole_past_is_told_anew_once_anything_came() {
    let mut daemon = Settings::default().start().await;
    let now = Clock::system().now().0;
    let state = |quantity: i64| subscription("sub_1", "cus_1", "price_seat", 1000, quantity, now - 230 * DAY);
    let from = |quantity: i64| Some(json!({"items": state(quantity)["items"]}));
    let (created, updated) = ("customer.subscription.created", "customer.subscription.updated");
    daemon.accept(event("evt_1", created, now - 230 * DAY, &state(1), None)).await;
    daemon.accept(event("evt_2", updated, now - 200 * DAY, &state(4), from(1))).await;
    at_rest(&mut daemon).await;
    let paths = ["/api/v1/durability", "/api/v1/alerts/backtest"];
    let ask = async |path: &str| {
        let answer = with(&daemon, path, ("accept", "*/*")).await;
        assert_eq!((answer.status, field(&answer, "etag"), field(&answer, "cache-control")), (200, "", "no-store"));
        String::from_utf8(answer.body.to_vec()).unwrap()
    };
    let mut before = Vec::new();
    for path in paths {
        before.push(ask(path).await);
        assert_eq!(ask(path).await, before[before.len() - 1], "{path}");
        // A question of its own.
        assert_ne!(ask(&format!("{path}?from=2020-01-01&to=2020-02-01")).await, before[before.len() - 1], "{path}");
    }
    let mut ended = state(4);
    ended["status"] = json!("canceled");
    (ended["ended_at"], ended["canceled_at"]) = (json!(now - 40 * DAY), json!(now - 40 * DAY));
    daemon.accept(event("evt_3", "customer.subscription.deleted", now - 40 * DAY, &ended, None)).await;
    at_rest(&mut daemon).await;
    for (path, before) in paths.into_iter().zip(before) {
        let answer = with(&daemon, path, ("accept", "*/*")).await;
        assert_ne!(String::from_utf8(answer.body.to_vec()).unwrap(), before, "{path}");
    }
}
