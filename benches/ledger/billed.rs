//! An account that only bills: one subscription for each customer over a year, paid by the month, an invoice of one line
//! each time. With 100,000 customers it is the account of a published figure: dbt_stripe's MRR over 100,000 subscriptions
//! and 1.2 million invoice lines.
//!
//! Each subscription comes as `customer.subscription.created`, and each month as `invoice.paid`, with a
//! `customer.subscription.updated` for its next period: 24 webhooks. The same size and end give the same bytes.

use std::{cmp::Reverse, collections::BinaryHeap, fmt::Write as _};

use mrrd::ledger::time::UnixTime;

/// Months that each subscription is billed.
pub(crate) const MONTHS: u32 = 12;
/// Webhooks for each customer: the subscription, its invoices, and its periods after the first.
pub(crate) const EACH: u32 = 1 + MONTHS + (MONTHS - 1);
const PRICES: u32 = 12;
/// 30 days and a half: what a month is on average.
const MONTH: i64 = UnixTime::DAY_SECONDS * 61 / 2;

/// The account; an iterator over its webhooks in the order in which they happened, each in one line.
pub(crate) struct Billed {
    customers: u32,
    start: i64,
    /// When the next webhook of a customer comes, and how many came before it.
    next: BinaryHeap<Reverse<(i64, u32, u32)>>,
    body: String,
}

impl Billed {
    /// So many customers, whose year ends at `end` at the latest.
    pub(crate) fn of(customers: u32, end: UnixTime) -> Self {
        let start = end.0 - i64::from(MONTHS + 1) * MONTH;
        // They begin all over a month.
        let begins = |number: u32| start + MONTH * i64::from(number) / i64::from(customers.max(1));
        let next = (0..customers).map(|number| Reverse((begins(number), number, 0))).collect();
        Self { customers, start, next, body: String::new() }
    }

    /// How many webhooks there are in all.
    pub(crate) fn events(&self) -> usize {
        self.customers as usize * EACH as usize
    }

    /// Writes the next webhook, or none.
    pub(crate) fn next_line(&mut self) -> Option<&str> {
        let Reverse((at, number, place)) = self.next.pop()?;
        self.body.clear();
        let begun = self.start + MONTH * i64::from(number) / i64::from(self.customers);
        // Created, and then by turns: an invoice, and a further period.
        let (month, is_invoice) = (place / 2, place % 2 == 1);
        let (from, to) = (begun + i64::from(month) * MONTH, begun + i64::from(month + 1) * MONTH);
        let kind = match (place, is_invoice) {
            (0, _) => "customer.subscription.created",
            (_, true) => "invoice.paid",
            (_, false) => "customer.subscription.updated",
        };
        let out = &mut self.body;
        write!(
            out,
            r#"{{"id":"evt_b{number:07}_{place:02}","object":"event","api_version":"2025-12-15.clover","created":{at},"data":{{"object":"#
        )
        .unwrap();
        if is_invoice {
            invoice(out, number, month, (from, to))
        } else {
            subscription(out, number, begun, (from, to))
        }
        write!(
            out,
            r#"}},"livemode":true,"pending_webhooks":1,"request":{{"id":null,"idempotency_key":null}},"type":"{kind}"}}"#
        )
        .unwrap();
        if place + 1 < EACH {
            // The invoice is paid an hour after its period began, the next period begins a month after this one did.
            let then = if is_invoice { to } else { from + 3600 };
            self.next.push(Reverse((then, number, place + 1)));
        }
        Some(&self.body)
    }
}

/// What a customer pays by the month.
fn amount(number: u32) -> u32 {
    900 + number % PRICES * 1_000
}

fn subscription(out: &mut String, number: u32, begun: i64, (from, to): (i64, i64)) {
    let (price, amount) = (number % PRICES, amount(number));
    write!(
        out,
        r#"{{"id":"sub_b{number:07}","object":"subscription","application":null,"automatic_tax":{{"disabled_reason":null,"enabled":false,"liability":null}},"billing_cycle_anchor":{begun},"cancel_at":null,"cancel_at_period_end":false,"canceled_at":null,"cancellation_details":{{"comment":null,"feedback":null,"reason":null}},"collection_method":"charge_automatically","created":{begun},"currency":"usd","customer":"cus_b{number:07}","days_until_due":null,"default_tax_rates":[],"description":null,"discounts":[],"ended_at":null,"items":{{"object":"list","data":[{{"id":"si_b{number:07}","object":"subscription_item","created":{begun},"current_period_end":{to},"current_period_start":{from},"discounts":[],"metadata":{{}},"price":{{"id":"price_b{price}","object":"price","active":true,"billing_scheme":"per_unit","created":1600000000,"currency":"usd","livemode":true,"metadata":{{}},"nickname":null,"product":"prod_b{price}","recurring":{{"interval":"month","interval_count":1,"meter":null,"trial_period_days":null,"usage_type":"licensed"}},"tax_behavior":"exclusive","tiers_mode":null,"transform_quantity":null,"type":"recurring","unit_amount":{amount},"unit_amount_decimal":"{amount}"}},"quantity":1,"subscription":"sub_b{number:07}","tax_rates":[]}}],"has_more":false,"total_count":1,"url":"/v1/subscription_items?subscription=sub_b{number:07}"}},"latest_invoice":null,"livemode":true,"metadata":{{}},"pause_collection":null,"schedule":null,"start_date":{begun},"status":"active","test_clock":null,"trial_end":null,"trial_start":null}}"#
    )
    .unwrap();
}

fn invoice(out: &mut String, number: u32, month: u32, (from, to): (i64, i64)) {
    let (price, amount, paid) = (number % PRICES, amount(number), from + 3600);
    let reason = if month == 0 { "subscription_create" } else { "subscription_cycle" };
    write!(
        out,
        r#"{{"id":"in_b{number:07}{month:02}","object":"invoice","amount_due":{amount},"amount_paid":{amount},"amount_remaining":0,"attempt_count":1,"attempted":true,"auto_advance":false,"billing_reason":"{reason}","collection_method":"charge_automatically","created":{from},"currency":"usd","customer":"cus_b{number:07}","default_tax_rates":[],"discounts":[],"due_date":null,"effective_at":{from},"lines":{{"object":"list","data":[{{"id":"il_b{number:07}{month:02}","object":"line_item","amount":{amount},"currency":"usd","description":"1 × Plan","discount_amounts":[],"discountable":true,"discounts":[],"invoice":"in_b{number:07}{month:02}","livemode":true,"metadata":{{}},"parent":{{"invoice_item_details":null,"subscription_item_details":{{"invoice_item":null,"proration":false,"proration_details":{{"credited_items":null}},"subscription":"sub_b{number:07}","subscription_item":"si_b{number:07}"}},"type":"subscription_item_details"}},"period":{{"end":{to},"start":{from}}},"pretax_credit_amounts":[],"pricing":{{"price_details":{{"price":"price_b{price}","product":"prod_b{price}"}},"type":"price_details","unit_amount_decimal":"{amount}"}},"quantity":1,"subtotal":{amount},"taxes":[]}}],"has_more":false,"total_count":1,"url":"/v1/invoices/in_b{number:07}{month:02}/lines"}},"livemode":true,"metadata":{{}},"next_payment_attempt":null,"number":"B-{number}-{month}","parent":{{"quote_details":null,"subscription_details":{{"metadata":{{}},"subscription":"sub_b{number:07}"}},"type":"subscription_details"}},"period_end":{from},"period_start":{from},"status":"paid","status_transitions":{{"finalized_at":{from},"marked_uncollectible_at":null,"paid_at":{paid},"voided_at":null}},"subtotal":{amount},"subtotal_excluding_tax":{amount},"test_clock":null,"total":{amount},"total_discount_amounts":[],"total_excluding_tax":{amount},"total_taxes":[]}}"#
    )
    .unwrap();
}
