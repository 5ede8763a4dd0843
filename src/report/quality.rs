//! The answer of `/api/v1/quality`: what couldn't be known, and what would settle it.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    notice::{Notice, SUBSCRIPTION_EVENTS},
    table::Table,
};
use crate::{
    event::{EventRow, Pointer},
    ledger::time::UnixTime,
    store::derived::reports::QualityRow,
    stripe::plausible::IMPLAUSIBLE_TIME,
};

/// A page of quality entries: unreadable events first, then thin events that nothing fills in, then the ledger's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct QualityList {
    /// The profile whose rules met them.
    pub profile: String,
    /// Whether they are of the ledger converted into the reporting currency.
    pub converted: bool,
    /// What couldn't be known, entry by entry.
    pub data: Vec<QualityItem>,
    /// Where the next page begins; null at the end.
    pub next_cursor: Option<String>,
}

/// One thing that couldn't be known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct QualityItem {
    /// `subscriptions_missing`, `unreadable_event`, `implausible_time`, `thin_event`, `unpriced_item`, `estimated_item`, `unresolved_discount`, `gap`, `unresolved_tie`, `overdue`,
    /// `tax_unknown`, `unknown_value`, `missing_rate`, `unclear_past`, `discount_estimated` or `duration_inferred`.
    pub kind: &'static str,
    /// The connected account; absent for the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Whose customer; null where the event couldn't be read.
    pub customer: Option<String>,
    /// The object it is about.
    pub object: String,
    /// The event that shows it.
    pub event: Option<String>,
    /// The instant from which it holds.
    pub at: String,
    /// What couldn't be known, in words.
    pub detail: String,
    /// What would settle it, in words.
    pub settle: String,
}

impl From<&QualityRow> for QualityItem {
    fn from(row: &QualityRow) -> Self {
        let entry = &row.entry;
        Self {
            kind: entry.kind.as_str(),
            account: row.account.as_ref().map(ToString::to_string),
            customer: Some(row.customer.to_string()),
            object: entry.object.as_ref().into(),
            event: entry.event.as_ref().map(ToString::to_string),
            at: entry.at.to_string(),
            detail: entry.detail.clone(),
            settle: entry.settle.clone(),
        }
    }
}

impl QualityItem {
    /// An event of a type mrrd reads, of which no fact could be read.
    pub fn unreadable(event: &EventRow) -> Self {
        let reason = event.reason.as_deref().unwrap_or("no fact could be read from its object");
        if let Some(fault) = reason.strip_prefix(IMPLAUSIBLE_TIME) {
            return Self::implausible(event, fault.trim_start_matches([':', ' ']));
        }
        Self {
            kind: "unreadable_event",
            account: event.account.as_ref().map(ToString::to_string),
            customer: None,
            object: event.id.to_string(),
            event: Some(event.id.to_string()),
            at: made(event).to_string(),
            detail: format!("{}: {reason}", event.kind),
            settle: format!(
                "look at its bytes with `mrrd events show {} --raw`; a newer mrrd that reads this shape takes it up by `mrrd rebuild --renormalize`",
                event.id
            ),
        }
    }
}

impl QualityItem {
    /// What the whole ledger lacks.
    pub fn missing(notice: &Notice, at: UnixTime) -> Self {
        Self {
            kind: "subscriptions_missing",
            account: None,
            customer: None,
            object: "customer.subscription.*".into(),
            event: None,
            at: at.to_string(),
            detail: notice.detail.clone(),
            settle: format!("add {SUBSCRIPTION_EVENTS} to the webhook endpoint's event types"),
        }
    }

    /// An event that tells of an instant that can't be.
    fn implausible(event: &EventRow, fault: &str) -> Self {
        Self {
            kind: IMPLAUSIBLE_TIME,
            account: event.account.as_ref().map(ToString::to_string),
            customer: None,
            object: event.id.to_string(),
            event: Some(event.id.to_string()),
            // When it was received: that is known.
            at: event.received_at.to_string(),
            detail: format!("{}: {fault}: it is kept, and counts in no figure", event.kind),
            settle: format!(
                "look at it with `mrrd events show {}`; where the object is right at Stripe, its next event or a read of it \
                 from Stripe's API tells it",
                event.id
            ),
        }
    }

    /// A thin event that nothing in the log fills in.
    pub fn unfilled(event: &EventRow) -> Self {
        let Pointer { twin, object } = event.pointer();
        let twin = twin.map_or("the snapshot event of the same change".to_owned(), |id| format!("its twin {id}"));
        let named = object.unwrap_or("the object it is about");
        Self {
            kind: "thin_event",
            account: event.account.as_ref().map(ToString::to_string),
            customer: None,
            object: object.unwrap_or(event.id.as_str()).into(),
            event: Some(event.id.to_string()),
            at: made(event).to_string(),
            detail: format!(
                "{}: carries no object, and nothing in the log tells {named} as it was from then on",
                event.kind
            ),
            settle: format!("{twin}, or {named} read from Stripe's API (serve does when stripe.api_key is set)"),
        }
    }
}

/// When Stripe made it; of an event that doesn't tell, when it came.
fn made(event: &EventRow) -> UnixTime {
    event.made_at().unwrap_or(event.received_at)
}

impl QualityList {
    /// For people: each kind once, beneath it what of whose couldn't be known, and what would settle it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut kind = None;
        for item in &self.data {
            if kind != Some(item.kind) {
                let count = self.data.iter().filter(|other| other.kind == item.kind).count();
                text.push_str(&format!("{}{} ({count})\n", if kind.is_some() { "\n" } else { "" }, item.kind));
                kind = Some(item.kind);
            }
            let whose = [item.account.as_deref(), item.customer.as_deref(), Some(item.object.as_str())];
            let whose: Vec<&str> = whose.into_iter().flatten().collect();
            let event = item.event.as_deref().filter(|event| *event != item.object);
            let event = event.map(|event| format!(", {event}")).unwrap_or_default();
            text.push_str(&format!("  {}  {}{event}\n", item.at, whose.join(" ")));
            text.push_str(&format!("    {}\n    settled by: {}\n", item.detail, item.settle));
        }
        text.trim_end().to_owned()
    }

    /// As a table for CSV and terminal, one row an entry.
    pub fn table(&self) -> Table {
        let columns = vec!["kind", "account", "customer", "object", "event", "at", "detail", "settle"];
        let row = |item: &QualityItem| {
            vec![
                item.kind.into(),
                item.account.clone().unwrap_or_default(),
                item.customer.clone().unwrap_or_default(),
                item.object.clone(),
                item.event.clone().unwrap_or_default(),
                item.at.clone(),
                item.detail.clone(),
                item.settle.clone(),
            ]
        };
        Table { columns, rows: self.data.iter().map(row).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_for_people_names_each_kind_once() {
        let item = |kind: &'static str, object: &str| QualityItem {
            kind,
            account: None,
            customer: Some("cus_1".into()),
            object: object.into(),
            event: Some("evt_1".into()),
            at: "2026-01-14T00:00:00Z".into(),
            detail: "tiers weren't expanded".into(),
            settle: "its price".into(),
        };
        let list = QualityList {
            profile: "stripe".into(),
            converted: false,
            data: vec![item("unpriced_item", "si_1"), item("unpriced_item", "si_2"), item("gap", "evt_1")],
            next_cursor: None,
        };
        insta::assert_snapshot!(list.text(), @r"
        unpriced_item (2)
          2026-01-14T00:00:00Z  cus_1 si_1, evt_1
            tiers weren't expanded
            settled by: its price
          2026-01-14T00:00:00Z  cus_1 si_2, evt_1
            tiers weren't expanded
            settled by: its price

        gap (1)
          2026-01-14T00:00:00Z  cus_1 evt_1
            tiers weren't expanded
            settled by: its price
        ");
    }
}
