//! Whether a customer belongs to a segment, day by day, from what holds of it on which days.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::ToSpan;

use super::{
    language::{Check, Comparison, Expression, Key, Literal, Test},
    steps::Steps,
};
use crate::ledger::{money::Decimal, time::Day};

/// What a key has on a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Values {
    /// Nothing, or nothing that is known.
    #[default]
    None,
    /// These, in the order of texts: one, or several where a customer holds several products.
    Texts(BTreeSet<Arc<str>>),
    /// A number.
    Number(Decimal),
}

/// What holds of a customer. A key that isn't there has no value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Customer {
    /// What each key has on which days.
    pub values: BTreeMap<Key, Steps<Values>>,
    /// The day of its first MRR, from which tenure is counted.
    pub first_mrr: Option<Day>,
}

/// On which days each customer belongs to a segment, by its name; who isn't in it never does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members(BTreeMap<Arc<str>, Steps<bool>>);

impl Members {
    /// Whether a customer is one of them on a day.
    pub fn holds(&self, customer: &str, day: Day) -> bool {
        self.0.get(customer).is_some_and(|steps| *steps.on(day))
    }

    /// On which days a customer is one of them.
    pub fn of(&self, customer: &str) -> Option<&Steps<bool>> {
        self.0.get(customer)
    }
}

impl FromIterator<(Arc<str>, Steps<bool>)> for Members {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Steps<bool>)>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

impl Values {
    /// A value that is one text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Texts(BTreeSet::from([text.into()]))
    }
}

/// On which days a customer belongs to a segment.
pub fn membership(expression: &Expression, customer: &Customer) -> Steps<bool> {
    let tests = expression.tests();
    let mut days: BTreeSet<Day> = BTreeSet::new();
    for test in &tests {
        days.extend(customer.values.get(&test.key).into_iter().flat_map(Steps::days));
        if test.key == Key::TenureDays {
            days.extend(customer.first_mrr.into_iter().flat_map(|first| ages(first, &test.check)));
        }
    }
    let mut steps = Steps::always(holds(expression, customer, Day(jiff::civil::Date::MIN)));
    for day in days {
        steps.set(day, holds(expression, customer, day));
    }
    steps
}

/// Whether a customer belongs to it on a day.
fn holds(expression: &Expression, customer: &Customer, day: Day) -> bool {
    match expression {
        Expression::And(all) => all.iter().all(|one| holds(one, customer, day)),
        Expression::Or(all) => all.iter().any(|one| holds(one, customer, day)),
        Expression::Not(one) => !holds(one, customer, day),
        Expression::Test(test) => passes(test, customer, day),
    }
}

/// Days on which a check of tenure may turn: about each age that it names, and the first day of all.
fn ages(first: Day, check: &Check) -> Vec<Day> {
    let named: Vec<&Literal> = match check {
        Check::Exists => Vec::new(),
        Check::Is(_, literal) => vec![literal],
        Check::In(all) => all.iter().collect(),
    };
    let mut days = vec![first];
    for literal in named {
        let Literal::Number(number) = literal else { continue };
        let whole = number.units().div_euclid(Decimal::ONE_UNITS);
        for age in [whole, whole.saturating_add(1), whole.saturating_add(2)] {
            // What lies beyond the calendar never comes.
            let age = i32::try_from(age).ok().filter(|age| (0..=3_000_000).contains(age));
            days.extend(age.and_then(|age| first.0.checked_add(age.days()).ok()).map(Day));
        }
    }
    days
}

/// A key without a value passes no check.
fn passes(test: &Test, customer: &Customer, day: Day) -> bool {
    if test.key == Key::TenureDays {
        let age = customer.first_mrr.filter(|first| *first <= day).map(|first| (day.0 - first.0).get_days());
        return age.is_some_and(|age| check(&test.check, &Values::Number(Decimal::whole(age.into()))));
    }
    customer.values.get(&test.key).is_some_and(|steps| check(&test.check, steps.on(day)))
}

fn check(check: &Check, values: &Values) -> bool {
    match check {
        Check::Exists => match values {
            Values::None => false,
            Values::Texts(texts) => !texts.is_empty(),
            Values::Number(_) => true,
        },
        Check::In(all) => all.iter().any(|literal| compares(Comparison::Equal, literal, values)),
        Check::Is(comparison, literal) => compares(*comparison, literal, values),
    }
}

/// Whether one of the values compares so; for `!=`, whether there are values of that type and none of them is it.
fn compares(comparison: Comparison, literal: &Literal, values: &Values) -> bool {
    let orders: Vec<Ordering> = match (values, literal) {
        (Values::None, _) => Vec::new(),
        (Values::Number(number), Literal::Number(other)) => vec![number.cmp(other)],
        (Values::Number(_), Literal::Text(_) | Literal::Day(_)) => Vec::new(),
        (Values::Texts(texts), Literal::Text(other)) => texts.iter().map(|text| text.cmp(other)).collect(),
        (Values::Texts(texts), Literal::Number(other)) => {
            texts.iter().filter_map(|text| Some(text.parse::<Decimal>().ok()?.cmp(other))).collect()
        }
        (Values::Texts(texts), Literal::Day(other)) => {
            let day = |text: &str| text.parse::<Day>().ok().filter(|day| day.to_string() == text);
            texts.iter().filter_map(|text| Some(day(text)?.cmp(other))).collect()
        }
    };
    match comparison {
        Comparison::NotEqual => !orders.is_empty() && orders.iter().all(|order| order.is_ne()),
        Comparison::Equal => orders.iter().any(|order| order.is_eq()),
        Comparison::Less => orders.iter().any(|order| order.is_lt()),
        Comparison::AtMost => orders.iter().any(|order| order.is_le()),
        Comparison::Greater => orders.iter().any(|order| order.is_gt()),
        Comparison::AtLeast => orders.iter().any(|order| order.is_ge()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::parse;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    /// Small until 2026-05-10, large from then on; in Germany; holding two products; first MRR on 2026-01-14.
    fn customer() -> Customer {
        let mut size = Steps::always(Values::None);
        size.set(day("2026-01-01"), Values::text("20"));
        size.set(day("2026-05-10"), Values::text("400"));
        let two = Values::Texts(["prod_a", "prod_b"].map(Arc::from).into());
        let values = BTreeMap::from([
            (Key::Attribute("size".into()), size),
            (Key::Country, Steps::always(Values::text("DE"))),
            (Key::Product, Steps::always(two)),
            (Key::Cohort, Steps::always(Values::text("2026-01"))),
            (Key::Mrr, Steps::always(Values::Number(Decimal::whole(50)))),
        ]);
        Customer { values, first_mrr: Some(day("2026-01-14")) }
    }

    /// The day before, on, and after each turn.
    fn turns(text: &str) -> String {
        let steps = membership(&parse(text).unwrap(), &customer());
        let begins = if *steps.on(day("0001-01-01")) { "in" } else { "out" };
        let turns: Vec<String> =
            steps.turns().map(|(day, _, is)| format!("{day} {}", if *is { "in" } else { "out" })).collect();
        [vec![begins.to_owned()], turns].concat().join(", ")
    }

    #[test]
    fn a_customer_belongs_from_the_day_on_which_all_of_it_holds() {
        for (text, expected) in [
            ("attribute:size >= 200", "out, 2026-05-10 in"),
            ("attribute:size < 200", "out, 2026-01-01 in, 2026-05-10 out"),
            ("not attribute:size < 200", "in, 2026-01-01 out, 2026-05-10 in"),
            ("attribute:size exists", "out, 2026-01-01 in"),
            ("attribute:size != 20", "out, 2026-05-10 in"),
            ("attribute:size = \"20\"", "out, 2026-01-01 in, 2026-05-10 out"),
            ("attribute:size >= 200 and country in (DE, AT)", "out, 2026-05-10 in"),
            ("attribute:size >= 200 or country = DE", "in"),
            ("country != FR", "in"),
            ("metadata:crm = a", "out"),
            ("metadata:crm != a", "out"),
            ("not metadata:crm = a", "in"),
            ("attribute:size > 2026-01-01", "out"),
            ("product = prod_b", "in"),
            ("product != prod_b", "out"),
            ("product != prod_c", "in"),
            ("cohort >= 2026-01 and cohort < 2026-02", "in"),
            ("mrr > 49.99 and mrr <= 50", "in"),
            ("tenure_days exists", "out, 2026-01-14 in"),
            ("tenure_days >= 30", "out, 2026-02-13 in"),
            ("tenure_days > 30", "out, 2026-02-14 in"),
            ("tenure_days < 30.5", "out, 2026-01-14 in, 2026-02-14 out"),
            ("tenure_days = 30", "out, 2026-02-13 in, 2026-02-14 out"),
            ("tenure_days < 0", "out"),
            ("tenure_days >= 99999999999", "out"),
        ] {
            assert_eq!(turns(text), expected, "{text}");
        }
    }
}
