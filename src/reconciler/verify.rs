//! Verification: the log against its seals, derived rows against a fresh derivation, and the waterfall against itself.
//!
//! Works beside live load: a customer whose rows differ is looked at again once everything known then is applied, and
//! only a difference that stands while nothing of the customer moves is one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use crate::{
    event::{CustomerKey, Seq},
    ledger::{
        identities,
        outcome::CustomerLedger,
        profile::{Netting, Profile},
    },
    limits,
    store::{
        StoreError,
        derived::{
            GenerationId, ProfileLedger, WrongDay,
            day_sums::{DaySums, Standing},
            joined::Joining,
        },
        log::ChainReport,
    },
};

use super::{
    ReconcileError, Reconciler, Rules,
    derivation::{self, CustomerInput, derive_customers},
    joining::{self, Joins},
    name, rules,
};

/// Between two looks at a customer whose rows are still on their way.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What a verification held against what, and the first thing that differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The log against its seals.
    pub chain: ChainReport,
    /// Everything up to here was applied when it began.
    pub applied_seq: Seq,
    /// Customers whose rows were held against a fresh derivation, under each of the profiles.
    pub customers: u64,
    /// Profiles under which they were. One that is kept in the reporting currency as well is one profile.
    pub profiles: u64,
    /// Customers left out: their events weren't applied in time.
    pub waiting: u64,
    /// The first row that isn't what it should be; `None` when all are.
    pub first_difference: Option<Difference>,
}

impl Report {
    /// Whether everything that was held against something agreed.
    pub fn holds(&self) -> bool {
        self.chain.first_difference.is_none() && self.first_difference.is_none()
    }
}

/// A derived row that isn't what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Whose; `None` for what is summed over customers.
    pub customer: Option<CustomerKey>,
    /// The profile under whose rules the rows are.
    pub profile: Arc<str>,
    /// The table that holds it.
    pub table: &'static str,
    /// What is there, and what should be; or what doesn't add up.
    pub what: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(customer) = &self.customer {
            write!(f, "{} ", name(customer))?;
        }
        write!(f, "under {}, {}: {}", self.profile, self.table, self.what)
    }
}

/// How one customer's rows stand against the log.
enum Verdict {
    Agrees,
    /// In which table, and how.
    Differs(&'static str, String),
    /// Something of it was still to be applied.
    Moving,
}

impl Reconciler {
    /// Verifies everything; `progress` is told how many customers are done. Writes nothing.
    ///
    /// Errors with [`ReconcileError::OtherRules`] when the ledger is kept under other rules than these: it can't be held
    /// against them.
    pub async fn verify(
        &self,
        stop: &watch::Receiver<bool>,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Report, ReconcileError> {
        // The log's seals and the ledger's rows have nothing of each other: each has a thread of its own.
        let log = self.store.log.clone();
        let chain = tokio::spawn(async move { log.verify_chain().await });
        let (report, chain) = tokio::join!(self.verify_ledger(stop, progress), chain);
        let chain = chain.map_err(|error| ReconcileError::Worker(error.to_string()))??;
        Ok(Report { chain, ..report? })
    }

    /// The derived rows and sums, without the log's seals.
    async fn verify_ledger(
        &self,
        stop: &watch::Receiver<bool>,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Report, ReconcileError> {
        let mut report = Report::default();
        let Some(current) = self.current_generation().await? else {
            // Nothing was ever derived: there is nothing to be wrong, and all of the log is to come.
            report.waiting = u64::from(self.store.log.horizon().await? > Seq::START);
            return Ok(report);
        };
        let fingerprint = self.rules.fingerprint();
        if current.fingerprint != fingerprint {
            let differs = rules::differences(&current.fingerprint, &fingerprint);
            return Err(ReconcileError::OtherRules(differs.join(", ")));
        }
        report.applied_seq = self.applied_seq(current.id).await?;
        self.verify_joined(current.id, &mut report, stop).await?;
        if report.first_difference.is_some() {
            return Ok(report);
        }
        let mut seen = DaySums::default();
        for profile in self.rules.profiles.iter() {
            self.verify_profile(profile, &mut report, &mut seen, stop, progress).await?;
            if report.first_difference.is_some() {
                return Ok(report);
            }
        }
        // Sums move with their rows, in one transaction: they are held against these, which have just been verified.
        while let Some(current) = self.current_generation().await? {
            let wrong = self.store.derived.wrong_day(current.id, Some(&seen)).await?;
            // One that a rebuild has replaced meanwhile is being dropped, its rows before its sums.
            if self.current_generation().await?.is_some_and(|now| now.id == current.id) {
                let difference =
                    |WrongDay { profile, table, what }| Difference { customer: None, profile, table, what };
                report.first_difference = wrong.map(difference);
                break;
            }
        }
        Ok(report)
    }

    /// Who belongs to whom, as it is kept, against each customer's newest state.
    async fn verify_joined(
        &self,
        generation: GenerationId,
        report: &mut Report,
        stop: &watch::Receiver<bool>,
    ) -> Result<(), ReconcileError> {
        let Some(Joining { customer_key, joined_to }) = self.store.derived.joining(generation).await? else {
            return Ok(());
        };
        let (key, known_at) = (Arc::from(customer_key), Some(joined_to));
        let mut after: Option<CustomerKey> = None;
        loop {
            if *stop.borrow() {
                return Err(ReconcileError::Stopped);
            }
            let customers = self.store.log.customers(after.as_ref(), limits::CUSTOMERS_PAGE, known_at).await?;
            let Some(last) = customers.last() else { return Ok(()) };
            after = Some(last.clone());
            let kept = self.store.derived.ledgers_of(generation, &customers, known_at).await?;
            let facts = self.store.log.customer_facts(&customers, known_at).await?;
            for ((customer, kept), facts) in customers.into_iter().zip(kept).zip(facts) {
                let says = joining::by_newest(self.store.reader(), &customer, &facts, &key).await?;
                let kept = kept.unwrap_or_else(|| customer.customer.clone());
                if kept != says {
                    let what = format!("it belongs to {kept} there, and should to {says}");
                    let profile = self.rules.profiles.first().map_or("".into(), |profile| profile.name.clone());
                    report.first_difference =
                        Some(Difference { customer: Some(customer), profile, table: "joined", what });
                    return Ok(());
                }
            }
        }
    }

    async fn verify_profile(
        &self,
        profile: &Profile,
        report: &mut Report,
        seen: &mut DaySums,
        stop: &watch::Receiver<bool>,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), ReconcileError> {
        let rules = Arc::new(Rules { profiles: Arc::from([profile.clone()]), ..(*self.rules).clone() });
        let mut suspects = BTreeSet::new();
        let mut after: Option<CustomerKey> = None;
        let mut held = 0;
        report.profiles += u64::from(profile.reporting.is_none());
        loop {
            if *stop.borrow() {
                return Err(ReconcileError::Stopped);
            }
            let Some(page) = self.page(profile, after.as_ref()).await? else { break };
            let customers: Vec<CustomerKey> = page.rows.keys().cloned().collect();
            let joins = Joins::current(self.store.reader(), &rules.customers, None).await?;
            let outcomes =
                derive_customers(joins, self.store.reader(), &rules, &customers, None, &[], self.workers).await?;
            for ((customer, rows), outcome) in page.rows.into_iter().zip(outcomes) {
                held += 1;
                if let Some(rows) = &rows {
                    seen.change(&profile.name, &customer, None, Some(Standing::whole(rows)))?;
                }
                let fresh = outcome.ok().and_then(|derived| derived.into_iter().next());
                let agrees = match (&rows, &fresh) {
                    (Some(rows), Some(fresh)) => {
                        *rows == fresh.ledger && identities::first_breach(rows, profile.netting).is_none()
                    }
                    _ => false,
                };
                if !agrees {
                    suspects.insert(customer);
                }
            }
            suspects.extend(page.unknown);
            report.customers = report.customers.max(held);
            progress(held);
            after = Some(page.last);
        }
        let mut patience = Patience::new();
        for customer in suspects {
            match self.look_again(profile, &rules, &customer, &mut patience, stop).await? {
                Verdict::Agrees => {}
                Verdict::Moving => report.waiting += 1,
                Verdict::Differs(table, what) => {
                    let (customer, profile) = (Some(customer), profile.name.clone());
                    report.first_difference = Some(Difference { customer, profile, table, what });
                    break;
                }
            }
        }
        Ok(())
    }

    /// The next customers that the log or the derived tables know, with their rows.
    async fn page(&self, profile: &Profile, after: Option<&CustomerKey>) -> Result<Option<Page>, ReconcileError> {
        let limit = limits::CUSTOMERS_PAGE;
        let Some(generation) = self.current_generation().await? else { return Ok(None) };
        let joins = Joins::current(self.store.reader(), &self.rules.customers, None).await?;
        let known: BTreeSet<CustomerKey> =
            joins.ledgers(self.store.reader(), after, limit, None).await?.into_iter().collect();
        let before_all = CustomerKey { livemode: false, account: None, customer: "".into() };
        let from = (&*profile.name, after.unwrap_or(&before_all));
        let mut stored = self.store.derived.ledgers(generation.id, Some(from), limit).await?;
        stored.retain(|(_, derived)| derived.profile == profile.name);
        // The shorter page of two full ones says how far both are known.
        let full = |len: usize| i64::try_from(len).is_ok_and(|len| len >= limit);
        let mut last = known.last().max(stored.last().map(|(key, _)| key)).cloned();
        if full(known.len()) {
            last = last.min(known.last().cloned());
        }
        if full(stored.len()) {
            last = last.min(stored.last().map(|(key, _)| key.clone()));
        }
        let Some(last) = last else { return Ok(None) };
        let mut rows: BTreeMap<CustomerKey, Option<CustomerLedger>> =
            known.iter().map(|key| (key.clone(), None)).collect();
        rows.extend(stored.into_iter().map(|(key, ProfileLedger { ledger, .. })| (key, Some(ledger))));
        rows.retain(|key, _| *key <= last);
        let unknown = rows.keys().filter(|key| !known.contains(key)).cloned().collect();
        Ok(Some(Page { rows, unknown, last }))
    }

    /// Looks at one customer until nothing of it is on its way.
    async fn look_again(
        &self,
        profile: &Profile,
        rules: &Arc<Rules>,
        customer: &CustomerKey,
        patience: &mut Patience,
        stop: &watch::Receiver<bool>,
    ) -> Result<Verdict, ReconcileError> {
        let began = Instant::now();
        let one = std::slice::from_ref(customer);
        loop {
            if *stop.borrow() {
                return Err(ReconcileError::Stopped);
            }
            let Some(generation) = self.current_generation().await? else { return Ok(Verdict::Moving) };
            let applied = self.applied_seq(generation.id).await?;
            let rows = self.store.derived.customer_ledger(generation.id, &profile.name, customer).await?;
            let then = derivation::read(self.store.reader(), &self.rules, one, Some(applied)).await?;
            let now = derivation::read(self.store.reader(), &self.rules, one, None).await?;
            // With nothing of the customer to come since before its rows were read, they have to be these.
            let settled = then == now;
            let verdict = verdict(rows.as_ref(), &fresh(then, rules), &fresh(now, rules), profile.netting);
            if settled || matches!(verdict, Verdict::Agrees) {
                return Ok(verdict);
            }
            if patience.is_over(applied) || began.elapsed() >= limits::VERIFY_PATIENCE {
                return Ok(Verdict::Moving);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn applied_seq(&self, generation: GenerationId) -> Result<Seq, StoreError> {
        Ok(self.store.derived.applied(generation).await?.seq())
    }
}

/// Some customers in order, with their rows where there are any.
struct Page {
    rows: BTreeMap<CustomerKey, Option<CustomerLedger>>,
    /// Those with rows of whom the log has no facts.
    unknown: Vec<CustomerKey>,
    last: CustomerKey,
}

/// A ledger as the log has it.
enum Fresh {
    Unknown,
    Ledger(Box<CustomerLedger>),
    Failed(String),
}

fn fresh(known: Vec<CustomerInput>, rules: &Rules) -> Fresh {
    match known.first() {
        Some(known) if !known.facts.is_empty() => match derivation::derive_one(known, rules).map(|mut all| all.pop()) {
            Ok(Some(derived)) => Fresh::Ledger(Box::new(derived.ledger)),
            Ok(None) => Fresh::Unknown,
            Err(reason) => Fresh::Failed(reason),
        },
        _ => Fresh::Unknown,
    }
}

/// Rows that equal the log as applied, or all of it, are right. What doesn't add up is wrong all the same.
fn verdict(rows: Option<&CustomerLedger>, then: &Fresh, now: &Fresh, netting: Netting) -> Verdict {
    let equals = |fresh: &Fresh| match (rows, fresh) {
        (Some(rows), Fresh::Ledger(ledger)) => *rows == **ledger,
        (None, Fresh::Unknown) => true,
        _ => false,
    };
    if equals(then) || equals(now) {
        return match rows.and_then(|rows| identities::first_breach(rows, netting)) {
            Some(breach) => Verdict::Differs(breach.table, breach.what),
            None => Verdict::Agrees,
        };
    }
    match (rows, now) {
        (_, Fresh::Failed(reason)) => Verdict::Differs("customer_ledger", reason.clone()),
        (Some(_), Fresh::Unknown) => {
            Verdict::Differs("customer_ledger", "it has rows, and the log has no facts of it".into())
        }
        (None, _) => Verdict::Differs("customer_ledger", "it has no rows, and the log has facts of it".into()),
        (Some(rows), Fresh::Ledger(fresh)) => {
            let (table, what) = first_difference(rows, fresh);
            Verdict::Differs(table, what)
        }
    }
}

/// The first table that differs, and its first row that does.
fn first_difference(rows: &CustomerLedger, fresh: &CustomerLedger) -> (&'static str, String) {
    // Taken apart whole: a table added to the ledger can't be forgotten here.
    let CustomerLedger {
        test_clock,
        country,
        metadata,
        first_mrr_at,
        deltas,
        counts,
        movements,
        subscriptions,
        quality,
        trials,
        prospects,
    } = rows;
    let head = (test_clock, country, metadata, first_mrr_at);
    let fresh_head = (&fresh.test_clock, &fresh.country, &fresh.metadata, &fresh.first_mrr_at);
    if head != fresh_head {
        return ("customer_ledger", format!("{head:?} is there, {fresh_head:?} should be"));
    }
    first_row("item_delta", deltas, &fresh.deltas)
        .or_else(|| first_row("count_delta", counts, &fresh.counts))
        .or_else(|| first_row("movement", movements, &fresh.movements))
        .or_else(|| first_row("subscription_ledger", subscriptions, &fresh.subscriptions))
        .or_else(|| first_row("quality", quality, &fresh.quality))
        .or_else(|| first_row("trial", trials, &fresh.trials))
        .or_else(|| first_row("prospect", prospects, &fresh.prospects))
        .unwrap_or(("customer_ledger", "it differs".into()))
}

fn first_row<T: PartialEq + std::fmt::Debug>(
    table: &'static str,
    rows: &[T],
    fresh: &[T],
) -> Option<(&'static str, String)> {
    let at = (0..rows.len().max(fresh.len())).find(|at| rows.get(*at) != fresh.get(*at))?;
    let row = |rows: &[T]| rows.get(at).map_or("nothing".to_owned(), |row| format!("{row:?}"));
    Some((table, format!("row {at}: {} is there, {} should be", row(rows), row(fresh))))
}

/// How long to wait for a reconciler that may not be running at all: as long as it moves, and a little more.
struct Patience {
    applied: Option<Seq>,
    since: Instant,
}

impl Patience {
    fn new() -> Self {
        Self { applied: None, since: Instant::now() }
    }

    fn is_over(&mut self, applied: Seq) -> bool {
        if self.applied != Some(applied) {
            *self = Self { applied: Some(applied), since: Instant::now() };
        }
        self.since.elapsed() >= limits::VERIFY_PATIENCE
    }
}
