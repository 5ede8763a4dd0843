//! `GET /api/v1/alerts/backtest`: which alerts the account's own history would have raised, and what it expected.

use axum::extract::{RawQuery, State};

use super::{Answer, ApiProblem, json, params::Params, reports};
use crate::{
    alerts::{backtest, history},
    report::{ReportError, service::AskError},
    server::state::AppState,
};

/// The rules replayed over history, each day judged with what was known on it: alerts, how often chance alone would bring as
/// many, customers lost by month, and week by week what was expected and what came.
#[utoipa::path(get, path = "/api/v1/alerts/backtest", tag = "alerts",
    params(("from" = Option<String>, Query, description = "first day to tell of; what lies before is learnt from"),
           ("to" = Option<String>, Query, description = "last day; today without it"),
           ("false_alerts" = Option<f64>, Query, description = "false alerts a year each rule may bring, from 0.05 to 12"),
           ("profile" = Option<String>, Query, description = "rule profile"),
           ("livemode" = Option<bool>, Query, description = "live or test"),
           ("account" = Option<String>, Query, description = "`acct_…`, or `all`")),
    responses((status = 200, body = Object), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn run(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer {
    let mut params = Params::read(query.as_deref())?;
    let ask = params.ask()?;
    let (from, to) = (params.day("from")?, params.day("to")?);
    let budget = params.with("false_alerts", "a number from 0.05 to 12", |text| {
        text.parse().ok().filter(|number| (0.05..=12.0).contains(number))
    })?;
    params.end()?;
    let (reports, alerts) = (reports(&state), &state.config.alerts);
    let rows = reports.standing_rows(&ask, None).await?;
    let losses = Box::pin(history::losses(&reports, &ask, None)).await?;
    let today = state.config.ledger.zone.day(reports.now);
    let failed = |error: ReportError| ApiProblem::from(AskError::Report(error));
    let days = history::days(&rows, losses, to.map_or(today, |to| to.min(today))).map_err(failed)?;
    let first = from.or_else(|| days.first().map(|day| day.day)).unwrap_or(today);
    let budget = budget.unwrap_or(alerts.false_alerts_a_year);
    Ok(json(&backtest::run(&days, first, budget, &alerts.large_loss).map_err(failed)?))
}
