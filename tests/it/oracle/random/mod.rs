//! Random accounts as facts: what may happen to a subscription, several things a day, over half a year and more.

mod billed;

use mrrd::ledger::{
    fact::*,
    ids::*,
    money::{Currency, Decimal},
    profile::*,
    time::UnixTime,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};

const DAY: i64 = 86_400;
const MONTH: i64 = 30 * DAY;

/// One customer's facts, in no order that matters.
pub(super) fn account(seed: u64) -> Vec<Fact> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut account = Account { facts: Vec::new(), subscriptions: 0, mixed: rng.random_ratio(1, 5) };
    let begin = 1_735_689_600 + rng.random_range(0..40) * DAY + rng.random_range(0..DAY);
    if seed % 4 == 3 {
        return billed::account(&mut rng, begin);
    }
    let at = begin + rng.random_range(0..100) * DAY;
    for rate in BY_ID {
        push(&mut account.facts, at, Role::Updated, State::TaxRate(told(rate)));
    }
    for _ in 0..rng.random_range(1..=3) {
        let start = begin + rng.random_range(0..60) * DAY / 2;
        let mut ended = account.subscription(&mut rng, start);
        // Some come back: at once, perhaps in another currency, or after a long time.
        while let Some(end) = ended.filter(|_| account.subscriptions < 5 && rng.random_ratio(1, 2)) {
            // Sooner: it took the other's place before that ended.
            let gap =
                if rng.random_ratio(1, 2) { rng.random_range(-3_600..10_800) } else { rng.random_range(1..300) * DAY };
            ended = account.subscription(&mut rng, end + gap);
        }
    }
    if rng.random_ratio(1, 4) {
        account.customer_discounts(&mut rng, begin);
    }
    let mut facts = account.facts;
    if rng.random_ratio(1, 20) {
        let at = begin + rng.random_range(100..200) * DAY;
        push(&mut facts, at, Role::Deleted, customer(None, true));
        facts.retain(|fact| fact.at.0 <= at);
    }
    if rng.random_ratio(1, 6) {
        lose_some(&mut rng, &mut facts);
    }
    facts
}

/// A rule set drawn at random: every knob, over its whole range.
pub(super) fn profile(seed: u64) -> Profile {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x005e_ed0f_a11b_00f5);
    let base = Profile::built_in("stripe").expect("built in");
    let mut of = |words: &[&str]| words[rng.random_range(0..words.len())].to_owned();
    let discounts = ["subtract", "ignore"];
    let knobs = [
        ("past_due", of(&["count", "zero", "days:3", "days:14", "days:45"])),
        ("unpaid", of(&["churn", "count"])),
        ("active_from", of(&["start", "first_payment"])),
        ("churn_at", of(&["request", "end"])),
        ("discount_forever", of(&discounts)),
        ("discount_repeating", of(&discounts)),
        ("discount_once", of(&discounts)),
        ("zero_by_discount", of(&["churn", "contraction"])),
        ("pause_collection", of(&["count", "zero"])),
        ("metered", of(&["ignore", "last_invoice", "mean:2", "mean:3"])),
        ("paused", of(&["zero", "count"])),
        ("trial_granted", of(&["contraction", "contraction", "count"])),
        ("inclusive_tax", of(&["subtract", "subtract", "keep"])),
        ("netting", of(&["none", "window:5", "window:90", "window:1440", "day", "month"])),
        ("reactivation_within", of(&["any", "1", "20", "days:90"])),
        ("reactivation_as", of(&["reactivation", "expansion", "new"])),
    ];
    let knobs: Vec<(&str, &str)> = knobs.iter().map(|(knob, value)| (*knob, value.as_str())).collect();
    Profile::extend(&base, &format!("drawn {seed}"), &knobs).expect("words of the configuration")
}

/// What a configuration names of plans, products and prices.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Prices that are one plan.
    pub same: Vec<(PriceId, PriceId)>,
    /// Products that are no recurring business.
    pub products: Vec<ProductId>,
    /// Prices that are none.
    pub prices: Vec<PriceId>,
}

/// Names drawn at random, among those that accounts use; half of the time none.
pub(super) fn named(seed: u64) -> Named {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x0000_9a3e_d000_0000);
    let mut named = Named::default();
    if rng.random_ratio(1, 2) {
        return named;
    }
    let price = |number: u32, step: u32| PriceId::new(format!("price_{number}_{step}"));
    for number in 0..3 {
        for (one, other) in (0..12).flat_map(|one| (0..12).map(move |other| (one, other))) {
            if one != other && rng.random_ratio(1, 4) {
                named.same.push((price(number, one), price(number, other)));
                named.same.push((price(number, one), price(number + 1, other)));
            }
        }
    }
    if rng.random_ratio(1, 3) {
        named.products.push(ProductId::new("prod_2"));
    }
    if rng.random_ratio(1, 3) {
        named.prices.extend([price(0, 0), price(1, 2)]);
    }
    named
}

fn push(facts: &mut Vec<Fact>, at: i64, role: Role, state: State) {
    let event = EventId::new(format!("evt_{}", facts.len()));
    facts.push(Fact { event, at: UnixTime(at), api_version: None, origin: Origin::Event, role, state });
}

/// Updates that never arrive: what comes next shows that something is missing. Several of one second hold together.
fn lose_some(rng: &mut StdRng, facts: &mut Vec<Fact>) {
    let subscription = |fact: &Fact| match &fact.state {
        State::Subscription { after, .. } => Some(after.id.clone()),
        _ => None,
    };
    let of_one_second = |fact: &Fact, facts: &[Fact]| {
        let twins = facts.iter().filter(|one| one.at == fact.at && subscription(one) == subscription(fact));
        twins.count() > 1
    };
    let busy: Vec<bool> = facts.iter().map(|fact| of_one_second(fact, facts)).collect();
    let mut lost = Vec::new();
    for place in 0..facts.len() {
        let mut later =
            (place + 1..facts.len()).filter(|next| subscription(&facts[*next]) == subscription(&facts[place]));
        let alone = !busy[place] && later.next().is_none_or(|next| !busy[next]);
        lost.push(facts[place].role == Role::Updated && alone && rng.random_ratio(1, 6));
    }
    let mut lost = lost.into_iter();
    facts.retain(|_| !lost.next().expect("one for each"));
}

fn customer(discount: Option<DiscountState>, deleted: bool) -> State {
    State::Customer(Box::new(CustomerState { id: "cus_1".into(), country: None, discount, deleted, test_clock: None }))
}

struct Account {
    facts: Vec<Fact>,
    subscriptions: u32,
    /// Its subscriptions are in several currencies.
    mixed: bool,
}

impl Account {
    /// A discount of the customer's own, put on and taken off again.
    fn customer_discounts(&mut self, rng: &mut StdRng, begin: i64) {
        let mut at = begin;
        for step in 0..rng.random_range(1..4) {
            at += rng.random_range(1..60 * DAY);
            let mut discount = discount(rng, 99, step, at, usd());
            if let Some(terms) = &mut discount.terms
                && terms.duration == Duration::Once
            {
                terms.duration = Duration::Forever;
            }
            discount.customer = Some("cus_1".into());
            let gone = rng.random_ratio(1, 3);
            push(&mut self.facts, at, Role::Updated, customer((!gone).then_some(discount), false));
        }
    }

    /// One subscription's life, and when it ended.
    fn subscription(&mut self, rng: &mut StdRng, start: i64) -> Option<i64> {
        let number = self.subscriptions;
        self.subscriptions += 1;
        let currency = if self.mixed && rng.random_ratio(1, 2) { eur() } else { usd() };
        let status = match rng.random_range(0..10) {
            0..=2 => Status::Trialing,
            3 => Status::Incomplete,
            _ => Status::Active,
        };
        let mut state = SubscriptionState {
            id: SubscriptionId::new(format!("sub_{number}")),
            customer: "cus_1".into(),
            status,
            currency: Some(currency),
            items: vec![item(rng, number, 0, currency)],
            items_complete: true,
            discounts: Vec::new(),
            tax_rates: Vec::new(),
            created: UnixTime(start),
            created_bound: false,
            start_date: Some(UnixTime(if rng.random_ratio(1, 20) { start - 40 * DAY } else { start })),
            ended_at: None,
            canceled_at: None,
            cancel_at: None,
            cancel_at_period_end: false,
            trial_start: None,
            trial_end: None,
            period: Some(Period { start: UnixTime(start), end: UnixTime(start + MONTH) }),
            pause_collection: None,
            pause_reason: None,
            cancel_reason: None,
            cancel_feedback: None,
            latest_invoice: None,
            pending_update: false,
            test_clock: None,
        };
        if rng.random_ratio(1, 4) {
            state.discounts.push(discount(rng, number, 0, start, currency));
        }
        if rng.random_ratio(1, 8) {
            state.tax_rates = taxes(rng);
        }
        if rng.random_ratio(1, 12) {
            state.cancel_at = Some(UnixTime(start + 90 * DAY));
        } else if rng.random_ratio(1, 12) {
            state.cancel_at_period_end = true;
        }
        let seen_from_the_start = !rng.random_ratio(1, 4);
        let mut at = start;
        if seen_from_the_start {
            let after = Box::new(state.clone());
            push(&mut self.facts, at, Role::Created, State::Subscription { before: None, after });
        } else {
            // The log begins some time later, now and then on the very day.
            at += rng.random_range(0..50) * DAY / 4;
            state.period = Some(Period {
                start: UnixTime(start + (at - start) / MONTH * MONTH),
                end: UnixTime(start + ((at - start) / MONTH + 1) * MONTH),
            });
        }
        let mut twice = false;
        for step in 1..rng.random_range(3..16) {
            let pace = if rng.random_ratio(1, 3) { 3_600 } else { 8 * DAY };
            // Several changes of one second; only what each says was before tells their order.
            let at_once = rng.random_ratio(1, 6) && !std::mem::take(&mut twice);
            at += if at_once { 0 } else { 1 + rng.random_range(0..pace) };
            let before = state.clone();
            if rng.random_ratio(1, 3) {
                let paid = at - 1;
                let invoice = invoice(rng, &state, number, step, paid);
                push(&mut self.facts, paid, Role::Other, State::Invoice(Box::new(invoice)));
            }
            let ended = change(rng, &mut state, number, step, at);
            if state == before {
                continue;
            }
            let role = if ended { Role::Deleted } else { Role::Updated };
            let before = (role == Role::Updated).then(|| Box::new(before));
            let told = State::Subscription { before, after: Box::new(state.clone()) };
            // Now and then a second event tells the same change, or one of another type the same state.
            if role == Role::Updated && rng.random_ratio(1, 10) {
                let same = State::Subscription { before: None, after: Box::new(state.clone()) };
                let again = if rng.random_ratio(1, 2) && !at_once { (Role::Other, same) } else { (role, told.clone()) };
                push(&mut self.facts, at, again.0, again.1);
                twice = true;
            }
            push(&mut self.facts, at, role, told);
            if ended {
                return Some(at);
            }
        }
        None
    }
}

/// One change; true when it ended the subscription.
fn change(rng: &mut StdRng, state: &mut SubscriptionState, number: u32, step: u32, at: i64) -> bool {
    let (now, currency) = (UnixTime(at), state.currency.expect("every subscription has one"));
    if matches!(state.status, Status::Other(_)) {
        // Nobody knows what else would count under a status that nobody knows.
        state.status =
            [Status::Active, Status::Active, Status::PastDue, Status::Unpaid][rng.random_range(0..4)].clone();
        return false;
    }
    match rng.random_range(0..24) {
        0..=2 => {
            let item = rng.random_range(0..state.items.len());
            // Measured usage has none.
            if state.items[item].price.usage == Usage::Licensed {
                state.items[item].quantity = Some(Decimal::whole(rng.random_range(0..6)));
            }
        }
        3 | 4 => {
            let at = rng.random_range(0..state.items.len());
            let fresh = item(rng, number, step, currency);
            let held = &mut state.items[at];
            if fresh.price.usage != held.price.usage {
                held.quantity = fresh.quantity;
            }
            held.price = fresh.price;
        }
        5 => state.items.push(item(rng, number, step, currency)),
        6 if state.items.len() > 1 => {
            state.items.remove(0);
        }
        7 => state.discounts = vec![discount(rng, number, step, at, currency)],
        8 => state.discounts.clear(),
        9 => {
            let discount = discount(rng, number, 100 + step, at, currency);
            state.items[0].discounts.push(discount);
        }
        10 => state.status = Status::PastDue,
        11 => state.status = Status::Unpaid,
        12 | 13 => state.status = Status::Active,
        14 => {
            state.pause_collection = match state.pause_collection {
                Some(_) => None,
                None => Some(PauseCollection { behavior: "void".into(), resumes_at: None }),
            }
        }
        15 if state.cancel_at.is_none() => state.cancel_at_period_end = !state.cancel_at_period_end,
        16 => state.status = if state.status == Status::Active { Status::Trialing } else { Status::Active },
        17 => {
            let start = state.period.map_or(now, |period| period.end.max(now));
            if start == now {
                state.period = Some(Period { start, end: start.plus(MONTH) });
            }
        }
        18 => {
            let end = now.plus(rng.random_range(1..20) * DAY / 2);
            state.items[0].trial = Some(Period { start: now, end });
        }
        19 if rng.random_ratio(1, 2) => {
            state.status = Status::Canceled;
            state.ended_at = Some(UnixTime(at - rng.random_range(0..2)));
            state.canceled_at = state.ended_at;
            state.cancel_reason = [None, Some(CancelReason::PaymentFailed), Some(CancelReason::CancellationRequested)]
                [rng.random_range(0..3)]
            .clone();
            return true;
        }
        20 => state.status = if state.status == Status::Paused { Status::Active } else { Status::Paused },
        21 => {
            let discount = discount(rng, number, 200 + step, at, currency);
            state.discounts.push(discount);
        }
        22 => state.status = Status::Other("frozen".into()),
        23 => {
            // Another price, with terms of a kind that nobody knows.
            let place = rng.random_range(0..state.items.len());
            let held = &mut state.items[place].price;
            if held.usage == Usage::Licensed {
                held.id = PriceId::new(format!("price_odd_{number}_{step}"));
                (held.scheme, held.interval) = (Scheme::Unknown, None);
                held.unknown = Some("interval \"fortnight\"".into());
            }
        }
        _ => {}
    }
    false
}

fn usd() -> Currency {
    "usd".parse().expect("a currency")
}

fn eur() -> Currency {
    "eur".parse().expect("a currency")
}

fn item(rng: &mut StdRng, number: u32, step: u32, currency: Currency) -> ItemState {
    let unit = [IntervalUnit::Month, IntervalUnit::Month, IntervalUnit::Year, IntervalUnit::Week, IntervalUnit::Day]
        [rng.random_range(0..5)];
    let packages = rng.random_ratio(1, 8).then(|| Transform {
        divide_by: rng.random_range(2..5),
        round: [Round::Up, Round::Down][rng.random_range(0..2)],
    });
    let usage = if rng.random_ratio(1, 6) { Usage::Metered } else { Usage::Licensed };
    let no_quantity = usage == Usage::Metered || rng.random_ratio(1, 5);
    ItemState {
        id: ItemId::new(format!("si_{number}_{step}")),
        price: Price {
            id: PriceId::new(format!("price_{number}_{step}")),
            product: Some(product(rng)),
            currency: Some(currency),
            scheme: scheme(rng),
            interval: Some(Interval { unit, count: rng.random_range(1..4) }),
            usage,
            transform: packages,
            lookup_key: [None, None, None, Some("basic".into()), Some("plus".into())][rng.random_range(0..5)].clone(),
            nickname: [None, None, None, Some("Basic".into())][rng.random_range(0..4)].clone(),
            ..some_price()
        },
        quantity: if no_quantity { None } else { Some(Decimal::whole(rng.random_range(1..9))) },
        discounts: Vec::new(),
        tax_rates: if rng.random_ratio(1, 8) { taxes(rng) } else { Vec::new() },
        period: None,
        trial: None,
    }
}

fn product(rng: &mut StdRng) -> ProductId {
    ProductId::new(format!("prod_{}", rng.random_range(0..3)))
}

fn quarters(rng: &mut StdRng, below: u32) -> Decimal {
    Decimal::from_units(i128::from(rng.random_range(0..below)) * Decimal::ONE_UNITS / 4)
}

fn scheme(rng: &mut StdRng) -> Scheme {
    if !rng.random_ratio(1, 4) {
        return Scheme::PerUnit(quarters(rng, 9_999));
    }
    let mut up_to = 0;
    let mut tiers: Vec<Tier> = (0..rng.random_range(1..4))
        .map(|_| {
            up_to += rng.random_range(1..4);
            let flat_amount = if rng.random_ratio(1, 2) { Decimal::whole(0) } else { quarters(rng, 4_000) };
            Tier { up_to: Some(Decimal::whole(up_to)), unit_amount: quarters(rng, 4_000), flat_amount }
        })
        .collect();
    if let Some(last) = tiers.last_mut() {
        last.up_to = None;
    }
    if rng.random_ratio(1, 2) { Scheme::Graduated(tiers) } else { Scheme::Volume(tiers) }
}

/// Rates that snapshots may name by their id alone: percent, and whether the price holds them.
const BY_ID: [(&str, &str, bool); 3] = [("txr_7", "7", true), ("txr_5", "5.5", true), ("txr_9", "9", false)];

fn told((id, percentage, inclusive): (&str, &str, bool)) -> TaxRateState {
    TaxRateState { id: TaxRateId::new(id), percentage: percentage.parse().expect("a decimal"), inclusive }
}

/// One rate, or two.
fn taxes(rng: &mut StdRng) -> Vec<TaxRate> {
    (0..rng.random_range(1..3)).map(|_| tax(rng)).collect()
}

fn tax(rng: &mut StdRng) -> TaxRate {
    if rng.random_ratio(1, 3) {
        let (id, _, _) = BY_ID[rng.random_range(0..BY_ID.len())];
        return TaxRate { percentage: None, id: Some(TaxRateId::new(id)), inclusive: false };
    }
    let percentage = ["7", "19", "8.875"][rng.random_range(0..3)].parse().expect("a decimal");
    TaxRate { percentage: Some(percentage), id: None, inclusive: rng.random_ratio(2, 3) }
}

fn discount(rng: &mut StdRng, number: u32, step: u32, at: i64, currency: Currency) -> DiscountState {
    let duration = [Duration::Forever, Duration::Repeating, Duration::Once][rng.random_range(0..3)];
    let off = if rng.random_ratio(1, 3) {
        Off::Amount(Decimal::whole(rng.random_range(100..5_000)), currency)
    } else {
        Off::Percent(Decimal::whole([10, 25, 33, 50, 100][rng.random_range(0..5)]))
    };
    let id = CouponId::new(format!("coupon_{number}_{step}"));
    let repeats = duration == Duration::Repeating;
    // An old shape tells the months only; where it tells the end, that decides.
    let told = repeats && rng.random_ratio(2, 3);
    DiscountState {
        id: Some(DiscountId::new(format!("di_{number}_{step}"))),
        coupon: Some(id.clone()),
        terms: Some(CouponTerms {
            id,
            off: Some(off),
            duration,
            months: repeats.then(|| rng.random_range(1..5)),
            currency_options: Default::default(),
            products: rng.random_ratio(1, 6).then(|| vec![product(rng)]),
        }),
        start: Some(UnixTime(at)),
        end: told.then(|| UnixTime(at + rng.random_range(5..90) * DAY)),
        customer: None,
        subscription: None,
        item: None,
    }
}

/// An invoice with a line for what each measured item used; now and then one of them isn't on it, or is a correction.
fn invoice(rng: &mut StdRng, state: &SubscriptionState, number: u32, step: u32, at: i64) -> InvoiceState {
    let measured: Vec<_> = state.items.iter().filter(|item| item.price.usage == Usage::Metered).collect();
    let mut lines: Vec<InvoiceLine> = Vec::new();
    for item in measured {
        // Tiers make several lines of one item's usage.
        for _ in 0..[0, 1, 1, 1, 2][rng.random_range(0..5)] {
            lines.push(InvoiceLine {
                subscription: Some(state.id.clone()),
                item: Some(item.id.clone()),
                price: Some(item.price.id.clone()),
                product: item.price.product.clone(),
                amount: rng.random_range(0..9_000),
                proration: rng.random_ratio(1, 8),
                period: state.period,
                ..some_line()
            });
        }
    }
    InvoiceState {
        id: InvoiceId::new(format!("in_{number}_{step}")),
        customer: Some("cus_1".into()),
        subscription: Some(SubscriptionId::new(format!("sub_{number}"))),
        status: if rng.random_ratio(1, 4) { InvoiceStatus::Open } else { InvoiceStatus::Paid },
        currency: state.currency,
        total: rng.random_range(0..3) * 500,
        subtotal: 1_000,
        paid_at: Some(UnixTime(at)),
        lines,
        ..some_invoice(at)
    }
}

/// A price that says nothing of itself.
fn some_price() -> Price {
    Price {
        id: "price".into(),
        product: None,
        currency: None,
        scheme: Scheme::Unknown,
        interval: None,
        usage: Usage::Licensed,
        transform: None,
        tax_inclusive: false,
        lookup_key: None,
        nickname: None,
        currency_options: Default::default(),
        unknown: None,
    }
}

/// A line that says nothing of itself.
fn some_line() -> InvoiceLine {
    InvoiceLine {
        subscription: None,
        item: None,
        price: None,
        product: None,
        interval: None,
        amount: 0,
        quantity: None,
        unit_amount: None,
        proration: false,
        period: None,
        discounts: Vec::new(),
        tax_rates: Vec::new(),
        tax_inside: None,
        terms: None,
    }
}

/// An invoice over nothing.
fn some_invoice(at: i64) -> InvoiceState {
    InvoiceState {
        id: "in".into(),
        customer: None,
        subscription: None,
        status: InvoiceStatus::Paid,
        currency: None,
        total: 0,
        subtotal: 0,
        balance_applied: 0,
        discount_total: 0,
        billing_reason: None,
        created: UnixTime(at),
        paid_at: None,
        lines: Vec::new(),
        lines_complete: true,
        test_clock: None,
        finalized_at: Some(UnixTime(at)),
    }
}
