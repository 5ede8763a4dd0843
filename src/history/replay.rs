//! Replay: events of files into the log, in batches, with every rejection named.

use std::collections::HashSet;

use serde::Serialize;

use super::{
    files::Input,
    reading::{Read, Reading, Room},
};
use crate::{
    clock::Clock,
    ledger::{ids::EventId, time::UnixTime},
    limits,
    store::{
        Store, StoreError,
        log::{Appended, Prepared},
    },
};

/// What a replay came to; `read` is the sum of those appended, duplicate and rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// How many documents were met, events or not.
    pub read: u64,
    /// New in the log (or that would be, of a dry run).
    pub appended: u64,
    /// In the log already, those in another body among them.
    pub duplicates: u64,
    /// Of the duplicates those in another body, which is kept as a variant (rule `variants`); a dry run doesn't look at bodies.
    #[serde(skip)]
    pub variants: u64,
    /// Not events, or not readable as text.
    pub rejected: u64,
}

impl Counts {
    /// How many of the duplicates came in another body, as a sentence says it behind them; empty where none did.
    pub fn other_bodies(&self) -> String {
        match self.variants {
            0 => String::new(),
            1 => " (1 of them in another body, which is kept as a variant)".into(),
            many => format!(" ({many} of them in other bodies, which are kept as variants)"),
        }
    }
}

/// What happens on the way, for whoever watches.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A document of the file was rejected: nothing of it is in the log.
    Rejected {
        /// The input that is being read.
        input: &'a Input,
        /// Where in it; `None` when the input itself is at fault.
        place: Option<&'a str>,
        /// Why; never quotes the document.
        reason: &'a str,
        /// The document itself, to be set aside; empty where there is none or it is too long to be held.
        text: &'a [u8],
    },
    /// Another batch is in the log.
    Batch {
        /// What was counted so far.
        counts: Counts,
        /// Bytes of the inputs read so far, as they lie there.
        bytes: u64,
    },
}

/// Reads `inputs` and appends their events, in their order; with `dry_run` only looks which ones are new. Objects that don't
/// tell when they stood so were read at `read_at`. Stops only when the database fails.
pub async fn run(
    store: Option<&Store>,
    inputs: Vec<Input>,
    dry_run: bool,
    read_at: Option<UnixTime>,
    clock: &Clock,
    mut watch: impl FnMut(Progress<'_>),
) -> Result<Counts, StoreError> {
    let mut reading =
        Reading::begin(inputs.clone(), store.filter(|_| !dry_run).map(|store| store.log.clone()), read_at, clock);
    let mut counts = Counts::default();
    let mut batch = Batch::default();
    let mut seen = HashSet::new();
    loop {
        let read = reading.next().await;
        let ended = read.is_none();
        match read {
            Some((Read::Event { id, bytes, prepared }, room)) => {
                counts.read += 1;
                batch.ids.push(id);
                batch.prepared.extend(prepared.map(|prepared| *prepared));
                batch.bytes += bytes;
                batch.room.push(room);
            }
            Some((Read::Rejected { input, place, reason, text }, _)) => {
                counts.read += 1;
                counts.rejected += 1;
                let (input, place) = (&inputs[input], place.as_deref());
                watch(Progress::Rejected { input, place, reason: &reason, text: &text });
            }
            None => {}
        }
        let full = batch.ids.len() >= limits::REPLAY_BATCH_EVENTS || batch.bytes >= limits::REPLAY_BATCH_BYTES;
        if !batch.ids.is_empty() && (full || ended || reading.is_behind()) {
            let batch = std::mem::take(&mut batch);
            let all = batch.ids.len() as u64;
            let new = match store {
                Some(store) if !dry_run => {
                    let (new, variants) = appended(store, batch.prepared).await?;
                    counts.variants += variants;
                    new
                }
                store => unknown(store, &batch.ids, &mut seen).await?,
            };
            counts.appended += new;
            counts.duplicates += all - new;
            watch(Progress::Batch { counts, bytes: reading.bytes() });
        }
        if ended {
            return Ok(counts);
        }
    }
}

/// Events that are written together.
#[derive(Default)]
struct Batch {
    ids: Vec<EventId>,
    prepared: Vec<Prepared>,
    bytes: usize,
    room: Vec<Room>,
}

/// Appends a batch; returns how many were new, and how many another body of an event that is there.
async fn appended(store: &Store, batch: Vec<Prepared>) -> Result<(u64, u64), StoreError> {
    let outcomes = store.log.append_prepared(batch).await?;
    // While it is at hand: nobody who asks later waits until millions of events are counted.
    store.log.count_ahead(limits::COUNTED_AHEAD).await?;
    Ok(new_and_variants(&outcomes))
}

/// How many were new, and how many another body of an event that is there.
pub(super) fn new_and_variants(outcomes: &[Appended]) -> (u64, u64) {
    let count = |is: fn(&&Appended) -> bool| outcomes.iter().filter(is).count() as u64;
    (count(|outcome| matches!(outcome, Appended::New(_))), count(|outcome| matches!(outcome, Appended::Variant(_))))
}

/// How many of a batch would be new.
async fn unknown(store: Option<&Store>, ids: &[EventId], seen: &mut HashSet<EventId>) -> Result<u64, StoreError> {
    let known: HashSet<EventId> = match store {
        Some(store) => store.log.known_ids(ids).await?.into_iter().collect(),
        None => HashSet::new(),
    };
    Ok(ids.iter().filter(|id| !known.contains(*id) && seen.insert((*id).clone())).count() as u64)
}
