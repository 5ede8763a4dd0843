//! Parts and causes (rule `causes`).

use super::*;

/// Rule `parts`.
#[test]
fn parts_take_price_then_quantity_then_discount() {
    stripe(
        "d1 created active pro:10x2 off:20; d3 pro:30x3@max",
        "d1 new 16: first_subscription 16
         d3 expansion 56: plan_upgrade 40, quantity_increase 30, discount_change -14",
    );
    let ledger = Story::of("d1 created active pro:10x2 off:20; d3 pro:30x3@max").derive(&profile("stripe"));
    let sides: Vec<String> = ledger.movements[1]
        .parts
        .iter()
        .map(|part| {
            let side = |side: &Option<super::super::outcome::Side>| {
                let side = side.as_ref().unwrap();
                format!("{} x{} {}", side.product.as_ref().unwrap(), side.quantity.unwrap(), side.amount)
            };
            format!("{} -> {}", side(&part.before), side(&part.after))
        })
        .collect();
    assert_eq!(sides, ["pro x2 16 -> max x2 56", "max x2 56 -> max x3 86", "max x3 86 -> max x3 72"]);
}

/// Rule `causes`.
#[test]
fn each_change_of_an_item_has_its_cause() {
    for (change, expected) in [
        ("pro:20", "expansion 10: price_increase 10"),
        ("pro:5", "contraction -5: price_decrease -5"),
        ("pro:20#gold", "expansion 10: plan_upgrade 10"),
        ("pro:5#gold", "contraction -5: plan_downgrade -5"),
        ("pro:20@other", "expansion 10: plan_upgrade 10"),
        ("pro:240/year", "expansion 10: interval_change 10"),
        ("pro:10x3", "expansion 20: quantity_increase 20"),
        ("off:50", "contraction -5: discount_start -5"),
        ("extra:4", "expansion 4: add_on 4"),
        ("-pro base:12", "expansion 2: plan_upgrade 2"),
        ("-pro base:12@pro extra:4", "expansion 6: price_increase 2, add_on 4"),
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
         d3 expansion 11: plan_upgrade 1, price_increase 10",
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
        ("d5 created trialing pro:10 start:d-40 trial:d9; d9 active", "d9 new 10: imported 10"),
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
        ("d4 off:100; d8 off:none", "d4 churn -10: full_discount -10\n d8 reactivation 10: discount_end 10"),
        ("d4 off:100; d8 off:50", "d4 churn -10: full_discount -10\n d8 reactivation 5: discount_end 5"),
        (
            "d4 off:100; d6 deleted; d8 b created active pro:10",
            "d4 churn -10: full_discount -10\n d8 reactivation 10: winback 10",
        ),
        ("d4 pro:0; d8 pro:10", "d4 churn -10: to_free -10\n d8 reactivation 10: free_to_paid 10"),
        ("d4 pro:0; d8 b created active max:20", "d4 churn -10: to_free -10\n d8 reactivation 20: free_to_paid 20"),
        // What held it back last, whatever it was lost by.
        (
            "d3 past_due; d4 unpaid; d5 off:100; d6 active; d8 off:none",
            "d4 churn -10: payment_failure -10\n d8 reactivation 10: discount_end 10",
        ),
        (
            "d4 paused; d5 pro:10x0; d6 active; d8 pro:10x2",
            "d4 churn -10: pause -10\n d8 reactivation 20: quantity_increase 20",
        ),
        ("d4 paused; d5 pro:0; d6 active; d8 pro:20", "d4 churn -10: pause -10\n d8 reactivation 20: free_to_paid 20"),
        ("d4 pro:10x0; d8 pro:10x2", "d4 churn -10: quantity_zero -10\n d8 reactivation 20: quantity_increase 20"),
        // Won back at a full discount, and money counts when that ends.
        (
            "d4 deleted; d8 b created active pro:10 off:100; d12 b off:none",
            "d4 churn -10: unknown_end -10\n d12 reactivation 10: winback 10",
        ),
        ("d4 paused; d8 b created active pro:10", "d4 churn -10: pause -10\n d8 reactivation 10: other 10"),
    ] {
        stripe(
            &format!("d1 created active pro:10; {story}"),
            &format!("d1 new 10: first_subscription 10\n {expected}"),
        );
    }
}

/// Rule `reactivation_as` of the knobs: a return by another name keeps its causes.
#[test]
fn a_return_that_is_called_new_has_a_returns_cause_or_converts_a_trial() {
    let renamed = Profile { reactivation_as: ReactivationAs::New, ..profile("stripe") };
    check(
        &renamed,
        "d1 created active pro:10; d4 paused; d5 trialing trial:d9; d9 active",
        "d1 new 10: first_subscription 10\n d4 churn -10: pause -10\n d9 new 10: trial_conversion 10",
    );
    check(
        &renamed,
        "d1 created active pro:10; d4 deleted; d9 b created active pro:10",
        "d1 new 10: first_subscription 10\n d4 churn -10: unknown_end -10\n d9 new 10: winback 10",
    );
}

/// Rules `causes` and `pause-collection`.
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
        ("past_due; d5T13:00 deleted reason:cancellation_requested", "cancellation"),
        ("pro:0", "to_free"),
        ("pro:10x0", "quantity_zero"),
        ("-pro base:0", "to_free"),
        ("deleted; d5 b created active base:0", "to_free"),
        ("deleted reason:cancellation_requested; d5 b created active base:0", "cancellation"),
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
