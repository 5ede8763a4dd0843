//! Subscription schedules: what is planned for a subscription; the subscription's own events tell when it comes.

use serde::Deserialize;

use super::json::{Array, Named, Obj, Oddities, Raw, Ref};
use crate::ledger::{
    fact::{Period, Phase, ScheduleState},
    ids::{CustomerId, PriceId, SubscriptionId},
};

/// A subscription schedule.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ScheduleWire<'a> {
    #[serde(borrow)]
    object: Raw<'a>,
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    customer: Ref<'a>,
    #[serde(borrow)]
    customer_account: Ref<'a>,
    #[serde(borrow)]
    subscription: Ref<'a>,
    #[serde(borrow)]
    released_subscription: Ref<'a>,
    #[serde(borrow)]
    status: Raw<'a>,
    #[serde(borrow)]
    end_behavior: Raw<'a>,
    #[serde(borrow)]
    phases: Array<Obj<PhaseWire<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PhaseWire<'a> {
    #[serde(borrow)]
    start_date: Raw<'a>,
    #[serde(borrow)]
    end_date: Raw<'a>,
    #[serde(borrow)]
    items: Array<Obj<PhaseItemWire<'a>>>,
    /// Before 2020-08-27.
    #[serde(borrow)]
    plans: Array<Obj<PhaseItemWire<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PhaseItemWire<'a> {
    #[serde(borrow)]
    price: Ref<'a>,
    #[serde(borrow)]
    plan: Ref<'a>,
    #[serde(borrow)]
    quantity: Raw<'a>,
}

impl Named for ScheduleWire<'_> {
    fn object(&self) -> Raw<'_> {
        self.object
    }
}

impl ScheduleWire<'_> {
    /// The state, or what is missing for there to be one.
    pub(super) fn read(&self, odd: &mut Oddities) -> Result<ScheduleState, &'static str> {
        let id = self.id.word("schedule.id", odd).ok_or("the schedule has no id")?;
        let customer = self.customer.id("schedule.customer", odd);
        let subscription = self.subscription.id("schedule.subscription", odd);
        Ok(ScheduleState {
            id,
            customer: customer
                .or_else(|| self.customer_account.id("schedule.customer_account", odd))
                .map(CustomerId::new),
            subscription: subscription
                .or_else(|| self.released_subscription.id("schedule.released_subscription", odd))
                .map(SubscriptionId::new),
            status: self.status.word("schedule.status", odd).ok_or("the schedule has no status")?,
            end_behavior: self.end_behavior.word("schedule.end_behavior", odd),
            phases: self
                .phases
                .0
                .iter()
                .flatten()
                .filter_map(|phase| phase.get("schedule.phases", odd)?.read(odd))
                .collect(),
        })
    }
}

impl PhaseWire<'_> {
    fn read(&self, odd: &mut Oddities) -> Option<Phase> {
        let (start, end) = (
            self.start_date.time("schedule.phases.start_date", odd),
            self.end_date.time("schedule.phases.end_date", odd),
        );
        let items = self.items.0.iter().chain(&self.plans.0).flatten();
        Some(Phase {
            period: start.zip(end).map(|(start, end)| Period { start, end }),
            items: items.filter_map(|item| item.get("schedule.phases.items", odd)?.read(odd)).collect(),
        })
    }
}

impl PhaseItemWire<'_> {
    fn read(&self, odd: &mut Oddities) -> Option<(PriceId, Option<crate::ledger::money::Decimal>)> {
        let price = self.price.id("schedule.phases.items.price", odd);
        let price = price.or_else(|| self.plan.id("schedule.phases.items.plan", odd))?;
        Some((PriceId::new(price), self.quantity.decimal("schedule.phases.items.quantity", odd)))
    }
}
