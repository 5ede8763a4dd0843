//! When time alone changes an amount between two snapshots: a discount's window, an item's own trial, measured usage
//! (mrr.md 4).

use super::{Trigger, gross::currency_of, items::View, windows::window};
use crate::ledger::{
    fact::{DiscountState, ItemState, Status, Usage},
    profile::Metered,
    time::UnixTime,
};

impl View<'_, '_> {
    /// Instants strictly between the snapshot at hand and `until`, in time order, one trigger each.
    pub(super) fn boundaries(&self, until: Option<UnixTime>) -> Vec<(UnixTime, Trigger)> {
        let state = &self.now.state;
        if matches!(state.status, Status::Canceled | Status::IncompleteExpired) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for item in &state.items {
            if let Some(trial) = item.trial {
                found.push((trial.start, Trigger::ItemTrialStart));
                found.push((trial.end, Trigger::ItemTrialEnd));
            }
            if item.price.usage == Usage::Metered && self.profile.metered != Metered::Ignore {
                let usage = self.terms.invoices().usage(state, item, currency_of(state));
                found.extend(usage.into_iter().map(|(paid_at, _)| (paid_at, Trigger::Usage)));
            }
            for shown in item.discounts.iter().chain(&state.discounts) {
                self.ends(shown, item, &mut found);
            }
        }
        if !self.terms.customer_discounts.is_empty() {
            for (at, discount) in self.terms.customer_discounts.changes() {
                found.push((at, if discount.is_some() { Trigger::DiscountStart } else { Trigger::DiscountEnd }));
                for (item, shown) in state.items.iter().flat_map(|item| discount.map(|shown| (item, shown))) {
                    self.ends(shown, item, &mut found);
                }
            }
        }
        found.retain(|(at, _)| *at > self.now.at && until.is_none_or(|until| *at < until));
        found.sort_unstable();
        found.dedup_by_key(|(at, _)| *at);
        found
    }

    fn ends(&self, shown: &DiscountState, item: &ItemState, found: &mut Vec<(UnixTime, Trigger)>) {
        let discount = self.terms.discount(shown, currency_of(&self.now.state));
        let window = window(&discount, shown, item, self.line, self.terms);
        found.extend(window.start.map(|start| (start, Trigger::DiscountStart)));
        found.extend(window.end.map(|end| (end, Trigger::DiscountEnd)));
    }
}
