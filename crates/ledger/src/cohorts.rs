//! Cohorts: customers by the month of their first MRR, and what is left of them by month of age (rule `metrics`).

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{
    metrics::{Pair, Rate, nrr},
    money::Mrr,
    time::Day,
};

/// A calendar month of the ledger's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

impl Month {
    /// The month that holds a day.
    pub fn of(day: Day) -> Self {
        Self(i32::from(day.0.year()) * 12 + i32::from(day.0.month()) - 1)
    }

    /// Months from `earlier` to this one.
    pub fn since(self, earlier: Self) -> i32 {
        self.0 - earlier.0
    }

    /// So many months later; earlier where `months` is below 0.
    pub fn plus(self, months: i32) -> Self {
        Self(self.0.saturating_add(months))
    }
}

/// Prints as `2026-01`.
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

impl Serialize for Month {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One customer's MRR over the months.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// The month of its first MRR.
    pub first: Month,
    /// MRR at the end of each month in which it changed; in between it stands.
    pub closings: BTreeMap<Month, Mrr>,
}

/// The customers who first paid in one month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cohort {
    /// The calendar month of their first MRR.
    pub month: Month,
    /// How many customers first paid in it.
    pub customers: u64,
    /// From age 0, the month itself, to the last month asked for.
    pub ages: Vec<Age>,
}

/// A cohort at one age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Age {
    /// Months since the cohort's own.
    pub age: i32,
    /// Customers with MRR at the month's end.
    pub customers: u64,
    /// Their MRR, in millionths of a minor unit; `None` when the sum overflows.
    pub mrr: Option<Mrr>,
    /// Customers with MRR / customers of the cohort.
    pub customer_retention: Rate,
    /// MRR / MRR at the end of the cohort's own month.
    pub mrr_retention: Rate,
}

impl Customer {
    fn mrr(&self, month: Month) -> Mrr {
        self.closings.range(..=month).next_back().map_or(Mrr::ZERO, |(_, mrr)| *mrr)
    }
}

/// The cohorts up to the month `last`, in time order.
pub fn cohorts(customers: &[Customer], last: Month) -> Vec<Cohort> {
    let mut by_month: BTreeMap<Month, Vec<&Customer>> = BTreeMap::new();
    for customer in customers.iter().filter(|customer| customer.first <= last) {
        by_month.entry(customer.first).or_default().push(customer);
    }
    let cohort = |(month, members): (Month, Vec<&Customer>)| Cohort {
        month,
        customers: members.len() as u64,
        ages: (0..=last.since(month)).map(|age| at_age(&members, month, age)).collect(),
    };
    by_month.into_iter().map(cohort).collect()
}

fn at_age(members: &[&Customer], month: Month, age: i32) -> Age {
    let now = month.plus(age);
    let held = members.iter().filter(|customer| customer.mrr(now) > Mrr::ZERO).count() as u64;
    let total = |month| members.iter().try_fold(Mrr::ZERO, |sum, customer| sum.checked_add(customer.mrr(month)));
    Age::new(AtAge { age, members: members.len() as u64, held, opening: total(month), closing: total(now) })
}

/// What is counted of a cohort at one age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtAge {
    /// Months since the cohort's own.
    pub age: i32,
    /// How many customers it has.
    pub members: u64,
    /// Those of them with MRR at the month's end.
    pub held: u64,
    /// The cohort's MRR at the end of its own month; `None` when the sum overflows.
    pub opening: Option<Mrr>,
    /// Its MRR at the month's end; `None` when the sum overflows.
    pub closing: Option<Mrr>,
}

impl Age {
    /// The cohort's retention by what is counted of it.
    pub fn new(AtAge { age, members, held, opening, closing }: AtAge) -> Self {
        // The cohort as one customer: its MRR at the end of its own month against today's.
        let whole = opening.zip(closing).map(|(opening, closing)| Pair { opening, closing });
        Self {
            age,
            customers: held,
            mrr: closing,
            customer_retention: Rate::share(held, members, "no customers"),
            mrr_retention: nrr(whole),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        Month::of(format!("{text}-01").parse().unwrap())
    }

    fn customer(first: &str, closings: &[(&str, i128)]) -> Customer {
        let closings = closings.iter().map(|(at, mrr)| (month(at), Mrr(mrr * Mrr::MINOR))).collect();
        Customer { first: month(first), closings }
    }

    #[test]
    fn a_cohort_ages() {
        let customers = [
            customer("2025-11", &[("2025-11", 100)]),
            customer("2025-11", &[("2025-11", 100), ("2026-01", 0), ("2026-02", 50)]),
            customer("2026-01", &[("2026-01", 70)]),
            customer("2026-03", &[("2026-03", 1)]),
        ];
        let table: Vec<String> = cohorts(&customers, month("2026-02"))
            .iter()
            .flat_map(|cohort| cohort.ages.iter().map(move |age| (cohort, age)))
            .map(|(cohort, age)| {
                let value = |rate: &Rate| rate.value.clone().unwrap();
                let (customers, mrr) = (value(&age.customer_retention), value(&age.mrr_retention));
                format!("{} +{} {} {customers} {} {mrr}", cohort.month, age.age, age.customers, age.mrr.unwrap())
            })
            .collect();
        assert_eq!(
            table,
            [
                "2025-11 +0 2 1.0000 200 1.0000",
                "2025-11 +1 2 1.0000 200 1.0000",
                "2025-11 +2 1 0.5000 100 0.5000",
                "2025-11 +3 2 1.0000 150 0.7500",
                "2026-01 +0 1 1.0000 70 1.0000",
                "2026-01 +1 1 1.0000 70 1.0000",
            ]
        );
    }

    /// Who comes and goes within a month has MRR at no month's end: counted, but no base for retention of MRR.
    #[test]
    fn a_cohort_that_left_within_its_month_has_no_base() {
        let cohorts = cohorts(&[customer("2026-01", &[("2026-01", 0)])], month("2026-01"));
        assert_eq!(cohorts[0].customers, 1);
        assert_eq!(cohorts[0].ages[0].mrr_retention.reason, Some("no opening MRR"));
        assert_eq!(cohorts[0].ages[0].customer_retention.value.as_deref(), Some("0.0000"));
    }
}
