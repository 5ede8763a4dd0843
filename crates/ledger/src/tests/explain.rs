//! `explain` names the rule behind every step.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{
    CustomerFacts,
    explain::{Stage, explain},
    fact::Scheme,
    time::Zone,
};

/// The rules of all steps of a story, by stage.
fn rules(story: &Story, profile: &Profile) -> BTreeMap<Stage, BTreeSet<&'static str>> {
    let customer = "cus_1".into();
    let input = CustomerFacts { customer: &customer, facts: &story.facts, references: &story.references };
    let mut rules: BTreeMap<Stage, BTreeSet<&'static str>> = BTreeMap::new();
    for step in explain(input, profile, &Zone::UTC) {
        rules.entry(step.stage).or_default().insert(step.rule);
    }
    rules
}

/// A trial's end lies ahead while the trial runs, and behind in every later state of the subscription.
#[test]
fn the_end_of_a_trial_is_told_as_what_it_was_at_the_time() {
    let story = Story::of("d1 created trialing pro:20 trial:d12; d12 active; d15 pro:20x2");
    let customer = "cus_1".into();
    let input = CustomerFacts { customer: &customer, facts: &story.facts, references: &story.references };
    let steps = explain(input, &profile("stripe"), &Zone::UTC);
    let states = steps.iter().filter(|step| step.stage == Stage::State).map(|step| step.text.to_string());
    let told = states.map(|text| (text.contains("trial until"), text.contains("trial was due to end at")));
    assert_eq!(told.collect::<Vec<_>>(), [(true, false), (false, true), (false, true)]);
}

#[test]
fn every_kind_of_step_names_its_rule() {
    let lives = [
        // Begins before the log, on trial and paused, unpaid and back, expands, contracts, ends, comes back.
        "d5 active pro:20 start:d-40 period:d1-d31
         d6 pro:20x3; d7 pro:20x2; d8 off:50; d9 trialing trial:d12; d12 active; d13 past_due; d14 unpaid; d15 active
         d16 hold; d17 unhold; d18 paused; d19 active; d20 cape; d21 keep; d22 lost pro:9; d23 pro:8
         d24 deleted; d26 b created active pro:5; d27 b strange; d28 b incomplete; d29 b active cancel:d30",
        // Comes and goes on one day.
        "d1 created active pro:10; d1T15:00 deleted",
        "d1 created active pro:10; d2 paid 10; d3 past_due",
        // Never known at all.
        "d1 created strange pro:10",
    ];
    let held = Profile { past_due: PastDue::Zero, active_from: ActiveFrom::FirstPayment, ..profile("finance") };
    let mut all: BTreeMap<Stage, BTreeSet<&'static str>> = BTreeMap::new();
    for life in lives {
        for profile in [profile("stripe"), held.clone()] {
            let mut story = Story::of(life);
            // And one whose price the log can't tell.
            if let Some(crate::fact::State::Subscription { after, .. }) =
                story.facts.last_mut().map(|fact| &mut fact.state)
                && life.contains("past_due")
                && life.contains("paid")
            {
                after.items[0].price.scheme = Scheme::Unknown;
                after.items[0].price.id = "price_unknown".into();
            }
            for (stage, rules) in rules(&story, &profile) {
                all.entry(stage).or_default().extend(rules);
            }
        }
    }
    for rule in all.values().flatten() {
        assert!(crate::rule::CITED.contains(rule), "{rule}");
    }
    let of = |stage| all[&stage].iter().copied().collect::<Vec<_>>();
    assert_eq!(of(Stage::State), ["ends", "opening-balance", "snapshot-order"]);
    assert_eq!(
        of(Stage::Counts),
        [
            "churn-at",
            "counted-states",
            "ends",
            "first-payment",
            "past-due",
            "pause-collection",
            "unknown-values",
            "unpaid"
        ]
    );
    assert_eq!(of(Stage::Movement), ["kinds", "netting", "opening-balance", "parts"]);
    assert!(all[&Stage::Amount].is_superset(&["discount-order", "fixed-point", "monthly-amount"].into()));
    let unknown = ["gaps", "unknown-amounts"];
    assert!(all[&Stage::Quality].is_superset(&unknown.into()), "{:?}", all[&Stage::Quality]);
}
