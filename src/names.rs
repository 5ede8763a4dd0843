//! Names and e-mails of customers, read from the bodies that brought them, so that a customer can be found and called by name.
//!
//! No rule of money bears on them and no fact holds them: they are read from the log by a reader with a place of its own, kept
//! beside the ledger, and forgotten when `privacy.show_names` is switched off.

use tokio::sync::watch;

use crate::{
    background::{Task, Turn, Words},
    config::Names,
    limits,
    reconciler::driver::Status,
    store::{
        Store, StoreError,
        derived::{joined::CustomerTold, names::CustomerNamed},
    },
    stripe::metadata::customer_name,
};

/// Reads on as the ledger moves; without names to show, forgets those that are kept.
#[derive(Debug)]
pub struct Reading {
    /// The log, and where names are kept.
    pub store: Store,
    /// Whether names and e-mails may be shown.
    pub names: Names,
    /// Moves when the reconciler does.
    pub moved: watch::Receiver<Status>,
}

impl Task for Reading {
    fn name(&self) -> String {
        "names".into()
    }

    fn words(&self) -> Words {
        Words::Repeated("names of customers could not be read now", "names of customers can be read again")
    }

    async fn turn(&mut self, _: &watch::Receiver<bool>) -> Turn {
        let done = match self.names {
            Names::Shown => read_on(&self.store).await,
            Names::Hidden => self.store.derived.forget_names().await,
        };
        match done {
            Ok(()) if self.names == Names::Hidden => Turn::last(),
            Ok(()) => Turn::done(limits::NAMES_INTERVAL),
            Err(error) => Turn::failed(error, limits::NAMES_INTERVAL),
        }
        // Events come in bursts: one look at all of them.
        .after(limits::NAMES_REST)
    }

    async fn woken(&mut self) {
        if self.moved.changed().await.is_err() {
            // Nobody moves any more: the interval wakes it.
            std::future::pending::<()>().await;
        }
    }
}

/// Reads the log on to where it ends now. What comes meanwhile is left to the next look: in a stream of webhooks there would
/// always be a few more, each few with a transaction of their own.
pub async fn read_on(store: &Store) -> Result<(), StoreError> {
    let end = store.log.horizon().await?;
    loop {
        let from = store.derived.names_position().await?;
        if from >= end {
            return Ok(());
        }
        let stretch = end.min(from.forward(limits::JOIN_EVENTS));
        let told = store.log.customers_told(from, stretch, limits::JOIN_PAGE).await?;
        let full = i64::try_from(told.len()).is_ok_and(|len| len >= limits::JOIN_PAGE);
        let to = told.last().filter(|_| full).map_or(stretch, |last| last.seq);
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
