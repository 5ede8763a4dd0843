//! `GET /api/v1/alerts`, and taking one on.

use axum::{
    Extension,
    body::Bytes,
    extract::{Path, RawQuery, State},
};

use super::{
    Answer, answer, cursor,
    document::{AlertQuery, PageQuery},
    json,
    params::Params,
    problem::ApiProblem,
};
use crate::{
    access::Identity,
    alerts::alert::Rule,
    ledger::time::UnixTime,
    report::alerts::{AlertEntry, AlertList},
    server::state::AppState,
    store::records::{alerts::AlertFilter, audit_trail::Action},
};

const LIST: &str = "alerts";

/// Where a page ends.
type Place = (UnixTime, String);

/// Alerts, newest first, with what became of their messages.
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts", params(AlertQuery, PageQuery),
    responses((status = 200, body = AlertList), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn alerts(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer {
    let mut params = Params::read(query.as_deref())?;
    let filter = AlertFilter {
        rule: params.with("rule", "a rule's name", Rule::parse)?.map(|rule| rule.as_str().to_owned()),
        open: params.parsed("open", "true or false")?,
        acknowledged: params.parsed("acknowledged", "true or false")?,
        since: None,
    };
    let after: Option<Place> = cursor::read(LIST, params.text("cursor").as_deref())?;
    let (limit, csv) = (params.limit()?, params.csv()?);
    params.end()?;
    let place = after.as_ref().map(|(at, id)| (*at, id.as_str()));
    let mut rows = state.store.records.alerts(&filter, place, limit + 1).await?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > page;
    rows.truncate(page);
    let last = rows.last().filter(|_| more);
    let next_cursor = last.map(|row| cursor::write(LIST, (row.alert.raised_at, &row.alert.id)));
    let list = AlertList { data: AlertEntry::with_deliveries(&state.store.records, rows).await?, next_cursor };
    Ok(answer(csv, list, AlertList::table))
}

/// One alert.
#[utoipa::path(get, path = "/api/v1/alerts/{id}", tag = "alerts", params(("id" = String, Path, description = "`al_…`")),
    responses((status = 200, body = AlertEntry), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn alert(State(state): State<AppState>, Path(id): Path<String>) -> Answer {
    Ok(json(&entry(&state, &id).await?))
}

/// Takes an alert on: whoever looks sees that somebody has. The first to do so stays.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/acknowledge", tag = "alerts",
    params(("id" = String, Path, description = "`al_…`")),
    request_body(content = super::document::AcknowledgeBody, description = "May be left away."),
    responses((status = 200, body = AlertEntry), (status = 404, body = super::document::ProblemBody),
        (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn acknowledge(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Extension(identity): Extension<Identity>,
    body: Bytes,
) -> Answer {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Said {
        by: Option<String>,
    }
    let said = match body.is_empty() {
        true => Said { by: None },
        false => serde_json::from_slice(&body)
            .map_err(|_| ApiProblem::parameter("body", "it is not JSON such as {\"by\":\"ada\"}"))?,
    };
    // Before anything is written, so that an unknown id is 404.
    entry(&state, &id).await?;
    let by = said.by.as_deref().unwrap_or(&identity.who);
    let deed = identity.actor().does(state.clock.now(), Action::AlertAcknowledged, id.clone());
    state.store.records.acknowledge_alert(&id, Some(by), &deed).await?;
    Ok(json(&entry(&state, &id).await?))
}

async fn entry(state: &AppState, id: &str) -> Result<AlertEntry, ApiProblem> {
    let missing = || ApiProblem::NotFound { what: "alert", id: id.to_owned(), hint: None };
    let row = state.store.records.alert(id).await?.ok_or_else(missing)?;
    AlertEntry::with_deliveries(&state.store.records, vec![row]).await?.pop().ok_or_else(missing)
}
