//! `GET /api/v1/failed-payments`: whose payments failed, and what became of the money at risk.

use axum::extract::State;

use super::{
    Answer, Asked, Told, cursor, ledger_status, named,
    params::{FormatQuery, LedgerQuery, PageQuery, SpanQuery},
    query::{Query, parameters},
    reports, told,
};
use crate::{
    api::state::AppState,
    report::failures::{FailureList, FailurePlace},
};

const LIST: &str = "failed-payments";

parameters! {
    /// Which failed payments are listed, by the day on which they failed.
    pub(super) struct FailureQuery {
        span: SpanQuery,
        page: PageQuery,
        ledger: LedgerQuery,
        format: FormatQuery,
    }
}

/// Whose payments failed within the span, the newest first, and what became of the money at risk: recovered, lost or open.
#[utoipa::path(get, path = "/api/v1/failed-payments", tag = "figures", params(FailureQuery),
    responses((status = 200, body = Told<FailureList>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn failures(State(state): State<AppState>, Query(query): Query<FailureQuery>) -> Answer {
    let ask = query.span.within(query.ledger.ask());
    let after: Option<FailurePlace> = cursor::read(LIST, query.page.cursor.as_deref())?;
    let ledger_status = ledger_status(&state, &ask).await?;
    let limit = usize::try_from(query.page.limit.0).unwrap_or(usize::MAX);
    let (mut list, more) = reports(&state).failures(&ask, after.as_ref(), limit).await?;
    list.next_cursor = list.data.last().filter(|_| more).map(|last| cursor::write(LIST, last.place()));
    named::failures(&state, &ask, &mut list.data).await?;
    // Nobody's payment failed: that is an answer.
    told(&state, Asked { ask: &ask, ledger_status }, query.format.wanted()?, list, false, FailureList::table).await
}
