//! The life of the account: an agenda of what is due when, and what each thing due shows to the outside.

use std::{cmp::Reverse, collections::BinaryHeap};

use serde_json::Value;

use crate::ledger::time::UnixTime;

use super::{
    catalog::{COUPONS, Catalog, PRODUCTS},
    event::{Event, difference, event},
    random::Random,
    rates::Rates,
    state::{Customer, Status, Subscription},
    truth::Truth,
    wire,
    worth::{RULES, Worth, Worths, worth},
};

/// Something due. The numbers are places of a customer or a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    /// A new customer signs up.
    Arrive,
    /// Time alone may have changed what a customer is worth.
    Observe(usize),
    /// The first invoice is to be paid.
    FirstPayment(usize),
    /// It never was.
    Expire(usize),
    /// Three days before a trial's end.
    TrialWillEnd(usize),
    /// A trial is over.
    TrialEnd(usize),
    /// A billing cycle is over.
    Renew(usize),
    /// The draft of a renewal becomes final and is collected.
    Collect(usize),
    /// A failed payment is tried again.
    Retry(usize),
    /// An unpaid subscription is paid after all, or given up.
    Settle(usize),
    /// A scheduled cancellation takes effect.
    End(usize),
    /// A scheduled cancellation is withdrawn.
    Withdraw(usize),
    /// A pause is over.
    Resume(usize),
    /// Paused collection is over.
    ResumeCollection(usize),
    /// The customer thinks about the subscription.
    Decide(usize),
    /// A lost customer comes back.
    Return(usize),
    /// The plan that takes a subscription's place begins.
    Succeed(usize),
    /// What another plan has taken the place of is cancelled.
    GiveUp(usize),
    /// The price list rises.
    RaisePrices,
}

/// A simulated Stripe account: the same seed, size and span live the same life.
#[derive(Debug)]
pub struct Simulator {
    pub(super) random: Random,
    pub(super) catalog: Catalog,
    pub(super) customers: Vec<Customer>,
    pub(super) subscriptions: Vec<Subscription>,
    truth: Truth,
    /// When the figures are asked for: what a discount is that nobody tells has shown by then.
    pub(super) end: UnixTime,
    /// Events tell every discount.
    pub(super) outspoken: bool,
    agenda: BinaryHeap<Reverse<(UnixTime, u64, Task)>>,
    planned: u64,
    out: Vec<Event>,
}

impl Simulator {
    /// An account that is opened at `start` and has won so many customers by `end`, the later the more.
    pub fn new(seed: u64, customers: u32, start: UnixTime, end: UnixTime) -> Self {
        let mut random = Random::new(seed);
        let catalog = Catalog::new(&mut random, start);
        let mut account = Self {
            random,
            catalog,
            customers: Vec::new(),
            subscriptions: Vec::new(),
            truth: Truth::new(Rates::drawn(seed, start, end)),
            end,
            outspoken: false,
            agenda: BinaryHeap::new(),
            planned: 0,
            out: Vec::new(),
        };
        account.open(start);
        let span = end.0.saturating_sub(start.0).max(1);
        for _ in 0..customers {
            let (one, other) = (account.random.between(60, span), account.random.between(60, span));
            account.plan(start.plus(one.max(other)), Task::Arrive);
        }
        account.plan(start.plus(span / 8 * 5), Task::RaisePrices);
        account
    }

    /// The same account, whose events tell every discount: what an API that shows them all would be built from.
    #[must_use]
    pub fn outspoken(self) -> Self {
        Self { outspoken: true, ..self }
    }

    /// What the account knows of its own figures.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// Lives on until `until` (excluded) and hands over what happened, in the order of `created`.
    pub fn advance(&mut self, until: UnixTime) -> Vec<Event> {
        while self.agenda.peek().is_some_and(|Reverse((at, ..))| *at < until) {
            if let Some(Reverse((at, _, task))) = self.agenda.pop() {
                self.perform(task, at);
            }
        }
        let mut events = std::mem::take(&mut self.out);
        events.sort_by_key(|event| event.created);
        events
    }

    /// Lets something happen right at `at`: somebody signs up or thinks about a subscription.
    pub fn act(&mut self, at: UnixTime) -> Vec<Event> {
        let mut events = self.advance(at);
        let running = |place: &usize| self.subscriptions[*place].status == Status::Active;
        let running: Vec<usize> = (0..self.subscriptions.len()).filter(running).collect();
        if running.is_empty() || self.random.percent(30) {
            self.perform(Task::Arrive, at);
        } else {
            let chosen = running[self.random.index(running.len())];
            self.perform(Task::Decide(chosen), at);
        }
        events.extend(self.advance(at.plus(1)));
        events
    }

    /// Puts something on the agenda.
    pub(super) fn plan(&mut self, at: UnixTime, task: Task) {
        self.planned += 1;
        self.agenda.push(Reverse((at, self.planned, task)));
    }

    fn perform(&mut self, task: Task, at: UnixTime) {
        match task {
            Task::Arrive => self.arrive(at),
            Task::Observe(customer) => self.observe(customer, at),
            Task::FirstPayment(subscription) => self.first_payment(subscription, at),
            Task::Expire(subscription) => self.expire(subscription, at),
            Task::TrialWillEnd(subscription) => {
                if self.subscriptions[subscription].status == Status::Trialing {
                    self.tell(subscription, "customer.subscription.trial_will_end", at);
                }
            }
            Task::TrialEnd(subscription) => self.trial_end(subscription, at),
            Task::Renew(subscription) => self.renew(subscription, at),
            Task::Collect(subscription) => self.collect(subscription, at),
            Task::Retry(subscription) => self.retry(subscription, at),
            Task::Settle(subscription) => self.settle(subscription, at),
            Task::End(subscription) => {
                let due = self.subscriptions[subscription].cancel_at.is_some_and(|cancel_at| cancel_at <= at);
                if due && !self.subscriptions[subscription].status.is_final() {
                    self.end(subscription, at);
                }
            }
            Task::Withdraw(subscription) => self.withdraw(subscription, at),
            Task::Resume(subscription) => self.resume(subscription, at),
            Task::ResumeCollection(subscription) => self.resume_collection(subscription, at),
            Task::Decide(subscription) => self.decide(subscription, at),
            Task::Return(customer) => self.come_back(customer, at),
            Task::Succeed(subscription) => self.succeed(subscription, at),
            Task::GiveUp(subscription) => self.give_up(subscription, at),
            Task::RaisePrices => self.raise_prices(at),
        }
    }

    /// The catalogue comes first.
    fn open(&mut self, at: UnixTime) {
        for place in 0..PRODUCTS.len() {
            self.emit("product.created", at, wire::product(place, at), None, true);
        }
        for place in 0..self.catalog.prices.len() {
            let price = wire::price(&self.catalog.prices[place]);
            self.emit("price.created", at, price, None, true);
        }
        for place in 0..COUPONS.len() {
            self.emit("coupon.created", at, wire::coupon(place, at), None, true);
        }
    }

    /// One event about any object. Automatic ones carry no request.
    pub(super) fn emit(
        &mut self,
        kind: &'static str,
        at: UnixTime,
        object: Value,
        previous: Option<Value>,
        asked_for: bool,
    ) {
        let id = self.random.id("evt_1T", 22);
        let request = asked_for.then(|| self.random.id("req_", 14));
        self.out.push(event(id, kind, at, object, previous, request));
    }

    /// Shows the subscription's state in an event that isn't an update.
    pub(super) fn tell(&mut self, place: usize, kind: &'static str, at: UnixTime) {
        let state = self.subscription_json(place);
        self.subscriptions[place].shown = state.clone();
        self.emit(kind, at, state, None, false);
    }

    /// Shows what changed of the subscription, if anything did, and notes what the customer is worth now.
    pub(super) fn update(&mut self, place: usize, at: UnixTime, asked_for: bool) {
        let state = self.subscription_json(place);
        if let Some(previous) = difference(&self.subscriptions[place].shown, &state) {
            self.subscriptions[place].shown = state.clone();
            self.emit("customer.subscription.updated", at, state, Some(previous), asked_for);
        }
        self.observe(self.subscriptions[place].customer, at);
    }

    /// The same for a customer.
    pub(super) fn update_customer(&mut self, place: usize, at: UnixTime) {
        let state = wire::customer(&self.customers[place]);
        if let Some(previous) = difference(&self.customers[place].shown, &state) {
            self.customers[place].shown = state.clone();
            self.emit("customer.updated", at, state, Some(previous), true);
        }
        self.observe(place, at);
    }

    /// The subscription as a webhook shows it.
    pub(super) fn subscription_json(&self, place: usize) -> Value {
        let subscription = &self.subscriptions[place];
        wire::subscription(subscription, &self.customers[subscription.customer], &self.catalog)
    }

    /// Notes what a customer is worth, under each rule set.
    pub(super) fn observe(&mut self, place: usize, at: UnixTime) {
        let customer = &self.customers[place];
        let worths = RULES.map(|rules| {
            let mut sums = Worths::default();
            for subscription in customer.subscriptions.iter().map(|place| &self.subscriptions[*place]) {
                let one = worth(subscription, customer, &self.catalog, &rules, at);
                sums.entry(subscription.currency).or_default().add(one);
            }
            sums.retain(|_, sum| *sum != Worth::default());
            sums
        });
        self.truth.note(&customer.id, at, worths);
    }
}
