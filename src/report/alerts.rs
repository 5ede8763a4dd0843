//! Alerts as the API and the command list them, with what became of their messages.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::table::Table;
use crate::store::{
    StoreError,
    records::Records,
    records::alerts::{AlertRow, DeliveryRow, DeliveryState},
};

/// A page of alerts that were raised, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AlertList {
    /// Those of this page, newest first.
    pub data: Vec<AlertEntry>,
    /// The cursor of the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// An alert as it was told, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AlertEntry {
    /// Stable: what a channel was given carries it.
    pub id: String,
    /// The rule that raised it, such as `churn_spike`.
    pub rule: String,
    /// The accounting day it fired on.
    pub day: String,
    /// When it was raised, by mrrd's clock.
    pub raised_at: String,
    /// 1 as it was raised; one more with each update.
    pub version: i64,
    /// When it was last updated; null in the first version.
    pub updated_at: Option<String>,
    /// What happened, in one line with its figures.
    pub headline: String,
    /// When its episode was over; null while it goes on.
    pub closed_at: Option<String>,
    /// Why it is over; null while it goes on.
    pub closed_reason: Option<String>,
    /// Whether it turned out to be none: late events or customers who came back took it away.
    pub taken_back: bool,
    /// When somebody took it on.
    pub acknowledged_at: Option<String>,
    /// Who acknowledged it; null where nobody has.
    pub acknowledged_by: Option<String>,
    /// Why no channel was told: the rule was muted, or the day planned.
    pub silenced: Option<String>,
    /// All it says: observed and expected, what was lost, the customers, what to look at next; absent from a list that
    /// was asked for without details.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    pub alert: Option<Value>,
    /// What became of its messages.
    pub deliveries: Vec<DeliveryEntry>,
}

/// One message to one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeliveryEntry {
    /// The channel, by its name in `alerts.channels`.
    pub channel: String,
    /// What the message told: `raised`, `updated` or `closed`.
    pub event: String,
    /// Of an update: which version of the alert it tells; else 1.
    pub version: i64,
    /// `waiting` for its next attempt, `delivered`, or `failed`: given up.
    pub state: &'static str,
    /// How often it was tried.
    pub attempts: i64,
    /// When the channel took it; null where it hasn't.
    pub delivered_at: Option<String>,
    /// When it is tried next; null once it is taken or given up.
    pub next_attempt_at: Option<String>,
    /// Why the last attempt failed; null where none has.
    pub last_error: Option<String>,
}

impl From<&DeliveryRow> for DeliveryEntry {
    fn from(row: &DeliveryRow) -> Self {
        let waits = row.state == DeliveryState::Waiting;
        Self {
            channel: row.channel.clone(),
            event: row.event.clone(),
            version: row.version,
            state: row.state.as_str(),
            attempts: row.attempts,
            delivered_at: row.delivered_at.map(|at| at.to_string()),
            next_attempt_at: waits.then(|| row.next_at.to_string()),
            last_error: row.last_error.clone(),
        }
    }
}

impl AlertEntry {
    /// Alerts with what became of their messages.
    pub async fn with_deliveries(records: &Records, rows: Vec<AlertRow>) -> Result<Vec<Self>, StoreError> {
        let ids: Vec<&str> = rows.iter().map(|row| row.alert.id.as_str()).collect();
        let deliveries = records.deliveries(&ids).await?;
        Ok(rows.iter().map(|row| Self::from_row(row, &deliveries)).collect())
    }

    fn from_row(row: &AlertRow, deliveries: &[DeliveryRow]) -> Self {
        let alert = &row.alert;
        Self {
            id: alert.id.clone(),
            rule: alert.rule.clone(),
            day: alert.day.to_string(),
            raised_at: alert.raised_at.to_string(),
            version: row.version,
            updated_at: row.updated_at.map(|at| at.to_string()),
            headline: alert.headline.clone(),
            closed_at: row.closed_at.map(|at| at.to_string()),
            closed_reason: row.closed_why.clone(),
            taken_back: row.taken_back,
            acknowledged_at: row.acknowledged_at.map(|at| at.to_string()),
            acknowledged_by: row.acknowledged_by.clone(),
            silenced: alert.silenced.clone(),
            alert: Some(serde_json::from_str(&alert.content).unwrap_or_default()),
            deliveries: deliveries.iter().filter(|one| one.alert == alert.id).map(DeliveryEntry::from).collect(),
        }
    }

    /// `open`, `closed` or `taken back`, in which version, and whether somebody took it on.
    pub fn state(&self) -> String {
        let state = match (&self.closed_at, self.taken_back) {
            (Some(_), true) => "taken back",
            (Some(_), false) => "closed",
            (None, _) => "open",
        };
        let state = if self.version > 1 { format!("{state}, version {}", self.version) } else { state.to_owned() };
        match (&self.acknowledged_at, &self.acknowledged_by) {
            (Some(_), Some(by)) => format!("{state}, acknowledged by {by}"),
            (Some(_), None) => format!("{state}, acknowledged"),
            (None, _) => state,
        }
    }

    /// `finance delivered, ops failed`, or why nobody was told.
    pub fn sent(&self) -> String {
        if let Some(silenced) = &self.silenced {
            return silenced.clone();
        }
        let raised = self.deliveries.iter().filter(|one| one.event == "raised");
        let sent: Vec<String> = raised.map(|one| format!("{} {}", one.channel, one.state)).collect();
        if sent.is_empty() { "to no channel".to_owned() } else { sent.join(", ") }
    }
}

impl AlertList {
    /// As a table for CSV and terminal, one row an alert.
    pub fn table(&self) -> Table {
        let columns = vec!["id", "rule", "day", "raised_at", "headline", "closed_at", "acknowledged_at", "sent"];
        let row = |entry: &AlertEntry| {
            vec![
                entry.id.clone(),
                entry.rule.clone(),
                entry.day.clone(),
                entry.raised_at.clone(),
                entry.headline.clone(),
                entry.closed_at.clone().unwrap_or_default(),
                entry.acknowledged_at.clone().unwrap_or_default(),
                entry.sent(),
            ]
        };
        Table { columns, rows: self.data.iter().map(row).collect() }
    }
}
