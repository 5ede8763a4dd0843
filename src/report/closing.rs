//! Closing a month: whether it can be closed, and keeping what it is closed with (rule `closing`).

use thiserror::Error;

pub use super::closing_answer::CloseAnswer;
use super::{
    closing_answer::ClosedProfile,
    closing_figures::{closed, hash, missing_rate},
    month::Month,
    reports::{AskError, Reports},
};
use crate::{
    event::Seq,
    ledger::profile::Profile,
    reconciler::{Rules, rules},
    store::{
        StoreError,
        records::{
            audit_trail::{Action, Actor},
            closings::*,
        },
    },
};

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

    /// The command that closes a month that isn't closed: out of order it has to be forced.
    pub async fn command_that_closes(&self, month: Month) -> Result<String, AskError> {
        let before = holding(self.store.records.closings().await?);
        let kept = self.all_kept();
        let is_open = |profile: &&Profile| !before.iter().any(|one| one.profile == profile.name && one.month == month);
        let open: Vec<&Profile> = kept.iter().filter(is_open).collect();
        let force = if out_of_order(month, &open, &before).is_some() { " --force" } else { "" };
        Ok(format!("mrrd close {month}{force}"))
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
