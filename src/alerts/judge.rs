//! From what the rules see now to what is to be said: each episode once, whoever looks and however often.

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{
    alert::{Alert, Series},
    backtest::{self, Backtest},
    detector::End,
    distance::distance,
    history::AccountDay,
};
use crate::{
    config::alert_rules::Rule,
    ledger::{ids::CustomerId, time::Day},
    limits,
    store::records::alerts::AlertRow,
};

/// An alert found, with what tells it from others of its rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What the alert would say.
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
        format!("al_{}", hex::encode(&hash.finalize()[..12]))
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Something new is told.
    Raise(Box<Candidate>),
    /// The open alert with this id rose further: its next version.
    Update(String, Box<Alert>),
    /// An alert is over.
    Close {
        /// The id of the alert.
        id: String,
        /// Why it is over, in words.
        why: String,
        /// It turned out to be none.
        taken_back: bool,
    },
}

/// The rules that tell of losses: none is told before the customers behind it were looked at twice.
pub const OF_LOSSES: [Rule; 4] = [Rule::LargeLoss, Rule::ChurnSpike, Rule::ContractionSpike, Rule::PaymentFailures];

/// The rules whose alerts come from the detector.
pub const SPIKES: [Rule; 3] = [Rule::ChurnSpike, Rule::ContractionSpike, Rule::PaymentFailures];

/// A state that is on or off, such as NRR under its level: raised when it begins, closed when it ends.
pub fn level(rule: Rule, subject: &str, on: Option<Candidate>, stored: &[AlertRow], over: &str) -> Option<Verdict> {
    let open = open(rule, stored).find(|row| row.alert.subject == subject);
    match (on, open) {
        (Some(candidate), None) => Some(Verdict::Raise(Box::new(candidate))),
        (None, Some(row)) => Some(close(row, over.to_owned(), false)),
        _ => None,
    }
}

/// What is known of an account's days when they are judged.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The days of history, the newest last, and …
    pub days: &'a [AccountDay],
    /// … what the rules find in them.
    pub found: &'a Backtest,
    /// What they find without those losses that haven't been looked at twice: only this is told.
    pub settled: &'a Backtest,
    /// The last of the days.
    pub today: Day,
}

/// The episodes of the calibrated rules, and large losses, held against what was said already.
pub fn episodes(judged: &Judged<'_>, stored: &[AlertRow], rules: &[Rule]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let large = |alert: &&Alert| alert.rule == Rule::LargeLoss && rules.contains(&alert.rule);
    for alert in judged.settled.alerts.iter().filter(large) {
        let subject =
            alert.customers.first().map(|one| format!("{} {}", one.customer, one.currency)).unwrap_or_default();
        let same = |row: &AlertRow| {
            row.alert.rule == alert.rule.as_str() && row.alert.subject == subject && row.alert.day == alert.day
        };
        if recent(alert.day, judged.today) && !stored.iter().any(same) {
            let candidate = Candidate { key: alert.day.to_string(), alert: alert.clone(), subject };
            verdicts.push(Verdict::Raise(Box::new(candidate)));
        }
    }
    for rule in SPIKES {
        // An episode that was taken back was none.
        let rows: Vec<&AlertRow> =
            stored.iter().filter(|row| row.alert.rule == rule.as_str() && !row.taken_back).collect();
        if rules.contains(&rule) {
            let episodes = of_rule(rule, judged.settled);
            for episode in &episodes {
                let told_of = rows
                    .iter()
                    .filter(|row| same_episode(row, &episodes).is_some_and(|same| std::ptr::eq(same, *episode)));
                let row = told_of.copied().max_by_key(|row| (row.closed_at.is_none(), row.alert.day));
                verdicts.extend(news(episode, row, stored, judged.today));
            }
        }
        let episodes = of_rule(rule, judged.found);
        for row in rows.iter().filter(|row| row.closed_at.is_none()) {
            verdicts.extend(over(row, same_episode(row, &episodes), judged));
        }
    }
    verdicts
}

/// What of an episode is to be told, where `row` is what was told of it so far.
fn news(episode: &Alert, row: Option<&AlertRow>, stored: &[AlertRow], today: Day) -> Option<Verdict> {
    let mut newest_first = episode.updates.iter().rev().chain([episode]).filter(|version| recent(version.as_of, today));
    let raise = |version: &Alert, day: Day| {
        let alert = Alert { day, version: 1, updates: Vec::new(), ..version.clone() };
        let known = stored.iter().filter(|row| row.alert.rule == alert.rule.as_str() && row.alert.day == day).count();
        // Raised again for the same day after it was taken back, it is another alert.
        let key = if known == 0 { day.to_string() } else { format!("{day} again {known}") };
        Verdict::Raise(Box::new(Candidate { alert, subject: String::new(), key }))
    };
    let Some(row) = row else { return newest_first.next().map(|version| raise(version, episode.day)) };
    let told = Told::from_row(row)?;
    let version = newest_first.find(|version| told.lacks(version))?;
    if row.closed_at.is_some() {
        return Some(raise(version, version.as_of));
    }
    let next = u32::try_from(row.version + 1).unwrap_or(u32::MAX);
    let alert = Alert { day: row.alert.day, version: next, updates: Vec::new(), ..version.clone() };
    Some(Verdict::Update(row.alert.id.clone(), Box::new(alert)))
}

/// Whether an open alert is over, where `episode` is what the rules find of it now.
fn over(row: &AlertRow, episode: Option<&Alert>, judged: &Judged<'_>) -> Option<Verdict> {
    let Some(episode) = episode else {
        let told = Told::from_row(row);
        let as_of = told.as_ref().and_then(|told| told.as_of).unwrap_or(row.alert.day);
        // One customer who comes back isn't the end of a spike: it is taken back when it is within what it was told against.
        if !told.is_some_and(|told| told.unusual_still(row, judged.days)) {
            let why = "It no longer stands out: customers came back, or later events told otherwise.";
            return Some(close(row, why.to_owned(), true));
        }
        let passed = distance(as_of, judged.today) >= i64::from(limits::ALERT_TAKE_BACK_DAYS);
        return passed.then(|| close(row, format!("Since {as_of} nothing further has been unusual."), false));
    };
    let (day, end) = episode.closed.zip(episode.ended)?;
    let why = match end {
        End::AsBefore => format!("Since {day} nothing has been unusual for several days."),
        End::NewLevel => {
            format!("It has lasted so long that it is the usual level now: what is expected starts afresh on {day}.")
        }
        End::TooFew => format!("Since {day} too few are expected to tell what is unusual."),
    };
    Some(close(row, why, false))
}

/// What was told of an episode, read back from the alert as it is kept.
#[derive(Debug, Deserialize)]
struct Told {
    as_of: Option<Day>,
    series: Series,
    observed: u64,
    /// So many further customers on the day told of are news; none where an older mrrd told it.
    further: Option<u64>,
    expected: Option<ToldExpected>,
    customers: Vec<ToldCustomer>,
}

#[derive(Debug, Deserialize)]
struct ToldExpected {
    mean: f64,
    high: u64,
    days: u32,
}

#[derive(Debug, Deserialize)]
struct ToldCustomer {
    customer: CustomerId,
}

impl Told {
    fn from_row(row: &AlertRow) -> Option<Self> {
        serde_json::from_str(&row.alert.content).ok()
    }

    /// Whether a version's rise lies in customers that weren't told of: in none that were, or in so many others that these
    /// would be an alert by themselves.
    fn lacks(&self, version: &Alert) -> bool {
        let told = |customer: &&CustomerId| self.customers.iter().any(|one| one.customer == **customer);
        let known = version.window.iter().filter(told).count();
        let others = u64::try_from(version.window.len() - known).unwrap_or(u64::MAX);
        if known == 0 { others > 0 } else { self.further.is_some_and(|further| others >= further) }
    }

    /// Whether the days it was told for still hold more than what it was told against: the range or, of a slow rise that lay within
    /// that from the first, the average.
    fn unusual_still(&self, row: &AlertRow, days: &[AccountDay]) -> bool {
        let (Some(rule), Some(expected)) = (Rule::parse(&row.alert.rule), &self.expected) else { return false };
        let last = self.as_of.unwrap_or(row.alert.day);
        let within = |day: &&AccountDay| (0..i64::from(expected.days)).contains(&distance(day.day, last));
        let window = days.iter().filter(within);
        let count = window.map(|day| backtest::count(rule, self.series, day)).sum::<u64>();
        if self.observed > expected.high {
            return count > expected.high;
        }
        f64::from(u32::try_from(count).unwrap_or(u32::MAX)) > expected.mean
    }
}

fn of_rule(rule: Rule, found: &Backtest) -> Vec<&Alert> {
    found.alerts.iter().filter(|alert| alert.rule == rule).collect()
}

/// Which of the episodes found is the one that `row` tells of: the nearest, for late events move its day. While it is open
/// it may also have turned into a later one.
fn same_episode<'a>(row: &AlertRow, episodes: &[&'a Alert]) -> Option<&'a Alert> {
    let near = i64::from(limits::ALERT_EPISODE_DAYS);
    let longest = i64::from(limits::ALERT_LONGEST_EPISODE_DAYS);
    let apart = |episode: &&&Alert| distance(row.alert.day, episode.day);
    let may_be = |episode: &&&Alert| {
        apart(episode).abs() <= near || (row.closed_at.is_none() && (0..=longest).contains(&apart(episode)))
    };
    episodes.iter().filter(may_be).min_by_key(|episode| apart(episode).abs()).copied()
}

fn close(row: &AlertRow, why: String, taken_back: bool) -> Verdict {
    Verdict::Close { id: row.alert.id.clone(), why, taken_back }
}

fn open(rule: Rule, stored: &[AlertRow]) -> impl Iterator<Item = &AlertRow> {
    stored.iter().filter(move |row| row.alert.rule == rule.as_str() && row.closed_at.is_none())
}

/// Whether it is still news.
fn recent(day: Day, today: Day) -> bool {
    distance(day, today) <= i64::from(limits::ALERT_RECENT_DAYS)
}

#[cfg(test)]
mod tests;
