//! `GET /api/v1/movements`: every change of MRR with its parts, causes and events.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use utoipa::{ToSchema, openapi::schema::Object};

use super::{
    Answer, ApiProblem, Asked, Told, cursor, json, ledger_status,
    links::{onward, onward_by},
    named,
    params::{FormatQuery, LIMIT_MAX, LedgerQuery, SegmentQuery},
    query::{Query, Value, parameters},
    reports, told,
    values::{Include, KeyValue, PageSize},
};
use crate::{
    api::state::AppState,
    feeds::message,
    ledger::{
        ids::{CustomerId, PriceId, ProductId},
        outcome::{Cause, Kind, Rollup},
        time::{Day, UnixTime},
    },
    report::{
        ask::{Ask, Basis},
        month::{Month, first_mrr},
        movements::{MovementEntry, MovementList},
    },
    store::derived::reports::{MovementFilter, MovementKey, Order, PartFilter},
};

const LIST: &str = "movements";

/// Either list: of movements, or of what feeds tell of them.
#[derive(ToSchema)]
#[schema(as = MovementPage)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes two answers of one route")]
enum Page {
    Movements(Told<MovementList>),
    Feed(FeedPage),
}

/// What feeds tell, in the order in which it was found.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes what feeds::message writes")]
struct FeedPage {
    data: Vec<FeedMessage>,
    /// Where it goes on; null at the end.
    next_cursor: Option<String>,
}

/// A movement as it was first seen, or a correction of it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what feeds::message writes")]
struct FeedMessage {
    /// Stable: whoever receives it twice tells by this.
    id: String,
    /// What happened: `movement.created`, `movement.corrected` or `movement.removed`.
    r#type: String,
    /// When it was found, in seconds since 1970.
    created: i64,
    /// What to go on after.
    cursor: String,
    /// 1 as it was first told; one more with each correction.
    version: i64,
    /// The movement as `/api/v1/movements` lists it.
    #[schema(value_type = Object)]
    movement: serde_json::Value,
    /// What was told of it before; null at first.
    #[schema(value_type = Option<Object>)]
    previous: Option<serde_json::Value>,
}

/// The most movements whose comments are read at once.
const COMMENTS_MAX: i64 = 200;

/// Where a feed is gone on with: 0, or what its last message carries.
#[derive(Clone, Copy, Debug)]
pub(super) struct FeedCursor(i64);

impl Value for FeedCursor {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    fn expected() -> String {
        "a feed's cursor: 0, or what its last message carries".into()
    }

    fn schema() -> Object {
        i64::schema()
    }
}

parameters! {
    /// Which movements are listed.
    pub(super) struct MovementQuery {
        /// Booked on this accounting day or later.
        from: Option<Day>,
        /// Booked on this accounting day or earlier.
        to: Option<Day>,
        /// Only movements of this customer, `cus_…`.
        customer: Option<CustomerId>,
        /// Only this kind; `transient` ones only when named.
        kind: Option<Kind>,
        /// Every kind but this one: `fx` leaves out what revaluation moved.
        without: Option<Kind>,
        /// Only those with a part of this cause.
        cause: Option<Cause>,
        /// Only those with a part of this group of causes: `upsell`, `voluntary`, ….
        rollup: Option<Rollup>,
        /// Only those with a part of this product, before or after.
        product: Option<ProductId>,
        /// Only those with a part at this price, before or after.
        price: Option<PriceId>,
        /// Only those with a part billed so often, before or after: `month`, `year`, `3 month`.
        billing: Option<Arc<str>>,
        /// Only of customers of this country, as it is now.
        country: Option<Arc<str>>,
        /// Only of customers whose metadata has this now: `KEY:VALUE`, of the keys that `ledger.metadata_keys` keeps.
        metadata: Option<KeyValue>,
        /// Only of customers whose first MRR lies in this month, such as `2026-01`.
        cohort: Option<Month>,
        /// `scheduled`: also what is written ahead, up to `to`.
        include: Option<Include>,
        /// `restated` (the default), or `closed`: those of the closed month from `from` to `to`, as they were when it was closed.
        basis: Option<Basis>,
        /// `true`: with what customers wrote when leaving, read from bodies; `limit` is 200 at most then.
        comments: Option<bool>,
        /// `asc` (oldest first, the default) or `desc`.
        order: Option<Order>,
        /// The `next_cursor` of the page before.
        cursor: Option<String>,
        feed: FeedQuery,
        segment: SegmentQuery,
        ledger: LedgerQuery,
        format: FormatQuery,
    }
}

parameters! {
    /// Where a feed is gone on with; nothing else goes with it.
    pub(super) struct FeedQuery {
        /// Goes on with the feed: after 0, or after the `cursor` of the last message that was taken. Only `limit` goes with it;
        /// the answer is `{"data": […], "next_cursor": …}` with the feed's messages.
        after: Option<FeedCursor>,
        /// Entries a page, 1000 at most; 100 without it.
        limit: PageSize<LIMIT_MAX, 100>,
    }
}

/// Movements in order of day and instant, page by page. With `after`, the entries of the feed instead: each movement as it
/// was first seen (`movement.created`), then each correction of it (`movement.corrected`, `movement.removed`), in the order
/// they were found, as feeds post them.
#[utoipa::path(get, path = "/api/v1/movements", tag = "figures", params(MovementQuery),
    responses((status = 200, body = Page), (status = 422, body = super::document::ProblemBody)))]
pub(super) async fn movements(
    State(state): State<AppState>,
    RawQuery(given): RawQuery,
    Query(query): Query<MovementQuery>,
) -> Answer {
    let FeedQuery { after, limit: PageSize(limit) } = query.feed;
    if let Some(after) = after {
        // Whatever else a list takes says nothing of a feed.
        Query::<FeedQuery>::read(given.as_deref())?;
        return told_after(&state, after, limit).await;
    }
    let filter = MovementFilter {
        from: query.from,
        to: query.to,
        customer: query.customer,
        kind: query.kind,
        without: query.without,
        cause: query.cause,
        currency: None,
        part: PartFilter { rollup: query.rollup, product: query.product, price: query.price, interval: query.billing },
        country: query.country,
        metadata: query.metadata.map(|KeyValue(key, value)| (key, value)),
        cohort: query.cohort.map(|month| first_mrr(month, &state.config.ledger.zone)),
    };
    let ask = Ask {
        scheduled: query.include == Some(Include::Scheduled),
        to: filter.to,
        basis: query.basis.unwrap_or_default(),
        ..query.segment.of(query.ledger.ask())?
    };
    let after = read_key(LIST, query.cursor.as_deref())?;
    let comments = query.comments.unwrap_or(false);
    if comments && limit > COMMENTS_MAX {
        return Err(ApiProblem::parameter(
            "limit",
            &format!("with comments=true it is {COMMENTS_MAX} at most: each is read from a body"),
        ));
    }
    let ledger_status = ledger_status(&state, &ask).await?;
    let (rows, next) =
        reports(&state).movements(&ask, &filter, query.order.unwrap_or_default(), after.as_ref(), limit).await?;
    let mut list = MovementList {
        converted: reports(&state).reporting(&ask).is_some(),
        data: rows.iter().map(MovementEntry::from).collect(),
        next_cursor: next.as_ref().map(write_cursor),
    };
    named::movements(&state, &ask, &mut list.data).await?;
    if comments {
        named::comments(&state, &mut list.data).await?;
    }
    reports(&state).name_movements(&ask, &mut list.data).await?;
    // A further page is empty only where the one before was the last.
    let is_empty = list.data.is_empty() && after.is_none();
    let next = list.next_cursor.clone();
    Ok(onward(
        told(&state, Asked { ask: &ask, ledger_status }, query.format.wanted()?, list, is_empty, MovementList::table)
            .await?,
        next,
    ))
}

/// What the feeds tell, after a cursor of theirs: the same entries that are posted, in the same order.
async fn told_after(state: &AppState, FeedCursor(after): FeedCursor, limit: i64) -> Answer {
    if state.config.feeds.is_empty() {
        return Err(ApiProblem::parameter(
            "after",
            "no feed is configured, so nothing is kept to go on from: see feeds.NAME",
        ));
    }
    let entries = state.store.records.feed_after(after, limit + 1).await?;
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let (more, told) = (entries.len() > page, &entries[..entries.len().min(page)]);
    let next = told.last().filter(|_| more).map(|entry| entry.position.to_string());
    let data: Vec<serde_json::Value> = told.iter().map(message::json).collect();
    let answer = json(&serde_json::json!({"data": data, "next_cursor": next}));
    Ok(onward_by(answer, "after", next))
}

pub(super) fn write_cursor(key: &MovementKey) -> String {
    write_key(LIST, key)
}

/// The cursor of a page of movements, listed as `list`.
pub(super) fn write_key(list: &str, key: &MovementKey) -> String {
    cursor::write(list, (key.day, key.effective_at, key.ordinal, key.id.as_ref()))
}

/// Where a page of movements, listed as `list`, goes on.
pub(super) fn read_key(list: &str, text: Option<&str>) -> Result<Option<MovementKey>, ApiProblem> {
    let keys: Option<(Day, UnixTime, i64, Arc<str>)> = cursor::read(list, text)?;
    Ok(keys.map(|(day, effective_at, ordinal, id)| MovementKey { day, effective_at, ordinal, id }))
}
