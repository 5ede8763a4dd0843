//! Why an item's money moved: the causes of rule `causes`, tried in its order within each kind.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    counting::{CountStatus, Counted, Stretch},
    fact::{CancelReason, Status},
    money::Mrr,
    outcome::{Cause, Kind},
    plans::Plans,
    pricing::{ItemAmount, Span, Terms},
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
    /// Why the customer was lost last, before the window.
    pub lost_by: &'c BTreeSet<Cause>,
    /// Whether a subscription's end was among it.
    pub lost_by_end: bool,
    pub terms: &'c Terms<'a>,
    pub plans: &'c Plans,
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
    fn count_status_before(&self) -> Option<CountStatus> {
        self.before.map(|before| before.count_status)
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
        if was_tried(change, item) {
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
                one.count_status.counts()
                    && one.list == Mrr::ZERO
                    && one.lines.iter().any(|line| {
                        let item = counted.item(one, line);
                        !item.unpriced && !item.metered && !item.in_trial
                    })
            })
        })
    }

    /// Why MRR came back: what holds of the subscription itself, else what the customer was lost by. A return that the
    /// profile calls new may convert a trial as well.
    pub(super) fn of_reactivation(&self, change: Change<'_, '_>, item: &ItemAmount, named: Kind) -> Cause {
        let lost_by = |cause| self.lost_by.contains(&cause);
        // What was right before decides, unless another subscription had ended by then: its customer is won back.
        let counted = change.before.filter(|before| before.count_status.counts());
        let stood = counted.filter(|_| !self.lost_by_end);
        // What a discount takes leaves its list MRR; a quantity or a price of 0 doesn't.
        let (discounted, empty) =
            (stood.is_some_and(|one| one.list > Mrr::ZERO), stood.filter(|one| one.list == Mrr::ZERO));
        let was = empty.and_then(|one| {
            let mut items = one.lines.iter().map(|line| change.counted.item(one, line));
            items.find(|before| before.item == item.item && !before.metered && !before.in_trial && !before.unpriced)
        });
        let had_none = was.is_some_and(|was| was.quantity.is_some_and(|quantity| quantity.units() == 0));
        match change.count_status_before() {
            Some(CountStatus::Unpaid | CountStatus::PastDue) => Cause::Recovery,
            Some(CountStatus::Paused | CountStatus::CollectionPaused) => Cause::Resume,
            Some(CountStatus::Requested) => Cause::CancellationWithdrawn,
            _ if discounted => Cause::DiscountEnd,
            _ if lost_by(Cause::ToFree) || (was.is_some() && !had_none) => Cause::FreeToPaid,
            _ if had_none || (empty.is_some() && lost_by(Cause::QuantityZero)) => Cause::QuantityIncrease,
            _ if counted.is_some() && item.metered => Cause::Usage,
            _ if self.something_ended() => Cause::Winback,
            _ if named == Kind::New && was_tried(change, item) => Cause::TrialConversion,
            _ => Cause::Other,
        }
    }

    fn something_ended(&self) -> bool {
        self.subscriptions.iter().zip(self.after).any(|(counted, after)| {
            after.is_some_and(|after| {
                matches!(counted.stretches[after].count_status, CountStatus::Ended | CountStatus::Requested)
            })
        })
    }

    /// Why an item's MRR ended. No evidence is *unknown*, never voluntary by default.
    pub(super) fn of_churn(&self, change: Change<'_, '_>, item: &ItemAmount) -> Cause {
        let after = change.after;
        let counts = after.count_status.counts();
        let named = match &change.counted.state(after).cancel_reason {
            Some(CancelReason::PaymentDisputed) => Some(Cause::Dispute),
            Some(CancelReason::RetentionPolicy) => Some(Cause::RetentionPolicy),
            Some(CancelReason::CancellationRequested) => Some(Cause::Cancellation),
            Some(CancelReason::PaymentFailed) => Some(Cause::PaymentFailure),
            Some(CancelReason::Other(_)) | None => None,
        };
        match after.count_status {
            CountStatus::Paused | CountStatus::CollectionPaused => return Cause::Pause,
            // The reason of a cancellation that is still to come explains nothing yet.
            _ if !counts && named.is_some() => return named.unwrap_or(Cause::UnknownEnd),
            CountStatus::Unpaid | CountStatus::PastDue => return Cause::PaymentFailure,
            CountStatus::Ended if ended_out_of_arrears(change) => return Cause::PaymentFailure,
            _ => {}
        }
        let left = self.left();
        match after.count_status {
            _ if counts && after.list > Mrr::ZERO && after.mrr == Mrr::ZERO => Cause::FullDiscount,
            // Usage has no list price that could be 0.
            _ if counts && item.metered => Cause::Usage,
            _ if left.free && !left.none_of => Cause::ToFree,
            _ if counts && left.none_of => Cause::QuantityZero,
            _ if counts && left.usage => Cause::Usage,
            CountStatus::Ended | CountStatus::Requested => Cause::UnknownEnd,
            _ => Cause::Other,
        }
    }

    /// What still counts of a customer whose MRR is 0.
    fn left(&self) -> Left {
        let mut left = Left::default();
        for (counted, after) in self.subscriptions.iter().zip(self.after) {
            let Some(stretch) = after.map(|after| &counted.stretches[after]).filter(|one| one.count_status.counts())
            else {
                continue;
            };
            for item in stretch.lines.iter().map(|line| (counted.item(stretch, line), line.list)) {
                match item {
                    (item, _) if item.metered => left.usage = true,
                    (item, _) if item.unpriced || item.in_trial => {}
                    (item, _) if item.quantity.is_some_and(|quantity| quantity.units() == 0) => left.none_of = true,
                    (_, list) => left.free |= list == Mrr::ZERO,
                }
            }
        }
        left
    }

    /// Why one of several subscriptions began or ended, its customer going on: the cause, and the reason of an end.
    pub(super) fn of_subscription(&self, change: Change<'_, '_>, item: &ItemAmount) -> (Cause, Option<Cause>) {
        let add_on = item.product.as_ref().is_some_and(|product| self.terms.is_add_on(product));
        if change.after.count_status.counts() {
            let cause = match change.before {
                Some(before) if before.granted && before.count_status == CountStatus::Trial => Cause::TrialEnded,
                Some(before) if matches!(before.count_status, CountStatus::Paused | CountStatus::CollectionPaused) => {
                    Cause::Resume
                }
                _ if add_on => Cause::AddOn,
                _ if self.held(change, item, Side::Before) => Cause::ExtraSubscription,
                _ => Cause::CrossSell,
            };
            return (cause, None);
        }
        match change.after.count_status {
            CountStatus::Trial => (Cause::TrialGranted, None),
            CountStatus::Paused | CountStatus::CollectionPaused => (Cause::Pause, None),
            _ => {
                let cause = match () {
                    () if add_on => Cause::AddOnRemoved,
                    () if self.held(change, item, Side::After) => Cause::SubscriptionDropped,
                    () => Cause::ProductDropped,
                };
                (cause, Some(self.of_churn(change, item)))
            }
        }
    }

    /// Why an item came that a replacement left over on its new side (rule `replacement`).
    pub(super) fn of_left_over(&self, item: &ItemAmount) -> Cause {
        let add_on = item.product.as_ref().is_some_and(|product| self.terms.is_add_on(product));
        if add_on { Cause::AddOn } else { Cause::CrossSell }
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
                    stretch.count_status.counts()
                        && stretch
                            .lines
                            .iter()
                            .any(|line| counted.item(stretch, line).product.as_ref() == Some(product))
                })
        })
    }
}

/// Whether the subscription was on trial before, or the item in one of its own.
fn was_tried(change: Change<'_, '_>, item: &ItemAmount) -> bool {
    let counted = change.counted;
    let in_trial = |span: &Span| span.items.iter().any(|one| one.item == item.item && one.in_trial);
    counted.snapshots[..change.after.snapshot].iter().any(|one| one.state.status == Status::Trialing)
        || counted.spans[..change.after.span].iter().any(in_trial)
}

/// What still counts, at 0.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    /// Something licensed at a list price of 0.
    free: bool,
    /// Something licensed of which there are none.
    none_of: bool,
    /// Something metered.
    usage: bool,
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

/// Why an item's price part moved. The same product and interval at another amount is the same plan where nothing says
/// otherwise: one price, one lookup key or nickname, no name on either side, or a pair that the configuration names.
pub(super) fn of_price(before: &ItemAmount, after: &ItemAmount, plans: &Plans, amount: Mrr) -> Cause {
    let same_price = before.price == after.price;
    let same_product = same_price || (before.product.is_some() && before.product == after.product);
    let named_alike = |a: &Option<std::sync::Arc<str>>, b: &Option<std::sync::Arc<str>>| a.is_some() && a == b;
    let nameless = |item: &ItemAmount| item.lookup_key.is_none() && item.nickname.is_none();
    let more = amount > Mrr::ZERO;
    if same_product && before.interval != after.interval {
        return Cause::IntervalChange;
    }
    let alike = same_price
        || named_alike(&before.lookup_key, &after.lookup_key)
        || named_alike(&before.nickname, &after.nickname)
        || (nameless(before) && nameless(after))
        || plans.same(&before.price, &after.price);
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
