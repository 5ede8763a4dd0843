//! What a decision changes in a running subscription: its seats, its plan, its add-ons, how often it bills, its discounts.

use serde_json::json;

use crate::ledger::time::UnixTime;

use super::{
    catalog::{ADD_ONS, COUPONS, Cycle, FRIENDS, Lasts, Money, ODD_DOLLARS, Off, PLANS, PRODUCTS, SPRING, WELCOME},
    invoice,
    life::Simulator,
    state::{Discount, Item},
    wire,
};

const DAY: i64 = UnixTime::DAY_SECONDS;

impl Simulator {
    pub(super) fn change_seats(&mut self, place: usize, by: i64, at: UnixTime) {
        let item = &mut self.subscriptions[place].items[0];
        if PRODUCTS[self.catalog.prices[item.price].product].seats {
            item.quantity = (item.quantity + by).max(1);
            self.update(place, at, true);
        }
    }

    /// One plan up or down; the add-ons stay.
    pub(super) fn change_plan(&mut self, place: usize, by: isize, at: UnixTime) {
        let subscription = &self.subscriptions[place];
        let (currency, cycle) = (subscription.currency, subscription.cycle);
        let held = self.catalog.prices[subscription.items[0].price].product;
        let Some(wanted) = held.checked_add_signed(by).filter(|wanted| PLANS.contains(wanted)) else { return };
        let price = self.catalog.find(wanted, currency, cycle);
        let before = self.subscriptions[place].items.clone();
        let item = &mut self.subscriptions[place].items[0];
        item.price = price;
        if !PRODUCTS[wanted].seats {
            item.quantity = 1;
        }
        self.subscriptions[place].scheduled = None;
        self.tell_prorations(place, &before, at);
        self.update(place, at, true);
    }

    pub(super) fn add_on(&mut self, place: usize, at: UnixTime) {
        let subscription = &self.subscriptions[place];
        if subscription.currency == Money::Jpy {
            // Its tax would be told by the next invoice only, which may never come.
            return;
        }
        let product = ADD_ONS.start + self.random.index(ADD_ONS.len());
        let holds = |item: &Item| self.catalog.prices[item.price].product == product;
        if subscription.items.iter().any(holds) {
            return;
        }
        let (currency, cycle) = (subscription.currency, subscription.cycle);
        let mut item = self.new_item(product, currency, cycle, at);
        let customer = self.subscriptions[place].customer;
        if self.customers[customer].discount.is_none() && self.random.percent(20) {
            let discount = Discount::new(self.random.id("di_1T", 22), self.random.index(2), at);
            let subscription = &self.subscriptions[place];
            let shown = wire::discount(&discount, &self.customers[customer], Some(&subscription.id), Some(&item.id));
            self.emit("customer.discount.created", at, shown, None, true);
            item.discounts.push(discount);
        }
        let before = self.subscriptions[place].items.clone();
        self.subscriptions[place].items.push(item);
        self.tell_prorations(place, &before, at);
        self.update(place, at, true);
    }

    pub(super) fn drop_add_on(&mut self, place: usize, at: UnixTime) {
        if self.subscriptions[place].items.len() > 1 {
            self.subscriptions[place].items.pop();
            self.update(place, at, true);
        }
    }

    /// Between monthly and yearly: every item, with a new anchor and an invoice at once.
    pub(super) fn change_cycle(&mut self, place: usize, at: UnixTime) {
        let currency = self.subscriptions[place].currency;
        let cycle = if self.subscriptions[place].cycle == Cycle::Year { Cycle::Month } else { Cycle::Year };
        for item in 0..self.subscriptions[place].items.len() {
            let product = self.catalog.prices[self.subscriptions[place].items[item].price].product;
            self.subscriptions[place].items[item].price = self.catalog.find(product, currency, cycle);
        }
        let subscription = &mut self.subscriptions[place];
        subscription.scheduled = None;
        subscription.cycle = cycle;
        subscription.anchor_at(at);
        self.drop_discounts(place, at);
        self.bill(place, "subscription_update", at);
        self.update(place, at, true);
        self.finalize(place, at);
        self.pay(place, at);
        self.plan_period(place, at);
    }

    /// The two invoice items of a change within a period, and their lines on the next invoice: never MRR.
    pub(super) fn tell_prorations(&mut self, place: usize, before: &[Item], at: UnixTime) {
        let lines = invoice::prorations(before, &self.subscriptions[place], &self.catalog, at);
        self.subscriptions[place].prorations.extend(lines);
        for amount in [-500, 900] {
            let subscription = &self.subscriptions[place];
            let item = json!({
                "id": self.random.id("ii_1T", 22),
                "object": "invoiceitem",
                "amount": amount,
                "currency": subscription.currency.as_str(),
                "customer": self.customers[subscription.customer].id,
                "date": at.0,
                "discountable": false,
                "livemode": true,
                "parent": {
                    "subscription_details": {"subscription": subscription.id, "subscription_item": subscription.items[0].id},
                    "type": "subscription_details",
                },
                "period": {"end": subscription.period.end.0, "start": at.0},
                "proration": true,
                "quantity": 1,
            });
            self.emit("invoiceitem.created", at, item, None, true);
        }
    }

    /// A coupon that fits the currency; the caller shows the subscription.
    pub(super) fn take_coupon(&mut self, place: usize, at: UnixTime) {
        let currency = self.subscriptions[place].currency;
        let fits = |place: &usize| match COUPONS[*place].off {
            // No line tells the tax in nothing, and that in a third isn't whole.
            Off::Permille(permille) => currency != Money::Jpy || (permille % 100 == 0 && permille < 1000),
            Off::Amount(_, of) => of == currency,
        };
        let fitting: Vec<usize> = (0..COUPONS.len()).filter(fits).collect();
        let coupon = fitting[self.random.index(fitting.len())];
        let discount = Discount::new(self.random.id("di_1T", 22), coupon, at);
        let subscription = &self.subscriptions[place];
        let customer = &self.customers[subscription.customer];
        let shown = wire::discount(&discount, customer, Some(&subscription.id), None);
        self.subscriptions[place].discounts.push(discount);
        self.emit("customer.discount.created", at, shown, None, true);
    }

    /// A coupon that only invoice lines tell of; false where none fits.
    pub(super) fn take_silent_coupon(&mut self, place: usize, trial: bool, at: UnixTime) -> bool {
        if trial || self.random.percent(50) {
            return false;
        }
        let subscription = &self.subscriptions[place];
        let (currency, cycle) = (subscription.currency, subscription.cycle);
        // Renewed so often it has shown how long it lasts. Its renewals are told up to 40 s late, on the same day.
        let renewals = |count: i64| cycle.after(at, count).plus(2 * DAY);
        let late_in_the_day = at.0.rem_euclid(DAY) > DAY - 60;
        let monthly = cycle == Cycle::Month && !late_in_the_day;
        let (coupon, promised) = match self.random.below(4) {
            0 => (FRIENDS, at),
            1 if monthly => (SPRING, renewals(3)),
            2 if monthly => (WELCOME, renewals(1)),
            3 if monthly && currency == Money::Usd => (ODD_DOLLARS, at),
            _ => return false,
        };
        if promised.plus(2 * DAY) > self.end {
            return false;
        }
        let silent = !self.outspoken;
        let discount = Discount { silent, ..Discount::new(self.random.id("di_1T", 22), coupon, at) };
        if !silent {
            let subscription = &self.subscriptions[place];
            let shown = wire::discount(&discount, &self.customers[subscription.customer], Some(&subscription.id), None);
            self.emit("customer.discount.created", at, shown, None, true);
        }
        self.subscriptions[place].promised = promised;
        self.subscriptions[place].discounts.push(discount);
        true
    }

    pub(super) fn lose_coupon(&mut self, place: usize, at: UnixTime) {
        let subscription = &mut self.subscriptions[place];
        let Some(last) = subscription.discounts.pop() else {
            let customer = subscription.customer;
            return self.lose_customer_coupon(customer, at);
        };
        let customer = &self.customers[subscription.customer];
        let shown = wire::discount(&last, customer, Some(&subscription.id), None);
        if !last.silent {
            self.emit("customer.discount.deleted", at, shown, None, true);
        }
        self.update(place, at, true);
    }

    /// A discount on the customer: it falls on every subscription without one of its own.
    pub(super) fn discount_customer(&mut self, place: usize, coupon: usize, at: UnixTime) {
        debug_assert!(COUPONS[coupon].lasts == Lasts::Forever, "its end would need a period of its own");
        let discount = Discount::new(self.random.id("di_1T", 22), coupon, at);
        let shown = wire::discount(&discount, &self.customers[place], None, None);
        self.customers[place].discount = Some(discount);
        self.emit("customer.discount.created", at, shown, None, true);
        self.update_customer(place, at);
    }

    pub(super) fn lose_customer_coupon(&mut self, place: usize, at: UnixTime) {
        if let Some(discount) = self.customers[place].discount.take() {
            let shown = wire::discount(&discount, &self.customers[place], None, None);
            self.emit("customer.discount.deleted", at, shown, None, true);
            self.update_customer(place, at);
        }
    }
}
