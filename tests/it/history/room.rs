//! What these tests share: a log beside a stand-in for Stripe, and an account's recent life.

use std::{collections::BTreeSet, time::Duration};

use mrrd::{
    clock::Clock,
    demo::{Event, Simulator},
    event::{NewEvent, Source},
    history::backfill::Fetch,
    ledger::{
        profile::Profile,
        time::{UnixTime, Zone},
    },
    reconciler::{Reconciler, Rules, driver::Driver},
    store::{
        Store,
        derived::reports::{AccountScope, QualityAsked, Scope},
        log::EventFilter,
    },
    stripe::{
        client::{Client, Patience},
        read,
    },
};
use tempfile::TempDir;
use tokio::sync::watch;

pub(super) use crate::reconciler::bench::{Kind, on_both};
use crate::support::{
    fake_stripe::{FakeStripe, KEY},
    postgres,
};

/// 2026-01-01.
pub(super) const NOW: UnixTime = UnixTime(1_767_225_600);

/// Less patient than with Stripe, and as persistent.
pub(super) fn patience() -> Patience {
    Patience { per_second: 100_000, answer: Duration::from_millis(300), attempts: 8, pause: Duration::from_millis(1) }
}

pub(super) struct Room {
    pub(super) fetch: Fetch,
    _folder: TempDir,
}

/// The URL of an empty database; on SQLite it lies in `folder`.
pub(super) async fn database(kind: Kind, folder: &TempDir) -> String {
    match kind {
        Kind::Sqlite => format!("sqlite://{}", folder.path().join("mrrd.db").display()),
        Kind::Postgres => postgres::database().await,
    }
}

/// The ids of everything in a log, each there once.
pub(super) async fn logged(store: &Store) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let mut after = mrrd::event::Seq::START;
    loop {
        let page = store.log.events(&EventFilter::default(), after, 500).await.unwrap();
        let Some(last) = page.last() else { return ids };
        after = last.seq;
        for row in page {
            assert!(ids.insert(row.id.to_string()), "{} is in the log twice", row.id);
        }
    }
}

impl Room {
    /// On SQLite.
    pub(super) async fn at(stripe: &FakeStripe, patience: Patience) -> Self {
        Self::on(Kind::Sqlite, stripe, patience).await
    }

    pub(super) async fn on(kind: Kind, stripe: &FakeStripe, patience: Patience) -> Self {
        let folder = TempDir::new().unwrap();
        let client = Client::new(&stripe.base(), &KEY.into(), patience).unwrap();
        let store = Store::open(&database(kind, &folder).await).await.unwrap();
        Self { fetch: Fetch { client, store, clock: Clock::fixed(NOW) }, _folder: folder }
    }

    pub(super) async fn logged(&self) -> BTreeSet<String> {
        logged(&self.fetch.store).await
    }

    pub(super) async fn append(&self, body: bytes::Bytes) {
        self.fetch.store.log.append(&[received(body)]).await.unwrap();
    }

    /// Takes events as webhooks.
    pub(super) async fn receive(&self, events: &[Event]) {
        let all: Vec<_> = events.iter().map(by_webhook).collect();
        self.fetch.store.log.append(&all).await.unwrap();
    }

    /// The kinds of all quality entries that stand.
    pub(super) async fn quality(&self) -> Vec<&'static str> {
        let scope = Scope {
            profile: "stripe".into(),
            livemode: true,
            account: AccountScope::One(None),
            test_clock: None,
            cut: NOW,
        };
        let page = self.fetch.store.derived.quality_page(&scope, &QualityAsked::All, None, 100).await.unwrap();
        page.into_iter().map(|(_, row)| row.entry.kind.as_str()).collect()
    }

    /// The MRR of the one customer there is as the ledger has it, in minor units.
    pub(super) async fn mrr(&self) -> String {
        self.rows().await;
        let store = &self.fetch.store;
        let generation = store.derived.generations().await.unwrap().into_iter().find(|one| one.current).unwrap().id;
        let (_, derived) = store.derived.ledgers(generation, None, 10).await.unwrap().remove(0);
        let at = |delta: &&mrrd::ledger::outcome::Delta| delta.at <= NOW;
        let units: i128 = derived.ledger.deltas.iter().filter(at).map(|delta| delta.mrr.0).sum();
        mrrd::ledger::money::Mrr(units).to_string()
    }

    /// Brings the rows up to the log and gives the digest of each customer's.
    pub(super) async fn rows(&self) -> Vec<(String, [u8; 32])> {
        let store = &self.fetch.store;
        let (driver, _) = Driver::new(Reconciler::new(store.clone(), rules(), Clock::fixed(NOW)));
        let (_keep, stop) = watch::channel(false);
        driver.run_once(&stop).await.unwrap();
        let generation = store.derived.generations().await.unwrap().into_iter().find(|one| one.current).unwrap().id;
        let rows = store.derived.dump(generation, None, 10_000).await.unwrap();
        rows.into_iter().map(|row| (row.key.customer.to_string(), row.digest)).collect()
    }
}

/// What an account of `customers` lived through in the `days` before now.
pub(super) fn lived(customers: u32, days: i64) -> Vec<Event> {
    let start = NOW.plus(-days * UnixTime::DAY_SECONDS);
    Simulator::new(11, customers, start, NOW).outspoken().advance(NOW)
}

pub(super) fn list(stripe: &FakeStripe, events: &[Event]) -> BTreeSet<String> {
    let text = |event: &Event| String::from_utf8(event.body.to_vec()).unwrap();
    stripe.put_all("events", events.iter().map(|event| (event.id.clone(), event.created, text(event))));
    events.iter().map(|event| event.id.clone()).collect()
}

pub(super) fn by_webhook(event: &Event) -> NewEvent {
    received(event.body.clone())
}

fn received(body: bytes::Bytes) -> NewEvent {
    let read = read::read(&body).unwrap();
    read.received(body, NOW, Source::Webhook)
}

pub(super) fn rules() -> Rules {
    Rules {
        profiles: [Profile::built_in("stripe").unwrap()].into(),
        zone: Zone::UTC,
        timezone: "UTC".into(),
        customers: mrrd::config::customers::CustomerRules::default(),
        rates: Default::default(),
    }
}
