//! Everything the API refuses, in one enum: its `type`, title, status and words (RFC 9457).

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use thiserror::Error;

use crate::{
    access::Denied,
    budget::Exceeded,
    limits::RETRY_AFTER_SECONDS,
    reconciler::ReconcileError,
    report::{ReportError, service::AskError},
    server::{body::BodyError, problem::Problem},
    store::StoreError,
};

/// A request the API can't answer.
#[derive(Debug, Error)]
pub enum ApiProblem {
    /// Who asks may not: 401 or 403.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no such object.
    #[error("there is no {what} {id}{}", hint.as_ref().map(|hint| format!(": {hint}")).unwrap_or_default())]
    NotFound {
        /// The kind of thing that was looked for.
        what: &'static str,
        /// The id that was looked for.
        id: String,
        /// Where it is instead, or why it can't be there.
        hint: Option<String>,
    },
    /// No figures have been derived yet: 503.
    #[error("{0}")]
    NotDerived(String),
    /// There is no such address.
    #[error("there is nothing at this address: /api/openapi.json lists what there is")]
    NoRoute,
    /// A parameter that can't be what it is: 422.
    #[error("{name}: {reason}")]
    Parameter {
        /// The name of the parameter or field.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The body of the request couldn't be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// What was asked for can't be done as things stand.
    #[error("{reason}")]
    Conflict {
        /// Why, and what to do.
        reason: String,
    },
    /// As many as may listen do.
    #[error("as many as may listen to the stream do: ask again in a while")]
    TooManyListeners,
    /// It costs more than a question may.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// The report can't be given.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The store refused, or is in trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A prefix of the log can't be derived.
    #[error(transparent)]
    Derivation(ReconcileError),
}

impl ApiProblem {
    /// A parameter that isn't as it should be.
    pub(super) fn parameter(name: &str, reason: &str) -> Self {
        Self::Parameter { name: name.into(), reason: reason.into() }
    }

    fn classify(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Denied(denied) => match denied {
                Denied::NoToken | Denied::WrongToken | Denied::SessionEnded => {
                    (StatusCode::UNAUTHORIZED, "unauthorized", "No valid token")
                }
                Denied::TooMany { .. } => {
                    (StatusCode::TOO_MANY_REQUESTS, "too-many-wrong-tokens", "Too many wrong tokens")
                }
                Denied::NeedsAdmin => (StatusCode::FORBIDDEN, "needs-admin", "Only an admin may do this"),
                Denied::OtherSite => (StatusCode::FORBIDDEN, "other-site", "Another site's page sent this"),
                Denied::Store(error) => store(error),
            },
            Self::NotFound { .. } => (StatusCode::NOT_FOUND, "not-found", "No such object"),
            Self::NotDerived(_) => (StatusCode::SERVICE_UNAVAILABLE, "not-derived", "No figures yet"),
            Self::NoRoute => (StatusCode::NOT_FOUND, "no-such-address", "No such address"),
            Self::Parameter { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "bad-parameter", "Bad parameter"),
            Self::Body(error) => match error {
                BodyError::TooLarge { .. } => {
                    (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large")
                }
                BodyError::Slow => (StatusCode::REQUEST_TIMEOUT, "body-too-slow", "The body did not arrive in time"),
                BodyError::Crowded => (StatusCode::SERVICE_UNAVAILABLE, "bodies-crowded", "Too many large bodies"),
                BodyError::Broken => (StatusCode::BAD_REQUEST, "body-broken", "The body broke off"),
            },
            Self::Conflict { .. } => (StatusCode::CONFLICT, "not-now", "Not as things stand"),
            Self::TooManyListeners => (StatusCode::SERVICE_UNAVAILABLE, "too-many-listeners", "Too many listen"),
            Self::Report(ReportError::DoesNotClose { .. }) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "bridge-does-not-close", "The ledger contradicts itself")
            }
            Self::Report(ReportError::ClosingDiffers { .. }) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "closing-differs", "A closed month isn't what was closed")
            }
            Self::Report(ReportError::MissingRate { .. }) => {
                (StatusCode::CONFLICT, "rate-missing", "An exchange rate is missing")
            }
            Self::Report(ReportError::Overflow) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "sum-too-large", "A sum is too large")
            }
            Self::Report(ReportError::Workbook { .. }) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "workbook-not-written", "The workbook can't be written")
            }
            Self::Report(
                ReportError::TooManyPeriods { .. }
                | ReportError::TooManyEntries { .. }
                | ReportError::TooManySteps { .. },
            ) => (StatusCode::UNPROCESSABLE_ENTITY, "answer-too-large", "The answer would be too large"),
            Self::Report(ReportError::StillComparing { .. }) => {
                (StatusCode::SERVICE_UNAVAILABLE, "question-too-slow", "The answer takes too long")
            }
            Self::Report(ReportError::Exceeded(error) | ReportError::FarBack { exceeded: error, .. })
            | Self::Exceeded(error) => exceeded(error),
            Self::Derivation(_) => (StatusCode::INTERNAL_SERVER_ERROR, "not-derivable", "The log can't be derived"),
            Self::Store(error) => store(error),
        }
    }
}

fn exceeded(error: &Exceeded) -> (StatusCode, &'static str, &'static str) {
    match error {
        Exceeded::Memory { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "answer-too-large", "The answer would be too large")
        }
        Exceeded::Time { .. } => (StatusCode::SERVICE_UNAVAILABLE, "question-too-slow", "The answer takes too long"),
        Exceeded::Crowded => (StatusCode::SERVICE_UNAVAILABLE, "questions-crowded", "Too many questions at once"),
    }
}

fn store(error: &StoreError) -> (StatusCode, &'static str, &'static str) {
    match error {
        StoreError::Exceeded(error) => exceeded(error),
        // Damaged derived tables are made again by themselves.
        StoreError::Unavailable { .. } | StoreError::Damaged { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "database-unavailable", "The database can't answer")
        }
        StoreError::Internal { .. } => {
            (StatusCode::INTERNAL_SERVER_ERROR, "internal-error", "Something is wrong with mrrd")
        }
        StoreError::Schema(_) | StoreError::NoLedger(_) | StoreError::OtherLog(_) | StoreError::Corrupt { .. } => {
            (StatusCode::INTERNAL_SERVER_ERROR, "unreadable-row", "A row can't be read")
        }
    }
}

impl From<AskError> for ApiProblem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Parameter { name, reason } => Self::Parameter { name: name.into(), reason },
            AskError::NotDerived { .. } => Self::NotDerived(error.to_string()),
            AskError::Report(error) => Self::Report(error),
            AskError::Store(error) | AskError::Derivation(ReconcileError::Store(error)) => Self::Store(error),
            AskError::Derivation(error) => Self::Derivation(error),
        }
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let (status, name, title) = self.classify();
        let problem = Problem::new(status, name, title, self.to_string());
        if status.is_server_error() && !matches!(self, Self::NotDerived(_)) {
            // Failed once, logged once, here where it is answered.
            tracing::error!(problem = name, error = %self, "a request to the API failed");
        }
        let problem = match (&self, status) {
            (Self::Denied(Denied::TooMany { retry_seconds }), _) => problem.retry_after(*retry_seconds),
            (_, StatusCode::SERVICE_UNAVAILABLE) => problem.retry_after(RETRY_AFTER_SECONDS),
            _ => problem,
        };
        let mut response = problem.into_response();
        if matches!(self, Self::Body(_)) {
            // Bytes may be left unread: the connection can't carry another request.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"mrrd\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
