//! An entry of the feed as it is posted, and as `/api/v1/movements?after=` lists it.

use serde_json::{Value, json};

use crate::{
    alerts::{message::Message, words},
    ledger::money::{Currency, Mrr},
    store::records::feeds::{FeedChange, FeedEntry},
};

/// For programs: the same wherever it is read.
pub fn json(entry: &FeedEntry) -> Value {
    let FeedEntry { position, created_at, entry } = entry;
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    json!({
        "id": id(&entry.movement, entry.version),
        "type": format!("movement.{}", entry.change.as_str()),
        "created": created_at.0,
        "cursor": position.to_string(),
        "version": entry.version,
        "movement": read(&entry.content),
        "previous": entry.previous.as_deref().map(read),
    })
}

/// Stable: whoever receives it twice tells by this.
fn id(movement: &str, version: i64) -> String {
    format!("{movement}_v{version}")
}

/// In every form a channel may need.
pub(super) fn from_entry(entry: &FeedEntry) -> Message {
    let json = json(entry);
    let headline = match (entry.entry.change, json["previous"].is_null()) {
        (FeedChange::Created, _) => words_of(&json["movement"]),
        (FeedChange::Corrected, _) => {
            format!("Correction: {}; it was told as {}", words_of(&json["movement"]), words_of(&json["previous"]))
        }
        (FeedChange::Removed, _) => format!("Withdrawn: {}", words_of(&json["movement"])),
    };
    let id = id(&entry.entry.movement, entry.entry.version);
    Message::plain(id, entry.entry.movement.clone(), entry.entry.change.as_str(), headline, json)
}

/// `Churn: cus_1 -20.00 USD on 2026-03-01 (cancellation)`.
fn words_of(movement: &Value) -> String {
    let text = |field: &str| movement[field].as_str().unwrap_or_default();
    let kind = text("kind").replace('_', " ");
    let kind: String = kind.chars().take(1).flat_map(char::to_uppercase).chain(kind.chars().skip(1)).collect();
    let minor = movement["amount"].as_i64().map(i128::from).unwrap_or_default();
    let amount = match text("currency").parse::<Currency>() {
        Ok(currency) => words::money(Mrr(minor.saturating_mul(Mrr::MINOR)), currency),
        Err(_) => minor.to_string(),
    };
    let sign = if minor > 0 { "+" } else { "" };
    let mut causes: Vec<String> = Vec::new();
    for part in movement["parts"].as_array().into_iter().flatten() {
        let cause = part["cause"].as_str().unwrap_or_default().replace('_', " ");
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    format!("{kind}: {} {sign}{amount} on {} ({})", text("customer"), text("day"), causes.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ledger::time::UnixTime, store::records::feeds::NewFeedEntry};

    fn entry(change: FeedChange, previous: Option<&str>) -> FeedEntry {
        let movement = |amount: i64, cause: &str| {
            json!({"kind": "churn", "customer": "cus_1", "day": "2026-03-01", "currency": "usd", "amount": amount,
                "parts": [{"cause": cause}, {"cause": cause}]})
        };
        FeedEntry {
            position: 7,
            created_at: UnixTime(1_772_000_000),
            entry: NewFeedEntry {
                movement: "mov_1".into(),
                version: 2,
                change,
                customer: "cus_1".into(),
                day: "2026-03-01".parse().unwrap(),
                digest: String::new(),
                content: movement(-2000, "payment_failure").to_string(),
                previous: previous.map(|cause| movement(-1500, cause).to_string()),
            },
        }
    }

    #[test]
    fn a_correction_says_what_it_was_told_as() {
        let message = from_entry(&entry(FeedChange::Corrected, Some("cancellation")));
        assert_eq!(
            message.headline,
            "Correction: Churn: cus_1 -20.00 USD on 2026-03-01 (payment failure); it was told as Churn: cus_1 -15.00 USD on \
             2026-03-01 (cancellation)"
        );
        assert_eq!((message.id.as_str(), &message.json["type"]), ("mov_1_v2", &json!("movement.corrected")));
        assert_eq!((&message.json["cursor"], &message.json["previous"]["amount"]), (&json!("7"), &json!(-1500)));
        assert!(from_entry(&entry(FeedChange::Removed, None)).headline.starts_with("Withdrawn: Churn: cus_1"));
        assert!(from_entry(&entry(FeedChange::Created, None)).slack.to_string().contains("cus_1 -20.00 USD"));
    }
}
