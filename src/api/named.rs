//! Names beside ids, where names are shown (`privacy.show_names`), and `GET /api/v1/names`, which has them for any ids.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Answer, ApiProblem, json,
    params::{LIMIT_MAX, LedgerQuery},
    query::{Query, Required, parameters},
    reports,
};
use crate::{
    api::state::AppState,
    config::Names,
    ledger::ids::EventId,
    report::{
        ask::Ask,
        customers::CustomerEntry,
        failures::FailureEntry,
        movements::{MovementEntry, PartEntry},
    },
    store::derived::names::CustomerNamed,
    stripe::metadata::cancellation_comment,
};

/// So many bodies are read in one trip to the log: few enough to hold, however long each is.
const BODIES_AT_ONCE: usize = 100;

/// An account, empty for the own one, and a customer.
type Whose = (String, String);

async fn names(state: &AppState, ask: &Ask, ids: &[&str]) -> Result<BTreeMap<Whose, CustomerNamed>, ApiProblem> {
    if state.config.privacy.names == Names::Hidden || ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let livemode = reports(state).livemode(ask).await?;
    let named = state.store.derived.names_of(livemode, ids).await?;
    let key = |one: &CustomerNamed| {
        let account = one.key.account.as_ref().map(ToString::to_string).unwrap_or_default();
        (account, one.key.customer.to_string())
    };
    Ok(named.into_iter().map(|one| (key(&one), one)).collect())
}

fn said(text: &str) -> Option<String> {
    Some(text).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// What customers are called, as the log last told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct NameList {
    /// Those that have one, by account and id; empty where names aren't shown.
    data: Vec<NameEntry>,
}

/// What a customer is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct NameEntry {
    /// Stripe's id of the customer, `cus_…`.
    id: String,
    /// The connected account; absent for the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// Its name; null where only its e-mail is known.
    name: Option<String>,
    /// Its e-mail; null where only its name is known.
    email: Option<String>,
}

parameters! {
    /// Whose names are asked for.
    pub(super) struct NameQuery {
        /// `cus_…`, comma separated, 1000 at most.
        ids: Required<String>,
        ledger: LedgerQuery,
    }
}

/// What customers are called, by their ids: for lists that hold ids alone.
#[utoipa::path(get, path = "/api/v1/names", tag = "customers", params(NameQuery),
    responses((status = 200, body = NameList), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn list(State(state): State<AppState>, Query(query): Query<NameQuery>) -> Answer {
    let ask = query.ledger.ask();
    let Required(text) = query.ids;
    let ids: Vec<&str> = text.split(',').filter(|id| !id.is_empty()).collect();
    if i64::try_from(ids.len()).is_ok_and(|len| len > LIMIT_MAX) {
        return Err(ApiProblem::parameter("ids", &format!("they are {}, and may be {LIMIT_MAX}", ids.len())));
    }
    let named = names(&state, &ask, &ids).await?;
    let entry = |((account, id), one): (Whose, CustomerNamed)| NameEntry {
        id,
        account: said(&account),
        name: said(&one.name),
        email: said(&one.email),
    };
    Ok(json(&NameList { data: named.into_iter().map(entry).collect() }))
}

/// Gives customers their names and e-mails.
pub(super) async fn customers(state: &AppState, ask: &Ask, entries: &mut [CustomerEntry]) -> Result<(), ApiProblem> {
    let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    let names = names(state, ask, &ids).await?;
    for entry in entries {
        if let Some(one) = names.get(&(entry.account.clone().unwrap_or_default(), entry.id.clone())) {
            (entry.name, entry.email) = (said(&one.name), said(&one.email));
        }
    }
    Ok(())
}

/// Gives the customers of movements their names.
pub(super) async fn movements(state: &AppState, ask: &Ask, entries: &mut [MovementEntry]) -> Result<(), ApiProblem> {
    let ids: Vec<&str> = entries.iter().map(|entry| entry.customer.as_str()).collect();
    let names = names(state, ask, &ids).await?;
    for entry in entries {
        let whose = (entry.account.clone().unwrap_or_default(), entry.customer.clone());
        entry.customer_name = names.get(&whose).and_then(|one| said(&one.name));
    }
    Ok(())
}

/// Reads what customers wrote when leaving from the bodies that show the losses.
pub(super) async fn comments(state: &AppState, entries: &mut [MovementEntry]) -> Result<(), ApiProblem> {
    if state.config.privacy.names == Names::Hidden {
        return Ok(());
    }
    let mut lost: Vec<(EventId, &mut PartEntry)> = entries
        .iter_mut()
        .flat_map(|entry| &mut entry.parts)
        .filter(|part| part.amount < 0)
        .filter_map(|part| Some((EventId::new(part.events.last()?.as_str()), part)))
        .collect();
    for page in lost.chunks_mut(BODIES_AT_ONCE) {
        let events: BTreeSet<&EventId> = page.iter().map(|(event, _)| event).collect();
        let events: Vec<&EventId> = events.into_iter().collect();
        let said = state.store.log.read_bodies(&events, cancellation_comment).await?;
        for (event, part) in page {
            part.comment = said.get(event).cloned();
        }
    }
    Ok(())
}

/// Gives customers whose payments failed their names, where the account asked for is one.
pub(super) async fn failures(state: &AppState, ask: &Ask, entries: &mut [FailureEntry]) -> Result<(), ApiProblem> {
    let ids: Vec<&str> = entries.iter().map(|entry| entry.customer.as_str()).collect();
    let names = names(state, ask, &ids).await?;
    // Of several accounts the first is taken: what is inserted last stays.
    let by_id: HashMap<&str, &CustomerNamed> = names.iter().rev().map(|((_, id), one)| (id.as_str(), one)).collect();
    for entry in entries {
        entry.customer_name = by_id.get(entry.customer.as_str()).and_then(|one| said(&one.name));
    }
    Ok(())
}
