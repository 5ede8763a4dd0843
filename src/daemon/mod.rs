//! The daemon: what runs for which role, started in order, stopped in reverse so that nothing acknowledged is lost.

pub mod asked;
mod exporter;
mod health;
mod keeper;
mod metrics;
pub mod waiting;

use self::{
    exporter::Exporter,
    keeper::{Keeper, LogCounts, OlderReadings},
};
use std::{net::SocketAddr, sync::Arc, time::Instant};

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use secrecy::ExposeSecret;
use thiserror::Error;
use tokio::{net::TcpListener, sync::watch, time::timeout};

use crate::{
    access::{
        Access,
        first::{self, FirstToken, FirstTokenError},
    },
    alerts::watch::Watcher,
    api::{
        self,
        kept::Kept,
        pulse::{Looked, Pulse},
        sign_in,
        state::AppState,
    },
    background::Tasks,
    clock::Clock,
    config::{Config, Role},
    dashboard,
    feeds::Feeds,
    history::{
        backfill::Fetch,
        heal::{Healed, Healer},
        metrics::MetricsAudit,
    },
    ingest::{
        appender::{self, Appender, Writer},
        keeping,
        months::{self, Months},
        sealer::Sealer,
    },
    limits, mcp, names,
    receiver::{self, Inlet, elsewhere::Elsewhere, intake::Intake},
    reconciler::{Reconciler, Rules, driver::Driver},
    report::derivations::Derivations,
    server::{accept, body, problem::Problem},
    store::{Options, OtherLog, Store, StoreError},
    stripe::{
        client::{Client, Patience},
        signature::BlankSecret,
    },
    telemetry::{Metrics, event::LedgerHealed, traces::Traces},
};

/// Why the daemon didn't start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The database can't be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A webhook secret is blank and would accept anything.
    #[error(transparent)]
    Secret(#[from] BlankSecret),
    /// Stripe's API can't be asked.
    #[error("{0}")]
    StripeApi(String),
    /// Traces can't be posted.
    #[error("traces can't be posted: {0}")]
    Traces(String),
    /// The listener has no address.
    #[error("the listening address can't be told: {0}")]
    Address(#[from] std::io::Error),
}

/// Everything that runs in this process, for its role.
pub struct Daemon {
    address: SocketAddr,
    state: AppState,
    store: Store,
    listener: TcpListener,
    routes: Router,
    writer: Writer,
    tasks: Tasks,
    stop: watch::Sender<bool>,
    first_token: Option<FirstToken>,
}

impl Daemon {
    /// Opens the store, starts the background work and composes the routes. The listener is handed in, so that a port
    /// is never raced for; it is answered on from [`Daemon::run`] on.
    pub async fn start(config: Arc<Config>, clock: Clock, listener: TcpListener) -> Result<Self, StartError> {
        Self::start_on(config, clock, listener, OtherLog::Refuse).await
    }

    /// The same; `other_log` says what to do with a log that isn't the one remembered beside it, or ends earlier.
    pub async fn start_on(
        config: Arc<Config>,
        clock: Clock,
        listener: TcpListener,
        other_log: OtherLog,
    ) -> Result<Self, StartError> {
        let address = listener.local_addr()?;
        let options = Options { other_log, keeping: keeping::configured(&config), ..Options::default() };
        let store = Store::open_with(config.database.url.expose_secret(), &options).await?;
        // Before the first append: what it brings is to lie in its month.
        months::make_ahead(&store.log, &clock).await;
        let (stop, draining) = watch::channel(false);
        let metrics = Arc::new(Metrics::default());
        metrics.start_time_seconds.set(u64::try_from(clock.now().0).unwrap_or(0));
        let rules = Rules::load(&config.ledger, &store.records).await?;
        let (traces, exporter) = traces(&config, &clock, &metrics)?;
        let working = Reconciler::new(store.clone(), rules.clone(), clock.clone()).beside_webhooks();
        let (driver, reconciler) = Driver::new(Reconciler { traces: traces.clone(), ..working });
        let queue =
            appender::Limits { queue: config.server.max_queued_events, ..appender::Limits::for_log(&store.log) };
        let (appender, writer) = Appender::start(store.log.clone(), queue, {
            let reconciler = reconciler.clone();
            move || reconciler.notify()
        });
        let tasks = Tasks::new(clock.clone(), draining.clone());
        if let Some(exporter) = exporter {
            tasks.start(exporter);
        }
        tasks.start(OlderReadings(store.reader().log.clone()));
        tasks.start(Keeper(store.clone()));
        tasks.start(Sealer::new(store.log.clone(), store.records.clone()));
        tasks.start(Months { log: store.log.clone(), clock: clock.clone() });
        if config.server.has(Role::Reconciler) {
            tasks.start(driver);
            let (names, moved) = (config.privacy.names, reconciler.subscribe());
            tasks.start(names::Reading { store: store.clone(), names, moved });
            if let Some(healer) = healer(&config, &store, &clock, rules)? {
                let metrics = metrics.clone();
                let told = move |Healed { events, looked_up }| LedgerHealed { events, looked_up }.emit(&metrics);
                tasks.start(healer.task(reconciler.clone(), told));
            }
            if config.stripe.metrics_audit
                && let Some(client) = stripe_client(&config)?
            {
                let (store, config, clock) = (store.reader().clone(), config.clone(), clock.clone());
                tasks.start(MetricsAudit { client, store, config, clock });
            }
        }
        if config.server.has(Role::Alerts) {
            let (store, config, clock) = (store.reader().clone(), config.clone(), clock.clone());
            let watcher = Watcher::new(store.clone(), config.clone(), clock.clone(), metrics.clone());
            let working = watcher.start(&tasks, reconciler.subscribe());
            let metrics = metrics.clone();
            Feeds { store, config, clock, metrics, working, stop: draining.clone() }.start(&tasks);
        }
        let first_token = first_token(&config, &store, &clock).await;
        let access = Access::new(&config.api, address.port(), store.records.clone(), clock.clone());
        let receives = config.server.has(Role::Receiver);
        let intake = if receives { Intake::of(&config.stripe) } else { Intake::default() };
        let pulse = Pulse::default();
        if config.server.has(Role::Api) {
            tasks.start(LogCounts(store.log.clone()));
            let looked_at = Looked { store: store.reader().clone(), intake: intake.clone(), clock: clock.clone() };
            drop(tokio::spawn(pulse.clone().run(looked_at, draining.clone())));
        }
        let (bodies, board) = (Arc::default(), tasks.board().clone());
        let state = AppState {
            kept: Kept::default(),
            derivations: Derivations::default(),
            config,
            clock,
            metrics,
            access,
            store: store.reader().clone(),
            appender,
            bodies,
            reconciler,
            tasks: board,
            intake,
            pulse,
            draining,
        };
        let routes = routes(&state, traces)?;
        Ok(Self { address, state, store, listener, routes, writer, tasks, stop, first_token })
    }

    /// The token this start made, because there was none: to be shown once.
    pub fn first_token(&self) -> Option<&FirstToken> {
        self.first_token.as_ref()
    }

    /// The address it listens at, with the port that the system chose where it was asked to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `told_to_stop` ends, then drains: requests under way end, what they appended is committed, the
    /// background work stops, the database is closed.
    pub async fn run(self, told_to_stop: impl Future<Output = ()>) {
        let Self { state, store, listener, routes, writer, tasks, stop, .. } = self;
        let server = state.config.clone();
        let answering = accept::run(listener, routes, &server.server, state.metrics.clone(), state.draining.clone());
        tokio::pin!(answering);
        tokio::select! {
            () = &mut answering => {}
            () = told_to_stop => {
                tracing::info!("told to stop: requests under way are finished first");
                // Received by the tasks that hold the other end, or nobody is left to stop.
                let _ = stop.send(true);
                answering.await;
            }
        }
        // The last appenders outside the writer: once they are gone, it commits what waits and ends.
        drop(state);
        if timeout(limits::COMMIT_WAIT, writer.drained()).await.is_err() {
            tracing::error!("the log's queue could not be written in time; nothing in it was acknowledged");
        }
        tasks.ended(limits::BACKGROUND_STOP).await;
        store.close().await;
        tracing::info!("stopped");
    }
}

/// A client of Stripe's API, where a key is set.
fn stripe_client(config: &Config) -> Result<Option<Client>, StartError> {
    let Some(key) = &config.stripe.api_key else { return Ok(None) };
    Client::new(&config.stripe.api_base, key, Patience::default()).map(Some).map_err(StartError::StripeApi)
}

/// A healer, where a key is set.
fn healer(config: &Config, store: &Store, clock: &Clock, rules: Rules) -> Result<Option<Healer>, StartError> {
    let Some(client) = stripe_client(config)? else { return Ok(None) };
    let fetch = Fetch { client, store: store.clone(), clock: clock.clone() };
    Ok(Some(Healer::new(fetch, rules)))
}

/// Where spans go, and what posts them where a collector is configured.
fn traces(config: &Config, clock: &Clock, metrics: &Arc<Metrics>) -> Result<(Traces, Option<Exporter>), StartError> {
    let Some(endpoint) = &config.telemetry.otlp_endpoint else { return Ok((Traces::default(), None)) };
    let (traces, waiting) = Traces::on(clock.clone(), metrics.clone());
    let exporter = Exporter::new(endpoint, waiting, metrics.clone()).map_err(StartError::Traces)?;
    Ok((traces, Some(exporter)))
}

/// Sees to it that somebody can sign in. Whatever keeps it from that keeps no webhook out.
async fn first_token(config: &Config, store: &Store, clock: &Clock) -> Option<FirstToken> {
    if !config.server.has(Role::Api) {
        return None;
    }
    first::prepare(config, &store.records, clock.now()).await.unwrap_or_else(|error| {
        match error {
            // There is one: whoever has it signs in with it.
            FirstTokenError::Empty { .. } | FirstTokenError::Unreadable { .. } => tracing::warn!("{error}"),
            error => {
                tracing::error!(%error, "no token could be made, so nobody can sign in: `mrrd token create` makes one")
            }
        }
        None
    })
}

/// The routes of this process's roles.
fn routes(state: &AppState, traces: Traces) -> Result<Router, BlankSecret> {
    let mut routes = health::router(state.clone());
    if state.config.server.has(Role::Receiver) {
        routes = routes.merge(receiver::router(Inlet {
            config: state.config.clone(),
            clock: state.clock.clone(),
            metrics: state.metrics.clone(),
            appender: state.appender.clone(),
            bodies: state.bodies.clone(),
            intake: state.intake.clone(),
            traces,
        })?);
    }
    if state.config.server.has(Role::Api) {
        let pages = sign_in::pages(dashboard::pages(), state.clone());
        routes = routes.merge(api::router(state.clone())).merge(pages).merge(dashboard::assets());
        routes = routes.merge(sign_in::router(state.clone())).merge(mcp::router(state.clone()));
    }
    let elsewhere = Elsewhere::new(state.metrics.clone(), state.intake.clone(), state.clock.clone());
    let (here, pages) = (elsewhere.clone(), state.config.server.has(Role::Api));
    Ok(routes
        .fallback(move |request: Request| nothing_here(here.clone(), pages, request))
        .method_not_allowed_fallback(move |request: Request| not_by_this_method(elsewhere.clone(), request)))
}

/// Something answers at this address, but not this method: `Allow` names those that do.
async fn not_by_this_method(elsewhere: Elsewhere, request: Request) -> Problem {
    let since = Instant::now();
    let (head, body) = request.into_parts();
    body::discard(body).await;
    let problem = |detail: String| {
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Not by this method", detail)
    };
    let Some(detail) = Elsewhere::detail(&head) else {
        return problem(format!("{} isn't possible here: see `Allow`, or /api/openapi.json", head.method));
    };
    let problem = problem(detail.to_owned());
    elsewhere.note(&head, &problem, since);
    problem
}

/// Nothing answers at this address; `pages` says whether there are any here, so that a browser is answered with one.
async fn nothing_here(elsewhere: Elsewhere, pages: bool, request: Request) -> Response {
    let since = Instant::now();
    let (head, body) = request.into_parts();
    body::discard(body).await;
    let problem = |detail| Problem::new(StatusCode::NOT_FOUND, "not-found", "Nothing here", detail);
    if let Some(detail) = Elsewhere::detail(&head) {
        let problem = problem(detail);
        elsewhere.note(&head, &problem, since);
        return problem.into_response();
    }
    if pages && dashboard::is_for_a_reader(&head) {
        return dashboard::nothing_here();
    }
    problem("nothing answers at this address: /api/openapi.json lists what does").into_response()
}
