//! A lease in the store: who does what only one process may do. Nothing breaks if two hold it for a moment.

use std::time::Instant;

use crate::{limits, store::StoreError};

use super::Reconciler;

/// Incremental work: one process at a time, so that none does it twice.
pub(super) const INCREMENTAL: &str = "reconciler";
/// Making, switching and removing generations.
pub(super) const GENERATIONS: &str = "generations";

/// A wish to hold a lease, and what became of it.
#[derive(Debug)]
pub(super) struct Lease {
    name: &'static str,
    holder: String,
    held_since: Option<Instant>,
}

impl Lease {
    /// Not yet held. Every wish has a holder's name of its own.
    pub(super) fn new(name: &'static str) -> Self {
        let holder = format!("{}-{:016x}", std::process::id(), rand::random::<u64>());
        Self { name, holder, held_since: None }
    }

    /// Takes or renews it where that is due; false while another process holds it.
    pub(super) async fn hold(&mut self, reconciler: &Reconciler) -> Result<bool, StoreError> {
        if self.held_since.is_some_and(|since| since.elapsed() < reconciler.lease / limits::LEASE_RENEWALS) {
            return Ok(true);
        }
        let before = Instant::now();
        let held = reconciler.store.records.lease(self.name, &self.holder, reconciler.lease).await?;
        self.held_since = held.then_some(before);
        Ok(held)
    }

    /// Gives it back, so that the next one needn't wait for its end.
    pub(super) async fn release(&mut self, reconciler: &Reconciler) -> Result<(), StoreError> {
        if self.held_since.take().is_some() {
            reconciler.store.records.release(self.name, &self.holder).await?;
        }
        Ok(())
    }
}
