//! `mrrd alerts`: what was raised, to whom it is sent, and what the account's own history would have raised.

mod backtest;
mod keeping;
mod test;

use clap::Subcommand;

use super::{Context, Outcome};

/// Alerts on churn and on the ledger itself, calibrated to the account's own history
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The latest alerts, and what became of their messages
    #[command(after_help = "Examples:\n  mrrd alerts list\n  mrrd alerts list --open --json")]
    List(keeping::ListArgs),
    /// All that one alert says
    #[command(after_help = "Examples:\n  mrrd alerts show al_0123456789abcdef01234567")]
    Show(keeping::ShowArgs),
    /// Takes an alert on, so that others see that somebody has
    #[command(after_help = "Examples:\n  mrrd alerts ack al_0123456789abcdef01234567 --by ada")]
    Ack(keeping::AckArgs),
    /// Lets a rule tell nobody for a while; what it finds is still kept and listed
    #[command(
        after_help = "Examples:\n  mrrd alerts mute churn_spike --days 3 --note \"moving plans\"\n  mrrd alerts mute all --days 1"
    )]
    Mute(keeping::MuteArgs),
    /// Lets a muted rule speak again
    #[command(after_help = "Examples:\n  mrrd alerts unmute churn_spike")]
    Unmute(keeping::UnmuteArgs),
    /// Notes a planned event: alerts of its days are kept, carry the note, and wake nobody
    #[command(
        after_help = "Examples:\n  mrrd alerts plan 2026-03-01 2026-03-07 \"prices rise\"\n  mrrd alerts plan --remove 3"
    )]
    Plan(keeping::PlanArgs),
    /// Sends a sample to a channel
    #[command(after_help = "Examples:\n  mrrd alerts test finance\n  mrrd alerts test --all --json")]
    Test(test::TestArgs),
    /// Replays history day by day and says when each rule would have fired, and how often by chance
    #[command(
        after_help = "Examples:\n  mrrd alerts backtest\n  mrrd alerts backtest --from 2026-01-01 --false-alerts 1 --json"
    )]
    Backtest(backtest::BacktestArgs),
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    match &args.command {
        Command::List(args) => keeping::list(args, context).await,
        Command::Show(args) => keeping::show(args, context).await,
        Command::Ack(args) => keeping::acknowledge(args, context).await,
        Command::Mute(args) => keeping::mute(args, context).await,
        Command::Unmute(args) => keeping::unmute(args, context).await,
        Command::Plan(args) => keeping::plan(args, context).await,
        Command::Test(args) => test::run(args, context).await,
        Command::Backtest(args) => backtest::run(args, context).await,
    }
}
