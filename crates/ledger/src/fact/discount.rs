//! Discounts, and what a coupon grants.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    ids::*,
    money::{Currency, Decimal},
    time::UnixTime,
};

/// A discount as one place of the log shows it: perhaps only its id (docs/wire.md 0, fact 1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct DiscountState {
    /// Stripe's id, `di_…`; `None` before 2020, when discounts had none.
    #[n(0)]
    pub id: Option<DiscountId>,
    /// The coupon it applies; `None` where this place shows only the discount's id.
    #[n(1)]
    pub coupon: Option<CouponId>,
    /// The coupon's terms, where this place has them.
    #[n(2)]
    pub terms: Option<CouponTerms>,
    /// From when it takes off; `None` where this place doesn't tell.
    #[n(3)]
    pub start: Option<UnixTime>,
    /// `end`: null for once and forever.
    #[n(4)]
    pub end: Option<UnixTime>,
    /// Whose it is; told by `customer.discount.*` events, `None` where it is embedded in its owner.
    #[n(5)]
    pub customer: Option<CustomerId>,
    /// Which subscription it is on; `None` on the customer.
    #[n(6)]
    pub subscription: Option<SubscriptionId>,
    /// Which item it is on.
    #[n(7)]
    pub item: Option<ItemId>,
}

impl DiscountState {
    /// A discount of which no more is known than its id, or not even that.
    pub fn known_by(id: Option<DiscountId>) -> Self {
        Self { id, coupon: None, terms: None, start: None, end: None, customer: None, subscription: None, item: None }
    }
}

/// What a coupon takes off, from what and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct CouponTerms {
    /// The coupon's id, often free text.
    #[n(0)]
    pub id: CouponId,
    /// Percentage or amount; `None` where the payload had neither.
    #[n(1)]
    pub off: Option<Off>,
    /// For how long a discount of it lasts.
    #[n(2)]
    pub duration: Duration,
    /// For how many months, where it repeats; else `None`.
    #[n(3)]
    pub months: Option<u32>,
    /// Amounts in further currencies, where expanded.
    #[serde(default)]
    #[n(4)]
    pub currency_options: BTreeMap<Currency, Decimal>,
    /// Only these products, where expanded.
    #[n(5)]
    pub products: Option<Vec<ProductId>>,
}

/// What a coupon takes off each invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(flat)]
pub enum Off {
    /// So many percent of each amount.
    #[n(0)]
    Percent(#[n(0)] Decimal),
    /// In minor units per invoice.
    #[n(1)]
    Amount(#[n(0)] Decimal, #[n(1)] Currency),
}

/// `coupon.duration`: which knob it falls under (rule `discount-windows`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Duration {
    /// It never ends by itself (knob `discount_forever`).
    #[n(0)]
    Forever,
    /// It lasts so many months (knob `discount_repeating`).
    #[n(1)]
    Repeating,
    /// It is taken off one invoice (knob `discount_once`).
    #[n(2)]
    Once,
    /// Not told: counts as forever (rule `discount-duration`).
    #[n(3)]
    Unknown,
}
