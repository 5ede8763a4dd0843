//! What is known of a customer's MRR ahead, as it is told (rule `committed-mrr`).

use std::collections::BTreeMap;

use crate::{
    fact::Interval,
    ids::*,
    money::{Currency, Mrr},
    outcome::Delta,
    prospect::Due,
    time::UnixTime,
};

/// One item's amount changes, in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When; what is overdue is due at once.
    pub at: UnixTime,
    /// Which line it is in.
    pub due: Due,
    /// The currency it is in.
    pub currency: Currency,
    /// Whose item; a schedule that hasn't begun has only an id of its own.
    pub subscription: SubscriptionId,
    /// Which item; one that is yet to come is named after its schedule.
    pub item: ItemId,
    /// The product it is of; `None` where the price has none.
    pub product: Option<ProductId>,
    /// At which price, afterwards or, where the item goes, before.
    pub price: PriceId,
    /// By how much MRR changes; below 0 where it falls.
    pub amount: Mrr,
    /// Something of it rests on an estimate.
    pub estimated: bool,
    /// The event that says so.
    pub event: EventId,
    pub(super) pieces: Vec<Piece>,
}

/// An item under one price: revaluation values it by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub item: ItemId,
    pub product: Option<ProductId>,
    pub price: PriceId,
    pub interval: Option<Interval>,
    pub amount: Mrr,
}

/// A trial that ends within the horizon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialDue {
    /// The instant at which the trial ends.
    pub at: UnixTime,
    /// The id of the subscription on trial.
    pub subscription: SubscriptionId,
    /// What it brings if it converts; `None` where the log can't tell.
    pub mrr: Option<(Currency, Mrr)>,
    /// The event that says so.
    pub event: EventId,
}

/// What is billed by the year and renews within the horizon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// When the first of its items does.
    pub at: UnixTime,
    /// The id of the subscription that renews.
    pub subscription: SubscriptionId,
    /// What of its MRR renews.
    pub mrr: (Currency, Mrr),
    /// The event that says so.
    pub event: EventId,
}

/// Something planned whose amount the log can't tell: it is in no line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// When it is planned for.
    pub at: UnixTime,
    /// Of which subscription, or of which schedule that hasn't begun.
    pub subscription: SubscriptionId,
    /// The event that says so.
    pub event: EventId,
    /// What isn't known, in words.
    pub detail: String,
}

/// A customer's MRR now, and what is known of it up to a horizon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Simulated time: a ledger of its own.
    pub test_clock: Option<TestClockId>,
    /// MRR as it counts now, in each currency.
    pub mrr: BTreeMap<Currency, Mrr>,
    /// Of it what is past due.
    pub at_risk: BTreeMap<Currency, Mrr>,
    /// MRR at the horizon, read off what counts then: `mrr` and the changes come to it.
    pub committed: BTreeMap<Currency, Mrr>,
    /// Every change between the two, in time order.
    pub changes: Vec<Change>,
    /// Running trials that end within the horizon.
    pub trials: Vec<TrialDue>,
    /// Yearly items that renew within it.
    pub renewals: Vec<Renewal>,
    /// What is planned and can't be told.
    pub untold: Vec<Untold>,
    pub(super) deltas: Vec<Delta>,
}

impl Ahead {
    /// Whether every amount of it is in one currency, in which converting leaves it as it is (rule `revaluation`).
    pub fn is_in(&self, currency: Currency) -> bool {
        let sums = [&self.mrr, &self.at_risk, &self.committed];
        let mut all = sums.into_iter().flat_map(BTreeMap::keys).copied();
        let mut due = self.changes.iter().map(|change| change.currency);
        let mut trials = self.trials.iter().filter_map(|trial| trial.mrr).map(|(of, _)| of);
        let mut renewals = self.renewals.iter().map(|renewal| renewal.mrr.0);
        let same = |of: Currency| of == currency;
        all.all(same) && due.all(same) && trials.all(same) && renewals.all(same)
    }
}
