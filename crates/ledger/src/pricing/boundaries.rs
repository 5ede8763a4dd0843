//! When time alone changes an amount between two snapshots: a discount's window, an item's own trial, measured usage
//! (rule `time-alone`).

use super::{Trigger, customer_discounts::Change, view::View, view::currency_of, windows::window};
use crate::{
    fact::{DiscountState, ItemState, Status, Usage},
    ids::EventId,
    profile::Metered,
    time::UnixTime,
};

/// One such instant: when, by what, and shown by which event; time alone needs none.
pub(super) type Boundary<'s> = (UnixTime, Trigger, Option<&'s EventId>);

impl<'s> View<'s, '_> {
    /// Instants strictly between the snapshot at hand and `until`, in time order, one trigger each.
    pub(super) fn boundaries(&self, until: Option<UnixTime>) -> Vec<Boundary<'s>> {
        let state = &self.now.state;
        if matches!(state.status, Status::Canceled | Status::IncompleteExpired) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for item in &state.items {
            if let Some(trial) = item.trial {
                found.push((trial.start, Trigger::ItemTrialStart, None));
                found.push((trial.end, Trigger::ItemTrialEnd, None));
            }
            if item.price.usage == Usage::Metered && self.profile.metered != Metered::Ignore {
                let usage = self.terms.invoices().usage(state, item, currency_of(state));
                found.extend(usage.into_iter().map(|usage| (usage.at, Trigger::Usage, Some(usage.event))));
            }
            for shown in item.discounts.iter().chain(&state.discounts) {
                self.ends(shown, item, &mut found);
            }
        }
        for Change { at, discount, event } in self.terms.customer_discounts.changes(&state.customer) {
            let trigger = if discount.is_some() { Trigger::DiscountStart } else { Trigger::DiscountEnd };
            found.push((at, trigger, Some(event)));
            for (item, shown) in state.items.iter().flat_map(|item| discount.map(|shown| (item, shown))) {
                self.ends(shown, item, &mut found);
            }
        }
        found.retain(|(at, ..)| *at > self.now.at && until.is_none_or(|until| *at < until));
        // Of several at one instant, one that an event shows goes first.
        found.sort_unstable_by_key(|(at, trigger, event)| (*at, event.is_none(), *trigger, *event));
        found.dedup_by_key(|(at, ..)| *at);
        found
    }

    fn ends(&self, shown: &DiscountState, item: &ItemState, found: &mut Vec<Boundary<'s>>) {
        let (discount, _) = self.joined(shown);
        let window = window(&discount, shown, item, self.line(), self.terms);
        found.extend(window.start.map(|start| (start, Trigger::DiscountStart, None)));
        found.extend(window.end.map(|end| (end, Trigger::DiscountEnd, None)));
    }
}
