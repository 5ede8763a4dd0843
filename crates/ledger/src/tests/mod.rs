//! The rules of time, counting, netting and causes, told as stories (docs/rules.md).

mod causes;
mod counting;
mod explain;
mod kinds;
mod past;
mod time;

use super::{
    outcome::{CustomerLedger, QualityKind},
    plans::Plans,
    profile::{ActiveFrom, DiscountRule, Netting, PastDue, Paused, Profile, ReactivationAs, TrialGranted},
    story::{Story, day, time as instant, told},
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
