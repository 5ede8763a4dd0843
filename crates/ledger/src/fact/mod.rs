//! Facts: what one event says about one object, in the ledger's own words. Stripe's shapes end here.
//!
//! A fact is a full state, never a command, and an update carries the state before as well (docs/decisions/003-facts-are-states.md).
//! Facts hold ids, times and money only; names, e-mails and comments stay in the raw body.
//!
//! The log stores them by the numbers beside fields and variants (`super::stored`): a number is never given again, and what
//! is added gets the next. Serde reads what was stored as JSON before.

mod customer;
mod discount;
mod invoice;
mod price;
mod schedule;
mod subscription;

use std::sync::Arc;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{ids::*, stored, time::UnixTime};

pub use customer::*;
pub use discount::*;
pub use invoice::*;
pub use price::*;
pub use schedule::*;
pub use subscription::*;

/// Version of the readers that turn events into facts: raise it when the same bytes would yield other facts.
pub const NORMALISER: i64 = 4;

/// One object's state as one event (or API answer) gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct Fact {
    /// The event it came from.
    #[n(0)]
    pub event: EventId,
    /// `event.created`, or the response's `Date` for an API read.
    #[n(1)]
    pub at: UnixTime,
    /// The shape's version, a hint and a tie-breaker only; absent before 2014-10-31.
    #[cbor(n(2), with = "stored::optional_text", has_nil)]
    pub api_version: Option<Arc<str>>,
    /// What the fact rests on.
    #[n(3)]
    pub origin: Origin,
    /// Its place within one second (rule `snapshot-order`).
    #[n(4)]
    pub role: Role,
    /// The whole object at that instant (docs/decisions/003-facts-are-states.md).
    #[n(5)]
    pub state: State,
}

/// What a fact rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Origin {
    /// A webhook or an exported event.
    #[n(0)]
    Event,
    /// An answer of Stripe's API.
    #[n(1)]
    Api,
    /// Rebuilt from an invoice's lines.
    #[n(2)]
    Invoice,
}

/// What kind of event carried the snapshot: it ranks facts within one second (rule `snapshot-order`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Role {
    /// `*.created`: first whatever its second.
    #[n(0)]
    Created,
    /// `*.updated`: between the others of its second.
    #[n(1)]
    Updated,
    /// Any other type that carries the object (`paused`, `trial_will_end`, …).
    #[n(2)]
    Other,
    /// An API read: after all events of its second.
    #[n(3)]
    Read,
    /// `*.deleted`: last whatever its second.
    #[n(4)]
    Deleted,
}

/// The object a fact is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(flat)]
pub enum State {
    /// A subscription, with the state before where the event told it.
    #[n(0)]
    Subscription {
        /// `previous_attributes` laid over the object, read by the same reader; `None` where the event carried none.
        #[n(0)]
        before: Option<Box<SubscriptionState>>,
        /// The subscription as the event shows it.
        #[n(1)]
        after: Box<SubscriptionState>,
    },
    /// An invoice: payments, estimates and metered usage; never MRR by itself.
    #[n(1)]
    Invoice(#[n(0)] Box<InvoiceState>),
    /// A customer: country, discount, and whether it was deleted.
    #[n(2)]
    Customer(#[n(0)] Box<CustomerState>),
    /// A price or plan, told apart from any subscription.
    #[n(3)]
    Price(#[n(0)] Box<Price>),
    /// A product: its name, and whether it is an add-on.
    #[n(4)]
    Product(#[n(0)] ProductState),
    /// A coupon's terms, told apart from any discount of it.
    #[n(5)]
    Coupon(#[n(0)] CouponTerms),
    /// A discount put on or taken off a customer or subscription (`customer.discount.*`); with [`Role::Other`], as an
    /// invoice shows it: then only its terms are told.
    #[n(6)]
    Discount(#[n(0)] DiscountState),
    /// A credit note or refund: kept for the explanation, never MRR (docs/rules.md, preamble).
    #[n(7)]
    Correction(#[n(0)] CorrectionState),
    /// A subscription schedule: what is planned. It counts only once the subscription itself shows it.
    #[n(8)]
    Schedule(#[n(0)] ScheduleState),
    /// A tax rate, told apart from what it is put on.
    #[n(9)]
    TaxRate(#[n(0)] TaxRateState),
}

impl Fact {
    /// The customer whose ledger it belongs to; `None` for prices, products, coupons and tax rates.
    pub fn customer(&self) -> Option<&CustomerId> {
        match &self.state {
            State::Subscription { after, .. } => Some(&after.customer),
            State::Invoice(invoice) => invoice.customer.as_ref(),
            State::Customer(customer) => Some(&customer.id),
            State::Discount(discount) => discount.customer.as_ref(),
            State::Correction(correction) => correction.customer.as_ref(),
            State::Schedule(schedule) => schedule.customer.as_ref(),
            State::Price(_) | State::Product(_) | State::Coupon(_) | State::TaxRate(_) => None,
        }
    }
}
