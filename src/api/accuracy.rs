//! `GET /api/v1/accuracy`: closed months as they were reported, held against now.

use axum::extract::State;

use super::{
    Answer, Asked, Told, ledger_status,
    params::{FormatQuery, LedgerQuery},
    query::{Query, parameters},
    reports, told,
};
use crate::{
    api::state::AppState,
    ledger::time::Day,
    report::{accuracy::AccuracyAnswer, ask::Ask},
};

parameters! {
    /// Which closed months are looked at.
    pub(super) struct AccuracyQuery {
        /// This day's month and later.
        from: Option<Day>,
        /// This day's month and earlier.
        to: Option<Day>,
        ledger: LedgerQuery,
        format: FormatQuery,
    }
}

/// Of each closed month what was reported, what is known of it now, which kind of events changed it, and how far it can be trusted.
#[utoipa::path(get, path = "/api/v1/accuracy", tag = "figures", params(AccuracyQuery),
    responses((status = 200, body = Told<AccuracyAnswer>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn accuracy(State(state): State<AppState>, Query(query): Query<AccuracyQuery>) -> Answer {
    let ask = Ask { from: query.from, to: query.to, ..query.ledger.ask() };
    let ledger_status = ledger_status(&state, &ask).await?;
    let report = reports(&state).accuracy(&ask).await?;
    told(&state, Asked { ask: &ask, ledger_status }, query.format.wanted()?, report, false, AccuracyAnswer::table).await
}
