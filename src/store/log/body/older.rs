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
        log::{
            ReadBy,
            prepared::{FactRow, fact_rows},
        },
    },
};

const DOING: &str = "reading what a normaliser read";

/// Events at once: their newer facts are appended in one transaction, beside webhooks.
const PAGE: i64 = 256;

/// Events among which a page is looked for: right after a replay PostgreSQL has no statistics of the log, and reads all that is
/// asked for before it sorts out a page.
const STRETCH: i64 = 2_048;

impl Database {
    pub(in crate::store) async fn read_by(
        &self,
        reader: ReadBy,
        after_seq: Seq,
    ) -> Result<Vec<(EventRow, Bytes)>, StoreError> {
        let (which, normaliser) = match reader {
            ReadBy::OlderThan(normaliser) => ("f.normaliser < $3", normaliser),
            // One without any fact counts as read by every version: each leaves at least a reason.
            ReadBy::Version(normaliser) => ("(f.normaliser IS NULL OR f.normaliser = $3)", normaliser),
        };
        let text = format!(
            "SELECT {LISTED}, e.body_bytes, b.codec, b.bytes FROM {EVENTS} JOIN {BODY}
             WHERE e.seq > $1 AND e.seq <= $2 AND {which} ORDER BY e.seq LIMIT $4"
        );
        let (mut from, end) = (after_seq, horizon(self).await?);
        let rows = loop {
            let to = end.min(from.forward(STRETCH));
            let rows = sqlx::query(AssertSqlSafe(text.clone()))
                .bind(from)
                .bind(to)
                .bind(normaliser)
                .bind(PAGE)
                .fetch_all(&self.log)
                .await
                .doing(DOING)?;
            if !rows.is_empty() || to >= end {
                break rows;
            }
            from = to;
        };
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
        let mut found: BTreeMap<Seq, Vec<Kept>> = BTreeMap::new();
        for row in &stored {
            let mut columns = Columns::of(row, 0);
            let (event, seq) = (columns.text_or_null()?, columns.seq()?);
            if event.is_none() {
                return Ok(Some(format!("a fact at {seq} belongs to no event")));
            }
            found.entry(seq).or_default().push(Kept::read(&mut columns)?);
        }
        for (event, reading) in readings {
            let account = account(event.account.as_ref());
            let read: Vec<Kept> = fact_rows(reading)
                .into_iter()
                .map(|FactRow { kind, customer, object, codec, state }| {
                    let (kind, livemode, account) = (kind.to_owned(), event.livemode, account.clone());
                    Kept { kind, livemode, account, customer, object, codec, state }
                })
                .collect();
            let kept = found.remove(&event.seq).unwrap_or_default();
            // The same bytes say the same. Others may: an older mrrd packed facts otherwise.
            if kept == read {
                continue;
            }
            let kept = match all_told(&kept) {
                Ok(told) => told,
                Err(damaged) => return Ok(Some(format!("a fact at {}: {damaged}", event.seq))),
            };
            if kept != all_told(&read).map_err(|error| corrupt(DOING, error.to_string()))? {
                let (id, seq) = (&event.id, event.seq);
                return Ok(Some(format!("the facts of event {id} at {seq} are not what its body says")));
            }
        }
        // Of those whose bodies are erased it is known whether they can be read.
        let damaged = found.iter().find_map(|(seq, kept)| Some((seq, all_told(kept).err()?)));
        Ok(damaged.map(|(seq, damaged)| format!("a fact at {seq}: {damaged}")))
    }

    pub(in crate::store) async fn count_read_by_older(&self, normaliser: i64) -> Result<i64, StoreError> {
        sqlx::query_scalar(
            // Crossed, so that SQLite begins with the few facts: by its own guess it went through all bodies.
            "SELECT COUNT(DISTINCT f.seq) FROM fact f CROSS JOIN event_body b
             WHERE b.seq = f.seq AND f.normaliser < $1
               AND NOT EXISTS (SELECT 1 FROM fact n WHERE n.seq = f.seq AND n.normaliser >= $1)",
        )
        .bind(normaliser)
        .fetch_one(&self.log)
        .await
        .doing(DOING)
    }
}

/// A row of `fact`.
#[derive(PartialEq)]
struct Kept {
    kind: String,
    livemode: bool,
    account: String,
    customer: Option<String>,
    object: Option<String>,
    codec: i64,
    state: Vec<u8>,
}

impl Kept {
    fn read(columns: &mut Columns<'_>) -> Read<Self> {
        Ok(Self {
            kind: columns.text()?,
            livemode: columns.truth()?,
            account: columns.text()?,
            customer: columns.text_or_null()?,
            object: columns.text_or_null()?,
            codec: columns.number()?,
            state: columns.bytes()?,
        })
    }
}

/// A fact as its row tells it: kind, livemode, account, customer, object, and what it says.
type Told<'k> = (&'k str, bool, &'k str, Option<&'k str>, Option<&'k str>, Said);

/// What a row of `fact` says, in whatever codec.
#[derive(PartialEq)]
enum Said {
    Fact(Box<Fact>),
    Reason(String),
}

/// What the rows of an event say; or why one of them can't be read.
fn all_told(rows: &[Kept]) -> Result<Vec<Told<'_>>, CodecError> {
    rows.iter()
        .map(|row| {
            let said = match row.kind.as_str() {
                "ignored" | "unreadable" | "thin" => Said::Reason(codec::decode_reason(row.codec, &row.state)?),
                _ => Said::Fact(Box::new(codec::decode_fact(row.codec, &row.state)?)),
            };
            Ok((&*row.kind, row.livemode, &*row.account, row.customer.as_deref(), row.object.as_deref(), said))
        })
        .collect()
}
