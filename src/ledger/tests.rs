//! The rules of time, counting, netting and causes, told as stories (mrr.md 3 to 5).

use super::{
    outcome::{CustomerLedger, QualityKind},
    profile::{ActiveFrom, DiscountRule, Netting, PastDue, Profile, ReactivationAs},
    story::{Story, day, told},
};

fn profile(name: &str) -> Profile {
    Profile::built_in(name).unwrap()
}

/// Movements of a story under a profile, against those expected, one a line.
#[track_caller]
fn check(profile: &Profile, story: &str, expected: &str) {
    let ledger = Story::of(story).derive(profile);
    let expected: Vec<&str> = expected.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(told(&ledger.movements), expected, "\n{story}\nquality: {:?}", ledger.quality);
}

#[track_caller]
fn stripe(story: &str, expected: &str) {
    check(&profile("stripe"), story, expected);
}

#[track_caller]
fn finance(story: &str, expected: &str) {
    check(&profile("finance"), story, expected);
}

/// Quality entries of one kind: from which day, and until which.
fn quality(ledger: &CustomerLedger, kind: QualityKind) -> Vec<String> {
    let of_kind = ledger.quality.iter().filter(|entry| entry.kind == kind);
    of_kind.map(|entry| format!("{}-{}", day(entry.at), entry.until.map(day).unwrap_or_default())).collect()
}

/// Counts as they run, over all currencies: day, paying customers, subscriptions, trials.
fn counts(ledger: &CustomerLedger) -> Vec<String> {
    let mut now = (0, 0, 0);
    let all = ledger.counts.iter().filter(|count| count.currency.is_none());
    all.map(|count| {
        now = (now.0 + count.customers, now.1 + count.subscriptions, now.2 + count.trials);
        format!("{} {}/{}/{}", day(count.at), now.0, now.1, now.2)
    })
    .collect()
}

// Section 5: kinds.

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
         d9 expansion 10: plan_upgrade 10",
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
         d1 expansion 10: plan_upgrade 10
         d2 contraction -15: plan_downgrade -15
         d3 expansion 3: plan_upgrade 3
         d20 churn -8: unknown_end -8",
    );
    // The window ends with its day at the latest.
    let by_day = "d1 new 20: first_subscription 20
         d2 contraction -15: plan_downgrade -15
         d3 expansion 3: plan_upgrade 3
         d20 churn -8: unknown_end -8";
    check(&with(Netting::Day), story, by_day);
    check(&with(Netting::Window(60)), story, by_day);
    check(
        &with(Netting::Month),
        story,
        "d20 transient 0 from d1: first_subscription 10, plan_upgrade 10, plan_downgrade -15, plan_upgrade 3, unknown_end -8",
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
         d3 expansion 4: plan_upgrade 4
         d3 expansion 2: plan_upgrade 2",
    );
}

#[test]
fn one_plan_cancelled_and_another_taken_on_one_day_is_no_churn() {
    stripe(
        "d1 created active pro:10; d5T09:00 deleted reason:cancellation_requested feedback:too_expensive; d5T10:00 b created active team:25",
        "d1 new 10: first_subscription 10
         d5 expansion 15: product_dropped(cancellation) -10, cross_sell 25",
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
         d6 reactivation 10: other 10
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
         d70 reactivation 100: other 100",
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
         d31 expansion 20: plan_upgrade 20
         d61 contraction -30: plan_downgrade -30
         d121 churn -90: unknown_end -90
         d181 reactivation 80: winback 80",
    );
}

// Section 5: parts and causes.

#[test]
fn parts_take_price_then_quantity_then_discount() {
    stripe(
        "d1 created active pro:10x2 off:20; d3 pro:30x3",
        "d1 new 16: first_subscription 16
         d3 expansion 56: plan_upgrade 40, quantity_increase 30, discount_change -14",
    );
    let ledger = Story::of("d1 created active pro:10x2 off:20; d3 pro:30x3@max").derive(&profile("stripe"));
    let sides: Vec<String> = ledger.movements[1]
        .parts
        .iter()
        .map(|part| {
            let side = |side: &Option<super::outcome::Side>| {
                let side = side.as_ref().unwrap();
                format!("{} x{} {}", side.product.as_ref().unwrap(), side.quantity.unwrap(), side.amount)
            };
            format!("{} -> {}", side(&part.before), side(&part.after))
        })
        .collect();
    assert_eq!(sides, ["pro x2 16 -> max x2 56", "max x2 56 -> max x3 86", "max x3 86 -> max x3 72"]);
}

#[test]
fn each_change_of_an_item_has_its_cause() {
    for (change, expected) in [
        ("pro:20", "expansion 10: plan_upgrade 10"),
        ("pro:5", "contraction -5: plan_downgrade -5"),
        ("pro:20@other", "expansion 10: plan_upgrade 10"),
        ("pro:240/year", "expansion 10: interval_change 10"),
        ("pro:10x3", "expansion 20: quantity_increase 20"),
        ("off:50", "contraction -5: discount_start -5"),
        ("extra:4", "expansion 4: add_on 4"),
        ("-pro base:12", "expansion 2: plan_upgrade 2"),
        ("-pro base:12@pro extra:4", "expansion 6: plan_upgrade 2, add_on 4"),
    ] {
        stripe(
            &format!("d1 created active pro:10; d3 {change}"),
            &format!("d1 new 10: first_subscription 10\n d3 {expected}"),
        );
    }
    stripe(
        "d1 created active pro:10#gold extra:3; d3 pro:12#gold; d4 -extra; d5 pro:11#gold",
        "d1 new 13: first_subscription 10, first_subscription 3
         d3 expansion 2: price_increase 2
         d4 contraction -3: add_on_removed -3
         d5 contraction -1: price_decrease -1",
    );
    finance(
        "d1 created active pro:10 off:50; d3 off:20; d4 off:none",
        "d1 new 5: first_subscription 5
         d3 expansion 3: discount_change 3
         d4 expansion 2: discount_end 2",
    );
}

#[test]
fn an_item_removed_and_one_added_pair_by_product_then_by_order() {
    stripe(
        "d1 created active one:10@p two:20@q; d3 -one -two three:30@q four:11@r",
        "d1 new 30: first_subscription 10, first_subscription 20
         d3 expansion 11: plan_upgrade 1, plan_upgrade 10",
    );
    // Not in the same change: one left, another came.
    stripe(
        "d1 created active one:10 base:1; d3T09:00 -one; d3T10:00 two:15",
        "d1 new 11: first_subscription 10, first_subscription 1
         d3 expansion 5: add_on_removed -10, add_on 15",
    );
}

#[test]
fn subscriptions_of_one_customer_are_sold_and_dropped() {
    stripe(
        "d1 created active pro:10; d2 b created active pro:4; d3 c created active team:7; d4 b deleted reason:payment_failed; d5 c deleted",
        "d1 new 10: first_subscription 10
         d2 expansion 4: extra_subscription 4
         d3 expansion 7: cross_sell 7
         d4 contraction -4: subscription_dropped(payment_failure) -4
         d5 contraction -7: product_dropped(unknown_end) -7",
    );
    stripe(
        "d1 addon support; d1 created active pro:10; d2 b created active support:4; d3 b deleted",
        "d1 new 10: first_subscription 10
         d2 expansion 4: add_on 4
         d3 contraction -4: add_on_removed(unknown_end) -4",
    );
    finance(
        "d1 created active pro:10; d1 b created active team:5; d3 b hold; d4 b unhold",
        "d1 new 15: first_subscription 10, first_subscription 5
         d3 contraction -5: pause -5
         d4 expansion 5: resume 5",
    );
}

#[test]
fn a_start_has_its_cause() {
    for (story, expected) in [
        ("d1 created trialing pro:10 trial:d5; d5 active", "d5 new 10: trial_conversion 10"),
        ("d1 created active pro:0; d5 pro:10", "d5 new 10: free_to_paid 10"),
        ("d1 created active free:0; d5 b created active pro:10", "d5 new 10: free_to_paid 10"),
        ("d5 created active pro:10 start:d-40", "d5 new 10: imported 10"),
        ("d5 created incomplete pro:10; d5 active", "d5 new 10: first_subscription 10"),
    ] {
        stripe(story, expected);
    }
}

#[test]
fn a_return_has_its_cause() {
    for (story, expected) in [
        ("d3 past_due; d4 unpaid; d8 active", "d4 churn -10: payment_failure -10\n d8 reactivation 10: recovery 10"),
        ("d4 paused; d8 active", "d4 churn -10: pause -10\n d8 reactivation 10: resume 10"),
        ("d4 cape; d8 keep", "d4 churn -10: unknown_end -10\n d8 reactivation 10: cancellation_withdrawn 10"),
        ("d4 deleted; d8 b created active pro:10", "d4 churn -10: unknown_end -10\n d8 reactivation 10: winback 10"),
        ("d4 paused; d8 b created active pro:10", "d4 churn -10: pause -10\n d8 reactivation 10: other 10"),
    ] {
        stripe(
            &format!("d1 created active pro:10; {story}"),
            &format!("d1 new 10: first_subscription 10\n {expected}"),
        );
    }
}

#[test]
fn an_end_has_its_cause_and_no_evidence_is_unknown() {
    for (end, cause) in [
        ("deleted reason:cancellation_requested", "cancellation"),
        ("deleted reason:payment_failed", "payment_failure"),
        ("deleted reason:payment_disputed", "dispute"),
        ("deleted reason:retention", "retention_policy"),
        ("deleted reason:new_word", "unknown_end"),
        ("deleted", "unknown_end"),
        ("gone", "unknown_end"),
        ("unpaid", "payment_failure"),
        ("paused", "pause"),
        ("past_due; d5T13:00 deleted", "payment_failure"),
        ("pro:0", "other"),
        ("off:100", "full_discount"),
        ("cape reason:cancellation_requested", "cancellation"),
    ] {
        let story = format!("d1 created active pro:10; d5 {end}");
        stripe(&story, &format!("d1 new 10: first_subscription 10\n d5 churn -10: {cause} -10"));
    }
    finance(
        "d1 created active pro:10; d5 hold",
        "d1 new 10: first_subscription 10
         d5 churn -10: pause -10",
    );
    let ledger = Story::of("d1 created active pro:10; d5 deleted reason:cancellation_requested feedback:unused")
        .derive(&profile("stripe"));
    assert_eq!(ledger.movements[1].parts[0].feedback.as_deref(), Some("unused"));
}

// Section 3: knobs.

#[test]
fn past_due_counts_not_at_all_or_for_some_days() {
    let story = "d1 created active pro:10; d3 past_due; d20 active";
    let with = |past_due| Profile { past_due, ..profile("stripe") };
    check(&with(PastDue::Count), story, "d1 new 10: first_subscription 10");
    check(
        &with(PastDue::Zero),
        story,
        "d1 new 10: first_subscription 10\n d3 churn -10: payment_failure -10\n d20 reactivation 10: recovery 10",
    );
    check(
        &with(PastDue::Days(7)),
        story,
        "d1 new 10: first_subscription 10\n d10 churn -10: payment_failure -10\n d20 reactivation 10: recovery 10",
    );
    let at_risk: Vec<String> = Story::of(story)
        .derive(&profile("stripe"))
        .deltas
        .iter()
        .map(|delta| format!("{} {}", day(delta.at), delta.at_risk))
        .collect();
    assert_eq!(at_risk, ["d1 0", "d3 10", "d20 -10"]);
}

#[test]
fn unpaid_counts_where_the_profile_says_so() {
    check(
        &profile("chartmogul"),
        "d1 created active pro:10; d1 paid 10; d4 unpaid",
        "d1 new 10: first_subscription 10",
    );
}

#[test]
fn first_payment_waits_for_money_or_what_stands_for_it() {
    let paid = Profile { active_from: ActiveFrom::FirstPayment, ..profile("finance") };
    let start = "d1 created active pro:10;";
    check(&paid, &format!("{start} d4 paid 10"), "d4 new 10: first_subscription 10");
    check(&paid, &format!("{start} d4 paid 0 of 10"), "d4 new 10: first_subscription 10");
    check(&paid, &format!("{start} d4 paid 0"), "");
    check(&paid, "d5 active pro:20 since:d1", "d4 opening_balance 20: opening_balance 20");
    let story = "d1 created active pro:10; d1 b created active pro:5; d2 b paid 5; d3 paid 10";
    check(&paid, story, "d2 new 5: first_subscription 5\n d3 expansion 10: extra_subscription 10");
    let ledger = Story::of("d1 created active pro:10; d4 paid 10").derive(&paid);
    assert_eq!(ledger.movements[0].parts[0].events[0].as_str(), "evt_001", "the invoice is the evidence");
}

#[test]
fn a_request_counts_at_once_or_at_the_end() {
    let story = "d1 created active pro:10; d4 cape reason:cancellation_requested; d31 deleted";
    stripe(story, "d1 new 10: first_subscription 10\n d4 churn -10: cancellation -10");
    finance(story, "d1 new 10: first_subscription 10\n d31 churn -10: cancellation -10");
    for name in ["stripe", "finance"] {
        let ledger = Story::of(story).derive(&profile(name));
        let scheduled: Vec<String> = ledger
            .deltas
            .iter()
            .filter(|delta| delta.scheduled_churn.0 != 0)
            .map(|delta| format!("{} {}", day(delta.at), delta.scheduled_churn))
            .collect();
        assert_eq!(scheduled, ["d4 10", "d31 -10"], "{name}");
    }
}

#[test]
fn a_fixed_term_ends_at_its_end() {
    stripe(
        "d1 created active pro:10 cancel:d90; d5 pro:20; d90 deleted",
        "d1 new 10: first_subscription 10
         d5 expansion 10: plan_upgrade 10
         d90 churn -20: unknown_end -20",
    );
    // Asked for within its term: from then on it is a request.
    stripe(
        "d1 created active pro:10 cancel:d90; d5 cape",
        "d1 new 10: first_subscription 10
         d5 churn -10: unknown_end -10",
    );
    stripe(
        "d1 created active pro:10; d5 cancel:d90",
        "d1 new 10: first_subscription 10
         d5 churn -10: unknown_end -10",
    );
}

#[test]
fn discounts_fall_under_their_knobs() {
    let story = "d1 created active pro:10 off:20/repeating/d40";
    stripe(story, "d1 new 10: first_subscription 10");
    finance(story, "d1 new 8: first_subscription 8\n d40 expansion 2: discount_end 2");
    let story = "d1 created active pro:10 off:20";
    stripe(story, "d1 new 8: first_subscription 8");
    let ignoring = Profile { discount_forever: DiscountRule::Ignore, ..profile("stripe") };
    check(&ignoring, story, "d1 new 10: first_subscription 10");
}

#[test]
fn what_never_counts_leaves_nothing() {
    for status in ["incomplete", "trialing", "paused", "strange", "canceled"] {
        stripe(&format!("d1 created {status} pro:10"), "");
    }
    let ledger = Story::of("d1 created strange pro:10; d4 active").derive(&profile("stripe"));
    assert_eq!(quality(&ledger, QualityKind::UnknownValue), ["d1-d4"]);
}

#[test]
fn trials_are_counted_apart() {
    let ledger = Story::of(
        "d1 created trialing pro:10 trial:d5; d2 b created trialing pro:10 trial:d9; d5 active; d9 b deleted",
    )
    .derive(&profile("stripe"));
    assert_eq!(counts(&ledger), ["d1 0/0/1", "d2 0/0/2", "d5 1/1/1", "d9 1/1/0"]);
    let trials: Vec<_> = ledger
        .trials
        .iter()
        .map(|trial| format!("{} {} {}", trial.subscription, day(trial.ended_at), trial.converted))
        .collect();
    assert_eq!(trials, ["sub_a d5 true", "sub_b d9 false"]);
}

// Section 4: time and order.

#[test]
fn the_first_thing_known_tells_what_was_before() {
    for (story, expected) in [
        // Of an update, its previous attributes.
        (
            "d1 active lost pro:10 since:d-30; d5 pro:30",
            "d4 opening_balance 10: opening_balance 10\n d5 expansion 20: plan_upgrade 20",
        ),
        // Of an end, the same items as active.
        ("d5 deleted pro:10 since:d-30", "d4 opening_balance 10: opening_balance 10\n d5 churn -10: unknown_end -10"),
        (
            "d5 deleted pro:10 since:d-30 reason:payment_failed",
            "d4 opening_balance 10: opening_balance 10\n d5 churn -10: payment_failure -10",
        ),
        // Of an API read, itself.
        (
            "d5 read active pro:10 since:d-30; d9 pro:12",
            "d4 opening_balance 10: opening_balance 10\n d9 expansion 2: plan_upgrade 2",
        ),
        // The end of a trial is no end of money.
        ("d5 deleted pro:10 since:d1 trial:d8", ""),
        ("d1 lost trialing pro:10 since:d1; d5 active", "d5 new 10: trial_conversion 10"),
        // Begun on that very day: new at the start.
        ("d5T08:00 lost active pro:10; d5T12:00 read", "d5 new 10: first_subscription 10"),
        (
            "d5T08:00 lost active pro:10; d6 pro:15; d9 deleted",
            "d5 opening_balance 10: opening_balance 10\n d6 expansion 5: plan_upgrade 5\n d9 churn -15: unknown_end -15",
        ),
    ] {
        stripe(story, expected);
    }
}

#[test]
fn an_opening_balance_is_never_netted() {
    for netting in [Netting::None, Netting::Day, Netting::Window(60), Netting::Month] {
        let profile = Profile { netting, ..profile("finance") };
        check(
            &profile,
            "d2 created active pro:10; d3 b lost active team:4 since:d-9; d6 b team:5",
            "d2 new 10: first_subscription 10
             d5 opening_balance 4: opening_balance 4
             d6 expansion 1: plan_upgrade 1",
        );
        let windows: Vec<_> = Story::of(
            "d1 created active pro:10; d5T23:59:59 pro:11; d3 b lost active team:4 since:d-9; d6T00:00:00 b team:5",
        )
        .derive(&profile)
        .movements
        .iter()
        .map(|one| one.window)
        .collect();
        let mut distinct = windows.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), windows.len(), "{netting:?}: a window names one movement: {windows:?}");
    }
}

#[test]
fn one_second_is_put_in_order_by_previous_values() {
    for (story, expected) in [
        ("d1 created incomplete pro:10; d1 active", "d1 new 10: first_subscription 10"),
        ("d1 created trialing pro:10; d1 active", "d1 new 10: trial_conversion 10"),
        // Ids say otherwise: the later change bears the lesser id.
        (
            "d1 created active pro:10; d2 pro:20; d2 pro:30; d2 pro:15",
            "d1 new 10: first_subscription 10\n d2 expansion 5: plan_upgrade 5",
        ),
    ] {
        let mut told_by: Vec<Vec<String>> = Vec::new();
        for turn in 0..4 {
            let mut story = Story::of(story);
            let count = story.facts.len();
            for (place, fact) in story.facts.iter_mut().enumerate() {
                fact.event = format!("evt_{}", (count - place + turn) % count).as_str().into();
            }
            let ledger = story.derive(&profile("stripe"));
            assert_eq!(quality(&ledger, QualityKind::UnresolvedTie), Vec::<String>::new(), "{story:?}");
            assert_eq!(quality(&ledger, QualityKind::Gap), Vec::<String>::new());
            told_by.push(told(&ledger.movements));
        }
        let expected: Vec<&str> = expected.split('\n').map(str::trim).collect();
        told_by.iter().for_each(|told| assert_eq!(told, &expected));
    }
}

#[test]
fn what_only_the_id_could_settle_is_a_tie() {
    let ledger = Story::of("d1 created active pro:10; d2 blind pro:20; d2 blind pro:30").derive(&profile("stripe"));
    assert_eq!(quality(&ledger, QualityKind::UnresolvedTie), ["d2-"]);
    let ledger = Story::of("d1 created active pro:10; d2 blind pro:20 period:d2-d30; d2 blind pro:30 period:d2-d40")
        .derive(&profile("stripe"));
    assert_eq!(quality(&ledger, QualityKind::UnresolvedTie), Vec::<String>::new());
}

#[test]
fn a_second_of_a_thousand_changes_stays_fast() {
    let story: String = (0..1000).map(|n| format!("; d2 blind pro:{n}")).collect();
    let ledger = Story::of(&format!("d1 created active pro:10{story}")).derive(&profile("stripe"));
    assert_eq!(quality(&ledger, QualityKind::UnresolvedTie).len(), 1);
    let story: String = (0..48).map(|n| format!("; d2 pro:{}", n % 3)).collect();
    Story::of(&format!("d1 created active pro:10{story}")).derive(&profile("stripe"));
}

#[test]
fn created_is_first_and_deleted_last_whatever_their_second() {
    // A real delivery: `updated` a second before `created`.
    let mut story = Story::of("d1T00:00:01 created incomplete pro:10; d1T00:00:02 active; d9 deleted");
    story.facts[1].at = story.facts[0].at.plus(-1);
    let ledger = story.derive(&profile("stripe"));
    assert_eq!(told(&ledger.movements), ["d1 new 10: first_subscription 10", "d9 churn -10: unknown_end -10"]);
    assert_eq!(quality(&ledger, QualityKind::Gap), Vec::<String>::new());
}

#[test]
fn the_end_is_where_ended_at_says_and_nothing_revives_it() {
    let story = "d1 created active pro:10; d9 deleted ended:d6; d12 active";
    stripe(story, "d1 new 10: first_subscription 10\n d6 churn -10: unknown_end -10");
    let mut late = Story::of("d1 created active pro:10; d7 pro:20; d9 deleted ended:d6");
    late.facts.rotate_left(1);
    let ledger = late.derive(&profile("stripe"));
    assert_eq!(told(&ledger.movements), ["d1 new 10: first_subscription 10", "d6 churn -10: unknown_end -10"]);
    assert_eq!(quality(&ledger, QualityKind::Gap), ["d7-"]);
}

#[test]
fn a_deleted_customer_ends_what_has_no_end_of_its_own() {
    let story = "d1 created active pro:10; d1 b created active team:5; d4 b deleted reason:cancellation_requested; d6 gone; d8 pro:20";
    stripe(
        story,
        "d1 new 15: first_subscription 10, first_subscription 5
         d4 contraction -5: product_dropped(cancellation) -5
         d6 churn -10: unknown_end -10",
    );
    assert_eq!(quality(&Story::of(story).derive(&profile("stripe")), QualityKind::Gap), ["d8-"]);
}

#[test]
fn a_broken_chain_is_a_gap_until_a_read_heals_it() {
    let broken = "d1 created active pro:10; d3 lost pro:20; d5 pro:30";
    let ledger = Story::of(broken).derive(&profile("stripe"));
    assert_eq!(quality(&ledger, QualityKind::Gap), ["d5-"]);
    let ledger = Story::of(&format!("{broken}; d8 read")).derive(&profile("stripe"));
    assert_eq!(quality(&ledger, QualityKind::Gap), ["d5-d8"]);
    let whole = Story::of("d1 created active pro:10; d3 pro:20; d5 pro:30").derive(&profile("stripe"));
    assert_eq!(whole.quality, []);
    // What the update itself doesn't touch was changed by an event that is missing.
    let ledger = Story::of("d1 created active pro:10; d3 lost pro:20; d5 past_due").derive(&profile("stripe"));
    assert_eq!(quality(&ledger, QualityKind::Gap), ["d5-"]);
}

#[test]
fn a_second_event_for_one_change_is_nothing() {
    let once = Story::of("d1 created active pro:10; d3 pro:20").derive(&profile("stripe"));
    let mut story = Story::of("d1 created active pro:10; d3 pro:20");
    let mut again = story.facts[1].clone();
    again.event = "evt_002".into();
    story.facts.insert(0, again);
    assert_eq!(story.derive(&profile("stripe")), once);
}

#[test]
fn one_event_in_two_shapes_is_read_from_the_newest() {
    let mut story = Story::of("d1 created active pro:10; d3 pro:20");
    let mut variant = Story::of("d1 created active pro:10; d3 pro:30").facts.remove(1);
    variant.api_version = Some("2025-03-31.basil".into());
    story.facts[1].api_version = Some("2020-08-27".into());
    for place in [0, 1, 2] {
        let mut story = story.clone();
        story.facts.insert(place, variant.clone());
        let ledger = story.derive(&profile("stripe"));
        assert_eq!(told(&ledger.movements)[1], "d3 expansion 20: plan_upgrade 20");
    }
}

#[test]
fn time_does_not_end_a_trial_a_pause_or_a_cancellation() {
    let overdue = |story: &str| quality(&Story::of(story).derive(&profile("finance")), QualityKind::Overdue);
    assert_eq!(overdue("d1 created trialing pro:10 trial:d5"), ["d6-"]);
    assert_eq!(overdue("d1 created trialing pro:10 trial:d5; d9 active"), ["d6-d9"]);
    assert_eq!(overdue("d1 created trialing pro:10 trial:d5; d5T13:00 active"), Vec::<String>::new());
    assert_eq!(overdue("d1 created active pro:10; d3 hold:d7"), ["d8-"]);
    assert_eq!(overdue("d1 created active pro:10; d3 cancel:d7"), ["d8-"]);
    assert_eq!(overdue("d1 created active pro:10 period:d1-d31; d3 cape"), ["d32-"]);
    assert_eq!(overdue("d1 created active pro:10 period:d1-d31; d3 cape; d31 deleted"), Vec::<String>::new());
}

#[test]
fn the_future_is_written_ahead_and_splits_what_is_known() {
    // A discount ends at noon of d40, within a day on which something else changes as well.
    finance(
        "d1 created active pro:10 off:20/repeating/d40; d40T08:00 pro:20",
        "d1 new 8: first_subscription 8
         d40 expansion 8 until d40: plan_upgrade 10, discount_change -2
         d40 expansion 12: plan_upgrade 10, discount_end 2",
    );
    let ledger = Story::of("d1 created active pro:10 off:20/repeating/d40").derive(&profile("finance"));
    assert_eq!(ledger.subscriptions[0].mrr.to_string(), "8", "the future is left out");
    assert_eq!(ledger.movements[1].visible_from, ledger.movements[1].effective_at);
}
