//! What is planned for a subscription, and the states that it brings.

use std::{borrow::Cow, sync::Arc};

use crate::{
    fact::{
        DiscountState, Duration, Fact, Interval, IntervalUnit, ItemState, Origin, Period, Phase, PhaseItem, Price,
        ScheduleState, State, Status, SubscriptionState,
    },
    ids::{CustomerId, EventId, ItemId, SubscriptionId},
    pricing::Terms,
    time::UnixTime,
    timeline::{Entry, Snapshot},
};

/// Something that is to happen.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// When it is due; what is overdue is due at once.
    pub at: UnixTime,
    pub what: What,
    /// The event that says so.
    pub event: EventId,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// Another phase of its schedule.
    Phase(Planned),
    /// Its end.
    End,
    /// Its collection is resumed.
    Resume,
    /// Its trial becomes paid.
    Convert,
}

/// A phase, with what names its new items.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    schedule: Arc<str>,
    customer: Option<CustomerId>,
    number: usize,
    phase: Phase,
    start: UnixTime,
}

/// A schedule as it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule<'a> {
    pub state: &'a ScheduleState,
    event: &'a EventId,
}

impl Schedule<'_> {
    /// It hasn't begun, and begins a subscription of its own.
    pub(super) fn begins(&self) -> bool {
        &*self.state.status == "not_started" && self.state.subscription.is_none()
    }
}

/// The newest state of each schedule that still has something to bring.
pub(super) fn schedules(facts: &[Fact]) -> Vec<Schedule<'_>> {
    let mut newest: Vec<(&Fact, &ScheduleState)> = Vec::new();
    for fact in facts {
        let State::Schedule(state) = &fact.state else { continue };
        let rank = |fact: &Fact| (fact.at, fact.role, fact.api_version.clone(), fact.event.clone());
        match newest.iter_mut().find(|(_, one)| one.id == state.id) {
            Some(held) if rank(held.0) < rank(fact) => *held = (fact, state),
            Some(_) => {}
            None => newest.push((fact, state)),
        }
    }
    newest.retain(|(_, state)| matches!(&*state.status, "active" | "not_started"));
    newest.sort_by(|(_, a), (_, b)| a.id.cmp(&b.id));
    newest.into_iter().map(|(fact, state)| Schedule { state, event: &fact.event }).collect()
}

/// What is planned for a subscription after `now` and up to `until`, in time order.
pub(super) fn of_subscription(
    snapshots: &[Snapshot<'_>],
    schedule: Option<&Schedule<'_>>,
    now: UnixTime,
    until: UnixTime,
) -> Vec<Plan> {
    let Some(last) = snapshots.last() else { return Vec::new() };
    let state = &*last.state;
    if state.ended_at.is_some() || matches!(state.status, Status::Canceled | Status::IncompleteExpired) {
        return Vec::new();
    }
    // Since when a state has said so.
    let since = |holds: &dyn Fn(&SubscriptionState) -> bool| {
        let said = snapshots.iter().rev().take_while(|one| holds(&one.state)).last();
        said.and_then(|said| said.events.first()).or(last.events.first()).cloned()
    };
    let mut plans = Vec::new();
    if let Some(at) = set_to_end(state)
        && let Some(event) = since(&|before| set_to_end(before) == Some(at))
    {
        plans.push(Plan { at, what: What::End, event });
    }
    let resumes = |state: &SubscriptionState| state.pause_collection.as_ref().and_then(|pause| pause.resumes_at);
    if let Some(at) = resumes(state)
        && let Some(event) = since(&|before| resumes(before) == Some(at))
    {
        plans.push(Plan { at, what: What::Resume, event });
    }
    if let Some(schedule) = schedule {
        // What began before the newest state is in it.
        plans.extend(phases(schedule).filter(|plan| plan.at > last.at));
    }
    within(plans, now, until)
}

/// When a subscription ends as it is set to.
pub(super) fn set_to_end(state: &SubscriptionState) -> Option<UnixTime> {
    state.cancel_at.or(state.period.filter(|_| state.cancel_at_period_end).map(|period| period.end))
}

/// What a schedule that hasn't begun brings after `now` and up to `until`.
pub(super) fn of_schedule(schedule: &Schedule<'_>, now: UnixTime, until: UnixTime) -> Vec<Plan> {
    within(phases(schedule).collect(), now, until)
}

/// Its phases and, where it cancels, its end.
fn phases<'s>(schedule: &'s Schedule<'_>) -> impl Iterator<Item = Plan> + 's {
    let ScheduleState { id, customer, end_behavior, phases, .. } = schedule.state;
    let event = schedule.event;
    let planned = phases.iter().enumerate().filter_map(move |(number, phase)| {
        let start = phase.period?.start;
        let (schedule, customer) = (id.clone(), customer.clone());
        let phase = Planned { schedule, customer, number: number + 1, phase: phase.clone(), start };
        Some(Plan { at: start, what: What::Phase(phase), event: event.clone() })
    });
    let end = phases.last().and_then(|phase| phase.period).filter(|_| end_behavior.as_deref() == Some("cancel"));
    planned.chain(end.map(|period| Plan { at: period.end, what: What::End, event: event.clone() }))
}

/// In time order up to the first end; an end comes last in its second.
fn within(mut plans: Vec<Plan>, now: UnixTime, until: UnixTime) -> Vec<Plan> {
    let rank = |plan: &Plan| match plan.what {
        What::Resume => 0,
        What::Phase(_) | What::Convert => 1,
        What::End => 2,
    };
    plans.sort_by_key(|plan| (plan.at, rank(plan)));
    let ends = plans.iter().position(|plan| matches!(plan.what, What::End));
    plans.truncate(ends.map_or(plans.len(), |end| end + 1));
    plans.iter_mut().for_each(|plan| plan.at = plan.at.max(now.plus(1)));
    plans.retain(|plan| plan.at <= until);
    plans
}

/// Takes out what changes items while a discount for one invoice is on them, and all phases after it: which period that
/// discount is billed with is not known before the invoice, so neither is what the phase comes to.
pub(super) fn take_unknowable(snapshots: &[Snapshot<'_>], plans: &mut Vec<Plan>) -> Vec<Plan> {
    let held = snapshots.last().is_some_and(|last| {
        let of_items = last.state.items.iter().flat_map(|item| &item.discounts);
        last.state.discounts.iter().chain(of_items).any(may_be_once)
    });
    let planned = |plan: &Plan| match &plan.what {
        What::Phase(planned) => {
            let of_items = planned.phase.items.iter().filter_map(|item| item.discounts.as_ref()).flatten();
            planned.phase.discounts.iter().flatten().chain(of_items).any(may_be_once)
        }
        _ => false,
    };
    let first = plans.iter().position(|plan| matches!(plan.what, What::Phase(_)) && (held || planned(plan)));
    let Some(first) = first else { return Vec::new() };
    let (out, kept) =
        plans.drain(..).enumerate().partition(|(place, plan)| *place >= first && matches!(plan.what, What::Phase(_)));
    let plans_of = |of: Vec<(usize, Plan)>| of.into_iter().map(|(_, plan)| plan).collect();
    *plans = plans_of(kept);
    plans_of(out)
}

/// For one invoice, or for a time that isn't told here.
fn may_be_once(discount: &DiscountState) -> bool {
    discount.terms.as_ref().is_none_or(|terms| terms.duration == Duration::Once)
}

/// Carries a line on by what is planned.
pub(super) fn carry_on(snapshots: &mut Vec<Snapshot<'_>>, plans: &[Plan], terms: &Terms<'_>) {
    let mut on_trial = false;
    for plan in plans {
        let before = snapshots.last().map(|last| &*last.state);
        let state = match (&plan.what, before) {
            (What::Phase(planned), before) => {
                let state = planned.state(before, on_trial, terms);
                on_trial = planned.phase.trial_end.is_some_and(|end| end > planned.start);
                state
            }
            (_, None) => continue,
            (What::End, Some(before)) => {
                SubscriptionState { status: Status::Canceled, ended_at: Some(plan.at), ..before.clone() }
            }
            (What::Resume, Some(before)) => SubscriptionState { pause_collection: None, ..before.clone() },
            (What::Convert, Some(before)) => SubscriptionState { status: Status::Active, ..before.clone() },
        };
        let entry = if snapshots.is_empty() { Entry::Created } else { Entry::Change };
        let events = vec![plan.event.clone()];
        snapshots.push(Snapshot { at: plan.at, state: Cow::Owned(state), events, origin: Origin::Event, entry });
    }
}

impl Plan {
    /// The subscription that it is of, or the schedule that begins one.
    pub(super) fn subscription(&self, begun: Option<&SubscriptionId>) -> SubscriptionId {
        match (begun, &self.what) {
            (None, What::Phase(planned)) => SubscriptionId::from(&*planned.schedule),
            (begun, _) => begun.cloned().unwrap_or_else(|| "".into()),
        }
    }
}

impl Planned {
    /// The subscription in this phase; `over`: a trial that a phase before it planned ends with it.
    fn state(&self, before: Option<&SubscriptionState>, over: bool, terms: &Terms<'_>) -> SubscriptionState {
        let start = self.start;
        let mut state = before.cloned().unwrap_or_else(|| self.begun());
        let held = std::mem::take(&mut state.items);
        let mut left: Vec<Option<ItemState>> = held.into_iter().map(Some).collect();
        let items = self.phase.items.iter().enumerate();
        state.items = items
            .map(|(number, item)| {
                let same = left.iter_mut().find(|one| one.as_ref().is_some_and(|one| one.price.id == item.price));
                self.item(item, number, same.and_then(Option::take), terms)
            })
            .collect();
        state.items_complete = true;
        if let Some(discounts) = &self.phase.discounts {
            state.discounts = planned_discounts(discounts, &state.discounts, start);
        }
        if let Some(rates) = &self.phase.tax_rates {
            state.tax_rates.clone_from(rates);
        }
        // Its next period, where it begins with it. Later ones aren't known: the ledger dates nothing by them either.
        if let Some(period) = state
            .period
            .filter(|period| start == period.end)
            .or(before.is_none().then_some(Period { start, end: start }))
        {
            let interval = state.items.iter().find_map(|item| terms.interval(&item.price));
            state.period = interval.map(|interval| Period { start, end: later(start, interval) }).or(Some(period));
        }
        if self.phase.trial_end.is_some_and(|end| end > start) {
            (state.status, state.trial_start, state.trial_end) = (Status::Trialing, Some(start), self.phase.trial_end);
        } else if over {
            state.status = Status::Active;
        }
        state
    }

    fn item(&self, item: &PhaseItem, number: usize, same: Option<ItemState>, terms: &Terms<'_>) -> ItemState {
        let mut state = same.unwrap_or_else(|| ItemState {
            id: ItemId::new(format!("{}:{}:{}", self.schedule, self.number, number + 1)),
            price: Price::by_id(item.price.clone()),
            quantity: None,
            discounts: Vec::new(),
            tax_rates: Vec::new(),
            period: None,
            trial: None,
        });
        state.quantity = item.quantity;
        if let Some(discounts) = &item.discounts {
            state.discounts = planned_discounts(discounts, &state.discounts, self.start);
        }
        if let Some(rates) = &item.tax_rates {
            state.tax_rates.clone_from(rates);
        }
        if let Some(period) = state.period.filter(|period| self.start == period.end) {
            let interval = terms.interval(&state.price);
            let next = interval.map(|interval| Period { start: self.start, end: later(self.start, interval) });
            state.period = next.or(Some(period));
        }
        state
    }

    /// A subscription that its first phase begins.
    fn begun(&self) -> SubscriptionState {
        SubscriptionState {
            id: SubscriptionId::from(&*self.schedule),
            customer: self.customer.clone().unwrap_or_else(|| "".into()),
            status: Status::Active,
            currency: None,
            items: Vec::new(),
            items_complete: true,
            discounts: Vec::new(),
            tax_rates: Vec::new(),
            created: self.start,
            created_bound: false,
            start_date: Some(self.start),
            ended_at: None,
            canceled_at: None,
            cancel_at: None,
            cancel_at_period_end: false,
            trial_start: None,
            trial_end: None,
            period: None,
            pause_collection: None,
            pause_reason: None,
            cancel_reason: None,
            cancel_feedback: None,
            latest_invoice: None,
            pending_update: false,
            test_clock: None,
        }
    }
}

/// A discount that is there already goes on; another begins with the phase.
fn planned_discounts(planned: &[DiscountState], held: &[DiscountState], start: UnixTime) -> Vec<DiscountState> {
    let coupon = |one: &DiscountState| one.coupon.clone().or_else(|| one.terms.as_ref().map(|terms| terms.id.clone()));
    let same = |one: &DiscountState, other: &&DiscountState| match (&one.id, coupon(one)) {
        (Some(id), _) => other.id.as_ref() == Some(id),
        (None, Some(of)) => coupon(other) == Some(of),
        (None, None) => false,
    };
    let one = |one: &DiscountState| {
        let held = held.iter().find(|other| same(one, other)).cloned();
        held.unwrap_or_else(|| DiscountState { start: one.start.or(Some(start)), ..one.clone() })
    };
    planned.iter().map(one).collect()
}

fn later(from: UnixTime, interval: Interval) -> UnixTime {
    let days = |days: u32| from.plus(i64::from(days) * UnixTime::DAY_SECONDS);
    match interval.unit {
        IntervalUnit::Day => days(interval.count),
        IntervalUnit::Week => days(interval.count.saturating_mul(7)),
        IntervalUnit::Month => from.plus_months(interval.count),
        IntervalUnit::Year => from.plus_months(interval.count.saturating_mul(12)),
    }
}
