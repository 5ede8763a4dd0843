//! Committed MRR, told as stories, and its identity on random ones.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    fx::{Quote, Rates},
    ids::*,
    laws,
    money::{Currency, Decimal},
    profile::{PastDue, PauseRule},
    story::{Story, day, time},
};

fn profile(name: &str) -> Profile {
    Profile::built_in(name).unwrap()
}

fn look(story: &Story, profile: &Profile, now: UnixTime, until: UnixTime) -> Ahead {
    let customer = CustomerId::from("cus_1");
    let input = CustomerFacts { customer: &customer, facts: &story.facts, references: &story.references };
    ahead(input, profile, &Zone::UTC, now, until)
}

/// `now: MRR | day line amount by event; … | committed MRR`, and what can't be told.
fn told(story: &str, profile: &Profile, now: &str, until: &str) -> String {
    let ahead = look(&Story::of(story), profile, time(now), time(until));
    let sum = |sums: &BTreeMap<Currency, Mrr>| Mrr(sums.values().map(|mrr| mrr.0).sum()).to_string();
    let change =
        |one: &Change| format!("{} {} {} by {}", day(one.at), one.due.as_str(), one.amount, one.event.as_str());
    let mut lines: Vec<String> = ahead.changes.iter().map(change).collect();
    lines.extend(ahead.untold.iter().map(|one| format!("{} untold", day(one.at))));
    format!("{} | {} | {}", sum(&ahead.mrr), lines.join("; "), sum(&ahead.committed))
}

/// Rule `committed-mrr`.
#[test]
fn what_is_scheduled_is_told_line_by_line() {
    let finance = profile("finance");
    for (story, until, expected) in [
        ("d1 created active pro:10", "d90", "10 |  | 10"),
        ("d1 created active pro:10; d4 cancel:d40", "d39", "10 |  | 10"),
        ("d1 created active pro:10; d4 cancel:d40", "d40", "10 | d40 scheduled_churn -10 by evt_001 | 0"),
        (
            "d1 created active pro:10 period:d1-d31; d4 cape; d5 pro:20",
            "d60",
            "20 | d31 scheduled_churn -20 by evt_001 | 0",
        ),
        // What is overdue is due at once.
        ("d1 created active pro:10; d4 cancel:d9", "d60", "10 | d10 scheduled_churn -10 by evt_001 | 0"),
        // A discount that ends before the subscription does is gone by then.
        (
            "d1 created active pro:10 off:50/repeating/d20; d4 cancel:d40",
            "d60",
            "5 | d20 discount_end 5 by evt_001; d40 scheduled_churn -10 by evt_001 | 0",
        ),
        (
            "d1 created active pro:10 off:50/repeating/d40; d4 cancel:d20",
            "d60",
            "5 | d20 scheduled_churn -5 by evt_001 | 0",
        ),
        // An item's own trial ends by time alone.
        ("d1 created active pro:10 seats:3 try:seats:d20", "d60", "10 | d20 scheduled_expansion 3 by evt_000 | 13"),
        // The phase that runs changes nothing; later ones do, item by item.
        (
            "d1 created active pro:10 seats:3x2; d2 a plan d1-d31 pro:10 seats:3x2 | d31-d61 pro:20 seats:3 | d61-d91 pro:20 then:cancel",
            "d120",
            "16 | d31 scheduled_contraction -3 by evt_001; d31 scheduled_expansion 10 by evt_001; \
             d61 scheduled_contraction -3 by evt_001; d91 scheduled_churn -20 by evt_001 | 0",
        ),
        // A phase that keeps what runs is no change; released at its end it goes on.
        ("d1 created active pro:10; d2 a plan d1-d31 pro:10 | d31-d61 pro:10 then:release", "d120", "10 |  | 10"),
        // The discount of a phase begins with it, and ends by itself.
        (
            "d1 created active pro:10; d2 a plan d1-d31 pro:10 | d31-d61 pro:20 off:50/repeating/d45",
            "d120",
            "10 | d45 discount_end 10 by evt_001 | 20",
        ),
        // One that hasn't begun brings a subscription of its own.
        (
            "d1 created active pro:10; d2 b plan new d20-d50 max:30",
            "d60",
            "10 | d20 scheduled_expansion 30 by evt_001 | 40",
        ),
        // What is planned at a price that the log can't tell is no fall to nothing.
        ("d1 created active pro:10; d2 a plan d1-d31 pro:10 | d31-d61 max:?", "d60", "10 | d31 untold | 10"),
        // Running trials are beside it, not in it.
        ("d1 created trialing pro:10 trial:d20", "d60", "0 |  | 0"),
        (
            "d1 created active pro:10; d2 a plan d1-d31 pro:10 | d31-d61 pro:30 try:d61 | d61-d91 pro:30",
            "d80",
            "10 | d31 scheduled_contraction -10 by evt_001; d61 scheduled_expansion 30 by evt_001 | 30",
        ),
    ] {
        assert_eq!(told(story, &finance, "d10", until), expected, "{story}");
    }
}

/// Rule `committed-mrr`.
#[test]
fn knobs_decide_what_is_left_to_happen() {
    let story = "d1 created active pro:10; d4 cancel:d40";
    // Counted from the request on, it lies outside MRR already.
    assert_eq!(told(story, &profile("stripe"), "d10", "d60"), "0 |  | 0");
    let paused = "d1 created active pro:10; d4 hold:d20";
    let zero = Profile { pause_collection: PauseRule::Zero, ..profile("finance") };
    assert_eq!(told(paused, &zero, "d10", "d60"), "0 | d20 resume 10 by evt_001 | 10");
    let counting = Profile { pause_collection: PauseRule::Count, ..profile("finance") };
    assert_eq!(told(paused, &counting, "d10", "d60"), "10 |  | 10");
    let late = "d1 created active pro:10; d4 past_due";
    let fourteen = Profile { past_due: PastDue::Days(14), ..profile("finance") };
    assert_eq!(told(late, &fourteen, "d10", "d60"), "10 | d18 scheduled_churn -10 by evt_001 | 0");
}

#[test]
fn trials_and_yearly_renewals_stand_beside_it() {
    let finance = profile("finance");
    let now = |story: &str| look(&Story::of(story), &finance, time("d10"), time("d60"));
    let trial = &now("d1 created trialing pro:10 off:50 trial:d20").trials[0];
    assert_eq!((day(trial.at), trial.mrr.unwrap().1.to_string()), ("d20".into(), "5".into()));
    assert!(now("d1 created trialing pro:10 trial:d20 cancel:d20").trials.is_empty(), "set to end with its trial");
    assert!(now("d1 created trialing pro:10 trial:d70").trials.is_empty(), "beyond the horizon");
    assert_eq!(now("d1 created trialing pro:? trial:d20").trials[0].mrr, None);
    let renewal = &now("d1 created active pro:120/year seats:3 period:d1-d45").renewals[0];
    assert_eq!((day(renewal.at), renewal.mrr.1.to_string()), ("d45".into(), "10".into()));
    assert!(now("d1 created active pro:120/year period:d1-d45; d2 cape").renewals.is_empty(), "it ends instead");
}

/// A story, and what may be planned for its first subscriptions.
fn planned() -> impl Strategy<Value = Story> {
    let phase = (1..4u8, 1..4u8, 0..3u8).prop_map(|(amount, quantity, off)| {
        let off = ["", " off:none", " off:50/repeating/d70"][usize::from(off)];
        format!("pro:{}x{quantity}{off}", 10 * amount)
    });
    let plan = (prop::sample::select(vec!['a', 'b']), any::<bool>(), any::<bool>(), prop::collection::vec(phase, 1..4));
    let plan = plan.prop_map(|(name, begun, cancels, phases)| {
        let phases: Vec<String> =
            phases.iter().enumerate().map(|(n, phase)| format!("d{}-d{} {phase}", 20 + 20 * n, 40 + 20 * n)).collect();
        let new = if begun { "" } else { "new " };
        format!("d12 {name} plan {new}{}{}", phases.join(" | "), if cancels { " then:cancel" } else { "" })
    });
    (laws::story(), prop::collection::vec(plan, 0..2), prop::option::of(15..90u8)).prop_map(
        |(mut story, plans, cancel)| {
            let cancel = cancel.map(|day| format!("d13 c created active pro:10 cancel:d{day}"));
            let more = Story::of(&plans.into_iter().chain(cancel).collect::<Vec<_>>().join(";"));
            let renamed = more
                .facts
                .into_iter()
                .enumerate()
                .map(|(n, fact)| crate::fact::Fact { event: EventId::from(format!("evt_plan_{n}").as_str()), ..fact });
            story.facts.extend(renamed);
            story.references.extend(more.references);
            story
        },
    )
}

fn sums(changes: &[Change], first: &BTreeMap<Currency, Mrr>) -> BTreeMap<Currency, Mrr> {
    let mut sums = first.clone();
    for change in changes {
        sums.entry(change.currency).or_default().0 += change.amount.0;
    }
    sums.retain(|_, sum| *sum != Mrr::ZERO);
    sums
}

fn told_by(rows: &[Prospect], now: UnixTime, until: UnixTime) -> Option<Ahead> {
    super::told(rows, now, until)
}

/// What rows tell: no sums of MRR, and nothing of what only conversion asks for.
fn without_sums(mut ahead: Ahead) -> Ahead {
    ahead.changes.iter_mut().for_each(|change| change.pieces.clear());
    ahead.trials.sort_by(|a, b| (a.at, &a.subscription).cmp(&(b.at, &b.subscription)));
    ahead.renewals.sort_by(|a, b| (a.at, &a.subscription).cmp(&(b.at, &b.subscription)));
    ahead.untold.sort_by(|a, b| (a.at, &a.subscription, &a.detail).cmp(&(b.at, &b.subscription, &b.detail)));
    let (changes, trials, renewals, untold) = (ahead.changes, ahead.trials, ahead.renewals, ahead.untold);
    Ahead { changes, trials, renewals, untold, at_risk: ahead.at_risk, ..Ahead::default() }
}

fn rates() -> Rates {
    let quote = |day: &str, rate: i128| Quote {
        base: "usd".parse().unwrap(),
        day: day.parse().unwrap(),
        currency: "eur".parse().unwrap(),
        rate: Decimal::from_units(rate),
        per_base: false,
    };
    let days = (1..=28).flat_map(|n| ["01", "02", "03"].map(|month| format!("2026-{month}-{n:02}")));
    Rates::new(days.enumerate().map(|(n, day)| quote(&day, 1_080_000_000_000 + 1_234_567_891 * n as i128)), None)
}

/// No more than so many windows of a subscription are looked at: up to there rows tell what facts do, and from there on that facts
/// must be read (rule `time-alone`).
#[test]
fn beyond_so_many_windows_facts_are_read() {
    let finance = profile("finance");
    // None of the phases is known to have begun, so each that is overdue makes a window of its own and one before the next.
    let phase = |n: i64| format!("d{}-d{} pro:{n}", 10 + n, 11 + n);
    let phases: Vec<String> = (1..=160).map(phase).collect();
    let story = Story::of(&format!("d1 created active pro:10; d9 a plan {}", phases.join(" | ")));
    let rows = story.derive(&finance).prospects;
    let overdue: Vec<UnixTime> =
        rows.iter().filter(|row| row.kind == ProspectKind::Overdue).map(|row| row.shown_from).collect();
    let [bound] = overdue[..] else { panic!("{overdue:?}") };
    assert!(rows.iter().all(|row| row.shown_from <= bound && row.kind == ProspectKind::Overdue
        || row.shown_until.is_some_and(|until| until <= bound)));
    assert!(time("d100") < bound && bound < time("d165"), "{bound}");
    for now in [time("d9"), time("d10"), time("d100"), bound.plus(-1)] {
        let until = now.plus(30 * 86_400);
        let told = told_by(&rows, now, until).map(without_sums);
        assert_eq!(told, Some(without_sums(look(&story, &finance, now, until))), "{now}");
    }
    for now in [bound, time("d165"), time("d400")] {
        assert_eq!(told_by(&rows, now, now.plus(30 * 86_400)), None, "{now}");
    }
}

proptest! {
    /// Rule `committed-mrr`.
    #[test]
    fn committed_is_mrr_and_its_lines(
        story in planned(), profile in laws::profiles(), now in 10..40i64, horizon in prop::sample::select(vec![1i64, 30, 90]),
    ) {
        let now = time(&format!("d{now}"));
        let story = Story { facts: story.facts.into_iter().filter(|fact| fact.at <= now).collect(), ..story };
        let ahead = look(&story, &profile, now, now.plus(horizon * 86_400));
        prop_assert_eq!(sums(&ahead.changes, &ahead.mrr), ahead.committed.clone());
        let ledger = story.derive(&profile);
        let mut stands: BTreeMap<Currency, Mrr> = BTreeMap::new();
        for delta in ledger.deltas.iter().filter(|delta| delta.at <= now) {
            stands.entry(delta.currency).or_default().0 += delta.mrr.0;
        }
        stands.retain(|_, sum| *sum != Mrr::ZERO);
        prop_assert_eq!(&stands, &ahead.mrr);
        prop_assert!(ahead.changes.iter().all(|change| change.due != Due::ScheduledChurn || change.amount < Mrr::ZERO));
        // In the reporting currency, at the rates at which all of it stands.
        let usd = "usd".parse().unwrap();
        if let Ok(converted) = convert(ahead, usd, &rates(), &Zone::UTC, now) {
            prop_assert_eq!(sums(&converted.changes, &converted.mrr).get(&usd).copied().unwrap_or_default(), converted.committed[&usd]);
            let table = crate::fx::convert(&ledger, usd, &profile, &rates(), &Zone::UTC, &[]);
            let stands: i128 = table.deltas.iter().filter(|delta| delta.at <= now).map(|delta| delta.mrr.0).sum();
            prop_assert_eq!(Mrr(stands), converted.mrr[&usd]);
        }
    }

    /// Rows that were derived once tell at any later instant what the facts do (rule `time-alone`).
    #[test]
    fn rows_tell_what_facts_do(
        story in planned(), profile in laws::profiles(), known in 10..60i64, later in 0..90i64,
        seconds in -2..=2i64, horizon in prop::sample::select(vec![0i64, 1, 30, 90, 3650]),
    ) {
        let known = time(&format!("d{known}"));
        let story = Story { facts: story.facts.into_iter().filter(|fact| fact.at <= known).collect(), ..story };
        let rows = story.derive(&profile).prospects;
        let last = story.facts.iter().map(|fact| fact.at).max();
        // On the instant at which something comes due, and shortly before and after it.
        let now = last.unwrap_or(known).plus((later * 43_200 + seconds).max(0));
        let until = now.plus(horizon * 86_400);
        // Nobody's facts need to be read for it.
        let Some(told) = told_by(&rows, now, until) else { return Err(TestCaseError::fail(format!("{rows:#?}"))) };
        let facts = look(&story, &profile, now, until);
        // In the one currency that all of it is in, it is converted already (rule `revaluation`).
        for to in ["usd", "eur"].map(|code| code.parse::<Currency>().unwrap()) {
            if told.is_in(to) && let Ok(converted) = convert(facts.clone(), to, &rates(), &Zone::UTC, now) {
                prop_assert_eq!(without_sums(told.clone()), without_sums(converted));
            }
        }
        prop_assert_eq!(without_sums(told), without_sums(facts), "{:#?}", rows);
        // Before the last thing was known, rows say that they don't know.
        if let Some(last) = last {
            prop_assert!(rows.is_empty() || told_by(&rows, last.plus(-1), until).is_none());
        }
    }

    /// Where nothing but time changes it, it is the ledger's own rows.
    #[test]
    fn time_dated_ahead_is_the_same_row(story in laws::story(), profile in laws::profiles(), now in 10..40i64) {
        let unplanned = |state: &crate::fact::SubscriptionState| {
            state.cancel_at.is_none() && !state.cancel_at_period_end && state.pause_collection.is_none()
        };
        let now = time(&format!("d{now}"));
        let plain = story.facts.iter().all(|fact| match &fact.state {
            crate::fact::State::Subscription { after, .. } => unplanned(after) || after.ended_at.is_some(),
            _ => true,
        });
        if plain {
            let ahead = look(&story, &profile, now, now.plus(90 * 86_400));
            let mut rows: BTreeMap<(UnixTime, Currency), i128> = BTreeMap::new();
            for delta in story.derive(&profile).deltas.iter().filter(|delta| delta.at > now && delta.at <= now.plus(90 * 86_400)) {
                *rows.entry((delta.at, delta.currency)).or_default() += delta.mrr.0;
            }
            for change in &ahead.changes {
                *rows.entry((change.at, change.currency)).or_default() -= change.amount.0;
            }
            prop_assert!(rows.values().all(|rest| *rest == 0), "{:?}", rows);
        }
    }
}
