//! Delivery as Stripe does it: several connections, signed now, tried again when refused, in order or in disorder.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use thiserror::Error;
use tokio::task::JoinSet;

use crate::clock::Clock;

use super::{
    event::Event,
    http::{Client, ClientError},
    random::Random,
};

/// How often one event is tried, and how long the wait in between: a busy daemon says 503 and means it.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);

/// A webhook that wasn't taken in.
#[derive(Debug, Error)]
pub enum DeliveryError {
    /// The daemon gave no answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// An answer that isn't 200, or 503 once too often.
    #[error("webhook {id} ({kind}) was answered {status}: {body}")]
    Refused {
        /// The id of the event.
        id: String,
        /// Stripe's type of the event.
        kind: &'static str,
        /// The HTTP status of the answer.
        status: u16,
        /// The body of the answer.
        body: String,
    },
    /// A sender ended without a word.
    #[error("a connection's task ended badly: {0}")]
    Sender(#[from] tokio::task::JoinError),
}

/// Where and how webhooks are delivered.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Where the daemon listens.
    pub address: SocketAddr,
    /// The secret with which the endpoint checks signatures.
    pub secret: Arc<str>,
    /// The clock whose time is signed.
    pub clock: Clock,
    /// Connections at once. With more than one, arrival order is nobody's promise.
    pub connections: usize,
}

impl Delivery {
    /// Delivers all of them; `acknowledged` hears of each as it is answered 200.
    pub async fn deliver(
        &self,
        events: Vec<Event>,
        acknowledged: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Result<(), DeliveryError> {
        let (events, next) = (Arc::new(events), Arc::new(AtomicUsize::new(0)));
        let acknowledged = Arc::new(acknowledged);
        let mut senders = JoinSet::new();
        for _ in 0..self.connections.max(1) {
            let (delivery, events, next) = (self.clone(), Arc::clone(&events), Arc::clone(&next));
            let acknowledged = Arc::clone(&acknowledged);
            senders.spawn(async move {
                let mut client = Client::new(delivery.address);
                while let Some(event) = events.get(next.fetch_add(1, Ordering::Relaxed)) {
                    delivery.post(&mut client, event).await?;
                    acknowledged(event);
                }
                Ok::<_, DeliveryError>(())
            });
        }
        while let Some(sender) = senders.join_next().await {
            sender??;
        }
        Ok(())
    }

    async fn post(&self, client: &mut Client, event: &Event) -> Result<(), DeliveryError> {
        let mut attempt = 1;
        loop {
            let answer = client.post_signed(&self.secret, self.clock.now(), event.body.clone()).await?;
            match answer.status {
                200 => return Ok(()),
                503 if attempt < ATTEMPTS => tokio::time::sleep(PAUSE).await,
                status => {
                    let body = String::from_utf8_lossy(&answer.body).into_owned();
                    return Err(DeliveryError::Refused { id: event.id.clone(), kind: event.kind, status, body });
                }
            }
            attempt += 1;
        }
    }
}

/// The same events in another order, one in eight of them twice: what at-least-once delivery may come to.
pub fn disordered(mut events: Vec<Event>, seed: u64) -> Vec<Event> {
    let mut random = Random::new(seed);
    let again: Vec<Event> = events.iter().filter(|_| random.below(8) == 0).cloned().collect();
    events.extend(again);
    for place in (1..events.len()).rev() {
        events.swap(place, random.index(place + 1));
    }
    events
}
