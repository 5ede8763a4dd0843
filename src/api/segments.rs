//! `/api/v1/segments`: customers by a name; saving and dropping one.

use axum::{Extension, body::Body, extract::State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Answer, ApiProblem, answer, json,
    params::FormatQuery,
    query::{Nothing, Query, parameters},
    reports,
    sent::{self, Named},
};
use crate::{
    access::Identity,
    api::state::AppState,
    report::{ask::KnownAt, saved_segments::SegmentList},
    store::records::audit_trail::Action,
};

parameters! {
    /// Which segments are listed.
    pub(super) struct SegmentsQuery {
        /// Also versions that were superseded or dropped, or whose name the configuration has.
        all: Option<bool>,
        /// As known then: an RFC 3339 instant, or a log sequence number.
        as_known_at: Option<KnownAt>,
        format: FormatQuery,
    }
}

/// A segment to save. A saved one of the same name is superseded, and stays known to questions as of before.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SegmentBody {
    /// What it is called: lower-case letters, digits, - and _.
    name: String,
    /// Of which customers it is, such as `attribute:size >= 200 and not country = DE`.
    #[serde(rename = "where")]
    condition: String,
}

/// Segments of the configuration, and those that are saved.
#[utoipa::path(get, path = "/api/v1/segments", tag = "figures", params(SegmentsQuery),
    responses((status = 200, body = SegmentList), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn segments(State(state): State<AppState>, Query(query): Query<SegmentsQuery>) -> Answer {
    let list = reports(&state).segments(query.as_known_at, query.all.unwrap_or(false)).await?;
    answer(query.format.wanted()?, list, SegmentList::table)
}

/// Saves a segment under a name: what it means from now on. Saved as it is already, nothing is kept anew.
#[utoipa::path(post, path = "/api/v1/segments", tag = "figures", request_body = SegmentBody,
    responses((status = 200, body = SegmentList), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn save(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    _: Query<Nothing>,
    body: Body,
) -> Answer {
    let example = r#"{"name":"large","where":"attribute:size >= 200"}"#;
    let said: SegmentBody = sent::json(&state, body, example).await?;
    let new = reports(&state).segment_to_save(&said.name, &said.condition).await?;
    if !new.is_there {
        let deed = identity.actor().does(state.clock.now(), Action::SegmentSaved, new.name.clone());
        state.store.records.save_segment(&new.name, Some(&new.condition), &deed.saying(new.condition.clone())).await?;
    }
    of_name(&state, &new.name, false).await
}

/// Drops a saved segment: its name means nothing from now on, and what it meant stays known to questions as of before.
#[utoipa::path(delete, path = "/api/v1/segments/{name}", tag = "figures",
    params(("name" = String, Path, description = "what it is called")),
    responses((status = 200, body = SegmentList), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn drop_saved(
    State(state): State<AppState>,
    Named(name): Named,
    Extension(identity): Extension<Identity>,
    _: Query<Nothing>,
) -> Answer {
    if reports(&state).saved_segment(&name).await?.is_none() {
        return Err(ApiProblem::NotFound { what: "saved segment", id: name, hint: None });
    }
    let deed = identity.actor().does(state.clock.now(), Action::SegmentDropped, name.clone());
    state.store.records.save_segment(&name, None, &deed).await?;
    of_name(&state, &name, true).await
}

/// The versions of a name: what it means, or all of them.
async fn of_name(state: &AppState, name: &str, all: bool) -> Answer {
    let mut list = reports(state).segments(None, all).await?;
    list.data.retain(|one| one.name == name);
    Ok(json(&list))
}
