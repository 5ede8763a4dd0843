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
    Ok(std::io::Write::write_all(&mut std::io::stdout().lock(), &script(args.shell))?)
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mrrd", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_complete_values_too() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            // Each shell escapes in its own way what it takes for its own.
            let script = String::from_utf8(script(shell)).unwrap().replace('\\', "");
            // A rule's name has no option before it: fish is told of options only.
            let rule = (shell != Shell::Fish).then_some("one-answer-one-ledger");
            for values in ["chartmogul", "cohort", "metadata:", "quarter", "reporting", "minor"].into_iter().chain(rule)
            {
                assert!(script.contains(values), "{shell} doesn't offer {values}");
            }
        }
    }
}
