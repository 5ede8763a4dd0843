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
    /// `di_…`; absent before 2020.
    #[n(0)]
    pub id: Option<DiscountId>,
    /// Its coupon.
    #[n(1)]
    pub coupon: Option<CouponId>,
    /// The coupon's terms, where this place has them.
    #[n(2)]
    pub terms: Option<CouponTerms>,
    /// From when it counts.
    #[n(3)]
    pub start: Option<UnixTime>,
    /// `end`: null for once and forever.
    #[n(4)]
    pub end: Option<UnixTime>,
    /// Whose: set on `customer.discount.*`.
    #[n(5)]
    pub customer: Option<CustomerId>,
    /// Which subscription it is on; `None` on the customer.
    #[n(6)]
    pub subscription: Option<SubscriptionId>,
    /// Which item it is on.
    #[n(7)]
    pub item: Option<ItemId>,
}

/// What a coupon grants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct CouponTerms {
    /// Its id.
    #[n(0)]
    pub id: CouponId,
    /// Percentage or amount; `None` where the payload had neither.
    #[n(1)]
    pub off: Option<Off>,
    /// For how long.
    #[n(2)]
    pub duration: Duration,
    /// Months of a repeating one.
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

/// What is taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(flat)]
pub enum Off {
    /// In percent.
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
    /// Never ends by itself.
    #[n(0)]
    Forever,
    /// For some months.
    #[n(1)]
    Repeating,
    /// The first invoice only.
    #[n(2)]
    Once,
    /// Not told: counts as forever (rule `discount-duration`).
    #[n(3)]
    Unknown,
}
