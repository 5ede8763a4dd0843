//! `mrrd import`: what is known beside Stripe, of customers and of what was spent, taken in from files (rules `attributes` and
//! `unit-economics`).

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::{
    Context, Failure, Outcome, ask, input::text_of, open_store, open_to_read, output, progress::progress_bar,
    up_to_date,
};
use crate::{
    access::at_the_command_line,
    config::{Config, Names},
    history::{attributes, imported::ImportAnswer, spend},
    ledger::time::Day,
    limits, names,
    report::service::Reports,
    store::records::audit_trail::Action,
};

/// Takes in what is known beside Stripe, such as customers' size or industry and what was spent, dated and kept for ever
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Takes attributes of customers in, from lines of customer,key,value or customer,key,value,valid_from
    ///
    /// A customer is named by Stripe's id, as metadata:KEY=VALUE of a key that ledger.metadata_keys keeps, or by e-mail where
    /// privacy.show_names lets names be kept. A value holds from its day on; an empty one ends what was told before. Of
    /// several for the same customer, key and day the last holds: a correction is a new line. Lines that can't be taken are
    /// named and set aside. Ends with 1 when no line could be taken.
    #[command(
        after_help = "Examples:\n  mrrd import attributes customers.csv --dry-run\n  mrrd import attributes customers.csv\n  mrrd import attributes crm.csv --valid-from 2026-01-01\n  crm-export | mrrd import attributes -"
    )]
    Attributes {
        /// A CSV file, or - for standard input
        file: PathBuf,
        /// The day from which values hold that tell none [default: today]
        #[arg(long, value_name = "DAY")]
        valid_from: Option<Day>,
        /// Only say what would be taken
        #[arg(long)]
        dry_run: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Takes what was spent in, from lines of month,amount,currency,kind or month,amount,currency,kind,segment
    ///
    /// A kind is sales, marketing, cost_of_service or operating; amounts are in units of their currency. Lines of a file for the
    /// same month, currency, kind and segment add up, and a later import replaces what an earlier one told of them. Lines that
    /// can't be taken are named and set aside. Ends with 1 when no line could be taken.
    #[command(
        after_help = "Examples:\n  mrrd import spend costs.csv --dry-run\n  mrrd import spend costs.csv\n  books-export | mrrd import spend -"
    )]
    Spend {
        /// A CSV file, or - for standard input
        file: PathBuf,
        /// Only say what would be taken
        #[arg(long)]
        dry_run: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Every import, the newest first
    #[command(after_help = "Examples:\n  mrrd import list\n  mrrd import list --json")]
    List {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// One import with all its rows, and the lines that it set aside
    #[command(after_help = "Examples:\n  mrrd import show 3\n  mrrd import show 3 --json")]
    Show {
        /// Its number, as import list tells it
        #[arg(value_name = "ID")]
        id: i64,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    match &args.command {
        Command::Attributes { file, valid_from, dry_run, json } => {
            take(file, *valid_from, *dry_run, *json, &config, context).await
        }
        Command::Spend { file, dry_run, json } => take_spend(file, *dry_run, *json, &config, context).await,
        Command::List { json } => {
            let store = open_to_read(&config).await?;
            let reports = Reports::new(store.reader(), &config.ledger, context.clock.now());
            let list = reports.imports().await.map_err(ask::failure)?;
            if *json {
                return Ok(output::json(&list)?);
            }
            if list.data.is_empty() {
                return Ok(output::line("No imports: mrrd import attributes FILE takes some in.")?);
            }
            Ok(output::line(list.table().shown(true))?)
        }
        Command::Show { id, json } => {
            let store = open_to_read(&config).await?;
            let reports = Reports::new(store.reader(), &config.ledger, context.clock.now());
            let shown = reports.import(*id).await.map_err(ask::failure)?;
            let shown =
                shown.ok_or_else(|| Failure::Failed(format!("there is no import {id}: see mrrd import list")))?;
            if *json {
                return Ok(output::json(&shown)?);
            }
            output::line(shown.table().shown(true))?;
            for one in &shown.lines_set_aside {
                output::line(format_args!("line {} was set aside: {}", one.line, one.reason))?;
            }
            Ok(())
        }
    }
}

async fn take(
    file: &Path,
    valid_from: Option<Day>,
    dry_run: bool,
    json: bool,
    config: &Config,
    context: &Context,
) -> Outcome {
    let named = file.display();
    let text = text_of(file)?;
    let (ledger, now) = (&config.ledger, context.clock.now());
    let today = valid_from.unwrap_or_else(|| ledger.zone.day(now));
    let sheet = attributes::read(&text, today, &ledger.customers)
        .map_err(|error| Failure::Failed(format!("{named} holds no attributes: {error}")))?;
    let store = open_store(config).await?;
    // Whom metadata and e-mails name is told by the ledger and what is kept beside it.
    up_to_date::bring(&store, config, context).await?;
    let bar = progress_bar();
    bar.set_message("looking customers up and recording");
    if config.privacy.names == Names::Shown {
        names::read_on(&store).await.map_err(|error| Failure::Failed(format!("names can't be read: {error}")))?;
    }
    let reports = Reports::new(store.reader(), ledger, now);
    let name = name_of(file);
    let deed = at_the_command_line().does(now, Action::AttributesImported, name.as_str());
    let deed = Some(&deed).filter(|_| !dry_run);
    let done = Box::pin(attributes::import(&reports, sheet, &name, config.privacy.names, deed)).await;
    bar.finish_and_clear();
    let answer = done.map_err(|error| Failure::Failed(format!("nothing was imported: {error}")))?;
    told(&answer, json)
}

async fn take_spend(file: &Path, dry_run: bool, json: bool, config: &Config, context: &Context) -> Outcome {
    let named = file.display();
    let sheet =
        spend::read(&text_of(file)?).map_err(|error| Failure::Failed(format!("{named} holds no spend: {error}")))?;
    let store = open_store(config).await?;
    let now = context.clock.now();
    let name = name_of(file);
    let deed = at_the_command_line().does(now, Action::SpendImported, name.as_str());
    let deed = Some(&deed).filter(|_| !dry_run);
    let reports = Reports::new(store.reader(), &config.ledger, now);
    let done = spend::import(&reports, sheet, &name, deed).await;
    told(&done.map_err(|error| Failure::Failed(format!("nothing was imported: {error}")))?, json)
}

/// What a file is called, to be found again by.
fn name_of(file: &Path) -> String {
    if file.as_os_str() == "-" {
        return String::new();
    }
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Says what became of a file.
fn told(answer: &ImportAnswer, json: bool) -> Outcome {
    if json {
        output::json(answer)?;
    } else {
        for one in answer.set_aside.iter().take(limits::IMPORT_LINES_SHOWN) {
            eprintln!("mrrd: line {} is set aside: {}", one.line, crate::report::table::printable(&one.reason));
        }
        let more = answer.set_aside.len().saturating_sub(limits::IMPORT_LINES_SHOWN);
        if more > 0 {
            eprintln!("mrrd: and {more} more lines: --json has all of them");
        }
        let keys: Vec<String> = answer.keys.iter().map(|(key, rows)| format!("{key} ({rows})")).collect();
        let whether = match answer.id {
            Some(id) => format!("import {id}: "),
            None => "would be taken: ".into(),
        };
        let counted = |count: String, one: &str| format!("{count} {one}{}", if count == "1" { "" } else { "s" });
        let taken = counted(answer.taken.to_string(), "row");
        let aside = counted(answer.set_aside.len().to_string(), "line");
        output::line(format_args!("{whether}{taken}, {aside} set aside; {}", keys.join(", ")))?;
        if answer.unknown_count > 0 {
            let first: Vec<&str> = answer.unknown.iter().take(10).map(String::as_str).collect();
            let dots = if answer.unknown_count > 10 { ", …" } else { "" };
            output::line(format_args!(
                "the log knows nothing yet of {} of their customers, whose rows count once it does: {}{dots}",
                answer.unknown_count,
                first.join(", ")
            ))?;
        }
    }
    if answer.taken == 0 { Err(Failure::Said) } else { Ok(()) }
}
