//! `/healthz` and `/readyz`: is the process alive, can it do its work? And the way to `/metrics`.

use axum::{
    Router,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;

use crate::{
    api::state::AppState,
    config::Role,
    daemon::metrics,
    limits,
    report::service::{AskError, Reports},
    server::problem::Problem,
    store::{StoreError, Work},
};

/// The routes every process has, whatever its roles. None of them needs a token; `/metrics` shows money only with
/// one.
pub(super) fn router(state: AppState) -> Router {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics::metrics))
        .with_state(state)
}

/// 200 while the process lives.
async fn alive() -> &'static str {
    "ok\n"
}

/// Whether it can do the work of one role, or of its own: a process that takes webhooks is ready while it can take them,
/// whatever hinders its other roles, for a balancer that turned away from it would turn webhooks away.
async fn ready(State(state): State<AppState>, RawQuery(query): RawQuery) -> Response {
    let not = |name, detail: String| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, name, "Not ready", detail)
            .retry_after(limits::RETRY_AFTER_SECONDS)
            .into_response()
    };
    if *state.draining.borrow() {
        return not("draining", "this process is about to end".to_owned());
    }
    let bad = |detail| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-parameter", "Bad parameter", detail).into_response()
    };
    // Roles are plain words: nothing in them is ever encoded.
    let mut asked = None;
    for pair in query.as_deref().into_iter().flat_map(|query| query.split('&')).filter(|pair| !pair.is_empty()) {
        match pair.strip_prefix("role=") {
            Some(role) => asked = Some(role),
            // Mistyped, it would be answered for another role.
            None => {
                let name = pair.split('=').next().unwrap_or(pair);
                return bad(format!("{name:?} is no parameter of /readyz: role is"));
            }
        }
    }
    let roles = match asked {
        Some(name) if Role::ALL.iter().all(|role| role.as_str() != name) => {
            return bad(format!("role: {name:?} is not one of receiver, reconciler, api, alerts"));
        }
        Some(name) => match state.config.server.roles.iter().find(|role| role.as_str() == name) {
            Some(role) => vec![*role],
            None => return not("no-such-role", format!("this process has no role {name:?}: see server.roles")),
        },
        None if state.config.server.has(Role::Receiver) => vec![Role::Receiver],
        None => state.config.server.roles.clone(),
    };
    for role in roles {
        if let Err(error) = can_do(&state, role).await {
            return not("database-unavailable", format!("{}: {}", role.as_str(), error.why()));
        }
        // Who answers questions isn't ready while there is nothing to answer from.
        if role == Role::Api
            && let Err(error) = figures(&state).await
        {
            return not("not-derived", error.to_string());
        }
    }
    "ready\n".into_response()
}

async fn can_do(state: &AppState, role: Role) -> Result<(), StoreError> {
    let work: &[Work] = match role {
        Role::Receiver => &[Work::Appending],
        Role::Reconciler => &[Work::Appending, Work::Deriving],
        Role::Api => &[Work::Answering],
        Role::Alerts => &[Work::Appending, Work::Answering],
    };
    for work in work {
        state.store.ready(*work).await?;
    }
    Ok(())
}

/// Whether every profile has figures.
async fn figures(state: &AppState) -> Result<(), AskError> {
    let reports = Reports::new(&state.store, &state.config.ledger, state.clock.now());
    for profile in &state.config.ledger.profiles {
        reports.ledger_status(profile).await?;
    }
    Ok(())
}
