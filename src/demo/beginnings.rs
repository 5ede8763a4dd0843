//! How customers arrive and subscriptions begin: on trial, with a coupon, for a fixed term, paid at once or soon.

use serde_json::Value;

use super::{
    catalog::{API_CALLS, Cycle, FREE, FRIENDS, Money, PLANS, PRODUCTS},
    life::{Simulator, Task},
    state::{Cancellation, Customer, Item, Period, Status, Subscription},
    wire,
};
use crate::ledger::time::UnixTime;

const DAY: i64 = UnixTime::DAY_SECONDS;
const NAMES: [&str; 12] = [
    "Acme",
    "Borealis",
    "Café Müller",
    "Dunlin",
    "Ember & Oak",
    "Fjord",
    "Grünwald",
    "Harbour",
    "Iris",
    "株式会社さくら",
    "Juniper",
    "Kestrel",
];
const INDUSTRIES: [&str; 5] = ["software", "retail", "health", "education", "logistics"];

/// A subscription to be begun.
pub(super) struct Order {
    pub(super) product: usize,
    pub(super) currency: Money,
    pub(super) cycle: Cycle,
    pub(super) trial: bool,
    /// Paid a moment after its creation, not with it.
    pub(super) incomplete: bool,
    pub(super) coupon: bool,
}

impl Simulator {
    pub(super) fn arrive(&mut self, at: UnixTime) {
        let currencies = [(Money::Usd, 52), (Money::Eur, 28), (Money::Jpy, 20)];
        let currency = self.random.weighted(&currencies).unwrap_or(Money::Usd);
        let country = match currency {
            Money::Usd => ["US", "CA", "US"][self.random.index(3)],
            Money::Eur => ["DE", "FR", "NL"][self.random.index(3)],
            Money::Jpy => "JP",
        };
        let place = self.customers.len();
        let name = format!("{} {}", NAMES[self.random.index(NAMES.len())], place + 1);
        let mut customer = Customer {
            id: self.random.id("cus_T", 13),
            email: format!("billing+{}@example.com", place + 1),
            name,
            country,
            industry: INDUSTRIES[self.random.index(INDUSTRIES.len())],
            currency,
            tax_exempt: currency == Money::Jpy && self.random.percent(15),
            created: at,
            card_trouble: if self.random.percent(12) { 28 } else { 3 },
            delinquent: false,
            deleted: false,
            discount: None,
            subscriptions: Vec::new(),
            shown: Value::Null,
        };
        customer.shown = wire::customer(&customer);
        let shown = customer.shown.clone();
        self.customers.push(customer);
        self.emit("customer.created", at, shown, None, true);
        if self.random.percent(6) {
            let coupon = if currency == Money::Jpy { FRIENDS } else { self.random.index(2) };
            self.discount_customer(place, coupon, at);
        }
        self.subscribe(place, currency, at);
    }

    /// A new subscription: perhaps on trial, perhaps with a coupon, perhaps for a fixed term, paid at once or soon.
    pub(super) fn subscribe(&mut self, customer: usize, currency: Money, at: UnixTime) {
        let cycles = [(Cycle::Month, 64), (Cycle::Year, 20), (Cycle::Quarter, 9), (Cycle::Week, 7)];
        let cycle = self.random.weighted(&cycles).unwrap_or(Cycle::Month);
        let plans = [(FREE, 4), (PLANS.start, 36), (PLANS.start + 1, 38), (PLANS.start + 2, 22)];
        let product = self.random.weighted(&plans).unwrap_or(PLANS.start);
        // Nothing tells the tax in a price until there is something to pay.
        let product = if currency == Money::Jpy { product.max(PLANS.start) } else { product };
        let trial = product != FREE && self.random.percent(30);
        let incomplete = !trial && self.random.percent(60);
        let coupon = product != FREE && self.random.percent(30);
        self.begin(customer, &Order { product, currency, cycle, trial, incomplete, coupon }, at);
    }

    pub(super) fn begin(&mut self, customer: usize, order: &Order, at: UnixTime) {
        let Order { product, currency, cycle, trial, .. } = *order;
        let item = self.new_item(product, currency, cycle, at);
        let id = self.random.id("sub_1T", 22);
        let mut subscription = Subscription {
            id,
            customer,
            currency,
            status: Status::Active,
            items: vec![item],
            discounts: Vec::new(),
            cycle,
            anchor: at,
            cycles: 1,
            period: Period { start: at, end: cycle.after(at, 1) },
            trial: None,
            created: at,
            cancel_at: None,
            cancel_at_period_end: false,
            fixed_term: false,
            promised: at,
            canceled_at: None,
            ended_at: None,
            cancellation: Cancellation::default(),
            collection_paused: None,
            latest_invoice: None,
            scheduled: None,
            successor: None,
            note: 0,
            invoice: Value::Null,
            prorations: Vec::new(),
            attempt: 0,
            shown: Value::Null,
        };
        if trial {
            let days = if self.random.percent(70) { 14 } else { 30 };
            let until = at.plus(days * DAY);
            subscription.status = Status::Trialing;
            subscription.period = Period { start: at, end: until };
            subscription.trial = Some(subscription.period);
        } else if order.incomplete {
            subscription.status = Status::Incomplete;
        }
        if !trial && cycle == Cycle::Month && self.random.percent(3) {
            let end = cycle.after(at, 6);
            subscription.cancel_at = Some(end);
            subscription.fixed_term = true;
        }
        let place = self.subscriptions.len();
        self.subscriptions.push(subscription);
        self.customers[customer].subscriptions.push(place);
        if order.coupon && self.customers[customer].discount.is_none() && !self.take_silent_coupon(place, trial, at) {
            self.take_coupon(place, at);
        }
        self.bill(place, "subscription_create", at);
        self.finalize(place, at);
        self.tell(place, "customer.subscription.created", at);
        self.observe(customer, at);
        if let Some(end) = self.subscriptions[place].cancel_at {
            self.plan(end, Task::End(place));
        }
        match self.subscriptions[place].status {
            Status::Trialing => {
                let until = self.subscriptions[place].period.end;
                self.pay(place, at);
                self.plan(until.plus(-3 * DAY), Task::TrialWillEnd(place));
                let delay = self.random.between(1, 40);
                self.plan(until.plus(delay), Task::TrialEnd(place));
                self.plan_turning_points(place, at);
            }
            Status::Incomplete => {
                let delay = self.random.between(0, 3);
                self.plan(at.plus(delay), Task::FirstPayment(place));
                self.plan_period(place, at);
            }
            _ => {
                self.pay(place, at);
                self.plan_period(place, at);
            }
        }
        self.think_later(place, at);
    }

    pub(super) fn new_item(&mut self, product: usize, currency: Money, cycle: Cycle, at: UnixTime) -> Item {
        let quantity = match product {
            API_CALLS => self.random.between(1, 40) * 1000,
            seats if PRODUCTS[seats].seats => self.random.between(2, 25),
            _ => 1,
        };
        let price = self.catalog.find(product, currency, cycle);
        Item { id: self.random.id("si_T", 14), price, quantity, created: at, discounts: Vec::new() }
    }
}
