//! `GET /api/v1/restatements`: what later events changed in closed months.

use axum::extract::{RawQuery, State};

use super::{
    Answer, Told, cursor,
    document::{CommonQuery, PageQuery, RestatementQuery},
    params::Params,
    reports, standing, told,
};
use crate::{
    report::restatements::{Restatement, RestatementList},
    server::state::AppState,
};

const LIST: &str = "restatements";

/// Where an entry stands in the list.
type Place = (String, Option<String>, String, String);

/// Changes to closed months: before, after, and the events that caused them.
#[utoipa::path(get, path = "/api/v1/restatements", tag = "figures", params(RestatementQuery, PageQuery, CommonQuery),
    responses((status = 200, body = Told<RestatementList>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn restatements(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer {
    let mut params = Params::read(query.as_deref())?;
    let ask = params.ask()?;
    let month = params.parsed("month", "a month such as 2026-10")?;
    let after: Option<Place> = cursor::read(LIST, params.text("cursor").as_deref())?;
    let (limit, csv) = (params.limit()?, params.csv()?);
    params.end()?;
    let standing = standing(&state, &ask).await?;
    let mut list = reports(&state).restatements(&ask, month).await?;
    list.data.retain(|one| after.as_ref().is_none_or(|after| place(one) > *after));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = list.data.len() > limit;
    list.data.truncate(limit);
    list.next_cursor = list.data.last().filter(|_| more).map(|last| cursor::write(LIST, place(last)));
    told(&state, (&ask, standing), csv, list, false, RestatementList::table).await
}

fn place(one: &Restatement) -> Place {
    (one.month.clone(), one.account.clone(), one.customer.clone(), one.currency.clone())
}
