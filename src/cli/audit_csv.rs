//! `mrrd audit --csv`: the figures against a file exported from Stripe's Billing overview.

use std::{io::Read, path::Path};

use super::{Context, Failure, Outcome, ask, open_store, open_to_read, output, up_to_date};
use crate::{
    config::Config,
    ledger::{money::Currency, profile::Profile, time::UnixTime},
    report::{
        ask::Ask,
        last_audit::LastAudit,
        service::Reports,
        stripe_audit::ExportAudit,
        stripe_export::{self, BadExport},
    },
};

/// Why nobody whom a file names may be in the ledger.
const OTHERS: &str = "the file is of another account, or of the other mode (--test), or the customer's id stands in another column of it";

/// What is asked of the file.
pub(super) struct Asked<'a> {
    pub(super) file: &'a Path,
    pub(super) profile: Option<&'a str>,
    pub(super) currency: Option<Currency>,
    pub(super) test: bool,
    pub(super) json: bool,
}

pub(super) async fn run(asked: &Asked<'_>, config: &Config, context: &Context) -> Outcome {
    let named = asked.file.display();
    let mut text = String::new();
    let read = if asked.file.as_os_str() == "-" {
        std::io::stdin().lock().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(asked.file).map(|contents| text = contents)
    };
    read.map_err(|error| Failure::Usage(format!("{named} can't be read: {error}")))?;
    let currency = asked.currency.or(config.ledger.reporting_currency);
    let export = stripe_export::read(&text, currency).map_err(|error| {
        let what = if matches!(error, BadExport::Columns { .. }) {
            "is none of Stripe's MRR exports"
        } else {
            "can't be read"
        };
        Failure::Usage(format!("{named} {what}: {error}"))
    })?;
    let profile = profile(asked.profile, config)?;
    let store = open_to_read(config).await?;
    up_to_date::bring(&store, config, context).await?;
    let reports = Reports::new(store.reader(), &config.ledger, context.clock.now());
    let question = Ask { livemode: Some(!asked.test), ..Ask::default() };
    let audit = reports.against_export(&question, profile, &export).await.map_err(ask::failure)?;
    keep(&audit, "export", config, context.clock.now()).await;
    if asked.json {
        output::json(&audit)?;
    } else {
        say(&audit, OTHERS)?;
    }
    if audit.agrees() { Ok(()) } else { Err(Failure::Said) }
}

/// The figures are Stripe's, and so are the rules, unless it is said that other ones are set in its Dashboard.
pub(super) fn profile<'a>(named: Option<&str>, config: &'a Config) -> Result<&'a Profile, Failure> {
    let name = named.unwrap_or("stripe");
    config.ledger.named(name).ok_or_else(|| {
        let all = config.ledger.known.iter().map(|profile| profile.name.as_ref()).collect::<Vec<_>>().join(", ");
        Failure::Usage(format!("{name:?} is no profile: choose from {all}"))
    })
}

/// Keeps what an audit came to, for `report accuracy`. What was found is printed all the same where that fails.
pub(super) async fn keep(audit: &ExportAudit, source: &str, config: &Config, now: UnixTime) {
    let kept = match open_store(config).await {
        Ok(store) => LastAudit::new(audit, source, now).keep(&store.records).await.map_err(|error| error.to_string()),
        Err(Failure::Failed(why) | Failure::Usage(why) | Failure::Interrupted(why)) => Err(why),
        // Opening says why it can't.
        Err(Failure::Said) => return,
    };
    if let Err(error) = kept {
        tracing::warn!(error, "what was found could not be kept for `mrrd report accuracy`");
    }
}

/// Says what was found; `others` is why nobody named there may be in the ledger.
pub(super) fn say(audit: &ExportAudit, others: &str) -> std::io::Result<()> {
    let ExportAudit { profile, from, to, compared, matched, differ, left_out, named, not_named, .. } = audit;
    if audit.is_of_others() {
        let more = if named.customers > named.unknown.len() { ", …" } else { "" };
        output::line(format_args!(
            "warning: none of the {} customers named there is in the ledger ({}{more}): {others}; nothing below tells whether the ledger \
             is right",
            named.customers,
            named.unknown.join(", ")
        ))?;
    }
    output::line(format_args!(
        "{from} to {to} under {profile}: {compared} figures compared, {matched} match, {differ} differ"
    ))?;
    for reason in audit.reasons.iter().filter(|reason| reason.named > 0) {
        output::line(format_args!("    {} of them: {}", reason.named, reason.text))?;
    }
    if left_out.figures > 0 {
        let currencies: Vec<_> = left_out.currencies.iter().map(ToString::to_string).collect();
        output::line(format_args!(
            "    {} more in {} left aside: the file says nothing in that currency",
            left_out.figures,
            currencies.join(", ")
        ))?;
    }
    if not_named.figures > 0 {
        let who = if not_named.customers == 1 { "customer" } else { "customers" };
        output::line(format_args!(
            "    {} more of {} {who} whom the file doesn't name not compared: what Stripe says of them isn't known",
            not_named.figures, not_named.customers
        ))?;
    }
    if !audit.differences.is_empty() {
        output::line("")?;
        output::line(audit.terminal())?;
    }
    Ok(())
}
