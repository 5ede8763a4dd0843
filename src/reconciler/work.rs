//! The work itself, for one generation: advance to the end of the log, take marks, derive, replace.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::{
    limits,
    store::{CustomerKey, Derived, Mark, StoreError},
};

use super::{ReconcileError, Reconciler, derivation::derive_customers, lease::Lease, planned};

/// How far a generation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Last log position whose customers are marked.
    pub position: i64,
    /// The greatest position without a mark at or before it: everything up to here is in the rows.
    pub applied_seq: i64,
    /// Customers recomputed since this work began.
    pub customers_done: u64,
    /// Customers that are marked.
    pub customers_waiting: u64,
}

/// Brings one generation up with the log, step by step.
#[derive(Debug)]
pub(super) struct Work<'a> {
    reconciler: &'a Reconciler,
    generation: i64,
    /// Customers that failed in this round, with the reason: passed over until the next.
    failed: BTreeMap<CustomerKey, String>,
    customers_done: u64,
}

/// Whether there may be more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Something was done: look again.
    More,
    /// The log's end was reached and no mark is left but those of failing customers.
    Drained,
}

impl<'a> Work<'a> {
    pub(super) fn new(reconciler: &'a Reconciler, generation: i64) -> Self {
        Self { reconciler, generation, failed: BTreeMap::new(), customers_done: 0 }
    }

    /// Works until nothing is left; tells `watch` after each step. `More` when the lease went to somebody else.
    pub(super) async fn drain(
        &mut self,
        lease: &mut Lease,
        stop: &watch::Receiver<bool>,
        watch: &mut (dyn FnMut(Reached) + Send),
    ) -> Result<Step, ReconcileError> {
        loop {
            if *stop.borrow() {
                return Err(ReconcileError::Stopped);
            }
            if !lease.hold(self.reconciler).await? {
                return Ok(Step::More);
            }
            let step = self.step().await?;
            watch(self.reached().await?);
            if step == Step::Drained {
                return Ok(step);
            }
            // Webhooks share these threads: let them in between any two steps.
            tokio::task::yield_now().await;
        }
    }

    /// Customers that couldn't be brought up to date, with the reason.
    pub(super) fn failed(&self) -> &BTreeMap<CustomerKey, String> {
        &self.failed
    }

    async fn reached(&self) -> Result<Reached, ReconcileError> {
        let store = &self.reconciler.store;
        let (position, first) = store.applied(self.generation).await?;
        let customers_waiting = store.waiting(self.generation).await?;
        let applied_seq = first.map_or(position, |first| first - 1);
        Ok(Reached { position, applied_seq, customers_done: self.customers_done, customers_waiting })
    }

    /// The smallest piece of work: one stretch of the log, then, once the log's end is near, one batch of customers.
    ///
    /// The whole of a backlog is marked before any of it is recomputed: a customer with a thousand events behind is then
    /// derived once.
    async fn step(&mut self) -> Result<Step, ReconcileError> {
        let store = &self.reconciler.store;
        let advanced = store.advance(self.generation, limits::ADVANCE_EVENTS).await?;
        store.plan().pass(planned::AFTER_ADVANCE).await?;
        if advanced.read >= limits::ADVANCE_EVENTS {
            return Ok(Step::More);
        }
        let quiet = advanced.read == 0;
        let batch = if quiet { limits::QUIET_BATCH } else { limits::BUSY_BATCH };
        let passed_over = i64::try_from(self.failed.len()).unwrap_or(i64::MAX);
        let mut marks = store.dirty(self.generation, batch.saturating_add(passed_over)).await?;
        marks.retain(|mark| !self.failed.contains_key(&mark.key));
        if marks.is_empty() {
            return Ok(if quiet { Step::Drained } else { Step::More });
        }
        self.recompute(&marks).await?;
        Ok(Step::More)
    }

    /// Recomputes a batch; when something of it can't be read or kept, one customer at a time, to find out whose.
    async fn recompute(&mut self, marks: &[Mark]) -> Result<(), ReconcileError> {
        match self.replace(marks).await {
            Err(ReconcileError::Store(StoreError::Corrupt { .. })) => {}
            other => return other,
        }
        for mark in marks {
            match self.replace(std::slice::from_ref(mark)).await {
                Err(ReconcileError::Store(error @ StoreError::Corrupt { .. })) => {
                    self.failed.insert(mark.key.clone(), error.to_string());
                }
                other => other?,
            }
        }
        Ok(())
    }

    async fn replace(&mut self, marks: &[Mark]) -> Result<(), ReconcileError> {
        let Reconciler { store, rules, workers, .. } = self.reconciler;
        let keys: Vec<CustomerKey> = marks.iter().map(|mark| mark.key.clone()).collect();
        let outcomes = derive_customers(store, rules, &keys, None, &[], *workers).await?;
        let mut batch: Vec<(Mark, Vec<Derived>)> = Vec::with_capacity(marks.len());
        let mut failed = Vec::new();
        for (mark, outcome) in marks.iter().zip(outcomes) {
            match outcome {
                Ok(derived) => batch.push((mark.clone(), derived)),
                Err(reason) => failed.push((mark.key.clone(), reason)),
            }
        }
        store.plan().pass(planned::BEFORE_REPLACE).await?;
        store.replace(self.generation, &batch).await?;
        self.failed.extend(failed);
        self.customers_done = self.customers_done.saturating_add(u64::try_from(batch.len()).unwrap_or(0));
        store.plan().pass(planned::AFTER_REPLACE).await?;
        Ok(())
    }
}
