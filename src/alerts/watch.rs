//! The role `alerts`: looks whenever the ledger has moved and whenever the clock has, and keeps what is to be said.

mod rules;
mod tell;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{
    judge::Verdict,
    lease::{self, AtWork},
    look::Look,
    outbox::{Outbox, Wakers},
    second_look::SecondLook,
};
use crate::{
    background::{Task, Tasks, Turn, Words},
    clock::Clock,
    config::{Config, Ledger},
    event::Seq,
    ledger::{
        outcome::QualityKind,
        time::{Day, UnixTime},
    },
    limits,
    reconciler::driver,
    report::{
        ask::Ask,
        service::{AskError, Reports},
    },
    store::{
        ReadStore, StoreError,
        records::alerts::{AlertFilter, Ending},
    },
    telemetry::{Metrics, trouble::Trouble},
};

/// How many alerts are looked back at.
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
    /// Rates that are missing.
    rates: Trouble,
    /// Which losses have been seen for how long, …
    second_look: SecondLook,
    /// … and when to look again at those too new to tell a spike from.
    look_again_at: Option<UnixTime>,
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
            rates: Trouble::default(),
            second_look: SecondLook::default(),
            look_again_at: None,
        }
    }

    /// Starts all that alerts are made of; answers which process works, as that changes. `ledger` wakes
    /// the watcher where the reconciler runs in this process.
    pub fn start(self, tasks: &Tasks, ledger: watch::Receiver<driver::Status>) -> watch::Receiver<AtWork> {
        let working = lease::keep(tasks, self.store.records.clone());
        let outbox = Outbox {
            store: self.store.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            working: working.clone(),
            stop: tasks.stop(),
        };
        let wakers = outbox.start(&self.config.alerts, tasks);
        tasks.start(Watching { watcher: self, wakers, ledger, in_process: true, working: working.clone(), seen: None });
        working
    }

    /// Starts it and waits until it has ended, which it does when `stop` turns true.
    pub async fn run(self, ledger: watch::Receiver<driver::Status>, mut stop: watch::Receiver<bool>) {
        let tasks = Tasks::new(self.clock.clone(), stop.clone());
        drop(self.start(&tasks, ledger));
        // An error means that the daemon is gone.
        drop(stop.wait_for(|stop| *stop).await.map(|_| ()));
        tasks.ended(limits::BACKGROUND_STOP).await;
    }

    async fn look_if_due(&mut self, seen: &mut Option<(Seq, Instant)>, wakers: &Wakers) -> Result<(), AskError> {
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
    async fn must_wait(&mut self, applied: Seq) -> Result<bool, StoreError> {
        if self.store.log.end().await?.distance(applied) <= limits::ALERT_LAG_EVENTS {
            self.lagging_since = None;
            return Ok(false);
        }
        let since = *self.lagging_since.get_or_insert_with(Instant::now);
        Ok(since.elapsed() < limits::ALERT_LAG_PATIENCE)
    }

    /// Whether rates are missing for `profile`, which is then said; never where nothing is converted.
    async fn unrated(&self, profile: &str, now: UnixTime) -> Result<bool, StoreError> {
        let Some(currency) = self.config.ledger.reporting_currency else { return Ok(false) };
        let counts = self.store.derived.quality_counts(profile, now).await?;
        let missing = counts.iter().find(|(kind, _)| *kind == QualityKind::MissingRate).map_or(0, |(_, count)| *count);
        if missing == 0 {
            self.rates.is_over("no rate is missing: alerts are judged in the reporting currency again");
            return Ok(false);
        }
        let error = format!(
            "a rate in {currency} is missing for {missing} of the customers: mrrd quality says which of which day"
        );
        self.rates.goes_on(&error, "alerts are judged in each currency's own ledger");
        Ok(true)
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
        // While a rate is missing nothing is told of the reporting currency; who leaves is seen in each currency's own ledger.
        let unrated = self.unrated(&profile, now).await?;
        let own;
        let ledger = if unrated {
            own = Ledger { reporting_currency: None, ..ledger.clone() };
            &own
        } else {
            ledger
        };
        // A ledger that only ever saw test events is watched for those.
        let watched = if unrated { &ledger.profiles[0].name } else { &profile };
        let live =
            store.derived.has_customers(watched, true).await? || !store.derived.has_customers(watched, false).await?;
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
            reports: Reports::new(&store, ledger, now),
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

/// A watcher at work: it looks whenever the ledger has moved, and with the clock.
struct Watching {
    watcher: Watcher,
    wakers: Wakers,
    ledger: watch::Receiver<driver::Status>,
    /// The reconciler runs in this process.
    in_process: bool,
    working: watch::Receiver<AtWork>,
    /// What the last look saw of the ledger, and when.
    seen: Option<(Seq, Instant)>,
}

impl Task for Watching {
    fn name(&self) -> String {
        "alerts".into()
    }

    fn words(&self) -> Words {
        // Not at every look: a missing exchange rate may stay missing for days.
        Words::Once("alerts could not be judged now")
    }

    async fn turn(&mut self, _: &watch::Receiver<bool>) -> Turn {
        let at_work = *self.working.borrow();
        if let Some(idle) = at_work.idle(limits::ALERT_POLL) {
            return idle.after(limits::ALERT_REST);
        }
        let begun = Instant::now();
        match self.watcher.look_if_due(&mut self.seen, &self.wakers).await {
            Ok(()) => Turn::done(limits::ALERT_POLL),
            Err(error) => Turn::failed(error, limits::ALERT_POLL),
        }
        .after(limits::ALERT_REST.max(begun.elapsed() * limits::ALERT_REST_FACTOR))
    }

    async fn woken(&mut self) {
        if !self.in_process {
            std::future::pending::<()>().await;
        }
        self.in_process = self.ledger.changed().await.is_ok();
    }
}
