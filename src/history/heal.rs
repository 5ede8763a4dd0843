//! Healing: events that no webhook brought are fetched, and what the events alone can't tell is looked up at Stripe.

use std::{collections::BTreeSet, sync::Arc};

use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    answers,
    audit::{AuditError, Difference},
    backfill::{Fetch, HistoryError},
    drift::Drift,
    refusals::Round,
    wanted::{COUPON, WANTED, Wanted, kind_of, wanted, wanted_id},
};
use crate::{
    alerts::{self, drift::Found},
    background::{self, Board, Task, Turn, Words},
    config::alert_rules::Rule,
    event::{CustomerKey, Pointer, ReadAs, Seq},
    ledger::{outcome::QualityKind, time::UnixTime},
    limits,
    reconciler::{Rules, driver::Handle, joining::Joins},
    store::{
        derived::reports::{AccountScope, QualityAsked, Scope},
        log::EventFilter,
        records::alerts::AlertFilter,
    },
    stripe::client::{ApiError, lists::Objects},
};

/// How far thin events are looked up, by place in the log.
const THIN: &str = "thin";

/// Objects that thin events pointed to and Stripe refused: asked for again in every round.
const THIN_AGAIN: &str = "thin.again";

/// What became of a wish for one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fetched {
    Kept,
    /// Stripe hasn't got it (any more, or in this key's mode).
    Missing,
    Refused,
}

/// What one activation of the healer fetched and filled in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Healed {
    /// Events appended that no webhook had brought.
    pub events: u64,
    /// How many objects Stripe was asked for.
    pub looked_up: u64,
}

/// Heals one ledger, as often as it is activated.
#[derive(Debug)]
pub struct Healer {
    fetch: Fetch,
    /// The first profile is held against Stripe; its quality list says what is to be looked up.
    rules: Rules,
    /// What was looked up already: if that didn't settle it, asking every five minutes won't either.
    tried: BTreeSet<(QualityKind, String)>,
}

impl Healer {
    /// A healer of the ledger that `rules` make.
    pub fn new(fetch: Fetch, rules: Rules) -> Self {
        Self { fetch, rules, tried: BTreeSet::new() }
    }

    /// The task that heals now and at its own pace; `told` hears what each activation did. Two processes at it do the same work
    /// twice, to the same end.
    pub fn task<F: Fn(Healed) + Send + 'static>(self, reconciler: Handle, told: F) -> Healing<F> {
        let began = self.fetch.clock.now();
        Healing { healer: self, reconciler, told, began }
    }

    /// Runs that task until `stop` turns true.
    pub async fn run(self, reconciler: Handle, told: impl Fn(Healed) + Send + 'static, stop: watch::Receiver<bool>) {
        let clock = self.fetch.clock.clone();
        background::run(self.task(reconciler, told), clock, Board::default(), stop).await;
    }

    /// Waits for an alert, raised at `since` or after by whichever process watches, that says that webhooks don't arrive.
    async fn silence(&self, since: UnixTime) {
        let rule = Some(Rule::WebhookSilence.as_str().to_owned());
        let filter = AlertFilter { rule, since: Some(since), ..AlertFilter::default() };
        loop {
            sleep(limits::ALERT_POLL).await;
            // A failure is told by whoever can't go on with it; this one asks again.
            if self.fetch.store.records.alerts(&filter, None, 1).await.is_ok_and(|alerts| !alerts.is_empty()) {
                return;
            }
        }
    }

    /// One round: what Stripe refuses is noted, and the rest goes on.
    async fn activate(&mut self, reconciler: &Handle) -> Result<Healed, HistoryError> {
        let mut round = Round::default();
        let healed = self.round(reconciler, &mut round).await;
        round.keep(&self.fetch.store.records, self.fetch.clock.now()).await?;
        healed
    }

    async fn round(&mut self, reconciler: &Handle, round: &mut Round) -> Result<Healed, HistoryError> {
        let events = round.allow("/events", self.events().await)?.unwrap_or(0);
        if events > 0 {
            reconciler.notify();
        }
        let end = self.fetch.store.log.end().await?;
        let mut status = reconciler.subscribe();
        // A ledger that is far behind is looked at as it is: what it will want then is looked up by the next activation.
        drop(timeout(limits::HEALING_PATIENCE, status.wait_for(|status| status.applied_seq >= end)).await);
        let looked_up = self.look_up_in(round).await?;
        if looked_up > 0 {
            reconciler.notify();
        }
        self.audit_when_due(round).await?;
        Ok(Healed { events, looked_up })
    }

    /// Holds Stripe's subscriptions against the ledger once a day, whichever process did it last. It appends nothing: what
    /// it finds is a metric and an alert, and `mrrd audit --heal` settles it.
    async fn audit_when_due(&self, round: &mut Round) -> Result<(), HistoryError> {
        let Fetch { store, clock, .. } = &self.fetch;
        let due = |last: Drift| last.at.plus(limits::AUDIT_INTERVAL_SECONDS) <= clock.now();
        if !Drift::last(&store.records).await?.is_none_or(due) {
            return Ok(());
        }
        let audited = self.fetch.audit(&self.rules, false, |_| {}).await;
        if let Ok(audit) = &audited {
            let words = |first: &Difference| {
                let (differ, Difference { subscription, customer, reason, .. }) = (audit.differences.len(), first);
                format!("{differ} subscriptions differ; first {subscription} of {customer}: {reason}")
            };
            let found = Found { at: clock.now(), difference: audit.differences.first().map(words) };
            alerts::drift::keep(&store.records, "audit", &found).await?;
        }
        match audited {
            Ok(audit) if audit.differences.is_empty() => {
                round.allow("/subscriptions", Ok::<_, HistoryError>(()))?;
                tracing::debug!(audit.subscriptions, "audited: nothing differs")
            }
            Ok(audit) => {
                round.allow("/subscriptions", Ok::<_, HistoryError>(()))?;
                tracing::warn!(
                    audit.subscriptions,
                    differing = audit.differences.len(),
                    "the ledger differs from Stripe: `mrrd audit` lists the differences, `mrrd audit --heal` settles them"
                );
            }
            Err(AuditError::History(error)) => {
                round.allow::<(), _>("/subscriptions", Err(error))?;
            }
            Err(AuditError::Ledger(error)) => tracing::warn!(%error, "the ledger could not be audited now"),
        }
        Ok(())
    }

    /// Fetches the events that are missing. Answers how many were.
    pub async fn events(&self) -> Result<u64, HistoryError> {
        Ok(self.fetch.events(|_| {}).await?.appended)
    }

    /// Looks up what thin events point to and what quality entries want; what is refused is kept for `doctor`. The ledger
    /// should be up to date before.
    pub async fn look_up(&mut self) -> Result<u64, HistoryError> {
        let mut round = Round::default();
        let looked_up = self.look_up_in(&mut round).await;
        round.keep(&self.fetch.store.records, self.fetch.clock.now()).await?;
        looked_up
    }

    async fn look_up_in(&mut self, round: &mut Round) -> Result<u64, HistoryError> {
        let mut looked_up = self.thin(round).await?;
        let Some(profile) = self.rules.profiles.first().map(|profile| profile.name.clone()) else {
            return Ok(looked_up);
        };
        for livemode in [true, false] {
            looked_up += self.wanted_by_quality(&profile, livemode, round).await?;
        }
        Ok(looked_up)
    }

    /// The objects of thin events, unless the event's twin is in the log with the object in it.
    async fn thin(&self, round: &mut Round) -> Result<u64, HistoryError> {
        let store = &self.fetch.store;
        let mut after =
            store.records.progress(THIN).await?.and_then(|text| text.parse::<Seq>().ok()).unwrap_or_default();
        let kept = store.records.progress(THIN_AGAIN).await?;
        let mut again: BTreeSet<String> = kept.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let (mut looked_up, still) = self.by_id(&again, round).await?;
        if still != again {
            self.ask_again(&still).await?;
            again = still;
        }
        let filter = EventFilter { reading: Some(ReadAs::Thin), account: Some(None), ..EventFilter::default() };
        while again.len() < limits::THIN_AGAIN {
            let page = store.log.events(&filter, after, limits::LOG_PAGE_EVENTS).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            let mut wanted = BTreeSet::new();
            for row in &page {
                let Pointer { twin, object } = row.pointer();
                let twins: Vec<_> = twin.into_iter().map(Into::into).collect();
                if store.log.known_ids(&twins).await?.is_empty() {
                    wanted.extend(object.and_then(|object| wanted_id(&row.kind, object)));
                }
            }
            let (more, refused) = self.by_id(&wanted, round).await?;
            looked_up += more;
            if !refused.is_subset(&again) {
                again.extend(refused);
                // Before the place behind them is kept: a kill in between costs a question, not an object.
                self.ask_again(&again).await?;
            }
            store.records.set_progress(THIN, &after.to_string()).await?;
        }
        Ok(looked_up)
    }

    async fn ask_again(&self, ids: &BTreeSet<String>) -> Result<(), HistoryError> {
        // A list of texts can be written as JSON.
        let text = serde_json::to_string(ids).unwrap_or_default();
        Ok(self.fetch.store.records.set_progress(THIN_AGAIN, &text).await?)
    }

    /// Fetches objects told by their ids alone: how many were kept, and which were refused.
    async fn by_id(&self, ids: &BTreeSet<String>, round: &mut Round) -> Result<(u64, BTreeSet<String>), HistoryError> {
        let (mut kept, mut refused) = (0, BTreeSet::new());
        for id in ids {
            let (list, named) = match (id.strip_prefix(COUPON), kind_of(id)) {
                (Some(coupon), _) => (Objects::Coupons, coupon),
                (None, Some(list)) => (list, id.as_str()),
                (None, None) => continue,
            };
            match self.fetch_one(list, named, round).await? {
                Fetched::Kept => kept += 1,
                Fetched::Missing => {}
                Fetched::Refused => drop(refused.insert(id.clone())),
            }
        }
        Ok((kept, refused))
    }

    async fn wanted_by_quality(
        &mut self,
        profile: &Arc<str>,
        livemode: bool,
        round: &mut Round,
    ) -> Result<u64, HistoryError> {
        let store = self.fetch.store.clone();
        let scope = Scope {
            profile: profile.clone(),
            livemode,
            // The key's own: another account's objects aren't its to read.
            account: AccountScope::One(None),
            test_clock: None,
            cut: self.fetch.clock.now(),
        };
        let mut looked_up = 0;
        for kind in WANTED {
            let mut after = None;
            loop {
                let page = store
                    .derived
                    .quality_page(&scope, &QualityAsked::Kind(kind), after.as_ref(), limits::LOG_PAGE_EVENTS)
                    .await?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                for (_, row) in page {
                    let about = (kind, format!("{} {} {:?}", row.customer, row.entry.object, row.entry.event));
                    if self.tried.contains(&about) {
                        continue;
                    }
                    let key = CustomerKey { livemode, account: None, customer: row.customer };
                    let joins = Joins::current(store.reader(), &self.rules.customers, None).await?;
                    let mut members = joins.members_of(store.reader(), &key, None).await?;
                    if members.is_empty() {
                        members.push(key);
                    }
                    let (mut refused, mut asked) = (false, BTreeSet::new());
                    // What an item's discount is of is known by its coupon's id only once its subscription was read.
                    for _ in 0..2 {
                        let facts = store.log.customer_facts(&members, None).await?.concat();
                        for Wanted { list, id } in wanted(&row.entry, &facts) {
                            if asked.insert((list, id.clone())) {
                                let fetched = self.fetch_one(list, &id, round).await?;
                                looked_up += u64::from(fetched == Fetched::Kept);
                                refused |= fetched == Fetched::Refused;
                            }
                        }
                    }
                    // Only an answer says that asking again is of no use: a permission may be given meanwhile.
                    if !refused {
                        self.tried.insert(about);
                    }
                }
            }
        }
        Ok(looked_up)
    }

    /// Fetches one object into the log.
    async fn fetch_one(&self, list: Objects, id: &str, round: &mut Round) -> Result<Fetched, HistoryError> {
        let request = list.one(id);
        if round.is_closed(&request.path) {
            return Ok(Fetched::Refused);
        }
        let answer = match self.fetch.client.get(&request).await {
            Err(ApiError::Missing { .. }) => {
                round.allow(&request.path, Ok::<_, ApiError>(()))?;
                return Ok(Fetched::Missing);
            }
            answer => round.allow(&request.path, answer)?,
        };
        let Some(answer) = answer else { return Ok(Fetched::Refused) };
        let whole = self.fetch.whole(list, answer.body.clone(), None).await;
        let Some(body) = round.allow(&request.path, whole)? else { return Ok(Fetched::Refused) };
        let event = answers::object(body, &answer, &self.fetch.clock)
            .map_err(|reason| ApiError::Unreadable { path: answer.path, reason });
        let Some(event) = round.allow(&request.path, event)? else { return Ok(Fetched::Refused) };
        self.fetch.append_answers(vec![event]).await?;
        Ok(Fetched::Kept)
    }
}

/// A healer at work.
#[derive(Debug)]
pub struct Healing<F> {
    healer: Healer,
    reconciler: Handle,
    told: F,
    /// When its last turn began.
    began: UnixTime,
}

impl<F: Fn(Healed) + Send + 'static> Task for Healing<F> {
    fn name(&self) -> String {
        "healer".into()
    }

    fn words(&self) -> Words {
        Words::Repeated("the ledger could not be healed now", "the ledger can be healed again")
    }

    async fn turn(&mut self, stop: &watch::Receiver<bool>) -> Turn {
        self.began = self.healer.fetch.clock.now();
        let mut stop = stop.clone();
        tokio::select! {
            healed = self.healer.activate(&self.reconciler) => match healed {
                Ok(healed) => {
                    (self.told)(healed);
                    Turn::done(limits::HEALING_INTERVAL)
                }
                Err(error) => Turn::failed(error, limits::HEALING_INTERVAL),
            },
            // An error means that the daemon is gone.
            _ = stop.wait_for(|stop| *stop) => Turn::last(),
        }
    }

    async fn woken(&mut self) {
        self.healer.silence(self.began.plus(1)).await;
    }
}
