//! A second, deliberately naive reading of mrr.md: it asks "what counts at this second?" over and over and never
//! carries anything along. Slow, short, and written without a look at `ledger`'s own rules.
//!
//! It covers licensed and measured prices, whole subscriptions, several changes in one second and several currencies at a
//! time: what `random.rs` makes.

mod amounts;
mod movements;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use mrrd::ledger::{
    fact::*,
    ids::*,
    money::Currency,
    profile::*,
    time::{Day, UnixTime, Zone},
};

pub(super) use movements::Moved;

/// A subscription's states with the instants they hold from, and its end.
struct Line {
    states: Vec<(i64, SubscriptionState)>,
    currency: Currency,
    opening: Option<i64>,
    /// It ran before the log began, so it counts as paid.
    rebuilt: bool,
    end: Option<i64>,
    first_paid: Option<i64>,
    /// Its invoices by when they were finalised, paid or not.
    billed: Vec<(i64, InvoiceState)>,
}

/// The whole account of one customer under one profile.
pub(super) struct Naive<'a> {
    profile: &'a Profile,
    zone: &'a Zone,
    lines: BTreeMap<SubscriptionId, Line>,
    /// From when which discount is on the customer.
    on_customer: Vec<(i64, Option<DiscountState>)>,
    /// What was asked before: the answer is the same.
    asked: RefCell<HashMap<i64, Stands>>,
}

/// What stands at one instant in one currency: amounts in 10⁻⁶ minor units, and counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub mrr: i128,
    pub list: i128,
    pub at_risk: i128,
    pub scheduled: i128,
    pub subscriptions: i64,
    pub trials: i64,
}

/// By currency; one of which nothing stands is left out.
pub(super) type Stands = BTreeMap<Currency, Standing>;

impl<'a> Naive<'a> {
    pub(super) fn read(facts: &[Fact], profile: &'a Profile, zone: &'a Zone) -> Self {
        let by_event: BTreeMap<&EventId, &Fact> = facts.iter().map(|fact| (&fact.event, fact)).collect();
        let mut grouped: BTreeMap<SubscriptionId, Vec<&Fact>> = BTreeMap::new();
        let mut customer_gone = None;
        let mut on_customer = Vec::new();
        for fact in by_event.values() {
            match &fact.state {
                State::Subscription { after, .. } => grouped.entry(after.id.clone()).or_default().push(fact),
                State::Customer(customer) if customer.deleted => customer_gone = Some(fact.at.0),
                State::Customer(customer) => on_customer.push((fact.at.0, customer.discount.clone())),
                _ => {}
            }
        }
        on_customer.sort_by_key(|(at, _)| *at);
        let mut lines = BTreeMap::new();
        for (id, mut facts) in grouped {
            facts.sort_by_key(|fact| (fact.at, fact.role));
            let facts = in_order(facts);
            let first = facts[0];
            let State::Subscription { before, after } = &first.state else { unreachable!() };
            let currency = after.currency.expect("every subscription has one");
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
            if let Some(before) = before {
                // What ran had been paid for once.
                rebuilt = matches!(before.status, Status::Active | Status::PastDue | Status::Unpaid);
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
            let mut billed: Vec<(i64, InvoiceState)> = by_event
                .values()
                .filter_map(|fact| match &fact.state {
                    State::Invoice(invoice)
                        if invoice.subscription.as_ref() == Some(&id)
                            && matches!(invoice.status, InvoiceStatus::Paid | InvoiceStatus::Open) =>
                    {
                        let paid = invoice.paid_at.filter(|_| invoice.status == InvoiceStatus::Paid);
                        Some((paid.unwrap_or(fact.at).0, (**invoice).clone()))
                    }
                    _ => None,
                })
                .collect();
            billed.sort_by_key(|(at, invoice)| (*at, invoice.id.clone()));
            // Something was billed, if only to be discounted away.
            let paid = billed.iter().filter(|(_, invoice)| invoice.status == InvoiceStatus::Paid);
            let mut worth = paid.filter(|(_, invoice)| invoice.total > 0 || invoice.subtotal > 0);
            let first_paid = worth.next().map(|(at, _)| *at);
            lines.insert(id, Line { states, currency, opening, rebuilt, end, first_paid, billed });
        }
        Self { profile, zone, lines, on_customer, asked: RefCell::default() }
    }

    /// Every instant at which anything may change.
    pub(super) fn instants(&self) -> BTreeSet<i64> {
        let mut instants = BTreeSet::new();
        for line in self.lines.values() {
            instants.extend(line.end);
            instants.extend(line.billed.iter().map(|(at, _)| *at));
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
            for (at, discount) in &self.on_customer {
                instants.insert(*at);
                for known in line.states.iter().map(|(from, _)| from.max(at)) {
                    instants.extend(discount.iter().filter_map(|discount| self.discount_end(line, discount, *known)));
                }
            }
        }
        instants
    }

    /// The days on which anything may change, and those around them.
    pub(super) fn days(&self) -> BTreeSet<Day> {
        let days = self.instants().into_iter().map(|at| self.zone.day(UnixTime(at)));
        days.flat_map(|day| [day.before(), day, day.after()]).collect()
    }

    pub(super) fn standing(&self, at: i64) -> Stands {
        if let Some(stands) = self.asked.borrow().get(&at) {
            return stands.clone();
        }
        let mut stands = Stands::new();
        for line in self.lines.values() {
            let one = self.line_standing(line, at);
            let sum = stands.entry(line.currency).or_default();
            sum.mrr += one.mrr;
            sum.list += one.list;
            sum.at_risk += one.at_risk;
            sum.scheduled += one.scheduled;
            sum.subscriptions += one.subscriptions;
            sum.trials += one.trials;
        }
        stands.retain(|_, one| *one != Standing::default());
        self.asked.borrow_mut().insert(at, stands.clone());
        stands
    }

    fn line_standing(&self, line: &Line, at: i64) -> Standing {
        let Some(index) = line.states.iter().rposition(|(from, _)| *from <= at) else { return Standing::default() };
        let state = &line.states[index].1;
        if line.end.is_some_and(|end| end <= at) {
            return Standing::default();
        }
        if state.status == Status::Trialing {
            return Standing { trials: 1, ..Standing::default() };
        }
        if !self.status_counts(line, index, at) {
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
        Standing { mrr: net, list, at_risk, scheduled, subscriptions: i64::from(net > 0), trials: 0 }
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
}

/// Facts of one second in the order in which each finds what it says was before, if there is one; else what tells a change
/// that was told already is left out.
fn in_order(sorted: Vec<&Fact>) -> Vec<&Fact> {
    let mut ordered: Vec<&Fact> = Vec::new();
    for second in sorted.chunk_by(|a, b| a.at == b.at && a.role == b.role) {
        match second[0].role {
            Role::Updated => {
                let mut distinct: Vec<&Fact> = Vec::new();
                for fact in second {
                    if !distinct.iter().any(|other| other.state == fact.state) {
                        distinct.push(fact);
                    }
                }
                let reached = ordered.last().map(|fact| after(fact).clone());
                // A change there, back and there again tells its first step twice: all of them count where each finds its
                // place, and only else is one that says the same a second event for one change (mrr.md 4).
                let all = chained(reached.as_ref(), second);
                let each_once = || chained(reached.as_ref(), &distinct);
                ordered.extend(all.or_else(each_once).unwrap_or(distinct));
            }
            // It only says again what stands.
            Role::Other => {}
            _ => ordered.extend(second),
        }
    }
    ordered
}

/// All of `rest`, each on what the one before left; whichever fits is tried.
fn chained<'f>(reached: Option<&SubscriptionState>, rest: &[&'f Fact]) -> Option<Vec<&'f Fact>> {
    if rest.is_empty() {
        return Some(Vec::new());
    }
    rest.iter().enumerate().find_map(|(place, next)| {
        let State::Subscription { before, .. } = &next.state else { return None };
        if reached.is_some() && reached != before.as_deref() {
            return None;
        }
        let mut others = rest.to_vec();
        others.remove(place);
        let tail = chained(Some(after(next)), &others)?;
        Some(std::iter::once(*next).chain(tail).collect())
    })
}

fn after(fact: &Fact) -> &SubscriptionState {
    match &fact.state {
        State::Subscription { after, .. } => after,
        _ => unreachable!("facts of a subscription"),
    }
}
