//! `mrrd explain`: the chain from raw event to money, for one customer.

use super::{Context, Failure, Outcome, ask, open_to_read, up_to_date};
use crate::{
    ledger::{fact::Fact, time::Day},
    report::{explain::Explanation, service::Reports, units::Places},
    store::Store,
};

/// Explains a customer's MRR: every state, every rule applied, every movement, with event ids
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  mrrd explain cus_1A2b3C\n  mrrd explain sub_1A2b3C --day 2026-01-14\n  \
    mrrd explain cus_1A2b3C --profile finance --json")]
pub(super) struct Args {
    /// A customer, or one of its subscriptions
    #[arg(value_name = "CUSTOMER|SUBSCRIPTION")]
    id: String,
    /// Only what happened on this accounting day
    #[arg(long, value_name = "DAY")]
    day: Option<Day>,
    #[command(flatten)]
    ledger: ask::Ledger,
    #[command(flatten)]
    output: ask::Output,
}

/// What is said of an id that is no customer's and no subscription's: of an event whose it is.
async fn not_found(store: &Store, id: &str) -> String {
    if !id.starts_with("evt_") {
        return format!(
            "the ledger has no customer and no subscription {id}: check the id, `mrrd report movements` shows those there are"
        );
    }
    let Ok(Some(event)) = store.log.event(&id.into()).await else {
        return format!("the log has no event {id}: check the id, or take it in (mrrd backfill, mrrd replay)");
    };
    let facts = store.log.facts_of(event.seq).await.unwrap_or_default();
    match facts.iter().find_map(Fact::customer) {
        Some(customer) => format!(
            "{id} is an event of {customer}: `mrrd explain {customer}` tells what came of it, `mrrd events show {id}` what it says"
        ),
        None => format!(
            "{id} is an event ({}) that names no customer: `mrrd events show {id}` says what it holds",
            event.kind
        ),
    }
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    let store = open_to_read(&config).await?;
    up_to_date::bring(&store, &config, context).await?;
    let reports = Reports::new(store.reader(), &config.ledger, context.clock.now());
    let question = args.ledger.ask();
    let answer = reports.explain(&question, &args.id, args.day).await.map_err(ask::failure)?;
    let Some(answer) = answer else {
        let elsewhere = reports.found_elsewhere(&question, &args.id).await.map_err(ask::failure)?;
        let hint = ask::elsewhere(&elsewhere);
        return Err(Failure::Failed(if hint.is_empty() {
            not_found(&store, &args.id).await
        } else {
            format!("the ledger has no customer and no subscription {}{hint}", args.id)
        }));
    };
    let told = ask::told(&reports, &question, false).await.map_err(ask::failure)?;
    let places = if args.output.exact() { Places::All } else { Places::Currency };
    Ok(args.output.print_as(&answer, &told, Explanation::table, |answer| answer.text(places))?)
}
