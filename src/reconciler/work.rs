//! The work itself, for one generation: advance to the end of the log, take marks, derive, replace.

use std::collections::{BTreeMap, BTreeSet};

use tokio::{sync::watch, time::Instant};

use crate::{
    background::Lease,
    event::{CustomerKey, Seq},
    limits,
    store::{
        StoreError,
        derived::{Advanced, GenerationId, Mark, ProfileLedger, Turns},
    },
};

use super::{ReconcileError, Reconciler, derivation::derive_customers, joining, planned, throttle::Throttle, traced};

/// How far a generation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Last log position whose customers are marked.
    pub position: Seq,
    /// The greatest position without a mark at or before it: everything up to here is in the rows.
    pub applied_seq: Seq,
    /// Customers recomputed since this work began.
    pub customers_done: u64,
}

/// Brings one generation up with the log, step by step.
#[derive(Debug)]
pub(super) struct Work<'a> {
    reconciler: &'a Reconciler,
    generation: GenerationId,
    /// Customers that failed in this round, with the reason: passed over until the next.
    failed: BTreeMap<CustomerKey, String>,
    turns: Turns,
    /// How many customers are taken next.
    batch: i64,
    customers_done: u64,
    /// Whether a backlog may be left to a rebuild.
    or_afresh: bool,
    /// How many events the last stretch of the log held.
    stretch: i64,
    /// How fast the log grows, where that tells how long to rest.
    throttle: Option<&'a mut Throttle>,
}

/// Whether there may be more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Something was done: look again.
    More,
    /// The log's end was reached and no mark is left but those of failing customers.
    Drained,
    /// So much is left that filling a generation afresh is cheaper; asked for by [`Work::or_afresh`] only.
    Far(Far),
}

/// Of what so much is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Far {
    /// Of the log: what came last is reached when all of it is.
    Events,
    /// Of customers whom what they name has marked. Those whom events of their own mark can go on meanwhile.
    Customers,
}

impl<'a> Work<'a> {
    pub(super) fn new(reconciler: &'a Reconciler, generation: GenerationId) -> Self {
        Self {
            reconciler,
            generation,
            failed: BTreeMap::new(),
            turns: Turns::All,
            batch: limits::RECOMPUTE_BATCH,
            customers_done: 0,
            or_afresh: false,
            stretch: 0,
            throttle: None,
        }
    }

    /// The same, ending with [`Step::Far`] where a rebuild is cheaper.
    pub(super) fn or_afresh(self) -> Self {
        Self { or_afresh: true, ..self }
    }

    /// The same, resting after each step for as long as `throttle` says.
    pub(super) fn throttled(self, throttle: &'a mut Throttle) -> Self {
        Self { throttle: Some(throttle), ..self }
    }

    /// The same for those alone whom events of their own mark.
    pub(super) fn of_own_events(self) -> Self {
        Self { turns: Turns::Own, ..self }
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
            if !lease.hold(&self.reconciler.store.records).await? {
                return Ok(Step::More);
            }
            let began = Instant::now();
            let step = self.step().await?;
            watch(self.reached().await?);
            if step != Step::More {
                return Ok(step);
            }
            // Webhooks share these threads: let them in between any two steps.
            tokio::task::yield_now().await;
            if let Some(throttle) = &mut self.throttle {
                throttle.reached(self.reconciler.store.log.end().await?, Instant::now());
                tokio::time::sleep(throttle.rest(began.elapsed(), self.stretch)).await;
            }
        }
    }

    /// Customers that couldn't be brought up to date, with the reason.
    pub(super) fn failed(&self) -> &BTreeMap<CustomerKey, String> {
        &self.failed
    }

    /// Errors with the first of them.
    pub(super) fn first_failed(&self) -> Result<(), ReconcileError> {
        match self.failed.first_key_value() {
            Some((customer, reason)) => {
                Err(ReconcileError::Customer { customer: customer.clone(), reason: reason.clone() })
            }
            None => Ok(()),
        }
    }

    pub(super) async fn reached(&self) -> Result<Reached, ReconcileError> {
        let store = &self.reconciler.store;
        let applied = store.derived.applied(self.generation).await?;
        Ok(Reached { position: applied.position, applied_seq: applied.seq(), customers_done: self.customers_done })
    }

    /// The smallest piece of work: one stretch of the log, then, once the log's end is near, one batch of customers.
    ///
    /// The whole of a backlog is marked before any of it is recomputed: a customer with a thousand events behind is then
    /// derived once.
    pub(super) async fn step(&mut self) -> Result<Step, ReconcileError> {
        let Reconciler { store, rules, .. } = self.reconciler;
        if rules.customers.customer_key.is_some() && !joining::step(store.reader(), self.generation, Seq::END).await? {
            return Ok(Step::More);
        }
        let advanced = store.derived.advance(self.generation, limits::ADVANCE_EVENTS).await?;
        self.stretch = advanced.read;
        store.plan().pass(planned::AFTER_ADVANCE).await?;
        if self.or_afresh
            && advanced.marked > 0
            && let Some(far) = self.far_behind(advanced).await?
        {
            return Ok(Step::Far(far));
        }
        if advanced.read >= limits::ADVANCE_EVENTS {
            return Ok(Step::More);
        }
        let quiet = advanced.read == 0;
        let taken = self.recompute_next().await?;
        Ok(if taken == 0 && quiet { Step::Drained } else { Step::More })
    }

    /// Whether more is left than was ever done: of the log, or of the customers that it has marked.
    async fn far_behind(&self, Advanced { position, read, .. }: Advanced) -> Result<Option<Far>, StoreError> {
        let Reconciler { store, rules, far_behind, many_waiting, .. } = self.reconciler;
        if read >= limits::ADVANCE_EVENTS {
            let left = store.log.horizon().await?.distance(position);
            let far = left >= *far_behind && left > position.distance(Seq::START);
            return Ok(far.then_some(Far::Events));
        }
        let waiting = store.derived.waiting(self.generation).await?;
        let profile = rules.profiles.first().filter(|_| waiting >= *many_waiting);
        let Some(profile) = profile else { return Ok(None) };
        let far = waiting > store.derived.kept(self.generation, &profile.name).await? / 2;
        Ok(far.then_some(Far::Customers))
    }

    /// Takes marks and recomputes their customers until none is to be had: what a process does beside the one that holds
    /// the lease and reads the log on.
    pub(super) async fn help(&mut self, stop: &watch::Receiver<bool>) -> Result<(), ReconcileError> {
        while !*stop.borrow() && self.recompute_next().await? > 0 {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Recomputes the next batch, and takes so many for the one after it that it takes no longer than it may.
    async fn recompute_next(&mut self) -> Result<usize, ReconcileError> {
        let began = Instant::now();
        let taken = self.recompute(self.batch).await?;
        let took = began.elapsed();
        if took > limits::RECOMPUTE_TIME {
            self.batch = (self.batch / 2).max(limits::RECOMPUTE_LEAST);
        } else if took < limits::RECOMPUTE_TIME / 3 {
            self.batch = (self.batch * 2).min(limits::RECOMPUTE_BATCH);
        }
        Ok(taken)
    }

    /// Recomputes a batch; when something of it can't be read or kept, one customer at a time, to find out whose. Answers
    /// how many were taken.
    async fn recompute(&mut self, batch: i64) -> Result<usize, ReconcileError> {
        match self.recompute_together(batch).await {
            Err((_, ReconcileError::Store(StoreError::Corrupt { .. }))) => {}
            other => return other.map_err(|(_, error)| error),
        }
        let mut taken = 0;
        for _ in 0..batch {
            match self.recompute_together(1).await {
                Ok(0) => break,
                Ok(_) => {}
                Err((Some(customer), ReconcileError::Store(error @ StoreError::Corrupt { .. }))) => {
                    self.failed.insert(customer, error.to_string());
                }
                Err((_, error)) => return Err(error),
            }
            taken += 1;
        }
        Ok(taken)
    }

    /// Recomputes up to `batch` customers in one transaction; an error names the first of them.
    async fn recompute_together(&mut self, batch: i64) -> Result<usize, (Option<CustomerKey>, ReconcileError)> {
        let Reconciler { store, rules, workers, traces, .. } = self.reconciler;
        let joins = joining::Joins::in_generation(&rules.customers, self.generation);
        let passed_over: BTreeSet<&CustomerKey> = self.failed.keys().collect();
        let (mut first, mut failed, mut told) = (None, Vec::new(), Vec::new());
        let (its_first, its_failed, its_told) = (&mut first, &mut failed, &mut told);
        let began = traces.now();
        let derive = move |marks: Vec<Mark>| {
            *its_first = marks.first().map(|mark| mark.key.clone());
            async move {
                let keys: Vec<CustomerKey> = marks.iter().map(|mark| mark.key.clone()).collect();
                let outcomes = derive_customers(joins, store.reader(), rules, &keys, None, &[], *workers).await?;
                let mut batch: Vec<(Mark, Vec<ProfileLedger>)> = Vec::with_capacity(marks.len());
                for (mark, outcome) in marks.into_iter().zip(outcomes) {
                    match outcome {
                        Ok(derived) => {
                            its_told.extend(began.map(|_| traced::Recomputed::of(&mark, &derived)));
                            batch.push((mark, derived));
                        }
                        Err(reason) => its_failed.push((mark.key, reason)),
                    }
                }
                store.plan().pass(planned::BEFORE_REPLACE).await?;
                Ok(batch)
            }
        };
        let outcome: Result<usize, ReconcileError> =
            store.derived.recompute(self.generation, (self.turns, batch), &passed_over, derive).await;
        let taken = outcome.map_err(|error| (first, error))?;
        let done = taken.saturating_sub(failed.len());
        self.failed.extend(failed);
        self.customers_done = self.customers_done.saturating_add(u64::try_from(done).unwrap_or(0));
        if taken > 0 {
            store.plan().pass(planned::AFTER_REPLACE).await.map_err(|error| (None, error.into()))?;
        }
        if let Some(began) = began {
            traced::tell(traces, began, store, &told).await;
        }
        Ok(taken)
    }
}
