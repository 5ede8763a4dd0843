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
    /// Who pays; `None` where the shape doesn't say, and then it is in nobody's ledger.
    #[n(1)]
    pub customer: Option<CustomerId>,
    /// Which subscription it bills; `None` on an invoice that bills none, and where only its lines tell (basil and later).
    #[n(2)]
    pub subscription: Option<SubscriptionId>,
    /// `status`, or what `closed` and `forgiven` said before 2018-11-08.
    #[n(3)]
    pub status: InvoiceStatus,
    /// The currency of all its amounts; `None` where it isn't told or isn't one that is known.
    #[n(4)]
    pub currency: Option<Currency>,
    /// Minor units after discounts and tax.
    #[n(5)]
    pub total: i64,
    /// Minor units before discounts, and before tax on top of the prices.
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
    /// Why Stripe made it: `subscription_create`, `subscription_cycle`, …; `None` where an old shape doesn't tell.
    #[cbor(n(9), with = "stored::optional_text", has_nil)]
    pub billing_reason: Option<Arc<str>>,
    /// When Stripe made it, by its own `created`.
    #[n(10)]
    pub created: UnixTime,
    /// `status_transitions.paid_at`; `None` while it is unpaid, and where an old shape doesn't tell.
    #[n(11)]
    pub paid_at: Option<UnixTime>,
    /// Its lines in Stripe's order, as far as the payload embeds them (`lines_complete`).
    #[serde(default)]
    #[n(12)]
    pub lines: Vec<InvoiceLine>,
    /// False when the embedded list says `has_more`.
    #[n(13)]
    pub lines_complete: bool,
    /// The test clock under whose simulated time it was made; `None` in real time.
    #[n(14)]
    pub test_clock: Option<TestClockId>,
    /// `status_transitions.finalized_at`; `None` while it is a draft, and where an old shape doesn't tell.
    #[n(15)]
    pub finalized_at: Option<UnixTime>,
}

/// How far an invoice has come, by `invoice.status`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(flat)]
pub enum InvoiceStatus {
    /// It may still change, and asks nobody for money.
    #[n(0)]
    Draft,
    /// It is final and waits for payment.
    #[n(1)]
    Open,
    /// It is paid, by money or from the customer's credit.
    #[n(2)]
    Paid,
    /// It is final, and payment isn't expected any more.
    #[n(3)]
    Uncollectible,
    /// It was withdrawn: it bills nothing.
    #[n(4)]
    Void,
    /// It was a draft and is gone.
    #[n(5)]
    Deleted,
    /// A word that Stripe added later.
    #[n(6)]
    Other(#[cbor(n(0), with = "stored::text")] Arc<str>),
}

/// One line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct InvoiceLine {
    /// Which subscription it bills; `None` for an invoice item by itself.
    #[n(0)]
    pub subscription: Option<SubscriptionId>,
    /// Which item of the subscription it bills; `None` where the line doesn't tell.
    #[n(1)]
    pub item: Option<ItemId>,
    /// At which price; since basil only its id.
    #[n(2)]
    pub price: Option<PriceId>,
    /// The product of its price, where the line tells it.
    #[n(3)]
    pub product: Option<ProductId>,
    /// The price's interval, where the line still tells it (before basil).
    #[n(4)]
    pub interval: Option<Interval>,
    /// Minor units before discounts, for all its units; below 0 where it gives money back.
    #[n(5)]
    pub amount: i64,
    /// How many units it bills; `None` where the line doesn't tell.
    #[n(6)]
    pub quantity: Option<Decimal>,
    /// Minor units for one unit; `None` where no single amount says it (tiers, packages).
    #[n(7)]
    pub unit_amount: Option<Decimal>,
    /// A correction within a period: never the base of an estimate.
    #[serde(default)]
    #[n(8)]
    pub proration: bool,
    /// The time it pays for; `None` where the line doesn't tell.
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
    /// Any other price, with all its terms.
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
    /// Stripe's id: `cn_…` for a credit note, `re_…` for a refund.
    #[cbor(n(0), with = "stored::text")]
    pub id: Arc<str>,
    /// Which of the two it is: `credit_note` or `refund`.
    #[cbor(n(1), with = "stored::text")]
    pub object: Arc<str>,
    /// Whose money it gives back; `None` for a refund that names nobody.
    #[n(2)]
    pub customer: Option<CustomerId>,
    /// How much was given back, in minor units of the invoice's currency.
    #[n(3)]
    pub amount: i64,
    /// The currency of `amount`; `None` where it isn't one that is known.
    #[n(4)]
    pub currency: Option<Currency>,
}
