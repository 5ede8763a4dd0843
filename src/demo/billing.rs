//! What Stripe does by itself: first payments, trials' ends, renewals, dunning, and ends.

use serde_json::Value;

use crate::ledger::time::UnixTime;

use super::{
    invoice,
    life::{Simulator, Task},
    state::{Cancellation, Status},
    wire,
};

const DAY: i64 = UnixTime::DAY_SECONDS;

impl Simulator {
    /// A draft invoice for the current period.
    pub(super) fn bill(&mut self, place: usize, reason: &str, at: UnixTime) {
        let subscription = &self.subscriptions[place];
        let customer = &self.customers[subscription.customer];
        let draft = invoice::draft(subscription, customer, &self.catalog, &mut self.random, reason, at);
        let subscription = &mut self.subscriptions[place];
        subscription.latest_invoice = draft["id"].as_str().map(str::to_owned);
        subscription.invoice = draft.clone();
        subscription.prorations.clear();
        self.emit("invoice.created", at, draft, None, false);
    }

    /// The draft becomes final.
    pub(super) fn finalize(&mut self, place: usize, at: UnixTime) {
        let open = invoice::finalized(self.subscriptions[place].invoice.clone(), at);
        self.subscriptions[place].invoice = open.clone();
        self.emit("invoice.finalized", at, open, None, false);
    }

    /// The open invoice is paid: five events in one second, in no particular order.
    pub(super) fn pay(&mut self, place: usize, at: UnixTime) {
        let paid = invoice::paid(self.subscriptions[place].invoice.clone(), at);
        self.subscriptions[place].invoice = paid.clone();
        if paid["amount_due"].as_i64().unwrap_or(0) > 0 {
            for (kind, object) in [("charge.succeeded", "charge"), ("payment_intent.succeeded", "payment_intent")] {
                let payment = invoice::payment(object, &paid, &mut self.random, "succeeded", at);
                self.emit(kind, at, payment, None, false);
            }
        }
        self.emit("invoice.payment_succeeded", at, paid.clone(), None, false);
        self.emit("invoice.paid", at, paid, None, false);
    }

    /// An attempt fails; the next one is due at `next`.
    fn fail(&mut self, place: usize, at: UnixTime, next: Option<UnixTime>) {
        let failed = invoice::failed(self.subscriptions[place].invoice.clone(), next);
        self.subscriptions[place].invoice = failed.clone();
        for (kind, object) in [("charge.failed", "charge"), ("payment_intent.payment_failed", "payment_intent")] {
            let payment = invoice::payment(object, &failed, &mut self.random, "failed", at);
            self.emit(kind, at, payment, None, false);
        }
        self.emit("invoice.payment_failed", at, failed, None, false);
    }

    /// Puts the end of the current period on the agenda, and whatever else time alone will change.
    pub(super) fn plan_period(&mut self, place: usize, at: UnixTime) {
        let delay = self.random.between(3, 40);
        self.plan(self.subscriptions[place].period.end.plus(delay), Task::Renew(place));
        self.plan_turning_points(place, at);
    }

    /// Puts the ends of discounts on the agenda.
    pub(super) fn plan_turning_points(&mut self, place: usize, at: UnixTime) {
        let customer = self.subscriptions[place].customer;
        for turn in self.subscriptions[place].turning_points() {
            if turn > at {
                self.plan(turn, Task::Observe(customer));
            }
        }
    }

    pub(super) fn first_payment(&mut self, place: usize, at: UnixTime) {
        if self.subscriptions[place].status != Status::Incomplete {
            return;
        }
        if self.random.percent(4) {
            self.fail(place, at, None);
            self.plan(at.plus(23 * 3600), Task::Expire(place));
        } else {
            self.subscriptions[place].status = Status::Active;
            self.update(place, at, true);
            self.pay(place, at);
        }
    }

    pub(super) fn expire(&mut self, place: usize, at: UnixTime) {
        if self.subscriptions[place].status == Status::Incomplete {
            self.subscriptions[place].status = Status::IncompleteExpired;
            self.void(place, at);
            self.update(place, at, false);
        }
    }

    pub(super) fn trial_end(&mut self, place: usize, at: UnixTime) {
        let subscription = &mut self.subscriptions[place];
        if subscription.status != Status::Trialing {
            return;
        }
        match self.random.below(100) {
            0..65 => {
                subscription.status = Status::Active;
                subscription.anchor_at(subscription.period.end);
                self.drop_discounts(place, at);
                self.bill(place, "subscription_cycle", at);
                self.update(place, at, false);
                self.plan_period(place, at);
                self.plan(at.plus(3600), Task::Collect(place));
            }
            65..80 => {
                subscription.status = Status::Paused;
                self.tell_pause(place, "customer.subscription.paused", at);
                if self.random.percent(30) {
                    let wait = self.random.between(5 * DAY, 40 * DAY);
                    self.plan(at.plus(wait), Task::Resume(place));
                }
            }
            _ => {
                subscription.cancellation.reason = Some("cancellation_requested");
                self.end(place, at);
            }
        }
    }

    pub(super) fn renew(&mut self, place: usize, at: UnixTime) {
        let subscription = &mut self.subscriptions[place];
        let renews = matches!(subscription.status, Status::Active | Status::PastDue | Status::Unpaid);
        if !renews || subscription.period.end > at {
            return;
        }
        subscription.next_period();
        if let Some((schedule, price)) = subscription.scheduled.take() {
            subscription.items[0].price = price;
            let schedule = self.schedule_json(&schedule, place, "released", at);
            self.emit("subscription_schedule.released", at, schedule, None, false);
        }
        self.drop_discounts(place, at);
        self.bill(place, "subscription_cycle", at);
        self.update(place, at, false);
        self.plan_period(place, at);
        self.plan(at.plus(3600), Task::Collect(place));
    }

    /// Discounts that are used up leave the list with the new period.
    pub(super) fn drop_discounts(&mut self, place: usize, at: UnixTime) {
        for discount in self.subscriptions[place].drop_ended_discounts() {
            if discount.silent {
                continue;
            }
            let subscription = &self.subscriptions[place];
            let customer = &self.customers[subscription.customer];
            let ended = wire::discount(&discount, customer, Some(&subscription.id), None);
            self.emit("customer.discount.deleted", at, ended, None, false);
        }
    }

    pub(super) fn collect(&mut self, place: usize, at: UnixTime) {
        let subscription = &self.subscriptions[place];
        if subscription.invoice["status"] != "draft" || subscription.collection_paused.is_some() {
            return;
        }
        match subscription.status {
            Status::Active | Status::PastDue => {}
            Status::Unpaid => return,
            _ => return self.void(place, at),
        }
        let trouble = self.customers[subscription.customer].card_trouble;
        let due = subscription.invoice["amount_due"].as_i64().unwrap_or(0);
        self.finalize(place, at);
        if due > 0 && at >= self.subscriptions[place].promised && self.random.percent(trouble) {
            self.fail(place, at, Some(at.plus(3 * DAY)));
            self.subscriptions[place].status = Status::PastDue;
            self.subscriptions[place].attempt = 1;
            self.update(place, at, false);
            self.set_delinquent(place, true, at);
            self.plan(at.plus(3 * DAY), Task::Retry(place));
        } else {
            self.recover(place, at);
        }
    }

    pub(super) fn retry(&mut self, place: usize, at: UnixTime) {
        if self.subscriptions[place].status != Status::PastDue {
            return;
        }
        if self.random.percent(55) {
            return self.recover(place, at);
        }
        self.subscriptions[place].attempt += 1;
        if self.subscriptions[place].attempt <= 3 {
            let next = at.plus(self.random.between(3, 7) * DAY);
            self.fail(place, at, Some(next));
            return self.plan(next, Task::Retry(place));
        }
        self.fail(place, at, None);
        if self.random.percent(35) {
            self.subscriptions[place].status = Status::Unpaid;
            self.update(place, at, false);
            let wait = self.random.between(10 * DAY, 40 * DAY);
            self.plan(at.plus(wait), Task::Settle(place));
        } else {
            self.subscriptions[place].cancellation.reason = Some("payment_failed");
            self.end(place, at);
        }
    }

    pub(super) fn settle(&mut self, place: usize, at: UnixTime) {
        if self.subscriptions[place].status != Status::Unpaid {
            return;
        }
        if self.random.percent(35) {
            self.recover(place, at);
        } else {
            self.subscriptions[place].cancellation.reason = Some("payment_failed");
            self.end(place, at);
        }
    }

    /// The invoice is paid, and whatever its failure brought is over.
    fn recover(&mut self, place: usize, at: UnixTime) {
        self.pay(place, at);
        self.subscriptions[place].status = Status::Active;
        self.update(place, at, false);
        self.set_delinquent(place, false, at);
    }

    fn set_delinquent(&mut self, place: usize, delinquent: bool, at: UnixTime) {
        let customer = self.subscriptions[place].customer;
        if !self.customers[customer].deleted {
            self.customers[customer].delinquent = delinquent;
            self.update_customer(customer, at);
        }
    }

    /// The open invoice, if any, is voided.
    pub(super) fn void(&mut self, place: usize, at: UnixTime) {
        if matches!(self.subscriptions[place].invoice["status"].as_str(), Some("draft" | "open")) {
            let void = invoice::voided(self.subscriptions[place].invoice.clone(), at);
            self.subscriptions[place].invoice = Value::Null;
            self.emit("invoice.voided", at, void, None, false);
        }
    }

    /// The subscription ends at `at`; the event about it may come a little later.
    pub(super) fn end(&mut self, place: usize, at: UnixTime) {
        let subscription = &mut self.subscriptions[place];
        subscription.status = Status::Canceled;
        subscription.ended_at = Some(at);
        subscription.canceled_at = subscription.canceled_at.or(Some(at));
        let customer = subscription.customer;
        let told = at.plus(self.random.between(0, 3));
        self.tell(place, "customer.subscription.deleted", told);
        self.void(place, told);
        self.observe(customer, at);
        if self.random.percent(18) {
            let wait = self.random.between(10 * DAY, 200 * DAY);
            self.plan(at.plus(wait), Task::Return(customer));
        }
    }

    pub(super) fn resume(&mut self, place: usize, at: UnixTime) {
        if self.subscriptions[place].status != Status::Paused {
            return;
        }
        self.subscriptions[place].status = Status::Active;
        self.subscriptions[place].anchor_at(at);
        self.drop_discounts(place, at);
        self.bill(place, "subscription_cycle", at);
        self.tell_pause(place, "customer.subscription.resumed", at);
        self.plan_period(place, at);
        self.plan(at.plus(3600), Task::Collect(place));
    }

    /// `paused` and `resumed` come with an `updated` of the same second, before or after it.
    pub(super) fn tell_pause(&mut self, place: usize, kind: &'static str, at: UnixTime) {
        let state = self.subscription_json(place);
        let first = self.random.percent(50);
        if first {
            self.emit(kind, at, state.clone(), None, true);
        }
        self.update(place, at, true);
        if !first {
            self.emit(kind, at, state, None, true);
        }
    }

    /// Forgets a cancellation that was asked for.
    pub(super) fn withdraw(&mut self, place: usize, at: UnixTime) {
        let subscription = &mut self.subscriptions[place];
        let pending = subscription.cancel_at.is_some_and(|cancel_at| at < cancel_at) && !subscription.fixed_term;
        if pending && !subscription.status.is_final() {
            subscription.cancel_at = None;
            subscription.cancel_at_period_end = false;
            subscription.canceled_at = None;
            subscription.cancellation = Cancellation::default();
            self.update(place, at, true);
        }
    }
}
