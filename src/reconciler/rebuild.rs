//! Rebuilds by generation: the next one is filled beside live work, catches up, and is switched to at once.

use tokio::{sync::watch, time::Instant};

use crate::{
    background::Lease,
    limits,
    store::{
        StoreError,
        derived::{Generation, GenerationId},
    },
};

use super::{
    GENERATIONS, ReconcileError, Reconciler,
    changes::{self, Changes},
    planned,
    work::{Reached, Step, Work},
};

impl Reconciler {
    /// Derives everything anew from the log and says what changed. May run beside live work in another process.
    ///
    /// `progress` is told after each step. Errors leave the old generation in its place; what was begun is removed at
    /// the next rebuild or start. A customer that can't be derived doesn't stop the others: it is told in the answer.
    pub async fn rebuild(
        &self,
        stop: &watch::Receiver<bool>,
        progress: &mut (dyn FnMut(Reached) + Send),
    ) -> Result<Changes, ReconcileError> {
        let mut changes = Changes::default();
        self.rebuild_leased(stop, progress, Some(&mut changes)).await?;
        Ok(changes)
    }

    /// The same where nobody asks what changed; a customer that can't be derived is tried again, and told then.
    pub(super) async fn rebuild_silently(
        &self,
        stop: &watch::Receiver<bool>,
        progress: &mut (dyn FnMut(Reached) + Send),
    ) -> Result<(), ReconcileError> {
        self.rebuild_leased(stop, progress, None).await
    }

    async fn rebuild_leased(
        &self,
        stop: &watch::Receiver<bool>,
        progress: &mut (dyn FnMut(Reached) + Send),
        changes: Option<&mut Changes>,
    ) -> Result<(), ReconcileError> {
        let mut lease = Lease::new(GENERATIONS, self.lease);
        let rebuilt = self.rebuild_under(&mut lease, stop, progress, changes).await;
        let released = lease.release(&self.store.records).await;
        rebuilt?;
        Ok(released?)
    }

    async fn rebuild_under(
        &self,
        lease: &mut Lease,
        stop: &watch::Receiver<bool>,
        progress: &mut (dyn FnMut(Reached) + Send),
        changes: Option<&mut Changes>,
    ) -> Result<(), ReconcileError> {
        if !lease.hold(&self.store.records).await? {
            return Err(ReconcileError::Busy);
        }
        self.drop_all_but_current().await?;
        let generation = self.begin_generation().await?;
        self.store.plan().pass(planned::AFTER_BEGIN).await?;
        if !self.fill(generation, lease, stop, progress).await? {
            return Err(ReconcileError::Busy);
        }
        let mut work = Work::new(self, generation);
        let old = loop {
            if work.drain(lease, stop, progress).await? == Step::More {
                // The lease ran out under us: whoever has it now removes what we built.
                return Err(ReconcileError::Busy);
            }
            self.store.plan().pass(planned::BEFORE_SWITCH).await?;
            let old = self.current_generation().await?;
            // Refused while the old one is ahead: an answer given once must not be taken back.
            if self.store.derived.switch_generation(generation, work.failed().len()).await? {
                break old;
            }
        };
        let switched_at = Instant::now();
        self.store.plan().pass(planned::AFTER_SWITCH).await?;
        if let Some(changes) = changes {
            if let Some(old) = &old {
                *changes = changes::between(self.store.reader(), old.id, generation, self.clock.now()).await?;
            }
            changes.failed = work.failed().clone().into_iter().collect();
        }
        if let Some(old) = old {
            // A question reads rows of one instant, and finds in it which generation answers: none needs the old one any more. Only
            // who belongs to whom, and how far a generation is, are asked of one that was found before. What changed was told
            // meanwhile.
            let joins = self.store.derived.joining(old.id).await?.is_some();
            let kept_for = if joins { self.grace } else { self.grace.min(limits::GENERATION_LOOKUP) };
            tokio::time::sleep_until(switched_at + kept_for).await;
            // A database that failed over meanwhile may have the old one current again: what answers is never dropped. And
            // whoever has the lease by now removes what is left over.
            let switched = self.current_generation().await?.is_some_and(|now| now.id == generation);
            if switched && lease.hold(&self.store.records).await? {
                self.store.derived.drop_generation(old.id).await?;
            }
        }
        self.store.plan().pass(planned::AFTER_DROP).await?;
        Ok(())
    }

    /// Where there is nothing yet, there is nothing to build behind: an empty generation answers and fills.
    pub(super) async fn first_generation(&self) -> Result<(), ReconcileError> {
        let mut lease = Lease::new(GENERATIONS, self.lease);
        if !lease.hold(&self.store.records).await? {
            return Err(ReconcileError::Busy);
        }
        if self.current_generation().await?.is_none() {
            let generation = self.begin_generation().await?;
            self.store.derived.switch_generation(generation, 0).await?;
        }
        lease.release(&self.store.records).await?;
        Ok(())
    }

    /// Removes generations that a killed process left half-built or half-dropped.
    ///
    /// Errors with [`ReconcileError::Busy`] while another process builds one.
    pub(super) async fn remove_leftovers(&self) -> Result<(), ReconcileError> {
        if self.store.derived.generations().await?.iter().all(|generation| generation.current) {
            return Ok(());
        }
        let mut lease = Lease::new(GENERATIONS, self.lease);
        if !lease.hold(&self.store.records).await? {
            return Err(ReconcileError::Busy);
        }
        let dropped = self.drop_all_but_current().await;
        lease.release(&self.store.records).await?;
        Ok(dropped?)
    }

    async fn begin_generation(&self) -> Result<GenerationId, StoreError> {
        let customer_key = self.rules.customers.customer_key.as_deref();
        self.store.derived.begin_generation(&self.rules.fingerprint(), customer_key).await
    }

    async fn drop_all_but_current(&self) -> Result<(), StoreError> {
        for generation in self.store.derived.generations().await? {
            if !generation.current {
                self.store.derived.drop_generation(generation.id).await?;
            }
        }
        Ok(())
    }

    /// The generation that answers; `None` while nothing is derived.
    pub async fn current_generation(&self) -> Result<Option<Generation>, StoreError> {
        Ok(self.store.derived.generations().await?.into_iter().find(|generation| generation.current))
    }
}
