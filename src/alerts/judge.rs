//! From what the rules see now to what is to be said: each episode once, whoever looks and however often.

use sha2::{Digest as _, Sha256};

use super::{
    alert::{Alert, Rule},
    backtest::Backtest,
};
use crate::{ledger::time::Day, limits, store::alerts::AlertRow};

/// An alert found, with what tells it from others of its rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What it says.
    pub alert: Alert,
    /// What of the rule's it is about: a customer, a currency, or nothing.
    pub subject: String,
    /// Which of the subject's: a day, a month.
    pub key: String,
}

impl Candidate {
    /// The same for the same episode in the same ledger: a process that was killed finds it again.
    pub fn id(&self, ledger: &str) -> String {
        let mut hash = Sha256::new();
        for part in [ledger, self.alert.rule.as_str(), &self.subject, &self.key] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let digest: String = hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        format!("al_{digest}")
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Something new.
    Raise(Box<Candidate>),
    /// An episode is over: its id, and why.
    Close(String, String),
}

/// A state that is on or off, such as NRR under its level: raised when it begins, closed when it ends.
pub fn standing(rule: Rule, subject: &str, on: Option<Candidate>, stored: &[AlertRow], over: &str) -> Option<Verdict> {
    let open = open(rule, stored).find(|row| row.alert.subject == subject);
    match (on, open) {
        (Some(candidate), None) => Some(Verdict::Raise(Box::new(candidate))),
        (None, Some(row)) => Some(Verdict::Close(row.alert.id.clone(), over.to_owned())),
        _ => None,
    }
}

/// The episodes of the calibrated rules, and large losses, held against what was said already.
pub fn episodes(found: &Backtest, stored: &[AlertRow], rules: &[Rule], today: Day) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for alert in found.alerts.iter().filter(|alert| rules.contains(&alert.rule)) {
        let Ok(day) = alert.day.parse::<Day>() else { continue };
        if distance(day, today) > i64::from(limits::ALERT_RECENT_DAYS) {
            continue;
        }
        let known = |row: &&AlertRow| row.alert.rule == alert.rule.as_str();
        let (subject, known) = match alert.rule {
            Rule::LargeLoss => {
                let subject =
                    alert.customers.first().map(|one| format!("{} {}", one.customer, one.currency)).unwrap_or_default();
                let same = |row: &AlertRow| row.alert.subject == subject && row.alert.day == day;
                let known = stored.iter().filter(known).any(same);
                (subject, known)
            }
            _ => (String::new(), stored.iter().filter(known).any(|row| row.closed_at.is_none() || near(row, day))),
        };
        if !known {
            let candidate = Candidate { alert: alert.clone(), subject, key: alert.day.clone() };
            verdicts.push(Verdict::Raise(Box::new(candidate)));
        }
    }
    for rule in [Rule::ChurnSpike, Rule::ContractionSpike, Rule::PaymentFailures] {
        for row in open(rule, stored) {
            let same = |alert: &&Alert| alert.rule == rule && alert.day.parse().is_ok_and(|day: Day| near(row, day));
            let over = match found.alerts.iter().find(same) {
                Some(Alert { closed: Some(day), .. }) => {
                    format!("Since {day} nothing has been unusual for several days, or it has become usual.")
                }
                Some(_) => continue,
                None => "It no longer stands out: customers came back, or later events told otherwise.".to_owned(),
            };
            verdicts.push(Verdict::Close(row.alert.id.clone(), over));
        }
    }
    verdicts
}

fn open(rule: Rule, stored: &[AlertRow]) -> impl Iterator<Item = &AlertRow> {
    stored.iter().filter(move |row| row.alert.rule == rule.as_str() && row.closed_at.is_none())
}

fn near(row: &AlertRow, day: Day) -> bool {
    distance(row.alert.day, day).abs() <= i64::from(limits::ALERT_EPISODE_DAYS)
}

/// Days from `first` to `last`.
pub fn distance(first: Day, last: Day) -> i64 {
    last.0.duration_since(first.0).as_secs() / 86_400
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ledger::time::UnixTime, store::alerts::NewAlert};

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn alert(rule: Rule, day: &str, closed: Option<&str>) -> Alert {
        let alert = Alert::saying(rule, day.into(), "it is so".into(), String::new(), &[]).unwrap();
        Alert { closed: closed.map(str::to_owned), ..alert }
    }

    fn found(alerts: Vec<Alert>) -> Backtest {
        Backtest { alerts, rules: Vec::new(), months: Vec::new() }
    }

    fn kept(rule: Rule, on: &str, closed_at: Option<i64>) -> AlertRow {
        let alert = NewAlert {
            id: format!("al_{on}"),
            rule: rule.as_str().into(),
            subject: String::new(),
            day: day(on),
            raised_at: UnixTime(1),
            headline: String::new(),
            content: String::new(),
            silenced: None,
            closed: closed_at.is_some(),
        };
        AlertRow {
            alert,
            closed_at: closed_at.map(UnixTime),
            closed_why: None,
            acknowledged_at: None,
            acknowledged_by: None,
        }
    }

    /// What is raised and closed: days and ids.
    fn said(alerts: Vec<Alert>, stored: &[AlertRow]) -> Vec<String> {
        let verdicts = episodes(&found(alerts), stored, &Rule::ALL, day("2026-03-10"));
        let words = |verdict| match verdict {
            Verdict::Raise(candidate) => format!("raise {}", candidate.alert.day),
            Verdict::Close(id, _) => format!("close {id}"),
        };
        verdicts.into_iter().map(words).collect()
    }

    #[test]
    fn an_episode_is_raised_once_though_late_events_move_its_day() {
        let spike = Rule::ChurnSpike;
        assert_eq!(said(vec![alert(spike, "2026-03-09", None)], &[]), ["raise 2026-03-09"]);
        assert_eq!(said(vec![alert(spike, "2026-03-09", None)], &[kept(spike, "2026-03-10", None)]), [""; 0]);
        assert_eq!(said(vec![alert(spike, "2026-03-08", None)], &[kept(spike, "2026-03-04", Some(5))]), [""; 0]);
        assert_eq!(
            said(vec![alert(spike, "2026-03-09", None)], &[kept(Rule::ContractionSpike, "2026-03-09", None)]),
            ["raise 2026-03-09", "close al_2026-03-09"]
        );
    }

    #[test]
    fn what_history_holds_wakes_nobody() {
        assert_eq!(said(vec![alert(Rule::ChurnSpike, "2026-03-06", None)], &[]), [""; 0]);
    }

    #[test]
    fn an_episode_is_closed_when_it_ends_or_turns_out_to_be_none() {
        let (spike, open) = (Rule::ChurnSpike, kept(Rule::ChurnSpike, "2026-03-01", None));
        assert_eq!(said(vec![alert(spike, "2026-03-01", None)], std::slice::from_ref(&open)), [""; 0]);
        let over = alert(spike, "2026-03-01", Some("2026-03-07"));
        assert_eq!(said(vec![over], std::slice::from_ref(&open)), ["close al_2026-03-01"]);
        assert_eq!(said(vec![], &[open]), ["close al_2026-03-01"]);
    }

    #[test]
    fn an_id_tells_ledgers_rules_subjects_and_days_apart() {
        let candidate = |rule, subject: &str, key: &str| Candidate {
            alert: alert(rule, "2026-03-09", None),
            subject: subject.into(),
            key: key.into(),
        };
        let id = |rule, subject, key| candidate(rule, subject, key).id("stripe live");
        let one = id(Rule::LargeLoss, "cus_1 usd", "2026-03-09");
        assert_eq!(one, id(Rule::LargeLoss, "cus_1 usd", "2026-03-09"));
        assert_ne!(one, id(Rule::LargeLoss, "cus_2 usd", "2026-03-09"));
        assert_ne!(one, id(Rule::LargeLoss, "cus_1 usd", "2026-03-08"));
        assert_ne!(one, candidate(Rule::LargeLoss, "cus_1 usd", "2026-03-09").id("stripe test"));
    }
}
