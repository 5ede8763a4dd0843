//! Subscriptions and their items, from 2014 (one plan, no items) to endive (items with periods and trials of their own).

use std::sync::Arc;

use serde::Deserialize;

use super::{
    discount::{DiscountWire, discounts},
    json::{Array, List, Named, Obj, Oddities, Raw, Ref, shared},
    price::{PriceWire, TaxRateWire, read_price, tax_rates},
};
use crate::ledger::{
    fact::{CancelReason, ItemState, PauseCollection, Period, Status, SubscriptionState, TaxRate},
    ids::{CustomerId, InvoiceId, ItemId, SubscriptionId, TestClockId},
    money::Decimal,
    time::UnixTime,
};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SubscriptionWire<'a> {
    #[serde(borrow)]
    object: Raw<'a>,
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    customer: Ref<'a>,
    #[serde(borrow)]
    customer_account: Ref<'a>,
    #[serde(borrow)]
    status: Raw<'a>,
    #[serde(borrow)]
    currency: Raw<'a>,
    #[serde(borrow)]
    items: List<Obj<ItemWire<'a>>>,
    /// The only plan, before items; beside them for a single item since.
    #[serde(borrow)]
    plan: Ref<'a, PriceWire<'a>>,
    #[serde(borrow)]
    quantity: Raw<'a>,
    #[serde(borrow)]
    discount: Obj<DiscountWire<'a>>,
    #[serde(borrow)]
    discounts: List<Ref<'a, DiscountWire<'a>>>,
    #[serde(borrow)]
    default_tax_rates: Array<Ref<'a, TaxRateWire<'a>>>,
    #[serde(borrow)]
    tax_percent: Raw<'a>,
    #[serde(borrow)]
    created: Raw<'a>,
    #[serde(borrow)]
    start_date: Raw<'a>,
    /// The last change, not the start: only a bound for `created`, which old shapes lack.
    #[serde(borrow)]
    start: Raw<'a>,
    #[serde(borrow)]
    ended_at: Raw<'a>,
    #[serde(borrow)]
    canceled_at: Raw<'a>,
    #[serde(borrow)]
    cancel_at: Raw<'a>,
    #[serde(borrow)]
    cancel_at_period_end: Raw<'a>,
    #[serde(borrow)]
    trial_start: Raw<'a>,
    #[serde(borrow)]
    trial_end: Raw<'a>,
    #[serde(borrow)]
    current_period_start: Raw<'a>,
    #[serde(borrow)]
    current_period_end: Raw<'a>,
    #[serde(borrow)]
    pause_collection: Obj<PauseCollectionWire<'a>>,
    #[serde(borrow)]
    status_details: Obj<StatusDetails<'a>>,
    #[serde(borrow)]
    cancellation_details: Obj<CancellationDetails<'a>>,
    #[serde(borrow)]
    latest_invoice: Ref<'a>,
    #[serde(borrow)]
    pending_update: Raw<'a>,
    #[serde(borrow)]
    test_clock: Ref<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ItemWire<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    price: Ref<'a, PriceWire<'a>>,
    #[serde(borrow)]
    plan: Ref<'a, PriceWire<'a>>,
    #[serde(borrow)]
    quantity_decimal: Raw<'a>,
    #[serde(borrow)]
    quantity: Raw<'a>,
    #[serde(borrow)]
    discounts: List<Ref<'a, DiscountWire<'a>>>,
    #[serde(borrow)]
    tax_rates: Array<Ref<'a, TaxRateWire<'a>>>,
    #[serde(borrow)]
    current_period_start: Raw<'a>,
    #[serde(borrow)]
    current_period_end: Raw<'a>,
    #[serde(borrow)]
    current_trial: Obj<Trial<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Trial<'a> {
    #[serde(borrow)]
    start_date: Raw<'a>,
    #[serde(borrow)]
    end_date: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PauseCollectionWire<'a> {
    #[serde(borrow)]
    behavior: Raw<'a>,
    #[serde(borrow)]
    resumes_at: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StatusDetails<'a> {
    #[serde(borrow)]
    paused: Obj<Paused<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Paused<'a> {
    #[serde(borrow)]
    subscription: Obj<PausedSubscription<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PausedSubscription<'a> {
    #[serde(borrow, rename = "type")]
    kind: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CancellationDetails<'a> {
    #[serde(borrow)]
    reason: Raw<'a>,
    #[serde(borrow)]
    feedback: Raw<'a>,
}

impl Named for SubscriptionWire<'_> {
    fn object(&self) -> Raw<'_> {
        self.object
    }
}

impl SubscriptionWire<'_> {
    /// The state, or what is missing for there to be one. `seen` bounds `created` where the shape lacks it (2014 to
    /// about 2016).
    pub(super) fn read(&self, seen: UnixTime, odd: &mut Oddities) -> Result<SubscriptionState, &'static str> {
        let id = self.id.word("subscription.id", odd).ok_or("the subscription has no id")?;
        let customer = self.customer.id("subscription.customer", odd);
        let customer = customer
            .or_else(|| self.customer_account.id("subscription.customer_account", odd))
            .ok_or("the subscription has neither customer nor customer_account")?;
        let status = self.status.word("subscription.status", odd).ok_or("the subscription has no status")?;
        let own_period = period(self.current_period_start, self.current_period_end, "subscription.period", odd);
        let (items, items_complete) = self.items(&id, own_period, odd);
        let period = own_period.or_else(|| widest(&items));
        let created = self.created.time("subscription.created", odd);
        let cancellation = self.cancellation_details.get("subscription.cancellation_details", odd);
        Ok(SubscriptionState {
            id: SubscriptionId::new(id),
            customer: CustomerId::new(customer),
            status: read_status(status),
            currency: self
                .currency
                .currency("subscription.currency", odd)
                .or_else(|| items.iter().find_map(|item| item.price.currency)),
            items,
            items_complete,
            discounts: discounts(&self.discounts, &self.discount, odd),
            tax_rates: self.tax_rates(odd),
            created: created.unwrap_or_else(|| self.earliest(seen, period, odd)),
            created_bound: created.is_none(),
            start_date: self.start_date.time("subscription.start_date", odd),
            ended_at: self.ended_at.time("subscription.ended_at", odd),
            canceled_at: self.canceled_at.time("subscription.canceled_at", odd),
            // Words such as `min_period_end` are for requests; were one answered, the end is asked for all the same.
            cancel_at: self.cancel_at.time("subscription.cancel_at", odd),
            cancel_at_period_end: self.cancel_at_period_end.flag("subscription.cancel_at_period_end", odd)
                || self.cancel_at.string().is_some(),
            trial_start: self.trial_start.time("subscription.trial_start", odd),
            trial_end: self.trial_end.time("subscription.trial_end", odd),
            period,
            pause_collection: self.pause_collection.get("subscription.pause_collection", odd).map(|pause| {
                PauseCollection {
                    behavior: pause.behavior.text().unwrap_or_else(|| "unknown".into()),
                    resumes_at: pause.resumes_at.time("subscription.pause_collection.resumes_at", odd),
                }
            }),
            pause_reason: self.pause_reason(odd),
            cancel_reason: cancellation
                .and_then(|details| details.reason.word("subscription.cancellation_details.reason", odd))
                .map(read_cancel_reason),
            cancel_feedback: cancellation
                .and_then(|details| details.feedback.word("subscription.cancellation_details.feedback", odd)),
            latest_invoice: self.latest_invoice.id("subscription.latest_invoice", odd).map(InvoiceId::new),
            pending_update: self.pending_update.is_set(),
            test_clock: self.test_clock.id("subscription.test_clock", odd).map(TestClockId::new),
        })
    }

    /// The state before an update whose previous attributes name the top-level plan or quantity but not the items
    /// (dashboard samples, and shapes whose items came later): of a single item, these are the item's.
    pub(super) fn lay_over_single_item(&mut self, plan: bool, quantity: bool) {
        if let [Obj::Is(item)] = self.items.data.as_mut_slice() {
            if plan {
                (item.plan, item.price) = (std::mem::take(&mut self.plan), Ref::Absent);
            }
            if quantity {
                (item.quantity, item.quantity_decimal) = (self.quantity, Raw::default());
            }
        }
    }

    fn items(&self, id: &str, own_period: Option<Period>, odd: &mut Oddities) -> (Vec<ItemState>, bool) {
        if !self.items.is_set {
            let price = read_price([&self.plan], "item.price", odd);
            let Some((price, quantity)) = price.zip(quantity(self.quantity, odd)) else { return (Vec::new(), false) };
            let item = ItemState {
                id: ItemId::new(shared(id)),
                price,
                quantity,
                discounts: Vec::new(),
                tax_rates: Vec::new(),
                period: own_period,
                trial: None,
            };
            return (vec![item], true);
        }
        // Stripe has no subscription without an item: an empty list tells nothing.
        let mut complete = self.items.complete && !self.items.data.is_empty();
        let mut items = Vec::with_capacity(self.items.data.len());
        for item in &self.items.data {
            match item.get("subscription.items", odd).and_then(|item| item.read(own_period, odd)) {
                Some(item) => items.push(item),
                None => complete = false,
            }
        }
        (items, complete)
    }

    fn tax_rates(&self, odd: &mut Oddities) -> Vec<TaxRate> {
        let rates = tax_rates(&self.default_tax_rates, odd);
        match self.tax_percent.percent("subscription.tax_percent", odd) {
            Some(percentage) if rates.is_empty() => {
                vec![TaxRate { percentage: Some(percentage), inclusive: false, id: None }]
            }
            _ => rates,
        }
    }

    fn pause_reason(&self, odd: &mut Oddities) -> Option<Arc<str>> {
        let paused = self.status_details.get("subscription.status_details", odd)?;
        let paused = paused.paused.get("subscription.status_details.paused", odd)?;
        let subscription = paused.subscription.get("subscription.status_details.paused.subscription", odd)?;
        subscription.kind.word("subscription.status_details.paused.subscription.type", odd)
    }

    /// Without a `created`: the earliest instant at which the snapshot shows it there.
    fn earliest(&self, seen: UnixTime, period: Option<Period>, odd: &mut Oddities) -> UnixTime {
        let known = [
            self.start_date.time("subscription.start_date", odd),
            self.start.time("subscription.start", odd),
            self.trial_start.time("subscription.trial_start", odd),
            period.map(|period| period.start),
        ];
        known.into_iter().flatten().fold(seen, UnixTime::min)
    }
}

impl ItemWire<'_> {
    /// The item; `None` where its id, price, quantity or trial can't be told, so that the list counts as incomplete. To
    /// say that its price is unknown would not do: terms are joined by id, and would price what it isn't.
    fn read(&self, own_period: Option<Period>, odd: &mut Oddities) -> Option<ItemState> {
        let id = ItemId::new(self.id.word("item.id", odd)?);
        let price = read_price([&self.price, &self.plan], "item.price", odd)?;
        let quantity = quantity(self.quantity_decimal.or(self.quantity), odd)?;
        let period = period(self.current_period_start, self.current_period_end, "item.period", odd).or(own_period);
        let trial = match self.current_trial.get("item.current_trial", odd) {
            Some(trial) => {
                let start = trial.start_date.time("item.current_trial.start_date", odd);
                let start = start.or(period.map(|period| period.start))?;
                Some(Period { start, end: trial.end_date.time("item.current_trial.end_date", odd)? })
            }
            None if self.current_trial.is_set() => return None,
            None => None,
        };
        Some(ItemState {
            id,
            price,
            quantity,
            discounts: discounts(&self.discounts, &Obj::Absent, odd),
            tax_rates: tax_rates(&self.tax_rates, odd),
            period,
            trial,
        })
    }
}

/// The quantity, if any; `None` where one is set but can't be read.
fn quantity(raw: Raw<'_>, odd: &mut Oddities) -> Option<Option<Decimal>> {
    let quantity = raw.decimal("item.quantity", odd);
    (quantity.is_some() || !raw.is_set()).then_some(quantity)
}

fn period(start: Raw<'_>, end: Raw<'_>, field: &'static str, odd: &mut Oddities) -> Option<Period> {
    let (start, end) = (start.time(field, odd)?, end.time(field, odd)?);
    Some(Period { start, end })
}

fn widest(items: &[ItemState]) -> Option<Period> {
    let periods = || items.iter().filter_map(|item| item.period);
    let (start, end) = (periods().map(|period| period.start).min()?, periods().map(|period| period.end).max()?);
    Some(Period { start, end })
}

fn read_status(status: Arc<str>) -> Status {
    match &*status {
        "incomplete" => Status::Incomplete,
        "incomplete_expired" => Status::IncompleteExpired,
        "trialing" => Status::Trialing,
        "active" => Status::Active,
        "past_due" => Status::PastDue,
        "unpaid" => Status::Unpaid,
        "paused" => Status::Paused,
        "canceled" => Status::Canceled,
        _ => Status::Other(status),
    }
}

fn read_cancel_reason(reason: Arc<str>) -> CancelReason {
    match &*reason {
        "cancellation_requested" => CancelReason::CancellationRequested,
        "payment_failed" => CancelReason::PaymentFailed,
        "payment_disputed" => CancelReason::PaymentDisputed,
        "canceled_by_retention_policy" => CancelReason::RetentionPolicy,
        _ => CancelReason::Other(reason),
    }
}
