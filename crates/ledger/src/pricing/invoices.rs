//! The customer's invoices, each in its latest state: the evidence for estimates, tax and measured usage (rules `metered` and `inclusive-tax`).

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use super::{exact::Exact, periods};
use crate::{
    fact::{Fact, Interval, InvoiceLine, InvoiceState, InvoiceStatus, ItemState, Period, State, SubscriptionState},
    ids::{DiscountId, EventId, InvoiceId, ItemId, PriceId, SubscriptionId},
    money::Currency,
    time::UnixTime,
};

/// Invoices by creation, deleted ones left out: those that stand, or those that are void.
#[derive(Debug, Default)]
pub(super) struct Invoices<'a> {
    all: Vec<Invoice<'a>>,
    /// What they billed for each item asked about so far: every span of a subscription asks for the same few.
    billed: RefCell<HashMap<ItemKey, Rc<[Billed<'a>]>>>,
}

/// A subscription's item at one price, in one currency: an older line names the price, not the item.
type ItemKey = (SubscriptionId, ItemId, PriceId, Option<Currency>);

/// One invoice, from all its states.
#[derive(Debug)]
pub(super) struct Invoice<'a> {
    pub state: &'a InvoiceState,
    /// Lines of the newest state that had them all, else of the newest that had any.
    pub lines: &'a [InvoiceLine],
    /// No state of it had all lines (`has_more`).
    cut: bool,
    /// When it was finalised, if it was, and the event that shows it first.
    finalized: Option<(UnixTime, &'a EventId)>,
}

/// What one invoice billed for one item and one period.
#[derive(Clone, Debug)]
pub(super) struct Billed<'a> {
    /// Minor units before discounts, over all lines (a graduated price has one a tier).
    pub amount: i128,
    pub lines: Vec<&'a InvoiceLine>,
    /// The time they pay for; `None` where no line tells.
    pub period: Option<Period>,
    /// When the invoice was made.
    pub at: UnixTime,
}

/// From when until when a state stands, the end exclusive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stands {
    pub from: UnixTime,
    pub until: UnixTime,
    /// The end of the snapshot that asks, one of several that may hold the same, where what was billed by then comes first.
    pub so_far: Option<UnixTime>,
}

/// Measured usage that was billed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage<'a> {
    /// When the invoice was finalised.
    pub at: UnixTime,
    /// Minor units for the invoice's period.
    pub amount: i128,
    /// The invoice doesn't show all its lines: there may be more.
    pub cut: bool,
    /// The event that shows it finalised.
    pub event: &'a EventId,
}

/// How far an invoice has come: breaks ties between its states of one second.
fn progress(status: &InvoiceStatus) -> u8 {
    match status {
        InvoiceStatus::Draft => 0,
        InvoiceStatus::Open | InvoiceStatus::Other(_) => 1,
        InvoiceStatus::Uncollectible => 2,
        InvoiceStatus::Paid => 3,
        InvoiceStatus::Void => 4,
        InvoiceStatus::Deleted => 5,
    }
}

/// Final, whether or not it was paid.
fn is_final(state: &InvoiceState) -> bool {
    matches!(state.status, InvoiceStatus::Open | InvoiceStatus::Uncollectible | InvoiceStatus::Paid)
}

impl<'a> Invoices<'a> {
    /// Takes the invoices that stand out of a customer's facts, in any order.
    pub(super) fn gather(facts: &'a [Fact]) -> Self {
        Self::which(facts, |status| !matches!(status, InvoiceStatus::Void | InvoiceStatus::Deleted))
    }

    /// Takes the void ones: they bill nothing, and tell what tax lies inside a price (rule `inclusive-tax`).
    pub(super) fn gather_void(facts: &'a [Fact]) -> Self {
        Self::which(facts, |status| *status == InvoiceStatus::Void)
    }

    fn which(facts: &'a [Fact], wanted: impl Fn(&InvoiceStatus) -> bool) -> Self {
        let mut states: BTreeMap<&InvoiceId, Vec<(&Fact, &InvoiceState)>> = BTreeMap::new();
        for fact in facts {
            if let State::Invoice(state) = &fact.state {
                states.entry(&state.id).or_default().push((fact, state));
            }
        }
        let mut invoices: Vec<Invoice<'a>> = Vec::new();
        for mut states in states.into_values() {
            states.sort_by_key(|(fact, state)| {
                (fact.at, progress(&state.status), fact.api_version.as_ref(), &fact.event)
            });
            let Some(&(_, state)) = states.last() else { continue };
            if !wanted(&state.status) {
                continue;
            }
            let whole = states.iter().rev().find(|(_, state)| !state.lines.is_empty() && state.lines_complete);
            let told = whole.or_else(|| states.iter().rev().find(|(_, state)| !state.lines.is_empty()));
            let told_final = states.iter().filter_map(|(_, state)| state.finalized_at).min();
            let finalized = states.iter().find(|(_, state)| is_final(state)).map(|(fact, state)| {
                // Paid is final; of an older shape the payment is all that is dated.
                let at = told_final.or(state.paid_at.filter(|_| state.status == InvoiceStatus::Paid));
                (at.unwrap_or(fact.at), &fact.event)
            });
            invoices.push(Invoice {
                state,
                lines: told.map_or(&[], |(_, state)| &state.lines),
                cut: told.is_some_and(|(_, state)| !state.lines_complete),
                finalized,
            });
        }
        invoices.sort_by_key(|invoice| (invoice.state.created, &invoice.state.id));
        Self { all: invoices, billed: RefCell::default() }
    }

    /// All of them, by creation.
    pub(super) fn all(&self) -> &[Invoice<'a>] {
        &self.all
    }

    /// What each invoice billed for an item, by creation; those that billed nothing for it left out.
    fn billed(
        &self,
        subscription: &SubscriptionState,
        item: &ItemState,
        currency: Option<Currency>,
    ) -> Rc<[Billed<'a>]> {
        let key = (subscription.id.clone(), item.id.clone(), item.price.id.clone(), currency);
        if let Some(known) = self.billed.borrow().get(&key) {
            return known.clone();
        }
        let bills =
            self.of_subscription(subscription, currency).filter_map(|invoice| invoice.billed(subscription, item));
        let bills: Rc<[Billed<'a>]> = bills.collect();
        self.billed.borrow_mut().insert(key, bills.clone());
        bills
    }

    fn of_subscription<'s>(
        &'s self,
        subscription: &'s SubscriptionState,
        currency: Option<Currency>,
    ) -> impl DoubleEndedIterator<Item = &'s Invoice<'a>> {
        let same = move |invoice: &&Invoice<'a>| {
            currency.is_none_or(|wanted| invoice.state.currency.is_none_or(|code| code == wanted))
                && (invoice.state.subscription.as_ref() == Some(&subscription.id)
                    || invoice.lines.iter().any(|line| line.subscription.as_ref() == Some(&subscription.id)))
        };
        self.all.iter().filter(same)
    }

    /// Among the item's bills that `fits` takes, the last one billed while its state stands, one of its very quantity first;
    /// else the last before, else the first after (rule `monthly-amount`). With [`Stands::so_far`] a later bill of the same state doesn't
    /// change what an earlier one told.
    pub(super) fn bill(
        &self,
        subscription: &SubscriptionState,
        item: &ItemState,
        currency: Option<Currency>,
        stands: Stands,
        fits: impl Fn(&Billed<'a>) -> bool,
    ) -> Option<Billed<'a>> {
        let (mut within, mut of_quantity, mut later, mut before, mut after) = (None, None, None, None, None);
        let mut later_of_quantity = None;
        let period = item.period.or(subscription.period);
        let bills = self.billed(subscription, item, currency);
        for billed in bills.iter().filter(|billed| fits(billed)) {
            // A renewal's invoice is made some seconds before the subscription shows the new period.
            let of_next = || billed.period.zip(period).is_some_and(|(billed, own)| billed.start >= own.end);
            let by_then = stands.so_far.is_none_or(|end| billed.at < end && !of_next());
            let (place, takes_last) = match billed.at {
                at if at < stands.from => (&mut before, true),
                at if at >= stands.until => (&mut after, false),
                _ if by_then && billed.of_quantity(item) => (&mut of_quantity, true),
                _ if by_then => (&mut within, true),
                _ if billed.of_quantity(item) => (&mut later_of_quantity, false),
                _ => (&mut later, false),
            };
            if takes_last || place.is_none() {
                *place = Some(billed);
            }
        }
        of_quantity.or(later_of_quantity).or(within).or(later).or(before).or(after).cloned()
    }

    /// The period of the first bill the discount took something off.
    pub(super) fn first_period_with(
        &self,
        discount: &DiscountId,
        subscription: &SubscriptionState,
        item: &ItemState,
    ) -> Option<Period> {
        let with = |invoice: &&Invoice<'a>| invoice.lines.iter().any(|line| takes_off(line, discount) > 0);
        let invoice = self.of_subscription(subscription, None).find(with)?;
        let own = invoice.billed(subscription, item).and_then(|billed| billed.period);
        let named = || invoice.lines.iter().filter(|line| takes_off(line, discount) > 0).find_map(|line| line.period);
        own.or_else(named)
    }

    /// When invoices with measured usage of the item were finalised, and what they billed, in time order.
    pub(super) fn usage(
        &self,
        subscription: &SubscriptionState,
        item: &ItemState,
        currency: Option<Currency>,
    ) -> Vec<Usage<'a>> {
        let finalized = self.of_subscription(subscription, currency).filter_map(|invoice| {
            let (at, event) = invoice.finalized?;
            let amount = match invoice.billed(subscription, item) {
                Some(billed) => billed.amount,
                None if invoice.cut => 0,
                None => return None,
            };
            Some(Usage { at, amount, cut: invoice.cut, event })
        });
        let mut usage: Vec<_> = finalized.collect();
        usage.sort_by_key(|usage| usage.at);
        usage
    }
}

impl<'a> Invoice<'a> {
    /// What it billed for the item and its latest period, corrections left out.
    pub(super) fn billed(&self, subscription: &SubscriptionState, item: &ItemState) -> Option<Billed<'a>> {
        let own = |line: &&'a InvoiceLine| {
            !line.proration
                && match &line.item {
                    Some(id) => *id == item.id,
                    // Before lines named their item, they named subscription and plan.
                    None => {
                        line.subscription.as_ref().or(self.state.subscription.as_ref()) == Some(&subscription.id)
                            && line.price.as_ref() == Some(&item.price.id)
                    }
                }
        };
        let lines: Vec<&InvoiceLine> = self.lines.iter().filter(own).collect();
        let period = lines.iter().filter_map(|line| line.period).max();
        let lines: Vec<_> = lines.into_iter().filter(|line| line.period == period).collect();
        let amount = lines.iter().map(|line| i128::from(line.amount)).sum();
        (!lines.is_empty()).then_some(Billed { amount, lines, period, at: self.state.created })
    }
}

impl Billed<'_> {
    /// Bills this very price; a line that doesn't name one may.
    pub(super) fn of_price(&self, item: &ItemState) -> bool {
        self.lines.iter().all(|line| line.price.as_ref().is_none_or(|price| *price == item.price.id))
    }

    /// Bills the item's present quantity, as one line or over its tiers.
    fn of_quantity(&self, item: &ItemState) -> bool {
        let Some(wanted) = item.quantity else { return true };
        let told = || self.lines.iter().filter_map(|line| line.quantity);
        let sum = told().try_fold(0i128, |sum, quantity| sum.checked_add(quantity.units()));
        told().next().is_none() || told().any(|quantity| quantity == wanted) || sum == Some(wanted.units())
    }

    /// So many times its amount is that of a whole interval; `None` where its period can't be measured. A line without a
    /// period bills all of it.
    pub(super) fn wholes(&self, interval: Interval) -> Option<Exact> {
        self.period.map_or(Some(Exact::ONE), |period| periods::wholes(period, interval))
    }

    /// A trial's line: billed 0, whatever the price.
    pub(super) fn of_trial(&self, subscription: &SubscriptionState) -> bool {
        self.amount == 0
            && self.period.is_some_and(|period| subscription.trial_end.is_some_and(|end| period.start < end))
    }

    /// Minor units left to pay after discounts.
    pub(super) fn net(&self) -> i128 {
        let taken = |line: &&InvoiceLine| line.discounts.iter().map(|(_, amount)| i128::from(*amount)).sum::<i128>();
        self.amount - self.lines.iter().map(taken).sum::<i128>()
    }
}

pub(super) fn takes_off(line: &InvoiceLine, discount: &DiscountId) -> i128 {
    line.discounts.iter().filter(|(id, _)| id == discount).map(|(_, amount)| i128::from(*amount)).sum()
}
