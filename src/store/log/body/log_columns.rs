//! The log's tables, column by column: what is written and how it is read again stand side by side.

use sqlx::Row as _;

use super::{
    super::dialect::Row,
    reader::{Columns, Read},
    rows::{Query, account},
};
use crate::{
    event::{EventRow, ReadAs, Seq, Source, codec},
    ledger::fact::Fact,
    store::{
        StoreError,
        errors::{Doing, corrupt},
        log::prepared::{FactRow, Prepared, clean},
    },
};

/// What a row of `event` says, beside its place in the log and its variant.
pub(in super::super) const EVENT: &str =
    "id, type, account, livemode, created, api_version, received_at, source, body_bytes, digest";
/// A row of `event_body`; on PostgreSQL `received_at` follows, by which it is partitioned.
pub(in super::super) const EVENT_BODY: &str = "seq, salt, codec, bytes";
/// A row of `fact`.
pub(in super::super) const FACT: &str =
    "seq, normaliser, ordinal, kind, livemode, account, customer, object, codec, state";

/// Binds a row of `event` as [`EVENT`] names it.
pub(super) fn bind_event<'q>(query: Query<'q>, prepared: &Prepared) -> Query<'q> {
    let event = &prepared.event;
    query
        .bind(clean(event.id.as_str()))
        .bind(clean(&event.kind))
        .bind(account(event.account.as_ref()))
        .bind(event.livemode)
        .bind(event.created.0)
        .bind(event.api_version.as_deref().map(clean).unwrap_or_default())
        .bind(event.received_at.0)
        .bind(event.source.as_str())
        .bind(i64::try_from(event.body.len()).unwrap_or(i64::MAX))
        .bind(prepared.digest.to_vec())
}

/// What [`event_row`] reads, in this order.
pub(super) const LISTED: &str = "e.seq, e.variant, e.id, e.type, e.account, e.livemode, e.created, e.api_version,
    e.received_at, e.source, f.kind, f.codec, f.state";

/// Where it reads it: events, with the newest normaliser's first word on each as `f`.
pub(super) const EVENTS: &str = "event e LEFT JOIN fact f ON f.seq = e.seq AND f.ordinal = 0
    AND f.normaliser = (SELECT MAX(n.normaliser) FROM fact n WHERE n.seq = e.seq)";

pub(super) fn event_row(columns: &mut Columns<'_>) -> Read<EventRow> {
    let mut event = EventRow {
        seq: columns.seq()?,
        variant: columns.number()?,
        id: columns.id()?,
        kind: columns.text()?,
        account: columns.account()?,
        livemode: columns.truth()?,
        created: columns.time()?,
        api_version: Some(columns.text()?).filter(|version| !version.is_empty()),
        received_at: columns.time()?,
        source: source(columns.str()?)?,
        reading: ReadAs::Facts,
        reason: None,
    };
    let (kind, codec, state) = (columns.text_or_null()?, columns.number_or_null()?, columns.bytes_or_null()?);
    let reading = kind.as_deref().map_or(ReadAs::Facts, ReadAs::of_kind);
    if let (ReadAs::Ignored | ReadAs::Unreadable | ReadAs::Thin, Some(codec), Some(state)) = (reading, codec, state) {
        let reason = codec::decode_reason(codec, &state)
            .map_err(|error| corrupt("reading events", format!("the reason of {}: {error}", event.id)))?;
        event.reading = reading;
        event.reason = Some(reason).filter(|reason| !reason.is_empty());
    }
    Ok(event)
}

fn source(name: &str) -> Read<Source> {
    Source::named(name).ok_or_else(|| corrupt("reading events", format!("{name:?} is no way by which events come")))
}

/// What [`fact`] reads, first in its row.
pub(in super::super) const STORED: &str = "f.seq, f.codec, f.state";

/// The fact in a row that begins with [`STORED`]. By number and borrowed: a rebuild reads every fact of the log.
pub(in super::super) fn fact(row: &Row) -> Result<Fact, StoreError> {
    let read = || Ok((row.try_get(0)?, row.try_get(1)?, row.try_get::<&[u8], _>(2)?));
    let (seq, codec, state) = read().doing("reading facts")?;
    decoded(seq, codec, state)
}

/// A fact as its row keeps it.
pub(in super::super) fn decoded(seq: Seq, codec: i64, state: &[u8]) -> Result<Fact, StoreError> {
    codec::decode_fact(codec, state)
        .map_err(|error| corrupt("reading facts", format!("the fact at {seq} can't be read: {error}")))
}

/// A row of `fact` with where it belongs.
pub(super) struct FactLine<'f> {
    pub(super) seq: Seq,
    pub(super) normaliser: i64,
    pub(super) ordinal: i64,
    pub(super) livemode: bool,
    pub(super) account: &'f str,
    pub(super) fact: &'f FactRow,
}

/// Binds a row of `fact` as [`FACT`] names it.
pub(super) fn bind_fact<'q>(query: Query<'q>, line: &FactLine<'_>) -> Query<'q> {
    query
        .bind(line.seq)
        .bind(line.normaliser)
        .bind(line.ordinal)
        .bind(line.fact.kind)
        .bind(line.livemode)
        .bind(line.account.to_owned())
        .bind(line.fact.customer.clone())
        .bind(line.fact.object.clone())
        .bind(line.fact.codec)
        .bind(line.fact.state.clone())
}
