//! The dashboard at `/`: one page of our own, without a build step and without a request to anywhere else.

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, header};

use crate::{
    api::{self, ApiProblem},
    server::state::{AppState, Peer},
};

/// The page and what it is made of. It holds no figures: with tokens configured anyone may load it, and it asks for one.
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/", get(|| file("text/html; charset=utf-8", include_str!("assets/index.html"))))
        .route("/assets/app.css", get(|| file("text/css; charset=utf-8", include_str!("assets/app.css"))))
        .route("/assets/app.js", get(|| file("text/javascript; charset=utf-8", include_str!("assets/app.js"))))
        .route("/assets/icon.svg", get(|| file("image/svg+xml", include_str!("assets/icon.svg"))))
        .route_layer(middleware::from_fn_with_state(state, guard))
}

/// Without tokens the page answers whom the API answers: this machine.
async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Result<Response, ApiProblem> {
    let tokens = &state.config.api.tokens;
    if tokens.is_empty() {
        let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
        api::check(tokens, state.bound, peer, request.headers())?;
    }
    Ok(next.run(request).await)
}

/// Nothing from elsewhere is loaded, nothing inline runs, nobody frames the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

async fn file(kind: &'static str, text: &'static str) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // A new version of the daemon brings a new page: browsers ask each time.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    (headers, text).into_response()
}
