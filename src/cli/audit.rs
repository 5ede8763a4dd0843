//! `mrrd audit`: the ledger against Stripe.

use std::path::PathBuf;

use super::{
    Context, Failure, Outcome, audit_csv, audit_metrics, backfill::client, open_store, output, progress::progress_bar,
    values,
};
use crate::{
    access::at_the_command_line,
    alerts::{
        drift::{self, Found},
        words,
    },
    history::{
        audit::{Audit, Difference},
        backfill::Fetch,
    },
    ingest::months,
    ledger::money::{Currency, Mrr},
    reconciler::Rules,
    store::records::audit_trail::Action,
};

/// Holds every subscription at Stripe against the ledger: what differs, field by field, and what it is worth
///
/// Needs `stripe.api_key` with permission to read subscriptions (and, for --heal, events). Ends with 1 when something
/// differs, or with --heal when something could not be healed.
///
/// With --csv it holds the figures against a file exported from Stripe's Billing overview, and needs no key: "MRR per
/// subscriber per month" or "Customer MRR changes". Columns are found by name, whatever their order, case and spacing:
/// "Customer ID", "Currency", and a column for each month (2026-01) or "Month" and "MRR"; or "Customer ID", "Date",
/// "MRR change" and "Event type". Amounts are in major units. For each difference it names the likeliest reason: the knobs
/// that would make the ledger's figure Stripe's, another time zone or currency, or an event that is missing. Whom the
/// file doesn't name is told apart: what Stripe says there isn't known. It raises no alert: a file tells of its own day and its own
/// settings. It ends with 1 where a figure differs, and where the ledger knows none of the file's customers.
///
/// With --metrics it asks Stripe itself for the MRR of each customer at the end of each of the last whole months, by the
/// Metrics API, and explains the differences in the same way. That API is a preview: the account has to be let in
/// (https://docs.stripe.com/data/metrics), and what Stripe changes in it is refused, never guessed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  mrrd audit\n  mrrd audit --heal\n  mrrd audit --json | jq .differences\n  \
    mrrd audit --csv MRR_per_Subscriber.csv --profile finance\n  mrrd audit --metrics --months 3 --currency eur")]
pub(super) struct Args {
    /// Append what is missing: the events Stripe still lists, then each subscription that still differs
    #[arg(long)]
    heal: bool,
    /// A CSV file exported from Stripe's Billing overview, or -
    #[arg(long, value_name = "FILE", conflicts_with = "heal", group = "against")]
    csv: Option<PathBuf>,
    /// Ask Stripe's Metrics API, a preview, for each customer's MRR
    #[arg(long, conflicts_with_all = ["heal", "csv"], group = "against")]
    metrics: bool,
    /// How many whole months are asked for, the last one first
    #[arg(long, requires = "metrics", default_value_t = 12, value_parser = values::months::<u32>(1..=60, 12))]
    months: u32,
    /// Under which profile's rules, kept or not [default: stripe]
    #[arg(long, requires = "against", value_parser = values::profile(), hide_possible_values = true)]
    profile: Option<String>,
    /// The currency of a file that names none, or into which Stripe is to convert [default: the reporting currency]
    #[arg(long, value_name = "CODE", requires = "against")]
    currency: Option<Currency>,
    /// Test events instead of live ones
    #[arg(long, requires = "csv")]
    test: bool,
    /// Print one JSON object with what was found
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    if let Some(file) = &args.csv {
        let asked = audit_csv::Asked {
            file,
            profile: args.profile.as_deref(),
            currency: args.currency,
            test: args.test,
            json: args.json,
        };
        return audit_csv::run(&asked, &config, context).await;
    }
    let client = client(&config)?;
    if args.metrics {
        let asked = audit_metrics::Asked {
            profile: args.profile.as_deref(),
            currency: args.currency,
            months: args.months,
            json: args.json,
        };
        return audit_metrics::run(&asked, &client, &config, context).await;
    }
    let fetch = Fetch { client, store: open_store(&config).await?, clock: context.clock.clone() };
    let record = async |detail: String| {
        let deed = at_the_command_line().does(context.clock.now(), Action::LedgerHealed, "audit --heal").saying(detail);
        let kept = fetch.store.records.record(&deed).await;
        kept.map_err(|error| Failure::Failed(format!("the audit trail can't be kept: {error}")))
    };
    if args.heal {
        months::make_ahead(&fetch.store.log, &context.clock).await;
        // Before anything is appended: what is killed has left its line.
        record("begun".into()).await?;
    }
    let bar = progress_bar();
    let rules = Rules::load(&config.ledger, &fetch.store.records).await;
    let rules = rules.map_err(|error| Failure::Failed(format!("the exchange rates can't be read: {error}")))?;
    let audited = fetch.audit(&rules, args.heal, |audit| {
        bar.set_message(format!("{} subscriptions, {} differ", audit.subscriptions, audit.differences.len()));
    });
    let audited = audited.await;
    bar.finish_and_clear();
    let audit = audited.map_err(|error| Failure::Failed(format!("the audit stopped: {error}")))?;
    if args.heal {
        record(format!("{} subscriptions differed, {} healed", audit.differences.len(), audit.healed)).await?;
    }
    if args.json {
        output::json(&audit)?;
    } else {
        let Audit { subscriptions, differences, healed } = &audit;
        let differ = differences.len();
        output::line(match args.heal {
            true => format!("{subscriptions} subscriptions at Stripe; {differ} differed, {healed} healed"),
            false if differ == 0 => format!("{subscriptions} subscriptions at Stripe, all as in the ledger"),
            false => {
                format!(
                    "{subscriptions} subscriptions at Stripe; {differ} differ, `mrrd audit --heal` appends what is missing"
                )
            }
        })?;
        for difference in &audit.differences {
            say(difference)?;
        }
    }
    let left = audit.differences.len() as u64 - if args.heal { audit.healed } else { 0 };
    let words = |first: &Difference| {
        format!("{left} subscriptions differ; first {} of {}: {}", first.subscription, first.customer, first.reason)
    };
    let difference = audit.differences.first().filter(|_| left > 0).map(words);
    if let Err(error) = drift::keep(&fetch.store.records, "audit", &Found { at: context.clock.now(), difference }).await
    {
        tracing::warn!(%error, "what was found could not be kept for the rule ledger_drift");
    }
    if left == 0 { Ok(()) } else { Err(Failure::Said) }
}

fn say(difference: &Difference) -> std::io::Result<()> {
    let worth = |mrr: Option<Mrr>| match (mrr, difference.currency) {
        (Some(mrr), Some(currency)) => words::money(mrr, currency),
        (Some(mrr), None) => mrr.to_string(),
        (None, _) => "nothing".to_owned(),
    };
    output::line(format_args!(
        "{} of {}: {}\n    MRR: {} in the ledger, {} at Stripe",
        difference.subscription,
        difference.customer,
        difference.reason,
        worth(difference.ledger_mrr),
        worth(difference.stripe_mrr),
    ))?;
    let told = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
    for field in &difference.fields {
        let (ledger, stripe) = (told(&field.ledger), told(&field.stripe));
        output::line(format_args!("    {}: {ledger} in the ledger, {stripe} at Stripe", field.field))?;
    }
    Ok(())
}
