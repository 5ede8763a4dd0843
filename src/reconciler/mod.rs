//! The reconciler: works at its own pace to make the derived tables say what the log says.
//!
//! It has no input. Whenever it wakes it looks at the state of things and does what is due: moves the position, marks
//! the customers touched, derives each anew and replaces its rows. A kill at any instruction leaves nothing to repair
//! (docs/decisions/005-customer-is-the-unit.md, docs/decisions/006-no-row-depends-on-when.md, docs/decisions/008-rebuild-by-generation.md, docs/decisions/018-reconciler-without-input.md).

mod catalogue;
pub mod changes;
pub mod customers;
pub mod derivation;
pub mod driver;
mod fill;
pub(crate) mod guard;
pub(crate) mod joining;
pub mod known_at;
mod meanwhile;
pub mod planned;
pub mod rebuild;
pub mod rules;
mod throttle;
mod traced;
pub mod verify;

pub mod work;

use std::{sync::Arc, time::Duration};

use thiserror::Error;

use crate::{
    clock::Clock,
    event::CustomerKey,
    limits,
    store::{Store, StoreError},
    telemetry::traces::Traces,
};
pub use rules::Rules;

/// What every part of the reconciler works with; a clone is cheap.
#[derive(Clone, Debug)]
pub struct Reconciler {
    /// The log and the derived tables.
    pub store: Store,
    /// What rows are derived under.
    pub rules: Arc<Rules>,
    /// Tells the time to status and messages; nothing that is derived asks it.
    pub clock: Clock,
    /// How many threads derive at once.
    pub workers: usize,
    /// How long the old generation is kept after a switch where it joins customers, for requests that still ask it; at most
    /// [`limits::GENERATION_LOOKUP`] where it doesn't.
    pub grace: Duration,
    /// How long its leases hold without renewal.
    pub lease: Duration,
    /// From how many events behind a ledger is filled afresh.
    pub far_behind: i64,
    /// From how many customers that wait on, more than half of all.
    pub many_waiting: u64,
    /// Where spans go.
    pub traces: Traces,
}

/// The lease of incremental work: one process at a time, so that none does it twice.
const INCREMENTAL: &str = "reconciler";
/// The lease of making, switching and removing generations.
const GENERATIONS: &str = "generations";

impl Reconciler {
    /// A reconciler that uses every core.
    pub fn new(store: Store, rules: Rules, clock: Clock) -> Self {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            store,
            rules: Arc::new(rules),
            clock,
            workers,
            grace: limits::GENERATION_GRACE,
            lease: limits::LEASE,
            far_behind: limits::FAR_BEHIND_EVENTS,
            many_waiting: limits::FAR_BEHIND_CUSTOMERS,
            traces: Traces::default(),
        }
    }

    /// One that leaves half the cores to webhooks, which come first.
    pub fn beside_webhooks(self) -> Self {
        Self { workers: self.workers.div_ceil(2), ..self }
    }
}

/// Why something due couldn't be done. The next activation tries again.
#[derive(Debug, Error)]
pub enum ReconcileError {
    /// The database failed, or holds what it can't.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A customer's ledger can't be derived or kept; the others go on without it.
    #[error("the ledger of {} can't be brought up to date: {reason}", name(customer))]
    Customer {
        /// The customer whose ledger can't be derived.
        customer: CustomerKey,
        /// What went wrong with it, in words.
        reason: String,
    },
    /// The ledger was rebuilt meanwhile by a process with other rules.
    #[error(
        "the ledger is kept by a process with another configuration or version (differs in: {0}): restart this one with the same"
    )]
    OtherRules(String),
    /// A lease is held by another process.
    #[error("another process is rebuilding the ledger: wait for it, or end it")]
    Busy,
    /// Told to stop before it was done; what was begun is removed at the next start.
    #[error("stopped before it was done")]
    Stopped,
    /// A thread that derived ledgers died.
    #[error("a worker thread died: {0}")]
    Worker(String),
}

/// The customer's id with its account; no personal data.
pub(crate) fn name(key: &CustomerKey) -> String {
    let account = key.account.as_ref().map_or(String::new(), |account| format!(" of {account}"));
    format!("{}{account}{}", key.customer, if key.livemode { "" } else { " (test mode)" })
}
