//! The answer of `/api/v1/cohorts`: customers by the month of their first MRR, and what is left of them by age.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;
use utoipa::ToSchema;

use super::{ReportError, book::Book, metrics::Metric, money::Exact, table::Table, trials::TrialDays};
use crate::{
    event::Seq,
    ledger::{
        cohorts::{self, Customer, Month},
        metrics,
        money::{Currency, Mrr},
        retention::Aged,
        time::Day,
    },
    store::derived::reports::LedgerRows,
};

/// Customers by the month of their first MRR, in each currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CohortsAnswer {
    /// The profile whose rules made the figures.
    pub profile: String,
    /// The currency, where all entries share one.
    pub currency: Option<String>,
    /// Whether everything is converted into the reporting currency; else each entry is of its currency's own ledger.
    pub converted: bool,
    /// The log sequence number the answer was as known at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub as_known_at_seq: Option<Seq>,
    /// In order of currency and month.
    pub data: Vec<CohortEntry>,
    /// Trials by the month in which they began, of those that ended.
    pub trials: Vec<TrialCohort>,
}

/// The trials that began in one month and have ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TrialCohort {
    /// The month in which they began, such as `2026-01`.
    pub cohort: String,
    /// How many of its trials have ended by now.
    pub ended: u64,
    /// How many of them went on to pay.
    pub converted: u64,
    /// Trials that became paid over those that ended.
    pub conversion: Metric,
}

/// Trials that began in `from..=to`, by month, in order.
pub fn trial_cohorts(trials: &TrialDays, from: Option<Day>, to: Option<Day>) -> Vec<TrialCohort> {
    let mut months: BTreeMap<Month, (u64, u64)> = BTreeMap::new();
    for (day, is_converted, count) in trials.began().filter(|(day, ..)| asked(Month::of(*day), from, to)) {
        let (ended, converted) = months.entry(Month::of(day)).or_default();
        (*ended, *converted) = (*ended + count, *converted + if is_converted { count } else { 0 });
    }
    let entry = |(month, (ended, converted)): (Month, (u64, u64))| TrialCohort {
        cohort: month.to_string(),
        ended,
        converted,
        conversion: metrics::trial_conversion(converted, ended).into(),
    };
    months.into_iter().map(entry).collect()
}

fn asked(month: Month, from: Option<Day>, to: Option<Day>) -> bool {
    from.is_none_or(|from| month >= Month::of(from)) && to.is_none_or(|to| month <= Month::of(to))
}

/// The customers who first paid in one month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CohortEntry {
    /// The month in which they began, such as `2026-01`.
    pub cohort: String,
    /// The currency of every amount.
    pub currency: String,
    /// How many customers had their first MRR in that month.
    pub customers: u64,
    /// From age 0, the month itself, to the month of the answer.
    pub ages: Vec<AgeEntry>,
}

/// A cohort at one age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AgeEntry {
    /// Months since the cohort's own.
    pub age: i32,
    /// Customers with MRR at the month's end.
    pub customers: u64,
    /// Their MRR in minor units.
    pub mrr: i128,
    /// `mrr` exactly, to 10⁻⁶ of a minor unit.
    pub mrr_exact: Exact,
    /// Customers with MRR over customers of the cohort.
    pub customer_retention: Metric,
    /// MRR over MRR at the end of the cohort's own month.
    pub mrr_retention: Metric,
}

/// Cohorts whose month lies in `from..=to`, as they stand at the end of `today`'s month.
///
/// `first` tells the day of each customer's first MRR.
pub fn entries(
    rows: &LedgerRows,
    first: &BTreeMap<Arc<str>, Day>,
    from: Option<Day>,
    to: Option<Day>,
    today: Day,
) -> Result<Vec<CohortEntry>, ReportError> {
    let book = Book::of(rows)?;
    let mut by_currency: BTreeMap<Currency, Vec<Customer>> = BTreeMap::new();
    for (id, customer) in &book.customers {
        let Some(first) = first.get(id).map(|day| Month::of(*day)) else { continue };
        for (currency, mrr) in &customer.mrr {
            // Later changes of the same month replace earlier ones: what stands at its end counts.
            let closings = mrr.changes().iter().map(|(day, mrr)| (Month::of(*day), *mrr)).collect();
            by_currency.entry(*currency).or_default().push(Customer { first, closings });
        }
    }
    let mut data = Vec::new();
    for (currency, customers) in by_currency {
        for cohort in cohorts::cohorts(&customers, Month::of(today)) {
            if !asked(cohort.month, from, to) {
                continue;
            }
            let ages = cohort.ages.into_iter().map(age).collect::<Result<_, _>>()?;
            data.push(CohortEntry {
                cohort: cohort.month.to_string(),
                currency: currency.to_string(),
                customers: cohort.customers,
                ages,
            });
        }
    }
    Ok(data)
}

/// The same from what days add to cohorts.
pub fn entries_of_days(
    days: &BTreeMap<(Currency, Month, Day), Aged>,
    from: Option<Day>,
    to: Option<Day>,
    today: Day,
) -> Result<Vec<CohortEntry>, ReportError> {
    let mut cohorts: BTreeMap<(Currency, Month), BTreeMap<Month, Aged>> = BTreeMap::new();
    for ((currency, cohort, day), aged) in days {
        let month = cohorts.entry((*currency, *cohort)).or_default().entry(Month::of(*day)).or_default();
        month.mrr = month.mrr.checked_add(aged.mrr).ok_or(ReportError::Overflow)?;
        month.active += aged.active;
        month.members += aged.members;
    }
    let last = Month::of(today);
    let mut data = Vec::new();
    for ((currency, cohort), months) in cohorts {
        let count = |of: fn(&Aged) -> i64, until: Month| -> u64 {
            let sum: i64 = months.range(..=until).map(|(_, month)| of(month)).sum();
            u64::try_from(sum).unwrap_or(0)
        };
        let mrr =
            |until: Month| months.range(..=until).try_fold(Mrr::ZERO, |sum, (_, month)| sum.checked_add(month.mrr));
        let customers = count(|month| month.members, last);
        if customers == 0 || cohort > last || !asked(cohort, from, to) {
            continue;
        }
        let at = |age: i32| {
            let now = cohort.plus(age);
            let held = count(|month| month.active, now);
            let counted = cohorts::AtAge { age, members: customers, held, opening: mrr(cohort), closing: mrr(now) };
            self::age(cohorts::Age::new(counted))
        };
        let ages = (0..=last.since(cohort)).map(at).collect::<Result<_, _>>()?;
        data.push(CohortEntry { cohort: cohort.to_string(), currency: currency.to_string(), customers, ages });
    }
    Ok(data)
}

fn age(age: cohorts::Age) -> Result<AgeEntry, ReportError> {
    let mrr: Mrr = age.mrr.ok_or(ReportError::Overflow)?;
    Ok(AgeEntry {
        age: age.age,
        customers: age.customers,
        mrr: mrr.minor(),
        mrr_exact: Exact(mrr),
        customer_retention: age.customer_retention.into(),
        mrr_retention: age.mrr_retention.into(),
    })
}

impl CohortsAnswer {
    /// For a person: the cohorts, then the trials.
    pub fn text(&self) -> String {
        let trials = self.trials_table();
        if self.trials.is_empty() {
            return self.table().terminal();
        }
        format!("{}\n\n{}", self.table().terminal(), trials.terminal())
    }

    /// One row a month in which trials began.
    pub fn trials_table(&self) -> Table {
        let columns = vec!["trials_began", "ended", "converted_trials", "conversion"];
        let row = |one: &TrialCohort| {
            let conversion = one.conversion.value.clone().unwrap_or_default();
            vec![one.cohort.clone(), one.ended.to_string(), one.converted.to_string(), conversion]
        };
        Table { columns, rows: self.trials.iter().map(row).collect() }
    }

    /// One row a cohort and age.
    pub fn table(&self) -> Table {
        let columns = vec![
            "cohort",
            "currency",
            "cohort_customers",
            "age",
            "customers",
            "mrr_exact",
            "customer_retention",
            "mrr_retention",
        ];
        let rows = self.data.iter().flat_map(|cohort| {
            cohort.ages.iter().map(|age| {
                vec![
                    cohort.cohort.clone(),
                    cohort.currency.clone(),
                    cohort.customers.to_string(),
                    age.age.to_string(),
                    age.customers.to_string(),
                    age.mrr_exact.to_string(),
                    age.customer_retention.value.clone().unwrap_or_default(),
                    age.mrr_retention.value.clone().unwrap_or_default(),
                ]
            })
        });
        Table { columns, rows: rows.collect() }.telling_converted(self.converted)
    }
}
