//! Names and e-mails of customers, read from the bodies that brought them, so that a customer can be found and called by name.
//!
//! No rule of money bears on them and no fact holds them: they are read from the log by a reader with a place of its own, kept
//! beside the ledger, and forgotten when `privacy.show_names` is switched off.

use tokio::{sync::watch, time::timeout};

use crate::{
    config::Names,
    limits,
    reconciler::driver::Status,
    store::{
        Store, StoreError,
        derived::{joined::CustomerTold, names::CustomerNamed},
    },
    stripe::metadata::customer_name,
};

/// Reads on until told to stop; without names to show, forgets those that are kept and ends.
pub async fn run(store: Store, names: Names, mut moved: watch::Receiver<Status>, mut stop: watch::Receiver<bool>) {
    loop {
        let done = match names {
            Names::Shown => read_on(&store).await,
            Names::Hidden => store.derived.forget_names().await,
        };
        match done {
            Ok(()) if names == Names::Hidden => return,
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, "names of customers could not be read now"),
        }
        tokio::select! {
            // An error means that the daemon is gone.
            _ = stop.wait_for(|stop| *stop) => return,
            _ = timeout(limits::NAMES_INTERVAL, moved.changed()) => {}
        }
        // Events come in bursts: one look at all of them.
        if timeout(limits::NAMES_REST, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}

/// Reads the log on to its end.
pub async fn read_on(store: &Store) -> Result<(), StoreError> {
    loop {
        let from = store.derived.names_position().await?;
        let end = store.log.horizon().await?;
        if from >= end {
            return Ok(());
        }
        let told = store.log.customers_told(from, end, limits::JOIN_PAGE).await?;
        let full = i64::try_from(told.len()).is_ok_and(|len| len >= limits::JOIN_PAGE);
        let to = told.last().filter(|_| full).map_or(end, |last| last.seq);
        let named: Vec<CustomerNamed> = told.into_iter().filter_map(named).collect();
        // Where another process has gone first, its place is looked up anew.
        store.derived.keep_names(from, to, &named).await?;
    }
}

/// `None` for an erased body, or one that holds no customer.
fn named(told: CustomerTold) -> Option<CustomerNamed> {
    let (name, email) = customer_name(&told.body?)?;
    Some(CustomerNamed { key: told.key, at: told.fact.at, seq: told.seq, name, email })
}
