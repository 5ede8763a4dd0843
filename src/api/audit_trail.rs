//! `GET /api/v1/audit-trail`: who closed, acknowledged, muted, imported; when, and from where.

use axum::extract::{RawQuery, State};

use super::{
    Answer, answer, cursor,
    document::{AuditTrailQuery, PageQuery},
    params::Params,
};
use crate::{report::audit_trail::AuditTrail, server::state::AppState, store::records::audit_trail::Action};

const LIST: &str = "audit-trail";

/// Who did what, newest first.
#[utoipa::path(get, path = "/api/v1/audit-trail", tag = "status", params(AuditTrailQuery, PageQuery),
    responses((status = 200, body = AuditTrail), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn audit_trail(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer {
    let mut params = Params::read(query.as_deref())?;
    let expected = format!("one of {}", Action::ALL.map(Action::as_str).join(", "));
    let action = params.with("action", &expected, Action::named)?;
    let before: Option<i64> = cursor::read(LIST, params.text("cursor").as_deref())?;
    let (limit, csv) = (params.limit()?, params.csv()?);
    params.end()?;
    let mut rows = state.store.records.audit_trail(action, before, limit + 1).await?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > page;
    rows.truncate(page);
    let last = rows.last().filter(|_| more);
    let next_cursor = last.map(|row| cursor::write(LIST, row.id));
    let trail = AuditTrail { data: rows.into_iter().map(Into::into).collect(), next_cursor };
    Ok(answer(csv, trail, AuditTrail::table))
}
