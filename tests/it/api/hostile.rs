//! Questions meant to take all memory, put to a daemon that may not have it: each is answered or refused, and the daemon lives.

use std::fmt::Write as _;

use mrrd::{clock::Clock, demo::http::Answer};

use super::{DAY, JANUARY, event, subscription};
use crate::support::daemon::{Daemon, SECRET, Settings};

/// The daemon's address space, in KiB: before questions had a budget 400 customers took 2.3 GB of memory for one of these.
const CEILING_KIB: u64 = 3 << 20;

const CUSTOMERS: i64 = 1_000;

async fn many() -> Daemon {
    let mut daemon = Settings::default().ceiling(CEILING_KIB).start().await;
    let mut lines = String::new();
    for number in 0..CUSTOMERS {
        let created = JANUARY + number % 20 * DAY;
        let price = format!("price_{}", number % 7);
        let object = subscription(&format!("sub_{number}"), &format!("cus_{number}"), &price, 2000, 1, created);
        let id = format!("evt_{number}");
        let _ = writeln!(lines, "{}", event(&id, "customer.subscription.created", created, &object, None));
    }
    std::fs::write(daemon.dir().join("events.jsonl"), lines).unwrap();
    let replayed = daemon.command(&["replay", "events.jsonl"]);
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    daemon.settle().await;
    daemon
}

async fn ask(daemon: &Daemon, path: &str) -> Answer {
    daemon.connect().get(path).await.unwrap_or_else(|error| panic!("{error}\n{}", daemon.output()))
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn no_question_takes_the_daemons_memory() {
    let mut daemon = many().await;
    let long = "from=1977-01-01&interval=day";
    let too_large = [
        format!("/api/v1/mrr?group_by=customer&{long}"),
        format!("/api/v1/mrr?group_by=customer&{long}&format=csv"),
        format!("/api/v1/mrr?group_by=customer&{long}&as_known_at=900"),
        format!("/api/v1/mrr?group_by=customer&{long}&include=scheduled&to=2400-01-01"),
        format!("/api/v1/metrics?{long}"),
        format!("/api/v1/metrics?{long}&as_known_at=900"),
    ];
    for path in &too_large {
        let answer = ask(&daemon, path).await;
        assert_eq!(
            (answer.status, &answer.json()["type"]),
            (422, &"urn:mrrd:problem:answer-too-large".into()),
            "{path}"
        );
    }
    // All of them at once, and several of each.
    let others = [
        format!("/api/v1/mrr?group_by=price&{long}"),
        format!("/api/v1/mrr?{long}"),
        "/api/v1/cohorts?as_known_at=950".into(),
        "/api/v1/customers?limit=1000&as_known_at=950".into(),
        "/api/v1/restatements".into(),
    ];
    let mut asking = Vec::new();
    for path in too_large.iter().chain(&others).cycle().take(33) {
        let (mut connection, path) = (daemon.connect(), path.clone());
        asking.push(tokio::spawn(async move { (connection.get(&path).await, path) }));
    }
    // Webhooks get through meanwhile.
    let posted = daemon.connect().post_signed(SECRET, Clock::system().now(), late().into()).await.unwrap();
    assert_eq!(posted.status, 200);
    for answer in asking {
        let (answer, path) = answer.await.unwrap();
        let answer = answer.unwrap_or_else(|error| panic!("{error}\n{}", daemon.output()));
        assert!([200, 422, 503].contains(&answer.status), "{path}: {}", answer.status);
    }
    daemon.settle().await;
    let metrics = ask(&daemon, "/metrics").await;
    let text = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(text.contains("mrrd_question_bytes 0"), "something is never given back: {text}");
}

fn late() -> String {
    let object = subscription("sub_late", "cus_late", "price_1", 2000, 1, JANUARY);
    event("evt_late", "customer.subscription.created", JANUARY, &object, None)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_is_sent_as_it_is_written_and_is_whole() {
    let daemon = many().await;
    let path = "/api/v1/mrr?group_by=customer&interval=day&from=2026-02-10&to=2026-02-19";
    let json = ask(&daemon, path).await;
    assert_eq!(json.status, 200);
    assert!(json.headers.contains_key("transfer-encoding"), "{:?}", json.headers);
    assert_eq!(json.json()["data"].as_array().unwrap().len(), 10 * CUSTOMERS as usize);
    let csv = ask(&daemon, &format!("{path}&format=csv")).await;
    let text = String::from_utf8(csv.body.to_vec()).unwrap();
    assert_eq!(text.lines().count(), 1 + 10 * CUSTOMERS as usize);
    assert!(text.ends_with("\r\n"));
}
