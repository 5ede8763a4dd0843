//! The account's own figures: MRR, movements and customers of every month, told from what it was worth when.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::ledger::time::{Day, UnixTime, Zone};

use super::{
    catalog::Money,
    worth::{RULES, Rules, Worth},
};

/// One line of `/api/v1/mrr`, in millionths of a minor unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// MRR when the period opened.
    pub opening: i128,
    /// First MRR of customers.
    pub new: i128,
    /// More of running customers.
    pub expansion: i128,
    /// Back after none.
    pub reactivation: i128,
    /// Less of running customers, at most 0.
    pub contraction: i128,
    /// Of customers who left, at most 0.
    pub churn: i128,
    /// MRR when it closed.
    pub closing: i128,
    /// What is past due at the close.
    pub at_risk: i128,
    /// What is set to end at the close.
    pub scheduled_churn: i128,
    /// Customers at the close: with MRR, or kept without by a discount.
    pub customers: i64,
    /// Subscriptions with MRR at the close.
    pub subscriptions: i64,
}

impl Figures {
    /// The amounts by the API's names.
    pub fn amounts(&self) -> [(&'static str, i128); 9] {
        [
            ("opening", self.opening),
            ("new", self.new),
            ("expansion", self.expansion),
            ("reactivation", self.reactivation),
            ("contraction", self.contraction),
            ("churn", self.churn),
            ("closing", self.closing),
            ("at_risk", self.at_risk),
            ("scheduled_churn", self.scheduled_churn),
        ]
    }
}

/// A change of one customer's MRR over one day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Which day.
    pub day: Day,
    /// Whose.
    pub customer: String,
    /// What it is, as the API names it.
    pub kind: &'static str,
    /// In millionths of a minor unit.
    pub amount: i128,
}

/// What one customer was worth, from when on; one per rule set.
#[derive(Debug)]
struct Line {
    currency: Money,
    worth: [Vec<(UnixTime, Worth)>; RULES.len()],
}

/// Everything the account knows of its own figures.
#[derive(Debug, Default)]
pub struct Truth {
    lines: BTreeMap<String, Line>,
}

impl Truth {
    /// Notes what a customer is worth from `at` on, under each rule set. What held for no second leaves no trace.
    pub(super) fn note(&mut self, customer: &str, currency: Money, at: UnixTime, worth: [Worth; RULES.len()]) {
        let line =
            self.lines.entry(customer.to_owned()).or_insert_with(|| Line { currency, worth: Default::default() });
        for (series, worth) in line.worth.iter_mut().zip(worth) {
            debug_assert!(series.last().is_none_or(|(last, _)| *last <= at), "{customer}: noted out of order");
            series.pop_if(|(last, _)| *last == at);
            if series.last().map_or(Worth::default(), |(_, last)| *last) != worth {
                series.push((at, worth));
            }
        }
    }

    /// The figures of the days `from` to `to` (both included, UTC) under one of [`RULES`].
    pub fn figures(&self, rules: &Rules, currency: Money, from: Day, to: Day) -> Figures {
        let mut figures = Figures::default();
        for series in self.series(rules, currency).map(|(_, series)| series) {
            figures.opening += at_end_of(series, from.before()).mrr;
            let close = at_end_of(series, to);
            figures.closing += close.mrr;
            figures.at_risk += close.at_risk;
            figures.scheduled_churn += close.scheduled_churn;
            figures.subscriptions += close.subscriptions;
            let kept = Past::of(until(series, to.after()), rules).kept;
            figures.customers += i64::from(close.mrr > 0 || kept);
        }
        for change in self.changes(rules, currency, from, to) {
            match change.kind {
                "new" => figures.new += change.amount,
                "expansion" => figures.expansion += change.amount,
                "reactivation" => figures.reactivation += change.amount,
                "contraction" => figures.contraction += change.amount,
                _ => figures.churn += change.amount,
            }
        }
        figures
    }

    /// Every movement of these days, ordered by day and customer.
    pub fn changes(&self, rules: &Rules, currency: Money, from: Day, to: Day) -> Vec<Change> {
        let mut changes = Vec::new();
        for (customer, series) in self.series(rules, currency) {
            let mut days: Vec<Day> = series.iter().map(|(at, _)| Zone::UTC.day(*at)).collect();
            days.dedup();
            for day in days.into_iter().filter(|day| (from..=to).contains(day)) {
                let (before, after) = (at_end_of(series, day.before()), at_end_of(series, day));
                if let Some(kind) = kind(before, after, Past::of(until(series, day), rules)) {
                    changes.push(Change { day, customer: customer.clone(), kind, amount: after.mrr - before.mrr });
                }
            }
        }
        changes.sort();
        changes
    }

    fn series(&self, rules: &Rules, currency: Money) -> impl Iterator<Item = (&String, &[(UnixTime, Worth)])> {
        let which = usize::from(rules.profile != RULES[0].profile);
        let of_currency = self.lines.iter().filter(move |(_, line)| line.currency == currency);
        of_currency.map(move |(customer, line)| (customer, line.worth[which].as_slice()))
    }
}

/// Where a customer stood when a day began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Past {
    /// There was MRR once.
    ever: bool,
    /// There was, and a discount to nothing is all that happened to it since.
    kept: bool,
    /// Whether such a discount keeps a customer at all.
    keeps: bool,
}

impl Past {
    fn of(earlier: &[(UnixTime, Worth)], rules: &Rules) -> Self {
        let ever = earlier.iter().any(|(_, worth)| worth.mrr > 0);
        let last = earlier.iter().rfind(|(_, worth)| worth.mrr > 0 || worth.list == 0);
        let keeps = !rules.free_is_lost;
        Self { ever, kept: keeps && last.is_some_and(|(_, worth)| worth.mrr > 0), keeps }
    }
}

/// What kind of movement leads from one day's end to the next (mrr.md 5, netting over the day).
fn kind(before: Worth, after: Worth, past: Past) -> Option<&'static str> {
    match (before.mrr, after.mrr) {
        (b, a) if b == a => None,
        (0, _) if !past.ever => Some("new"),
        (0, _) if past.kept => Some("expansion"),
        (0, _) => Some("reactivation"),
        (_, 0) if past.keeps && after.list > 0 => Some("contraction"),
        (_, 0) => Some("churn"),
        (b, a) if a > b => Some("expansion"),
        _ => Some("contraction"),
    }
}

/// What was noted before `day`.
fn until(series: &[(UnixTime, Worth)], day: Day) -> &[(UnixTime, Worth)] {
    let opens = Zone::UTC.start_of(day);
    &series[..series.partition_point(|(at, _)| *at < opens)]
}

fn at_end_of(series: &[(UnixTime, Worth)], day: Day) -> Worth {
    until(series, day.after()).last().map_or(Worth::default(), |(_, worth)| *worth)
}

/// The first and last day of every whole month in `[from, until)`.
pub fn months(from: UnixTime, until: UnixTime) -> Vec<(Day, Day)> {
    let first = |day: Day| day.0.first_of_month();
    let mut month: Date = first(Zone::UTC.day(from));
    let end = first(Zone::UTC.day(until));
    let mut months = Vec::new();
    while month < end {
        let last = Day(month.last_of_month());
        months.push((Day(month), last));
        month = last.after().0;
    }
    months
}
