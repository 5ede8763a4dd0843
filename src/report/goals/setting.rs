//! Setting a goal: what somebody asks for becomes the row that is kept, or is refused by the name of what is wrong.

use super::super::{
    ask::{Ask, InCurrency},
    service::{AskError, Reports},
};
use crate::{
    ledger::{
        fx::minor_units,
        goals::{GoalMetric, GoalUnit, Millionths},
        time::Day,
    },
    store::{derived::reports::AccountScope, records::goals::GoalRow},
};

/// A goal that somebody would set; what is left away takes its default.
#[derive(Clone, Debug)]
pub struct NewGoal {
    /// What people call it: a running goal of this name is superseded.
    pub name: String,
    /// The figure that is promised.
    pub metric: GoalMetric,
    /// What it is to come to.
    pub target: Target,
    /// The first day that counts; today without it.
    pub from: Option<Day>,
    /// The day at whose end it is due.
    pub by: Day,
    /// Who answers for reaching it.
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
