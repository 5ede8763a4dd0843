//! Whether the figures behind an alert are whole: what isn't is said first.

use crate::{
    ledger::{outcome::QualityKind, time::UnixTime},
    store::{ReadStore, StoreError},
};

/// What makes the figures less than whole, a sentence each.
pub(super) async fn warnings(store: &ReadStore, profile: &str, now: UnixTime) -> Result<Vec<String>, StoreError> {
    let mut warnings = Vec::new();
    let head = store.log.head().await?;
    let lag = head.last_seq.distance(store.derived.applied_seq().await?);
    if lag > 0 {
        warnings.push(format!("The ledger is {lag} events behind the log: figures may still change."));
    }
    for (kind, count) in store.derived.quality_counts(profile, now).await? {
        let what = match kind {
            QualityKind::Gap => "gaps in the history of subscriptions",
            QualityKind::Overdue => "changes that should have come and have not",
            QualityKind::UnpricedItem => "items without a known price",
            QualityKind::MissingRate => "missing exchange rates",
            _ => continue,
        };
        if count > 0 {
            warnings.push(format!("Data quality: {count} {what}; `mrrd quality` lists them."));
        }
    }
    if head.unreadable > 0 {
        warnings
            .push(format!("Data quality: {} events could not be read; `mrrd quality` lists them.", head.unreadable));
    }
    Ok(warnings)
}
