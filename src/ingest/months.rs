//! Bodies are kept by the month on PostgreSQL: each gets its partition before it begins.

use std::time::Duration;

use tokio::{sync::watch, time::timeout};

use crate::{
    clock::Clock,
    store::{log::LateMonth, log::Log},
    telemetry::trouble::Trouble,
};

/// How often months are looked after.
const INTERVAL: Duration = Duration::from_secs(3600);

/// How soon again after a failure: what hinders it (a dump that is being taken) may take long.
const RETRY: Duration = Duration::from_secs(60);

/// Makes what is due; a failure is said, and stands in no append's way.
pub async fn make_ahead(log: &Log, clock: &Clock) {
    make(log, clock, &Trouble::default()).await;
}

/// The same; answers after how long to look again.
async fn make(log: &Log, clock: &Clock, trouble: &Trouble) -> Duration {
    match log.months_ahead(clock.now()).await {
        Ok(late) => {
            late.into_iter().for_each(say);
            trouble.is_over("partitions for the months to come are made again");
            INTERVAL
        }
        Err(error) => {
            trouble.goes_on(
                &error.to_string(),
                "no partition could be made for the bodies of the months to come: it is tried again, and those that have \
                 none go to event_body_default",
            );
            RETRY
        }
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
pub async fn keep_ahead(log: Log, clock: Clock, mut stop: watch::Receiver<bool>) {
    let (trouble, mut rest) = (Trouble::default(), RETRY);
    // An error means that the daemon is gone.
    while timeout(rest, stop.wait_for(|stop| *stop)).await.is_err() {
        rest = make(&log, &clock, &trouble).await;
    }
}
