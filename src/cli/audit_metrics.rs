//! `mrrd audit --metrics`: the figures against those that Stripe's Metrics API tells.

use super::{Context, Failure, Outcome, ask, audit_csv, open_to_read, output, progress::progress_bar, up_to_date};
use crate::{
    config::Config,
    history::metrics::{self, Audited, MetricsError, Span},
    ledger::money::Currency,
    report::service::Reports,
    stripe::client::Client,
};

/// What Stripe is asked.
pub(super) struct Asked<'a> {
    pub(super) profile: Option<&'a str>,
    pub(super) currency: Option<Currency>,
    pub(super) months: u32,
    pub(super) json: bool,
}

pub(super) async fn run(asked: &Asked<'_>, client: &Client, config: &Config, context: &Context) -> Outcome {
    let profile = audit_csv::profile(asked.profile, config)?;
    let store = open_to_read(config).await?;
    up_to_date::bring(&store, config, context).await?;
    let now = context.clock.now();
    let reports = Reports::new(store.reader(), &config.ledger, now);
    let span = Span { profile, currency: asked.currency, months: asked.months };
    let bar = progress_bar();
    let audited =
        metrics::audit(client, &reports, span, |month| bar.set_message(format!("Stripe's figures of {month}")));
    let audited = audited.await;
    bar.finish_and_clear();
    let Audited { audit, currency, refreshed_at } = audited.map_err(|error| match error {
        MetricsError::Ledger(error) => ask::failure(error),
        MetricsError::Currency(_) | MetricsError::Nobody => Failure::Usage(error.to_string()),
        error => Failure::Failed(error.to_string()),
    })?;
    audit_csv::keep(&audit, "metrics", config, now).await;
    if asked.json {
        output::json(&audit)?;
    } else {
        let code = currency.to_string().to_uppercase();
        output::line(format_args!("Stripe's own figures as of {refreshed_at}, in {code}"))?;
        audit_csv::say(&audit, "stripe.api_key is of another account, or of the other mode")?;
    }
    if audit.agrees() { Ok(()) } else { Err(Failure::Said) }
}
