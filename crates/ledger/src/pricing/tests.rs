//! Pricing from end to end: snapshots and facts in, spans in one line of text each out.

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

#[test]
fn each_snapshot_counts_what_it_says() {
    let case = Case::of(vec![
        (0, subscription(vec![item("si_1", monthly("a", 2_000), 2)], (0, 30))),
        (10, subscription(vec![item("si_1", monthly("a", 2_000), 3), item("si_2", yearly("b", 10_000), 1)], (0, 30))),
    ]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=4000", "10 Snapshot: si_1=6000 si_2=833.333333"]);
    assert!(case.quality("stripe").is_empty());
}

#[test]
fn duration_decides_the_knob() {
    let one = |duration, end| {
        let taken = discount("di_1", percent(50), duration, end);
        Case::of(vec![(0, discounted(vec![item("si_1", monthly("a", 100), 1)], (0, 30), vec![taken]))])
    };
    for profile in Profile::BUILT_IN {
        assert_eq!(one(Duration::Forever, None).spans(profile), ["0 Snapshot: si_1=50/100"], "{profile}");
    }
    assert_eq!(one(Duration::Repeating, Some(90)).spans("stripe"), ["0 Snapshot: si_1=100"]);
    let until = ["0 Snapshot: si_1=50/100", "90 DiscountEnd: si_1=100"];
    assert_eq!(one(Duration::Repeating, Some(90)).spans("finance"), until);
    assert_eq!(one(Duration::Once, None).spans("finance"), ["0 Snapshot: si_1=100"]);
    let once = ["0 Snapshot: si_1=50/100", "30 DiscountEnd: si_1=100"];
    assert_eq!(one(Duration::Once, None).spans("chartmogul"), once);
}

/// Rule `discount-windows`.
/// docs/wire.md 4.4: 50 % for 4 months on a yearly price discounts the whole yearly invoice.
#[test]
fn a_repeating_discount_lasts_to_the_end_of_the_last_period_that_starts_before_its_end() {
    let on = |price: Price, periods: &[(i64, i64)]| {
        let taken = || vec![discount("di_1", percent(50), Duration::Repeating, Some(120))];
        let state = |period: &(i64, i64)| discounted(vec![item("si_1", price.clone(), 1)], *period, taken());
        Case::of(periods.iter().map(|period| (period.0, state(period))).collect()).spans("finance")
    };
    assert_eq!(on(yearly("a", 12_000), &[(0, 365)]), ["0 Snapshot: si_1=500/1000", "365 DiscountEnd: si_1=1000"]);
    assert_eq!(on(monthly("a", 1_000), &[(0, 30)]), ["0 Snapshot: si_1=500/1000", "120 DiscountEnd: si_1=1000"]);
    // Weekly: every invoice in the four months; the last period begins on day 119.
    let weeks: Vec<(i64, i64)> = (0..20).map(|week| (7 * week, 7 * week + 7)).collect();
    let weekly = on(price_of("a", Scheme::PerUnit(Decimal::whole(1_200)), IntervalUnit::Week), &weeks);
    assert_eq!(weekly[17..19], ["119 Snapshot: si_1=2600/5200", "126 Snapshot: si_1=5200"]);
    assert_eq!(
        on(monthly("a", 1_000), &[(0, 31), (31, 61), (61, 92), (92, 122), (122, 152)])[3..],
        ["92 Snapshot: si_1=500/1000", "122 Snapshot: si_1=1000"],
        "the period billed on day 92 is discounted whole, the one after it not at all"
    );
}

#[test]
fn once_ends_with_the_first_period_billed_with_it() {
    let state = |period, listed: bool| {
        let taken = DiscountState { start: Some(day(10)), ..discount("di_1", percent(50), Duration::Once, None) };
        discounted(vec![item("si_1", monthly("a", 100), 1)], period, if listed { vec![taken] } else { vec![] })
    };
    let case = Case::of(vec![(0, state((0, 30), false)), (10, state((0, 30), true)), (30, state((30, 60), true))]);
    assert_eq!(
        case.spans("chartmogul"),
        ["0 Snapshot: si_1=100", "10 Snapshot: si_1=50/100", "30 Snapshot: si_1=50/100", "60 DiscountEnd: si_1=100"]
    );
    let gone = Case::of(vec![(10, state((0, 30), true)), (30, state((30, 60), false))]);
    assert_eq!(gone.spans("chartmogul"), ["10 Snapshot: si_1=50/100", "30 Snapshot: si_1=100"], "no longer listed");

    let mut billed = line("si_1", "a", 100, 1, (0, 30));
    billed.discounts = vec![(DiscountId::from("di_1"), 50)];
    let shown = Case::of(vec![(10, state((0, 30), true))]).with([invoice("in_1", 10, vec![billed])]);
    assert_eq!(
        shown.spans("chartmogul"),
        ["10 Snapshot: si_1=50/100", "30 DiscountEnd: si_1=100"],
        "an invoice shows which period was billed with it"
    );
}

#[test]
fn once_put_on_in_the_call_that_began_the_period_is_used_up_by_it() {
    // Put on so many seconds after the period's first: within a minute that is one call of Stripe's, stamped twice.
    let put_on = |seconds: i64| {
        let start = day(0).plus(seconds);
        let taken = DiscountState { start: Some(start), ..discount("di_1", percent(50), Duration::Once, None) };
        let state = discounted(vec![item("si_1", monthly("a", 100), 1)], (0, 30), vec![taken]);
        Case::of(vec![(1, state)]).spans("chartmogul")
    };
    assert_eq!(put_on(14), ["1 Snapshot: si_1=50/100", "30 DiscountEnd: si_1=100"]);
    assert_eq!(put_on(61), ["1 Snapshot: si_1=50/100"], "the next period is the first that is billed with it");
}

#[test]
fn once_is_used_up_for_an_item_that_comes_later() {
    let state = |period, items: Vec<ItemState>| {
        let taken = DiscountState { start: Some(day(0)), ..discount("di_1", percent(50), Duration::Once, None) };
        discounted(items, period, vec![taken])
    };
    let (one, two) = (item("si_1", monthly("a", 100), 1), item("si_2", monthly("b", 200), 1));
    let case = Case::of(vec![
        (0, state((0, 30), vec![one.clone()])),
        (30, state((30, 60), vec![one.clone()])),
        (40, state((30, 60), vec![one, two])),
    ]);
    let spans = case.spans("chartmogul");
    assert_eq!(spans[..2], ["0 Snapshot: si_1=50/100", "30 Snapshot: si_1=100"]);
    assert!(spans[2].contains("si_2=200"), "{spans:?}");
}

#[test]
fn a_trial_is_not_a_period_billed() {
    let state = |period, status: Status| {
        let taken = discount("di_1", percent(50), Duration::Once, None);
        let state = discounted(vec![item("si_1", monthly("a", 100), 1)], period, vec![taken]);
        SubscriptionState { status, trial_end: Some(day(14)), ..state }
    };
    let case = Case::of(vec![(0, state((0, 14), Status::Trialing)), (14, state((14, 44), Status::Active))]);
    assert_eq!(
        case.spans("chartmogul"),
        ["0 Snapshot: si_1=50/100", "14 Snapshot: si_1=50/100", "44 DiscountEnd: si_1=100"]
    );
}

#[test]
fn a_discount_waits_for_its_start() {
    let later = DiscountState { start: Some(day(5)), ..discount("di_1", percent(50), Duration::Forever, None) };
    let case = Case::of(vec![(0, discounted(vec![item("si_1", monthly("a", 100), 1)], (0, 30), vec![later]))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=100", "5 DiscountStart: si_1=50/100"]);
}

/// Rule `discount-order`.
#[test]
fn item_discounts_come_before_the_subscriptions() {
    let mut first = item("si_1", monthly("a", 10_000), 1);
    first.discounts = vec![discount("di_i", amount(2_000), Duration::Forever, None)];
    let items = vec![first, item("si_2", monthly("b", 12_000), 1)];
    let half = discount("di_s", percent(50), Duration::Forever, None);
    let flat = discount("di_t", amount(1_000), Duration::Forever, None);
    let spans =
        |list: Vec<DiscountState>| Case::of(vec![(0, discounted(items.clone(), (0, 30), list))]).spans("stripe");
    assert_eq!(spans(vec![half.clone(), flat.clone()]), ["0 Snapshot: si_1=3600/10000 si_2=5400/12000"]);
    assert_eq!(spans(vec![flat, half]), ["0 Snapshot: si_1=3800/10000 si_2=5700/12000"]);
}

#[test]
fn an_amount_off_falls_on_its_products_and_never_below_zero() {
    let mut only = discount("di_1", amount(5_000), Duration::Forever, None);
    only.terms.as_mut().unwrap().products = Some(vec!["prod_b".into()]);
    let items = vec![item("si_1", monthly("a", 1_000), 1), item("si_2", monthly("b", 1_000), 1)];
    let case = Case::of(vec![(0, discounted(items, (0, 30), vec![only]))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=1000 si_2=0/1000"]);
}

#[test]
fn the_customers_discount_applies_where_the_subscription_has_none() {
    let plain = || subscription(vec![item("si_1", monthly("a", 100), 1)], (0, 30));
    let mut on_customer = discount("di_c", percent(20), Duration::Forever, None);
    on_customer.start = Some(day(5));
    let case = Case::of(vec![(0, plain())]).with([
        customer(0, None),
        customer(5, Some(on_customer.clone())),
        customer(9, None),
    ]);
    assert_eq!(
        case.spans("stripe"),
        ["0 Snapshot: si_1=100", "5 DiscountStart: si_1=80/100", "9 DiscountEnd: si_1=100"]
    );
    let late = Case::of(vec![(0, plain())]).with([customer(50, Some(on_customer.clone()))]);
    assert_eq!(
        late.spans("stripe"),
        ["0 Snapshot: si_1=100", "5 DiscountStart: si_1=80/100"],
        "known late, since its start"
    );

    let mut own = plain();
    own.discounts = vec![discount("di_s", percent(50), Duration::Repeating, Some(60))];
    let case = Case::of(vec![(0, own)]).with([customer(0, Some(on_customer))]);
    assert_eq!(case.spans("finance"), ["0 Snapshot: si_1=50/100", "60 DiscountEnd: si_1=80/100"]);
    assert_eq!(case.spans("stripe")[0], "0 Snapshot: si_1=100", "a discount the knob leaves alone is still one");
}

/// `ledger.customer_key` makes one ledger of several of Stripe's customers; a discount is on one of them.
#[test]
fn a_customers_discount_is_on_the_subscriptions_of_that_customer_only() {
    let of = |customer: &str| SubscriptionState {
        customer: customer.into(),
        ..subscription(vec![item("si_1", monthly("a", 100), 1)], (0, 30))
    };
    let facts = || {
        let mut put = discount("di_c", percent(20), Duration::Forever, None);
        (put.start, put.customer) = (Some(day(5)), Some("cus_2".into()));
        [
            fact("evt_put", 5, Role::Created, State::Discount(put.clone())),
            customer_named("cus_1", 3, None),
            customer_named("cus_1", 9, None),
            customer_named("cus_2", 12, Some(put)),
        ]
    };
    let one = Case::of(vec![(0, of("cus_1"))]).with(facts());
    assert_eq!(one.spans("stripe"), ["0 Snapshot: si_1=100"]);
    let other = Case::of(vec![(0, of("cus_2"))]).with(facts());
    assert_eq!(other.spans("stripe"), ["0 Snapshot: si_1=100", "5 DiscountStart: si_1=80/100"]);
}

#[test]
fn a_customers_discount_told_anew_may_end_elsewhere() {
    let told = |end| discount("di_c", percent(20), Duration::Repeating, Some(end));
    let plain = Case::of(vec![(0, subscription(vec![item("si_1", monthly("a", 100), 1)], (0, 30)))]);
    let case = plain.with([customer(0, Some(told(50))), customer(10, Some(told(90)))]);
    assert_eq!(case.spans("finance"), ["0 Snapshot: si_1=80/100", "90 DiscountEnd: si_1=100"]);
}

#[test]
fn a_span_names_the_event_that_brought_it() {
    let plain = Case::of(vec![(0, subscription(vec![item("si_1", monthly("a", 100), 1)], (0, 30)))]);
    let mut put = discount("di_c", percent(20), Duration::Repeating, Some(50));
    put.start = Some(day(5));
    let case = plain.with([customer(0, None), customer(5, Some(put))]);
    let (spans, _) = case.price(&Profile::built_in("finance").unwrap());
    let events: Vec<_> = spans.iter().map(|span| span.event.as_ref().map(EventId::as_str)).collect();
    assert_eq!(events, [None, Some("evt_cus_1_5"), None], "the end comes by time alone");
}

/// A coupon told without the discount's own end: its months are counted from the start, by the calendar.
#[test]
fn months_make_an_end() {
    let mut taken = discount("di_1", percent(50), Duration::Repeating, None);
    taken.terms.as_mut().unwrap().months = Some(3);
    let case = Case::of(vec![(0, discounted(vec![item("si_1", monthly("a", 100), 1)], (0, 31), vec![taken]))]);
    assert_eq!(case.spans("finance"), ["0 Snapshot: si_1=50/100", "90 DiscountEnd: si_1=100"], "1970-04-01");
    assert_eq!(day(30).plus_months(1), day(58), "31 January and a month is 28 February");
}

#[test]
fn the_customers_discount_follows_its_events() {
    let mut put = discount("di_c", percent(20), Duration::Forever, None);
    put.customer = Some("cus_1".into());
    put.start = Some(day(3));
    let other = DiscountState { start: Some(day(8)), ..discount("di_d", percent(50), Duration::Forever, None) };
    let state = |discount: &DiscountState| State::Discount(discount.clone());
    let plain = Case::of(vec![(0, subscription(vec![item("si_1", monthly("a", 100), 1)], (0, 30)))]);
    // Replaced within one second: the deletion of the old one doesn't take the new one away.
    let case = plain.clone().with([
        fact("evt_z", 8, Role::Deleted, state(&put)),
        fact("evt_b", 8, Role::Created, state(&other)),
        fact("evt_a", 3, Role::Created, state(&put)),
    ]);
    assert_eq!(
        case.spans("stripe"),
        ["0 Snapshot: si_1=100", "3 DiscountStart: si_1=80/100", "8 DiscountStart: si_1=50/100"]
    );
    let only_its_end = plain.with([fact("evt_z", 8, Role::Deleted, state(&put))]);
    assert_eq!(only_its_end.spans("stripe")[1..], ["3 DiscountStart: si_1=80/100", "8 DiscountEnd: si_1=100"]);
}

/// docs/wire.md 0, fact 1: since basil a webhook has only the id. The terms may come from anywhere, at any time.
#[test]
fn a_discount_known_by_id_finds_its_terms() {
    let case =
        || Case::of(vec![(0, discounted(vec![item("si_1", monthly("a", 1_000), 1)], (0, 30), vec![id_only("di_1")]))]);
    let resolved = ["0 Snapshot: si_1=800/1000"];
    let full = discount("di_1", percent(20), Duration::Forever, None);

    let event = case().with([fact("evt_9", 40, Role::Created, State::Discount(full.clone()))]);
    assert_eq!(event.spans("stripe"), resolved, "a customer.discount event, even a late one");

    let coupon = State::Coupon(terms("coupon_di_1", percent(20), Duration::Forever));
    let by_coupon = DiscountState { terms: None, ..full.clone() };
    let joined = case()
        .with([fact("evt_8", 0, Role::Created, coupon), fact("evt_9", 0, Role::Created, State::Discount(by_coupon))]);
    assert_eq!(joined.spans("stripe"), resolved, "its coupon's own event");

    let expanded = discounted(vec![item("si_1", monthly("a", 1_000), 1)], (0, 30), vec![full]);
    let read = State::Subscription { before: None, after: Box::new(expanded) };
    assert_eq!(case().with([fact("evt_0", 0, Role::Read, read)]).spans("stripe"), resolved, "another shape of it");

    let mut billed = line("si_1", "a", 1_000, 1, (0, 30));
    billed.discounts = vec![(DiscountId::from("di_1"), 150)];
    let estimated = case().with([invoice("in_1", 0, vec![billed])]);
    assert_eq!(estimated.spans("stripe"), ["0 Snapshot: si_1=850/1000~"], "else its last invoice line");
    assert_eq!(estimated.quality("stripe"), ["discount_estimated di_1 0..", "duration_inferred di_1 0.."]);

    assert_eq!(case().spans("stripe"), ["0 Snapshot: si_1=1000"], "else nothing is taken off, and it is listed");
    assert_eq!(case().quality("stripe"), ["unresolved_discount di_1 0.."]);
}

#[test]
fn an_amount_in_another_currency_needs_the_coupons_option() {
    let euros = |terms: &mut CouponTerms| terms.off = Some(Off::Amount(Decimal::whole(500), "eur".parse().unwrap()));
    let mut taken = discount("di_1", None, Duration::Forever, None);
    euros(taken.terms.as_mut().unwrap());
    let case = |taken: DiscountState| {
        Case::of(vec![(0, discounted(vec![item("si_1", monthly("a", 1_000), 1)], (0, 30), vec![taken]))])
    };
    assert_eq!(case(taken.clone()).spans("stripe"), ["0 Snapshot: si_1=1000"]);
    assert_eq!(case(taken.clone()).quality("stripe"), ["unresolved_discount di_1 0.."]);
    taken.terms.as_mut().unwrap().currency_options.insert(usd(), Decimal::whole(600));
    assert_eq!(case(taken).spans("stripe"), ["0 Snapshot: si_1=400/1000"]);
}

/// Rule `terms-told-elsewhere`.
#[test]
fn tiers_learned_at_any_time_hold_for_all_history() {
    let state = |quantity| subscription(vec![item("si_1", unknown("t"), quantity)], (0, 30));
    let case = Case::of(vec![(0, state(6)), (10, state(20))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=0?", "10 Snapshot: si_1=0?"]);
    assert_eq!(case.quality("stripe"), ["unpriced_item si_1 0.."]);
    let told = State::Price(Box::new(price_of("t", graduated(), IntervalUnit::Month)));
    let known = case.with([fact("evt_p", 99, Role::Updated, told)]);
    assert_eq!(known.spans("stripe"), ["0 Snapshot: si_1=4150", "10 Snapshot: si_1=12750"]);
    assert!(known.quality("stripe").is_empty());
}

#[test]
fn what_isnt_known_carries_the_last_known_amount() {
    let case = Case::of(vec![
        (0, subscription(vec![item("si_1", monthly("a", 1_000), 2)], (0, 30))),
        (10, subscription(vec![item("si_1", unknown("t"), 9)], (0, 30))),
        (20, subscription(vec![item("si_1", monthly("b", 3_000), 1)], (0, 30))),
    ])
    .with([invoice("in_1", 10, vec![line("si_1", "t", 9_999, 9, (0, 30))])]);
    assert_eq!(
        case.spans("stripe"),
        ["0 Snapshot: si_1=2000", "10 Snapshot: si_1=9999~", "20 Snapshot: si_1=3000"],
        "an invoice line of that very price is better"
    );
    let carried = Case::of(case.line.clone()).with([invoice("in_1", 10, vec![line("si_1", "u", 9_999, 9, (0, 30))])]);
    assert_eq!(carried.spans("stripe"), ["0 Snapshot: si_1=2000", "10 Snapshot: si_1=2000~", "20 Snapshot: si_1=3000"]);
    assert_eq!(carried.quality("stripe"), ["estimated_item si_1 10..20"]);
}

/// Rule `unknown-amounts`.
#[test]
fn else_it_counts_its_last_invoice_line() {
    let state = |quantity, period| subscription(vec![item("si_1", unknown("t"), quantity)], period);
    // One line a tier, a proration, another item, and a period cut short: only the first two make the price.
    let mut proration = line("si_1", "t", -700, 6, (10, 30));
    proration.proration = true;
    let first = vec![
        line("si_1", "t", 3_500, 5, (0, 30)),
        line("si_1", "t", 650, 1, (0, 30)),
        line("si_2", "u", 77, 1, (0, 30)),
    ];
    let case = Case::of(vec![(0, state(6, (0, 30))), (20, state(20, (0, 30))), (30, state(20, (30, 60)))]);
    let billed = case.clone().with([invoice("in_1", 1, first)]);
    assert_eq!(
        billed.spans("stripe"),
        ["0 Snapshot: si_1=4150~", "20 Snapshot: si_1=4150~", "30 Snapshot: si_1=4150~"],
        "a quantity never billed moves nothing"
    );
    let renewed = billed.with([
        invoice("in_2", 25, vec![proration, line("si_1", "t", 10, 20, (25, 30))]),
        invoice("in_3", 31, vec![line("si_1", "t", 12_750, 20, (30, 60))]),
    ]);
    assert_eq!(
        renewed.spans("stripe"),
        ["0 Snapshot: si_1=4150~", "20 Snapshot: si_1=12750~", "30 Snapshot: si_1=12750~"],
        "once billed, it counts from where it was set"
    );
}

#[test]
fn void_invoices_and_trial_lines_are_no_evidence() {
    let mut state = subscription(vec![item("si_1", unknown("t"), 1)], (0, 14));
    state.trial_end = Some(day(14));
    let mut void = invoice("in_2", 15, vec![line("si_1", "t", 5_000, 1, (14, 44))]);
    if let State::Invoice(state) = &mut void.state {
        state.status = InvoiceStatus::Void;
    }
    let case = Case::of(vec![(0, state)]).with([invoice("in_1", 0, vec![line("si_1", "t", 0, 1, (0, 14))]), void]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=0?"]);
}

#[test]
fn another_currency_needs_the_prices_option() {
    let mut price = monthly("a", 1_000);
    price.currency = Some("eur".parse().unwrap());
    let case = |price: &Price| Case::of(vec![(0, subscription(vec![item("si_1", price.clone(), 2)], (0, 30)))]);
    assert_eq!(case(&price).spans("stripe"), ["0 Snapshot: si_1=0?"], "never the euro amount as dollars");
    let mut expanded = price.clone();
    expanded.currency_options.insert(usd(), Scheme::PerUnit(Decimal::whole(1_200)));
    assert_eq!(case(&expanded).spans("stripe"), ["0 Snapshot: si_1=2400"]);
    let told = fact("evt_p", 5, Role::Updated, State::Price(Box::new(expanded)));
    assert_eq!(case(&price).with([told]).spans("stripe"), ["0 Snapshot: si_1=2400"]);
}

#[test]
fn a_list_that_was_cut_keeps_what_it_doesnt_show() {
    let (a, b) = (item("si_1", monthly("a", 100), 1), item("si_2", monthly("b", 200), 1));
    let cut = SubscriptionState { items_complete: false, ..subscription(vec![a.clone()], (0, 30)) };
    let case =
        Case::of(vec![(0, subscription(vec![a.clone(), b], (0, 30))), (5, cut), (9, subscription(vec![a], (0, 30)))]);
    assert_eq!(
        case.spans("stripe"),
        ["0 Snapshot: si_1=100 si_2=200", "5 Snapshot: si_1=100 si_2=200~", "9 Snapshot: si_1=100"]
    );
    assert_eq!(case.quality("stripe"), ["unpriced_item sub_1 5..9", "estimated_item si_2 5..9"]);
}

#[test]
fn what_has_no_known_interval_or_currency_is_unpriced() {
    let mut fortnightly = monthly("a", 100);
    (fortnightly.interval, fortnightly.scheme) = (None, Scheme::Unknown);
    let case = Case::of(vec![(0, subscription(vec![item("si_1", fortnightly, 1)], (0, 30)))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=0?"]);
    assert_eq!(case.quality("stripe"), ["unpriced_item si_1 0.."]);

    // Nothing that a subscription holds is sold once: without an interval an amount tells nothing.
    let once = || Price { interval: None, ..monthly("a", 100) };
    let case = Case::of(vec![(0, subscription(vec![item("si_1", once(), 1)], (0, 30)))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=0?"]);
    assert_eq!(case.quality("stripe"), ["unpriced_item si_1 0.."]);
    let used = Price { usage: Usage::Metered, ..once() };
    let case = Case::of(vec![(0, subscription(vec![item("si_1", used, 1)], (0, 30)))]);
    assert!(case.quality("stripe").is_empty(), "usage isn't counted at all");
    assert_eq!(case.quality("profitwell"), ["unpriced_item si_1 0.."]);

    let mut nowhere = subscription(vec![item("si_1", monthly("a", 100), 1)], (0, 30));
    (nowhere.currency, nowhere.items[0].price.currency) = (None, None);
    let case = Case::of(vec![(0, nowhere)]);
    assert_eq!(case.quality("stripe"), ["unpriced_item si_1 0.."]);
}

#[test]
fn terms_without_a_duration_count_for_ever_and_say_so() {
    let taken = discount("di_1", percent(50), Duration::Unknown, None);
    let case = Case::of(vec![(0, discounted(vec![item("si_1", monthly("a", 100), 1)], (0, 30), vec![taken]))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=50/100"]);
    assert_eq!(case.quality("stripe"), ["duration_inferred di_1 0.."]);
}

/// Rule `item-trials`.
#[test]
fn an_item_on_trial_counts_nothing_until_the_end() {
    let mut on_trial = item("si_2", monthly("b", 500), 1);
    on_trial.trial = Some(Period { start: day(0), end: day(14) });
    let case = Case::of(vec![(0, subscription(vec![item("si_1", monthly("a", 100), 1), on_trial], (0, 30)))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=100 si_2=0", "14 ItemTrialEnd: si_1=100 si_2=500"]);
    let ended = Case::of(vec![(0, SubscriptionState { status: Status::Canceled, ..case.line[0].1.clone() })]);
    assert_eq!(ended.spans("stripe").len(), 1, "time changes nothing of what is over");
}

/// Rule `metered`.
#[test]
fn metered_items_count_by_the_knob() {
    let mut price = unknown("m");
    price.usage = Usage::Metered;
    let mut metered = item("si_1", price, 1);
    metered.quantity = None;
    let bill = |id, at, amount| invoice(id, at, vec![line("si_1", "m", amount, 1, (at - 30, at))]);
    let case = Case::of(vec![(0, subscription(vec![metered], (0, 30)))]).with([
        bill("in_1", 30, 300),
        bill("in_2", 60, 500),
        bill("in_3", 90, 1_000),
        bill("in_4", 120, 1_000),
    ]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=0"]);
    assert!(case.quality("stripe").is_empty());
    assert_eq!(
        case.spans("profitwell"),
        ["0 Snapshot: si_1=0", "30 Usage: si_1=300", "60 Usage: si_1=500", "90 Usage: si_1=1000"]
    );
    // An invoice that doesn't show all its lines may bill more of it.
    let mut cut = bill("in_5", 150, 700);
    let State::Invoice(state) = &mut cut.state else { panic!() };
    state.lines_complete = false;
    let cut = Case::of(case.line.clone()).with([cut]);
    assert_eq!(cut.quality("profitwell"), ["estimated_item si_1 150.."]);
    assert_eq!(cut.quality("stripe"), [""; 0], "what counts nothing needs no settling");

    let mean = Profile::extend(&Profile::built_in("stripe").unwrap(), "mean", &[("metered", "mean:3")]).unwrap();
    let (spans, _) = case.price(&mean);
    assert_eq!(
        spans.iter().map(in_words).collect::<Vec<_>>()[2..],
        ["60 Usage: si_1=400", "90 Usage: si_1=600", "120 Usage: si_1=833.333333"]
    );
}

#[test]
fn inclusive_tax_goes_last() {
    let rate = |percentage: &str, inclusive| TaxRate { percentage: Some(decimal(percentage)), inclusive, id: None };
    let state = |on_item: &[TaxRate], on_subscription: &[TaxRate], inclusive: bool| {
        let mut only = item("si_1", monthly("a", 11_900), 1);
        only.price.tax_inclusive = inclusive;
        only.tax_rates = on_item.to_vec();
        let half = discount("di_1", percent(50), Duration::Forever, None);
        let state = discounted(vec![only], (0, 30), vec![half]);
        Case::of(vec![(0, SubscriptionState { tax_rates: on_subscription.to_vec(), ..state })])
    };
    let taken_out = ["0 Snapshot: si_1=5000/10000"];
    assert_eq!(state(&[rate("19", true)], &[rate("7", true)], false).spans("stripe"), taken_out);
    assert_eq!(state(&[], &[rate("19", true)], false).spans("stripe"), taken_out);
    assert_eq!(state(&[], &[rate("19", false)], false).spans("stripe"), ["0 Snapshot: si_1=5950/11900"], "exclusive");

    let mut billed = line("si_1", "a", 11_900, 1, (0, 30));
    billed.tax_rates = vec![rate("19", true)];
    assert_eq!(state(&[], &[], true).with([invoice("in_1", 0, vec![billed])]).spans("stripe"), taken_out);

    assert_eq!(state(&[], &[], true).spans("stripe"), ["0 Snapshot: si_1=5950/11900"]);
    assert_eq!(state(&[], &[], true).quality("stripe"), ["tax_unknown si_1 0.."]);
}

/// A later bill doesn't change what an earlier one told, whether its invoice was made with the new period's snapshot or a day
/// before it; a quantity that no bill knew yet is told by its own.
#[test]
fn who_becomes_exempt_paid_tax_before() {
    let state = |quantity, period| {
        let mut only = item("si_1", monthly("a", 11_900), quantity);
        only.price.tax_inclusive = true;
        subscription(vec![only], period)
    };
    let billed = |id: &str, at, quantity: i64, period, tax| {
        let mut one = line("si_1", "a", 11_900 * quantity, quantity, period);
        one.tax_inside = Some(tax);
        invoice(id, at, vec![one])
    };
    let bills = [billed("in_1", 0, 1, (0, 30), 1_900), billed("in_2", 30, 1, (30, 60), 0)];
    for renewed in [30, 31] {
        let case = Case::of(vec![(0, state(1, (0, 30))), (renewed, state(1, (30, 60)))]).with(bills.clone());
        let exempt = format!("{renewed} Snapshot: si_1=11900");
        assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=10000", exempt.as_str()]);
    }
    let seats = Case::of(vec![(0, state(1, (0, 30))), (9, state(2, (0, 30))), (30, state(2, (30, 60)))]);
    let seats = seats.with([billed("in_1", 0, 1, (0, 30), 1_900), billed("in_2", 30, 2, (30, 60), 3_799)]);
    assert_eq!(
        seats.spans("stripe"),
        ["0 Snapshot: si_1=10000", "9 Snapshot: si_1=20001", "30 Snapshot: si_1=20001"],
        "a renewal's rounding makes no movement"
    );
}

/// Rule `inclusive-tax`.
/// Since basil a line tells how much tax is inside, and no rate.
#[test]
fn inclusive_tax_is_what_the_items_line_shows() {
    let state = |inclusive: bool| {
        let mut only = item("si_1", monthly("a", 11_900), 1);
        only.price.tax_inclusive = inclusive;
        Case::of(vec![(0, subscription(vec![only], (0, 30)))])
    };
    let billed = |off: i64, tax: Option<i64>| {
        let mut one = line("si_1", "a", 11_900, 1, (0, 30));
        one.tax_inside = tax;
        one.discounts = if off == 0 { vec![] } else { vec![("di_1".into(), off)] };
        invoice("in_1", 0, vec![one])
    };
    let (gross, net) = (["0 Snapshot: si_1=11900"], ["0 Snapshot: si_1=10000"]);
    let told = |inclusive, off, tax| {
        let case = state(inclusive).with([billed(off, tax)]);
        (case.spans("stripe"), case.quality("stripe").len())
    };
    assert_eq!(told(true, 0, Some(1_900)), (net.map(str::to_owned).to_vec(), 0));
    assert_eq!(told(false, 0, Some(1_900)), (net.map(str::to_owned).to_vec(), 0), "whatever the price says");
    assert_eq!(told(true, 5_950, Some(950)), (net.map(str::to_owned).to_vec(), 0), "of what discounts left");
    assert_eq!(told(true, 0, Some(0)), (gross.map(str::to_owned).to_vec(), 0), "nothing is known as well");
    assert_eq!(told(true, 0, None), (gross.map(str::to_owned).to_vec(), 0), "a line that shows no tax has none");
    assert_eq!(told(true, 11_900, Some(0)), (gross.map(str::to_owned).to_vec(), 1), "nothing to pay tells nothing");

    // Of this very price, as far as there is one: the tax of another is better than none.
    let mut other = line("si_1", "b", 5_000, 1, (0, 30));
    other.tax_inside = Some(1_000);
    let first = state(true).with([invoice("in_0", 0, vec![other])]);
    assert_eq!(first.spans("stripe"), ["0 Snapshot: si_1=9520"]);
    assert_eq!(first.with([billed(0, Some(1_900))]).spans("stripe"), net);

    // A void invoice bills nothing and tells its tax, where no other line does.
    let void = |mut fact: Fact| {
        if let State::Invoice(state) = &mut fact.state {
            (state.id, state.status) = ("in_void".into(), InvoiceStatus::Void);
        }
        fact
    };
    let case = state(true).with([void(billed(0, Some(1_900)))]);
    assert_eq!((case.spans("stripe"), case.quality("stripe").len()), (net.map(str::to_owned).to_vec(), 0));
    let case = state(true).with([void(billed(0, Some(5_950))), billed(0, Some(1_900))]);
    assert_eq!(case.spans("stripe"), net, "what stands comes first");

    // Rates by id are joined.
    let by_id = TaxRate { percentage: None, inclusive: false, id: Some("txr_1".into()) };
    let mut case = state(false);
    case.line[0].1.tax_rates = vec![by_id];
    assert_eq!(case.spans("stripe"), gross, "told nowhere, and the price doesn't say inclusive");
    let rate = TaxRateState { id: "txr_1".into(), percentage: decimal("19"), inclusive: true };
    let told = fact("evt_t", 99, Role::Created, State::TaxRate(rate.clone()));
    assert_eq!(case.clone().with([told]).spans("stripe"), net);
    let exclusive = State::TaxRate(TaxRateState { inclusive: false, ..rate });
    assert_eq!(case.with([fact("evt_t", 99, Role::Created, exclusive)]).spans("stripe"), gross);
}

fn shown(id: &str, created: i64, lines: &[(&str, i64, i64)]) -> Fact {
    let lines = lines.iter().map(|(of, amount, off)| {
        let mut one = line(of, "a", *amount, 1, (created, created + 30));
        one.product = Some(format!("prod_{of}").as_str().into());
        one.discounts = if *off == 0 { vec![] } else { vec![("di_1".into(), *off)] };
        one
    });
    invoice(id, created, lines.collect())
}

/// Rule `discount-by-id`.
/// One whole or half per cent that explains all lines, else one amount that explains all invoices, else the nearest share.
#[test]
fn a_discount_known_by_id_is_what_all_its_lines_say() {
    let state = |quantity: i64, period| {
        discounted(vec![item("si_1", monthly("a", 10_000), quantity)], period, vec![id_only("di_1")])
    };
    let seats = || Case::of(vec![(0, state(1, (0, 30))), (10, state(3, (0, 30))), (30, state(3, (30, 60)))]);
    let quarter = ["0 Snapshot: si_1=7500/10000~", "10 Snapshot: si_1=22500/30000~", "30 Snapshot: si_1=22500/30000~"];
    let first = seats().with([shown("in_1", 0, &[("si_1", 10_000, 2_500)])]);
    assert_eq!(first.spans("stripe"), quarter);
    let renewed = first.with([shown("in_2", 30, &[("si_1", 30_000, 7_500)])]);
    assert_eq!(renewed.spans("stripe"), quarter, "the renewal shows again what was estimated");
    let flat =
        seats().with([shown("in_1", 0, &[("si_1", 10_000, 2_500)]), shown("in_2", 30, &[("si_1", 30_000, 2_500)])]);
    assert_eq!(
        flat.spans("stripe"),
        ["0 Snapshot: si_1=7500/10000~", "10 Snapshot: si_1=27500/30000~", "30 Snapshot: si_1=27500/30000~"],
        "a later invoice tells of before as well"
    );
    let (_, quality) = flat.price(&Profile::built_in("stripe").unwrap());
    assert!(quality[0].detail.contains("25.00 an invoice"), "{}", quality[0].detail);
    let neither =
        seats().with([shown("in_1", 0, &[("si_1", 10_000, 2_000)]), shown("in_2", 30, &[("si_1", 30_000, 10_000)])]);
    assert_eq!(
        neither.spans("stripe"),
        ["0 Snapshot: si_1=8000/10000~", "10 Snapshot: si_1=24000/30000~", "30 Snapshot: si_1=20000/30000~"]
    );
}

#[test]
fn a_discount_known_by_id_leaves_alone_what_its_invoices_leave_alone() {
    let items = |more: &[&str]| {
        let own = [item("si_1", monthly("si_1", 1_000), 1), item("si_2", monthly("si_2", 4_000), 1)];
        own.into_iter().chain(more.iter().map(|id| item(id, monthly(id, 100), 1))).collect()
    };
    let on = |more: &[&str], lines: &[(&str, i64, i64)]| {
        Case::of(vec![(0, discounted(items(more), (0, 30), vec![id_only("di_1")]))])
            .with([shown("in_1", 0, lines)])
            .spans("stripe")
    };
    let both = [("si_1", 1_000, 200), ("si_2", 4_000, 800)];
    assert_eq!(on(&["si_3"], &both), ["0 Snapshot: si_1=800/1000~ si_2=3200/4000~ si_3=80/100~"]);
    let one = [("si_1", 1_000, 200), ("si_2", 4_000, 0)];
    assert_eq!(on(&["si_3"], &one), ["0 Snapshot: si_1=800/1000~ si_2=4000 si_3=100"], "a coupon for some products");
    let flat = [("si_1", 1_000, 67), ("si_2", 4_000, 266)];
    assert_eq!(on(&[], &flat), ["0 Snapshot: si_1=933.4/1000~ si_2=3733.6/4000~"], "333 an invoice, in proportion");
}

/// Rule `discount-duration`.
/// Gone at the first renewal: once; at a later one: repeating; else forever, until more is known.
#[test]
fn a_duration_told_nowhere_is_read_off_when_the_discount_went() {
    let state = |period, listed: bool| {
        let taken = if listed { vec![id_only("di_1")] } else { vec![] };
        discounted(vec![item("si_1", monthly("a", 100), 1)], period, taken)
    };
    let told = |line: &[((i64, i64), bool)]| {
        let snapshots = line.iter().map(|(period, listed)| (period.0, state(*period, *listed))).collect();
        let (_, quality) = Case::of(snapshots)
            .with([shown("in_1", 0, &[("si_1", 100, 50)])])
            .price(&Profile::built_in("finance").unwrap());
        let inferred: Vec<_> = quality.iter().filter(|one| one.kind == QualityKind::DurationInferred).collect();
        assert!(inferred.len() == 1 && inferred[0].until.is_none(), "it stays listed: {quality:?}");
        inferred[0].detail.rsplit_once(": ").unwrap().1.trim_start_matches("counts as ").to_owned()
    };
    let unknown = "forever until more is known";
    assert_eq!(told(&[((0, 31), true)]), unknown);
    assert_eq!(told(&[((0, 31), true), ((31, 59), false)]), "once");
    assert_eq!(told(&[((0, 31), true), ((31, 59), true)]), unknown);
    assert_eq!(told(&[((0, 31), true), ((31, 59), true), ((59, 90), false)]), "repeating");
    assert_eq!(told(&[((0, 31), true), ((31, 59), true), ((59, 90), true)]), unknown, "still there after a second");
    assert_eq!(told(&[((0, 31), true), ((10, 41), false)]), "forever", "a reset is no renewal");
    let mut yearly = state((0, 31), true);
    yearly.trial_end = Some(day(31));
    let case = Case::of(vec![(0, yearly), (31, state((31, 59), false))]).with([shown("in_1", 0, &[("si_1", 100, 50)])]);
    let (spans, quality) = case.price(&Profile::built_in("finance").unwrap());
    assert!(
        quality.iter().any(|one| one.detail.contains("between renewals")),
        "the end of a trial is none: {quality:?}"
    );
    assert_eq!(in_words(&spans[0]), "0 Snapshot: si_1=50/100~");
    // Under a knob that leaves it alone it never counted.
    let once = Case::of(vec![(0, state((0, 31), true)), (31, state((31, 59), false))]).with([shown(
        "in_1",
        0,
        &[("si_1", 100, 50)],
    )]);
    assert_eq!(once.spans("stripe"), ["0 Snapshot: si_1=100", "31 Snapshot: si_1=100"]);
    assert_eq!(once.spans("chartmogul")[0], "0 Snapshot: si_1=50/100~");
}

/// Rule `line-periods`.
/// Told by an invoice line, of the very price, of the interval's length.
#[test]
fn an_invoice_line_tells_terms_and_parts_of_an_interval() {
    let mut embedded = line("si_9", "t", 4_150, 6, (0, 30));
    embedded.terms = Some(LineTerms::Whole(Box::new(price_of("t", graduated(), IntervalUnit::Month))));
    let case = Case::of(vec![(0, subscription(vec![item("si_1", unknown("t"), 20)], (0, 30)))]);
    assert_eq!(case.clone().with([invoice("in_1", 90, vec![embedded])]).spans("stripe"), ["0 Snapshot: si_1=12750"]);
    let mut plain = line("si_9", "t", 700, 1, (0, 30));
    plain.terms = Some(LineTerms::Plain);
    (plain.unit_amount, plain.interval) =
        (Some(Decimal::whole(700)), Some(Interval { unit: IntervalUnit::Month, count: 1 }));
    let bare = Case::of(vec![(0, subscription(vec![item("si_1", Price::by_id("t".into()), 2)], (0, 30)))]);
    let told = bare.with([invoice("in_1", 90, vec![plain])]);
    assert_eq!(told.spans("stripe"), ["0 Snapshot: si_1=1400"]);

    // A year's price billed for its first quarter.
    let yearly = Price { interval: Some(Interval { unit: IntervalUnit::Year, count: 1 }), ..unknown("y") };
    let cut = Case::of(vec![(0, subscription(vec![item("si_1", yearly, 1)], (0, 90)))]).with([invoice(
        "in_1",
        0,
        vec![line("si_1", "y", 3_000, 1, (0, 90))],
    )]);
    assert_eq!(cut.spans("stripe"), ["0 Snapshot: si_1=1000~"], "1 January to 1 April 1970");
}

/// Rule `unknown-values`.
#[test]
fn what_is_of_an_unknown_kind_counts_what_it_counted() {
    let strange = Price {
        scheme: Scheme::Unknown,
        interval: None,
        unknown: Some("interval \"fortnight\"".into()),
        ..monthly("b", 3_000)
    };
    let state = |price: Price| subscription(vec![item("si_1", price, 2)], (0, 30));
    let case =
        Case::of(vec![(0, state(monthly("a", 1_000))), (5, state(strange.clone())), (9, state(monthly("c", 500)))])
            .with([invoice("in_1", 6, vec![line("si_1", "b", 9_000, 2, (5, 35))])]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=2000", "5 Snapshot: si_1=2000~", "9 Snapshot: si_1=1000"]);
    assert_eq!(case.quality("stripe"), ["estimated_item si_1 5..9", "unknown_value si_1 5.."]);
    // Each value is named, also one that follows another.
    let other = Price { id: "d".into(), unknown: Some("billing_scheme \"matrix\"".into()), ..strange.clone() };
    let two = Case::of(vec![(0, state(monthly("a", 1_000))), (5, state(strange.clone())), (7, state(other))]);
    assert_eq!(two.quality("stripe"), ["estimated_item si_1 5..", "unknown_value si_1 5..", "unknown_value si_1 7.."]);
    let first = Case::of(vec![(0, state(strange.clone()))]);
    assert_eq!(first.spans("stripe"), ["0 Snapshot: si_1=0?"]);
    // An amount off an invoice falls on it as often as it did.
    let off = |price: Price| {
        discounted(vec![item("si_1", price, 2)], (0, 30), vec![discount("di_1", amount(500), Duration::Forever, None)])
    };
    let case = Case::of(vec![(0, off(monthly("a", 1_000))), (5, off(strange.clone()))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=1500/2000", "5 Snapshot: si_1=1500/2000~"]);
    let (_, quality) = first.price(&Profile::built_in("stripe").unwrap());
    assert!(quality.iter().all(|entry| entry.detail.contains("interval \"fortnight\"")), "{quality:?}");
}

#[test]
fn what_overflows_is_unpriced_and_says_so() {
    let huge = Scheme::PerUnit(Decimal::from_units(i128::MAX));
    let mut one = item("si_1", price_of("a", huge, IntervalUnit::Month), i64::MAX);
    let case = Case::of(vec![(0, subscription(vec![one.clone(), item("si_2", monthly("b", 5), 1)], (0, 30)))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=0? si_2=5"]);
    let (_, quality) = case.price(&Profile::built_in("stripe").unwrap());
    assert_eq!(quality[0].kind, QualityKind::UnpricedItem);
    assert!(quality[0].detail.contains("overflows"), "{}", quality[0].detail);

    let large = Scheme::PerUnit(Decimal::whole(i64::MAX / 1_000_000 + 1));
    let case =
        Case::of(vec![(0, subscription(vec![item("si_1", price_of("a", large, IntervalUnit::Month), 1)], (0, 30)))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=0?"], "past the 64 bits of an item's row");

    // A discount that overflows makes unpriced what it falls on, and nothing else.
    one = item("si_1", price_of("a", Scheme::PerUnit(Decimal::from_units(i128::MAX / 3)), IntervalUnit::Day), 1);
    one.discounts = vec![discount("di_1", Some(Off::Percent(decimal("0.000000000001"))), Duration::Forever, None)];
    let case = Case::of(vec![(0, subscription(vec![one, item("si_2", monthly("b", 5), 1)], (0, 30)))]);
    assert_eq!(case.spans("stripe"), ["0 Snapshot: si_1=0? si_2=5"]);
}

#[test]
fn explain_tells_every_rule() {
    let mut only = item("si_1", monthly("a", 1_500), 2);
    only.tax_rates = vec![TaxRate { percentage: Some(decimal("20")), inclusive: true, id: None }];
    let taken = discount("di_1", percent(20), Duration::Forever, None);
    let left = discount("di_2", percent(50), Duration::Once, None);
    let case = Case::of(vec![(0, discounted(vec![only], (0, 30), vec![taken, left]))]);
    let profile = Profile::built_in("stripe").unwrap();
    let none = Granted::new();
    let (explained, priced) = case.run(|snapshots, terms| {
        (explain(snapshots, terms, &profile, &none), price(snapshots, terms, &profile, &none).0)
    });
    assert_eq!(explained.iter().map(|(span, _)| span.clone()).collect::<Vec<_>>(), priced, "the very spans that count");
    let steps: Vec<_> =
        explained[0].1.iter().map(|(item, step)| format!("{item} [{}] {}", step.rule, step.text)).collect();
    assert_eq!(
        steps,
        [
            "si_1 [monthly-amount] 2 × 15.00 a month = 30.00 a month",
            "si_1 [discount-order] di_1 (20 % forever): −6.00 of 30.00",
            "si_1 [discount-order] di_2 is left alone: discount_once = ignore",
            "si_1 [inclusive-tax] 24.00 includes 20 % tax, which is taken out",
            "si_1 [fixed-point] counts 20.00 a month, 25.00 before discounts",
        ]
    );
}

#[test]
fn a_part_asks_for_another_quantity() {
    let state = subscription(vec![item("si_1", price_of("t", graduated(), IntervalUnit::Month), 6)], (0, 30));
    let at = |quantity: i64| {
        let case = Case::of(vec![(0, state.clone())]);
        case.run(|line, terms| list_at(line, 0, 0, Some(Decimal::whole(quantity)), terms))
    };
    assert_eq!((at(6), at(20)), (Some(Mrr(4_150 * Mrr::MINOR)), Some(Mrr(12_750 * Mrr::MINOR))));
}

/// Everything at once, for the properties.
fn crowded(units: &[(i64, u8)], discounts: Vec<(i64, bool, u8)>) -> Case {
    let items = units.iter().enumerate().map(|(index, (unit, kind))| {
        let id = format!("p{index}");
        let price = match kind % 4 {
            0 => monthly(&id, *unit),
            1 => yearly(&id, *unit),
            2 => price_of(&id, Scheme::PerUnit(Decimal::whole(*unit)), IntervalUnit::Week),
            _ => price_of(&id, graduated(), IntervalUnit::Day),
        };
        item(&format!("si_{index}"), price, 1 + unit % 7)
    });
    let taken = discounts.into_iter().enumerate().map(|(index, (off, share, duration))| {
        let off = if share { percent(off % 101) } else { amount(off) };
        let duration = [Duration::Forever, Duration::Repeating, Duration::Once][usize::from(duration) % 3];
        discount(&format!("di_{index}"), off, duration, (duration == Duration::Repeating).then_some(75))
    });
    Case::of(vec![(0, discounted(items.collect(), (0, 30), taken.collect()))])
}

proptest! {
    /// Rule `fixed-point`.
    #[test]
    fn net_lies_between_nothing_and_list(
        units in prop::collection::vec((0i64..1_000_000, any::<u8>()), 1..6),
        discounts in prop::collection::vec((0i64..500_000, any::<bool>(), any::<u8>()), 0..5),
    ) {
        let case = crowded(&units, discounts);
        let ignore_all = [("discount_forever", "ignore"), ("discount_repeating", "ignore"), ("discount_once", "ignore")];
        let list_only = Profile::extend(&Profile::built_in("stripe").unwrap(), "list", &ignore_all).unwrap();
        let (list, _) = case.price(&list_only);
        for profile in Profile::BUILT_IN {
            let (spans, quality) = case.price(&Profile::built_in(profile).unwrap());
            prop_assert!(quality.is_empty());
            for span in &spans {
                for (item, alone) in span.items.iter().zip(&list[0].items) {
                    prop_assert!(Mrr::ZERO <= item.net && item.net <= item.list, "{}", in_words(span));
                    prop_assert_eq!(item.list, alone.net, "list MRR is MRR without discounts");
                }
            }
            for pair in spans.windows(2) {
                prop_assert!(pair[0].from < pair[1].from);
            }
        }
    }

    /// Facts in any order, some of them twice, some about other things.
    #[test]
    fn the_order_of_facts_changes_nothing(
        seed in prop::collection::vec(any::<prop::sample::Index>(), 24),
        repeated in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut billed = line("si_1", "t", 9_000, 9, (0, 30));
        billed.discounts = vec![(DiscountId::from("di_2"), 900)];
        let full = discount("di_1", percent(20), Duration::Forever, None);
        let coupon = |at, off| fact(&format!("evt_c{at}"), at, Role::Updated, State::Coupon(terms("coupon_di_1", off, Duration::Forever)));
        let facts = vec![
            invoice("in_1", 1, vec![billed.clone()]),
            invoice("in_2", 31, vec![billed.clone()]),
            invoice("in_3", 31, vec![]),
            customer(0, None),
            customer(40, Some(discount("di_c", percent(10), Duration::Repeating, Some(70)))),
            customer(50, None),
            coupon(1, None),
            coupon(2, percent(20)),
            fact("evt_d", 3, Role::Created, State::Discount(DiscountState { terms: None, ..full })),
            fact("evt_q", 3, Role::Created, State::Price(Box::new(price_of("else", graduated(), IntervalUnit::Year)))),
        ];
        let listed = vec![id_only("di_1"), id_only("di_2"), id_only("di_3")];
        let items = vec![item("si_1", unknown("t"), 9), item("si_2", monthly("b", 777), 3)];
        let case = Case::of(vec![
            (0, discounted(items.clone(), (0, 30), listed)),
            (35, subscription(items, (30, 60))),
        ]);
        let in_order = case.clone().with(facts.clone());
        let mut shuffled = facts.clone();
        shuffled.extend(repeated.iter().map(|index| facts[index.index(facts.len())].clone()));
        for (from, to) in seed.iter().enumerate() {
            let length = shuffled.len();
            shuffled.swap(from % length, to.index(length));
        }
        let shuffled = case.with(shuffled);
        for name in Profile::BUILT_IN {
            let profile = Profile::built_in(name).unwrap();
            prop_assert_eq!(in_order.price(&profile), shuffled.price(&profile), "{}", name);
        }
        prop_assert!(in_order.spans("finance").len() > 2, "the case has something to lose");
    }

    /// Rule `monthly-amount`.
    #[test]
    fn intervals_are_factors_of_one_another(unit in 1i64..1_000_000, quantity in 1i64..1_000, count in 1u32..24) {
        let net = |unit_amount: i64, interval: IntervalUnit, count: u32| {
            let mut price = price_of("a", Scheme::PerUnit(Decimal::whole(unit_amount)), interval);
            price.interval = Some(Interval { unit: interval, count });
            let (spans, _) = Case::of(vec![(0, subscription(vec![item("si_1", price, quantity)], (0, 30)))])
                .price(&Profile::built_in("stripe").unwrap());
            spans[0].items[0].net
        };
        prop_assert_eq!(net(unit, IntervalUnit::Year, count), net(unit, IntervalUnit::Month, 12 * count));
        prop_assert_eq!(net(unit, IntervalUnit::Week, 52 * count), net(unit, IntervalUnit::Year, count));
        prop_assert_eq!(net(unit, IntervalUnit::Day, 365 * count), net(unit, IntervalUnit::Year, count));
        prop_assert_eq!(net(unit * 12 * i64::from(count), IntervalUnit::Year, count), net(unit, IntervalUnit::Month, 1));
    }
}
