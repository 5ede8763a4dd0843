//! `/api/v1/goals`: what was promised, how far it has come; setting and ending one.

use axum::{Extension, body::Body, extract::State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Answer, ApiProblem, Asked, Told, json, ledger_status,
    params::FormatQuery,
    planned::day,
    query::{Nothing, Query, parameters},
    reports,
    sent::{self, Named},
    told,
};
use crate::{
    access::Identity,
    api::state::AppState,
    ledger::goals::GoalMetric,
    limits,
    report::{
        ask::{Ask, KnownAt},
        goals::{GoalList, NewGoal, Target},
    },
    store::{derived::reports::AccountScope, records::audit_trail::Action},
};

parameters! {
    /// Which goals are listed.
    pub(super) struct GoalQuery {
        /// Also those that were superseded or ended.
        all: Option<bool>,
        /// As of a prefix of the log: an RFC 3339 instant, or a log sequence number.
        as_known_at: Option<KnownAt>,
        format: FormatQuery,
    }
}

/// A goal to set. A running one of the same name is superseded, and stays listed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GoalBody {
    /// The name by which people know it.
    name: String,
    /// `mrr`, `arr`, `customers`, `nrr`, `grr`, `new`, `expansion`, `reactivation`, `contraction` or `churn`.
    metric: String,
    /// A decimal, as text: minor units of the currency, customers, or a share of 1 (`"1.05"`).
    target: String,
    /// The day at whose end it is due, `2026-12-31`.
    by: String,
    /// Who answers for reaching it.
    owner: String,
    /// The first day that counts; today without it.
    from: Option<String>,
    /// What else there is to say.
    #[serde(default)]
    note: String,
    /// A currency's own ledger, or `reporting`, which is the default where one is configured.
    currency: Option<String>,
    /// Rule profile; the first configured one without it.
    profile: Option<String>,
    /// `acct_…` or `all`; the account's own events without it.
    account: Option<String>,
}

/// Why a goal ends.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EndBody {
    /// Why it ends, kept with it.
    #[serde(default)]
    reason: String,
}

/// Goals with what they began at, have come to and still need.
#[utoipa::path(get, path = "/api/v1/goals", tag = "figures", params(GoalQuery),
    responses((status = 200, body = Told<GoalList>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn goals(State(state): State<AppState>, Query(query): Query<GoalQuery>) -> Answer {
    let ask = Ask { as_known_at: query.as_known_at, ..Ask::default() };
    let ledger_status = ledger_status(&state, &ask).await?;
    let list = reports(&state).goals(query.as_known_at, query.all.unwrap_or(false)).await?;
    told(&state, Asked { ask: &ask, ledger_status }, query.format.wanted()?, list, false, GoalList::table).await
}

/// Sets a goal: it is kept as it is, and a later one of the same name supersedes it.
#[utoipa::path(post, path = "/api/v1/goals", tag = "figures", request_body = GoalBody,
    responses((status = 200, body = GoalList), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn set(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    _: Query<Nothing>,
    body: Body,
) -> Answer {
    let example = r#"{"name":"2026","metric":"mrr","target":"5000000","by":"2026-12-31","owner":"ada"}"#;
    let said: GoalBody = sent::json(&state, body, example).await?;
    let row = reports(&state).goal_to_set(read(said)?).await?;
    let deed = identity.actor().does(state.clock.now(), Action::GoalSet, row.name.clone());
    let deed = deed.saying(row.in_words());
    let id = state.store.records.set_goal(&row, &deed).await?;
    Ok(json(&reports(&state).goal(id).await?))
}

/// Ends the running goal of a name: it stays listed as it was set.
#[utoipa::path(post, path = "/api/v1/goals/{name}/end", tag = "figures",
    params(("name" = String, Path, description = "what it is called")),
    request_body(content = EndBody, description = "May be left away."),
    responses((status = 200, body = GoalList), (status = 404, body = super::document::ProblemBody),
        (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn end(
    State(state): State<AppState>,
    Named(name): Named,
    Extension(identity): Extension<Identity>,
    _: Query<Nothing>,
    body: Body,
) -> Answer {
    let (body, _held) = sent::whole(&state, body, limits::API_BODY_BYTES).await?;
    let said = match body.is_empty() {
        true => EndBody::default(),
        false => serde_json::from_slice(&body).map_err(|_| {
            ApiProblem::parameter("body", "it is not JSON such as {\"reason\":\"the product was sold\"}")
        })?,
    };
    let missing = || ApiProblem::NotFound { what: "running goal", id: name.clone(), hint: None };
    let goal = reports(&state).running_goal(&name).await?.ok_or_else(missing)?;
    let deed = identity.actor().does(state.clock.now(), Action::GoalEnded, name.clone()).saying(said.reason.trim());
    if !state.store.records.end_goal(goal.id, said.reason.trim(), &deed).await? {
        return Err(missing());
    }
    Ok(json(&reports(&state).goal(goal.id).await?))
}

fn read(said: GoalBody) -> Result<NewGoal, ApiProblem> {
    let words = || GoalMetric::ALL.iter().map(|metric| metric.as_str()).collect::<Vec<_>>().join(", ");
    let metric = GoalMetric::parse(&said.metric)
        .ok_or_else(|| ApiProblem::parameter("metric", &format!("{:?} is not one of {}", said.metric, words())))?;
    let target = said
        .target
        .parse()
        .map_err(|reason| ApiProblem::parameter("target", &format!("{:?}: {reason}", said.target)))?;
    let currency = said.currency.as_deref().map(|text| {
        text.parse().map_err(|reason| ApiProblem::parameter("currency", &format!("{text:?} is not {reason}")))
    });
    Ok(NewGoal {
        name: said.name,
        metric,
        target: Target::InUnit(target),
        from: said.from.as_deref().map(|text| day("from", text)).transpose()?,
        by: day("by", &said.by)?,
        owner: said.owner,
        note: said.note,
        currency: currency.transpose()?,
        profile: said.profile,
        account: AccountScope::named(said.account.as_deref()),
    })
}
