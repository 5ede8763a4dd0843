//! `mrrd rebuild`: every derived row anew from the log, switched to at once.

use serde_json::json;
use tokio::sync::watch;

use super::{Context, Failure, Outcome, open_store, output, progress::progress_bar};
use crate::{
    access::at_the_command_line,
    config::Config,
    history::renormalise,
    reconciler::{Reconciler, Rules},
    report::{table::printable, units::said},
    store::{Store, records::audit_trail::Action},
};

/// Recomputes every derived table from the log, swaps it in at once and says what changed
///
/// May run beside a live `serve`: answers come from the old tables until the new ones are complete. What is counted is ledgers: each
/// customer has one under each profile that is kept, so two customers under three profiles are six.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  mrrd rebuild\n  mrrd rebuild --json\n  mrrd rebuild --renormalize")]
pub(super) struct Args {
    /// First read every event again that an older mrrd read; what was read before stays in the log
    #[arg(long)]
    renormalize: bool,
    /// Print one JSON object with what changed; `ledgers` counts each customer once under each profile
    #[arg(long)]
    json: bool,
}

/// Rebuilds without a word: what another command has changed the ground of.
pub(super) async fn quietly(config: &Config, store: &Store, context: &Context) -> Outcome {
    let rules = Rules::load(&config.ledger, &store.records).await;
    let rules = rules.map_err(|error| Failure::Failed(format!("the exchange rates can't be read: {error}")))?;
    let (_keep, stop) = watch::channel(false);
    let rebuilt = Reconciler::new(store.clone(), rules, context.clock.clone()).rebuild(&stop, &mut |_| {}).await;
    rebuilt
        .map(|_| ())
        .map_err(|error| Failure::Failed(format!("the ledger was not rebuilt: {error}; run mrrd rebuild")))
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    let store = open_store(&config).await?;
    // Nobody stops it but a signal, which leaves nothing to repair: run again, it goes on.
    let (_keep, stop) = watch::channel(false);
    let bar = progress_bar();
    let renormalised = if args.renormalize {
        let read =
            renormalise::run(&store, &stop, |counts| bar.set_message(format!("{} events read again", counts.read)));
        let counts = read.await.map_err(|error| {
            Failure::Failed(format!("not all events were read again: {error}; run it again, it goes on where it stood"))
        })?;
        Some(counts)
    } else {
        None
    };
    let rules = Rules::load(&config.ledger, &store.records).await;
    let rules = rules.map_err(|error| Failure::Failed(format!("the exchange rates can't be read: {error}")))?;
    let names: Vec<String> = rules.profiles.iter().map(|profile| profile.name.to_string()).collect();
    let reconciler = Reconciler::new(store.clone(), rules, context.clock.clone());
    let rebuilt = reconciler
        .rebuild(&stop, &mut |reached| {
            bar.set_message(format!("{} customers done", reached.customers_done));
        })
        .await;
    bar.finish_and_clear();
    let changes = rebuilt.map_err(|error| Failure::Failed(format!("the ledger was not rebuilt: {error}")))?;
    let subject = if args.renormalize { "every event read again" } else { "the log as it was read" };
    let deed = at_the_command_line().does(context.clock.now(), Action::LedgerRebuilt, subject);
    let kept =
        store.records.record(&deed.saying(format!("{} of {} ledgers changed", changes.changed, changes.ledgers))).await;
    kept.map_err(|error| {
        Failure::Failed(format!("the ledger is rebuilt, but the audit trail can't be kept: {error}"))
    })?;
    let moved: Vec<_> = changes.mrr.iter().filter(|(_, mrr)| mrr.before != mrr.after).collect();
    if args.json {
        let mrr: Vec<_> = moved.iter().map(|(book, mrr)| json!({
            "profile": book.profile, "livemode": book.livemode, "account": book.account, "currency": book.currency,
            "before_exact": mrr.before.to_string(), "after_exact": mrr.after.to_string(),
        })).collect();
        let failed: Vec<_> =
            changes.failed.iter().map(|(key, reason)| json!({ "customer": key.customer, "reason": reason })).collect();
        output::json(&json!({
            "renormalized": renormalised, "ledgers": changes.ledgers, "changed": changes.changed, "mrr": mrr, "failed": failed,
        }))?;
    } else {
        if let Some(renormalise::Counts { read, gained, lost }) = renormalised {
            output::line(format_args!(
                "{read} events read again: {gained} have facts that had none, {lost} have none that had"
            ))?;
        }
        let under = match &names[..] {
            [only] => format!("the only profile, {only}"),
            all => format!("each of {} profiles: {}", all.len(), all.join(", ")),
        };
        output::line(format_args!(
            "{} of {} ledgers changed (every customer has a ledger under {under})",
            changes.changed, changes.ledgers
        ))?;
        for (book, mrr) in moved {
            let account = book.account.as_ref().map_or(String::new(), |account| format!(" of {account}"));
            let mode = if book.livemode { "" } else { ", test events" };
            output::line(format_args!(
                "{}{account}{mode}: MRR {} before, {} now",
                book.profile,
                said(mrr.before, book.currency),
                said(mrr.after, book.currency)
            ))?;
        }
        for (key, reason) in &changes.failed {
            eprintln!("mrrd: {}", printable(&format!("{} could not be derived: {reason}", key.customer)));
        }
    }
    if changes.failed.is_empty() { Ok(()) } else { Err(Failure::Said) }
}
