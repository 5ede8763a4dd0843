//! `mrrd serve`: the daemon itself.

use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::net::TcpListener;

use super::{Context, Failure, Outcome, output};
use crate::{
    config::Role,
    server::daemon::{self, Daemon},
    telemetry,
};

/// Takes Stripe's webhooks in and keeps the ledger, in one process
///
/// Runs until SIGTERM or Ctrl-C, then finishes what is under way and ends with 0. Logs go to standard error; the
/// address goes to standard output as `listening on http://HOST:PORT`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    MRRD_STRIPE__WEBHOOK_SECRETS=whsec_… mrrd serve\n  \
    mrrd serve --config /etc/mrrd/mrrd.toml --wait-for 60")]
pub(super) struct Args {
    /// Wait up to so many seconds for a database that is still coming up
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait_for: u64,
}

const NO_SECRET: &str = "no webhook secret is set, so no webhook could be verified.\n\
    Set stripe.webhook_secrets in the configuration, or MRRD_STRIPE__WEBHOOK_SECRETS, or \
    MRRD_STRIPE__WEBHOOK_SECRETS_FILE.\n\
    It is the endpoint's signing secret, whsec_…: in Stripe's Dashboard under Developers, Webhooks.\n\
    To look around without one: mrrd demo. To load history without one: mrrd replay.";

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    if config.server.has(Role::Receiver) && !config.stripe.can_verify() {
        return Err(Failure::Usage(NO_SECRET.into()));
    }
    telemetry::init(&config.log);
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let listen = config.server.listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        Failure::Failed(format!("{listen} can't be listened on: {error}; is mrrd running already? See server.listen"))
    })?;
    let cannot = |error: &dyn std::fmt::Display| Failure::Failed(format!("the daemon can't start: {error}"));
    if args.wait_for > 0 {
        let patience = Duration::from_secs(args.wait_for);
        daemon::wait_for_database(config.database.url.expose_secret(), patience)
            .await
            .map_err(|error| cannot(&error))?;
    }
    let signals = Signals::new().map_err(|error| cannot(&error))?;
    let daemon = Daemon::start(config, context.clock.clone(), listener).await.map_err(|error| cannot(&error))?;
    let address = daemon.address();
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "mrrd is listening");
    output::line(format_args!("listening on http://{address}"))?;
    daemon.run(signals.first()).await;
    Ok(())
}

/// SIGTERM and SIGINT, caught from before the start on.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Ends with the first of them.
    async fn first(mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        #[cfg(not(unix))]
        drop(tokio::signal::ctrl_c().await);
    }
}
