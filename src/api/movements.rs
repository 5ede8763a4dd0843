//! `GET /api/v1/movements`: every change of MRR with its parts, causes and events.

use std::{collections::BTreeSet, sync::Arc};

use axum::extract::{RawQuery, State};

use super::{
    Answer, ApiProblem, Told, cursor,
    document::{CommonQuery, MovementQuery},
    named,
    params::Params,
    reports, told,
};
use crate::{
    ledger::{
        outcome::{Cause, Kind, Rollup},
        time::{Day, UnixTime},
    },
    report::{
        ask::Ask,
        movements::{MovementEntry, MovementList},
    },
    server::state::AppState,
    store::reports::{MovementFilter, MovementKey, Order, PartFilter},
};

const LIST: &str = "movements";

/// Movements in order of day and instant, page by page.
#[utoipa::path(get, path = "/api/v1/movements", tag = "figures", params(MovementQuery, CommonQuery),
    responses((status = 200, body = Told<MovementList>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn movements(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer {
    let mut params = Params::read(query.as_deref())?;
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
    let (limit, csv) = (params.limit()?, params.csv()?);
    params.end()?;
    let (rows, next) =
        reports(&state).movements(&ask, &filter, order.unwrap_or_default(), after.as_ref(), limit).await?;
    let mut list = MovementList {
        converted: reports(&state).reporting(&ask).is_some(),
        data: rows.iter().map(MovementEntry::from).collect(),
        next_cursor: next.as_ref().map(write_cursor),
    };
    named::movements(&state, &ask, &mut list.data).await?;
    // A further page is empty only where the one before was the last.
    let is_empty = list.data.is_empty() && after.is_none();
    told(&state, &ask, csv, &list, is_empty, MovementList::table).await
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
