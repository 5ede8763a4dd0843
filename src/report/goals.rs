//! The answer of `/api/v1/goals`: what was promised, how far it has come and what is needed from here on (rule `goals`).

mod setting;
mod table;

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;

pub use self::setting::{NewGoal, Target};
use super::{
    ask::{Ask, InCurrency, KnownAt},
    metrics::{Metric, MetricsEntry},
    period::Interval,
    service::{AskError, Reports},
};
use crate::{
    ledger::{
        goals::{GoalMetric, GoalState, Millionths, Pace, Terms},
        money::Currency,
        time::Day,
    },
    store::{derived::reports::AccountScope, log::EventFilter, records::goals::GoalRow},
};

/// Goals, in the order in which they were set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GoalList {
    /// Those that run; with `all` also those that were superseded or ended.
    pub data: Vec<GoalEntry>,
}

/// A goal. Its figures are exact decimals in `unit`: minor units of the currency, customers, or a share of 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GoalEntry {
    /// Its number: goals are numbered in the order they were set.
    pub id: i64,
    /// The name by which people know it.
    pub name: String,
    /// `mrr`, `arr`, `customers`, `nrr`, `grr`, `new`, `expansion`, `reactivation`, `contraction` or `churn`.
    #[schema(value_type = String)]
    pub metric: GoalMetric,
    /// What its figures are: `minor` units, `customers`, or a `share` of 1.
    pub unit: &'static str,
    /// Who answers for reaching it.
    pub owner: String,
    /// What else was said of it.
    pub note: Option<String>,
    /// The profile under whose rules it is counted.
    pub profile: String,
    /// The currency of its figures, or of the customers that are counted; null where the configuration names no reporting
    /// currency any more.
    #[schema(value_type = Option<String>)]
    pub currency: Option<Currency>,
    /// Whether everything is converted into it.
    pub converted: bool,
    /// A connected account, or `all`; null for the account's own events.
    pub account: Option<String>,
    /// The first day that counts.
    #[schema(value_type = String)]
    pub from: Day,
    /// The day at whose end it is due.
    #[schema(value_type = String)]
    pub by: Day,
    /// When it was set, by mrrd's clock.
    pub set_at: String,
    /// When it was ended; null while nobody has.
    pub ended_at: Option<String>,
    /// Why it was ended; null where it wasn't, or nobody said.
    pub ended_because: Option<String>,
    /// Whether a later goal of the same name has taken its place.
    pub superseded: bool,
    /// `not_begun`, `on_pace`, `behind`, `met` or `missed`; null where it was ended or superseded, or a figure isn't known.
    #[schema(value_type = Option<String>)]
    pub state: Option<GoalState>,
    /// Why there is no state, or no figure.
    pub reason: Option<String>,
    /// What it is to come to.
    pub target: String,
    /// It began at its target or beyond, so that it is only to be kept: nothing is due, and no pace is needed while it holds.
    /// False before its first day, of a ceiling, and where nothing is computed.
    pub met_at_start: bool,
    /// The figure at the end of the day before the first; 0 where the metric is summed.
    pub start: Option<String>,
    /// The figure now, or at the end of the last day.
    pub now: Option<String>,
    /// What is due by the last day that is over; of a ceiling what is allowed up to the end of today; null where it was met at its
    /// start.
    pub due: Option<String>,
    /// What is needed on each day that is left; null where the goal is met, missed or a ceiling.
    pub needed_a_day: Option<String>,
    /// (now − start) ÷ (target − start); null where it was met at its start.
    pub progress: Option<String>,
    /// How many days it runs in all; null where it has no pace.
    pub days: Option<i64>,
    /// How many of them are over.
    pub days_over: Option<i64>,
}

/// What a goal has come to, or why that isn't known.
type Figures = Result<(Millionths, Millionths, Pace), String>;

impl Reports<'_> {
    /// The goals that run, as known at a moment; with `all` also those that were superseded or ended by then.
    pub async fn goals(&self, known: Option<KnownAt>, all: bool) -> Result<GoalList, AskError> {
        // A moment of which nothing can be known is refused before any goal is told.
        self.known_at(&Ask { as_known_at: known, ..Ask::default() }).await?;
        let mut data = Vec::new();
        for (row, superseded) in self.goals_set(known).await? {
            if all || (!superseded && row.ended.is_none()) {
                data.push(self.told(row, superseded, known).await?);
            }
        }
        Ok(GoalList { data })
    }

    /// The goal of a number, whether it runs or not, in a list of one; empty where there is none.
    pub async fn goal(&self, id: i64) -> Result<GoalList, AskError> {
        let mut data = Vec::new();
        for (row, superseded) in self.goals_set(None).await? {
            if row.id == id {
                data.push(self.told(row, superseded, None).await?);
            }
        }
        Ok(GoalList { data })
    }

    /// Every goal set by a moment as it stood then, each with whether a later one had taken its place.
    async fn goals_set(&self, known: Option<KnownAt>) -> Result<Vec<(GoalRow, bool)>, AskError> {
        let by_then = match known {
            None => self.now,
            Some(KnownAt::Instant(at) | KnownAt::Cut { at, .. }) => at.min(self.now),
            Some(KnownAt::Seq(seq)) => {
                let at = self.store.log.events(&EventFilter::default(), seq.before(), 1).await?;
                at.first().map_or(self.now, |event| event.received_at.min(self.now))
            }
        };
        let mut rows = self.store.records.goals().await?;
        rows.retain(|row| row.set_at <= by_then);
        for row in &mut rows {
            row.ended = row.ended.take().filter(|(at, _)| *at <= by_then);
        }
        let latest: HashMap<String, i64> = rows.iter().map(|row| (row.name.clone(), row.id)).collect();
        let superseded = |row: &GoalRow| latest.get(&row.name) != Some(&row.id);
        Ok(rows.into_iter().map(|row| (row.clone(), superseded(&row))).collect())
    }

    /// A goal with its figures, where it runs: of one that doesn't, nothing is computed.
    async fn told(&self, row: GoalRow, superseded: bool, known: Option<KnownAt>) -> Result<GoalEntry, AskError> {
        let figures = match !superseded && row.ended.is_none() {
            true => Some(self.figures(&row, known).await?),
            false => None,
        };
        Ok(self.entry(row, superseded, figures))
    }

    fn entry(&self, row: GoalRow, superseded: bool, figures: Option<Figures>) -> GoalEntry {
        let (state, reason, told) = match figures {
            Some(Ok((start, now, pace))) => (Some(pace.state), None, Some((start, now, pace))),
            Some(Err(reason)) => (None, Some(reason), None),
            None if superseded => (None, Some("a later goal of this name has taken its place".to_owned()), None),
            None => (None, Some("it was ended".to_owned()), None),
        };
        // Before its first day it has a pace, and nothing to hold against it.
        let begun = told.filter(|(.., pace)| pace.state != GoalState::NotBegun);
        let pace = told.map(|(.., pace)| pace);
        let (currency, converted) = match row.currency.parse() {
            Ok(InCurrency::Own(currency)) => (Some(currency), false),
            _ => (self.ledger.reporting_currency, true),
        };
        let (ended_at, ended_because) = match row.ended {
            Some((at, why)) => (Some(at.to_string()), Some(why).filter(|why| !why.is_empty())),
            None => (None, None),
        };
        GoalEntry {
            id: row.id,
            name: row.name,
            metric: row.metric,
            unit: row.metric.unit().into(),
            owner: row.owner,
            note: Some(row.note).filter(|note| !note.is_empty()),
            profile: row.profile,
            currency,
            converted,
            account: Some(row.account).filter(|account| !account.is_empty()),
            from: row.first,
            by: row.last,
            set_at: row.set_at.to_string(),
            ended_at,
            ended_because,
            superseded,
            state,
            reason,
            target: row.target.to_string(),
            met_at_start: begun.is_some_and(|(.., pace)| pace.met_at_start),
            start: begun.map(|(start, ..)| start.to_string()),
            now: begun.map(|(_, now, _)| now.to_string()),
            due: begun.and_then(|(.., pace)| pace.due).map(|due| due.to_string()),
            needed_a_day: begun.and_then(|(.., pace)| pace.needed_a_day).map(|needed| needed.to_string()),
            progress: begun.and_then(|(.., pace)| pace.progress).map(|progress| progress.to_string()),
            days: pace.and_then(|pace| i64::try_from(pace.days).ok()),
            days_over: pace.and_then(|pace| i64::try_from(pace.days_over).ok()),
        }
    }

    /// What a goal began at and has come to. What the configuration or the ledger can't tell (any more) is said, as a reason.
    async fn figures(&self, row: &GoalRow, known: Option<KnownAt>) -> Result<Figures, AskError> {
        match self.figures_of(row, known).await {
            Ok(figures) => Ok(figures),
            Err(AskError::Parameter { name, reason }) => Ok(Err(format!("{name}: {reason}"))),
            Err(error) => Err(error),
        }
    }

    async fn figures_of(&self, row: &GoalRow, known: Option<KnownAt>) -> Result<Figures, AskError> {
        let ask = Ask {
            currency: row.currency.parse().ok(),
            profile: Some(row.profile.clone()),
            account: AccountScope::named(Some(&row.account)),
            as_known_at: known,
            ..Ask::default()
        };
        let asked = self.resolve(&ask).await?;
        let today = self.ledger.zone.day(asked.scope.cut);
        drop(asked);
        let terms = Terms { metric: row.metric, target: row.target, first: row.first, last: row.last };
        let paced = |start, now| {
            let pace = terms.pace(start, now, today);
            Ok(pace.map(|pace| (start, now, pace)).ok_or_else(|| "an amount is beyond what fits".to_owned()))
        };
        if today < row.first {
            return paced(Millionths(0), Millionths(0));
        }
        let until = row.last.min(today);
        if row.metric.is_sum() {
            return match self.summed(&ask, row.metric, row.first, until).await? {
                Some(now) => paced(Millionths(0), now),
                None => Ok(Err("an amount is beyond what fits".into())),
            };
        }
        let (start, now) = match row.metric {
            GoalMetric::Customers => {
                (self.customers_at(&ask, row.first.before()).await?, self.customers_at(&ask, until).await?)
            }
            metric => {
                (self.metric_at(&ask, metric, row.first.before()).await?, self.metric_at(&ask, metric, until).await?)
            }
        };
        match (start, now) {
            (Ok(start), Ok(now)) => paced(start, now),
            (Err(reason), _) => Ok(Err(format!("at the end of {}: {reason}", row.first.before()))),
            (_, Err(reason)) => Ok(Err(format!("at the end of {until}: {reason}"))),
        }
    }

    /// One line of the bridge from `first` to `last`; losses are positive. `None` beyond what fits.
    async fn summed(
        &self,
        ask: &Ask,
        metric: GoalMetric,
        first: Day,
        last: Day,
    ) -> Result<Option<Millionths>, AskError> {
        let ask = Ask { from: Some(first), to: Some(last), interval: Interval::Year, ..ask.clone() };
        let answer = self.mrr(&ask).await?;
        let sum = answer.data.iter().try_fold(0_i128, |sum, entry| {
            let line = match metric {
                GoalMetric::New => entry.new_exact.0.0,
                GoalMetric::Expansion => entry.expansion_exact.0.0,
                GoalMetric::Reactivation => entry.reactivation_exact.0.0,
                GoalMetric::Contraction => entry.contraction_exact.0.0.checked_neg()?,
                GoalMetric::Churn => entry.churn_exact.0.0.checked_neg()?,
                GoalMetric::Mrr | GoalMetric::Arr | GoalMetric::Customers | GoalMetric::Nrr | GoalMetric::Grr => 0,
            };
            sum.checked_add(line)
        });
        Ok(sum.map(Millionths))
    }

    async fn customers_at(&self, ask: &Ask, day: Day) -> Result<Result<Millionths, String>, AskError> {
        let ask = Ask { from: Some(day), to: Some(day), interval: Interval::Day, ..ask.clone() };
        let answer = self.mrr(&ask).await?;
        let customers = answer.data.first().and_then(|entry| entry.customers);
        let told = customers.and_then(|customers| Millionths::whole(i128::from(customers)));
        Ok(told.ok_or_else(|| NO_FIGURE.to_owned()))
    }

    async fn metric_at(&self, ask: &Ask, metric: GoalMetric, day: Day) -> Result<Result<Millionths, String>, AskError> {
        let ask = Ask { from: Some(day), to: Some(day), interval: Interval::Day, ..ask.clone() };
        let answer = self.metrics(&ask).await?;
        let of = |entry: &MetricsEntry| -> Metric {
            match metric {
                GoalMetric::Arr => entry.arr.clone(),
                GoalMetric::Nrr => entry.nrr_12m.clone(),
                GoalMetric::Grr => entry.grr_12m.clone(),
                _ => entry.mrr.clone(),
            }
        };
        Ok(match answer.data.first().map(of) {
            Some(Metric { millionths: Some(value), .. }) => Ok(Millionths(value)),
            Some(Metric { reason: Some(reason), .. }) => Err(reason.to_owned()),
            _ => Err(NO_FIGURE.to_owned()),
        })
    }
}

const NO_FIGURE: &str = "the ledger has no figure of that day";
