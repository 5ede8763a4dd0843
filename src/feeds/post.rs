//! One feed on its way: entries in order, each until it is taken.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, watch};

use super::{FeedProgress, Feeds, message};
use crate::{
    alerts::{channels::Channel, lease::AtWork},
    background::{Task, Turn, Words},
    ledger::time::Day,
    limits,
    store::{StoreError, records::feeds::FeedEntry},
};

/// Entries read at once.
const PAGE: i64 = 100;

/// Posts one feed. Where the other side refuses, the same entry is tried again, ever later, for as long as it takes: nothing is
/// skipped.
pub(super) struct Posting {
    feeds: Feeds,
    name: String,
    channel: Channel,
    waker: Arc<Notify>,
    /// How often in a row the other side refused.
    refused: u32,
}

impl Posting {
    pub(super) fn new(feeds: Feeds, name: String, channel: Channel, waker: Arc<Notify>) -> Self {
        Self { feeds, name, channel, waker, refused: 0 }
    }
}

impl Task for Posting {
    fn name(&self) -> String {
        format!("feed:{}", self.name)
    }

    fn words(&self) -> Words {
        Words::Own
    }

    async fn turn(&mut self, _: &watch::Receiver<bool>) -> Turn {
        let at_work = *self.feeds.working.borrow();
        if let Some(idle) = at_work.idle(limits::ALERT_POLL) {
            return idle;
        }
        match post_due(&self.feeds, &self.name, &self.channel).await {
            Ok(None) => {
                self.refused = 0;
                Turn::done(limits::ALERT_POLL)
            }
            Ok(Some(after)) => {
                let doubled = limits::ALERT_PAUSE_SECONDS.saturating_mul(1 << self.refused.min(16));
                let pause = doubled.min(limits::ALERT_PAUSE_MAX_SECONDS).unsigned_abs();
                self.refused += 1;
                let refused = format!("the other side has refused {} times in a row", self.refused);
                Turn::failed(refused, Duration::from_secs(pause).max(after))
            }
            Err(error) => {
                tracing::warn!(feed = self.name, %error, "the feed can't be read or its place kept now");
                Turn::failed(error, limits::ALERT_POLL)
            }
        }
    }

    async fn woken(&mut self) {
        self.waker.notified().await;
    }
}

/// Posts what is due; `Some` where the other side refused, with how long it asks to wait.
async fn post_due(feeds: &Feeds, name: &str, channel: &Channel) -> Result<Option<Duration>, StoreError> {
    let (store, places) = (&feeds.store, FeedProgress::for_feed(name));
    let position = async |place: &str| -> Result<i64, StoreError> {
        Ok(store.records.progress(place).await?.and_then(|at| at.parse().ok()).unwrap_or(0))
    };
    let today = feeds.config.ledger.zone.day(feeds.clock.now());
    let Some(feed) = feeds.config.feeds.get(name) else { return Ok(None) };
    let mut from = feeds.first_day(name, feed.from, today).await?;
    let mut taken = position(&places.taken()).await?;

    if let Some(again) = store.records.progress(&places.replay()).await?.and_then(|day| day.parse::<Day>().ok()) {
        if again < from {
            // Older movements come as entries of their own, once they are collected.
            from = again;
            store.records.set_progress(&places.from(), &from.to_string()).await?;
        }
        let mut at = position(&places.replayed()).await?;
        if let Some(refused) = post_after(feeds, name, channel, &mut at, taken, again, &places.replayed()).await? {
            return Ok(Some(refused));
        }
        // Both places of a replay begin so.
        store.records.clear_progress(&places.replay()).await?;
    }
    post_after(feeds, name, channel, &mut taken, i64::MAX, from, &places.taken()).await
}

/// Posts the entries after `at` up to the position `until` whose movements lie at or after `from`, keeping each place.
async fn post_after(
    feeds: &Feeds,
    name: &str,
    channel: &Channel,
    at: &mut i64,
    until: i64,
    from: Day,
    place: &str,
) -> Result<Option<Duration>, StoreError> {
    loop {
        let entries = feeds.store.records.feed_after(*at, PAGE).await?;
        let full = i64::try_from(entries.len()).is_ok_and(|count| count == PAGE);
        let begun = *at;
        for FeedEntry { position, created_at, entry } in entries {
            if position > until {
                return keep(feeds, place, begun, *at).await;
            }
            if entry.day >= from {
                if *feeds.stop.borrow() || *feeds.working.borrow() != AtWork::Here {
                    return keep(feeds, place, begun, *at).await;
                }
                let message = message::from_entry(&FeedEntry { position, created_at, entry });
                if let Err(refusal) = channel.send(&message).await {
                    feeds.metrics.feed_refused(name);
                    tracing::warn!(feed = name, message = message.id, reason = refusal.reason, "the feed wasn't taken");
                    let _ = keep(feeds, place, begun, *at).await?;
                    return Ok(Some(refusal.retry_after.unwrap_or_default()));
                }
                *at = position;
                feeds.store.records.set_progress(place, &at.to_string()).await?;
            }
            *at = position;
        }
        let _ = keep(feeds, place, begun, *at).await?;
        if !full {
            return Ok(None);
        }
    }
}

/// Keeps how far a page came, where entries were passed over.
async fn keep(feeds: &Feeds, place: &str, begun: i64, at: i64) -> Result<Option<Duration>, StoreError> {
    if at > begun {
        feeds.store.records.set_progress(place, &at.to_string()).await?;
    }
    Ok(None)
}
