//! The rules replayed over history, day by day, each judging with what was known on that day.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    alert::{Alert, Rule},
    detector::{DayKind, Detector, Observation, Turn, Verdict},
    history::{AccountDay, Loss, Nature},
    words,
};
use crate::{
    config::alerting::LargeLoss,
    ledger::{money::Mrr, time::Day},
    report::ReportError,
};

/// What a backtest found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Backtest {
    /// Every alert, in order of days.
    pub alerts: Vec<Alert>,
    /// Each calibrated rule over the days asked for.
    pub rules: Vec<Judged>,
    /// Customers lost, month by month.
    pub months: Vec<Month>,
}

/// How a calibrated rule did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// Which.
    pub rule: Rule,
    /// Alerts.
    pub alerts: usize,
    /// Days that could be judged.
    pub judged_days: u32,
    /// Days on which about two or fewer were expected in a week, so that nothing can be said.
    pub unjudged_days: u32,
    /// False alerts a year it is calibrated to.
    pub false_alerts_a_year: f64,
}

/// One bar of the chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Month {
    /// `YYYY-MM`.
    pub month: String,
    /// Customers lost, those left out of alerts left out.
    pub churned: u64,
    /// Spikes of any kind that begin in it.
    pub spikes: usize,
    /// Large losses in it.
    pub large_losses: usize,
}

/// Runs the rules over `days`, in order, and tells of those from `from` on. `budget` is for each calibrated rule.
pub fn run(days: &[AccountDay], from: Day, budget: f64, large: &LargeLoss) -> Result<Backtest, ReportError> {
    let mut churn = Watch::<3>::new(
        Rule::ChurnSpike,
        budget,
        |day| &day.churned,
        |losses| {
            let of = |nature| distinct(losses.iter().filter(|loss| loss.nature == nature));
            [distinct(losses.iter()), of(Nature::Involuntary), of(Nature::Voluntary)]
        },
    );
    let mut contraction =
        Watch::<1>::new(Rule::ContractionSpike, budget, |day| &day.contracted, |losses| [distinct(losses.iter())]);
    let mut failures =
        Watch::<1>::new(Rule::PaymentFailures, budget, |day| &day.failing, |losses| [distinct(losses.iter())]);
    // Where few customers fail a cluster of them is news all the more.
    failures.detector = failures.detector.judging_few();
    let mut alerts = Vec::new();
    let mut months: Vec<Month> = Vec::new();
    for at in 0..days.len() {
        let before = alerts.len();
        churn.day(days, at, from, &mut alerts)?;
        large_losses(&days[at], from, large, &mut alerts)?;
        contraction.day(days, at, from, &mut alerts)?;
        failures.day(days, at, from, &mut alerts)?;
        if days[at].day >= from {
            let month = days[at].day.0.strftime("%Y-%m").to_string();
            if months.last().is_none_or(|last| last.month != month) {
                months.push(Month { month, churned: 0, spikes: 0, large_losses: 0 });
            }
            if let Some(last) = months.last_mut() {
                last.churned += distinct(days[at].churned.iter());
                let large = alerts[before..].iter().filter(|alert| alert.rule == Rule::LargeLoss).count();
                last.large_losses += large;
                last.spikes += alerts.len() - before - large;
            }
        }
    }
    let mut rules = vec![churn.judged, contraction.judged, failures.judged];
    for rule in &mut rules {
        rule.alerts = alerts.iter().filter(|alert| alert.rule == rule.rule).count();
    }
    Ok(Backtest { alerts, rules, months })
}

/// One calibrated rule on its way through history.
struct Watch<const N: usize> {
    detector: Detector<N>,
    losses: fn(&AccountDay) -> &Vec<Loss>,
    counts: fn(&[Loss]) -> [u64; N],
    open: Option<usize>,
    judged: Judged,
}

impl<const N: usize> Watch<N> {
    fn new(rule: Rule, budget: f64, losses: fn(&AccountDay) -> &Vec<Loss>, counts: fn(&[Loss]) -> [u64; N]) -> Self {
        let judged = Judged { rule, alerts: 0, judged_days: 0, unjudged_days: 0, false_alerts_a_year: budget };
        Self { detector: Detector::new(budget), losses, counts, open: None, judged }
    }

    fn day(&mut self, days: &[AccountDay], at: usize, from: Day, alerts: &mut Vec<Alert>) -> Result<(), ReportError> {
        let today = &days[at];
        let counts = (self.counts)((self.losses)(today));
        let verdict = self.detector.day(&Observation { kind: kind(today.day), exposed: today.paying, counts });
        let told = today.day >= from;
        if told {
            match verdict {
                Verdict::TooFew { .. } => self.judged.unjudged_days += 1,
                _ => self.judged.judged_days += 1,
            }
        }
        match verdict {
            Verdict::Raised(finding) if told => {
                let window = at + 1 - usize::try_from(finding.days).unwrap_or(1).clamp(1, at + 1);
                let series = ["all", "involuntary", "voluntary"][finding.series];
                let counted = |loss: &&Loss| match finding.series {
                    1 => loss.nature == Nature::Involuntary,
                    2 => loss.nature == Nature::Voluntary,
                    _ => true,
                };
                let losses: Vec<&Loss> = days[window..=at].iter().flat_map(self.losses).filter(counted).collect();
                let threshold = format!("at most {} false alerts a year", self.judged.false_alerts_a_year);
                let day = today.day.to_string();
                alerts.push(Alert::new(self.judged.rule, day, threshold, series, Some(&finding), &losses)?);
                self.open = Some(alerts.len() - 1);
            }
            Verdict::Closed | Verdict::TooFew { .. } => {
                if let Some(alert) = self.open.take().and_then(|open| alerts.get_mut(open)) {
                    alert.closed = Some(today.day.to_string());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// One customer's loss over an amount and over a share of MRR: a whale is this, not a spike.
fn large_losses(today: &AccountDay, from: Day, large: &LargeLoss, alerts: &mut Vec<Alert>) -> Result<(), ReportError> {
    if today.day < from {
        return Ok(());
    }
    let churned = today.churned.iter().map(|loss| (loss, "leaves with"));
    let contracted = today.contracted.iter().map(|loss| (loss, "pays less by"));
    for (loss, verb) in churned.chain(contracted) {
        let mrr = today.mrr.get(&loss.currency).copied().unwrap_or(Mrr::ZERO);
        if large.reached(loss.currency, loss.amount, mrr) {
            let permille = loss.amount.0.checked_mul(1000).and_then(|part| part.checked_div(mrr.0));
            let share = permille.map(|share| format!(", {}.{} % of MRR", share / 10, share % 10)).unwrap_or_default();
            let amount = words::money(loss.amount, loss.currency);
            let statement = format!("{} {verb} {amount}{share}", loss.customer);
            let threshold = format!("{} % of MRR and {} {}", large.share.percent(), large.amount, loss.currency);
            let alert = Alert::saying(Rule::LargeLoss, today.day.to_string(), statement, threshold, &[loss])?;
            alerts.push(Alert { permille_of_mrr: permille, ..alert });
        }
    }
    Ok(())
}

fn distinct<'a>(losses: impl Iterator<Item = &'a Loss>) -> u64 {
    let customers: BTreeSet<&str> = losses.map(|loss| loss.customer.as_str()).collect();
    u64::try_from(customers.len()).unwrap_or(u64::MAX)
}

fn kind(day: Day) -> DayKind {
    let turn = match day.0.day() {
        1 => Turn::First,
        last if last == day.0.days_in_month() => Turn::Last,
        _ => Turn::Within,
    };
    DayKind { weekday: day.0.weekday().to_monday_zero_offset().unsigned_abs(), turn }
}

#[cfg(test)]
mod tests;
