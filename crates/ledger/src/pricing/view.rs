//! What pricing looks at: one snapshot of a subscription's, and all that is known beside it.

use std::{cell::RefCell, collections::HashMap};

use super::{
    durations::{self, Inferred},
    invoices::Stands,
    spans::Granted,
    terms::{Discount, Terms},
};
use crate::{
    fact::{DiscountState, Duration, ItemState, SubscriptionState},
    ids::DiscountId,
    money::Currency,
    profile::Profile,
    time::UnixTime,
    timeline::Snapshot,
};

/// The subscription's currency, else its first price's.
pub(super) fn currency_of(state: &SubscriptionState) -> Option<Currency> {
    state.currency.or_else(|| state.items.first()?.price.currency)
}

/// What pricing looks at: one snapshot of a subscription's, and all that is known beside it.
#[derive(Clone, Copy)]
pub(super) struct View<'s, 'a> {
    /// All of the subscription's, also those after the one at hand.
    pub all: &'s [Snapshot<'s>],
    /// The place of the one at hand.
    pub index: usize,
    pub now: &'s Snapshot<'s>,
    pub terms: &'s Terms<'a>,
    pub profile: &'s Profile,
    pub granted: &'s Granted,
    pub durations: &'s Durations,
}

/// How long discounts last whose duration is told nowhere, as read off so far.
#[derive(Debug, Default)]
pub(super) struct Durations(RefCell<HashMap<DiscountId, Inferred>>);

/// While which snapshots an item holds the same price and quantity as in the one at `index`.
pub(super) fn stands(all: &[Snapshot<'_>], index: usize, item: &ItemState) -> Stands {
    let holds = |snapshot: &Snapshot<'_>| {
        let same =
            |one: &ItemState| one.id == item.id && one.price.id == item.price.id && one.quantity == item.quantity;
        snapshot.state.items.iter().any(same)
    };
    let before = all[..index].iter().rev().take_while(|snapshot| holds(snapshot)).count();
    let after = all[index + 1..].iter().take_while(|snapshot| holds(snapshot)).count();
    let until = all.get(index + 1 + after).map_or(UnixTime(i64::MAX), |next| next.at);
    Stands { from: all[index - before].at, until, so_far: None }
}

/// The same, asked by the one at `index`: what was billed by its end comes first.
pub(super) fn stands_so_far(all: &[Snapshot<'_>], index: usize, item: &ItemState) -> Stands {
    let end = all.get(index + 1).map_or(UnixTime(i64::MAX), |next| next.at);
    Stands { so_far: Some(end), ..stands(all, index, item) }
}

impl<'s, 'a> View<'s, 'a> {
    /// The snapshots up to and including the one at hand.
    pub(super) fn line(&self) -> &'s [Snapshot<'s>] {
        &self.all[..=self.index]
    }

    /// The same of each earlier snapshot, the latest first.
    pub(super) fn earlier(self) -> impl Iterator<Item = Self> {
        (0..self.index).rev().map(move |index| Self { index, now: &self.all[index], ..self })
    }

    /// While which an item's price and quantity stand.
    pub(super) fn stands(&self, item: &ItemState) -> Stands {
        stands(self.all, self.index, item)
    }

    /// A discount with all the log knows of it; its duration read off where it isn't told.
    pub(super) fn joined<'d>(&self, shown: &'d DiscountState) -> (Discount<'d>, Option<Inferred>)
    where
        's: 'd,
    {
        let mut discount = self.terms.discount(shown, currency_of(&self.now.state));
        if discount.duration != Duration::Unknown {
            return (discount, None);
        }
        let Some(id) = discount.id else { return (discount, None) };
        let known = self.durations.0.borrow().get(id).copied();
        let inferred = known.unwrap_or_else(|| {
            let inferred = durations::infer(shown, self.all, self.terms);
            self.durations.0.borrow_mut().insert(id.clone(), inferred);
            inferred
        });
        discount.duration = inferred.duration();
        discount.end = discount.end.or(inferred.end());
        (discount, Some(inferred))
    }
}
