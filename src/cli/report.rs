//! `mrrd report`: the figures, as tables, CSV, JSON or workbooks.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::{Context, Failure, Outcome, ask, open_to_read, output, private_file, up_to_date, values};
use crate::{
    config::Names,
    ledger::ids::AccountId,
    limits,
    pack::{File, PackError, Question, pack},
    report::{
        accuracy::AccuracyAnswer,
        ask::{Ask, Basis},
        cohorts::CohortsAnswer,
        committed,
        committed_answer::CommittedAnswer,
        durability::DurabilityAnswer,
        metrics::MetricsAnswer,
        month::Month,
        movements::{MovementEntry, MovementList},
        mrr::MrrAnswer,
        restatements::RestatementList,
        service::Reports,
        unit_economics::UnitEconomicsAnswer,
        waterfall::Waterfall,
    },
    store::{
        Store, StoreError,
        derived::{
            names::CustomerNamed,
            reports::{MovementFilter, Order},
        },
    },
};

/// Prints MRR over time, or the movements behind it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// MRR by period, from opening to closing
    #[command(
        after_help = "Examples:\n  mrrd report mrr --last 12m\n  mrrd report mrr --from 2026-01-01\n  mrrd report mrr --interval quarter --group-by product --format csv\n  mrrd report mrr --basis closed"
    )]
    Mrr {
        /// What closed months are answered from: restated, or closed with later changes as prior_period in the first open month
        #[arg(long, default_value = "restated", value_parser = basis)]
        basis: Basis,
        #[command(flatten)]
        options: ask::Options,
        #[command(flatten)]
        every: ask::Every,
        #[command(flatten)]
        by: ask::By,
        #[command(flatten)]
        customers: ask::Customers,
        /// Segments side by side by their names, divided by commas
        #[arg(long, value_name = "NAMES", conflicts_with_all = ["condition", "segment", "group_by"])]
        compare: Option<String>,
    },
    /// Each period's lines from opening to closing, with the causes of each
    #[command(
        after_help = "Examples:\n  mrrd report waterfall --from 2026-01-01 --to 2026-01-31\n  mrrd report waterfall --interval quarter --currency usd --format csv"
    )]
    Waterfall {
        #[command(flatten)]
        options: ask::Options,
        #[command(flatten)]
        every: ask::Every,
    },
    /// ARR, ARPA, retention, churn and the other rates by period
    #[command(
        after_help = "Examples:\n  mrrd report metrics --from 2026-01-01\n  mrrd report metrics --currency usd --json\n  mrrd report metrics --from 2026-01-01 --basis closed\n  mrrd report metrics --where 'attribute:size >= 200'"
    )]
    Metrics {
        /// What closed months are answered from: restated, or closed as they were when they were closed
        #[arg(long, default_value = "restated", value_parser = basis)]
        basis: Basis,
        #[command(flatten)]
        options: ask::Options,
        #[command(flatten)]
        every: ask::Every,
        #[command(flatten)]
        customers: ask::Customers,
    },
    /// Customers by month of first MRR, and what is left of them by age
    #[command(
        after_help = "Examples:\n  mrrd report cohorts --currency usd\n  mrrd report cohorts --from 2026-01-01 --format csv"
    )]
    Cohorts {
        #[command(flatten)]
        options: ask::Options,
        #[command(flatten)]
        customers: ask::Customers,
    },
    /// Of each closed month what was reported, what is known of it now, and how far it can be trusted
    #[command(after_help = "Examples:\n  mrrd report accuracy\n  mrrd report accuracy --from 2026-01-01 --format csv")]
    Accuracy {
        #[command(flatten)]
        options: ask::Options,
    },
    /// Of each month's expansion, what the same customers still hold 30, 90, 180 and 365 days later
    #[command(
        after_help = "Examples:\n  mrrd report durability\n  mrrd report durability --from 2026-01-01 --format csv"
    )]
    Durability {
        #[command(flatten)]
        options: ask::Options,
        #[command(flatten)]
        customers: ask::Customers,
    },
    /// CAC, CAC ratio, gross margin, payback and rule of 40 by month, from what mrrd import spend took in
    #[command(
        after_help = "Examples:\n  mrrd report unit-economics\n  mrrd report unit-economics --last 12m --lag 1\n  mrrd report unit-economics --segment large --format csv"
    )]
    UnitEconomics {
        /// Customers are held against what was spent so many months before, 0 to 24
        #[arg(long, value_name = "MONTHS", default_value_t = 0, value_parser = values::months::<u16>(0..=i64::from(limits::SPEND_LAG_MONTHS), 1))]
        lag: u16,
        #[command(flatten)]
        options: ask::Options,
        #[command(flatten)]
        customers: ask::Customers,
    },
    /// MRR as it will stand if all that is scheduled happens and nothing else, line by line
    #[command(
        after_help = "Examples:\n  mrrd report committed\n  mrrd report committed --horizon 90d --currency usd\n  mrrd report committed --horizon 365 --format csv"
    )]
    Committed {
        /// So many days from today on, 1 to 3650, as 90 or 90d
        #[arg(long, value_name = "DAYS", default_value_t = committed::HORIZON, value_parser = values::days::<u16>(1..=i64::from(committed::HORIZON_MAX), 90))]
        horizon: u16,
        #[command(flatten)]
        ledger: ask::Ledger,
        #[command(flatten)]
        customers: ask::Customers,
        #[command(flatten)]
        output: ask::Output,
    },
    /// A closed month as one document: HTML that prints, a workbook, Markdown, and each table as CSV
    ///
    /// Every figure is of the log as the month was closed, cut at its end, so that the same files come whenever they are asked
    /// for. Numbers lead to the API where alerts.url says where mrrd is reached.
    #[command(
        after_help = "Examples:\n  mrrd report pack 2026-10 --out packs/2026-10\n  mrrd report pack 2026-11 --out . --draft"
    )]
    Pack {
        /// The month, such as 2026-10
        #[arg(value_name = "YYYY-MM")]
        month: Month,
        /// The folder the files are written to; what has their names there is replaced
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Also of a month that isn't closed: each page says that it is a draft
        #[arg(long)]
        draft: bool,
        #[command(flatten)]
        ledger: ask::Ledger,
    },
    /// What later events changed in closed months, and which events did
    #[command(after_help = "Examples:\n  mrrd report restatements\n  mrrd report restatements --month 2026-10 --json")]
    Restatements {
        /// Only this closed month
        #[arg(long, value_name = "YYYY-MM")]
        month: Option<Month>,
        #[command(flatten)]
        ledger: ask::Ledger,
        #[command(flatten)]
        output: ask::Output,
    },
    /// Every movement, oldest first
    #[command(
        after_help = "Examples:\n  mrrd report movements --month 2026-01\n  mrrd report movements --customer cus_1 --json\n  mrrd report movements --from 2026-01-01 --to 2026-01-31 --basis closed"
    )]
    Movements {
        /// restated, or closed: those of one closed month as they were when it was closed
        #[arg(long, default_value = "restated", value_parser = basis)]
        basis: Basis,
        /// Only this customer's
        #[arg(long, value_name = "CUSTOMER")]
        customer: Option<String>,
        #[command(flatten)]
        customers: ask::Customers,
        #[command(flatten)]
        options: ask::Options,
    },
}

/// Reads names on, where they are shown: without a live `serve` nobody else does.
async fn read_names(store: &Store, names: Names) {
    if names == Names::Shown
        && let Err(error) = crate::names::read_on(store).await
    {
        eprintln!("mrrd: names can't be read on: {error}");
    }
}

/// Gives customers their names, as far as they are read; without a live `serve` they are read here.
async fn call_customers(store: &Store, livemode: bool, entries: &mut [MovementEntry]) -> Outcome {
    let failed = |error: StoreError| Failure::Failed(format!("names can't be read: {error}"));
    let ids: Vec<&str> = entries.iter().map(|entry| entry.customer.as_str()).collect();
    let named = store.derived.names_of(livemode, &ids).await.map_err(failed)?;
    let name = |account: Option<&str>, customer: &str| {
        let of = |one: &&CustomerNamed| {
            one.key.account.as_ref().map(AccountId::as_str) == account && one.key.customer.as_str() == customer
        };
        named.iter().find(of).map(|one| one.name.clone()).filter(|name| !name.is_empty())
    };
    let called: Vec<_> = entries.iter().map(|entry| name(entry.account.as_deref(), &entry.customer)).collect();
    entries.iter_mut().zip(called).for_each(|(entry, name)| entry.customer_name = name);
    Ok(())
}

/// Writes a pack's files, for their owner alone since customers are named in them, and says where they are.
fn written(out: &Path, files: &[File]) -> Outcome {
    let failed =
        |path: &Path, error: std::io::Error| Failure::Failed(format!("{} can't be written: {error}", path.display()));
    std::fs::create_dir_all(out).map_err(|error| failed(out, error))?;
    for file in files {
        let path = out.join(&file.name);
        private_file::write(&path, &file.bytes).map_err(|error| failed(&path, error))?;
        output::line(path.display())?;
    }
    Ok(())
}

fn basis(text: &str) -> Result<Basis, String> {
    Basis::parse(text).ok_or_else(|| "restated or closed are possible".to_owned())
}

/// Movements read at once.
const PAGE: i64 = 1000;
/// The same, as so many entries.
const PAGE_ENTRIES: usize = 1000;

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    let store = open_to_read(&config).await?;
    up_to_date::bring(&store, &config, context).await?;
    let reports = Reports::new(store.reader(), &config.ledger, context.clock.now());
    let today = config.ledger.zone.day(context.clock.now());
    match &args.command {
        Command::Mrr { basis, options, every, by, customers, compare } => {
            let (group_by, interval) = (by.group_by.clone(), every.interval);
            let ask = options.ask_on(*basis, today).map_err(ask::failure)?;
            let question = Ask { interval, group_by, ..customers.of(ask) };
            let answer = match compare {
                None => reports.mrr(&question).await,
                Some(names) => reports.mrr_compared(&question, names).await,
            };
            let answer = answer.map_err(ask::failure)?;
            let mut told = ask::told(&reports, &question, answer.data.is_empty()).await.map_err(ask::failure)?;
            told.notices.extend(answer.notice());
            options.print_for_people(&answer, &told, MrrAnswer::table, MrrAnswer::for_people)?;
        }
        Command::Waterfall { options, every } => {
            let question = Ask { interval: every.interval, ..options.ask(today) };
            let answer = reports.waterfall(&question).await.map_err(ask::failure)?;
            let mut told = ask::told(&reports, &question, answer.data.is_empty()).await.map_err(ask::failure)?;
            told.notices.extend(answer.notice.clone());
            options.print(&answer, &told, Waterfall::table)?;
        }
        Command::Metrics { basis, options, every, customers } => {
            let ask = options.ask_on(*basis, today).map_err(ask::failure)?;
            let question = Ask { interval: every.interval, ..customers.of(ask) };
            let answer = reports.metrics(&question).await.map_err(ask::failure)?;
            let mut told = ask::told(&reports, &question, answer.data.is_empty()).await.map_err(ask::failure)?;
            told.notices.extend(answer.notice());
            options.print(&answer, &told, MetricsAnswer::table)?;
        }
        Command::Cohorts { options, customers } => {
            let question = customers.of(options.ask(today));
            let answer = reports.cohorts(&question).await.map_err(ask::failure)?;
            let told = ask::told(&reports, &question, answer.data.is_empty()).await.map_err(ask::failure)?;
            options.print_as(&answer, &told, CohortsAnswer::table, CohortsAnswer::text)?;
        }
        Command::Accuracy { options } => {
            let question = options.ask(today);
            let answer = reports.accuracy(&question).await.map_err(ask::failure)?;
            let mut told = ask::told(&reports, &question, false).await.map_err(ask::failure)?;
            if answer.data.is_empty() {
                told.notices.push(reports.nothing_restated(&question).await.map_err(ask::failure)?);
            }
            options.print(&answer, &told, AccuracyAnswer::table)?;
        }
        Command::Durability { options, customers } => {
            let question = customers.of(options.ask(today));
            let answer = reports.durability(&question).await.map_err(ask::failure)?;
            let told = ask::told(&reports, &question, answer.data.is_empty()).await.map_err(ask::failure)?;
            options.print_for_people(&answer, &told, DurabilityAnswer::table, DurabilityAnswer::by_month)?;
        }
        Command::UnitEconomics { lag, options, customers } => {
            let question = customers.of(options.ask(today));
            let answer = Box::pin(reports.unit_economics(&question, *lag)).await.map_err(ask::failure)?;
            let told = ask::told(&reports, &question, answer.data.is_empty()).await.map_err(ask::failure)?;
            options.print(&answer, &told, UnitEconomicsAnswer::table)?;
        }
        Command::Committed { horizon, ledger, customers, output } => {
            let question = customers.of(ledger.ask());
            let answer = reports.committed(&question, *horizon, None).await.map_err(ask::failure)?;
            let told = ask::told(&reports, &question, answer.data.is_empty()).await.map_err(ask::failure)?;
            output.print_as(&answer, &told, CommittedAnswer::table, CommittedAnswer::text)?;
        }
        Command::Restatements { month, ledger, output } => {
            let answer = reports.restatements(&ledger.ask(), *month).await.map_err(ask::failure)?;
            let mut told = ask::told(&reports, &ledger.ask(), false).await.map_err(ask::failure)?;
            if answer.data.is_empty() {
                told.notices.push(reports.nothing_restated(&ledger.ask()).await.map_err(ask::failure)?);
            }
            output.print(&answer, &told, RestatementList::table)?;
        }
        Command::Pack { month, out, draft, ledger } => {
            read_names(&store, config.privacy.names).await;
            let question = Question {
                month: *month,
                ask: ledger.ask(),
                draft: *draft,
                names: config.privacy.names,
                url: config.alerts.url.clone(),
            };
            let files = pack(&reports, &question).await.map_err(|error| match error {
                PackError::Refused(reason) => Failure::Failed(reason),
                PackError::Ask(error) => ask::failure(error),
            })?;
            written(out, &files)?;
        }
        Command::Movements { basis, customer, customers, options } => {
            read_names(&store, config.privacy.names).await;
            let (from, to) = options.days(today);
            let filter =
                MovementFilter { from, to, customer: customer.as_deref().map(Into::into), ..MovementFilter::default() };
            let question = customers.of(options.ask_on(*basis, today).map_err(ask::failure)?);
            let (mut data, mut after) = (Vec::new(), None);
            loop {
                let page = reports.movements(&question, &filter, Order::Ascending, after.as_ref(), PAGE).await;
                let (rows, next) = page.map_err(ask::failure)?;
                data.extend(rows.iter().map(MovementEntry::from));
                after = next;
                if after.is_none() {
                    break;
                }
            }
            for page in data.chunks_mut(PAGE_ENTRIES) {
                reports.name_movements(&question, page).await.map_err(ask::failure)?;
                if config.privacy.names == Names::Shown {
                    call_customers(&store, reports.livemode(&question).await.map_err(ask::failure)?, page).await?;
                }
            }
            if let (true, Some(id)) = (data.is_empty(), customer)
                && reports.customer(&question, &id.as_str().into()).await.map_err(ask::failure)?.is_none()
            {
                let elsewhere = reports.found_elsewhere(&question, id).await.map_err(ask::failure)?;
                let hint = ask::elsewhere(&elsewhere);
                return Err(Failure::Failed(format!("the ledger has no customer {id}{hint}")));
            }
            let converted = reports.reporting(&question).is_some();
            let told = ask::told(&reports, &question, data.is_empty()).await.map_err(ask::failure)?;
            options.print(&MovementList { converted, data, next_cursor: None }, &told, MovementList::table)?;
        }
    }
    Ok(())
}
