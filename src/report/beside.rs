//! What is due beside committed MRR, trials and annual renewals (rule `committed-mrr`): all of it counted, the first of it written out.

use super::committed_answer::DueEntry;
use crate::ledger::{
    ids::{CustomerId, EventId, SubscriptionId},
    money::Mrr,
    time::{UnixTime, Zone},
};

/// Something due, before it is written out.
pub(super) struct Beside<'a> {
    pub(super) at: UnixTime,
    pub(super) customer: &'a CustomerId,
    pub(super) subscription: &'a SubscriptionId,
    /// `None` where the log can't tell.
    pub(super) mrr: Option<Mrr>,
    pub(super) event: &'a EventId,
}

impl Beside<'_> {
    /// The first `listed` of them in order of time. They may be hundreds of thousands: only these are written out.
    pub(super) fn first(mut all: Vec<Self>, listed: usize, zone: &Zone) -> Vec<DueEntry> {
        let in_order = |one: &Self, other: &Self| {
            let key = |it: &Self| (it.at, it.customer, it.subscription, it.mrr, it.event);
            key(one).cmp(&key(other))
        };
        if listed < all.len() {
            all.select_nth_unstable_by(listed, in_order);
            all.truncate(listed);
        }
        all.sort_unstable_by(in_order);
        all.iter().map(|one| one.entry(zone)).collect()
    }

    fn entry(&self, zone: &Zone) -> DueEntry {
        DueEntry {
            day: zone.day(self.at).to_string(),
            customer: self.customer.to_string(),
            subscription: self.subscription.to_string(),
            mrr_exact: self.mrr.map(|mrr| mrr.to_string()),
            event: self.event.to_string(),
        }
    }
}
