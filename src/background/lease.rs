//! A lease in the store: who does what only one process may do. Nothing breaks if two hold it for a moment.

use std::time::{Duration, Instant};

use crate::{
    limits,
    store::{StoreError, records::Records},
};

/// A wish to hold a lease, and what became of it.
#[derive(Debug)]
pub struct Lease {
    name: &'static str,
    holder: String,
    length: Duration,
    held_since: Option<Instant>,
}

impl Lease {
    /// Not yet held; once it is, it lasts `length` without renewal. Every wish has a holder's name of its own.
    pub fn new(name: &'static str, length: Duration) -> Self {
        Self::held_by(name, format!("{}-{:016x}", std::process::id(), rand::random::<u64>()), length)
    }

    /// The same under this holder's name.
    pub fn held_by(name: &'static str, holder: String, length: Duration) -> Self {
        Self { name, holder, length, held_since: None }
    }

    /// Takes or renews it where that is due; false while another process holds it.
    pub async fn hold(&mut self, records: &Records) -> Result<bool, StoreError> {
        if self.held_since.is_some_and(|since| since.elapsed() < self.length / limits::LEASE_RENEWALS) {
            return Ok(true);
        }
        let before = Instant::now();
        let held = records.lease(self.name, &self.holder, self.length).await?;
        self.held_since = held.then_some(before);
        Ok(held)
    }

    /// Gives it back, so that the next one needn't wait for its end.
    pub async fn release(&mut self, records: &Records) -> Result<(), StoreError> {
        if self.held_since.take().is_some() {
            records.release(self.name, &self.holder).await?;
        }
        Ok(())
    }
}
