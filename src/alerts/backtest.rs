//! The rules replayed over history, day by day, each judging with what was known on that day.

use std::{collections::BTreeSet, ops::RangeInclusive};

use serde::Serialize;

use super::{
    alert::{Alert, Series},
    detector::{DayKind, Detector, End, Observation, Turn, Usual, Verdict},
    history::{AccountDay, Loss},
    large_loss::LargeLosses,
};
use crate::{
    config::{alert_rules::Rule, alerting::LargeLoss},
    ledger::time::Day,
    report::ReportError,
};

/// What the rules would have told over a span of history.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Backtest {
    /// Every alert, in order of days.
    pub alerts: Vec<Alert>,
    /// Each calibrated rule over the days asked for.
    pub rules: Vec<Judged>,
    /// Customers lost, month by month.
    pub months: Vec<Month>,
    /// Customers lost in the week that ends with each day, and what was expected on that day.
    pub weeks: Vec<Week>,
}

/// How a calibrated rule did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// The rule it is about.
    pub rule: Rule,
    /// How many alerts it would have raised; of a rule that could judge no day 0 says nothing, and `reason` why.
    pub alerts: usize,
    /// Days that could be judged.
    pub judged_days: u32,
    /// Days on which about two or fewer were expected in a week, so that nothing can be said.
    pub unjudged_days: u32,
    /// False alerts a year it is calibrated to.
    pub false_alerts_a_year: f64,
    /// Why no day could be judged; null where one was.
    pub reason: Option<&'static str>,
}

/// Why a calibrated rule can judge no day of those it was asked about.
const TOO_FEW: &str = "fewer than about 2 a week are expected";
/// Why it judged none of no days.
const NO_DAY: &str = "the ledger has no day of those asked for";

/// Seven days, and what was expected of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Week {
    /// The last day of the episode.
    pub day: Day,
    /// What came, and what was usual.
    #[serde(flatten)]
    pub usual: Usual,
}

/// One bar of the chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Month {
    /// The calendar month, such as `2026-10`.
    pub month: String,
    /// Customers lost, those left out of alerts left out.
    pub churned: u64,
    /// Spikes of any kind that begin in it.
    pub spikes: usize,
    /// How many large losses it had.
    pub large_losses: usize,
}

/// Runs the rules over `days`, in order, and tells of those from `from` on. `budget` is for each calibrated rule.
pub fn run(days: &[AccountDay], from: Day, budget: f64, large: &LargeLoss) -> Result<Backtest, ReportError> {
    replay(days, from, budget, large, &mut |_, _| {})
}

/// The same, telling `stands_out` of the days whose losses a calibrated rule speaks of.
pub(super) fn replay(
    days: &[AccountDay],
    from: Day,
    budget: f64,
    large: &LargeLoss,
    stands_out: &mut dyn FnMut(Rule, RangeInclusive<usize>),
) -> Result<Backtest, ReportError> {
    let mut churn = Watch::<3>::new(Rule::ChurnSpike, budget);
    let mut contraction = Watch::<1>::new(Rule::ContractionSpike, budget);
    let mut failures = Watch::<1>::new(Rule::PaymentFailures, budget);
    // Where few customers fail a cluster of them is news all the more.
    failures.detector = failures.detector.judging_few();
    let mut losses = LargeLosses::new(large, days);
    let mut alerts = Vec::new();
    let mut months: Vec<Month> = Vec::new();
    let mut weeks = Vec::new();
    for at in 0..days.len() {
        let before = alerts.len();
        let today = &days[at];
        if today.day >= from
            && let Some(usual) = churn.detector.week(&observed(Rule::ChurnSpike, today))
        {
            weeks.push(Week { day: today.day, usual });
        }
        churn.day(days, at, from, &mut alerts, stands_out)?;
        losses.day(&days[at], from, &mut alerts)?;
        contraction.day(days, at, from, &mut alerts, stands_out)?;
        failures.day(days, at, from, &mut alerts, stands_out)?;
        if days[at].day >= from {
            let month = days[at].day.0.strftime("%Y-%m").to_string();
            if months.last().is_none_or(|last| last.month != month) {
                months.push(Month { month, churned: 0, spikes: 0, large_losses: 0 });
            }
            if let Some(last) = months.last_mut() {
                last.churned += count(Rule::ChurnSpike, Series::All, &days[at]);
                let large = alerts[before..].iter().filter(|alert| alert.rule == Rule::LargeLoss).count();
                last.large_losses += large;
                last.spikes += alerts.len() - before - large;
            }
        }
    }
    let mut rules = vec![churn.judged, contraction.judged, failures.judged];
    for rule in &mut rules {
        rule.alerts = alerts.iter().filter(|alert| alert.rule == rule.rule).count();
        rule.reason = match (rule.judged_days, rule.unjudged_days) {
            (0, 0) => Some(NO_DAY),
            (0, _) => Some(TOO_FEW),
            _ => None,
        };
    }
    Ok(Backtest { alerts, rules, months, weeks })
}

/// What a calibrated rule counts of a day in one series.
pub fn counted(rule: Rule, series: Series, day: &AccountDay) -> impl Iterator<Item = &Loss> {
    let losses: &[Loss] = match rule {
        Rule::ContractionSpike => &day.contracted,
        Rule::PaymentFailures => &day.failing,
        _ => &day.churned,
    };
    losses.iter().filter(move |loss| series.counts(loss.nature))
}

/// How many customers that are.
pub fn count(rule: Rule, series: Series, day: &AccountDay) -> u64 {
    match (&day.counts, rule) {
        (None, _) => distinct(counted(rule, series, day)),
        (Some(counts), Rule::ContractionSpike) => counts.contracted,
        (Some(counts), Rule::PaymentFailures) => counts.failing,
        (Some(counts), _) => Series::ALL.iter().zip(counts.churned).find(|(of, _)| **of == series).map_or(0, |of| of.1),
    }
}

/// A day as a calibrated rule looks at it.
fn observed<const N: usize>(rule: Rule, day: &AccountDay) -> Observation<N> {
    let counts = std::array::from_fn(|series| count(rule, Series::ALL[series], day));
    Observation { kind: kind(day.day), exposed: day.paying, counts }
}

/// One calibrated rule on its way through history, over its first `N` series.
struct Watch<const N: usize> {
    detector: Detector<N>,
    /// Its open episode, where it is told of.
    open: Option<Open>,
    judged: Judged,
}

/// An episode that was told of.
#[derive(Clone, Copy)]
struct Open {
    alert: usize,
    /// The first of the days that raised it.
    first: usize,
}

impl<const N: usize> Watch<N> {
    fn new(rule: Rule, budget: f64) -> Self {
        let judged =
            Judged { rule, alerts: 0, judged_days: 0, unjudged_days: 0, false_alerts_a_year: budget, reason: None };
        Self { detector: Detector::new(budget), open: None, judged }
    }

    fn day(
        &mut self,
        days: &[AccountDay],
        at: usize,
        from: Day,
        alerts: &mut Vec<Alert>,
        stands_out: &mut dyn FnMut(Rule, RangeInclusive<usize>),
    ) -> Result<(), ReportError> {
        let (today, rule) = (&days[at], self.judged.rule);
        let verdict = self.detector.day(&observed(rule, today));
        let told = today.day >= from;
        if told {
            match verdict {
                Verdict::TooFew { .. } | Verdict::Closed(End::TooFew) => self.judged.unjudged_days += 1,
                _ => self.judged.judged_days += 1,
            }
        }
        match verdict {
            Verdict::Raised(finding) | Verdict::Risen(finding) if told => {
                let window = at + 1 - usize::try_from(finding.days).unwrap_or(1).clamp(1, at + 1);
                let series = Series::ALL[finding.series];
                stands_out(rule, self.open.map_or(window, |open| open.first.min(window))..=at);
                let losses: Vec<&Loss> = days[window..=at].iter().flat_map(|day| counted(rule, series, day)).collect();
                let threshold = format!("at most {} false alerts a year", self.judged.false_alerts_a_year);
                let customers = losses.iter().map(|loss| loss.customer.clone()).collect();
                match self.open.and_then(|open| Some((alerts.get_mut(open.alert)?, open.first))) {
                    None => {
                        let alert = Alert::new(rule, today.day, threshold, series, Some(&finding), &losses)?;
                        alerts.push(Alert { window: customers, ..alert });
                        self.open = Some(Open { alert: alerts.len() - 1, first: window });
                    }
                    Some((alert, first)) => {
                        // An update tells of the whole episode: the customers of this rise and all before them.
                        let so_far = days[first..=at].iter().flat_map(|day| counted(rule, Series::All, day));
                        let so_far: Vec<&Loss> = so_far.collect();
                        let update = Alert::new(rule, alert.day, threshold, series, Some(&finding), &so_far)?;
                        let before = alert.updates.last().map_or(alert.version, |last| last.version);
                        let (as_of, version) = (today.day, before + 1);
                        alert.updates.push(Alert { as_of, version, window: customers, ..update });
                    }
                }
            }
            Verdict::Closed(end) => {
                if let Some(alert) = self.open.take().and_then(|open| alerts.get_mut(open.alert)) {
                    (alert.closed, alert.ended) = (Some(today.day), Some(end));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// How many customers lost something.
pub fn distinct<'a>(losses: impl Iterator<Item = &'a Loss>) -> u64 {
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
