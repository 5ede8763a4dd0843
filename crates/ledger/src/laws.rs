//! Laws that hold for every customer there can be, on stories made at random (rules `snapshot-order` and `kinds`).

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::identities::{days_add_up, first_breach};

use super::{
    CustomerFacts,
    explain::{Stage, explain},
    money::{Currency, Mrr},
    outcome::{CustomerLedger, Kind},
    profile::{ActiveFrom, Netting, PastDue, Profile},
    story::Story,
    time::{UnixTime, Zone},
};

/// A word or two that may follow in any step.
fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0..4u8, 0..4u8).prop_map(|(price, quantity)| format!("pro:{}x{quantity}", price * 10)),
        2 => (1..4u8).prop_map(|price| format!("extra:{price}@pro")),
        1 => Just("team:77/year".to_owned()),
        1 => Just("-pro".to_owned()),
        1 => Just("-extra other:5".to_owned()),
        3 => Just("active".to_owned()),
        1 => Just("trialing".to_owned()),
        1 => Just("past_due".to_owned()),
        1 => Just("unpaid".to_owned()),
        1 => Just("paused".to_owned()),
        1 => Just("off:33".to_owned()),
        1 => Just("off:100".to_owned()),
        1 => Just("off:50/repeating/d30".to_owned()),
        1 => Just("off:none".to_owned()),
        1 => Just("off:?x".to_owned()),
        1 => Just("off:?x period:d31-d59".to_owned()),
        1 => Just("off:none period:d31-d59".to_owned()),
        1 => (0..4u8).prop_map(|quantity| format!("pro:?x{quantity}")),
        1 => Just("bare".to_owned()),
        1 => Just("odd".to_owned()),
        1 => Just("strange".to_owned()),
        1 => Just("cape reason:cancellation_requested".to_owned()),
        1 => Just("cancel:d25".to_owned()),
        1 => Just("keep".to_owned()),
        1 => Just("hold".to_owned()),
        1 => Just("unhold".to_owned()),
        1 => Just("deleted".to_owned()),
        1 => Just("eur".to_owned()),
        1 => Just("usd".to_owned()),
        1 => Just("pro:10x0".to_owned()),
        1 => Just("try:pro:d30".to_owned()),
        1 => Just("lost pro:9".to_owned()),
        1 => Just("blind pro:8".to_owned()),
        1 => Just("read".to_owned()),
        1 => Just("other".to_owned()),
    ]
}

fn step() -> impl Strategy<Value = String> {
    let when = (1..40u8, prop_oneof![Just("09:00"), Just("09:30"), Just("23:59:59")]);
    let name = prop_oneof![Just('a'), Just('b'), Just('c')];
    (when, name, words(), any::<bool>(), 0..20u8).prop_map(|((day, clock), name, words, new, what)| match what {
        0 => format!("d{day}T{clock} gone"),
        1..=3 => format!("d{day}T{clock} {name} paid 10"),
        4 => format!("d{day}T{clock} {name} shown d{day}-d{} pro:{}x1 off:{}/x", day + 28, 10 * (day % 4), day % 3),
        5 => format!("d{day}T{clock} {name} shown d{day}-d{} pro:?x2 extra:3@pro off:2/x tax:1", day + 9 * (day % 4)),
        _ if new => format!("d{day}T{clock} {name} created {words}"),
        _ => format!("d{day}T{clock} {name} {words}"),
    })
}

/// What a subscription is sold with.
fn sold() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        3 => Just("pro:10"),
        2 => Just("max:30"),
        1 => Just("pro:96/year"),
        1 => Just("pro:20 off:50"),
        1 => Just("pro:10 seats:3x2"),
        1 => Just("free:0"),
        1 => Just("pro:10 off:100"),
        2 => Just("eur pro:9"),
        1 => Just("eur max:20 extra:2"),
    ]
}

/// One subscription in place of another, again and again, as check-out pages change plans: some within minutes, some with
/// days between; beside a steady one in another currency, and whatever else.
fn changes_of_plan() -> impl Strategy<Value = Vec<String>> {
    let swap = (1..40u8, 0..4u8, 0..59u8, 0..59u8, sold(), any::<bool>());
    let swaps = prop::collection::vec(swap, 1..5);
    (sold(), swaps, any::<bool>(), prop::collection::vec(step(), 0..4)).prop_map(|(first, mut swaps, steady, noise)| {
        swaps.sort_by_key(|(day, ..)| *day);
        let mut steps = vec![format!("d1T08:00 e created active {first}")];
        steps.extend(steady.then(|| "d2T08:00 z created active eur team:7".to_owned()));
        for (name, (day, apart, ends, begins, what, asked)) in ('e'..).zip(swaps) {
            let next = char::from_u32(name as u32 + 1).unwrap_or('y');
            let (again, reason) = (day + apart / 3, if asked { " reason:cancellation_requested" } else { "" });
            steps.push(format!("d{day}T10:{ends:02} {name} deleted{reason}"));
            steps.push(format!("d{again}T10:{begins:02} {next} created active {what}"));
        }
        steps.extend(noise);
        steps
    })
}

/// Steps in time order; each subscription's states build on one another.
pub(super) fn story() -> impl Strategy<Value = Story> {
    prop_oneof![2 => prop::collection::vec(step(), 1..14), 1 => changes_of_plan()].prop_map(|mut steps| {
        steps.sort_by_key(|step| super::story::time(step.split_whitespace().next().unwrap_or("d1")));
        let mut created = std::collections::BTreeSet::new();
        let steps: Vec<String> = steps
            .into_iter()
            .map(|step| {
                let name = step.split_whitespace().nth(1).unwrap_or("a").to_owned();
                let again = step.contains("created") && !created.insert(name);
                if again { step.replace("created ", "") } else { step }
            })
            .collect();
        Story::of(&steps.join(";"))
    })
}

pub(super) fn profiles() -> impl Strategy<Value = Profile> {
    let base = prop_oneof![Just("stripe"), Just("finance"), Just("chartmogul"), Just("profitwell")];
    let netting = prop_oneof![Just(Netting::None), Just(Netting::Window(60)), Just(Netting::Day), Just(Netting::Month)];
    let past_due = prop_oneof![Just(PastDue::Count), Just(PastDue::Zero), Just(PastDue::Days(3))];
    (base, netting, past_due, any::<bool>()).prop_map(|(base, netting, past_due, start)| {
        let profile = Profile::built_in(base).unwrap();
        let active_from = if start { ActiveFrom::Start } else { profile.active_from };
        Profile { netting, past_due, active_from, ..profile }
    })
}

/// What stands in a currency by the deltas up to an instant.
fn mrr_at(ledger: &CustomerLedger, at: UnixTime) -> BTreeMap<Currency, i128> {
    let mut sums = BTreeMap::new();
    for delta in ledger.deltas.iter().filter(|delta| delta.at <= at) {
        *sums.entry(delta.currency).or_insert(0) += delta.mrr.0;
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

/// What stands in a currency by the movements that a reader at `now` sees.
fn moved(ledger: &CustomerLedger, now: UnixTime) -> BTreeMap<Currency, i128> {
    let mut sums = BTreeMap::new();
    let seen = ledger
        .movements
        .iter()
        .filter(|one| one.visible_from <= now && one.visible_until.is_none_or(|until| now < until));
    for movement in seen {
        *sums.entry(movement.currency).or_insert(0) += movement.amount.0;
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

/// What a reader sees who reads at any time, of the events that had happened by then: does it add up? `None` where it does.
pub(super) fn first_breach_for_readers_of_the_time(
    story: &Story,
    profile: &Profile,
    told: impl Fn(CustomerLedger) -> CustomerLedger,
) -> Option<String> {
    let events: BTreeSet<UnixTime> = story.facts.iter().map(|fact| fact.at).collect();
    events.iter().find_map(|last| {
        let facts = story.facts.iter().filter(|fact| fact.at <= *last).cloned().collect();
        let ledger = told(Story { facts, references: story.references.clone() }.derive(profile));
        let next = events.range(last.plus(1)..).next().copied().unwrap_or(UnixTime(i64::MAX));
        let alone = ledger.deltas.iter().flat_map(|delta| [delta.at.plus(-1), delta.at]);
        let mut reads = alone.filter(|at| (*last..next).contains(at)).chain([*last, next.plus(-1)]);
        reads.find_map(|at| days_add_up(&ledger, profile.netting, at).err().map(|what| format!("read at {at}: {what}")))
    })
}

proptest! {
    #[test]
    fn any_permutation_and_repetition_gives_the_same_outcome(
        (story, shuffled) in story().prop_flat_map(|story| {
            let twice: Vec<_> = story.facts.iter().chain(&story.facts).cloned().collect();
            (Just(story), Just(twice).prop_shuffle())
        }),
        profile in profiles(),
    ) {
        let ledger = story.derive(&profile);
        let again = Story { facts: shuffled, ..story.clone() };
        prop_assert_eq!(&ledger, &again.derive(&profile));
        prop_assert_eq!(format!("{ledger:?}"), format!("{:?}", again.derive(&profile)));
    }

    #[test]
    fn parts_sum_to_their_movement(story in story(), profile in profiles()) {
        for movement in story.derive(&profile).movements {
            let parts: i128 = movement.parts.iter().map(|part| part.amount.0).sum();
            prop_assert_eq!(Mrr(parts), movement.amount);
            prop_assert_eq!(Mrr(movement.after.0 - movement.before.0), movement.amount);
            prop_assert!(!movement.parts.is_empty());
            prop_assert!(movement.parts.iter().all(|part| part.amount != Mrr::ZERO));
            prop_assert_eq!(movement.kind == Kind::Transient, movement.amount == Mrr::ZERO);
            for part in &movement.parts {
                let side = |side: &Option<super::outcome::Side>| side.as_ref().map_or(0, |side| side.amount.0);
                prop_assert_eq!(side(&part.after) - side(&part.before), part.amount.0, "{:?}", part);
                prop_assert!(!part.events.is_empty());
            }
        }
    }

    #[test]
    fn movements_and_deltas_agree_wherever_a_window_is_closed(story in story(), profile in profiles()) {
        let ledger = story.derive(&profile);
        // At the end of a window: every day's for all but the month, and after everything for that.
        let days = match profile.netting { Netting::Month => 400..401, _ => 0..60 };
        for day in days {
            let now = super::story::time(&format!("d{day}T23:59:59"));
            prop_assert_eq!(mrr_at(&ledger, now), moved(&ledger, now), "d{}", day);
        }
    }

    #[test]
    fn every_reader_of_the_time_sees_movements_that_add_up(story in story(), profile in profiles()) {
        let ledger = story.derive(&profile);
        prop_assert_eq!(first_breach(&ledger, profile.netting), None);
        prop_assert_eq!(first_breach_for_readers_of_the_time(&story, &profile, |ledger| ledger), None);
    }

    #[test]
    fn no_item_falls_below_nothing(story in story(), profile in profiles()) {
        let ledger = story.derive(&profile);
        let mut sums: BTreeMap<_, [i128; 5]> = BTreeMap::new();
        for delta in &ledger.deltas {
            let key = (delta.currency, &delta.subscription, &delta.item, &delta.product, &delta.price, delta.interval);
            let sum = sums.entry(key).or_default();
            let changes = [delta.mrr, delta.list, delta.estimated, delta.at_risk, delta.scheduled_churn];
            sum.iter_mut().zip(changes).for_each(|(sum, change)| *sum += change.0);
            prop_assert!(sum.iter().all(|sum| *sum >= 0), "{:?}", delta);
            prop_assert!(sum[0] <= sum[1], "net above list: {:?}", delta);
        }
        let mut customers: BTreeMap<Option<Currency>, [i64; 3]> = BTreeMap::new();
        for count in &ledger.counts {
            let now = customers.entry(count.currency).or_default();
            now.iter_mut().zip([count.customers, count.subscriptions, count.trials]).for_each(|(now, by)| *now += by);
            prop_assert!((0..=1).contains(&now[0]) && now[1] >= 0 && now[2] >= 0, "{:?}", count);
        }
    }

    #[test]
    fn windows_have_names_of_their_own(story in story(), profile in profiles()) {
        let ledger = story.derive(&profile);
        let mut names: Vec<_> = ledger.movements.iter().map(|one| (one.currency, one.window, one.visible_from)).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        prop_assert_eq!(names.len(), count);
    }

    #[test]
    fn netting_changes_kinds_never_the_sum(story in story(), profile in profiles()) {
        let ever = UnixTime(i64::MAX - 1);
        let unnetted = Profile { netting: Netting::None, ..profile.clone() };
        prop_assert_eq!(moved(&story.derive(&profile), ever), moved(&story.derive(&unnetted), ever));
    }

    #[test]
    fn an_explanation_ends_where_the_ledger_ends(story in story(), profile in profiles()) {
        let ledger = story.derive(&profile);
        let customer = "cus_1".into();
        let input = CustomerFacts { customer: &customer, facts: &story.facts, references: &story.references };
        let steps = explain(input, &profile, &Zone::UTC);
        let mut last = BTreeMap::new();
        for step in steps.iter().filter(|step| step.stage == Stage::Counts) {
            last.insert(step.subscription.clone(), (step.currency, step.amount.unwrap_or_default().0));
        }
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        for (currency, amount) in last.into_values() {
            *sums.entry(currency.unwrap()).or_default() += amount;
        }
        sums.retain(|_, sum| *sum != 0);
        prop_assert_eq!(sums, mrr_at(&ledger, UnixTime(i64::MAX - 1)));
        prop_assert!(steps.iter().all(|step| step.stage == Stage::Quality || !step.events.is_empty()));
        prop_assert!(steps.iter().all(|step| crate::rule::CITED.contains(&step.rule)));
    }
}
