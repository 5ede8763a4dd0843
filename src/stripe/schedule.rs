//! Subscription schedules: what is planned for a subscription; the subscription's own events tell when it comes.

use serde::Deserialize;

use super::{
    discount::{CouponWire, DiscountWire, read_ref},
    json::{Array, Named, Obj, Oddities, Raw, Ref, shared},
    price::{TaxRateWire, tax_rates},
};
use crate::ledger::{
    fact::{DiscountState, Period, Phase, PhaseItem, ScheduleState, TaxRate},
    ids::{CouponId, CustomerId, PriceId, SubscriptionId},
};

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
    #[serde(borrow)]
    discounts: Array<Obj<PhaseDiscountWire<'a>>>,
    /// Before `discounts`.
    #[serde(borrow)]
    coupon: Ref<'a, CouponWire<'a>>,
    #[serde(borrow)]
    trial_end: Raw<'a>,
    #[serde(borrow)]
    default_tax_rates: Array<Ref<'a, TaxRateWire<'a>>>,
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
    #[serde(borrow)]
    discounts: Array<Obj<PhaseDiscountWire<'a>>>,
    #[serde(borrow)]
    tax_rates: Array<Ref<'a, TaxRateWire<'a>>>,
}

/// A discount to be: one of these three.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PhaseDiscountWire<'a> {
    #[serde(borrow)]
    coupon: Ref<'a, CouponWire<'a>>,
    #[serde(borrow)]
    discount: Ref<'a, DiscountWire<'a>>,
    #[serde(borrow)]
    promotion_code: Ref<'a, PromotionWire<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PromotionWire<'a> {
    #[serde(borrow)]
    coupon: Ref<'a, CouponWire<'a>>,
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
        let legacy = Some(of_coupon(&self.coupon, odd)).filter(|_| matches!(self.coupon, Ref::Id(_) | Ref::Is(_)));
        let listed = to_be(&self.discounts, odd);
        Some(Phase {
            period: start.zip(end).map(|(start, end)| Period { start, end }),
            items: items.filter_map(|item| item.get("schedule.phases.items", odd)?.read(odd)).collect(),
            discounts: listed.filter(|listed| !listed.is_empty() || legacy.is_none()).or(legacy.map(|one| vec![one])),
            trial_end: self.trial_end.time("schedule.phases.trial_end", odd),
            tax_rates: rates_to_be(&self.default_tax_rates, odd),
        })
    }
}

impl PhaseItemWire<'_> {
    fn read(&self, odd: &mut Oddities) -> Option<PhaseItem> {
        let price = self.price.id("schedule.phases.items.price", odd);
        let price = price.or_else(|| self.plan.id("schedule.phases.items.plan", odd))?;
        Some(PhaseItem {
            price: PriceId::new(price),
            quantity: self.quantity.decimal("schedule.phases.items.quantity", odd),
            discounts: to_be(&self.discounts, odd),
            tax_rates: rates_to_be(&self.tax_rates, odd),
        })
    }
}

/// A list of tax rates to be; `None` where there is no list.
fn rates_to_be(list: &Array<Ref<'_, TaxRateWire<'_>>>, odd: &mut Oddities) -> Option<Vec<TaxRate>> {
    list.0.is_some().then(|| tax_rates(list, odd))
}

/// A list of discounts to be; `None` where there is no list.
fn to_be(list: &Array<Obj<PhaseDiscountWire<'_>>>, odd: &mut Oddities) -> Option<Vec<DiscountState>> {
    let list = list.0.as_ref()?;
    let read = |one: &Obj<PhaseDiscountWire<'_>>| match one.get("schedule.phases.discounts", odd) {
        Some(one) => one.read(odd),
        // Something is taken off, and that is all that can be told: unresolved, never nothing.
        None => DiscountState::known_by(None),
    };
    Some(list.iter().map(read).collect())
}

impl PhaseDiscountWire<'_> {
    fn read(&self, odd: &mut Oddities) -> DiscountState {
        if let Some(held) = read_ref(&self.discount, odd) {
            return held;
        }
        match &self.promotion_code {
            Ref::Is(promotion) if matches!(self.coupon, Ref::Absent) => of_coupon(&promotion.coupon, odd),
            _ => of_coupon(&self.coupon, odd),
        }
    }
}

fn of_coupon(coupon: &Ref<'_, CouponWire<'_>>, odd: &mut Oddities) -> DiscountState {
    let (coupon, terms) = match coupon {
        Ref::Absent | Ref::Odd => (None, None),
        Ref::Id(id) => (odd.fits("schedule.phases.coupon", id).then(|| CouponId::new(shared(id))), None),
        Ref::Is(coupon) => {
            let terms = coupon.read(odd);
            (terms.as_ref().map(|terms| terms.id.clone()), terms)
        }
    };
    DiscountState { coupon, terms, ..DiscountState::known_by(None) }
}
