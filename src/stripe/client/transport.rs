//! The transport: pooled connections, one request after the other within the budget, tried again where that helps.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use stripe_client_core::{RequestBuilder, VERSION};
use tokio::time::sleep;

use super::{
    ApiError,
    budget::Budget,
    page_gate::{GateGuard, PageGate},
};
use crate::{
    https::{Bounds, Https, date, retry_after},
    ledger::time::UnixTime,
    limits,
};

/// The version every request asks for, whatever the account's default is: the shapes that the readers were tested with.
pub fn version() -> &'static str {
    VERSION.as_str()
}

/// How fast, how long and how often. The default is for Stripe; tests are less patient.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How many requests a second are sent at most.
    pub per_second: u32,
    /// How long one answer may take.
    pub answer: Duration,
    /// For one request, the first included.
    pub attempts: u32,
    /// Between the first two; it doubles.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            per_second: limits::STRIPE_REQUESTS_PER_SECOND,
            answer: limits::STRIPE_ANSWER_WAIT,
            attempts: limits::STRIPE_ATTEMPTS,
            pause: limits::STRIPE_PAUSE,
        }
    }
}

/// An answer of Stripe's, to the byte.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What was asked for, to name it in an error.
    pub path: String,
    /// The body of the answer, whole.
    pub body: Bytes,
    /// When Stripe said so: its `Date`.
    pub at: UnixTime,
    /// The version it is written in.
    pub api_version: Arc<str>,
    /// Whether the key that asked is of live mode: so is an object that doesn't say itself.
    pub livemode: bool,
}

/// Reads Stripe's API with one key. Clones share connections and budget.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    base: String,
    authorization: HeaderValue,
    https: Https,
    budget: Budget,
    gate: PageGate,
    patience: Patience,
    test: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.0.base).finish_non_exhaustive()
    }
}

/// A request as it is sent, however often.
struct Outgoing<'a> {
    /// As errors name it.
    path: &'a str,
    /// After the API's own address.
    address: String,
    version: &'static str,
    /// Posted; `None` for a GET.
    question: Option<Bytes>,
}

impl<'a> From<&'a RequestBuilder> for Outgoing<'a> {
    fn from(request: &'a RequestBuilder) -> Self {
        let query = request.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
        let address = format!("/v1{}{query}", request.path);
        Self { path: &request.path, address, version: version(), question: None }
    }
}

/// How one attempt ended.
enum Attempt {
    Answered(Answer, Option<GateGuard>),
    Failed(ApiError),
    /// It may go better later; after so long, if Stripe told.
    Later(String, Option<Duration>),
}

impl Client {
    /// A client of the API at `base` (`stripe.api_base`). Errors when the key can't be sent or the machine has no trusted
    /// certificates, saying which.
    pub fn new(base: &str, key: &SecretString, patience: Patience) -> Result<Self, String> {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()))
            .map_err(|_| "stripe.api_key holds characters that no key has".to_owned())?;
        authorization.set_sensitive(true);
        let https = Https::new(Bounds {
            wait: patience.answer,
            answer_bytes: limits::STRIPE_ANSWER_BYTES,
            idle: limits::STRIPE_CONNECTIONS,
            read_ahead_bytes: Some(limits::STRIPE_READ_BYTES),
        })?;
        let (budget, gate) = (Budget::new(patience.per_second), PageGate::default());
        let test = key.expose_secret().contains("_test_");
        Ok(Self(Arc::new(Inner { base: base.to_owned(), authorization, https, budget, gate, patience, test })))
    }

    /// Of which mode its key is, as far as its form tells: `live` or `test`. The other mode's events are another account's.
    pub fn mode(&self) -> &'static str {
        if self.0.test { "test" } else { "live" }
    }

    /// Asks until there is an answer, or asking again is of no use.
    pub async fn get(&self, request: &RequestBuilder) -> Result<Answer, ApiError> {
        Ok(self.ask(&Outgoing::from(request), None).await?.0)
    }

    /// Posts a question in JSON, which changes nothing at Stripe: so it is asked again like any other. `path` is the whole one,
    /// and the version is the route's own: a preview has no other.
    pub async fn query(&self, path: &str, version: &'static str, body: Bytes) -> Result<Answer, ApiError> {
        let request = Outgoing { path, address: path.to_owned(), version, question: Some(body) };
        Ok(self.ask(&request, None).await?.0)
    }

    /// The same for an answer that is to be kept, one at a time: its body is taken off the wire only when the answer taken
    /// before it was let go of, which whoever asked does once it is kept. A kill then costs one answer, however many are
    /// asked for side by side.
    pub async fn take(&self, request: &RequestBuilder) -> Result<(Answer, Option<GateGuard>), ApiError> {
        self.0.gate.idle().await;
        self.ask(&Outgoing::from(request), Some(&self.0.gate)).await
    }

    async fn ask(
        &self,
        request: &Outgoing<'_>,
        gate: Option<&PageGate>,
    ) -> Result<(Answer, Option<GateGuard>), ApiError> {
        let patience = &self.0.patience;
        let mut pause = patience.pause;
        let mut attempts = 1;
        loop {
            self.0.budget.turn().await;
            let (reason, after) = match self.attempt(request, gate).await {
                Attempt::Answered(answer, guard) => return Ok((answer, guard)),
                Attempt::Failed(error) => return Err(error),
                Attempt::Later(reason, after) => (reason, after),
            };
            if attempts >= patience.attempts {
                return Err(ApiError::Unreachable { path: request.path.to_owned(), attempts, reason });
            }
            tracing::debug!(path = request.path, attempts, reason, "Stripe is asked again");
            // Half to all of the pause: many that failed together don't come back together.
            let jittered = pause.mul_f64(rand::random_range(0.5..=1.0));
            if let Some(after) = after {
                // Stripe says it to the whole account, not to this request.
                self.0.budget.rest(after.min(limits::STRIPE_PAUSE_MAX));
            }
            sleep(jittered.min(limits::STRIPE_PAUSE_MAX)).await;
            pause *= 2;
            attempts += 1;
        }
    }

    async fn attempt(&self, request: &Outgoing<'_>, gate: Option<&PageGate>) -> Attempt {
        let path = request.path;
        let address = format!("{}{}", self.0.base, request.address);
        let built = match request.question {
            None => Request::get(address),
            Some(_) => Request::post(address).header(header::CONTENT_TYPE, "application/json"),
        };
        let built = built
            .header(header::AUTHORIZATION, &self.0.authorization)
            .header("stripe-version", request.version)
            .body(request.question.clone().unwrap_or_default());
        let built = match built {
            Ok(built) => built,
            Err(error) => return Attempt::Failed(unreadable(path, format!("no such address: {error}"))),
        };
        let (head, body) = match self.0.https.begin(built).await {
            Ok(answer) => answer,
            Err(why) => return Attempt::Later(why.to_string(), None),
        };
        let guard = match gate.filter(|_| head.status.is_success()) {
            Some(gate) => Some(gate.enter().await),
            None => None,
        };
        let body = match self.0.https.body(body).await {
            Ok(body) => body,
            Err(why) => return Attempt::Later(why.to_string(), None),
        };
        if head.status.is_success() {
            return match date(&head.headers) {
                Some(at) => {
                    let said = head.headers.get("stripe-version").and_then(|version| version.to_str().ok());
                    let api_version = said.unwrap_or(request.version).into();
                    let livemode = !self.0.test;
                    Attempt::Answered(Answer { path: path.to_owned(), body, at, api_version, livemode }, guard)
                }
                None => Attempt::Failed(unreadable(path, "it has no Date, so nobody knows when it was true".into())),
            };
        }
        if worth_another(head.status, &head.headers) {
            return Attempt::Later(format!("it answers {}", head.status), retry_after(&head.headers));
        }
        Attempt::Failed(ApiError::refused(path, head.status, &body))
    }
}

fn unreadable(path: &str, reason: String) -> ApiError {
    ApiError::Unreadable { path: path.to_owned(), reason }
}

/// Stripe says by a header whether another attempt makes sense; without it the status decides.
fn worth_another(status: StatusCode, headers: &HeaderMap) -> bool {
    match headers.get("stripe-should-retry").map(HeaderValue::as_bytes) {
        Some(b"true") => true,
        Some(b"false") => false,
        _ => status.is_server_error() || matches!(status.as_u16(), 408 | 409 | 424 | 425 | 429),
    }
}
