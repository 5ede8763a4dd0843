//! The answer of `/api/v1/movements`: each movement with its parts, causes and events.

use serde::Serialize;
use utoipa::ToSchema;

use super::{money::Exact, table::Table};
use crate::{
    ledger::outcome::{Cause, Part, Side},
    store::derived::reports::MovementRow,
};

/// A page of the movements of MRR.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MovementList {
    /// Whether everything is converted into the reporting currency; else each movement is of its currency's own ledger.
    pub converted: bool,
    /// In order of day and instant.
    pub data: Vec<MovementEntry>,
    /// Where the next page begins; null at the end.
    pub next_cursor: Option<String>,
}

/// One movement of one customer. Its parts sum to its amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MovementEntry {
    /// The same whenever and wherever it is computed.
    pub id: String,
    /// The connected account; absent for the account's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The id of the customer whose MRR moved, `cus_…`.
    pub customer: String,
    /// The customer's name, where names are shown (privacy.show_names) and it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
    /// The accounting day it is booked on, in the ledger's zone.
    pub day: String,
    /// The instant of its last part.
    pub effective_at: String,
    /// `new`, `expansion`, `reactivation`, `contraction`, `churn`, `opening_balance`, `fx` or `transient`.
    pub kind: &'static str,
    /// The currency of every amount.
    pub currency: String,
    /// after − before, in minor units.
    pub amount: i128,
    /// `amount` exactly, to 10⁻⁶ of a minor unit.
    pub amount_exact: Exact,
    /// MRR when its window opened.
    pub before: i128,
    /// `before` exactly, to 10⁻⁶ of a minor unit.
    pub before_exact: Exact,
    /// MRR when its window closed.
    pub after: i128,
    /// `after` exactly, to 10⁻⁶ of a minor unit.
    pub after_exact: Exact,
    /// One an item and cause.
    pub parts: Vec<PartEntry>,
}

/// One item's share of a movement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PartEntry {
    /// The subscription the item is of, `sub_…`.
    pub subscription: String,
    /// Stripe's id of the item, `si_…`.
    pub item: String,
    /// Why this part moved (rule `causes`).
    pub cause: &'static str,
    /// The group of causes it belongs to.
    pub rollup: &'static str,
    /// By how much the part moved MRR, in minor units.
    pub amount: i128,
    /// `amount` exactly, to 10⁻⁶ of a minor unit.
    pub amount_exact: Exact,
    /// The item before; null where there was none.
    pub before: Option<SideEntry>,
    /// The item after; null where there is none.
    pub after: Option<SideEntry>,
    /// When this part took effect.
    pub effective_at: String,
    /// The events that show it.
    pub events: Vec<String>,
    /// Why a subscription ended whose end only lowered the customer's MRR: a cause of churn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<&'static str>,
    /// What the customer said when leaving: one of Stripe's fixed words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feedback: Option<String>,
    /// What the customer wrote when leaving, read from the webhook's body with `comments=true`; personal, so only where names
    /// are shown (privacy.show_names).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// An item on one side of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SideEntry {
    /// The product, `prod_…`; null where the price names none.
    pub product: Option<String>,
    /// What that is called, where the log tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_name: Option<String>,
    /// The price, `price_…`, or the old plan.
    pub price: String,
    /// Its nickname, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_name: Option<String>,
    /// Billed how often: `month`, `year`, `3 month`, …
    pub interval: Option<String>,
    /// How many units are billed; null where none are told.
    pub quantity: Option<String>,
    /// A month's amount, net of discounts.
    pub amount: i128,
    /// `amount` exactly, to 10⁻⁶ of a minor unit.
    pub amount_exact: Exact,
}

impl From<&MovementRow> for MovementEntry {
    fn from(row: &MovementRow) -> Self {
        let movement = &row.movement;
        Self {
            id: row.id.as_ref().into(),
            account: row.account.as_ref().map(ToString::to_string),
            customer: row.customer.to_string(),
            customer_name: None,
            day: movement.day.to_string(),
            effective_at: movement.effective_at.to_string(),
            kind: movement.kind.as_str(),
            currency: movement.currency.to_string(),
            amount: movement.amount.minor(),
            amount_exact: Exact(movement.amount),
            before: movement.before.minor(),
            before_exact: Exact(movement.before),
            after: movement.after.minor(),
            after_exact: Exact(movement.after),
            parts: movement.parts.iter().map(PartEntry::from).collect(),
        }
    }
}

impl From<&Part> for PartEntry {
    fn from(part: &Part) -> Self {
        Self {
            subscription: part.subscription.to_string(),
            item: part.item.to_string(),
            cause: part.cause.as_str(),
            rollup: part.cause.rollup().as_str(),
            amount: part.amount.minor(),
            amount_exact: Exact(part.amount),
            before: part.before.as_ref().map(SideEntry::from),
            after: part.after.as_ref().map(SideEntry::from),
            effective_at: part.effective_at.to_string(),
            events: part.events.iter().map(ToString::to_string).collect(),
            end_reason: part.end_reason.map(Cause::as_str),
            feedback: part.feedback.as_deref().map(str::to_owned),
            comment: None,
        }
    }
}

impl From<&Side> for SideEntry {
    fn from(side: &Side) -> Self {
        Self {
            product: side.product.as_ref().map(ToString::to_string),
            product_name: None,
            price: side.price.to_string(),
            price_name: None,
            interval: side.interval.map(|interval| interval.to_string()),
            quantity: side.quantity.map(|quantity| quantity.to_string()),
            amount: side.amount.minor(),
            amount_exact: Exact(side.amount),
        }
    }
}

impl MovementList {
    /// One row a movement; causes, reasons and subscriptions are joined by spaces.
    pub fn table(&self) -> Table {
        let columns = vec![
            "id",
            "account",
            "customer",
            "customer_name",
            "day",
            "effective_at",
            "kind",
            "currency",
            "amount_exact",
            "before_exact",
            "after_exact",
            "causes",
            "subscriptions",
            "events",
            "end_reasons",
            "products",
            "prices",
        ];
        Table { columns, rows: self.data.iter().map(MovementEntry::row).collect() }.telling_converted(self.converted)
    }
}

impl MovementEntry {
    fn row(&self) -> Vec<String> {
        let joined = |words: Vec<&str>| {
            let mut seen: Vec<&str> = Vec::new();
            words.into_iter().for_each(|word| {
                if !seen.contains(&word) {
                    seen.push(word)
                }
            });
            seen.join(" ")
        };
        let sides = || self.parts.iter().filter_map(|part| part.after.as_ref().or(part.before.as_ref()));
        vec![
            self.id.clone(),
            self.account.clone().unwrap_or_default(),
            self.customer.clone(),
            self.customer_name.clone().unwrap_or_default(),
            self.day.clone(),
            self.effective_at.clone(),
            self.kind.into(),
            self.currency.clone(),
            self.amount_exact.to_string(),
            self.before_exact.to_string(),
            self.after_exact.to_string(),
            joined(self.parts.iter().map(|part| part.cause).collect()),
            joined(self.parts.iter().map(|part| part.subscription.as_str()).collect()),
            joined(self.parts.iter().flat_map(|part| part.events.iter().map(String::as_str)).collect()),
            joined(self.parts.iter().filter_map(|part| part.end_reason).collect()),
            joined_names(sides().filter_map(|side| side.product_name.as_deref().or(side.product.as_deref()))),
            joined_names(sides().map(|side| side.price_name.as_deref().unwrap_or(&side.price))),
        ]
    }
}

/// Names, each once; they may have spaces in them.
fn joined_names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut seen: Vec<&str> = Vec::new();
    names.for_each(|name| {
        if !seen.contains(&name) {
            seen.push(name);
        }
    });
    seen.join(", ")
}
