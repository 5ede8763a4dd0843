//! What can go wrong with a request, and what to do about it. Never holds the key or anything of an answer's objects.

use http::StatusCode;
use serde::Deserialize;
use thiserror::Error;

/// A request to Stripe got no usable answer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ApiError {
    /// Tried as often as is sensible.
    #[error("{path}: no answer from Stripe after {attempts} attempts: {reason}; try again later")]
    Unreachable {
        /// The path that was asked for.
        path: String,
        /// How often it was tried.
        attempts: u32,
        /// How the last attempt failed.
        reason: String,
    },
    /// The key is none that Stripe knows (401).
    #[error("{path}: Stripe doesn't know the key in stripe.api_key: it is mistyped, expired or revoked")]
    Key {
        /// The path that was asked for.
        path: String,
    },
    /// 403: a restricted key lacks something.
    #[error(
        "{path}: the key in stripe.api_key lacks the permission {permission}: add it to the restricted key in Stripe's \
         Dashboard under Developers, API keys"
    )]
    Permission {
        /// The path that was asked for.
        path: String,
        /// As Stripe names it, or else in the Dashboard's words.
        permission: String,
    },
    /// 404, or a place in a list that is gone.
    #[error("{path}: Stripe has no such object")]
    Missing {
        /// The path that was asked for.
        path: String,
    },
    /// Stripe refused for another reason, by its status.
    #[error("{path}: Stripe refuses the request with {status} ({code}): please report this")]
    Refused {
        /// The path that was asked for.
        path: String,
        /// The HTTP status of the answer.
        status: u16,
        /// Stripe's own code, or `no code`; with the parameter it is about, where it names one.
        code: String,
    },
    /// 200, but not what was asked for.
    #[error("{path}: the answer is not what was asked for: {reason}; is stripe.api_base Stripe's?")]
    Unreadable {
        /// The path that was asked for.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: Details,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    code: Option<String>,
    param: Option<String>,
    message: Option<String>,
}

impl ApiError {
    /// Reads a refusal. Stripe's message isn't passed on: it quotes part of the key.
    pub(super) fn refused(path: &str, status: StatusCode, body: &[u8]) -> Self {
        let Details { code, param, message } = serde_json::from_slice::<Refusal>(body).unwrap_or_default().error;
        let path = path.to_owned();
        match status {
            StatusCode::UNAUTHORIZED => Self::Key { path },
            StatusCode::FORBIDDEN => {
                let named = message.as_deref().and_then(permission_in).map(str::to_owned);
                let permission = named.unwrap_or_else(|| format!("to read {}", collection(&path)));
                Self::Permission { path, permission }
            }
            _ if status == StatusCode::NOT_FOUND || code.as_deref() == Some("resource_missing") => {
                Self::Missing { path }
            }
            _ => {
                let code = code.unwrap_or_else(|| "no code".into());
                let code = param.map_or_else(|| code.clone(), |param| format!("{code}: {param}"));
                Self::Refused { path, status: status.as_u16(), code }
            }
        }
    }

    /// The route that was refused, `GET /v1/invoices/{id}/lines`: Stripe is there and won't do this, and may well do what
    /// else is asked. `None` where nothing can be asked of it now, and of what isn't there.
    pub fn refused_route(&self) -> Option<String> {
        match self {
            Self::Key { path }
            | Self::Permission { path, .. }
            | Self::Refused { path, .. }
            | Self::Unreadable { path, .. } => Some(route(path)),
            Self::Unreachable { .. } | Self::Missing { .. } => None,
        }
    }

    /// Whether every request of that route would be refused alike, whichever object it is about.
    pub fn is_of_the_key(&self) -> bool {
        matches!(self, Self::Key { .. } | Self::Permission { .. })
    }
}

/// The route that serves `path`: `GET /v1/invoices/{id}/lines` for `/invoices/in_1/lines`.
pub fn route(path: &str) -> String {
    let segments = path.split('/').filter(|segment| !segment.is_empty()).enumerate();
    segments.fold("GET /v1".to_owned(), |route, (place, segment)| {
        format!("{route}/{}", if place == 1 { "{id}" } else { segment })
    })
}

/// The permission that Stripe's message names: `rak_event_read`.
fn permission_in(message: &str) -> Option<&str> {
    let from = &message[message.find("rak_")?..];
    Some(&from[..from.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(from.len())])
}

/// `events` of `/events/evt_1`.
fn collection(path: &str) -> &str {
    path.split('/').find(|part| !part.is_empty()).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do_and_never_quotes_the_key() {
        let told = r#"{"error":{"message":"The provided key 'rk_live_*********abc' does not have the required permissions for this endpoint on account 'acct_1'. Having the 'rak_event_read' permission would allow this request to continue.","type":"invalid_request_error"}}"#;
        let said = |status, body: &str| ApiError::refused("/events", status, body.as_bytes()).to_string();
        let permission = said(StatusCode::FORBIDDEN, told);
        assert!(permission.contains("rak_event_read") && !permission.contains("rk_live"), "{permission}");
        assert!(said(StatusCode::FORBIDDEN, "no JSON").contains("the permission to read events"));
        assert!(said(StatusCode::UNAUTHORIZED, "{}").contains("stripe.api_key"));
        let unknown =
            r#"{"error":{"code":"parameter_unknown","param":"limit","message":"Received unknown parameter: limit"}}"#;
        assert!(said(StatusCode::BAD_REQUEST, unknown).contains("400 (parameter_unknown: limit)"));
        let gone = r#"{"error":{"code":"resource_missing","param":"starting_after"}}"#;
        assert_eq!(
            ApiError::refused("/events", StatusCode::BAD_REQUEST, gone.as_bytes()),
            ApiError::Missing { path: "/events".into() }
        );
        assert_eq!(route("/invoices/in_1/lines"), "GET /v1/invoices/{id}/lines");
        assert_eq!(
            (route("/prices/price_1"), route("/events")),
            ("GET /v1/prices/{id}".into(), "GET /v1/events".into())
        );
    }
}
