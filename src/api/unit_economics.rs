//! `GET /api/v1/unit-economics`: what was spent beside what it brought.

use axum::extract::State;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::{
    Answer, Asked, Told, ledger_status,
    params::{FormatQuery, LedgerQuery, SegmentQuery, SpanQuery},
    query::{Query, Value, parameters},
    reports, told,
};
use crate::{api::state::AppState, limits, report::unit_economics::UnitEconomicsAnswer};

/// Months between spending and winning.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lag(u16);

impl Value for Lag {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok().filter(|months| *months <= limits::SPEND_LAG_MONTHS).map(Self)
    }

    fn expected() -> String {
        format!("months from 0 to {}", limits::SPEND_LAG_MONTHS)
    }

    fn schema() -> Object {
        let most = f64::from(limits::SPEND_LAG_MONTHS);
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0.0)).maximum(Some(most)).examples([1]).build()
    }
}

parameters! {
    /// Which months' unit economics.
    pub(super) struct UnitEconomicsQuery {
        span: SpanQuery,
        /// Customers are held against what was spent so many months before: 0 (the default) to 24.
        lag: Option<Lag>,
        segment: SegmentQuery,
        ledger: LedgerQuery,
        format: FormatQuery,
    }
}

/// CAC, CAC ratio, gross margin, payback and rule of 40 of each month, from imported spend; null with the reason where none was.
#[utoipa::path(get, path = "/api/v1/unit-economics", tag = "figures", params(UnitEconomicsQuery),
    responses((status = 200, body = Told<UnitEconomicsAnswer>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn unit_economics(State(state): State<AppState>, Query(query): Query<UnitEconomicsQuery>) -> Answer {
    let ask = query.segment.of(query.span.within(query.ledger.ask()))?;
    let ledger_status = ledger_status(&state, &ask).await?;
    let Lag(lag) = query.lag.unwrap_or_default();
    let report = Box::pin(reports(&state).unit_economics(&ask, lag)).await?;
    let is_empty = report.data.is_empty();
    told(
        &state,
        Asked { ask: &ask, ledger_status },
        query.format.wanted()?,
        report,
        is_empty,
        UnitEconomicsAnswer::table,
    )
    .await
}
