//! The order of snapshots (rule `snapshot-order`): whatever order within a second lets each find what it says was before.

use std::collections::BTreeSet;

use mrrd::ledger::{fact::*, ids::EventId};

/// Events that break the chain.
#[derive(Default)]
pub(in super::super) struct Gaps {
    /// What they say of status, prices or quantities before is not what was known.
    pub(in super::super) certain: BTreeSet<EventId>,
    /// Something else was otherwise as well: whether an event had said so can't be told from whole states.
    pub(in super::super) possible: BTreeSet<EventId>,
}

/// Whether the state before the next second's confirms an order.
type Confirms<'c> = dyn Fn(Option<&SubscriptionState>) -> bool + 'c;

/// Facts of one subscription in their one order, without those that only say again what was told.
pub(super) fn in_order<'f>(mut facts: Vec<&'f Fact>, gaps: &mut Gaps) -> Vec<&'f Fact> {
    facts.sort_by_key(|fact| (fact.at, fact.role));
    let seconds: Vec<&[&Fact]> = facts.chunk_by(|a, b| a.at == b.at && a.role == b.role).collect();
    let mut ordered: Vec<&Fact> = Vec::new();
    for (place, second) in seconds.iter().enumerate() {
        match second[0].role {
            Role::Updated => {
                let reached = ordered.last().map(|fact| after(fact));
                let next = seconds[place + 1..].iter().find(|second| second[0].role == Role::Updated);
                ordered.extend(one_second(second, reached, ordered.last().copied(), next.copied().unwrap_or(&[])));
            }
            // It only says again what stands.
            Role::Other => {}
            _ => ordered.extend(*second),
        }
    }
    for two in ordered.windows(2).filter(|two| two[1].role == Role::Updated) {
        let (reached, next) = (after(two[0]), two[1]);
        if before(next).is_some_and(|was| was != reached) {
            gaps.possible.insert(next.event.clone());
        }
        if !sells_on(reached, next) {
            gaps.certain.insert(next.event.clone());
        }
    }
    // Nothing runs after its end.
    let ends = ordered.iter().filter_map(|fact| after(fact).ended_at);
    if let Some(end) = ends.min() {
        let revived = ordered.iter().filter(|fact| fact.at > end && after(fact).status != Status::Canceled);
        gaps.possible.extend(revived.map(|fact| fact.event.clone()));
    }
    ordered
}

/// The updates of one second in order. A second event for one change is nothing where that can be; where several orders
/// hold, the one goes first that the next snapshot's previous values confirm.
fn one_second<'f>(
    second: &[&'f Fact],
    reached: Option<&SubscriptionState>,
    last: Option<&Fact>,
    next: &[&Fact],
) -> Vec<&'f Fact> {
    let mut once: Vec<&Fact> = Vec::new();
    for fact in second {
        if !once.iter().any(|other| other.state == fact.state) {
            once.push(fact);
        }
    }
    // What tells a change of an earlier second again.
    let fresh: Vec<&Fact> =
        once.iter().copied().filter(|fact| last.is_none_or(|last| last.state != fact.state)).collect();
    let sets = [once, second.to_vec(), fresh];
    let exactly = |end: Option<&SubscriptionState>| next.iter().any(|fact| before(fact) == end);
    let at_all = |end: Option<&SubscriptionState>| {
        end.is_some_and(|end| next.iter().any(|fact| follows(end, fact) && stood(end, fact)))
    };
    let always = |_: Option<&SubscriptionState>| true;
    let confirmed: [&Confirms<'_>; 3] = [&exactly, &at_all, &always];
    for confirms in confirmed {
        for fits in [whole as fn(&SubscriptionState, &Fact) -> bool, follows] {
            for set in &sets {
                let end = |order: &Vec<&'f Fact>| order.last().map_or(reached, |last| Some(after(last)));
                if let Some(order) = orders(reached, set, fits).into_iter().find(|order| confirms(end(order))) {
                    return order;
                }
            }
        }
    }
    second.to_vec()
}

/// Every order of all of `rest` in which each fits the state before it.
fn orders<'f>(
    reached: Option<&SubscriptionState>,
    rest: &[&'f Fact],
    fits: fn(&SubscriptionState, &Fact) -> bool,
) -> Vec<Vec<&'f Fact>> {
    if rest.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (place, next) in rest.iter().enumerate() {
        if reached.is_some_and(|reached| !fits(reached, next)) {
            continue;
        }
        let mut others = rest.to_vec();
        others.remove(place);
        let tails = orders(Some(after(next)), &others, fits);
        all.extend(tails.into_iter().map(|tail| std::iter::once(*next).chain(tail).collect::<Vec<_>>()));
    }
    all
}

/// All that an event's snapshot was before is the state reached.
fn whole(reached: &SubscriptionState, fact: &Fact) -> bool {
    before(fact) == Some(reached)
}

/// What decides money was so before, even where the event didn't touch it.
fn stood(reached: &SubscriptionState, fact: &Fact) -> bool {
    let Some(was) = before(fact) else { return true };
    let sold = |state: &SubscriptionState| -> Vec<_> {
        state.items.iter().map(|item| (item.id.clone(), item.price.id.clone(), item.quantity)).collect()
    };
    let paused = |state: &SubscriptionState| state.pause_collection.is_some();
    was.status == reached.status
        && sold(was) == sold(reached)
        && paused(was) == paused(reached)
        && was.cancel_at_period_end == reached.cancel_at_period_end
}

/// What an event says was otherwise before was so in the state reached.
fn follows(reached: &SubscriptionState, fact: &Fact) -> bool {
    let (Some(was), is) = (before(fact), after(fact)) else { return false };
    macro_rules! all_hold {
        ($($field:ident)+) => { true $(&& (was.$field == is.$field || was.$field == reached.$field))+ };
    }
    all_hold!(status items discounts tax_rates start_date ended_at canceled_at cancel_at cancel_at_period_end trial_start
        trial_end period pause_collection cancel_reason latest_invoice)
}

/// What it says of status, prices and quantities before was so.
fn sells_on(reached: &SubscriptionState, fact: &Fact) -> bool {
    let (Some(was), is) = (before(fact), after(fact)) else { return true };
    let sold = |state: &SubscriptionState| -> Vec<_> {
        state.items.iter().map(|item| (item.id.clone(), item.price.id.clone(), item.quantity)).collect()
    };
    (was.status == is.status || was.status == reached.status) && (sold(was) == sold(is) || sold(was) == sold(reached))
}

fn after(fact: &Fact) -> &SubscriptionState {
    match &fact.state {
        State::Subscription { after, .. } => after,
        _ => unreachable!("facts of a subscription"),
    }
}

fn before(fact: &Fact) -> Option<&SubscriptionState> {
    match &fact.state {
        State::Subscription { before, .. } => before.as_deref(),
        _ => unreachable!("facts of a subscription"),
    }
}
