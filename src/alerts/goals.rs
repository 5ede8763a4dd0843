//! Goals that fall behind, are met or are missed: each told once to whoever hears of them, by the owner's name (rule `goals`).

use super::{
    alert::Alert,
    distance::distance,
    judge::{Candidate, Verdict},
    look::Look,
};
use crate::{
    config::alert_rules::Rule,
    ledger::goals::{GoalMetric, GoalState},
    limits,
    report::{goals::GoalEntry, service::AskError},
};

/// Of a goal's days so many in a hundred are over before it is called behind: of its first days anything can be said.
const OVER_PERCENT: i64 = 25;

/// What it takes, in words.
const THRESHOLD: &str = "behind what is due once a quarter of its days are over; met; missed: each once";

/// What of the running goals is to be said.
pub(super) async fn at_risk(look: &Look<'_>) -> Result<Vec<Verdict>, AskError> {
    let mut verdicts = Vec::new();
    for goal in look.reports.goals(None, false).await?.data {
        // One that was due long ago is no news to whoever switches this on today.
        if distance(goal.by, look.today) > i64::from(limits::ALERT_RECENT_DAYS) {
            continue;
        }
        let Some((state, statement)) = goal.state.and_then(|state| Some((state, statement(&goal, state)?))) else {
            continue;
        };
        let alert = Alert::saying(Rule::GoalAtRisk, look.today, statement, THRESHOLD.to_owned(), &[])?;
        let (subject, key) = (format!("{} {}", goal.id, goal.name), state.as_str().to_owned());
        verdicts.push(Verdict::Raise(Box::new(Candidate { alert, subject, key })));
    }
    Ok(verdicts)
}

/// What is said of a goal in a state; `None` where nothing is.
fn statement(goal: &GoalEntry, state: GoalState) -> Option<String> {
    let said = |figure: &Option<String>| figure.as_deref().map(|text| goal.said(text));
    let (name, owner, now) = (&goal.name, &goal.owner, said(&goal.now)?);
    let metric = match goal.metric {
        GoalMetric::Mrr | GoalMetric::Arr => goal.metric.as_str().to_uppercase(),
        GoalMetric::Nrr | GoalMetric::Grr => format!("{} of 12 months", goal.metric.as_str().to_uppercase()),
        _ => goal.metric.as_str().to_owned(),
    };
    let promised = format!("{metric} {} by {}", goal.said(&goal.target), goal.by);
    match state {
        GoalState::NotBegun | GoalState::OnPace => None,
        GoalState::Behind => {
            let (days, over) = goal.days.zip(goal.days_over)?;
            if over.checked_mul(100)? < days.checked_mul(OVER_PERCENT)? {
                return None;
            }
            let due = said(&goal.due);
            Some(match (due, said(&goal.needed_a_day)) {
                (Some(due), Some(needed)) => {
                    format!("{name} ({owner}) is behind: {promised}; {now} now, {due} due, {needed} a day needed")
                }
                // It was met as it began, and isn't any more.
                (None, needed) => {
                    let needed = needed.map(|needed| format!(", {needed} a day needed")).unwrap_or_default();
                    format!("{name} ({owner}) has fallen behind: {promised}; {now} now{needed}")
                }
                (Some(due), None) => {
                    format!("{name} ({owner}) is beyond its pace: {promised}; {now} now, {due} allowed so far")
                }
            })
        }
        GoalState::Met if goal.met_at_start => {
            Some(format!("{name} ({owner}) was met already as it began: {promised}; {now} now"))
        }
        GoalState::Met => Some(format!("{name} ({owner}) is met: {promised}; {now} now")),
        GoalState::Missed => Some(format!("{name} ({owner}) is missed: {promised}; {now} now")),
    }
}
