//! What stands of each customer day by day, as segments ask it: MRR, status, and what is held of each product, price or currency.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{ReportError, bridge::sum, reports::AskError};
use crate::{
    budget,
    ledger::{
        money::{Currency, Decimal, Mrr},
        time::Day,
        units::{self, Places},
    },
    segment::{Steps, Values},
    store::derived::reports::*,
};

/// What one of several texts has on a day, by text: sums of amounts that may be 0.
type Standing = BTreeMap<Arc<str>, Mrr>;

/// MRR, what is at risk of it and what is set to end, by currency.
pub(super) type ByCurrency = BTreeMap<Currency, [Mrr; 3]>;

/// What stands of each customer after each day, from a ledger's rows by customer.
pub(super) struct Ledger {
    pub(super) currencies: BTreeSet<Currency>,
    pub(super) customers: BTreeMap<Arc<str>, BTreeMap<Day, ByCurrency>>,
    pub(super) trials: BTreeMap<Arc<str>, BTreeMap<Day, i64>>,
}

impl Ledger {
    pub(super) fn of(rows: LedgerRows) -> Result<Self, AskError> {
        let currencies = rows.amounts.iter().map(|row| row.currency).collect();
        let mut customers: BTreeMap<Arc<str>, BTreeMap<Day, ByCurrency>> = BTreeMap::new();
        for row in rows.amounts {
            let Some(customer) = row.group else { continue };
            charge(size_of::<[Mrr; 3]>() + size_of::<Day>())?;
            let days = customers.entry(customer).or_default().entry(row.day).or_default();
            for (sum_of, change) in
                days.entry(row.currency).or_default().iter_mut().zip([row.mrr, row.at_risk, row.scheduled_churn])
            {
                *sum_of = sum(*sum_of, change)?;
            }
        }
        for days in customers.values_mut() {
            let mut stood: ByCurrency = BTreeMap::new();
            for changes in days.values_mut() {
                for (currency, changes) in changes.iter() {
                    for (sum_of, change) in stood.entry(*currency).or_default().iter_mut().zip(changes) {
                        *sum_of = sum(*sum_of, *change)?;
                    }
                }
                charge(stood.len() * size_of::<[Mrr; 3]>())?;
                changes.clone_from(&stood);
            }
        }
        let mut trials: BTreeMap<Arc<str>, BTreeMap<Day, i64>> = BTreeMap::new();
        // Over all currencies.
        for row in rows.counts.into_iter().filter(|row| row.currency.is_none() && row.trials != 0) {
            let Some(customer) = row.group else { continue };
            *trials.entry(customer).or_default().entry(row.day).or_default() += row.trials;
        }
        for days in trials.values_mut() {
            let mut stood = 0;
            for count in days.values_mut() {
                stood += *count;
                *count = stood;
            }
        }
        Ok(Self { currencies, customers, trials })
    }

    /// What stands after a day, by currency.
    pub(super) fn on(&self, customer: &Arc<str>, day: Day) -> Option<&ByCurrency> {
        self.customers.get(customer)?.range(..=day).next_back().map(|(_, stands)| stands)
    }

    pub(super) fn is_paying(&self, customer: &Arc<str>, day: Day) -> bool {
        self.on(customer, day).is_some_and(|stands| stands.values().any(|[mrr, ..]| *mrr > Mrr::ZERO))
    }

    /// What the ledger tells of a customer counts on a day as it stood when the day began, so that who leaves on it leaves the group
    /// in which it was; where the customer paid nothing then, as it stands at the day's end, so that who comes comes into its own.
    pub(super) fn as_days_begin(&self, customer: &Arc<str>, ends: Steps<Values>) -> Steps<Values> {
        let changes = self.customers.get(customer).into_iter().flat_map(BTreeMap::keys).copied();
        let days: BTreeSet<Day> = ends.days().chain(changes).flat_map(|day| [day, day.after()]).collect();
        let mut begins = Steps::always(ends.on(Day(jiff::civil::Date::MIN)).clone());
        for day in days {
            let told_by = if self.is_paying(customer, day.before()) { day.before() } else { day };
            begins.set(day, ends.on(told_by).clone());
        }
        begins
    }

    /// MRR after each day, in units of the currency.
    pub(super) fn mrr(&self, customer: &Arc<str>, currency: Currency) -> Result<Steps<Values>, AskError> {
        let number = |mrr: Mrr| {
            let text = units::major(&mrr.to_string(), currency, Places::All);
            text.and_then(|text| text.parse::<Decimal>().ok()).map(Values::Number).ok_or(ReportError::Overflow)
        };
        let mut steps = Steps::always(number(Mrr::ZERO)?);
        for (day, stands) in self.customers.get(customer).into_iter().flatten() {
            steps.set(*day, number(stands.get(&currency).map_or(Mrr::ZERO, |[mrr, ..]| *mrr))?);
        }
        Ok(steps)
    }

    /// How the customer stands after each day.
    pub(super) fn status(&self, customer: &Arc<str>, first_mrr: Option<Day>) -> Steps<Values> {
        let trials = self.trials.get(customer);
        let after = |day: Day| {
            let stands = self.on(customer, day);
            let any = |at: usize| stands.is_some_and(|stands| stands.values().any(|of| of[at] != Mrr::ZERO));
            let paying = self.is_paying(customer, day);
            let trialing =
                trials.is_some_and(|days| days.range(..=day).next_back().is_some_and(|(_, trials)| *trials > 0));
            let left = !paying && first_mrr.is_some_and(|first| first <= day);
            let words =
                [("paying", paying), ("past_due", any(1)), ("ending", any(2)), ("trialing", trialing), ("left", left)];
            let all: BTreeSet<Arc<str>> =
                words.into_iter().filter(|(_, is)| *is).map(|(word, _)| word.into()).collect();
            if all.is_empty() { Values::None } else { Values::Texts(all) }
        };
        let changes = self.customers.get(customer).into_iter().flat_map(BTreeMap::keys);
        let days: BTreeSet<Day> = changes.chain(trials.into_iter().flat_map(BTreeMap::keys)).copied().collect();
        let mut steps = Steps::always(Values::None);
        days.into_iter().for_each(|day| steps.set(day, after(day)));
        steps
    }
}

/// A value, and by how much the list amount of what has it changes.
type HeldChange = (Arc<str>, Mrr);

/// What each customer holds after each day: texts whose amounts before discounts are above 0.
pub(super) struct Held(BTreeMap<Arc<str>, Steps<Values>>);

impl Held {
    pub(super) fn of(rows: Vec<HeldRow>) -> Result<Self, AskError> {
        let mut changes: BTreeMap<Arc<str>, BTreeMap<Day, Vec<HeldChange>>> = BTreeMap::new();
        for row in rows {
            // What isn't known is no value.
            let Some(value) = row.value else { continue };
            charge(size_of::<HeldRow>())?;
            changes.entry(row.customer).or_default().entry(row.day).or_default().push((value, row.list));
        }
        let mut held = BTreeMap::new();
        for (customer, days) in changes {
            let (mut stood, mut steps) = (Standing::new(), Steps::always(Values::None));
            for (day, changes) in days {
                for (value, change) in changes {
                    let sum_of = stood.entry(value).or_default();
                    *sum_of = sum(*sum_of, change)?;
                }
                stood.retain(|_, list| *list != Mrr::ZERO);
                charge(stood.len() * size_of::<Arc<str>>())?;
                let texts: BTreeSet<Arc<str>> = stood.keys().cloned().collect();
                steps.set(day, if texts.is_empty() { Values::None } else { Values::Texts(texts) });
            }
            held.insert(customer, steps);
        }
        Ok(Self(held))
    }

    pub(super) fn each(self, mut take: impl FnMut(&Arc<str>, Steps<Values>)) {
        self.0.into_iter().for_each(|(customer, steps)| take(&customer, steps));
    }
}

/// What a question is to hold costs it so much.
pub(super) fn charge(bytes: usize) -> Result<(), ReportError> {
    Ok(budget::charge(bytes)?)
}
