//! `/healthz` and `/readyz`: is the process alive, can it do its work? And the way to `/metrics`.

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;

use super::{metrics, problem::Problem, state::AppState};
use crate::limits;

/// The routes every process has, whatever its roles. None of them needs a token; `/metrics` shows money only with
/// one.
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics::metrics))
        .with_state(state)
}

async fn ready(State(state): State<AppState>) -> Response {
    let not = |name, detail: String| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, name, "Not ready", detail)
            .retry_after(limits::RETRY_AFTER_SECONDS)
            .into_response()
    };
    if *state.draining.borrow() {
        return not("draining", "this process is about to end".to_owned());
    }
    match state.store.ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => not("database-unavailable", error.to_string()),
    }
}
