//! `mrrd config`: is the configuration sound, and where does each value come from?

use clap::Subcommand;
use serde_json::json;

use super::{Context, Failure, Outcome, output};
use crate::config::DEFAULTS;

/// Checks or shows the configuration
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reads the configuration as `serve` would and names every fault and risk
    #[command(after_help = "Examples:\n  mrrd config check\n  mrrd config check --config /etc/mrrd/mrrd.toml --json")]
    Check {
        /// Print {"ok":…,"errors":[…],"warnings":[…]}
        #[arg(long)]
        json: bool,
    },
    /// Prints every setting and where it was set; secrets only as being set
    #[command(
        after_help = "Examples:\n  mrrd config show\n  mrrd config show --json\n  mrrd config show --defaults > mrrd.toml"
    )]
    Show {
        /// Print a list of {"key":…,"value":…,"origin":…}
        #[arg(long, conflicts_with = "defaults")]
        json: bool,
        /// Print the built-in defaults with their documentation: a file to start from
        #[arg(long)]
        defaults: bool,
    },
}

pub(super) fn run(args: &Args, context: &Context) -> Outcome {
    match args.command {
        Command::Check { json } => check(context, json),
        Command::Show { defaults: true, .. } => Ok(output::line(DEFAULTS.trim_end())?),
        Command::Show { json, .. } => show(context, json),
    }
}

fn check(context: &Context, json: bool) -> Outcome {
    let loaded = context.load();
    if json {
        let (errors, warnings) = match &loaded {
            Ok(config) => (Vec::new(), config.warnings()),
            Err(Failure::Usage(faults)) => (faults.lines().map(str::to_owned).collect(), Vec::new()),
            Err(_) => (Vec::new(), Vec::new()),
        };
        output::json(&json!({ "ok": loaded.is_ok(), "errors": errors, "warnings": warnings }))?;
    }
    let config = loaded?;
    if !json {
        for warning in config.warnings() {
            output::line(format_args!("warning: {warning}"))?;
        }
        if !config.stripe.can_verify() {
            output::line("note: no webhook secret is set: `serve` will refuse to start, all else works")?;
        }
        output::line("the configuration is sound")?;
    }
    Ok(())
}

fn show(context: &Context, json: bool) -> Outcome {
    let config = context.load()?;
    if json {
        return Ok(output::json(&config.settings)?);
    }
    for setting in &config.settings {
        output::line(format_args!("{} = {}  # {}", setting.key, setting.value, setting.origin))?;
    }
    Ok(())
}
