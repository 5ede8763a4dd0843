//! The dashboard at `/`: one page of our own, without a build step and without a request to anywhere else.

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, header};

/// The page: for whoever is signed in (`access::routes::pages`).
pub fn pages() -> Router {
    Router::new().route("/", get(|| file("text/html; charset=utf-8", include_str!("assets/index.html"))))
}

/// What the page, and the sign-in page, are made of. None of it holds a figure, so anyone may load it.
pub fn assets() -> Router {
    Router::new()
        .route("/assets/app.css", get(|| file("text/css; charset=utf-8", include_str!("assets/app.css"))))
        .route("/assets/app.js", get(|| file("text/javascript; charset=utf-8", include_str!("assets/app.js"))))
        .route("/assets/icon.svg", get(|| file("image/svg+xml", include_str!("assets/icon.svg"))))
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
