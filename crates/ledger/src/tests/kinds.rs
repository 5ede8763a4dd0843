//! Kinds of movement and netting (rule `netting`).

use super::*;

/// Rule `kinds`.
#[test]
fn a_customer_comes_grows_shrinks_and_goes() {
    stripe(
        "d1 created active seats:10x2; d3 seats:10x5; d4 seats:10x4; d9 deleted reason:cancellation_requested",
        "d1 new 20: first_subscription 20
         d3 expansion 30: quantity_increase 30
         d4 contraction -10: quantity_decrease -10
         d9 churn -40: cancellation -40",
    );
}

#[test]
fn who_comes_back_is_reactivated_whatever_else_would_fit() {
    stripe(
        "d1 created active pro:10; d5 deleted; d8 b created active pro:20; d9 b pro:30",
        "d1 new 10: first_subscription 10
         d5 churn -10: unknown_end -10
         d8 reactivation 20: winback 20
         d9 expansion 10: price_increase 10",
    );
    let late = Profile { reactivation_within_days: Some(2), ..profile("stripe") };
    let story = "d1 created active pro:10; d5 deleted; d8 b created active pro:20";
    check(&late, story, "d1 new 10: first_subscription 10\n d5 churn -10: unknown_end -10\n d8 new 20: winback 20");
    let merged = Profile { reactivation_as: ReactivationAs::Expansion, ..profile("stripe") };
    let expected = "d1 new 10: first_subscription 10\n d5 churn -10: unknown_end -10\n d8 expansion 20: winback 20";
    check(&merged, story, expected);
}

#[test]
fn netting_reads_the_ends_of_its_window() {
    let story = "d1T08:00 created active pro:10; d1T08:30 pro:20; d2T23:50 pro:5; d3T00:10 pro:8; d20 deleted";
    let with = |netting| Profile { netting, ..profile("finance") };
    check(
        &with(Netting::None),
        story,
        "d1 new 10: first_subscription 10
         d1 expansion 10: price_increase 10
         d2 contraction -15: price_decrease -15
         d3 expansion 3: price_increase 3
         d20 churn -8: unknown_end -8",
    );
    // The window ends with its day at the latest.
    let by_day = "d1 new 20: first_subscription 20
         d2 contraction -15: price_decrease -15
         d3 expansion 3: price_increase 3
         d20 churn -8: unknown_end -8";
    check(&with(Netting::Day), story, by_day);
    check(&with(Netting::Window(60)), story, by_day);
    check(
        &with(Netting::Month),
        story,
        "d20 transient 0 from d1: first_subscription 10, price_increase 10, price_decrease -15, price_increase 3, unknown_end -8",
    );
}

#[test]
fn a_window_opens_at_a_change_of_money_only() {
    let hour = Profile { netting: Netting::Window(60), ..profile("finance") };
    // The renewal at 08:30 moves nothing, so 09:15 and 09:45 are within one window.
    check(
        &hour,
        "d1 created active pro:10; d2T08:30 period:d2-d32; d2T09:15 pro:20; d2T09:45 pro:10; d3 pro:12; d3T12:59 pro:14; d3T13:00 pro:16",
        "d1 new 10: first_subscription 10
         d3 expansion 4: price_increase 4
         d3 expansion 2: price_increase 2",
    );
}

#[test]
fn one_plan_cancelled_and_another_taken_on_one_day_is_no_churn() {
    stripe(
        "d1 created active pro:10; d5T09:00 deleted reason:cancellation_requested feedback:too_expensive; d5T10:00 b created active team:25",
        "d1 new 10: first_subscription 10
         d5 expansion 15: plan_upgrade 15",
    );
}

#[test]
fn who_comes_and_goes_within_the_window_leaves_parts_only_and_returns_later() {
    stripe(
        "d1T09:00 created active pro:10; d1T10:00 deleted; d4 b created active pro:10",
        "d1 transient 0: first_subscription 10, unknown_end -10
         d4 reactivation 10: winback 10",
    );
    // Within one second it never was.
    stripe(
        "d1T09:00 created active pro:10; d1T09:00 deleted; d4 b created active pro:10",
        "d4 new 10: first_subscription 10",
    );
}

#[test]
fn a_full_discount_loses_the_customer_or_not_by_knob() {
    let story = "d1 created active pro:10; d3 off:100; d6 off:none; d8 off:100; d9 deleted";
    stripe(
        story,
        "d1 new 10: first_subscription 10
         d3 churn -10: full_discount -10
         d6 reactivation 10: discount_end 10
         d8 churn -10: full_discount -10",
    );
    finance(
        story,
        "d1 new 10: first_subscription 10
         d3 contraction -10: discount_start -10
         d6 expansion 10: discount_end 10
         d8 contraction -10: discount_start -10",
    );
    // Under the knob the customer is lost only with the list MRR, and then without an amount.
    assert_eq!(
        counts(&Story::of(story).derive(&profile("finance"))),
        ["d1 1/1/0", "d3 1/0/0", "d6 1/1/0", "d8 1/0/0", "d9 0/0/0"]
    );
    finance("d1 created active pro:10 off:100; d3 off:none", "d3 new 10: first_subscription 10");
    finance(
        "d1 created active pro:10; d2 off:100; d3 deleted; d5 b created active pro:10",
        "d1 new 10: first_subscription 10
         d2 contraction -10: discount_start -10
         d5 reactivation 10: winback 10",
    );
}

/// Rule `trial-granted`.
#[test]
fn a_trial_granted_later_loses_nobody() {
    let story = "d1 created active pro:10; d3 trialing trial:d9; d9 active";
    stripe(
        story,
        "d1 new 10: first_subscription 10
         d3 contraction -10: trial_granted -10
         d9 expansion 10: trial_ended 10",
    );
    let ledger = Story::of(story).derive(&profile("stripe"));
    assert_eq!(counts(&ledger), ["d1 1/1/0", "d3 1/0/1", "d9 1/1/0"]);
    assert_eq!(ledger.trials, [], "no trial of a customer to be won");
    let ends = Story::of("d1 created active pro:10; d3 trialing trial:d9; d9 deleted").derive(&profile("stripe"));
    assert_eq!(counts(&ends), ["d1 1/1/0", "d3 1/0/1", "d9 0/0/0"]);
}

/// Rule `currency-switch`.
#[test]
fn money_between_currencies_wins_and_loses_nobody() {
    let story = "d1 created active pro:10; d5T09:00 deleted; d5T11:00 b created active eur pro:9; d7 b deleted; d9 c created active pro:5";
    stripe(
        story,
        "d1 new 10: first_subscription 10
         d5 contraction -10: currency_switch -10
         d5 expansion 9 eur: currency_switch 9
         d7 churn -9 eur: unknown_end -9
         d9 reactivation 5: winback 5",
    );
    // Gone everywhere and back in a currency never had before: still a return.
    stripe(
        "d1 created active pro:10; d5 deleted; d9 b created active eur pro:9",
        "d1 new 10: first_subscription 10
         d5 churn -10: unknown_end -10
         d9 reactivation 9 eur: winback 9",
    );
}

#[test]
fn published_examples_of_classification() {
    // STR-10, BM-04: a full coupon churns, its removal brings back.
    let coupon = "d1 created active pro:100; d40 off:100; d70 off:none";
    stripe(
        coupon,
        "d1 new 100: first_subscription 100
         d40 churn -100: full_discount -100
         d70 reactivation 100: discount_end 100",
    );
    // STR-13: two cancels; the first is a downgrade, the second churn. That example doesn't net.
    let unnetted = Profile { netting: Netting::None, ..profile("stripe") };
    check(
        &unnetted,
        "d1 created active pro:60; d1 b created active team:40; d9T10:00 deleted; d9T11:00 b deleted",
        "d1 new 100: first_subscription 60, first_subscription 40
         d9 contraction -60: product_dropped(unknown_end) -60
         d9 churn -40: unknown_end -40",
    );
    // CM-01: the whole life of a customer.
    check(
        &profile("chartmogul"),
        "d1 created active gold:500x4/year; d1 paid 2000; d60 b created active silver:30x2; d60 b paid 60
         d70 b deleted reason:cancellation_requested; d300 cape reason:cancellation_requested; d366 deleted
         d400 c created active gold:50x3; d400 c paid 150",
        "d1 new 166.666667: first_subscription 166.666667
         d60 expansion 60: cross_sell 60
         d70 contraction -60: product_dropped(cancellation) -60
         d366 churn -166.666667: cancellation -166.666667
         d400 reactivation 150: winback 150",
    );
    // FV-02: back from 0 is a reactivation, though more than before as well.
    stripe(
        "d1 created active pro:100; d31 pro:120; d61 pro:90; d91 period:d91-d121; d121 deleted; d181 b created active pro:80",
        "d1 new 100: first_subscription 100
         d31 expansion 20: price_increase 20
         d61 contraction -30: price_decrease -30
         d121 churn -90: unknown_end -90
         d181 reactivation 80: winback 80",
    );
}

/// Rule `customer-over-currencies`.
#[test]
fn a_customer_is_one_over_all_currencies_in_each_currencys_own_ledger() {
    stripe(
        "d1 created active pro:10; d2 b created active eur team:9; d5 deleted reason:cancellation_requested; d7 b deleted; d9 c created active pro:5",
        "d1 new 10: first_subscription 10
         d2 expansion 9 eur: cross_sell 9
         d5 contraction -10: product_dropped(cancellation) -10
         d7 churn -9 eur: unknown_end -9
         d9 reactivation 5: winback 5",
    );
    // The loss of one currency and an add-on in the other: nothing moved from the one to the other.
    stripe(
        "d1 created active pro:10; d2 b created active eur team:9; d5T09:00 deleted reason:cancellation_requested; d5T10:00 b extra:1",
        "d1 new 10: first_subscription 10
         d2 expansion 9 eur: cross_sell 9
         d5 contraction -10: product_dropped(cancellation) -10
         d5 expansion 1 eur: add_on 1",
    );
    // Whatever else happens in the window keeps its own cause.
    stripe(
        "d1 created active pro:10 extra:2; d5T09:00 deleted; d5T11:00 b created active eur pro:9 more:1 third:4",
        "d1 new 12: first_subscription 10, first_subscription 2
         d5 contraction -12: currency_switch -10, product_dropped(unknown_end) -2
         d5 expansion 14 eur: currency_switch 9, cross_sell 1, cross_sell 4",
    );
    // What is bought later in another currency changes nothing before.
    let trial = "d1 created active pro:10; d3 trialing trial:d9; d9 deleted";
    let moved = "d1 new 10: first_subscription 10\n d3 contraction -10: trial_granted -10";
    stripe(trial, moved);
    stripe(
        &format!("{trial}; d20 b created active eur pro:9"),
        &format!("{moved}\n d20 reactivation 9 eur: winback 9"),
    );
}

/// Rule `replacement`.
#[test]
fn one_subscription_in_place_of_another_is_a_changed_plan() {
    let replaced = |old: &str, new: &str, expected: &str| {
        let story = format!(
            "d1 created active {old}; d5T09:00 b created active {new}; d5T09:05 deleted reason:cancellation_requested"
        );
        let first: Vec<_> =
            old.split(' ').filter_map(|item| item.split_once(':')?.1.split(['@', '/', '#']).next()).collect();
        assert!(!first.is_empty());
        let told = told(&Story::of(&story).derive(&profile("stripe")).movements);
        assert_eq!(told.last().map(String::as_str), Some(expected), "{story}");
        // In whichever order they come.
        let story = format!(
            "d1 created active {old}; d5T09:00 deleted reason:cancellation_requested; d5T09:05 b created active {new}"
        );
        let told = self::told(&Story::of(&story).derive(&profile("stripe")).movements);
        assert_eq!(told.last().map(String::as_str), Some(expected), "{story}");
    };
    replaced("pro:5", "ultra:19", "d5 expansion 14: plan_upgrade 14");
    replaced("pro:19", "basic:5", "d5 contraction -14: plan_downgrade -14");
    replaced("pro:10", "pro:12", "d5 expansion 2: price_increase 2");
    replaced("pro:10", "pro:10x3", "d5 expansion 20: quantity_increase 20");
    replaced("pro:10", "pro:96/year", "d5 contraction -2: interval_change -2");
    replaced("pro:10", "pro:10 off:50", "d5 contraction -5: discount_start -5");
    replaced(
        "pro:10",
        "max:20 seats:3@seats",
        "d5 expansion 13: product_dropped(cancellation) -10, cross_sell 20, cross_sell 3",
    );
    // What is left over beside an item of the same product is sold beside it all the same.
    replaced("pro:10", "pro:12 more:5@pro", "d5 expansion 7: price_increase 2, cross_sell 5");
    replaced("pro:10 more:5@pro", "pro:10", "d5 contraction -5: subscription_dropped(cancellation) -5");
    replaced("pro:10 seats:3", "seats:4 max:20", "d5 expansion 11: price_increase 1, plan_upgrade 10");
    let parts = Story::of("d1 created active pro:5; d5T09:00 b created active ultra:19; d5T09:05 deleted")
        .derive(&profile("stripe"));
    let part = &parts.movements[1].parts[0];
    let product = |side: &Option<crate::outcome::Side>| side.as_ref().unwrap().product.clone().unwrap().to_string();
    assert_eq!(
        (part.subscription.as_str(), product(&part.before), product(&part.after)),
        ("sub_b", "pro".into(), "ultra".into())
    );
    assert_eq!(part.events.iter().map(|event| event.as_str()).collect::<Vec<_>>(), ["evt_002", "evt_001"]);

    // On two days it is none; nor where a third subscription begins or ends with them.
    stripe(
        "d1 created active pro:5; d5 b created active ultra:19; d9 deleted",
        "d1 new 5: first_subscription 5
         d5 expansion 19: cross_sell 19
         d9 contraction -5: product_dropped(unknown_end) -5",
    );
    stripe(
        "d1 created active pro:5; d5T09:00 b created active ultra:19; d5T09:02 c created active team:3; d5T09:05 deleted",
        "d1 new 5: first_subscription 5
         d5 expansion 17: product_dropped(unknown_end) -5, cross_sell 19, cross_sell 3",
    );
}

#[test]
fn a_replacement_is_one_change_within_an_hour_where_nothing_nets() {
    let unnetted = Profile { netting: Netting::None, ..profile("stripe") };
    let story =
        |minute: &str| format!("d1 created active pro:5; d5T09:00 deleted; d5T{minute} b created active ultra:19");
    check(&unnetted, &story("10:00"), "d1 new 5: first_subscription 5\n d5 expansion 14: plan_upgrade 14");
    check(
        &unnetted,
        &story("10:01"),
        "d1 new 5: first_subscription 5\n d5 churn -5: unknown_end -5\n d5 reactivation 19: winback 19",
    );
    // Midnight parts it.
    check(
        &unnetted,
        "d1 created active pro:5; d5T23:50 deleted; d6T00:10 b created active ultra:19",
        "d1 new 5: first_subscription 5\n d5 churn -5: unknown_end -5\n d6 reactivation 19: winback 19",
    );
}

/// Rule `presence`.
#[test]
fn presence_is_judged_at_the_two_ends_of_the_window() {
    // Came and got a full discount within the day: never a customer for the day's ends, and money counts later.
    finance(
        "d1T09:00 created active pro:10; d1T10:00 off:100; d4 off:none",
        "d1 transient 0: first_subscription 10, full_discount -10
         d4 reactivation 10: discount_end 10",
    );
    // Left, and came back at a full discount within the day: the list MRR stands at its end.
    finance(
        "d1 created active pro:10; d3T09:00 deleted; d3T10:00 b created active pro:10 off:100; d5 b off:none",
        "d1 new 10: first_subscription 10
         d3 contraction -10: discount_start -10
         d5 expansion 10: discount_end 10",
    );
    // Left on one day and came back at a full discount on another: lost, and won back when money counts.
    finance(
        "d1 created active pro:10; d3 deleted; d4 b created active pro:10 off:100; d6 b off:none",
        "d1 new 10: first_subscription 10
         d3 churn -10: unknown_end -10
         d6 reactivation 10: winback 10",
    );
}

#[test]
fn an_item_that_counted_and_gets_a_trial_of_its_own_loses_nobody() {
    let ledger = Story::of("d1 created active pro:10; d3 try:pro:d9; d9T12:00 other").derive(&profile("stripe"));
    assert_eq!(
        told(&ledger.movements),
        [
            "d1 new 10: first_subscription 10",
            "d3 contraction -10: trial_granted -10",
            "d9 expansion 10: trial_ended 10"
        ]
    );
    assert_eq!(counts(&ledger), ["d1 1/1/0", "d3 1/0/0", "d9 1/1/0"]);
}

#[test]
fn what_ran_before_the_log_without_counting_comes_back() {
    for (before, now, cause) in [
        ("paused since:d-9", "active", "resume"),
        ("active cape since:d-9", "keep", "cancellation_withdrawn"),
        ("unpaid since:d-9", "active", "recovery"),
    ] {
        let story = format!("d1 created lost pro:10 {before}; d5 {now}");
        for name in ["stripe", "finance", "profitwell"] {
            if name != "stripe" && before.contains("cape") {
                continue;
            }
            let ledger = Story::of(&story).derive(&profile(name));
            assert_eq!(told(&ledger.movements), [format!("d5 reactivation 10: {cause} 10")], "{name}: {story}");
        }
    }
    // On trial it never counted.
    stripe("d1 created lost pro:10 trialing since:d-9; d5 active", "d5 new 10: trial_conversion 10");
}
