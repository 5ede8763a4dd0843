//! `mrrd segment`: customers by a name, saved beside the log (rule `segments`).

use clap::Subcommand;

use super::{Context, Failure, Outcome, ask, open_store, open_to_read, output};
use crate::{
    access,
    report::{
        ask::KnownAt,
        service::{AskError, Reports},
    },
    store::{StoreError, records::audit_trail::Action},
};

/// Saves, lists and drops segments: customers by a name, for --segment and segment= of every figure that takes one
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Saves a segment under a name: what it means from now on
    ///
    /// A saved one of the same name is superseded, and stays known to questions as of before. A name that the configuration has
    /// ([segments.NAME]) is refused.
    #[command(
        after_help = "Examples:\n  mrrd segment save large 'attribute:size >= 200'\n  mrrd segment save dach 'country in (DE, AT, CH) and not status = trialing'"
    )]
    Save {
        /// What it is called: lower-case letters, digits, - and _
        name: String,
        /// Of which customers it is
        #[arg(value_name = "CONDITION")]
        condition: String,
    },
    /// Lists the segments of the configuration, and those that are saved
    #[command(after_help = "Examples:\n  mrrd segment list\n  mrrd segment list --all --json")]
    List {
        /// Also versions that were superseded or dropped, or whose name the configuration has
        #[arg(long)]
        all: bool,
        /// As known at an instant, or at a place in the log
        #[arg(long, value_name = "WHEN", value_parser = ask::known_at)]
        as_known_at: Option<KnownAt>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Drops a saved segment: its name means nothing from now on
    #[command(after_help = "Examples:\n  mrrd segment drop large")]
    Drop {
        /// What it is called
        name: String,
    },
}

fn failed(error: StoreError) -> Failure {
    Failure::Failed(error.to_string())
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    let now = context.clock.now();
    match &args.command {
        Command::Save { name, condition } => {
            let store = open_store(&config).await?;
            let reports = Reports::new(store.reader(), &config.ledger, now);
            let new = reports.segment_to_save(name, condition).await.map_err(|error| match error {
                // Neither is an option.
                AskError::Parameter { name, reason } => Failure::Usage(format!("{name}: {reason}")),
                error => ask::failure(error),
            })?;
            if new.is_there {
                return Ok(output::line(format_args!("{name} is saved already: {}", new.condition))?);
            }
            let deed = access::at_the_command_line().does(now, Action::SegmentSaved, new.name.clone());
            let deed = deed.saying(new.condition.clone());
            let before = reports.saved_segment(name).await.map_err(ask::failure)?;
            store.records.save_segment(&new.name, Some(&new.condition), &deed).await.map_err(failed)?;
            let condition = &new.condition;
            Ok(output::line(match before {
                Some(before) => {
                    format!("{name} is saved: {condition}; questions as of before still know it as {before}")
                }
                None => format!("{name} is saved: {condition}"),
            })?)
        }
        Command::List { all, as_known_at, json } => {
            let store = open_to_read(&config).await?;
            let reports = Reports::new(store.reader(), &config.ledger, now);
            let list = reports.segments(*as_known_at, *all).await.map_err(ask::failure)?;
            if *json {
                return Ok(output::json(&list)?);
            }
            if list.data.is_empty() {
                return Ok(output::line("No segments: mrrd segment save NAME CONDITION saves one.")?);
            }
            // Which number a version has among those of all names says nothing of it: a reader takes it for its own.
            Ok(output::line(list.table().without("version").shown(true))?)
        }
        Command::Drop { name } => {
            let store = open_store(&config).await?;
            let reports = Reports::new(store.reader(), &config.ledger, now);
            if reports.saved_segment(name).await.map_err(ask::failure)?.is_none() {
                let why = match config.ledger.segments.contains_key(name.as_str()) {
                    true => format!("{name} is of the configuration: take [segments.{name}] out there"),
                    false => format!("no segment {name:?} is saved: mrrd segment list shows those that are"),
                };
                return Err(Failure::Failed(why));
            }
            let deed = access::at_the_command_line().does(now, Action::SegmentDropped, name.clone());
            store.records.save_segment(name, None, &deed).await.map_err(failed)?;
            Ok(output::line(format_args!("{name} is dropped; questions as of before still know it"))?)
        }
    }
}
