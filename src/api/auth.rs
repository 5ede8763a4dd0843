//! The API's guard: whoever the door doesn't let through gets a problem, and no figure.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

use super::problem::ApiProblem;
use crate::api::state::AppState;

/// Lets a request pass, with who sent it among its extensions, or refuses it.
pub(super) async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Result<Response, ApiProblem> {
    let (mut head, body) = request.into_parts();
    let identity = state.access.admit(&head).await?;
    head.extensions.insert(identity);
    Ok(next.run(Request::from_parts(head, body)).await)
}
