//! The answers of `/api/v1/events`: the log as it lists itself.

use serde::Serialize;
use utoipa::ToSchema;

use super::table::Table;
use crate::{
    event::{EventRow, ReadAs, Seq},
    stripe::read::ignored_because,
};

/// A page of the log's events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventList {
    /// In order of the log.
    pub data: Vec<EventEntry>,
    /// Where the next page begins; null at the end.
    pub next_cursor: Option<String>,
}

/// One event of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventEntry {
    /// `evt_…`, or the digest that names an API answer.
    pub id: String,
    /// Its place in the log.
    #[schema(value_type = i64)]
    pub seq: Seq,
    /// 0 for the first body seen of its id; later shapes count up.
    pub variant: i64,
    /// Stripe's type of event, such as `invoice.paid`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When Stripe made it, by its own `created`; null of an event that has none.
    #[schema(required = true)]
    pub created: Option<String>,
    /// When it was received, by mrrd's clock.
    pub received_at: String,
    /// True in live mode, false in test mode.
    pub livemode: bool,
    /// The connected account; null for the account's own.
    pub account: Option<String>,
    /// The version of Stripe's API that its shape follows; null where it doesn't tell.
    pub api_version: Option<String>,
    /// By which way it came: `webhook`, `replay` or `api`.
    pub source: &'static str,
    /// What was read from it: `facts`, `ignored`, `unreadable` or `thin`.
    pub reading: &'static str,
    /// Why it is unreadable or was ignored, or what a thin event points to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One event with every shape it came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventDetail {
    /// As it was first seen.
    #[serde(flatten)]
    pub event: EventEntry,
    /// Its body was erased: the event stands, its bytes are gone.
    pub erased: bool,
    /// The same event in other shapes, in the order they came.
    pub variants: Vec<EventEntry>,
}

/// Why an event says nothing to mrrd, or what it points to.
pub fn reason(event: &EventRow) -> Option<&str> {
    if event.reading == ReadAs::Ignored { Some(ignored_because(&event.kind)) } else { event.reason.as_deref() }
}

impl From<&EventRow> for EventEntry {
    fn from(row: &EventRow) -> Self {
        Self {
            id: row.id.to_string(),
            seq: row.seq,
            variant: row.variant,
            kind: row.kind.clone(),
            created: row.made_at().map(|at| at.to_string()),
            received_at: row.received_at.to_string(),
            livemode: row.livemode,
            account: row.account.as_ref().map(ToString::to_string),
            api_version: row.api_version.clone(),
            source: row.source.as_str(),
            reading: row.reading.as_str(),
            reason: reason(row).map(str::to_owned),
        }
    }
}

impl EventList {
    /// As a table for CSV and terminal, one row an event.
    pub fn table(&self) -> Table {
        let columns = vec![
            "seq",
            "id",
            "variant",
            "type",
            "created",
            "received_at",
            "livemode",
            "account",
            "api_version",
            "source",
            "reading",
            "reason",
        ];
        let row = |event: &EventEntry| {
            vec![
                event.seq.to_string(),
                event.id.clone(),
                event.variant.to_string(),
                event.kind.clone(),
                event.created.clone().unwrap_or_default(),
                event.received_at.clone(),
                event.livemode.to_string(),
                event.account.clone().unwrap_or_default(),
                event.api_version.clone().unwrap_or_default(),
                event.source.into(),
                event.reading.into(),
                event.reason.clone().unwrap_or_default(),
            ]
        };
        Table { columns, rows: self.data.iter().map(row).collect() }
    }
}
