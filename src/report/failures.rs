//! The answer of `/api/v1/failed-payments`: money that a failed payment put at risk, and what became of it.

use std::{cmp::Reverse, collections::BTreeMap};

use serde::Serialize;
use utoipa::ToSchema;

use super::{ReportError, money::Exact, table::Table};
use crate::{
    ledger::{
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
    /// MRR that was put at risk, in minor units.
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

/// An episode while it is followed from day to day.
#[derive(Debug)]
struct Episode {
    began: Day,
    ended: Option<Day>,
    amount: Mrr,
    recovered: Mrr,
    lost: Mrr,
    open: Mrr,
}

fn sum(a: Mrr, b: Mrr) -> Result<Mrr, ReportError> {
    a.checked_add(b).ok_or(ReportError::Overflow)
}

fn less(a: Mrr, b: Mrr) -> Result<Mrr, ReportError> {
    a.checked_sub(b).ok_or(ReportError::Overflow)
}

impl FailureList {
    /// From each customer's changes of what is past due, up to `today`; those that began in `span`.
    pub fn from_changes(
        rows: Vec<DayAmounts>,
        today: Day,
        span: (Option<Day>, Option<Day>),
        only: Option<Currency>,
    ) -> Result<Self, ReportError> {
        let mut changes: BTreeMap<(String, Currency), BTreeMap<Day, (Mrr, Mrr)>> = BTreeMap::new();
        let asked = |row: &DayAmounts| {
            row.at_risk != Mrr::ZERO && row.day <= today && only.is_none_or(|only| only == row.currency)
        };
        for row in rows.into_iter().filter(asked) {
            let Some(customer) = row.group else { continue };
            let day =
                changes.entry((customer.as_ref().to_owned(), row.currency)).or_default().entry(row.day).or_default();
            *day = (sum(day.0, row.at_risk)?, sum(day.1, row.mrr)?);
        }
        let mut data = Vec::new();
        for ((customer, currency), days) in changes {
            for episode in episodes(days)? {
                let within =
                    span.0.is_none_or(|from| episode.began >= from) && span.1.is_none_or(|to| episode.began <= to);
                if within {
                    data.push(FailureEntry::from_episode(&customer, currency, &episode));
                }
            }
        }
        data.sort_by_key(|entry| Reverse(entry.place()));
        Ok(Self { profile: String::new(), converted: false, data, next_cursor: None })
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

/// Day by day: what rises is put at risk, what falls was paid or is gone, as far as MRR fell with it.
fn episodes(days: BTreeMap<Day, (Mrr, Mrr)>) -> Result<Vec<Episode>, ReportError> {
    let mut all: Vec<Episode> = Vec::new();
    for (day, (at_risk, mrr)) in days {
        if at_risk > Mrr::ZERO {
            match all.last_mut().filter(|last| last.ended.is_none()) {
                Some(last) => (last.amount, last.open) = (sum(last.amount, at_risk)?, sum(last.open, at_risk)?),
                None => all.push(Episode {
                    began: day,
                    ended: None,
                    amount: at_risk,
                    recovered: Mrr::ZERO,
                    lost: Mrr::ZERO,
                    open: at_risk,
                }),
            }
        } else if let Some(last) = all.last_mut().filter(|last| last.ended.is_none()) {
            // Never more than was open: what else fell that day had nothing to do with it.
            let settled = less(Mrr::ZERO, at_risk)?.min(last.open);
            let gone = less(Mrr::ZERO, mrr)?.max(Mrr::ZERO).min(settled);
            last.lost = sum(last.lost, gone)?;
            last.recovered = sum(last.recovered, less(settled, gone)?)?;
            last.open = less(last.open, settled)?;
            last.ended = (last.open == Mrr::ZERO).then_some(day);
        }
    }
    Ok(all)
}

impl FailureEntry {
    fn from_episode(customer: &str, currency: Currency, episode: &Episode) -> Self {
        let Episode { began, ended, amount, recovered, lost, open } = *episode;
        let outcome = match (ended, lost == Mrr::ZERO, recovered == Mrr::ZERO) {
            (None, ..) => "open",
            (Some(_), true, _) => "recovered",
            (Some(_), false, true) => "lost",
            (Some(_), false, false) => "partly_lost",
        };
        Self {
            customer: customer.into(),
            customer_name: None,
            currency: currency.to_string(),
            failed_on: began,
            settled_on: ended.map(|day| day.to_string()),
            outcome,
            amount: amount.minor(),
            amount_exact: Exact(amount),
            recovered: recovered.minor(),
            recovered_exact: Exact(recovered),
            lost: lost.minor(),
            lost_exact: Exact(lost),
            at_risk: open.minor(),
            at_risk_exact: Exact(open),
        }
    }

    /// Where it stands in the list.
    pub fn place(&self) -> FailurePlace {
        (self.failed_on, self.customer.clone(), self.currency.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(day: &str, at_risk: i128, mrr: i128) -> DayAmounts {
        let minor = |amount: i128| Mrr(amount * Mrr::MINOR);
        DayAmounts {
            currency: "usd".parse().unwrap(),
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
        let list = FailureList::from_changes(rows, "2026-12-31".parse().unwrap(), span, None).unwrap();
        let entry = |one: FailureEntry| {
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
}
