//! `mrrd serve`: the daemon itself.

use std::time::Duration;

use tokio::net::TcpListener;

use super::{Context, Failure, Outcome, first_sign_in, listening, output, signals::Signals, values};
use crate::{
    config::{DatabaseKind, Role},
    daemon::{Daemon, waiting},
    store::OtherLog,
    telemetry::{self, trouble::Trouble},
};

/// Takes Stripe's webhooks in and keeps the ledger, in one process
///
/// Runs until SIGTERM or Ctrl-C, then finishes what is under way and ends with 0. Logs go to standard error; the
/// address goes to standard output as `listening on http://HOST:PORT`. Without api.tokens the first start makes a token,
/// writes it beside the database (mrrd.token) and prints a link that signs in with it, once; `mrrd token link` prints it again.
/// Where what is printed goes to a journal or a container's log, it names only that command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    MRRD_STRIPE__WEBHOOK_SECRETS=whsec_… mrrd serve\n  \
    mrrd serve --config /etc/mrrd/mrrd.toml --wait-for 60")]
pub(super) struct Args {
    /// How long to wait for a database that isn't there, answering 503 meanwhile [default: PostgreSQL as long as it
    /// takes, SQLite only while the disk is full]
    #[arg(long, value_name = "SECONDS", value_parser = values::seconds::<u64>(60))]
    wait_for: Option<u64>,
    /// Go on, knowingly, with a log that is another one than before, or has lost something
    #[arg(long)]
    accept_shorter_log: bool,
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
    let cannot = |error: &dyn std::fmt::Display| Failure::Failed(format!("the daemon can't start: {error}"));
    let listener = TcpListener::bind(listen).await;
    let listener = listener.map_err(|error| Failure::Failed(listening::refused(listen, &error)))?;
    let address = listener.local_addr().map_err(|error| cannot(&error))?;
    let mut signals = Signals::of_daemon().map_err(|error| cannot(&error))?;
    let say_where = || {
        tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "mrrd is listening");
        output::line(format_args!("listening on http://{address}"))
    };
    let patience = match args.wait_for {
        Some(seconds) => Some(Duration::from_secs(seconds)),
        // A full disk has room again sooner or later; what else is wrong with a file is for somebody to put right.
        None if config.database.kind() == DatabaseKind::Sqlite && !waiting::is_disk_full(&config) => {
            Some(Duration::ZERO)
        }
        None => None,
    };
    // Where waiting is of no use, the start itself says why the database can't be opened.
    let trouble = Trouble::default();
    let waits = patience != Some(Duration::ZERO)
        && !waiting::is_there(&config, &trouble).await.map_err(|error| cannot(&error))?;
    let listener = if waits {
        say_where()?;
        let (ours, daemons) = twice(listener).map_err(|error| cannot(&error))?;
        tokio::select! {
            outcome = waiting::for_database(&config, ours, patience, &trouble) => outcome.map_err(|error| cannot(&error))?,
            () = signals.first() => return Ok(()),
        }
        daemons
    } else {
        listener
    };
    let other_log = if args.accept_shorter_log { OtherLog::Accept } else { OtherLog::Refuse };
    let started = Daemon::start_on(config, context.clock.clone(), listener, other_log).await;
    let daemon = started.map_err(|error| cannot(&error))?;
    if !waits {
        say_where()?;
    }
    if let Some(first) = daemon.first_token() {
        first_sign_in::tell(first, address, context)?;
    }
    daemon.run(signals.first()).await;
    Ok(())
}

/// The same socket for two accept loops, one after the other: who connects in between waits in its queue.
fn twice(listener: TcpListener) -> std::io::Result<(TcpListener, TcpListener)> {
    let listener = listener.into_std()?;
    Ok((TcpListener::from_std(listener.try_clone()?)?, TcpListener::from_std(listener)?))
}
