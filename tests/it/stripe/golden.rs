//! Golden facts: what mrrd reads in every payload Stripe or its users have published (tests/data/stripe/INDEX.md).
//!
//! What is read is held against `snapshots/`, and `…__outcomes.snap` tables every payload's type by what became of it.
//! `INSTA_UPDATE=always cargo test --test it stripe::golden` writes them anew; what changed is then there to be reviewed.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use mrrd::{
    event::Reading,
    ledger::{ids::EventId, time::UnixTime},
    stripe::read::{ReadEvent, ignored_because, read, read_answer},
};

use super::line::line;

/// Every payload below `folder`, in order of path.
pub(super) fn payloads(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.extension() {
                _ if path.is_dir() => folders.push(path),
                Some(extension) if extension == "json" => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/stripe")
}

/// A payload's kind (event type, or `object NAME`) and what became of it.
fn read_payload(path: &Path) -> (String, Reading, Vec<&'static str>) {
    let body = fs::read(path).unwrap();
    let at = UnixTime(1_500_000_000);
    let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
    match value["object"].as_str() {
        Some("event") => of(read(&body).unwrap()),
        // Some repositories keep an event's `data` alone, under the event's type.
        None if value["object"].is_object() => {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let named = value["object"]["object"].as_str().unwrap();
            let kind = match named {
                "subscription" => format!("customer.subscription.{}", name.rsplit('.').next().unwrap()),
                _ => format!("{named}.{}", name.rsplit('.').next().unwrap()),
            };
            let data = String::from_utf8(body).unwrap();
            let event = format!(
                r#"{{"id":"evt_wrapped","object":"event","type":"{kind}","created":{},"api_version":"2020-03-02","data":{data}}}"#,
                at.0
            );
            of(read(event.as_bytes()).unwrap())
        }
        object => {
            assert_eq!(read(&body).unwrap_err().slug(), "body-not-an-event", "{}", path.display());
            let reading = read_answer(&body, &EventId::from("answer"), at, None);
            (format!("object {}", object.unwrap_or("?")), reading, Vec::new())
        }
    }
}

fn of(event: ReadEvent) -> (String, Reading, Vec<&'static str>) {
    (event.kind.to_string(), event.reading, event.oddities)
}

#[test]
fn every_published_payload_reads_as_reviewed() {
    for source in fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let mut text = String::new();
        for path in payloads(&source) {
            let (kind, reading, oddities) = read_payload(&path);
            let name = path.strip_prefix(&source).unwrap().display();
            let _ = writeln!(text, "{name} ({kind})");
            match reading {
                Reading::Facts(facts) => {
                    for fact in facts {
                        let _ = writeln!(text, "   {:?} {}", fact.role, line(&fact));
                    }
                }
                Reading::Ignored => {
                    let _ = writeln!(text, "   ignored: {}", ignored_because(&kind));
                }
                Reading::Thin(pointer) => {
                    let _ = writeln!(text, "   thin: {pointer}");
                }
                Reading::Unreadable(reason) => {
                    let _ = writeln!(text, "   UNREADABLE: {reason}");
                }
            }
            if !oddities.is_empty() {
                let _ = writeln!(text, "   odd: {}", oddities.join(", "));
            }
        }
        let name = source.file_name().unwrap().to_str().unwrap().replace('+', "_");
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn no_subscription_or_invoice_event_is_lost() {
    let mut counts: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    for path in payloads(&root()) {
        let (kind, reading, _) = read_payload(&path);
        let read = kind.starts_with("customer.subscription.") || kind.starts_with("invoice.");
        let column = match &reading {
            Reading::Facts(facts) => {
                assert!(!facts.is_empty());
                0
            }
            Reading::Ignored | Reading::Thin(_) => {
                assert!(!read || kind == "invoice.upcoming", "{} is lost", path.display());
                1
            }
            Reading::Unreadable(reason) => {
                assert!(!reason.is_empty());
                2
            }
        };
        counts.entry(kind).or_default()[column] += 1;
    }
    let mut table = format!("{:<50}{:>8}{:>8}{:>12}\n", "", "facts", "ignored", "unreadable");
    for (kind, [facts, ignored, unreadable]) in counts {
        let _ = writeln!(table, "{kind:<50}{facts:>8}{ignored:>8}{unreadable:>12}");
    }
    insta::assert_snapshot!("outcomes", table);
}
