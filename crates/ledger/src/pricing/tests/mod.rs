//! Pricing from end to end: snapshots and facts in, spans in one line of text each out.

mod amounts;
mod discounts;
mod laws;
mod unknown;

use std::{borrow::Cow, collections::BTreeMap};

use proptest::prelude::*;

use super::*;
use crate::{
    CustomerFacts,
    fact::{
        CouponTerms, CustomerState, DiscountState, Duration, Fact, Interval, IntervalUnit, InvoiceLine, InvoiceState,
        InvoiceStatus, ItemState, LineTerms, Off, Origin, Period, Price, Role, Scheme, State, SubscriptionState,
        TaxRate, TaxRateState, Tier,
    },
    ids::{CustomerId, DiscountId, EventId, InvoiceId},
    money::Currency,
    outcome::QualityKind,
    time::UnixTime,
    timeline::Entry,
};

fn day(day: i64) -> UnixTime {
    UnixTime(day * UnixTime::DAY_SECONDS)
}

fn usd() -> Currency {
    "usd".parse().unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn price_of(id: &str, scheme: Scheme, unit: IntervalUnit) -> Price {
    Price {
        id: id.into(),
        product: Some(format!("prod_{id}").as_str().into()),
        currency: Some(usd()),
        scheme,
        interval: Some(Interval { unit, count: 1 }),
        usage: Usage::Licensed,
        transform: None,
        tax_inclusive: false,
        lookup_key: None,
        nickname: None,
        currency_options: BTreeMap::new(),
        unknown: None,
    }
}

fn monthly(id: &str, unit: i64) -> Price {
    price_of(id, Scheme::PerUnit(Decimal::whole(unit)), IntervalUnit::Month)
}

fn yearly(id: &str, unit: i64) -> Price {
    price_of(id, Scheme::PerUnit(Decimal::whole(unit)), IntervalUnit::Year)
}

fn unknown(id: &str) -> Price {
    price_of(id, Scheme::Unknown, IntervalUnit::Month)
}

fn graduated() -> Scheme {
    let tier = |up_to: Option<i64>, unit: i64| Tier {
        up_to: up_to.map(Decimal::whole),
        unit_amount: Decimal::whole(unit),
        flat_amount: Decimal::whole(0),
    };
    Scheme::Graduated(vec![tier(Some(5), 700), tier(Some(10), 650), tier(None, 600)])
}

fn item(id: &str, price: Price, quantity: i64) -> ItemState {
    ItemState {
        id: id.into(),
        price,
        quantity: Some(Decimal::whole(quantity)),
        discounts: Vec::new(),
        tax_rates: Vec::new(),
        period: None,
        trial: None,
    }
}

/// A subscription since day 0 whose current period is `period`, in days.
fn subscription(items: Vec<ItemState>, period: (i64, i64)) -> SubscriptionState {
    SubscriptionState {
        id: "sub_1".into(),
        customer: "cus_1".into(),
        status: Status::Active,
        currency: Some(usd()),
        items,
        items_complete: true,
        discounts: Vec::new(),
        tax_rates: Vec::new(),
        created: day(0),
        created_bound: false,
        start_date: None,
        ended_at: None,
        canceled_at: None,
        cancel_at: None,
        cancel_at_period_end: false,
        trial_start: None,
        trial_end: None,
        period: Some(Period { start: day(period.0), end: day(period.1) }),
        pause_collection: None,
        pause_reason: None,
        cancel_reason: None,
        cancel_feedback: None,
        latest_invoice: None,
        pending_update: false,
        test_clock: None,
    }
}

fn terms(id: &str, off: Option<Off>, duration: Duration) -> CouponTerms {
    CouponTerms { id: id.into(), off, duration, months: None, currency_options: BTreeMap::new(), products: None }
}

fn percent(percent: i64) -> Option<Off> {
    Some(Off::Percent(Decimal::whole(percent)))
}

fn amount(minor: i64) -> Option<Off> {
    Some(Off::Amount(Decimal::whole(minor), usd()))
}

/// A discount since day 0, `end` in days.
fn discount(id: &str, off: Option<Off>, duration: Duration, end: Option<i64>) -> DiscountState {
    DiscountState {
        id: Some(id.into()),
        coupon: Some(format!("coupon_{id}").as_str().into()),
        terms: Some(terms(&format!("coupon_{id}"), off, duration)),
        start: Some(day(0)),
        end: end.map(day),
        customer: None,
        subscription: None,
        item: None,
    }
}

fn id_only(id: &str) -> DiscountState {
    DiscountState { coupon: None, terms: None, start: None, ..discount(id, None, Duration::Unknown, None) }
}

fn fact(event: &str, at: i64, role: Role, state: State) -> Fact {
    Fact { event: event.into(), at: day(at), api_version: None, origin: Origin::Event, role, state }
}

fn line(item: &str, price: &str, amount: i64, quantity: i64, period: (i64, i64)) -> InvoiceLine {
    InvoiceLine {
        subscription: Some("sub_1".into()),
        item: Some(item.into()),
        price: Some(price.into()),
        product: None,
        interval: None,
        amount,
        quantity: Some(Decimal::whole(quantity)),
        unit_amount: None,
        proration: false,
        period: Some(Period { start: day(period.0), end: day(period.1) }),
        discounts: Vec::new(),
        tax_rates: Vec::new(),
        tax_inside: None,
        terms: None,
    }
}

/// A paid invoice, told on the day it was made.
fn invoice(id: &str, created: i64, lines: Vec<InvoiceLine>) -> Fact {
    let state = InvoiceState {
        id: InvoiceId::from(id),
        customer: Some("cus_1".into()),
        subscription: Some("sub_1".into()),
        status: InvoiceStatus::Paid,
        currency: Some(usd()),
        total: 0,
        subtotal: 0,
        balance_applied: 0,
        discount_total: 0,
        billing_reason: None,
        created: day(created),
        paid_at: Some(day(created)),
        lines,
        lines_complete: true,
        test_clock: None,
        finalized_at: None,
    };
    fact(&format!("evt_{id}"), created, Role::Other, State::Invoice(Box::new(state)))
}

fn customer(at: i64, discount: Option<DiscountState>) -> Fact {
    customer_named("cus_1", at, discount)
}

fn customer_named(id: &str, at: i64, discount: Option<DiscountState>) -> Fact {
    let state = CustomerState { id: id.into(), country: None, discount, deleted: false, test_clock: None };
    fact(&format!("evt_{id}_{at}"), at, Role::Updated, State::Customer(Box::new(state)))
}

/// Snapshots by day, and what the log knows beside them.
#[derive(Clone, Default)]
struct Case {
    line: Vec<(i64, SubscriptionState)>,
    facts: Vec<Fact>,
}

impl Case {
    fn of(line: Vec<(i64, SubscriptionState)>) -> Self {
        Self { line, facts: Vec::new() }
    }

    fn with(mut self, facts: impl IntoIterator<Item = Fact>) -> Self {
        self.facts.extend(facts);
        self
    }

    fn run<T>(&self, use_it: impl FnOnce(&[Snapshot<'_>], &Terms<'_>) -> T) -> T {
        let owner = CustomerId::from("cus_1");
        let mut snapshots: Vec<_> = self
            .line
            .iter()
            .enumerate()
            .map(|(index, (at, state))| Snapshot {
                at: day(*at),
                state: Cow::Borrowed(state),
                events: vec![EventId::from(format!("evt_{index}").as_str())],
                origin: Origin::Event,
                entry: if index == 0 { Entry::Created } else { Entry::Change },
            })
            .collect();
        let input = CustomerFacts { customer: &owner, facts: &self.facts, references: &[] };
        let terms = Terms::gather(input);
        terms.complete(&mut snapshots);
        use_it(&snapshots, &terms)
    }

    fn price(&self, profile: &Profile) -> (Vec<Span>, Vec<QualityEntry>) {
        self.run(|snapshots, terms| price(snapshots, terms, profile, &Granted::new()))
    }

    /// One span a line: day, what opened it, and each item as `net` or `net/list`, `~` estimated, `?` unpriced.
    fn spans(&self, profile: &str) -> Vec<String> {
        let (spans, _) = self.price(&Profile::built_in(profile).unwrap());
        spans.iter().map(in_words).collect()
    }

    /// One entry a line: kind, object, from and until in days.
    fn quality(&self, profile: &str) -> Vec<String> {
        let (_, quality) = self.price(&Profile::built_in(profile).unwrap());
        let days = |at: UnixTime| at.0 / UnixTime::DAY_SECONDS;
        let until = |entry: &QualityEntry| entry.until.map_or(String::new(), |at| days(at).to_string());
        quality
            .iter()
            .map(|entry| format!("{} {} {}..{}", entry.kind.as_str(), entry.object, days(entry.at), until(entry)))
            .collect()
    }
}

fn in_words(span: &Span) -> String {
    let one = |item: &ItemAmount| {
        let mark = if item.unpriced {
            "?"
        } else if item.estimated {
            "~"
        } else {
            ""
        };
        let list = if item.list == item.net { String::new() } else { format!("/{}", item.list) };
        format!("{}={}{list}{mark}", item.item, item.net)
    };
    let items: Vec<_> = span.items.iter().map(one).collect();
    format!("{} {:?}: {}", span.from.0 / UnixTime::DAY_SECONDS, span.trigger, items.join(" "))
}

fn discounted(items: Vec<ItemState>, period: (i64, i64), discounts: Vec<DiscountState>) -> SubscriptionState {
    SubscriptionState { discounts, ..subscription(items, period) }
}
