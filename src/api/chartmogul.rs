//! `GET /v1/metrics/…` and `/v1/customers/…/activities`: the ledger in ChartMogul's shapes, for its client libraries.

use axum::extract::State;

use super::{
    Answer, ApiProblem, json, ledger_status, movements, noticed,
    params::LedgerQuery,
    query::{Query, parameters},
    reports,
    sent::Named,
    values::PageSize,
};
use crate::{
    api::state::AppState,
    ledger::{ids::CustomerId, time::Day},
    report::{
        ask::{Ask, InCurrency},
        chartmogul::{Activities, Activity, Figure, Series},
        ledger_status::LedgerStatus,
        period::Interval,
    },
    store::derived::reports::{MovementFilter, Order},
};

const LIST: &str = "activities";
/// The most entries a page has, and how many it has where nothing is asked for.
pub(super) const PER_PAGE: i64 = 200;

parameters! {
    /// What the metrics in ChartMogul's shapes are asked for.
    pub(super) struct ChartMogulQuery {
        /// First day; the ledger's first without it.
        ["start-date"] start_date: Option<Day>,
        /// Last day, inclusive; the end of the running period without it.
        ["end-date"] end_date: Option<Day>,
        /// `day`, `week`, `month` (the default), `quarter` or `year`.
        interval: Option<Interval>,
        ledger: LedgerQuery,
    }
}

parameters! {
    /// Which of a customer's movements are listed.
    pub(super) struct ActivityQuery {
        /// Entries a page, 200 at most and without it.
        ["per-page"] per_page: PageSize<PER_PAGE, PER_PAGE>,
        /// The `cursor` of the page before.
        cursor: Option<String>,
        ledger: LedgerQuery,
    }
}

/// One of `mrr`, `arr`, `arpa`, `asp`, `customer-count`, `customer-churn-rate`, `mrr-churn-rate` and `ltv`, or `all`.
#[utoipa::path(get, path = "/v1/metrics/{metric}", operation_id = "chartmogul_metrics", tag = "chartmogul",
    params(("metric" = String, Path, description = "which figure, or `all`"), ChartMogulQuery),
    responses((status = 200, body = Series), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn metrics(
    State(state): State<AppState>,
    Named(metric): Named,
    Query(query): Query<ChartMogulQuery>,
) -> Answer {
    let figure = match metric.as_str() {
        "all" => None,
        name => match Figure::ALL.into_iter().find(|figure| figure.route() == name) {
            Some(figure) => Some(figure),
            None => return Err(ApiProblem::NotFound { what: "metric", id: metric, hint: None }),
        },
    };
    let ask = Ask {
        from: query.start_date,
        to: query.end_date,
        interval: query.interval.unwrap_or_default(),
        ..query.ledger.ask()
    };
    let notices = ledger_status(&state, &ask).await?.as_ref().map(LedgerStatus::notices).unwrap_or_default();
    let reports = reports(&state);
    let answer = reports.metrics(&ask).await?;
    // All that is asked for is of one ledger: the converted one, or that of the only currency there is.
    let currency = match (answer.converted, answer.currency.as_deref().and_then(|code| code.parse().ok())) {
        (true, _) => InCurrency::Reporting,
        (false, Some(own)) => InCurrency::Own(own),
        (false, None) if answer.data.is_empty() => {
            let notices = [notices, reports.why_empty(&ask).await?].concat();
            return Ok(noticed(json(&Series::of_all(&[], &[]).told_of(&answer)), &notices));
        }
        (false, None) => {
            return Err(ApiProblem::parameter("currency", "this ledger holds several currencies: name one"));
        }
    };
    let ask = Ask { currency: Some(currency), ..ask };
    let windows = reports.last_days(&ask, WINDOW_DAYS).await?;
    let lines = if figure == Some(Figure::Mrr) { reports.mrr(&ask).await?.data } else { Vec::new() };
    let series = match figure {
        Some(figure) => Series::of_one(figure, &answer.data, &windows.data, &lines),
        None => Series::of_all(&answer.data, &windows.data),
    };
    Ok(noticed(json(&series.told_of(&answer)), &notices))
}

/// A summary compares this many days with as many before.
const WINDOW_DAYS: i32 = 30;

/// A customer's movements; `uuid` is its `cus_…`.
#[utoipa::path(get, path = "/v1/customers/{uuid}/activities", operation_id = "chartmogul_activities", tag = "chartmogul",
    params(("uuid" = String, Path, description = "`cus_…`"), ActivityQuery),
    responses((status = 200, body = Activities), (status = 404, body = super::document::ProblemBody)))]
pub(super) async fn activities(
    State(state): State<AppState>,
    Named(uuid): Named,
    Query(query): Query<ActivityQuery>,
) -> Answer {
    let (ask, PageSize(per_page)) = (query.ledger.ask(), query.per_page);
    let after = movements::read_key(LIST, query.cursor.as_deref())?;
    let notices = ledger_status(&state, &ask).await?.as_ref().map(LedgerStatus::notices).unwrap_or_default();
    let (reports, customer) = (reports(&state), CustomerId::new(uuid.as_str()));
    let Some(row) = reports.customer(&ask, &customer).await? else {
        return Err(ApiProblem::NotFound { what: "customer", id: uuid, hint: None });
    };
    let filter = MovementFilter { customer: Some(row.customer), ..MovementFilter::default() };
    let (rows, next) = reports.movements(&ask, &filter, Order::Ascending, after.as_ref(), per_page).await?;
    let answer = json(&Activities {
        converted: reports.reporting(&ask).is_some(),
        entries: rows.iter().filter_map(Activity::from_row).collect(),
        has_more: next.is_some(),
        per_page,
        cursor: next.as_ref().map(|key| movements::write_key(LIST, key)),
    });
    Ok(noticed(answer, &notices))
}
