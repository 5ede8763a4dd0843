//! `GET /api/v1/quality`: each thing that couldn't be known, with what would settle it.

use axum::extract::{RawQuery, State};
use serde::{Deserialize, Serialize};

use super::{
    Answer, answer, cursor,
    document::{CommonQuery, PageQuery},
    params::Params,
    reports,
};
use crate::{
    ledger::{
        ids::{AccountId, CustomerId},
        time::UnixTime,
    },
    report::quality::{QualityItem, QualityList},
    server::state::AppState,
    store::{
        EventFilter,
        reports::{AccountScope, QualityPosition},
    },
};

const LIST: &str = "quality";

/// Where a page ends: among the unreadable events of the log, or among the ledger's entries.
#[derive(Serialize, Deserialize)]
enum Place {
    #[serde(rename = "e")]
    Event(i64),
    #[serde(rename = "l")]
    Ledger(String, UnixTime, Option<AccountId>, CustomerId, i64),
}

/// Unreadable events, then unpriced items, unresolved discounts, gaps, ties and what else couldn't be known.
#[utoipa::path(get, path = "/api/v1/quality", tag = "log", params(PageQuery, CommonQuery),
    responses((status = 200, body = QualityList), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn quality(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer {
    let mut params = Params::read(query.as_deref())?;
    let ask = params.ask()?;
    let place: Option<Place> = cursor::read(LIST, params.text("cursor").as_deref())?;
    let (limit, csv) = (params.limit()?, params.csv()?);
    params.end()?;
    let reports = reports(&state);
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut data = Vec::new();
    let mut next = None;
    let mut last_event = 0;

    let (after_event, after) = match place {
        None => (Some(0), None),
        Some(Place::Event(seq)) => (Some(seq), None),
        Some(Place::Ledger(kind, at, account, customer, ordinal)) => {
            (None, Some(QualityPosition { kind: kind.into(), at, account, customer, ordinal }))
        }
    };
    if let Some(after_event) = after_event {
        let filter = EventFilter {
            reading: Some("unreadable".into()),
            livemode: ask.livemode,
            account: match &ask.account {
                AccountScope::One(account) => Some(account.clone()),
                AccountScope::All => None,
            },
            ..EventFilter::default()
        };
        let mut rows = state.store.events(&filter, after_event, limit + 1).await?;
        if rows.len() > page {
            rows.truncate(page);
            next = rows.last().map(|last| Place::Event(last.seq));
        }
        last_event = rows.last().map_or(after_event, |last| last.seq);
        data.extend(rows.iter().map(QualityItem::unreadable));
    }
    let room = limit - i64::try_from(data.len()).unwrap_or(limit);
    if next.is_none() {
        // With no room left, one entry tells whether the ledger has any.
        let (rows, more) = reports.quality(&ask, after.as_ref(), room.max(1)).await?;
        if room == 0 {
            next = (!rows.is_empty()).then_some(Place::Event(last_event));
        } else {
            data.extend(rows.iter().map(QualityItem::from));
            next = more.map(|at| Place::Ledger(at.kind.as_ref().into(), at.at, at.account, at.customer, at.ordinal));
        }
    }
    let list = QualityList {
        profile: reports.profile(&ask)?.name.as_ref().into(),
        data,
        next_cursor: next.map(|place| cursor::write(LIST, place)),
    };
    Ok(answer(csv, &list, QualityList::table))
}
