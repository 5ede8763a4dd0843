//! `GET /api/v1/health`: how the daemon itself stands: what comes in, how far the work behind it is, what lies on disk.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Answer, json,
    query::{Nothing, Query},
};
use crate::{
    api::state::AppState,
    config::{Names, Role},
    event::{EventRow, Seq, Source},
    history::drift::Drift,
};

/// Where Stripe's webhooks are taken.
const WEBHOOKS: &str = "/webhooks/stripe";

/// How the daemon stands, for whoever watches it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Health {
    /// The roles of this process.
    roles: Vec<&'static str>,
    /// When this process started.
    started_at: String,
    /// Where Stripe's webhooks are taken.
    endpoints: Vec<EndpointEntry>,
    /// The newest event of each way in; null where none came that way.
    newest: Newest,
    /// The work behind the webhooks.
    work: Work,
    /// The last audit against Stripe's API; null where there was none.
    drift: Option<DriftEntry>,
    /// How many bytes the files or tables take on disk.
    sizes: Sizes,
}

/// A route on which webhooks are taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct EndpointEntry {
    /// Its address on this daemon.
    path: String,
    /// The account it belongs to; null for the default one.
    account: Option<String>,
}

/// The newest event by each way in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Newest {
    /// The newest that Stripe posted; null where there is none.
    webhook: Option<Arrived>,
    /// The newest read from a file; null where there is none.
    replay: Option<Arrived>,
    /// The newest answer of Stripe's API; null where there is none.
    api: Option<Arrived>,
}

/// An event of the log, as it arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Arrived {
    /// Stripe's id of it, `evt_…`.
    id: String,
    /// Stripe's type of event, such as `invoice.paid`.
    #[serde(rename = "type")]
    kind: String,
    /// When Stripe made it, by its own `created`; null of an event that has none.
    #[schema(required = true)]
    created: Option<String>,
    /// When it was received, by mrrd's clock.
    received_at: String,
}

/// How far each task has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Work {
    /// The last place in the log.
    #[schema(value_type = i64)]
    last_seq: Seq,
    /// In the figures up to here.
    #[schema(value_type = i64)]
    applied_seq: Seq,
    /// Customers that wait to be recomputed.
    waiting_customers: u64,
    /// Sealed up to here: what lies behind is sealed within seconds.
    #[schema(value_type = i64)]
    sealed_seq: Seq,
    /// Names of customers read up to here; null where they aren't shown (privacy.show_names).
    #[schema(value_type = Option<i64>)]
    names_seq: Option<Seq>,
    /// Generations of derived tables: more than one while the ledger is being rebuilt.
    generations: usize,
    /// Alerts' messages that wait for their channel.
    messages_waiting: i64,
    /// Messages of alerts that were given up.
    messages_failed: i64,
    /// Appends that wait for the log.
    appends_waiting: usize,
}

/// What the last audit left differing between Stripe and the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct DriftEntry {
    /// How many seconds ago it ended.
    age_seconds: i64,
    /// Subscriptions held against the ledger.
    subscriptions: u64,
    /// Of these, how many differ still.
    differing: u64,
}

/// Bytes on disk, as the database counts its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Sizes {
    /// The log; on PostgreSQL all of the database.
    log_bytes: i64,
    /// What is derived from it; null on PostgreSQL, where both lie together.
    derived_bytes: Option<i64>,
}

/// What comes in, how far the work behind it is, and what lies on disk.
#[utoipa::path(get, path = "/api/v1/health", tag = "status", responses((status = 200, body = Health)))]
pub(super) async fn health(State(state): State<AppState>, _: Query<Nothing>) -> Answer {
    let (store, config) = (&state.store, &state.config);
    let newest = async |source: Source| store.log.newest_of(source).await.map(|row| row.as_ref().map(Arrived::from));
    let newest = Newest {
        webhook: newest(Source::Webhook).await?,
        replay: newest(Source::Replay).await?,
        api: newest(Source::Api).await?,
    };
    let last_seq = store.log.end().await?;
    let applied_seq = store.derived.applied_seq().await?;
    let generations = store.derived.generations().await?;
    let waiting_customers = match generations.iter().find(|generation| generation.current) {
        Some(current) => store.derived.waiting(current.id).await?,
        None => 0,
    };
    let outbox = store.records.outbox_counts().await?;
    let names_seq = match config.privacy.names {
        Names::Shown => Some(store.derived.names_position().await?),
        Names::Hidden => None,
    };
    let (log_bytes, derived_bytes) = store.sizes().await?;
    let own = EndpointEntry { path: WEBHOOKS.into(), account: None };
    let named = config.stripe.endpoints.iter().map(|(name, endpoint)| EndpointEntry {
        path: format!("{}/{name}", WEBHOOKS),
        account: endpoint.account.as_ref().map(ToString::to_string),
    });
    let now = state.clock.now();
    let started = i64::try_from(state.metrics.start_time_seconds.get()).unwrap_or(now.0);
    Ok(json(&Health {
        roles: config.server.roles.iter().map(|role: &Role| role.as_str()).collect(),
        started_at: crate::ledger::time::UnixTime(started).to_string(),
        endpoints: std::iter::once(own).chain(named).collect(),
        newest,
        work: Work {
            last_seq,
            applied_seq,
            waiting_customers,
            sealed_seq: store.log.sealed_to().await?,
            names_seq,
            generations: generations.len(),
            messages_waiting: outbox.waiting,
            messages_failed: outbox.failed,
            appends_waiting: state.appender.waiting(),
        },
        drift: Drift::last(&store.records).await?.map(|drift| DriftEntry {
            age_seconds: now.0 - drift.at.0,
            subscriptions: drift.subscriptions,
            differing: drift.differing,
        }),
        sizes: Sizes { log_bytes, derived_bytes },
    }))
}

impl From<&EventRow> for Arrived {
    fn from(row: &EventRow) -> Self {
        Self {
            id: row.id.to_string(),
            kind: row.kind.clone(),
            created: row.made_at().map(|at| at.to_string()),
            received_at: row.received_at.to_string(),
        }
    }
}
