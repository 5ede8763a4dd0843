//! The audit trail as the API and the command list it.

use serde::Serialize;
use utoipa::ToSchema;

use super::table::Table;
use crate::store::records::audit_trail::TrailRow;

/// Lines of the audit trail, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditTrail {
    /// Those of this page, newest first.
    pub data: Vec<TrailEntry>,
    /// The cursor of the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// One deed: who did what, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TrailEntry {
    /// Its place: later lines have greater ones.
    pub id: i64,
    /// When it was done, by mrrd's clock.
    pub at: String,
    /// A token's name, the user a proxy signed in, or the user of a command.
    pub who: String,
    /// How that is known: `token`, `session`, `proxy`, `command` or `mrrd`.
    pub by: String,
    /// From where; null for a command on the machine itself.
    pub address: Option<String>,
    /// `month_closed`, `closing_superseded`, `alert_acknowledged`, `rule_muted`, `rule_unmuted`, `event_planned`,
    /// `plan_removed`, `goal_set`, `goal_ended`, `segment_saved`, `segment_dropped`, `rates_imported`, `attributes_imported`, `spend_imported`,
    /// `events_imported`, `customer_erased`, `ledger_rebuilt`, `history_fetched`, `ledger_healed`, `backup_restored`,
    /// `token_created`, `token_revoked` or `signed_in`.
    pub action: String,
    /// With what: a month, an alert's id, a rule, a file, a token's id.
    pub subject: String,
    /// And how, where there is more to say.
    pub detail: Option<String>,
}

impl From<TrailRow> for TrailEntry {
    fn from(row: TrailRow) -> Self {
        let TrailRow { id, at, who, by, address, action, subject, detail } = row;
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        Self { id, at: at.to_string(), who, by, address: some(address), action, subject, detail: some(detail) }
    }
}

impl AuditTrail {
    /// As a table for CSV and terminal, one row a deed.
    pub fn table(&self) -> Table {
        let columns = vec!["id", "at", "who", "by", "address", "action", "subject", "detail"];
        let row = |entry: &TrailEntry| {
            let TrailEntry { id, at, who, by, address, action, subject, detail } = entry.clone();
            let (address, detail) = (address.unwrap_or_default(), detail.unwrap_or_default());
            vec![id.to_string(), at, who, by, address, action, subject, detail]
        };
        Table { columns, rows: self.data.iter().map(row).collect() }
    }
}
