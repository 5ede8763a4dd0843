//! Replay: events of files into the log, in batches, with every rejection named.

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::mpsc;

use super::{
    answers, documents,
    files::Input,
    tables::{self, Row},
};
use crate::{
    clock::Clock,
    ledger::ids::EventId,
    limits,
    store::{Appended, NewEvent, Source, Store, StoreError},
    stripe::{
        client::{Answer, version},
        read,
    },
};

/// What a replay came to; `read` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Documents met.
    pub read: u64,
    /// New in the log (or that would be, of a dry run).
    pub appended: u64,
    /// In the log already; one in another shape is kept as a variant and counted here.
    pub duplicates: u64,
    /// Not events, or not readable as text.
    pub rejected: u64,
}

/// What happens on the way, for whoever watches.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A document was rejected.
    Rejected {
        /// Of which input.
        input: &'a Input,
        /// Where in it; `None` when the input itself is at fault.
        place: Option<&'a str>,
        /// Why; never quotes the document.
        reason: &'a str,
        /// The document itself, to be set aside; empty where there is none or it is too long to be held.
        text: &'a [u8],
    },
    /// Another batch is in the log.
    Batch(Counts),
}

/// One message from the reading thread.
enum Message {
    Event(Box<NewEvent>),
    Rejected { input: usize, place: Option<String>, reason: String, text: Bytes },
}

/// Reads `inputs` and appends their events; with `dry_run` only looks which ones are new. Stops only when the
/// database fails.
pub async fn run(
    store: Option<&Store>,
    inputs: Vec<Input>,
    dry_run: bool,
    clock: &Clock,
    mut watch: impl FnMut(Progress<'_>),
) -> Result<Counts, StoreError> {
    let (sender, mut receiver) = mpsc::channel(2 * limits::REPLAY_BATCH_EVENTS);
    let (clock, names) = (clock.clone(), inputs.clone());
    // Reading, decompressing and parsing block: they have a thread of their own. It ends when its inputs or we do.
    let reading = tokio::task::spawn_blocking(move || {
        for (at, input) in inputs.iter().enumerate() {
            if read_input(at, input, &clock, &sender).is_err() {
                return;
            }
        }
    });
    let mut counts = Counts::default();
    let mut batch = Vec::new();
    let mut batch_bytes = 0;
    let mut seen = std::collections::HashSet::new();
    loop {
        let message = receiver.recv().await;
        let ended = message.is_none();
        match message {
            Some(Message::Event(event)) => {
                counts.read += 1;
                batch_bytes += event.body.len();
                batch.push(*event);
            }
            Some(Message::Rejected { input, place, reason, text }) => {
                counts.read += 1;
                counts.rejected += 1;
                let (input, place) = (&names[input], place.as_deref());
                watch(Progress::Rejected { input, place, reason: &reason, text: &text });
            }
            None => {}
        }
        let full = batch.len() >= limits::REPLAY_BATCH_EVENTS || batch_bytes >= limits::REPLAY_BATCH_BYTES;
        if !batch.is_empty() && (full || ended || receiver.is_empty()) {
            let taken = std::mem::take(&mut batch);
            batch_bytes = 0;
            let (of_batch, new) = (
                taken.len() as u64,
                match store {
                    Some(store) if !dry_run => appended(store, taken).await?,
                    store => unknown(store, &taken, &mut seen).await?,
                },
            );
            counts.appended += new;
            counts.duplicates += of_batch - new;
            watch(Progress::Batch(counts));
        }
        if ended {
            break;
        }
    }
    // It has nothing more to say: its sender is gone.
    drop(reading.await);
    Ok(counts)
}

/// Appends a batch; returns how many were new.
async fn appended(store: &Store, batch: Vec<NewEvent>) -> Result<u64, StoreError> {
    let outcomes = store.append(&batch).await?;
    Ok(outcomes.iter().filter(|outcome| matches!(outcome, Appended::New(_))).count() as u64)
}

/// How many of a batch would be new.
async fn unknown(
    store: Option<&Store>,
    batch: &[NewEvent],
    seen: &mut std::collections::HashSet<EventId>,
) -> Result<u64, StoreError> {
    let ids: Vec<_> = batch.iter().map(|event| event.id.clone()).collect();
    let known = match store {
        Some(store) => store.known_ids(&ids).await?,
        None => Vec::new(),
    };
    Ok(ids.into_iter().filter(|id| !known.contains(id) && seen.insert(id.clone())).count() as u64)
}

/// The receiving end is gone.
struct Gone;

fn read_input(at: usize, input: &Input, clock: &Clock, sender: &mpsc::Sender<Message>) -> Result<(), Gone> {
    let send = |message| sender.blocking_send(message).map_err(|_| Gone);
    let stream = match input.open() {
        Ok(stream) => stream,
        Err(error) => {
            return send(Message::Rejected { input: at, place: None, reason: error.to_string(), text: Bytes::new() });
        }
    };
    let mut outcome = Ok(());
    let ended = documents::read(stream, &mut |document| {
        if outcome.is_err() {
            return;
        }
        let (place, text) = (Some(document.place), document.text);
        outcome = send(match document.body {
            Err(reason) => Message::Rejected { input: at, place, reason, text },
            Ok(body) => match event(body.clone(), clock) {
                Ok(event) => Message::Event(Box::new(event)),
                Err(reason) => Message::Rejected { input: at, place, reason, text: body },
            },
        });
    });
    outcome?;
    match ended {
        Ok(()) => Ok(()),
        Err(reason) => send(Message::Rejected { input: at, place: None, reason, text: Bytes::new() }),
    }
}

/// An event, else what a row of another program's table holds of Stripe's.
fn event(body: Bytes, clock: &Clock) -> Result<NewEvent, String> {
    let (body, read) = match read::read(&body) {
        Ok(read) => (body, read),
        Err(error) => {
            let Some(row) = tables::row(&body) else { return Err(error.to_string()) };
            match read::read(&row.inside) {
                Ok(read) => (row.inside, read),
                Err(_) => return object(row, clock).unwrap_or_else(|| Err(error.to_string())),
            }
        }
    };
    Ok(NewEvent {
        id: read.id,
        kind: read.kind,
        account: read.account,
        livemode: read.livemode,
        created: read.created,
        api_version: read.api_version,
        received_at: clock.now(),
        source: Source::Replay,
        body,
        reading: read.reading,
    })
}

/// An object as it stood when its row was written: kept like an answer of the API. `None` for what is no object of Stripe's.
fn object(row: Row, clock: &Clock) -> Option<Result<NewEvent, String>> {
    let path = "a table's row".to_owned();
    let Some(at) = row.at else {
        let told = answers::id(&row.inside).is_some();
        let reason =
            "it is an object, and nothing tells when it stood so: _last_synced_at, djstripe_updated or updated_at";
        return told.then(|| Err(reason.to_owned()));
    };
    // Tables don't keep the version; the shape tells what is needed.
    let answer = Answer { path, body: Bytes::new(), at, api_version: version().into() };
    let event = answers::object(row.inside, &answer, clock).ok()?;
    Some(Ok(NewEvent { source: Source::Replay, ..event }))
}
