//! `/api/v1/profiles` and `/api/v1/compare`: rule sets, and why two of them differ over a month.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Answer, ApiProblem, answer, json,
    params::{FormatQuery, WhoseQuery},
    query::{Nothing, Query, Required, parameters},
    reports,
};
use crate::{
    api::state::AppState,
    ledger::profile::Profile,
    report::{compare::Comparison, month::Month},
};

/// Every rule set there is, the kept ones first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct ProfileList {
    data: Vec<ProfileEntry>,
}

/// A profile: rules by which MRR is counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct ProfileEntry {
    /// The name in the configuration.
    name: String,
    /// Whether rows are kept under it: reports answer for those, comparing works with all.
    kept: bool,
    /// Its knobs, in the order in which two rule sets are compared.
    knobs: Vec<KnobEntry>,
}

/// A knob of a rule set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct KnobEntry {
    /// The name in the configuration.
    knob: &'static str,
    /// Its value under this profile, as it is configured.
    value: String,
}

/// Every rule set there is, with its knobs.
#[utoipa::path(get, path = "/api/v1/profiles", tag = "figures", responses((status = 200, body = ProfileList)))]
pub(super) async fn profiles(State(state): State<AppState>, _: Query<Nothing>) -> Answer {
    let ledger = &state.config.ledger;
    let is_kept = |profile: &Profile| ledger.profiles.iter().any(|one| one.name == profile.name);
    let entry = |profile: &Profile| ProfileEntry {
        name: profile.name.as_ref().into(),
        kept: is_kept(profile),
        knobs: profile.describe().into_iter().map(|(knob, value)| KnobEntry { knob, value }).collect(),
    };
    let others = ledger.known.iter().filter(|profile| !is_kept(profile));
    Ok(json(&ProfileList { data: ledger.profiles.iter().chain(others).map(entry).collect() }))
}

parameters! {
    pub(super) struct CompareQuery {
        /// The first rule set; the default profile without it.
        profile: Option<String>,
        /// The profile it is compared with.
        with: Required<String>,
        /// The month compared, such as `2026-10`.
        month: Required<Month>,
        whose: WhoseQuery,
        format: FormatQuery,
    }
}

/// The difference of two profiles over a month, customer by customer, by the knob that makes it.
///
/// The knobs in which the two differ are switched one at a time; what each changes sums exactly to the difference.
#[utoipa::path(get, path = "/api/v1/compare", tag = "figures", params(CompareQuery),
    responses((status = 200, body = Object), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn compare(State(state): State<AppState>, Query(query): Query<CompareQuery>) -> Answer {
    let (Required(with), Required(month)) = (query.with, query.month);
    let ledger = &state.config.ledger;
    let named = |parameter: &str, name: &str| {
        ledger.named(name).ok_or_else(|| {
            let all = ledger.known.iter().map(|profile| profile.name.as_ref()).collect::<Vec<_>>().join(", ");
            ApiProblem::parameter(parameter, &format!("{name:?} is no profile: there are {all}"))
        })
    };
    let reports = reports(&state);
    // Of both profiles: the question itself is under neither.
    let question = query.whose.ask();
    let from = match &query.profile {
        Some(name) => named("profile", name)?,
        None => reports.profile(&question)?,
    };
    let found = Box::pin(reports.compare(&question, from, named("with", &with)?, month)).await?;
    answer(query.format.wanted()?, found, Comparison::table)
}
