//! `mrrd goal`: what is promised by when, how far it has come and what is still needed (rule `goals`).

use clap::Subcommand;

use super::{
    Context, Failure, Outcome, ask, open_store, open_to_read, output, up_to_date,
    values::{self, offered},
};
use crate::{
    access,
    ledger::{
        goals::{GoalMetric, Millionths},
        time::Day,
    },
    report::{
        ask::{Ask, InCurrency, KnownAt},
        goals::{GoalList, NewGoal, Target},
        service::Reports,
    },
    store::{StoreError, derived::reports::AccountScope, records::audit_trail::Action},
};

/// Sets, lists and ends goals: a figure, what it is to come to, by when, and who answers for it
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sets a goal; a running one of the same name is superseded, and both stay listed
    #[command(
        after_help = "Examples:\n  mrrd goal set 2026 --metric mrr --target 50000 --by 2026-12-31 --owner ada\n  \
        mrrd goal set retention --metric nrr --target 105% --by 2027-06-30 --owner grace\n  \
        mrrd goal set losses --metric churn --target 1200 --by 2026-12-31 --owner ada --currency eur"
    )]
    Set(Box<SetArgs>),
    /// Lists the goals that run, with what they began at, have come to and still need
    #[command(after_help = "Examples:\n  mrrd goal list\n  mrrd goal list --all --format csv")]
    List {
        /// Also those that were superseded or ended
        #[arg(long)]
        all: bool,
        /// As known at an instant, or at a place in the log
        #[arg(long, value_name = "WHEN", value_parser = ask::known_at)]
        as_known_at: Option<KnownAt>,
        #[command(flatten)]
        output: ask::Output,
    },
    /// Ends the running goal of a name; it stays listed as it was set
    #[command(after_help = "Examples:\n  mrrd goal end 2026 --reason 'the product was sold'")]
    End {
        /// What it is called
        name: String,
        /// Why, kept with it
        #[arg(long, default_value = "")]
        reason: String,
    },
}

#[derive(Debug, clap::Args)]
struct SetArgs {
    /// What it is called
    name: String,
    /// Of which figure: mrr, arr, customers, nrr, grr, new, expansion, reactivation, contraction or churn
    #[arg(long, value_parser = offered(metrics(), metric))]
    metric: GoalMetric,
    /// What it is to come to: an amount in units of the currency, customers, or a share such as 1.05 or 105%
    #[arg(long, value_parser = target, allow_hyphen_values = true)]
    target: Millionths,
    /// The day at whose end it is due
    #[arg(long, value_name = "DAY")]
    by: Day,
    /// Who answers for it
    #[arg(long)]
    owner: String,
    /// The first day that counts [default: today]
    #[arg(long, value_name = "DAY")]
    from: Option<Day>,
    /// What else there is to say
    #[arg(long, default_value = "")]
    note: String,
    /// A currency's own ledger, or reporting [default: reporting, where it is configured]
    #[arg(long)]
    currency: Option<InCurrency>,
    /// Rule profile [default: the first configured one]
    #[arg(long, value_parser = values::profile())]
    profile: Option<String>,
    /// A connected account's figures, or all
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
}

fn metrics() -> Vec<&'static str> {
    GoalMetric::ALL.iter().map(|metric| metric.as_str()).collect()
}

fn metric(text: &str) -> Result<GoalMetric, String> {
    GoalMetric::parse(text).ok_or_else(|| format!("{} are possible", metrics().join(", ")))
}

fn target(text: &str) -> Result<Millionths, String> {
    let Some(percent) = text.strip_suffix('%') else { return text.parse().map_err(str::to_owned) };
    let hundredfold: Millionths = percent.trim().parse().map_err(str::to_owned)?;
    match hundredfold.0 % 100 {
        0 => Ok(Millionths(hundredfold.0 / 100)),
        _ => Err("it has more than four places of a per cent".into()),
    }
}

fn failed(error: StoreError) -> Failure {
    Failure::Failed(error.to_string())
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    let now = context.clock.now();
    match &args.command {
        Command::Set(args) => {
            let store = open_store(&config).await?;
            up_to_date::bring(&store, &config, context).await?;
            let reports = Reports::new(store.reader(), &config.ledger, now);
            let row = reports.goal_to_set(new(args)).await.map_err(ask::failure)?;
            let deed = access::at_the_command_line().does(now, Action::GoalSet, row.name.clone());
            let deed = deed.saying(row.in_words());
            let id = store.records.set_goal(&row, &deed).await.map_err(failed)?;
            let set = reports.goal(id).await.map_err(ask::failure)?;
            Ok(output::line(set.for_people().terminal())?)
        }
        Command::List { all, as_known_at, output } => {
            let store = open_to_read(&config).await?;
            up_to_date::bring(&store, &config, context).await?;
            let reports = Reports::new(store.reader(), &config.ledger, now);
            let list = reports.goals(*as_known_at, *all).await.map_err(ask::failure)?;
            if list.data.is_empty() && output.is_table() {
                let said = match all {
                    true => "No goal was ever set: mrrd goal set sets one.",
                    false => "No goal runs: mrrd goal set sets one, and mrrd goal list --all shows those that ran.",
                };
                return Ok(output::line(said)?);
            }
            let ask = Ask { as_known_at: *as_known_at, ..Ask::default() };
            let told = ask::told(&reports, &ask, false).await.map_err(ask::failure)?;
            Ok(output.print_as(&list, &told, GoalList::table, |list| list.for_people().terminal())?)
        }
        Command::End { name, reason } => {
            let store = open_store(&config).await?;
            let reports = Reports::new(store.reader(), &config.ledger, now);
            let missing = || Failure::Failed(format!("no goal {name:?} runs: mrrd goal list shows those that do"));
            let goal = reports.running_goal(name).await.map_err(ask::failure)?.ok_or_else(missing)?;
            let deed = access::at_the_command_line().does(now, Action::GoalEnded, name.clone()).saying(reason.trim());
            if !store.records.end_goal(goal.id, reason.trim(), &deed).await.map_err(failed)? {
                return Err(missing());
            }
            Ok(output::line(format_args!("goal {name} is ended, and stays listed: mrrd goal list --all"))?)
        }
    }
}

fn new(args: &SetArgs) -> NewGoal {
    NewGoal {
        name: args.name.clone(),
        metric: args.metric,
        target: Target::InCurrency(args.target),
        from: args.from,
        by: args.by,
        owner: args.owner.clone(),
        note: args.note.clone(),
        currency: args.currency,
        profile: args.profile.clone(),
        account: AccountScope::named(args.account.as_deref()),
    }
}
