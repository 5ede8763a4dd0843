//! The answer of `/api/v1/customers/{id}/invoices`: what the log last told of each invoice.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::table::Table;
use crate::ledger::{
    fact::{Fact, InvoiceLine, InvoiceState, InvoiceStatus, State},
    ids::InvoiceId,
    time::UnixTime,
};

/// The invoices of a customer that the log tells of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvoiceList {
    /// The invoices, the newest first.
    pub data: Vec<InvoiceEntry>,
}

/// An invoice, as an event last told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InvoiceEntry {
    /// Stripe's id of the invoice, `in_…`.
    pub id: String,
    /// Which subscription it bills; null for a one-off.
    pub subscription: Option<String>,
    /// `draft`, `open`, `paid`, `uncollectible`, `void`, `deleted`, or a word Stripe added later.
    pub status: String,
    /// Stripe's reason for it: `subscription_cycle`, …; null where it tells none.
    pub billing_reason: Option<String>,
    /// Its currency; null where it tells none.
    pub currency: Option<String>,
    /// Minor units after discounts and tax.
    pub total: i64,
    /// In minor units of its currency, before discounts and tax.
    pub subtotal: i64,
    /// Minor units of discount over the whole invoice.
    pub discount: i64,
    /// When Stripe made it, by its own `created`.
    pub created: String,
    /// When it was final; null before.
    pub finalized_at: Option<String>,
    /// When it was paid; null before.
    pub paid_at: Option<String>,
    /// Its lines in Stripe's order.
    pub lines: Vec<LineEntry>,
    /// False where Stripe's event held only the first of its lines.
    pub lines_complete: bool,
    /// Every event that told of it, the latest last.
    pub events: Vec<String>,
}

/// A line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LineEntry {
    /// Which subscription it bills; null for a one-off.
    pub subscription: Option<String>,
    /// Its price; null where it tells none.
    pub price: Option<String>,
    /// What the price is called; absent where nothing tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_name: Option<String>,
    /// Its product; null where it tells none.
    pub product: Option<String>,
    /// What the product is called; absent where nothing tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_name: Option<String>,
    /// In minor units of its currency, before discounts and tax.
    pub amount: i64,
    /// Units billed; null where it tells none.
    pub quantity: Option<String>,
    /// Whether it corrects something within a period.
    pub proration: bool,
    /// The first instant it pays for; null where it tells none.
    pub from: Option<String>,
    /// The first instant it no longer pays for; null where it tells none.
    pub to: Option<String>,
}

impl InvoiceList {
    /// Of a customer's facts: of each invoice the latest that was told of it.
    pub fn from_facts(facts: impl IntoIterator<Item = Fact>) -> Self {
        let mut told: BTreeMap<InvoiceId, Vec<(UnixTime, String, Box<InvoiceState>)>> = BTreeMap::new();
        for fact in facts {
            if let State::Invoice(invoice) = fact.state {
                told.entry(invoice.id.clone()).or_default().push((fact.at, fact.event.to_string(), invoice));
            }
        }
        let mut data: Vec<InvoiceEntry> = told.into_values().filter_map(InvoiceEntry::from_states).collect();
        data.sort_by(|a, b| (&b.created, &b.id).cmp(&(&a.created, &a.id)));
        Self { data }
    }

    /// As a table for CSV and terminal, one row an invoice.
    pub fn table(&self) -> Table {
        let columns = vec![
            "invoice",
            "subscription",
            "status",
            "billing_reason",
            "currency",
            "total",
            "subtotal",
            "discount",
            "created",
            "finalized_at",
            "paid_at",
            "events",
        ];
        let row = |one: &InvoiceEntry| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            vec![
                one.id.clone(),
                text(&one.subscription),
                one.status.clone(),
                text(&one.billing_reason),
                text(&one.currency),
                one.total.to_string(),
                one.subtotal.to_string(),
                one.discount.to_string(),
                one.created.clone(),
                text(&one.finalized_at),
                text(&one.paid_at),
                one.events.join(" "),
            ]
        };
        Table { columns, rows: self.data.iter().map(row).collect() }
    }
}

impl InvoiceEntry {
    /// The latest state; of one second the furthest of an invoice's life.
    fn from_states(mut told: Vec<(UnixTime, String, Box<InvoiceState>)>) -> Option<Self> {
        told.sort_by(|(at, event, state), (other_at, other, other_state)| {
            (at, &state.status, event).cmp(&(other_at, &other_state.status, other))
        });
        let mut events: Vec<String> = told.iter().map(|(_, event, _)| event.clone()).collect();
        events.dedup();
        let (_, _, state) = told.pop()?;
        let instant = |at: Option<UnixTime>| at.map(|at| at.to_string());
        Some(Self {
            id: state.id.to_string(),
            subscription: state.subscription.as_ref().map(ToString::to_string),
            status: word(&state.status).to_owned(),
            billing_reason: state.billing_reason.as_deref().map(str::to_owned),
            currency: state.currency.map(|currency| currency.to_string()),
            total: state.total,
            subtotal: state.subtotal,
            discount: state.discount_total,
            created: state.created.to_string(),
            finalized_at: instant(state.finalized_at),
            paid_at: instant(state.paid_at),
            lines: state.lines.iter().map(LineEntry::from_line).collect(),
            lines_complete: state.lines_complete,
            events,
        })
    }
}

impl LineEntry {
    fn from_line(line: &InvoiceLine) -> Self {
        Self {
            subscription: line.subscription.as_ref().map(ToString::to_string),
            price: line.price.as_ref().map(ToString::to_string),
            price_name: None,
            product: line.product.as_ref().map(ToString::to_string),
            product_name: None,
            amount: line.amount,
            quantity: line.quantity.as_ref().map(ToString::to_string),
            proration: line.proration,
            from: line.period.as_ref().map(|period| period.start.to_string()),
            to: line.period.as_ref().map(|period| period.end.to_string()),
        }
    }
}

fn word(status: &InvoiceStatus) -> &str {
    match status {
        InvoiceStatus::Draft => "draft",
        InvoiceStatus::Open => "open",
        InvoiceStatus::Paid => "paid",
        InvoiceStatus::Uncollectible => "uncollectible",
        InvoiceStatus::Void => "void",
        InvoiceStatus::Deleted => "deleted",
        InvoiceStatus::Other(word) => word,
    }
}
