//! The rules of time, counting, netting and causes, told as stories (mrr.md 3 to 5).

use super::{
    profile::{Netting, Profile},
    story::{Story, told},
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
fn the_window_none_still_orders() {
    let none = Profile { netting: Netting::None, ..profile("finance") };
    check(
        &none,
        "d1 created active pro:10; d2T09:00 pro:20; d2T10:00 pro:15",
        "d1 new 10: first_subscription 10
         d2 expansion 10: plan_upgrade 10
         d2 contraction -5: plan_downgrade -5",
    );
}
