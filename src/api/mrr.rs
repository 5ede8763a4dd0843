//! `GET /api/v1/mrr`: MRR over time, each period with its bridge.

use std::sync::Arc;

use axum::extract::State;

use super::{
    Answer, ApiProblem, Asked, Told, ledger_status,
    params::{FormatQuery, LedgerQuery, SegmentQuery, SpanQuery},
    query::{Query, parameters},
    reports, told_with,
    values::Include,
};
use crate::{
    api::state::AppState,
    report::{
        ask::{Ask, Basis, GroupBy},
        mrr::MrrAnswer,
        period::Interval,
    },
};

parameters! {
    /// Which series is asked for.
    pub(super) struct SeriesQuery {
        span: SpanQuery,
        /// `day`, `week`, `month` (the default), `quarter` or `year`.
        interval: Option<Interval>,
        /// `product`, `price`, `interval`, `currency`, `country`, `cohort`, `customer`, `cause`, `metadata:KEY` or `attribute:KEY`.
        group_by: Option<GroupBy>,
        /// `scheduled`: also what is written ahead, up to `to`.
        include: Option<Include>,
        /// `restated` (the default): closed months as they are known now, marked where they are no longer what they were closed
        /// with. `closed`: as they were closed, with later changes as `prior_period` in the first open month.
        basis: Option<Basis>,
        segment: SegmentQuery,
        /// Segments side by side by their names, such as `small,large`: each a group, as they may overlap.
        compare: Option<Arc<str>>,
        ledger: LedgerQuery,
        format: FormatQuery,
    }
}

impl SeriesQuery {
    fn ask(self) -> Result<Ask, ApiProblem> {
        let ask = self.segment.of(self.span.within(self.ledger.ask()))?;
        Ok(Ask {
            interval: self.interval.unwrap_or_default(),
            group_by: self.group_by,
            scheduled: self.include == Some(Include::Scheduled),
            basis: self.basis.unwrap_or_default(),
            ..ask
        })
    }
}

/// MRR over time: opening, movements and closing of each period. Without `currency`, every currency's series.
#[utoipa::path(get, path = "/api/v1/mrr", tag = "figures", params(SeriesQuery),
    responses((status = 200, body = Told<MrrAnswer>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn mrr(State(state): State<AppState>, Query(query): Query<SeriesQuery>) -> Answer {
    let format = query.format.wanted()?;
    let compared = query.compare.clone();
    let ask = query.ask()?;
    let ledger_status = ledger_status(&state, &ask).await?;
    let report = match compared {
        None => reports(&state).mrr(&ask).await?,
        Some(names) => reports(&state).mrr_compared(&ask, &names).await?,
    };
    let is_empty = report.data.is_empty();
    let notice = report.notice();
    let asked = Asked { ask: &ask, ledger_status };
    told_with(&state, asked, format, report, is_empty, notice, MrrAnswer::table).await
}
