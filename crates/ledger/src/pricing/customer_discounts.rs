//! The customer's own discount over time: it applies where a subscription has none (rule `discount-order`).

use std::collections::BTreeMap;

use crate::{
    CustomerFacts,
    fact::{DiscountState, Fact, Role, State},
    ids::{CustomerId, EventId},
    time::UnixTime,
};

/// From when which discount is on which of Stripe's customers, in time order: several of them may be one here
/// (`ledger.customer_key`), each with a discount of its own.
#[derive(Debug, Default)]
pub(super) struct CustomerDiscounts<'a>(BTreeMap<&'a CustomerId, Vec<Change<'a>>>);

/// From `at` on, this discount or none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'a> {
    pub at: UnixTime,
    pub discount: Option<&'a DiscountState>,
    /// The event that shows it.
    pub event: &'a EventId,
}

/// What a fact says of the customer's discount, in the order that holds within one second: an old one goes before a
/// new one comes, and the customer's own state has the last word.
#[derive(Clone, Copy, Debug)]
enum Saying<'a> {
    Gone(&'a DiscountState),
    Put(&'a DiscountState),
    State(Option<&'a DiscountState>),
}

impl<'a> CustomerDiscounts<'a> {
    /// Reads `customer.discount` and the `customer.discount.*` events, in any order.
    pub(super) fn gather(input: CustomerFacts<'a>) -> Self {
        let mut sayings: BTreeMap<&CustomerId, Vec<(Saying<'a>, &'a Fact)>> = BTreeMap::new();
        for fact in input.facts {
            if let Some((customer, saying)) = saying(fact) {
                sayings.entry(customer.unwrap_or(input.customer)).or_default().push((saying, fact));
            }
        }
        Self(sayings.into_iter().map(|(customer, sayings)| (customer, Self::of_one(sayings))).collect())
    }

    fn of_one(mut sayings: Vec<(Saying<'a>, &'a Fact)>) -> Vec<Change<'a>> {
        // `customer.created` is first in its second: what the same second put on the customer came after it.
        let rank = |saying: &Saying<'_>, role: Role| match saying {
            Saying::State(_) if role == Role::Created => 0,
            Saying::Gone(_) => 1,
            Saying::Put(_) => 2,
            Saying::State(_) => 3,
        };
        sayings
            .sort_by_key(|(saying, fact)| (fact.at, rank(saying, fact.role), &fact.event, fact.api_version.as_ref()));

        let mut line: Vec<Change<'a>> = Vec::new();
        let mut last_seen: Option<UnixTime> = None;
        for (saying, fact) in sayings {
            let event = &fact.event;
            let held = line.last().and_then(|change| change.discount);
            let now = match saying {
                Saying::State(discount) => discount,
                Saying::Put(discount) => Some(discount),
                // The first thing known is its end: it was there since its start.
                Saying::Gone(discount) if last_seen.is_none() => {
                    let began = discount.start.map(|start| start.min(fact.at));
                    line.extend(began.map(|at| Change { at, discount: Some(discount), event }));
                    None
                }
                Saying::Gone(discount) if held.is_some_and(|held| !same(held, discount)) => held,
                Saying::Gone(_) => None,
            };
            // First seen later than it began: it counts from its start, as far as nothing said otherwise since.
            let began = now.and_then(|discount| discount.start).map_or(fact.at, |start| start.min(fact.at));
            let began = last_seen.map_or(began, |seen| began.max(seen));
            match (line.last().and_then(|change| change.discount), now) {
                (None, None) => {}
                // The same, told anew: its end may have moved.
                (Some(before), Some(after)) if same(before, after) => {
                    if before != after {
                        line.push(Change { at: fact.at, discount: now, event });
                    }
                }
                _ => line.push(Change { at: began, discount: now, event }),
            }
            last_seen = Some(fact.at);
        }
        line
    }

    /// The discount on `customer` at `at`.
    pub(super) fn at(&self, customer: &CustomerId, at: UnixTime) -> Option<&'a DiscountState> {
        self.0.get(customer)?.iter().rev().find(|change| change.at <= at)?.discount
    }

    /// When that of `customer` changed, and to what.
    pub(super) fn changes(&self, customer: &CustomerId) -> impl Iterator<Item = Change<'a>> {
        self.0.get(customer).into_iter().flatten().copied()
    }
}

/// What a fact says, and of which of Stripe's customers where it names one.
fn saying(fact: &Fact) -> Option<(Option<&CustomerId>, Saying<'_>)> {
    match &fact.state {
        State::Customer(customer) => {
            let discount = customer.discount.as_ref().filter(|_| !customer.deleted);
            Some((Some(&customer.id), Saying::State(discount)))
        }
        // An invoice tells a discount's terms, not whose it is.
        State::Discount(_) if fact.role == Role::Other => None,
        State::Discount(discount) if discount.subscription.is_none() && discount.item.is_none() => {
            let gone = fact.role == Role::Deleted;
            Some((discount.customer.as_ref(), if gone { Saying::Gone(discount) } else { Saying::Put(discount) }))
        }
        _ => None,
    }
}

/// Two places speak of one discount: by id where both have one, else by coupon and start.
pub(super) fn same(one: &DiscountState, other: &DiscountState) -> bool {
    match (&one.id, &other.id) {
        (Some(one), Some(other)) => one == other,
        _ => one.coupon == other.coupon && one.start == other.start,
    }
}
