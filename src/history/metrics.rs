//! Stripe's own MRR, month by month and customer by customer, fetched from its Metrics API and held against the ledger; hourly in
//! `serve` where `stripe.metrics_audit` is on.

use std::{collections::BTreeMap, sync::Arc};

use thiserror::Error;
use tokio::sync::watch;

use crate::{
    alerts::drift::{self, Found},
    background::{Task, Turn, Words},
    clock::Clock,
    config::Config,
    ledger::{
        money::{Currency, Mrr},
        profile::Profile,
        time::{UnixTime, Zone},
    },
    limits,
    report::{
        ask::Ask,
        last_audit::LastAudit,
        month::Month,
        service::{AskError, Reports},
        stripe_audit::ExportAudit,
        stripe_export::{Export, ExportPeriod, Form, Said},
    },
    store::{ReadStore, StoreError},
    stripe::{
        client::{ApiError, Client},
        metric_query::{MonthAsked, PATH, VERSION},
    },
};

/// Why Stripe's figures couldn't be held against the ledger's.
#[derive(Debug, Error)]
pub enum MetricsError {
    /// The account wasn't let into the preview, or the key may not read it.
    #[error(
        "{0}\nThe Metrics API is a preview: is it open to this account, and may the key read it? See \
         https://docs.stripe.com/data/metrics"
    )]
    Closed(ApiError),
    /// Stripe's API refused for another reason, didn't answer, or answered something else.
    #[error(transparent)]
    Api(ApiError),
    /// Stripe's figures don't reach to the end of the month yet.
    #[error("Stripe's figures are of {refreshed_at}: {month} isn't whole there yet; ask again later")]
    Stale {
        /// How fresh they are.
        refreshed_at: UnixTime,
        /// Which month was asked for.
        month: Month,
    },
    /// Stripe tells everything in one currency, and the ledger doesn't say which.
    #[error(
        "Stripe tells everything in one currency: choose one of {0} with --currency, or set ledger.reporting_currency"
    )]
    Currency(String),
    /// There is nothing to hold against Stripe's figures.
    #[error("the ledger has no customers to hold against Stripe's figures")]
    Nobody,
    /// The question couldn't be written.
    #[error("the question can't be written: {0}")]
    Question(#[from] serde_json::Error),
    /// The ledger couldn't answer the question.
    #[error(transparent)]
    Ledger(#[from] AskError),
    /// The records couldn't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ApiError> for MetricsError {
    fn from(error: ApiError) -> Self {
        // A preview that isn't open looks like a route that isn't there.
        match &error {
            ApiError::Missing { .. } | ApiError::Permission { .. } | ApiError::Refused { status: 400..=404, .. } => {
                Self::Closed(error)
            }
            _ => Self::Api(error),
        }
    }
}

/// What is held against each other.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    /// The rules of the ledger's side.
    pub profile: &'a Profile,
    /// Into which Stripe converts; the reporting currency, or the ledger's only one, without it.
    pub currency: Option<Currency>,
    /// How many whole months before the running one.
    pub months: u32,
}

/// What was found, in which currency, and how fresh Stripe's side of it is.
#[derive(Clone, Debug)]
pub struct Audited {
    /// What agrees, what differs, and why.
    pub audit: ExportAudit,
    /// The currency of every figure.
    pub currency: Currency,
    /// When the oldest of Stripe's answers was true.
    pub refreshed_at: UnixTime,
}

/// Holds the ledger against Stripe's own figures; `told` hears of each month before it is fetched.
pub async fn audit(
    client: &Client,
    reports: &Reports<'_>,
    span: Span<'_>,
    mut told: impl FnMut(Month),
) -> Result<Audited, MetricsError> {
    let question = Ask { livemode: Some(client.mode() == "live"), ..Ask::default() };
    let currency = match span.currency.or(reports.ledger.reporting_currency) {
        Some(currency) => currency,
        None => only_currency(reports, &question).await?,
    };
    let zone = &reports.ledger.zone;
    let mut export = Export { form: Form::PerMonth, places: Vec::new(), said: BTreeMap::new(), names_all: true };
    let (mut month, mut refreshed_at) = (Month::of(zone.day(reports.now)), reports.now);
    for _ in 0..span.months {
        month = Month::of(month.first().before());
        told(month);
        refreshed_at = refreshed_at.min(add_month(client, zone, currency, month, &mut export).await?);
    }
    export.places.reverse();
    let audit = reports.against_export(&question, span.profile, &export).await?;
    Ok(Audited { audit, currency, refreshed_at })
}

/// Adds what Stripe says of a month; answers how fresh that is.
async fn add_month(
    client: &Client,
    zone: &Zone,
    currency: Currency,
    month: Month,
    export: &mut Export,
) -> Result<UnixTime, MetricsError> {
    let question = MonthAsked { first: month.first(), last: month.last(), zone, currency };
    let answer = client.query(PATH, VERSION, question.body()?).await?;
    let unreadable = |reason| MetricsError::Api(ApiError::Unreadable { path: PATH.to_owned(), reason });
    let told = question.read(&answer.body).map_err(unreadable)?;
    if told.refreshed_at < zone.end_of(month.last()) {
        return Err(MetricsError::Stale { refreshed_at: told.refreshed_at, month });
    }
    let place = ExportPeriod::Month(month);
    export.places.push(place);
    for (customer, minor) in told.mrr {
        let said = Said { amount: Mrr(i128::from(minor) * Mrr::MINOR), kind: None, rows: 1 };
        export.said.insert((customer, currency, place), said);
    }
    Ok(told.refreshed_at)
}

async fn only_currency(reports: &Reports<'_>, question: &Ask) -> Result<Currency, MetricsError> {
    let currencies = reports.currencies(question).await?;
    let mut all = currencies.iter();
    match (all.next(), all.next()) {
        (Some(only), None) => Ok(*only),
        (None, _) => Err(MetricsError::Nobody),
        _ => Err(MetricsError::Currency(currencies.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))),
    }
}

/// The task that does so hourly for the last whole month, under the profile `stripe`. Two processes at it ask twice, to the same
/// end.
pub struct MetricsAudit {
    /// The client that asks Stripe's API.
    pub client: Client,
    /// What is read, and whose records keep what was found.
    pub store: ReadStore,
    /// The rules.
    pub config: Arc<Config>,
    /// Tells which month is the last whole one.
    pub clock: Clock,
}

impl MetricsAudit {
    async fn hold(&self) -> Result<(), MetricsError> {
        let ledger = &self.config.ledger;
        let Some(profile) = ledger.named("stripe") else { return Ok(()) };
        let now = self.clock.now();
        let reports = Reports::new(&self.store, ledger, now);
        let span = Span { profile, currency: None, months: 1 };
        let Audited { audit, .. } = audit(&self.client, &reports, span, |_| {}).await?;
        LastAudit::new(&audit, "metrics", now).keep(&self.store.records).await?;
        let differing = audit.differences.len();
        if differing > 0 {
            tracing::info!(differing, "figures differ from Stripe's own: `mrrd audit --metrics` says why");
        }
        // A setting of Stripe's Dashboard is no drift; an event that is missing is.
        let missing = audit.differences.iter().filter(|one| one.reason.kind == "missing_event");
        let missing: Vec<_> = missing.collect();
        let difference = missing.first().map(|first| {
            format!(
                "Stripe's own MRR differs for {} figures that no setting explains; first {} of {}: {}",
                missing.len(),
                first.customer,
                first.at,
                first.reason.text
            )
        });
        Ok(drift::keep(&self.store.records, "metrics", &Found { at: now, difference }).await?)
    }
}

impl Task for MetricsAudit {
    fn name(&self) -> String {
        "metrics audit".into()
    }

    fn words(&self) -> Words {
        // It may stay closed for days.
        Words::Once("the figures could not be held against Stripe's own")
    }

    async fn turn(&mut self, _: &watch::Receiver<bool>) -> Turn {
        match self.hold().await {
            // At the turn of a month Stripe is behind for a while.
            Ok(()) | Err(MetricsError::Stale { .. } | MetricsError::Nobody) => {
                Turn::done(limits::METRICS_AUDIT_INTERVAL)
            }
            Err(error) => Turn::failed(error, limits::METRICS_AUDIT_INTERVAL),
        }
    }
}
