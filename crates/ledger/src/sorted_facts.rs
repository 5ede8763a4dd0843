//! What is known of a customer: its facts sorted by object, each event once, whatever order and repetition they came in.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    CustomerFacts,
    fact::{Fact, InvoiceState, InvoiceStatus, State},
    ids::{CustomerId, EventId, SubscriptionId, TestClockId},
    order::Seen,
    time::UnixTime,
};

/// A customer's facts, ready to be laid out in time.
#[derive(Debug, Default)]
pub(super) struct SortedFacts<'a> {
    /// By id; within one, in no particular order.
    pub subscriptions: BTreeMap<&'a SubscriptionId, Vec<Seen<'a>>>,
    /// When a customer was deleted, and by which event: several of Stripe's may be one here (`ledger.customer_key`).
    deleted: BTreeMap<&'a CustomerId, (UnixTime, &'a EventId)>,
    /// Each subscription's first payment, and the event that shows it.
    paid: BTreeMap<&'a SubscriptionId, (UnixTime, &'a EventId)>,
    invoices: Vec<&'a InvoiceState>,
    customers: Vec<&'a Fact>,
}

impl<'a> SortedFacts<'a> {
    /// Sorts the facts. One event in two shapes is read from the newest `api_version` (rule `variants`).
    pub(super) fn gather(input: CustomerFacts<'a>) -> Self {
        let mut known = Self::default();
        counting_shapes(input.facts, |fact, _| known.take(fact));
        known
    }

    fn take(&mut self, fact: &'a Fact) {
        if let Some(seen) = Seen::from_fact(fact) {
            self.subscriptions.entry(&seen.after.id).or_default().push(seen);
        }
        match &fact.state {
            State::Invoice(invoice) => {
                self.invoices.push(invoice);
                self.pay(fact, invoice);
            }
            State::Customer(customer) => {
                self.customers.push(fact);
                if customer.deleted {
                    let told = (fact.at, &fact.event);
                    let first = self.deleted.entry(&customer.id).or_insert(told);
                    *first = told.min(*first);
                }
            }
            State::Subscription { .. }
            | State::Price(_)
            | State::Product(_)
            | State::Coupon(_)
            | State::Discount(_)
            | State::Correction(_)
            | State::Schedule(_)
            | State::TaxRate(_) => {}
        }
    }

    /// The payment of a subscription's first paid invoice with a total above 0, or 0 only by discount or balance
    /// (rule `first-payment`). The balance is taken off after the total; a total of 0 below a subtotal was brought there by discounts.
    fn pay(&mut self, fact: &'a Fact, invoice: &'a InvoiceState) {
        let pays = invoice.total > 0 || (invoice.total == 0 && invoice.subtotal > 0);
        if invoice.status != InvoiceStatus::Paid || !pays {
            return;
        }
        let told = (invoice.paid_at.unwrap_or(fact.at), &fact.event);
        let of_lines = invoice.lines.iter().filter_map(|line| line.subscription.as_ref());
        let of_lines = of_lines.filter(|_| invoice.subscription.is_none());
        for subscription in invoice.subscription.iter().chain(of_lines) {
            let first = self.paid.entry(subscription).or_insert(told);
            *first = told.min(*first);
        }
    }

    /// When an invoice was made; asked only to settle a tie.
    pub(super) fn invoice_created(&self, id: &str) -> Option<UnixTime> {
        self.invoices.iter().find(|invoice| invoice.id.as_str() == id).map(|invoice| invoice.created)
    }

    /// A subscription's first payment, and the event that shows it.
    pub(super) fn first_payment(&self, id: &SubscriptionId) -> Option<(UnixTime, EventId)> {
        self.paid.get(id).map(|(at, event)| (*at, (*event).clone()))
    }

    /// When the customer of a subscription was deleted, and by which event.
    pub(super) fn deleted(&self, seen: &[Seen<'a>]) -> Option<(UnixTime, &'a EventId)> {
        seen.iter().filter_map(|one| self.deleted.get(&one.after.customer).copied()).min()
    }

    /// The clock whose ledger this is.
    pub(super) fn test_clock(&self) -> Option<TestClockId> {
        let of_customers = self.customers.iter().filter_map(|fact| match &fact.state {
            State::Customer(customer) => customer.test_clock.as_ref(),
            _ => None,
        });
        let of_subscriptions = self.subscriptions.values().flatten().filter_map(|seen| seen.after.test_clock.as_ref());
        let of_invoices = self.invoices.iter().filter_map(|invoice| invoice.test_clock.as_ref());
        let clocks: BTreeSet<&TestClockId> = of_customers.chain(of_subscriptions).chain(of_invoices).collect();
        clocks.first().map(|clock| (*clock).clone())
    }

    /// The customer's country now; breakdowns use it for all history (rule `parts`).
    pub(super) fn country(&self) -> Option<Arc<str>> {
        let newest = self.customers.iter().filter_map(|fact| match &fact.state {
            State::Customer(customer) if !customer.deleted => Some(((fact.at, fact.role, &fact.event), customer)),
            _ => None,
        });
        newest.max_by_key(|(rank, _)| *rank).and_then(|(_, customer)| customer.country.clone())
    }
}

/// Which object a fact is about: one event may yield facts of several.
fn object(fact: &Fact) -> (u8, &str) {
    match &fact.state {
        State::Subscription { after, .. } => (0, after.id.as_str()),
        State::Invoice(invoice) => (1, invoice.id.as_str()),
        State::Customer(customer) => (2, customer.id.as_str()),
        State::Price(price) => (3, price.id.as_str()),
        State::Product(product) => (4, product.id.as_str()),
        State::Coupon(coupon) => (5, coupon.id.as_str()),
        State::Discount(discount) => (6, discount.id.as_ref().map_or("", |id| id.as_str())),
        State::Correction(correction) => (7, &correction.id),
        State::Schedule(schedule) => (8, &schedule.id),
        State::TaxRate(rate) => (9, rate.id.as_str()),
    }
}

/// Tells of each event and object the fact that counts, and how many facts there are of it: one for each of the event's bodies
/// (rule `variants`).
pub(super) fn counting_shapes<'a>(facts: &'a [Fact], mut tell: impl FnMut(&'a Fact, usize)) {
    let mut facts: Vec<&Fact> = facts.iter().collect();
    facts.sort_by(|a, b| {
        (&a.event, object(a)).cmp(&(&b.event, object(b))).then_with(|| b.api_version.cmp(&a.api_version))
    });
    for same in facts.chunk_by(|a, b| a.event == b.event && object(a) == object(b)) {
        let newest = same.iter().copied().take_while(|fact| fact.api_version == same[0].api_version);
        // Two bodies of one version: which of them came first must not matter.
        let Some(fact) = newest.reduce(|a, b| if a == b || spelt(a) <= spelt(b) { a } else { b }) else { continue };
        tell(fact, same.len());
    }
}

/// A total order on content, for bodies that nothing else tells apart.
fn spelt(fact: &Fact) -> String {
    format!("{fact:?}")
}
