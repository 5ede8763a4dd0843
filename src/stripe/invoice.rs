//! Invoices and their lines, before and after basil moved everything under `parent` and `pricing`.

use std::sync::Arc;

use serde::Deserialize;

use super::{
    discount::{DiscountWire, discounts, read_ref},
    json::{Array, List, Named, Obj, Oddities, Raw, Ref, no_id},
    price::{PriceWire, TaxRateWire, read_price, tax_rates},
};
use crate::ledger::{
    fact::{DiscountState, InvoiceLine, InvoiceState, InvoiceStatus, LineTerms, Period, Price, Scheme, Usage},
    ids::{CustomerId, DiscountId, InvoiceId, ItemId, ProductId, SubscriptionId, TestClockId},
    money::{Currency, Decimal},
    time::UnixTime,
};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct InvoiceWire<'a> {
    #[serde(borrow)]
    object: Raw<'a>,
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    customer: Ref<'a>,
    #[serde(borrow)]
    customer_account: Ref<'a>,
    /// Basil and later.
    #[serde(borrow)]
    parent: Obj<Parent<'a>>,
    #[serde(borrow)]
    subscription: Ref<'a>,
    #[serde(borrow)]
    status: Raw<'a>,
    #[serde(borrow)]
    paid: Raw<'a>,
    #[serde(borrow)]
    closed: Raw<'a>,
    #[serde(borrow)]
    forgiven: Raw<'a>,
    #[serde(borrow)]
    attempted: Raw<'a>,
    #[serde(borrow)]
    currency: Raw<'a>,
    #[serde(borrow)]
    total: Raw<'a>,
    #[serde(borrow)]
    subtotal: Raw<'a>,
    #[serde(borrow)]
    tax: Raw<'a>,
    #[serde(borrow)]
    starting_balance: Raw<'a>,
    #[serde(borrow)]
    ending_balance: Raw<'a>,
    #[serde(borrow)]
    total_discount_amounts: Array<Obj<DiscountAmount<'a>>>,
    #[serde(borrow)]
    discount: Obj<DiscountWire<'a>>,
    #[serde(borrow)]
    discounts: List<Ref<'a, DiscountWire<'a>>>,
    #[serde(borrow)]
    billing_reason: Raw<'a>,
    #[serde(borrow)]
    created: Raw<'a>,
    /// Before 2019-03-14.
    #[serde(borrow)]
    date: Raw<'a>,
    #[serde(borrow)]
    status_transitions: Obj<StatusTransitions<'a>>,
    /// Before 2019-03-14.
    #[serde(borrow)]
    finalized_at: Raw<'a>,
    #[serde(borrow)]
    lines: List<Obj<LineWire<'a>>>,
    #[serde(borrow)]
    test_clock: Ref<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StatusTransitions<'a> {
    #[serde(borrow)]
    finalized_at: Raw<'a>,
    #[serde(borrow)]
    paid_at: Raw<'a>,
}

/// What an invoice or a line was made for.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Parent<'a> {
    #[serde(borrow, rename = "type")]
    kind: Raw<'a>,
    /// Of an invoice.
    #[serde(borrow)]
    subscription_details: Obj<ParentDetails<'a>>,
    /// Of a line billing an item's period.
    #[serde(borrow)]
    subscription_item_details: Obj<ParentDetails<'a>>,
    /// Of a line billing an invoice item: a proration, or a one-off.
    #[serde(borrow)]
    invoice_item_details: Obj<ParentDetails<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ParentDetails<'a> {
    #[serde(borrow)]
    subscription: Ref<'a>,
    #[serde(borrow)]
    subscription_item: Ref<'a>,
    #[serde(borrow)]
    proration: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LineWire<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow)]
    parent: Obj<Parent<'a>>,
    #[serde(borrow)]
    subscription: Ref<'a>,
    #[serde(borrow)]
    subscription_item: Ref<'a>,
    /// Basil and later.
    #[serde(borrow)]
    pricing: Obj<Pricing<'a>>,
    #[serde(borrow)]
    price: Ref<'a, PriceWire<'a>>,
    #[serde(borrow)]
    plan: Ref<'a, PriceWire<'a>>,
    #[serde(borrow)]
    amount: Raw<'a>,
    #[serde(borrow)]
    quantity_decimal: Raw<'a>,
    #[serde(borrow)]
    quantity: Raw<'a>,
    #[serde(borrow)]
    proration: Raw<'a>,
    #[serde(borrow)]
    period: Obj<PeriodWire<'a>>,
    #[serde(borrow)]
    discount_amounts: Array<Obj<DiscountAmount<'a>>>,
    #[serde(borrow)]
    tax_rates: Array<Ref<'a, TaxRateWire<'a>>>,
    /// Basil and later.
    #[serde(borrow)]
    taxes: Array<Obj<TaxWire<'a>>>,
    #[serde(borrow)]
    tax_amounts: Array<Obj<TaxWire<'a>>>,
}

/// Tax on a line: its amount, and whether the line's own amount holds it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TaxWire<'a> {
    #[serde(borrow)]
    amount: Raw<'a>,
    #[serde(borrow)]
    inclusive: Raw<'a>,
    /// Basil and later.
    #[serde(borrow)]
    tax_behavior: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pricing<'a> {
    #[serde(borrow)]
    price_details: Obj<PriceDetails<'a>>,
    #[serde(borrow)]
    unit_amount_decimal: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PriceDetails<'a> {
    #[serde(borrow)]
    price: Ref<'a, PriceWire<'a>>,
    #[serde(borrow)]
    product: Ref<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PeriodWire<'a> {
    #[serde(borrow)]
    start: Raw<'a>,
    #[serde(borrow)]
    end: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DiscountAmount<'a> {
    #[serde(borrow)]
    amount: Raw<'a>,
    #[serde(borrow)]
    discount: Ref<'a, DiscountWire<'a>>,
}

impl Named for InvoiceWire<'_> {
    fn object(&self) -> Raw<'_> {
        self.object
    }
}

impl InvoiceWire<'_> {
    /// The state, or what is missing for there to be one. `seen` stands for a missing `created`.
    pub(super) fn read(&self, seen: UnixTime, odd: &mut Oddities) -> Result<InvoiceState, &'static str> {
        let id = self.id.word("invoice.id", odd).ok_or("the invoice has no id")?;
        let total = self.total.whole("invoice.total", odd).ok_or("the invoice has no total")?;
        let subtotal = self.subtotal.whole("invoice.subtotal", odd).unwrap_or(total);
        let customer = self.customer.id("invoice.customer", odd);
        let details = self.parent.get("invoice.parent", odd);
        let details = details.and_then(|parent| parent.subscription_details.get("invoice.parent", odd));
        let subscription = details.and_then(|details| details.subscription.id("invoice.subscription", odd));
        let currency = self.currency.currency("invoice.currency", odd);
        let (lines, lines_complete) = self.lines(currency, odd);
        let transitions = self.status_transitions.get("invoice.status_transitions", odd);
        let finalized_at = transitions.map_or(self.finalized_at, |set| set.finalized_at.or(self.finalized_at));
        Ok(InvoiceState {
            id: InvoiceId::new(id),
            customer: customer
                .or_else(|| self.customer_account.id("invoice.customer_account", odd))
                .map(CustomerId::new),
            subscription: subscription
                .or_else(|| self.subscription.id("invoice.subscription", odd))
                .map(SubscriptionId::new),
            status: self.status(odd),
            currency,
            total,
            subtotal,
            balance_applied: self.balance_applied(odd),
            discount_total: self.discount_total(total, subtotal, odd),
            billing_reason: self.billing_reason.word("invoice.billing_reason", odd),
            created: self.created.or(self.date).time("invoice.created", odd).unwrap_or(seen),
            paid_at: transitions.and_then(|set| set.paid_at.time("invoice.status_transitions.paid_at", odd)),
            finalized_at: finalized_at.time("invoice.status_transitions.finalized_at", odd),
            lines,
            lines_complete,
            test_clock: self.test_clock.id("invoice.test_clock", odd).map(TestClockId::new),
        })
    }

    /// The discounts it shows in full: inline before basil, expanded since.
    pub(super) fn discounts(&self, odd: &mut Oddities) -> Vec<DiscountState> {
        let mut shown = discounts(&self.discounts, &self.discount, odd);
        // Those of single lines are shown in full here only, their coupon by its id.
        for amount in self.total_discount_amounts.0.iter().flatten() {
            let amount = amount.get("invoice.total_discount_amounts", odd);
            let discount = amount.filter(|amount| matches!(amount.discount, Ref::Is(_)));
            let discount = discount.and_then(|amount| read_ref(&amount.discount, odd));
            shown.extend(discount.filter(|one| !shown.iter().any(|known| known.id == one.id)));
        }
        shown.retain(|discount| discount.terms.is_some() || discount.coupon.is_some());
        shown
    }

    /// `status`; before 2018-11-08 three flags said the same. An unpaid invoice that was closed was given up.
    fn status(&self, odd: &mut Oddities) -> InvoiceStatus {
        let Some(status) = self.status.word("invoice.status", odd) else {
            let mut flag = |raw: Raw<'_>| raw.flag("invoice.status", odd);
            return match (flag(self.paid), flag(self.forgiven) || flag(self.closed), flag(self.attempted)) {
                (true, ..) => InvoiceStatus::Paid,
                (_, true, _) => InvoiceStatus::Uncollectible,
                (_, _, true) => InvoiceStatus::Open,
                _ => InvoiceStatus::Draft,
            };
        };
        match &*status {
            "draft" => InvoiceStatus::Draft,
            "open" => InvoiceStatus::Open,
            "paid" => InvoiceStatus::Paid,
            "uncollectible" => InvoiceStatus::Uncollectible,
            "void" => InvoiceStatus::Void,
            "deleted" => InvoiceStatus::Deleted,
            _ => InvoiceStatus::Other(status),
        }
    }

    /// A balance below 0 is the customer's credit: what the invoice took of it raises it towards 0.
    fn balance_applied(&self, odd: &mut Oddities) -> i64 {
        let start = self.starting_balance.whole("invoice.starting_balance", odd);
        let end = self.ending_balance.whole("invoice.ending_balance", odd);
        start.zip(end).and_then(|(start, end)| end.checked_sub(start)).unwrap_or(0)
    }

    fn discount_total(&self, total: i64, subtotal: i64, odd: &mut Oddities) -> i64 {
        if let Some(amounts) = &self.total_discount_amounts.0 {
            let amounts = amounts.iter().filter_map(|amount| {
                amount.get("invoice.total_discount_amounts", odd)?.amount.whole("invoice.total_discount_amounts", odd)
            });
            return amounts.fold(0, i64::saturating_add);
        }
        if !self.discount.is_set() {
            return 0;
        }
        // Before 2020 only the difference tells.
        let tax = self.tax.whole("invoice.tax", odd).unwrap_or(0);
        subtotal.saturating_add(tax).saturating_sub(total).max(0)
    }

    fn lines(&self, currency: Option<Currency>, odd: &mut Oddities) -> (Vec<InvoiceLine>, bool) {
        let mut complete = self.lines.complete && self.lines.is_set;
        let mut lines = Vec::with_capacity(self.lines.data.len());
        for line in &self.lines.data {
            match line.get("invoice.lines", odd).and_then(|line| line.read(currency, odd)) {
                Some(line) => lines.push(line),
                None => complete = false,
            }
        }
        (lines, complete)
    }
}

/// What a line's embedded price tells beyond the line itself, whose `unit_amount` and `product` these are.
fn terms(
    price: Price,
    product: Option<&ProductId>,
    unit_amount: Option<Decimal>,
    currency: Option<Currency>,
) -> Option<LineTerms> {
    let tells = price.scheme != Scheme::Unknown || !price.currency_options.is_empty() || price.usage == Usage::Metered;
    if !tells {
        return None;
    }
    let plain = price.usage == Usage::Licensed
        && unit_amount.is_some_and(|unit| price.scheme == Scheme::PerUnit(unit))
        && price.transform.is_none()
        && !price.tax_inclusive
        && price.currency_options.is_empty()
        && price.currency == currency
        && price.product.as_ref() == product;
    Some(if plain { LineTerms::Plain } else { LineTerms::Whole(Box::new(price)) })
}

impl LineWire<'_> {
    /// The line of an invoice in `currency`; `None` without an amount.
    fn read(&self, currency: Option<Currency>, odd: &mut Oddities) -> Option<InvoiceLine> {
        let amount = self.amount.whole("line.amount", odd)?;
        let parent = self.parent.get("line.parent", odd).and_then(|parent| {
            let of_invoice_item = parent.kind.string().as_deref() == Some("invoice_item_details");
            let item = if of_invoice_item { &Obj::Absent } else { &parent.subscription_item_details };
            item.get("line.parent", odd).or_else(|| parent.invoice_item_details.get("line.parent", odd))
        });
        let pricing = self.pricing.get("line.pricing", odd);
        let details = pricing.and_then(|pricing| pricing.price_details.get("line.pricing", odd));
        let nowhere = Ref::Absent;
        let places = [details.map_or(&nowhere, |details| &details.price), &self.price, &self.plan];
        let embedded = places.into_iter().find_map(|place| match place {
            Ref::Is(price) => Some(&**price),
            _ => None,
        });
        let read = read_price(places, "line.price", odd);
        let subscription = parent.and_then(|parent| parent.subscription.id("line.subscription", odd));
        let item = parent.and_then(|parent| parent.subscription_item.id("line.subscription_item", odd));
        let product = details.and_then(|details| details.product.id("line.product", odd)).map(ProductId::new);
        let product = product.or_else(|| read.as_ref().and_then(|price| price.product.clone()));
        let unit_amount = pricing.map(|pricing| pricing.unit_amount_decimal).unwrap_or_default();
        let unit_amount =
            unit_amount.decimal("line.unit_amount", odd).or_else(|| embedded.and_then(|price| price.unit_amount(odd)));
        Some(InvoiceLine {
            subscription: subscription
                .or_else(|| self.subscription.id("line.subscription", odd))
                .or_else(|| self.id_of_subscription())
                .map(SubscriptionId::new),
            item: item
                .or_else(|| self.subscription_item.id("line.subscription_item", odd))
                .or_else(|| self.id_of_subscription())
                .map(ItemId::new),
            price: read.as_ref().map(|price| price.id.clone()),
            interval: read.as_ref().and_then(|price| price.interval),
            terms: read.and_then(|price| terms(price, product.as_ref(), unit_amount, currency)),
            product,
            amount,
            quantity: self.quantity_decimal.or(self.quantity).decimal("line.quantity", odd),
            unit_amount,
            proration: parent
                .map_or(self.proration, |parent| parent.proration.or(self.proration))
                .flag("line.proration", odd),
            period: self.period.get("line.period", odd).and_then(|period| {
                let (start, end) = (period.start.time("line.period", odd)?, period.end.time("line.period", odd)?);
                Some(Period { start, end })
            }),
            discounts: self.discounts(odd),
            tax_rates: tax_rates(&self.tax_rates, odd),
            tax_inside: self.tax_inside(odd),
        })
    }

    /// All inclusive taxes of the line; one version's list stands where another's is missing.
    fn tax_inside(&self, odd: &mut Oddities) -> Option<i64> {
        let taxes = self.taxes.0.as_ref().or(self.tax_amounts.0.as_ref())?;
        let inside = taxes.iter().filter_map(|tax| {
            let tax = tax.get("line.taxes", odd)?;
            let inside =
                tax.tax_behavior.string().as_deref() == Some("inclusive") || tax.inclusive.flag("line.taxes", odd);
            tax.amount.whole("line.taxes", odd).filter(|_| inside)
        });
        Some(inside.fold(0, i64::saturating_add))
    }

    /// Before 2018-05-21 the line of a subscription bore the subscription's id; before items that is its item's too.
    fn id_of_subscription(&self) -> Option<Arc<str>> {
        let id = self.id.text().filter(|id| no_id(id).is_none())?;
        (self.kind.string().as_deref() == Some("subscription") && id.starts_with("sub_")).then_some(id)
    }

    fn discounts(&self, odd: &mut Oddities) -> Vec<(DiscountId, i64)> {
        let amounts = self.discount_amounts.0.iter().flatten();
        amounts
            .filter_map(|amount| {
                let amount = amount.get("line.discount_amounts", odd)?;
                let id = read_ref(&amount.discount, odd)?.id?;
                Some((id, amount.amount.whole("line.discount_amounts", odd)?))
            })
            .collect()
    }
}
