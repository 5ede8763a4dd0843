//! `GET /api/v1/committed`: MRR as it will stand if all that is scheduled happens, and nothing else.

use axum::extract::State;

use super::{
    Answer, Asked, Told, ledger_status,
    params::{FormatQuery, LIMIT_MAX, LedgerQuery, SegmentQuery},
    query::{Query, parameters},
    reports, told,
    values::{Days, UpTo},
};
use crate::{
    api::state::AppState,
    report::{
        committed::{HORIZON, HORIZON_MAX},
        committed_answer::CommittedAnswer,
    },
};

parameters! {
    /// How far committed MRR looks.
    pub(super) struct CommittedQuery {
        /// So many days from today on; `30d` is read as 30.
        horizon: Days<{ HORIZON_MAX as i64 }, { HORIZON as i64 }>,
        /// So many trials and renewals due are listed, the first to come; all without it. Their counts and sums are of all.
        limit: Option<UpTo<LIMIT_MAX>>,
        segment: SegmentQuery,
        ledger: LedgerQuery,
        format: FormatQuery,
    }
}

/// Today's MRR and what the log already knows will happen to it up to the horizon, line by line.
#[utoipa::path(get, path = "/api/v1/committed", tag = "figures", params(CommittedQuery),
    responses((status = 200, body = Told<CommittedAnswer>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn committed(State(state): State<AppState>, Query(query): Query<CommittedQuery>) -> Answer {
    let ask = query.segment.of(query.ledger.ask())?;
    let ledger_status = ledger_status(&state, &ask).await?;
    // The parameter's own bounds lie within the type's.
    let horizon = u16::try_from(query.horizon.0).unwrap_or(HORIZON_MAX);
    let report =
        reports(&state).committed(&ask, horizon, query.limit.and_then(|limit| usize::try_from(limit.0).ok())).await?;
    let is_empty = report.data.is_empty();
    told(&state, Asked { ask: &ask, ledger_status }, query.format.wanted()?, report, is_empty, CommittedAnswer::table)
        .await
}
