//! What was read before, to be read again: by a newer normaliser (docs/decisions/003-facts-are-states.md), or to hold the facts in
//! the log against what their bodies say.

use std::collections::BTreeMap;

use bytes::Bytes;
use sqlx::AssertSqlSafe;

use super::{
    super::{Database, dialect::*},
    log_columns::{EVENTS, LISTED, event_row},
    reader::{Columns, Read},
    rows::account,
};
use crate::{
    event::{
        EventRow, Reading, Seq,
        codec::{self, CodecError},
    },
    ledger::fact::Fact,
    limits,
    store::{
        StoreError,
        errors::{Doing, corrupt},
        log::{ReadBy, prepared::fact_rows},
    },
};

const DOING: &str = "reading what a normaliser read";

/// Events at once: their newer facts are appended in one transaction, beside webhooks.
const PAGE: i64 = 256;

impl Database {
    pub(in crate::store) async fn read_by(
        &self,
        reader: ReadBy,
        after_seq: Seq,
    ) -> Result<Vec<(EventRow, Bytes)>, StoreError> {
        let (which, normaliser) = match reader {
            ReadBy::OlderThan(normaliser) => ("f.normaliser < $3", normaliser),
            // One without any fact counts as read by every version: each leaves at least a reason.
            ReadBy::Version(normaliser) => ("COALESCE(f.normaliser, $3) = $3", normaliser),
        };
        let text = format!(
            "SELECT {LISTED}, e.body_bytes, b.codec, b.bytes FROM {EVENTS} JOIN {BODY}
             WHERE e.seq > $1 AND e.seq <= $2 AND {which} ORDER BY e.seq LIMIT $4"
        );
        let rows = sqlx::query(AssertSqlSafe(text))
            .bind(after_seq)
            .bind(horizon(self).await?)
            .bind(normaliser)
            .bind(PAGE)
            .fetch_all(&self.log)
            .await
            .doing(DOING)?;
        let mut events = Vec::with_capacity(rows.len());
        let mut size = 0;
        for row in &rows {
            let mut columns = Columns::of(row, 0);
            let event = event_row(&mut columns)?;
            let (length, codec, bytes) = (columns.number()?, columns.number()?, columns.bytes()?);
            let body = codec::decode(codec, &bytes, usize::try_from(length).unwrap_or(0))
                .map_err(|error| corrupt(DOING, format!("event {} at {}: {error}", event.id, event.seq)))?;
            size += body.len();
            events.push((event, Bytes::from(body)));
            if size >= limits::REPLAY_BATCH_BYTES {
                break;
            }
        }
        Ok(events)
    }

    pub(in crate::store) async fn misread(
        &self,
        normaliser: i64,
        after_seq: Seq,
        readings: &[(EventRow, Reading)],
    ) -> Result<Option<String>, StoreError> {
        let Some((last, _)) = readings.last() else { return Ok(None) };
        let stored = sqlx::query(
            "SELECT e.id, f.seq, f.kind, f.livemode, f.account, f.customer, f.object, f.codec, f.state
             FROM fact f LEFT JOIN event e ON e.seq = f.seq
             WHERE f.seq > $1 AND f.seq <= $2 AND f.normaliser = $3 ORDER BY f.seq, f.ordinal",
        )
        .bind(after_seq)
        .bind(last.seq)
        .bind(normaliser)
        .fetch_all(&self.log)
        .await
        .doing(DOING)?;
        let mut found: BTreeMap<Seq, Vec<Told>> = BTreeMap::new();
        for row in &stored {
            let mut columns = Columns::of(row, 0);
            let (event, seq) = (columns.text_or_null()?, columns.seq()?);
            if event.is_none() {
                return Ok(Some(format!("a fact at {seq} belongs to no event")));
            }
            match told(&mut columns)? {
                Ok(told) => found.entry(seq).or_default().push(told),
                Err(damaged) => return Ok(Some(format!("a fact at {seq}: {damaged}"))),
            }
        }
        for (event, reading) in readings {
            let account = account(event.account.as_ref());
            let read = fact_rows(reading).into_iter().map(|fact| {
                let said = said(fact.kind, fact.codec, &fact.state)?;
                Ok((fact.kind.to_owned(), event.livemode, account.clone(), fact.customer, fact.object, said))
            });
            let read =
                read.collect::<Result<Vec<Told>, CodecError>>().map_err(|error| corrupt(DOING, error.to_string()))?;
            if found.remove(&event.seq).unwrap_or_default() != read {
                let (id, seq) = (&event.id, event.seq);
                return Ok(Some(format!("the facts of event {id} at {seq} are not what its body says")));
            }
        }
        Ok(None)
    }

    pub(in crate::store) async fn count_read_by_older(&self, normaliser: i64) -> Result<i64, StoreError> {
        sqlx::query_scalar(
            "SELECT COUNT(DISTINCT f.seq) FROM fact f JOIN event_body b ON b.seq = f.seq
             WHERE f.normaliser < $1
               AND NOT EXISTS (SELECT 1 FROM fact n WHERE n.seq = f.seq AND n.normaliser >= $1)",
        )
        .bind(normaliser)
        .fetch_one(&self.log)
        .await
        .doing(DOING)
    }
}

/// A fact as its row tells it: kind, livemode, account, customer, object, and what it says.
type Told = (String, bool, String, Option<String>, Option<String>, Said);

/// What a row of `fact` says, in whatever codec.
#[derive(PartialEq)]
enum Said {
    Fact(Box<Fact>),
    Reason(String),
}

fn said(kind: &str, codec: i64, state: &[u8]) -> Result<Said, CodecError> {
    match kind {
        "ignored" | "unreadable" | "thin" => codec::decode_reason(codec, state).map(Said::Reason),
        _ => codec::decode_fact(codec, state).map(Box::new).map(Said::Fact),
    }
}

/// A row of `fact`; or in words why its state can't be read.
fn told(columns: &mut Columns<'_>) -> Read<Result<Told, String>> {
    let (kind, livemode, account) = (columns.text()?, columns.truth()?, columns.text()?);
    let (customer, object) = (columns.text_or_null()?, columns.text_or_null()?);
    let said = said(&kind, columns.number()?, &columns.bytes()?);
    Ok(said.map(|said| (kind, livemode, account, customer, object, said)).map_err(|error| error.to_string()))
}
