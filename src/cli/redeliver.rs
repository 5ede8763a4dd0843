//! `mrrd replay --to`: the log's events to another endpoint, each signed anew.

use std::path::PathBuf;

use super::{Context, Failure, Outcome, instant, open_to_read, output, progress::progress_bar, values};
use crate::{
    event::Seq,
    history::{
        redeliver::{Endpoint, Redelivery},
        replay::Counts,
    },
    ledger::time::UnixTime,
    report::table::printable,
    store::log::EventFilter,
    stripe::signature::SigningSecret,
};

/// Which events go where.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Sending the log's events on")]
pub(super) struct Args {
    /// Send the log's events to this webhook endpoint instead, signed as Stripe would. What the API answered stays behind: it
    /// is no event
    #[arg(long, value_name = "URL")]
    pub(super) to: Option<String>,
    /// Signing secret of that endpoint
    #[arg(long, value_name = "SECRET", requires = "to", conflicts_with = "secret_file")]
    secret: Option<String>,
    /// File that holds it, so that it doesn't show in the list of processes
    #[arg(long, value_name = "FILE", requires = "to")]
    secret_file: Option<PathBuf>,
    /// Only events created at or after: a day, an instant or Unix seconds
    #[arg(long, value_name = "WHEN", requires = "to", value_parser = instant::parse)]
    since: Option<UnixTime>,
    /// Only events created before
    #[arg(long, value_name = "WHEN", requires = "to", value_parser = instant::parse)]
    until: Option<UnixTime>,
    /// Only what comes after this place in the log: where a run that was stopped goes on
    #[arg(long, value_name = "SEQ", requires = "to", default_value_t = Seq::START, value_parser = values::place())]
    after: Seq,
    /// Only events of this type; `invoice.*` takes all that begin so
    #[arg(long = "type", value_name = "TYPE", requires = "to")]
    kind: Option<String>,
    /// At most so many events a second
    #[arg(long, value_name = "N", requires = "to", value_parser = values::number::<u32>(1..=i64::from(u32::MAX), 20))]
    rate: Option<u32>,
}

pub(super) async fn run(url: &str, args: &Args, json: bool, dry_run: bool, context: &Context) -> Outcome {
    let secret = match (&args.secret, &args.secret_file) {
        (Some(secret), _) => secret.clone(),
        (None, Some(path)) => std::fs::read_to_string(path)
            .map_err(|error| Failure::Usage(format!("{} can't be read: {error}", path.display())))?
            .trim()
            .to_owned(),
        (None, None) => {
            return Err(Failure::Usage("--to needs --secret or --secret-file: the endpoint's signing secret".into()));
        }
    };
    let secret = SigningSecret::new(&secret).map_err(|error| Failure::Usage(error.to_string()))?;
    let endpoint = Endpoint::new(url, secret, context.clock.clone()).map_err(Failure::Usage)?;
    let config = context.load()?;
    let store = open_to_read(&config).await?;
    let filter =
        EventFilter { kind: args.kind.clone(), since: args.since, until: args.until, ..EventFilter::default() };
    let bar = progress_bar();
    let redelivery = Redelivery { filter, after_seq: args.after, rate_per_second: args.rate, dry_run };
    let sent = redelivery
        .run(&store, &endpoint, |counts, refused| {
            bar.set_message(said(counts, dry_run));
            if let Some(reason) = refused {
                bar.suspend(|| eprintln!("mrrd: {}", printable(&reason)));
            }
        })
        .await;
    bar.finish_and_clear();
    let counts = sent.map_err(Failure::Failed)?;
    if json {
        output::json(&counts)?
    } else {
        output::line(said(&counts, dry_run))?
    }
    if counts.rejected > 0 { Err(Failure::Said) } else { Ok(()) }
}

fn said(counts: &Counts, dry_run: bool) -> String {
    let Counts { read, appended, duplicates, rejected, .. } = counts;
    if dry_run {
        return format!("{read} would be sent");
    }
    format!("{read} sent: {appended} taken, {duplicates} known there, {rejected} refused")
}
