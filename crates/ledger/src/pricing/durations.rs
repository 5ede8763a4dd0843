//! How long a discount lasts whose duration is told nowhere (rule `discount-duration`): read off when it went.

use super::{customer_discounts::same, evidence::Evidence, terms::Terms};
use crate::{
    fact::{DiscountState, Duration, ItemState, Period, Status, SubscriptionState},
    time::UnixTime,
    timeline::Snapshot,
};

/// What is read off, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inferred {
    /// Gone at the first renewal after it began.
    Once,
    /// Gone at a later renewal, which began then where that is known.
    Repeating(Option<UnixTime>),
    /// Somebody took it away between two renewals.
    Withdrawn,
    /// Still there after a second renewal.
    StillThere,
    /// No renewal has told yet.
    Open,
}

impl Inferred {
    /// Which duration it counts as.
    pub(super) fn duration(self) -> Duration {
        match self {
            Self::Once => Duration::Once,
            Self::Repeating(_) => Duration::Repeating,
            Self::Withdrawn | Self::StillThere | Self::Open => Duration::Forever,
        }
    }

    /// When it ended, where it ended with a period: the snapshot that no longer lists it comes some seconds later.
    pub(super) fn end(self) -> Option<UnixTime> {
        match self {
            Self::Repeating(end) => end,
            Self::Once | Self::Withdrawn | Self::StillThere | Self::Open => None,
        }
    }

    /// In words, for its quality entry.
    pub(super) fn because(self) -> &'static str {
        match self {
            Self::Once => "gone at the first renewal after it began: counts as once",
            Self::Repeating(_) => "gone at a later renewal: counts as repeating",
            Self::Withdrawn => "taken away between renewals: counts as forever",
            Self::StillThere => "still there after a second renewal: counts as forever until more is known",
            Self::Open => "no renewal has told yet: counts as forever until more is known",
        }
    }
}

/// Reads the duration of `shown` off all snapshots of one subscription.
pub(super) fn infer(shown: &DiscountState, snapshots: &[Snapshot<'_>], terms: &Terms<'_>) -> Inferred {
    let lists = |snapshot: &Snapshot<'_>| {
        let on_items = snapshot.state.items.iter().flat_map(|item| &item.discounts);
        let customers = terms.customer_discounts.at(&snapshot.state.customer, snapshot.at);
        on_items.chain(&snapshot.state.discounts).chain(customers).any(|other| same(other, shown))
    };
    let over = |snapshot: &&Snapshot<'_>| matches!(snapshot.state.status, Status::Canceled | Status::IncompleteExpired);
    let ended = snapshots.iter().position(|snapshot| over(&snapshot)).unwrap_or(snapshots.len());
    let running = &snapshots[..ended];
    let Some(first) = running.iter().position(lists) else { return Inferred::Open };
    let last = running.iter().rposition(lists).unwrap_or(first);
    let evidence = shown.id.as_ref().map(|id| terms.evidence(id));
    let line = SubscriptionHistory { snapshots: running, evidence: evidence.as_deref(), terms };
    let mut survived: u32 = (first..last).map(|at| line.renewals(at)).sum();
    if let Some(evidence) = &evidence {
        // Invoices may know of renewals that no event told.
        survived = survived.max(chained(&evidence.periods(&running[last].state)));
    }
    if last + 1 == running.len() {
        return if survived >= 2 { Inferred::StillThere } else { Inferred::Open };
    }
    let began = |at: usize| running[at].state.period.map(|period| period.start);
    let renewal = match line.renewals(last) {
        // The customer's own is taken off at any time, whatever its subscriptions do.
        1.. if line.gone_before_renewal(shown, last) => None,
        0 if line.renewed_without(first, last) => {
            survived = survived.saturating_sub(1);
            Some(began(last))
        }
        0 => None,
        1 => Some(began(last + 1)),
        // At one of several that no event tells.
        _ => Some(None),
    };
    match (renewal, survived) {
        (Some(_), 0) => Inferred::Once,
        (Some(began), _) => Inferred::Repeating(began),
        (None, _) => Inferred::Withdrawn,
    }
}

struct SubscriptionHistory<'l, 'a> {
    /// Without those after the end.
    snapshots: &'l [Snapshot<'l>],
    evidence: Option<&'l Evidence<'a>>,
    terms: &'l Terms<'a>,
}

impl SubscriptionHistory<'_, '_> {
    /// How many renewals lie between the snapshot at `at` and the next: of one of its items at least.
    fn renewals(&self, at: usize) -> u32 {
        let (before, after) = (&self.snapshots[at].state, &self.snapshots[at + 1].state);
        let of_item = |item: &ItemState| {
            let next = after.items.iter().find(|next| next.id == item.id)?;
            let (was, is) = (item.period.or(before.period)?, next.period.or(after.period)?);
            let interval = self.terms.interval(&item.price);
            if interval != self.terms.interval(&next.price) || on_trial(before, was) || is.start <= was.start {
                return None;
            }
            if is.start == was.end || self.billed_until(item, was).contains(&is.start) {
                return Some(1);
            }
            // The end of the period may be told wrong, and renewals in between not at all; the calendar tells.
            (1..=60).find(|count| interval.is_some_and(|interval| interval.after(was.start, *count) == is.start))
        };
        before.items.iter().filter_map(of_item).max().unwrap_or(0)
    }

    /// Whether it was taken off the customer a day or more before the next snapshot's period began.
    fn gone_before_renewal(&self, shown: &DiscountState, last: usize) -> bool {
        let (listed, next) = (&self.snapshots[last], &self.snapshots[last + 1]);
        let changes = self.terms.customer_discounts.changes(&listed.state.customer);
        let mut gone = changes.filter(|change| {
            listed.at < change.at && change.at <= next.at && !change.discount.is_some_and(|other| same(other, shown))
        });
        let started = next.state.period.map_or(next.at, |period| period.start);
        gone.next().is_some_and(|change| change.at <= started.plus(-UnixTime::DAY_SECONDS))
    }

    /// Until when invoices billed the item's period.
    fn billed_until(&self, item: &ItemState, period: Period) -> Vec<UnixTime> {
        let invoices = self.terms.invoices().all();
        let own = invoices
            .iter()
            .flat_map(|invoice| invoice.lines)
            .filter(|line| !line.proration && line.item.as_ref() == Some(&item.id));
        own.filter_map(|line| line.period).filter(|billed| billed.start == period.start).map(|one| one.end).collect()
    }

    /// Whether the period in which it went began with a renewal that was billed without it: Stripe takes a used-up discount
    /// off some seconds after the renewal itself.
    fn renewed_without(&self, first: usize, last: usize) -> bool {
        let state = &self.snapshots[last].state;
        let Some(renewal) = (first..last).rev().find(|at| self.renewals(*at) > 0) else { return false };
        let now = |item: &ItemState| item.period.or(state.period).map(|period| period.start);
        let began = |item: &ItemState| {
            let after = &self.snapshots[renewal + 1].state;
            let then = after.items.iter().find(|other| other.id == item.id)?;
            then.period.or(after.period).map(|period| period.start)
        };
        let with = self.evidence.map(|evidence| evidence.periods(state)).unwrap_or_default();
        state.items.iter().any(|item| {
            let Some(start) = now(item).filter(|start| began(item) == Some(*start)) else { return false };
            let billed = self.terms.invoices().all().iter().filter_map(|invoice| invoice.billed(state, item));
            let mut of_period = billed.filter(|one| one.amount > 0 && one.period.is_some_and(|one| one.start == start));
            of_period.next().is_some() && !with.iter().any(|period| period.start == start)
        })
    }
}

fn on_trial(state: &SubscriptionState, period: Period) -> bool {
    state.status == Status::Trialing || state.trial_end.is_some_and(|end| period.start < end)
}

/// How many of these periods begin where another ends.
fn chained(periods: &[Period]) -> u32 {
    let follows =
        |period: &&Period| periods.iter().any(|before| before.end == period.start && before.start < before.end);
    u32::try_from(periods.iter().filter(follows).count()).unwrap_or(u32::MAX)
}
