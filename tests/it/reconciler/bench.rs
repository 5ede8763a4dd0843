//! What the tests of the reconciler share: a life's events, a ledger that takes them, and a look at all of its rows.

use bytes::Bytes;
use mrrd::{
    clock::Clock,
    config::customers::CustomerRules,
    demo::Simulator,
    event::{CustomerKey, NewEvent, Source},
    ledger::{
        profile::Profile,
        time::{UnixTime, Zone},
    },
    reconciler::{ReconcileError, Reconciler, Rules, changes::Changes, driver::Driver, verify::Report},
    store::{Store, derived::Dumped},
    stripe::read::read,
};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::support::postgres;

/// 2026-01-01: our clock, at which leases are taken and events received.
pub(crate) const NOW: UnixTime = UnixTime(1_767_225_600);

/// Where a ledger may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// An empty database, with the folder it lies in.
pub(crate) struct Ledger {
    pub(crate) store: Store,
    pub(crate) url: String,
    pub(crate) clock: Clock,
    _folder: Option<TempDir>,
}

impl Ledger {
    pub(crate) async fn empty(kind: Kind) -> Self {
        let (url, folder) = match kind {
            Kind::Sqlite => {
                let folder = TempDir::new().unwrap();
                (format!("sqlite://{}", folder.path().join("mrrd.db").display()), Some(folder))
            }
            Kind::Postgres => (postgres::database().await, None),
        };
        Self { store: Store::open(&url).await.unwrap(), url, clock: Clock::fixed(NOW), _folder: folder }
    }

    /// The process is gone, and another one opens what it left.
    pub(crate) async fn restarted(self) -> Self {
        self.store.close().await;
        Self { store: Store::open(&self.url).await.unwrap(), ..self }
    }

    /// The same in another process, as far as the store can tell.
    pub(crate) async fn elsewhere(&self) -> Self {
        let store = Store::open(&self.url).await.unwrap();
        Self { store, url: self.url.clone(), clock: self.clock.clone(), _folder: None }
    }

    pub(crate) async fn append(&self, events: &[NewEvent]) {
        if !events.is_empty() {
            self.store.log.append(events).await.unwrap();
        }
    }

    pub(crate) fn reconciler(&self) -> Reconciler {
        self.under(&["stripe", "profitwell"])
    }

    pub(crate) fn under(&self, profiles: &[&str]) -> Reconciler {
        Reconciler {
            grace: std::time::Duration::ZERO,
            ..Reconciler::new(self.store.clone(), rules(profiles), self.clock.clone())
        }
    }

    /// Does all that is due.
    pub(crate) async fn settle(&self) -> Result<(), ReconcileError> {
        run_once(self.reconciler()).await
    }

    pub(crate) async fn verify(&self) -> Report {
        self.reconciler().verify(&go_on(), &mut |_| ()).await.unwrap()
    }

    /// Every derived row of the current generation, by digest.
    pub(crate) async fn rows(&self) -> Vec<Dumped> {
        let current = self.reconciler().current_generation().await.unwrap().unwrap();
        assert_eq!(self.store.derived.wrong_day(current.id, None).await.unwrap(), None);
        let mut all: Vec<Dumped> = Vec::new();
        loop {
            let page = self.store.derived.dump(current.id, all.last(), 50).await.unwrap();
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }
}

/// One activation of a process of its own.
pub(crate) async fn run_once(reconciler: Reconciler) -> Result<(), ReconcileError> {
    Driver::new(reconciler).0.run_once(&go_on()).await
}

/// A rebuild beside others that work on the ledger: who tidies up as it starts may hold the lease of generations for a moment.
pub(crate) async fn rebuild_beside(reconciler: Reconciler) -> Changes {
    let trying = async {
        loop {
            match reconciler.rebuild(&go_on(), &mut |_| ()).await {
                Err(ReconcileError::Busy) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
                done => break done.unwrap(),
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(120), trying).await.expect("the lease comes free")
}

/// Nobody says stop.
pub(crate) fn go_on() -> watch::Receiver<bool> {
    watch::channel(false).1
}

pub(crate) fn rules(profiles: &[&str]) -> Rules {
    let profiles = profiles.iter().map(|name| Profile::built_in(name).unwrap()).collect();
    Rules {
        profiles,
        zone: Zone::named("Europe/Berlin").unwrap(),
        timezone: "Europe/Berlin".into(),
        customers: CustomerRules::default(),
        rates: Default::default(),
    }
}

/// Everything a simulated account of so many customers sends in its first `days`.
pub(crate) fn life(seed: u64, customers: u32, days: i64) -> Vec<NewEvent> {
    let start = UnixTime(1_704_067_200);
    let end = start.plus(days * UnixTime::DAY_SECONDS);
    let events = Simulator::new(seed, customers, start, end).advance(end);
    events.iter().map(|event| received(event.body.clone())).collect()
}

/// An event as the receiver hands it to the log.
pub(crate) fn received(body: Bytes) -> NewEvent {
    let read = read(&body).unwrap();
    read.received(body, NOW, Source::Webhook)
}

pub(crate) fn key(customer: &str) -> CustomerKey {
    CustomerKey { livemode: true, account: None, customer: customer.into() }
}

/// A shuffle that a seed repeats.
pub(crate) fn shuffled<T: Clone>(of: &[T], mut seed: u64) -> Vec<T> {
    let mut all = of.to_vec();
    for last in (1..all.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(seed >> 33).unwrap() % (last + 1);
        all.swap(last, other);
    }
    all
}

/// One test for each database.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($kind:ident) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn check($kind: Kind) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                check(Kind::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                check(Kind::Postgres).await;
            }
        }
    )+};
}
pub(crate) use on_both;
