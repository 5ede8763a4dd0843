//! The account's own figures: MRR, movements and customers of every month, told from what it was worth when.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::ledger::time::{Day, UnixTime, Zone};

use super::{
    catalog::Money,
    rates::Rates,
    worth::{Amounts, RULES, Rules, Worth, Worths},
};

/// One of the account's ledgers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ledger {
    /// The ledger of one currency.
    Native(Money),
    /// All currencies, converted into the one the company reports in.
    Reporting,
}

impl Ledger {
    /// Every ledger: each currency's own, then the reporting currency's.
    pub const ALL: [Self; 4] =
        [Self::Native(Money::Usd), Self::Native(Money::Eur), Self::Native(Money::Jpy), Self::Reporting];
    /// Those that need no rates.
    pub const NATIVE: [Self; 3] = [Self::Native(Money::Usd), Self::Native(Money::Eur), Self::Native(Money::Jpy)];

    /// What the API's parameter `currency` calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native(currency) => currency.as_str(),
            Self::Reporting => "reporting",
        }
    }
}

impl From<Money> for Ledger {
    fn from(currency: Money) -> Self {
        Self::Native(currency)
    }
}

/// One line of `/api/v1/mrr`, in millionths of a minor unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// MRR when the period opened.
    pub opening: i128,
    /// MRR of customers who never had any before.
    pub new: i128,
    /// What customers with MRR pay more.
    pub expansion: i128,
    /// MRR of customers who came back.
    pub reactivation: i128,
    /// Less of running customers, at most 0.
    pub contraction: i128,
    /// Of customers who left, at most 0.
    pub churn: i128,
    /// Revaluation: of a converted ledger only.
    pub fx: i128,
    /// MRR at the end of the last day.
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
    pub fn amounts(&self) -> [(&'static str, i128); 10] {
        [
            ("opening", self.opening),
            ("new", self.new),
            ("expansion", self.expansion),
            ("reactivation", self.reactivation),
            ("contraction", self.contraction),
            ("churn", self.churn),
            ("fx", self.fx),
            ("closing", self.closing),
            ("at_risk", self.at_risk),
            ("scheduled_churn", self.scheduled_churn),
        ]
    }
}

/// A change of one customer's MRR over one day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The accounting day, in UTC.
    pub day: Day,
    /// The id of the customer.
    pub customer: String,
    /// What it is, as the API names it.
    pub kind: &'static str,
    /// In millionths of a minor unit.
    pub amount: i128,
}

/// What one customer was worth in each currency, from an instant on.
#[derive(Debug)]
struct Noted {
    at: UnixTime,
    worths: Worths,
}

/// In order of time.
type Series = Vec<Noted>;

/// Everything the account knows of its own figures.
#[derive(Debug, Default)]
pub struct Truth {
    /// By customer; one series per rule set.
    lines: BTreeMap<String, [Series; RULES.len()]>,
    rates: Rates,
}

impl Truth {
    pub(super) fn new(rates: Rates) -> Self {
        Self { lines: BTreeMap::new(), rates }
    }

    /// The rates that reporting figures are converted with.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// Notes what a customer is worth from `at` on, under each rule set. What held for no second leaves no trace.
    pub(super) fn note(&mut self, customer: &str, at: UnixTime, worths: [Worths; RULES.len()]) {
        let line = self.lines.entry(customer.to_owned()).or_default();
        for (series, worths) in line.iter_mut().zip(worths) {
            debug_assert!(series.last().is_none_or(|last| last.at <= at), "{customer}: noted out of order");
            series.pop_if(|last| last.at == at);
            let stands = series.last().is_some_and(|last| last.worths == worths);
            let anything = !series.is_empty() || !worths.is_empty();
            if !stands && anything {
                series.push(Noted { at, worths });
            }
        }
    }

    /// The figures of the days `from` to `to` (both included, UTC) under one of [`RULES`].
    pub fn figures(&self, rules: &Rules, ledger: impl Into<Ledger>, from: Day, to: Day) -> Figures {
        let ledger = ledger.into();
        let mut figures = Figures::default();
        for (_, series) in self.series(rules) {
            let before = from.before();
            figures.opening += self.amounts(&at_end_of(series, before), ledger, before).mrr;
            let close = at_end_of(series, to);
            let amounts = self.amounts(&close, ledger, to);
            figures.closing += amounts.mrr;
            figures.at_risk += amounts.at_risk;
            figures.scheduled_churn += amounts.scheduled_churn;
            figures.subscriptions += within(&close, ledger).map(|worth| worth.subscriptions).sum::<i64>();
            figures.customers += i64::from(is_there(until(series, to.after()), ledger, rules));
        }
        for change in self.changes(rules, ledger, from, to) {
            match change.kind {
                "new" => figures.new += change.amount,
                "expansion" => figures.expansion += change.amount,
                "reactivation" => figures.reactivation += change.amount,
                "contraction" => figures.contraction += change.amount,
                _ => figures.churn += change.amount,
            }
        }
        let moved = figures.new + figures.expansion + figures.reactivation + figures.contraction + figures.churn;
        figures.fx = figures.closing - figures.opening - moved;
        figures
    }

    /// Every movement of these days, ordered by day and customer; revaluation is none.
    pub fn changes(&self, rules: &Rules, ledger: impl Into<Ledger>, from: Day, to: Day) -> Vec<Change> {
        let ledger = ledger.into();
        let mut changes = Vec::new();
        for (customer, series) in self.series(rules) {
            let mut days: Vec<Day> = series.iter().map(|noted| Zone::UTC.day(noted.at)).collect();
            days.dedup();
            for day in days.into_iter().filter(|day| (from..=to).contains(day)) {
                // At one rate, that of the day: what the rate itself did is no change of the customer's.
                let of = |end: Day| Standing {
                    mrr: self.amounts(&at_end_of(series, end), ledger, day).mrr,
                    past: until(series, end.after()),
                };
                let (before, after) = (of(day.before()), of(day));
                if let Some(kind) = kind(&before, &after, rules) {
                    changes.push(Change { day, customer: customer.clone(), kind, amount: after.mrr - before.mrr });
                }
            }
        }
        changes.sort();
        changes
    }

    fn series(&self, rules: &Rules) -> impl Iterator<Item = (&String, &[Noted])> {
        let which = usize::from(rules.profile != RULES[0].profile);
        self.lines.iter().map(move |(customer, line)| (customer, line[which].as_slice()))
    }

    /// What stands in a ledger at the rates of `day`.
    fn amounts(&self, worths: &Worths, ledger: Ledger, day: Day) -> Amounts {
        match ledger {
            Ledger::Native(currency) => {
                worths.get(&currency).map_or(Amounts::default(), |worth| worth.sum(|same| same))
            }
            Ledger::Reporting => {
                let mut sum = Amounts::default();
                for (currency, worth) in worths {
                    let one = worth.sum(|amount| self.rates.convert(amount, *currency, day));
                    sum.mrr += one.mrr;
                    sum.list += one.list;
                    sum.at_risk += one.at_risk;
                    sum.scheduled_churn += one.scheduled_churn;
                }
                sum
            }
        }
    }
}

/// The currencies of a ledger.
fn within(worths: &Worths, ledger: Ledger) -> impl Iterator<Item = &Worth> {
    let belongs = move |currency: &Money| ledger == Ledger::Reporting || ledger == Ledger::Native(*currency);
    worths.iter().filter(move |(currency, _)| belongs(currency)).map(|(_, worth)| worth)
}

/// Whether the customer is one after all this: pays, or paid and has been kept by a discount to nothing ever since.
fn is_there(series: &[Noted], ledger: Ledger, rules: &Rules) -> bool {
    let pays = |worths: &Worths| within(worths, ledger).any(|worth| worth.sum(|same| same).mrr > 0);
    let held =
        |worths: &Worths| !rules.free_is_lost && within(worths, ledger).any(|worth| worth.sum(|same| same).list > 0);
    let last = series.iter().rfind(|noted| pays(&noted.worths) || !held(&noted.worths));
    last.is_some_and(|noted| pays(&noted.worths))
}

/// How a customer stands at a day's end.
struct Standing<'s> {
    /// In the ledger asked about, in millionths of a minor unit.
    mrr: i128,
    /// All that was noted of it until then.
    past: &'s [Noted],
}

/// What kind of movement leads from one day's end to the next (rule `netting`, netting over the day): whether somebody is won or
/// lost is told over all currencies.
fn kind(before: &Standing<'_>, after: &Standing<'_>, rules: &Rules) -> Option<&'static str> {
    let all = Ledger::Reporting;
    let ever = before.past.iter().any(|noted| within(&noted.worths, all).any(|worth| worth.sum(|same| same).mrr > 0));
    match (before.mrr, after.mrr) {
        (b, a) if b == a => None,
        (0, _) if is_there(before.past, all, rules) => Some("expansion"),
        (0, _) if ever => Some("reactivation"),
        (0, _) => Some("new"),
        (_, 0) if !is_there(after.past, all, rules) => Some("churn"),
        (b, a) if a > b => Some("expansion"),
        _ => Some("contraction"),
    }
}

/// What was noted before `day`.
fn until(series: &[Noted], day: Day) -> &[Noted] {
    let opens = Zone::UTC.start_of(day);
    &series[..series.partition_point(|noted| noted.at < opens)]
}

fn at_end_of(series: &[Noted], day: Day) -> Worths {
    until(series, day.after()).last().map_or(Worths::default(), |noted| noted.worths.clone())
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
