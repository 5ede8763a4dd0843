//! Why an item's money moved: the causes of mrr.md 5, tried in its order within each kind.

use std::collections::BTreeMap;

use super::{
    counting::{Counted, Standing, Stretch},
    fact::{CancelReason, Status},
    money::Mrr,
    outcome::Cause,
    pricing::{ItemAmount, Terms},
    time::{UnixTime, Zone},
    timeline::Entry,
};

/// A customer around one window: what stood before it, and what stands after.
pub(super) struct Around<'c, 'a> {
    pub subscriptions: &'c [Counted<'a>],
    /// Each subscription's stretch after the window; `None` before its first.
    pub after: &'c [Option<usize>],
    /// The stretch before the window, of those that changed in it.
    pub before: &'c BTreeMap<usize, Option<usize>>,
    /// First change of the window.
    pub opened: UnixTime,
    pub terms: &'c Terms<'a>,
    pub zone: &'c Zone,
}

/// One subscription over a window.
#[derive(Clone, Copy)]
pub(super) struct Change<'c, 'a> {
    pub subscription: usize,
    pub counted: &'c Counted<'a>,
    pub before: Option<&'c Stretch>,
    pub after: &'c Stretch,
}

impl<'c> Change<'c, '_> {
    fn standing_before(&self) -> Option<Standing> {
        self.before.map(|before| before.standing)
    }
}

impl<'c, 'a> Around<'c, 'a> {
    /// Why MRR began, of a customer who never had any.
    pub(super) fn of_new(&self, change: Change<'_, '_>, item: &ItemAmount) -> Cause {
        let counted = change.counted;
        let first = &counted.snapshots[0];
        let began_earlier = first.state.start_date.is_some_and(|start| self.zone.day(start) < self.zone.day(first.at));
        if first.entry == Entry::Created && began_earlier {
            return Cause::Imported;
        }
        let tried = counted.snapshots[..change.after.snapshot].iter().any(|one| one.state.status == Status::Trialing)
            || counted.spans[..change.after.span]
                .iter()
                .any(|span| span.items.iter().any(|one| one.item == item.item && one.in_trial));
        if tried {
            Cause::TrialConversion
        } else if self.had_free_plan() {
            Cause::FreeToPaid
        } else {
            Cause::FirstSubscription
        }
    }

    /// Known before at a price of 0: something counted, for longer than no time, whose list price is 0.
    fn had_free_plan(&self) -> bool {
        self.subscriptions.iter().any(|counted| {
            counted.stretches.iter().take_while(|one| one.from < self.opened).any(|one| {
                one.standing.counts()
                    && one.list == Mrr::ZERO
                    && one.lines.iter().any(|line| {
                        let item = counted.item(one, line);
                        !item.unpriced && !item.metered && !item.in_trial
                    })
            })
        })
    }

    /// Why MRR came back.
    pub(super) fn of_reactivation(&self, change: Change<'_, '_>) -> Cause {
        match change.standing_before() {
            Some(Standing::Unpaid | Standing::PastDue) => Cause::Recovery,
            Some(Standing::Paused | Standing::CollectionPaused) => Cause::Resume,
            Some(Standing::Requested) => Cause::CancellationWithdrawn,
            Some(standing) if standing.counts() => Cause::Other,
            _ if self.something_ended() => Cause::Winback,
            _ => Cause::Other,
        }
    }

    fn something_ended(&self) -> bool {
        self.subscriptions.iter().zip(self.after).any(|(counted, after)| {
            after
                .is_some_and(|after| matches!(counted.stretches[after].standing, Standing::Ended | Standing::Requested))
        })
    }

    /// Why MRR ended. No evidence is *unknown*, never voluntary by default.
    pub(super) fn of_churn(&self, change: Change<'_, '_>) -> Cause {
        let after = change.after;
        if matches!(after.standing, Standing::Paused | Standing::CollectionPaused) {
            return Cause::Pause;
        }
        if after.standing.counts() {
            return if after.list > Mrr::ZERO && after.mrr == Mrr::ZERO { Cause::FullDiscount } else { Cause::Other };
        }
        match &change.counted.state(after).cancel_reason {
            Some(CancelReason::PaymentDisputed) => return Cause::Dispute,
            Some(CancelReason::RetentionPolicy) => return Cause::RetentionPolicy,
            Some(CancelReason::CancellationRequested) => return Cause::Cancellation,
            Some(CancelReason::PaymentFailed) => return Cause::PaymentFailure,
            Some(CancelReason::Other(_)) | None => {}
        }
        match after.standing {
            Standing::Unpaid | Standing::PastDue => Cause::PaymentFailure,
            Standing::Ended if ended_out_of_arrears(change) => Cause::PaymentFailure,
            Standing::Ended | Standing::Requested => Cause::UnknownEnd,
            _ => Cause::Other,
        }
    }

    /// Why one of several subscriptions began or ended, its customer going on: the cause, and the reason of an end.
    pub(super) fn of_subscription(&self, change: Change<'_, '_>, item: &ItemAmount) -> (Cause, Option<Cause>) {
        let add_on = item.product.as_ref().is_some_and(|product| self.terms.is_add_on(product));
        if change.after.standing.counts() {
            let cause = match change.before {
                Some(before) if before.granted => Cause::TrialEnded,
                Some(before) if matches!(before.standing, Standing::Paused | Standing::CollectionPaused) => {
                    Cause::Resume
                }
                _ if add_on => Cause::AddOn,
                _ if self.held(change, item, Side::Before) => Cause::ExtraSubscription,
                _ => Cause::CrossSell,
            };
            return (cause, None);
        }
        match change.after.standing {
            Standing::Trial => (Cause::TrialGranted, None),
            Standing::Paused | Standing::CollectionPaused => (Cause::Pause, None),
            _ => {
                let cause = match () {
                    () if add_on => Cause::AddOnRemoved,
                    () if self.held(change, item, Side::After) => Cause::SubscriptionDropped,
                    () => Cause::ProductDropped,
                };
                (cause, Some(self.of_churn(change)))
            }
        }
    }

    /// Whether another subscription of the customer holds the item's product on that side of the window.
    fn held(&self, change: Change<'_, '_>, item: &ItemAmount, side: Side) -> bool {
        let Some(product) = &item.product else { return false };
        self.subscriptions.iter().enumerate().any(|(at, counted)| {
            let stretch = match side {
                Side::Before => self.before.get(&at).copied().unwrap_or(self.after[at]),
                Side::After => self.after[at],
            };
            at != change.subscription
                && stretch.map(|stretch| &counted.stretches[stretch]).is_some_and(|stretch| {
                    stretch.standing.counts()
                        && stretch
                            .lines
                            .iter()
                            .any(|line| counted.item(stretch, line).product.as_ref() == Some(product))
                })
        })
    }
}

#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

/// An end straight out of `past_due` or `unpaid`.
fn ended_out_of_arrears(change: Change<'_, '_>) -> bool {
    let snapshots = &change.counted.snapshots[..=change.after.snapshot];
    snapshots
        .iter()
        .rev()
        .find(|one| one.state.ended_at.is_none() && one.state.status != Status::Canceled)
        .is_some_and(|one| matches!(one.state.status, Status::PastDue | Status::Unpaid))
}

/// Why an item's price part moved (mrr.md 5: same product and interval, and the same price, `lookup_key` or `nickname`).
pub(super) fn of_price(before: &ItemAmount, after: &ItemAmount, amount: Mrr) -> Cause {
    let same_price = before.price == after.price;
    let same_product = same_price || (before.product.is_some() && before.product == after.product);
    let named_alike = |a: &Option<std::sync::Arc<str>>, b: &Option<std::sync::Arc<str>>| a.is_some() && a == b;
    let more = amount > Mrr::ZERO;
    if same_product && before.interval != after.interval {
        return Cause::IntervalChange;
    }
    let alike = same_price
        || named_alike(&before.lookup_key, &after.lookup_key)
        || named_alike(&before.nickname, &after.nickname);
    match (same_product && alike, more) {
        (true, true) => Cause::PriceIncrease,
        (true, false) => Cause::PriceDecrease,
        (false, true) => Cause::PlanUpgrade,
        (false, false) => Cause::PlanDowngrade,
    }
}

/// Why an item's discount part moved, from what was taken off before and after.
pub(super) fn of_discount(before: Mrr, after: Mrr) -> Cause {
    match (before == Mrr::ZERO, after == Mrr::ZERO) {
        (true, false) => Cause::DiscountStart,
        (false, true) => Cause::DiscountEnd,
        _ => Cause::DiscountChange,
    }
}
