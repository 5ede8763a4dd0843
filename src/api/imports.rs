//! `GET` and `POST /api/v1/imports`: what is known of customers beside Stripe (rule `attributes`).

use axum::{Extension, body::Body, extract::State};

use super::{
    Answer, ApiProblem, answer, json,
    params::FormatQuery,
    query::{Nothing, Query, Required, parameters},
    reports,
    sent::{self, Named},
    values::words,
};
use crate::{
    access::Identity,
    api::state::AppState,
    history::{attributes, imported::ImportAnswer, spend},
    ledger::time::Day,
    limits,
    report::imports::{ImportList, ImportShown},
    store::records::{audit_trail::Action, imports::ImportKind},
};

words! {
    ImportKind: ImportKind::ALL, ImportKind::as_str;
}

parameters! {
    /// How imports are listed.
    pub(super) struct ImportsQuery {
        format: FormatQuery,
    }
}

parameters! {
    /// How a file is taken in.
    pub(super) struct ImportQuery {
        /// What the file holds: `attributes` or `spend`.
        kind: Required<ImportKind>,
        /// What the file is called, to be found again by.
        file: Option<String>,
        /// The day from which values hold that tell none; today without it.
        valid_from: Option<Day>,
        /// `true`: only says what would be taken.
        dry_run: Option<bool>,
    }
}

/// Every import, the newest first.
#[utoipa::path(get, path = "/api/v1/imports", tag = "figures", params(ImportsQuery),
    responses((status = 200, body = ImportList)))]
pub(super) async fn imports(State(state): State<AppState>, Query(query): Query<ImportsQuery>) -> Answer {
    answer(query.format.wanted()?, reports(&state).imports().await?, ImportList::table)
}

/// One import with its rows and the lines it set aside.
#[utoipa::path(get, path = "/api/v1/imports/{id}", tag = "figures",
    params(("id" = i64, Path, description = "its number")),
    responses((status = 200, body = ImportShown), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn import(State(state): State<AppState>, Named(id): Named, _: Query<Nothing>) -> Answer {
    let found = match id.parse() {
        Ok(number) => reports(&state).import(number).await?,
        Err(_) => None,
    };
    Ok(json(&found.ok_or(ApiProblem::NotFound { what: "import", id, hint: None })?))
}

/// Takes a CSV file in, of attributes (`customer,key,value[,valid_from]`) or spend (`month,amount,currency,kind[,segment]`): recorded
/// for ever, dated and sealed. Lines that can't be taken are named and set aside.
#[utoipa::path(post, path = "/api/v1/imports", tag = "figures", params(ImportQuery),
    request_body(content = String, content_type = "text/csv", description = "customer,key,value[,valid_from], or of spend month,amount,currency,kind[,segment]"),
    responses((status = 200, body = ImportAnswer), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn take(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    Query(query): Query<ImportQuery>,
    body: Body,
) -> Answer {
    let Required(kind) = query.kind;
    let (body, _held) = sent::whole(&state, body, limits::IMPORT_BODY_BYTES).await?;
    let text = std::str::from_utf8(&body).map_err(|_| ApiProblem::parameter("body", "it isn't text"))?;
    let (ledger, now) = (&state.config.ledger, state.clock.now());
    if kind == ImportKind::Spend {
        if query.valid_from.is_some() {
            return Err(ApiProblem::parameter("valid_from", "it goes with kind=attributes: spend tells its months"));
        }
        let sheet =
            spend::read(text).map_err(|error| ApiProblem::parameter("body", &format!("it holds no spend: {error}")))?;
        let file = query.file.unwrap_or_default();
        let deed = identity.actor().does(now, Action::SpendImported, file.as_str());
        let deed = Some(&deed).filter(|_| query.dry_run != Some(true));
        return Ok(json(&spend::import(&reports(&state), sheet, &file, deed).await?));
    }
    let today = query.valid_from.unwrap_or_else(|| ledger.zone.day(now));
    let sheet = attributes::read(text, today, &ledger.customers)
        .map_err(|error| ApiProblem::parameter("body", &format!("it holds no attributes: {error}")))?;
    let file = query.file.unwrap_or_default();
    let deed = identity.actor().does(now, Action::AttributesImported, file.as_str());
    let deed = Some(&deed).filter(|_| query.dry_run != Some(true));
    let names = state.config.privacy.names;
    Ok(json(&Box::pin(attributes::import(&reports(&state), sheet, &file, names, deed)).await?))
}
