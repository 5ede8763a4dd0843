//! Goals as they are kept: never changed, only set anew under the same name or ended (rule `goals`).

use crate::ledger::{
    goals::{GoalMetric, GoalUnit, Millionths},
    time::{Day, UnixTime},
};

/// A goal that was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoalRow {
    /// Its number: a later one of the same name supersedes it. 0 for one that is to be kept.
    pub id: i64,
    /// The name by which people know it.
    pub name: String,
    /// The figure that is promised.
    pub metric: GoalMetric,
    /// What that is to come to: minor units, customers or a share of 1.
    pub target: Millionths,
    /// Whose ledger: a currency's own, or `reporting`.
    pub currency: String,
    /// The profile under whose rules it is counted.
    pub profile: String,
    /// The account's own events (empty), `all`, or a connected account's.
    pub account: String,
    /// The first day that counts.
    pub first: Day,
    /// The day at whose end it is due.
    pub last: Day,
    /// Who answers for reaching it.
    pub owner: String,
    /// What else was said; empty where nothing was.
    pub note: String,
    /// When it was set, by mrrd's clock.
    pub set_at: UnixTime,
    /// When it was ended, and why; `None` while nobody has.
    pub ended: Option<(UnixTime, String)>,
}

impl GoalRow {
    /// What was promised, as the audit trail says it: figures in the metric's unit, which is named.
    pub fn in_words(&self) -> String {
        let unit = match self.metric.unit() {
            GoalUnit::Minor => format!("minor units in {}", self.currency),
            GoalUnit::Customers => "customers".to_owned(),
            GoalUnit::Share => "of 1".to_owned(),
        };
        format!("{} {} {unit} by {}, {}", self.metric.as_str(), self.target, self.last, self.owner)
    }
}
