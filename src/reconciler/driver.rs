//! The loop: woken by a notification and by an interval, it looks at the state of things and does what is due.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, watch};

use crate::{
    background::{self, Board, Lease, Task, Turn, Words},
    event::Seq,
    ledger::time::UnixTime,
    limits,
    store::{
        StoreError,
        derived::{Generation, GenerationId},
    },
    telemetry::trouble::Trouble,
};

use super::{
    INCREMENTAL, ReconcileError, Reconciler,
    meanwhile::{self, Meanwhile},
    rules,
    throttle::Throttle,
    work::{Far, Reached, Step, Work},
};

/// What the reconciler last saw and did: `/api/v1/status` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// This process holds the lease; otherwise another one does, and this one helps it or stands by.
    pub working: bool,
    /// The generation that answers; `None` while nothing is derived.
    pub generation: Option<GenerationId>,
    /// Last log position whose customers are marked.
    pub position: Seq,
    /// Everything up to here is in the rows.
    pub applied_seq: Seq,
    /// When it last looked, whether or not anything was due.
    pub last_run_at: Option<UnixTime>,
    /// Why the last activation ended early, or which customer couldn't be brought up to date; `None` when all is well.
    pub last_error: Option<String>,
    /// A generation under other rules is being filled behind the one that answers.
    pub rebuilding: Option<Reached>,
}

/// The way to a running reconciler; clones are cheap.
#[derive(Clone, Debug)]
pub struct Handle {
    status: watch::Receiver<Status>,
    wake: Arc<Notify>,
}

impl Handle {
    /// Its status as of its last step.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Something changed in the log; what, it looks up itself. Never blocks; many calls make one activation.
    pub fn notify(&self) {
        self.wake.notify_one();
    }

    /// Follows how the reconciler stands, from its next change on.
    pub fn subscribe(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }
}

/// The loop, not yet running.
#[derive(Debug)]
pub struct Driver {
    reconciler: Reconciler,
    wake: Arc<Notify>,
    status: watch::Sender<Status>,
    lease: Lease,
    throttle: Throttle,
    /// Another process was found at work.
    standing_by: bool,
    /// What a killed process left half-built is removed.
    tidied: bool,
    /// The current generation was once under our rules. Whoever then changes it started later, and wins.
    settled: bool,
    /// The last import of exchange rates that our rules know.
    last_import: Option<i64>,
    trouble: Trouble,
}

impl Driver {
    /// A loop and the handle to it.
    pub fn new(reconciler: Reconciler) -> (Self, Handle) {
        let (sender, status) = watch::channel(Status::default());
        let wake = Arc::new(Notify::new());
        let handle = Handle { status, wake: wake.clone() };
        let lease = Lease::new(INCREMENTAL, reconciler.lease);
        (
            Self {
                reconciler,
                wake,
                status: sender,
                lease,
                throttle: Throttle::new(),
                standing_by: false,
                tidied: false,
                settled: false,
                last_import: None,
                trouble: Trouble::default(),
            },
            handle,
        )
    }

    /// Does what is due once and gives the lease back: for commands that end. Where another process keeps the ledger, that
    /// one does it.
    pub async fn run_once(mut self, stop: &watch::Receiver<bool>) -> Result<(), ReconcileError> {
        let outcome = self.activate(stop).await;
        self.lease.release(&self.reconciler.store.records).await?;
        outcome
    }

    /// Runs until `stop` turns true, then gives the lease back. Errors are status: the next activation is the retry.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        let clock = self.reconciler.clock.clone();
        background::run(self, clock, Board::default(), stop).await;
    }

    /// Looks once and does all that is due.
    async fn activate(&mut self, stop: &watch::Receiver<bool>) -> Result<(), ReconcileError> {
        loop {
            let working = self.lease.hold(&self.reconciler.store.records).await?;
            self.status.send_modify(|status| status.working = working);
            if working == self.standing_by {
                self.standing_by = !working;
                if working {
                    tracing::info!("this process keeps the ledger now");
                } else if self.reconciler.store.derived.shares_marks() {
                    tracing::info!(
                        "another process reads the log on (or was killed a moment ago): this one takes its share of the \
                         customers, and the lead within {} seconds of the other's end",
                        self.reconciler.lease.as_secs()
                    );
                } else {
                    tracing::info!(
                        "another process keeps this ledger (or was killed a moment ago): standing by, taking over within {} \
                         seconds of its end",
                        self.reconciler.lease.as_secs()
                    );
                }
            }
            if !working {
                return self.help(stop).await;
            }
            self.tidy().await?;
            self.renew_rates().await?;
            let Some(generation) = self.generation(stop).await? else { continue };
            let mut work = Work::new(&self.reconciler, generation).or_afresh().throttled(&mut self.throttle);
            let status = &self.status;
            let drained = work.drain(&mut self.lease, stop, &mut |reached| publish(status, generation, reached)).await;
            let failed = work.first_failed();
            // Another process may have switched generations meanwhile: then this one's fate says nothing.
            if self.current().await?.is_some_and(|current| current.id != generation) {
                continue;
            }
            return match drained {
                Ok(Step::More) => continue,
                Ok(Step::Drained) => failed,
                Ok(Step::Far(far)) => {
                    let why = match far {
                        Far::Events => "the log is far ahead",
                        Far::Customers => "more than half of all customers wait to be recomputed",
                    };
                    tracing::info!(why, "filling the ledger afresh, the old one answers until then");
                    self.rebuild(Some(Meanwhile { generation, far }), stop).await?;
                    continue;
                }
                Err(error) => Err(error),
            };
        }
    }

    /// Takes up rates that were imported since: they are other rules, and the ledger is rebuilt under them.
    async fn renew_rates(&mut self) -> Result<(), ReconcileError> {
        if !self.reconciler.rules.converts() {
            return Ok(());
        }
        let last = self.reconciler.store.records.last_import().await?;
        if self.last_import != Some(last) {
            let rules = self.reconciler.rules.with_rates(&self.reconciler.store.records).await?;
            self.settled &= rules.rates.fingerprint() == self.reconciler.rules.rates.fingerprint();
            self.reconciler.rules = Arc::new(rules);
            self.last_import = Some(last);
        }
        Ok(())
    }

    /// The generation to work on; `None` when a rebuild took so long that the lease must be looked at again.
    async fn generation(&mut self, stop: &watch::Receiver<bool>) -> Result<Option<GenerationId>, ReconcileError> {
        let fingerprint = self.reconciler.rules.fingerprint();
        match self.current().await? {
            Some(current) if current.fingerprint == fingerprint => {
                self.settled = true;
                return Ok(Some(current.id));
            }
            Some(current) if self.settled => {
                return Err(ReconcileError::OtherRules(
                    rules::differences(&current.fingerprint, &fingerprint).join(", "),
                ));
            }
            Some(current) => {
                let differs = rules::differences(&current.fingerprint, &fingerprint).join(", ");
                tracing::info!(differs, "the ledger was kept under other rules: rebuilding it behind the old one");
                self.rebuild(None, stop).await?;
            }
            // Nothing answers yet. An empty ledger of an empty log does from now on; of a log that was filled before, the
            // whole is built first: a part of it would answer wrongly.
            None if self.reconciler.store.log.end().await? == Seq::START => self.reconciler.first_generation().await?,
            None => self.rebuild(None, stop).await?,
        }
        Ok(None)
    }

    /// Fills a generation behind the one that answers, and keeps up meanwhile what can be kept up.
    async fn rebuild(&mut self, old: Option<Meanwhile>, stop: &watch::Receiver<bool>) -> Result<(), ReconcileError> {
        let Self { reconciler, status, lease, wake, .. } = self;
        let (over, until) = watch::channel(false);
        let filling = async {
            let mut progress = |reached| status.send_modify(|status| status.rebuilding = Some(reached));
            let rebuilt = reconciler.rebuild_silently(stop, &mut progress).await;
            status.send_modify(|status| status.rebuilding = None);
            over.send_replace(true);
            rebuilt
        };
        let mut watch = |generation, reached| publish(status, generation, reached);
        let (rebuilt, kept_up) =
            tokio::join!(filling, meanwhile::keep_up(reconciler, old, (lease, wake), (until, stop), &mut watch));
        rebuilt?;
        kept_up
    }

    async fn current(&self) -> Result<Option<Generation>, StoreError> {
        self.reconciler.current_generation().await
    }

    /// Removes, once, what a killed process left half-built or half-dropped, unless somebody is building now.
    async fn tidy(&mut self) -> Result<(), ReconcileError> {
        if !self.tidied {
            match self.reconciler.remove_leftovers().await {
                Ok(()) | Err(ReconcileError::Busy) => self.tidied = true,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// What a process does that doesn't hold the lease: where the database lets several share the work it takes its share of
    /// the marked customers, if the ledger is kept under its own rules; and it shows how far the work is.
    async fn help(&mut self, stop: &watch::Receiver<bool>) -> Result<(), ReconcileError> {
        self.renew_rates().await?;
        let Some(current) = self.current().await? else { return Ok(()) };
        let mut outcome = Ok(());
        if self.reconciler.store.derived.shares_marks() && current.fingerprint == self.reconciler.rules.fingerprint() {
            let mut work = Work::new(&self.reconciler, current.id);
            outcome = work.help(stop).await.and_then(|()| work.first_failed());
        }
        let applied = self.reconciler.store.derived.applied(current.id).await?;
        self.status.send_modify(|status| {
            status.generation = Some(current.id);
            status.position = applied.position;
            status.applied_seq = applied.seq();
        });
        outcome
    }

    /// Tells of an activation; answers why it failed, where it did.
    fn publish_outcome(&self, outcome: Result<(), ReconcileError>) -> Option<String> {
        let now = self.reconciler.clock.now();
        let error = match outcome {
            // Told to stop, or another process is at it: nothing to mend.
            Ok(()) | Err(ReconcileError::Stopped | ReconcileError::Busy) => None,
            Err(error) => Some(error.to_string()),
        };
        match &error {
            Some(reason) => {
                if let Some(failures_not_told) = self.trouble.is_to_be_said(reason) {
                    tracing::error!(error = reason, failures_not_told, "the reconciler couldn't do all that is due");
                }
            }
            None => self.trouble.is_over("the reconciler is well again"),
        }
        self.status.send_modify(|status| {
            status.last_run_at = Some(now);
            status.last_error.clone_from(&error);
        });
        error
    }
}

impl Task for Driver {
    fn name(&self) -> String {
        "reconciler".into()
    }

    fn words(&self) -> Words {
        Words::Own
    }

    async fn turn(&mut self, stop: &watch::Receiver<bool>) -> Turn {
        let outcome = self.activate(stop).await;
        let failed = outcome.is_err();
        let error = self.publish_outcome(outcome);
        let (pause, rest) = if failed {
            // A notification must not turn a failing database into a busy loop.
            (limits::RECONCILER_INTERVAL, Duration::ZERO)
        } else {
            (limits::RECONCILER_REST, limits::RECONCILER_INTERVAL)
        };
        match error {
            Some(error) => Turn::failed(error, rest),
            None if self.standing_by => Turn::standing_by(rest),
            None => Turn::done(rest),
        }
        .after(pause)
    }

    async fn woken(&mut self) {
        self.wake.notified().await;
    }

    async fn end(mut self) {
        if let Err(error) = self.lease.release(&self.reconciler.store.records).await {
            tracing::warn!(%error, "the reconciler's lease wasn't given back: the next process waits for its end");
        }
    }
}

fn publish(status: &watch::Sender<Status>, generation: GenerationId, reached: Reached) {
    status.send_modify(|status| {
        status.generation = Some(generation);
        status.position = reached.position;
        status.applied_seq = reached.applied_seq;
    });
}
