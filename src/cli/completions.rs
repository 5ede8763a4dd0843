//! `mrrd completions`: what a shell needs to complete commands and options.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, Outcome};

/// Prints completions for a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mrrd completions bash > /etc/bash_completion.d/mrrd\n  mrrd completions zsh > ~/.zfunc/_mrrd"
)]
pub(super) struct Args {
    /// Which shell
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "mrrd", &mut script);
    Ok(std::io::Write::write_all(&mut std::io::stdout().lock(), &script)?)
}
