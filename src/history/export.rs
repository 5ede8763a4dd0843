//! The log as lines of text that a replay takes back: each event with its body to the byte, in the log's order.
//!
//! Bodies have line ends of their own, so a body stands in its line as text, beside what its row in the log tells. A replay
//! takes an answer of Stripe's API back under the id and the instant that the line tells; an event says both itself.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Clock,
    event::{EventRow, NewEvent, ReadAs, Seq, Source},
    ledger::{
        ids::{AccountId, EventId},
        time::UnixTime,
    },
    limits,
    store::{
        StoreError,
        log::{EventFilter, ReadBy, ReadLog},
    },
    stripe::read,
};

/// What a line calls itself.
const LINE: &str = "event";

/// How each line of an export begins.
const BEGINNING: &[u8] = br#"{"mrrd":"event","#;

/// One event of the log.
#[derive(Debug, Serialize, Deserialize)]
pub struct Line<'a> {
    /// `event`: a line of mrrd's.
    #[serde(borrow)]
    mrrd: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    variant: i64,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    account: Option<Cow<'a, str>>,
    livemode: bool,
    /// Unix seconds, Stripe's clock.
    created: i64,
    #[serde(borrow)]
    api_version: Option<Cow<'a, str>>,
    /// Unix seconds, our clock.
    received_at: i64,
    #[serde(borrow)]
    source: Cow<'a, str>,
    /// The very text received.
    #[serde(borrow)]
    body: Cow<'a, str>,
}

/// How many lines there are, and what there is none of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// How many lines were written, one for each event.
    pub exported: u64,
    /// Events whose bodies were erased.
    pub erased: u64,
}

/// Why an export of the log stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The log can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lines can't be written.
    #[error(transparent)]
    Write(#[from] std::io::Error),
    /// A body that is no text: nothing that Stripe has sent.
    #[error("the body of event {0} is no text")]
    NoText(EventId),
}

/// Writes the events of `filter` after a place in the log to `take`, a line each.
pub async fn run(
    log: &ReadLog,
    filter: &EventFilter,
    mut after_seq: Seq,
    mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<Counts, ExportError> {
    let mut counts = Counts::default();
    loop {
        let rows = log.events(filter, after_seq, limits::LOG_PAGE_EVENTS).await?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(counts) };
        let (mut before, until) = (first.seq.before(), last.seq);
        let mut wanted = rows.iter().peekable();
        // Bodies come in pages of their own, in the same order.
        while wanted.peek().is_some() {
            let page = log.read_by(ReadBy::OlderThan(i64::MAX), before).await?;
            let Some((end, _)) = page.last() else { break };
            before = end.seq;
            for (row, body) in &page {
                while wanted.next_if(|one| one.seq < row.seq).is_some() {
                    counts.erased += 1;
                }
                if wanted.next_if(|one| one.seq == row.seq).is_some() {
                    let mut line = line(row, body)?;
                    line.push(b'\n');
                    take(&line)?;
                    counts.exported += 1;
                }
            }
            // Where the next one wanted lies far on, what is in between needn't be read.
            if let Some(next) = wanted.peek() {
                before = before.max(next.seq.before());
            }
        }
        counts.erased += wanted.count() as u64;
        after_seq = until;
    }
}

fn line(row: &EventRow, body: &[u8]) -> Result<Vec<u8>, ExportError> {
    let text = std::str::from_utf8(body).map_err(|_| ExportError::NoText(row.id.clone()))?;
    let line = Line {
        mrrd: LINE.into(),
        id: row.id.as_str().into(),
        variant: row.variant,
        kind: row.kind.as_str().into(),
        account: row.account.as_ref().map(|account| account.as_str().into()),
        livemode: row.livemode,
        created: row.created.0,
        api_version: row.api_version.as_deref().map(Into::into),
        received_at: row.received_at.0,
        source: row.source.as_str().into(),
        body: text.into(),
    };
    Ok(serde_json::to_vec(&line).map_err(std::io::Error::from)?)
}

/// The event of a line that was exported; `None` for any other text.
pub(super) fn event(document: &[u8], clock: &Clock) -> Option<NewEvent> {
    // Every document of a replay comes by here: what begins otherwise isn't read twice.
    document.starts_with(BEGINNING).then_some(())?;
    let line: Line<'_> = serde_json::from_slice(document).ok()?;
    let body = Bytes::copy_from_slice(line.body.as_bytes());
    if let Ok(event) = read::read(&body) {
        return Some(event.received(body, clock.now(), Source::Replay));
    }
    let row = EventRow {
        seq: Seq::START,
        id: EventId::from(&*line.id),
        variant: line.variant,
        kind: line.kind.into_owned(),
        account: line.account.map(|account| AccountId::from(&*account)),
        livemode: line.livemode,
        created: UnixTime(line.created),
        api_version: line.api_version.map(Cow::into_owned),
        received_at: clock.now(),
        source: Source::Replay,
        // Nothing is read of it yet.
        reading: ReadAs::Unreadable,
        reason: None,
    };
    let reading = read::read_again(&body, &row);
    Some(NewEvent {
        id: row.id,
        kind: row.kind.into(),
        account: row.account,
        livemode: row.livemode,
        created: row.created,
        api_version: row.api_version.map(Into::into),
        received_at: row.received_at,
        source: Source::Replay,
        body,
        reading,
    })
}
