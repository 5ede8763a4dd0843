//! `GET /api/v1/durability`: how long each month's expansion lasts.

use axum::extract::State;

use super::{
    Answer, Asked, Told, ledger_status,
    params::{FormatQuery, LedgerQuery, SegmentQuery},
    query::{Query, parameters},
    reports, told,
};
use crate::{
    api::state::AppState,
    ledger::time::Day,
    report::{ask::Ask, durability::DurabilityAnswer},
};

parameters! {
    /// Which months' expansion is looked at.
    pub(super) struct DurabilityQuery {
        /// This day's month and later.
        from: Option<Day>,
        /// This day's month and earlier.
        to: Option<Day>,
        segment: SegmentQuery,
        ledger: LedgerQuery,
        format: FormatQuery,
    }
}

/// Of each month's expansion, what the same customers still hold 30, 90, 180 and 365 days later.
#[utoipa::path(get, path = "/api/v1/durability", tag = "figures", params(DurabilityQuery),
    responses((status = 200, body = Told<DurabilityAnswer>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn durability(State(state): State<AppState>, Query(query): Query<DurabilityQuery>) -> Answer {
    let ask = Ask { from: query.from, to: query.to, ..query.segment.of(query.ledger.ask())? };
    let ledger_status = ledger_status(&state, &ask).await?;
    let report = reports(&state).durability(&ask).await?;
    let is_empty = report.data.is_empty();
    told(&state, Asked { ask: &ask, ledger_status }, query.format.wanted()?, report, is_empty, DurabilityAnswer::table)
        .await
}
