//! The things worth observing: each writes its log line and its metric together, and holds no body, secret or name.

use std::{net::SocketAddr, time::Duration};

use super::metrics::{AlertLabels, DeliveryLabels, Metrics, ReadingLabels, ReasonLabels, WebhookLabels};
use crate::event::Seq;

/// A webhook was answered.
#[derive(Debug)]
pub struct WebhookAnswered<'a> {
    /// `default`, or the endpoint's name.
    pub endpoint: &'a str,
    /// `accepted`, `duplicate`, or the problem's name.
    pub answer: &'static str,
    /// The HTTP status.
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
    /// Its id.
    pub event: &'a str,
    /// Its type.
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
    /// Objects looked up.
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

/// An alert was raised.
#[derive(Debug)]
pub struct AlertRaised<'a> {
    /// Its id.
    pub id: &'a str,
    /// Which rule.
    pub rule: &'static str,
    /// Why nobody is told.
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
    /// Its id.
    pub id: &'a str,
    /// Which rule.
    pub rule: &'static str,
    /// The version it has now.
    pub version: i64,
    /// Why nobody is told.
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
    /// Taken.
    Yes,
    /// Refused; it is tried again.
    Later,
    /// Refused for a day.
    GivenUp,
}

/// A channel was given a message.
#[derive(Debug)]
pub struct AlertDelivery<'a> {
    /// The channel's name.
    pub channel: &'a str,
    /// The alert's id.
    pub alert: &'a str,
    /// `raised`, `closed` or `test`.
    pub event: &'a str,
    /// What came of it.
    pub outcome: Delivered,
    /// What was wrong.
    pub reason: Option<&'a str>,
}

impl AlertDelivery<'_> {
    /// Counts and logs it.
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
    /// `full`, `slow` or `broken`.
    pub reason: &'static str,
    /// Whose.
    pub peer: SocketAddr,
}

impl ConnectionRefused {
    /// Counts and logs it.
    pub fn emit(&self, metrics: &Metrics) {
        metrics.refused.get_or_create(&ReasonLabels { reason: self.reason }).inc();
        tracing::debug!(reason = self.reason, peer = %self.peer, "connection refused");
    }
}
