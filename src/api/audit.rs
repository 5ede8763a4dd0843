//! `POST /api/v1/audit`: the figures against a file exported from Stripe's Billing overview.

use axum::{
    body::Bytes,
    extract::{RawQuery, State},
};

use super::{Answer, ApiProblem, answer, params::Params, reports};
use crate::{
    report::{ask::Ask, stripe_audit::ExportAudit, stripe_export},
    server::state::AppState,
};

/// Holds the ledger against one of Stripe's own MRR exports: what agrees, what differs, and the likeliest reason for each
/// difference. Nothing is kept of the file.
#[utoipa::path(post, path = "/api/v1/audit", tag = "figures",
    params(("profile" = Option<String>, Query, description = "the rules set in Stripe's Dashboard; `stripe` without it"),
           ("currency" = Option<String>, Query, description = "the currency of a file that names none"),
           ("livemode" = Option<bool>, Query, description = "live or test"),
           ("format" = Option<String>, Query, description = "`json` or `csv`")),
    request_body(content = String, content_type = "text/csv", description = "the file as Stripe exports it"),
    responses((status = 200, body = Object), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn audit(State(state): State<AppState>, RawQuery(query): RawQuery, body: Bytes) -> Answer {
    let mut params = Params::read(query.as_deref())?;
    let profile = params.text("profile").unwrap_or_else(|| "stripe".into());
    let currency = params.parsed("currency", "a currency such as usd")?;
    let livemode = params.livemode()?;
    let csv = params.csv()?;
    params.end()?;
    let ledger = &state.config.ledger;
    let profile = ledger.named(&profile).ok_or_else(|| {
        let all = ledger.known.iter().map(|profile| profile.name.as_ref()).collect::<Vec<_>>().join(", ");
        ApiProblem::parameter("profile", &format!("{profile:?} is no profile: there are {all}"))
    })?;
    let text = std::str::from_utf8(&body).map_err(|_| ApiProblem::parameter("body", "it isn't text"))?;
    let export = stripe_export::read(text, currency.or(ledger.reporting_currency))
        .map_err(|error| ApiProblem::parameter("body", &format!("this is none of Stripe's MRR exports: {error}")))?;
    let question = Ask { livemode, ..Ask::default() };
    let found = Box::pin(reports(&state).against_export(&question, profile, &export)).await?;
    Ok(answer(csv, found, ExportAudit::table))
}
