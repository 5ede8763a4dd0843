//! The answer of `/api/v1/failed-payments`: money that a failed payment put at risk, and what became of it.
//!
//! What was paid after all and what was lost is judged in the currency that a customer pays in, and converted then: rows of
//! the reporting currency's ledger don't tell what a rate moved from what a customer did (rule `revaluation`).

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use serde::Serialize;
use utoipa::ToSchema;

use super::{ReportError, error::unrated, money::Exact, table::Table};
use crate::{
    ledger::{
        fx::Rates,
        money::{Currency, Mrr},
        time::Day,
    },
    store::derived::reports::DayAmounts,
};

/// Failed payments, the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FailureList {
    /// The profile whose rules made the figures.
    pub profile: String,
    /// Whether every amount is converted into the reporting currency.
    pub converted: bool,
    /// One for each time a customer's payments failed.
    pub data: Vec<FailureEntry>,
    /// Where the next page begins; null at the end.
    pub next_cursor: Option<String>,
}

/// From the day a customer's payment failed to the day nothing of it was open any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FailureEntry {
    /// Stripe's id of the customer, `cus_…`.
    pub customer: String,
    /// Its name, where names are shown (privacy.show_names) and it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
    /// The currency of every amount.
    pub currency: String,
    /// The first day on which it was past due.
    #[schema(value_type = String)]
    pub failed_on: Day,
    /// The day from which nothing was past due any more; null while something is.
    pub settled_on: Option<String>,
    /// `open`, `recovered`, `lost`, or `partly_lost`.
    pub outcome: &'static str,
    /// MRR that was put at risk, in minor units: what was recovered, what was lost and what is at risk still. Converted, each of
    /// these is at the rate of the day on which it was settled, and what is open as it stands.
    pub amount: i128,
    /// `amount` exactly, to 10⁻⁶ of a minor unit.
    pub amount_exact: Exact,
    /// Of it what was paid after all, or forgiven, and goes on.
    pub recovered: i128,
    /// `recovered` exactly, to 10⁻⁶ of a minor unit.
    pub recovered_exact: Exact,
    /// Of it what no longer counts.
    pub lost: i128,
    /// `lost` exactly, to 10⁻⁶ of a minor unit.
    pub lost_exact: Exact,
    /// Of it what is past due still.
    pub at_risk: i128,
    /// `at_risk` exactly, to 10⁻⁶ of a minor unit.
    pub at_risk_exact: Exact,
}

/// Where a failure stands in the list: the day it failed on, the customer, the currency.
pub type FailurePlace = (Day, String, String);

/// What a day's rows change: at risk, and MRR.
type Change = (Mrr, Mrr);

/// A customer's changes, by day and the currency they are paid in.
type Changes = BTreeMap<Day, BTreeMap<Currency, Change>>;

/// An episode while it is followed from day to day, in the currencies that are paid in.
#[derive(Debug)]
struct Episode {
    began: Day,
    ended: Option<Day>,
    settled: Vec<Settled>,
    /// What is past due still; a currency in which nothing is isn't there.
    open: BTreeMap<Currency, Mrr>,
}

/// What of an episode was open no more from a day on.
#[derive(Debug)]
struct Settled {
    day: Day,
    currency: Currency,
    recovered: Mrr,
    lost: Mrr,
}

/// What an episode comes to in one currency.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    recovered: Mrr,
    lost: Mrr,
    open: Mrr,
}

/// The reporting currency's ledger, as far as it tells of failed payments.
#[derive(Debug)]
pub(super) struct Converted<'a> {
    /// The reporting currency.
    pub(super) to: Currency,
    /// At what is converted.
    pub(super) rates: &'a Rates,
    /// Its changes by day of what is past due, of everybody in whom something is.
    pub(super) rows: &'a [DayAmounts],
}

fn sum(a: Mrr, b: Mrr) -> Result<Mrr, ReportError> {
    a.checked_add(b).ok_or(ReportError::Overflow)
}

fn less(a: Mrr, b: Mrr) -> Result<Mrr, ReportError> {
    a.checked_sub(b).ok_or(ReportError::Overflow)
}

impl Converted<'_> {
    /// An amount at the rate of a day (rule `rates`).
    fn worth(&self, amount: Mrr, from: Currency, day: Day) -> Result<Mrr, ReportError> {
        if amount == Mrr::ZERO {
            return Ok(amount);
        }
        self.rates.worth(amount, from, self.to, day).ok_or_else(|| unrated(from, self.to, day))
    }

    /// What of each customer is past due, as it was valued last.
    fn standing(&self, today: Day) -> Result<BTreeMap<Arc<str>, Mrr>, ReportError> {
        let mut all: BTreeMap<Arc<str>, Mrr> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| row.day <= today) {
            let stands = all.entry(row.group.clone().unwrap_or_default()).or_default();
            *stands = sum(*stands, row.at_risk)?;
        }
        Ok(all)
    }
}

impl FailureList {
    /// From each customer's changes of what is past due, in the currencies that are paid in, up to `today`; those that began in
    /// `span`. Each currency is told by itself.
    pub(super) fn from_changes(
        rows: Vec<DayAmounts>,
        today: Day,
        span: (Option<Day>, Option<Day>),
        only: Option<Currency>,
    ) -> Result<Self, ReportError> {
        let whose = |row: &DayAmounts| Some((row.group.clone()?, row.currency));
        let asked = |row: &DayAmounts| only.is_none_or(|only| only == row.currency);
        let mut data = Vec::new();
        for ((customer, currency), days) in changes(rows.into_iter().filter(asked), today, whose)? {
            for episode in episodes(days)?.iter().filter(|one| one.within(span)) {
                let told = episode.told(|amount, _, _| Ok(amount))?;
                data.push(FailureEntry::of(&customer, currency, episode, told)?);
            }
        }
        Ok(Self::sorted(data))
    }

    /// The same in the reporting currency, in which a customer is one over all currencies.
    pub(super) fn converted(
        rows: Vec<DayAmounts>,
        today: Day,
        span: (Option<Day>, Option<Day>),
        into: &Converted<'_>,
    ) -> Result<Self, ReportError> {
        let standing = into.standing(today)?;
        let mut data = Vec::new();
        for (customer, days) in changes(rows.into_iter(), today, |row| row.group.clone())? {
            for episode in episodes(days)?.iter().filter(|one| one.within(span)) {
                let mut told = episode.told(|amount, from, day| into.worth(amount, from, day))?;
                // All that is past due of a customer is of its last failure. Without a row it is worth nothing there.
                let open = episode.ended.is_none().then(|| standing.get(&customer).copied());
                told.open = open.flatten().unwrap_or_default();
                data.push(FailureEntry::of(&customer, into.to, episode, told)?);
            }
        }
        Ok(Self::sorted(data))
    }

    fn sorted(mut data: Vec<FailureEntry>) -> Self {
        data.sort_by_key(|entry| Reverse(entry.place()));
        Self { profile: String::new(), converted: false, data, next_cursor: None }
    }

    /// As a table for CSV and terminal, one row a failure.
    pub fn table(&self) -> Table {
        let columns = vec![
            "customer",
            "customer_name",
            "currency",
            "failed_on",
            "settled_on",
            "outcome",
            "amount_exact",
            "recovered_exact",
            "lost_exact",
            "at_risk_exact",
        ];
        let row = |one: &FailureEntry| {
            vec![
                one.customer.clone(),
                one.customer_name.clone().unwrap_or_default(),
                one.currency.clone(),
                one.failed_on.to_string(),
                one.settled_on.clone().unwrap_or_default(),
                one.outcome.into(),
                one.amount_exact.to_string(),
                one.recovered_exact.to_string(),
                one.lost_exact.to_string(),
                one.at_risk_exact.to_string(),
            ]
        };
        Table { columns, rows: self.data.iter().map(row).collect() }
    }
}

/// What moved of whose money at risk up to `today`, day by day.
fn changes<K: Ord>(
    rows: impl Iterator<Item = DayAmounts>,
    today: Day,
    whose: impl Fn(&DayAmounts) -> Option<K>,
) -> Result<BTreeMap<K, Changes>, ReportError> {
    let mut all: BTreeMap<K, Changes> = BTreeMap::new();
    for row in rows.filter(|row| row.at_risk != Mrr::ZERO && row.day <= today) {
        let Some(key) = whose(&row) else { continue };
        let change = all.entry(key).or_default().entry(row.day).or_default().entry(row.currency).or_default();
        *change = (sum(change.0, row.at_risk)?, sum(change.1, row.mrr)?);
    }
    Ok(all)
}

/// Day by day: what rises is put at risk, what falls was paid or is gone, as far as MRR fell with it.
fn episodes(days: Changes) -> Result<Vec<Episode>, ReportError> {
    let mut all: Vec<Episode> = Vec::new();
    for (day, changes) in days {
        // What fails in one currency on the day on which it is settled in another is of the same episode.
        let (rising, falling): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|(_, (at_risk, _))| *at_risk > Mrr::ZERO);
        for (currency, (at_risk, _)) in rising {
            if all.last().is_none_or(|last| last.ended.is_some()) {
                all.push(Episode { began: day, ended: None, settled: Vec::new(), open: BTreeMap::new() });
            }
            if let Some(last) = all.last_mut() {
                let open = last.open.entry(currency).or_default();
                *open = sum(*open, at_risk)?;
            }
        }
        for (currency, (at_risk, mrr)) in falling {
            let Some(last) = all.last_mut() else { continue };
            let Some(open) = last.open.get_mut(&currency) else { continue };
            // Never more than was open: what else fell that day had nothing to do with it.
            let settled = less(Mrr::ZERO, at_risk)?.min(*open);
            let lost = less(Mrr::ZERO, mrr)?.max(Mrr::ZERO).min(settled);
            *open = less(*open, settled)?;
            last.settled.push(Settled { day, currency, recovered: less(settled, lost)?, lost });
            last.open.retain(|_, open| *open != Mrr::ZERO);
            last.ended = last.open.is_empty().then_some(day);
        }
    }
    Ok(all)
}

impl Episode {
    fn within(&self, (from, to): (Option<Day>, Option<Day>)) -> bool {
        from.is_none_or(|from| self.began >= from) && to.is_none_or(|to| self.began <= to)
    }

    /// What it comes to, each amount as `worth` tells it of a currency and the day on which it was settled; what is open as it is.
    fn told(&self, worth: impl Fn(Mrr, Currency, Day) -> Result<Mrr, ReportError>) -> Result<Told, ReportError> {
        let mut told = Told::default();
        for Settled { day, currency, recovered, lost } in &self.settled {
            told.recovered = sum(told.recovered, worth(*recovered, *currency, *day)?)?;
            told.lost = sum(told.lost, worth(*lost, *currency, *day)?)?;
        }
        for open in self.open.values() {
            told.open = sum(told.open, *open)?;
        }
        Ok(told)
    }

    fn outcome(&self) -> &'static str {
        let none = |of: fn(&Settled) -> Mrr| self.settled.iter().all(|one| of(one) == Mrr::ZERO);
        match (self.ended, none(|one| one.lost), none(|one| one.recovered)) {
            (None, ..) => "open",
            (Some(_), true, _) => "recovered",
            (Some(_), false, true) => "lost",
            (Some(_), false, false) => "partly_lost",
        }
    }
}

impl FailureEntry {
    fn of(customer: &str, currency: Currency, episode: &Episode, told: Told) -> Result<Self, ReportError> {
        let Told { recovered, lost, open } = told;
        let amount = sum(sum(recovered, lost)?, open)?;
        Ok(Self {
            customer: customer.into(),
            customer_name: None,
            currency: currency.to_string(),
            failed_on: episode.began,
            settled_on: episode.ended.map(|day| day.to_string()),
            outcome: episode.outcome(),
            amount: amount.minor(),
            amount_exact: Exact(amount),
            recovered: recovered.minor(),
            recovered_exact: Exact(recovered),
            lost: lost.minor(),
            lost_exact: Exact(lost),
            at_risk: open.minor(),
            at_risk_exact: Exact(open),
        })
    }

    /// Where it stands in the list.
    pub fn place(&self) -> FailurePlace {
        (self.failed_on, self.customer.clone(), self.currency.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::fx::Quote;

    fn row(day: &str, at_risk: i128, mrr: i128) -> DayAmounts {
        row_in("usd", day, at_risk, mrr)
    }

    fn row_in(currency: &str, day: &str, at_risk: i128, mrr: i128) -> DayAmounts {
        let minor = |amount: i128| Mrr(amount * Mrr::MINOR);
        DayAmounts {
            currency: currency.parse().unwrap(),
            group: Some("cus_1".into()),
            day: day.parse().unwrap(),
            mrr: minor(mrr),
            list: Mrr::ZERO,
            estimated: Mrr::ZERO,
            at_risk: minor(at_risk),
            scheduled_churn: Mrr::ZERO,
        }
    }

    /// Failed on, settled on, outcome, amount, recovered, lost.
    type Told = (String, Option<String>, &'static str, i128, i128, i128);

    fn told(rows: Vec<DayAmounts>, from: Option<&str>) -> Vec<Told> {
        let span = (from.map(|day| day.parse().unwrap()), None);
        all(FailureList::from_changes(rows, "2026-12-31".parse().unwrap(), span, None).unwrap())
    }

    fn all(list: FailureList) -> Vec<Told> {
        let entry = |one: FailureEntry| {
            assert_eq!(one.amount_exact.0.0, one.recovered_exact.0.0 + one.lost_exact.0.0 + one.at_risk_exact.0.0);
            (one.failed_on.to_string(), one.settled_on, one.outcome, one.amount, one.recovered, one.lost)
        };
        list.data.into_iter().map(entry).collect()
    }

    #[test]
    fn a_failure_is_followed_to_what_became_of_it() {
        let rows = vec![
            // Paid after all.
            row("2026-01-01", 100, 0),
            row("2026-01-05", -100, 0),
            // Two subscriptions, one of which is lost.
            row("2026-02-01", 100, 0),
            row("2026-02-02", 50, 0),
            row("2026-02-10", -100, -100),
            row("2026-02-11", -50, 0),
            // Lost with it, and more that day.
            row("2026-03-01", 100, 0),
            row("2026-03-09", -100, -400),
            // Open.
            row("2026-04-01", 100, 0),
        ];
        let day = |text: &str| Some(text.to_owned());
        let all = [
            ("2026-04-01".to_owned(), None, "open", 100, 0, 0),
            ("2026-03-01".into(), day("2026-03-09"), "lost", 100, 0, 100),
            ("2026-02-01".into(), day("2026-02-11"), "partly_lost", 150, 50, 100),
            ("2026-01-01".into(), day("2026-01-05"), "recovered", 100, 100, 0),
        ];
        assert_eq!(told(rows.clone(), None), all);
        assert_eq!(told(rows, Some("2026-03-01")), all[..2]);
    }

    /// One currency is paid after all, the other lost, under rates of their own: one failure of one customer.
    #[test]
    fn in_the_reporting_currency_a_customer_is_one_over_all_currencies() {
        let rows = vec![
            row_in("usd", "2026-01-20", 100, 0),
            row_in("chf", "2026-01-25", 100, 0),
            row_in("usd", "2026-02-10", -100, 0),
            row_in("chf", "2026-02-12", -100, -100),
            row_in("chf", "2026-03-02", 100, 0),
        ];
        // What still stands there after the rate moved twice: part of it is of no failure of the customer's.
        let standing = [row_in("eur", "2026-03-02", 80, 0), row_in("eur", "2026-04-01", -30, -30)];
        let quote = |currency: &str, rate: &str| Quote {
            base: "eur".parse().unwrap(),
            day: "2026-01-01".parse().unwrap(),
            currency: currency.parse().unwrap(),
            rate: rate.parse().unwrap(),
            per_base: false,
        };
        let fixed = Some("2026-01-01".parse().unwrap());
        let rates = Rates::new([quote("usd", "0.5"), quote("chf", "0.8")], fixed);
        let into = Converted { to: "eur".parse().unwrap(), rates: &rates, rows: &standing };
        let list = FailureList::converted(rows, "2026-12-31".parse().unwrap(), (None, None), &into).unwrap();
        let told = [
            ("2026-03-02".to_owned(), None, "open", 50, 0, 0),
            ("2026-01-20".into(), Some("2026-02-12".to_owned()), "partly_lost", 130, 50, 80),
        ];
        assert_eq!(all(list), told);
    }
}
