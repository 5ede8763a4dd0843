//! Goals as tables: figures in their unit for programs, as they are said for people.

use super::{
    super::{
        table::Table,
        terminal::percent,
        units::{Places, grouped},
    },
    GoalEntry, GoalList,
};
use crate::ledger::goals::GoalState;

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
                goal.metric.as_str().to_owned(),
                goal.currency.map(|currency| currency.to_string()).unwrap_or_default(),
                goal.unit.to_owned(),
                goal.from.to_string(),
                goal.by.to_string(),
                goal.state.map(GoalState::as_str).unwrap_or_default().to_owned(),
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
            let figure = |figure: Option<&String>| figure.map(|text| goal.said(text)).unwrap_or_default();
            vec![
                goal.name.clone(),
                goal.owner.clone(),
                goal.metric.as_str().to_owned(),
                goal.by.to_string(),
                match goal.state {
                    Some(GoalState::Met) if goal.met_at_start => "met already".to_owned(),
                    state => state.map(GoalState::as_str).unwrap_or_default().replace('_', " "),
                },
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

impl GoalEntry {
    /// A figure of a goal as people read it; exact where it has no such form.
    pub fn said(&self, text: &str) -> String {
        let told = match (self.unit, self.currency) {
            ("minor", Some(currency)) => grouped(text, currency, Places::Currency)
                .map(|units| format!("{units} {}", currency.to_string().to_uppercase())),
            ("share", _) => percent(text),
            _ => None,
        };
        told.unwrap_or_else(|| text.to_owned())
    }
}
