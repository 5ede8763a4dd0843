//! The knobs of a profile (rule `knobs`).

use super::*;

/// Rule `past-due`.
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

/// Rule `unpaid`.
#[test]
fn unpaid_counts_where_the_profile_says_so() {
    check(
        &profile("chartmogul"),
        "d1 created active pro:10; d1 paid 10; d4 unpaid",
        "d1 new 10: first_subscription 10",
    );
}

/// Rule `first-payment`.
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

/// Rule `churn-at`.
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
         d5 expansion 10: price_increase 10
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
fn an_end_with_the_period_is_asked_for_even_from_the_start() {
    // Only a `cancel_at` is a term.
    let story = "d1 created active pro:10 cape; d31 deleted";
    stripe(story, "");
    finance(story, "d1 new 10: first_subscription 10\n d31 churn -10: unknown_end -10");
    // Stripe sets both where the request is made by its API: a `cancel_at` is there since the first snapshot.
    stripe(
        "d1 created active pro:10 cape cancel:d31; d31 deleted",
        "d1 new 10: first_subscription 10\n d31 churn -10: unknown_end -10",
    );
    // The term was taken away, and an end with the period asked for.
    stripe(
        "d1 created active pro:10 cancel:d90; d5 keep cape",
        "d1 new 10: first_subscription 10\n d5 churn -10: unknown_end -10",
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

/// Rule `counted-states`.
#[test]
fn what_never_counts_leaves_nothing() {
    for status in ["incomplete", "trialing", "paused", "strange", "canceled"] {
        stripe(&format!("d1 created {status} pro:10"), "");
    }
    let ledger = Story::of("d1 created strange pro:10; d4 active").derive(&profile("stripe"));
    assert_eq!(quality(&ledger, QualityKind::UnknownValue), ["d1-"], "it stays listed");
}

/// rule `unknown-values`: an unknown status changes nothing.
#[test]
fn a_status_nobody_knows_keeps_what_counted() {
    let story = "d1 created active pro:10; d4 strange; d6 strange pro:20; d9 past_due; d12 strange";
    stripe(story, "d1 new 10: first_subscription 10\n d6 expansion 10: price_increase 10");
    let ledger = Story::of(story).derive(&profile("stripe"));
    assert_eq!(quality(&ledger, QualityKind::UnknownValue), ["d4-", "d12-"]);
    assert_eq!(quality(&ledger, QualityKind::Gap), Vec::<String>::new());
    let days = "d1 created active pro:10; d4 past_due; d6 strange; d30 active";
    check(
        &Profile { past_due: crate::profile::PastDue::Days(3), ..profile("stripe") },
        days,
        "d1 new 10: first_subscription 10\n d7 churn -10: payment_failure -10\n d30 reactivation 10: recovery 10",
    );
}

/// Rule `trial-churn`.
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
        .map(|trial| format!("{} {} {:?}", trial.subscription, day(trial.ended_at), trial.converted_at.map(day)))
        .collect();
    assert_eq!(trials, ["sub_a d5 Some(\"d5\")", "sub_b d9 None"]);
}

#[test]
fn a_trial_is_converted_when_it_is_active_or_has_paid_and_never_by_being_past_due() {
    // Its first invoice fails and is paid on day 9.
    let story = "d1 created trialing pro:10 trial:d5; d5 past_due; d9 paid 10; d10 active";
    let ledger = Story::of(story).derive(&profile("finance"));
    let converted = |now: &str| {
        let trials = ledger.trials.iter().filter_map(|trial| trial.clone().at(instant(now)));
        trials.map(|trial| trial.converted_at.map(day)).collect::<Vec<_>>()
    };
    assert_eq!(converted("d4"), []);
    assert_eq!(converted("d8"), [None]);
    assert_eq!(converted("d9"), [Some("d9".to_owned())]);
    let ends = |story: &str| {
        let trials = Story::of(story).derive(&profile("stripe")).trials;
        trials.iter().map(|trial| trial.converted_at.map(day)).collect::<Vec<_>>()
    };
    assert_eq!(ends("d1 created trialing pro:10 trial:d5; d5 past_due; d20 unpaid"), [None]);
    assert_eq!(ends("d1 created trialing pro:10 trial:d5; d5 paused; d20 active"), [Some("d20".to_owned())]);
    // At a full discount it is active all the same.
    assert_eq!(ends("d1 created trialing pro:10 off:100 trial:d5; d5 active"), [Some("d5".to_owned())]);
    // Paid only after it was on trial again, which was granted to it.
    let again = "d1 created trialing pro:10 trial:d5; d5 past_due; d7 trialing trial:d9; d9 deleted; d10 paid 10";
    assert_eq!(ends(again), [None]);
}

#[test]
fn an_amount_beyond_all_bounds_is_unpriced_and_moves_nothing() {
    let ledger = Story::of("d1 created active pro:10 huge:9999999999999x99999; d3 huge:99999999999999999999x9 pro:20")
        .derive(&profile("stripe"));
    assert_eq!(told(&ledger.movements), ["d1 new 10: first_subscription 10", "d3 expansion 10: price_increase 10"]);
    assert!(!quality(&ledger, QualityKind::UnpricedItem).is_empty());
}

/// Rule `joined-customers`.
#[test]
fn one_customer_may_be_several_of_stripes() {
    // `ledger.customer_key` joins them: the deletion of one ends its own subscriptions only.
    let mut story = Story::of("d1 created active pro:10; d1 b created active pro:5; d4 gone");
    let super::super::fact::State::Subscription { after, .. } = &mut story.facts[1].state else { panic!() };
    after.customer = "cus_2".into();
    let ledger = story.derive(&profile("stripe"));
    let expected = "d4 contraction -10: subscription_dropped(unknown_end) -10";
    assert_eq!(told(&ledger.movements), ["d1 new 15: first_subscription 10, first_subscription 5", expected]);
}

#[test]
fn the_second_of_stripes_customers_that_are_one_is_no_new_customer() {
    let mut story = Story::of(
        "d1 created active pro:10; d4 b created active pro:5; d9 b deleted ended:d9; d12 c created active team:7",
    );
    for fact in &mut story.facts[1..3] {
        let super::super::fact::State::Subscription { after, .. } = &mut fact.state else { panic!() };
        after.customer = "cus_2".into();
    }
    let ledger = story.derive(&profile("stripe"));
    let expected = [
        "d1 new 10: first_subscription 10",
        "d4 expansion 5: extra_subscription 5",
        "d9 contraction -5: subscription_dropped(unknown_end) -5",
        "d12 expansion 7: cross_sell 7",
    ];
    assert_eq!(told(&ledger.movements), expected);
}

/// docs/wire.md 4.4: $120 a year from January 1 that ends on July 1 is billed $60, and $30 more when the end moves to
/// October 1: its MRR is $10 throughout, a price's, never an invoice's.
#[test]
fn a_bill_prorated_to_an_early_end_leaves_the_price_alone() {
    for profile in Profile::BUILT_IN.map(profile) {
        check(
            &profile,
            "d1 created active pro:120/year cancel:d182\n d1 paid 60\n d46 cancel:d274\n d46 paid 30
             d274 deleted ended:d274 reason:cancellation_requested",
            "d1 new 10: first_subscription 10\n d274 churn -10: cancellation -10",
        );
    }
}

/// docs/wire.md 4.4: 100 at $100 a month and 50 at $600 a year are $12,500; $120 a year and $25 a month are $35.
#[test]
fn months_and_years_add_up() {
    let mrr = |story: &str| {
        let deltas = Story::of(story).derive(&profile("stripe")).deltas;
        deltas.iter().map(|delta| delta.mrr.0).sum::<i128>() / crate::money::Mrr::MINOR
    };
    assert_eq!(mrr("d1 created active pro:100x100; d1 b created active basic:600x50/year"), 12_500);
    assert_eq!(mrr("d1 created active pro:120/year; d1 b created active basic:25"), 35);
}

#[test]
fn paused_counts_by_knob_and_so_does_a_trial_granted() {
    let story = "d1 created active pro:10; d3 paused; d5 active";
    let paused = Profile { paused: Paused::Count, ..profile("stripe") };
    check(&paused, story, "d1 new 10: first_subscription 10");
    stripe(story, "d1 new 10: first_subscription 10\n d3 churn -10: pause -10\n d5 reactivation 10: resume 10");
    let granted = Profile { trial_granted: TrialGranted::Count, ..profile("stripe") };
    check(&granted, "d1 created active pro:10; d3 trialing trial:d9; d9 active", "d1 new 10: first_subscription 10");
    check(
        &granted,
        "d1 created active pro:10; d3 try:pro:d9; d9 pro:12",
        "d1 new 10: first_subscription 10\n d9 expansion 2: price_increase 2",
    );
    // A trial from the start is none that was granted.
    check(&granted, "d1 created trialing pro:10 trial:d5; d5 active", "d5 new 10: trial_conversion 10");
    // A paused collection takes the money away on such a trial as well.
    let held = Profile { pause_collection: crate::profile::PauseRule::Zero, ..granted.clone() };
    check(
        &held,
        "d1 created active pro:10; d3 trialing trial:d9; d5 hold; d7 unhold; d9 active",
        "d1 new 10: first_subscription 10\n d5 churn -10: pause -10\n d7 reactivation 10: resume 10",
    );
    check(
        &held,
        "d1 created active pro:10; d1 b created active team:5; d3 trialing trial:d9; d5 hold; d7 unhold; d9 active",
        "d1 new 15: first_subscription 10, first_subscription 5
         d5 contraction -10: pause -10
         d7 expansion 10: resume 10",
    );
    // An item that never counted has a trial like any other.
    check(
        &granted,
        "d1 created incomplete pro:10; d2 try:pro:d9; d3 active; d9 pro:12",
        "d9 new 12: trial_conversion 12",
    );
    let churns = "d1 new 10: first_subscription 10\n d9 churn -10: unknown_end -10";
    check(&granted, "d1 created active pro:10; d3 trialing trial:d9; d9 deleted", churns);
}

/// Rule `exclusions`.
#[test]
fn products_and_prices_that_are_left_out_count_in_no_figure() {
    let plans = Plans::new([], ["setup".into()], ["price_extra_3_month".into()]);
    let without = Profile { plans: plans.into(), ..profile("stripe") };
    let story = "d1 created active pro:10 fee:7@setup extra:3; d3 fee:9@setup; d5 extra:4; d7 -pro";
    check(
        &without,
        story,
        "d1 new 10: first_subscription 10\n d5 expansion 4: add_on 4\n d7 contraction -10: add_on_removed -10",
    );
    let ledger = Story::of("d1 created active fee:7@setup").derive(&without);
    assert_eq!((ledger.movements.len(), ledger.deltas.len(), counts(&ledger).len()), (0, 0, 0));
}

#[test]
fn a_named_pair_of_prices_is_one_plan() {
    let story = "d1 created active pro:10#old; d3 pro:12#new; d5 pro:10#old";
    stripe(
        story,
        "d1 new 10: first_subscription 10\n d3 expansion 2: plan_upgrade 2\n d5 contraction -2: plan_downgrade -2",
    );
    let pair = [("price_pro_12_month".into(), "price_pro_10_month".into())];
    let named = Profile { plans: Plans::new(pair, [], []).into(), ..profile("stripe") };
    check(
        &named,
        story,
        "d1 new 10: first_subscription 10\n d3 expansion 2: price_increase 2\n d5 contraction -2: price_decrease -2",
    );
}
