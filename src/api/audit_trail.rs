//! `GET /api/v1/audit-trail`: who closed, acknowledged, muted, imported; when, and from where.

use axum::extract::State;

use super::{
    Answer, answer, cursor,
    links::onward,
    params::{FormatQuery, PageQuery},
    query::{Query, parameters},
};
use crate::{api::state::AppState, report::audit_trail::AuditTrail, store::records::audit_trail::Action};

const LIST: &str = "audit-trail";

parameters! {
    /// Which lines are listed.
    pub(super) struct AuditTrailQuery {
        /// Only this: `month_closed`, `alert_acknowledged`, ….
        action: Option<Action>,
        page: PageQuery,
        format: FormatQuery,
    }
}

/// Who did what, newest first.
#[utoipa::path(get, path = "/api/v1/audit-trail", tag = "status", params(AuditTrailQuery),
    responses((status = 200, body = AuditTrail), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn audit_trail(State(state): State<AppState>, Query(query): Query<AuditTrailQuery>) -> Answer {
    let before: Option<i64> = cursor::read(LIST, query.page.cursor.as_deref())?;
    let (action, limit) = (query.action, query.page.limit.0);
    let mut rows = state.store.records.audit_trail(action, before, limit + 1).await?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > page;
    rows.truncate(page);
    let last = rows.last().filter(|_| more);
    let next_cursor = last.map(|row| cursor::write(LIST, row.id));
    let trail = AuditTrail { data: rows.into_iter().map(Into::into).collect(), next_cursor: next_cursor.clone() };
    Ok(onward(answer(query.format.wanted()?, trail, AuditTrail::table)?, next_cursor))
}
