//! What counts where the log doesn't tell an amount: terms told elsewhere, invoice lines, what was known before.

use super::*;

/// docs/wire.md 0, fact 1: since basil a webhook has only the id. The terms may come from anywhere, at any time.
#[test]
fn a_discount_known_by_id_finds_its_terms() {
    let case =
        || Case::of(vec![(0, discounted(vec![item("si_1", monthly("a", 1_000), 1)], (0, 30), vec![id_only("di_1")]))]);
    let resolved = ["0 Snapshot: si_1=800/1000"];
    let full = discount("di_1", percent(20), Duration::Forever, None);

    let event = case().with([fact("evt_9", 40, Role::Created, State::Discount(full.clone()))]);
    assert_eq!(event.spans("stripe"), resolved, "a customer.discount event, even a late one");

    let coupon = State::Coupon(terms("coupon_di_1", percent(20), Duration::Forever));
    let by_coupon = DiscountState { terms: None, ..full.clone() };
    let joined = case()
        .with([fact("evt_8", 0, Role::Created, coupon), fact("evt_9", 0, Role::Created, State::Discount(by_coupon))]);
    assert_eq!(joined.spans("stripe"), resolved, "its coupon's own event");

    let expanded = discounted(vec![item("si_1", monthly("a", 1_000), 1)], (0, 30), vec![full]);
    let read = State::Subscription { before: None, after: Box::new(expanded) };
    assert_eq!(case().with([fact("evt_0", 0, Role::Read, read)]).spans("stripe"), resolved, "another shape of it");

    let mut billed = line("si_1", "a", 1_000, 1, (0, 30));
    billed.discounts = vec![(DiscountId::from("di_1"), 150)];
    let estimated = case().with([invoice("in_1", 0, vec![billed])]);
    assert_eq!(estimated.spans("stripe"), ["0 Snapshot: si_1=850/1000~"], "else its last invoice line");
    assert_eq!(estimated.quality("stripe"), ["discount_estimated di_1 0..", "duration_inferred di_1 0.."]);

    assert_eq!(case().spans("stripe"), ["0 Snapshot: si_1=1000"], "else nothing is taken off, and it is listed");
    assert_eq!(case().quality("stripe"), ["unresolved_discount di_1 0.."]);
}

#[test]
fn an_amount_in_another_currency_needs_the_coupons_option() {
    let euros = |terms: &mut CouponTerms| terms.off = Some(Off::Amount(Decimal::whole(500), "eur".parse().unwrap()));
    let mut taken = discount("di_1", None, Duration::Forever, None);
    euros(taken.terms.as_mut().unwrap());
    let case = |taken: DiscountState| {
        Case::of(vec![(0, discounted(vec![item("si_1", monthly("a", 1_000), 1)], (0, 30), vec![taken]))])
    };
    assert_eq!(case(taken.clone()).spans("stripe"), ["0 Snapshot: si_1=1000"]);
    assert_eq!(case(taken.clone()).quality("stripe"), ["unresolved_discount di_1 0.."]);
    taken.terms.as_mut().unwrap().currency_options.insert(usd(), Decimal::whole(600));
    assert_eq!(case(taken).spans("stripe"), ["0 Snapshot: si_1=400/1000"]);
}

/// Rule `terms-told-elsewhere`.
#[test]
fn tiers_learned_at_any_time_hold_for_all_history() {
    let state = |quantity| subscription(vec![item("si_1", unknown("t"), quantity)], (0, 30));
    let case = Case::of(vec![(0, state(6)), (10, state(20))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=0?", "10 Snapshot: si_1=0?"]);
    assert_eq!(case.quality("stripe"), ["unpriced_item si_1 0.."]);
    let told = State::Price(Box::new(price_of("t", graduated(), IntervalUnit::Month)));
    let known = case.with([fact("evt_p", 99, Role::Updated, told)]);
    assert_eq!(known.spans("stripe"), ["0 Snapshot: si_1=4150", "10 Snapshot: si_1=12750"]);
    assert!(known.quality("stripe").is_empty());
}

#[test]
fn what_isnt_known_carries_the_last_known_amount() {
    let case = Case::of(vec![
        (0, subscription(vec![item("si_1", monthly("a", 1_000), 2)], (0, 30))),
        (10, subscription(vec![item("si_1", unknown("t"), 9)], (0, 30))),
        (20, subscription(vec![item("si_1", monthly("b", 3_000), 1)], (0, 30))),
    ])
    .with([invoice("in_1", 10, vec![line("si_1", "t", 9_999, 9, (0, 30))])]);
    assert_eq!(
        case.spans("stripe"),
        ["0 Snapshot: si_1=2000", "10 Snapshot: si_1=9999~", "20 Snapshot: si_1=3000"],
        "an invoice line of that very price is better"
    );
    let carried = Case::of(case.line.clone()).with([invoice("in_1", 10, vec![line("si_1", "u", 9_999, 9, (0, 30))])]);
    assert_eq!(carried.spans("stripe"), ["0 Snapshot: si_1=2000", "10 Snapshot: si_1=2000~", "20 Snapshot: si_1=3000"]);
    assert_eq!(carried.quality("stripe"), ["estimated_item si_1 10..20"]);
}

/// Rule `unknown-amounts`.
#[test]
fn else_it_counts_its_last_invoice_line() {
    let state = |quantity, period| subscription(vec![item("si_1", unknown("t"), quantity)], period);
    // One line a tier, a proration, another item, and a period cut short: only the first two make the price.
    let mut proration = line("si_1", "t", -700, 6, (10, 30));
    proration.proration = true;
    let first = vec![
        line("si_1", "t", 3_500, 5, (0, 30)),
        line("si_1", "t", 650, 1, (0, 30)),
        line("si_2", "u", 77, 1, (0, 30)),
    ];
    let case = Case::of(vec![(0, state(6, (0, 30))), (20, state(20, (0, 30))), (30, state(20, (30, 60)))]);
    let billed = case.clone().with([invoice("in_1", 1, first)]);
    assert_eq!(
        billed.spans("stripe"),
        ["0 Snapshot: si_1=4150~", "20 Snapshot: si_1=4150~", "30 Snapshot: si_1=4150~"],
        "a quantity never billed moves nothing"
    );
    let renewed = billed.with([
        invoice("in_2", 25, vec![proration, line("si_1", "t", 10, 20, (25, 30))]),
        invoice("in_3", 31, vec![line("si_1", "t", 12_750, 20, (30, 60))]),
    ]);
    assert_eq!(
        renewed.spans("stripe"),
        ["0 Snapshot: si_1=4150~", "20 Snapshot: si_1=12750~", "30 Snapshot: si_1=12750~"],
        "once billed, it counts from where it was set"
    );
}

#[test]
fn void_invoices_and_trial_lines_are_no_evidence() {
    let mut state = subscription(vec![item("si_1", unknown("t"), 1)], (0, 14));
    state.trial_end = Some(day(14));
    let mut void = invoice("in_2", 15, vec![line("si_1", "t", 5_000, 1, (14, 44))]);
    if let State::Invoice(state) = &mut void.state {
        state.status = InvoiceStatus::Void;
    }
    let case = Case::of(vec![(0, state)]).with([invoice("in_1", 0, vec![line("si_1", "t", 0, 1, (0, 14))]), void]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=0?"]);
}

#[test]
fn another_currency_needs_the_prices_option() {
    let mut price = monthly("a", 1_000);
    price.currency = Some("eur".parse().unwrap());
    let case = |price: &Price| Case::of(vec![(0, subscription(vec![item("si_1", price.clone(), 2)], (0, 30)))]);
    assert_eq!(case(&price).spans("stripe"), ["0 Snapshot: si_1=0?"], "never the euro amount as dollars");
    let mut expanded = price.clone();
    expanded.currency_options.insert(usd(), Scheme::PerUnit(Decimal::whole(1_200)));
    assert_eq!(case(&expanded).spans("stripe"), ["0 Snapshot: si_1=2400"]);
    let told = fact("evt_p", 5, Role::Updated, State::Price(Box::new(expanded)));
    assert_eq!(case(&price).with([told]).spans("stripe"), ["0 Snapshot: si_1=2400"]);
}

#[test]
fn a_list_that_was_cut_keeps_what_it_doesnt_show() {
    let (a, b) = (item("si_1", monthly("a", 100), 1), item("si_2", monthly("b", 200), 1));
    let cut = SubscriptionState { items_complete: false, ..subscription(vec![a.clone()], (0, 30)) };
    let case =
        Case::of(vec![(0, subscription(vec![a.clone(), b], (0, 30))), (5, cut), (9, subscription(vec![a], (0, 30)))]);
    assert_eq!(
        case.spans("stripe"),
        ["0 Snapshot: si_1=100 si_2=200", "5 Snapshot: si_1=100 si_2=200~", "9 Snapshot: si_1=100"]
    );
    assert_eq!(case.quality("stripe"), ["unpriced_item sub_1 5..9", "estimated_item si_2 5..9"]);
}

#[test]
fn what_has_no_known_interval_or_currency_is_unpriced() {
    let mut fortnightly = monthly("a", 100);
    (fortnightly.interval, fortnightly.scheme) = (None, Scheme::Unknown);
    let case = Case::of(vec![(0, subscription(vec![item("si_1", fortnightly, 1)], (0, 30)))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=0?"]);
    assert_eq!(case.quality("stripe"), ["unpriced_item si_1 0.."]);

    // Nothing that a subscription holds is sold once: without an interval an amount tells nothing.
    let once = || Price { interval: None, ..monthly("a", 100) };
    let case = Case::of(vec![(0, subscription(vec![item("si_1", once(), 1)], (0, 30)))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=0?"]);
    assert_eq!(case.quality("stripe"), ["unpriced_item si_1 0.."]);
    let used = Price { usage: Usage::Metered, ..once() };
    let case = Case::of(vec![(0, subscription(vec![item("si_1", used, 1)], (0, 30)))]);
    assert!(case.quality("stripe").is_empty(), "usage isn't counted at all");
    assert_eq!(case.quality("profitwell"), ["unpriced_item si_1 0.."]);

    let mut nowhere = subscription(vec![item("si_1", monthly("a", 100), 1)], (0, 30));
    (nowhere.currency, nowhere.items[0].price.currency) = (None, None);
    let case = Case::of(vec![(0, nowhere)]);
    assert_eq!(case.quality("stripe"), ["unpriced_item si_1 0.."]);
}

fn shown(id: &str, created: i64, lines: &[(&str, i64, i64)]) -> Fact {
    let lines = lines.iter().map(|(of, amount, off)| {
        let mut one = line(of, "a", *amount, 1, (created, created + 30));
        one.product = Some(format!("prod_{of}").as_str().into());
        one.discounts = if *off == 0 { vec![] } else { vec![("di_1".into(), *off)] };
        one
    });
    invoice(id, created, lines.collect())
}

/// Rule `discount-by-id`.
/// One whole or half per cent that explains all lines, else one amount that explains all invoices, else the nearest share.
#[test]
fn a_discount_known_by_id_is_what_all_its_lines_say() {
    let state = |quantity: i64, period| {
        discounted(vec![item("si_1", monthly("a", 10_000), quantity)], period, vec![id_only("di_1")])
    };
    let seats = || Case::of(vec![(0, state(1, (0, 30))), (10, state(3, (0, 30))), (30, state(3, (30, 60)))]);
    let quarter = ["0 Snapshot: si_1=7500/10000~", "10 Snapshot: si_1=22500/30000~", "30 Snapshot: si_1=22500/30000~"];
    let first = seats().with([shown("in_1", 0, &[("si_1", 10_000, 2_500)])]);
    assert_eq!(first.spans("stripe"), quarter);
    let renewed = first.with([shown("in_2", 30, &[("si_1", 30_000, 7_500)])]);
    assert_eq!(renewed.spans("stripe"), quarter, "the renewal shows again what was estimated");
    let flat =
        seats().with([shown("in_1", 0, &[("si_1", 10_000, 2_500)]), shown("in_2", 30, &[("si_1", 30_000, 2_500)])]);
    assert_eq!(
        flat.spans("stripe"),
        ["0 Snapshot: si_1=7500/10000~", "10 Snapshot: si_1=27500/30000~", "30 Snapshot: si_1=27500/30000~"],
        "a later invoice tells of before as well"
    );
    let (_, quality) = flat.price(&Profile::built_in("stripe").unwrap());
    assert!(quality[0].detail.contains("25.00 an invoice"), "{}", quality[0].detail);
    let neither =
        seats().with([shown("in_1", 0, &[("si_1", 10_000, 2_000)]), shown("in_2", 30, &[("si_1", 30_000, 10_000)])]);
    assert_eq!(
        neither.spans("stripe"),
        ["0 Snapshot: si_1=8000/10000~", "10 Snapshot: si_1=24000/30000~", "30 Snapshot: si_1=20000/30000~"]
    );
}

#[test]
fn a_discount_known_by_id_leaves_alone_what_its_invoices_leave_alone() {
    let items = |more: &[&str]| {
        let own = [item("si_1", monthly("si_1", 1_000), 1), item("si_2", monthly("si_2", 4_000), 1)];
        own.into_iter().chain(more.iter().map(|id| item(id, monthly(id, 100), 1))).collect()
    };
    let on = |more: &[&str], lines: &[(&str, i64, i64)]| {
        Case::of(vec![(0, discounted(items(more), (0, 30), vec![id_only("di_1")]))])
            .with([shown("in_1", 0, lines)])
            .spans("stripe")
    };
    let both = [("si_1", 1_000, 200), ("si_2", 4_000, 800)];
    assert_eq!(on(&["si_3"], &both), ["0 Snapshot: si_1=800/1000~ si_2=3200/4000~ si_3=80/100~"]);
    let one = [("si_1", 1_000, 200), ("si_2", 4_000, 0)];
    assert_eq!(on(&["si_3"], &one), ["0 Snapshot: si_1=800/1000~ si_2=4000 si_3=100"], "a coupon for some products");
    let flat = [("si_1", 1_000, 67), ("si_2", 4_000, 266)];
    assert_eq!(on(&[], &flat), ["0 Snapshot: si_1=933.4/1000~ si_2=3733.6/4000~"], "333 an invoice, in proportion");
}

/// Rule `discount-duration`.
/// Gone at the first renewal: once; at a later one: repeating; else forever, until more is known.
#[test]
fn a_duration_told_nowhere_is_read_off_when_the_discount_went() {
    let state = |period, listed: bool| {
        let taken = if listed { vec![id_only("di_1")] } else { vec![] };
        discounted(vec![item("si_1", monthly("a", 100), 1)], period, taken)
    };
    let told = |line: &[((i64, i64), bool)]| {
        let snapshots = line.iter().map(|(period, listed)| (period.0, state(*period, *listed))).collect();
        let (_, quality) = Case::of(snapshots)
            .with([shown("in_1", 0, &[("si_1", 100, 50)])])
            .price(&Profile::built_in("finance").unwrap());
        let inferred: Vec<_> = quality.iter().filter(|one| one.kind == QualityKind::DurationInferred).collect();
        assert!(inferred.len() == 1 && inferred[0].until.is_none(), "it stays listed: {quality:?}");
        inferred[0].detail.rsplit_once(": ").unwrap().1.trim_start_matches("counts as ").to_owned()
    };
    let unknown = "forever until more is known";
    assert_eq!(told(&[((0, 31), true)]), unknown);
    assert_eq!(told(&[((0, 31), true), ((31, 59), false)]), "once");
    assert_eq!(told(&[((0, 31), true), ((31, 59), true)]), unknown);
    assert_eq!(told(&[((0, 31), true), ((31, 59), true), ((59, 90), false)]), "repeating");
    assert_eq!(told(&[((0, 31), true), ((31, 59), true), ((59, 90), true)]), unknown, "still there after a second");
    assert_eq!(told(&[((0, 31), true), ((10, 41), false)]), "forever", "a reset is no renewal");
    let mut yearly = state((0, 31), true);
    yearly.trial_end = Some(day(31));
    let case = Case::of(vec![(0, yearly), (31, state((31, 59), false))]).with([shown("in_1", 0, &[("si_1", 100, 50)])]);
    let (spans, quality) = case.price(&Profile::built_in("finance").unwrap());
    assert!(
        quality.iter().any(|one| one.detail.contains("between renewals")),
        "the end of a trial is none: {quality:?}"
    );
    assert_eq!(in_words(&spans[0]), "0 Snapshot: si_1=50/100~");
    // Under a knob that leaves it alone it never counted.
    let once = Case::of(vec![(0, state((0, 31), true)), (31, state((31, 59), false))]).with([shown(
        "in_1",
        0,
        &[("si_1", 100, 50)],
    )]);
    assert_eq!(once.spans("stripe"), ["0 Snapshot: si_1=100", "31 Snapshot: si_1=100"]);
    assert_eq!(once.spans("chartmogul")[0], "0 Snapshot: si_1=50/100~");
}

/// Rule `line-periods`.
/// Told by an invoice line, of the very price, of the interval's length.
#[test]
fn an_invoice_line_tells_terms_and_parts_of_an_interval() {
    let mut embedded = line("si_9", "t", 4_150, 6, (0, 30));
    embedded.terms = Some(LineTerms::Whole(Box::new(price_of("t", graduated(), IntervalUnit::Month))));
    let case = Case::of(vec![(0, subscription(vec![item("si_1", unknown("t"), 20)], (0, 30)))]);
    assert_eq!(case.clone().with([invoice("in_1", 90, vec![embedded])]).spans("stripe"), ["0 Snapshot: si_1=12750"]);
    let mut plain = line("si_9", "t", 700, 1, (0, 30));
    plain.terms = Some(LineTerms::Plain);
    (plain.unit_amount, plain.interval) =
        (Some(Decimal::whole(700)), Some(Interval { unit: IntervalUnit::Month, count: 1 }));
    let bare = Case::of(vec![(0, subscription(vec![item("si_1", Price::by_id("t".into()), 2)], (0, 30)))]);
    let told = bare.with([invoice("in_1", 90, vec![plain])]);
    assert_eq!(told.spans("stripe"), ["0 Snapshot: si_1=1400"]);

    // A year's price billed for its first quarter.
    let yearly = Price { interval: Some(Interval { unit: IntervalUnit::Year, count: 1 }), ..unknown("y") };
    let cut = Case::of(vec![(0, subscription(vec![item("si_1", yearly, 1)], (0, 90)))]).with([invoice(
        "in_1",
        0,
        vec![line("si_1", "y", 3_000, 1, (0, 90))],
    )]);
    assert_eq!(cut.spans("stripe"), ["0 Snapshot: si_1=1000~"], "1 January to 1 April 1970");
}

/// Rule `unknown-values`.
#[test]
fn what_is_of_an_unknown_kind_counts_what_it_counted() {
    let strange = Price {
        scheme: Scheme::Unknown,
        interval: None,
        unknown: Some("interval \"fortnight\"".into()),
        ..monthly("b", 3_000)
    };
    let state = |price: Price| subscription(vec![item("si_1", price, 2)], (0, 30));
    let case =
        Case::of(vec![(0, state(monthly("a", 1_000))), (5, state(strange.clone())), (9, state(monthly("c", 500)))])
            .with([invoice("in_1", 6, vec![line("si_1", "b", 9_000, 2, (5, 35))])]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=2000", "5 Snapshot: si_1=2000~", "9 Snapshot: si_1=1000"]);
    assert_eq!(case.quality("stripe"), ["estimated_item si_1 5..9", "unknown_value si_1 5.."]);
    // Each value is named, also one that follows another.
    let other = Price { id: "d".into(), unknown: Some("billing_scheme \"matrix\"".into()), ..strange.clone() };
    let two = Case::of(vec![(0, state(monthly("a", 1_000))), (5, state(strange.clone())), (7, state(other))]);
    assert_eq!(two.quality("stripe"), ["estimated_item si_1 5..", "unknown_value si_1 5..", "unknown_value si_1 7.."]);
    let first = Case::of(vec![(0, state(strange.clone()))]);
    assert_eq!(first.spans("stripe"), ["0 Snapshot: si_1=0?"]);
    // An amount off an invoice falls on it as often as it did.
    let off = |price: Price| {
        discounted(vec![item("si_1", price, 2)], (0, 30), vec![discount("di_1", amount(500), Duration::Forever, None)])
    };
    let case = Case::of(vec![(0, off(monthly("a", 1_000))), (5, off(strange.clone()))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=1500/2000", "5 Snapshot: si_1=1500/2000~"]);
    let (_, quality) = first.price(&Profile::built_in("stripe").unwrap());
    assert!(quality.iter().all(|entry| entry.detail.contains("interval \"fortnight\"")), "{quality:?}");
}

#[test]
fn what_overflows_is_unpriced_and_says_so() {
    let huge = Scheme::PerUnit(Decimal::from_units(i128::MAX));
    let mut one = item("si_1", price_of("a", huge, IntervalUnit::Month), i64::MAX);
    let case = Case::of(vec![(0, subscription(vec![one.clone(), item("si_2", monthly("b", 5), 1)], (0, 30)))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=0? si_2=5"]);
    let (_, quality) = case.price(&Profile::built_in("stripe").unwrap());
    assert_eq!(quality[0].kind, QualityKind::UnpricedItem);
    assert!(quality[0].detail.contains("overflows"), "{}", quality[0].detail);

    let large = Scheme::PerUnit(Decimal::whole(i64::MAX / 1_000_000 + 1));
    let case =
        Case::of(vec![(0, subscription(vec![item("si_1", price_of("a", large, IntervalUnit::Month), 1)], (0, 30)))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=0?"], "past the 64 bits of an item's row");

    // A discount that overflows makes unpriced what it falls on, and nothing else.
    one = item("si_1", price_of("a", Scheme::PerUnit(Decimal::from_units(i128::MAX / 3)), IntervalUnit::Day), 1);
    one.discounts = vec![discount("di_1", Some(Off::Percent(decimal("0.000000000001"))), Duration::Forever, None)];
    let case = Case::of(vec![(0, subscription(vec![one, item("si_2", monthly("b", 5), 1)], (0, 30)))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=0? si_2=5"]);
}
