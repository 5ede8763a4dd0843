//! The answer of `/api/v1/goals`: what was promised, how far it has come and what is needed from here on (rule `goals`).

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    ask::{Ask, InCurrency, KnownAt},
    metrics::{Metric, MetricsEntry},
    period::Interval,
    service::{AskError, Reports},
    table::Table,
    terminal::percent,
    units::{Places, grouped},
};
use crate::{
    ledger::{
        fx::minor_units,
        goals::{GoalMetric, GoalState, GoalUnit, Millionths, Pace, Terms},
        money::Currency,
        time::Day,
    },
    store::{derived::reports::AccountScope, log::EventFilter, records::goals::GoalRow},
};

/// A goal that somebody would set; what is left away takes its default.
#[derive(Clone, Debug)]
pub struct NewGoal {
    /// What people call it: a running goal of this name is superseded.
    pub name: String,
    /// Of what.
    pub metric: GoalMetric,
    /// What it is to come to.
    pub target: Target,
    /// The first day that counts; today without it.
    pub from: Option<Day>,
    /// The day at whose end it is due.
    pub by: Day,
    /// Who answers for it.
    pub owner: String,
    /// What else there is to say.
    pub note: String,
    /// Whose ledger; the reporting currency's without it, where one is configured.
    pub currency: Option<InCurrency>,
    /// Whose rules; the default profile's without it.
    pub profile: Option<String>,
    /// Whose events; the account's own without it.
    pub account: AccountScope,
}

/// A target as programs or people write it.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// In the metric's unit: minor units, customers, a share of 1.
    InUnit(Millionths),
    /// Amounts in units of the currency; the rest as above.
    InCurrency(Millionths),
}

/// Goals, in the order in which they were set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GoalList {
    /// Those that run; with `all` also those that were superseded or ended.
    pub data: Vec<GoalEntry>,
}

/// A goal. Its figures are exact decimals in `unit`: minor units of the currency, customers, or a share of 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GoalEntry {
    /// Its number.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// `mrr`, `arr`, `customers`, `nrr`, `grr`, `new`, `expansion`, `reactivation`, `contraction` or `churn`.
    pub metric: &'static str,
    /// `minor`, `customers` or `share`.
    pub unit: &'static str,
    /// Who answers for it.
    pub owner: String,
    /// What else was said of it.
    pub note: Option<String>,
    /// Whose rules.
    pub profile: String,
    /// The currency of its figures, or of the customers that are counted; null where the configuration names no reporting
    /// currency any more.
    pub currency: Option<String>,
    /// Whether everything is converted into it.
    pub converted: bool,
    /// A connected account, or `all`; null for the account's own events.
    pub account: Option<String>,
    /// The first day that counts.
    pub from: String,
    /// The day at whose end it is due.
    pub by: String,
    /// When it was set.
    pub set_at: String,
    /// When it was ended; null while nobody has.
    pub ended_at: Option<String>,
    /// Why it was ended.
    pub ended_because: Option<String>,
    /// Whether a later goal of the same name has taken its place.
    pub superseded: bool,
    /// `not_begun`, `on_pace`, `behind`, `met` or `missed`; null where it was ended or superseded, or a figure isn't known.
    pub state: Option<&'static str>,
    /// Why there is no state, or no figure.
    pub reason: Option<String>,
    /// What it is to come to.
    pub target: String,
    /// The figure at the end of the day before the first; 0 where the metric is summed.
    pub start: Option<String>,
    /// The figure now, or at the end of the last day.
    pub now: Option<String>,
    /// What is due by the last day that is over; of a ceiling what is allowed up to the end of today.
    pub due: Option<String>,
    /// What is needed on each day that is left; null where the goal is met, missed or a ceiling.
    pub needed_a_day: Option<String>,
    /// (now − start) ÷ (target − start); null where it began at its target.
    pub progress: Option<String>,
    /// Its days in all.
    pub days: Option<i64>,
    /// How many of them are over.
    pub days_over: Option<i64>,
}

/// What a goal has come to, or why that isn't known.
type Figures = Result<(Millionths, Millionths, Pace), String>;

impl Reports<'_> {
    /// The goals that run, as known at a moment; with `all` also those that were superseded or ended by then.
    pub async fn goals(&self, known: Option<KnownAt>, all: bool) -> Result<GoalList, AskError> {
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
        let latest: HashMap<&str, i64> = rows.iter().map(|row| (row.name.as_str(), row.id)).collect();
        let superseded: Vec<bool> = rows.iter().map(|row| latest.get(row.name.as_str()) != Some(&row.id)).collect();
        let mut data = Vec::new();
        for (row, superseded) in rows.into_iter().zip(superseded) {
            let runs = !superseded && row.ended.is_none();
            if !runs && !all {
                continue;
            }
            let figures = match runs {
                true => Some(self.figures(&row, known).await?),
                false => None,
            };
            data.push(self.entry(row, superseded, figures));
        }
        Ok(GoalList { data })
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
            Ok(InCurrency::Own(currency)) => (Some(currency.to_string()), false),
            _ => (self.ledger.reporting_currency.map(|currency| currency.to_string()), true),
        };
        let (ended_at, ended_because) = match row.ended {
            Some((at, why)) => (Some(at.to_string()), Some(why).filter(|why| !why.is_empty())),
            None => (None, None),
        };
        GoalEntry {
            id: row.id,
            name: row.name,
            metric: row.metric.as_str(),
            unit: row.metric.unit().into(),
            owner: row.owner,
            note: Some(row.note).filter(|note| !note.is_empty()),
            profile: row.profile,
            currency,
            converted,
            account: Some(row.account).filter(|account| !account.is_empty()),
            from: row.first.to_string(),
            by: row.last.to_string(),
            set_at: row.set_at.to_string(),
            ended_at,
            ended_because,
            superseded,
            state: state.map(GoalState::as_str),
            reason,
            target: row.target.to_string(),
            start: begun.map(|(start, ..)| start.to_string()),
            now: begun.map(|(_, now, _)| now.to_string()),
            due: begun.map(|(.., pace)| pace.due.to_string()),
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

impl GoalList {
    /// One row a goal; figures in `unit`.
    pub fn table(&self) -> Table {
        let columns = vec![
            "id",
            "name",
            "owner",
            "metric",
            "currency",
            "unit",
            "from",
            "by",
            "state",
            "start",
            "now",
            "due",
            "target",
            "progress",
            "needed_a_day",
            "reason",
        ];
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let row = |goal: &GoalEntry| {
            vec![
                goal.id.to_string(),
                goal.name.clone(),
                goal.owner.clone(),
                goal.metric.to_owned(),
                text(&goal.currency),
                goal.unit.to_owned(),
                goal.from.clone(),
                goal.by.clone(),
                goal.state.unwrap_or_default().to_owned(),
                text(&goal.start),
                text(&goal.now),
                text(&goal.due),
                goal.target.clone(),
                text(&goal.progress),
                text(&goal.needed_a_day),
                text(&goal.reason),
            ]
        };
        Table { columns, rows: self.data.iter().map(row).collect() }
    }

    /// For a person: each figure as it is said, with its currency.
    pub fn for_people(&self) -> Table {
        let columns = vec![
            "name",
            "owner",
            "metric",
            "by",
            "state",
            "start",
            "now",
            "due",
            "target",
            "progress",
            "needed_a_day",
            "reason",
        ];
        let row = |goal: &GoalEntry| {
            let figure = |figure: Option<&String>| figure.map(|text| said(goal, text)).unwrap_or_default();
            vec![
                goal.name.clone(),
                goal.owner.clone(),
                goal.metric.to_owned(),
                goal.by.clone(),
                goal.state.unwrap_or_default().replace('_', " "),
                figure(goal.start.as_ref()),
                figure(goal.now.as_ref()),
                figure(goal.due.as_ref()),
                figure(Some(&goal.target)),
                goal.progress.as_deref().and_then(percent).unwrap_or_default(),
                figure(goal.needed_a_day.as_ref()),
                goal.reason.clone().unwrap_or_default(),
            ]
        };
        Table { columns, rows: self.data.iter().map(row).collect() }
    }
}

/// A figure of a goal as people read it; exact where it has no such form.
fn said(goal: &GoalEntry, text: &str) -> String {
    let currency = goal.currency.as_deref().and_then(|code| code.parse::<Currency>().ok());
    let told = match (goal.unit, currency) {
        ("minor", Some(currency)) => grouped(text, currency, Places::Currency)
            .map(|units| format!("{units} {}", currency.to_string().to_uppercase())),
        ("share", _) => percent(text),
        _ => None,
    };
    told.unwrap_or_else(|| text.to_owned())
}

impl Reports<'_> {
    /// The goal as it would be kept. Refused as a parameter where the ledger couldn't be asked for it.
    pub async fn goal_to_set(&self, new: NewGoal) -> Result<GoalRow, AskError> {
        let refuse = |name, reason: String| Err(AskError::Parameter { name, reason });
        let ask = Ask {
            currency: new.currency,
            profile: new.profile.clone(),
            account: new.account.clone(),
            ..Ask::default()
        };
        let Some(currency) = ask.own_currency().or(self.reporting(&ask)) else {
            return refuse(
                "currency",
                "which one? no reporting currency is configured, so a goal names its own".into(),
            );
        };
        let minor = |units: Millionths| units.0.checked_mul(minor_units(currency)).map(Millionths);
        let target = match new.target {
            Target::InCurrency(units) if new.metric.unit() == GoalUnit::Minor => minor(units),
            Target::InCurrency(figure) | Target::InUnit(figure) => Some(figure),
        };
        let Some(target) = target else { return refuse("target", "it is beyond what fits".into()) };
        let today = self.ledger.zone.day(self.resolve(&ask).await?.scope.cut);
        let row = GoalRow {
            id: 0,
            name: new.name.trim().to_owned(),
            metric: new.metric,
            target,
            currency: ask.own_currency().map_or_else(|| "reporting".to_owned(), |currency| currency.to_string()),
            profile: self.profile(&ask)?.name.as_ref().into(),
            account: match new.account {
                AccountScope::One(None) => String::new(),
                AccountScope::One(Some(id)) => id.to_string(),
                AccountScope::All => "all".into(),
            },
            first: new.from.unwrap_or(today),
            last: new.by,
            owner: new.owner.trim().to_owned(),
            note: new.note.trim().to_owned(),
            set_at: self.now,
            ended: None,
        };
        match refused(&row) {
            Some((name, reason)) => refuse(name, reason),
            None => Ok(row),
        }
    }

    /// The running goal of a name.
    pub async fn running_goal(&self, name: &str) -> Result<Option<GoalRow>, AskError> {
        let latest = self.store.records.goals().await?.into_iter().rfind(|row| row.name == name);
        Ok(latest.filter(|row| row.ended.is_none()))
    }
}

/// What is wrong with a goal, if anything: said of the parameter that is at fault.
fn refused(row: &GoalRow) -> Option<(&'static str, String)> {
    let long = |text: &str| text.chars().count() > TEXT_MAX;
    match row {
        _ if row.name.is_empty() => Some(("name", "a goal needs a name".into())),
        _ if row.owner.is_empty() => Some(("owner", "a goal needs somebody who answers for it".into())),
        _ if [&row.name, &row.owner, &row.note].into_iter().any(|text| long(text)) => {
            Some(("name", format!("name, owner and note have at most {TEXT_MAX} characters each")))
        }
        _ if row.last < row.first => Some(("by", format!("{} is before its first day, {}", row.last, row.first))),
        _ if row.target.0 < 0 => {
            Some(("target", "it is below 0; churn and contraction are told as positive amounts".into()))
        }
        _ if row.metric.unit() == GoalUnit::Customers && row.target.0 % Millionths::ONE != 0 => {
            Some(("target", "customers are whole".into()))
        }
        _ => None,
    }
}

const TEXT_MAX: usize = 200;
