//! Accounts as webhooks show them since 2025: discounts by their ids, tax and amounts on invoice lines, prices without their
//! tiers. Every period is billed, in the second it begins.

use std::collections::BTreeMap;

use mrrd::ledger::{
    fact::*,
    ids::*,
    money::{Currency, Decimal},
    time::UnixTime,
};
use rand::{RngExt, rngs::StdRng};

use super::{DAY, eur, push, usd};

/// A discount as the account knows it; snapshots tell its id.
struct Given {
    id: DiscountId,
    /// Half percents, or minor units an invoice.
    off: Result<i64, i64>,
    /// For how many renewals; `None` for ever.
    renewals: Option<u32>,
    seen: u32,
}

struct Life<'r> {
    rng: &'r mut StdRng,
    facts: Vec<Fact>,
    number: u32,
    steps: u32,
    given: Vec<Given>,
    /// What is taxed with how many percent, inside its price.
    tax: Option<i64>,
    /// Snapshots don't tell its amounts.
    untold: bool,
    /// Nor does anything else: only lines do.
    hidden: bool,
    /// What each unit costs.
    costs: BTreeMap<PriceId, i64>,
}

pub(super) fn account(rng: &mut StdRng, begin: i64) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut start = begin;
    for number in 0..rng.random_range(1..=3) {
        let tax = [None, None, Some(10), Some(19)][rng.random_range(0..4)];
        let untold = rng.random_ratio(1, 4);
        let hidden = untold && rng.random_ratio(1, 2);
        let (given, costs) = (Vec::new(), BTreeMap::new());
        let mut life = Life { rng, facts, number, steps: 0, given, tax, untold, hidden, costs };
        let ended = life.live(start);
        facts = life.facts;
        start = match ended {
            // Another takes its place within minutes, before or after; or it is another customer's story by then.
            Some(end) if rng.random_ratio(2, 3) => end + rng.random_range(-1_500..3_000),
            Some(end) => end + rng.random_range(0..90) * DAY,
            None => begin + rng.random_range(0..120) * DAY,
        };
    }
    facts
}

impl Life<'_> {
    /// One subscription, and when it ended.
    fn live(&mut self, start: i64) -> Option<i64> {
        let currency = if self.rng.random_ratio(1, 4) { eur() } else { usd() };
        let interval =
            [(IntervalUnit::Month, 1), (IntervalUnit::Month, 1), (IntervalUnit::Month, 3), (IntervalUnit::Year, 1)]
                [self.rng.random_range(0..4)];
        let interval = Interval { unit: interval.0, count: interval.1 };
        let on_trial = self.rng.random_ratio(1, 5);
        let items = (0..self.rng.random_range(1..3)).map(|_| self.item(currency, interval)).collect();
        // Now and then the first period is cut: to the day, or to whole months.
        let cut =
            [None, None, Some(17 * DAY), Some(later(start, Interval { unit: IntervalUnit::Month, count: 2 }) - start)]
                [self.rng.random_range(0..4)];
        let whole = later(start, interval);
        let end = match cut {
            _ if on_trial => start + 14 * DAY,
            Some(cut) if self.hidden => whole.min(start + cut),
            _ => whole,
        };
        let first = Period { start: UnixTime(start), end: UnixTime(end) };
        let mut state = SubscriptionState {
            id: SubscriptionId::new(format!("sub_{}", self.number)),
            customer: "cus_1".into(),
            status: if on_trial { Status::Trialing } else { Status::Active },
            currency: Some(currency),
            items,
            items_complete: true,
            discounts: Vec::new(),
            tax_rates: Vec::new(),
            created: UnixTime(start),
            created_bound: false,
            start_date: Some(UnixTime(start)),
            ended_at: None,
            canceled_at: None,
            cancel_at: None,
            cancel_at_period_end: false,
            trial_start: on_trial.then_some(UnixTime(start)),
            trial_end: on_trial.then_some(first.end),
            period: Some(first),
            pause_collection: None,
            pause_reason: None,
            cancel_reason: None,
            cancel_feedback: None,
            latest_invoice: None,
            pending_update: false,
            test_clock: None,
        };
        for _ in 0..[0, 0, 1, 1, 2][self.rng.random_range(0..5)] {
            self.give();
        }
        self.list(&mut state);
        self.bill(&mut state, start);
        let after = Box::new(state.clone());
        push(&mut self.facts, start, Role::Created, State::Subscription { before: None, after });
        let mut at = start;
        for _ in 0..self.rng.random_range(1..6) {
            let end = state.period.map_or(at, |period| period.end.0);
            for _ in 0..self.rng.random_range(0..3) {
                at += 1 + self.rng.random_range(0..(end - at).max(2) / 2);
                let Some(end) = state.period.map(|period| period.end.0).filter(|end| at < end - 1) else { break };
                let before = state.clone();
                let role = self.change(&mut state, at, interval);
                self.tell(&before, &state, role, at);
                if role == Role::Deleted {
                    return Some(at);
                }
                let _ = end;
            }
            let end = state.period.map_or(at, |period| period.end.0);
            at = end + [0, 0, 3, 40][self.rng.random_range(0..4)];
            let before = state.clone();
            if state.cancel_at_period_end {
                state.status = Status::Canceled;
                state.ended_at = Some(UnixTime(end));
                state.cancel_reason = Some(CancelReason::CancellationRequested);
                self.tell(&before, &state, Role::Deleted, at);
                return Some(at);
            }
            self.renew(&mut state, end, at);
            self.tell(&before, &state, Role::Updated, at);
        }
        None
    }

    fn tell(&mut self, before: &SubscriptionState, state: &SubscriptionState, role: Role, at: i64) {
        if before == state {
            return;
        }
        let before = (role == Role::Updated).then(|| Box::new(before.clone()));
        push(&mut self.facts, at, role, State::Subscription { before, after: Box::new(state.clone()) });
    }

    /// The next period begins where this one ends; discounts that are used up are gone, unless it was a trial.
    fn renew(&mut self, state: &mut SubscriptionState, end: i64, at: i64) {
        if state.status == Status::Trialing {
            state.status = Status::Active;
        } else {
            self.given.iter_mut().for_each(|given| given.seen += 1);
            self.given.retain(|given| given.renewals.is_none_or(|renewals| given.seen < renewals));
        }
        let interval = state.items[0].price.interval.or(self.told_interval(state)).expect("told");
        state.period = Some(Period { start: UnixTime(end), end: UnixTime(later(end, interval)) });
        self.list(state);
        self.bill(state, at);
    }

    fn told_interval(&self, state: &SubscriptionState) -> Option<Interval> {
        let told = |fact: &Fact| match &fact.state {
            State::Price(price) if price.id == state.items[0].price.id => price.interval,
            _ => None,
        };
        self.facts.iter().find_map(told)
    }

    fn change(&mut self, state: &mut SubscriptionState, at: i64, interval: Interval) -> Role {
        let currency = state.currency.expect("told");
        match self.rng.random_range(0..12) {
            0..=2 => state.items[0].quantity = Some(Decimal::whole(self.rng.random_range(1..7))),
            3 => {
                let fresh = self.item(currency, interval);
                state.items[0].price = fresh.price;
            }
            4 if state.status == Status::Active => {
                self.give();
                self.list(state);
            }
            5 => {
                self.given.pop();
                self.list(state);
            }
            6 if state.items.len() < 3 => {
                let fresh = self.item(currency, interval);
                state.items.push(fresh);
            }
            7 if state.items.len() > 1 => {
                state.items.pop();
            }
            8 if state.status != Status::Trialing => {
                state.status = if state.status == Status::Active { Status::PastDue } else { Status::Active };
            }
            9 => state.cancel_at_period_end = !state.cancel_at_period_end,
            10 if self.rng.random_ratio(1, 2) => {
                state.status = Status::Canceled;
                state.ended_at = Some(UnixTime(at));
                state.canceled_at = Some(UnixTime(at));
                state.cancel_reason =
                    [None, Some(CancelReason::CancellationRequested), Some(CancelReason::PaymentDisputed)]
                        [self.rng.random_range(0..3)]
                    .clone();
                return Role::Deleted;
            }
            11 if state.status == Status::Active => state.status = Status::Other("frozen".into()),
            _ => {}
        }
        // Nobody knows what else an unknown status would mean.
        if matches!(state.status, Status::Other(_)) && self.rng.random_ratio(1, 2) {
            state.status = Status::Active;
        }
        Role::Updated
    }

    fn give(&mut self) {
        self.steps += 1;
        let by_amount = self.given.iter().any(|given| given.off.is_err());
        let off = match self.rng.random_range(0..3) {
            0 if !by_amount => Err(self.rng.random_range(101..450)),
            _ => Ok([10, 25, 40, 50, 67, 100, 100, 120, 200][self.rng.random_range(0..9)]),
        };
        // All that is left goes to one only.
        if self.given.len() > 1
            || (off == Ok(200) && !self.given.is_empty())
            || self.given.iter().any(|one| one.off == Ok(200))
        {
            return;
        }
        let id = DiscountId::new(format!("di_{}_{}", self.number, self.steps));
        let renewals = [None, Some(1), Some(2), Some(3)][self.rng.random_range(0..4)];
        self.given.push(Given { id, off, renewals, seen: 0 });
    }

    fn list(&self, state: &mut SubscriptionState) {
        let by_id = |given: &Given| DiscountState {
            id: Some(given.id.clone()),
            coupon: None,
            terms: None,
            start: None,
            end: None,
            customer: None,
            subscription: None,
            item: None,
        };
        state.discounts = self.given.iter().map(by_id).collect();
    }

    fn item(&mut self, currency: Currency, interval: Interval) -> ItemState {
        self.steps += 1;
        let cost = 2_000 + 10 * self.rng.random_range(0..900);
        let price = Price {
            id: PriceId::new(format!("price_{}_{}", self.number, self.steps)),
            product: Some(super::product(self.rng)),
            currency: Some(currency),
            scheme: Scheme::PerUnit(Decimal::whole(cost)),
            interval: Some(interval),
            usage: Usage::Licensed,
            transform: None,
            tax_inclusive: self.tax.is_some(),
            lookup_key: [None, Some("basic".into()), Some("plus".into())][self.rng.random_range(0..3)].clone(),
            nickname: [None, None, Some("Basic".into())][self.rng.random_range(0..3)].clone(),
            ..super::some_price()
        };
        self.costs.insert(price.id.clone(), cost);
        let shown = if self.hidden {
            Price { scheme: Scheme::Unknown, ..price }
        } else if self.untold {
            let at = 1_735_689_600 + self.rng.random_range(0..400) * DAY;
            push(&mut self.facts, at, Role::Updated, State::Price(Box::new(price.clone())));
            Price { scheme: Scheme::Unknown, ..price }
        } else {
            price
        };
        ItemState {
            id: ItemId::new(format!("si_{}_{}", self.number, self.steps)),
            price: shown,
            quantity: Some(Decimal::whole(self.rng.random_range(1..6))),
            discounts: Vec::new(),
            tax_rates: Vec::new(),
            period: None,
            trial: None,
        }
    }

    /// What a unit costs for the current period.
    fn share(&self, state: &SubscriptionState, price: &Price) -> i64 {
        let cost = self.costs[&price.id];
        let (Some(period), Some(interval)) = (state.period, price.interval.filter(|_| self.hidden)) else {
            return cost;
        };
        let whole = later(period.start.0, interval) - period.start.0;
        cost * (period.end.0 - period.start.0).min(whole) / whole
    }

    /// The invoice of the current period: nothing to pay during a trial.
    fn bill(&mut self, state: &mut SubscriptionState, at: i64) {
        self.steps += 1;
        let count = |item: &ItemState| {
            item.quantity.map_or(1, |count| i64::try_from(count.units() / Decimal::ONE_UNITS).expect("small"))
        };
        let free = state.status == Status::Trialing;
        let amounts: Vec<i64> = state
            .items
            .iter()
            .map(|item| if free { 0 } else { self.share(state, &item.price) * count(item) })
            .collect();
        let mut left = amounts.clone();
        let mut taken: Vec<Vec<(DiscountId, i64)>> = vec![Vec::new(); amounts.len()];
        for given in &self.given {
            let total: i64 = left.iter().sum();
            let mut to_go = given.off.err().unwrap_or(0).min(total);
            for place in 0..left.len() {
                let off = match given.off {
                    Ok(halves) => (left[place] * halves + 100) / 200,
                    Err(_) if place + 1 == left.len() => to_go,
                    Err(off) => (off * left[place]).checked_div(total).unwrap_or(0).min(to_go),
                };
                to_go -= off;
                left[place] -= off;
                taken[place].push((given.id.clone(), off));
            }
        }
        // Once in a while somebody turns out to be exempt.
        if self.tax.is_some() && self.rng.random_ratio(1, 8) {
            self.tax = Some(0);
        }
        let lines = state.items.iter().zip(amounts).zip(left).zip(taken).map(|(((item, amount), left), discounts)| {
            InvoiceLine {
                subscription: Some(state.id.clone()),
                item: Some(item.id.clone()),
                price: Some(item.price.id.clone()),
                product: item.price.product.clone(),
                amount,
                quantity: item.quantity,
                period: state.period,
                discounts,
                tax_inside: self.tax.filter(|_| left > 0).map(|tax| (left * tax + (100 + tax) / 2) / (100 + tax)),
                ..super::some_line()
            }
        });
        let lines: Vec<InvoiceLine> = lines.collect();
        let off: i64 = lines.iter().flat_map(|line| &line.discounts).map(|(_, off)| off).sum();
        let subtotal: i64 = lines.iter().map(|line| line.amount).sum();
        let id = InvoiceId::new(format!("in_{}_{}", self.number, self.steps));
        // Now and then nobody pays and it is given up: it bills nothing then, and its lines still tell of tax.
        let given_up = self.rng.random_ratio(1, 6);
        let paid = (!given_up).then_some(UnixTime(at));
        let mut invoice = InvoiceState {
            id: id.clone(),
            customer: Some("cus_1".into()),
            subscription: Some(state.id.clone()),
            status: if given_up { InvoiceStatus::Open } else { InvoiceStatus::Paid },
            currency: state.currency,
            total: subtotal - off,
            subtotal,
            discount_total: off,
            created: UnixTime(at),
            paid_at: paid,
            lines,
            ..super::some_invoice(at)
        };
        state.latest_invoice = Some(id);
        push(&mut self.facts, at, Role::Other, State::Invoice(Box::new(invoice.clone())));
        if given_up {
            invoice.status = InvoiceStatus::Void;
            push(&mut self.facts, at + 1_800, Role::Other, State::Invoice(Box::new(invoice)));
        }
    }
}

/// The end of an interval that begins here.
fn later(start: i64, interval: Interval) -> i64 {
    let months = i64::from(interval.count) * if interval.unit == IntervalUnit::Year { 12 } else { 1 };
    let start = jiff::Timestamp::from_second(start).expect("a date").to_zoned(jiff::tz::TimeZone::UTC);
    start.checked_add(jiff::Span::new().months(months)).expect("a date").timestamp().as_second()
}
