//! `POST /api/v1/audit`: the figures against a file exported from Stripe's Billing overview.

use axum::{body::Body, extract::State};

use super::{
    Answer, ApiProblem, answer,
    params::FormatQuery,
    query::{Query, parameters},
    reports, sent,
};
use crate::{
    api::state::AppState,
    ledger::money::Currency,
    limits,
    report::{ask::Ask, stripe_audit::ExportAudit, stripe_export},
};

parameters! {
    /// How a file is read and what it is held against.
    pub(super) struct AuditQuery {
        /// The rules set in Stripe's Dashboard; `stripe` without it.
        profile: Option<String>,
        /// The currency of a file that names none.
        currency: Option<Currency>,
        /// True for live mode, false for test mode; live by default.
        livemode: Option<bool>,
        format: FormatQuery,
    }
}

/// Holds the ledger against one of Stripe's own MRR exports: what agrees, what differs, and the likeliest reason for each
/// difference. Nothing is kept of the file.
#[utoipa::path(post, path = "/api/v1/audit", tag = "figures", params(AuditQuery),
    request_body(content = String, content_type = "text/csv", description = "the file as Stripe exports it"),
    responses((status = 200, body = Object), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn audit(State(state): State<AppState>, Query(query): Query<AuditQuery>, body: Body) -> Answer {
    let profile = query.profile.unwrap_or_else(|| "stripe".into());
    let ledger = &state.config.ledger;
    let profile = ledger.named(&profile).ok_or_else(|| {
        let all = ledger.known.iter().map(|profile| profile.name.as_ref()).collect::<Vec<_>>().join(", ");
        ApiProblem::parameter("profile", &format!("{profile:?} is no profile: there are {all}"))
    })?;
    let (body, _held) = sent::whole(&state, body, limits::EXPORT_BODY_BYTES).await?;
    let text = std::str::from_utf8(&body).map_err(|_| ApiProblem::parameter("body", "it isn't text"))?;
    let export = stripe_export::read(text, query.currency.or(ledger.reporting_currency))
        .map_err(|error| ApiProblem::parameter("body", &format!("this is none of Stripe's MRR exports: {error}")))?;
    let question = Ask { livemode: query.livemode, ..Ask::default() };
    let found = Box::pin(reports(&state).against_export(&question, profile, &export)).await?;
    answer(query.format.wanted()?, found, ExportAudit::table)
}
