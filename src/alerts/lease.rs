//! Which of several processes judges, delivers and posts: the one that holds the lease of alerts.

use tokio::sync::watch;

use crate::{
    background::{Lease, Task, Tasks, Turn, Words},
    limits,
    store::records::Records,
};

/// Holds the lease while it can be had, and says whether it does.
struct Keeping {
    records: Records,
    lease: Lease,
    working: watch::Sender<bool>,
}

/// Starts the task that keeps the lease; answers whether this process is the one that works, as that changes.
pub fn keep(tasks: &Tasks, records: Records) -> watch::Receiver<bool> {
    let (working, at_work) = watch::channel(false);
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
        let is_held = matches!(held, Ok(true));
        self.working.send_if_modified(|working| std::mem::replace(working, is_held) != is_held);
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
