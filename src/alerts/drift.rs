//! What `verify`, `audit` and the hourly look at Stripe's own metrics last found, kept for the rule `ledger_drift`.

use serde::{Deserialize, Serialize};

use crate::{
    ledger::time::UnixTime,
    store::{StoreError, records::Records},
};

/// The tasks that look for differences.
pub const SOURCES: [&str; 3] = ["verify", "audit", "metrics"];

/// What one of them found, last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// When it looked, by mrrd's clock.
    pub at: UnixTime,
    /// The first difference in words; `None` where all was as it should be.
    pub difference: Option<String>,
}

fn place(source: &str) -> String {
    format!("drift:{source}")
}

/// Keeps what `source` found.
pub async fn keep(records: &Records, source: &str, found: &Found) -> Result<(), StoreError> {
    // Times and texts always serialise.
    records.set_progress(&place(source), &serde_json::to_string(found).unwrap_or_default()).await
}

/// What `source` last found; `None` where it never looked.
pub async fn last(records: &Records, source: &str) -> Result<Option<Found>, StoreError> {
    let text = records.progress(&place(source)).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}
