//! `GET /api/v1/status`: how far the log reaches, how far the ledger has come, and what couldn't be known.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Answer, json,
    query::{Nothing, Query},
    reports,
};
use crate::{
    api::{pulse, state::AppState},
    background::{Outcome, TaskStatus},
    event::Seq,
    history::refusals::Refusal,
    ledger::{outcome::QualityKind, time::UnixTime},
    receiver::intake::Refusing,
    report::ask::Ask,
};

/// How log, ledger and tasks of the daemon stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Status {
    /// The version of mrrd that answers.
    version: &'static str,
    /// The kind of its database: `sqlite` or `postgres`.
    database: &'static str,
    /// The instant of the answer.
    now: String,
    /// The profiles kept, the default one first.
    profiles: Vec<String>,
    /// The zone of the accounting day.
    timezone: String,
    /// What `currency=reporting` is converted into, and every answer is that names no currency; null where nothing is.
    reporting_currency: Option<String>,
    /// The currencies that have a ledger of their own.
    currencies: Vec<String>,
    /// What a question that doesn't say `livemode` is answered for: false where only test events tell of customers.
    livemode: bool,
    /// How far the event log has come.
    log: LogStatus,
    /// Endpoints of the process that answers that refuse webhooks for another reason than a log that can't be written, and take none.
    webhooks_refused: Vec<Refusing>,
    /// How far the ledger has come with the log.
    reconciler: ReconcilerStatus,
    /// What couldn't be known, under the default profile.
    quality: QualityStatus,
    /// Stripe's API, where a key is set.
    stripe: StripeStatus,
    /// What runs beside requests in the process that answers, by name.
    tasks: Vec<TaskEntry>,
}

/// A task that runs beside requests: the reconciler, alerts, each channel of the outbox, feeds, the healer, the sealer and others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct TaskEntry {
    /// `reconciler`, `alerts`, `outbox:CHANNEL`, `feeds`, `feed:NAME`, `healer`, `sealer`, `months`, `names`, ….
    name: String,
    /// When its last turn began; null before the first.
    last_run_at: Option<String>,
    /// What its last whole turn came to: `done`, `standing_by` (another process does the work) or `failed`; null before the
    /// first one ended.
    last_outcome: Option<&'static str>,
    /// When its next turn begins at the latest: most are woken earlier by what they wait for. Null while a turn runs, and when
    /// there is no next one.
    next_run_at: Option<String>,
    /// Why its last whole turn failed; null where it didn't.
    error: Option<String>,
}

impl From<TaskStatus> for TaskEntry {
    fn from(task: TaskStatus) -> Self {
        let TaskStatus { name, last_run_at, outcome, next_run_at, error } = task;
        let instant = |at: Option<UnixTime>| at.map(|at| at.to_string());
        let last_outcome = outcome.map(Outcome::as_str);
        Self { name, last_run_at: instant(last_run_at), last_outcome, next_run_at: instant(next_run_at), error }
    }
}

/// What Stripe's API refuses: healing goes on without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct StripeStatus {
    /// By route; empty where nothing is refused, or nothing was asked within a day.
    refused: Vec<RefusedRoute>,
}

/// A route of Stripe's API that refuses what mrrd asks of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct RefusedRoute {
    /// The route of Stripe's API, such as `GET /v1/subscriptions/{id}`.
    route: String,
    /// Requests that were refused, or not even made for that reason, in the last round of healing that asked.
    requests: u64,
    /// What Stripe said last, and what to do.
    reason: String,
    /// Since when it has refused them.
    since: String,
    /// When it was refused last.
    last: String,
}

impl From<Refusal> for RefusedRoute {
    fn from(Refusal { route, reason, requests, since, last }: Refusal) -> Self {
        Self { route, requests, reason, since: since.to_string(), last: last.to_string() }
    }
}

/// How far the event log has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct LogStatus {
    /// How many events the log holds: one that came in several shapes is counted once, as everywhere where events are counted.
    events: i64,
    /// In how many further shapes these came. `/api/v1/events` lists each shape by itself: `events` and `variants` together.
    variants: i64,
    /// The last place in the log.
    #[schema(value_type = i64)]
    last_seq: Seq,
    /// Why nothing can be appended to it now, so that webhooks are answered 503; null while it can.
    #[schema(value_type = Option<String>)]
    refuses: Option<Arc<str>>,
}

/// How far the ledger has come with the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct ReconcilerStatus {
    /// Everything up to here is in the figures.
    #[schema(value_type = i64)]
    applied_seq: Seq,
    /// How far the figures are behind the log as of this request; 0: whatever was acknowledged before it is in them.
    lag_events: i64,
    /// When the reconciler of this process last looked; null where another process does the work.
    last_run_at: Option<String>,
}

/// How much couldn't be known, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct QualityStatus {
    /// Events of a type mrrd reads, without a fact.
    unreadable_events: i64,
    /// Events of types mrrd doesn't read.
    ignored_events: i64,
    /// Thin events: kept, and each points to an object that it doesn't carry.
    thin_events: i64,
    /// Items whose amount isn't known.
    unpriced_items: i64,
    /// Items that count an estimate.
    estimated_items: i64,
    /// Discounts whose terms aren't known.
    unresolved_discounts: i64,
    /// Chains of snapshots that break.
    gaps: i64,
    /// Orders that only an event's id could settle.
    unresolved_ties: i64,
    /// Changes that should have come and haven't.
    overdue: i64,
    /// Inclusive prices whose tax rate isn't known.
    tax_unknown: i64,
    /// Statuses and values mrrd doesn't know.
    unknown_values: i64,
    /// Customers whose ledger in the reporting currency ends for want of an exchange rate.
    missing_rates: i64,
    /// Stretches before the log began that invoices leave open.
    unclear_past: i64,
    /// Discounts known only by their id, read off the invoice lines that show them.
    discounts_estimated: i64,
    /// Discounts whose duration is told nowhere, and was read off when they went.
    durations_inferred: i64,
}

/// How far log and ledger have come.
#[utoipa::path(get, path = "/api/v1/status", tag = "status", responses((status = 200, body = Status)))]
pub(super) async fn status(State(state): State<AppState>, _: Query<Nothing>) -> Answer {
    let now = state.clock.now();
    let ledger = &state.config.ledger;
    // The log's end before the ledger's: what is acknowledged in between may count as lag, never the other way round.
    let head = state.store.log.head().await?;
    let applied_seq = state.store.derived.applied_seq().await?;
    let mut quality = QualityStatus {
        unreadable_events: head.unreadable,
        ignored_events: head.ignored,
        thin_events: head.thin,
        ..QualityStatus::default()
    };
    if let Some(profile) = ledger.profiles.first() {
        let kept = ledger.reporting_currency.map_or_else(|| profile.clone(), |currency| profile.reporting(currency));
        for (kind, count) in state.store.derived.quality_counts(&kept.name, now).await? {
            *quality.count(kind) = count;
        }
    }
    let currencies = reports(&state).currencies(&Ask::default()).await?;
    let livemode = reports(&state).livemode_so_far(&Ask::default()).await?;
    Ok(json(&Status {
        version: env!("CARGO_PKG_VERSION"),
        database: state.store.kind(),
        now: now.to_string(),
        profiles: ledger.profiles.iter().map(|profile| profile.name.as_ref().to_owned()).collect(),
        timezone: ledger.timezone.clone(),
        reporting_currency: ledger.reporting_currency.map(|currency| currency.to_string()),
        currencies: currencies.iter().map(ToString::to_string).collect(),
        livemode,
        log: LogStatus {
            events: head.events,
            variants: head.variants,
            last_seq: head.last_seq,
            refuses: pulse::refuses(&state.store).await,
        },
        webhooks_refused: state.intake.refusing(now),
        reconciler: ReconcilerStatus {
            applied_seq,
            lag_events: head.last_seq.distance(applied_seq),
            last_run_at: state.reconciler.status().last_run_at.map(|at| at.to_string()),
        },
        quality,
        tasks: state.tasks.status().into_iter().map(TaskEntry::from).collect(),
        stripe: StripeStatus {
            refused: Refusal::current(&state.store.records).await?.into_iter().map(RefusedRoute::from).collect(),
        },
    }))
}

impl QualityStatus {
    fn count(&mut self, kind: QualityKind) -> &mut i64 {
        match kind {
            QualityKind::UnpricedItem => &mut self.unpriced_items,
            QualityKind::EstimatedItem => &mut self.estimated_items,
            QualityKind::UnresolvedDiscount => &mut self.unresolved_discounts,
            QualityKind::Gap => &mut self.gaps,
            QualityKind::UnresolvedTie => &mut self.unresolved_ties,
            QualityKind::Overdue => &mut self.overdue,
            QualityKind::TaxUnknown => &mut self.tax_unknown,
            QualityKind::UnknownValue => &mut self.unknown_values,
            QualityKind::MissingRate => &mut self.missing_rates,
            QualityKind::UnclearPast => &mut self.unclear_past,
            QualityKind::DiscountEstimated => &mut self.discounts_estimated,
            QualityKind::DurationInferred => &mut self.durations_inferred,
        }
    }
}
