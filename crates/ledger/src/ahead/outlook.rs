//! One subscription looked at from an instant on: what counts then, what its plans change, what of it is on trial or renews.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    known::{Ahead, Change, Renewal, TrialDue, Untold},
    level::{self, add, by_slot, difference, slots_of},
    planned::{self, Plan, What, set_to_end},
};
use crate::{
    counting::{CountStatus, Counted, CountedItem, Stretch},
    derivation::count,
    fact::{Interval, IntervalUnit},
    ids::*,
    money::{Currency, Mrr},
    outcome::{QualityEntry, QualityKind},
    pricing::{Terms, Trigger},
    profile::Profile,
    prospect::Due,
    sorted_facts::SortedFacts,
    time::UnixTime,
    timeline::Snapshot,
};

/// What one customer's subscriptions are looked at with.
pub(super) struct Outlook<'o, 'a> {
    pub known: &'o SortedFacts<'a>,
    pub terms: &'o Terms<'a>,
    pub profile: &'o Profile,
    pub now: UnixTime,
    pub until: UnixTime,
}

impl<'a> Outlook<'_, 'a> {
    /// The subscription as it would count with `plans`, and what of them can't be told.
    fn counted(&self, base: Option<&Counted<'a>>, plans: &mut Vec<Plan>) -> (Option<Counted<'a>>, Vec<Untold>) {
        let mut untold = Vec::new();
        for plan in planned::take_unknowable(base.map_or(&[], |base| &base.snapshots), plans) {
            let detail = "a discount for one invoice is on it, and which period it is billed with isn't known".into();
            let subscription = plan.subscription(base.map(|base| &base.snapshots[0].state.id));
            untold.push(Untold { at: plan.at, subscription, event: plan.event, detail });
        }
        let first_payment = |snapshots: &[Snapshot<'a>]| self.known.first_payment(&snapshots[0].state.id);
        let listed: BTreeSet<(QualityKind, std::sync::Arc<str>)> = match base {
            Some(base) => {
                let paid = first_payment(&base.snapshots);
                let (_, quality) = count(base.snapshots.clone(), self.terms, paid, self.profile);
                quality.into_iter().map(|entry| (entry.kind, entry.object)).collect()
            }
            None => BTreeSet::new(),
        };
        loop {
            let mut snapshots: Vec<Snapshot<'a>> = base.map(|base| base.snapshots.clone()).unwrap_or_default();
            planned::carry_on(&mut snapshots, plans, self.terms);
            if snapshots.is_empty() {
                return (None, untold);
            }
            self.terms.complete(&mut snapshots);
            let paid = match base {
                Some(_) => first_payment(&snapshots),
                // Begun as planned means billed and paid on its first day.
                None => Some((snapshots[0].at, snapshots[0].events[0].clone())),
            };
            let id = snapshots[0].state.id.clone();
            let (counted, quality) = count(snapshots, self.terms, paid, self.profile);
            // A plan whose amounts can't be told is left out: never a fall to 0 that nobody planned.
            let hides = |entry: &QualityEntry| {
                matches!(
                    entry.kind,
                    QualityKind::UnpricedItem | QualityKind::UnresolvedDiscount | QualityKind::TaxUnknown
                ) && !listed.contains(&(entry.kind, entry.object.clone()))
            };
            let unknown = quality.into_iter().find_map(|entry| {
                let place = plans.iter().position(|plan| plan.at == entry.at).filter(|_| hides(&entry))?;
                Some((place, entry.detail))
            });
            if let Some((place, detail)) = unknown {
                let Plan { at, event, .. } = plans.remove(place);
                untold.push(Untold { at, subscription: id, event, detail });
                continue;
            }
            return (Some(counted), untold);
        }
    }

    /// Takes in what a subscription counts now, and every change of it up to the horizon.
    pub(super) fn take(&self, base: Option<&Counted<'a>>, id: SubscriptionId, mut plans: Vec<Plan>, ahead: &mut Ahead) {
        let (carried, untold) = if plans.is_empty() { (None, Vec::new()) } else { self.counted(base, &mut plans) };
        ahead.untold.extend(untold);
        let first = plans.first().map_or(UnixTime(i64::MAX), |plan| plan.at);
        let stands = base.and_then(|base| base.stands_at(self.now));
        let mut level = base.zip(stands).map(|(base, one)| level::level(base, one)).unwrap_or_default();
        add(&level, &mut ahead.mrr);
        let mut slots = BTreeMap::new();
        if let Some((base, one)) = base.zip(stands) {
            slots = slots_of(base, one);
        }
        // Up to the first plan it is the ledger's own line, from there on the one carried on.
        let own = base.into_iter().flat_map(|base| base.stretches.iter().map(move |one| (base, one)));
        let own = own.filter(|(_, one)| one.from < first);
        let carried_on = carried.iter().flat_map(|counted| counted.stretches.iter().map(move |one| (counted, one)));
        let carried_on = carried_on.filter(|(_, one)| one.from >= first);
        for (counted, stretch) in own.chain(carried_on) {
            if stretch.from <= self.now || stretch.from > self.until {
                continue;
            }
            let plan = plans.iter().rev().find(|plan| plan.at == stretch.from);
            let next = level::level(counted, stretch);
            let next_slots = slots_of(counted, stretch);
            let moved = difference(&level, &next);
            let event = plan.map(|plan| &plan.event).or(stretch.events.first());
            let event = event.or(counted.snapshots[stretch.snapshot].events.first());
            if let Some(event) = event {
                let estimated = |item: &ItemId| {
                    stretch
                        .lines
                        .iter()
                        .map(|line| counted.item(stretch, line))
                        .any(|one| one.item == *item && one.estimated)
                };
                for ((currency, slot), pieces) in by_slot(moved, &slots, &next_slots) {
                    let amount = Mrr(pieces.iter().map(|piece| piece.amount.0).sum());
                    let shown = pieces.iter().find(|piece| piece.amount > Mrr::ZERO).or(pieces.first());
                    let Some(shown) = shown.filter(|_| amount != Mrr::ZERO) else { continue };
                    ahead.changes.push(Change {
                        at: stretch.from,
                        due: due(plan, counted, stretch, amount),
                        currency,
                        subscription: id.clone(),
                        item: slot,
                        product: shown.product.clone(),
                        price: shown.price.clone(),
                        amount,
                        estimated: estimated(&shown.item),
                        event: event.clone(),
                        pieces,
                    });
                }
            }
            (level, slots) = (next, next_slots);
        }
        add(&level, &mut ahead.committed);
    }

    /// What a running trial brings if it converts.
    pub(super) fn trial(&self, base: &Counted<'a>, ahead: &mut Ahead) {
        let Some((stands, end, plan)) = self.converts(base) else { return };
        let (state, at, event) = (base.state(stands), plan.at, plan.event.clone());
        if at > self.until || set_to_end(state).is_some_and(|end| end <= at) {
            return;
        }
        let mut plans = vec![plan];
        let (counted, untold) = self.counted(Some(base), &mut plans);
        let converted = counted.filter(|_| untold.is_empty() && !plans.is_empty()).and_then(|counted| {
            let stretch = counted.stretches.iter().rev().find(|one| one.from <= at)?;
            Some((stretch.currency?, stretch.mrr))
        });
        // Nothing is known of a trial of what can't be priced.
        let priced = base.spans[stands.span].items.iter().all(|item| !item.unpriced);
        let mrr = converted.filter(|_| priced);
        ahead.trials.push(TrialDue { at: end, subscription: state.id.clone(), mrr, event });
    }

    /// What is on trial, when the trial ends, and that it converts then, or at once where it is over.
    fn converts<'b>(&self, base: &'b Counted<'a>) -> Option<(&'b Stretch, UnixTime, Plan)> {
        let stands = base.stands_at(self.now)?;
        let on_trial = stands.count_status == CountStatus::Trial && !stands.granted;
        let end = base.state(stands).trial_end.filter(|_| on_trial)?;
        let event = base.snapshots[stands.snapshot].events.first()?.clone();
        Some((stands, end, Plan { at: end.max(self.now.plus(1)), what: What::Convert, event }))
    }

    /// The instants at which anything changes of what `plans` bring, and of what a running trial does if it converts.
    pub(super) fn comes_due(&self, base: Option<&Counted<'a>>, plans: &[Plan]) -> Vec<UnixTime> {
        let converts: Vec<Plan> =
            base.and_then(|base| self.converts(base)).map(|(.., plan)| plan).into_iter().collect();
        let carried = [plans.to_vec(), converts].into_iter().filter(|plans| !plans.is_empty());
        let stretches = carried.filter_map(|mut plans| self.counted(base, &mut plans).0);
        let set_to_end = base.and_then(|base| set_to_end(base.state(base.stands_at(self.now)?)));
        stretches.flat_map(|counted| counted.stretches).map(|one| one.from).chain(set_to_end).collect()
    }

    /// What of it is billed by the year and renews.
    pub(super) fn renewal(&self, base: &Counted<'a>) -> Option<Renewal> {
        let Renewing { items, currency, event } = self.renewing(base)?;
        let at = items.iter().map(|(_, at, _)| *at).min()?;
        let mrr = Mrr(items.iter().map(|(.., mrr)| mrr.0).sum());
        Some(Renewal {
            at,
            subscription: base.state(base.stands_at(self.now)?).id.clone(),
            mrr: (currency, mrr),
            event,
        })
    }

    /// The same item by item.
    pub(super) fn renewing(&self, base: &Counted<'a>) -> Option<Renewing> {
        let stands = base.stands_at(self.now)?;
        let state = base.state(stands);
        let (Some(currency), true) = (stands.currency, stands.count_status.counts()) else { return None };
        let set_to_end = set_to_end(state);
        let renews = |line: &CountedItem| {
            let item = base.item(stands, line);
            let of_item = state.items.iter().find(|one| one.id == item.item).and_then(|one| one.period);
            let end = of_item.or(state.period).map(|period| period.end)?;
            let within = end > self.now && end <= self.until && set_to_end.is_none_or(|set| set > end);
            let renews = line.mrr > Mrr::ZERO && within && item.interval.is_some_and(yearly);
            renews.then(|| (item.item.clone(), end, line.mrr))
        };
        let items: Vec<(ItemId, UnixTime, Mrr)> = stands.lines.iter().filter_map(renews).collect();
        let event = base.snapshots[stands.snapshot].events.first()?.clone();
        (!items.is_empty()).then_some(Renewing { items, currency, event })
    }
}

/// What of a subscription is billed by the year and renews.
pub(super) struct Renewing {
    /// Each item, when it renews, and with how much.
    pub items: Vec<(ItemId, UnixTime, Mrr)>,
    pub currency: Currency,
    pub event: EventId,
}

impl Counted<'_> {
    /// What stands of it at an instant; `None` before it began.
    pub(super) fn stands_at(&self, now: UnixTime) -> Option<&Stretch> {
        self.stretches.iter().rev().find(|one| one.from <= now)
    }
}

/// What counts of a stretch while its payment is outstanding.
pub(super) fn at_risk(stretch: &Stretch) -> Option<(Currency, Mrr)> {
    let at_risk = stretch.count_status == CountStatus::AtRisk && stretch.mrr != Mrr::ZERO;
    stretch.currency.filter(|_| at_risk).map(|currency| (currency, stretch.mrr))
}

/// Billed by one year or several, whichever unit says so.
pub(super) fn yearly(interval: Interval) -> bool {
    match interval.unit {
        IntervalUnit::Year => true,
        IntervalUnit::Month => interval.count >= 12,
        IntervalUnit::Week | IntervalUnit::Day => false,
    }
}

/// Which line a change is in.
fn due(plan: Option<&Plan>, counted: &Counted<'_>, stretch: &Stretch, amount: Mrr) -> Due {
    let by_sign = if amount < Mrr::ZERO { Due::ScheduledContraction } else { Due::ScheduledExpansion };
    match plan.map(|plan| &plan.what) {
        Some(What::End) => return Due::ScheduledChurn,
        Some(What::Resume) => return Due::Resume,
        Some(What::Phase(_) | What::Convert) => return by_sign,
        None => {}
    }
    let span = &counted.spans[stretch.span];
    // Within a span only what stays past due changes with time.
    if span.from != stretch.from && stretch.alone {
        return Due::ScheduledChurn;
    }
    match span.trigger {
        Trigger::DiscountStart => Due::DiscountStart,
        Trigger::DiscountEnd => Due::DiscountEnd,
        Trigger::Snapshot | Trigger::ItemTrialStart | Trigger::ItemTrialEnd | Trigger::Usage => by_sign,
    }
}
