//! `GET /api/v1/quality`: each thing that couldn't be known, with what would settle it.

use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::{
    Answer, Asked, Told, cursor, ledger_status,
    params::{FormatQuery, LedgerQuery, PageQuery},
    query::{Query, parameters},
    reports, told,
};
use crate::{
    api::state::AppState,
    event::{ReadAs, Seq},
    ledger::{
        ids::{AccountId, CustomerId},
        time::UnixTime,
    },
    report::{
        quality::{QualityItem, QualityList},
        thin,
    },
    store::{
        derived::reports::{AccountScope, QualityAsked, QualityPosition},
        log::EventFilter,
    },
};

const LIST: &str = "quality";

/// Where a page ends: among the unreadable events of the log, among its thin ones, or among the ledger's entries.
#[derive(Serialize, Deserialize)]
enum PageEnd {
    #[serde(rename = "e")]
    Event(Seq),
    #[serde(rename = "t")]
    Thin(Seq),
    #[serde(rename = "l")]
    Ledger(String, UnixTime, Option<AccountId>, CustomerId, i64),
}

parameters! {
    /// Which entries are listed.
    pub(super) struct QualityQuery {
        /// Only what is about this customer.
        customer: Option<CustomerId>,
        page: PageQuery,
        ledger: LedgerQuery,
        format: FormatQuery,
    }
}

/// Unreadable events, then thin ones that nothing fills in, then unpriced items, unresolved discounts, gaps, ties and what else couldn't be known.
#[utoipa::path(get, path = "/api/v1/quality", tag = "log", params(QualityQuery),
    responses((status = 200, body = Told<QualityList>), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn quality(State(state): State<AppState>, Query(query): Query<QualityQuery>) -> Answer {
    let (ask, customer, limit) = (query.ledger.ask(), query.customer, query.page.limit.0);
    let place: Option<PageEnd> = cursor::read(LIST, query.page.cursor.as_deref())?;
    let ledger_status = ledger_status(&state, &ask).await?;
    let reports = reports(&state);
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut data = Vec::new();
    let mut next = None;

    // One after the other; each stage begins where the page before ended, else where the stage before it is through.
    let (mut events, mut thin_events, mut after) = (Some(Seq::START), Some(Seq::START), None);
    match place {
        None => {}
        Some(PageEnd::Event(seq)) => events = Some(seq),
        Some(PageEnd::Thin(seq)) => (events, thin_events) = (None, Some(seq)),
        Some(PageEnd::Ledger(kind, at, account, customer, ordinal)) => {
            (events, thin_events) = (None, None);
            after = Some(QualityPosition { kind: kind.into(), at, account, customer, ordinal });
        }
    }
    // An event that couldn't be read, or carries no object, is nobody's.
    let only = match customer {
        None => QualityAsked::All,
        Some(customer) => {
            (events, thin_events) = (None, None);
            QualityAsked::Customer(customer)
        }
    };
    let filter = EventFilter {
        livemode: ask.livemode,
        account: match &ask.account {
            AccountScope::One(account) => Some(account.clone()),
            AccountScope::All => None,
        },
        ..EventFilter::default()
    };
    if let Some(seq) = events {
        let unreadable = EventFilter { reading: Some(ReadAs::Unreadable), ..filter.clone() };
        let rows = state.store.log.events(&unreadable, seq, limit).await?;
        // An event in several shapes is one event.
        data.extend(rows.iter().filter(|row| row.variant == 0).map(QualityItem::unreadable));
        next = rows.last().filter(|_| rows.len() == page).map(|last| PageEnd::Event(last.seq));
    }
    if let Some(seq) = thin_events.filter(|_| next.is_none()) {
        let (rows, more) = thin::unfilled(&state.store, &filter, seq, page - data.len()).await?;
        data.extend(rows.iter().map(QualityItem::unfilled));
        next = more.map(PageEnd::Thin);
    }
    if next.is_none() {
        let room = limit - i64::try_from(data.len()).unwrap_or(limit);
        let (rows, more) = reports.quality(&ask, &only, after.as_ref(), room).await?;
        data.extend(rows.iter().map(QualityItem::from));
        next = more.map(|at| PageEnd::Ledger(at.kind.as_ref().into(), at.at, at.account, at.customer, at.ordinal));
    }
    // Of the ledger as a whole: on the last page.
    if next.is_none()
        && let Some(missing) = reports.missing_subscriptions(&ask).await?
    {
        data.push(QualityItem::missing(&missing, state.clock.now()));
    }
    let list = QualityList {
        profile: reports.profile(&ask)?.name.as_ref().into(),
        converted: reports.reporting(&ask).is_some(),
        data,
        next_cursor: next.map(|place| cursor::write(LIST, place)),
    };
    told(&state, Asked { ask: &ask, ledger_status }, query.format.wanted()?, list, false, QualityList::table).await
}
