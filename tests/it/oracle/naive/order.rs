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

/// Facts of one subscription in their one order, without those that only say again what was told.
pub(super) fn in_order<'f>(mut facts: Vec<&'f Fact>, gaps: &mut Gaps) -> Vec<&'f Fact> {
    facts.sort_by_key(|fact| (fact.at, fact.role));
    let seconds: Vec<&[&Fact]> = facts.chunk_by(|a, b| a.at == b.at && a.role == b.role).collect();
    let mut ordered: Vec<&Fact> = Vec::new();
    for (place, second) in seconds.iter().enumerate() {
        match second[0].role {
            Role::Updated => {
                let reached = ordered.last().map(|fact| after(fact));
                let mut changes: Vec<&Fact> = Vec::new();
                for fact in *second {
                    // A second event for one change, whether both are of this second or one of an earlier.
                    let twin = |other: &&&Fact| other.state == fact.state;
                    let told = changes.iter().any(|other| twin(&other))
                        || ordered.last().is_some_and(|last| twin(&last)) && reached == Some(after(fact));
                    if !told {
                        changes.push(fact);
                    }
                }
                let orders = orders(reached, &changes);
                let next = seconds[place + 1..].iter().find(|second| second[0].role == Role::Updated);
                let said = |state| next.is_some_and(|second| second.iter().any(|fact| follows(state, fact)));
                let confirmed = orders.iter().find(|order| order.last().is_some_and(|last| said(after(last))));
                match confirmed.or(orders.first()) {
                    Some(order) => ordered.extend(order),
                    None => ordered.extend(changes),
                }
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

/// Every order of all of `rest` in which each finds what it says was before.
fn orders<'f>(reached: Option<&SubscriptionState>, rest: &[&'f Fact]) -> Vec<Vec<&'f Fact>> {
    if rest.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (place, next) in rest.iter().enumerate() {
        if reached.is_some_and(|reached| !follows(reached, next)) {
            continue;
        }
        let mut others = rest.to_vec();
        others.remove(place);
        let tails = orders(Some(after(next)), &others);
        all.extend(tails.into_iter().map(|tail| std::iter::once(*next).chain(tail).collect::<Vec<_>>()));
    }
    all
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
