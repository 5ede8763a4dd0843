//! `mrrd backfill`: history from Stripe's API into the log.

use super::{Context, Failure, Outcome, make_store, output, progress::progress_bar};
use crate::{
    access::at_the_command_line,
    config::Config,
    history::{
        backfill::{Fetch, HistoryError},
        replay::Counts,
    },
    store::records::audit_trail::Action,
    stripe::client::{Client, Patience, lists::Objects},
};

/// Reads Stripe's API: the events of the last 30 days, and with --history every object as it stands
///
/// Needs `stripe.api_key`: a restricted key that may read events (and for --history customers, products, prices, coupons,
/// subscriptions and invoices). Cut short, it goes on where it was when it is run again; once it has ended well, the next
/// run fetches only what came since. Stays under 25 requests a second.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    MRRD_STRIPE__API_KEY=rk_live_… mrrd backfill\n  \
    mrrd backfill --history --json")]
pub(super) struct Args {
    /// Also every coupon, product, price, customer, subscription and invoice as it stands
    #[arg(long)]
    history: bool,
    /// Print {"read":N,"appended":N,"duplicates":N,"rejected":N} as the last line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    let client = client(&config)?;
    let fetch = Fetch { client, store: make_store(&config, &context.clock).await?, clock: context.clock.clone() };
    let what = if args.history { "events and every object" } else { "events" };
    let record = async |detail: String| {
        let deed = at_the_command_line().does(context.clock.now(), Action::HistoryFetched, what).saying(detail);
        let kept = fetch.store.records.record(&deed).await;
        kept.map_err(|error| Failure::Failed(format!("the audit trail can't be kept: {error}")))
    };
    // Before the first of them is in the log: a backfill that is killed has left its line.
    record("begun".into()).await?;
    let bar = progress_bar();
    let fetched = async {
        let events = fetch.events(|counts| bar.set_message(format!("events: {}", said(counts)))).await;
        let (mut counts, mut refused) = (Counts::default(), Vec::new());
        match events {
            // What one route refuses is no reason not to ask the others.
            Err(HistoryError::Api(error)) if args.history && error.refused_route().is_some() => refused.push(error),
            events => counts.add(events?),
        }
        if args.history {
            let mut by_list = vec![Counts::default(); Objects::ALL.len()];
            let objects = fetch.objects(|list, page| {
                if let Some(place) = Objects::ALL.iter().position(|one| *one == list) {
                    by_list[place].add(*page);
                    bar.set_message(format!("{}: {}", list.as_str(), said(&by_list[place])));
                }
            });
            match objects.await {
                Err(HistoryError::Refused(more)) => refused.extend(more),
                objects => counts.add(objects?),
            }
        }
        if refused.is_empty() { Ok(counts) } else { Err(HistoryError::Refused(refused)) }
    }
    .await;
    bar.finish_and_clear();
    let counts = fetched.map_err(|error| {
        Failure::Failed(format!("the backfill stopped: {error}\nwhat was fetched is kept: run it again to go on"))
    })?;
    record(said(&counts)).await?;
    if args.json {
        output::json(&counts)?
    } else {
        output::line(said(&counts))?
    }
    Ok(())
}

/// A client for the configured key, or what to set.
pub(super) fn client(config: &Config) -> Result<Client, Failure> {
    let Some(key) = &config.stripe.api_key else {
        return Err(Failure::Usage(
            "no key for Stripe's API is set.\n\
             Set stripe.api_key, MRRD_STRIPE__API_KEY or MRRD_STRIPE__API_KEY_FILE to a restricted key that may read \
             events, customers, products, prices, coupons, subscriptions and invoices."
                .into(),
        ));
    };
    Client::new(&config.stripe.api_base, key, Patience::default()).map_err(Failure::Usage)
}

fn said(counts: &Counts) -> String {
    let Counts { read, appended, duplicates, rejected, .. } = counts;
    let others = counts.other_bodies();
    format!("{read} read: {appended} appended, {duplicates} known already{others}, {rejected} rejected")
}
