//! Committed MRR (rule `committed-mrr`), read naively on random accounts: what is scheduled is made to happen, as the events that
//! Stripe would send, and then it is asked what counts.

use std::collections::BTreeMap;

use mrrd::ledger::{
    CustomerFacts,
    ahead::{self, Due},
    fact::{
        Fact, Interval, IntervalUnit, ItemState, Origin, PauseCollection, Period, Phase, PhaseItem, Role,
        ScheduleState, State, Status, SubscriptionState,
    },
    ids::{CustomerId, EventId, SubscriptionId},
    money::{Currency, Mrr},
    profile::{Netting, Profile},
    time::{UnixTime, Zone},
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{naive::Naive, random, seeds};

const DAY: i64 = 86_400;

/// Accounts here for each of those that the whole ledger is held to: most have nothing scheduled that can be told.
const MORE: u64 = 4;

#[test]
fn what_is_scheduled_comes_to_what_counts_when_it_has_happened() {
    let workers = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let all = seeds();
    let all = all.start..all.end + (all.end - all.start) * (MORE - 1);
    let of_worker = |worker: u64| {
        let (mut seen, mut differences) = (Seen::default(), Vec::new());
        for seed in all.clone().filter(|seed| seed % workers == worker) {
            differences.extend(differ(seed, &mut seen));
        }
        (seen, differences)
    };
    let of_all: Vec<(Seen, Vec<(usize, String)>)> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..workers).map(|worker| scope.spawn(move || of_worker(worker))).collect();
        all.into_iter().map(|one| one.join().expect("no panic")).collect()
    });
    let mut seen = Seen::default();
    let mut differences = Vec::new();
    for (of_one, differ) in of_all {
        of_one.lines.into_iter().for_each(|(line, count)| *seen.lines.entry(line).or_default() += count);
        (seen.accounts, seen.untold) = (seen.accounts + of_one.accounts, seen.untold + of_one.untold);
        differences.extend(differ);
    }
    differences.sort();
    // The shortest account says most; `ORACLE_SHOWN` asks for more of them.
    let shown = usize::try_from(super::asked_for("ORACLE_SHOWN").unwrap_or(1)).expect("a number of accounts");
    let shortest = differences.iter().take(shown).map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n\n");
    assert!(differences.is_empty(), "{} differences, the shortest:\n{shortest}", differences.len());
    println!("{seen:?}");
    assert!(seen.accounts > 2 * seen.untold, "most of it can be told: {seen:?}");
    for due in Due::ALL.iter().filter(|due| **due != Due::DiscountStart) {
        assert!(seen.lines.get(due).is_some_and(|count| *count > 5), "every line is seen: {seen:?}");
    }
}

/// What a run has looked at.
#[derive(Debug, Default)]
struct Seen {
    /// Accounts under a profile, held against what happened.
    accounts: usize,
    /// Those with something planned that can't be told.
    untold: usize,
    lines: BTreeMap<Due, usize>,
}

/// What is told otherwise of one account, and how long its story is.
fn differ(seed: u64, seen: &mut Seen) -> Option<(usize, String)> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0xc033_1773_d000_0000);
    let account = random::account(seed);
    // A discount known by its id alone is read off what comes later as well: the future would change the past.
    if account.iter().any(|fact| fact.at.0 == 0) || seed % 4 == 3 {
        return None;
    }
    let (first, last) =
        account.iter().fold((i64::MAX, 0), |(first, last), fact| (first.min(fact.at.0), last.max(fact.at.0)));
    let now = rng.random_range(first + 10 * DAY..=last.max(first + 11 * DAY));
    // What is told of prices and tax rates holds before as well.
    let known = |fact: &Fact| fact.at.0 <= now || fact.customer().is_none();
    let mut facts: Vec<Fact> = account.into_iter().filter(known).collect();
    let horizon = now + rng.random_range(1..200) * DAY;
    plan(&mut rng, &mut facts, now);
    let happened = happen(&facts, now, horizon);
    let built_in = Profile::BUILT_IN.iter().filter_map(|name| Profile::built_in(name));
    let difference = built_in.chain([random::profile(seed)]).find_map(|profile| {
        // Netting moves no amounts.
        let profile = Profile { netting: Netting::Day, ..profile };
        let text = difference((&facts, now), (&happened, horizon), &profile, seen)?;
        let knobs: Vec<_> = profile.describe().into_iter().map(|(knob, value)| format!("{knob}={value}")).collect();
        Some(format!("profile {} ({}): {text}", profile.name, knobs.join(" ")))
    })?;
    let (now, horizon) = (UnixTime(now), UnixTime(horizon));
    Some((facts.len(), format!("seed {seed}, {now} to {horizon}, {difference}\n{}", super::told(&happened))))
}

fn difference(
    (facts, now): (&[Fact], i64),
    (happened, horizon): (&[Fact], i64),
    profile: &Profile,
    seen: &mut Seen,
) -> Option<String> {
    let customer = CustomerId::from("cus_1");
    let (references, own): (Vec<Fact>, Vec<Fact>) = facts.iter().cloned().partition(|fact| fact.customer().is_none());
    let input = CustomerFacts { customer: &customer, facts: &own, references: &references };
    let ahead = ahead::ahead(input, profile, &Zone::UTC, UnixTime(now), UnixTime(horizon));
    let naive = |facts: &[Fact], at: i64| -> BTreeMap<Currency, Mrr> {
        let stands = Naive::read(facts, (profile, &random::Named::default()), &Zone::UTC).stands(at);
        let all = stands.into_iter().map(|(currency, sums)| (currency, Mrr(sums.mrr)));
        all.filter(|(_, mrr)| mrr.0 != 0).collect()
    };
    let of_now = naive(facts, now);
    if ahead.mrr != of_now {
        return Some(format!("now {:?}, the oracle {of_now:?}", ahead.mrr));
    }
    let mut sums = ahead.mrr.clone();
    for change in &ahead.changes {
        sums.entry(change.currency).or_default().0 += change.amount.0;
    }
    sums.retain(|_, sum| sum.0 != 0);
    if sums != ahead.committed {
        return Some(format!("the lines come to {sums:?}, committed is {:?}: {:#?}", ahead.committed, ahead.changes));
    }
    if !ahead.untold.is_empty() {
        // What can't be told is in no line, and what happens is more than they tell.
        seen.untold += 1;
        return None;
    }
    seen.accounts += 1;
    ahead.changes.iter().for_each(|change| *seen.lines.entry(change.due).or_default() += 1);
    let happened = naive(happened, horizon);
    (ahead.committed != happened)
        .then(|| format!("at the horizon {:?}, the oracle {happened:?}: {:#?}", ahead.committed, ahead.changes))
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
    last.retain(|_, state| !gone && state.ended_at.is_none() && state.status != Status::Canceled);
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
                        let mut end = start.max(now) + rng.random_range(1..60) * DAY;
                        // As most do: when the period ends.
                        if let Some(period) = state.period.filter(|period| place == 0 && period.end.0 > now) {
                            end = [end, period.end.0][rng.random_range(0..2)];
                        }
                        let mut planned = |item: &ItemState| {
                            let stays = place == 0 || rng.random_ratio(3, 4);
                            let mut changed = || rng.random_range(1..9).to_string().parse().expect("a number");
                            let quantity = if place == 0 { item.quantity } else { Some(changed()) };
                            // As it stands, or of a rate of its own.
                            let taxed = (place > 0 && state.discounts.is_empty()).then(|| state.tax_rates.clone());
                            let tax_rates = Some(taxed.unwrap_or_else(|| item.tax_rates.clone()));
                            stays.then(|| PhaseItem {
                                price: item.price.id.clone(),
                                quantity,
                                discounts: None,
                                tax_rates,
                            })
                        };
                        let mut items: Vec<PhaseItem> = state.items.iter().filter_map(&mut planned).collect();
                        if items.is_empty() {
                            items.push(PhaseItem {
                                price: state.items[0].price.id.clone(),
                                quantity: state.items[0].quantity,
                                discounts: None,
                                tax_rates: Some(Vec::new()),
                            });
                        }
                        // The first has begun: the subscription is as it says.
                        let discounts = [None, Some(Vec::new())].choose(rng).filter(|_| place > 0).cloned().flatten();
                        let period = Some(Period { start: UnixTime(start), end: UnixTime(end) });
                        start = end;
                        Phase { period, items, discounts, trial_end: None, tax_rates: None }
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
                        let held = state.items.iter().find(|item| item.price.id == one.price).cloned();
                        let mut item = held.unwrap_or_else(|| new_item(facts, &id, one, at));
                        item.quantity = one.quantity;
                        if let Some(rates) = &one.tax_rates {
                            item.tax_rates.clone_from(rates);
                        }
                        item
                    };
                    state.items = phase.items.iter().map(item).collect();
                    if let Some(discounts) = &phase.discounts {
                        state.discounts = discounts.clone();
                    }
                    let start = phase.period.expect("every phase has one").start;
                    if let Some(end) =
                        state.period.filter(|period| period.end == start).and_then(|_| next(&state, start))
                    {
                        state.period = Some(Period { start, end });
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

/// When the period that begins at `start` ends; none where nobody knows how long it is.
fn next(state: &SubscriptionState, start: UnixTime) -> Option<UnixTime> {
    let Interval { unit, count } = state.items.iter().find_map(|item| item.price.interval)?;
    let count = i64::from(count);
    let months = |months: i64| {
        let at = jiff::Timestamp::from_second(start.0).expect("a date").to_zoned(jiff::tz::TimeZone::UTC);
        UnixTime(at.checked_add(jiff::Span::new().months(months)).expect("a date").timestamp().as_second())
    };
    Some(match unit {
        IntervalUnit::Day => start.plus(count * DAY),
        IntervalUnit::Week => start.plus(count * 7 * DAY),
        IntervalUnit::Month => months(count),
        IntervalUnit::Year => months(12 * count),
    })
}

/// An item that a phase puts on a subscription: nothing that an earlier one at its price had is on it.
fn new_item(facts: &[Fact], subscription: &SubscriptionId, planned: &PhaseItem, at: i64) -> ItemState {
    let of_price = |fact: &Fact| match &fact.state {
        State::Subscription { after, .. } if after.id == *subscription => {
            after.items.iter().find(|item| item.price.id == planned.price).cloned()
        }
        _ => None,
    };
    let earlier = facts.iter().rev().find_map(of_price).expect("a price that it had before");
    let id = format!("{}_{at}", earlier.id).as_str().into();
    ItemState { id, discounts: Vec::new(), tax_rates: Vec::new(), trial: None, ..earlier }
}
