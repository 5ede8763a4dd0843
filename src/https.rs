//! The one client for whatever mrrd asks of others over HTTPS: Stripe's API, channels and feeds, endpoints of a redelivery.

use std::{error::Error, fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header, response::Parts};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::timeout;

use crate::ledger::time::UnixTime;

/// What a client's answers may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// How long the other side may take to answer, and then to send what it answers.
    pub(crate) wait: Duration,
    /// The largest body that is read.
    pub(crate) answer_bytes: usize,
    /// Connections kept open to one host.
    pub(crate) idle: usize,
    /// How much of a body is read ahead before it is asked for; as hyper sees fit without it.
    pub(crate) read_ahead_bytes: Option<usize>,
}

/// A client with connections of its own. Shows nothing of what it is asked: addresses may be secrets.
pub(crate) struct Https {
    pool: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    bounds: Bounds,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// It took longer than it may.
    Late(Duration),
    /// The connection failed, or the answer is too large; in words that name no address.
    Failed(String),
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late(wait) => write!(f, "it did not answer within {wait:?}"),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

impl Https {
    /// Errors where the machine has no trusted certificates.
    pub(crate) fn new(bounds: Bounds) -> Result<Self, String> {
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| format!("no trusted certificates on this machine: {error}"))?
            .https_or_http()
            .enable_http1()
            .build();
        let mut pool = Client::builder(TokioExecutor::new());
        pool.pool_max_idle_per_host(bounds.idle);
        if let Some(bytes) = bounds.read_ahead_bytes {
            pool.http1_read_buf_exact_size(bytes);
        }
        Ok(Self { pool: pool.build(connector), bounds })
    }

    /// Sends a request and waits for the answer's head; its body is still on the wire.
    pub(crate) async fn begin(&self, mut request: Request<Bytes>) -> Result<(Parts, Incoming), NoAnswer> {
        const AGENT: HeaderValue = HeaderValue::from_static(concat!("mrrd/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(header::USER_AGENT, AGENT);
        match timeout(self.bounds.wait, self.pool.request(request.map(Full::new))).await {
            Ok(Ok(answer)) => Ok(answer.into_parts()),
            Ok(Err(error)) => Err(NoAnswer::Failed(with_causes(&error))),
            Err(_) => Err(NoAnswer::Late(self.bounds.wait)),
        }
    }

    /// The body of an answer.
    pub(crate) async fn body(&self, body: Incoming) -> Result<Bytes, NoAnswer> {
        match timeout(self.bounds.wait, Limited::new(body, self.bounds.answer_bytes).collect()).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) => Err(NoAnswer::Failed(with_causes(error.as_ref()))),
            Err(_) => Err(NoAnswer::Late(self.bounds.wait)),
        }
    }

    /// Posts JSON. What comes back is what counts; a body that doesn't come whole is as good as none.
    pub(crate) async fn post(&self, mut request: Request<Bytes>) -> Result<(Parts, Bytes), NoAnswer> {
        const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
        request.headers_mut().insert(header::CONTENT_TYPE, JSON);
        let (head, body) = self.begin(request).await?;
        Ok((head, self.body(body).await.unwrap_or_default()))
    }
}

/// A failure with what caused it: `client error (Connect)` alone helps nobody.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |told, cause| {
        let cause = cause.to_string();
        // Some say what caused them themselves.
        if told.ends_with(&cause) { told } else { format!("{told}: {cause}") }
    })
}

/// How long the other side asks to wait: seconds, or an instant that is held against the answer's own `Date`.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = match text.parse() {
        Ok(seconds) => seconds,
        Err(_) => u64::try_from(instant(headers, header::RETRY_AFTER)?.0 - date(headers)?.0).unwrap_or(0),
    };
    Some(Duration::from_secs(seconds))
}

/// When the other side answered, by its own clock.
pub(crate) fn date(headers: &HeaderMap) -> Option<UnixTime> {
    instant(headers, header::DATE)
}

fn instant(headers: &HeaderMap, name: header::HeaderName) -> Option<UnixTime> {
    let text = headers.get(name)?.to_str().ok()?;
    let parsed = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(UnixTime(parsed.as_second()))
}
