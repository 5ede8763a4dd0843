//! Random accounts as facts: what may happen to a subscription, several things a day, over half a year.

use mrrd::ledger::{fact::*, ids::*, money::Decimal, time::UnixTime};
use rand::{RngExt, SeedableRng, rngs::StdRng};

const DAY: i64 = 86_400;
const MONTH: i64 = 30 * DAY;

/// One customer's facts, in the order they happened.
pub(super) fn account(seed: u64) -> Vec<Fact> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut facts = Vec::new();
    let begin = 1_735_689_600 + rng.random_range(0..40) * DAY + rng.random_range(0..DAY);
    for number in 0..rng.random_range(1..=3) {
        let start = begin + rng.random_range(0..60) * DAY / 2;
        subscription(&mut rng, number, start, &mut facts);
    }
    if rng.random_ratio(1, 20) {
        let at = begin + rng.random_range(100..200) * DAY;
        push(
            &mut facts,
            at,
            Role::Deleted,
            State::Customer(Box::new(CustomerState {
                id: "cus_1".into(),
                country: None,
                discount: None,
                deleted: true,
                test_clock: None,
            })),
        );
        facts.retain(|fact| fact.at.0 <= at);
    }
    facts
}

fn push(facts: &mut Vec<Fact>, at: i64, role: Role, state: State) {
    let event = EventId::new(format!("evt_{}", facts.len()));
    facts.push(Fact { event, at: UnixTime(at), api_version: None, origin: Origin::Event, role, state });
}

fn subscription(rng: &mut StdRng, number: u32, start: i64, facts: &mut Vec<Fact>) {
    let status = match rng.random_range(0..10) {
        0..=2 => Status::Trialing,
        3 => Status::Incomplete,
        _ => Status::Active,
    };
    let mut state = SubscriptionState {
        id: SubscriptionId::new(format!("sub_{number}")),
        customer: "cus_1".into(),
        status,
        currency: "usd".parse().ok(),
        items: vec![item(rng, number, 0)],
        items_complete: true,
        discounts: Vec::new(),
        tax_rates: Vec::new(),
        created: UnixTime(start),
        start_date: Some(UnixTime(start)),
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
        state.discounts.push(discount(rng, number, 0, start));
    }
    if rng.random_ratio(1, 12) {
        state.cancel_at = Some(UnixTime(start + 90 * DAY));
    }
    let seen_from_the_start = !rng.random_ratio(1, 4);
    let mut at = start;
    if seen_from_the_start {
        push(facts, at, Role::Created, State::Subscription { before: None, after: Box::new(state.clone()) });
    } else {
        // The log begins some time later, now and then on the very day.
        at += rng.random_range(0..50) * DAY / 4;
        state.period = Some(Period {
            start: UnixTime(start + (at - start) / MONTH * MONTH),
            end: UnixTime(start + ((at - start) / MONTH + 1) * MONTH),
        });
    }
    for step in 1..rng.random_range(3..16) {
        let pace = if rng.random_ratio(1, 3) { 3_600 } else { 8 * DAY };
        at += 1 + rng.random_range(0..pace);
        let before = state.clone();
        if rng.random_ratio(1, 3) {
            let paid = at - 1;
            push(facts, paid, Role::Other, State::Invoice(Box::new(invoice(rng, number, step, paid))));
        }
        let ended = change(rng, &mut state, number, step, at);
        if state == before {
            continue;
        }
        let role = if ended { Role::Deleted } else { Role::Updated };
        let before = (role == Role::Updated).then(|| Box::new(before));
        push(facts, at, role, State::Subscription { before, after: Box::new(state.clone()) });
        if ended {
            break;
        }
    }
}

/// One change; true when it ended the subscription.
fn change(rng: &mut StdRng, state: &mut SubscriptionState, number: u32, step: u32, at: i64) -> bool {
    let now = UnixTime(at);
    match rng.random_range(0..20) {
        0..=2 => {
            let item = rng.random_range(0..state.items.len());
            state.items[item].quantity = Some(Decimal::whole(rng.random_range(0..6)));
        }
        3 | 4 => {
            let at = rng.random_range(0..state.items.len());
            let fresh = item(rng, number, step);
            state.items[at].price = fresh.price;
        }
        5 => state.items.push(item(rng, number, step)),
        6 if state.items.len() > 1 => {
            state.items.remove(0);
        }
        7 => state.discounts = vec![discount(rng, number, step, at)],
        8 => state.discounts.clear(),
        9 => {
            let discount = discount(rng, number, 100 + step, at);
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
        _ => {}
    }
    false
}

fn item(rng: &mut StdRng, number: u32, step: u32) -> ItemState {
    let unit = [IntervalUnit::Month, IntervalUnit::Month, IntervalUnit::Year, IntervalUnit::Week, IntervalUnit::Day]
        [rng.random_range(0..5)];
    let amount = Decimal::from_units(i128::from(rng.random_range(0..9_999_u32)) * Decimal::ONE_UNITS / 4);
    ItemState {
        id: ItemId::new(format!("si_{number}_{step}")),
        price: Price {
            id: PriceId::new(format!("price_{number}_{step}")),
            product: Some(ProductId::new(format!("prod_{}", rng.random_range(0..3)))),
            currency: "usd".parse().ok(),
            scheme: Scheme::PerUnit(amount),
            interval: Some(Interval { unit, count: rng.random_range(1..4) }),
            usage: Usage::Licensed,
            transform: None,
            tax_inclusive: false,
            lookup_key: None,
            nickname: None,
            currency_options: Default::default(),
        },
        quantity: if rng.random_ratio(1, 5) { None } else { Some(Decimal::whole(rng.random_range(1..9))) },
        discounts: Vec::new(),
        tax_rates: Vec::new(),
        period: None,
        trial: None,
    }
}

fn discount(rng: &mut StdRng, number: u32, step: u32, at: i64) -> DiscountState {
    let duration = [Duration::Forever, Duration::Repeating, Duration::Once][rng.random_range(0..3)];
    let off = if rng.random_ratio(1, 3) {
        Off::Amount(Decimal::whole(rng.random_range(100..5_000)), "usd".parse().expect("a currency"))
    } else {
        Off::Percent(Decimal::whole([10, 25, 33, 50, 100][rng.random_range(0..5)]))
    };
    let id = CouponId::new(format!("coupon_{number}_{step}"));
    DiscountState {
        id: Some(DiscountId::new(format!("di_{number}_{step}"))),
        coupon: Some(id.clone()),
        terms: Some(CouponTerms {
            id,
            off: Some(off),
            duration,
            months: (duration == Duration::Repeating).then_some(3),
            currency_options: Default::default(),
            products: None,
        }),
        start: Some(UnixTime(at)),
        end: (duration == Duration::Repeating).then(|| UnixTime(at + rng.random_range(5..90) * DAY)),
        customer: None,
        subscription: None,
        item: None,
    }
}

fn invoice(rng: &mut StdRng, number: u32, step: u32, at: i64) -> InvoiceState {
    InvoiceState {
        id: InvoiceId::new(format!("in_{number}_{step}")),
        customer: Some("cus_1".into()),
        subscription: Some(SubscriptionId::new(format!("sub_{number}"))),
        status: if rng.random_ratio(1, 4) { InvoiceStatus::Open } else { InvoiceStatus::Paid },
        currency: "usd".parse().ok(),
        total: rng.random_range(0..3) * 500,
        subtotal: 1_000,
        balance_applied: 0,
        discount_total: 0,
        billing_reason: None,
        created: UnixTime(at),
        paid_at: Some(UnixTime(at)),
        lines: Vec::new(),
        lines_complete: true,
        test_clock: None,
    }
}
