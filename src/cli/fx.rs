//! `mrrd fx`: the table of exchange rates that the reporting currency is converted with (rule `rates`).

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use clap::Subcommand;
use serde_json::json;
use tokio::sync::watch;

use super::{Context, Failure, Outcome, input::text_of, open_store, output};
use crate::{
    access::at_the_command_line,
    config::Config,
    history::{
        jumps,
        rates::{self, BadTable},
    },
    ledger::{fx::Quote, money::Currency, time::Day},
    reconciler::{Reconciler, Rules, driver::Driver},
    report::service::Reports,
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
    /// Rates of the plain form are units of the base for one unit of the currency; `date` stands for `day` as well. A rate
    /// that is there already is replaced; a running daemon takes up the new table by itself. One line that can't be read
    /// refuses the file. Days to come, currencies that nobody pays in, a rate far from that of the day before, and rates that nobody
    /// uses since no reporting currency is set are warned of, and taken.
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
    let table = rates::read(&text, base).map_err(|error| {
        Failure::Failed(match error {
            BadTable::Line { line, reason } => {
                format!("{named}, line {line}: {reason}; nothing of the file was taken")
            }
            error => format!("{named} holds no table of rates: {error}"),
        })
    })?;
    let rates::Table { quotes, chosen, .. } = &table;
    let store = open_store(config).await?;
    let before = store.records.rates().await;
    let before = before.map_err(|error| Failure::Failed(format!("the rates there are can't be read: {error}")))?;
    let deed = at_the_command_line().does(context.clock.now(), Action::RatesImported, named.to_string());
    let kept = store.records.import_rates(quotes, &deed.saying(format!("{} rates", quotes.len()))).await;
    let changed =
        kept.map_err(|error| Failure::Failed(format!("the rates were not all kept: {error}; import again")))?;
    let reader = store.reader().clone();
    if config.ledger.reporting_currency.is_some() {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::Failed(format!("the rates are kept, but the ledger is not up to date with them yet: {error}"))
        };
        let rules = Rules::load(&config.ledger, &store.records).await.map_err(|error| failed(&error))?;
        let (_keep, stop) = watch::channel(false);
        let (driver, _) = Driver::new(Reconciler::new(store, rules, context.clock.clone()));
        driver.run_once(&stop).await.map_err(|error| failed(&error))?;
    }
    let reports = Reports::new(&reader, &config.ledger, context.clock.now());
    let paid = reports.currencies_of_all().await;
    let paid = paid
        .map_err(|error| Failure::Failed(format!("the rates are kept, but who pays in them isn't known: {error}")))?;
    let warnings: Vec<String> = [
        unused(config.ledger.reporting_currency),
        unpaid(quotes, *chosen, &paid, config.ledger.reporting_currency),
        to_come(quotes, config.ledger.zone.day(context.clock.now())),
    ]
    .into_iter()
    .flatten()
    .chain(jumps::warnings(&before, &table))
    .collect();
    for warning in &warnings {
        eprintln!("mrrd: {warning}");
    }
    if json {
        output::json(&json!({ "read": quotes.len(), "changed": changed, "warnings": warnings }))?;
    } else {
        output::line(format_args!("{} rates read, {changed} of them new or other than before", quotes.len()))?;
    }
    Ok(())
}

/// That nobody uses the rates, where none is converted into.
fn unused(reporting: Option<Currency>) -> Option<String> {
    let said = "ledger.reporting_currency is not set, so nothing is converted: the rates are taken, and used by nobody until it is";
    reporting.is_none().then(|| said.to_owned())
}

/// The currencies of a table that nobody pays in, where that may be a slip: not while nobody pays in any, and of the bank's
/// thirty only where none of them is paid in. Rates of the reporting currency and of the base lead from one to the other.
fn unpaid(quotes: &[Quote], chosen: bool, paid: &BTreeSet<Currency>, reporting: Option<Currency>) -> Option<String> {
    let told: BTreeSet<Currency> = quotes.iter().map(|quote| quote.currency).collect();
    let serves = |currency: &Currency| {
        paid.contains(currency) || reporting == Some(*currency) || quotes.iter().any(|quote| quote.base == *currency)
    };
    let (serve, idle): (Vec<Currency>, Vec<Currency>) = told.into_iter().partition(serves);
    if paid.is_empty() || idle.is_empty() || (!chosen && !serve.is_empty()) {
        return None;
    }
    let list = |currencies: &[Currency]| currencies.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let (idle, paid) = (list(&idle), list(&paid.iter().copied().collect::<Vec<_>>()));
    Some(format!("nobody pays in {idle}: these rates are taken, and convert nothing; what is paid in is {paid}"))
}

/// How many rates are of days to come: a slip in a year, say.
fn to_come(quotes: &[Quote], today: Day) -> Option<String> {
    let ahead = || quotes.iter().map(|quote| quote.day).filter(|day| *day > today);
    let last = ahead().max()?;
    Some(match ahead().count() {
        1 => format!("1 rate is of a day to come, {last}: it is taken, and holds from then on"),
        many => format!("{many} rates are of days to come, the last of {last}: they are taken, and hold from then on"),
    })
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
