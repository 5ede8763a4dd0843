//! Committed MRR (rule `committed-mrr`), read naively on random accounts: what is scheduled is made to happen, as the events that
//! Stripe would send, and then it is asked what counts.

use std::collections::BTreeMap;

use mrrd::ledger::{
    CustomerFacts, ahead,
    fact::{
        Fact, ItemState, Origin, PauseCollection, Period, Phase, PhaseItem, Role, ScheduleState, State, Status,
        SubscriptionState,
    },
    ids::{CustomerId, EventId, SubscriptionId},
    profile::{Netting, Profile},
    time::{UnixTime, Zone},
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{naive::Naive, random, seeds};

const DAY: i64 = 86_400;

#[test]
fn what_is_scheduled_comes_to_what_counts_when_it_has_happened() {
    let mut told = 0;
    for seed in seeds() {
        let mut rng = StdRng::seed_from_u64(seed ^ 0xc033_1773_d000_0000);
        let account = random::account(seed);
        // A discount known by its id alone is read off what comes later as well: the future would change the past.
        if account.iter().any(|fact| fact.at.0 == 0) || seed % 4 == 3 {
            continue;
        }
        let (first, last) =
            account.iter().fold((i64::MAX, 0), |(first, last), fact| (first.min(fact.at.0), last.max(fact.at.0)));
        let now = rng.random_range(first + 10 * DAY..=last.max(first + 11 * DAY));
        let mut facts: Vec<Fact> = account.into_iter().filter(|fact| fact.at.0 <= now).collect();
        let horizon = now + rng.random_range(1..200) * DAY;
        plan(&mut rng, &mut facts, now);
        let happened = happen(&facts, now, horizon);
        for profile in
            Profile::BUILT_IN.iter().filter_map(|name| Profile::built_in(name)).chain([random::profile(seed)])
        {
            // The oracle nets nothing here; and by its first payment a subscription of later is as yet unpaid.
            let profile = Profile { netting: Netting::Day, ..profile };
            let customer = CustomerId::from("cus_1");
            let (references, own): (Vec<Fact>, Vec<Fact>) =
                facts.iter().cloned().partition(|fact| fact.customer().is_none());
            let input = CustomerFacts { customer: &customer, facts: &own, references: &references };
            let ahead = ahead::ahead(input, &profile, &Zone::UTC, UnixTime(now), UnixTime(horizon));
            if !ahead.untold.is_empty() {
                // What can't be told is in no line, and in no naive sum either.
                continue;
            }
            let of = |mrr: &BTreeMap<_, _>| mrr.clone();
            let naive = |facts: &[Fact], at: i64| -> BTreeMap<_, _> {
                let stands = Naive::read(facts, (&profile, &random::Named::default()), &Zone::UTC).stands(at);
                stands
                    .into_iter()
                    .map(|(currency, sums)| (currency, mrrd::ledger::money::Mrr(sums.mrr)))
                    .filter(|(_, mrr)| mrr.0 != 0)
                    .collect()
            };
            assert_eq!(
                of(&ahead.mrr),
                naive(&facts, now),
                "seed {seed}, {}: now\n{}",
                profile.name,
                super::told(&facts)
            );
            assert_eq!(
                of(&ahead.committed),
                naive(&happened, horizon),
                "seed {seed}, {}: at the horizon {}, {:#?}\n{}",
                profile.name,
                UnixTime(horizon),
                ahead.changes,
                super::told(&happened)
            );
            let mut sums = ahead.mrr.clone();
            for change in &ahead.changes {
                sums.entry(change.currency).or_default().0 += change.amount.0;
            }
            sums.retain(|_, sum| sum.0 != 0);
            assert_eq!(sums, ahead.committed, "seed {seed}, {}: the lines", profile.name);
            told += ahead.changes.len();
        }
    }
    assert!(told > 100, "random accounts have things scheduled: {told}");
}

/// Every subscription's last state, where it runs.
fn running(facts: &[Fact]) -> BTreeMap<SubscriptionId, SubscriptionState> {
    let mut last: BTreeMap<SubscriptionId, SubscriptionState> = BTreeMap::new();
    let mut ordered: Vec<&Fact> = facts.iter().collect();
    // Random accounts number their events in order.
    ordered.sort_by_key(|fact| (fact.at, fact.event.as_str()["evt_".len()..].parse::<u64>().unwrap_or(u64::MAX)));
    for fact in ordered {
        if let State::Subscription { after, .. } = &fact.state {
            last.insert(after.id.clone(), (**after).clone());
        }
    }
    let gone = facts.iter().any(|fact| matches!(&fact.state, State::Customer(customer) if customer.deleted));
    last.retain(|_, state| {
        !gone && state.ended_at.is_none() && !matches!(state.status, Status::Canceled | Status::Other(_))
    });
    last
}

/// Plans something for some of what runs, as the newest thing known.
fn plan(rng: &mut StdRng, facts: &mut Vec<Fact>, now: i64) {
    for (id, state) in running(facts) {
        let number = facts.len();
        match rng.random_range(0..4) {
            0 => {
                let resumes_at = Some(UnixTime(now + rng.random_range(1..120) * DAY));
                let pause = PauseCollection { behavior: "void".into(), resumes_at };
                let after = Box::new(SubscriptionState { pause_collection: Some(pause), ..state });
                push(facts, number, now, Role::Updated, State::Subscription { before: None, after });
            }
            1 | 2 => {
                let mut start = now - DAY;
                let phases: Vec<Phase> = (0..rng.random_range(2..4))
                    .map(|place| {
                        let end = start.max(now) + rng.random_range(1..60) * DAY;
                        let mut planned = |item: &ItemState| {
                            let stays = place == 0 || rng.random_ratio(3, 4);
                            let mut changed = || rng.random_range(1..9).to_string().parse().expect("a number");
                            let quantity = if place == 0 { item.quantity } else { Some(changed()) };
                            stays.then(|| PhaseItem { price: item.price.id.clone(), quantity, discounts: None })
                        };
                        let items: Vec<PhaseItem> = state.items.iter().filter_map(&mut planned).collect();
                        let discounts = [None, Some(Vec::new())].choose(rng).cloned().flatten();
                        let period = Some(Period { start: UnixTime(start), end: UnixTime(end) });
                        start = end;
                        Phase { period, items, discounts, trial_end: None }
                    })
                    .collect();
                let schedule = ScheduleState {
                    id: format!("sub_sched_{id}").as_str().into(),
                    customer: Some("cus_1".into()),
                    subscription: Some(id.clone()),
                    status: "active".into(),
                    end_behavior: Some(["release", "cancel"].choose(rng).copied().expect("two").into()),
                    phases,
                };
                push(facts, number, now, Role::Updated, State::Schedule(schedule));
            }
            _ => {}
        }
    }
}

fn push(facts: &mut Vec<Fact>, number: usize, at: i64, role: Role, state: State) {
    let event = EventId::new(format!("evt_{}", 10_000 + number));
    facts.push(Fact { event, at: UnixTime(at), api_version: None, origin: Origin::Event, role, state });
}

/// The events that come if all that is scheduled up to `until` happens.
fn happen(facts: &[Fact], now: i64, until: i64) -> Vec<Fact> {
    let mut all = facts.to_vec();
    for (id, mut state) in running(facts) {
        let schedule = facts.iter().find_map(|fact| match &fact.state {
            State::Schedule(schedule) if schedule.subscription.as_ref() == Some(&id) => Some(schedule),
            _ => None,
        });
        let last = schedule.and_then(|schedule| schedule.phases.last()?.period);
        let by_schedule = last.filter(|_| schedule.is_some_and(|one| one.end_behavior.as_deref() == Some("cancel")));
        let by_itself =
            state.cancel_at.or(state.period.filter(|_| state.cancel_at_period_end).map(|period| period.end));
        let end = by_itself.into_iter().chain(by_schedule.map(|period| period.end)).min();
        let due = |at: UnixTime| at.0.max(now + 1);
        let mut steps: Vec<(i64, Option<&Phase>)> = Vec::new();
        steps.extend(schedule.iter().flat_map(|one| &one.phases).filter_map(|phase| {
            let start = phase.period?.start;
            (start.0 > now).then_some((due(start), Some(phase)))
        }));
        steps.extend(state.pause_collection.as_ref().and_then(|pause| pause.resumes_at).map(|at| (due(at), None)));
        steps.sort_by_key(|(at, phase)| (*at, phase.is_some()));
        for (at, phase) in steps.into_iter().filter(|(at, _)| *at <= until && end.is_none_or(|end| *at <= due(end))) {
            match phase {
                None => state.pause_collection = None,
                Some(phase) => {
                    let item = |one: &PhaseItem| {
                        let mut item = facts
                            .iter()
                            .rev()
                            .find_map(|fact| match &fact.state {
                                State::Subscription { after, .. } if after.id == id => state
                                    .items
                                    .iter()
                                    .chain(&after.items)
                                    .find(|item| item.price.id == one.price)
                                    .cloned(),
                                _ => None,
                            })
                            .expect("a price of its own");
                        item.quantity = one.quantity;
                        item
                    };
                    state.items = phase.items.iter().map(item).collect();
                    if let Some(discounts) = &phase.discounts {
                        state.discounts = discounts.clone();
                    }
                }
            }
            let number = all.len();
            let after = Box::new(state.clone());
            push(&mut all, number, at, Role::Updated, State::Subscription { before: None, after });
        }
        if let Some(end) = end.map(due).filter(|end| *end <= until) {
            let number = all.len();
            let after = SubscriptionState { status: Status::Canceled, ended_at: Some(UnixTime(end)), ..state };
            push(&mut all, number, end, Role::Deleted, State::Subscription { before: None, after: Box::new(after) });
        }
    }
    all
}
