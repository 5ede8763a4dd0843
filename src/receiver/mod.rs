//! The webhook route: verify, read, append, answer. Nothing else happens in reaction to an event, and nothing is
//! acknowledged before it is on disk (docs/interface.md 4).

pub mod diagnosis;
pub mod elsewhere;
mod endpoints;
pub mod intake;
mod refusal;
mod traced;

use std::{borrow::Cow, sync::Arc, time::Instant};

use axum::{
    Extension, Json, RequestExt, Router,
    body::Body,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
    routing::any,
};
use http::{HeaderMap, HeaderValue, Method, header};
use serde::Serialize;

use self::{
    endpoints::{Endpoint, Endpoints},
    intake::{Intake, UNKNOWN, Why},
    refusal::{Refusal, Unavailable},
    traced::About,
};
use crate::{
    clock::Clock,
    config::Config,
    event::Source,
    ingest::appender::{AppendError, Appender},
    ledger::ids::EventId,
    limits,
    server::{bodies::Bodies, body},
    store::log::Appended,
    stripe::{read, signature, signature::BlankSecret},
    telemetry::{
        Metrics,
        event::{EventAppended, WebhookAnswered},
        traces::{self, Traces},
        trouble::Trouble,
    },
};

/// What the receiver is handed: the way into the log, and nothing that tells what is in it.
#[derive(Clone, Debug)]
pub struct Inlet {
    /// The endpoints' secrets, and how large a body may be.
    pub config: Arc<Config>,
    /// The clock by which signatures are judged and arrivals dated.
    pub clock: Clock,
    /// Counters of what is answered.
    pub metrics: Arc<Metrics>,
    /// The way into the log: group commit, durable when it answers.
    pub appender: Appender,
    /// What bodies on their way in may hold together.
    pub bodies: Arc<Bodies>,
    /// How each endpoint fares.
    pub intake: Intake,
    /// Where spans go.
    pub traces: Traces,
}

/// The header field that Stripe signs in.
const SIGNATURE: &str = "stripe-signature";

/// The routes of the role `receiver`.
pub fn router(state: Inlet) -> Result<Router, BlankSecret> {
    let endpoints = Arc::new(Endpoints::from_config(&state.config.stripe)?);
    Ok(Router::new()
        .route("/webhooks/stripe", any(unnamed))
        .route("/webhooks/stripe/{name}", any(named))
        .layer(Extension(endpoints))
        .layer(Extension(Arc::new(Trouble::default())))
        // One count for a request, not one for each thing the state holds.
        .with_state(Arc::new(state)))
}

/// The answer to a webhook that is in the log.
#[derive(Serialize)]
struct Received {
    /// Always true: it is on disk.
    received: bool,
    /// Whether an event of this id was in the log before.
    duplicate: bool,
}

/// What came of a webhook that was taken in.
struct Taken {
    id: EventId,
    kind: Arc<str>,
    reading: &'static str,
    appended: Appended,
    /// When it was handed to the log, where traces are on.
    handed: Option<traces::Instant>,
}

/// Takes one of Stripe's webhooks in: verified, and on disk before it is answered 200. Never 3xx.
async fn unnamed(
    State(state): State<Arc<Inlet>>,
    Extension(endpoints): Extension<Arc<Endpoints>>,
    Extension(trouble): Extension<Arc<Trouble>>,
    request: Request,
) -> Response {
    answer(&state, &trouble, endpoints.get(None), request).await
}

/// The same for an endpoint with a name, under `stripe.endpoints.NAME`.
async fn named(
    State(state): State<Arc<Inlet>>,
    Extension(endpoints): Extension<Arc<Endpoints>>,
    Extension(trouble): Extension<Arc<Trouble>>,
    mut request: Request,
) -> Response {
    // A name that isn't readable text is no endpoint's.
    let name = request.extract_parts::<Path<String>>().await.ok();
    answer(&state, &trouble, name.and_then(|Path(name)| endpoints.get(Some(&name))), request).await
}

async fn answer(state: &Inlet, trouble: &Trouble, found: Option<&Endpoint>, request: Request) -> Response {
    let since = Instant::now();
    let began = state.traces.now();
    let (head, body) = request.into_parts();
    // What a client made up never becomes a label.
    let endpoint = found.map_or(UNKNOWN, |endpoint| endpoint.name.as_str());
    let outcome = match found {
        None => {
            body::discard(body).await;
            Err((None, Refusal::UnknownEndpoint))
        }
        Some(_) if head.method != Method::POST => {
            body::discard(body).await;
            Err((None, Refusal::Method))
        }
        Some(endpoint) => take(state, trouble, endpoint, &head.headers, body).await,
    };
    let answered = |answer, status, event: Option<&str>, detail: Option<&str>, told| {
        WebhookAnswered { endpoint, answer, status, took: since.elapsed(), event, detail, told }.emit(&state.metrics);
    };
    match outcome {
        Ok(Taken { id, kind, reading, appended, handed }) => {
            if let Some(began) = began.zip(handed) {
                let about = About { id: id.as_str(), kind: &kind, endpoint, reading, appended };
                traced::taken(&state.traces, began, about);
            }
            if let Appended::New(seq) = appended {
                EventAppended { event: id.as_str(), kind: &kind, seq, reading }.emit(&state.metrics);
            }
            let duplicate = !matches!(appended, Appended::New(_));
            answered(if duplicate { "duplicate" } else { "accepted" }, 200, Some(id.as_str()), None, false);
            trouble.is_over("webhooks are taken in again");
            state.intake.taken(endpoint, state.clock.now());
            Json(Received { received: true, duplicate }).into_response()
        }
        Err((event, refusal)) => {
            let problem = refusal.problem();
            // Nobody who doesn't sign has taken the address for an endpoint's.
            let is_posted = found.is_some() || head.headers.contains_key(SIGNATURE);
            if let Some(verified) = refusal.is_verified().filter(|_| is_posted) {
                let why = Why { answer: problem.name, detail: &problem.detail, verified };
                state.intake.refused(endpoint, state.clock.now(), why);
            }
            if let Some((began, id)) = began.zip(event.as_deref()) {
                traced::refused(&state.traces, began, id, endpoint, problem.status.as_u16());
            }
            // What keeps all of them out is said once, not for each of them.
            let told = match &refusal {
                Refusal::Unavailable(Unavailable::Database) => true,
                Refusal::Unavailable(_) => trouble.is_to_be_said(problem.name).is_none(),
                _ => false,
            };
            // The answer doesn't repeat to whoever asks which address it was; the log is read by others.
            let posted = found
                .is_none()
                .then(|| format!("it was posted to {}: {}", elsewhere::address_told(&head), problem.detail));
            let detail = posted.as_deref().unwrap_or(&problem.detail);
            answered(problem.name, problem.status.as_u16(), event.as_deref(), Some(detail), told);
            let mut response = problem.into_response();
            match refusal {
                Refusal::Method => drop(response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"))),
                // Bytes may be left unread: the connection can't carry another request.
                Refusal::Body(_) => {
                    drop(response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close")));
                }
                _ => {}
            }
            response
        }
    }
}

/// Takes one webhook in; a refusal carries the event's id once it is verified.
async fn take(
    state: &Inlet,
    trouble: &Trouble,
    endpoint: &Endpoint,
    headers: &HeaderMap,
    body: Body,
) -> Result<Taken, (Option<String>, Refusal)> {
    let read = body::read(body, state.config.server.max_body_bytes, &state.bodies).await;
    // Its room is its own until it is answered: so long the log's queue may hold it.
    let (body, _held) = read.map_err(|error| (None, Refusal::Body(error)))?;
    let now = state.clock.now();
    let tolerance = Some(state.config.stripe.tolerance.as_secs());
    signature::verify(signature_header(headers).as_deref(), &body, &endpoint.secrets, now, tolerance)
        .map_err(|error| (None, Refusal::Signature(error)))?;
    let read = read::read(&body).map_err(|error| (None, Refusal::Event(error)))?;
    let (id, kind, reading) = (read.id.clone(), read.kind.clone(), read.reading.read_as().as_str());
    let mut event = read.received(body, now, Source::Webhook);
    if let Some(bound) = &endpoint.account {
        // Whoever holds this endpoint's secret speaks for this account, and for no other's ledger.
        if event.account.as_ref().is_some_and(|named| named != bound) {
            return Err((Some(id.to_string()), Refusal::OtherAccount));
        }
        event.account = Some(bound.clone());
    }
    let unavailable = |why| (Some(id.to_string()), Refusal::Unavailable(why));
    let handed = state.traces.now();
    match tokio::time::timeout(limits::COMMIT_WAIT, state.appender.append(vec![event])).await {
        Ok(Ok(answers)) => match answers.first() {
            Some(&appended) => Ok(Taken { id, kind, reading, appended, handed }),
            // One answer for one event is the appender's promise; without it nothing may be acknowledged.
            None => Err(unavailable(Unavailable::Database)),
        },
        Ok(Err(AppendError::Full)) => Err(unavailable(Unavailable::QueueFull)),
        Ok(Err(AppendError::Closing)) => Err(unavailable(Unavailable::Draining)),
        Ok(Err(AppendError::Store(error))) if error.is_of_the_data() => {
            tracing::error!(event = %id, %error, "the log refuses this event");
            Err((Some(id.to_string()), Refusal::NotStorable))
        }
        Ok(Err(AppendError::Store(error))) => {
            if let Some(failures_not_told) = trouble.is_to_be_said(&error.to_string()) {
                tracing::error!(event = %id, %error, failures_not_told, "no event can be appended");
            }
            Err(unavailable(Unavailable::Database))
        }
        Err(_) => Err(unavailable(Unavailable::Slow)),
    }
}

/// The `Stripe-Signature`; several count as one joined by commas, as HTTP says, and then have more than one `t`.
fn signature_header(headers: &HeaderMap) -> Option<Cow<'_, [u8]>> {
    let all: Vec<_> = headers.get_all(SIGNATURE).iter().map(HeaderValue::as_bytes).collect();
    match all.as_slice() {
        [] => None,
        [one] => Some(Cow::Borrowed(one)),
        several => Some(Cow::Owned(several.join(&b","[..]))),
    }
}
