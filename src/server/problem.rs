//! Errors as HTTP clients read them: RFC 9457 problem JSON, one `type` for each kind of refusal.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

/// A refusal. `name` makes its `type`: `urn:mrrd:problem:NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status it is answered with.
    pub status: StatusCode,
    /// What a program tells it by: kebab case, stable.
    pub name: &'static str,
    /// What it is, the same for every case of its kind.
    pub title: &'static str,
    /// This case, and what to do; free of secrets and personal data.
    pub detail: String,
    /// When trying again makes sense, in seconds.
    pub retry_after_seconds: Option<u32>,
}

impl Problem {
    /// A refusal that says what it has to say.
    pub fn new(status: StatusCode, name: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, name, title, detail: detail.into(), retry_after_seconds: None }
    }

    /// The same, to be tried again after so many seconds.
    pub fn retry_after(self, seconds: u32) -> Self {
        Self { retry_after_seconds: Some(seconds), ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": format!("urn:mrrd:problem:{}", self.name),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
