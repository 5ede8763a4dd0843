//! The ledger's pulse: where log and figures stand, whether the log can be written and whether webhooks are refused otherwise, looked
//! at once for everybody who listens, and only while somebody does.

use std::sync::Arc;

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::sleep,
};

use crate::{
    clock::Clock,
    event::Seq,
    limits,
    receiver::intake::{Intake, Refusing},
    store::{ReadStore, StoreError, Work},
};

/// Why nothing can be appended to the log now, in the database's words; `None` where it can. Webhooks are answered 503 meanwhile.
pub async fn refuses(store: &ReadStore) -> Option<Arc<str>> {
    store.ready(Work::Appending).await.err().map(|error| match error {
        StoreError::Unavailable { reason, .. } => reason.into(),
        error => error.to_string().into(),
    })
}

/// Where log and figures stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// The last place in the log.
    pub last_seq: Seq,
    /// Everything up to here is in the figures.
    pub applied_seq: Seq,
    /// Why nothing can be appended to the log now; `None` where it can.
    pub refuses: Option<Arc<str>>,
    /// Endpoints of this process that refuse webhooks for another reason, and take none.
    pub webhooks_refused: Arc<[Refusing]>,
}

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Looked {
    /// The log and the ledger.
    pub store: ReadStore,
    /// How each endpoint for webhooks fares in this process.
    pub intake: Intake,
    /// By which it is judged how long that is so.
    pub clock: Clock,
}

/// The way to listen; a clone is cheap.
#[derive(Clone, Debug)]
pub struct Pulse {
    beats: watch::Sender<Option<Beat>>,
    places: Arc<Semaphore>,
}

/// One listener of the stream of changes.
#[derive(Debug)]
pub struct Listener {
    beats: watch::Receiver<Option<Beat>>,
    _place: OwnedSemaphorePermit,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { beats: watch::Sender::new(None), places: Arc::new(Semaphore::new(limits::LISTENERS)) }
    }
}

impl Pulse {
    /// Listens from the next look on; `None` while as many as may listen do.
    pub fn listen(&self) -> Option<Listener> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let mut beats = self.beats.subscribe();
        beats.mark_changed();
        Some(Listener { beats, _place: place })
    }

    /// Looks for as long as the daemon lives; a database that is away is asked again with the next look.
    ///
    /// It is no `Task`: it works only while somebody listens, holds no lease, and has no turn whose failure anybody would be
    /// told of.
    pub async fn run(self, at: Looked, mut stop: watch::Receiver<bool>) {
        let Looked { store, intake, clock } = at;
        let looking = async {
            loop {
                if self.beats.receiver_count() > 0 {
                    let refuses = refuses(&store).await;
                    let webhooks_refused: Arc<[Refusing]> = intake.refusing(clock.now()).into();
                    // The log's end first: what comes in between may count as lag, never the other way round.
                    let stands = match store.log.end().await {
                        Ok(last_seq) => {
                            store.derived.applied_seq().await.ok().map(|applied_seq| (last_seq, applied_seq))
                        }
                        Err(_) => None,
                    };
                    self.beats.send_if_modified(|before| {
                        // What can't be read now stands where it stood; who never could read it tells nothing.
                        let stood = before.as_ref().map(|beat| (beat.last_seq, beat.applied_seq));
                        let Some((last_seq, applied_seq)) = stands.or(stood) else { return false };
                        let beat = Some(Beat { last_seq, applied_seq, refuses, webhooks_refused });
                        *before != beat && {
                            *before = beat;
                            true
                        }
                    });
                }
                sleep(limits::PULSE_INTERVAL).await;
            }
        };
        tokio::select! {
            () = looking => {}
            // An error means that the daemon is gone.
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

impl Listener {
    /// The next beat that differs; `None` once nobody looks any more.
    pub async fn next(&mut self) -> Option<Beat> {
        loop {
            self.beats.changed().await.ok()?;
            let beat = self.beats.borrow_and_update().clone();
            if beat.is_some() {
                return beat;
            }
        }
    }
}
