//! A second, deliberately naive reading of docs/rules.md: it asks "what counts at this second?" over and over and never
//! carries anything along. Slow, short, and written without a look at `ledger`'s own rules.
//!
//! It covers what `random.rs` makes; `order.rs` puts snapshots in order, `told.rs` finds what is told in other places,
//! `amounts.rs` prices, `movements.rs` names kinds, `causes.rs` causes, `reporting.rs` converts.

mod amounts;
mod causes;
mod movements;
mod order;
mod reporting;
mod told;

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

use super::random::Named;
pub(super) use causes::Caused;
pub(super) use movements::Moved;
pub(super) use reporting::Rates;

/// A subscription's states with the instants they hold from, and its end.
struct Line {
    states: Vec<(i64, SubscriptionState)>,
    currency: Currency,
    opening: Option<i64>,
    /// It ran before the log began, so it counts as paid.
    rebuilt: bool,
    /// Created with a start on an earlier day.
    imported: bool,
    end: Option<i64>,
    first_paid: Option<i64>,
    /// Its invoices by when they became final.
    billed: Vec<(i64, InvoiceState)>,
    /// Those that were voided, by the same: they bill nothing.
    void: Vec<(i64, InvoiceState)>,
    /// What items come to a month that only invoice lines tell of, by state and place.
    estimates: BTreeMap<(usize, usize), amounts::R>,
    /// Something of it is of a kind that nobody knows.
    odd: bool,
}

/// The whole account of one customer under one profile.
pub(super) struct Naive<'a> {
    profile: &'a Profile,
    /// What the configuration names of plans and prices.
    named: &'a Named,
    zone: &'a Zone,
    /// How long each discount counts whose duration is told nowhere.
    pub(super) durations: BTreeMap<DiscountId, &'static str>,
    lines: BTreeMap<SubscriptionId, Line>,
    pub(super) gaps: order::Gaps,
    /// From when which discount is on the customer.
    on_customer: Vec<(i64, Option<DiscountState>)>,
    /// Every instant at which anything may change.
    pub(super) instants: Vec<i64>,
    /// What was asked before: the answer is the same.
    asked: RefCell<HashMap<i64, Vec<Standing>>>,
}

/// What one subscription is at one instant: amounts in 10⁻⁶ minor units, item by item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    items: Vec<(i128, i128)>,
    at_risk: i128,
    scheduled: i128,
    trials: i64,
    /// It is one that counts, whatever its items amount to.
    counts: bool,
    /// It counted, and stands on trial now: nobody is lost by that.
    held_by_trial: bool,
}

impl Standing {
    fn net(&self) -> i128 {
        self.items.iter().map(|(net, _)| net).sum()
    }

    fn list(&self) -> i128 {
        self.items.iter().map(|(_, list)| list).sum()
    }
}

/// What stands at one instant in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub mrr: i128,
    pub list: i128,
    pub at_risk: i128,
    pub scheduled: i128,
    pub subscriptions: i64,
    pub trials: i64,
}

/// By currency; one of which nothing stands is left out.
pub(super) type Stands = BTreeMap<Currency, Sums>;

impl<'a> Naive<'a> {
    pub(super) fn read(facts: &[Fact], (profile, named): (&'a Profile, &'a Named), zone: &'a Zone) -> Self {
        let by_event: BTreeMap<&EventId, &Fact> = facts.iter().map(|fact| (&fact.event, fact)).collect();
        let mut grouped: BTreeMap<SubscriptionId, Vec<&Fact>> = BTreeMap::new();
        let mut customer_gone = None;
        let mut on_customer = Vec::new();
        let mut invoices = Vec::new();
        for fact in by_event.values() {
            match &fact.state {
                State::Subscription { after, .. } => grouped.entry(after.id.clone()).or_default().push(fact),
                State::Customer(customer) if customer.deleted => customer_gone = Some(fact.at.0),
                State::Customer(customer) => on_customer.push((fact.at.0, customer.discount.clone())),
                State::Invoice(invoice) => invoices.push((fact.at.0, (**invoice).clone())),
                _ => {}
            }
        }
        on_customer.sort_by_key(|(at, _)| *at);
        let mut lines = BTreeMap::new();
        let mut gaps = order::Gaps::default();
        for (id, facts) in grouped {
            let facts = order::in_order(facts, &mut gaps);
            let own = invoices.iter().filter(|(_, invoice)| invoice.subscription.as_ref() == Some(&id));
            lines.insert(id.clone(), Line::read(&facts, own.cloned().collect(), customer_gone, zone));
        }
        told::fill_in_prices(facts, &mut lines);
        told::fill_in_tax_rates(facts, &mut lines);
        told::keep_over_unknown(&mut lines);
        told::estimate(&mut lines);
        let durations = told::fill_in_discounts(&mut lines);
        let (instants, asked) = (Vec::new(), RefCell::default());
        let mut naive = Self { profile, named, zone, durations, lines, gaps, on_customer, instants, asked };
        naive.instants = naive.all_instants().into_iter().collect();
        naive
    }

    fn all_instants(&self) -> BTreeSet<i64> {
        let mut instants = BTreeSet::new();
        for line in self.lines.values() {
            instants.extend(line.end);
            instants.extend(line.first_paid);
            instants.extend(line.billed.iter().map(|(at, _)| *at));
            for (at, state) in &line.states {
                instants.insert(*at);
                if let PastDue::Days(days) = self.profile.past_due {
                    instants.insert(at + i64::from(days) * 86_400);
                }
                for discount in listed(state) {
                    instants.extend(discount.start.map(|at| at.0));
                    instants.extend(self.discount_end(line, discount, *at));
                }
                let trials = state.items.iter().filter_map(|item| item.trial);
                instants.extend(trials.flat_map(|trial| [trial.start.0, trial.end.0]));
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

    /// Whether an item is left out of every figure.
    fn is_left_out(&self, item: &ItemState) -> bool {
        let product = |product: &ProductId| self.named.products.contains(product);
        self.named.prices.contains(&item.price.id) || item.price.product.as_ref().is_some_and(product)
    }

    /// The days on which anything may change, and those around them.
    pub(super) fn days(&self) -> BTreeSet<Day> {
        let days = self.instants.iter().map(|at| self.zone.day(UnixTime(*at)));
        days.flat_map(|day| [day.before(), day, day.after()]).collect()
    }

    pub(super) fn stands(&self, at: i64) -> Stands {
        let mut stands = Stands::new();
        for (line, one) in self.lines.values().zip(self.standing(at)) {
            let sum = stands.entry(line.currency).or_default();
            sum.mrr += one.net();
            sum.list += one.list();
            sum.at_risk += one.at_risk;
            sum.scheduled += one.scheduled;
            sum.subscriptions += i64::from(one.net() > 0);
            sum.trials += one.trials;
        }
        stands.retain(|_, one| *one != Sums::default());
        stands
    }

    /// Every subscription at this instant, in the order of their ids.
    fn standing(&self, at: i64) -> Vec<Standing> {
        if let Some(standing) = self.asked.borrow().get(&at) {
            return standing.clone();
        }
        let standing: Vec<Standing> = self.lines.values().map(|line| self.line_standing(line, at)).collect();
        self.asked.borrow_mut().insert(at, standing.clone());
        standing
    }

    fn line_standing(&self, line: &Line, at: i64) -> Standing {
        let Some(index) = line.states.iter().rposition(|(from, _)| *from <= at) else { return Standing::default() };
        let state = &line.states[index].1;
        if line.end.is_some_and(|end| end <= at) {
            return Standing::default();
        }
        // Who goes on counting is on no trial.
        let granted = state.status == Status::Trialing && self.counted_before_trial(line, index);
        if state.status == Status::Trialing && !(granted && (self.profile.trial_granted == TrialGranted::Count)) {
            return Standing { trials: 1, held_by_trial: granted, ..Standing::default() };
        } else if granted {
            // It counts on.
        } else if !self.status_counts(line, index, at) {
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
        let items = self.amounts(line, index, at);
        let net = items.iter().map(|(net, _)| net).sum();
        let set_to_end = state.cancel_at.is_some() || state.cancel_at_period_end;
        let scheduled = if set_to_end { net } else { 0 };
        if asked_to_end(line, index) && self.profile.churn_at == ChurnAt::Request {
            return Standing { scheduled, ..Standing::default() };
        }
        let at_risk = if state.status == Status::PastDue { net } else { 0 };
        let granted = |item: &ItemState| self.item_trial_granted(line, index, at, item);
        // Who counts on is held back by nothing.
        let held_by_trial = self.profile.trial_granted == TrialGranted::Contraction && state.items.iter().any(granted);
        Standing { items, at_risk, scheduled, trials: 0, counts: true, held_by_trial }
    }

    fn status_counts(&self, line: &Line, index: usize, at: i64) -> bool {
        match line.states[index].1.status {
            Status::Active => true,
            Status::Unpaid => self.profile.unpaid == Unpaid::Count,
            Status::Paused => self.profile.paused == Paused::Count,
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

    /// The last state that wasn't on trial and lasted counted something.
    fn counted_before_trial(&self, line: &Line, index: usize) -> bool {
        let lasted = |place: &usize| line.states[place + 1].0 > line.states[*place].0;
        let on_trial = |place: usize| line.states[place].1.status == Status::Trialing;
        let last = (0..index).rev().filter(lasted).find(|place| !on_trial(*place));
        last.is_some_and(|last| self.holds_something(&self.line_standing(line, line.states[last + 1].0 - 1)))
    }

    /// An item that counted has a trial of its own now.
    fn item_trial_granted(&self, line: &Line, index: usize, at: i64, item: &ItemState) -> bool {
        if !on_trial(item, at) || self.is_left_out(item) {
            return false;
        }
        let counted = |until: i64, number: usize| {
            let standing = self.line_standing(line, until);
            standing.items.get(number).is_some_and(|(net, list)| *net > 0 || self.keeps() && *list > 0)
        };
        // Its trial began while this very state stood.
        let (shown, state) = &line.states[index];
        if let Some(trial) = item.trial.filter(|trial| trial.start.0 > *shown) {
            let number = state.items.iter().position(|one| one.id == item.id);
            return number.is_some_and(|number| counted(trial.start.0 - 1, number));
        }
        // As of the last time that it wasn't, and that lasted.
        let earlier = line.states[..index].iter().enumerate().rev();
        let mut lasting = earlier.filter(|(place, (from, _))| line.states[place + 1].0 > *from);
        let last = lasting.find_map(|(place, (_, state))| {
            let until = line.states[place + 1].0 - 1;
            let number = state.items.iter().position(|one| one.id == item.id)?;
            (!on_trial(&state.items[number], until)).then_some((until, number))
        });
        last.is_some_and(|(until, number)| counted(until, number))
    }

    fn keeps(&self) -> bool {
        self.profile.zero_by_discount == ZeroByDiscount::Contraction
    }

    /// It counts, or is held at 0 by a discount where that loses nobody.
    fn holds_something(&self, standing: &Standing) -> bool {
        standing.net() > 0 || self.keeps() && standing.list() > 0
    }
}

/// An item is in a trial of its own.
fn on_trial(item: &ItemState, at: i64) -> bool {
    item.trial.is_some_and(|trial| trial.start.0 <= at && at < trial.end.0)
}

/// Its end was asked for, and not from the first day on.
fn asked_to_end(line: &Line, index: usize) -> bool {
    let (state, first) = (&line.states[index].1, &line.states[0].1);
    let fixed_term = first.cancel_at.is_some() && first.cancel_at == state.cancel_at;
    (state.cancel_at.is_some() || state.cancel_at_period_end) && !fixed_term
}

/// All discounts a snapshot lists.
fn listed(state: &SubscriptionState) -> impl Iterator<Item = &DiscountState> {
    state.discounts.iter().chain(state.items.iter().flat_map(|item| &item.discounts))
}

impl Line {
    /// Its facts are in order; `invoices` come with the instants of their facts.
    fn read(facts: &[&Fact], invoices: Vec<(i64, InvoiceState)>, customer_gone: Option<i64>, zone: &Zone) -> Self {
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
            rebuilt = matches!(before.status, Status::Active | Status::PastDue | Status::Unpaid | Status::Paused);
            let started = before.start_date.unwrap_or(before.created);
            if zone.day(started) < zone.day(first.at) {
                let from = zone.end_of(zone.day(first.at).before()).0;
                opening = Some(from);
                states.push((from, before));
            } else {
                states.push((started.0, before));
            }
        }
        let started = after.start_date.unwrap_or(after.created);
        let imported = first.role == Role::Created && zone.day(started) < zone.day(first.at);
        let mut end = None;
        for fact in facts {
            let State::Subscription { after, .. } = &fact.state else { unreachable!() };
            states.push((fact.at.0, (**after).clone()));
            if let Some(ended) = after.ended_at {
                end = Some(end.map_or(ended.0, |end: i64| end.min(ended.0)));
            }
        }
        let end = end.or(customer_gone);
        // A status that nobody knows changes nothing.
        for place in 1..states.len() {
            if matches!(states[place].1.status, Status::Other(_)) {
                states[place].1.status = states[place - 1].1.status.clone();
            }
        }
        let mut paid: Vec<(i64, &InvoiceState)> = invoices
            .iter()
            .filter(|(_, invoice)| invoice.status == InvoiceStatus::Paid)
            .map(|(at, invoice)| (invoice.paid_at.map_or(*at, |at| at.0), invoice))
            .collect();
        paid.sort_by_key(|(at, invoice)| (*at, invoice.id.clone()));
        // Something was billed, if only to be discounted away.
        let mut worth = paid.iter().filter(|(_, invoice)| invoice.total > 0 || invoice.subtotal > 0);
        let first_paid = worth.next().map(|(at, _)| *at);
        let is_final = |(at, invoice): (i64, InvoiceState)| match invoice.status {
            InvoiceStatus::Open | InvoiceStatus::Paid | InvoiceStatus::Uncollectible => {
                Some((invoice.finalized_at.map_or(at, |at| at.0), invoice))
            }
            _ => None,
        };
        let gone: BTreeSet<InvoiceId> = invoices
            .iter()
            .filter(|(_, invoice)| invoice.status == InvoiceStatus::Void)
            .map(|(_, invoice)| invoice.id.clone())
            .collect();
        let (mut void, standing): (Vec<_>, Vec<_>) =
            invoices.into_iter().partition(|(_, invoice)| gone.contains(&invoice.id));
        void.retain(|(_, invoice)| invoice.status == InvoiceStatus::Void);
        void.sort_by_key(|(_, invoice)| (invoice.created, invoice.id.clone()));
        let void = void.into_iter().map(|(_, invoice)| (invoice.created.0, invoice)).collect();
        let mut billed: Vec<(i64, InvoiceState)> = standing.into_iter().filter_map(is_final).collect();
        billed.sort_by_key(|(at, invoice)| (*at, invoice.id.clone()));
        Self {
            states,
            currency,
            opening,
            rebuilt,
            imported,
            end,
            first_paid,
            billed,
            void,
            estimates: BTreeMap::new(),
            odd: false,
        }
    }
}
