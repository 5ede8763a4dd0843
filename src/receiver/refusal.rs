//! Every reason a webhook is refused, and the answer to each (docs/interface.md 4). Never a redirect, never a 2xx.

use std::borrow::Cow;

use http::StatusCode;

use crate::{
    limits,
    server::{body::BodyError, problem::Problem},
    stripe::{envelope::NotAnEvent, signature::SignatureError},
};

/// Why a webhook was not taken in. Nothing of it is in the log.
#[derive(Debug)]
pub(super) enum Refusal {
    /// No endpoint has this address.
    UnknownEndpoint,
    /// The request isn't a POST.
    Method,
    /// The body is too large, too slow, or broke off.
    Body(BodyError),
    /// It isn't Stripe's own, or not recent.
    Signature(SignatureError),
    /// Verified, but not an event.
    Event(NotAnEvent),
    /// It names another account than the one its endpoint is bound to.
    OtherAccount,
    /// The log did not say in time that the event is on disk.
    Unavailable(Unavailable),
    /// The log refuses this very event, and would again.
    NotStorable,
}

/// Why the log could not take an event just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unavailable {
    /// As many events wait as may.
    QueueFull,
    /// The database is away, locked, full or read-only.
    Database,
    /// The commit took too long; the event may still come into the log, which then answers a retry as a duplicate.
    Slow,
    /// The process is about to end.
    Draining,
}

impl Refusal {
    /// What it says of its endpoint; `None` where it says nothing: no webhook was posted, or the log could not take it.
    ///
    /// A body that was captured once is signed too: what is too old may be anybody's.
    pub(super) fn is_verified(&self) -> Option<bool> {
        match self {
            Self::Event(_) | Self::OtherAccount | Self::NotStorable => Some(true),
            Self::Method | Self::Unavailable(_) | Self::Body(BodyError::Crowded) => None,
            Self::UnknownEndpoint | Self::Body(_) | Self::Signature(_) => Some(false),
        }
    }

    /// The answer's status, name, title and detail.
    pub(super) fn problem(&self) -> Problem {
        use StatusCode as S;
        let refused = |status, name, title, detail: Cow<'static, str>| Problem::new(status, name, title, detail);
        match self {
            Self::UnknownEndpoint => refused(
                S::NOT_FOUND,
                "unknown-endpoint",
                "No such webhook endpoint",
                "no webhook secret is configured for this address: check stripe.webhook_secrets and stripe.endpoints"
                    .into(),
            ),
            Self::Method => refused(
                S::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "Only POST is possible here",
                "webhooks are posted".into(),
            ),
            Self::Body(error) => {
                let (status, name, title) = match error {
                    BodyError::TooLarge { .. } => (S::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large"),
                    BodyError::Slow => (S::REQUEST_TIMEOUT, "body-too-slow", "The body did not arrive in time"),
                    BodyError::Crowded => {
                        let problem = Problem::new(S::SERVICE_UNAVAILABLE, "bodies-crowded", "Too many large bodies", error.to_string());
                        return problem.retry_after(limits::RETRY_AFTER_SECONDS);
                    }
                    BodyError::Broken => (S::BAD_REQUEST, "body-broken", "The body broke off"),
                };
                let hint =
                    if matches!(error, BodyError::TooLarge { .. }) { ": raise server.max_body_bytes" } else { "" };
                refused(status, name, title, format!("{error}{hint}").into())
            }
            Self::Signature(error) => {
                refused(S::BAD_REQUEST, error.slug(), "The webhook is not verified", error.to_string().into())
            }
            Self::Event(error) => {
                refused(S::BAD_REQUEST, error.slug(), "The body is not an event", error.to_string().into())
            }
            Self::OtherAccount => refused(
                S::BAD_REQUEST,
                "other-account",
                "The event is another account's",
                "the event names another account than this endpoint is bound to: check stripe.endpoints.NAME.account, and \
                 leave it away where the endpoint is for connected accounts"
                    .into(),
            ),
            Self::Unavailable(unavailable) => unavailable.problem(),
            Self::NotStorable => refused(
                S::INTERNAL_SERVER_ERROR,
                "event-not-storable",
                "The event was not taken in",
                "the database refuses this event: mrrd's log says why".into(),
            ),
        }
    }
}

impl Unavailable {
    fn problem(self) -> Problem {
        let (name, detail) = match self {
            Self::QueueFull => ("queue-full", "as many events wait for the log as may: send it again"),
            Self::Database => ("database-unavailable", "the event could not be written to disk: send it again"),
            Self::Slow => ("commit-too-slow", "the event was not on disk in time: send it again"),
            Self::Draining => ("draining", "this process is about to end: send it again"),
        };
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, name, "The event was not taken in", detail)
            .retry_after(limits::RETRY_AFTER_SECONDS)
    }
}
