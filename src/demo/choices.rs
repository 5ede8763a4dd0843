//! What customers decide about what they have: changing plans and seats, pausing, leaving, coming back; and the company's prices.

use serde_json::{Value, json};

use super::{
    beginnings::Order,
    catalog::{Cycle, Money, PLANS},
    life::{Simulator, Task},
    state::{Cancellation, Status, Subscription},
    wire,
};
use crate::ledger::time::UnixTime;

const DAY: i64 = UnixTime::DAY_SECONDS;
/// What a customer may do with a running subscription.
#[derive(Clone, Copy)]
enum Choice {
    Nothing,
    Note,
    MoreSeats,
    FewerSeats,
    Upgrade,
    Downgrade,
    AddOn,
    DropAddOn,
    ChangeCycle,
    TwoChangesAtOnce,
    TakeCoupon,
    LoseCoupon,
    CancelAtEnd,
    CancelNow,
    Dispute,
    PauseCollection,
    Pause,
    SecondSubscription,
    Replace,
    DeleteCustomer,
}

impl Simulator {
    pub(super) fn think_later(&mut self, place: usize, at: UnixTime) {
        let wait = self.random.between(12 * DAY, 70 * DAY);
        self.plan(at.plus(wait), Task::Decide(place));
    }

    pub(super) fn decide(&mut self, place: usize, at: UnixTime) {
        let subscription = &self.subscriptions[place];
        if subscription.status.is_final() {
            return;
        }
        self.think_later(place, at);
        let subscription = &self.subscriptions[place];
        let busy = at < subscription.promised || subscription.successor.is_some();
        if subscription.status != Status::Active
            || subscription.cancel_at.is_some()
            || subscription.period.end <= at
            || busy
        {
            return;
        }
        let choices = [
            (Choice::Nothing, 16),
            (Choice::Note, 8),
            (Choice::MoreSeats, 15),
            (Choice::FewerSeats, 6),
            (Choice::Upgrade, 8),
            (Choice::Downgrade, 4),
            (Choice::AddOn, 7),
            (Choice::DropAddOn, 3),
            (Choice::ChangeCycle, 4),
            (Choice::TwoChangesAtOnce, 4),
            (Choice::TakeCoupon, 4),
            (Choice::LoseCoupon, 2),
            (Choice::CancelAtEnd, 9),
            (Choice::CancelNow, 3),
            (Choice::Dispute, 1),
            (Choice::PauseCollection, 3),
            (Choice::Pause, 2),
            (Choice::SecondSubscription, 3),
            (Choice::Replace, 4),
            (Choice::DeleteCustomer, 1),
        ];
        match self.random.weighted(&choices).unwrap_or(Choice::Nothing) {
            Choice::Nothing => {}
            Choice::Note => {
                self.subscriptions[place].note += 1;
                self.update(place, at, true);
            }
            Choice::MoreSeats => {
                let more = self.random.between(1, 8);
                self.change_seats(place, more, at);
            }
            Choice::FewerSeats => {
                let fewer = self.random.between(1, 4);
                self.change_seats(place, -fewer, at);
            }
            Choice::Upgrade => self.change_plan(place, 1, at),
            Choice::Downgrade => self.change_plan(place, -1, at),
            Choice::AddOn => self.add_on(place, at),
            Choice::DropAddOn => self.drop_add_on(place, at),
            Choice::ChangeCycle => self.change_cycle(place, at),
            Choice::TwoChangesAtOnce => {
                self.change_plan(place, 1, at);
                self.change_seats(place, 3, at);
            }
            Choice::TakeCoupon => {
                let subscription = &self.subscriptions[place];
                let most = if subscription.currency == Money::Jpy { 1 } else { 2 };
                if self.customers[subscription.customer].discount.is_none() && subscription.discounts.len() < most {
                    self.take_coupon(place, at);
                    self.update(place, at, true);
                    self.plan_turning_points(place, at);
                }
            }
            Choice::LoseCoupon => self.lose_coupon(place, at),
            Choice::CancelAtEnd => self.cancel_at_end(place, at),
            Choice::CancelNow => {
                self.explain_cancellation(place);
                self.end(place, at);
            }
            Choice::Dispute => {
                self.subscriptions[place].cancellation.reason = Some("payment_disputed");
                self.end(place, at);
            }
            Choice::PauseCollection => {
                self.subscriptions[place].collection_paused = Some("void");
                self.update(place, at, true);
                let wait = self.random.between(5 * DAY, 60 * DAY);
                self.plan(at.plus(wait), Task::ResumeCollection(place));
            }
            Choice::Pause => {
                self.subscriptions[place].status = Status::Paused;
                self.subscriptions[place].period.end = at;
                self.tell_pause(place, "customer.subscription.paused", at);
                let wait = self.random.between(5 * DAY, 60 * DAY);
                self.plan(at.plus(wait), Task::Resume(place));
            }
            Choice::SecondSubscription => {
                let currency = self.perhaps_another(self.subscriptions[place].currency, 30);
                self.subscribe(self.subscriptions[place].customer, currency, at);
            }
            Choice::Replace => self.replace(place, at),
            Choice::DeleteCustomer => self.delete_customer(self.subscriptions[place].customer, at),
        }
    }

    /// `cancel_at_period_end` from the API sets both fields, the customer portal only `cancel_at` (docs/wire.md 3.2).
    fn cancel_at_end(&mut self, place: usize, at: UnixTime) {
        self.explain_cancellation(place);
        let by_api = self.random.percent(60);
        let subscription = &mut self.subscriptions[place];
        let end = subscription.period.end;
        subscription.cancel_at = Some(end);
        subscription.cancel_at_period_end = by_api;
        subscription.canceled_at = Some(at);
        self.update(place, at, true);
        self.plan(end, Task::End(place));
        if self.random.percent(25) {
            let wait = self.random.between(60, (end.0 - at.0).max(61));
            self.plan(at.plus(wait), Task::Withdraw(place));
        }
    }

    fn explain_cancellation(&mut self, place: usize) {
        let feedback =
            [Some("too_expensive"), Some("unused"), Some("missing_features"), Some("switched_service"), None];
        self.subscriptions[place].cancellation = Cancellation {
            reason: Some("cancellation_requested"),
            feedback: feedback[self.random.index(feedback.len())],
            comment: self.random.percent(20).then_some("We don’t need it this year."),
        };
    }

    pub(super) fn resume_collection(&mut self, place: usize, at: UnixTime) {
        let subscription = &mut self.subscriptions[place];
        if !subscription.status.is_final() && subscription.collection_paused.take().is_some() {
            self.update(place, at, true);
        }
    }

    pub(super) fn come_back(&mut self, customer: usize, at: UnixTime) {
        if !self.customers[customer].deleted {
            self.subscribe(customer, self.customers[customer].currency, at);
        }
    }

    /// Dollars and euros instead of each other, dollars instead of yen, in so many of a hundred cases.
    fn perhaps_another(&mut self, currency: Money, percent: u64) -> Money {
        match currency {
            kept if !self.random.percent(percent) => kept,
            Money::Usd => Money::Eur,
            Money::Eur | Money::Jpy => Money::Usd,
        }
    }

    /// How most check-out pages change plans: the old subscription ends and a new one begins, minutes apart, whichever is first.
    fn replace(&mut self, place: usize, at: UnixTime) {
        let held = self.catalog.prices[self.subscriptions[place].items[0].price].product;
        let wanted = if held + 1 < PLANS.end { held + 1 } else { PLANS.start };
        let currency = self.perhaps_another(self.subscriptions[place].currency, 20);
        self.subscriptions[place].successor = Some((wanted, currency));
        let later = at.plus(self.random.between(20, 1500));
        if self.random.percent(50) {
            self.explain_cancellation(place);
            self.end(place, at);
            self.plan(later, Task::Succeed(place));
        } else {
            self.succeed(place, at);
            self.plan(later, Task::GiveUp(place));
        }
    }

    pub(super) fn succeed(&mut self, place: usize, at: UnixTime) {
        let Subscription { customer, cycle, successor, .. } = self.subscriptions[place];
        let Some((product, currency)) = successor.filter(|_| !self.customers[customer].deleted) else { return };
        let incomplete = self.random.percent(50);
        self.begin(customer, &Order { product, currency, cycle, trial: false, incomplete, coupon: false }, at);
    }

    pub(super) fn give_up(&mut self, place: usize, at: UnixTime) {
        if !self.subscriptions[place].status.is_final() {
            self.explain_cancellation(place);
            self.end(place, at);
        }
    }

    fn delete_customer(&mut self, customer: usize, at: UnixTime) {
        if self.customers[customer].subscriptions.iter().any(|place| at < self.subscriptions[*place].promised) {
            return;
        }
        self.customers[customer].deleted = true;
        for place in self.customers[customer].subscriptions.clone() {
            if !self.subscriptions[place].status.is_final() {
                self.subscriptions[place].cancellation.reason = Some("cancellation_requested");
                self.end(place, at);
            }
        }
        let gone = wire::customer(&self.customers[customer]);
        self.emit("customer.deleted", at, gone, None, true);
    }

    /// New prices for every plan; most monthly and yearly subscriptions move to theirs with their next renewal.
    pub(super) fn raise_prices(&mut self, at: UnixTime) {
        for product in PLANS {
            for currency in Money::ALL {
                for cycle in Cycle::ALL {
                    let place = self.catalog.add(&mut self.random, product, currency, cycle, 1, at);
                    let price = wire::price(&self.catalog.prices[place]);
                    self.emit("price.created", at, price, None, true);
                }
            }
        }
        for place in 0..self.subscriptions.len() {
            let subscription = &self.subscriptions[place];
            let held = &self.catalog.prices[subscription.items[0].price];
            let renews = subscription.status == Status::Active && subscription.cancel_at.is_none();
            if !renews || !PLANS.contains(&held.product) || !self.random.percent(70) {
                continue;
            }
            let price = self.catalog.find(held.product, held.currency, held.cycle);
            let schedule = self.random.id("sub_sched_1T", 22);
            let shown = self.schedule_json(&schedule, place, "active", at);
            self.emit("subscription_schedule.created", at, shown, None, true);
            self.subscriptions[place].scheduled = Some((schedule, price));
            self.update(place, at, true);
        }
    }

    /// A schedule, as far as anyone needs it here.
    pub(super) fn schedule_json(&self, id: &str, place: usize, status: &str, at: UnixTime) -> Value {
        let subscription = &self.subscriptions[place];
        json!({
            "id": id,
            "object": "subscription_schedule",
            "created": at.0,
            "customer": self.customers[subscription.customer].id,
            "end_behavior": "release",
            "livemode": true,
            "metadata": {},
            "phases": [],
            "status": status,
            "subscription": subscription.id,
        })
    }
}
