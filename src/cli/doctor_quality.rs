//! What `mrrd doctor` says of data quality: how much couldn't be known, and where to look.

use super::doctor_finding::{Finding, Verdict};
use crate::{
    config::Config,
    ledger::time::UnixTime,
    store::{Store, StoreError},
};

/// How many entries of quality are open under the default profile, by kind, the most frequent first.
pub(super) async fn open(store: &Store, config: &Config, now: UnixTime) -> Result<Finding, StoreError> {
    let check = "quality";
    let Some(profile) = config.ledger.profiles.first() else {
        return Ok(Finding { check, verdict: Verdict::Ok, detail: "no profile is kept".into() });
    };
    let kept = config.ledger.reporting_currency.map_or_else(|| profile.clone(), |currency| profile.reporting(currency));
    let counts = store.derived.quality_counts(&kept.name, now).await?;
    let unreadable = store.log.head().await?.unreadable;
    let mut kinds: Vec<(&str, i64)> = counts.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
    kinds.push(("unreadable_event", unreadable));
    kinds.retain(|(_, count)| *count > 0);
    kinds.sort_by_key(|(kind, count)| (std::cmp::Reverse(*count), *kind));
    let all: i64 = kinds.iter().map(|(_, count)| count).sum();
    if all == 0 {
        let detail = "everything received could be read, priced and put in order".into();
        return Ok(Finding { check, verdict: Verdict::Ok, detail });
    }
    let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{kind}: {count}")).collect();
    let open = if all == 1 { "1 entry is open".to_owned() } else { format!("{all} entries are open") };
    let detail = format!("{open} ({}): `mrrd quality` lists each with what would settle it", kinds.join(", "));
    Ok(Finding { check, verdict: Verdict::Warning, detail })
}
