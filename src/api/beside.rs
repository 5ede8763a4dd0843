//! What answers beside the API, as the document tells of it: webhooks, health and metrics. They are answered in rooms that the API
//! knows nothing of, so they are described here; tests/it/api/outside.rs holds the description against the running daemon.

#![expect(dead_code, reason = "describes what the receiver and the daemon answer")]

use utoipa::ToSchema;

/// The answer to a webhook that is in the log.
#[derive(ToSchema)]
struct Received {
    /// Always true: it is on disk.
    received: bool,
    /// Whether an event of this id was in the log before.
    duplicate: bool,
}

/// A process's work.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum Work {
    Receiver,
    Reconciler,
    Api,
    Alerts,
}

/// Takes one of Stripe's webhooks in: verified, and on disk before it is answered 200. Never 3xx.
#[utoipa::path(post, path = "/webhooks/stripe", tag = "webhooks", security(()),
    params(("Stripe-Signature" = Option<String>, Header, description = "`t=…,v1=…`, as Stripe signs; without it the answer is 400")),
    request_body(content = Object, content_type = "application/json", description = "The event as Stripe sends it."),
    responses((status = 200, body = Received), (status = 400, body = Object), (status = 404, body = Object),
        (status = 408, body = Object), (status = 413, body = Object),
        (status = 500, body = Object, description = "The database refuses this very event."),
        (status = 503, body = Object, description = "It isn't on disk: send it again.")))]
pub(super) fn webhook() {}

/// The same for an endpoint with a name, under `stripe.endpoints.NAME`.
#[utoipa::path(post, path = "/webhooks/stripe/{name}", tag = "webhooks", security(()),
    params(("name" = String, Path, description = "the endpoint's configured name"),
        ("Stripe-Signature" = Option<String>, Header, description = "`t=…,v1=…`, as Stripe signs; without it the answer is 400")),
    request_body(content = Object, content_type = "application/json", description = "The event as Stripe sends it."),
    responses((status = 200, body = Received), (status = 400, body = Object), (status = 404, body = Object),
        (status = 408, body = Object), (status = 413, body = Object),
        (status = 500, body = Object, description = "The database refuses this very event."),
        (status = 503, body = Object, description = "It isn't on disk: send it again.")))]
pub(super) fn named_webhook() {}

/// 200 while the process lives.
#[utoipa::path(get, path = "/healthz", tag = "status", security(()),
    responses((status = 200, content_type = "text/plain", body = String)))]
pub(super) fn healthz() {}

/// Whether the process can do its work: a process that takes webhooks is ready while it can take them.
#[utoipa::path(get, path = "/readyz", tag = "status", security(()),
    params(("role" = Option<Work>, Query, description = "only the work of this role")),
    responses((status = 200, content_type = "text/plain", body = String, description = "It can do its work."),
        (status = 422, body = Object), (status = 503, body = Object, description = "It can't, and `detail` says why.")))]
pub(super) fn readyz() {}

/// What the daemon counts and measures. Nobody is refused; money is shown only with a token or a session.
#[utoipa::path(get, path = "/metrics", operation_id = "prometheus", tag = "status",
    security((), ("token" = []), ("token_as_user" = []), ("session" = [])),
    responses((status = 200, description = "The Prometheus text, or OpenMetrics where `Accept` asks for it.",
        content((String = "text/plain"), (String = "application/openmetrics-text")))))]
pub(super) fn metrics() {}
