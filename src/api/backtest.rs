//! `GET /api/v1/alerts/backtest`: which alerts the account's own history would have raised, and what it expected.

use axum::extract::State;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::{
    Answer, ApiProblem, json,
    params::SegmentQuery,
    query::{Query, Value, parameters},
    reports,
};
use crate::{
    alerts::{backtest, past::Past},
    api::state::AppState,
    ledger::{ids::TestClockId, time::Day},
    report::{
        ReportError,
        ask::{Ask, InCurrency},
        service::AskError,
    },
    store::derived::reports::AccountScope,
};

/// False alerts a year that each rule may bring.
#[derive(Clone, Copy, Debug)]
pub(super) struct FalseAlerts(f64);

impl Value for FalseAlerts {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok().filter(|number| (0.05..=12.0).contains(number)).map(Self)
    }

    fn expected() -> String {
        "a number from 0.05 to 12".into()
    }

    fn schema() -> Object {
        ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0.05)).maximum(Some(12.0)).examples([1.0]).build()
    }
}

parameters! {
    /// Which history is replayed.
    pub(super) struct BacktestQuery {
        /// First day to tell of; what lies before is learnt from.
        from: Option<Day>,
        /// Last day; today without it.
        to: Option<Day>,
        /// False alerts a year each rule may bring, from 0.05 to 12.
        false_alerts: Option<FalseAlerts>,
        segment: SegmentQuery,
        /// Rule profile; the first configured one without it.
        profile: Option<String>,
        /// A currency's own ledger, or `reporting`: the default where a reporting currency is configured.
        currency: Option<InCurrency>,
        /// Live or test ledger: live without it, unless only test events were ever seen.
        livemode: Option<bool>,
        /// The account's own events without it; else `acct_…`, or `all`.
        account: Option<AccountScope>,
        /// A test clock's ledger (`clock_…`); simulated time is left out without it.
        test_clock: Option<TestClockId>,
    }
}

/// The rules replayed over history, each day judged with what was known on it: alerts, how often chance alone would bring as
/// many, customers lost by month, and week by week what was expected and what came.
#[utoipa::path(get, path = "/api/v1/alerts/backtest", tag = "alerts", params(BacktestQuery),
    responses((status = 200, body = Object), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn run(State(state): State<AppState>, Query(query): Query<BacktestQuery>) -> Answer {
    let ask = Ask {
        profile: query.profile,
        currency: query.currency,
        livemode: query.livemode,
        account: query.account.unwrap_or(AccountScope::One(None)),
        test_clock: query.test_clock,
        ..Ask::default()
    };
    let ask = query.segment.of(ask)?;
    let (reports, alerts) = (reports(&state), &state.config.alerts);
    let budget = query.false_alerts.map_or(alerts.false_alerts_a_year, |FalseAlerts(number)| number);
    let past = Past { since: None, whole: None, from: query.from, to: query.to, budget, large: &alerts.large_loss };
    let tried = match Box::pin(past.tried(&reports, &ask)).await? {
        Some(tried) => tried,
        None => {
            let today = state.config.ledger.zone.day(reports.now);
            let failed = |error: ReportError| ApiProblem::from(AskError::Report(error));
            backtest::run(&[], query.from.unwrap_or(today), budget, past.large).map_err(failed)?
        }
    };
    Ok(json(&tried))
}
