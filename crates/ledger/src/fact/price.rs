//! Prices, plans and products: how units become money, and how often.

use std::{collections::BTreeMap, sync::Arc};

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    ids::*,
    money::{Currency, Decimal},
    stored,
    time::UnixTime,
};

/// A price or a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct Price {
    /// Stripe's id: `price_…`, `plan_…`, or the free text of an old plan.
    #[n(0)]
    pub id: PriceId,
    /// The product it is a price of; `None` for old plans, which have none, and where only the price's id is told.
    #[n(1)]
    pub product: Option<ProductId>,
    /// The price's default currency; amounts below are in it.
    #[n(2)]
    pub currency: Option<Currency>,
    /// How units become money, in `currency`.
    #[n(3)]
    pub scheme: Scheme,
    /// Billing interval; `None` for a one-off price, and where it isn't told: no amount a month follows from either.
    #[n(4)]
    pub interval: Option<Interval>,
    /// Whether the quantity is licensed or measured.
    #[n(5)]
    pub usage: Usage,
    /// `transform_quantity`: the quantity is divided by it before the scheme is applied; `None` leaves it as it is.
    #[n(6)]
    pub transform: Option<Transform>,
    /// True where the amounts include tax (`tax_behavior`).
    #[serde(default)]
    #[n(7)]
    pub tax_inclusive: bool,
    /// Stable name across replacements (causes, rule `causes`).
    #[cbor(n(8), with = "stored::optional_text", has_nil)]
    pub lookup_key: Option<Arc<str>>,
    /// Internal name (causes, rule `causes`).
    #[cbor(n(9), with = "stored::optional_text", has_nil)]
    pub nickname: Option<Arc<str>>,
    /// Amounts in other currencies, where the payload had them expanded.
    #[serde(default)]
    #[n(10)]
    pub currency_options: BTreeMap<Currency, Scheme>,
    /// What of its terms is of a kind nobody here knows, in words: `interval "fortnight"`. The scheme is then unknown.
    #[serde(default)]
    #[cbor(n(11), with = "stored::optional_text", has_nil)]
    pub unknown: Option<Arc<str>>,
}

impl Price {
    /// A price of which only the id is told.
    pub fn by_id(id: PriceId) -> Self {
        Self {
            id,
            product: None,
            currency: None,
            scheme: Scheme::Unknown,
            interval: None,
            usage: Usage::Licensed,
            transform: None,
            tax_inclusive: false,
            lookup_key: None,
            nickname: None,
            currency_options: BTreeMap::new(),
            unknown: None,
        }
    }

    /// Nothing but its id is told.
    pub fn is_bare(&self) -> bool {
        self.scheme == Scheme::Unknown
            && self.interval.is_none()
            && self.currency.is_none()
            && self.product.is_none()
            && self.unknown.is_none()
            && self.currency_options.is_empty()
    }
}

/// How a number of units becomes an amount of money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(flat)]
pub enum Scheme {
    /// So many minor units each (`unit_amount_decimal` before `unit_amount`).
    #[n(0)]
    PerUnit(#[n(0)] Decimal),
    /// Each tier's share at its own rate.
    #[n(1)]
    Graduated(#[n(0)] Vec<Tier>),
    /// All units at the rate of the tier reached.
    #[n(2)]
    Volume(#[n(0)] Vec<Tier>),
    /// The payload can't tell (tiers or amounts not expanded): never 0.
    #[n(3)]
    Unknown,
}

/// One tier of a tiered price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct Tier {
    /// Last unit it covers; `None` is the last tier.
    #[n(0)]
    pub up_to: Option<Decimal>,
    /// Minor units for each unit.
    #[n(1)]
    pub unit_amount: Decimal,
    /// Minor units once, when the tier is touched.
    #[n(2)]
    pub flat_amount: Decimal,
}

/// Whether quantity is set or measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Usage {
    /// A number of seats, bought.
    #[n(0)]
    Licensed,
    /// By measured usage: what it counts says the knob `metered`.
    #[n(1)]
    Metered,
}

/// A billing interval: `count` times `unit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode)]
pub struct Interval {
    /// Day, week, month or year.
    #[n(0)]
    pub unit: IntervalUnit,
    /// How many units make the interval, at least 1.
    #[n(1)]
    pub count: u32,
}

/// The unit of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum IntervalUnit {
    /// 365/12 of them make a month.
    #[n(0)]
    Day,
    /// 52/12 of them make a month.
    #[n(1)]
    Week,
    /// A month of the calendar.
    #[n(2)]
    Month,
    /// Twelve calendar months: an amount of it counts 1/12 a month.
    #[n(3)]
    Year,
}

impl Interval {
    /// `start` and `times` intervals: months by the calendar.
    pub fn after(self, start: UnixTime, times: u32) -> UnixTime {
        let count = self.count.max(1).saturating_mul(times);
        let days = |days: i64| start.plus(i64::from(count).saturating_mul(days * UnixTime::DAY_SECONDS));
        match self.unit {
            IntervalUnit::Day => days(1),
            IntervalUnit::Week => days(7),
            IntervalUnit::Month => start.plus_months(count),
            IntervalUnit::Year => start.plus_months(count.saturating_mul(12)),
        }
    }
}

/// Prints as `month`, `year`, `3 month`, …: the value of `group_by=interval`.
impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = match self.unit {
            IntervalUnit::Day => "day",
            IntervalUnit::Week => "week",
            IntervalUnit::Month => "month",
            IntervalUnit::Year => "year",
        };
        if self.count == 1 { f.write_str(unit) } else { write!(f, "{} {unit}", self.count) }
    }
}

/// Stripe's `transform_quantity`: a quantity billed by packages of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct Transform {
    /// Units in a package, at least 1.
    #[n(0)]
    pub divide_by: u64,
    /// Whether a begun package counts whole.
    #[n(1)]
    pub round: Round,
}

/// Which way a begun package is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Round {
    /// A package that is begun counts whole.
    #[n(0)]
    Up,
    /// Only packages that are full count.
    #[n(1)]
    Down,
}

/// A tax rate on an item, a subscription or a line, as far as money needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct TaxRate {
    /// In percent; `None` where only its id is told.
    #[n(0)]
    pub percentage: Option<Decimal>,
    /// Part of the price, or on top of it.
    #[n(1)]
    pub inclusive: bool,
    /// Its id, where that is all that is told: `tax_rate.*` events and reads tell the rest.
    #[serde(default)]
    #[n(2)]
    pub id: Option<TaxRateId>,
}

/// A tax rate by itself, as `tax_rate.*` events and reads tell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct TaxRateState {
    /// The id that Stripe gave the tax rate, `txr_…`.
    #[n(0)]
    pub id: TaxRateId,
    /// In percent: `20` takes a sixth out of a price that includes it.
    #[n(1)]
    pub percentage: Decimal,
    /// Part of the price, or on top of it.
    #[n(2)]
    pub inclusive: bool,
}

/// A product, as far as causes and names need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct ProductState {
    /// The id that Stripe gave the product, `prod_…`.
    #[n(0)]
    pub id: ProductId,
    /// Metadata marks it as an add-on (rule `causes`).
    #[serde(default)]
    #[n(1)]
    pub add_on: bool,
    /// What it is called: shown beside its id, and decides nothing.
    #[serde(default)]
    #[cbor(n(2), with = "stored::optional_text", has_nil)]
    pub name: Option<Arc<str>>,
}
