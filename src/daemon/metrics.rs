//! `/metrics`: counters of what happened, gauges that are looked up when somebody looks, and money for a token's bearer.

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::header;

use crate::{
    api::state::AppState,
    background::Outcome,
    budget,
    event::Seq,
    feeds::FeedProgress,
    history::{drift::Drift, refusals::Refusal},
    limits,
    report::{
        ask::Ask,
        period::Interval,
        service::{AskError, Reports},
    },
    store::{StoreError, Work, log::LogHead, records::alerts::OutboxCounts},
    telemetry::{
        exposition::Exposition,
        money::{LedgerLabels, MoneyMetrics},
    },
};

/// The Prometheus text, or OpenMetrics where `Accept` asks for that. Nobody is refused; money is shown only with a token or a session, on this machine too (docs/interface.md 1).
pub(super) async fn metrics(State(state): State<AppState>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    measure(&state).await;
    let money = if state.access.admit(&head).await.is_ok() { money(&state).await } else { None };
    let accept = head.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let exposition = Exposition::accepted(accept);
    // Money is for a token's bearer: no cache keeps it for another.
    let fields = [
        (header::CONTENT_TYPE, exposition.content_type()),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "accept, authorization, cookie"),
    ];
    (fields, exposition.written(state.metrics.text(money.as_ref()))).into_response()
}

/// Sets the gauges that are looked up. A database that is away is a figure too, not an error.
async fn measure(state: &AppState) {
    let metrics = &state.metrics;
    metrics.question_bytes.set(i64::try_from(budget::held()).unwrap_or(i64::MAX));
    metrics.body_bytes.set(i64::try_from(state.bodies.held()).unwrap_or(i64::MAX));
    metrics.append_waiting.set(i64::try_from(state.appender.waiting()).unwrap_or(i64::MAX));
    let failed = state.tasks.status().into_iter().filter(|task| task.outcome == Some(Outcome::Failed)).count();
    metrics.failed_tasks.set(i64::try_from(failed).unwrap_or(i64::MAX));
    let refusing = state.intake.refusing(state.clock.now());
    for endpoint in state.intake.endpoints() {
        metrics.all_refused(endpoint, refusing.iter().any(|one| one.endpoint == endpoint));
    }
    let (looked, appending) = tokio::join!(
        tokio::time::timeout(limits::SCRAPE_WAIT, look(state)),
        tokio::time::timeout(limits::SCRAPE_WAIT, state.store.ready(Work::Appending)),
    );
    metrics.log_writable.set(i64::from(matches!(appending, Ok(Ok(())))));
    metrics.database_up.set(i64::from(matches!(looked, Ok(Ok(_)))));
    match looked {
        Ok(Ok(Looked { head, applied_seq, outbox, drift, refused, feeds })) => {
            feeds.iter().for_each(|(name, taken, end)| metrics.feed_came(name, *taken, *end));
            metrics.refused(refused.into_iter().map(|refusal| (refusal.route, refusal.requests)));
            metrics.alert_deliveries_waiting.set(outbox.waiting);
            metrics.alert_deliveries_failed.set(outbox.failed);
            drift.into_iter().for_each(|drift| metrics.audited(drift.differing, drift.at));
            metrics.log_events.set(head.events);
            metrics.log_last_seq.set(head.last_seq.0);
            metrics.log_ignored_events.set(head.ignored);
            metrics.log_unreadable_events.set(head.unreadable);
            metrics.reconciler_lag_events.set(head.last_seq.distance(applied_seq));
        }
        Ok(Err(error)) => tracing::warn!(%error, "the database does not answer"),
        Err(_) => tracing::warn!("the database did not answer in time"),
    }
}

/// The log's end before the ledger's, as in `/api/v1/status`.
async fn look(state: &AppState) -> Result<Looked, StoreError> {
    let store = &state.store;
    store.ready(Work::Answering).await?;
    let head = store.log.head().await?;
    let (applied_seq, outbox) = (store.derived.applied_seq().await?, store.records.outbox_counts().await?);
    let (drift, refused) = (Drift::last(&store.records).await?, Refusal::current(&store.records).await?);
    let mut feeds = Vec::new();
    if !state.config.feeds.is_empty() {
        let end = store.records.feed_end().await?;
        for name in state.config.feeds.keys() {
            let taken =
                store.records.progress(&FeedProgress::for_feed(name).taken()).await?.and_then(|at| at.parse().ok());
            feeds.push((name.clone(), taken.unwrap_or(0), end));
        }
    }
    Ok(Looked { head, applied_seq, outbox, drift, refused, feeds })
}

/// What is looked up for a scrape.
struct Looked {
    head: LogHead,
    applied_seq: Seq,
    outbox: OutboxCounts,
    drift: Option<Drift>,
    refused: Vec<Refusal>,
    /// Each feed, how far it has come, and how far it has to come.
    feeds: Vec<(String, i64, i64)>,
}

/// The present of every profile; `None`, and a line in the log, where it can't be told.
async fn money(state: &AppState) -> Option<MoneyMetrics> {
    match tokio::time::timeout(limits::SCRAPE_WAIT, present(state)).await {
        Ok(Ok(money)) => return Some(money),
        Ok(Err(error)) => tracing::warn!(%error, "no money can be shown on /metrics"),
        Err(_) => tracing::warn!("no money is shown on /metrics: the database did not answer in time"),
    }
    None
}

async fn present(state: &AppState) -> Result<MoneyMetrics, AskError> {
    let ledger = &state.config.ledger;
    let reports = Reports::new(&state.store, ledger, state.clock.now());
    let today = Some(ledger.zone.day(reports.now));
    let metrics = MoneyMetrics::default();
    for profile in &ledger.profiles {
        let profile = profile.name.as_ref().to_owned();
        let ask =
            Ask { from: today, to: today, interval: Interval::Day, profile: Some(profile.clone()), ..Ask::default() };
        for entry in reports.mrr(&ask).await?.data {
            let labels = LedgerLabels { profile: profile.clone(), currency: entry.currency.to_string() };
            for (family, value) in [
                (&metrics.mrr, entry.closing),
                (&metrics.at_risk, entry.at_risk),
                (&metrics.scheduled_churn, entry.scheduled_churn),
                (&metrics.customers, entry.customers.unwrap_or_default().into()),
            ] {
                // A gauge that can't hold it is left out: what isn't known is never 0.
                if let Ok(value) = i64::try_from(value) {
                    family.get_or_create(&labels).set(value);
                }
            }
        }
    }
    Ok(metrics)
}
