//! Closed months as they are kept: the figures a month was closed with, beside the log (rule `closing`).

use std::sync::Arc;

use crate::{
    event::{CustomerKey, Seq},
    ledger::{
        ids::AccountId,
        money::{Currency, Mrr},
        month::Month,
        outcome::Kind,
        time::{Day, UnixTime},
    },
};

/// That a month was closed under a profile, and from what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The profile under whose rules it is counted.
    pub profile: Arc<str>,
    /// The calendar month that was closed.
    pub month: Month,
    /// The log up to here made the figures.
    pub seq: Seq,
    /// When the month was closed, by mrrd's clock.
    pub closed_at: UnixTime,
    /// What they depend on besides the log: the fingerprint of the rules.
    pub inputs: String,
    /// SHA-256 of month, seq and inputs, in hexadecimal.
    pub hash: String,
    /// 1 as the month was first closed, one more with each that took the place of the one before.
    pub revision: i64,
    /// By whom; empty where that wasn't kept yet.
    pub who: String,
    /// Why it took the place of the one before; empty for the first.
    pub reason: String,
}

/// Of each month and profile the closing that holds, in the order they came.
pub fn holding(all: impl IntoIterator<Item = Closing>) -> Vec<Closing> {
    let mut holding: Vec<Closing> = Vec::new();
    for closing in all {
        match holding.iter_mut().find(|one| one.month == closing.month && one.profile == closing.profile) {
            Some(one) if one.revision < closing.revision => *one = closing,
            Some(_) => {}
            None => holding.push(closing),
        }
    }
    holding
}

/// A line of a ledger's bridge over the month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedTotal {
    /// True in live mode, false in test mode.
    pub livemode: bool,
    /// The connected account; `None` for the account's own.
    pub account: Option<AccountId>,
    /// The currency of its amounts.
    pub currency: Currency,
    /// `opening`, `closing`, the kind of movement summed, or what stood at the month's end.
    pub line: Arc<str>,
    /// How much; of a count, how many whole ones.
    pub amount: Mrr,
}

/// What a customer paid before the month and at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedCustomer {
    /// The customer whose ledger it is.
    pub key: CustomerKey,
    /// The currency of its amounts.
    pub currency: Currency,
    /// MRR at the end of the day before the month.
    pub opening: Mrr,
    /// MRR at the end of the month.
    pub closing: Mrr,
}

/// A movement of the month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedMovement {
    /// The customer whose ledger it is.
    pub key: CustomerKey,
    /// As the API names it.
    pub id: Arc<str>,
    /// The currency of its amounts.
    pub currency: Currency,
    /// The accounting day it is booked on.
    pub day: Day,
    /// When its last part takes effect.
    pub effective_at: UnixTime,
    /// The kind of the movement.
    pub kind: Kind,
    /// MRR after it less MRR before.
    pub amount: Mrr,
}

/// A closed month with everything that was written of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedMonth {
    /// When it was closed, by whom and from what.
    pub closing: Closing,
    /// The bridge of each ledger and currency.
    pub totals: Vec<ClosedTotal>,
    /// Customers with MRR or movements.
    pub customers: Vec<ClosedCustomer>,
    /// Every movement of the month.
    pub movements: Vec<ClosedMovement>,
}
