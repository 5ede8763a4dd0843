//! Traces of webhooks: from the receipt to the movement, for an OpenTelemetry collector where one is configured
//! (`telemetry.otlp_endpoint`). Every span of an event bears the trace that its id gives, so that the process which
//! reconciles it finds the trace without a word from the one that took it in. No body, name, amount or secret is in a span.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::Metrics;
use crate::{clock::Clock, limits};

/// Where spans go; off, it costs a branch. A clone is cheap.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<Arc<On>>);

#[derive(Debug)]
struct On {
    queue: mpsc::Sender<Span>,
    clock: Clock,
    metrics: Arc<Metrics>,
}

/// An instant, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant(u64);

impl Traces {
    /// Spans that are told to whoever takes them from the other end.
    pub fn on(clock: Clock, metrics: Arc<Metrics>) -> (Self, mpsc::Receiver<Span>) {
        let (queue, waiting) = mpsc::channel(limits::TRACE_QUEUE);
        (Self(Some(Arc::new(On { queue, clock, metrics }))), waiting)
    }

    /// Now, where spans are told at all.
    pub fn now(&self) -> Option<Instant> {
        self.0.as_ref().map(|on| Instant(on.clock.now_nanoseconds()))
    }

    /// Counts a span that can't be told, as one that found no place is.
    pub fn untold(&self) {
        if let Some(on) = &self.0 {
            on.metrics.trace_spans_dropped.inc();
        }
    }

    /// Tells a span that ends now. Never waits: what finds no place is dropped, and counted.
    pub fn ended(&self, span: Span) {
        let Some(on) = &self.0 else { return };
        let span = Span { ended: on.clock.now_nanoseconds(), ..span };
        if on.queue.try_send(span).is_err() {
            on.metrics.trace_spans_dropped.inc();
        }
    }
}

/// The trace of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTrace([u8; 16]);

/// A span within a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanId([u8; 8]);

impl EventTrace {
    /// Always the same of the same event.
    pub fn of(event: &str) -> Self {
        Self(first_of(&[b"mrrd trace of an event", event.as_bytes()]))
    }

    /// The span of one step of the event's way, always the same of the same step.
    pub fn step(self, step: &str) -> SpanId {
        SpanId(first_of(&[b"mrrd step", &self.0, step.as_bytes()]))
    }

    /// A span of what may come about any number of times.
    pub fn once_more(self) -> SpanId {
        SpanId(rand::random::<u64>().max(1).to_be_bytes())
    }
}

/// The beginning of a digest. It is never all zeros, which OpenTelemetry takes for no id, but with a chance of 2⁻⁶⁴.
fn first_of<const N: usize>(texts: &[&[u8]]) -> [u8; N] {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text);
    }
    let digest = hash.finalize();
    std::array::from_fn(|at| digest[at])
}

/// One piece of work, from when it began to when it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    trace: EventTrace,
    id: SpanId,
    parent: Option<SpanId>,
    name: &'static str,
    began: u64,
    ended: u64,
    is_receipt: bool,
    failed: bool,
    attributes: BTreeMap<&'static str, Value>,
}

impl Span {
    /// A span that began then.
    pub fn new(name: &'static str, trace: EventTrace, id: SpanId, began: Instant) -> Self {
        let Instant(began) = began;
        let attributes = BTreeMap::new();
        Self { trace, id, parent: None, name, began, ended: began, is_receipt: false, failed: false, attributes }
    }

    /// What it is part of.
    pub fn within(self, parent: SpanId) -> Self {
        Self { parent: Some(parent), ..self }
    }

    /// It answers a request of somebody else's.
    pub fn of_a_request(self) -> Self {
        Self { is_receipt: true, ..self }
    }

    /// It came to nothing.
    pub fn failed(self, failed: bool) -> Self {
        Self { failed, ..self }
    }

    /// With an attribute: an id, a kind, a number; nothing that a person wrote.
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.insert(name, value.into());
        self
    }

    /// As OTLP's JSON has it (opentelemetry-proto 1, `Span`).
    fn told(&self) -> Value {
        let attributes: Vec<Value> = self.attributes.iter().map(|(name, value)| attribute(name, value)).collect();
        let mut told = json!({
            "traceId": hex::encode(self.trace.0),
            "spanId": hex::encode(self.id.0),
            "name": self.name,
            // SPAN_KIND_SERVER, SPAN_KIND_INTERNAL.
            "kind": if self.is_receipt { 2 } else { 1 },
            "startTimeUnixNano": self.began.to_string(),
            "endTimeUnixNano": self.ended.max(self.began).to_string(),
            "attributes": attributes,
            // STATUS_CODE_ERROR, STATUS_CODE_UNSET.
            "status": {"code": if self.failed { 2 } else { 0 }},
        });
        if let Some(SpanId(parent)) = self.parent {
            told["parentSpanId"] = hex::encode(parent).into();
        }
        told
    }
}

fn attribute(name: &str, value: &Value) -> Value {
    let value = match value {
        Value::Bool(value) => json!({"boolValue": value}),
        // 64-bit integers are texts in protobuf's JSON.
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::String(text) => json!({"stringValue": text}),
        other => json!({"stringValue": other.to_string()}),
    };
    json!({"key": name, "value": value})
}

/// The body of an export: what OTLP/HTTP takes as JSON at `/v1/traces`.
pub fn export(spans: &[Span]) -> Value {
    let of_us = [("service.name", "mrrd"), ("service.version", env!("CARGO_PKG_VERSION"))];
    let resource: Vec<Value> = of_us.iter().map(|(name, value)| attribute(name, &Value::from(*value))).collect();
    let spans: Vec<Value> = spans.iter().map(Span::told).collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": resource},
        "scopeSpans": [{"scope": {"name": "mrrd", "version": env!("CARGO_PKG_VERSION")}, "spans": spans}],
    }]})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::time::UnixTime;

    #[test]
    fn a_span_is_told_as_otlp_has_it() {
        let trace = EventTrace::of("evt_1");
        let span = Span::new("append", trace, trace.step("append"), Instant(5))
            .within(trace.step("webhook"))
            .with("mrrd.seq", 7)
            .with("mrrd.event.id", "evt_1");
        let told = &export(&[span])["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(told["traceId"].as_str().unwrap().len(), 32);
        assert_eq!((told["spanId"].as_str().unwrap().len(), told["parentSpanId"].as_str().unwrap().len()), (16, 16));
        assert_eq!((&told["startTimeUnixNano"], &told["kind"]), (&json!("5"), &json!(1)));
        assert_eq!(
            told["attributes"],
            json!([{"key": "mrrd.event.id", "value": {"stringValue": "evt_1"}}, {"key": "mrrd.seq", "value": {"intValue": "7"}}])
        );
        assert_eq!(EventTrace::of("evt_1"), trace);
        assert_ne!(EventTrace::of("evt_2"), trace);
    }

    #[test]
    fn what_finds_no_place_is_dropped_and_counted() {
        let metrics = Arc::new(Metrics::default());
        let (traces, waiting) = Traces::on(Clock::fixed(UnixTime(9)), metrics.clone());
        let trace = EventTrace::of("evt_1");
        let began = traces.now().unwrap();
        for _ in 0..limits::TRACE_QUEUE + 3 {
            traces.ended(Span::new("append", trace, trace.once_more(), began));
        }
        assert_eq!(waiting.len(), limits::TRACE_QUEUE);
        assert_eq!(metrics.trace_spans_dropped.get(), 3);
        assert_eq!(Traces::default().now(), None);
    }
}
