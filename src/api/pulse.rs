//! The ledger's pulse: where log and figures stand, looked at once for everybody who listens, and only while somebody does.

use std::sync::Arc;

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::sleep,
};

use crate::{event::Seq, limits, store::ReadStore};

/// Where log and figures stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// The last place in the log.
    pub last_seq: Seq,
    /// Everything up to here is in the figures.
    pub applied_seq: Seq,
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
    pub async fn run(self, store: ReadStore, mut stop: watch::Receiver<bool>) {
        let looking = async {
            loop {
                if self.beats.receiver_count() > 0 {
                    // The log's end first: what comes in between may count as lag, never the other way round.
                    if let Ok(last_seq) = store.log.end().await
                        && let Ok(applied_seq) = store.derived.applied_seq().await
                    {
                        let beat = Some(Beat { last_seq, applied_seq });
                        self.beats.send_if_modified(|before| std::mem::replace(before, beat) != beat);
                    }
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
            if let Some(beat) = *self.beats.borrow_and_update() {
                return Some(beat);
            }
        }
    }
}
