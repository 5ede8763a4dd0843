//! Closing a month: its figures by customer, and keeping them with what they were made from (rule `closing`).

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};
use thiserror::Error;
use utoipa::ToSchema;

use super::{
    ReportError,
    basis::{COUNTED, STOOD},
    memory::Memory,
    money::Exact,
    month::{Figures, Month, figures, of_month},
    reports::{AskError, Reports},
};
use crate::{
    event::Seq,
    ledger::{
        ids::AccountId,
        money::{Currency, Mrr},
        movement_id::movement_id,
        outcome::{CustomerLedger, Kind, Movement, QualityEntry, QualityKind},
        profile::Profile,
        time::{UnixTime, Zone},
    },
    reconciler::{Rules, rules},
    store::{
        StoreError,
        records::{
            audit_trail::{Action, Actor},
            closings::*,
        },
    },
};

/// Everything a month is closed with. Simulated time is no month that closes: customers on test clocks are left out.
pub fn closed(closing: Closing, ledgers: &Memory, month: Month, zone: &Zone) -> Result<ClosedMonth, ReportError> {
    let end = zone.end_of(month.last());
    let mut totals: BTreeMap<(bool, Option<AccountId>, Currency), Figures> = BTreeMap::new();
    let mut stood: BTreeMap<(bool, Option<AccountId>, Currency), BTreeMap<&'static str, Mrr>> = BTreeMap::new();
    let (mut customers, mut movements) = (Vec::new(), Vec::new());
    for (key, ledger) in ledgers.customers.iter().filter(|(_, ledger)| ledger.test_clock.is_none()) {
        for (currency, lines) in amounts_at(ledger, end)? {
            let all = stood.entry((key.livemode, key.account.clone(), currency)).or_default();
            for (line, amount) in lines {
                let sum = all.entry(line).or_default();
                *sum = sum.checked_add(amount).ok_or(ReportError::Overflow)?;
            }
        }
        for (currency, one) in figures(ledger, month, end)? {
            totals.entry((key.livemode, key.account.clone(), currency)).or_default().add(&one)?;
            let Figures { opening, closing, .. } = one;
            customers.push(ClosedCustomer { key: key.clone(), currency, opening, closing });
        }
        for movement in ledger.movements.iter().filter(|movement| of_month(movement, month, end)) {
            let id = movement_id(&ledgers.profile, key.livemode, key.account.as_ref(), &key.customer, movement);
            let Movement { currency, day, effective_at, kind, amount, .. } = *movement;
            movements.push(ClosedMovement {
                key: key.clone(),
                id: id.into(),
                currency,
                day,
                effective_at,
                kind,
                amount,
            });
        }
    }
    let mut lines = |((livemode, account, currency), one): ((bool, Option<AccountId>, Currency), Figures)| {
        let moved =
            Kind::ALL.iter().map(|kind| (kind.as_str(), one.lines.get(*kind))).filter(|(_, sum)| *sum != Mrr::ZERO);
        let beside = stood.remove(&(livemode, account.clone(), currency)).unwrap_or_default();
        let bridge = [("opening", one.opening)].into_iter().chain(moved).chain([("closing", one.closing)]);
        let all: Vec<_> = bridge.chain(beside).collect();
        all.into_iter().map(move |(line, amount)| ClosedTotal {
            livemode,
            account: account.clone(),
            currency,
            line: line.into(),
            amount,
        })
    };
    let totals = totals.into_iter().flat_map(&mut lines).collect();
    Ok(ClosedMonth { closing, totals, customers, movements })
}

/// What stands of a customer at the month's end beside its MRR, in each currency; counts are whole numbers.
fn amounts_at(
    ledger: &CustomerLedger,
    end: UnixTime,
) -> Result<BTreeMap<Currency, BTreeMap<&'static str, Mrr>>, ReportError> {
    let mut all: BTreeMap<Currency, BTreeMap<&'static str, Mrr>> = BTreeMap::new();
    let mut add = |currency, lines: &[&'static str], amounts: &[Mrr]| {
        let of = all.entry(currency).or_default();
        lines.iter().zip(amounts).try_for_each(|(line, amount)| {
            let sum = of.entry(line).or_default();
            *sum = sum.checked_add(*amount).ok_or(ReportError::Overflow)?;
            Ok::<_, ReportError>(())
        })
    };
    for delta in ledger.deltas.iter().filter(|delta| delta.at <= end) {
        add(delta.currency, &STOOD, &[delta.list, delta.estimated, delta.at_risk, delta.scheduled_churn])?;
    }
    for count in ledger.counts.iter().filter(|count| count.at <= end) {
        let whole = |count: i64| Mrr(i128::from(count) * Mrr::MINOR);
        if let Some(currency) = count.currency {
            add(currency, &COUNTED, &[whole(count.customers), whole(count.subscriptions), whole(count.trials)])?;
        }
    }
    Ok(all)
}

/// A month can't be closed.
#[derive(Debug, Error)]
pub enum CloseError {
    /// Not now, or not again; says what to do.
    #[error("{0}")]
    Refused(String),
    /// Its figures can't be given.
    #[error(transparent)]
    Ask(#[from] AskError),
}

impl From<StoreError> for CloseError {
    fn from(error: StoreError) -> Self {
        Self::Ask(error.into())
    }
}

/// How a month is to be closed.
#[derive(Clone, Debug)]
pub struct Close<'a> {
    /// The month to close.
    pub month: Month,
    /// Who closes it, for the audit trail.
    pub by: &'a Actor,
    /// Also before the ledger began, and out of order.
    pub force: bool,
    /// Take the place of the closing there is, and why.
    pub supersede: Option<&'a str>,
    /// Only say what would be kept.
    pub dry_run: bool,
}

impl<'a> Close<'a> {
    /// A month for the first time, in order.
    pub fn for_month(month: Month, by: &'a Actor) -> Self {
        Self { month, by, force: false, supersede: None, dry_run: false }
    }
}

/// What closing a month kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CloseAnswer {
    /// The calendar month that is closed, such as `2026-10`.
    pub month: String,
    /// Nothing was kept: this is what would be. Absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// That earlier months stay open, and what closes them from now on, where this is the first month closed and the ledger
    /// began before it. Absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// One for each profile it is now closed under.
    pub closed: Vec<ClosedProfile>,
}

/// A month as closed under one profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClosedProfile {
    /// The profile under whose rules it is counted.
    pub profile: String,
    /// Whether it is closed converted into the reporting currency.
    pub converted: bool,
    /// The log up to here made the figures.
    #[schema(value_type = i64)]
    pub seq: Seq,
    /// When it was closed, by mrrd's clock.
    pub closed_at: String,
    /// SHA-256 of month, `seq` and the rules, zone and versions the figures depend on.
    pub hash: String,
    /// 1 as the month was first closed, one more with each closing that took the place of the one before.
    pub revision: i64,
    /// How many movements were kept, of all its ledgers together.
    pub movements: usize,
    /// How many of them each ledger has; one without any isn't here.
    pub movements_by_ledger: Vec<LedgerMovements>,
    /// The lines of each ledger's bridge.
    pub totals: Vec<ClosedLine>,
}

/// How many movements of one ledger a closing kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LedgerMovements {
    /// True in live mode, false in test mode.
    pub livemode: bool,
    /// The connected account; absent for the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The currency of the ledger, such as `usd`.
    #[schema(value_type = String)]
    pub currency: Currency,
    /// How many.
    pub movements: usize,
}

impl LedgerMovements {
    fn counted(movements: &[ClosedMovement]) -> Vec<Self> {
        let mut all: BTreeMap<_, usize> = BTreeMap::new();
        for one in movements {
            *all.entry((one.key.livemode, one.key.account.as_ref(), one.currency)).or_default() += 1;
        }
        let one = |((livemode, account, currency), movements): ((bool, Option<&AccountId>, Currency), usize)| Self {
            livemode,
            account: account.map(ToString::to_string),
            currency,
            movements,
        };
        all.into_iter().map(one).collect()
    }
}

/// One line of a closed bridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClosedLine {
    /// True in live mode, false in test mode.
    pub livemode: bool,
    /// The connected account; absent for the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The currency of the amounts, such as `usd`.
    #[schema(value_type = String)]
    pub currency: Currency,
    /// `opening`, `closing`, the kind of movement, or what stood at the end: `list`, `estimated`, `at_risk` and
    /// `scheduled_churn`, and the counts `customers`, `subscriptions` and `trials`.
    pub line: String,
    /// How much, in minor units; of a count, how many.
    pub amount: i128,
    /// `amount` exactly, to 10⁻⁶ of a minor unit.
    pub amount_exact: Exact,
}

impl From<&ClosedTotal> for ClosedLine {
    fn from(total: &ClosedTotal) -> Self {
        Self {
            livemode: total.livemode,
            account: total.account.as_ref().map(ToString::to_string),
            currency: total.currency,
            line: total.line.to_string(),
            amount: total.amount.minor(),
            amount_exact: Exact(total.amount),
        }
    }
}

impl ClosedProfile {
    fn from_month(month: &ClosedMonth, converted: bool) -> Self {
        Self {
            profile: month.closing.profile.as_ref().into(),
            converted,
            seq: month.closing.seq,
            closed_at: month.closing.closed_at.to_string(),
            hash: month.closing.hash.clone(),
            revision: month.closing.revision,
            movements: month.movements.len(),
            movements_by_ledger: LedgerMovements::counted(&month.movements),
            totals: month.totals.iter().map(ClosedLine::from).collect(),
        }
    }
}

impl Reports<'_> {
    /// Closes a month under every profile kept that it isn't closed under yet; with `supersede` under every one.
    ///
    /// Refuses while the month runs, while events wait to be applied, while the ledger is kept under other rules, when
    /// there is nothing left to close, and without `force` before the ledger began and out of order.
    pub async fn close(&self, close: &Close<'_>) -> Result<CloseAnswer, CloseError> {
        let (zone, month) = (&self.ledger.zone, close.month);
        let refuse = |reason: String| Err(CloseError::Refused(reason));
        if self.now <= zone.end_of(month.last()) {
            let ends = format!("it ends with {} in {}", month.last(), self.ledger.timezone);
            return refuse(format!("{month} isn't over: {ends}; close it after that"));
        }
        let before = holding(self.store.records.closings().await?);
        let closed_before =
            |profile: &Profile| before.iter().find(|closing| closing.profile == profile.name && closing.month == month);
        // In each currency's own ledger, and in the reporting currency's.
        let kept = self.all_kept();
        let taken = kept.iter().find_map(closed_before);
        let open: Vec<&Profile> = match (close.supersede, taken) {
            (Some(_), None) => return refuse(format!("{month} isn't closed yet: there is nothing to supersede")),
            (Some(_), Some(_)) => kept.iter().collect(),
            (None, _) => kept.iter().filter(|profile| closed_before(profile).is_none()).collect(),
        };
        if open.is_empty() {
            let when = taken.map(|closing| format!(" since {}", closing.closed_at)).unwrap_or_default();
            return refuse(format!(
                "{month} is closed already{when}, and stays as it was closed: `mrrd report restatements` lists what changed; \
                 `mrrd close {month} --supersede --reason WHY` closes it anew and keeps the old"
            ));
        }
        if let (false, None, Some(reason)) = (close.force, close.supersede, out_of_order(month, &open, &before)) {
            return refuse(reason);
        }
        let seq = self.applied().await?;
        let mut months = Vec::new();
        let mut began = None;
        for profile in open {
            let ledgers = self.derived(Some(seq), profile, &[]).await?;
            let inputs = self.rules(std::slice::from_ref(profile)).await?.fingerprint();
            let closing = Closing {
                profile: profile.name.clone(),
                month,
                seq,
                closed_at: self.now,
                hash: hash(month, seq, &inputs),
                inputs,
                revision: closed_before(profile).map_or(1, |closing| closing.revision + 1),
                who: close.by.who.clone(),
                reason: close.supersede.unwrap_or_default().to_owned(),
            };
            if let Some(missing) = missing_rate(&ledgers, zone.end_of(month.last())) {
                return refuse(format!("{month} can't be closed: {}; {}", missing.detail, missing.settle));
            }
            let first = ledgers.customers.iter().flat_map(|(_, ledger)| ledger.deltas.iter().map(|delta| delta.day));
            began = first.chain(began).min();
            months.push(closed(closing, &ledgers, month, zone).map_err(AskError::from)?);
        }
        let is_first = |profile: &str| before.iter().all(|closing| *closing.profile != *profile);
        let earlier = began
            .map(Month::of)
            .filter(|first| *first < month && months.iter().any(|whole| is_first(&whole.closing.profile)));
        let notice = earlier.map(|first| left_open(first, month, close.dry_run));
        match began {
            _ if close.force => {}
            Some(day) if day > month.last() => {
                return refuse(format!(
                    "{month} lies before the ledger began, on {day}; --force closes it all the same"
                ));
            }
            None => return refuse("the ledger has no figures at all; --force closes the month all the same".into()),
            Some(_) => {}
        }
        // All of them can be closed: none is left out half way.
        let mut closed_now = Vec::new();
        for whole in months {
            let action = if close.supersede.is_some() { Action::ClosingSuperseded } else { Action::MonthClosed };
            let deed = close.by.does(self.now, action, month.to_string());
            let said = match close.supersede {
                Some(reason) => format!("{}: {reason}", whole.closing.profile),
                None => whole.closing.profile.to_string(),
            };
            if !close.dry_run && !self.store.records.close_month(&whole, &deed.saying(said)).await? {
                let by = format!("{month} was closed under {} by another process meanwhile", whole.closing.profile);
                return refuse(format!("{by}: nothing is left to do"));
            }
            let of = |profile: &&Profile| profile.name == whole.closing.profile;
            let converted = kept.iter().find(of).is_some_and(|profile| profile.reporting.is_some());
            closed_now.push(ClosedProfile::from_month(&whole, converted));
        }
        Ok(CloseAnswer { month: month.to_string(), dry_run: close.dry_run, notice, closed: closed_now })
    }

    /// The closings that held at a place in the log: all that hold now, where none is named.
    pub(super) async fn closings_at(&self, seq: Option<Seq>) -> Result<Vec<Closing>, AskError> {
        let known = |closing: &Closing| seq.is_none_or(|seq| closing.seq <= seq);
        Ok(holding(self.store.records.closings().await?.into_iter().filter(known)))
    }

    /// Every profile that rows are kept of: those configured, and their twins in the reporting currency.
    pub(super) fn all_kept(&self) -> Vec<Profile> {
        let profiles = &self.ledger.profiles;
        let twins = profiles.iter().filter_map(|one| self.ledger.reporting_currency.map(|to| one.reporting(to)));
        profiles.iter().cloned().chain(twins).collect()
    }

    /// The log's end, once all of it is in the figures under these very rules.
    async fn applied(&self) -> Result<Seq, CloseError> {
        let refuse = |reason: String| Err(CloseError::Refused(reason));
        let seq = self.store.log.end().await?;
        let current = self.store.derived.generations().await?.into_iter().find(|generation| generation.current);
        let Some(current) = current else {
            return refuse("no figures have been derived yet: run `mrrd serve` or `mrrd rebuild` first".into());
        };
        let rules_now = Rules::load(self.ledger, &self.store.records).await.map_err(AskError::from)?;
        let differs = rules::differences(&current.fingerprint, &rules_now.fingerprint());
        if !differs.is_empty() {
            let what = differs.join(", ");
            return refuse(format!("the figures were derived under other rules ({what}): run `mrrd rebuild` first"));
        }
        let lag = seq.distance(self.store.derived.applied(current.id).await?.seq());
        if lag > 0 {
            return refuse(format!(
                "{lag} events of the log aren't in the figures yet: let `mrrd serve` catch up, or run `mrrd rebuild`"
            ));
        }
        Ok(seq)
    }
}

/// Why closing a month now would leave closed months with a gap, or close one behind another's back.
fn out_of_order(month: Month, open: &[&Profile], before: &[Closing]) -> Option<String> {
    open.iter().find_map(|profile| {
        let closed = before.iter().filter(|closing| closing.profile == profile.name);
        let last = closed.map(|closing| closing.month).max()?;
        let next = Month::of(last.last().after());
        if month > next {
            return Some(format!(
                "{next} isn't closed yet under {}, and comes first; --force closes {month} all the same",
                profile.name
            ));
        }
        (month < last).then(|| {
            let name = &profile.name;
            format!("{last}, which follows, is closed already under {name}; --force closes {month} all the same")
        })
    })
}

/// What becomes of the months from `first` on when a later one is the first that is closed.
fn left_open(first: Month, month: Month, dry_run: bool) -> String {
    let last = Month::of(month.first().before());
    let span = if first == last { first.to_string() } else { format!("{first} to {last}") };
    if dry_run {
        return format!(
            "{month} would be the first month closed, and the ledger begins in {first}: {span} could be closed after it only by \
             `mrrd close {first} --force`; begin with {first} to close all of them in order"
        );
    }
    let (stays, how) = if first == last { ("stays", "it is") } else { ("stay", "each is") };
    format!(
        "{month} is the first month closed, and the ledger begins in {first}: {span} {stays} open, and {how} closed from now on only \
         with --force, as in `mrrd close {first} --force`"
    )
}

/// The first rate that is missing for any figure up to `end`.
pub(super) fn missing_rate(ledgers: &Memory, end: UnixTime) -> Option<&QualityEntry> {
    let all = ledgers.customers.iter().flat_map(|(_, ledger)| &ledger.quality);
    all.filter(|entry| entry.kind == QualityKind::MissingRate && entry.at <= end).min_by_key(|entry| entry.at)
}

/// SHA-256 over what the figures depend on, in hexadecimal.
pub(super) fn hash(month: Month, seq: Seq, inputs: &str) -> String {
    hex::encode(Sha256::digest(format!("month {month}\nlog {seq}\n{inputs}")))
}

/// The figures a month was closed with, by customer and currency, put together again.
pub(super) fn kept(
    customers: &[ClosedCustomer],
    movements: &[ClosedMovement],
) -> Result<BTreeMap<(crate::event::CustomerKey, Currency), Figures>, ReportError> {
    let mut all: BTreeMap<_, Figures> = BTreeMap::new();
    for row in customers {
        let one = all.entry((row.key.clone(), row.currency)).or_default();
        (one.opening, one.closing) = (row.opening, row.closing);
    }
    for row in movements {
        all.entry((row.key.clone(), row.currency)).or_default().lines.add(row.kind, row.amount)?;
    }
    Ok(all)
}
