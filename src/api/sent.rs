//! What a request brings beside its query: a body, read whole under a bound, and a name in the path. What can't be read is refused as
//! everything else is.

use axum::{
    RequestPartsExt,
    body::Body,
    extract::{FromRequestParts, Path},
};
use bytes::Bytes;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::{problem::ApiProblem, state::AppState};
use crate::{
    limits,
    server::{bodies::Held, body},
};

/// A request's body of at most `limit_bytes`; what comes back keeps its share of what bodies may hold.
pub(super) async fn whole(state: &AppState, body: Body, limit_bytes: usize) -> Result<(Bytes, Held<'_>), ApiProblem> {
    Ok(body::read(body, limit_bytes, &state.bodies).await?)
}

/// A request's body as JSON; whoever sends something else is shown the example.
pub(super) async fn json<T: DeserializeOwned>(state: &AppState, body: Body, example: &str) -> Result<T, ApiProblem> {
    let (body, _held) = whole(state, body, limits::API_BODY_BYTES).await?;
    serde_json::from_slice(&body).map_err(|error| {
        let why = if error.is_data() { error.to_string() } else { "it is not JSON".into() };
        ApiProblem::parameter("body", &format!("{why}: it is such as {example}"))
    })
}

/// The one name in a route's path. What isn't readable text names nothing.
pub(super) struct Named(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiProblem> {
        let Ok(Path(name)) = parts.extract::<Path<String>>().await else { return Err(ApiProblem::NoRoute) };
        Ok(Self(name))
    }
}
