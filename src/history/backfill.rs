//! The events that Stripe still lists: each day a stretch of its own, fetched side by side, page by page.
//!
//! A stretch is closed when its walk begins, so nothing can slip into it between two pages. However many pages are asked
//! for at once, each is taken off the wire only when the one taken before it is in the log and its place kept: a kill at any
//! instruction costs one page that has to be fetched again, and no event.

use std::sync::Arc;

use thiserror::Error;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

use super::{
    answers,
    replay::{Counts, new_and_variants},
};
use crate::{
    clock::Clock,
    event::NewEvent,
    ledger::time::UnixTime,
    limits,
    store::{Store, StoreError},
    stripe::client::{ApiError, Client, lists, lists::Page},
};

/// Why history couldn't be fetched to its end. What was fetched is in the log.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// Stripe's API refused or didn't answer.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The log couldn't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Some of Stripe's lists; the others were read to their end.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<ApiError>),
    /// A task that fetched died.
    #[error("a task ended badly: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// What fetching works with; a clone is cheap.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// The client that asks Stripe's API.
    pub client: Client,
    /// The store whose log takes what is fetched.
    pub store: Store,
    /// Tells when a stretch has to end; what is true when is told by Stripe.
    pub clock: Clock,
}

/// The place of work that is done.
pub(super) const DONE: &str = "done";

/// Where a stretch was left: after this event.
struct StretchPosition {
    event: String,
    created: i64,
}

impl StretchPosition {
    fn parsed(text: &str) -> Option<Self> {
        let (event, created) = text.split_once(' ')?;
        Some(Self { event: event.to_owned(), created: created.parse().ok()? })
    }
}

impl Fetch {
    /// Everything created before what is kept here is in the log. What is kept below it, `.run` with `from-until` and a
    /// place for each stretch, belongs to the run under way.
    fn reached(&self) -> String {
        format!("events.{}", self.client.mode())
    }

    /// Fetches every event created since the last time this ended well, at most the 30 days that Stripe lists, and
    /// appends what the log hasn't got. `watch` hears of every page.
    pub async fn events(&self, mut watch: impl FnMut(&Counts)) -> Result<Counts, HistoryError> {
        let mut counts = Counts::default();
        let (reached, run) = (self.reached(), format!("{}.run", self.reached()));
        loop {
            let (from, until, resumed) = match self.store.records.progress(&run).await?.as_deref().and_then(parsed) {
                Some((from, until)) => (from, until, true),
                None => {
                    let (from, until) = self.due().await?;
                    self.store.records.set_progress(&run, &format!("{from}-{until}")).await?;
                    (from, until, false)
                }
            };
            self.stretches(from, until, &mut counts, &mut watch).await?;
            self.store.records.set_progress(&reached, &(until - limits::HEALING_OVERLAP_SECONDS).to_string()).await?;
            self.store.records.clear_progress(&format!("{reached}.")).await?;
            if !resumed {
                return Ok(counts);
            }
        }
    }

    /// From where and to when events are due, in Unix seconds.
    async fn due(&self) -> Result<(i64, i64), StoreError> {
        let now = self.clock.now().0;
        let listed = now - limits::STRIPE_EVENT_DAYS * UnixTime::DAY_SECONDS;
        let reached = self.store.records.progress(&self.reached()).await?.and_then(|text| text.parse().ok());
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
        let mut tasks = JoinSet::new();
        for (start, end) in days(from, until) {
            let (fetch, pages, side_by_side) = (self.clone(), pages.clone(), side_by_side.clone());
            tasks.spawn(async move {
                // Never closed: it lives as long as its last holder.
                let _turn = side_by_side.acquire_owned().await;
                fetch.stretch(start, end, &pages).await
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
    async fn stretch(&self, start: i64, end: i64, pages: &mpsc::Sender<Counts>) -> Result<(), HistoryError> {
        let name = format!("{}.at {start}-{end}", self.reached());
        let kept = self.store.records.progress(&name).await?;
        if kept.as_deref() == Some(DONE) {
            return Ok(());
        }
        let (mut end, mut place) = (end, kept.as_deref().and_then(StretchPosition::parsed));
        loop {
            let after = place.as_ref().map(|place| place.event.as_str());
            let (answer, in_hand) = match self.client.take(&lists::events(UnixTime(start), UnixTime(end), after)).await
            {
                // The event where it was left has left the list meanwhile: what is as old as it is looked at again.
                Err(ApiError::Missing { .. }) if place.is_some() => {
                    end = place.take().map_or(end, |place| place.created + 1);
                    continue;
                }
                answer => answer?,
            };
            let page = Page::from_answer(&answer)?;
            let (events, mut counts) = read_all(page.elements, |body| answers::event(body, &self.clock));
            let last =
                events.last().map(|event| StretchPosition { event: event.id.to_string(), created: event.created.0 });
            counts.add(append(&self.store, events).await?);
            place = last.filter(|last| page.has_more && last.created >= start);
            let kept = place
                .as_ref()
                .map_or(DONE.to_owned(), |StretchPosition { event, created }| format!("{event} {created}"));
            self.store.records.set_progress(&name, &kept).await?;
            drop(in_hand);
            // Nobody watches any more when the run has failed elsewhere: this page is kept all the same.
            if pages.send(counts).await.is_err() || place.is_none() {
                return Ok(());
            }
        }
    }
}

impl Counts {
    /// Adds what another page came to.
    pub fn add(&mut self, other: Self) {
        self.read += other.read;
        self.appended += other.appended;
        self.duplicates += other.duplicates;
        self.variants += other.variants;
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
    let outcomes = if events.is_empty() { Vec::new() } else { store.log.append(&events).await? };
    let (appended, variants) = new_and_variants(&outcomes);
    Ok(Counts { read, appended, duplicates: read - appended, variants, rejected: 0 })
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
