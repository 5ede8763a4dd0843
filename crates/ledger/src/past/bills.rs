//! A customer's invoices as the API read them: what each billed of a subscription, item by item.
//!
//! Only invoices of an API read are asked: `backfill --history` reads all of them, so that what isn't billed tells
//! something too. Those that webhooks happened to bring are no whole.

use std::collections::BTreeMap;

use crate::{
    CustomerFacts,
    fact::{
        DiscountState, Fact, InvoiceLine, InvoiceState, InvoiceStatus, ItemState, Origin, Price, Scheme, State,
        SubscriptionState, Usage,
    },
    ids::{DiscountId, EventId, InvoiceId, ItemId, PriceId},
    money::Decimal,
    time::UnixTime,
};

/// One invoice in its newest state.
#[derive(Debug)]
pub(super) struct Bill<'a> {
    pub(super) state: &'a InvoiceState,
    /// The answer that shows it.
    pub(super) event: &'a EventId,
}

/// All invoices of a customer that the API read, by creation, and what the log says of the prices and discounts on them.
#[derive(Debug, Default)]
pub(crate) struct Bills<'a> {
    bills: Vec<Bill<'a>>,
    prices: BTreeMap<&'a PriceId, &'a Price>,
    discounts: BTreeMap<&'a DiscountId, &'a DiscountState>,
}

/// What one invoice billed of a subscription for the period that began with it.
#[derive(Clone, Debug)]
pub(super) struct Cycle<'a> {
    /// When the invoice was made.
    pub(super) at: UnixTime,
    pub(super) bill: &'a Bill<'a>,
    pub(super) items: Vec<ItemState>,
    /// The discounts on all of them.
    pub(super) discounts: Vec<DiscountState>,
    /// Until when it bills.
    pub(super) end: Option<UnixTime>,
    /// A quantity that several lines share, so that only their sum is known.
    pub(super) summed: bool,
}

/// A correction within a period: something was credited or charged from `at` on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proration<'a> {
    pub(super) at: UnixTime,
    pub(super) line: &'a InvoiceLine,
}

impl<'a> Bills<'a> {
    /// Takes in all the log knows of a customer, in any order.
    pub(crate) fn gather(input: CustomerFacts<'a>) -> Self {
        let mut invoices: BTreeMap<&InvoiceId, (bool, (&'a Fact, &'a InvoiceState))> = BTreeMap::new();
        let mut prices: BTreeMap<&PriceId, (_, &Price)> = BTreeMap::new();
        let mut discounts: BTreeMap<&DiscountId, (_, &DiscountState)> = BTreeMap::new();
        for fact in input.facts.iter().chain(input.references) {
            let mut price = |price: &'a Price| {
                let rank = (price.scheme != Scheme::Unknown, fact.at, fact.api_version.as_ref(), &fact.event);
                let held = prices.entry(&price.id).or_insert((rank, price));
                if rank > held.0 {
                    *held = (rank, price);
                }
            };
            let mut discount = |discount: &'a DiscountState| {
                let Some(id) = &discount.id else { return };
                let told = (discount.terms.is_some(), discount.coupon.is_some());
                let rank = (told, fact.at, fact.api_version.as_ref(), &fact.event);
                let held = discounts.entry(id).or_insert((rank, discount));
                if rank > held.0 {
                    *held = (rank, discount);
                }
            };
            match &fact.state {
                State::Invoice(state) => {
                    let rank = |(fact, state): (&'a Fact, &'a InvoiceState)| {
                        (fact.at, state.status == InvoiceStatus::Paid, fact.api_version.as_ref(), &fact.event)
                    };
                    let held = invoices.entry(&state.id).or_insert((false, (fact, state)));
                    held.0 |= fact.origin == Origin::Api;
                    if rank((fact, state)) > rank(held.1) {
                        held.1 = (fact, state);
                    }
                }
                State::Subscription { before, after } => {
                    for state in before.iter().chain([after]) {
                        state.discounts.iter().for_each(&mut discount);
                        for item in &state.items {
                            price(&item.price);
                            item.discounts.iter().for_each(&mut discount);
                        }
                    }
                }
                State::Price(one) => price(one),
                State::Discount(one) => discount(one),
                State::Customer(customer) => customer.discount.iter().for_each(discount),
                State::Product(_)
                | State::Coupon(_)
                | State::Correction(_)
                | State::Schedule(_)
                | State::TaxRate(_) => {}
            }
        }
        let read = invoices.into_values().filter(|(read, (_, state))| *read && state.status != InvoiceStatus::Deleted);
        let mut bills: Vec<_> = read.map(|(_, (fact, state))| Bill { state, event: &fact.event }).collect();
        bills.sort_by_key(|bill| (bill.state.created, &bill.state.id));
        let prices = prices.into_iter().map(|(id, (_, price))| (id, price)).collect();
        let discounts = discounts.into_iter().map(|(id, (_, discount))| (id, discount)).collect();
        Self { bills, prices, discounts }
    }

    /// What was billed of `subscription` before `until`, in time order.
    pub(super) fn cycles(&self, subscription: &SubscriptionState, until: UnixTime) -> Vec<Cycle<'_>> {
        let before = self.bills.iter().take_while(|bill| bill.state.created < until);
        before.filter_map(|bill| self.cycle(bill, subscription)).collect()
    }

    /// Every correction of `subscription` within a period, in time order, whichever invoice it is on.
    pub(super) fn prorations(&self, subscription: &SubscriptionState, until: UnixTime) -> Vec<Proration<'a>> {
        let mut all = Vec::new();
        for bill in &self.bills {
            let own = lines_of(bill.state, subscription).filter(|line| line.proration);
            all.extend(own.filter_map(|line| Some(Proration { at: line.period?.start, line })));
        }
        all.retain(|one| one.at < until);
        all.sort_by_key(|one| one.at);
        all
    }

    /// The discount of this id as well as the log knows it.
    pub(super) fn discount(&self, id: &DiscountId) -> DiscountState {
        let known = self.discounts.get(id).map(|known| (*known).clone());
        known.unwrap_or_else(|| DiscountState::known_by(Some(id.clone())))
    }

    /// The price a line names: as the log knows it, else as far as the line tells it. A line shows neither tiers nor
    /// whether usage was measured, and since basil no interval: without one the item is unpriced, whatever it was.
    pub(super) fn price(&self, line: &InvoiceLine, subscription: &SubscriptionState) -> Option<Price> {
        let id = line.price.as_ref()?;
        Some(self.prices.get(id).map(|price| (*price).clone()).unwrap_or_else(|| Price {
            product: line.product.clone(),
            currency: subscription.currency,
            scheme: line.unit_amount.map_or(Scheme::Unknown, Scheme::PerUnit),
            interval: line.interval,
            ..Price::by_id(id.clone())
        }))
    }

    fn cycle<'s>(&'s self, bill: &'s Bill<'a>, subscription: &SubscriptionState) -> Option<Cycle<'s>> {
        let mut billed: Vec<(ItemId, Vec<&InvoiceLine>)> = Vec::new();
        for line in lines_of(bill.state, subscription).filter(|line| !line.proration) {
            // Neither item nor price: something sold once beside the subscription.
            let Some(id) = item_of(line, &subscription.items) else { continue };
            match billed.iter_mut().find(|(known, _)| *known == id) {
                Some((_, lines)) => lines.push(line),
                None => billed.push((id, vec![line])),
            }
        }
        let (mut items, mut end, mut summed) = (Vec::with_capacity(billed.len()), None, false);
        for (id, lines) in billed {
            let period = lines.iter().filter_map(|line| line.period).max();
            let lines: Vec<_> = lines.into_iter().filter(|line| line.period == period).collect();
            let Some(price) = lines.first().and_then(|line| self.price(line, subscription)) else { continue };
            let quantity = if price.usage == Usage::Metered { None } else { quantity(&lines) };
            summed |= price.usage == Usage::Licensed && lines.len() > 1;
            if price.usage == Usage::Licensed {
                // Measured usage is billed for the period that is over.
                end = end.max(period.map(|period| period.end));
            }
            let known = subscription.items.iter().find(|item| item.id == id);
            let mut discounts: Vec<DiscountState> = Vec::new();
            for (discount, _) in lines.iter().flat_map(|line| &line.discounts) {
                let discount = self.discount(discount);
                if discount.item.as_ref() == Some(&id) && !discounts.contains(&discount) {
                    discounts.push(discount);
                }
            }
            let told = lines.iter().find(|line| !line.tax_rates.is_empty()).map(|line| line.tax_rates.clone());
            let tax_rates = told.or_else(|| Some(known?.tax_rates.clone())).unwrap_or_default();
            items.push(ItemState { id, price, quantity, discounts, tax_rates, period, trial: None });
        }
        let on_lines = lines_of(bill.state, subscription).flat_map(|line| &line.discounts).map(|(id, _)| id);
        let mut discounts: Vec<DiscountState> = Vec::new();
        for id in on_lines {
            let discount = self.discount(id);
            if discount.item.is_none() && !discounts.iter().any(|known| known.id == discount.id) {
                discounts.push(discount);
            }
        }
        (!items.is_empty()).then_some(Cycle { at: bill.state.created, bill, items, discounts, end, summed })
    }
}

/// The invoice's lines for this subscription.
fn lines_of<'i>(invoice: &'i InvoiceState, subscription: &SubscriptionState) -> impl Iterator<Item = &'i InvoiceLine> {
    let own = move |line: &&InvoiceLine| match line.subscription.as_ref().or(invoice.subscription.as_ref()) {
        Some(id) => *id == subscription.id,
        None => false,
    };
    invoice.lines.iter().filter(own)
}

/// The item a line bills: before lines named their item, they named its price.
pub(super) fn item_of(line: &InvoiceLine, items: &[ItemState]) -> Option<ItemId> {
    let by_price = || items.iter().find(|item| Some(&item.price.id) == line.price.as_ref()).map(|item| item.id.clone());
    line.item.clone().or_else(by_price)
}

/// What is billed in one line, or over the tiers of a graduated price.
fn quantity(lines: &[&InvoiceLine]) -> Option<Decimal> {
    let mut told = lines.iter().filter_map(|line| line.quantity);
    let first = told.next()?;
    let sum = told.try_fold(first.units(), |sum, quantity| sum.checked_add(quantity.units()))?;
    Some(Decimal::from_units(sum))
}
