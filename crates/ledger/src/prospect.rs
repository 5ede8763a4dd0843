//! A row of what is known ahead of a customer (rule `committed-mrr`), shown from one instant to another.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    ids::*,
    money::{Currency, Mrr},
    time::UnixTime,
};

/// The lines of committed MRR: what kind of change is due (rule `committed-mrr`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// A scheduled end, or (by knob) one that time brings to what stays past due.
    ScheduledChurn,
    /// Less in a later phase of a schedule, or an item's own trial that begins.
    ScheduledContraction,
    /// More in a later phase of a schedule, or an item's own trial that ends.
    ScheduledExpansion,
    /// A discount ends, and MRR grows by it.
    DiscountEnd,
    /// A discount begins, and MRR shrinks by it.
    DiscountStart,
    /// A paused collection resumes, and counts again.
    Resume,
}

impl Due {
    /// All of them, in the order of the answer.
    pub const ALL: [Self; 6] = [
        Self::ScheduledChurn,
        Self::ScheduledContraction,
        Self::ScheduledExpansion,
        Self::DiscountEnd,
        Self::DiscountStart,
        Self::Resume,
    ];

    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ScheduledChurn => "scheduled_churn",
            Self::ScheduledContraction => "scheduled_contraction",
            Self::ScheduledExpansion => "scheduled_expansion",
            Self::DiscountEnd => "discount_end",
            Self::DiscountStart => "discount_start",
            Self::Resume => "resume",
        }
    }
}

/// What a row of what is known ahead says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProspectKind {
    /// A change of an item's amount, in this line.
    Line(Due),
    /// What counts while its payment is outstanding.
    AtRisk,
    /// A running trial that ends.
    Trial,
    /// An item billed by the year that renews.
    Renewal,
    /// Something planned at an amount that the log can't tell.
    Untold,
    /// Something overdue that rows don't tell: the facts must be read.
    Overdue,
}

impl ProspectKind {
    /// As its column holds it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Line(due) => due.as_str(),
            Self::AtRisk => "at_risk",
            Self::Trial => "trial",
            Self::Renewal => "renewal",
            Self::Untold => "untold",
            Self::Overdue => "overdue",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Self> {
        let others = [Self::AtRisk, Self::Trial, Self::Renewal, Self::Untold, Self::Overdue];
        Due::ALL.into_iter().map(Self::Line).chain(others).find(|kind| kind.as_str() == text)
    }
}

/// A row of what is known ahead of a customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Prospect {
    /// The instant from which it is shown.
    pub shown_from: UnixTime,
    /// The instant from which it isn't any more; `None` where it is shown for good.
    pub shown_until: Option<UnixTime>,
    /// When it is due; what is overdue is due at once. What is at risk is so from here on.
    pub at: UnixTime,
    /// What it says.
    pub kind: ProspectKind,
    /// The instant of the last thing known of the customer: before it less was known, and the facts must be read.
    pub known_at: UnixTime,
    /// Of which subscription, or of which schedule that hasn't begun.
    pub subscription: SubscriptionId,
    /// Which item; `None` where it is of the subscription as a whole.
    pub item: Option<ItemId>,
    /// The product; `None` where the price has none, and where no price is told.
    pub product: Option<ProductId>,
    /// At which price; `None` but for a change.
    pub price: Option<PriceId>,
    /// The currency of the amount; `None` where there is none.
    pub currency: Option<Currency>,
    /// By how much MRR changes, or what of it is at risk, converts or renews; `None` where the log can't tell.
    pub amount: Option<Mrr>,
    /// Something of it rests on an estimate.
    pub estimated: bool,
    /// The event that says so; `None` for what is at risk or overdue.
    pub event: Option<EventId>,
    /// What isn't known, in words; `None` but for what is untold.
    pub detail: Option<Arc<str>>,
}

impl Prospect {
    /// Whether it says the same as another, whenever they are shown.
    pub(super) fn says_as(&self, other: &Self) -> bool {
        let shown = |one: &Self| Self { shown_from: other.shown_from, shown_until: other.shown_until, ..one.clone() };
        self.kind == other.kind && self.at == other.at && shown(self) == *other
    }
}
