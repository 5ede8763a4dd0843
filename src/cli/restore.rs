//! `mrrd restore`: a back-up into an empty database, with its figures.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;

use super::{
    Context, Failure, Outcome,
    backup_steps::{failure, said},
    output,
    progress::progress_bar,
    up_to_date,
};
use crate::{
    access::at_the_command_line,
    backup::{Manifest, restore},
    config::Database,
    ingest::months,
    store::{Store, records::audit_trail::Action},
};

/// Restores a back-up into an empty database and verifies it there; then computes its figures
///
/// The back-up is held against its manifest first: one that is damaged, or was never finished, is refused before anything is
/// written. So is a database that holds anything already. A back-up of SQLite can be restored into PostgreSQL and the other
/// way round; one of an older version is brought up to date.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    mrrd restore /var/backups/mrrd/2026-11-02\n  \
    mrrd restore /var/backups/mrrd/2026-11-02 --to sqlite://restored/mrrd.db")]
pub(super) struct Args {
    /// The back-up's folder
    #[arg(value_name = "DIR")]
    from: PathBuf,
    /// Where to [default: database.url]
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Print the manifest as one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    let url = args.to.as_deref().unwrap_or_else(|| config.database.url.expose_secret());
    let (manifest, store) = restored(&args.from, url).await?;
    months::make_ahead(&store.log, &context.clock).await;
    let deed = at_the_command_line().does(context.clock.now(), Action::BackupRestored, args.from.display().to_string());
    let said = format!("{} events up to {}, made at {}", manifest.events, manifest.last_seq, manifest.made_at);
    let kept = store.records.record(&deed.saying(said)).await;
    kept.map_err(|error| Failure::Failed(format!("it is restored, but the audit trail can't be kept: {error}")))?;
    // Whoever starts on it next answers with its figures, not with none.
    up_to_date::bring(&store, &config, context).await?;
    store.close().await;
    if args.json {
        return Ok(output::json(&manifest)?);
    }
    Ok(output::line(format_args!(
        "{} events up to {} are restored and verified, as they were at {}; what came since is missing: mrrd backfill asks Stripe for it",
        manifest.events, manifest.last_seq, manifest.made_at
    ))?)
}

/// Restores the back-up in `folder` into the database at `url`.
pub(super) async fn restored(folder: &Path, url: &str) -> Result<(Manifest, Store), Failure> {
    if !Database::is_url(url) {
        // A URL may hold a password: what was given isn't repeated.
        return Err(Failure::Usage(format!("nothing was restored: where to must be {}", Database::URLS)));
    }
    let bar = progress_bar();
    let outcome = restore(folder, url, |step| bar.set_message(said(step))).await;
    bar.finish_and_clear();
    outcome.map_err(|error| failure("nothing was restored", error))
}
