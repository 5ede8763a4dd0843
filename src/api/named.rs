//! Names beside ids, where names are shown (`privacy.show_names`).

use std::collections::BTreeMap;

use super::{ApiProblem, reports};
use crate::{
    config::Names,
    ledger::ids::EventId,
    report::{ask::Ask, customers::CustomerEntry, movements::MovementEntry},
    server::state::AppState,
    store::derived::names::CustomerNamed,
    stripe::metadata::cancellation_comment,
};

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
    for part in entries.iter_mut().flat_map(|entry| &mut entry.parts).filter(|part| part.amount < 0) {
        let Some(event) = part.events.last() else { continue };
        let bodies = state.store.log.bodies(&EventId::new(event.as_str())).await?;
        part.comment = bodies.iter().find_map(|(_, body)| cancellation_comment(body));
    }
    Ok(())
}
