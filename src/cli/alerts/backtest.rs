//! `mrrd alerts backtest`: which alerts the account's own history would have raised.

use super::super::{Context, Failure, Outcome, ask, open_to_read, output, up_to_date};
use crate::{
    alerts::{alert::Alert, backtest::Backtest, past::Past, words},
    config::{alert_rules::Rule, alerting::LargeLoss},
    ledger::{ids::AccountId, time::Day},
    report::{ask::Ask, notice::Notice, service::Reports, table::Table},
    store::derived::reports::AccountScope,
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
    #[command(flatten)]
    customers: ask::Customers,
    /// Every large loss, not only the largest
    #[arg(long)]
    all: bool,
    /// One line of JSON
    #[arg(long)]
    json: bool,
}

fn budget(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.05..=12.0).contains(number));
    number.ok_or_else(|| "a number from 0.05 to 12".to_owned())
}

pub(super) async fn run(args: &BacktestArgs, context: &Context) -> Outcome {
    let config = context.load()?;
    let store = open_to_read(&config).await?;
    up_to_date::bring(&store, &config, context).await?;
    let reports = Reports::new(store.reader(), &config.ledger, context.clock.now());
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
    let question = args.customers.of(question);
    let budget = args.false_alerts.unwrap_or(config.alerts.false_alerts_a_year);
    let past =
        Past { since: None, whole: None, from: args.from, to: args.to, budget, large: &config.alerts.large_loss };
    let Some(found) = past.tried(&reports, &question).await.map_err(ask::failure)? else {
        let why = reports.why_empty(&question).await.map_err(ask::failure)?;
        let why: Vec<String> = why.iter().map(Notice::for_terminal).collect();
        return Err(Failure::Failed(format!("there is nothing to go through: {}", why.join("; "))));
    };
    if found.months.is_empty() {
        let bounds = match (args.from, args.to) {
            (Some(from), Some(to)) => format!(" from {from} to {to}"),
            (Some(from), None) => format!(" from {from} on"),
            (None, Some(to)) => format!(" up to {to}"),
            (None, None) => String::new(),
        };
        return Err(Failure::Failed(format!("there is nothing to go through: the ledger has no day{bounds}")));
    }
    Ok(if args.json { output::json(&found) } else { print(&found, &config.alerts.large_loss, args.all) }?)
}

/// Large losses shown where not all are asked for.
const LARGEST: usize = 10;

/// Of the large losses the largest, and every other alert, in order of days.
fn shown(found: &Backtest, all: bool) -> (Vec<&Alert>, usize) {
    let mut large: Vec<&Alert> = found.alerts.iter().filter(|alert| alert.rule == Rule::LargeLoss).collect();
    large.sort_by_key(|alert| std::cmp::Reverse(alert.permille_of_mrr));
    let hidden = if all { Vec::new() } else { large.split_off(large.len().min(LARGEST)) };
    let hides = |alert: &&Alert| !hidden.iter().any(|one| std::ptr::eq(*one, *alert));
    (found.alerts.iter().filter(hides).collect(), hidden.len())
}

fn print(found: &Backtest, settings: &LargeLoss, all: bool) -> std::io::Result<()> {
    let days = found.rules.first().map_or(0, |rule| rule.judged_days + rule.unjudged_days);
    output::line(format!(
        "What the rules would have said in {days} days, each day judged with what was known on it\n"
    ))?;
    let columns = vec!["rule", "fired", "by chance", "days judged"];
    let mut table = Table { columns, rows: Vec::new() };
    for rule in &found.rules {
        let judged = match (rule.reason, rule.unjudged_days) {
            (Some(reason), _) => format!("none of {days}: {reason}"),
            (None, 0) => "all".to_owned(),
            (None, _) => format!("{}; on the others fewer than about 2 a week are expected", rule.judged_days),
        };
        let fired = if rule.reason.is_some() { "not judged".to_owned() } else { rule.alerts.to_string() };
        let chance = format!("at most {} a year", rule.false_alerts_a_year);
        table.rows.push(vec![rule.rule.as_str().into(), fired, chance, judged]);
    }
    let seldom = format!("at most about {} a month", settings.a_month);
    let large = found.alerts.iter().filter(|alert| alert.rule == Rule::LargeLoss).count();
    table.rows.push(vec!["large_loss".into(), large.to_string(), seldom, "all".into()]);
    output::line(table.terminal())?;

    let (alerts, hidden) = shown(found, all);
    let mut table = Table { columns: vec!["day", "until", "alert", "lost", "customers"], rows: Vec::new() };
    // An update stands under its alert.
    for alert in alerts.into_iter().flat_map(|alert| [alert].into_iter().chain(&alert.updates)) {
        let lost = alert.lost.iter().map(|lost| words::money(lost.total_exact.0, lost.currency));
        let mut names: Vec<String> = alert.customers.iter().take(3).map(|one| one.customer.clone()).collect();
        if alert.customers.len() > names.len() {
            names.push(format!("and {} more", alert.customers.len() - names.len()));
        }
        let what = match alert.expected {
            Some(_) => format!("{}\n{}", alert.headline(), alert.sentence()),
            None => match &alert.how_unusual {
                Some(unusual) => format!("{}\n{unusual}", alert.headline()),
                None => alert.headline(),
            },
        };
        // A single loss has said it all.
        let names = if alert.expected.is_some() { names.join(", ") } else { String::new() };
        table.rows.push(vec![
            alert.as_of.to_string(),
            alert.closed.map(|day| day.to_string()).unwrap_or_default(),
            what,
            lost.collect::<Vec<_>>().join("\n"),
            names,
        ]);
    }
    output::line("")?;
    let unjudged = found.rules.iter().filter(|rule| rule.reason.is_some()).map(|rule| rule.rule.as_str());
    let unjudged = unjudged.collect::<Vec<_>>().join(" and ");
    if !unjudged.is_empty() {
        output::line(format_args!(
            "Nothing can be said of {unjudged}: on no day were about 2 a week expected, and of fewer no rise can be told from chance."
        ))?;
    }
    if table.rows.is_empty() {
        output::line(if unjudged.is_empty() {
            "No rule would have fired."
        } else {
            "No other rule would have fired."
        })?;
    } else {
        output::line(table.terminal())?;
    }
    if hidden > 0 {
        output::line(format!("and {hidden} smaller large losses: --all shows them"))?;
    }
    output::line("\nCustomers lost by month")?;
    let most = found.months.iter().map(|month| month.churned).max().unwrap_or(0).max(1);
    for month in &found.months {
        let bar = "█".repeat(usize::try_from((month.churned * 40).div_ceil(most)).unwrap_or(0));
        let counted = |count: usize, one: &str, more: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {more}")),
        };
        let notes: Vec<String> =
            [counted(month.spikes, "SPIKE", "SPIKES"), counted(month.large_losses, "large loss", "large losses")]
                .into_iter()
                .flatten()
                .collect();
        output::line(format!("{} {:>5} {bar:<40} {}", month.month, month.churned, notes.join(", ")).trim_end())?;
    }
    Ok(())
}
