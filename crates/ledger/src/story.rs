//! A tiny language for timelines, so that a test reads like a customer's history.
//!
//! One step a line (or between `;`): `d5 active seats:10x3` is an update at noon of the fifth day, `d5T09:30:01 b created
//! active pro:20/year` one of subscription `b`. A step lays its words over the subscription's last state:
//! a status (`strange` is one nobody knows) · `item:AMOUNT[xQTY][/INTERVAL][@PRODUCT][#NICKNAME]` · `-item` · `off:PERCENT[/DURATION[/END]]` · `off:none` ·
//! `cape` · `cancel:d9` · `keep` (takes a cancellation back) · `hold[:d9]`, `unhold` (collection) · `trial:d9` ·
//! `try:ITEM:d9` (an item's own trial) · `start:d-40` · `ended:d4` · `reason:WORD` · `feedback:WORD` · `eur`. `created`, `deleted`, `read`, `other` say what
//! kind of event it is, `lost` that it never arrived, `blind` that it tells nothing of before. Beside subscriptions:
//! `bare` (prices by their id alone), `odd` (prices of an interval nobody knows) and an AMOUNT of `?` (no tiers) leave terms to
//! be told elsewhere, `off:?x` is a discount known only by its id. `d5 a shown d5-d35 pro:10x2 off:3/x tax:1` is an invoice
//! whose lines show that. `d3 paid 100`, `d3 b paid 0 of 100`, `d9 gone` (the customer is deleted), `d2 addon PRODUCT`, and `d3 billed d3-d33
//! pro:10x2`: a paid invoice as the API shows it, whose lines tell unit amounts but, as since basil, no interval.
//! `d5 a plan d40-d70 pro:20 off:10 | d70-d100 pro:30x2 then:cancel` is the schedule of subscription `a` as it stands then; with
//! `new` it hasn't begun, and drives none yet; `try:d80` is a phase on trial.

use std::collections::BTreeMap;

use super::{
    CustomerFacts, derive,
    fact::*,
    ids::*,
    money::{Currency, Decimal},
    outcome::{CustomerLedger, Movement},
    profile::Profile,
    time::{UnixTime, Zone},
};

const DAY_ONE: i64 = 1_767_225_600; // 2026-01-01T00:00:00Z

/// A customer's facts.
#[derive(Clone, Debug, Default)]
pub(super) struct Story {
    pub facts: Vec<Fact>,
    pub references: Vec<Fact>,
}

impl Story {
    pub(super) fn of(text: &str) -> Self {
        let mut story = Self::default();
        let mut states: BTreeMap<String, SubscriptionState> = BTreeMap::new();
        for (number, line) in text.split([';', '\n']).map(str::trim).filter(|line| !line.is_empty()).enumerate() {
            let mut words = line.split_whitespace().peekable();
            let at = time(words.next().unwrap());
            let name = words.next_if(|word| word.len() == 1).unwrap_or("a").to_owned();
            let event = EventId::from(format!("evt_{number:03}").as_str());
            match *words.peek().unwrap() {
                "paid" => story.facts.push(invoice(event, at, &name, words.skip(1).collect())),
                "billed" => story.facts.push(billed(event, at, &name, words.skip(1).collect())),
                "shown" => story.facts.push(shown(event, at, &name, words.skip(1).collect())),
                "gone" => story.facts.push(customer(event, at)),
                "plan" => story.plan(event, at, &name, words.skip(1).collect()),
                "addon" => story.references.push(product(event, at, words.nth(1).unwrap())),
                _ => story.facts.extend(step(event, at, &name, words.collect(), &mut states)),
            }
        }
        story
    }

    /// What is planned, and the prices that it names.
    fn plan(&mut self, event: EventId, at: UnixTime, name: &str, words: Vec<&str>) {
        let begun = !words.contains(&"new");
        let (mut phases, mut end_behavior) = (Vec::new(), None);
        for phase in words.split(|word| *word == "|") {
            let mut state = blank(name, at);
            let (mut of, mut off, mut trial_end) = (None, None, None);
            for word in phase {
                let (key, value) = word.split_once(':').unwrap_or((word, ""));
                match key {
                    "new" => {}
                    "then" => end_behavior = Some(value.into()),
                    "off" => off = Some(discounts(value, at)),
                    "try" => trial_end = Some(time(value)),
                    _ if value.is_empty() => of = Some(period(word)),
                    _ => put(&mut state, name, key, value),
                }
            }
            // As Stripe shows it: a coupon, and no discount of it yet.
            let bare = |one: DiscountState| DiscountState { id: None, start: None, ..one };
            let discounts = off.map(|all| all.into_iter().map(bare).collect());
            for item in &state.items {
                let event = format!("{event}_{}", item.price.id).as_str().into();
                self.references.push(Fact {
                    event,
                    at,
                    api_version: None,
                    origin: Origin::Event,
                    role: Role::Other,
                    state: State::Price(Box::new(item.price.clone())),
                });
            }
            let items = state.items.into_iter();
            let items = items.map(|one| PhaseItem {
                price: one.price.id,
                quantity: one.quantity,
                discounts: None,
                tax_rates: None,
            });
            phases.push(Phase { period: of, items: items.collect(), discounts, trial_end, tax_rates: None });
        }
        let state = State::Schedule(ScheduleState {
            id: format!("sub_sched_{name}").as_str().into(),
            customer: Some("cus_1".into()),
            subscription: begun.then(|| format!("sub_{name}").as_str().into()),
            status: if begun { "active" } else { "not_started" }.into(),
            end_behavior,
            phases,
        });
        self.facts.push(Fact { event, at, api_version: None, origin: Origin::Event, role: Role::Updated, state });
    }

    pub(super) fn derive(&self, profile: &Profile) -> CustomerLedger {
        let customer = CustomerId::from("cus_1");
        let input = CustomerFacts { customer: &customer, facts: &self.facts, references: &self.references };
        derive(input, profile, &Zone::UTC)
    }
}

/// `d5`, `d5T09:30`, `d5T09:30:01`: noon unless told.
pub(super) fn time(word: &str) -> UnixTime {
    let (day, clock) =
        word.strip_prefix('d').unwrap_or_else(|| panic!("{word}")).split_once('T').unwrap_or((&word[1..], "12:00"));
    let clock: i64 = clock.split(':').zip([3600, 60, 1]).map(|(n, unit)| n.parse::<i64>().unwrap() * unit).sum();
    UnixTime(DAY_ONE + (day.parse::<i64>().unwrap() - 1) * 86_400 + clock)
}

/// The day as a story writes it.
pub(super) fn day(at: UnixTime) -> String {
    format!("d{}", (at.0 - DAY_ONE).div_euclid(86_400) + 1)
}

fn step(
    event: EventId,
    at: UnixTime,
    name: &str,
    words: Vec<&str>,
    states: &mut BTreeMap<String, SubscriptionState>,
) -> Option<Fact> {
    let before = states.get(name).cloned();
    let mut state = before.clone().unwrap_or_else(|| blank(name, at));
    let (mut role, mut lost, mut blind) = (Role::Updated, false, false);
    for word in words {
        let (key, value) = word.split_once(':').unwrap_or((word, ""));
        match key {
            "created" => role = Role::Created,
            "deleted" => {
                role = Role::Deleted;
                (state.status, state.ended_at) = (Status::Canceled, state.ended_at.or(Some(at)));
            }
            "read" => role = Role::Read,
            "other" => role = Role::Other,
            "lost" => lost = true,
            "blind" => blind = true,
            "active" => state.status = Status::Active,
            "trialing" => state.status = Status::Trialing,
            "past_due" => state.status = Status::PastDue,
            "unpaid" => state.status = Status::Unpaid,
            "paused" => state.status = Status::Paused,
            "incomplete" => state.status = Status::Incomplete,
            "strange" => state.status = Status::Other("strange".into()),
            "canceled" => (state.status, state.ended_at) = (Status::Canceled, state.ended_at.or(Some(at))),
            "cape" => (state.cancel_at_period_end, state.canceled_at) = (true, Some(at)),
            "cancel" => state.cancel_at = Some(time(value)),
            "keep" => (state.cancel_at_period_end, state.cancel_at, state.canceled_at) = (false, None, None),
            "hold" => {
                let resumes_at = (!value.is_empty()).then(|| time(value));
                state.pause_collection = Some(PauseCollection { behavior: "void".into(), resumes_at });
            }
            "unhold" => state.pause_collection = None,
            "trial" => state.trial_end = Some(time(value)),
            "try" => {
                let (item, end) = value.split_once(':').unwrap_or_else(|| panic!("{word}"));
                let id = item_id(name, item);
                let held = state.items.iter_mut().filter(|item| item.id == id);
                held.for_each(|item| item.trial = Some(Period { start: at, end: time(end) }));
            }
            "start" => state.start_date = Some(time(value)),
            "since" => state.created = time(value),
            "ended" => state.ended_at = Some(time(value)),
            "period" => state.period = Some(period(value)),
            "reason" => {
                state.cancel_reason = Some(match value {
                    "cancellation_requested" => CancelReason::CancellationRequested,
                    "payment_failed" => CancelReason::PaymentFailed,
                    "payment_disputed" => CancelReason::PaymentDisputed,
                    "retention" => CancelReason::RetentionPolicy,
                    other => CancelReason::Other(other.into()),
                });
            }
            "feedback" => state.cancel_feedback = Some(value.into()),
            "eur" | "usd" => {
                let currency: Currency = key.parse().unwrap();
                state.currency = Some(currency);
                state.items.iter_mut().for_each(|item| item.price.currency = Some(currency));
            }
            "off" => state.discounts = discounts(value, at),
            "bare" => state.items.iter_mut().for_each(|item| item.price = Price::by_id(item.price.id.clone())),
            "odd" => state.items.iter_mut().for_each(|item| {
                item.price.unknown = Some("interval \"fortnight\"".into());
                (item.price.scheme, item.price.interval) = (Scheme::Unknown, None);
            }),
            _ if key.starts_with('-') => state.items.retain(|item| item.id != item_id(name, &key[1..])),
            _ => put(&mut state, name, key, value),
        }
    }
    states.insert(name.to_owned(), state.clone());
    let before = before.filter(|_| role == Role::Updated && !blind).map(Box::new);
    let state = State::Subscription { before, after: Box::new(state) };
    let origin = if role == Role::Read { Origin::Api } else { Origin::Event };
    (!lost).then_some(Fact { event, at, api_version: None, origin, role, state })
}

/// `d1-d31`.
fn period(word: &str) -> Period {
    let (start, end) = word.split_once('-').unwrap();
    Period { start: time(start), end: time(end) }
}

fn blank(name: &str, at: UnixTime) -> SubscriptionState {
    SubscriptionState {
        id: SubscriptionId::from(format!("sub_{name}").as_str()),
        customer: "cus_1".into(),
        status: Status::Active,
        currency: Some("usd".parse().unwrap()),
        items: Vec::new(),
        items_complete: true,
        discounts: Vec::new(),
        tax_rates: Vec::new(),
        created: at,
        created_bound: false,
        start_date: None,
        ended_at: None,
        canceled_at: None,
        cancel_at: None,
        cancel_at_period_end: false,
        trial_start: None,
        trial_end: None,
        period: None,
        pause_collection: None,
        pause_reason: None,
        cancel_reason: None,
        cancel_feedback: None,
        latest_invoice: None,
        pending_update: false,
        test_clock: None,
    }
}

fn item_id(name: &str, item: &str) -> ItemId {
    format!("si_{name}_{item}").as_str().into()
}

fn put(state: &mut SubscriptionState, name: &str, item: &str, spec: &str) {
    let (spec, nickname) = spec.split_once('#').map_or((spec, None), |(spec, name)| (spec, Some(name)));
    let (spec, product) = spec.split_once('@').unwrap_or((spec, item));
    let (spec, interval) = spec.split_once('/').unwrap_or((spec, "month"));
    let (amount, quantity) = spec.split_once('x').unwrap_or((spec, "1"));
    let unit = match interval {
        "month" => IntervalUnit::Month,
        "year" => IntervalUnit::Year,
        other => panic!("interval {other} in {spec}"),
    };
    let price = Price {
        id: format!("price_{product}_{amount}_{interval}").as_str().into(),
        product: Some(product.into()),
        currency: state.currency,
        scheme: match amount {
            "?" => Scheme::Unknown,
            _ => Scheme::PerUnit(amount.parse().unwrap_or_else(|_| panic!("amount {amount} of {item}"))),
        },
        interval: Some(Interval { unit, count: 1 }),
        usage: Usage::Licensed,
        transform: None,
        tax_inclusive: false,
        lookup_key: None,
        nickname: nickname.map(Into::into),
        currency_options: BTreeMap::new(),
        unknown: None,
    };
    let id = item_id(name, item);
    let quantity = Some(quantity.parse::<Decimal>().unwrap());
    let (discounts, tax_rates, period, trial) = (Vec::new(), Vec::new(), None, None);
    let fresh = ItemState { id: id.clone(), price, quantity, discounts, tax_rates, period, trial };
    match state.items.iter_mut().find(|item| item.id == id) {
        Some(held) => *held = fresh,
        None => state.items.push(fresh),
    }
}

fn discounts(value: &str, at: UnixTime) -> Vec<DiscountState> {
    if value == "none" {
        return Vec::new();
    }
    if let Some(id) = value.strip_prefix('?') {
        let (coupon, terms, start, end) = (None, None, None, None);
        let id = Some(format!("di_{id}").as_str().into());
        return vec![DiscountState { id, coupon, terms, start, end, customer: None, subscription: None, item: None }];
    }
    let mut words = value.split('/');
    let percent: Decimal = words.next().unwrap().parse().unwrap();
    let duration = match words.next() {
        None | Some("forever") => Duration::Forever,
        Some("repeating") => Duration::Repeating,
        Some("once") => Duration::Once,
        Some(other) => panic!("duration {other}"),
    };
    let coupon = CouponId::from(format!("coupon_{percent}").as_str());
    let terms = CouponTerms {
        id: coupon.clone(),
        off: Some(Off::Percent(percent)),
        duration,
        months: None,
        currency_options: BTreeMap::new(),
        products: None,
    };
    vec![DiscountState {
        id: Some(format!("di_{percent}").as_str().into()),
        coupon: Some(coupon),
        terms: Some(terms),
        start: Some(at),
        end: words.next().map(time),
        customer: None,
        subscription: None,
        item: None,
    }]
}

fn invoice(event: EventId, at: UnixTime, name: &str, words: Vec<&str>) -> Fact {
    let total: i64 = words[0].parse().unwrap();
    let subtotal = words.get(2).map_or(total, |word| word.parse().unwrap());
    let invoice = InvoiceState {
        id: format!("in_{event}").as_str().into(),
        customer: Some("cus_1".into()),
        subscription: Some(format!("sub_{name}").as_str().into()),
        status: InvoiceStatus::Paid,
        currency: Some("usd".parse().unwrap()),
        total,
        subtotal,
        balance_applied: 0,
        discount_total: subtotal - total,
        billing_reason: None,
        created: at,
        paid_at: Some(at),
        lines: Vec::new(),
        lines_complete: true,
        test_clock: None,
        finalized_at: None,
    };
    let state = State::Invoice(Box::new(invoice));
    Fact { event, at, api_version: None, origin: Origin::Event, role: Role::Other, state }
}

fn billed(event: EventId, at: UnixTime, name: &str, words: Vec<&str>) -> Fact {
    let (of, words) = words.split_first().unwrap();
    let mut bought = blank(name, at);
    words.iter().filter_map(|word| word.split_once(':')).for_each(|(item, spec)| put(&mut bought, name, item, spec));
    let line = |item: &ItemState| {
        let Scheme::PerUnit(unit) = item.price.scheme else { panic!("{item:?}") };
        InvoiceLine {
            subscription: Some(bought.id.clone()),
            item: Some(item.id.clone()),
            price: Some(item.price.id.clone()),
            product: item.price.product.clone(),
            interval: None,
            amount: 1,
            quantity: item.quantity,
            unit_amount: Some(unit),
            proration: false,
            period: Some(period(of)),
            discounts: Vec::new(),
            tax_rates: Vec::new(),
            tax_inside: None,
            terms: None,
        }
    };
    let mut fact = Fact { origin: Origin::Api, role: Role::Read, ..invoice(event, at, name, vec!["1"]) };
    let State::Invoice(invoice) = &mut fact.state else { unreachable!() };
    invoice.lines = bought.items.iter().map(line).collect();
    fact
}

/// An invoice as an event shows it: lines that tell what was taken off and what is inside, and their prices where they can.
fn shown(event: EventId, at: UnixTime, name: &str, words: Vec<&str>) -> Fact {
    let (of, words) = words.split_first().unwrap();
    let mut fact = billed(event.clone(), at, name, vec![of]);
    (fact.origin, fact.role) = (Origin::Event, Role::Other);
    let mut bought = blank(name, at);
    let (mut off, mut tax) = (None, None);
    for (key, value) in words.iter().filter_map(|word| word.split_once(':')) {
        match key {
            "off" => off = value.split_once('/').map(|(minor, id)| (format!("di_{id}"), minor.parse().unwrap())),
            "tax" => tax = value.parse().ok(),
            item => put(&mut bought, name, item, value),
        }
    }
    let State::Invoice(invoice) = &mut fact.state else { unreachable!() };
    let line = |item: &ItemState| {
        let unit = match item.price.scheme {
            Scheme::PerUnit(unit) => Some(unit),
            _ => None,
        };
        let each = unit.unwrap_or(Decimal::whole(7)).units() / Decimal::ONE_UNITS;
        let units = item.quantity.map_or(1, |quantity| quantity.units() / Decimal::ONE_UNITS);
        InvoiceLine {
            subscription: Some(bought.id.clone()),
            item: Some(item.id.clone()),
            price: Some(item.price.id.clone()),
            product: item.price.product.clone(),
            interval: item.price.interval,
            amount: i64::try_from(each * units).unwrap(),
            quantity: item.quantity,
            unit_amount: unit,
            proration: false,
            period: Some(period(of)),
            discounts: off.iter().map(|(id, minor)| (id.as_str().into(), *minor)).collect(),
            tax_rates: Vec::new(),
            tax_inside: tax,
            terms: unit.map(|_| LineTerms::Plain),
        }
    };
    invoice.lines = bought.items.iter().map(line).collect();
    fact
}

fn customer(event: EventId, at: UnixTime) -> Fact {
    let customer = CustomerState { id: "cus_1".into(), country: None, discount: None, deleted: true, test_clock: None };
    let state = State::Customer(Box::new(customer));
    Fact { event, at, api_version: None, origin: Origin::Event, role: Role::Deleted, state }
}

fn product(event: EventId, at: UnixTime, id: &str) -> Fact {
    let state = State::Product(ProductState { id: id.into(), add_on: true, name: None });
    Fact { event, at, api_version: None, origin: Origin::Event, role: Role::Created, state }
}

/// The movements of a story, one a line: `d1 new 10: first_subscription 10`. A currency other than usd is named, and a
/// row that a later one replaces, or is shown only from a later instant than its window's first, says `[from, until)`.
pub(super) fn told(movements: &[Movement]) -> Vec<String> {
    movements.iter().map(tell).collect()
}

fn tell(movement: &Movement) -> String {
    let parts: Vec<String> = movement
        .parts
        .iter()
        .map(|part| {
            let reason = part.end_reason.map(|reason| format!("({})", reason.as_str())).unwrap_or_default();
            format!("{}{reason} {}", part.cause.as_str(), part.amount)
        })
        .collect();
    let currency = if movement.currency.as_str() == "usd" { "" } else { &format!(" {}", movement.currency) };
    let until = movement.visible_until.map(|until| format!(" until {}", day(until))).unwrap_or_default();
    let from = day(movement.visible_from);
    let from = if from == day(movement.effective_at) { String::new() } else { format!(" from {from}") };
    format!(
        "{} {} {}{currency}{from}{until}: {}",
        day(movement.effective_at),
        movement.kind.as_str(),
        movement.amount,
        parts.join(", ")
    )
}
