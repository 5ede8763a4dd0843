//! Which of several processes judges, delivers and posts: the one that holds the lease of alerts.

use std::time::Duration;

use tokio::sync::watch;

use crate::{
    background::{Lease, Task, Tasks, Turn, Words},
    limits,
    store::records::Records,
};

/// Which process does the work, as the last look at the lease told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtWork {
    /// This one.
    Here,
    /// Another one, or none yet.
    #[default]
    Elsewhere,
    /// The lease can't be looked at: whoever works would do it twice.
    Unknown,
}

impl AtWork {
    /// What a turn comes to in a process that doesn't work now; `None` in the one that does.
    pub fn idle(self, rest: Duration) -> Option<Turn> {
        match self {
            Self::Here => None,
            Self::Elsewhere => Some(Turn::standing_by(rest)),
            Self::Unknown => Some(Turn::failed(
                "it waits until the alerts' lease can be renewed: the task alerts-lease says why not",
                rest,
            )),
        }
    }
}

/// Holds the lease while it can be had, and says whether it does.
struct Keeping {
    records: Records,
    lease: Lease,
    working: watch::Sender<AtWork>,
}

/// Starts the task that keeps the lease; answers which process works, as that changes.
pub fn keep(tasks: &Tasks, records: Records) -> watch::Receiver<AtWork> {
    let (working, at_work) = watch::channel(AtWork::default());
    tasks.start(Keeping { records, lease: Lease::new("alerts", limits::ALERT_LEASE), working });
    at_work
}

impl Task for Keeping {
    fn name(&self) -> String {
        "alerts-lease".into()
    }

    fn words(&self) -> Words {
        Words::Repeated("the alerts' lease can't be looked at now", "the alerts' lease can be looked at again")
    }

    async fn turn(&mut self, _: &watch::Receiver<bool>) -> Turn {
        let held = self.lease.hold(&self.records).await;
        let at_work = match &held {
            Ok(true) => AtWork::Here,
            Ok(false) => AtWork::Elsewhere,
            Err(_) => AtWork::Unknown,
        };
        self.working.send_if_modified(|working| std::mem::replace(working, at_work) != at_work);
        match held {
            Ok(true) => Turn::done(limits::ALERT_LEASE_RENEWAL),
            Ok(false) => Turn::standing_by(limits::ALERT_LEASE_RENEWAL),
            Err(error) => Turn::failed(error, limits::STORE_RETRY),
        }
    }

    async fn end(mut self) {
        // Given back when nobody is left who sends: what was being sent has ended.
        self.working.closed().await;
        if let Err(error) = self.lease.release(&self.records).await {
            tracing::warn!(%error, "the alerts' lease wasn't given back: the next process waits for its end");
        }
    }
}
