//! `GET` and `POST /api/v1/closings`: the months that are closed, and closing one.

use axum::{Extension, body::Body, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Answer, ApiProblem, answer, json,
    params::FormatQuery,
    query::{Nothing, Query, parameters},
    reports, sent,
};
use crate::{
    access::Identity,
    api::state::AppState,
    event::Seq,
    report::{
        ask::{Ask, InCurrency},
        closing::{Close, CloseError},
        closing_answer::{CloseAnswer, ClosedLine},
        month::Month,
        table::Table,
    },
    store::records::closings::holding,
};

/// Closings that hold, the newest month first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct ClosingList {
    /// One for each month and profile.
    data: Vec<ClosingEntry>,
}

/// A closed month under one profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct ClosingEntry {
    /// The calendar month, such as `2026-10`.
    month: String,
    /// Whose rules; a reporting currency's twin is named `PROFILE in CODE`.
    profile: String,
    /// The log up to here made the figures: ask `as_known_at` with it for the month as it was closed.
    #[schema(value_type = i64)]
    seq: Seq,
    /// When the month was closed, by mrrd's clock.
    closed_at: String,
    /// SHA-256 of month, `seq` and what else the figures depend on.
    hash: String,
    /// 1 as the month was first closed, one more with each closing that took the place of the one before.
    revision: i64,
    /// By whom; null where that wasn't kept yet.
    who: Option<String>,
    /// Why it took the place of the one before; null for the first.
    reason: Option<String>,
    /// The lines of each ledger's bridge, and what stood at its end.
    totals: Vec<ClosedLine>,
}

/// What closing a month takes.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CloseBody {
    /// The month, such as `2026-10`.
    month: String,
    /// Also before the ledger began, and out of order.
    #[serde(default)]
    force: bool,
    /// Close it anew, and why: the closing there is stays, superseded.
    #[serde(default)]
    supersede: Option<String>,
}

parameters! {
    /// Which closings are listed.
    pub(super) struct ClosingQuery {
        /// Only this profile's; the default one's without it.
        profile: Option<String>,
        /// Only those of this currency's own ledgers, or of the `reporting` one, which is the default where one is configured.
        currency: Option<InCurrency>,
        /// Only this month, such as `2026-10`.
        month: Option<Month>,
        format: FormatQuery,
    }
}

/// The months that were closed, newest first, each with what it was closed with.
#[utoipa::path(get, path = "/api/v1/closings", tag = "figures", params(ClosingQuery),
    responses((status = 200, body = ClosingList), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn closings(State(state): State<AppState>, Query(query): Query<ClosingQuery>) -> Answer {
    let ask = Ask { profile: query.profile, currency: query.currency, ..Ask::default() };
    let kept = reports(&state).kept(&ask)?;
    let mut data = Vec::new();
    for closing in holding(state.store.records.closings().await?) {
        if closing.profile != kept.name || query.month.is_some_and(|month| month != closing.month) {
            continue;
        }
        let totals = state.store.records.closed_totals(&closing).await?;
        data.push(ClosingEntry {
            month: closing.month.to_string(),
            profile: closing.profile.to_string(),
            seq: closing.seq,
            closed_at: closing.closed_at.to_string(),
            hash: closing.hash,
            revision: closing.revision,
            who: Some(closing.who).filter(|who| !who.is_empty()),
            reason: Some(closing.reason).filter(|reason| !reason.is_empty()),
            totals: totals.iter().map(ClosedLine::from).collect(),
        });
    }
    data.sort_by(|a, b| b.month.cmp(&a.month));
    answer(query.format.wanted()?, ClosingList { data }, ClosingList::table)
}

/// Closes a month under every profile that is kept: its figures stay as they are now, and later changes become restatements.
#[utoipa::path(post, path = "/api/v1/closings", tag = "figures", request_body = CloseBody,
    responses((status = 200, body = CloseAnswer), (status = 409, body = super::document::ProblemBody),
        (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn close(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    _: Query<Nothing>,
    body: Body,
) -> Answer {
    let said: CloseBody = sent::json(&state, body, r#"{"month":"2026-10"}"#).await?;
    let month: Month = said
        .month
        .parse()
        .map_err(|_| ApiProblem::parameter("month", &format!("{:?} is not a month such as 2026-10", said.month)))?;
    let by = identity.actor();
    let close = Close { force: said.force, supersede: said.supersede.as_deref(), ..Close::for_month(month, &by) };
    match Box::pin(reports(&state).close(&close)).await {
        Ok(closed) => Ok(json(&closed)),
        Err(CloseError::Refused(reason)) => Err(ApiProblem::Conflict { reason }),
        Err(CloseError::Ask(error)) => Err(error.into()),
    }
}

impl ClosingList {
    fn table(&self) -> Table {
        let columns =
            vec!["month", "profile", "seq", "closed_at", "livemode", "account", "currency", "line", "amount_exact"];
        let row = |closing: &ClosingEntry, line: &ClosedLine| {
            vec![
                closing.month.clone(),
                closing.profile.clone(),
                closing.seq.to_string(),
                closing.closed_at.clone(),
                line.livemode.to_string(),
                line.account.clone().unwrap_or_default(),
                line.currency.to_string(),
                line.line.clone(),
                line.amount_exact.to_string(),
            ]
        };
        let rows = self.data.iter().flat_map(|closing| closing.totals.iter().map(move |line| row(closing, line)));
        Table { columns, rows: rows.collect() }
    }
}
