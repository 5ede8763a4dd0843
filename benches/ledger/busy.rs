//! An account that changes all the time: 29 webhooks for each customer, most of which change what it pays.
//!
//! Plans and seats change, add-ons come and go, discounts begin and end, payments fail and are made good, subscriptions are
//! set to end, end and begin again. The same size and end give the same bytes, and a million webhooks take seconds: no
//! simulation stands behind them, only a state for each customer and a generator of numbers.

use std::{cmp::Reverse, collections::BinaryHeap, fmt::Write as _};

use mrrd::ledger::time::UnixTime;

/// Webhooks for each customer, its first included.
pub(crate) const EACH: u32 = 29;
/// How long the account has lived at its end.
pub(crate) const DAYS: i64 = 1_000;
const DAY: u64 = UnixTime::DAY_SECONDS as u64;
/// Of the customers' countries the first is the most frequent.
const COUNTRIES: [&str; 30] = [
    "US", "GB", "DE", "FR", "CA", "AU", "NL", "ES", "IT", "SE", "CH", "BR", "JP", "IN", "IE", "DK", "NO", "FI", "AT",
    "BE", "PL", "PT", "CZ", "MX", "NZ", "SG", "KR", "ZA", "IL", "GR",
];
/// Six products, each sold by the month at two prices and by the year at one.
const PRODUCTS: u64 = 6;
const PRICES: u64 = PRODUCTS * 3;

/// One customer as it stands.
struct Customer {
    random: u64,
    webhooks: u32,
    /// Of its subscriptions this is the running one.
    subscription: u32,
    started: u64,
    price: u64,
    quantity: u64,
    add_on: bool,
    discount: Option<(u32, u64)>,
    discounts: u32,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unknown,
    /// Created, without a subscription.
    Known,
    Active,
    PastDue,
    SetToEnd,
    Ended,
}

/// The account; an iterator over its webhooks in the order in which they happened, each in one line.
pub(crate) struct Busy {
    customers: Vec<Customer>,
    /// When each customer's next webhook comes.
    next: BinaryHeap<Reverse<(u64, u32)>>,
    start: u64,
    end: u64,
    body: String,
}

impl Busy {
    /// So many customers whose lives lead up to `end`.
    pub(crate) fn of(customers: u32, end: UnixTime) -> Self {
        let end = u64::try_from(end.0).unwrap();
        let start = end - u64::try_from(DAYS).unwrap() * DAY;
        let customers: Vec<Customer> = (0..customers)
            .map(|number| Customer {
                random: mixed(u64::from(number) + 1),
                webhooks: 0,
                subscription: 0,
                started: 0,
                price: 0,
                quantity: 1,
                add_on: false,
                discount: None,
                discounts: 0,
                state: State::Unknown,
            })
            .collect();
        let mut account = Self { customers, next: BinaryHeap::new(), start, end, body: String::new() };
        for number in 0..u32::try_from(account.customers.len()).unwrap() {
            // Four fifths of the span win customers.
            let span = (account.end - account.start) / 5 * 4;
            let at = account.start + account.customers[number as usize].below(span);
            account.next.push(Reverse((at, number)));
        }
        account
    }

    /// How many webhooks there are in all.
    pub(crate) fn events(&self) -> usize {
        self.customers.len() * EACH as usize
    }

    /// Writes the next webhook, or none.
    pub(crate) fn next_line(&mut self) -> Option<&str> {
        let Reverse((at, number)) = self.next.pop()?;
        let customer = &mut self.customers[number as usize];
        self.body.clear();
        customer.step(number, at, &mut self.body);
        customer.webhooks += 1;
        let left = u64::from(EACH - customer.webhooks);
        if left > 0 {
            // What is left of its webhooks is spread over what is left of the span, a payment made good comes soon.
            let usual = (self.end - at) / (left + 1);
            let soon = matches!(customer.state, State::Known | State::PastDue);
            let wait = if soon { 3 * 3600 + customer.below(DAY) } else { usual / 2 + customer.below(usual.max(1)) };
            self.next.push(Reverse(((at + wait).min(self.end - 1), number)));
        }
        Some(&self.body)
    }
}

/// A step of splitmix64: every number another, none of them alike.
fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Customer {
    fn below(&mut self, bound: u64) -> u64 {
        self.random = mixed(self.random.wrapping_add(1));
        self.random % bound
    }

    /// What happens next, as its webhook.
    fn step(&mut self, number: u32, at: u64, out: &mut String) {
        match self.state {
            State::Unknown => {
                self.state = State::Known;
                let country = COUNTRIES[usize::try_from(self.below(30).min(self.below(30))).unwrap()];
                self.event(number, at, "customer.created", out, |_, out| {
                    write!(
                        out,
                        r#"{{"id":"cus_{number:07}","object":"customer","address":{{"city":null,"country":"{country}","line1":null,"line2":null,"postal_code":null,"state":null}},"balance":0,"created":{at},"currency":"usd","delinquent":false,"description":null,"discount":null,"email":"owner{number}@example.com","livemode":true,"metadata":{{"industry":"{}"}},"name":"Customer {number}","phone":null,"shipping":null,"tax_exempt":"none","test_clock":null}}"#,
                        ["retail", "health", "media", "games"][(number % 4) as usize],
                    )
                    .unwrap();
                });
            }
            State::Known | State::Ended => {
                let again = self.state == State::Ended;
                self.subscription += u32::from(again);
                self.started = at;
                self.price = self.below(PRICES);
                self.quantity = 1 + self.below(20);
                (self.add_on, self.discount, self.state) = (false, None, State::Active);
                self.event(number, at, "customer.subscription.created", out, |one, out| one.shown(number, at, out));
            }
            State::PastDue => {
                self.state = State::Active;
                self.event(number, at, "customer.subscription.updated", out, |one, out| one.shown(number, at, out));
            }
            State::Active | State::SetToEnd => {
                if self.state == State::SetToEnd && self.below(2) == 0 {
                    self.state = State::Ended;
                    let kind = "customer.subscription.deleted";
                    return self.event(number, at, kind, out, |one, out| one.shown(number, at, out));
                }
                self.state = State::Active;
                match self.below(100) {
                    0..35 => self.quantity = 1 + (self.quantity + self.below(9)) % 25,
                    35..55 => self.price = (self.price + 1 + self.below(PRICES - 1)) % PRICES,
                    55..65 => self.add_on = !self.add_on,
                    65..75 => {
                        self.discounts += 1;
                        self.discount = if self.discount.is_some() { None } else { Some((self.discounts, at)) };
                    }
                    75..79 => self.state = State::PastDue,
                    79..84 => self.state = State::SetToEnd,
                    // A renewal: nothing of what it pays changes.
                    _ => {}
                }
                self.event(number, at, "customer.subscription.updated", out, |one, out| one.shown(number, at, out));
            }
        }
    }

    fn event(&self, number: u32, at: u64, kind: &str, out: &mut String, object: impl FnOnce(&Self, &mut String)) {
        write!(
            out,
            r#"{{"id":"evt_{number:07}_{:02}","object":"event","api_version":"2025-12-15.clover","created":{at},"data":{{"object":"#,
            self.webhooks
        )
        .unwrap();
        object(self, out);
        write!(
            out,
            r#"}},"livemode":true,"pending_webhooks":1,"request":{{"id":null,"idempotency_key":null}},"type":"{kind}"}}"#
        )
        .unwrap();
    }

    /// The subscription as it stands.
    fn shown(&self, number: u32, at: u64, out: &mut String) {
        let id = format!("{number:07}{:02}", self.subscription);
        let ends = at + 20 * DAY;
        let or_null = |there: bool, at: u64| if there { at.to_string() } else { "null".to_owned() };
        let (set, ended) = (self.state == State::SetToEnd, self.state == State::Ended);
        let status = match self.state {
            State::PastDue => "past_due",
            State::Ended => "canceled",
            _ => "active",
        };
        write!(
            out,
            r#"{{"id":"sub_{id}","object":"subscription","application":null,"automatic_tax":{{"disabled_reason":null,"enabled":false,"liability":null}},"billing_cycle_anchor":{started},"cancel_at":{cancel_at},"cancel_at_period_end":{set},"canceled_at":{canceled},"cancellation_details":{{"comment":null,"feedback":null,"reason":{reason}}},"collection_method":"charge_automatically","created":{started},"currency":"usd","customer":"cus_{number:07}","days_until_due":null,"default_tax_rates":[],"description":null,"discounts":["#,
            started = self.started,
            cancel_at = or_null(set, ends),
            canceled = or_null(set || ended, at),
            reason = if set || ended { "\"cancellation_requested\"" } else { "null" },
        )
        .unwrap();
        if let Some((discount, since)) = self.discount {
            write!(
                out,
                r#"{{"id":"di_{id}{discount}","object":"discount","customer":"cus_{number:07}","end":null,"invoice":null,"invoice_item":null,"promotion_code":null,"source":{{"coupon":{{"id":"half","object":"coupon","amount_off":null,"created":1600000000,"currency":null,"duration":"forever","duration_in_months":null,"livemode":true,"max_redemptions":null,"metadata":{{}},"name":"Half","percent_off":50,"redeem_by":null,"times_redeemed":1,"valid":true}},"type":"coupon"}},"start":{since},"subscription":"sub_{id}","subscription_item":null}}"#
            )
            .unwrap();
        }
        write!(out, r#"],"ended_at":{},"items":{{"object":"list","data":["#, or_null(ended, at)).unwrap();
        item(out, &format!("si_{id}"), self.price, self.quantity, self.started, (at, ends));
        if self.add_on {
            out.push(',');
            item(out, &format!("si_{id}a"), PRICES, 1, self.started, (at, ends));
        }
        write!(
            out,
            r#"],"has_more":false,"total_count":{},"url":"/v1/subscription_items?subscription=sub_{id}"}},"latest_invoice":null,"livemode":true,"metadata":{{}},"pause_collection":null,"schedule":null,"start_date":{},"status":"{status}","test_clock":null,"trial_end":null,"trial_start":null}}"#,
            1 + u32::from(self.add_on),
            self.started,
        )
        .unwrap();
    }
}

/// A subscription's item; the price after the last is the add-on's.
fn item(out: &mut String, id: &str, price: u64, quantity: u64, created: u64, (start, end): (u64, u64)) {
    let product = price / 3;
    let (interval, amount) = match price % 3 {
        0 => ("month", 900 + product * 1_000),
        1 => ("month", 1_900 + product * 1_500),
        _ => ("year", 9_000 + product * 11_000),
    };
    write!(
        out,
        r#"{{"id":"{id}","object":"subscription_item","created":{created},"current_period_end":{end},"current_period_start":{start},"discounts":[],"metadata":{{}},"price":{{"id":"price_{price}","object":"price","active":true,"billing_scheme":"per_unit","created":1600000000,"currency":"usd","livemode":true,"metadata":{{}},"nickname":null,"product":"prod_{product}","recurring":{{"interval":"{interval}","interval_count":1,"meter":null,"trial_period_days":null,"usage_type":"licensed"}},"tax_behavior":"exclusive","tiers_mode":null,"transform_quantity":null,"type":"recurring","unit_amount":{amount},"unit_amount_decimal":"{amount}"}},"quantity":{quantity},"tax_rates":[]}}"#
    )
    .unwrap();
}
