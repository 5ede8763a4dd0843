//! Time and order (rule `time-alone`).

use super::*;

/// Rule `opening-balance`.
#[test]
fn the_first_thing_known_tells_what_was_before() {
    for (story, expected) in [
        // Of an update, its previous attributes.
        (
            "d1 active lost pro:10 since:d-30; d5 pro:30",
            "d4 opening_balance 10: opening_balance 10\n d5 expansion 20: price_increase 20",
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
            "d4 opening_balance 10: opening_balance 10\n d9 expansion 2: price_increase 2",
        ),
        // The end of a trial is no end of money.
        ("d5 deleted pro:10 since:d1 trial:d8", ""),
        ("d1 lost trialing pro:10 since:d1; d5 active", "d5 new 10: trial_conversion 10"),
        // Begun on that very day: new at the start.
        ("d5T08:00 lost active pro:10; d5T12:00 read", "d5 new 10: first_subscription 10"),
        (
            "d5T08:00 lost active pro:10; d6 pro:15; d9 deleted",
            "d5 opening_balance 10: opening_balance 10\n d6 expansion 5: price_increase 5\n d9 churn -15: unknown_end -15",
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
             d6 expansion 1: price_increase 1",
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

/// Rule `snapshot-order`.
#[test]
fn one_second_is_put_in_order_by_previous_values() {
    for (story, expected) in [
        ("d1 created incomplete pro:10; d1 active", "d1 new 10: first_subscription 10"),
        ("d1 created trialing pro:10; d1 active", "d1 new 10: trial_conversion 10"),
        // Ids say otherwise: the later change bears the lesser id.
        (
            "d1 created active pro:10; d2 pro:20; d2 pro:30; d2 pro:15",
            "d1 new 10: first_subscription 10\n d2 expansion 5: price_increase 5",
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

/// Rules `ends` and `effective-time`.
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

/// Rule `gaps`.
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

/// Rule `repeated-events`.
#[test]
fn a_second_event_for_one_change_is_nothing() {
    let once = Story::of("d1 created active pro:10; d3 pro:20").derive(&profile("stripe"));
    let mut story = Story::of("d1 created active pro:10; d3 pro:20");
    let mut again = story.facts[1].clone();
    again.event = "evt_002".into();
    story.facts.insert(0, again);
    assert_eq!(story.derive(&profile("stripe")), once);
}

/// Back in the state reached, from one that no event shows.
#[test]
fn a_gap_that_came_back_is_one() {
    let gaps = |story: &str| quality(&Story::of(story).derive(&profile("stripe")), QualityKind::Gap);
    assert_eq!(gaps("d1 created active pro:10; d5 lost past_due; d9 active"), ["d9-"]);
    assert_eq!(gaps("d1 created active pro:10; d5 lost past_due; d9 active; d12 read"), ["d9-d12"]);
    assert_eq!(gaps("d1 created active pro:10; d5 past_due; d9 active; d20 lost unpaid; d25 active"), ["d25-"]);
    // The same change told again, some seconds later, and one that changes nothing.
    let again = |after: i64| {
        let mut story = Story::of("d1 created active pro:10; d5 pro:20; d9 blind pro:20; d12 pro:20");
        let mut twin = story.facts[1].clone();
        (twin.event, twin.at) = ("evt_twin".into(), twin.at.plus(after));
        story.facts.push(twin);
        quality(&story.derive(&profile("stripe")), QualityKind::Gap)
    };
    assert_eq!(again(0), Vec::<String>::new());
    assert_eq!(again(7), Vec::<String>::new());
}

/// Two orders hold: the one that ends where the next snapshot begins is taken.
#[test]
fn the_next_snapshot_settles_the_order_of_a_second() {
    let told_by = |story: &str, twins: &[usize]| {
        let mut story = Story::of(story);
        for place in twins {
            let mut twin = story.facts[*place].clone();
            twin.event = format!("evt_twin_{place}").as_str().into();
            story.facts.push(twin);
        }
        let ledger = story.derive(&profile("stripe"));
        let amounts: Vec<String> = ledger
            .deltas
            .iter()
            .filter(|one| one.mrr.0 != 0)
            .map(|one| format!("{} {}", day(one.at), one.mrr))
            .collect();
        let open = |kind| quality(&ledger, kind).len();
        (amounts.join(", "), open(QualityKind::UnresolvedTie), open(QualityKind::Gap))
    };
    let back = "d1 created active pro:10; d5 pro:20; d5 pro:10";
    let is = |amounts: &str| (amounts.to_owned(), 0, 0);
    assert_eq!(told_by(back, &[1]), is("d1 10"), "a second Event for one change is nothing");
    assert_eq!(told_by(&format!("{back}; d9 past_due"), &[1]), is("d1 10"));
    // There, back, and there again: only so does the next begin at 20.
    let there = "d1 created active pro:10; d5 pro:20; d5 pro:10; d5 pro:20; d9 past_due";
    assert_eq!(told_by(there, &[]).0, told_by("d1 created active pro:10; d5 pro:20; d9 past_due", &[]).0);
    assert_eq!((told_by(there, &[]).1, told_by(there, &[]).2), (0, 0));
}

/// Rule `variants`.
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
        assert_eq!(told(&ledger.movements)[1], "d3 expansion 20: price_increase 20");
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
         d40 expansion 8 until d40: price_increase 10, discount_change -2
         d40 expansion 12: price_increase 10, discount_end 2",
    );
    let ledger = Story::of("d1 created active pro:10 off:20/repeating/d40").derive(&profile("finance"));
    assert_eq!(ledger.subscriptions[0].mrr.to_string(), "8", "the future is left out");
    assert_eq!(ledger.movements[1].visible_from, ledger.movements[1].effective_at);
}

#[test]
fn a_month_in_which_time_and_an_event_change_mrr_adds_up() {
    let profitwell = profile("profitwell");
    let story = "d1 created active pro:100 off:50/repeating/d20; d1 paid 50; d25 pro:300";
    let ledger = Story::of(story).derive(&profitwell);
    assert_eq!(
        told(&ledger.movements),
        ["d1 new 50 until d20: first_subscription 50", "d25 new 300 from d20: first_subscription 300"]
    );
    assert_eq!(crate::identities::first_breach(&ledger, profitwell.netting), None);
}

/// Rules `snapshot-order` and `repeated-events`.
#[test]
fn a_change_there_and_back_and_there_again_is_settled_by_the_next_snapshot() {
    stripe(
        "d1 created active pro:10; d3 cancel:d60; d3 keep; d3 cancel:d60; d5 pro:10x2",
        "d1 new 10: first_subscription 10\n d3 churn -10: unknown_end -10",
    );
    // Told again by another event, it is the same change.
    stripe(
        "d1 created active pro:10; d3 cancel:d60; d3 keep; d3 cancel:d60; d4 other; d5 keep",
        "d1 new 10: first_subscription 10\n d3 churn -10: unknown_end -10\n d5 reactivation 10: cancellation_withdrawn 10",
    );
    stripe(
        "d1 created active pro:10; d3 cancel:d60; d3 keep; d5 pro:10x2",
        "d1 new 10: first_subscription 10\n d5 expansion 10: quantity_increase 10",
    );
}

/// Rule `first-payment`: nothing is reactivated that was worth nothing.
#[test]
fn a_state_rebuilt_that_is_worth_nothing_never_counted() {
    stripe("d1 active lost pro:10x0 cape since:d-30; d5 keep pro:10x1", "d5 new 10: first_subscription 10");
}
