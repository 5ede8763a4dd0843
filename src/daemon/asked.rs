//! What routes are handed where no daemon runs: a command that answers questions by itself.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{
    access::Access,
    api::{kept::Kept, pulse::Pulse, state::AppState},
    background::Tasks,
    clock::Clock,
    config::Config,
    ingest::appender::{self, Appender},
    receiver::intake::Intake,
    reconciler::{Reconciler, Rules, driver::Driver},
    report::derivations::Derivations,
    store::{Store, StoreError},
    telemetry::Metrics,
};

/// The state of routes that are only asked. Nothing runs beside them; what comes with it is to be held while they are asked.
pub async fn state(
    config: Arc<Config>,
    clock: Clock,
    store: &Store,
) -> Result<(AppState, watch::Sender<bool>), StoreError> {
    let (stop, draining) = watch::channel(false);
    let rules = Rules::load(&config.ledger, &store.records).await?;
    let (_, reconciler) = Driver::new(Reconciler::new(store.clone(), rules, clock.clone()));
    let (appender, _) = Appender::start(store.log.clone(), appender::Limits::for_log(&store.log), || ());
    let access = Access::new(&config.api, config.server.listen.port(), store.records.clone(), clock.clone());
    let state = AppState {
        config,
        tasks: Tasks::new(clock.clone(), draining.clone()).board().clone(),
        clock,
        metrics: Arc::new(Metrics::default()),
        access,
        store: store.reader().clone(),
        appender,
        bodies: Arc::default(),
        reconciler,
        intake: Intake::default(),
        pulse: Pulse::default(),
        kept: Kept::default(),
        derivations: Derivations::default(),
        draining,
    };
    Ok((state, stop))
}
