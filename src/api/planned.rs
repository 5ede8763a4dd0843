//! `/api/v1/annotations` and `/api/v1/mutes`: planned events, price changes and notes, drawn on every chart, and rules that tell
//! nobody for a while.

use axum::{Extension, body::Body, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Answer, ApiProblem, json,
    query::{Nothing, Query},
    sent::{self, Named},
};
use crate::{
    access::Identity,
    api::state::AppState,
    config::alert_rules::Rule,
    ledger::time::{Day, UnixTime},
    store::records::{
        alerts::{Annotation, AnnotationKind, Mute},
        audit_trail::Action,
    },
};

/// What is planned or was noted, in order of days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct AnnotationList {
    data: Vec<AnnotationEntry>,
}

/// What is drawn on every chart. Alerts of the days of a planned event or price change are kept and shown, and nobody is
/// woken; a note silences nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct AnnotationEntry {
    /// Its number, by which it is taken away.
    id: i64,
    /// The first day it is about.
    from: String,
    /// The last day it is about, which is in it.
    to: String,
    /// What it is: `planned`, `price_change` or `note`.
    kind: &'static str,
    /// What it says, in the words of whoever wrote it.
    note: String,
}

/// A planned event, price change or note to keep.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AnnotationBody {
    /// The first day it is about, such as `2026-10-01`.
    from: String,
    /// Last day; the first one without it.
    to: Option<String>,
    /// `planned` (without it), `price_change` or `note`.
    kind: Option<String>,
    /// What it says, in the words of whoever wrote it.
    note: String,
}

/// Rules that tell nobody for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct MuteList {
    data: Vec<MuteEntry>,
}

/// A rule that tells nobody for a while; its alerts are kept and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct MuteEntry {
    /// The rule by its name, or `all`.
    rule: String,
    /// Until which instant nobody is told.
    until: String,
    /// Why, in the words of whoever muted it.
    note: String,
}

/// A rule to mute.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MuteBody {
    /// The rule by its name, or `all`.
    rule: String,
    /// Until when, an instant in the future.
    until: String,
    /// Why, in the words of whoever muted it.
    #[serde(default)]
    note: String,
}

/// Planned events, price changes and notes, by day.
#[utoipa::path(get, path = "/api/v1/annotations", tag = "alerts", responses((status = 200, body = AnnotationList)))]
pub(super) async fn annotations(State(state): State<AppState>, _: Query<Nothing>) -> Answer {
    let data = state.store.records.annotations().await?.into_iter().map(AnnotationEntry::from).collect();
    Ok(json(&AnnotationList { data }))
}

/// Keeps a planned event, a price change or a note.
#[utoipa::path(post, path = "/api/v1/annotations", tag = "alerts", request_body = AnnotationBody,
    responses((status = 200, body = AnnotationEntry), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn annotate(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    _: Query<Nothing>,
    body: Body,
) -> Answer {
    let example = r#"{"from":"2026-10-01","to":"2026-10-03","note":"price change"}"#;
    let said: AnnotationBody = sent::json(&state, body, example).await?;
    let first = day("from", &said.from)?;
    let last = said.to.as_deref().map(|to| day("to", to)).transpose()?.unwrap_or(first);
    if last < first {
        return Err(ApiProblem::parameter("to", &format!("{last} is before from, {first}")));
    }
    let note = said.note.trim();
    if note.is_empty() {
        return Err(ApiProblem::parameter("note", "it is empty: say what is planned"));
    }
    let kind = match said.kind.as_deref() {
        None => AnnotationKind::default(),
        Some(word) => AnnotationKind::parse(word).ok_or_else(|| {
            let words = AnnotationKind::ALL.map(AnnotationKind::as_str).join(", ");
            ApiProblem::parameter("kind", &format!("{word:?} is not one of {words}"))
        })?,
    };
    let annotation = Annotation { id: 0, first, last, kind, note: note.to_owned() };
    let deed =
        identity.actor().does(state.clock.now(), Action::EventPlanned, format!("{first} to {last}")).saying(note);
    let id = state.store.records.annotate(&annotation, &deed).await?;
    Ok(json(&AnnotationEntry::from(Annotation { id, ..annotation })))
}

/// Forgets a planned event, a price change or a note.
#[utoipa::path(delete, path = "/api/v1/annotations/{id}", tag = "alerts",
    params(("id" = i64, Path, description = "its number")),
    responses((status = 200, body = AnnotationList), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn forget(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Named(id): Named,
    _: Query<Nothing>,
) -> Answer {
    let missing = || ApiProblem::NotFound { what: "planned event", id: id.clone(), hint: None };
    let number = id.parse().map_err(|_| missing())?;
    let deed = identity.actor().does(state.clock.now(), Action::PlanRemoved, id.clone());
    if !state.store.records.remove_annotation(number, &deed).await? {
        return Err(missing());
    }
    annotations(State(state), Query(Nothing)).await
}

/// Rules that tell nobody for now.
#[utoipa::path(get, path = "/api/v1/mutes", tag = "alerts", responses((status = 200, body = MuteList)))]
pub(super) async fn mutes(State(state): State<AppState>, _: Query<Nothing>) -> Answer {
    let data = state.store.records.mutes(state.clock.now()).await?.into_iter().map(MuteEntry::from).collect();
    Ok(json(&MuteList { data }))
}

/// Mutes a rule until an instant: its alerts are kept and shown, and told to nobody.
#[utoipa::path(post, path = "/api/v1/mutes", tag = "alerts", request_body = MuteBody,
    responses((status = 200, body = MuteList), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn mute(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    _: Query<Nothing>,
    body: Body,
) -> Answer {
    let example = r#"{"rule":"large_loss","until":"2026-10-02T00:00:00Z"}"#;
    let said: MuteBody = sent::json(&state, body, example).await?;
    if said.rule != "all" && Rule::parse(&said.rule).is_none() {
        return Err(ApiProblem::parameter("rule", &format!("{:?} is not a rule's name, or all", said.rule)));
    }
    let now = state.clock.now();
    let until = said.until.parse::<jiff::Timestamp>().map(|at| UnixTime(at.as_second()));
    let until = until.ok().filter(|until| *until > now).ok_or_else(|| {
        ApiProblem::parameter(
            "until",
            &format!("{:?} is not an instant in the future, such as 2026-10-02T00:00:00Z", said.until),
        )
    })?;
    let deed = identity.actor().does(now, Action::RuleMuted, said.rule.clone());
    let deed = deed.saying(format!("until {until}: {}", said.note));
    state.store.records.mute(&Mute { rule: said.rule, until, note: said.note }, &deed).await?;
    mutes(State(state), Query(Nothing)).await
}

/// Lets a muted rule tell again.
#[utoipa::path(delete, path = "/api/v1/mutes/{rule}", tag = "alerts",
    params(("rule" = String, Path, description = "its name, or `all`")),
    responses((status = 200, body = MuteList), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn unmute(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Named(rule): Named,
    _: Query<Nothing>,
) -> Answer {
    let deed = identity.actor().does(state.clock.now(), Action::RuleUnmuted, rule.clone());
    if !state.store.records.unmute(&rule, &deed).await? {
        return Err(ApiProblem::NotFound { what: "muted rule", id: rule, hint: None });
    }
    mutes(State(state), Query(Nothing)).await
}

/// A day that a body tells under this name.
pub(super) fn day(name: &str, text: &str) -> Result<Day, ApiProblem> {
    text.parse().map_err(|_| ApiProblem::parameter(name, &format!("{text:?} is not a day such as 2026-01-31")))
}

impl From<Annotation> for AnnotationEntry {
    fn from(Annotation { id, first, last, kind, note }: Annotation) -> Self {
        Self { id, from: first.to_string(), to: last.to_string(), kind: kind.as_str(), note }
    }
}

impl From<Mute> for MuteEntry {
    fn from(Mute { rule, until, note }: Mute) -> Self {
        Self { rule, until: until.to_string(), note }
    }
}
