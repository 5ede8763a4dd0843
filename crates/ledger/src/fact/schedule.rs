//! Subscription schedules: what is planned.

use std::sync::Arc;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{DiscountState, Period, TaxRate};
use crate::{ids::*, money::Decimal, stored, time::UnixTime};

/// A subscription schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct ScheduleState {
    /// `sub_sched_…`
    #[cbor(n(0), with = "stored::text")]
    pub id: Arc<str>,
    /// Whose.
    #[n(1)]
    pub customer: Option<CustomerId>,
    /// The subscription it drives, or drove until it was released.
    #[n(2)]
    pub subscription: Option<SubscriptionId>,
    /// `not_started`, `active`, `completed`, `released`, `canceled`, or one Stripe added later.
    #[cbor(n(3), with = "stored::text")]
    pub status: Arc<str>,
    /// What follows its last phase: `release`, `cancel`, …
    #[cbor(n(4), with = "stored::optional_text", has_nil)]
    pub end_behavior: Option<Arc<str>>,
    /// In Stripe's order.
    #[serde(default)]
    #[n(5)]
    pub phases: Vec<Phase>,
}

/// One phase of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct Phase {
    /// When it is due.
    #[n(0)]
    pub period: Option<Period>,
    /// What it bills.
    #[n(1)]
    pub items: Vec<PhaseItem>,
    /// The discounts that the subscription has in it; `None` where that isn't told: those before stay.
    #[serde(default)]
    #[n(2)]
    pub discounts: Option<Vec<DiscountState>>,
    /// Until when it is a trial.
    #[serde(default)]
    #[n(3)]
    pub trial_end: Option<UnixTime>,
    /// The subscription's tax rates in it; `None` where they aren't told: those before stay.
    #[serde(default)]
    #[n(4)]
    pub tax_rates: Option<Vec<TaxRate>>,
}

/// One price of a phase, and how many of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct PhaseItem {
    /// Which price.
    #[n(0)]
    pub price: PriceId,
    /// How many.
    #[n(1)]
    pub quantity: Option<Decimal>,
    /// The discounts of this item in it; `None` where that isn't told: those before stay.
    #[serde(default)]
    #[n(2)]
    pub discounts: Option<Vec<DiscountState>>,
    /// The tax rates of this item in it; `None` where they aren't told: those before stay.
    #[serde(default)]
    #[n(3)]
    pub tax_rates: Option<Vec<TaxRate>>,
}
