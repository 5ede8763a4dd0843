//! The dashboard: pages of our own, without a build step and without a request to anywhere else.
//!
//! Every page is the same document; the address says which report it is. What it is made of lies under an address with a
//! hash of all of it, so that browsers keep it for good and a new version of the daemon brings new addresses.

mod files;
mod tight;

use axum::{
    Router,
    extract::Path,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};

use self::files::File;

/// Where pages live, besides `/`.
const PAGES: [&str; 13] = [
    "/movements",
    "/customers",
    "/customers/{id}",
    "/churn",
    "/cohorts",
    "/breakdown",
    "/differences",
    "/closing",
    "/goals",
    "/events",
    "/events/{id}",
    "/alerts",
    "/health",
];

/// The pages: for whoever is signed in (`api::sign_in::pages`).
pub fn pages() -> Router {
    PAGES.iter().fold(Router::new().route("/", get(page)), |pages, path| pages.route(path, get(page)))
}

/// What the pages, and the sign-in page, are made of. None of it holds a figure, so anyone may load it.
pub fn assets() -> Router {
    Router::new().route("/assets/{version}/{*path}", get(asset)).route("/assets/icon.svg", get(icon))
}

/// Whether somebody looks at it in a browser, and not at what programs ask.
pub fn is_for_a_reader(asked: &Parts) -> bool {
    let wants_page =
        || lists(&asked.headers, header::ACCEPT, |kind| kind == b"text/html" || kind.starts_with(b"text/html;"));
    asked.method == Method::GET && !asked.uri.path().starts_with("/api/") && wants_page()
}

/// What a browser shows at an address that no page has.
pub fn nothing_here() -> Response {
    let mut answer = answer(files::nothing_here(), &HeaderMap::new(), "no-store");
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer
}

async fn page(headers: HeaderMap) -> Response {
    // A new version of the daemon brings a new page: browsers ask each time.
    answer(files::page(), &headers, "no-cache")
}

async fn icon(headers: HeaderMap) -> Response {
    match files::asset("icon.svg") {
        Some(file) => answer(file, &headers, "no-cache"),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn asset(Path((version, path)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(file) = files::asset(&path) else { return StatusCode::NOT_FOUND.into_response() };
    // A page that was open while the daemon was replaced still finds its parts, but keeps none of them.
    let kept = if version == files::version() { "public, max-age=31536000, immutable" } else { "no-store" };
    answer(file, &headers, kept)
}

/// Nothing from elsewhere is loaded, nothing inline runs, nobody frames the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn answer(file: &'static File, asked: &HeaderMap, kept: &'static str) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.kind));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::ETAG, file.etag.clone());
    if lists(asked, header::IF_NONE_MATCH, |tag| tag == file.etag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    if lists(asked, header::ACCEPT_ENCODING, |coding| coding == b"gzip" || coding.starts_with(b"gzip;")) {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return (headers, file.gzip.as_slice()).into_response();
    }
    (headers, file.bytes.as_ref()).into_response()
}

/// Whether one of the entries of a header is `wanted`.
fn lists(headers: &HeaderMap, name: header::HeaderName, wanted: impl Fn(&[u8]) -> bool) -> bool {
    let values = headers.get_all(name);
    values.iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).any(|entry| wanted(entry.trim_ascii()))
}
