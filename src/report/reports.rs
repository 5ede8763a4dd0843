//! What every report is asked of, and what becomes of a question that has no answer.

use thiserror::Error;

use super::{ReportError, derivations::Derivations};
use crate::{
    config,
    ledger::time::UnixTime,
    reconciler::ReconcileError,
    store::{ReadStore, StoreError},
};

/// A question that can't be answered.
#[derive(Debug, Error)]
pub enum AskError {
    /// A parameter can't be what it is.
    #[error("{name}: {reason}")]
    Parameter {
        /// Its name in the API; the commands' flags are called the same.
        name: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// No figures under the profile have been derived yet.
    #[error(
        "no figures under {profile} have been derived yet from the {events} events of the log: serve is at it, or is \
         running under another configuration"
    )]
    NotDerived {
        /// The profile that was asked for.
        profile: String,
        /// How many events the log holds.
        events: i64,
    },
    /// The figures can't be given.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The store refused, or is in trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A prefix of the log can't be derived.
    #[error(transparent)]
    Derivation(#[from] ReconcileError),
}

/// What answers come from: a store, the configuration of its ledger, and an instant.
#[derive(Clone, Copy, Debug)]
pub struct Reports<'a> {
    /// The log and the derived tables.
    pub store: &'a ReadStore,
    /// The profiles, the default one first, and the zone.
    pub ledger: &'a config::Ledger,
    /// The instant at which figures are cut: nothing later is shown.
    pub now: UnixTime,
    /// Ledgers that others derived for the same question; `None` for who asks once.
    pub(super) shared: Option<&'a Derivations>,
}

impl<'a> Reports<'a> {
    /// Answers of a store, under the rules of a configuration, at an instant.
    pub fn new(store: &'a ReadStore, ledger: &'a config::Ledger, now: UnixTime) -> Self {
        Self { store, ledger, now, shared: None }
    }

    /// The same, sharing what is derived for it with other questions.
    pub fn sharing(self, derivations: &'a Derivations) -> Self {
        Self { shared: Some(derivations), ..self }
    }
}
