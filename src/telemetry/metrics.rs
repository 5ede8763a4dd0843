//! Counters, gauges and histograms behind `/metrics`; names end in their unit.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    encoding::{
        EncodeLabelSet,
        text::{encode_eof, encode_registry},
    },
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
        info::Info,
    },
    registry::Registry,
};

use super::money::MoneyMetrics;
use crate::ledger::time::UnixTime;

/// Which endpoint, and which answer: `accepted`, `duplicate`, or a problem's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct WebhookLabels {
    /// `default`, or the endpoint's configured name; never what a client sent.
    pub(super) endpoint: String,
    pub(super) answer: &'static str,
}

/// What the normaliser made of an appended event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReadingLabels {
    /// `facts`, `ignored`, `unreadable` or `thin`.
    pub(super) reading: &'static str,
}

/// Why a connection was turned away or cut.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReasonLabels {
    /// `full`, `idle`, `slow` or `broken`.
    pub(super) reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct AlertLabels {
    pub(super) rule: &'static str,
}

/// Which channel, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DeliveryLabels {
    pub(super) channel: String,
    /// `delivered`, `refused` or `failed`.
    pub(super) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct EndpointLabels {
    /// `default`, the endpoint's configured name, or `unknown`.
    pub(super) endpoint: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct FeedLabels {
    pub(super) feed: String,
}

/// Which route of Stripe's API.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RouteLabels {
    /// `GET /v1/subscriptions/{id}`.
    pub(super) route: String,
}

/// The labels of a gauge that isn't shown before it is known.
pub(super) type Unlabelled = [(&'static str, &'static str); 0];

/// Everything `/metrics` shows without a token.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    pub(super) webhooks: Family<WebhookLabels, Counter>,
    pub(super) webhook_seconds: Histogram,
    /// 1 of an endpoint that refuses webhooks and takes none, set at each scrape.
    webhooks_all_refused: Family<EndpointLabels, Gauge>,
    pub(super) appended: Family<ReadingLabels, Counter>,
    pub(super) healed_events: Counter,
    pub(super) looked_up_objects: Counter,
    /// Refused by Stripe in the last round of healing that asked, set at each scrape.
    pub(super) refused_routes: Family<RouteLabels, Gauge>,
    pub(super) alerts: Family<AlertLabels, Counter>,
    pub(super) deliveries: Family<DeliveryLabels, Counter>,
    /// Messages a feed's other side refused, by this process.
    feed_refusals: Family<FeedLabels, Counter>,
    /// The place of the last message a feed has had taken, set at each scrape.
    feed_position: Family<FeedLabels, Gauge>,
    /// Messages a feed has still to post, set at each scrape.
    feed_waiting: Family<FeedLabels, Gauge>,
    pub(super) connections: Gauge,
    pub(super) refused: Family<ReasonLabels, Counter>,
    /// Distinct events in the log, set at each scrape.
    pub log_events: Gauge,
    /// The log's greatest seq, set at each scrape.
    pub log_last_seq: Gauge,
    /// Events of types mrrd doesn't read, set at each scrape.
    pub log_ignored_events: Gauge,
    /// Events that yielded no fact though they should have, set at each scrape.
    pub log_unreadable_events: Gauge,
    /// Events appended that the derived tables don't show yet, set at each scrape.
    pub reconciler_lag_events: Gauge,
    /// What the last audit left differing, set at each scrape; absent before the first.
    pub(super) drift: Family<Unlabelled, Gauge>,
    /// When that audit ended, in seconds since 1970.
    pub(super) audited_seconds: Family<Unlabelled, Gauge>,
    /// Appends waiting for the log, set at each scrape.
    pub append_waiting: Gauge,
    /// Bytes that questions to the API hold, as they are counted, set at each scrape.
    pub question_bytes: Gauge,
    /// Bytes that large bodies on their way in hold, set at each scrape.
    pub body_bytes: Gauge,
    /// Alerts' messages waiting for their channel, set at each scrape.
    pub alert_deliveries_waiting: Gauge,
    /// Alerts' messages given up after a day, set at each scrape.
    pub alert_deliveries_failed: Gauge,
    /// Tasks beside requests whose last turn failed, set at each scrape.
    pub failed_tasks: Gauge,
    /// 1 while the database answers, set at each scrape.
    pub database_up: Gauge<i64>,
    /// 1 while the log takes events, set at each scrape.
    pub log_writable: Gauge<i64>,
    /// When the process started, in seconds since 1970.
    pub start_time_seconds: Gauge<u64, AtomicU64>,
    /// Spans that the collector took.
    pub trace_spans_sent: Counter,
    /// Spans that found no place in the queue, or that the collector didn't take.
    pub trace_spans_dropped: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("mrrd");
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The running version", build);
        let metrics = Self {
            registry: Registry::default(),
            webhooks: Family::default(),
            // 0.5 ms to 8 s: a commit takes a few milliseconds, a blocked disk seconds.
            webhook_seconds: Histogram::new(exponential_buckets(0.0005, 2.0, 15)),
            webhooks_all_refused: Family::default(),
            appended: Family::default(),
            trace_spans_sent: Counter::default(),
            trace_spans_dropped: Counter::default(),
            healed_events: Counter::default(),
            looked_up_objects: Counter::default(),
            refused_routes: Family::default(),
            alerts: Family::default(),
            deliveries: Family::default(),
            feed_refusals: Family::default(),
            feed_position: Family::default(),
            feed_waiting: Family::default(),
            connections: Gauge::default(),
            refused: Family::default(),
            log_events: Gauge::default(),
            log_last_seq: Gauge::default(),
            log_ignored_events: Gauge::default(),
            log_unreadable_events: Gauge::default(),
            reconciler_lag_events: Gauge::default(),
            drift: Family::default(),
            audited_seconds: Family::default(),
            append_waiting: Gauge::default(),
            question_bytes: Gauge::default(),
            body_bytes: Gauge::default(),
            alert_deliveries_waiting: Gauge::default(),
            alert_deliveries_failed: Gauge::default(),
            failed_tasks: Gauge::default(),
            database_up: Gauge::default(),
            log_writable: Gauge::default(),
            start_time_seconds: Gauge::default(),
        };
        registry.register("webhooks", "Webhooks answered, by endpoint and answer", metrics.webhooks.clone());
        registry.register(
            "webhook_seconds",
            "Time from a webhook's head to its answer",
            metrics.webhook_seconds.clone(),
        );
        registry.register(
            "webhooks_all_refused",
            "1 while an endpoint refuses webhooks for another reason than the log, and takes none: as `/api/v1/status` tells it",
            metrics.webhooks_all_refused.clone(),
        );
        registry.register(
            "events_appended",
            "Events appended by this process's webhooks, by what was read",
            metrics.appended.clone(),
        );
        registry.register(
            "healed_events",
            "Events fetched from Stripe's API that no webhook had brought",
            metrics.healed_events.clone(),
        );
        registry.register(
            "trace_spans_sent",
            "Spans of traces that the collector took",
            metrics.trace_spans_sent.clone(),
        );
        registry.register(
            "trace_spans_dropped",
            "Spans of traces that found no place, or that the collector did not take",
            metrics.trace_spans_dropped.clone(),
        );
        registry.register(
            "looked_up_objects",
            "Objects looked up at Stripe because events alone did not tell",
            metrics.looked_up_objects.clone(),
        );
        registry.register(
            "stripe_refused_requests",
            "Requests that Stripe refused in the last round of healing, by route",
            metrics.refused_routes.clone(),
        );
        registry.register("alerts", "Alerts raised by this process, by rule", metrics.alerts.clone());
        registry.register(
            "alert_deliveries",
            "Attempts to deliver an alert, by channel and what came of them",
            metrics.deliveries.clone(),
        );
        registry.register(
            "alert_deliveries_waiting",
            "Messages that wait for their channel",
            metrics.alert_deliveries_waiting.clone(),
        );
        registry.register(
            "alert_deliveries_failed",
            "Messages given up after a day, now in the outbox",
            metrics.alert_deliveries_failed.clone(),
        );
        registry.register(
            "feed_refusals",
            "Messages that a feed's other side did not take, by feed",
            metrics.feed_refusals.clone(),
        );
        registry.register(
            "feed_position",
            "The place of the last message that was taken, by feed",
            metrics.feed_position.clone(),
        );
        registry.register(
            "feed_waiting_messages",
            "Places of the list of messages that a feed has still to pass",
            metrics.feed_waiting.clone(),
        );
        registry.register("connections", "Connections open", metrics.connections.clone());
        registry.register("connections_refused", "Connections turned away or cut, by reason", metrics.refused.clone());
        registry.register("log_events", "Distinct events in the log", metrics.log_events.clone());
        registry.register("log_last_seq", "The log's greatest sequence number", metrics.log_last_seq.clone());
        registry.register(
            "log_ignored_events",
            "Events of types that are not read",
            metrics.log_ignored_events.clone(),
        );
        registry.register(
            "log_unreadable_events",
            "Events that should have yielded a fact and did not",
            metrics.log_unreadable_events.clone(),
        );
        registry.register(
            "reconciler_lag_events",
            "Events in the log that the ledger does not show yet",
            metrics.reconciler_lag_events.clone(),
        );
        registry.register(
            "ledger_drift_subscriptions",
            "Subscriptions that differed between Stripe and the ledger at the last audit",
            metrics.drift.clone(),
        );
        registry.register(
            "ledger_audited_seconds",
            "When the last audit ended, in seconds since 1970",
            metrics.audited_seconds.clone(),
        );
        registry.register(
            "question_bytes",
            "Bytes that questions to the API hold, as they are counted against their budget",
            metrics.question_bytes.clone(),
        );
        registry.register(
            "body_bytes",
            "Bytes that large bodies on their way in hold, as they are counted against their budget",
            metrics.body_bytes.clone(),
        );
        registry.register("append_waiting", "Webhooks waiting for their commit", metrics.append_waiting.clone());
        registry.register(
            "failed_tasks",
            "Tasks beside requests in this process whose last turn failed",
            metrics.failed_tasks.clone(),
        );
        registry.register("database_up", "1 while the database answers", metrics.database_up.clone());
        registry.register(
            "log_writable",
            "1 while events can be appended to the log: at 0 webhooks are answered 503",
            metrics.log_writable.clone(),
        );
        registry.register(
            "start_time_seconds",
            "When the process started, in seconds since 1970",
            metrics.start_time_seconds.clone(),
        );
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// Counts a connection that gave way to another.
    pub fn gave_way(&self) {
        self.refused.get_or_create(&ReasonLabels { reason: "idle" }).inc();
    }

    /// Shows whether an endpoint refuses webhooks and takes none.
    pub fn all_refused(&self, endpoint: &str, refuses: bool) {
        let labels = EndpointLabels { endpoint: endpoint.to_owned() };
        self.webhooks_all_refused.get_or_create(&labels).set(i64::from(refuses));
    }

    /// Counts a message that a feed's other side did not take.
    pub fn feed_refused(&self, feed: &str) {
        self.feed_refusals.get_or_create(&FeedLabels { feed: feed.to_owned() }).inc();
    }

    /// Shows how far a feed has come of a list that ends at `end`.
    pub fn feed_came(&self, feed: &str, taken: i64, end: i64) {
        let labels = FeedLabels { feed: feed.to_owned() };
        self.feed_position.get_or_create(&labels).set(taken);
        self.feed_waiting.get_or_create(&labels).set((end - taken).max(0));
        // A feed that was never refused shows 0, so that the first refusal is a rise.
        drop(self.feed_refusals.get_or_create(&labels));
    }

    /// Shows how many subscriptions the last audit left `differing`, and when; nothing is shown before there was one.
    pub fn audited(&self, differing: u64, at: UnixTime) {
        self.drift.get_or_create(&[]).set(i64::try_from(differing).unwrap_or(i64::MAX));
        self.audited_seconds.get_or_create(&[]).set(at.0);
    }

    /// Shows how many requests Stripe refuses now, by route, and no more those that it doesn't.
    pub fn refused(&self, requests_by_route: impl IntoIterator<Item = (String, u64)>) {
        self.refused_routes.clear();
        for (route, requests) in requests_by_route {
            let gauge = self.refused_routes.get_or_create(&RouteLabels { route });
            gauge.set(i64::try_from(requests).unwrap_or(i64::MAX));
        }
    }

    /// The Prometheus text of everything registered, and of `money` where it may be seen.
    pub fn text(&self, money: Option<&MoneyMetrics>) -> String {
        let mut text = String::new();
        let mut registries = std::iter::once(&self.registry).chain(money.map(|money| &money.registry));
        let written = registries.try_for_each(|registry| encode_registry(&mut text, registry));
        // Writing into a string can't fail; an encoder that gives up leaves what it wrote.
        if let Err(error) = written.and_then(|()| encode_eof(&mut text)) {
            tracing::error!(%error, "the metrics could not be written");
        }
        text
    }
}
