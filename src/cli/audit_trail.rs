//! `mrrd audit-trail`: who closed, acknowledged, muted, imported; when, and from where.

use super::{Context, Failure, Outcome, ask, open_to_read, values};
use crate::{report::audit_trail::AuditTrail, store::records::audit_trail::Action};

/// Lists who closed months, acknowledged, muted, planned, imported and signed in, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  mrrd audit-trail\n  mrrd audit-trail --action month_closed --json")]
pub(super) struct Args {
    /// Only what is called so
    #[arg(long, value_parser = action)]
    action: Option<Action>,
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = values::number::<i64>(1..=100_000, 50))]
    limit: i64,
    #[command(flatten)]
    output: ask::Output,
}

fn action(name: &str) -> Result<Action, String> {
    Action::named(name).ok_or_else(|| format!("{} are possible", Action::ALL.map(Action::as_str).join(", ")))
}

pub(super) async fn run(args: &Args, context: &Context) -> Outcome {
    let store = open_to_read(&*context.load()?).await?;
    let rows = store.records.audit_trail(args.action, None, args.limit).await;
    let rows = rows.map_err(|error| Failure::Failed(error.to_string()))?;
    let trail = AuditTrail { data: rows.into_iter().map(Into::into).collect(), next_cursor: None };
    Ok(args.output.print(&trail, &ask::Told::default(), AuditTrail::table)?)
}
