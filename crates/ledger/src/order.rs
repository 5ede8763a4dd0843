//! The order of one subscription's facts: by `created`, and within one second by what each says was before (rule `snapshot-order`).

use super::{
    fact::{Fact, ItemState, Role, State, SubscriptionState},
    ids::{EventId, SubscriptionId},
    time::UnixTime,
};

/// One fact of a subscription, taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub fact: &'a Fact,
    pub before: Option<&'a SubscriptionState>,
    pub after: &'a SubscriptionState,
}

impl<'a> Seen<'a> {
    /// `None` for a fact about anything else.
    pub(super) fn from_fact(fact: &'a Fact) -> Option<Self> {
        match &fact.state {
            State::Subscription { before, after } => Some(Self { fact, before: before.as_deref(), after }),
            _ => None,
        }
    }
}

/// Facts in their final order, and the seconds whose order only event ids could settle.
#[derive(Debug, Default)]
pub(super) struct Ordered<'a> {
    pub chain: Vec<Seen<'a>>,
    pub ties: Vec<(UnixTime, &'a EventId)>,
}

/// Most updates of one second that are chained; a longer second is sorted by period and id, and counted as a tie.
const CHAINED_MAX: usize = 48;
/// Most steps spent on one second, so that no second can hold the ledger up.
const STEPS_MAX: u32 = 4_000;

/// Orders the facts of one subscription. `invoice_created` tells when an invoice was made, where the log knows it.
pub(super) fn order<'a>(mut seen: Vec<Seen<'a>>, invoice_created: &dyn Fn(&str) -> Option<UnixTime>) -> Ordered<'a> {
    let class = |role: Role| match role {
        Role::Created => 0,
        Role::Deleted => 2,
        Role::Updated | Role::Other | Role::Read => 1,
    };
    seen.sort_by(|a, b| {
        (class(a.fact.role), a.fact.at, &a.fact.event).cmp(&(class(b.fact.role), b.fact.at, &b.fact.event))
    });
    let mut ordered = Ordered::default();
    let seconds: Vec<_> =
        seen.chunk_by(|a, b| a.fact.at == b.fact.at && class(a.fact.role) == class(b.fact.role)).collect();
    for (place, second) in seconds.iter().enumerate() {
        if second.len() == 1 || class(second[0].fact.role) != 1 {
            ordered.chain.extend(*second);
        } else {
            // The next one that tells what was before it.
            let tells = |next: &&&[Seen<'a>]| next.iter().any(|seen| seen.before.is_some());
            let next = seconds[place + 1..].iter().find(tells).copied().unwrap_or_default();
            order_second(second, next, invoice_created, &mut ordered);
        }
    }
    ordered
}

fn order_second<'a>(
    second: &[Seen<'a>],
    next: &[Seen<'a>],
    invoice_created: &dyn Fn(&str) -> Option<UnixTime>,
    ordered: &mut Ordered<'a>,
) {
    let reached = ordered.chain.last().map(|last| last.after);
    let of_role = |role: Role| {
        let mut facts: Vec<Seen<'a>> = second.iter().copied().filter(|seen| seen.fact.role == role).collect();
        facts.sort_by_cached_key(|seen| (later(seen.after, invoice_created), seen.fact.event.clone()));
        facts
    };
    let settled = |a: &Seen<'_>, b: &Seen<'_>| {
        a.after == b.after || later(a.after, invoice_created) != later(b.after, invoice_created)
    };
    // Does the next second say that this state was reached?
    let told: Vec<(&SubscriptionState, &SubscriptionState)> =
        next.iter().filter_map(|seen| Some((seen.before?, seen.after))).collect();
    let confirms = |end: &SubscriptionState, confirmed: Confirmed| match confirmed {
        Confirmed::Whole => told.iter().any(|(before, _)| **before == *end),
        Confirmed::Changed => told.iter().any(|(before, after)| !breaks(before, after, end)),
        Confirmed::Not => true,
    };
    let mut ways = vec![Confirmed::Not];
    if !told.is_empty() {
        ways.splice(0..0, [Confirmed::Whole, Confirmed::Changed]);
    }
    let chain = Chain { settled: &settled, confirms: &confirms, confirmed: Confirmed::Not, steps: 0, tie: false };
    let last = ordered.chain.iter().rev().take_while(|seen| reached == Some(seen.after));
    let mut chain = chain.place(of_role(Role::Updated), reached, &last.copied().collect::<Vec<_>>(), &ways);
    let mut tie = chain.tie;
    for other in of_role(Role::Other) {
        let stands = chain.line.iter().position(|seen| seen.after == other.after);
        let first = reached.is_some_and(|state| *state == *other.after)
            || chain.line.first().is_some_and(|seen| seen.before.is_some_and(|before| *before == *other.after));
        match stands {
            _ if first => chain.line.insert(0, other),
            Some(at) => chain.line.insert(at + 1, other),
            None => {
                tie |= chain.line.last().is_some_and(|last| last.fact.role == Role::Other && !settled(last, &other));
                chain.line.push(other);
            }
        }
    }
    let reads = of_role(Role::Read);
    tie |= reads.windows(2).any(|pair| !settled(&pair[0], &pair[1]));
    chain.line.extend(reads);
    if tie {
        let least = second.iter().map(|seen| &seen.fact.event).min();
        ordered.ties.extend(least.map(|event| (second[0].fact.at, event)));
    }
    ordered.chain.extend(chain.line);
}

/// What is later of two states that nothing else tells apart: the latest invoice, then the period.
fn later(
    state: &SubscriptionState,
    invoice_created: &dyn Fn(&str) -> Option<UnixTime>,
) -> (Option<UnixTime>, Option<(UnixTime, UnixTime)>) {
    (
        state.latest_invoice.as_ref().and_then(|id| invoice_created(id.as_str())),
        state.period.map(|period| (period.start, period.end)),
    )
}

/// How closely an update must fit the state reached.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// Its whole state before is the state reached.
    Whole,
    /// What it changed holds in the state reached.
    Changed,
}

/// How far the next snapshot's previous values confirm the state that an order ends in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Confirmed {
    /// The state before it is the state reached.
    Whole,
    /// Nothing in it says otherwise.
    Changed,
    /// They don't, or there are none.
    Not,
}

struct Candidate<'a> {
    line: Vec<Seen<'a>>,
    tie: bool,
}

struct Chain<'c> {
    /// Whether invoice or period tells two states apart, or nothing needs to.
    settled: &'c dyn Fn(&Seen<'_>, &Seen<'_>) -> bool,
    /// Whether the next snapshot's previous values are this state's, so far.
    confirms: &'c dyn Fn(&SubscriptionState, Confirmed) -> bool,
    /// Only an order whose end the next snapshot confirms so far is looked for.
    confirmed: Confirmed,
    steps: u32,
    tie: bool,
}

impl Chain<'_> {
    /// Places the updates of one second, given in the order that later invoice, period and id would have. `last` are the
    /// events that showed the state reached.
    fn place<'a>(
        mut self,
        updates: Vec<Seen<'a>>,
        reached: Option<&'a SubscriptionState>,
        last: &[Seen<'a>],
        ways: &[Confirmed],
    ) -> Candidate<'a> {
        if updates.len() < 2 {
            return Candidate { line: updates, tie: false };
        }
        if updates.len() > CHAINED_MAX {
            return Candidate { line: updates, tie: true };
        }
        // Two events for one change say the same before and after, and the second is nothing; a change there and back and
        // there again does too. So each change is placed once, its repetitions beside it, unless only all of them end where
        // the next snapshot begins; and what repeats a change of an earlier second is one of this unless it fits nowhere.
        let mut distinct: Vec<(Seen<'a>, Vec<Seen<'a>>)> = Vec::new();
        for update in &updates {
            match distinct.iter_mut().find(|(one, _)| same_change(one, update)) {
                Some((_, again)) => again.push(*update),
                None => distinct.push((*update, Vec::new())),
            }
        }
        let once: Vec<Seen<'a>> = distinct.iter().map(|(one, _)| *one).collect();
        let told_before = |one: &Seen<'a>| last.iter().any(|known| same_change(known, one));
        let fresh: Vec<Seen<'a>> = once.iter().copied().filter(|one| !told_before(one)).collect();
        let mut sets = vec![&once];
        if once.len() < updates.len() {
            sets.push(&updates);
        }
        if fresh.len() < once.len() {
            sets.push(&fresh);
        }
        for (confirmed, fit) in ways.iter().flat_map(|way| [(*way, Fit::Whole), (*way, Fit::Changed)]) {
            for set in &sets {
                self.confirmed = confirmed;
                self.steps = 0;
                self.tie = false;
                let mut line = Vec::with_capacity(set.len());
                if self.search(set, reached, fit, &mut vec![false; set.len()], &mut line, true) {
                    let mut placed: Vec<Seen<'a>> = Vec::with_capacity(updates.len());
                    // What is left out shows the state reached once more.
                    placed.extend(updates.iter().filter(|one| !set.iter().any(|other| same_change(one, other))));
                    for one in line.into_iter().map(|at| set[at]) {
                        placed.push(one);
                        let held = distinct.iter().find(|(seen, _)| std::ptr::eq(seen.fact, one.fact));
                        let again = held.filter(|_| set.len() < updates.len()).map(|(_, again)| again.as_slice());
                        placed.extend(again.unwrap_or_default());
                    }
                    return Candidate { line: placed, tie: self.tie };
                }
            }
        }
        self.place_what_fits(updates, reached)
    }

    /// Extends `line` by all of `set`, each fitting the state reached; false where that can't be done within the bound.
    fn search<'a>(
        &mut self,
        set: &[Seen<'a>],
        reached: Option<&'a SubscriptionState>,
        fit: Fit,
        used: &mut Vec<bool>,
        line: &mut Vec<usize>,
        count_ties: bool,
    ) -> bool {
        if line.len() == set.len() {
            return reached.is_none_or(|end| (self.confirms)(end, self.confirmed));
        }
        let depth = line.len();
        for at in 0..set.len() {
            if used[at] || !fits(&set[at], reached, fit) {
                continue;
            }
            self.steps += 1;
            if self.steps > STEPS_MAX {
                return false;
            }
            used[at] = true;
            line.push(at);
            if self.search(set, Some(set[at].after), fit, used, line, count_ties) {
                if count_ties && !self.tie {
                    self.tie = self.another_way(set, reached, fit, line, depth);
                }
                return true;
            }
            used[at] = false;
            line.truncate(depth);
            // A change of nothing typed can stand here or nowhere better: no other order need be tried before it.
            if set[at].before.is_some_and(|before| *before == *set[at].after)
                && fit == Fit::Whole
                && self.confirmed == Confirmed::Not
            {
                return false;
            }
        }
        false
    }

    /// Whether another update could have stood at `depth` just as well, with nothing but its id against it.
    fn another_way<'a>(
        &mut self,
        set: &[Seen<'a>],
        reached: Option<&'a SubscriptionState>,
        fit: Fit,
        line: &[usize],
        depth: usize,
    ) -> bool {
        let chosen = &set[line[depth]];
        (0..set.len()).any(|at| {
            let one = &set[at];
            if at == line[depth] || line[..depth].contains(&at) || !fits(one, reached, fit) {
                return false;
            }
            let idle = |seen: &Seen<'_>| seen.before.is_some_and(|before| *before == *seen.after);
            if idle(one) || idle(chosen) || (self.settled)(one, chosen) {
                return false;
            }
            let mut used = vec![false; set.len()];
            line[..depth].iter().for_each(|&placed| used[placed] = true);
            used[at] = true;
            let mut other = line[..depth].to_vec();
            other.push(at);
            self.search(set, Some(one.after), fit, &mut used, &mut other, false)
        })
    }

    /// No order places all: take what fits, whole before changed, then the rest by invoice, period and id.
    fn place_what_fits<'a>(self, mut rest: Vec<Seen<'a>>, mut reached: Option<&'a SubscriptionState>) -> Candidate<'a> {
        let mut line: Vec<Seen<'a>> = Vec::with_capacity(rest.len());
        while !rest.is_empty() {
            let next = [Fit::Whole, Fit::Changed]
                .into_iter()
                .find_map(|fit| rest.iter().position(|seen| reached.is_some() && fits(seen, reached, fit)));
            let Some(next) = next else { break };
            let seen = rest.remove(next);
            reached = Some(seen.after);
            line.push(seen);
        }
        let tie = rest.windows(2).any(|pair| !(self.settled)(&pair[0], &pair[1]));
        line.append(&mut rest);
        Candidate { line, tie }
    }
}

/// Two events for one change: the same object and the same previous values.
fn same_change(one: &Seen<'_>, other: &Seen<'_>) -> bool {
    one.before == other.before && one.after == other.after
}

/// Whether an update can follow the state reached. With nothing known before, any can.
fn fits(update: &Seen<'_>, reached: Option<&SubscriptionState>, fit: Fit) -> bool {
    match (reached, update.before) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(reached), Some(before)) => match fit {
            Fit::Whole => *before == *reached,
            Fit::Changed => changed_fields_hold(before, update.after, reached, |a, b| a == b),
        },
    }
}

/// The recursive subset of rule `snapshot-order` on typed fields: where `before` differs from `after`, `reached` equals `before`.
fn changed_fields_hold(
    before: &SubscriptionState,
    after: &SubscriptionState,
    reached: &SubscriptionState,
    same_items: impl Fn(&[ItemState], &[ItemState]) -> bool,
) -> bool {
    macro_rules! hold {
        ($($field:ident),+) => { $((before.$field == after.$field || before.$field == reached.$field))&&+ };
    }
    hold!(
        status,
        currency,
        items_complete,
        tax_rates,
        start_date,
        ended_at,
        canceled_at,
        cancel_at,
        cancel_at_period_end,
        trial_start,
        trial_end,
        period,
        pause_collection,
        pause_reason,
        cancel_reason,
        cancel_feedback,
        latest_invoice,
        pending_update
    ) && (before.items == after.items || same_items(&before.items, &reached.items))
        && (discount_ids(before) == discount_ids(after) || discount_ids(before) == discount_ids(reached))
}

fn discount_ids(state: &SubscriptionState) -> Vec<(Option<&str>, Option<&str>)> {
    state
        .discounts
        .iter()
        .map(|discount| (discount.id.as_ref().map(|id| id.as_str()), discount.coupon.as_ref().map(|id| id.as_str())))
        .collect()
}

/// Whether an update's state before is not the last one known: events between the two are missing (rule `gaps`).
///
/// What it changed must hold, and what decides money must agree even where the update didn't touch it. Items are
/// compared by id, price and quantity only: two shapes of one item may tell more or less of it.
pub(super) fn breaks(before: &SubscriptionState, after: &SubscriptionState, reached: &SubscriptionState) -> bool {
    let same_items = |a: &[ItemState], b: &[ItemState]| same_items(&before.id, a, b);
    !changed_fields_hold(before, after, reached, same_items)
        || before.status != reached.status
        || !same_items(&before.items, &reached.items) && before.items_complete && reached.items_complete
        || before.pause_collection.is_some() != reached.pause_collection.is_some()
        || before.cancel_at_period_end != reached.cancel_at_period_end
}

/// Before 2016 or so a subscription had one plan and no items: the item read from it bears the subscription's own id, and
/// is whichever single item the next version shows.
fn same_items(subscription: &SubscriptionId, a: &[ItemState], b: &[ItemState]) -> bool {
    let own = |item: &ItemState| item.id.as_str() == subscription.as_str();
    let same = |one: &ItemState, two: &ItemState| {
        (one.id == two.id || own(one) || own(two)) && one.price.id == two.price.id && one.quantity == two.quantity
    };
    a.len() == b.len() && a.iter().all(|one| b.iter().any(|two| same(one, two)))
}
