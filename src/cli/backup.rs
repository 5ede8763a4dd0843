//! `mrrd backup`: log and records in a folder of their own, or in another database, while `serve` runs.

use std::path::{Path, PathBuf};

use super::{
    Context, Failure, Outcome,
    backup_steps::{failure, said},
    open_to_read, output,
    progress::progress_bar,
    restore,
};
use crate::{
    backup::{self, Manifest},
    clock::Clock,
    config::Database,
    store::Store,
};

/// Makes a back-up of the log and of everything kept beside it, as of one instant, and verifies it
///
/// Runs beside a live `serve`. A back-up is a folder with one file, whichever database it is of, and a manifest that is written
/// last: how far the log goes, the head of its seals, rows and digests. Derived tables don't go along: they are made again.
/// A URL names an empty database instead, which then holds the same (a copy lies in the folder for temporary files meanwhile).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    mrrd backup /var/backups/mrrd/$(date +%F)\n  \
    mrrd backup sqlite://copy/mrrd.db\n  \
    mrrd backup /mnt/elsewhere/mrrd --json")]
pub(super) struct Args {
    /// A new or empty folder, or the URL of an empty database (sqlite://PATH or postgres://…)
    #[arg(value_name = "DIR|URL")]
    to: String,
    /// Print the manifest as one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let store = open_to_read(&*context.load()?).await?;
    let manifest = if args.to.contains("://") {
        if !Database::is_url(&args.to) {
            let reason = format!("no back-up was made: where to must be a folder or {}", Database::URLS);
            return Err(Failure::Usage(reason));
        }
        let folder = Temporary::made()?;
        let manifest = made(&store, &folder.0.join("backup"), &context.clock).await?;
        let (_, restored) = restore::restored(&folder.0.join("backup"), &args.to).await?;
        restored.close().await;
        manifest
    } else {
        made(&store, Path::new(&args.to), &context.clock).await?
    };
    if args.json {
        return Ok(output::json(&manifest)?);
    }
    let to = if args.to.contains("://") { "the other database" } else { &args.to };
    output::line(format_args!("{} events up to {} are in {to}, and verified", manifest.events, manifest.last_seq))?;
    if let Some(head) = &manifest.seal_head {
        output::line(format_args!("keep this line elsewhere: {head}"))?;
    }
    Ok(())
}

async fn made(store: &Store, folder: &Path, clock: &Clock) -> Result<Manifest, Failure> {
    let bar = progress_bar();
    let told = |step| bar.set_message(said(step));
    let made = backup::make(store, folder, clock, told).await;
    bar.finish_and_clear();
    made.map_err(|error| failure("no back-up was made", error))
}

/// A folder that is gone with the command.
struct Temporary(PathBuf);

impl Temporary {
    fn made() -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("mrrd-backup-{}", std::process::id()));
        let made = backup::private_folder(&folder);
        made.map_err(|error| Failure::Failed(format!("{} can't be made: {error}", folder.display())))?;
        Ok(Self(folder))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("mrrd: {} can't be removed: {error}", self.0.display());
        }
    }
}
