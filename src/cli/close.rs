//! `mrrd close`: a month's figures are kept as they are; what changes them later is a restatement.

use std::io::{IsTerminal, Write as _};

use super::{
    Context, Failure, Outcome, ask, open_store, output,
    up_to_date::{self, Brought},
};
use crate::{
    access,
    report::{
        closing::{Close, CloseAnswer, CloseError},
        closing_text::ClosingsListed,
        month::Month,
        service::{AskError, Reports},
    },
    store::records::audit_trail::Actor,
};

/// Closes a month: keeps its movements and totals under every profile, with the place in the log they were made from
///
/// A closed month stays as it was closed. What later events change in it is listed by `mrrd report restatements`. On a
/// terminal the figures are shown and asked about first; without one, and with --yes or --json, the month is closed at once.
/// Months are closed in order, from whichever is closed first on: earlier ones are closed after it only with --force.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  mrrd close 2026-10 --dry-run\n  mrrd close 2026-10 --yes\n  \
    mrrd close 2026-10 --supersede --reason \"a refund of September was booked late\"\n  mrrd close list"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// The month, such as 2026-10
    #[arg(value_name = "YYYY-MM", required = true)]
    month: Option<Month>,
    /// Don't ask
    #[arg(long)]
    yes: bool,
    /// Only show what would be kept
    #[arg(long)]
    dry_run: bool,
    /// Also a month before the ledger began, or out of order
    #[arg(long)]
    force: bool,
    /// Close a closed month anew; the closing there is stays, superseded
    #[arg(long, requires = "reason")]
    supersede: bool,
    /// Why a closing is superseded, kept with the new one
    #[arg(long, requires = "supersede")]
    reason: Option<String>,
    /// Who closes it, kept with the closing [default: the account of the system that this command runs as]
    #[arg(long, value_name = "NAME", value_parser = name)]
    by: Option<String>,
    /// Print one JSON object with what was kept, amounts in minor units
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Lists every closing with who made it when, and those that were superseded with why
    #[command(after_help = "Examples:\n  mrrd close list\n  mrrd close list --format csv")]
    List {
        #[command(flatten)]
        output: ask::Output,
    },
}

/// Somebody's name, as it is kept.
fn name(text: &str) -> Result<String, String> {
    let name = text.trim();
    let is_one = !name.is_empty() && !name.chars().any(char::is_control);
    if is_one { Ok(name.to_owned()) } else { Err("a name is expected, such as \"Ada Lovelace\"".into()) }
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    let store = open_store(&config).await?;
    if let Some(Command::List { output }) = &args.command {
        let listed = ClosingsListed::read(&store.records).await;
        let listed = listed.map_err(|error| Failure::Failed(format!("the closings can't be read: {error}")))?;
        if listed.data.is_empty() && output.is_table() {
            return Ok(output::line("No month is closed yet: mrrd close YYYY-MM closes one.")?);
        }
        return Ok(output.print(&listed, &ask::Told::default(), ClosingsListed::table)?);
    }
    let month = args.month.ok_or_else(|| Failure::Usage("which month? such as 2026-10".into()))?;
    if up_to_date::bring(&store, &config, context).await? == Brought::UntilTheDiskWasFull {
        return Err(Failure::Failed(format!(
            "{month} is not closed: its figures may lack what the log holds already; make room on the disk that the ledger lies on, \
             and close it again"
        )));
    }
    let reports = Reports::new(store.reader(), &config.ledger, context.clock.now());
    let by = match &args.by {
        Some(who) => Actor { who: who.clone(), ..access::at_the_command_line() },
        None => access::at_the_command_line(),
    };
    let close = Close {
        force: args.force,
        supersede: args.reason.as_deref().filter(|_| args.supersede),
        dry_run: args.dry_run,
        ..Close::for_month(month, &by)
    };
    if !args.yes && !args.dry_run && !args.json && std::io::stdin().is_terminal() {
        let would = kept(&reports, &Close { dry_run: true, ..close.clone() }).await?;
        output::line(would.text())?;
        confirmed(month)?;
    }
    let answer = kept(&reports, &close).await?;
    if args.json { Ok(output::json(&answer)?) } else { Ok(output::line(answer.text())?) }
}

async fn kept(reports: &Reports<'_>, close: &Close<'_>) -> Result<CloseAnswer, Failure> {
    reports.close(close).await.map_err(|error| match error {
        CloseError::Refused(reason) => Failure::Failed(reason),
        CloseError::Ask(error @ AskError::Parameter { .. }) => ask::failure(error),
        CloseError::Ask(error) => Failure::Failed(format!("the month is not closed: {error}")),
    })
}

fn confirmed(month: Month) -> Outcome {
    // Where the figures go to a file, the question is still seen.
    eprint!("\nClose {month} with these figures? They stay as they are. [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if answer.trim().eq_ignore_ascii_case("y") { Ok(()) } else { Err(Failure::Failed("nothing was closed".into())) }
}
