//! `GET /api/v1/metrics` and `/api/v1/cohorts`: rates, each with what it was made of.

use axum::extract::State;

use super::{
    Answer, Asked, Told, ledger_status,
    params::{FormatQuery, LedgerQuery, SegmentQuery, SpanQuery},
    query::{Query, parameters},
    reports, told, told_with,
};
use crate::{
    api::state::AppState,
    ledger::time::Day,
    report::{
        ask::{Ask, Basis},
        cohorts::CohortsAnswer,
        metrics::MetricsAnswer,
        period::Interval,
    },
};

parameters! {
    /// What metrics are asked for.
    pub(super) struct MetricsQuery {
        span: SpanQuery,
        /// `day`, `week`, `month` (the default), `quarter` or `year`.
        interval: Option<Interval>,
        /// `restated` (the default), or `closed`: closed months as they were when they were closed, with `interval=month`.
        basis: Option<Basis>,
        segment: SegmentQuery,
        ledger: LedgerQuery,
        format: FormatQuery,
    }
}

parameters! {
    /// Which cohorts are asked for.
    pub(super) struct CohortQuery {
        /// Cohorts of this day's month and later.
        from: Option<Day>,
        /// Cohorts of this day's month and earlier.
        to: Option<Day>,
        segment: SegmentQuery,
        ledger: LedgerQuery,
        format: FormatQuery,
    }
}

/// ARR, ARPA, retention, churn, quick ratio, LTV and trial conversion of each period.
#[utoipa::path(get, path = "/api/v1/metrics", tag = "figures", params(MetricsQuery),
    responses((status = 200, body = Told<MetricsAnswer>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn metrics(State(state): State<AppState>, Query(query): Query<MetricsQuery>) -> Answer {
    let ask = Ask {
        interval: query.interval.unwrap_or_default(),
        basis: query.basis.unwrap_or_default(),
        ..query.segment.of(query.span.within(query.ledger.ask()))?
    };
    let ledger_status = ledger_status(&state, &ask).await?;
    let report = reports(&state).metrics(&ask).await?;
    let (is_empty, notice) = (report.data.is_empty(), report.notice());
    let asked = Asked { ask: &ask, ledger_status };
    told_with(&state, asked, query.format.wanted()?, report, is_empty, notice, MetricsAnswer::table).await
}

/// Customers by the month of their first MRR, and what is left of them by month of age.
#[utoipa::path(get, path = "/api/v1/cohorts", tag = "figures", params(CohortQuery),
    responses((status = 200, body = Told<CohortsAnswer>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn cohorts(State(state): State<AppState>, Query(query): Query<CohortQuery>) -> Answer {
    let ask = Ask { from: query.from, to: query.to, ..query.segment.of(query.ledger.ask())? };
    let ledger_status = ledger_status(&state, &ask).await?;
    let report = reports(&state).cohorts(&ask).await?;
    let is_empty = report.data.is_empty();
    told(&state, Asked { ask: &ask, ledger_status }, query.format.wanted()?, report, is_empty, CohortsAnswer::table)
        .await
}
