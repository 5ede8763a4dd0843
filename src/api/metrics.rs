//! `GET /api/v1/metrics` and `/api/v1/cohorts`: rates, each with what it was made of.

use axum::extract::{RawQuery, State};

use super::{
    Answer, Told,
    document::{CohortQuery, CommonQuery, MetricsQuery},
    params::Params,
    reports, standing, told,
};
use crate::{
    report::{ask::Ask, cohorts::CohortsAnswer, metrics::MetricsAnswer},
    server::state::AppState,
};

/// ARR, ARPA, retention, churn, quick ratio, LTV and trial conversion of each period.
#[utoipa::path(get, path = "/api/v1/metrics", tag = "figures", params(MetricsQuery, CommonQuery),
    responses((status = 200, body = Told<MetricsAnswer>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn metrics(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer {
    let mut params = Params::read(query.as_deref())?;
    let ask = params.ask()?;
    let ask = params.span(ask)?;
    let ask = Ask { interval: params.interval()?, basis: params.basis()?, ..ask };
    let csv = params.csv()?;
    params.end()?;
    let standing = standing(&state, &ask).await?;
    let report = reports(&state).metrics(&ask).await?;
    let is_empty = report.data.is_empty();
    told(&state, (&ask, standing), csv, report, is_empty, MetricsAnswer::table).await
}

/// Customers by the month of their first MRR, and what is left of them by month of age.
#[utoipa::path(get, path = "/api/v1/cohorts", tag = "figures", params(CohortQuery, CommonQuery),
    responses((status = 200, body = Told<CohortsAnswer>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn cohorts(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer {
    let mut params = Params::read(query.as_deref())?;
    let ask = params.ask()?;
    let ask = params.span(ask)?;
    let csv = params.csv()?;
    params.end()?;
    let standing = standing(&state, &ask).await?;
    let report = reports(&state).cohorts(&ask).await?;
    let is_empty = report.data.is_empty();
    told(&state, (&ask, standing), csv, report, is_empty, CohortsAnswer::table).await
}
