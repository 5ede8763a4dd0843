//! A customer's life in a few words: subscriptions that begin, change and end on days, derived into figures.

use std::collections::BTreeMap;

use mrrd::ledger::{
    CustomerFacts, derive,
    fact::{
        CouponTerms, DiscountState, Duration, Fact, Interval, IntervalUnit, InvoiceLine, InvoiceState, InvoiceStatus,
        ItemState, Off, Origin, Period, Price, Role, Scheme, State, Status, SubscriptionState, Usage,
    },
    ids::CustomerId,
    money::{Currency, Decimal, Mrr},
    outcome::CustomerLedger,
    profile::Profile,
    time::{UnixTime, Zone},
};

/// Midnight, UTC, of a day such as `2026-01-31`.
pub(super) fn at(day: &str) -> UnixTime {
    Zone::UTC.start_of(day.parse().unwrap())
}

fn usd() -> Currency {
    "usd".parse().unwrap()
}

/// A price of so much, in minor units, for `count` times `unit`; `None` is a one-off price.
pub(super) fn price(id: &str, amount: &str, interval: Option<(IntervalUnit, u32)>) -> Price {
    Price {
        id: id.into(),
        product: Some(id.into()),
        currency: Some(usd()),
        scheme: Scheme::PerUnit(amount.parse().unwrap()),
        interval: interval.map(|(unit, count)| Interval { unit, count }),
        usage: Usage::Licensed,
        transform: None,
        tax_inclusive: false,
        lookup_key: None,
        nickname: None,
        currency_options: BTreeMap::new(),
        unknown: None,
    }
}

/// So much a month, in minor units.
pub(super) fn monthly(amount: i64) -> Price {
    price("monthly", &amount.to_string(), Some((IntervalUnit::Month, 1)))
}

/// So much a year, in minor units.
pub(super) fn yearly(amount: i64) -> Price {
    price("yearly", &amount.to_string(), Some((IntervalUnit::Year, 1)))
}

/// A coupon of so many percent, put on with the subscription.
pub(super) fn coupon(percent: i64, duration: Duration) -> DiscountState {
    let off = Off::Percent(Decimal::whole(percent));
    let terms = CouponTerms {
        id: "coupon".into(),
        off: Some(off),
        duration,
        months: None,
        currency_options: BTreeMap::new(),
        products: None,
    };
    DiscountState {
        id: Some("di_1".into()),
        coupon: Some("coupon".into()),
        terms: Some(terms),
        start: None,
        end: None,
        customer: None,
        subscription: None,
        item: None,
    }
}

/// An invoice line of the subscription's first item.
pub(super) fn line(subscription: &str, amount: i64, from: &str, to: &str, proration: bool) -> InvoiceLine {
    InvoiceLine {
        subscription: Some(subscription.into()),
        item: Some(format!("si_{subscription}_0").as_str().into()),
        price: None,
        product: None,
        interval: None,
        amount,
        quantity: None,
        unit_amount: None,
        proration,
        period: Some(Period { start: at(from), end: at(to) }),
        discounts: Vec::new(),
        tax_rates: Vec::new(),
        tax_inside: None,
        terms: None,
    }
}

/// The facts of one customer, in the order they are told.
pub(super) struct Story {
    facts: Vec<Fact>,
    states: BTreeMap<String, SubscriptionState>,
}

impl Story {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self { facts: Vec::new(), states: BTreeMap::new() }
    }

    fn tell(&mut self, day: &str, role: Role, state: State) {
        let event = format!("evt_{:04}", self.facts.len());
        self.facts.push(Fact {
            event: event.as_str().into(),
            at: at(day),
            api_version: None,
            origin: Origin::Event,
            role,
            state,
        });
    }

    /// A subscription begins, active, with one of each price, for a month that renews by itself.
    pub(super) fn begins(mut self, day: &str, id: &str, prices: &[(Price, i64)]) -> Self {
        let item = |(index, (price, quantity)): (usize, &(Price, i64))| ItemState {
            id: format!("si_{id}_{index}").as_str().into(),
            price: price.clone(),
            quantity: Some(Decimal::whole(*quantity)),
            discounts: Vec::new(),
            tax_rates: Vec::new(),
            period: None,
            trial: None,
        };
        let state = SubscriptionState {
            id: id.into(),
            customer: "cus_1".into(),
            status: Status::Active,
            currency: Some(usd()),
            items: prices.iter().enumerate().map(item).collect(),
            items_complete: true,
            discounts: Vec::new(),
            tax_rates: Vec::new(),
            created: at(day),
            created_bound: false,
            start_date: Some(at(day)),
            ended_at: None,
            canceled_at: None,
            cancel_at: None,
            cancel_at_period_end: false,
            trial_start: None,
            trial_end: None,
            period: Some(Period { start: at(day), end: at(day).plus_months(1) }),
            pause_collection: None,
            pause_reason: None,
            cancel_reason: None,
            cancel_feedback: None,
            latest_invoice: None,
            pending_update: false,
            test_clock: None,
        };
        self.states.insert(id.into(), state.clone());
        self.tell(day, Role::Created, State::Subscription { before: None, after: Box::new(state) });
        self
    }

    /// Another state of it.
    pub(super) fn changes(mut self, day: &str, id: &str, change: impl FnOnce(&mut SubscriptionState)) -> Self {
        let before = self.states[id].clone();
        let mut after = before.clone();
        change(&mut after);
        self.states.insert(id.into(), after.clone());
        let role = if after.status == Status::Canceled { Role::Deleted } else { Role::Updated };
        let before = (role == Role::Updated).then(|| Box::new(before));
        self.tell(day, role, State::Subscription { before, after: Box::new(after) });
        self
    }

    /// It ends.
    pub(super) fn ends(self, day: &str, id: &str) -> Self {
        self.changes(day, id, |state| {
            state.status = Status::Canceled;
            state.ended_at = Some(at(day));
        })
    }

    /// It is asked to end with its period.
    pub(super) fn cancelled(self, day: &str, id: &str) -> Self {
        self.changes(day, id, |state| state.cancel_at_period_end = true)
    }

    /// An invoice of it is paid.
    pub(super) fn pays(mut self, day: &str, id: &str, total: i64, lines: Vec<InvoiceLine>) -> Self {
        let invoice = InvoiceState {
            id: format!("in_{}", self.facts.len()).as_str().into(),
            customer: Some("cus_1".into()),
            subscription: Some(id.into()),
            status: InvoiceStatus::Paid,
            currency: Some(usd()),
            total,
            subtotal: total,
            balance_applied: 0,
            discount_total: 0,
            billing_reason: None,
            created: at(day),
            paid_at: Some(at(day)),
            lines,
            lines_complete: true,
            test_clock: None,
            finalized_at: None,
        };
        self.tell(day, Role::Other, State::Invoice(Box::new(invoice)));
        self
    }

    /// What the ledger makes of it under a built-in profile.
    pub(super) fn derive(&self, profile: &str) -> CustomerLedger {
        let customer = CustomerId::from("cus_1");
        let input = CustomerFacts { customer: &customer, facts: &self.facts, references: &[] };
        derive(input, &Profile::built_in(profile).unwrap(), &Zone::UTC)
    }

    /// Its movements as `kind amount` in minor units.
    pub(super) fn movements(&self, profile: &str) -> Vec<String> {
        let movements = self.derive(profile).movements;
        movements.iter().map(|movement| format!("{} {}", movement.kind.as_str(), movement.amount)).collect()
    }

    /// MRR before the end of a day.
    pub(super) fn mrr(&self, profile: &str, day: &str) -> Mrr {
        let end = Zone::UTC.end_of(day.parse().unwrap());
        let deltas = self.derive(profile).deltas;
        Mrr(deltas.iter().filter(|delta| delta.at <= end).map(|delta| delta.mrr.0).sum())
    }
}
