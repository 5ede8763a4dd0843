//! Subscription schedules: what is planned.

use std::sync::Arc;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::Period;
use crate::{ids::*, money::Decimal, stored};

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
    /// The prices it bills, and how many of each.
    #[n(1)]
    pub items: Vec<(PriceId, Option<Decimal>)>,
}
