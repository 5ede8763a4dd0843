//! The sealer: one process at a time seals what every reader may see.

use std::time::Duration;

use crate::store::{StoreError, log::Log, records::Records};

/// The lease of whoever seals.
const LEASE: &str = "sealer";
/// Long enough for one slice, short enough that a stopped sealer is soon replaced.
const LENGTH: Duration = Duration::from_secs(60);
/// Events under one seal: the digests of so many are hashed in some milliseconds.
const SEAL_EVENTS_MAX: i64 = 4096;

/// Seals all that is due, if no other process is at it. Answers how many events were sealed.
pub async fn seal_due(log: &Log, records: &Records, holder: &str) -> Result<i64, StoreError> {
    let mut events = 0;
    while log.seal_is_due().await? && records.lease(LEASE, holder, LENGTH).await? {
        match log.seal(SEAL_EVENTS_MAX).await? {
            Some(sealed) => events += sealed.events,
            // What is there can't be seen by everyone yet: next time.
            None => break,
        }
    }
    if events > 0 {
        records.release(LEASE, holder).await?;
    }
    Ok(events)
}
