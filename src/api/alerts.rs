//! `GET /api/v1/alerts`, and taking one on.

use axum::{Extension, body::Body, extract::State};

use super::{
    Answer, answer, cursor, json,
    links::onward,
    params::{FormatQuery, PageQuery},
    problem::ApiProblem,
    query::{Nothing, Query, parameters},
    sent::{self, Named},
};
use crate::{
    access::Identity,
    api::state::AppState,
    config::alert_rules::Rule,
    ledger::time::UnixTime,
    limits,
    report::alerts::{AlertEntry, AlertList},
    store::records::{alerts::AlertFilter, audit_trail::Action},
};

const LIST: &str = "alerts";

/// Where a page ends.
type PageEnd = (UnixTime, String);

parameters! {
    /// Which alerts are listed.
    pub(super) struct AlertQuery {
        /// Only this rule's: `churn_spike`, `large_loss`, ….
        rule: Option<Rule>,
        /// Only those that go on, or only those that are over.
        open: Option<bool>,
        /// Only those somebody took on, or only the others.
        acknowledged: Option<bool>,
        /// Whether each carries `alert`, all that it says: true unless told otherwise. Its own route always has it.
        details: Option<bool>,
        page: PageQuery,
        format: FormatQuery,
    }
}

/// Alerts, newest first, with what became of their messages.
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts", params(AlertQuery),
    responses((status = 200, body = AlertList), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn alerts(State(state): State<AppState>, Query(query): Query<AlertQuery>) -> Answer {
    let filter = AlertFilter {
        rule: query.rule.map(|rule| rule.as_str().to_owned()),
        open: query.open,
        acknowledged: query.acknowledged,
        since: None,
    };
    let after: Option<PageEnd> = cursor::read(LIST, query.page.cursor.as_deref())?;
    let limit = query.page.limit.0;
    let place = after.as_ref().map(|(at, id)| (*at, id.as_str()));
    let mut rows = state.store.records.alerts(&filter, place, limit + 1).await?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > page;
    rows.truncate(page);
    let last = rows.last().filter(|_| more);
    let next_cursor = last.map(|row| cursor::write(LIST, (row.alert.raised_at, &row.alert.id)));
    let mut data = AlertEntry::with_deliveries(&state.store.records, rows).await?;
    if query.details == Some(false) {
        data.iter_mut().for_each(|entry| entry.alert = None);
    }
    let list = AlertList { data, next_cursor: next_cursor.clone() };
    Ok(onward(answer(query.format.wanted()?, list, AlertList::table)?, next_cursor))
}

/// One alert with its messages.
#[utoipa::path(get, path = "/api/v1/alerts/{id}", tag = "alerts", params(("id" = String, Path, description = "`al_…`")),
    responses((status = 200, body = AlertEntry), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn alert(State(state): State<AppState>, Named(id): Named, _: Query<Nothing>) -> Answer {
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
    Named(id): Named,
    Extension(identity): Extension<Identity>,
    _: Query<Nothing>,
    body: Body,
) -> Answer {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Said {
        by: Option<String>,
    }
    let (body, _held) = sent::whole(&state, body, limits::API_BODY_BYTES).await?;
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
