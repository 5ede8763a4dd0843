//! A webhook's receipt as spans: from the request's head to the answer, and within it from the log's queue to the commit.

use crate::{
    store::log::Appended,
    telemetry::traces::{EventTrace, Instant, Span, Traces},
};

/// What was taken in.
pub(super) struct About<'a> {
    pub(super) id: &'a str,
    pub(super) kind: &'a str,
    pub(super) endpoint: &'a str,
    pub(super) reading: &'static str,
    pub(super) appended: Appended,
}

/// It is in the log, since now or since before.
pub(super) fn taken(traces: &Traces, (began, handed): (Instant, Instant), about: About<'_>) {
    let About { id, kind, endpoint, reading, appended } = about;
    let trace = EventTrace::of(id);
    // The first receipt is where all else of the trace hangs; Stripe may send an event any number of times.
    let (receipt, seq) = match appended {
        Appended::New(seq) => (trace.step("webhook"), Some(seq)),
        Appended::Duplicate | Appended::Variant(_) => (trace.once_more(), None),
    };
    if let Some(seq) = seq {
        let append = Span::new("append", trace, trace.step("append"), handed).within(receipt);
        traces.ended(append.with("mrrd.event.id", id).with("mrrd.seq", seq.0).with("mrrd.reading", reading));
    }
    traces.ended(
        Span::new("webhook", trace, receipt, began)
            .of_a_request()
            .with("mrrd.event.id", id)
            .with("mrrd.event.type", kind)
            .with("mrrd.endpoint", endpoint)
            .with("mrrd.duplicate", seq.is_none())
            .with("http.response.status_code", 200),
    );
}

/// It was verified, and isn't in the log. What couldn't be verified is nobody's event, and has no trace.
pub(super) fn refused(traces: &Traces, began: Instant, id: &str, endpoint: &str, status: u16) {
    let trace = EventTrace::of(id);
    traces.ended(
        Span::new("webhook", trace, trace.once_more(), began)
            .of_a_request()
            .failed(true)
            .with("mrrd.event.id", id)
            .with("mrrd.endpoint", endpoint)
            .with("http.response.status_code", status),
    );
}
