//! The things worth observing: each writes its log line and its metric together, and holds no body, secret or name.

use std::{net::SocketAddr, time::Duration};

use super::metrics::{AlertLabels, DeliveryLabels, Metrics, ReadingLabels, ReasonLabels, WebhookLabels};
use crate::event::Seq;

/// A request on the webhook route was answered.
#[derive(Debug)]
pub struct WebhookAnswered<'a> {
    /// `default`, or the endpoint's name.
    pub endpoint: &'a str,
    /// `accepted`, `duplicate`, or the problem's name.
    pub answer: &'static str,
    /// The status of the answer.
    pub status: u16,
    /// From the request's head to the answer.
    pub took: Duration,
    /// The event's id, once it is verified.
    pub event: Option<&'a str>,
    /// Why it was refused, where the name doesn't say all.
    pub detail: Option<&'a str>,
    /// What is behind it was said already: it is counted, and logged at `debug` only.
    pub told: bool,
}

impl WebhookAnswered<'_> {
    /// Counts and logs it: what was taken at `debug`, what was refused at `warn`.
    pub fn emit(&self, metrics: &Metrics) {
        let labels = WebhookLabels { endpoint: self.endpoint.to_owned(), answer: self.answer };
        metrics.webhooks.get_or_create(&labels).inc();
        metrics.webhook_seconds.observe(self.took.as_secs_f64());
        let (endpoint, answer, status, took_ms) =
            (self.endpoint, self.answer, self.status, u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX));
        if status < 300 || self.told {
            tracing::debug!(endpoint, answer, status, took_ms, event = self.event, "webhook answered");
        } else {
            tracing::warn!(
                endpoint,
                answer,
                status,
                took_ms,
                event = self.event,
                detail = self.detail,
                "webhook refused"
            );
        }
    }
}

/// An event came into the log by a webhook.
#[derive(Debug)]
pub struct EventAppended<'a> {
    /// The id of the event or alert.
    pub event: &'a str,
    /// Stripe's type of event.
    pub kind: &'a str,
    /// Its place in the log.
    pub seq: Seq,
    /// `facts`, `ignored`, `unreadable` or `thin`.
    pub reading: &'static str,
}

impl EventAppended<'_> {
    /// Counts it, and logs it at `debug`: a line for each would cost more than the event. An unreadable one at `warn`, for it
    /// may hide revenue.
    pub fn emit(&self, metrics: &Metrics) {
        metrics.appended.get_or_create(&ReadingLabels { reading: self.reading }).inc();
        let (event, kind, seq, reading) = (self.event, self.kind, self.seq.0, self.reading);
        if reading == "unreadable" {
            tracing::warn!(event, kind, seq, reading, "no fact could be read from this event: see `mrrd quality`");
        } else {
            tracing::debug!(event, kind, seq, reading, "event appended");
        }
    }
}

/// The ledger was healed from Stripe's API.
#[derive(Debug)]
pub struct LedgerHealed {
    /// Events that no webhook had brought.
    pub events: u64,
    /// How many objects were looked up at Stripe.
    pub looked_up: u64,
}

impl LedgerHealed {
    /// Counts and logs it, where anything was missing.
    pub fn emit(&self, metrics: &Metrics) {
        let Self { events, looked_up } = *self;
        metrics.healed_events.inc_by(events);
        metrics.looked_up_objects.inc_by(looked_up);
        if events + looked_up > 0 {
            tracing::info!(events, looked_up, "healed from Stripe's API");
        }
    }
}

/// A rule raised an alert.
#[derive(Debug)]
pub struct AlertRaised<'a> {
    /// The id of the event or alert.
    pub id: &'a str,
    /// The word of the rule.
    pub rule: &'static str,
    /// Why nobody is told of it; `None` where the channels are.
    pub silenced: Option<&'a str>,
}

impl AlertRaised<'_> {
    /// Counts and logs it; what it says stays in the database.
    pub fn emit(&self, metrics: &Metrics) {
        metrics.alerts.get_or_create(&AlertLabels { rule: self.rule }).inc();
        tracing::warn!(alert = self.id, rule = self.rule, silenced = self.silenced, "an alert was raised");
    }
}

/// An open alert rose further.
#[derive(Debug)]
pub struct AlertUpdated<'a> {
    /// The id of the event or alert.
    pub id: &'a str,
    /// The word of the rule.
    pub rule: &'static str,
    /// The version it has now.
    pub version: i64,
    /// Why nobody is told of it; `None` where the channels are.
    pub silenced: Option<&'a str>,
}

impl AlertUpdated<'_> {
    /// Logs it; it is the same alert, so nothing is counted.
    pub fn emit(&self) {
        tracing::warn!(
            alert = self.id,
            rule = self.rule,
            version = self.version,
            silenced = self.silenced,
            "an alert was updated"
        );
    }
}

/// What an attempt to deliver came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The channel took it.
    Yes,
    /// Refused; it is tried again.
    Later,
    /// It was refused for a day, and is given up.
    GivenUp,
}

/// A channel was given a message.
#[derive(Debug)]
pub struct AlertDelivery<'a> {
    /// The channel, by its configured name.
    pub channel: &'a str,
    /// The id of the alert it tells of.
    pub alert: &'a str,
    /// What it tells: `raised`, `closed` or `test`.
    pub event: &'a str,
    /// What came of the attempt.
    pub outcome: Delivered,
    /// Why it failed; `None` where it didn't.
    pub reason: Option<&'a str>,
}

impl AlertDelivery<'_> {
    /// Counts it in the metrics and writes its log line.
    pub fn emit(&self, metrics: &Metrics) {
        let Self { channel, alert, event, outcome, reason } = *self;
        let word = match outcome {
            Delivered::Yes => "delivered",
            Delivered::Later => "refused",
            Delivered::GivenUp => "failed",
        };
        metrics.deliveries.get_or_create(&DeliveryLabels { channel: channel.to_owned(), outcome: word }).inc();
        match outcome {
            Delivered::Yes => tracing::info!(channel, alert, event, "an alert was delivered"),
            Delivered::Later => tracing::warn!(channel, alert, event, reason, "an alert was not taken: trying again"),
            Delivered::GivenUp => {
                tracing::error!(channel, alert, event, reason, "an alert could not be delivered in a day")
            }
        }
    }
}

/// The number of open connections changed.
#[derive(Debug)]
pub struct ConnectionsOpen(pub usize);

impl ConnectionsOpen {
    /// Sets the gauge; too frequent for the log.
    pub fn emit(&self, metrics: &Metrics) {
        metrics.connections.set(i64::try_from(self.0).unwrap_or(i64::MAX));
    }
}

/// A connection was turned away or cut.
#[derive(Debug)]
pub struct ConnectionRefused {
    /// Why it was cut: `full`, `slow` or `broken`.
    pub reason: &'static str,
    /// The address of the peer.
    pub peer: SocketAddr,
}

impl ConnectionRefused {
    /// Counts it in the metrics and writes its log line.
    pub fn emit(&self, metrics: &Metrics) {
        metrics.refused.get_or_create(&ReasonLabels { reason: self.reason }).inc();
        tracing::debug!(reason = self.reason, peer = %self.peer, "connection refused");
    }
}
