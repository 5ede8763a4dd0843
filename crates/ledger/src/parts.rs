//! The parts of a movement: one per item and cause, summing to it exactly (rule `parts`).

use std::collections::BTreeMap;

use super::{
    causes::{Around, Change, of_discount, of_price},
    counting::{CountStatus, Counted, CountedItem, Stretch},
    ids::EventId,
    money::{Currency, Decimal, Mrr},
    outcome::{Cause, Kind, Part, Side},
    pricing::{self, ItemAmount},
    replacement::Replacement,
    time::UnixTime,
};

/// When, and by which events, an item's amounts changed within a window.
pub(super) type Evidence = BTreeMap<(usize, u32), (UnixTime, Vec<EventId>)>;

/// How the parts of one movement find their causes.
#[derive(Clone, Copy)]
pub(super) struct Reading<'r> {
    pub currency: Currency,
    /// Decides the list of causes; a return that a profile calls new or expansion keeps a return's causes.
    pub kind: Kind,
    /// What the movement is called.
    pub named: Kind,
    /// One subscription in place of another: items of theirs are one changed item.
    pub replacement: Option<&'r Replacement>,
}

/// An item of a stretch, and what it counts.
#[derive(Clone, Copy)]
struct Sight<'c> {
    line: &'c CountedItem,
    item: &'c ItemAmount,
}

/// The parts of one currency over one window.
pub(super) fn parts(around: &Around<'_, '_>, evidence: &Evidence, reading: Reading<'_>) -> Vec<Part> {
    let mut parts = Vec::new();
    for (&subscription, &before) in around.before {
        let counted = &around.subscriptions[subscription];
        let Some(after) = around.after[subscription].map(|after| &counted.stretches[after]) else { continue };
        let before = before.map(|before| &counted.stretches[before]);
        let change = Change { subscription, counted, before, after };
        let in_currency = |stretch: &&Stretch| stretch.currency == Some(reading.currency);
        let was = sights(counted, before.filter(in_currency));
        let is = sights(counted, Some(after).filter(in_currency));
        let mut order: Vec<u32> = was.keys().chain(is.keys()).copied().collect();
        order.sort_unstable();
        order.dedup();
        for lineage in order {
            let (was, is) = (was.get(&lineage).copied(), is.get(&lineage).copied());
            let mut item = Item { change, was, is, kind: reading.kind, named: reading.named, place: ItemRole::Own };
            let mut seen = vec![(subscription, lineage)];
            match reading.goes_on(around, subscription, lineage) {
                None => {}
                Some(GoesOn::LeftOver) => item.place = ItemRole::LeftOver,
                Some(GoesOn::Elsewhere) => continue,
                Some(GoesOn::InOtherCurrency) => item.place = ItemRole::OtherCurrency,
                Some(GoesOn::Here(replaced, lineage, sight)) => {
                    (item.was, item.place) = (Some(sight), ItemRole::Replaces);
                    seen.insert(0, (replaced, lineage));
                }
            }
            if item.amount() == Mrr::ZERO {
                continue;
            }
            let (at, events) = witnessed(evidence, &seen).unwrap_or_else(|| (after.from, after.events.clone()));
            for (cause, end_reason, step) in item.explained(around) {
                let ends = end_reason.is_some() || reading.kind == Kind::Churn;
                parts.push(Part {
                    subscription: counted.state(after).id.clone(),
                    item: step.item,
                    cause,
                    amount: step.amount,
                    effective_at: at,
                    before: step.before,
                    after: step.after,
                    events: events.clone(),
                    feedback: if ends && !after.count_status.counts() {
                        counted.state(after).cancel_feedback.clone()
                    } else {
                        None
                    },
                    end_reason,
                });
            }
        }
    }
    parts
}

fn sights<'c>(counted: &'c Counted<'_>, stretch: Option<&'c Stretch>) -> BTreeMap<u32, Sight<'c>> {
    let of = |stretch: &'c Stretch| {
        stretch.lines.iter().map(move |line| (line.lineage, Sight { line, item: counted.item(stretch, line) }))
    };
    stretch.into_iter().flat_map(of).collect()
}

/// When the last of these items changed, and by which events.
fn witnessed(evidence: &Evidence, items: &[(usize, u32)]) -> Option<(UnixTime, Vec<EventId>)> {
    let mut all = items.iter().filter_map(|item| evidence.get(item));
    let (at, events) = all.next()?;
    let (mut at, mut events) = (*at, events.clone());
    for (later, more) in all {
        at = at.max(*later);
        events.extend(more.iter().filter(|event| !events.contains(event)).cloned().collect::<Vec<_>>());
    }
    Some((at, events))
}

/// Where an item of a replaced subscription, or of the one in its place, is told.
enum GoesOn<'c> {
    /// By itself: the other subscription had nothing that it is in place of.
    LeftOver,
    /// With the item it has become.
    Elsewhere,
    /// In both currencies, each by itself.
    InOtherCurrency,
    /// Here: it is what that item of that subscription has become.
    Here(usize, u32, Sight<'c>),
}

impl Reading<'_> {
    fn goes_on<'c>(&self, around: &Around<'c, '_>, subscription: usize, lineage: u32) -> Option<GoesOn<'c>> {
        let replacement = self.replacement.filter(|_| matches!(self.kind, Kind::Expansion | Kind::Contraction))?;
        let ((ended, before), (began, after)) = (replacement.ended, replacement.began);
        let (old, new) = (&around.subscriptions[ended], &around.subscriptions[began]);
        let same_currency = old.stretches[before].currency == new.stretches[after].currency;
        if subscription == began {
            let Some(replaced) = replacement.replaced_by(lineage) else { return Some(GoesOn::LeftOver) };
            if !same_currency {
                return Some(GoesOn::InOtherCurrency);
            }
            let sight = sights(old, Some(&old.stretches[before])).remove(&replaced)?;
            return Some(GoesOn::Here(ended, replaced, sight));
        }
        let replaced = subscription == ended && replacement.replaces(lineage);
        replaced.then_some(if same_currency { GoesOn::Elsewhere } else { GoesOn::InOtherCurrency })
    }
}

/// What an item is to others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ItemRole {
    /// The same, or one that replaced it in its subscription.
    Own,
    /// In place of an item of another subscription.
    Replaces,
    /// Beside such items.
    LeftOver,
    /// Half of such a change, the other half of which is in another currency.
    OtherCurrency,
}

/// One item over a window.
struct Item<'c, 'a> {
    change: Change<'c, 'a>,
    was: Option<Sight<'c>>,
    is: Option<Sight<'c>>,
    kind: Kind,
    named: Kind,
    place: ItemRole,
}

/// One step of an item's change.
struct Step {
    item: super::ids::ItemId,
    amount: Mrr,
    before: Option<Side>,
    after: Option<Side>,
}

impl Item<'_, '_> {
    fn amount(&self) -> Mrr {
        let of = |sight: Option<Sight<'_>>| sight.map_or(0, |sight| sight.line.mrr.0);
        Mrr(of(self.is) - of(self.was))
    }

    /// The item's change as steps, each with its cause; an end of a subscription also with its reason.
    fn explained(&self, around: &Around<'_, '_>) -> Vec<(Cause, Option<Cause>, Step)> {
        let change = self.change;
        let Some(item) = self.is.or(self.was).map(|sight| sight.item) else { return Vec::new() };
        let whole = |cause| vec![(cause, None, self.whole())];
        match self.kind {
            Kind::OpeningBalance => return whole(Cause::OpeningBalance),
            Kind::New => return whole(around.of_new(change, item)),
            Kind::Reactivation => return whole(around.of_reactivation(change, item, self.named)),
            Kind::Churn => return whole(around.of_churn(change, item)),
            Kind::Expansion | Kind::Contraction | Kind::Fx | Kind::Transient => {}
        }
        let counted = change.before.filter(|before| before.count_status.counts());
        // A subscription that goes on in another currency; Stripe has none.
        let switches = counted.is_some_and(|before| before.currency != change.after.currency);
        match (self.place, self.was, self.is) {
            (ItemRole::OtherCurrency, ..) => whole(Cause::CurrencySwitch),
            (ItemRole::LeftOver, ..) => whole(around.of_left_over(item)),
            (ItemRole::Replaces, Some(was), Some(is)) => self.steps(was, is, around),
            _ if counted.is_none() || !change.after.count_status.counts() => {
                let (cause, end_reason) = around.of_subscription(change, item);
                vec![(cause, end_reason, self.whole())]
            }
            _ if switches => whole(Cause::CurrencySwitch),
            (_, None, _) => whole(Cause::AddOn),
            (_, _, None) => whole(Cause::AddOnRemoved),
            (_, Some(was), Some(is)) => self.steps(was, is, around),
        }
    }

    /// The change in one piece.
    fn whole(&self) -> Step {
        let ended = self.change.after.count_status == CountStatus::Ended;
        let side = |Sight { line, item }: Sight<'_>| side(item, item.quantity, line.mrr);
        let item = self.is.or(self.was).map(|sight| sight.item.item.clone());
        Step {
            // There is an item on one side at least, or there is no change.
            item: item.unwrap_or_else(|| "".into()),
            amount: self.amount(),
            before: self.was.map(side),
            after: self.is.filter(|_| !ended).map(side),
        }
    }

    /// Price at the old quantity, then quantity at the new price, then discount as the rest.
    fn steps(&self, was: Sight<'_>, is: Sight<'_>, around: &Around<'_, '_>) -> Vec<(Cause, Option<Cause>, Step)> {
        let whole = |cause| vec![(cause, None, self.whole())];
        let (before, after) = (was.item, is.item);
        if before.unpriced || after.unpriced {
            return whole(Cause::Other);
        }
        // On a trial that goes on counting (by knob) nothing changes by it.
        let on_trial = |sight: Sight<'_>| sight.item.in_trial && sight.line.list == Mrr::ZERO;
        match (on_trial(was), on_trial(is)) {
            // What had come to nothing before its trial lost nothing by it.
            (false, true) if is.line.granted => return whole(Cause::TrialGranted),
            (true, false) => return whole(Cause::TrialEnded),
            _ => {}
        }
        if before.metered || after.metered {
            return whole(Cause::Usage);
        }
        // A missing quantity on a licensed item is 1 (rule `monthly-amount`).
        let units = |quantity: Option<Decimal>| quantity.map_or(Decimal::ONE_UNITS, Decimal::units);
        let (old, new) = (units(before.quantity), units(after.quantity));
        let at_old = || self.list_at_old_quantity(before.quantity, was.line, is, around);
        let new_price_old_quantity = if old == new { is.line.list } else { at_old() };
        let price = Mrr(new_price_old_quantity.0 - was.line.list.0);
        let quantity = Mrr(is.line.list.0 - new_price_old_quantity.0);
        let discount = Mrr(self.amount().0 - price.0 - quantity.0);
        let taken = |line: &CountedItem| Mrr(line.list.0 - line.mrr.0);
        let quantity_cause = if new > old { Cause::QuantityIncrease } else { Cause::QuantityDecrease };
        let steps = [
            (of_price(before, after, around.plans, price), price, before.quantity),
            (quantity_cause, quantity, after.quantity),
            (of_discount(taken(was.line), taken(is.line)), discount, after.quantity),
        ];
        let mut held = side(before, before.quantity, was.line.mrr);
        let mut explained: Vec<(Cause, Option<Cause>, Step)> = Vec::with_capacity(steps.len());
        for (cause, amount, units) in steps {
            if amount == Mrr::ZERO {
                continue;
            }
            let reached = side(after, units, Mrr(held.amount.0 + amount.0));
            let step = Step { item: after.item.clone(), amount, before: Some(held), after: Some(reached.clone()) };
            held = reached;
            explained.push((cause, None, step));
        }
        if let Some((_, _, last)) = explained.last_mut() {
            last.after = Some(side(after, after.quantity, is.line.mrr));
        }
        explained
    }

    fn list_at_old_quantity(
        &self,
        quantity: Option<Decimal>,
        was: &CountedItem,
        is: Sight<'_>,
        around: &Around<'_, '_>,
    ) -> Mrr {
        let (snapshots, index) = (&self.change.counted.snapshots, self.change.after.snapshot);
        let place = is.line.item;
        let of_snapshot = snapshots[index].state.items.get(place).is_some_and(|item| is.item.item == item.id);
        let known = of_snapshot.then(|| pricing::list_at(snapshots, index, place, quantity, around.terms));
        // Where the log can't tell, the price of both sides is taken to be the same one.
        known.flatten().unwrap_or(was.list)
    }
}

fn side(item: &ItemAmount, quantity: Option<Decimal>, amount: Mrr) -> Side {
    Side { product: item.product.clone(), price: item.price.clone(), interval: item.interval, quantity, amount }
}
