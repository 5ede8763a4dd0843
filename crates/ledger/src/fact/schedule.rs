//! Subscription schedules: what is planned.

use std::sync::Arc;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{DiscountState, Period, TaxRate};
use crate::{ids::*, money::Decimal, stored, time::UnixTime};

/// A subscription schedule at one instant: what is planned, and counts only once the subscription shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct ScheduleState {
    /// The id that Stripe gave the schedule, `sub_sched_…`.
    #[cbor(n(0), with = "stored::text")]
    pub id: Arc<str>,
    /// Who will pay; `None` where the shape doesn't say.
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
    /// What it plans, one phase after the other.
    #[serde(default)]
    #[n(5)]
    pub phases: Vec<Phase>,
}

/// One phase of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct Phase {
    /// From when until when it holds; `None` where the payload tells neither.
    #[n(0)]
    pub period: Option<Period>,
    /// The prices it bills, and how many of each.
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
    /// The price it bills, by its id: its terms are looked up.
    #[n(0)]
    pub price: PriceId,
    /// How many units; `None` where absent (metered, or 1 when licensed).
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
