//! `mrrd close`: a month's figures are kept as they are; what changes them later is a restatement.

use super::{Context, Failure, Outcome, ask, open_store, output, up_to_date};
use crate::{
    access,
    report::{
        closing::{CloseAnswer, CloseError},
        month::Month,
        service::Reports,
    },
};

/// Closes a month: keeps its movements and totals under every profile, with the place in the log they were made from
///
/// A closed month stays as it was closed. What later events change in it is listed by `mrrd report restatements`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  mrrd close 2026-10\n  mrrd close 2026-10 --json")]
pub(super) struct Args {
    /// The month, such as 2026-10
    #[arg(value_name = "YYYY-MM")]
    month: Month,
    /// Print one JSON object with what was kept
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    let store = open_store(&config).await?;
    up_to_date::bring(&store, &config, context).await?;
    let reports = Reports { store: store.reader(), ledger: &config.ledger, now: context.clock.now() };
    let answer = reports.close(args.month, &access::at_the_command_line()).await.map_err(|error| match error {
        CloseError::Refused(reason) => Failure::Failed(reason),
        CloseError::Ask(error) => ask::failure(error),
    })?;
    if args.json {
        return Ok(output::json(&answer)?);
    }
    Ok(output::line(CloseAnswer::table(&answer).terminal())?)
}
