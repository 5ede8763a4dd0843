//! `/healthz`, `/readyz` and `/metrics`: is the process alive, can it do its work, what has it done?

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};

use super::{problem::Problem, state::AppState};
use crate::limits;

/// The routes every process has, whatever its roles. None of them needs a token, and none shows money.
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
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

async fn metrics(State(state): State<AppState>) -> Response {
    measure(&state).await;
    let kind = [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")];
    (kind, state.metrics.text()).into_response()
}

/// Sets the gauges that are looked up when somebody looks. A database that is away is a figure too, not an error.
async fn measure(state: &AppState) {
    let metrics = &state.metrics;
    metrics.append_waiting.set(i64::try_from(state.appender.waiting()).unwrap_or(i64::MAX));
    let head = match state.store.ready().await {
        Ok(()) => state.store.head().await,
        Err(error) => Err(error),
    };
    metrics.database_up.set(i64::from(head.is_ok()));
    match head {
        Ok(head) => {
            metrics.log_events.set(head.events);
            metrics.log_last_seq.set(head.last_seq);
            metrics.log_ignored_events.set(head.ignored);
            metrics.log_unreadable_events.set(head.unreadable);
        }
        Err(error) => tracing::warn!(%error, "the database does not answer"),
    }
}
