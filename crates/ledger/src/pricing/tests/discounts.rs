//! Discounts on subscriptions, items and customers, and how long they last.

use super::*;

#[test]
fn duration_decides_the_knob() {
    let one = |duration, end| {
        let taken = discount("di_1", percent(50), duration, end);
        Case::of(vec![(0, discounted(vec![item("si_1", monthly("a", 100), 1)], (0, 30), vec![taken]))])
    };
    for profile in Profile::BUILT_IN {
        assert_eq!(one(Duration::Forever, None).spans(profile), ["0 Snapshot: si_1=50/100"], "{profile}");
    }
    assert_eq!(one(Duration::Repeating, Some(90)).spans("stripe"), ["0 Snapshot: si_1=100"]);
    let until = ["0 Snapshot: si_1=50/100", "90 DiscountEnd: si_1=100"];
    assert_eq!(one(Duration::Repeating, Some(90)).spans("finance"), until);
    assert_eq!(one(Duration::Once, None).spans("finance"), ["0 Snapshot: si_1=100"]);
    let once = ["0 Snapshot: si_1=50/100", "30 DiscountEnd: si_1=100"];
    assert_eq!(one(Duration::Once, None).spans("chartmogul"), once);
}

/// Rule `discount-windows`.
/// docs/wire.md 4.4: 50 % for 4 months on a yearly price discounts the whole yearly invoice.
#[test]
fn a_repeating_discount_lasts_to_the_end_of_the_last_period_that_starts_before_its_end() {
    let on = |price: Price, periods: &[(i64, i64)]| {
        let taken = || vec![discount("di_1", percent(50), Duration::Repeating, Some(120))];
        let state = |period: &(i64, i64)| discounted(vec![item("si_1", price.clone(), 1)], *period, taken());
        Case::of(periods.iter().map(|period| (period.0, state(period))).collect()).spans("finance")
    };
    assert_eq!(on(yearly("a", 12_000), &[(0, 365)]), ["0 Snapshot: si_1=500/1000", "365 DiscountEnd: si_1=1000"]);
    assert_eq!(on(monthly("a", 1_000), &[(0, 30)]), ["0 Snapshot: si_1=500/1000", "120 DiscountEnd: si_1=1000"]);
    // Weekly: every invoice in the four months; the last period begins on day 119.
    let weeks: Vec<(i64, i64)> = (0..20).map(|week| (7 * week, 7 * week + 7)).collect();
    let weekly = on(price_of("a", Scheme::PerUnit(Decimal::whole(1_200)), IntervalUnit::Week), &weeks);
    assert_eq!(weekly[17..19], ["119 Snapshot: si_1=2600/5200", "126 Snapshot: si_1=5200"]);
    assert_eq!(
        on(monthly("a", 1_000), &[(0, 31), (31, 61), (61, 92), (92, 122), (122, 152)])[3..],
        ["92 Snapshot: si_1=500/1000", "122 Snapshot: si_1=1000"],
        "the period billed on day 92 is discounted whole, the one after it not at all"
    );
}

#[test]
fn once_ends_with_the_first_period_billed_with_it() {
    let state = |period, listed: bool| {
        let taken = DiscountState { start: Some(day(10)), ..discount("di_1", percent(50), Duration::Once, None) };
        discounted(vec![item("si_1", monthly("a", 100), 1)], period, if listed { vec![taken] } else { vec![] })
    };
    let case = Case::of(vec![(0, state((0, 30), false)), (10, state((0, 30), true)), (30, state((30, 60), true))]);
    assert_eq!(
        case.spans("chartmogul"),
        ["0 Snapshot: si_1=100", "10 Snapshot: si_1=50/100", "30 Snapshot: si_1=50/100", "60 DiscountEnd: si_1=100"]
    );
    let gone = Case::of(vec![(10, state((0, 30), true)), (30, state((30, 60), false))]);
    assert_eq!(gone.spans("chartmogul"), ["10 Snapshot: si_1=50/100", "30 Snapshot: si_1=100"], "no longer listed");

    let mut billed = line("si_1", "a", 100, 1, (0, 30));
    billed.discounts = vec![(DiscountId::from("di_1"), 50)];
    let shown = Case::of(vec![(10, state((0, 30), true))]).with([invoice("in_1", 10, vec![billed])]);
    assert_eq!(
        shown.spans("chartmogul"),
        ["10 Snapshot: si_1=50/100", "30 DiscountEnd: si_1=100"],
        "an invoice shows which period was billed with it"
    );
}

#[test]
fn once_put_on_in_the_call_that_began_the_period_is_used_up_by_it() {
    // Put on so many seconds after the period's first: within a minute that is one call of Stripe's, stamped twice.
    let put_on = |seconds: i64| {
        let start = day(0).plus(seconds);
        let taken = DiscountState { start: Some(start), ..discount("di_1", percent(50), Duration::Once, None) };
        let state = discounted(vec![item("si_1", monthly("a", 100), 1)], (0, 30), vec![taken]);
        Case::of(vec![(1, state)]).spans("chartmogul")
    };
    assert_eq!(put_on(14), ["1 Snapshot: si_1=50/100", "30 DiscountEnd: si_1=100"]);
    assert_eq!(put_on(61), ["1 Snapshot: si_1=50/100"], "the next period is the first that is billed with it");
}

#[test]
fn once_is_used_up_for_an_item_that_comes_later() {
    let state = |period, items: Vec<ItemState>| {
        let taken = DiscountState { start: Some(day(0)), ..discount("di_1", percent(50), Duration::Once, None) };
        discounted(items, period, vec![taken])
    };
    let (one, two) = (item("si_1", monthly("a", 100), 1), item("si_2", monthly("b", 200), 1));
    let case = Case::of(vec![
        (0, state((0, 30), vec![one.clone()])),
        (30, state((30, 60), vec![one.clone()])),
        (40, state((30, 60), vec![one, two])),
    ]);
    let spans = case.spans("chartmogul");
    assert_eq!(spans[..2], ["0 Snapshot: si_1=50/100", "30 Snapshot: si_1=100"]);
    assert!(spans[2].contains("si_2=200"), "{spans:?}");
}

#[test]
fn a_trial_is_not_a_period_billed() {
    let state = |period, status: Status| {
        let taken = discount("di_1", percent(50), Duration::Once, None);
        let state = discounted(vec![item("si_1", monthly("a", 100), 1)], period, vec![taken]);
        SubscriptionState { status, trial_end: Some(day(14)), ..state }
    };
    let case = Case::of(vec![(0, state((0, 14), Status::Trialing)), (14, state((14, 44), Status::Active))]);
    assert_eq!(
        case.spans("chartmogul"),
        ["0 Snapshot: si_1=50/100", "14 Snapshot: si_1=50/100", "44 DiscountEnd: si_1=100"]
    );
}

#[test]
fn a_discount_waits_for_its_start() {
    let later = DiscountState { start: Some(day(5)), ..discount("di_1", percent(50), Duration::Forever, None) };
    let case = Case::of(vec![(0, discounted(vec![item("si_1", monthly("a", 100), 1)], (0, 30), vec![later]))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=100", "5 DiscountStart: si_1=50/100"]);
}

/// Rule `discount-order`.
#[test]
fn item_discounts_come_before_the_subscriptions() {
    let mut first = item("si_1", monthly("a", 10_000), 1);
    first.discounts = vec![discount("di_i", amount(2_000), Duration::Forever, None)];
    let items = vec![first, item("si_2", monthly("b", 12_000), 1)];
    let half = discount("di_s", percent(50), Duration::Forever, None);
    let flat = discount("di_t", amount(1_000), Duration::Forever, None);
    let spans =
        |list: Vec<DiscountState>| Case::of(vec![(0, discounted(items.clone(), (0, 30), list))]).spans("stripe");
    assert_eq!(spans(vec![half.clone(), flat.clone()]), ["0 Snapshot: si_1=3600/10000 si_2=5400/12000"]);
    assert_eq!(spans(vec![flat, half]), ["0 Snapshot: si_1=3800/10000 si_2=5700/12000"]);
}

#[test]
fn an_amount_off_falls_on_its_products_and_never_below_zero() {
    let mut only = discount("di_1", amount(5_000), Duration::Forever, None);
    only.terms.as_mut().unwrap().products = Some(vec!["prod_b".into()]);
    let items = vec![item("si_1", monthly("a", 1_000), 1), item("si_2", monthly("b", 1_000), 1)];
    let case = Case::of(vec![(0, discounted(items, (0, 30), vec![only]))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=1000 si_2=0/1000"]);
}

#[test]
fn the_customers_discount_applies_where_the_subscription_has_none() {
    let plain = || subscription(vec![item("si_1", monthly("a", 100), 1)], (0, 30));
    let mut on_customer = discount("di_c", percent(20), Duration::Forever, None);
    on_customer.start = Some(day(5));
    let case = Case::of(vec![(0, plain())]).with([
        customer(0, None),
        customer(5, Some(on_customer.clone())),
        customer(9, None),
    ]);
    assert_eq!(
        case.spans("stripe"),
        ["0 Snapshot: si_1=100", "5 DiscountStart: si_1=80/100", "9 DiscountEnd: si_1=100"]
    );
    let late = Case::of(vec![(0, plain())]).with([customer(50, Some(on_customer.clone()))]);
    assert_eq!(
        late.spans("stripe"),
        ["0 Snapshot: si_1=100", "5 DiscountStart: si_1=80/100"],
        "known late, since its start"
    );

    let mut own = plain();
    own.discounts = vec![discount("di_s", percent(50), Duration::Repeating, Some(60))];
    let case = Case::of(vec![(0, own)]).with([customer(0, Some(on_customer))]);
    assert_eq!(case.spans("finance"), ["0 Snapshot: si_1=50/100", "60 DiscountEnd: si_1=80/100"]);
    assert_eq!(case.spans("stripe")[0], "0 Snapshot: si_1=100", "a discount the knob leaves alone is still one");
}

/// `ledger.customer_key` makes one ledger of several of Stripe's customers; a discount is on one of them.
#[test]
fn a_customers_discount_is_on_the_subscriptions_of_that_customer_only() {
    let of = |customer: &str| SubscriptionState {
        customer: customer.into(),
        ..subscription(vec![item("si_1", monthly("a", 100), 1)], (0, 30))
    };
    let facts = || {
        let mut put = discount("di_c", percent(20), Duration::Forever, None);
        (put.start, put.customer) = (Some(day(5)), Some("cus_2".into()));
        [
            fact("evt_put", 5, Role::Created, State::Discount(put.clone())),
            customer_named("cus_1", 3, None),
            customer_named("cus_1", 9, None),
            customer_named("cus_2", 12, Some(put)),
        ]
    };
    let one = Case::of(vec![(0, of("cus_1"))]).with(facts());
    assert_eq!(one.spans("stripe"), ["0 Snapshot: si_1=100"]);
    let other = Case::of(vec![(0, of("cus_2"))]).with(facts());
    assert_eq!(other.spans("stripe"), ["0 Snapshot: si_1=100", "5 DiscountStart: si_1=80/100"]);
}

#[test]
fn a_customers_discount_told_anew_may_end_elsewhere() {
    let told = |end| discount("di_c", percent(20), Duration::Repeating, Some(end));
    let plain = Case::of(vec![(0, subscription(vec![item("si_1", monthly("a", 100), 1)], (0, 30)))]);
    let case = plain.with([customer(0, Some(told(50))), customer(10, Some(told(90)))]);
    assert_eq!(case.spans("finance"), ["0 Snapshot: si_1=80/100", "90 DiscountEnd: si_1=100"]);
}

#[test]
fn a_span_names_the_event_that_brought_it() {
    let plain = Case::of(vec![(0, subscription(vec![item("si_1", monthly("a", 100), 1)], (0, 30)))]);
    let mut put = discount("di_c", percent(20), Duration::Repeating, Some(50));
    put.start = Some(day(5));
    let case = plain.with([customer(0, None), customer(5, Some(put))]);
    let (spans, _) = case.price(&Profile::built_in("finance").unwrap());
    let events: Vec<_> = spans.iter().map(|span| span.event.as_ref().map(EventId::as_str)).collect();
    assert_eq!(events, [None, Some("evt_cus_1_5"), None], "the end comes by time alone");
}

/// A coupon told without the discount's own end: its months are counted from the start, by the calendar.
#[test]
fn months_make_an_end() {
    let mut taken = discount("di_1", percent(50), Duration::Repeating, None);
    taken.terms.as_mut().unwrap().months = Some(3);
    let case = Case::of(vec![(0, discounted(vec![item("si_1", monthly("a", 100), 1)], (0, 31), vec![taken]))]);
    assert_eq!(case.spans("finance"), ["0 Snapshot: si_1=50/100", "90 DiscountEnd: si_1=100"], "1970-04-01");
    assert_eq!(day(30).plus_months(1), day(58), "31 January and a month is 28 February");
}

#[test]
fn the_customers_discount_follows_its_events() {
    let mut put = discount("di_c", percent(20), Duration::Forever, None);
    put.customer = Some("cus_1".into());
    put.start = Some(day(3));
    let other = DiscountState { start: Some(day(8)), ..discount("di_d", percent(50), Duration::Forever, None) };
    let state = |discount: &DiscountState| State::Discount(discount.clone());
    let plain = Case::of(vec![(0, subscription(vec![item("si_1", monthly("a", 100), 1)], (0, 30)))]);
    // Replaced within one second: the deletion of the old one doesn't take the new one away.
    let case = plain.clone().with([
        fact("evt_z", 8, Role::Deleted, state(&put)),
        fact("evt_b", 8, Role::Created, state(&other)),
        fact("evt_a", 3, Role::Created, state(&put)),
    ]);
    assert_eq!(
        case.spans("stripe"),
        ["0 Snapshot: si_1=100", "3 DiscountStart: si_1=80/100", "8 DiscountStart: si_1=50/100"]
    );
    let only_its_end = plain.with([fact("evt_z", 8, Role::Deleted, state(&put))]);
    assert_eq!(only_its_end.spans("stripe")[1..], ["3 DiscountStart: si_1=80/100", "8 DiscountEnd: si_1=100"]);
}

#[test]
fn terms_without_a_duration_count_for_ever_and_say_so() {
    let taken = discount("di_1", percent(50), Duration::Unknown, None);
    let case = Case::of(vec![(0, discounted(vec![item("si_1", monthly("a", 100), 1)], (0, 30), vec![taken]))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=50/100"]);
    assert_eq!(case.quality("stripe"), ["duration_inferred di_1 0.."]);
}
