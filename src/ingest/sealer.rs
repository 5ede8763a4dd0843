//! The sealer: one process at a time seals what every reader may see.

use std::time::Duration;

use tokio::sync::watch;

use crate::{
    background::{Lease, Task, Turn, Words},
    limits,
    store::{StoreError, log::Log, records::Records},
};

/// The lease of whoever seals.
const LEASE: &str = "sealer";
/// Long enough for one slice, short enough that a stopped sealer is soon replaced.
const LENGTH: Duration = Duration::from_secs(60);
/// Events under one seal: the digests of so many are hashed in some milliseconds.
const SEAL_EVENTS_MAX: i64 = 4096;

/// Seals all that is due, if no other process is at it. Answers how many events were sealed.
pub async fn seal_due(log: &Log, records: &Records, holder: &str) -> Result<i64, StoreError> {
    Ok(seal(log, records, &mut Lease::held_by(LEASE, holder.to_owned(), LENGTH)).await?.unwrap_or(0))
}

/// The same; `None` where something is due and another process holds the lease. The lease is given back whatever came of it:
/// the next one to seal may be another process.
async fn seal(log: &Log, records: &Records, lease: &mut Lease) -> Result<Option<i64>, StoreError> {
    let sealed = seal_while_due(log, records, lease).await;
    let given_back = lease.release(records).await;
    let sealed = sealed?;
    given_back?;
    Ok(sealed)
}

async fn seal_while_due(log: &Log, records: &Records, lease: &mut Lease) -> Result<Option<i64>, StoreError> {
    let mut events = 0;
    while log.seal_is_due().await? {
        if !lease.hold(records).await? {
            return Ok(Some(events).filter(|events| *events > 0));
        }
        match log.seal(SEAL_EVENTS_MAX).await? {
            Some(sealed) => events += sealed.events,
            // What is there can't be seen by everyone yet: next time.
            None => break,
        }
    }
    Ok(Some(events))
}

/// Seals at its own pace; of several processes the one that holds the lease.
#[derive(Debug)]
pub struct Sealer {
    log: Log,
    records: Records,
    lease: Lease,
}

impl Sealer {
    /// A sealer of this log.
    pub fn new(log: Log, records: Records) -> Self {
        Self { log, records, lease: Lease::new(LEASE, LENGTH) }
    }
}

impl Task for Sealer {
    fn name(&self) -> String {
        "sealer".into()
    }

    fn words(&self) -> Words {
        Words::Repeated("the log could not be sealed now", "the log can be sealed again")
    }

    async fn turn(&mut self, _: &watch::Receiver<bool>) -> Turn {
        match seal(&self.log, &self.records, &mut self.lease).await {
            Ok(Some(events)) => {
                if events > 0 {
                    tracing::debug!(events, "sealed");
                }
                Turn::done(limits::SEAL_INTERVAL)
            }
            Ok(None) => Turn::standing_by(limits::SEAL_INTERVAL),
            Err(error) => Turn::failed(error, limits::STORE_RETRY),
        }
    }
}
