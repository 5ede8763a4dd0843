//! `GET /api/v1/events…`: the log, down to the very bytes received.

use axum::{
    extract::{Path, RawQuery, State},
    response::IntoResponse,
};
use http::{HeaderValue, header};
use jiff::Timestamp;

use super::{Answer, ApiProblem, answer, cursor, document::EventQuery, json, params::Params};
use crate::{
    ledger::{ids::EventId, time::UnixTime},
    report::events::{EventDetail, EventEntry, EventList},
    server::state::AppState,
    store::{EventFilter, reports::AccountScope},
};

const LIST: &str = "events";

/// Events in order of the log, page by page: all of them, unless filtered.
#[utoipa::path(get, path = "/api/v1/events", tag = "log", params(EventQuery),
    responses((status = 200, body = EventList), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn events(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer {
    let mut params = Params::read(query.as_deref())?;
    const READINGS: [&str; 4] = ["facts", "ignored", "unreadable", "thin"];
    let reading = |text: &str| READINGS.contains(&text).then(|| text.to_owned());
    let filter = EventFilter {
        kind: params.text("type"),
        since: instant(&mut params, "since")?,
        until: instant(&mut params, "until")?,
        reading: params.with("reading", &format!("one of {}", READINGS.join(", ")), reading)?,
        customer: params.text("customer").map(|id| id.as_str().into()),
        livemode: params.livemode()?,
        account: match params.account() {
            Some(AccountScope::One(account)) => Some(account),
            Some(AccountScope::All) | None => None,
        },
    };
    let after: Option<i64> = cursor::read(LIST, params.text("cursor").as_deref())?;
    let (limit, csv) = (params.limit()?, params.csv()?);
    params.end()?;
    let mut rows = state.store.events(&filter, after.unwrap_or(0), limit + 1).await?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > page;
    rows.truncate(page);
    let list = EventList {
        next_cursor: rows.last().filter(|_| more).map(|last| cursor::write(LIST, last.seq)),
        data: rows.iter().map(EventEntry::from).collect(),
    };
    Ok(answer(csv, &list, EventList::table))
}

/// One event, with every shape it came in.
#[utoipa::path(get, path = "/api/v1/events/{id}", tag = "log",
    params(("id" = String, Path, description = "`evt_…`")),
    responses((status = 200, body = EventDetail), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn event(State(state): State<AppState>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Answer {
    Params::read(query.as_deref())?.end()?;
    let key = EventId::new(id.as_str());
    let Some(event) = state.store.event(&key).await? else {
        return Err(ApiProblem::NotFound { what: "event", id });
    };
    let bodies = state.store.bodies(&key).await?;
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
    let bodies = state.store.bodies(&EventId::new(id.as_str())).await?;
    let Some((_, bytes)) = bodies.into_iter().find(|(row, _)| row.variant == variant) else {
        return Err(ApiProblem::NotFound { what: "body of event", id });
    };
    // Never rendered: whatever a payload holds stays data.
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    ];
    Ok((headers, bytes).into_response())
}

fn instant(params: &mut Params, name: &'static str) -> Result<Option<UnixTime>, ApiProblem> {
    let at = params.parsed::<Timestamp>(name, "an instant such as 2026-01-31T12:00:00Z")?;
    Ok(at.map(|at| UnixTime(at.as_second())))
}
