//! What items count a month: trials, measured usage, inclusive tax, and the way explained.

use super::*;

#[test]
fn each_snapshot_counts_what_it_says() {
    let case = Case::of(vec![
        (0, subscription(vec![item("si_1", monthly("a", 2_000), 2)], (0, 30))),
        (10, subscription(vec![item("si_1", monthly("a", 2_000), 3), item("si_2", yearly("b", 10_000), 1)], (0, 30))),
    ]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=4000", "10 Snapshot: si_1=6000 si_2=833.333333"]);
    assert!(case.quality("stripe").is_empty());
}

/// Rule `item-trials`.
#[test]
fn an_item_on_trial_counts_nothing_until_the_end() {
    let mut on_trial = item("si_2", monthly("b", 500), 1);
    on_trial.trial = Some(Period { start: day(0), end: day(14) });
    let case = Case::of(vec![(0, subscription(vec![item("si_1", monthly("a", 100), 1), on_trial], (0, 30)))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=100 si_2=0", "14 ItemTrialEnd: si_1=100 si_2=500"]);
    let ended = Case::of(vec![(0, SubscriptionState { status: Status::Canceled, ..case.line[0].1.clone() })]);
    assert_eq!(ended.spans("stripe").len(), 1, "time changes nothing of what is over");
}

/// Rule `metered`.
#[test]
fn metered_items_count_by_the_knob() {
    let mut price = unknown("m");
    price.usage = Usage::Metered;
    let mut metered = item("si_1", price, 1);
    metered.quantity = None;
    let bill = |id, at, amount| invoice(id, at, vec![line("si_1", "m", amount, 1, (at - 30, at))]);
    let case = Case::of(vec![(0, subscription(vec![metered], (0, 30)))]).with([
        bill("in_1", 30, 300),
        bill("in_2", 60, 500),
        bill("in_3", 90, 1_000),
        bill("in_4", 120, 1_000),
    ]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=0"]);
    assert!(case.quality("stripe").is_empty());
    assert_eq!(
        case.spans("profitwell"),
        ["0 Snapshot: si_1=0", "30 Usage: si_1=300", "60 Usage: si_1=500", "90 Usage: si_1=1000"]
    );
    // An invoice that doesn't show all its lines may bill more of it.
    let mut cut = bill("in_5", 150, 700);
    let State::Invoice(state) = &mut cut.state else { panic!() };
    state.lines_complete = false;
    let cut = Case::of(case.line.clone()).with([cut]);
    assert_eq!(cut.quality("profitwell"), ["estimated_item si_1 150.."]);
    assert_eq!(cut.quality("stripe"), [""; 0], "what counts nothing needs no settling");

    let mean = Profile::extend(&Profile::built_in("stripe").unwrap(), "mean", &[("metered", "mean:3")]).unwrap();
    let (spans, _) = case.price(&mean);
    assert_eq!(
        spans.iter().map(in_words).collect::<Vec<_>>()[2..],
        ["60 Usage: si_1=400", "90 Usage: si_1=600", "120 Usage: si_1=833.333333"]
    );
}

#[test]
fn inclusive_tax_goes_last() {
    let rate = |percentage: &str, inclusive| TaxRate { percentage: Some(decimal(percentage)), inclusive, id: None };
    let state = |on_item: &[TaxRate], on_subscription: &[TaxRate], inclusive: bool| {
        let mut only = item("si_1", monthly("a", 11_900), 1);
        only.price.tax_inclusive = inclusive;
        only.tax_rates = on_item.to_vec();
        let half = discount("di_1", percent(50), Duration::Forever, None);
        let state = discounted(vec![only], (0, 30), vec![half]);
        Case::of(vec![(0, SubscriptionState { tax_rates: on_subscription.to_vec(), ..state })])
    };
    let taken_out = ["0 Snapshot: si_1=5000/10000"];
    assert_eq!(state(&[rate("19", true)], &[rate("7", true)], false).spans("stripe"), taken_out);
    assert_eq!(state(&[], &[rate("19", true)], false).spans("stripe"), taken_out);
    assert_eq!(state(&[], &[rate("19", false)], false).spans("stripe"), ["0 Snapshot: si_1=5950/11900"], "exclusive");

    let mut billed = line("si_1", "a", 11_900, 1, (0, 30));
    billed.tax_rates = vec![rate("19", true)];
    assert_eq!(state(&[], &[], true).with([invoice("in_1", 0, vec![billed])]).spans("stripe"), taken_out);

    assert_eq!(state(&[], &[], true).spans("stripe"), ["0 Snapshot: si_1=5950/11900"]);
    assert_eq!(state(&[], &[], true).quality("stripe"), ["tax_unknown si_1 0.."]);
}

/// A later bill doesn't change what an earlier one told, whether its invoice was made with the new period's snapshot or a day
/// before it; a quantity that no bill knew yet is told by its own.
#[test]
fn who_becomes_exempt_paid_tax_before() {
    let state = |quantity, period| {
        let mut only = item("si_1", monthly("a", 11_900), quantity);
        only.price.tax_inclusive = true;
        subscription(vec![only], period)
    };
    let billed = |id: &str, at, quantity: i64, period, tax| {
        let mut one = line("si_1", "a", 11_900 * quantity, quantity, period);
        one.tax_inside = Some(tax);
        invoice(id, at, vec![one])
    };
    let bills = [billed("in_1", 0, 1, (0, 30), 1_900), billed("in_2", 30, 1, (30, 60), 0)];
    for renewed in [30, 31] {
        let case = Case::of(vec![(0, state(1, (0, 30))), (renewed, state(1, (30, 60)))]).with(bills.clone());
        let exempt = format!("{renewed} Snapshot: si_1=11900");
        assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=10000", exempt.as_str()]);
    }
    let seats = Case::of(vec![(0, state(1, (0, 30))), (9, state(2, (0, 30))), (30, state(2, (30, 60)))]);
    let seats = seats.with([billed("in_1", 0, 1, (0, 30), 1_900), billed("in_2", 30, 2, (30, 60), 3_799)]);
    assert_eq!(
        seats.spans("stripe"),
        ["0 Snapshot: si_1=10000", "9 Snapshot: si_1=20001", "30 Snapshot: si_1=20001"],
        "a renewal's rounding makes no movement"
    );
}

/// Rule `inclusive-tax`.
/// Since basil a line tells how much tax is inside, and no rate.
#[test]
fn inclusive_tax_is_what_the_items_line_shows() {
    let state = |inclusive: bool| {
        let mut only = item("si_1", monthly("a", 11_900), 1);
        only.price.tax_inclusive = inclusive;
        Case::of(vec![(0, subscription(vec![only], (0, 30)))])
    };
    let billed = |off: i64, tax: Option<i64>| {
        let mut one = line("si_1", "a", 11_900, 1, (0, 30));
        one.tax_inside = tax;
        one.discounts = if off == 0 { vec![] } else { vec![("di_1".into(), off)] };
        invoice("in_1", 0, vec![one])
    };
    let (gross, net) = (["0 Snapshot: si_1=11900"], ["0 Snapshot: si_1=10000"]);
    let told = |inclusive, off, tax| {
        let case = state(inclusive).with([billed(off, tax)]);
        (case.spans("stripe"), case.quality("stripe").len())
    };
    assert_eq!(told(true, 0, Some(1_900)), (net.map(str::to_owned).to_vec(), 0));
    assert_eq!(told(false, 0, Some(1_900)), (net.map(str::to_owned).to_vec(), 0), "whatever the price says");
    assert_eq!(told(true, 5_950, Some(950)), (net.map(str::to_owned).to_vec(), 0), "of what discounts left");
    assert_eq!(told(true, 0, Some(0)), (gross.map(str::to_owned).to_vec(), 0), "nothing is known as well");
    assert_eq!(told(true, 0, None), (gross.map(str::to_owned).to_vec(), 0), "a line that shows no tax has none");
    assert_eq!(told(true, 11_900, Some(0)), (gross.map(str::to_owned).to_vec(), 1), "nothing to pay tells nothing");

    // Of this very price, as far as there is one: the tax of another is better than none.
    let mut other = line("si_1", "b", 5_000, 1, (0, 30));
    other.tax_inside = Some(1_000);
    let first = state(true).with([invoice("in_0", 0, vec![other])]);
    assert_eq!(first.spans("stripe"), ["0 Snapshot: si_1=9520"]);
    assert_eq!(first.with([billed(0, Some(1_900))]).spans("stripe"), net);

    // A void invoice bills nothing and tells its tax, where no other line does.
    let void = |mut fact: Fact| {
        if let State::Invoice(state) = &mut fact.state {
            (state.id, state.status) = ("in_void".into(), InvoiceStatus::Void);
        }
        fact
    };
    let case = state(true).with([void(billed(0, Some(1_900)))]);
    assert_eq!((case.spans("stripe"), case.quality("stripe").len()), (net.map(str::to_owned).to_vec(), 0));
    let case = state(true).with([void(billed(0, Some(5_950))), billed(0, Some(1_900))]);
    assert_eq!(case.spans("stripe"), net, "what stands comes first");

    // Rates by id are joined.
    let by_id = TaxRate { percentage: None, inclusive: false, id: Some("txr_1".into()) };
    let mut case = state(false);
    case.line[0].1.tax_rates = vec![by_id];
    assert_eq!(case.spans("stripe"), gross, "told nowhere, and the price doesn't say inclusive");
    let rate = TaxRateState { id: "txr_1".into(), percentage: decimal("19"), inclusive: true };
    let told = fact("evt_t", 99, Role::Created, State::TaxRate(rate.clone()));
    assert_eq!(case.clone().with([told]).spans("stripe"), net);
    let exclusive = State::TaxRate(TaxRateState { inclusive: false, ..rate });
    assert_eq!(case.with([fact("evt_t", 99, Role::Created, exclusive)]).spans("stripe"), gross);
}

#[test]
fn explain_tells_every_rule() {
    let mut only = item("si_1", monthly("a", 1_500), 2);
    only.tax_rates = vec![TaxRate { percentage: Some(decimal("20")), inclusive: true, id: None }];
    let taken = discount("di_1", percent(20), Duration::Forever, None);
    let left = discount("di_2", percent(50), Duration::Once, None);
    let case = Case::of(vec![(0, discounted(vec![only], (0, 30), vec![taken, left]))]);
    let profile = Profile::built_in("stripe").unwrap();
    let none = Granted::new();
    let (explained, priced) = case.run(|snapshots, terms| {
        (explain(snapshots, terms, &profile, &none), price(snapshots, terms, &profile, &none).0)
    });
    assert_eq!(explained.iter().map(|(span, _)| span.clone()).collect::<Vec<_>>(), priced, "the very spans that count");
    let steps: Vec<_> =
        explained[0].1.iter().map(|(item, step)| format!("{item} [{}] {}", step.rule, step.text)).collect();
    assert_eq!(
        steps,
        [
            "si_1 [monthly-amount] 2 × 15.00 a month = 30.00 a month",
            "si_1 [discount-order] di_1 (20 % forever): −6.00 of 30.00",
            "si_1 [discount-order] di_2 is left alone: discount_once = ignore",
            "si_1 [inclusive-tax] 24.00 includes 20 % tax, which is taken out",
            "si_1 [fixed-point] counts 20.00 a month, 25.00 before discounts",
        ]
    );
}

#[test]
fn a_part_asks_for_another_quantity() {
    let state = subscription(vec![item("si_1", price_of("t", graduated(), IntervalUnit::Month), 6)], (0, 30));
    let at = |quantity: i64| {
        let case = Case::of(vec![(0, state.clone())]);
        case.run(|line, terms| list_at(line, 0, 0, Some(Decimal::whole(quantity)), terms))
    };
    assert_eq!((at(6), at(20)), (Some(Mrr(4_150 * Mrr::MINOR)), Some(Mrr(12_750 * Mrr::MINOR))));
}
