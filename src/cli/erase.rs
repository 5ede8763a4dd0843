//! `mrrd erase`: a customer's bodies leave the log, and what stays is told.

use std::io::{IsTerminal, Write as _};

use serde_json::json;
use tokio::sync::watch;

use super::{Context, Failure, Outcome, open_store, output, progress::progress_bar, rebuild};
use crate::{
    access::at_the_command_line, history::erase, ledger::ids::CustomerId, store::records::audit_trail::Action,
};

/// Erases every webhook body that names a customer; facts, figures and the chain of seals stay and can be verified
///
/// Bodies hold names, addresses and e-mails; facts hold ids, times and money. What was erased doesn't come back when Stripe
/// sends it again. Older back-ups still hold it: make a new one and delete those.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mrrd erase cus_123 --dry-run\n  mrrd erase cus_123 --reason \"asked for on 2026-11-02\" --yes"
)]
pub(super) struct Args {
    /// The customer's id at Stripe
    #[arg(value_name = "CUSTOMER")]
    customer: CustomerId,
    /// Why, kept beside each erasure for ever; name nobody in it
    #[arg(long, required_unless_present = "dry_run")]
    reason: Option<String>,
    /// Only count the bodies that name the customer
    #[arg(long)]
    dry_run: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
    /// Print one JSON object with what was erased
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    let store = open_store(&config).await?;
    let (_keep, stop) = watch::channel(false);
    let looked = looked_through(&store, args, None, context, &stop).await?;
    if looked.naming == 0 {
        return Err(Failure::Failed(format!(
            "none of {} bodies names {}: check the id, or it was erased before",
            looked.read, args.customer
        )));
    }
    let counts = match &args.reason {
        Some(reason) if !args.dry_run => {
            confirmed(args, looked.naming)?;
            // Before the first is gone: an erasure that is killed has left its line.
            let deed =
                at_the_command_line().does(context.clock.now(), Action::CustomerErased, args.customer.to_string());
            let kept = store.records.record(&deed.saying(format!("{} bodies, {reason}", looked.naming))).await;
            kept.map_err(|error| {
                Failure::Failed(format!("the audit trail can't be kept: {error}; nothing was erased"))
            })?;
            looked_through(&store, args, Some(reason), context, &stop).await?
        }
        _ => looked,
    };
    // Metadata by which customers are joined or grouped stood in the bodies: rows made of it are made again without it.
    let by_metadata = {
        let rules = &config.ledger.customers;
        rules.customer_key.is_some() || !rules.metadata_keys.is_empty()
    };
    if counts.erased > 0 && by_metadata {
        rebuild::quietly(&config, &store, context).await?;
    }
    if args.json {
        return Ok(output::json(&json!({
            "customer": args.customer, "bodies_read": counts.read, "bodies_naming": counts.naming,
            "bodies_erased": counts.erased,
        }))?);
    }
    if args.dry_run {
        return Ok(output::line(format_args!("{} of {} bodies name {}", counts.naming, counts.read, args.customer))?);
    }
    output::line(format_args!(
        "{} bodies that named {} are erased; facts and figures stay",
        counts.erased, args.customer
    ))?;
    Ok(output::line("Back-ups made before still hold them: make a new one and delete those.")?)
}

async fn looked_through(
    store: &crate::store::Store,
    args: &Args,
    reason: Option<&str>,
    context: &Context,
    stop: &watch::Receiver<bool>,
) -> Result<erase::Counts, Failure> {
    let bar = progress_bar();
    let told = |counts: erase::Counts| bar.set_message(format!("{} bodies, {} name them", counts.read, counts.naming));
    let counts = erase::run(store, &args.customer, reason, &context.clock, stop, told).await;
    bar.finish_and_clear();
    counts.map_err(|error| Failure::Failed(format!("not everything was erased: {error}; run it again, it goes on")))
}

fn confirmed(args: &Args, bodies: u64) -> Outcome {
    if args.yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(format!("{bodies} bodies would be erased for good: say --yes")));
    }
    print!("Erase {bodies} bodies that name {} for good? [y/N] ", args.customer);
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if answer.trim().eq_ignore_ascii_case("y") { Ok(()) } else { Err(Failure::Failed("nothing was erased".into())) }
}
