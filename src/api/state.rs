//! What every route is handed: the configuration, the clock, the database and the ways to the background work.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{
    access::Access,
    api::{kept::Kept, pulse::Pulse},
    background::Board,
    clock::Clock,
    config::Config,
    ingest::appender::Appender,
    receiver::intake::Intake,
    reconciler::driver as reconciler,
    report::derivations::Derivations,
    server::bodies::Bodies,
    store::ReadStore,
    telemetry::Metrics,
};

/// Shared by all routes; a clone is cheap.
#[derive(Clone, Debug)]
pub struct AppState {
    /// What the daemon was configured with.
    pub config: Arc<Config>,
    /// The only clock that requests are answered by.
    pub clock: Clock,
    /// Counters and gauges behind `/metrics`.
    pub metrics: Arc<Metrics>,
    /// Who may read figures, and who may change anything.
    pub access: Access,
    /// The log and the ledger.
    pub store: ReadStore,
    /// The way into the log: group commit, durable when it answers.
    pub appender: Appender,
    /// What bodies on their way in may hold together.
    pub bodies: Arc<Bodies>,
    /// What the reconciler last did, and the way to wake it; in a process without that role it stands still.
    pub reconciler: reconciler::Handle,
    /// How each task that runs beside requests stands.
    pub tasks: Board,
    /// How each endpoint for webhooks fares in this process.
    pub intake: Intake,
    /// Where log and figures stand, for those who listen.
    pub pulse: Pulse,
    /// Answers that can be given again while the ledger hasn't moved.
    pub kept: Kept,
    /// Ledgers as they were known at places of the log.
    pub derivations: Derivations,
    /// Turns true once the process was told to stop: nothing new is taken.
    pub draining: watch::Receiver<bool>,
}
