//! Cases made from public reports, each with the value that is right (`tests/data/cases`).

mod heal;
mod moves;
mod terms;

use std::path::Path;

use crate::support::{
    daemon::{Daemon, Settings},
    postgres,
};

/// Where a case's ledger is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Sqlite,
    Postgres,
}

/// The case `name`, replayed by `mrrd replay` into an empty ledger with these settings, and served.
pub(crate) async fn replayed(name: &str, on: On, settings: Settings) -> Daemon {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases");
    serving(&cases.join(format!("{name}.jsonl")), on, settings).await
}

/// The same of any file of events.
pub(crate) async fn serving(events: &Path, on: On, settings: Settings) -> Daemon {
    let settings = match on {
        On::Sqlite => settings,
        On::Postgres => settings.env("MRRD_DATABASE__URL", &postgres::database().await),
    };
    let mut daemon = settings.start().await;
    let path = events.to_str().unwrap();
    let replayed = daemon.command(&["replay", path]);
    assert!(replayed.status.success(), "{path}: {}", String::from_utf8_lossy(&replayed.stderr));
    daemon.settle().await;
    daemon
}

/// Its movements under a profile, each in words: `2026-02-01 cus_A new 7500: first_subscription 7500`.
pub(crate) async fn movements(daemon: &mut Daemon, profile: &str) -> Vec<String> {
    let listed = daemon.json(&format!("/api/v1/movements?limit=100&profile={profile}")).await;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
    let mut all: Vec<String> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let parts = one["parts"].as_array().unwrap().iter();
            let parts: Vec<_> =
                parts.map(|part| format!("{} {}", text(&part["cause"]), text(&part["amount_exact"]))).collect();
            let head = ["day", "customer", "kind", "amount_exact"].map(|name| text(&one[name]));
            format!("{}: {}", head.join(" "), parts.join(", "))
        })
        .collect();
    all.sort();
    all
}

/// What its ledger lists as not known under a profile: `gap sub_1`.
pub(crate) async fn quality(daemon: &mut Daemon, profile: &str) -> Vec<String> {
    let listed = daemon.json(&format!("/api/v1/quality?limit=100&profile={profile}")).await;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
    let entries = listed["data"].as_array().unwrap().iter();
    let mut all: Vec<String> = entries.map(|one| ["kind", "object"].map(|name| text(&one[name])).join(" ")).collect();
    all.sort();
    all
}
