//! Movements as a feed: each is posted once it is there, and again where it turns out to be something else.
//!
//! `collect` holds the ledger's movements against what was told of them and appends what is new to one list of entries;
//! each feed posts that list in order from its own place on, so that nothing is lost, reordered or skipped. Who prefers to
//! ask reads the same entries at `/api/v1/movements?after=`.

mod collect;
pub mod message;
mod post;

use std::{sync::Arc, time::Instant};

use tokio::sync::{Notify, watch};

use crate::{
    alerts::{channels::Channel, lease::AtWork},
    background::{Task, Tasks, Turn, Words},
    clock::Clock,
    config::Config,
    event::Seq,
    ledger::time::Day,
    limits,
    report::{
        ask::Ask,
        service::{AskError, Reports},
    },
    store::{ReadStore, StoreError},
    telemetry::Metrics,
};

/// What is kept of a feed beside its entries, by name.
#[derive(Clone, Debug)]
pub struct FeedProgress {
    name: String,
}

impl FeedProgress {
    /// Of the feed with this name.
    pub fn for_feed(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    /// The position of the last entry that was taken.
    pub fn taken(&self) -> String {
        format!("feed:{}:taken", self.name)
    }

    /// The first day it tells of.
    pub fn from(&self) -> String {
        format!("feed:{}:from", self.name)
    }

    /// The day from which on it tells everything again; there only until it has.
    pub fn replay(&self) -> String {
        format!("feed:{}:replay", self.name)
    }

    /// How far telling again has come.
    fn replayed(&self) -> String {
        format!("feed:{}:replayed", self.name)
    }
}

/// The feeds of one process; they work while it holds the lease of alerts.
#[derive(Clone, Debug)]
pub struct Feeds {
    /// The ledger, and what was told of it.
    pub store: ReadStore,
    /// The configuration: which feeds there are.
    pub config: Arc<Config>,
    /// The clock by which entries are dated.
    pub clock: Clock,
    /// Metrics, in which messages that aren't taken are counted.
    pub metrics: Arc<Metrics>,
    /// Which process works.
    pub working: watch::Receiver<AtWork>,
    /// Turns true when they are to end.
    pub stop: watch::Receiver<bool>,
}

impl Feeds {
    /// Starts a task that collects, and one for each feed that posts. Without feeds nothing is kept and nothing runs.
    pub fn start(&self, tasks: &Tasks) {
        if self.config.feeds.is_empty() {
            return;
        }
        let mut wakers = Vec::new();
        for (name, feed) in &self.config.feeds {
            let waker = Arc::new(Notify::new());
            wakers.push(waker.clone());
            match Channel::new(&feed.channel, &self.clock) {
                Ok(channel) => tasks.start(post::Posting::new(self.clone(), name.clone(), channel, waker)),
                Err(reason) => tracing::error!(feed = name, reason, "this feed can't be used"),
            }
        }
        tasks.start(Collecting { feeds: self.clone(), wakers, seen: None, whole: None });
    }

    /// Looks at the last days whenever the ledger has moved, and at all of them every now and then: a late event may change
    /// any day.
    async fn look(&self, seen: &mut Option<Seq>, whole: &mut Option<Instant>) -> Result<usize, AskError> {
        let applied = self.store.derived.applied_seq().await?;
        // Figures of a ledger that still catches up are of a part of it.
        if self.store.log.end().await?.distance(applied) > limits::ALERT_LAG_EVENTS {
            return Ok(0);
        }
        let now = self.clock.now();
        let today = self.config.ledger.zone.day(now);
        let all = whole.is_none_or(|at| at.elapsed() >= limits::FEED_WHOLE_INTERVAL);
        if !all && *seen == Some(applied) {
            return Ok(0);
        }
        let mut start = today;
        for (name, feed) in &self.config.feeds {
            start = start.min(self.first_day(name, feed.from, today).await?);
        }
        let recent = Day(today.0.checked_sub(jiff::Span::new().days(limits::FEED_RECENT_DAYS)).unwrap_or(today.0));
        let begun = Instant::now();
        let reports = Reports::new(&self.store, &self.config.ledger, now);
        let Some(profile) = self.config.ledger.profiles.first() else { return Ok(0) };
        let profile =
            self.config.ledger.reporting_currency.map_or(profile.name.clone(), |of| profile.reporting(of).name);
        // A ledger that only ever saw test events tells of those, as alerts do.
        let live = self.store.derived.has_customers(&profile, true).await?
            || !self.store.derived.has_customers(&profile, false).await?;
        let ask = Ask { livemode: Some(live), ..Ask::default() };
        let count = collect::collect(&reports, &ask, if all { start } else { start.max(recent) }).await?;
        if all {
            self.prune().await?;
            // What takes long isn't done often.
            let taken = begun.elapsed() * limits::FEED_WHOLE_FACTOR;
            *whole = Some(Instant::now() + taken.saturating_sub(limits::FEED_WHOLE_INTERVAL));
        }
        *seen = Some(applied);
        Ok(count)
    }

    /// Forgets what a later message replaced, once every feed has taken both and it is old.
    async fn prune(&self) -> Result<(), StoreError> {
        let mut taken = i64::MAX;
        for name in self.config.feeds.keys() {
            let at = self
                .store
                .records
                .progress(&FeedProgress::for_feed(name).taken())
                .await?
                .and_then(|at| at.parse().ok());
            taken = taken.min(at.unwrap_or(0));
        }
        let before = self.clock.now().plus(-limits::FEED_REPLACED_DAYS * 86_400);
        let gone = self.store.records.prune_feed(taken, before).await?;
        if gone > 0 {
            tracing::info!(messages = gone, "forgot messages of the feed that later ones replaced");
        }
        Ok(())
    }

    /// The first day a feed tells of: as configured, as a replay asked for, or the day it was first seen.
    async fn first_day(&self, name: &str, configured: Option<Day>, today: Day) -> Result<Day, StoreError> {
        let place = FeedProgress::for_feed(name).from();
        let kept = self.store.records.progress(&place).await?.and_then(|day| day.parse::<Day>().ok());
        match (configured, kept) {
            (Some(configured), Some(kept)) => Ok(configured.min(kept)),
            (Some(day), None) | (None, Some(day)) => Ok(day),
            (None, None) => {
                self.store.records.set_progress(&place, &today.to_string()).await?;
                Ok(today)
            }
        }
    }
}

/// Holds movements against what was told of them.
struct Collecting {
    feeds: Feeds,
    /// Wake those that post.
    wakers: Vec<Arc<Notify>>,
    /// Up to where the ledger was seen.
    seen: Option<Seq>,
    /// When all days were last looked at.
    whole: Option<Instant>,
}

impl Task for Collecting {
    fn name(&self) -> String {
        "feeds".into()
    }

    fn words(&self) -> Words {
        Words::Once("movements could not be held against the feed now")
    }

    async fn turn(&mut self, _: &watch::Receiver<bool>) -> Turn {
        let at_work = *self.feeds.working.borrow();
        if let Some(idle) = at_work.idle(limits::ALERT_POLL) {
            return idle;
        }
        let begun = Instant::now();
        let looked = self.feeds.look(&mut self.seen, &mut self.whole).await;
        if looked.as_ref().is_ok_and(|count| *count > 0) {
            self.wakers.iter().for_each(|waker| waker.notify_one());
        }
        let rest = limits::ALERT_POLL.max(begun.elapsed() * limits::ALERT_REST_FACTOR);
        looked.map_or_else(|error| Turn::failed(error, rest), |_| Turn::done(rest))
    }
}
