//! `GET /api/v1/events…`: the log, down to the very bytes received.

use axum::{extract::State, response::IntoResponse};
use http::{HeaderValue, header};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Answer, ApiProblem, answer, cursor, json,
    links::onward,
    params::{FormatQuery, PageQuery},
    query::{Nothing, Query, parameters},
    sent::Named,
    values::words,
};
use crate::{
    api::state::AppState,
    event::{ReadAs, Seq, Source},
    ledger::{
        ids::{CustomerId, EventId},
        time::UnixTime,
    },
    report::events::{EventDetail, EventEntry, EventList},
    store::{
        derived::reports::{AccountScope, Order},
        log::EventFilter,
    },
};

const LIST: &str = "events";
const BACKWARDS: &str = "events-desc";

words! {
    ReadAs: ReadAs::ALL, ReadAs::as_str;
    Source: Source::ALL, Source::as_str;
}

parameters! {
    /// Which events are listed.
    pub(super) struct EventQuery {
        /// Exactly this type, or a prefix ending in `*`.
        ["type"] kind: Option<String>,
        /// Created by Stripe at this instant or later.
        since: Option<UnixTime>,
        /// Created by Stripe before this instant.
        until: Option<UnixTime>,
        /// `facts`, `ignored`, `unreadable` or `thin`.
        reading: Option<ReadAs>,
        /// How it came: `webhook`, `replay` or `api`.
        source: Option<Source>,
        /// Only events of this customer, `cus_…`.
        customer: Option<CustomerId>,
        /// `asc` (in order of the log, the default) or `desc`.
        order: Option<Order>,
        /// Only live, or only test events.
        livemode: Option<bool>,
        /// Only this connected account's, or `own` for the account's own; `all` is everything, as without it. With `customer` it
        /// makes the answer quick on a long log.
        account: Option<AccountScope>,
        page: PageQuery,
        format: FormatQuery,
    }
}

parameters! {
    /// Which shape of an event is wanted.
    pub(super) struct RawEventQuery {
        /// Which shape of it; 0, the first, without.
        variant: Option<i64>,
    }
}

/// Events in order of the log, page by page: all of them, unless filtered.
#[utoipa::path(get, path = "/api/v1/events", tag = "log", params(EventQuery),
    responses((status = 200, body = EventList), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn events(State(state): State<AppState>, Query(query): Query<EventQuery>) -> Answer {
    let filter = EventFilter {
        kind: query.kind,
        since: query.since,
        until: query.until,
        source: query.source,
        reading: query.reading,
        customer: query.customer,
        livemode: query.livemode,
        account: match query.account {
            Some(AccountScope::One(account)) => Some(account),
            Some(AccountScope::All) | None => None,
        },
    };
    let (order, limit) = (query.order.unwrap_or_default(), query.page.limit.0);
    let list = match order {
        Order::Ascending => LIST,
        Order::Descending => BACKWARDS,
    };
    let after: Option<Seq> = cursor::read(list, query.page.cursor.as_deref())?;
    let mut rows = match order {
        Order::Ascending => state.store.log.events(&filter, after.unwrap_or_default(), limit + 1).await?,
        Order::Descending => state.store.log.events_back(&filter, after, limit + 1).await?,
    };
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    let page = EventList {
        next_cursor: rows.last().filter(|_| more).map(|last| cursor::write(list, last.seq)),
        data: rows.iter().map(EventEntry::from).collect(),
    };
    let next = page.next_cursor.clone();
    Ok(onward(answer(query.format.wanted()?, page, EventList::table)?, next))
}

/// One event, with every shape it came in.
#[utoipa::path(get, path = "/api/v1/events/{id}", tag = "log",
    params(("id" = String, Path, description = "`evt_…`")),
    responses((status = 200, body = EventDetail), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn event(State(state): State<AppState>, Named(id): Named, _: Query<Nothing>) -> Answer {
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

/// The body of an event to the byte, as it was received.
#[utoipa::path(get, path = "/api/v1/events/{id}/raw", tag = "log",
    params(("id" = String, Path, description = "`evt_…`"), RawEventQuery),
    responses((status = 200, content_type = "application/json", description = "the bytes as they came"),
              (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn raw(State(state): State<AppState>, Named(id): Named, Query(query): Query<RawEventQuery>) -> Answer {
    let variant = query.variant.unwrap_or(0);
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
    data: Vec<serde_json::Value>,
}

/// What was read from it: facts, without anything personal. They stay when its body is erased.
#[utoipa::path(get, path = "/api/v1/events/{id}/facts", tag = "log",
    params(("id" = String, Path, description = "`evt_…`")),
    responses((status = 200, body = FactList), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn facts(State(state): State<AppState>, Named(id): Named, _: Query<Nothing>) -> Answer {
    let Some(event) = state.store.log.event(&EventId::new(id.as_str())).await? else {
        return Err(ApiProblem::NotFound { what: "event", id, hint: None });
    };
    let facts = state.store.log.facts_of(event.seq).await?;
    // Names, numbers and lists: they always serialise.
    let data = facts.iter().filter_map(|fact| serde_json::to_value(fact).ok()).collect();
    Ok(json(&FactList { data }))
}
