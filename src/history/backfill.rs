//! The events that Stripe still lists: each day a stretch of its own, fetched side by side, page by page.
//!
//! A stretch is closed when its walk begins, so nothing can slip into it between two pages. Each page is in the log
//! before its place is kept: a kill at any instruction costs what is under way, and no event.

use std::sync::Arc;

use thiserror::Error;
use tokio::{
    sync::{Mutex, MutexGuard, Semaphore, mpsc},
    task::JoinSet,
};

use super::{answers, replay::Counts};
use crate::{
    clock::Clock,
    ledger::time::UnixTime,
    limits,
    store::{Appended, NewEvent, Store, StoreError},
    stripe::client::{ApiError, Client, lists, lists::Page},
};

/// Why history couldn't be fetched to its end. What was fetched is in the log.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// Stripe's side.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Ours.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A task died.
    #[error("a task ended badly: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// What fetching works with; a clone is cheap.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// Stripe's API.
    pub client: Client,
    /// The log.
    pub store: Store,
    /// Tells when a stretch has to end; what is true when is told by Stripe.
    pub clock: Clock,
}

/// Everything created before this is in the log.
const REACHED: &str = "events";
/// The run under way: `from-until`.
const RUN: &str = "events.run";
/// What belongs to the run under way.
const OF_RUN: &str = "events.";
/// The place of work that is done.
pub(super) const DONE: &str = "done";

impl Fetch {
    /// Fetches every event created since the last time this ended well, at most the 30 days that Stripe lists, and
    /// appends what the log hasn't got. `watch` hears of every page.
    pub async fn events(&self, mut watch: impl FnMut(&Counts)) -> Result<Counts, HistoryError> {
        let mut counts = Counts::default();
        loop {
            let (from, until, resumed) = match self.store.progress(RUN).await?.as_deref().and_then(parsed) {
                Some((from, until)) => (from, until, true),
                None => {
                    let (from, until) = self.due().await?;
                    self.store.set_progress(RUN, &format!("{from}-{until}")).await?;
                    (from, until, false)
                }
            };
            self.stretches(from, until, &mut counts, &mut watch).await?;
            self.store.set_progress(REACHED, &(until - limits::HEALING_OVERLAP_SECONDS).to_string()).await?;
            self.store.clear_progress(OF_RUN).await?;
            if !resumed {
                return Ok(counts);
            }
        }
    }

    /// From where and to when events are due, in Unix seconds.
    async fn due(&self) -> Result<(i64, i64), StoreError> {
        let now = self.clock.now().0;
        let listed = now - limits::STRIPE_EVENT_DAYS * UnixTime::DAY_SECONDS;
        let reached = self.store.progress(REACHED).await?.and_then(|text| text.parse().ok());
        // Seconds of the current one may still be to come: they are the next run's.
        Ok((reached.unwrap_or(listed).clamp(listed, now), now + 1))
    }

    async fn stretches(
        &self,
        from: i64,
        until: i64,
        counts: &mut Counts,
        watch: &mut impl FnMut(&Counts),
    ) -> Result<(), HistoryError> {
        let side_by_side = Arc::new(Semaphore::new(limits::BACKFILL_STRETCHES));
        let (pages, mut fetched) = mpsc::channel(limits::BACKFILL_STRETCHES);
        let (mut tasks, keeping) = (JoinSet::new(), Keeping::default());
        for (start, end) in days(from, until) {
            let (fetch, pages, side_by_side) = (self.clone(), pages.clone(), side_by_side.clone());
            let keeping = keeping.clone();
            tasks.spawn(async move {
                // Never closed: it lives as long as its last holder.
                let _turn = side_by_side.acquire_owned().await;
                fetch.stretch(start, end, &pages, &keeping).await
            });
        }
        drop(pages);
        // The first failure ends the others with the set: what they appended is in the log, and their places are kept.
        loop {
            tokio::select! {
                page = fetched.recv() => match page {
                    Some(page) => {
                        counts.add(page);
                        watch(counts);
                    }
                    None => break,
                },
                Some(ended) = tasks.join_next() => ended??,
            }
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// One stretch, newest first, from where it was left.
    async fn stretch(
        &self,
        start: i64,
        end: i64,
        pages: &mpsc::Sender<Counts>,
        keeping: &Keeping,
    ) -> Result<(), HistoryError> {
        let name = format!("{OF_RUN}at {start}-{end}");
        let mut place = self.store.progress(&name).await?;
        loop {
            if place.as_deref() == Some(DONE) {
                return Ok(());
            }
            keeping.turn(&self.client).await;
            let answer = match self.client.get(&lists::events(UnixTime(start), UnixTime(end), place.as_deref())).await {
                // The event where it was left has left the list meanwhile.
                Err(ApiError::Missing { .. }) if place.is_some() => {
                    place = None;
                    continue;
                }
                answer => answer?,
            };
            let page = Page::of(&answer)?;
            let (events, mut counts) = read_all(page.elements, |body| answers::event(body, &self.clock));
            let last = events.last().map(|event| (event.id.to_string(), event.created.0));
            let kept = keeping.begin().await;
            counts.add(append(&self.store, events).await?);
            place = Some(match last {
                Some((id, created)) if page.has_more && created >= start => id,
                _ => DONE.to_owned(),
            });
            self.store.set_progress(&name, place.as_deref().unwrap_or(DONE)).await?;
            drop(kept);
            // Nobody watches any more when the run has failed elsewhere: this page is kept all the same.
            if pages.send(counts).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// One page at a time is kept, and nobody asks for another meanwhile: pages that have come and aren't in the log yet are
/// what a kill costs. Requests that are under way bring the next ones all the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Keeping(Arc<(Mutex<()>, Mutex<()>)>);

impl Keeping {
    /// Waits for a turn at which no page is being kept.
    pub(super) async fn turn(&self, client: &Client) {
        let (asking, keeping) = &*self.0;
        let _asking = asking.lock().await;
        loop {
            client.ready().await;
            if keeping.try_lock().is_ok() {
                return;
            }
            drop(keeping.lock().await);
        }
    }

    /// Until what it returns is dropped, a page is being kept.
    pub(super) async fn begin(&self) -> MutexGuard<'_, ()> {
        self.0.1.lock().await
    }
}

impl Counts {
    /// Adds what another page came to.
    pub fn add(&mut self, other: Self) {
        self.read += other.read;
        self.appended += other.appended;
        self.duplicates += other.duplicates;
        self.rejected += other.rejected;
    }
}

/// Reads each element of a page; what can't be read is counted and named in the log.
pub(super) fn read_all(
    elements: Vec<bytes::Bytes>,
    read: impl Fn(bytes::Bytes) -> Result<NewEvent, String>,
) -> (Vec<NewEvent>, Counts) {
    let mut counts = Counts::default();
    let mut events = Vec::with_capacity(elements.len());
    for element in elements {
        match read(element) {
            Ok(event) => events.push(event),
            Err(reason) => {
                tracing::warn!(reason, "an element of Stripe's list could not be read: it is left out");
                counts.read += 1;
                counts.rejected += 1;
            }
        }
    }
    (events, counts)
}

/// Appends a page; a variant counts as a duplicate, as it does in a replay.
pub(super) async fn append(store: &Store, events: Vec<NewEvent>) -> Result<Counts, StoreError> {
    let read = events.len() as u64;
    let outcomes = if events.is_empty() { Vec::new() } else { store.append(&events).await? };
    let appended = outcomes.iter().filter(|outcome| matches!(outcome, Appended::New(_))).count() as u64;
    Ok(Counts { read, appended, duplicates: read - appended, rejected: 0 })
}

fn parsed(run: &str) -> Option<(i64, i64)> {
    let (from, until) = run.split_once('-')?;
    Some((from.parse().ok()?, until.parse().ok()?))
}

/// Cuts `from..until` at midnights UTC.
fn days(from: i64, until: i64) -> impl Iterator<Item = (i64, i64)> {
    let mut start = from;
    std::iter::from_fn(move || {
        let end = ((start.div_euclid(UnixTime::DAY_SECONDS) + 1) * UnixTime::DAY_SECONDS).min(until);
        (start < until).then(|| (std::mem::replace(&mut start, end), end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_days_and_leave_nothing_out() {
        let day = UnixTime::DAY_SECONDS;
        let cut: Vec<_> = days(day / 2, 2 * day + 1).collect();
        assert_eq!(cut, [(day / 2, day), (day, 2 * day), (2 * day, 2 * day + 1)]);
        assert_eq!(days(5, 5).count(), 0);
    }
}
