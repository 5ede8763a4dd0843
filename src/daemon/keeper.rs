//! What a daemon does for its own database: keeps the log and its files in order, says once what an older mrrd read, and counts ahead
//! of who asks.

use tokio::sync::watch;

use crate::{
    background::{Task, Turn, Words},
    event::Source,
    ledger::fact::NORMALISER,
    limits,
    store::{
        Store, StoreError,
        log::{Log, ReadLog},
    },
};

/// Keeps the log and its files in order; a failure is tried again a second later.
pub(super) struct Keeper(pub(super) Store);

impl Task for Keeper {
    fn name(&self) -> String {
        "keeper".into()
    }

    fn words(&self) -> Words {
        Words::Repeated("the database could not be looked after now", "the database can be looked after again")
    }

    async fn turn(&mut self, _: &watch::Receiver<bool>) -> Turn {
        match self.0.look_after().await {
            Ok(()) => Turn::done(limits::LOOK_AFTER_INTERVAL),
            Err(error) => Turn::failed(error, limits::LOOK_AFTER_INTERVAL),
        }
    }

    async fn end(self) {
        // How far the log went is remembered to its end.
        if let Err(error) = self.0.look_after().await {
            tracing::warn!(%error, "how far the log went could not be kept");
        }
    }
}

/// Says, once, when the log holds events that an older mrrd read: theirs are still the facts it yielded.
pub(super) struct OlderReadings(pub(super) ReadLog);

impl Task for OlderReadings {
    fn name(&self) -> String {
        "readings".into()
    }

    fn words(&self) -> Words {
        Words::Once("the log could not be asked for events that an older mrrd read")
    }

    async fn turn(&mut self, _: &watch::Receiver<bool>) -> Turn {
        match self.0.count_read_by_older(NORMALISER).await {
            Ok(0) => Turn::last(),
            Ok(events) => {
                tracing::warn!(
                    events,
                    "an older mrrd read these events: `mrrd rebuild --renormalize` reads them again"
                );
                Turn::last()
            }
            Err(error) => Turn::failed(error, limits::STORE_RETRY),
        }
    }
}

/// Counts the log as it grows, and looks through it for the newest event of each way in: for a way by which nothing came that is the
/// whole log, and whoever asks first how the daemon does needn't wait for either.
pub(super) struct LogCounts(pub(super) Log);

impl Task for LogCounts {
    fn name(&self) -> String {
        "counts".into()
    }

    fn words(&self) -> Words {
        Words::Once("the events of the log could not be counted ahead of who asks for them")
    }

    async fn turn(&mut self, stop: &watch::Receiver<bool>) -> Turn {
        let counting = async {
            self.0.newest_of(Source::Webhook).await?;
            while self.0.count_ahead(limits::COUNTED_AHEAD).await? && !*stop.borrow() {}
            Ok::<_, StoreError>(())
        };
        match counting.await {
            Ok(()) => Turn::done(limits::COUNT_INTERVAL),
            Err(error) => Turn::failed(error, limits::STORE_RETRY),
        }
    }
}
