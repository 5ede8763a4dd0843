//! Bodies are kept by the month on PostgreSQL: each gets its partition before it begins.

use std::time::Duration;

use tokio::sync::watch;

use crate::{
    background::{Task, Turn, Words},
    clock::Clock,
    store::{
        StoreError,
        log::{LateMonth, Log},
    },
};

/// How often months are looked after.
const INTERVAL: Duration = Duration::from_secs(3600);

/// How soon again after a failure: what hinders it (a dump that is being taken) may take long.
const RETRY: Duration = Duration::from_secs(60);

/// What is said of a failure: it stands in no append's way.
const FAILS: &str = "no partition could be made for the bodies of the months to come: it is tried again, and those that have \
                     none go to event_body_default";

/// Makes what is due, once; a failure is said.
pub async fn make_ahead(log: &Log, clock: &Clock) {
    if let Err(error) = make(log, clock).await {
        tracing::warn!(%error, "{FAILS}");
    }
}

async fn make(log: &Log, clock: &Clock) -> Result<(), StoreError> {
    log.months_ahead(clock.now()).await?.into_iter().for_each(say);
    Ok(())
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

/// Makes what is due, again and again.
#[derive(Debug)]
pub struct Months {
    /// The log whose bodies get partitions.
    pub log: Log,
    /// Tells which month it is.
    pub clock: Clock,
}

impl Task for Months {
    fn name(&self) -> String {
        "months".into()
    }

    fn words(&self) -> Words {
        Words::Repeated(FAILS, "partitions for the months to come are made again")
    }

    async fn turn(&mut self, _: &watch::Receiver<bool>) -> Turn {
        match make(&self.log, &self.clock).await {
            Ok(()) => Turn::done(INTERVAL),
            Err(error) => Turn::failed(error, RETRY),
        }
    }
}
