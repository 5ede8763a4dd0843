//! The customer's invoices, each in its latest state: the evidence for estimates, tax and measured usage (mrr.md 1, 2).

use std::collections::BTreeMap;

use super::exact::Exact;
use crate::{
    fact::{
        Fact, Interval, IntervalUnit, InvoiceLine, InvoiceState, InvoiceStatus, ItemState, Period, State,
        SubscriptionState,
    },
    ids::{DiscountId, EventId, InvoiceId},
    money::Currency,
    time::UnixTime,
};

/// Invoices by creation, void and deleted ones left out.
#[derive(Debug, Default)]
pub(super) struct Invoices<'a>(Vec<Invoice<'a>>);

/// One invoice.
#[derive(Debug)]
pub(super) struct Invoice<'a> {
    state: &'a InvoiceState,
    /// Lines of the newest state that had them all, else of the newest that had any.
    lines: &'a [InvoiceLine],
    /// No state of it had all lines (`has_more`).
    cut: bool,
    /// When it was paid, if it was, and the event that shows it.
    paid: Option<(UnixTime, &'a EventId)>,
}

/// What one invoice billed for one item and one period.
#[derive(Clone, Debug)]
pub(super) struct Billed<'a> {
    /// Minor units before discounts, over all lines (a graduated price has one a tier).
    pub amount: i128,
    /// The lines.
    pub lines: Vec<&'a InvoiceLine>,
    /// What they pay for.
    pub period: Option<Period>,
}

/// Measured usage that was paid for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage<'a> {
    /// When it was paid.
    pub at: UnixTime,
    /// Minor units for the invoice's period.
    pub amount: i128,
    /// The invoice doesn't show all its lines: there may be more.
    pub cut: bool,
    /// The event that shows the payment.
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

impl<'a> Invoices<'a> {
    /// Takes the invoices out of a customer's facts, in any order.
    pub(super) fn gather(facts: &'a [Fact]) -> Self {
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
            if matches!(state.status, InvoiceStatus::Void | InvoiceStatus::Deleted) {
                continue;
            }
            let whole = states.iter().rev().find(|(_, state)| !state.lines.is_empty() && state.lines_complete);
            let told = whole.or_else(|| states.iter().rev().find(|(_, state)| !state.lines.is_empty()));
            let paid = states.iter().find(|(_, state)| state.status == InvoiceStatus::Paid);
            invoices.push(Invoice {
                state,
                lines: told.map_or(&[], |(_, state)| &state.lines),
                cut: told.is_some_and(|(_, state)| !state.lines_complete),
                paid: paid.map(|(fact, paid)| (state.paid_at.or(paid.paid_at).unwrap_or(fact.at), &fact.event)),
            });
        }
        invoices.sort_by_key(|invoice| (invoice.state.created, &invoice.state.id));
        Self(invoices)
    }

    fn of<'s>(
        &'s self,
        subscription: &'s SubscriptionState,
        currency: Option<Currency>,
    ) -> impl DoubleEndedIterator<Item = &'s Invoice<'a>> {
        let same = move |invoice: &&Invoice<'a>| {
            currency.is_none_or(|wanted| invoice.state.currency.is_none_or(|code| code == wanted))
                && (invoice.state.subscription.as_ref() == Some(&subscription.id)
                    || invoice.lines.iter().any(|line| line.subscription.as_ref() == Some(&subscription.id)))
        };
        self.0.iter().filter(same)
    }

    /// The last bill of an item as of `at`, among those `fits` takes; where there is none yet, the first after it:
    /// the first invoice of a subscription comes some seconds behind it.
    pub(super) fn last_bill(
        &self,
        subscription: &SubscriptionState,
        item: &ItemState,
        currency: Option<Currency>,
        at: UnixTime,
        fits: impl Fn(&Billed<'a>) -> bool,
    ) -> Option<Billed<'a>> {
        let mut after = None;
        for invoice in self.of(subscription, currency).collect::<Vec<_>>().into_iter().rev() {
            let Some(billed) = invoice.billed(subscription, item).filter(&fits) else { continue };
            let began = billed.period.map_or(invoice.state.created, |period| period.start.min(invoice.state.created));
            if began <= at {
                return Some(billed);
            }
            after = Some(billed);
        }
        after
    }

    /// The last bill, as of `at`, of an invoice that names the discount on any of its lines; else the first after it.
    /// The outer `None` says that no invoice names it, the inner that this one didn't bill the item.
    pub(super) fn last_bill_with(
        &self,
        discount: &DiscountId,
        subscription: &SubscriptionState,
        item: &ItemState,
        currency: Option<Currency>,
        at: UnixTime,
    ) -> Option<Option<Billed<'a>>> {
        let mut found = None;
        for invoice in self.of(subscription, currency).collect::<Vec<_>>().into_iter().rev() {
            if invoice.lines.iter().any(|line| takes_off(line, discount) > 0) {
                found = Some(invoice);
                if invoice.state.created <= at {
                    break;
                }
            }
        }
        found.map(|invoice| invoice.billed(subscription, item))
    }

    /// The period of the first bill the discount took something off.
    pub(super) fn first_period_with(
        &self,
        discount: &DiscountId,
        subscription: &SubscriptionState,
        item: &ItemState,
    ) -> Option<Period> {
        let with = |invoice: &&Invoice<'a>| invoice.lines.iter().any(|line| takes_off(line, discount) > 0);
        let invoice = self.of(subscription, None).find(with)?;
        let own = invoice.billed(subscription, item).and_then(|billed| billed.period);
        let named = || invoice.lines.iter().filter(|line| takes_off(line, discount) > 0).find_map(|line| line.period);
        own.or_else(named)
    }

    /// When invoices with measured usage of the item were paid, and what they billed, in time order.
    pub(super) fn usage(
        &self,
        subscription: &SubscriptionState,
        item: &ItemState,
        currency: Option<Currency>,
    ) -> Vec<Usage<'a>> {
        let paid = self.of(subscription, currency).filter_map(|invoice| {
            let (at, event) = invoice.paid?;
            let amount = match invoice.billed(subscription, item) {
                Some(billed) => billed.amount,
                None if invoice.cut => 0,
                None => return None,
            };
            Some(Usage { at, amount, cut: invoice.cut, event })
        });
        let mut usage: Vec<_> = paid.collect();
        usage.sort_by_key(|usage| usage.at);
        usage
    }
}

impl<'a> Invoice<'a> {
    /// What it billed for the item and its latest period, corrections left out.
    fn billed(&self, subscription: &SubscriptionState, item: &ItemState) -> Option<Billed<'a>> {
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
        (!lines.is_empty()).then_some(Billed { amount, lines, period })
    }
}

impl Billed<'_> {
    /// Minor units the discount took off.
    pub(super) fn taken_off(&self, discount: &DiscountId) -> i128 {
        self.lines.iter().map(|line| takes_off(line, discount)).sum()
    }

    /// Bills this very price; a line that doesn't name one may.
    pub(super) fn of_price(&self, item: &ItemState) -> bool {
        self.lines.iter().all(|line| line.price.as_ref().is_none_or(|price| *price == item.price.id))
    }

    /// Bills the item's present quantity, as one line or over its tiers.
    pub(super) fn of_quantity(&self, item: &ItemState) -> bool {
        let Some(wanted) = item.quantity else { return true };
        let told = || self.lines.iter().filter_map(|line| line.quantity);
        let sum = told().try_fold(0i128, |sum, quantity| sum.checked_add(quantity.units()));
        told().next().is_none() || told().any(|quantity| quantity == wanted) || sum == Some(wanted.units())
    }

    /// Pays for a whole interval: a period cut short by an end or an anchor is no measure of the price.
    pub(super) fn whole(&self, interval: Interval) -> bool {
        let days = match interval.unit {
            IntervalUnit::Day => 1,
            IntervalUnit::Week => 7,
            IntervalUnit::Month => 28,
            IntervalUnit::Year => 365,
        };
        // A day of the clock change has 23 hours.
        let least = days * i64::from(interval.count) * UnixTime::DAY_SECONDS - 3600;
        self.period.is_none_or(|period| period.end.0.saturating_sub(period.start.0) >= least)
    }

    /// A trial's line: billed 0, whatever the price.
    pub(super) fn of_trial(&self, subscription: &SubscriptionState) -> bool {
        self.amount == 0
            && self.period.is_some_and(|period| subscription.trial_end.is_some_and(|end| period.start < end))
    }

    /// Names an amount of tax inside the price; since basil lines name no rate.
    pub(super) fn tells_tax_inside(&self) -> bool {
        self.lines.iter().any(|line| line.tax_inside.is_some())
    }

    /// Sum of the inclusive rates; `None` where the lines name none.
    pub(super) fn inclusive_rate(&self) -> Option<Exact> {
        self.lines.iter().find_map(|line| super::tax::inclusive(&line.tax_rates))
    }
}

fn takes_off(line: &InvoiceLine, discount: &DiscountId) -> i128 {
    line.discounts.iter().filter(|(id, _)| id == discount).map(|(_, amount)| i128::from(*amount)).sum()
}
