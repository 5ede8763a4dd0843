//! `mrrd audit --csv`: the figures against a file exported from Stripe's Billing overview.

use std::{io::Read, path::Path};

use super::{Context, Failure, Outcome, ask, open_to_read, output, up_to_date};
use crate::{
    config::Config,
    ledger::money::Currency,
    report::{
        ask::Ask,
        service::Reports,
        stripe_audit::ExportAudit,
        stripe_export::{self, BadExport},
    },
};

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
    // The file is Stripe's, and so are the rules, unless it is said that other ones are set in its Dashboard.
    let name = asked.profile.unwrap_or("stripe");
    let profile = config.ledger.named(name).ok_or_else(|| {
        let all = config.ledger.known.iter().map(|profile| profile.name.as_ref()).collect::<Vec<_>>().join(", ");
        Failure::Usage(format!("{name:?} is no profile: choose from {all}"))
    })?;
    let store = open_to_read(config).await?;
    up_to_date::bring(&store, config, context).await?;
    let reports = Reports::new(store.reader(), &config.ledger, context.clock.now());
    let question = Ask { livemode: Some(!asked.test), ..Ask::default() };
    let audit = reports.against_export(&question, profile, &export).await.map_err(ask::failure)?;
    if asked.json {
        output::json(&audit)?;
    } else {
        say(&audit)?;
    }
    if audit.differences.is_empty() { Ok(()) } else { Err(Failure::Said) }
}

fn say(audit: &ExportAudit) -> std::io::Result<()> {
    let ExportAudit { profile, from, to, compared, matched, left_out, differences, reasons, .. } = audit;
    output::line(format_args!(
        "{from} to {to} under {profile}: {compared} figures compared, {matched} match, {} differ",
        differences.len()
    ))?;
    if left_out.figures > 0 {
        let currencies: Vec<_> = left_out.currencies.iter().map(ToString::to_string).collect();
        output::line(format_args!(
            "    {} more in {} left aside: the file says nothing in that currency",
            left_out.figures,
            currencies.join(", ")
        ))?;
    }
    for reason in reasons {
        output::line(format_args!("    {} of them: {}", reason.differences, reason.text))?;
    }
    if !differences.is_empty() {
        output::line("")?;
        output::line(audit.table().terminal())?;
    }
    Ok(())
}
