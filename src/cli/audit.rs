//! `mrrd audit`: the ledger against Stripe.

use super::{Context, Failure, Outcome, backfill::client, open_store, output, replay::progress_bar};
use crate::{
    history::{
        audit::{Audit, Difference},
        backfill::Fetch,
    },
    reconciler::Rules,
};

/// Holds every subscription at Stripe against the ledger: what differs, field by field, and what it is worth
///
/// Needs `stripe.api_key` with permission to read subscriptions (and, for --heal, events). Ends with 1 when something
/// differs, or with --heal when something could not be healed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  mrrd audit\n  mrrd audit --heal\n  mrrd audit --json | jq .differences")]
pub(super) struct Args {
    /// Append what is missing: the events Stripe still lists, then each subscription that still differs
    #[arg(long)]
    heal: bool,
    /// Print one JSON object with what was found
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    let client = client(&config)?;
    let fetch = Fetch { client, store: open_store(&config).await?, clock: context.clock.clone() };
    let bar = progress_bar();
    let rules = Rules::load(&config.ledger, &fetch.store).await;
    let rules = rules.map_err(|error| Failure::Failed(format!("the exchange rates can't be read: {error}")))?;
    let audited = fetch.audit(&rules, args.heal, |audit| {
        bar.set_message(format!("{} subscriptions, {} differ", audit.subscriptions, audit.differences.len()));
    });
    let audited = audited.await;
    bar.finish_and_clear();
    let audit = audited.map_err(|error| Failure::Failed(format!("the audit stopped: {error}")))?;
    if args.json {
        output::json(&audit)?;
    } else {
        for difference in &audit.differences {
            say(difference)?;
        }
        let Audit { subscriptions, differences, healed } = &audit;
        let differ = differences.len();
        output::line(match args.heal {
            true => format!("{subscriptions} subscriptions, {differ} differed, {healed} healed"),
            false => format!("{subscriptions} subscriptions, {differ} differ"),
        })?;
    }
    let left = audit.differences.len() as u64 - if args.heal { audit.healed } else { 0 };
    if left == 0 { Ok(()) } else { Err(Failure::Said) }
}

fn say(difference: &Difference) -> std::io::Result<()> {
    let none = || "none".to_owned();
    let (ledger, stripe) = (&difference.ledger_mrr_exact, &difference.stripe_mrr_exact);
    output::line(format_args!(
        "{} of {}: {}; MRR {} in the ledger, {} at Stripe {}",
        difference.subscription,
        difference.customer,
        difference.reason,
        ledger.clone().unwrap_or_else(none),
        stripe.clone().unwrap_or_else(none),
        difference.currency.as_deref().unwrap_or_default(),
    ))?;
    for field in &difference.fields {
        output::line(format_args!(
            "    {}: {:?} in the ledger, {:?} at Stripe",
            field.field, field.ledger, field.stripe
        ))?;
    }
    Ok(())
}
