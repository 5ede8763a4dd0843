//! `mrrd compare`: why two profiles differ.

use super::{Context, Failure, Outcome, ask, open_to_read, up_to_date, values};
use crate::report::{compare::Comparison, month::Month, service::Reports};

/// Shows the difference of two profiles over a month, customer by customer, by the knob that makes it
///
/// Any profile can be compared, built in or written under [profiles], whether it is kept or not. The knobs in which the two
/// differ are switched one at a time, in a fixed order; what each changes sums exactly to the difference.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mrrd compare stripe finance --month 2026-10\n  mrrd compare stripe board --month 2026-10 --currency usd --format csv"
)]
pub(super) struct Args {
    /// The first profile
    #[arg(value_name = "PROFILE", value_parser = values::profile(), hide_possible_values = true)]
    from: String,
    /// The second profile
    #[arg(value_name = "PROFILE", value_parser = values::profile(), hide_possible_values = true)]
    to: String,
    /// The month whose figures are compared
    #[arg(long, value_name = "YYYY-MM")]
    month: Month,
    #[command(flatten)]
    whose: ask::Whose,
    #[command(flatten)]
    output: ask::Output,
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let config = context.load()?;
    let ledger = &config.ledger;
    let named = |name: &str| {
        ledger.named(name).ok_or_else(|| {
            let all = ledger.known.iter().map(|profile| profile.name.as_ref()).collect::<Vec<_>>().join(", ");
            Failure::Usage(format!("{name:?} is no profile: choose from {all}"))
        })
    };
    let (from, to) = (named(&args.from)?, named(&args.to)?);
    let store = open_to_read(&config).await?;
    up_to_date::bring(&store, &config, context).await?;
    let reports = Reports::new(store.reader(), ledger, context.clock.now());
    let answer = reports.compare(&args.whose.ask(), from, to, args.month).await.map_err(ask::failure)?;
    let told = ask::told(&reports, &args.whose.ask(), answer.totals.is_empty()).await.map_err(ask::failure)?;
    let exact = args.output.exact();
    Ok(args.output.print_as(&answer, &told, Comparison::table, |answer| answer.text(exact))?)
}
