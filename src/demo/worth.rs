//! What a simulated subscription is worth a month, by the simulator's own arithmetic: exact ratios, rounded once.

use std::collections::BTreeMap;

use num_rational::Ratio;
use num_traits::{Signed, Zero};

use crate::ledger::time::UnixTime;

use super::{
    catalog::{COUPONS, Catalog, Lasts, Money, Off},
    state::{Customer, Discount, Status, Subscription},
};

/// Millionths of a minor unit in one.
pub(super) const MILLION: i128 = 1_000_000;

/// The rules the truth is told under: those of the two profiles, as far as this account's life can tell them apart.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The profile of the daemon that has the same rules.
    pub profile: &'static str,
    /// Discounts for some months are subtracted.
    repeating: bool,
    /// A cancellation counts when it is asked for.
    at_request: bool,
    /// Paused collection goes on counting.
    paused_collection: bool,
    /// Who is discounted to nothing is lost.
    pub(super) free_is_lost: bool,
}

/// Both rule sets the truth is told under.
pub const RULES: [Rules; 2] = [
    Rules { profile: "stripe", repeating: false, at_request: true, paused_collection: true, free_is_lost: true },
    Rules { profile: "finance", repeating: true, at_request: false, paused_collection: false, free_is_lost: false },
];

/// What one item or several are worth, in millionths of a minor unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amounts {
    pub(super) mrr: i128,
    /// Without discounts, of what counts.
    pub(super) list: i128,
    /// Of `mrr`, what is past due.
    pub(super) at_risk: i128,
    /// What counts until the end, and is set to end.
    pub(super) scheduled_churn: i128,
}

/// What one or several subscriptions of a currency are worth, item by item: each is converted by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Worth {
    pub(super) items: Vec<Amounts>,
    /// How many subscriptions have MRR.
    pub(super) subscriptions: i64,
}

/// By currency; one of which nothing stands is left out.
pub(super) type Worths = BTreeMap<Money, Worth>;

impl Worth {
    pub(super) fn add(&mut self, other: Self) {
        self.items.extend(other.items);
        self.subscriptions += other.subscriptions;
    }

    /// All items, each as `each` reads it.
    pub(super) fn sum(&self, each: impl Fn(i128) -> i128) -> Amounts {
        let mut sum = Amounts::default();
        for item in &self.items {
            sum.mrr += each(item.mrr);
            sum.list += each(item.list);
            sum.at_risk += each(item.at_risk);
            sum.scheduled_churn += each(item.scheduled_churn);
        }
        sum
    }
}

/// One subscription at one instant.
pub(super) fn worth(
    subscription: &Subscription,
    customer: &Customer,
    catalog: &Catalog,
    rules: &Rules,
    at: UnixTime,
) -> Worth {
    let runs = matches!(subscription.status, Status::Active | Status::PastDue);
    let collects = rules.paused_collection || subscription.collection_paused.is_none();
    if !runs || !collects {
        return Worth::default();
    }
    let set_to_end = subscription.cancel_at.is_some();
    let gone = rules.at_request && set_to_end && !subscription.fixed_term;
    let past_due = subscription.status == Status::PastDue;
    let items =
        amounts(subscription, customer, catalog, rules, at).into_iter().map(|Monthly { net: mrr, list }| Amounts {
            mrr: if gone { 0 } else { mrr },
            list: if gone { 0 } else { list },
            at_risk: if past_due && !gone { mrr } else { 0 },
            scheduled_churn: if set_to_end { mrr } else { 0 },
        });
    let items: Vec<Amounts> = items.collect();
    let subscriptions = i64::from(items.iter().any(|item| item.mrr > 0));
    Worth { items, subscriptions }
}

/// What an item bills a month, in millionths of a minor unit, rounded once.
struct Monthly {
    /// After discounts and without the tax in it.
    net: i128,
    /// Before discounts.
    list: i128,
}

/// What each item bills a month.
fn amounts(
    subscription: &Subscription,
    customer: &Customer,
    catalog: &Catalog,
    rules: &Rules,
    at: UnixTime,
) -> Vec<Monthly> {
    let subtracted = |discount: &&Discount| {
        let counts = match COUPONS[discount.coupon].lasts {
            Lasts::Forever => true,
            Lasts::Months(_) => rules.repeating,
            Lasts::Once => false,
        };
        counts && discount.holds(subscription.period, at)
    };
    let mut left: Vec<Ratio<i128>> = Vec::new();
    let mut lists: Vec<Ratio<i128>> = Vec::new();
    for item in &subscription.items {
        let price = &catalog.prices[item.price];
        let (cycles, months) = price.cycle.per_month();
        let hundredths = i128::from(price.unit_hundredths) * i128::from(item.quantity);
        let mut item_left = vec![Ratio::new(hundredths * cycles, 100 * months)];
        lists.push(item_left[0]);
        for discount in item.discounts.iter().filter(subtracted) {
            apply(discount, &mut item_left, subscription);
        }
        left.extend(item_left);
    }
    // Where a subscription has no discount of its own, the customer's applies.
    let own = &subscription.discounts;
    let discounts: Vec<&Discount> =
        if own.is_empty() { customer.discount.iter().collect() } else { own.iter().collect() };
    for discount in discounts.into_iter().filter(subtracted) {
        apply(discount, &mut left, subscription);
    }
    // Of eleven yen one is tax.
    let ours = if customer.taxed(subscription.currency) { Ratio::new(10, 11) } else { Ratio::from_integer(1) };
    let monthly = |(net, list)| Monthly { net: rounded(net * ours), list: rounded(list * ours) };
    left.into_iter().zip(lists).map(monthly).collect()
}

/// Takes one discount off what the ones before left.
fn apply(discount: &Discount, left: &mut [Ratio<i128>], subscription: &Subscription) {
    let sum: Ratio<i128> = left.iter().sum();
    if !sum.is_positive() {
        return;
    }
    let keeps = match COUPONS[discount.coupon].off {
        Off::Permille(permille) => Ratio::new(1000 - permille, 1000),
        // Once for each invoice: all items of a subscription here share its billing cycle.
        Off::Amount(amount, _) => {
            let (cycles, months) = subscription.cycle.per_month();
            let share = Ratio::new(amount * cycles, months) / sum;
            if share >= Ratio::from_integer(1) { Ratio::zero() } else { Ratio::from_integer(1) - share }
        }
    };
    for amount in left {
        *amount *= keeps;
    }
}

/// To millionths of a minor unit, ties to the even one.
fn rounded(amount: Ratio<i128>) -> i128 {
    half_even(amount * MILLION)
}

/// To a whole number, ties to the even one.
pub(super) fn half_even(scaled: Ratio<i128>) -> i128 {
    let floor = scaled.floor().to_integer();
    let rest = scaled - scaled.floor();
    let half = Ratio::new(1, 2);
    let up = rest > half || (rest == half && floor % 2 != 0);
    floor + i128::from(up)
}

/// Whole minor units as `X_exact` prints them: at most six places, no trailing zeros.
pub fn exact(millionths: i128) -> String {
    let (whole, rest) = (millionths.abs() / MILLION, millionths.abs() % MILLION);
    let sign = if millionths < 0 { "-" } else { "" };
    if rest == 0 {
        return format!("{sign}{whole}");
    }
    format!("{sign}{whole}.{}", format!("{rest:06}").trim_end_matches('0'))
}

/// Reads such a string back; `None` for anything else.
pub fn read_exact(text: &str) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
    if rest.len() > 6 || !rest.bytes().chain(whole.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let rest: i128 = format!("{rest:0<6}").parse().ok()?;
    Some(sign * (whole * MILLION + rest))
}
