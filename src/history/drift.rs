//! Drift: what the last audit left differing between Stripe and the ledger, kept beside the log for metric and alert.

use crate::{
    ledger::time::UnixTime,
    store::{StoreError, records::Records},
};

/// The key under which the store keeps it.
const PLACE: &str = "audit.drift";

/// What an audit found, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drift {
    /// When the audit ended, by mrrd's clock.
    pub at: UnixTime,
    /// Subscriptions held against the ledger.
    pub subscriptions: u64,
    /// Of these, how many differ still: found and not healed.
    pub differing: u64,
}

impl Drift {
    /// Keeps it as the last one, whichever process asks.
    pub async fn keep(&self, records: &Records) -> Result<(), StoreError> {
        records.set_progress(PLACE, &format!("{} {} {}", self.at.0, self.subscriptions, self.differing)).await
    }

    /// What the last audit left; `None` where there never was one: what isn't known is not 0.
    pub async fn last(records: &Records) -> Result<Option<Self>, StoreError> {
        let kept = records.progress(PLACE).await?;
        Ok(kept.and_then(|text| {
            let mut words = text.split(' ');
            let at = words.next()?.parse().ok().map(UnixTime)?;
            let mut count = || words.next()?.parse().ok();
            Some(Self { at, subscriptions: count()?, differing: count()? })
        }))
    }
}
