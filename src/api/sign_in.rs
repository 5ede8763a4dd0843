//! The sign-in page and the session's routes: a token becomes a cookie that no script can read.

use axum::{
    Router,
    body::Body,
    extract::{Query, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::{
    access::{
        Denied, Identity, Shown,
        sign_in_page::sign_in_page,
        visitor::{self, Transport},
    },
    api::state::AppState,
    limits,
    server::body,
};

/// The routes that need no token: whoever has none is asked for it here.
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/sign-in", post(sign_in).get(|| async { to("/") }))
        .route("/sign-out", post(sign_out))
        .route("/session", get(session))
        .route(
            "/assets/sign-in.css",
            get(|| asset("text/css; charset=utf-8", include_str!("../access/assets/sign-in.css"))),
        )
        .route(
            "/assets/sign-in.js",
            get(|| asset("text/javascript; charset=utf-8", include_str!("../access/assets/sign-in.js"))),
        )
        .with_state(state)
}

/// Pages for people: whoever isn't signed in gets the sign-in page in their place, which leads back to them.
pub fn pages(routes: Router, state: AppState) -> Router {
    routes.route_layer(middleware::from_fn_with_state(state, page_guard))
}

async fn page_guard(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    match state.access.admit(&head).await {
        Ok(identity) => {
            head.extensions.insert(identity);
            next.run(Request::from_parts(head, body)).await
        }
        Err(Denied::NoToken | Denied::WrongToken | Denied::SessionEnded) => page(StatusCode::OK, "", &head.uri),
        Err(denied) => refused(&denied, &head.uri),
    }
}

/// Nothing from elsewhere is loaded, nothing inline runs, nobody frames the page, and its form leads nowhere else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

fn page(status: StatusCode, message: &str, next: &Uri) -> Response {
    let next = next.path_and_query().map_or("/", |next| next.as_str());
    let html = sign_in_page(message, next).into_string();
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The form says by its `Origin` whether it came over TLS; under `no-referrer` it would say `null`.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The sign-in page with what went wrong.
fn refused(denied: &Denied, next: &Uri) -> Response {
    let (status, message) = match denied {
        Denied::NoToken | Denied::WrongToken | Denied::SessionEnded => (StatusCode::UNAUTHORIZED, "That is no token of this ledger.".to_owned()),
        Denied::TooMany { .. } => (StatusCode::TOO_MANY_REQUESTS, format!("{denied}.")),
        Denied::NeedsAdmin | Denied::OtherSite => (StatusCode::FORBIDDEN, format!("{denied}.")),
        // A session is kept with a line of the audit trail, or not at all.
        Denied::Store(error) if error.is_of_a_full_disk() => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Nobody can be signed in just now: the disk that the database lies on is full, and a session has to be written there. Make \
             room on it, then sign in again; mrrd goes on by itself. Who is signed in stays so, and the API answers a token that comes \
             with each request. `mrrd doctor` says how much is free."
                .to_owned(),
        ),
        Denied::Store(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Nobody can be signed in just now: the database doesn't answer, or can't be written because it is locked or its disk is \
             full. mrrd's log says which; try again in a while."
                .to_owned(),
        ),
    };
    let mut response = page(status, &message, next);
    let retry = match denied {
        Denied::TooMany { retry_seconds } => Some(*retry_seconds),
        Denied::Store(_) => Some(limits::RETRY_AFTER_SECONDS),
        _ => None,
    };
    if let Some(seconds) = retry {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// 303: what comes next is got, not posted.
fn to(place: &str) -> Response {
    let place = HeaderValue::try_from(place).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))])
        .into_response()
}

/// The form as a browser sends it.
#[derive(Deserialize)]
struct Form {
    token: String,
    #[serde(default)]
    next: String,
}

async fn form(body: Body, state: &AppState) -> Option<Form> {
    let (body, _held) = body::read(body, limits::SIGN_IN_BODY_BYTES, &state.bodies).await.ok()?;
    let query = std::str::from_utf8(&body).ok()?;
    // A form's body is written as a query is.
    Query::<Form>::try_from_uri(&format!("/?{query}").parse().ok()?).ok().map(|form| form.0)
}

/// `POST /sign-in`: a token for a session.
async fn sign_in(State(state): State<AppState>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let visitor = state.access.visitor(&head);
    let Some(Form { token, next }) = form(body, &state).await else {
        return page(StatusCode::UNPROCESSABLE_ENTITY, "The form couldn't be read: try again.", &Uri::from_static("/"));
    };
    let next = place(&next);
    if !visitor::same_site(&head.headers) {
        return refused(&Denied::OtherSite, &next);
    }
    let transport = visitor::transport(&head.headers);
    if transport == Transport::Open {
        let message = "This page came over plain HTTP, where others on the network can read a token: open it over HTTPS, \
                       or on the machine itself.";
        return page(StatusCode::FORBIDDEN, message, &next);
    }
    match state.access.open(&visitor, &SecretString::from(token)).await {
        Ok((cookie, Identity { who, role, .. })) => {
            tracing::info!(who, role = role.as_str(), address = %visitor.address, "signed in");
            let mut response = to(next.path_and_query().map_or("/", |next| next.as_str()));
            let cookie = state.access.cookies.set(&cookie, transport == Transport::Secure);
            cookie.map(|cookie| response.headers_mut().append(header::SET_COOKIE, cookie));
            response
        }
        Err(denied) => {
            tracing::warn!(address = %visitor.address, reason = %denied, "a sign-in was refused");
            refused(&denied, &next)
        }
    }
}

/// Where the form leads back to: a place of ours, never another host.
fn place(next: &str) -> Uri {
    let ours = next.starts_with('/') && !next.starts_with("//") && !next.contains('\\');
    let next = if ours { next.parse().ok() } else { None };
    next.unwrap_or(Uri::from_static("/"))
}

/// `POST /sign-out`: ends the session, here and for whoever else may hold its cookie.
async fn sign_out(State(state): State<AppState>, headers: HeaderMap) -> Response {
    if !visitor::same_site(&headers) {
        return refused(&Denied::OtherSite, &Uri::from_static("/"));
    }
    if let Err(error) = state.access.close(&headers).await {
        tracing::warn!(%error, "a session could not be ended");
        return refused(&Denied::Store(error), &Uri::from_static("/"));
    }
    let mut response = to("/");
    for cookie in state.access.cookies.cleared() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Whether who asks is signed in, and what they may do.
#[derive(Serialize)]
struct SessionAnswer {
    signed_in: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<String>,
    /// What the session may do: `viewer` or `admin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    /// When the session ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<String>,
}

/// `GET /session`: for our own page, which can't read the cookie. Whoever isn't signed in hears so, without an error.
async fn session(State(state): State<AppState>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let answer = match state.access.identify(&head).await {
        Ok(Identity { who, role, shown, .. }) => SessionAnswer {
            signed_in: true,
            who: Some(who),
            role: Some(role.as_str()),
            ends_at: match shown {
                Shown::Session { ends_at } => Some(ends_at.to_string()),
                Shown::Token | Shown::Proxy => None,
            },
        },
        Err(_) => SessionAnswer { signed_in: false, who: None, role: None, ends_at: None },
    };
    let mut response = axum::Json(answer).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn asset(kind: &'static str, text: &'static str) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_leads_back_to_places_of_ours_alone() {
        for (next, leads) in [
            ("/churn?from=2026-01-01", "/churn?from=2026-01-01"),
            ("", "/"),
            ("//evil.example/", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example/", "/"),
            ("/ \u{7}", "/"),
        ] {
            assert_eq!(place(next).to_string(), leads, "{next}");
        }
    }

    #[test]
    fn what_the_page_repeats_is_text_and_no_markup() {
        let page = sign_in_page("\"><script>'&", "/?a=\"><script>&b").into_string();
        assert!(page.contains("\"bad\">&quot;&gt;&lt;script&gt;'&amp;</p>"), "{page}");
        assert!(page.contains("value=\"/?a=&quot;&gt;&lt;script&gt;&amp;b\""), "{page}");
    }
}
