//! Bodies are kept by the month on PostgreSQL: each gets its partition before it begins.

use std::time::Duration;

use tokio::{sync::watch, time::timeout};

use crate::{
    clock::Clock,
    store::{LateMonth, Store},
};

/// How often months are looked after: what hinders it (a dump that is being taken) takes so long.
const INTERVAL: Duration = Duration::from_secs(3600);

/// Makes what is due; a failure is said, and stands in no append's way.
pub async fn make_ahead(store: &Store, clock: &Clock) {
    match store.months_ahead(clock.now()).await {
        Ok(late) => late.into_iter().for_each(say),
        Err(error) => tracing::warn!(
            %error,
            "no partition could be made for the bodies of the months to come: it is tried again, and those that have \
             none go to event_body_default"
        ),
    }
}

fn say(LateMonth { partition, from }: LateMonth) {
    match from {
        Some(from) => tracing::warn!(
            partition,
            %from,
            "bodies of this month lie in event_body_default and stay there: its own partition takes those from then on"
        ),
        None => tracing::warn!(
            partition,
            "bodies up to the end of this month lie in event_body_default: it gets no partition of its own"
        ),
    }
}

/// Makes what is due, again and again until told to stop.
pub async fn keep_ahead(store: Store, clock: Clock, mut stop: watch::Receiver<bool>) {
    // An error means that the daemon is gone.
    while timeout(INTERVAL, stop.wait_for(|stop| *stop)).await.is_err() {
        make_ahead(&store, &clock).await;
    }
}
