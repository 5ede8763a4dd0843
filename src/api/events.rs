//! `GET /api/v1/events…`: the log, down to the very bytes received.

use axum::{
    extract::{Path, RawQuery, State},
    response::IntoResponse,
};
use http::{HeaderValue, header};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Answer, ApiProblem, answer, cursor, document::EventQuery, json, params::Params};
use crate::{
    event::Reading,
    ledger::{ids::EventId, time::UnixTime},
    report::events::{EventDetail, EventEntry, EventList},
    server::state::AppState,
    store::{derived::reports::AccountScope, log::EventFilter},
    stripe::read::read_again,
};

const LIST: &str = "events";
const BACKWARDS: &str = "events-desc";

/// Events in order of the log, page by page: all of them, unless filtered.
#[utoipa::path(get, path = "/api/v1/events", tag = "log", params(EventQuery),
    responses((status = 200, body = EventList), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn events(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer {
    let mut params = Params::read(query.as_deref())?;
    const READINGS: [&str; 4] = ["facts", "ignored", "unreadable", "thin"];
    const SOURCES: [&str; 3] = ["webhook", "replay", "api"];
    let source = |text: &str| SOURCES.contains(&text).then(|| text.to_owned());
    let reading = |text: &str| READINGS.contains(&text).then(|| text.to_owned());
    let filter = EventFilter {
        kind: params.text("type"),
        since: instant(&mut params, "since")?,
        until: instant(&mut params, "until")?,
        source: params.with("source", &format!("one of {}", SOURCES.join(", ")), source)?,
        reading: params.with("reading", &format!("one of {}", READINGS.join(", ")), reading)?,
        customer: params.text("customer").map(|id| id.as_str().into()),
        livemode: params.livemode()?,
        account: match params.account() {
            Some(AccountScope::One(account)) => Some(account),
            Some(AccountScope::All) | None => None,
        },
    };
    let backwards = params.with("order", "asc or desc", |text| match text {
        "asc" => Some(false),
        "desc" => Some(true),
        _ => None,
    })?;
    let list = if backwards == Some(true) { BACKWARDS } else { LIST };
    let after: Option<i64> = cursor::read(list, params.text("cursor").as_deref())?;
    let (limit, csv) = (params.limit()?, params.csv()?);
    params.end()?;
    let mut rows = match backwards {
        Some(true) => state.store.log.events_back(&filter, after, limit + 1).await?,
        Some(false) | None => state.store.log.events(&filter, after.unwrap_or(0), limit + 1).await?,
    };
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    let page = EventList {
        next_cursor: rows.last().filter(|_| more).map(|last| cursor::write(list, last.seq)),
        data: rows.iter().map(EventEntry::from).collect(),
    };
    Ok(answer(csv, page, EventList::table))
}

/// One event, with every shape it came in.
#[utoipa::path(get, path = "/api/v1/events/{id}", tag = "log",
    params(("id" = String, Path, description = "`evt_…`")),
    responses((status = 200, body = EventDetail), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn event(State(state): State<AppState>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Answer {
    Params::read(query.as_deref())?.end()?;
    let key = EventId::new(id.as_str());
    let Some(event) = state.store.log.event(&key).await? else {
        return Err(ApiProblem::NotFound { what: "event", id, hint: None });
    };
    let bodies = state.store.log.bodies(&key).await?;
    Ok(json(&EventDetail {
        event: EventEntry::from(&event),
        erased: !bodies.iter().any(|(row, _)| row.variant == event.variant),
        variants: bodies.iter().filter(|(row, _)| row.variant > 0).map(|(row, _)| EventEntry::from(row)).collect(),
    }))
}

/// The very bytes received.
#[utoipa::path(get, path = "/api/v1/events/{id}/raw", tag = "log",
    params(("id" = String, Path, description = "`evt_…`"),
           ("variant" = Option<i64>, Query, description = "which shape of it; 0, the first, without")),
    responses((status = 200, content_type = "application/json", description = "the bytes as they came"),
              (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn raw(State(state): State<AppState>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Answer {
    let mut params = Params::read(query.as_deref())?;
    let variant = params.parsed::<i64>("variant", "a whole number")?.unwrap_or(0);
    params.end()?;
    let bodies = state.store.log.bodies(&EventId::new(id.as_str())).await?;
    let Some((_, bytes)) = bodies.into_iter().find(|(row, _)| row.variant == variant) else {
        return Err(ApiProblem::NotFound { what: "body of event", id, hint: None });
    };
    // Never rendered: whatever a payload holds stays data.
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    ];
    Ok((headers, bytes).into_response())
}

/// What is read from an event: the facts that figures are made of, as the log keeps them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct FactList {
    /// One a state of an object; empty where nothing was read.
    #[schema(value_type = Vec<Object>)]
    data: Vec<Value>,
}

/// What this mrrd reads from it: facts, without anything personal.
#[utoipa::path(get, path = "/api/v1/events/{id}/facts", tag = "log",
    params(("id" = String, Path, description = "`evt_…`")),
    responses((status = 200, body = FactList), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn facts(State(state): State<AppState>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Answer {
    Params::read(query.as_deref())?.end()?;
    let bodies = state.store.log.bodies(&EventId::new(id.as_str())).await?;
    let Some((event, body)) = bodies.into_iter().next() else {
        return Err(ApiProblem::NotFound { what: "body of event", id, hint: None });
    };
    let read = read_again(&body, &event);
    let facts = if let Reading::Facts(facts) = read { facts } else { Vec::new() };
    // Names, numbers and lists: they always serialise.
    let data = facts.iter().filter_map(|fact| serde_json::to_value(fact).ok()).collect();
    Ok(json(&FactList { data }))
}

fn instant(params: &mut Params, name: &'static str) -> Result<Option<UnixTime>, ApiProblem> {
    let at = params.parsed::<Timestamp>(name, "an instant such as 2026-01-31T12:00:00Z")?;
    Ok(at.map(|at| UnixTime(at.as_second())))
}
