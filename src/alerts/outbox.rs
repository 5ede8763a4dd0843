//! Delivery: each channel has a task of its own, so that a dead one holds back no other. At least once, with a stable id.

use std::{sync::Arc, time::Duration};

use rand::RngExt as _;
use tokio::sync::{Notify, watch};

use super::{
    channels::{Channel, Refusal},
    lease::AtWork,
    message::Message,
};
use crate::{
    background::{Task, Tasks, Turn, Words},
    clock::Clock,
    config::alerting::Alerts,
    ledger::time::UnixTime,
    limits,
    store::{
        ReadStore, StoreError,
        records::alerts::{Attempt, DeliveryRow},
    },
    telemetry::{
        Metrics,
        event::{AlertDelivery, Delivered},
    },
};

/// What every channel's task works with.
#[derive(Clone)]
pub(super) struct Outbox {
    pub(super) store: ReadStore,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    /// Which process delivers.
    pub(super) working: watch::Receiver<AtWork>,
    pub(super) stop: watch::Receiver<bool>,
}

/// The ways to wake the channels' tasks.
#[derive(Clone, Default)]
pub(super) struct Wakers(Vec<Arc<Notify>>);

impl Wakers {
    /// There is something in the outbox; each task looks up what.
    pub(super) fn wake(&self) {
        self.0.iter().for_each(|waker| waker.notify_one());
    }
}

impl Outbox {
    /// Starts a task for each channel.
    pub(super) fn start(&self, settings: &Alerts, tasks: &Tasks) -> Wakers {
        let mut wakers = Wakers::default();
        for (name, channel) in &settings.channels {
            let waker = Arc::new(Notify::new());
            wakers.0.push(waker.clone());
            match Channel::new(channel, &self.clock) {
                Ok(channel) => {
                    tasks.start(Delivery { outbox: self.clone(), name: name.clone(), channel, waker });
                }
                // What is due to it waits, and is shown as failed after a day.
                Err(reason) => tracing::error!(channel = name, reason, "this channel can't be used"),
            }
        }
        wakers
    }

    async fn deliver_due(&self, name: &str, channel: &Channel) -> Result<(), StoreError> {
        loop {
            let due = self.store.records.due_deliveries(name, self.clock.now(), limits::ALERT_DELIVERIES).await?;
            let full = i64::try_from(due.len()).is_ok_and(|due| due == limits::ALERT_DELIVERIES);
            for (row, text) in due {
                if *self.stop.borrow() || *self.working.borrow() != AtWork::Here {
                    return Ok(());
                }
                self.deliver(name, channel, &row, &text).await?;
            }
            if !full {
                return Ok(());
            }
        }
    }

    async fn deliver(&self, name: &str, channel: &Channel, row: &DeliveryRow, text: &str) -> Result<(), StoreError> {
        let sent = match serde_json::from_str::<Message>(text) {
            Ok(message) => {
                let mut stop = self.stop.clone();
                tokio::select! {
                    sent = channel.send(&message) => sent,
                    // Not known whether it was taken: it stays due, and its id tells.
                    _ = stop.wait_for(|stop| *stop) => return Ok(()),
                }
            }
            Err(error) => Err(Refusal::from(format!("the message can't be read: {error}"))),
        };
        let now = self.clock.now();
        let attempt = match sent {
            Ok(()) => Attempt::Delivered(now),
            Err(refusal) => after(refusal, row, now, rand::rng().random_range(-25..=25)),
        };
        let (outcome, reason) = match &attempt {
            Attempt::Delivered(_) => (Delivered::Yes, None),
            Attempt::Later(reason, _) => (Delivered::Later, Some(reason.as_str())),
            Attempt::Failed(reason) => (Delivered::GivenUp, Some(reason.as_str())),
        };
        AlertDelivery { channel: name, alert: &row.alert, event: &row.event, outcome, reason }.emit(&self.metrics);
        self.store.records.record_attempt(row.id, &attempt).await.map(drop)
    }
}

/// Delivery to one channel.
struct Delivery {
    outbox: Outbox,
    name: String,
    channel: Channel,
    waker: Arc<Notify>,
}

impl Task for Delivery {
    fn name(&self) -> String {
        format!("outbox:{}", self.name)
    }

    fn words(&self) -> Words {
        Words::Repeated("the outbox can't be read or written now", "the outbox can be read and written again")
    }

    async fn turn(&mut self, _: &watch::Receiver<bool>) -> Turn {
        let at_work = *self.outbox.working.borrow();
        if let Some(idle) = at_work.idle(limits::ALERT_POLL) {
            return idle;
        }
        match self.outbox.deliver_due(&self.name, &self.channel).await {
            Ok(()) => Turn::done(limits::ALERT_POLL),
            Err(error) => Turn::failed(error, limits::ALERT_POLL),
        }
    }

    async fn woken(&mut self) {
        self.waker.notified().await;
    }
}

/// What follows a refusal: a later attempt, or the end after a day. `jitter` is in percent.
fn after(refusal: Refusal, row: &DeliveryRow, now: UnixTime, jitter: i64) -> Attempt {
    let given_up = row.created_at.plus(limits::ALERT_DELIVERY_SECONDS);
    if now >= given_up {
        return Attempt::Failed(refusal.reason);
    }
    let doubled = limits::ALERT_PAUSE_SECONDS.saturating_mul(1 << row.attempts.clamp(0, 16));
    let doubled = doubled.min(limits::ALERT_PAUSE_MAX_SECONDS);
    let pause = doubled + doubled * jitter / 100;
    let asked = refusal.retry_after.as_ref().map_or(0, Duration::as_secs);
    let asked = i64::try_from(asked).unwrap_or(i64::MAX).min(limits::ALERT_PAUSE_MAX_SECONDS);
    // The last attempt is made when the day is over, not an hour later.
    Attempt::Later(refusal.reason, now.plus(pause.max(asked).max(1)).min(given_up))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::records::alerts::DeliveryState;

    fn row(attempts: i64) -> DeliveryRow {
        DeliveryRow {
            version: 1,
            id: 1,
            alert: "al_1".into(),
            event: "raised".into(),
            channel: "ops".into(),
            state: DeliveryState::Waiting,
            created_at: UnixTime(1000),
            attempts,
            next_at: UnixTime(1000),
            delivered_at: None,
            last_error: None,
        }
    }

    #[test]
    fn pauses_double_heed_what_is_asked_and_end_after_a_day() {
        let no = |after: Option<u64>| Refusal { reason: "no".into(), retry_after: after.map(Duration::from_secs) };
        let next = |attempts, asked, now, jitter| match after(no(asked), &row(attempts), UnixTime(now), jitter) {
            Attempt::Later(_, at) => Some(at.0 - now),
            _ => None,
        };
        assert_eq!(
            [0, 1, 2, 20].map(|attempts| next(attempts, None, 1000, 0)),
            [Some(5), Some(10), Some(20), Some(3600)]
        );
        assert_eq!([next(2, None, 1000, -25), next(2, None, 1000, 25)], [Some(15), Some(25)]);
        assert_eq!(next(0, Some(90), 1000, 0), Some(90));
        assert_eq!(next(0, Some(1_000_000), 1000, 0), Some(3600));
        // The day ends at 87 400: the last attempt is made then.
        assert_eq!(next(20, None, 87_399, 0), Some(1));
        assert_eq!(next(20, None, 87_400, 0), None);
    }
}
