//! A second, deliberately naive reading of mrr.md: it asks "what counts at this second?" over and over and never
//! carries anything along. Slow, short, and written without a look at `ledger`'s own rules.
//!
//! It covers one currency, per-unit prices and whole subscriptions in distinct seconds: what `random.rs` makes.

use std::collections::{BTreeMap, BTreeSet};

use mrrd::ledger::{
    fact::*,
    ids::*,
    outcome::Kind,
    profile::*,
    time::{Day, UnixTime, Zone},
};
use num_rational::Ratio;

type R = Ratio<i128>;

/// A subscription's states with the instants they hold from, and its end.
struct Line {
    states: Vec<(i64, SubscriptionState)>,
    opening: Option<i64>,
    /// It ran before the log began, so it counts as paid.
    rebuilt: bool,
    end: Option<i64>,
    first_paid: Option<i64>,
}

/// The whole account of one customer under one profile.
pub(super) struct Naive<'a> {
    profile: &'a Profile,
    zone: &'a Zone,
    lines: BTreeMap<SubscriptionId, Line>,
}

/// A movement as far as the oracle tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moved {
    pub day: Day,
    pub kind: Kind,
    pub amount: i128,
}

/// MRR, list MRR, past-due MRR and scheduled churn at one instant, in 10⁻⁶ minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub mrr: i128,
    pub list: i128,
    pub at_risk: i128,
    pub scheduled: i128,
}

impl<'a> Naive<'a> {
    pub(super) fn read(facts: &[Fact], profile: &'a Profile, zone: &'a Zone) -> Self {
        let by_event: BTreeMap<&EventId, &Fact> = facts.iter().map(|fact| (&fact.event, fact)).collect();
        let mut grouped: BTreeMap<SubscriptionId, Vec<&Fact>> = BTreeMap::new();
        let mut customer_gone = None;
        for fact in by_event.values() {
            match &fact.state {
                State::Subscription { after, .. } => grouped.entry(after.id.clone()).or_default().push(fact),
                State::Customer(customer) if customer.deleted => customer_gone = Some(fact.at.0),
                _ => {}
            }
        }
        let mut lines = BTreeMap::new();
        for (id, mut facts) in grouped {
            facts.sort_by_key(|fact| (fact.at, fact.role));
            let first = facts[0];
            let State::Subscription { before, after } = &first.state else { unreachable!() };
            let mut states = Vec::new();
            let (mut opening, mut rebuilt) = (None, false);
            let before = match first.role {
                Role::Updated => before.as_deref().cloned(),
                Role::Deleted => Some(SubscriptionState {
                    status: match after.cancel_reason {
                        Some(CancelReason::PaymentFailed) => Status::PastDue,
                        _ => Status::Active,
                    },
                    ended_at: None,
                    canceled_at: None,
                    cancel_reason: None,
                    ..(**after).clone()
                }),
                _ => None,
            };
            let counts = |state: &SubscriptionState| match state.status {
                Status::Active => true,
                Status::PastDue => profile.past_due != PastDue::Zero,
                Status::Unpaid => profile.unpaid == Unpaid::Count,
                _ => false,
            };
            if let Some(before) = before.filter(counts) {
                rebuilt = true;
                let started = before.start_date.unwrap_or(before.created);
                if zone.day(started) < zone.day(first.at) {
                    let from = zone.end_of(zone.day(first.at).before()).0;
                    opening = Some(from);
                    states.push((from, before));
                } else {
                    states.push((started.0, before));
                }
            }
            let mut end = None;
            for fact in &facts {
                let State::Subscription { after, .. } = &fact.state else { unreachable!() };
                states.push((fact.at.0, (**after).clone()));
                if let Some(ended) = after.ended_at {
                    end = Some(end.map_or(ended.0, |end: i64| end.min(ended.0)));
                }
            }
            let end = end.or(customer_gone);
            let mut paid: Vec<i64> = by_event
                .values()
                .filter_map(|fact| match &fact.state {
                    State::Invoice(invoice)
                        if invoice.subscription.as_ref() == Some(&id) && invoice.status == InvoiceStatus::Paid =>
                    {
                        // Something was billed, if only to be discounted away.
                        let worth = invoice.total > 0 || invoice.subtotal > 0;
                        worth.then(|| invoice.paid_at.unwrap_or(fact.at).0)
                    }
                    _ => None,
                })
                .collect();
            paid.sort_unstable();
            lines.insert(id, Line { states, opening, rebuilt, end, first_paid: paid.first().copied() });
        }
        Self { profile, zone, lines }
    }

    /// Every instant at which anything may change, and the last second of every day between the first and the last.
    pub(super) fn instants(&self) -> BTreeSet<i64> {
        let mut instants = BTreeSet::new();
        for line in self.lines.values() {
            instants.extend(line.end);
            instants.extend(line.first_paid);
            for (at, state) in &line.states {
                instants.insert(*at);
                if let PastDue::Days(days) = self.profile.past_due {
                    instants.insert(at + i64::from(days) * 86_400);
                }
                for discount in state.discounts.iter().chain(state.items.iter().flat_map(|item| &item.discounts)) {
                    instants.extend(discount.start.map(|at| at.0));
                    instants.extend(self.discount_end(line, discount, *at));
                }
                instants.extend(state.items.iter().filter_map(|item| item.trial.map(|trial| trial.end.0)));
            }
        }
        instants
    }

    pub(super) fn days(&self) -> Vec<Day> {
        let instants = self.instants();
        let (Some(first), Some(last)) = (instants.first(), instants.last()) else { return Vec::new() };
        let mut day = self.zone.day(UnixTime(*first)).before();
        let last = self.zone.day(UnixTime(*last));
        let mut days = Vec::new();
        while day <= last {
            days.push(day);
            day = day.after();
        }
        days
    }

    pub(super) fn standing(&self, at: i64) -> Standing {
        let mut sum = Standing::default();
        for line in self.lines.values() {
            let one = self.line_standing(line, at);
            sum.mrr += one.mrr;
            sum.list += one.list;
            sum.at_risk += one.at_risk;
            sum.scheduled += one.scheduled;
        }
        sum
    }

    fn line_standing(&self, line: &Line, at: i64) -> Standing {
        let Some(index) = line.states.iter().rposition(|(from, _)| *from <= at) else { return Standing::default() };
        let state = &line.states[index].1;
        if line.end.is_some_and(|end| end <= at) || !self.status_counts(line, index, at) {
            return Standing::default();
        }
        if self.profile.active_from == ActiveFrom::FirstPayment
            && !line.rebuilt
            && line.first_paid.is_none_or(|paid| paid > at)
        {
            return Standing::default();
        }
        if self.profile.pause_collection == PauseRule::Zero && state.pause_collection.is_some() {
            return Standing::default();
        }
        let (net, list) = self.amounts(line, index, at);
        let first = &line.states[0].1;
        let fixed_term = first.cancel_at.is_some() && first.cancel_at == state.cancel_at;
        let asked = (state.cancel_at.is_some() || state.cancel_at_period_end) && !fixed_term;
        let set_to_end = state.cancel_at.is_some() || state.cancel_at_period_end;
        let scheduled = if set_to_end { net } else { 0 };
        if asked && self.profile.churn_at == ChurnAt::Request {
            return Standing { scheduled, ..Standing::default() };
        }
        let at_risk = if state.status == Status::PastDue { net } else { 0 };
        Standing { mrr: net, list, at_risk, scheduled }
    }

    /// MRR fell to 0, and ever since a discount (by knob) or a granted trial held it back: the customer was not lost.
    fn kept(&self, instants: &[i64], from: i64) -> bool {
        let by_discount = self.profile.zero_by_discount == ZeroByDiscount::Contraction;
        let since = instants.iter().rev().filter(|at| **at < from);
        let at_nothing: Vec<&i64> = since.take_while(|at| self.standing(**at).mrr == 0).collect();
        let held = |at: i64| self.on_granted_trial(at) || by_discount && self.standing(at).list > 0;
        instants.iter().any(|at| *at < from && self.standing(*at).mrr > 0) && at_nothing.into_iter().all(|at| held(*at))
    }

    /// A subscription that counted before stands on trial now (mrr.md 5: no customer is lost or won by that).
    fn on_granted_trial(&self, at: i64) -> bool {
        self.lines.values().any(|line| {
            let Some(index) = line.states.iter().rposition(|(from, _)| *from <= at) else { return false };
            let granted = line.states[..=index].iter().rposition(|(_, state)| state.status != Status::Trialing);
            line.states[index].1.status == Status::Trialing
                && line.end.is_none_or(|end| at < end)
                && granted.is_some_and(|last| {
                    let held = self.line_standing(line, line.states[last + 1].0 - 1);
                    held.mrr > 0 || self.profile.zero_by_discount == ZeroByDiscount::Contraction && held.list > 0
                })
        })
    }

    fn status_counts(&self, line: &Line, index: usize, at: i64) -> bool {
        match line.states[index].1.status {
            Status::Active => true,
            Status::Unpaid => self.profile.unpaid == Unpaid::Count,
            Status::PastDue => match self.profile.past_due {
                PastDue::Count => true,
                PastDue::Zero => false,
                PastDue::Days(days) => {
                    let since = line.states[..=index]
                        .iter()
                        .rev()
                        .take_while(|(_, state)| state.status == Status::PastDue)
                        .last()
                        .map_or(at, |(from, _)| *from);
                    at < since + i64::from(days) * 86_400
                }
            },
            _ => false,
        }
    }

    fn amounts(&self, line: &Line, index: usize, at: i64) -> (i128, i128) {
        let state = &line.states[index].1;
        let lists: Vec<R> = state
            .items
            .iter()
            .map(|item| {
                let in_trial = item.trial.is_some_and(|trial| at < trial.end.0);
                if in_trial { R::from(0) } else { per_unit(item) * quantity(item) * monthly(item) }
            })
            .collect();
        let mut left = lists.clone();
        for (number, item) in state.items.iter().enumerate() {
            for discount in self.counted(line, &item.discounts, at) {
                take_off(&mut left, &[number], state, discount);
            }
        }
        let all: Vec<usize> = (0..state.items.len()).collect();
        for discount in self.counted(line, &state.discounts, at) {
            take_off(&mut left, &all, state, discount);
        }
        (left.into_iter().map(half_even).sum(), lists.into_iter().map(half_even).sum())
    }

    fn counted<'d>(&self, line: &Line, listed: &'d [DiscountState], at: i64) -> Vec<&'d DiscountState> {
        listed
            .iter()
            .filter(|discount| {
                let knob = match discount.terms.as_ref().map(|terms| terms.duration) {
                    Some(Duration::Repeating) => self.profile.discount_repeating,
                    Some(Duration::Once) => self.profile.discount_once,
                    _ => self.profile.discount_forever,
                };
                knob == DiscountRule::Subtract
                    && discount.start.is_none_or(|start| start.0 <= at)
                    && self.discount_end(line, discount, at).is_none_or(|end| at < end)
            })
            .collect()
    }

    /// By what is known up to `at`: mrr.md 2.
    fn discount_end(&self, line: &Line, discount: &DiscountState, at: i64) -> Option<i64> {
        let start = discount.start.map_or(i64::MIN, |start| start.0);
        let periods = line.states.iter().filter(|(from, state)| {
            *from <= at
                && state
                    .discounts
                    .iter()
                    .chain(state.items.iter().flat_map(|item| &item.discounts))
                    .any(|listed| listed.id == discount.id)
        });
        let periods: Vec<Period> = periods.filter_map(|(_, state)| state.period).collect();
        match discount.terms.as_ref()?.duration {
            Duration::Repeating => {
                let end = discount.end?.0;
                Some(
                    periods.iter().filter(|period| period.start.0 < end).map(|period| period.end.0).fold(end, i64::max),
                )
            }
            Duration::Once => periods.iter().find(|period| period.start.0 >= start).map(|period| period.end.0),
            _ => None,
        }
    }

    /// Movements in the profile's windows, openings apart.
    pub(super) fn movements(&self) -> Vec<Moved> {
        let instants: Vec<i64> = self.instants().into_iter().collect();
        let mut moved = Vec::new();
        let mut closing = i64::MIN; // last second of the window that is open
        let mut window: Option<i64> = None;
        let mut windows: Vec<(i64, i64)> = Vec::new();
        for &at in &instants {
            if window.is_some() && at <= closing {
                continue;
            }
            if self.standing(at).mrr == self.standing(at - 1).mrr {
                continue;
            }
            let day = self.zone.day(UnixTime(at));
            let end_of_day = self.zone.end_of(day).0;
            let (from, to) = match self.profile.netting {
                Netting::None => (at, at),
                Netting::Window(minutes) => (at, end_of_day.min(at + i64::from(minutes) * 60 - 1)),
                Netting::Day => (self.zone.start_of(day).0, end_of_day),
                Netting::Month => {
                    let mut last = day;
                    while last.after().0.month() == day.0.month() {
                        last = last.after();
                    }
                    let first = Day(day.0.first_of_month());
                    (self.zone.start_of(first).0, self.zone.end_of(last).0)
                }
            };
            window = Some(from);
            closing = to;
            windows.push((from, to));
        }
        // An opening is never netted with anything: it cuts the window it falls into.
        let opened = |line: &Line| line.opening.filter(|at| self.line_standing(line, *at).mrr != 0);
        for opening in self.lines.values().filter_map(opened) {
            if let Some(hit) = windows.iter().position(|(from, to)| (from..=to).contains(&&opening)) {
                let (from, to) = windows.remove(hit);
                windows.extend([(from, opening - 1), (opening + 1, to)].into_iter().filter(|(from, to)| from <= to));
            }
        }
        windows.sort_unstable();
        let mut openings: BTreeMap<i64, i128> = BTreeMap::new();
        for line in self.lines.values() {
            if let Some(at) = line.opening {
                *openings.entry(at).or_default() += self.line_standing(line, at).mrr;
            }
        }
        let opened = openings.into_iter().filter(|(_, amount)| *amount != 0);
        moved.extend(opened.map(|(at, amount)| Moved {
            day: self.zone.day(UnixTime(at)),
            kind: Kind::OpeningBalance,
            amount,
        }));
        for (from, to) in windows {
            let (before, after) = (self.standing(from - 1), self.standing(to));
            let (b, a) = (before.mrr, after.mrr);
            if a == b {
                continue;
            }
            let last_change = instants
                .iter()
                .rev()
                .find(|at| (from..=to).contains(*at) && self.standing(**at).mrr != self.standing(**at - 1).mrr);
            let day = self.zone.day(UnixTime(*last_change.unwrap_or(&to)));
            let ever = instants.iter().any(|at| *at < from && self.standing(*at).mrr > 0);
            let kind = if b == 0 && a > 0 {
                if self.kept(&instants, from) {
                    Kind::Expansion
                } else if ever {
                    Kind::Reactivation
                } else {
                    Kind::New
                }
            } else if a == 0 && b > 0 {
                if self.kept(&instants, to + 1) { Kind::Contraction } else { Kind::Churn }
            } else if a > b {
                Kind::Expansion
            } else {
                Kind::Contraction
            };
            moved.push(Moved { day, kind, amount: a - b });
        }
        moved.sort();
        moved
    }
}

fn take_off(left: &mut [R], on: &[usize], state: &SubscriptionState, discount: &DiscountState) {
    match discount.terms.as_ref().and_then(|terms| terms.off) {
        Some(Off::Percent(percent)) => {
            for &item in on {
                left[item] -= left[item] * R::new(percent.units(), 100 * 1_000_000_000_000);
            }
        }
        Some(Off::Amount(amount, _)) => {
            // An invoice of items that cost nothing has nothing to take off.
            let paying: Vec<usize> = on.iter().copied().filter(|item| left[*item] > R::from(0)).collect();
            let factor = paying.iter().map(|item| monthly(&state.items[*item])).max().unwrap_or_else(|| R::from(0));
            let off = R::new(amount.units(), 1_000_000_000_000) * factor;
            let total: R = on.iter().map(|item| left[*item]).sum();
            if total == R::from(0) {
                return;
            }
            let share = (off / total).min(R::from(1));
            for &item in on {
                left[item] -= left[item] * share;
            }
        }
        None => {}
    }
}

fn per_unit(item: &ItemState) -> R {
    match item.price.scheme {
        Scheme::PerUnit(amount) => R::new(amount.units(), 1_000_000_000_000),
        _ => panic!("the oracle reads per-unit prices only"),
    }
}

fn quantity(item: &ItemState) -> R {
    item.quantity.map_or(R::from(1), |quantity| R::new(quantity.units(), 1_000_000_000_000))
}

/// How many of its intervals make a month: the shorter the interval, the larger.
fn monthly(item: &ItemState) -> R {
    let interval = item.price.interval.expect("recurring prices only");
    let n = i128::from(interval.count);
    match interval.unit {
        IntervalUnit::Month => R::new(1, n),
        IntervalUnit::Year => R::new(1, 12 * n),
        IntervalUnit::Week => R::new(52, 12 * n),
        IntervalUnit::Day => R::new(365, 12 * n),
    }
}

fn half_even(minor: R) -> i128 {
    let units = minor * R::from(1_000_000);
    let floor = units.floor().to_integer();
    let rest = units - R::from(floor);
    let half = R::new(1, 2);
    if rest > half || (rest == half && floor % 2 != 0) { floor + 1 } else { floor }
}
