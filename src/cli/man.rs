//! `mrrd man`: the manual's pages, one for each command.

use std::path::PathBuf;

use clap::CommandFactory;

use super::{Cli, Failure, Outcome, output};

/// Writes the manual's pages, one for each command
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mrrd man ~/.local/share/man/man1\n  mrrd man /tmp/man && man -l /tmp/man/mrrd-report.1"
)]
pub(super) struct Args {
    /// The folder they are written to; made where it isn't there
    folder: PathBuf,
}

pub(super) fn run(args: &Args) -> Outcome {
    let shown = args.folder.display();
    let failed = |error: std::io::Error| Failure::Failed(format!("{shown} can't be written: {error}"));
    std::fs::create_dir_all(&args.folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), &args.folder).map_err(failed)?;
    Ok(output::line(format_args!("{shown} holds mrrd.1 and a page for each command"))?)
}
