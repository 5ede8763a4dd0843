//! What is known of a customer: its facts sorted by object, each event once, whatever order and repetition they came in.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    CustomerFacts,
    fact::{Fact, InvoiceState, InvoiceStatus, State},
    ids::{EventId, SubscriptionId, TestClockId},
    order::Seen,
    time::UnixTime,
};

/// A customer's facts, ready to be laid out in time.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    /// By id; within one, in no particular order.
    pub subscriptions: BTreeMap<&'a SubscriptionId, Vec<Seen<'a>>>,
    /// When the customer was deleted, and by which event.
    pub deleted: Option<(UnixTime, &'a EventId)>,
    invoices: Vec<(&'a Fact, &'a InvoiceState)>,
    customers: Vec<&'a Fact>,
}

impl<'a> Known<'a> {
    /// Sorts the facts. One event in two shapes is read from the newest `api_version` (mrr.md 4).
    pub(super) fn gather(input: CustomerFacts<'a>) -> Self {
        let mut facts: Vec<&'a Fact> =
            input.facts.iter().filter(|fact| fact.customer() == Some(input.customer)).collect();
        facts.sort_by(|a, b| {
            (&a.event, object(a)).cmp(&(&b.event, object(b))).then_with(|| b.api_version.cmp(&a.api_version))
        });
        let mut known = Self::default();
        for same in facts.chunk_by(|a, b| a.event == b.event && object(a) == object(b)) {
            let newest = same.iter().take_while(|fact| fact.api_version == same[0].api_version);
            // Two bodies of one version: which of them came first must not matter.
            let Some(fact) = newest.reduce(|a, b| if a == b || spelt(a) <= spelt(b) { a } else { b }) else { continue };
            known.take(fact);
        }
        known.deleted = known
            .customers
            .iter()
            .filter(|fact| matches!(&fact.state, State::Customer(one) if one.deleted))
            .map(|fact| (fact.at, &fact.event))
            .min();
        known
    }

    fn take(&mut self, fact: &'a Fact) {
        if let Some(seen) = Seen::of(fact) {
            self.subscriptions.entry(&seen.after.id).or_default().push(seen);
        }
        match &fact.state {
            State::Invoice(invoice) => self.invoices.push((fact, invoice)),
            State::Customer(_) => self.customers.push(fact),
            State::Subscription { .. }
            | State::Price(_)
            | State::Product(_)
            | State::Coupon(_)
            | State::Discount(_)
            | State::Correction(_) => {}
        }
    }

    /// When an invoice was made.
    pub(super) fn invoice_created(&self, id: &str) -> Option<UnixTime> {
        self.invoices.iter().find(|(_, invoice)| invoice.id.as_str() == id).map(|(_, invoice)| invoice.created)
    }

    /// The payment of the subscription's first paid invoice with a total above 0, or 0 only by discount or balance
    /// (mrr.md 3), and the event that shows it.
    pub(super) fn first_payment(&self, id: &SubscriptionId) -> Option<(UnixTime, EventId)> {
        let of_it = |invoice: &InvoiceState| match &invoice.subscription {
            Some(subscription) => subscription == id,
            None => invoice.lines.iter().any(|line| line.subscription.as_ref() == Some(id)),
        };
        // The balance is taken off after the total; a total of 0 below a subtotal was brought there by discounts.
        let pays = |invoice: &InvoiceState| invoice.total > 0 || (invoice.total == 0 && invoice.subtotal > 0);
        self.invoices
            .iter()
            .filter(|(_, invoice)| invoice.status == InvoiceStatus::Paid && pays(invoice) && of_it(invoice))
            .map(|(fact, invoice)| (invoice.paid_at.unwrap_or(fact.at), &fact.event))
            .min()
            .map(|(at, event)| (at, event.clone()))
    }

    /// The clock whose ledger this is.
    pub(super) fn test_clock(&self) -> Option<TestClockId> {
        let of_customers = self.customers.iter().filter_map(|fact| match &fact.state {
            State::Customer(customer) => customer.test_clock.as_ref(),
            _ => None,
        });
        let of_subscriptions = self.subscriptions.values().flatten().filter_map(|seen| seen.after.test_clock.as_ref());
        let of_invoices = self.invoices.iter().filter_map(|(_, invoice)| invoice.test_clock.as_ref());
        let clocks: BTreeSet<&TestClockId> = of_customers.chain(of_subscriptions).chain(of_invoices).collect();
        clocks.first().map(|clock| (*clock).clone())
    }

    /// The customer's country now; breakdowns use it for all history (mrr.md 5).
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
    }
}

/// A total order on content, for bodies that nothing else tells apart.
fn spelt(fact: &Fact) -> String {
    format!("{fact:?}")
}
