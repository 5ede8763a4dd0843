//! `mrrd fx`: the table of exchange rates that the reporting currency is converted with (rule `rates`).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use serde_json::json;
use tokio::sync::watch;

use super::{Context, Failure, Outcome, input::text_of, open_store, output};
use crate::{
    access::at_the_command_line,
    config::Config,
    history::rates,
    ledger::{fx::Quote, money::Currency, time::Day},
    reconciler::{Reconciler, Rules, driver::Driver},
    store::{Store, records::audit_trail::Action},
};

/// Exchange rates for ledger.reporting_currency
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Takes rates in: the European Central Bank's CSV, or lines of day,currency,rate
    ///
    /// Rates of the plain form are units of the base for one unit of the currency. A rate that is there already is
    /// replaced; a running daemon takes up the new table by itself.
    #[command(
        after_help = "Examples:\n  mrrd fx import eurofxref-hist.csv\n  mrrd fx import rates.csv --base usd\n  unzip -p eurofxref-hist.zip | mrrd fx import -"
    )]
    Import {
        /// A CSV file, or - for standard input
        file: PathBuf,
        /// The currency the rates of the plain form are told in [default: ledger.reporting_currency]
        #[arg(long, value_name = "CODE")]
        base: Option<Currency>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Each currency's first and last day
    #[command(after_help = "Examples:\n  mrrd fx list\n  mrrd fx list --json")]
    List {
        /// Print a JSON list
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    match &args.command {
        Command::Import { file, base, json } => import(file, *base, *json, &config, context).await,
        Command::List { json } => list(*json, &open_store(&config).await?).await,
    }
}

async fn import(file: &Path, base: Option<Currency>, json: bool, config: &Config, context: &Context) -> Outcome {
    let named = file.display();
    let text = text_of(file)?;
    let base = base.or(config.ledger.reporting_currency);
    let quotes = rates::read(&text, base)
        .map_err(|error| Failure::Failed(format!("{named} holds no table of rates: {error}")))?;
    let store = open_store(config).await?;
    let deed = at_the_command_line().does(context.clock.now(), Action::RatesImported, named.to_string());
    let kept = store.records.import_rates(&quotes, &deed.saying(format!("{} rates", quotes.len()))).await;
    let changed =
        kept.map_err(|error| Failure::Failed(format!("the rates were not all kept: {error}; import again")))?;
    if config.ledger.reporting_currency.is_some() {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::Failed(format!("the rates are kept, but the ledger is not up to date with them yet: {error}"))
        };
        let rules = Rules::load(&config.ledger, &store.records).await.map_err(|error| failed(&error))?;
        let (_keep, stop) = watch::channel(false);
        let (driver, _) = Driver::new(Reconciler::new(store, rules, context.clock.clone()));
        driver.run_once(&stop).await.map_err(|error| failed(&error))?;
    }
    if json {
        output::json(&json!({ "read": quotes.len(), "changed": changed }))?;
    } else {
        output::line(format_args!("{} rates read, {changed} of them new or other than before", quotes.len()))?;
    }
    Ok(())
}

async fn list(json: bool, store: &Store) -> Outcome {
    let quotes = store.records.rates().await;
    let quotes = quotes.map_err(|error| Failure::Failed(format!("the exchange rates can't be read: {error}")))?;
    let mut spans: BTreeMap<(Currency, Currency), (Day, Quote, usize)> = BTreeMap::new();
    for quote in quotes {
        let (_, last, count) = spans.entry((quote.base, quote.currency)).or_insert((quote.day, quote, 0));
        *last = quote;
        *count += 1;
    }
    if json {
        let rows: Vec<_> = spans.iter().map(|((base, currency), (first, last, count))| json!({
            "base": base, "currency": currency, "first": first.to_string(), "last": last.day.to_string(), "days": count,
            "last_rate": last.rate, "rate_is": if last.per_base { "currency per base" } else { "base per currency" },
        })).collect();
        return Ok(output::json(&rows)?);
    }
    if spans.is_empty() {
        output::line("no rates: mrrd fx import FILE takes some in")?;
    }
    for ((base, currency), (first, last, count)) in &spans {
        let (one, other) = if last.per_base { (base, currency) } else { (currency, base) };
        output::line(format_args!(
            "{currency} in {base}: {count} days from {first} to {}, last 1 {one} = {} {other}",
            last.day, last.rate
        ))?;
    }
    Ok(())
}
