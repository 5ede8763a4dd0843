//! The role `alerts`: looks whenever the ledger has moved and whenever the clock has, and keeps what is to be said.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::sleep};

use super::{
    alert::{Alert, Rule},
    backtest, digest, drift, health, history,
    judge::{self, Candidate, Judged, Verdict},
    message::Message,
    outbox::{Bells, Outbox},
    second_look::SecondLook,
    silence, standing,
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
        records::alerts::{AlertFilter, AlertRow, AlertUpdate, Ending, NewAlert, Outgoing},
    },
    telemetry::{
        Metrics,
        event::{AlertRaised, AlertUpdated},
        trouble::Trouble,
    },
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
        let (bells, mut channels) = outbox.start(&self.config.alerts);
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
                let trouble = self.look_if_due(&mut seen, &bells).await.err().map(|error| error.to_string());
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

    async fn look_if_due(&mut self, seen: &mut Option<(i64, Instant)>, bells: &Bells) -> Result<(), AskError> {
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
            bells.ring();
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

    /// The rules over movements, and over the days they make.
    async fn moved(&mut self, look: &Look<'_>, now: UnixTime) -> Result<Vec<Verdict>, AskError> {
        let from = standing::plus(look.today, -limits::ALERT_HISTORY_DAYS);
        let rows = look.reports.standing_rows(&look.ask, Some(from)).await?;
        let losses = history::losses(&look.reports, &look.ask, Some(from)).await?;
        let mut days = history::days(&rows, losses, look.today)?;
        days.retain(|day| day.day >= from);
        let Some(first) = days.first().map(|day| day.day) else { return Ok(Vec::new()) };
        let told = standing::plus(look.today, -limits::ALERT_RECENT_DAYS - 60);
        let settings = look.settings;
        let run = |days: &[_]| backtest::run(days, told, settings.false_alerts_a_year, &settings.large_loss);
        let judged = |found: &_, settled: &_| {
            judge::episodes(&Judged { days: &days, found, settled, today: look.today }, &look.stored, &settings.rules)
        };
        let found = run(&days)?;
        let mut verdicts = judged(&found, &found);
        self.second_look.note(&days, look.today, now);
        let tells = |verdict: &Verdict| match verdict {
            Verdict::Raise(candidate) => judge::OF_LOSSES.contains(&candidate.alert.rule),
            Verdict::Update(..) => true,
            Verdict::Close { .. } => false,
        };
        let settled = if verdicts.iter().any(tells) {
            self.second_look.settled(&days, look.today, now, settings.second_look_seconds)
        } else {
            None
        };
        self.look_again_at = settled.as_ref().map(|settled| settled.next);
        if let Some(settled) = settled {
            verdicts = judged(&found, &run(&settled.days)?);
        }
        let slow = self.slow.is_none_or(|(at, day)| at.elapsed() >= SLOW || day != look.today);
        if slow {
            if look.has(Rule::ScheduledChurn) {
                verdicts.extend(standing::scheduled_churn(look, &rows).await?);
            }
            if look.has(Rule::NrrBelow) {
                verdicts.extend(standing::nrr_below(look).await?);
            }
            if look.has(Rule::NewRecord) {
                verdicts.extend(standing::new_record(&days)?);
            }
            for &digest in &settings.digests {
                verdicts.extend(digest::due(look, digest, first).await?);
            }
            self.slow = Some((Instant::now(), look.today));
        }
        Ok(verdicts)
    }

    /// The rules over the log and over what was verified.
    async fn stands(&mut self, look: &Look<'_>, now: UnixTime) -> Result<Vec<Verdict>, AskError> {
        let mut verdicts = Vec::new();
        let saying = |rule, subject: &str, key: String, statement, threshold: &str| {
            let alert = Alert::saying(rule, look.today, statement, threshold.to_owned(), &[])?;
            Ok::<_, AskError>(Candidate { alert, subject: subject.to_owned(), key })
        };
        if look.has(Rule::WebhookSilence) {
            // Where too little is known of this account to tell, nothing is said.
            if let Some((last, limit)) = self.gaps(now).await? {
                let silent = now.0 - last.0 > limit;
                // While it was not running it could hear nothing: nothing is raised yet, and nothing is over.
                let heard_long_enough = now.0 - self.started_at.0 > limit;
                let on = if silent {
                    let hours = |seconds: i64| format!("{}:{:02} hours", seconds / 3600, seconds % 3600 / 60);
                    let (since, usual) = (hours(now.0 - last.0), hours(limit));
                    let statement = format!("no event for {since}, where {usual} would be unusual");
                    let threshold = "at most 1 false alert a year";
                    Some(saying(Rule::WebhookSilence, "", last.to_string(), statement, threshold)?)
                } else {
                    None
                };
                if heard_long_enough || !silent {
                    verdicts.extend(judge::standing(
                        Rule::WebhookSilence,
                        "",
                        on,
                        &look.stored,
                        "Events arrive again.",
                    ));
                }
            }
        }
        if look.has(Rule::LedgerDrift) {
            for source in drift::SOURCES {
                let found = drift::last(&self.store.records, source).await?;
                let on = match found {
                    Some(drift::Found { at, difference: Some(difference) }) => {
                        let statement = format!("`mrrd {source}` found a difference: {difference}");
                        Some(saying(Rule::LedgerDrift, source, at.to_string(), statement, "any difference")?)
                    }
                    _ => None,
                };
                let over = format!("`mrrd {source}` finds no difference any more.");
                verdicts.extend(judge::standing(Rule::LedgerDrift, source, on, &look.stored, &over));
            }
        }
        Ok(verdicts)
    }

    /// When the last event was made that a webhook brought, and how long a silence may be; `None` where too few came to
    /// tell. What healing and replays append is not heard.
    async fn gaps(&mut self, now: UnixTime) -> Result<Option<(UnixTime, i64)>, StoreError> {
        let known = self.silence.filter(|(at, _)| at.elapsed() < SLOW);
        if matches!(known, Some((_, None))) {
            return Ok(None);
        }
        let heard = self.store.log.heard(now, if known.is_some() { PAGE / 10 } else { 5 * PAGE }).await?;
        let last = heard.iter().max().copied();
        let limit = match known {
            Some((_, limit)) => limit,
            None => {
                let limit = silence::limit(&mut heard.into_iter().map(|at| at.0).collect());
                self.silence = Some((Instant::now(), limit));
                limit
            }
        };
        Ok(last.zip(limit))
    }

    async fn raise(
        &self,
        look: &Look<'_>,
        candidate: Candidate,
        profile: &str,
        live: bool,
        now: UnixTime,
    ) -> Result<bool, AskError> {
        let id = candidate.id(&look.ledger);
        if look.stored.iter().any(|row| row.alert.id == id) {
            return Ok(false);
        }
        let Candidate { mut alert, subject, .. } = candidate;
        let (rule, day) = (alert.rule, alert.day);
        let (silenced, channels) = self.completed(look, &mut alert, profile, live, now).await?;
        let message = Message::raised(&id, now, &alert);
        let new = NewAlert {
            id: id.clone(),
            rule: rule.as_str().into(),
            subject,
            day,
            raised_at: now,
            headline: message.headline.clone(),
            content: content(&message),
            silenced: silenced.clone(),
            closed: !rule.has_episodes(),
        };
        let outgoing =
            Outgoing { event: "raised", message: serde_json::to_string(&message).unwrap_or_default(), channels };
        let raised = self.store.records.raise_alert(&new, &outgoing).await?;
        if raised {
            AlertRaised { id: &id, rule: rule.as_str(), silenced: silenced.as_deref() }.emit(&self.metrics);
        }
        Ok(raised)
    }

    /// Tells an open alert's next version.
    async fn update(
        &self,
        look: &Look<'_>,
        id: &str,
        mut alert: Alert,
        profile: &str,
        live: bool,
        now: UnixTime,
    ) -> Result<bool, AskError> {
        let (rule, version) = (alert.rule, i64::from(alert.version));
        let (silenced, channels) = self.completed(look, &mut alert, profile, live, now).await?;
        let message = Message::updated(id, now, &alert);
        let update = AlertUpdate {
            id: id.to_owned(),
            version,
            at: now,
            headline: message.headline.clone(),
            content: content(&message),
            silenced: silenced.clone(),
        };
        let outgoing =
            Outgoing { event: "updated", message: serde_json::to_string(&message).unwrap_or_default(), channels };
        let updated = self.store.records.update_alert(&update, &outgoing).await?;
        if updated {
            AlertUpdated { id, rule: rule.as_str(), version, silenced: silenced.as_deref() }.emit();
        }
        Ok(updated)
    }

    /// Adds what the rules don't know: whether figures are whole, where to look, what was planned. Says why nobody is told,
    /// or which channels are.
    async fn completed(
        &self,
        look: &Look<'_>,
        alert: &mut Alert,
        profile: &str,
        live: bool,
        now: UnixTime,
    ) -> Result<(Option<String>, Vec<String>), AskError> {
        alert.warnings = health::warnings(&self.store, profile, now).await?;
        for named in &mut alert.customers {
            named.link = Some(link(look.settings, live, &named.customer));
        }
        let silenced = self.silenced(alert, alert.as_of, now).await?;
        let channels = look.settings.channels.iter().filter(|(_, channel)| channel.hears(alert.rule));
        let channels = channels.map(|(name, _)| name.clone()).filter(|_| silenced.is_none()).collect();
        Ok((silenced, channels))
    }

    /// Why nobody is told: the rule is muted, or the day was planned.
    async fn silenced(&self, alert: &mut Alert, day: Day, now: UnixTime) -> Result<Option<String>, StoreError> {
        let about_customers = !matches!(alert.rule, Rule::WebhookSilence | Rule::LedgerDrift | Rule::Digest);
        for planned in self.store.records.annotations().await? {
            if about_customers && (planned.first..=planned.last).contains(&day) {
                alert.planned.push(planned.note);
            }
        }
        let muted = self.store.records.mutes(now).await?;
        let muted = muted.into_iter().find(|mute| mute.rule == "all" || mute.rule == alert.rule.as_str());
        Ok(match (muted, alert.planned.first()) {
            (Some(mute), _) => Some(format!("muted until {}: {}", mute.until, mute.note)),
            (None, Some(note)) => Some(format!("planned: {note}")),
            (None, None) => None,
        })
    }

    async fn close(&self, look: &Look<'_>, id: &str, ending: &Ending<'_>) -> Result<bool, StoreError> {
        let Some(row) = look.stored.iter().find(|row| row.alert.id == id) else { return Ok(false) };
        // Whoever was told that it began is told that it is over.
        let told = self.store.records.deliveries(&[id]).await?;
        let told = told.into_iter().filter(|delivery| matches!(delivery.event.as_str(), "raised" | "updated"));
        let told: BTreeSet<String> = told.map(|delivery| delivery.channel).collect();
        let channels = told.into_iter().filter(|name| look.settings.channels.contains_key(name)).collect();
        let message = serde_json::to_string(&Message::closed(row, ending.at, ending.why)).unwrap_or_default();
        self.store.records.close_alert(id, ending, &Outgoing { event: "closed", message, channels }).await
    }
}

/// What is kept of an alert: all it says, and the text that people were sent.
fn content(message: &Message) -> String {
    let mut content = message.json["alert"].clone();
    content["text"] = message.text.clone().into();
    content.to_string()
}

/// Where to look at a customer.
fn link(settings: &Alerts, live: bool, customer: &str) -> String {
    match &settings.url {
        Some(url) => format!("{url}/#customer={customer}"),
        None => stripe_link(live, customer),
    }
}

/// The customer in Stripe's own dashboard.
pub(super) fn stripe_link(live: bool, customer: &str) -> String {
    format!("https://dashboard.stripe.com/{}customers/{customer}", if live { "" } else { "test/" })
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
