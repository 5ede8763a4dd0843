//! Spans on their way to a collector: what waits is posted together, once a second at most; what isn't taken is dropped and counted, for
//! a trace is worth no second try beside webhooks.

use std::{future::pending, sync::Arc};

use bytes::Bytes;
use http::{Request, Uri};
use tokio::sync::{mpsc, watch};

use crate::{
    background::{Task, Turn, Words},
    https::{Bounds, Https},
    limits,
    telemetry::{
        Metrics,
        traces::{Span, export},
    },
};

/// Posts spans to `ENDPOINT/v1/traces`, as OTLP/HTTP's JSON.
pub(super) struct Exporter {
    url: Uri,
    https: Https,
    waiting: mpsc::Receiver<Span>,
    /// Taken from the queue by what woke this.
    taken: Vec<Span>,
    metrics: Arc<Metrics>,
}

impl Exporter {
    /// Errors where the endpoint can't be an address.
    pub(super) fn new(endpoint: &str, waiting: mpsc::Receiver<Span>, metrics: Arc<Metrics>) -> Result<Self, String> {
        let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let url = url.parse().map_err(|_| "telemetry.otlp_endpoint is no address".to_owned())?;
        let bounds = Bounds { wait: limits::TRACE_WAIT, answer_bytes: 64 * 1024, idle: 1, read_ahead_bytes: None };
        Ok(Self { url, https: Https::new(bounds)?, waiting, taken: Vec::new(), metrics })
    }

    /// Posts what waits, batch by batch; errors say why one wasn't taken.
    async fn post(&mut self) -> Result<(), String> {
        while self.post_batch().await? {}
        Ok(())
    }

    /// Posts one batch; whether more may wait.
    async fn post_batch(&mut self) -> Result<bool, String> {
        while self.taken.len() < limits::TRACE_BATCH
            && let Ok(span) = self.waiting.try_recv()
        {
            self.taken.push(span);
        }
        let spans = std::mem::take(&mut self.taken);
        if spans.is_empty() {
            return Ok(false);
        }
        let request = Request::post(&self.url).body(Bytes::from(export(&spans).to_string()));
        let request = request.map_err(|error| error.to_string())?;
        let answer = self.https.post(request).await;
        let refused = match answer {
            Ok((head, _)) if head.status.is_success() => None,
            Ok((head, _)) => Some(format!("the collector answers {}", head.status)),
            Err(why) => Some(why.to_string()),
        };
        let count = u64::try_from(spans.len()).unwrap_or(u64::MAX);
        match refused {
            None => {
                self.metrics.trace_spans_sent.inc_by(count);
                Ok(spans.len() >= limits::TRACE_BATCH)
            }
            Some(why) => {
                self.metrics.trace_spans_dropped.inc_by(count);
                Err(why)
            }
        }
    }
}

impl Task for Exporter {
    fn name(&self) -> String {
        "traces".into()
    }

    fn words(&self) -> Words {
        Words::Repeated("traces are not taken by the collector", "traces are taken again")
    }

    async fn turn(&mut self, _: &watch::Receiver<bool>) -> Turn {
        match self.post().await {
            Ok(()) => Turn::done(limits::TRACE_INTERVAL),
            Err(why) => Turn::failed(why, limits::TRACE_INTERVAL),
        }
        .after(limits::TRACE_REST)
    }

    async fn woken(&mut self) {
        match self.waiting.recv().await {
            Some(span) => self.taken.push(span),
            // Nobody tells any more.
            None => pending().await,
        }
    }

    async fn end(mut self) {
        // What the last requests told, once.
        drop(self.post().await);
    }
}
