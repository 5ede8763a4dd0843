//! `large_loss`: one customer's loss over an amount, over a share of MRR, and as large as this account seldom loses.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    alert::Alert,
    distance::distance,
    history::{AccountDay, Loss},
    words,
};
use crate::{
    config::{alert_rules::Rule, alerting::LargeLoss},
    ledger::{
        money::{Currency, Decimal, Mrr},
        time::Day,
    },
    report::ReportError,
};

/// What is usual is told by the losses of half a year: a growing account outgrows what lies before.
const MEMORY_MONTHS: i64 = 6;
const MEMORY_DAYS: i64 = MEMORY_MONTHS * DAYS_A_MONTH;
const DAYS_A_MONTH: i64 = 30;

/// The rule on its way through history.
pub(super) struct LargeLosses<'a> {
    settings: &'a LargeLoss,
    first: Option<Day>,
    /// Currencies in which anything was ever lost: they share what is expected of a month.
    currencies: BTreeSet<Currency>,
    /// Every loss so far that another may be held against, in order of days.
    lost: BTreeMap<Currency, Vec<(Day, Mrr)>>,
}

impl<'a> LargeLosses<'a> {
    pub(super) fn new(settings: &'a LargeLoss, days: &[AccountDay]) -> Self {
        Self { settings, first: days.first().map(|day| day.day), currencies: BTreeSet::new(), lost: BTreeMap::new() }
    }

    /// Takes a day in, and tells of its large losses where it lies at or after `from`.
    pub(super) fn day(&mut self, today: &AccountDay, from: Day, alerts: &mut Vec<Alert>) -> Result<(), ReportError> {
        let (churned, contracted): (Vec<&Loss>, Vec<&Loss>) = match &today.counts {
            None => (today.churned.iter().collect(), today.contracted.iter().collect()),
            Some(counts) => {
                self.currencies.extend(&counts.currencies);
                let of = |ended: bool| counts.large.iter().filter(move |lost| lost.ended == ended);
                (of(true).map(|lost| &lost.loss).collect(), of(false).map(|lost| &lost.loss).collect())
            }
        };
        let churned = churned.into_iter().map(|loss| (loss, "leaves with"));
        let contracted = contracted.into_iter().map(|loss| (loss, "pays less by"));
        let losses: Vec<(&Loss, &str)> = churned.chain(contracted).collect();
        for (loss, _) in &losses {
            self.lost.entry(loss.currency).or_default().push((today.day, loss.amount));
            self.currencies.insert(loss.currency);
        }
        if today.day < from {
            return Ok(());
        }
        for (loss, verb) in losses {
            let mrr = today.mrr.get(&loss.currency).copied().unwrap_or(Mrr::ZERO);
            if self.settings.reached(loss.currency, loss.amount, mrr) && self.seldom(loss, today.day) {
                let permille = loss.amount.0.checked_mul(1000).and_then(|part| part.checked_div(mrr.0));
                let share =
                    permille.map(|share| format!(", {}.{} % of MRR", share / 10, share % 10)).unwrap_or_default();
                let amount = words::money(loss.amount, loss.currency);
                let statement = format!("{} {verb} {amount}{share}", loss.customer);
                let alert = Alert::saying(Rule::LargeLoss, today.day, statement, self.threshold(loss), &[loss])?;
                let how_unusual = Some(self.how_unusual(loss, today.day));
                alerts.push(Alert { permille_of_mrr: permille, how_unusual, ..alert });
            }
        }
        Ok(())
    }

    fn threshold(&self, loss: &Loss) -> String {
        let LargeLoss { share, a_month, .. } = self.settings;
        let least = words::money(self.settings.least(loss.currency), loss.currency);
        let seldom = if *a_month == Decimal::whole(1) {
            "at most about one a month".to_owned()
        } else {
            format!("at most about {a_month} a month")
        };
        format!("{} % of MRR and {least}, {seldom}", share.percent())
    }

    /// Other losses of its currency at least as large, with their days.
    fn as_large(&self, loss: &Loss, day: Day) -> Vec<Day> {
        let all = self.lost.get(&loss.currency).map_or(&[][..], Vec::as_slice);
        let mut as_large: Vec<Day> =
            all.iter().filter(|(_, amount)| *amount >= loss.amount).map(|(day, _)| *day).collect();
        // One of them is this one.
        if let Some(own) = as_large.iter().rposition(|of| *of == day) {
            let _ = as_large.remove(own);
        }
        as_large
    }

    /// How many share what is expected of a month.
    fn currencies(&self) -> i128 {
        i128::try_from(self.currencies.len()).unwrap_or(i128::MAX).max(1)
    }

    fn months_known(&self, day: Day) -> i64 {
        self.first.map_or(0, |first| distance(first, day) / DAYS_A_MONTH)
    }

    /// Whether losses as large came no more often within half a year than they may.
    fn seldom(&self, loss: &Loss, day: Day) -> bool {
        let rank = 1 + self.as_large(loss, day).into_iter().filter(|of| distance(*of, day) < MEMORY_DAYS).count();
        let days = self.first.map_or(0, |first| distance(first, day) + 1).min(MEMORY_DAYS);
        // rank ≤ days/30 × a month ÷ currencies, in whole units of a decimal.
        let allowed = i128::from(days).saturating_mul(self.settings.a_month.units());
        let wanted = i128::try_from(rank).unwrap_or(i128::MAX).saturating_mul(Decimal::ONE_UNITS);
        let wanted = wanted.saturating_mul(i128::from(DAYS_A_MONTH)).saturating_mul(self.currencies());
        rank == 1 || wanted <= allowed
    }

    /// `the largest loss in 7 months`, as far as anything is known.
    fn how_unusual(&self, loss: &Loss, day: Day) -> String {
        let known = match (self.months_known(day), self.first.map_or(0, |first| distance(first, day))) {
            (0 | 1, days) => format!("{} days", days.max(1)),
            (months, _) => format!("{months} months"),
        };
        let currency = if self.currencies() > 1 {
            format!(" in {}", loss.currency.as_str().to_uppercase())
        } else {
            String::new()
        };
        let as_large = self.as_large(loss, day);
        let Some(last) = as_large.last() else {
            return format!("the largest loss{currency} in all the {known} on record");
        };
        let since = distance(*last, day) / DAYS_A_MONTH;
        if since >= 2 {
            return format!("the largest loss{currency} in {since} months");
        }
        let rank = 1 + as_large.iter().filter(|of| distance(**of, day) < MEMORY_DAYS).count();
        let span = if self.months_known(day) >= MEMORY_MONTHS { format!("{MEMORY_MONTHS} months") } else { known };
        format!("the {} largest loss{currency} in {span}", ordinal(rank))
    }
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests;
