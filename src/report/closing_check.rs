//! Closed months held against themselves and against the log: `mrrd verify` (rule `closing`).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use super::{
    closing_figures::{closed, hash, kept},
    month::Figures,
    reports::{AskError, Reports},
};
use crate::{
    ledger::{ids::AccountId, money::Currency, month::Month, outcome::Kind},
    store::records::closings::{ClosedMonth, ClosedTotal, Closing},
};

/// What verifying the closed months found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClosingsReport {
    /// Closings held against the log as it was at their end: of each month one for each profile and revision.
    pub checked: usize,
    /// The months that they are of.
    pub months: BTreeSet<Month>,
    /// How many rows the list of closings has of them: one for each account, mode and currency.
    pub rows: usize,
    /// Closings made under rules that are not kept any more: these were held against their own hash and sums only.
    pub other_rules: usize,
    /// The first that isn't what it should be.
    pub first_difference: Option<String>,
}

impl Reports<'_> {
    /// Verifies every closing: its hash, its sums, and its figures against the log up to its end. Writes nothing.
    pub async fn verify_closings(&self) -> Result<ClosingsReport, AskError> {
        let mut report = ClosingsReport::default();
        for closing in self.store.records.closings().await? {
            let named = format!("{} under {}, revision {}", closing.month, closing.profile, closing.revision);
            let found = self.verify_closing(closing, &mut report).await?;
            if let Some(difference) = found {
                report.first_difference = Some(format!("{named}: {difference}"));
                break;
            }
        }
        Ok(report)
    }

    async fn verify_closing(&self, closing: Closing, report: &mut ClosingsReport) -> Result<Option<String>, AskError> {
        let month = closing.month;
        if hash(month, closing.seq, &closing.inputs) != closing.hash {
            return Ok(Some("its hash isn't that of its place in the log and its rules".into()));
        }
        let stored = ClosedMonth {
            totals: self.store.records.closed_totals(&closing).await?,
            customers: self.store.records.closed_customers(&closing).await?,
            movements: self.store.records.closed_movements(&closing).await?,
            closing,
        };
        if let Some(difference) = sums(&stored)? {
            return Ok(Some(difference));
        }
        let kept = self.all_kept();
        let Some(profile) = kept.iter().find(|one| one.name == stored.closing.profile) else {
            report.other_rules += 1;
            return Ok(None);
        };
        if self.rules(std::slice::from_ref(profile)).await?.fingerprint() != stored.closing.inputs {
            report.other_rules += 1;
            return Ok(None);
        }
        let ledgers = self.derived(Some(stored.closing.seq), profile, &[]).await?;
        let fresh = closed(stored.closing.clone(), &ledgers, month, &self.ledger.zone)?;
        report.checked += 1;
        report.months.insert(month);
        report.rows += stored
            .totals
            .iter()
            .map(|total| (total.livemode, total.account.as_ref(), total.currency))
            .collect::<BTreeSet<_>>()
            .len()
            .max(1);
        Ok(first("total", &stored.totals, &fresh.totals)
            .or_else(|| first("customer", &stored.customers, &fresh.customers))
            .or_else(|| first("movement", &stored.movements, &fresh.movements)))
    }
}

/// The totals are the sums of what was kept of customers and movements.
fn sums(month: &ClosedMonth) -> Result<Option<String>, AskError> {
    let mut all: BTreeMap<(bool, Option<AccountId>, Currency), Figures> = BTreeMap::new();
    for ((key, currency), one) in kept(&month.customers, &month.movements)? {
        all.entry((key.livemode, key.account, currency)).or_default().add(&one)?;
    }
    let mut told: BTreeMap<(bool, Option<AccountId>, Currency), Figures> = BTreeMap::new();
    for ClosedTotal { livemode, account, currency, line, amount } in &month.totals {
        let one = told.entry((*livemode, account.clone(), *currency)).or_default();
        match (&**line, Kind::parse(line)) {
            ("opening", _) => one.opening = *amount,
            ("closing", _) => one.closing = *amount,
            (_, Some(kind)) => one.lines.add(kind, *amount)?,
            (_, None) => {}
        }
    }
    let differs = all.keys().chain(told.keys()).find(|key| all.get(*key) != told.get(*key));
    Ok(differs.map(|(_, _, currency)| format!("its {currency} totals are not the sums of its customers and movements")))
}

/// The first row that only one of the two has, in the order of what it says.
fn first<T: Debug>(what: &str, stored: &[T], fresh: &[T]) -> Option<String> {
    let sorted = |rows: &[T]| {
        let mut all: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
        all.sort_unstable();
        all
    };
    let (stored, fresh) = (sorted(stored), sorted(fresh));
    let at = (0..stored.len().max(fresh.len())).find(|at| stored.get(*at) != fresh.get(*at))?;
    let row = |rows: &[String]| rows.get(at).cloned().unwrap_or_else(|| "nothing".into());
    Some(format!("{what}: {} was kept, the log up to its end gives {}", row(&stored), row(&fresh)))
}
