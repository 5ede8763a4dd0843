//! `GET /api/v1/mrr`: MRR over time, each period with its bridge.

use axum::extract::{RawQuery, State};

use super::{
    Answer, Told,
    document::{CommonQuery, SeriesQuery},
    params::Params,
    reports, standing, told,
};
use crate::{report::mrr::MrrAnswer, server::state::AppState};

/// MRR over time: opening, movements and closing of each period. Without `currency`, every currency's series.
#[utoipa::path(get, path = "/api/v1/mrr", tag = "figures", params(SeriesQuery, CommonQuery),
    responses((status = 200, body = Told<MrrAnswer>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn mrr(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer {
    let mut params = Params::read(query.as_deref())?;
    let ask = params.ask()?;
    let ask = params.series(ask)?;
    let csv = params.csv()?;
    params.end()?;
    let standing = standing(&state, &ask).await?;
    let report = reports(&state).mrr(&ask).await?;
    let is_empty = report.data.is_empty();
    told(&state, (&ask, standing), csv, report, is_empty, MrrAnswer::table).await
}
