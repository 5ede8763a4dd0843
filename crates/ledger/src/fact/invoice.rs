//! Invoices and what corrects them: payments, estimates and metered usage; never MRR by itself.

use std::sync::Arc;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{Interval, Period, Price, Scheme, TaxRate};
use crate::{
    ids::*,
    money::{Currency, Decimal},
    stored,
    time::UnixTime,
};

/// An invoice at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct InvoiceState {
    /// `in_…`; absent on an upcoming invoice, which yields no fact.
    #[n(0)]
    pub id: InvoiceId,
    /// Who pays.
    #[n(1)]
    pub customer: Option<CustomerId>,
    /// Which subscription it bills.
    #[n(2)]
    pub subscription: Option<SubscriptionId>,
    /// `status`, or what `closed` and `forgiven` said before 2018-11-08.
    #[n(3)]
    pub status: InvoiceStatus,
    /// Its currency.
    #[n(4)]
    pub currency: Option<Currency>,
    /// Minor units after discounts and tax.
    #[n(5)]
    pub total: i64,
    /// Minor units before discounts.
    #[n(6)]
    pub subtotal: i64,
    /// Minor units taken from the customer's credit; below 0 where the invoice added to it.
    #[serde(default)]
    #[n(7)]
    pub balance_applied: i64,
    /// Minor units of discount over the whole invoice.
    #[serde(default)]
    #[n(8)]
    pub discount_total: i64,
    /// `subscription_create`, `subscription_cycle`, …
    #[cbor(n(9), with = "stored::optional_text", has_nil)]
    pub billing_reason: Option<Arc<str>>,
    /// When Stripe made it.
    #[n(10)]
    pub created: UnixTime,
    /// `status_transitions.paid_at`.
    #[n(11)]
    pub paid_at: Option<UnixTime>,
    /// Lines in Stripe's order.
    #[serde(default)]
    #[n(12)]
    pub lines: Vec<InvoiceLine>,
    /// False when the embedded list says `has_more`.
    #[n(13)]
    pub lines_complete: bool,
    /// Simulated time.
    #[n(14)]
    pub test_clock: Option<TestClockId>,
    /// `status_transitions.finalized_at`.
    #[n(15)]
    pub finalized_at: Option<UnixTime>,
}

/// `invoice.status`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(flat)]
pub enum InvoiceStatus {
    /// Not final.
    #[n(0)]
    Draft,
    /// Final, unpaid.
    #[n(1)]
    Open,
    /// Paid.
    #[n(2)]
    Paid,
    /// Given up.
    #[n(3)]
    Uncollectible,
    /// Voided.
    #[n(4)]
    Void,
    /// Deleted draft.
    #[n(5)]
    Deleted,
    /// One Stripe added later.
    #[n(6)]
    Other(#[cbor(n(0), with = "stored::text")] Arc<str>),
}

/// One line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct InvoiceLine {
    /// Which subscription it bills.
    #[n(0)]
    pub subscription: Option<SubscriptionId>,
    /// Which item it bills.
    #[n(1)]
    pub item: Option<ItemId>,
    /// At which price; since basil only its id.
    #[n(2)]
    pub price: Option<PriceId>,
    /// Its product.
    #[n(3)]
    pub product: Option<ProductId>,
    /// The price's interval, where the line still tells it (before basil).
    #[n(4)]
    pub interval: Option<Interval>,
    /// Minor units before discounts.
    #[n(5)]
    pub amount: i64,
    /// Units billed.
    #[n(6)]
    pub quantity: Option<Decimal>,
    /// Minor units each.
    #[n(7)]
    pub unit_amount: Option<Decimal>,
    /// A correction within a period: never the base of an estimate.
    #[serde(default)]
    #[n(8)]
    pub proration: bool,
    /// What it pays for.
    #[n(9)]
    pub period: Option<Period>,
    /// What each discount took off, in minor units.
    #[serde(default)]
    #[n(10)]
    pub discounts: Vec<(DiscountId, i64)>,
    /// Its tax rates, where the line tells them.
    #[serde(default)]
    #[n(11)]
    pub tax_rates: Vec<TaxRate>,
    /// Minor units of tax inside `amount` less its discounts, over all its taxes; `None` where the line says nothing of its
    /// tax (and, as read before this was told, where it is 0).
    #[n(12)]
    pub tax_inside: Option<i64>,
    /// Its price's own terms, where the line embeds them: before basil, or expanded.
    #[serde(default)]
    #[n(13)]
    pub terms: Option<LineTerms>,
}

/// What an invoice line tells of its price by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(flat)]
pub enum LineTerms {
    /// A licensed price of so much each: the line's `unit_amount`, `interval` and `product`, in the invoice's currency.
    #[n(0)]
    Plain,
    /// Any other.
    #[n(1)]
    Whole(#[n(0)] Box<Price>),
}

impl InvoiceLine {
    /// The terms of its price that the line embeds, on an invoice in `currency`.
    pub fn told_price(&self, currency: Option<Currency>) -> Option<Price> {
        match self.terms.as_ref()? {
            LineTerms::Whole(price) => Some((**price).clone()),
            LineTerms::Plain => Some(Price {
                product: self.product.clone(),
                currency,
                scheme: Scheme::PerUnit(self.unit_amount?),
                interval: Some(self.interval?),
                ..Price::by_id(self.price.clone()?)
            }),
        }
    }
}

/// A credit note or refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct CorrectionState {
    /// `cn_…` or `re_…`
    #[cbor(n(0), with = "stored::text")]
    pub id: Arc<str>,
    /// `credit_note` or `refund`.
    #[cbor(n(1), with = "stored::text")]
    pub object: Arc<str>,
    /// Whose.
    #[n(2)]
    pub customer: Option<CustomerId>,
    /// Minor units.
    #[n(3)]
    pub amount: i64,
    /// Their currency.
    #[n(4)]
    pub currency: Option<Currency>,
}
