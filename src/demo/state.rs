//! What the simulated account knows of its customers and their subscriptions.

use serde_json::Value;
use strum::IntoStaticStr;

use crate::ledger::time::UnixTime;

use super::catalog::{COUPONS, Cycle, Lasts, Money, months_after};

/// `subscription.status`, as far as this account gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Status {
    Incomplete,
    IncompleteExpired,
    Trialing,
    Active,
    PastDue,
    Unpaid,
    Paused,
    Canceled,
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        self.into()
    }

    /// Nothing comes after it.
    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::Canceled | Self::IncompleteExpired)
    }
}

/// A coupon given to someone.
#[derive(Clone, Debug)]
pub(super) struct Discount {
    pub(super) id: String,
    /// Its place in [`COUPONS`].
    pub(super) coupon: usize,
    pub(super) start: UnixTime,
    /// Only of a repeating one.
    pub(super) end: Option<UnixTime>,
    /// No event tells its terms: subscriptions list its id, and invoice lines what it takes off.
    pub(super) silent: bool,
}

impl Discount {
    pub(super) fn new(id: String, coupon: usize, start: UnixTime) -> Self {
        let end = match COUPONS[coupon].lasts {
            Lasts::Months(months) => Some(months_after(start, i64::from(months))),
            Lasts::Forever | Lasts::Once => None,
        };
        Self { id, coupon, start, end, silent: false }
    }

    /// Whether an invoice of `period` would still be discounted at `at`: the last billing period that starts before
    /// the discount's end is discounted whole.
    pub(super) fn holds(&self, period: Period, at: UnixTime) -> bool {
        let running = self.end.is_none_or(|end| at < end || (period.start < end && at < period.end));
        at >= self.start && running
    }
}

/// A stretch of time: `start` is in it, `end` isn't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) start: UnixTime,
    pub(super) end: UnixTime,
}

#[derive(Debug)]
pub(super) struct Customer {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) country: &'static str,
    pub(super) industry: &'static str,
    /// Of the first subscription; another may be in another.
    pub(super) currency: Money,
    /// No tax is in what it pays.
    pub(super) tax_exempt: bool,
    pub(super) created: UnixTime,
    /// How likely a payment fails, in percent.
    pub(super) card_trouble: u64,
    pub(super) delinquent: bool,
    pub(super) deleted: bool,
    pub(super) discount: Option<Discount>,
    /// Places of all its subscriptions, ended ones too.
    pub(super) subscriptions: Vec<usize>,
    /// As last shown in an event.
    pub(super) shown: Value,
}

impl Customer {
    /// What is in a price of this currency that isn't the company's: a tenth on top of it, of everybody who isn't exempt.
    pub(super) fn taxed(&self, currency: Money) -> bool {
        currency == Money::Jpy && !self.tax_exempt
    }
}

/// One item of a subscription.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) price: usize,
    pub(super) quantity: i64,
    pub(super) created: UnixTime,
    pub(super) discounts: Vec<Discount>,
}

/// `cancellation_details`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cancellation {
    pub(super) reason: Option<&'static str>,
    pub(super) feedback: Option<&'static str>,
    pub(super) comment: Option<&'static str>,
}

#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) id: String,
    pub(super) customer: usize,
    pub(super) currency: Money,
    pub(super) status: Status,
    pub(super) items: Vec<Item>,
    pub(super) discounts: Vec<Discount>,
    pub(super) cycle: Cycle,
    /// What the billing cycles are counted from, and how many have begun.
    pub(super) anchor: UnixTime,
    pub(super) cycles: i64,
    pub(super) period: Period,
    pub(super) trial: Option<Period>,
    pub(super) created: UnixTime,
    pub(super) cancel_at: Option<UnixTime>,
    pub(super) cancel_at_period_end: bool,
    /// It was to end at `cancel_at` from the first day on: nobody asked for it later.
    pub(super) fixed_term: bool,
    /// Until then nobody changes or ends it and every payment succeeds: what its silent discount is shows by then.
    pub(super) promised: UnixTime,
    pub(super) canceled_at: Option<UnixTime>,
    pub(super) ended_at: Option<UnixTime>,
    pub(super) cancellation: Cancellation,
    /// `pause_collection.behavior`.
    pub(super) collection_paused: Option<&'static str>,
    pub(super) latest_invoice: Option<String>,
    /// A price waiting for the next renewal, under a schedule of this id.
    pub(super) scheduled: Option<(String, usize)>,
    /// The plan that takes its place in a few minutes, once it has ended or before it ends.
    pub(super) successor: Option<(usize, Money)>,
    /// Grows with each change that money doesn't notice.
    pub(super) note: u32,
    /// The open invoice, as last shown.
    pub(super) invoice: Value,
    /// Corrections that the next invoice bills.
    pub(super) prorations: Vec<Value>,
    /// Which failed attempt is waiting for a retry.
    pub(super) attempt: u32,
    /// As last shown in an event.
    pub(super) shown: Value,
}

impl Subscription {
    /// Begins a new count of billing cycles at `at`.
    pub(super) fn anchor_at(&mut self, at: UnixTime) {
        self.anchor = at;
        self.cycles = 1;
        self.period = Period { start: at, end: self.cap(self.cycle.after(at, 1)) };
    }

    /// Moves on to the next billing cycle.
    pub(super) fn next_period(&mut self) {
        self.cycles += 1;
        self.period = Period { start: self.period.end, end: self.cap(self.cycle.after(self.anchor, self.cycles)) };
    }

    /// A period never outlasts the subscription.
    fn cap(&self, end: UnixTime) -> UnixTime {
        self.cancel_at.map_or(end, |cancel_at| cancel_at.min(end))
    }

    /// Takes discounts off the list that no longer count in the current period.
    pub(super) fn drop_ended_discounts(&mut self) -> Vec<Discount> {
        let start = self.period.start;
        let ended = |discount: &Discount| {
            let billed_once = COUPONS[discount.coupon].lasts == Lasts::Once && discount.start < start;
            billed_once || discount.end.is_some_and(|end| end <= start)
        };
        let mut dropped: Vec<Discount> = self.discounts.extract_if(.., |discount| ended(discount)).collect();
        for item in &mut self.items {
            dropped.extend(item.discounts.extract_if(.., |discount| ended(discount)));
        }
        dropped
    }

    /// The instants at which time alone may change what it is worth.
    pub(super) fn turning_points(&self) -> Vec<UnixTime> {
        let discounts = self.discounts.iter().chain(self.items.iter().flat_map(|item| &item.discounts));
        let ends: Vec<UnixTime> = discounts.filter_map(|discount| discount.end).collect();
        if ends.is_empty() { ends } else { ends.into_iter().chain([self.period.end]).collect() }
    }
}
