//! The role `alerts`: looks whenever the ledger has moved and whenever the clock has, and keeps what is to be said.

mod rules;
mod tell;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::sleep};

pub(super) use self::tell::stripe_link;
use super::{
    alert::Rule,
    judge::Verdict,
    outbox::{Outbox, Wakers},
    second_look::SecondLook,
};
use crate::{
    clock::Clock,
    config::{Config, alerting::Alerts},
    feeds::Feeds,
    ledger::time::{Day, UnixTime},
    limits,
    reconciler::driver,
    report::{
        ask::Ask,
        service::{AskError, Reports},
    },
    store::{
        ReadStore, StoreError,
        records::alerts::{AlertFilter, AlertRow, Ending},
    },
    telemetry::{Metrics, trouble::Trouble},
};

/// Alerts looked back at.
const PAGE: i64 = 1000;

/// How long what changes slowly is left alone: how things stand, and the account's usual gaps.
const SLOW: Duration = Duration::from_secs(300);

/// Alerts younger than this are held against what is found; open ones however old.
const STORED_DAYS: i64 = 60;

/// The watcher: one in each process with the role, one at work among all of them.
pub struct Watcher {
    store: ReadStore,
    config: Arc<Config>,
    clock: Clock,
    metrics: Arc<Metrics>,
    started_at: UnixTime,
    /// When what changes slowly was last looked at, and on which day.
    slow: Option<(Instant, Day)>,
    /// How long a silence may be, and as of when.
    silence: Option<(Instant, Option<i64>)>,
    lagging_since: Option<Instant>,
    /// Which losses have been seen for how long, …
    second_look: SecondLook,
    /// … and when to look again at those too new to tell a spike from.
    look_again_at: Option<UnixTime>,
}

/// One look: everything the rules ask.
pub(super) struct Look<'a> {
    pub(super) reports: Reports<'a>,
    pub(super) settings: &'a Alerts,
    pub(super) ask: Ask,
    pub(super) today: Day,
    /// What tells this ledger's alerts from another's.
    pub(super) ledger: String,
    /// What was said in the last weeks, and what is still open.
    pub(super) stored: Vec<AlertRow>,
    /// Places to keep once the verdicts are.
    kept: Mutex<BTreeMap<String, String>>,
}

impl Look<'_> {
    fn has(&self, rule: Rule) -> bool {
        self.settings.rules.contains(&rule)
    }

    /// Keeps how something stood, after what it means was said: killed between the two, it is said again by the same id.
    pub(super) fn keep(&self, place: String, how: &str) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(place, how.to_owned());
    }
}

impl Watcher {
    /// A watcher of `store` under `config`.
    pub fn new(store: ReadStore, config: Arc<Config>, clock: Clock, metrics: Arc<Metrics>) -> Self {
        let started_at = clock.now();
        Self {
            store,
            config,
            clock,
            metrics,
            started_at,
            slow: None,
            silence: None,
            lagging_since: None,
            second_look: SecondLook::default(),
            look_again_at: None,
        }
    }

    /// Runs until `stop` turns true. `ledger` wakes it where the reconciler runs in this process.
    pub async fn run(mut self, mut ledger: watch::Receiver<driver::Status>, mut stop: watch::Receiver<bool>) {
        let (working, at_work) = watch::channel(false);
        let keeper = tokio::spawn(keep_lease(self.store.clone(), working, stop.clone()));
        let outbox = Outbox {
            store: self.store.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            working: at_work.clone(),
            stop: stop.clone(),
        };
        let (wakers, mut channels) = outbox.start(&self.config.alerts);
        let feeds = Feeds {
            store: self.store.clone(),
            config: self.config.clone(),
            clock: self.clock.clone(),
            working: at_work.clone(),
            stop: stop.clone(),
        };
        let mut posting = feeds.start();
        let mut seen: Option<(i64, Instant)> = None;
        let mut in_process = true;
        let mut said = None;
        while !*stop.borrow() {
            let mut rest = limits::ALERT_REST;
            if *at_work.borrow() {
                let begun = Instant::now();
                let trouble = self.look_if_due(&mut seen, &wakers).await.err().map(|error| error.to_string());
                // Said once, not at every look: a missing exchange rate may stay missing for days.
                if let Some(error) = trouble.as_ref().filter(|_| trouble != said) {
                    tracing::warn!(error, "alerts could not be judged now");
                }
                said = trouble;
                rest = rest.max(begun.elapsed() * limits::ALERT_REST_FACTOR);
            }
            let woken = async {
                sleep(rest).await;
                tokio::select! {
                    () = sleep(limits::ALERT_POLL) => {}
                    changed = ledger.changed(), if in_process => in_process = changed.is_ok(),
                }
            };
            tokio::select! {
                () = woken => {}
                // An error means that the daemon is gone.
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        while channels.join_next().await.is_some() {}
        while posting.join_next().await.is_some() {}
        // The lease is given back when nobody is left who sends.
        drop((outbox, feeds, at_work));
        drop(keeper.await);
    }

    async fn look_if_due(&mut self, seen: &mut Option<(i64, Instant)>, wakers: &Wakers) -> Result<(), AskError> {
        let applied = self.store.derived.applied_seq().await?;
        let again = self.look_again_at.is_some_and(|at| self.clock.now() >= at);
        let due = again || seen.is_none_or(|(seq, at)| seq != applied || at.elapsed() >= limits::ALERT_INTERVAL);
        if !due || self.must_wait(applied).await? {
            return Ok(());
        }
        // A look that fails is tried again with the ledger's next step, or with the clock.
        *seen = Some((applied, Instant::now()));
        let said = self.look().await?;
        // While the ledger is still behind, the next look waits as long again: webhooks come first.
        self.lagging_since = self.lagging_since.map(|_| Instant::now());
        if said {
            wakers.wake();
        }
        let given_up = self.clock.now().plus(-limits::ALERT_DELIVERY_SECONDS - limits::ALERT_PAUSE_MAX_SECONDS);
        let count = self.store.records.give_up_deliveries(given_up).await?;
        if count > 0 {
            tracing::error!(count, "messages were given up: their channel is not configured, or can't be used");
        }
        Ok(())
    }

    /// While the ledger catches up, its figures are of a part; but not for ever.
    async fn must_wait(&mut self, applied: i64) -> Result<bool, StoreError> {
        if self.store.log.end().await? - applied <= limits::ALERT_LAG_EVENTS {
            self.lagging_since = None;
            return Ok(false);
        }
        let since = *self.lagging_since.get_or_insert_with(Instant::now);
        Ok(since.elapsed() < limits::ALERT_LAG_PATIENCE)
    }

    /// Looks once and keeps what is to be said; whether there was anything.
    pub async fn look(&mut self) -> Result<bool, AskError> {
        let (config, store, now) = (self.config.clone(), self.store.clone(), self.clock.now());
        let ledger = &config.ledger;
        let Some(profile) = ledger.profiles.first() else { return Ok(false) };
        let profile = match ledger.reporting_currency {
            Some(currency) => profile.reporting(currency).name,
            None => profile.name.clone(),
        };
        // A ledger that only ever saw test events is watched for those.
        let live =
            store.derived.has_customers(&profile, true).await? || !store.derived.has_customers(&profile, false).await?;
        let today = ledger.zone.day(now);
        let since =
            AlertFilter { since: Some(now.plus(-STORED_DAYS * UnixTime::DAY_SECONDS)), ..AlertFilter::default() };
        let mut stored = store.records.alerts(&since, None, PAGE).await?;
        let open = AlertFilter { open: Some(true), ..AlertFilter::default() };
        for row in store.records.alerts(&open, None, PAGE).await? {
            if stored.iter().all(|known| known.alert.id != row.alert.id) {
                stored.push(row);
            }
        }
        let look = Look {
            reports: Reports { store: &store, ledger, now },
            settings: &config.alerts,
            ask: Ask { livemode: Some(live), ..Ask::default() },
            today,
            ledger: format!("{profile} {}", if live { "live" } else { "test" }),
            stored,
            kept: Mutex::default(),
        };
        let mut verdicts = self.moved(&look, now).await?;
        verdicts.extend(self.stands(&look, now).await?);
        let mut said = false;
        for verdict in verdicts {
            said |= match verdict {
                Verdict::Raise(candidate) => self.raise(&look, *candidate, &profile, live, now).await?,
                Verdict::Update(id, alert) => self.update(&look, &id, *alert, &profile, live, now).await?,
                Verdict::Close { id, why, taken_back } => {
                    self.close(&look, &id, &Ending { at: now, why: &why, taken_back }).await?
                }
            };
        }
        let kept = std::mem::take(&mut *look.kept.lock().unwrap_or_else(PoisonError::into_inner));
        for (place, how) in kept {
            store.records.set_progress(&place, &how).await?;
        }
        Ok(said)
    }
}

/// Holds the lease while it can be had: one process judges and delivers.
async fn keep_lease(store: ReadStore, working: watch::Sender<bool>, mut stop: watch::Receiver<bool>) {
    const NAME: &str = "alerts";
    let holder = format!("{}-{:016x}", std::process::id(), rand::random::<u64>());
    let trouble = Trouble::default();
    while !*stop.borrow() {
        let (held, rest) = match store.records.lease(NAME, &holder, limits::ALERT_LEASE).await {
            Ok(held) => {
                trouble.is_over("the alerts' lease can be looked at again");
                (held, limits::ALERT_LEASE_RENEWAL)
            }
            Err(error) => {
                trouble.goes_on(&error.to_string(), "the alerts' lease can't be looked at now");
                (false, limits::STORE_RETRY)
            }
        };
        working.send_if_modified(|working| std::mem::replace(working, held) != held);
        tokio::select! {
            () = sleep(rest) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    // Nobody listens any more: what was being sent has ended.
    working.closed().await;
    if let Err(error) = store.records.release(NAME, &holder).await {
        tracing::warn!(%error, "the alerts' lease wasn't given back: the next process waits for its end");
    }
}
