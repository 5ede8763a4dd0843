//! The parts of a movement: one per item and cause, summing to it exactly (mrr.md 5).

use std::collections::BTreeMap;

use super::{
    causes::{Around, Change, of_discount, of_price},
    counting::{Line, Stretch},
    ids::EventId,
    money::{Currency, Decimal, Mrr},
    outcome::{Cause, Kind, Part, Side},
    pricing::{self, ItemAmount},
    time::UnixTime,
};

/// When, and by which events, an item's amounts changed within a window.
pub(super) type Evidence = BTreeMap<(usize, u32), (UnixTime, Vec<EventId>)>;

/// How the parts of one movement find their causes.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub currency: Currency,
    /// Decides the list of causes; a return that a profile calls new or expansion keeps a return's causes.
    pub kind: Kind,
    /// Money moves between currencies: nothing else explains it.
    pub switches: bool,
}

/// The parts of one currency over one window.
pub(super) fn parts(around: &Around<'_, '_>, evidence: &Evidence, reading: Reading) -> Vec<Part> {
    let mut parts = Vec::new();
    for (&subscription, &before) in around.before {
        let counted = &around.subscriptions[subscription];
        let Some(after) = around.after[subscription].map(|after| &counted.stretches[after]) else { continue };
        let before = before.map(|before| &counted.stretches[before]);
        let change = Change { subscription, counted, before, after };
        let in_currency = |stretch: &&Stretch| stretch.currency == Some(reading.currency);
        let was: BTreeMap<u32, &Line> = lines(before.filter(in_currency));
        let is: BTreeMap<u32, &Line> = lines(Some(after).filter(in_currency));
        let mut order: Vec<u32> = was.keys().chain(is.keys()).copied().collect();
        order.sort_unstable();
        order.dedup();
        for lineage in order {
            let item = Item { change, was: was.get(&lineage).copied(), is: is.get(&lineage).copied(), reading };
            if item.amount() == Mrr::ZERO {
                continue;
            }
            let (at, events) = match evidence.get(&(subscription, lineage)) {
                Some((at, events)) => (*at, events.clone()),
                None => (after.from, after.events.clone()),
            };
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
                    feedback: if ends && !after.standing.counts() {
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

fn lines(stretch: Option<&Stretch>) -> BTreeMap<u32, &Line> {
    stretch.into_iter().flat_map(|stretch| stretch.lines.iter().map(|line| (line.lineage, line))).collect()
}

/// One item over a window.
struct Item<'c, 'a> {
    change: Change<'c, 'a>,
    was: Option<&'c Line>,
    is: Option<&'c Line>,
    reading: Reading,
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
        let of = |line: Option<&Line>| line.map_or(0, |line| line.mrr.0);
        Mrr(of(self.is) - of(self.was))
    }

    fn before(&self) -> Option<(&Line, &ItemAmount)> {
        let (line, stretch) = (self.was?, self.change.before?);
        Some((line, self.change.counted.item(stretch, line)))
    }

    fn after(&self) -> Option<(&Line, &ItemAmount)> {
        let line = self.is?;
        Some((line, self.change.counted.item(self.change.after, line)))
    }

    /// The item's change as steps, each with its cause; an end of a subscription also with its reason.
    fn explained(&self, around: &Around<'_, '_>) -> Vec<(Cause, Option<Cause>, Step)> {
        let change = self.change;
        let Some(item) = self.after().or(self.before()).map(|(_, item)| item) else { return Vec::new() };
        let whole = |cause| vec![(cause, None, self.whole())];
        if self.reading.switches {
            return whole(Cause::CurrencySwitch);
        }
        match self.reading.kind {
            Kind::OpeningBalance => return whole(Cause::OpeningBalance),
            Kind::New => return whole(around.of_new(change, item)),
            Kind::Reactivation => return whole(around.of_reactivation(change)),
            Kind::Churn => return whole(around.of_churn(change)),
            Kind::Expansion | Kind::Contraction | Kind::Fx | Kind::Transient => {}
        }
        let counted = change.before.is_some_and(|before| before.standing.counts());
        if !counted || !change.after.standing.counts() {
            let (cause, end_reason) = around.of_subscription(change, item);
            return vec![(cause, end_reason, self.whole())];
        }
        match (self.before(), self.after()) {
            (None, _) => whole(Cause::AddOn),
            (_, None) => whole(Cause::AddOnRemoved),
            (Some(before), Some(after)) => self.steps(before, after, around),
        }
    }

    /// The change in one piece.
    fn whole(&self) -> Step {
        let ended = self.change.after.standing == super::counting::Standing::Ended;
        let side = |(line, item): (&Line, &ItemAmount)| side(item, item.quantity, line.mrr);
        let item = self.after().or(self.before()).map(|(_, item)| item.item.clone());
        Step {
            // There is an item on one side at least, or there is no change.
            item: item.unwrap_or_else(|| "".into()),
            amount: self.amount(),
            before: self.before().map(side),
            after: self.after().filter(|_| !ended).map(side),
        }
    }

    /// Price at the old quantity, then quantity at the new price, then discount as the rest.
    fn steps(
        &self,
        (was, before): (&Line, &ItemAmount),
        (is, after): (&Line, &ItemAmount),
        around: &Around<'_, '_>,
    ) -> Vec<(Cause, Option<Cause>, Step)> {
        let whole = |cause| vec![(cause, None, self.whole())];
        if before.unpriced || after.unpriced {
            return whole(Cause::Other);
        }
        if before.in_trial != after.in_trial {
            return whole(if after.in_trial { Cause::TrialGranted } else { Cause::TrialEnded });
        }
        if before.metered || after.metered {
            return whole(Cause::Usage);
        }
        // A missing quantity on a licensed item is 1 (mrr.md 1).
        let units = |quantity: Option<Decimal>| quantity.map_or(Decimal::ONE_UNITS, Decimal::units);
        let (old, new) = (units(before.quantity), units(after.quantity));
        let new_price_old_quantity = if old == new { is.list } else { self.list_at_old_quantity(before, was, around) };
        let price = Mrr(new_price_old_quantity.0 - was.list.0);
        let quantity = Mrr(is.list.0 - new_price_old_quantity.0);
        let discount = Mrr(self.amount().0 - price.0 - quantity.0);
        let taken = |line: &Line| Mrr(line.list.0 - line.mrr.0);
        let quantity_cause = if new > old { Cause::QuantityIncrease } else { Cause::QuantityDecrease };
        let steps = [
            (of_price(before, after, price), price, before.quantity),
            (quantity_cause, quantity, after.quantity),
            (of_discount(taken(was), taken(is)), discount, after.quantity),
        ];
        let mut held = side(before, before.quantity, was.mrr);
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
            last.after = Some(side(after, after.quantity, is.mrr));
        }
        explained
    }

    fn list_at_old_quantity(&self, before: &ItemAmount, was: &Line, around: &Around<'_, '_>) -> Mrr {
        let (snapshots, index) = (&self.change.counted.snapshots, self.change.after.snapshot);
        let place = self.is.map_or(usize::MAX, |line| line.item);
        let of_snapshot = snapshots[index]
            .state
            .items
            .get(place)
            .is_some_and(|item| self.after().is_some_and(|(_, after)| after.item == item.id));
        let known = of_snapshot.then(|| pricing::list_at(snapshots, index, place, before.quantity, around.terms));
        // Where the log can't tell, the price of both sides is taken to be the same one.
        known.flatten().unwrap_or(was.list)
    }
}

fn side(item: &ItemAmount, quantity: Option<Decimal>, amount: Mrr) -> Side {
    Side { product: item.product.clone(), price: item.price.clone(), interval: item.interval, quantity, amount }
}
