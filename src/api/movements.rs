//! `GET /api/v1/movements`: every change of MRR with its parts, causes and events.

use std::{collections::BTreeSet, sync::Arc};

use axum::extract::{RawQuery, State};

use super::{
    Answer, ApiProblem, Told, cursor,
    document::{CommonQuery, MovementQuery},
    json, named,
    params::Params,
    reports, standing, told,
};
use crate::{
    feeds::message,
    ledger::{
        outcome::{Cause, Kind, Rollup},
        time::{Day, UnixTime},
    },
    report::{
        ask::Ask,
        movements::{MovementEntry, MovementList},
    },
    server::state::AppState,
    store::derived::reports::{MovementFilter, MovementKey, Order, PartFilter},
};

const LIST: &str = "movements";

/// The most movements whose comments are read at once.
const COMMENTS_MAX: i64 = 200;

/// Movements in order of day and instant, page by page. With `after`, the entries of the feed instead: each movement as it
/// was first seen (`movement.created`), then each correction of it (`movement.corrected`, `movement.removed`), in the order
/// they were found, as feeds post them.
#[utoipa::path(get, path = "/api/v1/movements", tag = "figures", params(MovementQuery, CommonQuery),
    responses((status = 200, body = Told<MovementList>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn movements(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer {
    let mut params = Params::read(query.as_deref())?;
    if let Some(after) = params.parsed::<i64>("after", "a feed's cursor: 0, or what its last message carries")? {
        return told_after(&state, params, after).await;
    }
    let ask = params.ask()?;
    let filter = MovementFilter {
        from: params.day("from")?,
        to: params.day("to")?,
        customer: params.text("customer").map(|id| id.as_str().into()),
        kind: params.with("kind", &format!("one of {}", kinds()), Kind::parse)?,
        cause: params.with("cause", &format!("one of {}", causes()), Cause::parse)?,
        currency: None,
        part: PartFilter {
            rollup: params.with("rollup", &format!("one of {}", rollups()), rollup)?,
            product: params.text("product").map(|id| id.as_str().into()),
            price: params.text("price").map(|id| id.as_str().into()),
            interval: params.text("billing").map(Into::into),
        },
        country: params.text("country").map(Into::into),
        metadata: params.with("metadata", "a key and a value such as channel:partner", |text| {
            let (key, value) = text.split_once(':')?;
            Some((key.into(), value.into()))
        })?,
    };
    let ask = Ask { scheduled: params.scheduled()?, to: filter.to, basis: params.basis()?, ..ask };
    let order = params.with("order", "asc or desc", |text| match text {
        "asc" => Some(Order::Ascending),
        "desc" => Some(Order::Descending),
        _ => None,
    })?;
    let after = read_key(LIST, params.text("cursor").as_deref())?;
    let comments = params.parsed("comments", "true or false")?.unwrap_or(false);
    let (limit, csv) = (params.limit()?, params.csv()?);
    params.end()?;
    if comments && limit > COMMENTS_MAX {
        return Err(ApiProblem::parameter(
            "limit",
            &format!("with comments=true it is {COMMENTS_MAX} at most: each is read from a body"),
        ));
    }
    let standing = standing(&state, &ask).await?;
    let (rows, next) =
        reports(&state).movements(&ask, &filter, order.unwrap_or_default(), after.as_ref(), limit).await?;
    let mut list = MovementList {
        converted: reports(&state).reporting(&ask).is_some(),
        data: rows.iter().map(MovementEntry::from).collect(),
        next_cursor: next.as_ref().map(write_cursor),
    };
    named::movements(&state, &ask, &mut list.data).await?;
    if comments {
        named::comments(&state, &mut list.data).await?;
    }
    reports(&state).name_movements(&ask, &mut list.data).await?;
    // A further page is empty only where the one before was the last.
    let is_empty = list.data.is_empty() && after.is_none();
    told(&state, (&ask, standing), csv, list, is_empty, MovementList::table).await
}

/// What the feeds tell, after a cursor of theirs: the same entries that are posted, in the same order.
async fn told_after(state: &AppState, mut params: Params, after: i64) -> Answer {
    let limit = params.limit()?;
    params.end()?;
    if state.config.feeds.is_empty() {
        return Err(ApiProblem::parameter(
            "after",
            "no feed is configured, so nothing is kept to go on from: see feeds.NAME",
        ));
    }
    let entries = state.store.records.feed_after(after, limit + 1).await?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let (more, told) = (entries.len() > page, &entries[..entries.len().min(page)]);
    let next = told.last().filter(|_| more).map(|entry| entry.position.to_string());
    let data: Vec<serde_json::Value> = told.iter().map(message::json).collect();
    Ok(json(&serde_json::json!({"data": data, "next_cursor": next})))
}

pub(super) fn write_cursor(key: &MovementKey) -> String {
    cursor::write(LIST, (key.day, key.effective_at, key.id.as_ref()))
}

/// Where a page of movements, listed as `list`, goes on.
pub(super) fn read_key(list: &str, text: Option<&str>) -> Result<Option<MovementKey>, ApiProblem> {
    let keys: Option<(Day, UnixTime, Arc<str>)> = cursor::read(list, text)?;
    Ok(keys.map(|(day, effective_at, id)| MovementKey { day, effective_at, id }))
}

fn kinds() -> String {
    Kind::ALL.map(Kind::as_str).join(", ")
}

fn rollups() -> String {
    Cause::ALL
        .iter()
        .map(|cause| cause.rollup())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(Rollup::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

fn rollup(text: &str) -> Option<Rollup> {
    Cause::ALL.iter().map(|cause| cause.rollup()).find(|rollup| rollup.as_str() == text)
}

fn causes() -> String {
    Cause::ALL.iter().map(|cause| cause.as_str()).collect::<Vec<_>>().join(", ")
}
