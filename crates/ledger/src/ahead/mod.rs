//! What the log already knows will happen to a customer's MRR (rule `committed-mrr`): as if every scheduled thing happened,
//! and nothing else.
//!
//! Each subscription's line of snapshots is carried on by the states that are planned for it (`planned.rs`), and priced and
//! counted as it would be if they had come. What time alone changes before the first of them is the ledger's own row, dated ahead.

mod convert;
mod planned;
mod prospects;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use convert::convert;
pub(super) use prospects::prospects;
pub use prospects::told;

pub use super::prospect::{Due, Prospect, ProspectKind};
use super::{
    CustomerFacts,
    counting::{CountStatus, Counted, CountedItem, Stretch},
    deltas,
    derivation::{Derivation, count},
    fact::{Interval, IntervalUnit},
    ids::*,
    money::{Currency, Mrr},
    outcome::{Delta, QualityEntry, QualityKind},
    pricing::{Terms, Trigger},
    profile::Profile,
    sorted_facts::SortedFacts,
    time::{UnixTime, Zone},
    timeline::Snapshot,
};
use planned::{Plan, What, set_to_end};

/// One item's amount changes, in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When; what is overdue is due at once.
    pub at: UnixTime,
    /// Which line it is in.
    pub due: Due,
    /// The currency it is in.
    pub currency: Currency,
    /// Whose item; a schedule that hasn't begun has only an id of its own.
    pub subscription: SubscriptionId,
    /// Which item; one that is yet to come is named after its schedule.
    pub item: ItemId,
    /// The product it is of; `None` where the price has none.
    pub product: Option<ProductId>,
    /// At which price, afterwards or, where the item goes, before.
    pub price: PriceId,
    /// By how much MRR changes; below 0 where it falls.
    pub amount: Mrr,
    /// Something of it rests on an estimate.
    pub estimated: bool,
    /// The event that says so.
    pub event: EventId,
    pieces: Vec<Piece>,
}

/// An item under one price: revaluation values it by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    item: ItemId,
    product: Option<ProductId>,
    price: PriceId,
    interval: Option<Interval>,
    amount: Mrr,
}

/// A trial that ends within the horizon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialDue {
    /// The instant at which the trial ends.
    pub at: UnixTime,
    /// The id of the subscription on trial.
    pub subscription: SubscriptionId,
    /// What it brings if it converts; `None` where the log can't tell.
    pub mrr: Option<(Currency, Mrr)>,
    /// The event that says so.
    pub event: EventId,
}

/// What is billed by the year and renews within the horizon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// When the first of its items does.
    pub at: UnixTime,
    /// The id of the subscription that renews.
    pub subscription: SubscriptionId,
    /// What of its MRR renews.
    pub mrr: (Currency, Mrr),
    /// The event that says so.
    pub event: EventId,
}

/// Something planned whose amount the log can't tell: it is in no line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// When it is planned for.
    pub at: UnixTime,
    /// Of which subscription, or of which schedule that hasn't begun.
    pub subscription: SubscriptionId,
    /// The event that says so.
    pub event: EventId,
    /// What isn't known, in words.
    pub detail: String,
}

/// A customer's MRR now, and what is known of it up to a horizon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Simulated time: a ledger of its own.
    pub test_clock: Option<TestClockId>,
    /// MRR as it counts now, in each currency.
    pub mrr: BTreeMap<Currency, Mrr>,
    /// Of it what is past due.
    pub at_risk: BTreeMap<Currency, Mrr>,
    /// MRR at the horizon, read off what counts then: `mrr` and the changes come to it.
    pub committed: BTreeMap<Currency, Mrr>,
    /// Every change between the two, in time order.
    pub changes: Vec<Change>,
    /// Running trials that end within the horizon.
    pub trials: Vec<TrialDue>,
    /// Yearly items that renew within it.
    pub renewals: Vec<Renewal>,
    /// What is planned and can't be told.
    pub untold: Vec<Untold>,
    deltas: Vec<Delta>,
}

impl Ahead {
    /// Whether every amount of it is in one currency, in which converting leaves it as it is (rule `revaluation`).
    pub fn is_in(&self, currency: Currency) -> bool {
        let sums = [&self.mrr, &self.at_risk, &self.committed];
        let mut all = sums.into_iter().flat_map(BTreeMap::keys).copied();
        let mut due = self.changes.iter().map(|change| change.currency);
        let mut trials = self.trials.iter().filter_map(|trial| trial.mrr).map(|(of, _)| of);
        let mut renewals = self.renewals.iter().map(|renewal| renewal.mrr.0);
        let same = |of: Currency| of == currency;
        all.all(same) && due.all(same) && trials.all(same) && renewals.all(same)
    }
}

/// What is known of a customer's MRR from `now` up to `until`.
pub fn ahead(input: CustomerFacts<'_>, profile: &Profile, zone: &Zone, now: UnixTime, until: UnixTime) -> Ahead {
    let Derivation { known, subscriptions, terms, .. } = Derivation::new(input, profile, zone, &[]);
    let mut rows = Vec::new();
    subscriptions.iter().for_each(|counted| deltas::deltas(counted, zone, &mut rows));
    rows.retain(|row| row.at <= now);
    rows.sort_unstable();
    let mut ahead = Ahead { test_clock: known.test_clock(), deltas: rows, ..Ahead::default() };
    let schedules = planned::schedules(input.facts);
    let of = Outlook { known: &known, terms: &terms, profile, now, until };
    for base in &subscriptions {
        let Some(last) = base.snapshots.last() else { continue };
        let schedule = schedules.iter().find(|one| one.state.subscription.as_ref() == Some(&last.state.id));
        let plans = planned::of_subscription(&base.snapshots, schedule, now, until);
        of.take(Some(base), last.state.id.clone(), plans, &mut ahead);
        of.trial(base, &mut ahead);
        ahead.renewals.extend(of.renewal(base));
        if let Some((currency, at_risk)) = base.stands_at(now).and_then(at_risk) {
            ahead.at_risk.entry(currency).or_default().0 += at_risk.0;
        }
    }
    for schedule in schedules.iter().filter(|one| one.begins()) {
        let plans = planned::of_schedule(schedule, now, until);
        of.take(None, SubscriptionId::from(&*schedule.state.id), plans, &mut ahead);
    }
    ahead.changes.sort_by(|a, b| (a.at, a.due, &a.subscription, &a.item).cmp(&(b.at, b.due, &b.subscription, &b.item)));
    ahead.mrr.retain(|_, mrr| *mrr != Mrr::ZERO);
    ahead.at_risk.retain(|_, mrr| *mrr != Mrr::ZERO);
    ahead.committed.retain(|_, mrr| *mrr != Mrr::ZERO);
    ahead
}

/// What one customer's subscriptions are looked at with.
struct Outlook<'o, 'a> {
    known: &'o SortedFacts<'a>,
    terms: &'o Terms<'a>,
    profile: &'o Profile,
    now: UnixTime,
    until: UnixTime,
}

/// What a line counts: by currency, item and all that revaluation tells apart.
type Level = BTreeMap<(Currency, ItemId, Option<ProductId>, PriceId, Option<Interval>), Mrr>;

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
    fn take(&self, base: Option<&Counted<'a>>, id: SubscriptionId, mut plans: Vec<Plan>, ahead: &mut Ahead) {
        let (carried, untold) = if plans.is_empty() { (None, Vec::new()) } else { self.counted(base, &mut plans) };
        ahead.untold.extend(untold);
        let first = plans.first().map_or(UnixTime(i64::MAX), |plan| plan.at);
        let stands = base.and_then(|base| base.stands_at(self.now));
        let mut level = base.zip(stands).map(|(base, one)| level(base, one)).unwrap_or_default();
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
            let next = self::level(counted, stretch);
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
    fn trial(&self, base: &Counted<'a>, ahead: &mut Ahead) {
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
    fn comes_due(&self, base: Option<&Counted<'a>>, plans: &[Plan]) -> Vec<UnixTime> {
        let converts: Vec<Plan> =
            base.and_then(|base| self.converts(base)).map(|(.., plan)| plan).into_iter().collect();
        let carried = [plans.to_vec(), converts].into_iter().filter(|plans| !plans.is_empty());
        let stretches = carried.filter_map(|mut plans| self.counted(base, &mut plans).0);
        let set_to_end = base.and_then(|base| set_to_end(base.state(base.stands_at(self.now)?)));
        stretches.flat_map(|counted| counted.stretches).map(|one| one.from).chain(set_to_end).collect()
    }

    /// What of it is billed by the year and renews.
    fn renewal(&self, base: &Counted<'a>) -> Option<Renewal> {
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
    fn renewing(&self, base: &Counted<'a>) -> Option<Renewing> {
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
struct Renewing {
    /// Each item, when it renews, and with how much.
    items: Vec<(ItemId, UnixTime, Mrr)>,
    currency: Currency,
    event: EventId,
}

impl Counted<'_> {
    /// What stands of it at an instant; `None` before it began.
    fn stands_at(&self, now: UnixTime) -> Option<&Stretch> {
        self.stretches.iter().rev().find(|one| one.from <= now)
    }
}

/// What counts of a stretch while its payment is outstanding.
fn at_risk(stretch: &Stretch) -> Option<(Currency, Mrr)> {
    let at_risk = stretch.count_status == CountStatus::AtRisk && stretch.mrr != Mrr::ZERO;
    stretch.currency.filter(|_| at_risk).map(|currency| (currency, stretch.mrr))
}

/// Billed by one year or several, whichever unit says so.
fn yearly(interval: Interval) -> bool {
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

fn level(counted: &Counted<'_>, stretch: &Stretch) -> Level {
    let mut level = Level::new();
    let Some(currency) = stretch.currency else { return level };
    for line in stretch.lines.iter().filter(|line| line.mrr != Mrr::ZERO) {
        let item = counted.item(stretch, line);
        let key = (currency, item.item.clone(), item.product.clone(), item.price.clone(), item.interval);
        level.entry(key).or_default().0 += line.mrr.0;
    }
    level
}

/// By its id, what an item goes on as: the item of the same place before it is another price's.
fn slots_of(counted: &Counted<'_>, stretch: &Stretch) -> BTreeMap<ItemId, u32> {
    stretch.lines.iter().map(|line| (counted.item(stretch, line).item.clone(), line.lineage)).collect()
}

fn add(level: &Level, sums: &mut BTreeMap<Currency, Mrr>) {
    for ((currency, ..), mrr) in level {
        sums.entry(*currency).or_default().0 += mrr.0;
    }
}

fn difference(before: &Level, after: &Level) -> Level {
    let mut moved = after.clone();
    for (key, mrr) in before {
        moved.entry(key.clone()).or_default().0 -= mrr.0;
    }
    moved.retain(|_, mrr| *mrr != Mrr::ZERO);
    moved
}

/// Pieces of one item, before and after it changes its price or its name, are one change, called after what follows.
fn by_slot(
    moved: Level,
    before: &BTreeMap<ItemId, u32>,
    after: &BTreeMap<ItemId, u32>,
) -> BTreeMap<(Currency, ItemId), Vec<Piece>> {
    let mut changes: BTreeMap<(Currency, ItemId), Vec<Piece>> = BTreeMap::new();
    for ((currency, item, product, price, interval), amount) in moved {
        let follower = || {
            let lineage = before.get(&item)?;
            after.iter().find(|(_, one)| *one == lineage).map(|(item, _)| item.clone())
        };
        let slot = if after.contains_key(&item) { item.clone() } else { follower().unwrap_or_else(|| item.clone()) };
        changes.entry((currency, slot)).or_default().push(Piece { item, product, price, interval, amount });
    }
    changes
}
