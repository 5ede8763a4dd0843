//! Every era's shape of one subscription says the same, as far as the era can say it.

use mrrd::{
    event::{Reading, codec},
    ledger::{fact::*, ids::*, money::Decimal, time::UnixTime},
    stripe::read::read,
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

use super::eras::{Era, Ids, forget, previous_attributes, render};

const AT: UnixTime = UnixTime(1_760_000_000);

/// A subscription of one item at 20 dollars a month.
pub(super) fn plain() -> SubscriptionState {
    let period = Some(Period { start: UnixTime(1_740_000_000), end: UnixTime(1_742_600_000) });
    SubscriptionState {
        id: "sub_1".into(),
        customer: "cus_1".into(),
        status: Status::Active,
        currency: "usd".parse().ok(),
        items: vec![ItemState {
            id: "si_1".into(),
            price: Price {
                id: "price_1".into(),
                product: Some("prod_1".into()),
                currency: "usd".parse().ok(),
                scheme: Scheme::PerUnit(Decimal::whole(2000)),
                interval: Some(Interval { unit: IntervalUnit::Month, count: 1 }),
                usage: Usage::Licensed,
                transform: None,
                tax_inclusive: false,
                lookup_key: None,
                nickname: Some("Pro".into()),
                currency_options: Default::default(),
                unknown: None,
            },
            quantity: Some(Decimal::whole(1)),
            discounts: vec![],
            tax_rates: vec![],
            period,
            trial: None,
        }],
        items_complete: true,
        discounts: vec![],
        tax_rates: vec![],
        created: UnixTime(1_730_000_000),
        created_bound: false,
        start_date: Some(UnixTime(1_730_000_000)),
        ended_at: None,
        canceled_at: None,
        cancel_at: None,
        cancel_at_period_end: false,
        trial_start: None,
        trial_end: None,
        period,
        pause_collection: None,
        pause_reason: None,
        cancel_reason: None,
        cancel_feedback: None,
        latest_invoice: Some("in_1".into()),
        pending_update: false,
        test_clock: None,
    }
}

pub(super) fn discount(id: &str, off: Off, duration: Duration) -> DiscountState {
    DiscountState {
        id: Some(id.into()),
        coupon: Some("SAVE".into()),
        terms: Some(CouponTerms {
            id: "SAVE".into(),
            off: Some(off),
            duration,
            months: (duration == Duration::Repeating).then_some(3),
            currency_options: Default::default(),
            products: None,
        }),
        start: Some(UnixTime(1_735_000_000)),
        end: (duration == Duration::Repeating).then_some(UnixTime(1_743_000_000)),
        customer: Some("cus_1".into()),
        subscription: Some("sub_1".into()),
        item: None,
    }
}

/// The events of a life: each state, and its event type.
fn life() -> Vec<(&'static str, SubscriptionState)> {
    let trial = SubscriptionState {
        status: Status::Trialing,
        trial_start: Some(UnixTime(1_740_000_000)),
        trial_end: Some(UnixTime(1_742_600_000)),
        ..plain()
    };
    let active = SubscriptionState { status: Status::Active, ..trial.clone() };
    let mut more = active.clone();
    more.items[0].quantity = Some(Decimal::whole(5));
    let mut discounted = more.clone();
    discounted.discounts = vec![discount("di_1", Off::Percent("12.5".parse().unwrap()), Duration::Repeating)];
    let mut dearer = discounted.clone();
    dearer.items[0].price.id = "price_2".into();
    dearer.items[0].price.scheme = Scheme::PerUnit("2999.5".parse().unwrap());
    let paused = SubscriptionState {
        pause_collection: Some(PauseCollection { behavior: "void".into(), resumes_at: Some(AT) }),
        ..dearer.clone()
    };
    let scheduled = SubscriptionState {
        cancel_at_period_end: true,
        cancel_at: dearer.period.map(|period| period.end),
        canceled_at: Some(UnixTime(1_741_000_000)),
        cancel_reason: Some(CancelReason::CancellationRequested),
        cancel_feedback: Some("too_expensive".into()),
        ..dearer.clone()
    };
    let ended = SubscriptionState { status: Status::Canceled, ended_at: Some(AT), ..scheduled.clone() };
    vec![
        ("created", trial),
        ("updated", active),
        ("updated", more),
        ("updated", discounted),
        ("updated", dearer),
        ("updated", paused),
        ("updated", scheduled),
        ("deleted", ended),
    ]
}

pub(super) fn event(era: Era, kind: &str, at: UnixTime, object: &Value, previous: Option<&Value>) -> Vec<u8> {
    let mut event = json!({
        "id": "evt_1",
        "object": "event",
        "api_version": era.version(),
        "created": at,
        "type": format!("customer.subscription.{kind}"),
        "livemode": true,
        "data": {"object": object},
    });
    if let Some(previous) = previous {
        event["data"]["previous_attributes"] = previous.clone();
    }
    serde_json::to_vec_pretty(&event).unwrap()
}

/// The one subscription fact of an event: before and after.
fn facts(body: &[u8]) -> (Option<SubscriptionState>, SubscriptionState) {
    let event = read(body).unwrap();
    assert_eq!(event.oddities, [""; 0], "{}", String::from_utf8_lossy(body));
    let Reading::Facts(facts) = event.reading else { panic!("{:?}", event.reading) };
    // What is stored is read back as it was.
    for fact in &facts {
        let (codec, stored) = codec::encode_fact(fact);
        assert_eq!(&codec::decode_fact(codec, &stored).unwrap(), fact);
    }
    let [Fact { state: State::Subscription { before, after }, at: AT, .. }] = facts.as_slice() else {
        panic!("{facts:?}")
    };
    (before.as_deref().cloned(), *after.clone())
}

/// Facts as they are stored: what must be the same byte for byte.
fn bytes(state: &SubscriptionState) -> String {
    serde_json::to_string_pretty(state).unwrap()
}

#[test]
fn one_life_reads_the_same_in_every_era() {
    for era in Era::ALL {
        let mut last: Option<SubscriptionState> = None;
        for (kind, state) in life() {
            let object = render(era, Ids::Plain, &state);
            let before = last.as_ref().filter(|_| kind == "updated");
            let previous = before.map(|before| previous_attributes(&render(era, Ids::Plain, before), &object));
            let (read_before, after) = facts(&event(era, kind, AT, &object, previous.as_ref()));
            assert_eq!(bytes(&after), bytes(&forget(era, AT, &state)), "{era:?} {kind}");
            let expected = before.map(|before| bytes(&forget(era, AT, before)));
            assert_eq!(read_before.as_ref().map(bytes), expected, "{era:?} {kind}, before");
            last = Some(state);
        }
    }
}

#[test]
fn from_2022_to_2024_a_plain_life_loses_nothing() {
    for (_, state) in life() {
        for era in [Era::Details, Era::Discounts] {
            assert_eq!(forget(era, AT, &state), state);
        }
    }
}

fn decimal(units: std::ops::Range<i64>, places: u32) -> impl Strategy<Value = Decimal> {
    units.prop_map(move |units| Decimal::from_units(i128::from(units) * 10i128.pow(12 - places)))
}

fn whole(range: std::ops::Range<i64>) -> impl Strategy<Value = Decimal> {
    range.prop_map(Decimal::whole)
}

fn word() -> impl Strategy<Value = String> {
    // Without control characters: no id of Stripe's holds one.
    "[a-zA-Z0-9_é\"\\\\ \u{1f600}]{1,12}"
}

fn any_scheme() -> impl Strategy<Value = Scheme> {
    let tier = (whole(0..100_000), whole(0..100_000), 1i64..50).boxed();
    let tiers = || {
        vec(tier.clone(), 1..5).prop_map(|tiers| {
            let (last, mut up_to) = (tiers.len() - 1, 0);
            let tiers = tiers.into_iter().enumerate().map(|(index, (unit_amount, flat_amount, width))| {
                up_to += width;
                Tier { up_to: (index < last).then(|| Decimal::whole(up_to)), unit_amount, flat_amount }
            });
            tiers.collect::<Vec<_>>()
        })
    };
    prop_oneof![
        whole(0..10_000_000).prop_map(Scheme::PerUnit),
        decimal(0..10_000_000_000_000, 12).prop_map(Scheme::PerUnit),
        tiers().prop_map(Scheme::Graduated),
        tiers().prop_map(Scheme::Volume),
    ]
}

fn any_price() -> impl Strategy<Value = Price> {
    let unit = select(vec![IntervalUnit::Day, IntervalUnit::Week, IntervalUnit::Month, IntervalUnit::Year]);
    let round = select(vec![Round::Up, Round::Down]);
    (
        word(),
        option::of(word()),
        any_scheme(),
        (unit, 1u32..13).prop_map(|(unit, count)| Interval { unit, count }),
        select(vec![Usage::Licensed, Usage::Metered]),
        option::of((1u64..1000, round).prop_map(|(divide_by, round)| Transform { divide_by, round })),
        any::<bool>(),
        option::of(word()),
        option::of(word()),
    )
        .prop_map(|(id, product, scheme, interval, usage, transform, tax_inclusive, lookup_key, nickname)| Price {
            id: PriceId::new(id),
            product: product.map(ProductId::new),
            currency: "eur".parse().ok(),
            scheme,
            interval: Some(interval),
            usage,
            transform,
            tax_inclusive,
            lookup_key: lookup_key.map(Into::into),
            nickname: nickname.map(Into::into),
            currency_options: Default::default(),
            unknown: None,
        })
}

fn any_discount() -> impl Strategy<Value = DiscountState> {
    let off = prop_oneof![
        decimal(1..10_000, 2).prop_map(Off::Percent),
        whole(1..100_000).prop_map(|amount| Off::Amount(amount, "eur".parse().unwrap())),
    ];
    let duration = select(vec![Duration::Forever, Duration::Repeating, Duration::Once]);
    (word(), off, duration).prop_map(|(id, off, duration)| discount(&id, off, duration))
}

fn any_tax_rates() -> impl Strategy<Value = Vec<TaxRate>> {
    let rate = (decimal(1..10_000, 2), any::<bool>());
    vec(rate.prop_map(|(percentage, inclusive)| TaxRate { percentage: Some(percentage), inclusive, id: None }), 0..3)
}

fn time() -> impl Strategy<Value = UnixTime> {
    (1_400_000_000i64..1_900_000_000).prop_map(UnixTime)
}

fn span() -> impl Strategy<Value = Period> {
    (time(), time()).prop_map(|(start, end)| Period { start, end })
}

fn distinct(discounts: Vec<DiscountState>) -> Vec<DiscountState> {
    let mut seen = std::collections::BTreeSet::new();
    discounts.into_iter().filter(|discount| seen.insert(discount.id.clone())).collect()
}

prop_compose! {
    fn any_item(period: Period)(
        id in word(),
        price in any_price(),
        quantity in option::of(decimal(0..1_000_000, 3)),
        discounts in vec(any_discount(), 0..3),
        tax_rates in any_tax_rates(),
        trial in option::of(span()),
    ) -> ItemState {
        let id = ItemId::new(id);
        ItemState { id, price, quantity, discounts: distinct(discounts), tax_rates, period: Some(period), trial }
    }
}

prop_compose! {
    fn any_end()(
        ended_at in option::of(time()),
        canceled_at in option::of(time()),
        cancel_at in option::of(time()),
        cancel_at_period_end in any::<bool>(),
        cancel_feedback in option::of(word()),
        cancel_reason in option::of(prop_oneof![
            Just(CancelReason::CancellationRequested),
            Just(CancelReason::PaymentFailed),
            Just(CancelReason::RetentionPolicy),
            Just(CancelReason::Other("of_2031".into())),
        ]),
        pause_reason in option::of(word()),
        pause in option::of((word(), option::of(time()))),
    ) -> SubscriptionState {
        SubscriptionState {
            ended_at,
            canceled_at,
            cancel_at,
            cancel_at_period_end,
            cancel_feedback: cancel_feedback.map(Into::into),
            cancel_reason,
            pause_reason: pause_reason.map(Into::into),
            pause_collection: pause.map(|(behavior, resumes_at)| PauseCollection {
                behavior: behavior.into(),
                resumes_at,
            }),
            ..plain()
        }
    }
}

prop_compose! {
    fn any_subscription()(period in span())(
        end in any_end(),
        items in vec(any_item(period), 1..4),
        period in Just(period),
        status in prop_oneof![
            Just(Status::Incomplete), Just(Status::IncompleteExpired), Just(Status::Trialing), Just(Status::Active),
            Just(Status::PastDue), Just(Status::Unpaid), Just(Status::Paused), Just(Status::Canceled),
        ],
        discounts in vec(any_discount(), 0..3),
        tax_rates in any_tax_rates(),
        created in time(),
        trial in option::of(span()),
        items_complete in any::<bool>(),
        pending_update in any::<bool>(),
        test_clock in option::of(word()),
        latest_invoice in option::of(word()),
    ) -> SubscriptionState {
        SubscriptionState {
            status,
            currency: "eur".parse().ok(),
            items,
            items_complete,
            discounts: distinct(discounts),
            tax_rates,
            created,
            start_date: Some(created),
            trial_start: trial.map(|trial| trial.start),
            trial_end: trial.map(|trial| trial.end),
            period: Some(period),
            latest_invoice: latest_invoice.map(InvoiceId::new),
            pending_update,
            test_clock: test_clock.map(TestClockId::new),
            ..end
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Any two states, one after the other, in every era: both are read back, as far as the era tells them.
    #[test]
    fn any_subscription_is_read_back_in_every_era(before in any_subscription(), after in any_subscription()) {
        for (era, ids) in Era::ALL.into_iter().flat_map(|era| [(era, Ids::Plain), (era, Ids::Expanded)]) {
            let (old, new) = (render(era, ids, &before), render(era, ids, &after));
            let previous = previous_attributes(&old, &new);
            let (read_before, read_after) = facts(&event(era, "updated", AT, &new, Some(&previous)));
            prop_assert_eq!(bytes(&read_after), bytes(&forget(era, AT, &after)), "{:?}", era);
            prop_assert_eq!(bytes(&read_before.unwrap()), bytes(&forget(era, AT, &before)), "{:?}, before", era);
        }
    }

    /// Any part of a subscription may be something else altogether: the reader answers, and says no amount it can't know.
    #[test]
    fn damage_never_panics_and_never_makes_an_amount(
        state in any_subscription(),
        era in select(Era::ALL.to_vec()),
        place in any::<prop::sample::Index>(),
        damage in select(vec![json!(null), json!([]), json!({}), json!("x"), json!(-1.5), json!(true), json!([[1]])]),
    ) {
        let mut object = render(era, Ids::Plain, &state);
        let pointers = pointers(&object);
        let pointer = &pointers[place.index(pointers.len())];
        *object.pointer_mut(pointer).unwrap() = damage;
        let read = read(&event(era, "created", AT, &object, None)).unwrap();
        let Reading::Facts(facts) = read.reading else { return Ok(()) };
        let State::Subscription { after, .. } = &facts[0].state else { panic!() };
        // Another amount in the place of an amount can't be noticed; an absent count is 1, an absent tier amount 0.
        let unnoticeable = ["amount", "tiers", "interval_count"].iter().any(|part| pointer.contains(part));
        let known = forget(era, AT, &state);
        for item in &after.items {
            let told = known.items.iter().any(|known| {
                known.price.scheme == item.price.scheme && known.price.interval == item.price.interval
            });
            prop_assert!(
                told || unnoticeable || item.price.scheme == Scheme::Unknown,
                "{pointer} made {:?}",
                item.price
            );
        }
        if after.items.len() < known.items.len() {
            prop_assert!(!after.items_complete, "{pointer} lost an item");
        }
    }
}

/// Pointers to every value inside `value`.
fn pointers(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    let mut all = Vec::new();
    for (key, child) in children {
        all.push(format!("/{key}"));
        all.extend(pointers(child).into_iter().map(|pointer| format!("/{key}{pointer}")));
    }
    all
}
