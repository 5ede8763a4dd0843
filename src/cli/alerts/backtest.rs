//! `mrrd alerts backtest`: which alerts the account's own history would have raised.

use super::super::{Context, Failure, Outcome, ask, open_store, output};
use crate::{
    alerts::{
        backtest::{self, Backtest},
        history,
    },
    ledger::{ids::AccountId, time::Day},
    report::{ask::Ask, service::Reports, table::Table},
    store::reports::{AccountScope, MovementFilter, Order},
};

#[derive(Debug, clap::Args)]
pub(super) struct BacktestArgs {
    /// First day to tell of; what lies before is learnt from [default: the ledger's first]
    #[arg(long, value_name = "DAY")]
    from: Option<Day>,
    /// Last day [default: today]
    #[arg(long, value_name = "DAY")]
    to: Option<Day>,
    /// False alerts a year each rule may bring [default: alerts.false_alerts_a_year]
    #[arg(long, value_name = "NUMBER", value_parser = budget)]
    false_alerts: Option<f64>,
    /// Under which profile's rules [default: the first of ledger.profiles]
    #[arg(long)]
    profile: Option<String>,
    /// Test events instead of live ones
    #[arg(long)]
    test: bool,
    /// A connected account's figures, or all
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

fn budget(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.05..=12.0).contains(number));
    number.ok_or_else(|| "a number from 0.05 to 12".to_owned())
}

/// Movements read at once.
const PAGE: i64 = 1000;

pub(super) async fn run(args: &BacktestArgs, context: &Context) -> Outcome {
    let config = context.load()?;
    let store = open_store(&config).await?;
    let reports = Reports { store: &store, ledger: &config.ledger, now: context.clock.now() };
    let question = Ask {
        profile: args.profile.clone(),
        livemode: args.test.then_some(false),
        account: match args.account.as_deref() {
            None => AccountScope::One(None),
            Some("all") => AccountScope::All,
            Some(id) => AccountScope::One(Some(AccountId::from(id))),
        },
        ..Ask::default()
    };
    let rows = reports.customer_rows(&question).await.map_err(ask::failure)?;
    let (mut movements, mut after) = (Vec::new(), None);
    loop {
        let page =
            reports.movements(&question, &MovementFilter::default(), Order::Ascending, after.as_ref(), PAGE).await;
        let (page, next) = page.map_err(ask::failure)?;
        movements.extend(page);
        after = next;
        if after.is_none() {
            break;
        }
    }
    let today = config.ledger.zone.day(reports.now);
    let last = args.to.map_or(today, |to| to.min(today));
    let failed = |error| Failure::Failed(format!("the backtest can't be made: {error}"));
    let days = history::days(&rows, &movements, last).map_err(failed)?;
    let Some(first) = days.first() else {
        return Err(Failure::Failed("the ledger holds nothing yet: `mrrd replay` takes history in".into()));
    };
    let budget = args.false_alerts.unwrap_or(config.alerts.false_alerts_a_year);
    let found =
        backtest::run(&days, args.from.unwrap_or(first.day), budget, &config.alerts.large_loss).map_err(failed)?;
    Ok(if args.json { output::json(&found) } else { print(&found) }?)
}

fn print(found: &Backtest) -> std::io::Result<()> {
    let columns = vec!["day", "until", "rule", "what", "currency", "lost", "customers"];
    let mut table = Table { columns, rows: Vec::new() };
    for alert in &found.alerts {
        let joined =
            |of: fn(&crate::alerts::alert::Lost) -> String| alert.lost.iter().map(of).collect::<Vec<_>>().join("\n");
        let mut names: Vec<String> = alert.customers.iter().take(3).map(|one| one.customer.clone()).collect();
        if alert.customers.len() > names.len() {
            names.push(format!("and {} more", alert.customers.len() - names.len()));
        }
        table.rows.push(vec![
            alert.day.clone(),
            alert.closed.clone().unwrap_or_default(),
            alert.rule.as_str().into(),
            alert.sentence(),
            joined(|lost| lost.currency.clone()),
            joined(|lost| lost.total_exact.to_string()),
            names.join(", "),
        ]);
    }
    if table.rows.is_empty() {
        output::line("No rule would have fired.")?;
    } else {
        output::line(table.terminal())?;
    }
    output::line("")?;
    for rule in &found.rules {
        let (name, days) = (rule.rule.as_str(), rule.judged_days + rule.unjudged_days);
        let few = match rule.unjudged_days {
            0 => String::new(),
            unjudged => format!("; {unjudged} days were not judged: about two or fewer expected in a week"),
        };
        output::line(format!(
            "{name}: {} in {days} days, calibrated to {} false alerts a year{few}",
            rule.alerts, rule.false_alerts_a_year
        ))?;
    }
    output::line("\nCustomers lost by month (! marks alerts of churn and large losses)")?;
    let most = found.months.iter().map(|month| month.churned).max().unwrap_or(0).max(1);
    for month in &found.months {
        let bar = "█".repeat(usize::try_from(month.churned * 50 / most).unwrap_or(0));
        output::line(format!("{} {:>5} {bar} {}", month.month, month.churned, "!".repeat(month.alerts)).trim_end())?;
    }
    Ok(())
}
