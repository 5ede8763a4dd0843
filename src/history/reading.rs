//! Reading for a replay: documents are dealt out to a thread for each core, which make events of them ready to be written,
//! and are collected in the order in which they were dealt.
//!
//! What is on the way is bounded in number and in bytes. The threads end when their inputs do, or when nobody collects any
//! more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc as threads,
    },
    thread::available_parallelism,
};

use bytes::Bytes;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
};

use super::{
    answers,
    documents::{self, Document},
    envelopes, export,
    files::Input,
    tables::{self, Row},
};
use crate::{
    clock::Clock,
    event::{NewEvent, Source},
    ledger::{ids::EventId, time::UnixTime},
    limits,
    store::log::{Log, Prepared},
    stripe::{
        client::{Answer, version},
        read::{self, ReadEvent},
    },
};

/// What one document is.
pub(super) enum Read {
    /// An event; ready to be written, unless it is only looked for.
    Event { id: EventId, bytes: usize, prepared: Option<Box<Prepared>> },
    /// None, or none that can be read.
    Rejected { input: usize, place: Option<String>, reason: String, text: Bytes },
}

/// Room for a document's bytes, taken until its event is written.
pub(super) type Room = Option<OwnedSemaphorePermit>;

/// The inputs, being read.
pub(super) struct Reading {
    /// One of each thread.
    read: Vec<mpsc::Receiver<(Read, Room)>>,
    turn: usize,
    bytes: Arc<AtomicU64>,
}

impl Reading {
    /// Begins to read. Events are made ready to be written into `log`; without one they are only looked for.
    ///
    /// An object that doesn't tell when it stood so did at `read_at`.
    pub(super) fn begin(inputs: Vec<Input>, log: Option<Log>, read_at: Option<UnixTime>, clock: &Clock) -> Self {
        let bytes = Arc::new(AtomicU64::new(0));
        let (mut dealt, mut read) = (Vec::new(), Vec::new());
        for _ in 0..available_parallelism().map_or(1, usize::from) {
            let (to_thread, documents) = threads::sync_channel::<(usize, Document, Room)>(limits::REPLAY_AHEAD);
            let (from_thread, ready) = mpsc::channel(limits::REPLAY_AHEAD);
            let (clock, log) = (clock.clone(), log.clone());
            tokio::task::spawn_blocking(move || {
                for (input, document, room) in documents {
                    if from_thread.blocking_send((one(input, document, log.as_ref(), read_at, &clock), room)).is_err() {
                        return;
                    }
                }
            });
            dealt.push(to_thread);
            read.push(ready);
        }
        let dealer = Dealer {
            dealt,
            turn: 0,
            room: Arc::new(Semaphore::new(limits::REPLAY_AHEAD_BYTES)),
            runtime: Handle::current(),
        };
        let counter = bytes.clone();
        tokio::task::spawn_blocking(move || dealer.deal(&inputs, &counter));
        Self { read, turn: 0, bytes }
    }

    /// The next document, in the order of the inputs; `None` at their end.
    pub(super) async fn next(&mut self) -> Option<(Read, Room)> {
        let thread = self.turn % self.read.len();
        self.turn += 1;
        self.read[thread].recv().await
    }

    /// Whether the next one isn't there yet.
    pub(super) fn is_behind(&self) -> bool {
        self.read[self.turn % self.read.len()].is_empty()
    }

    /// Bytes of the inputs read so far, as they lie there.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// Nobody collects any more.
struct Gone;

/// Deals documents out, one thread after the other.
struct Dealer {
    dealt: Vec<threads::SyncSender<(usize, Document, Room)>>,
    turn: usize,
    room: Arc<Semaphore>,
    runtime: Handle,
}

impl Dealer {
    fn deal(mut self, inputs: &[Input], bytes: &Arc<AtomicU64>) {
        for (at, input) in inputs.iter().enumerate() {
            if self.input(at, input, bytes).is_err() {
                return;
            }
        }
    }

    fn input(&mut self, at: usize, input: &Input, bytes: &Arc<AtomicU64>) -> Result<(), Gone> {
        let fault = |reason| Document { place: String::new(), body: Err(reason), text: Bytes::new() };
        let stream = match input.open(bytes.clone()) {
            Ok(stream) => stream,
            Err(error) => return self.give(at, fault(format!("it can't be read: {error}"))),
        };
        let mut given = Ok(());
        let ended = documents::read(stream, &mut |document| {
            if given.is_ok() {
                given = self.give(at, document);
            }
            given.is_ok()
        });
        given?;
        match ended {
            Ok(()) => Ok(()),
            Err(reason) => self.give(at, fault(reason)),
        }
    }

    fn give(&mut self, at: usize, document: Document) -> Result<(), Gone> {
        let length = document.body.as_ref().map_or(0, Bytes::len) + document.text.len();
        // One that is larger than all room there is has it to itself.
        let room = u32::try_from(length.min(limits::REPLAY_AHEAD_BYTES)).unwrap_or(u32::MAX);
        let room = self.runtime.block_on(self.room.clone().acquire_many_owned(room)).ok();
        let thread = self.turn % self.dealt.len();
        self.turn += 1;
        self.dealt[thread].send((at, document, room)).map_err(|_| Gone)
    }
}

fn one(input: usize, document: Document, log: Option<&Log>, read_at: Option<UnixTime>, clock: &Clock) -> Read {
    let Document { place, body, text } = document;
    let place = Some(place).filter(|place| !place.is_empty());
    match body {
        Err(reason) => Read::Rejected { input, place, reason, text },
        Ok(body) => match event(body.clone(), read_at, clock) {
            Err(reason) => Read::Rejected { input, place, reason, text: body },
            Ok(event) => Read::Event {
                id: event.id.clone(),
                bytes: event.body.len(),
                prepared: log.map(|log| Box::new(log.prepared(event))),
            },
        },
    }
}

/// An event, alone or in an envelope, else what a row of another program's table holds of Stripe's, or an object itself.
fn event(body: Bytes, read_at: Option<UnixTime>, clock: &Clock) -> Result<NewEvent, String> {
    if let Some(event) = export::event(&body, clock) {
        return Ok(event);
    }
    if let Some(row) = tables::wrapped(&body) {
        return match read::read(&row.inside) {
            Ok(read) if !read.kind.is_empty() => Ok(replayed(row.inside, read, clock)),
            _ => {
                object(row, read_at, clock).unwrap_or_else(|| Err("what the row keeps is no object of Stripe's".into()))
            }
        };
    }
    let read = read::read(&body);
    if !read.as_ref().is_ok_and(|read| read.named && !read.kind.is_empty())
        && let Some(inside) = envelopes::unwrapped(&body)
    {
        let read = read::read(&inside).map_err(|error| error.to_string())?;
        return Ok(replayed(inside, read, clock));
    }
    match read {
        Ok(read) if !read.kind.is_empty() => Ok(replayed(body, read, clock)),
        // Whoever signs a webhook says that it is an event; a file doesn't.
        Ok(_) => Err("it is no event: it has no type, and no stripe_data or _raw_data either".into()),
        Err(error) => object(tables::own(body), read_at, clock).unwrap_or_else(|| Err(error.to_string())),
    }
}

fn replayed(body: Bytes, read: ReadEvent, clock: &Clock) -> NewEvent {
    read.received(body, clock.now(), Source::Replay)
}

/// An object as it stood when its row was written, or else at `read_at`: kept like an answer of the API. `None` for what is
/// no object of Stripe's.
fn object(row: Row, read_at: Option<UnixTime>, clock: &Clock) -> Option<Result<NewEvent, String>> {
    let path = "a table's row".to_owned();
    let Some(at) = row.at.or(read_at) else {
        let told = answers::id(&row.inside).is_some();
        let reason = "it is an object, and nothing tells when it stood so: _last_synced_at, djstripe_updated or \
                      updated_at; or say when it was read with --read-at";
        return told.then(|| Err(reason.to_owned()));
    };
    // Tables don't keep the version; the shape tells what is needed.
    let answer = Answer { path, body: Bytes::new(), at, api_version: version().into(), livemode: false };
    let event = answers::object(row.inside, &answer, clock).ok()?;
    // Read again later it may say what it said once before, and in between something else.
    let event =
        if row.at.is_none() { answers::again(event, &format!("read at {}", at.0).as_str().into()) } else { event };
    Some(Ok(NewEvent { source: Source::Replay, ..event }))
}
