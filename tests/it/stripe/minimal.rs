//! Bodies without personal data say what the whole ones say: facts are the same, in every payload Stripe or its users have
//! published, and in a simulated account's life.

use std::fs;

use bytes::Bytes;
use mrrd::{
    event::Reading,
    ledger::{ids::EventId, time::UnixTime},
    stripe::{
        minimal::redacted,
        read::{read, read_answer},
    },
};

use super::golden::{payloads, root};

fn told(body: &[u8]) -> Reading {
    match read(body) {
        Ok(event) => event.reading,
        Err(_) => read_answer(body, &EventId::from("answer"), UnixTime(1_500_000_000), None),
    }
}

/// Asserts that nothing of the facts is lost; whether anything was taken out.
fn same(body: &[u8], named: &str) -> bool {
    let body = Bytes::copy_from_slice(body);
    let kept = redacted(&body);
    assert_eq!(told(&kept), told(&body), "{named}");
    assert_eq!(redacted(&kept), kept, "{named}: once is enough");
    kept != body
}

#[test]
fn facts_of_every_published_payload_are_the_same_without_what_names_a_person() {
    let (mut all, mut changed) = (0, 0);
    for path in payloads(&root()) {
        let body = fs::read(&path).unwrap();
        let named = path.display().to_string();
        changed += usize::from(same(&body, &named));
        all += 1;
        let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
        if value["object"].is_object() {
            let kind = value["object"]["object"].as_str().unwrap();
            let data = String::from_utf8(body).unwrap();
            let event = format!(
                r#"{{"id":"evt_w","object":"event","type":"{}.updated","created":1,"livemode":true,"data":{data}}}"#,
                if kind == "subscription" { "customer.subscription" } else { kind }
            );
            same(event.as_bytes(), &named);
        }
    }
    assert!(all > 100 && changed > 20, "{changed} of {all}");
}

#[test]
fn facts_of_a_simulated_account_are_the_same() {
    let end = UnixTime(1_767_225_600);
    let events = mrrd::demo::Simulator::new(2, 30, end.plus(-300 * 86_400), end).advance(end);
    let changed = events.iter().filter(|event| same(&event.body, &event.id)).count();
    assert!(changed > 50, "{changed} of {}", events.len());
}
