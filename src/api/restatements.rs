//! `GET /api/v1/restatements`: what later events changed in closed months.

use axum::extract::State;

use super::{
    Answer, Asked, Told, cursor, ledger_status,
    links::onward,
    params::{FormatQuery, LedgerQuery, PageQuery},
    query::{Query, parameters},
    reports, told,
};
use crate::{
    api::state::AppState,
    report::{
        month::Month,
        restatements::{Restatement, RestatementList},
    },
};

const LIST: &str = "restatements";

/// Where an entry stands in the list.
type PageEnd = (String, Option<String>, String, String);

parameters! {
    /// Which restatements are listed.
    pub(super) struct RestatementQuery {
        /// Only this closed month, such as `2026-10`.
        month: Option<Month>,
        page: PageQuery,
        ledger: LedgerQuery,
        format: FormatQuery,
    }
}

/// Changes to closed months: before, after, and the events that caused them.
#[utoipa::path(get, path = "/api/v1/restatements", tag = "figures", params(RestatementQuery),
    responses((status = 200, body = Told<RestatementList>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn restatements(State(state): State<AppState>, Query(query): Query<RestatementQuery>) -> Answer {
    let ask = query.ledger.ask();
    let after: Option<PageEnd> = cursor::read(LIST, query.page.cursor.as_deref())?;
    let ledger_status = ledger_status(&state, &ask).await?;
    let mut list = reports(&state).restatements(&ask, query.month).await?;
    list.data.retain(|one| after.as_ref().is_none_or(|after| place(one) > *after));
    let limit = usize::try_from(query.page.limit.0).unwrap_or(usize::MAX);
    let more = list.data.len() > limit;
    list.data.truncate(limit);
    list.next_cursor = list.data.last().filter(|_| more).map(|last| cursor::write(LIST, place(last)));
    let next = list.next_cursor.clone();
    Ok(onward(
        told(&state, Asked { ask: &ask, ledger_status }, query.format.wanted()?, list, false, RestatementList::table)
            .await?,
        next,
    ))
}

fn place(one: &Restatement) -> PageEnd {
    (one.month.to_string(), one.account.clone(), one.customer.clone(), one.currency.to_string())
}
