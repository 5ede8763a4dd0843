//! A customer's subscriptions laid over each other: what stands in each currency after every instant of change.

use std::{collections::BTreeMap, ops::Range};

use super::{
    counting::{CountStatus, Counted, Stretch},
    money::{Currency, Mrr},
    outcome::CountDelta,
    profile::{Profile, ZeroByDiscount},
    time::{UnixTime, Zone},
};

/// A stretch of one subscription begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boundary {
    pub at: UnixTime,
    /// It is an opening balance: booked at the end of its day, by itself.
    pub opening: bool,
    pub subscription: usize,
    pub stretch: usize,
}

impl Boundary {
    /// The stretch before it, by its number; `None` for a subscription's first.
    pub(super) fn before(self) -> Option<usize> {
        self.stretch.checked_sub(1)
    }
}

/// What a customer has in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub mrr: Mrr,
    /// List MRR of what counts: while it stands, a customer at 0 may still be one (knob `zero_by_discount`).
    pub list: Mrr,
    /// Subscriptions and items put back on trial after they had counted.
    pub granted: i64,
    /// Subscriptions with MRR above 0.
    pub subscriptions: i64,
    pub trials: i64,
}

/// All boundaries of one instant; an opening balance of that instant is a moment of its own, after it.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    pub at: UnixTime,
    pub opening: bool,
    /// Some item's MRR changes.
    pub moves: bool,
    /// Some item's MRR changes by the passing of time alone.
    pub alone: bool,
    /// Something is first known as it runs without counting: its customer had MRR before the log began.
    pub ran_before: bool,
    pub boundaries: Range<usize>,
    /// What stands afterwards in the currencies touched.
    pub tallies: Vec<(Currency, Tally)>,
    /// Changes of the count of trials whose currency isn't known.
    trials_unpriced: i64,
    /// Whether the customer is one afterwards, in whatever currency (`Sweep::count`).
    pub present: bool,
}

/// All moments of a customer in time order.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    pub boundaries: Vec<Boundary>,
    pub moments: Vec<Moment>,
    pub counts: Vec<CountDelta>,
    /// First instant of MRR above 0 that lasts.
    pub first_mrr_at: Option<UnixTime>,
}

/// Lays the subscriptions over each other. Who is a customer when depends on the windows: [`Sweep::count`].
pub(super) fn sweep(subscriptions: &[Counted<'_>]) -> Sweep {
    let mut boundaries: Vec<Boundary> = Vec::new();
    for (subscription, counted) in subscriptions.iter().enumerate() {
        boundaries.extend(counted.stretches.iter().enumerate().map(|(stretch, one)| Boundary {
            at: one.from,
            opening: stretch == 0 && counted.opens() && changes_mrr(None, one),
            subscription,
            stretch,
        }));
    }
    boundaries.sort_unstable_by_key(|one| (one.at, one.opening, one.subscription, one.stretch));

    let mut sweep = Sweep::default();
    let mut totals: BTreeMap<Currency, Tally> = BTreeMap::new();
    let mut from = 0;
    for group in boundaries.chunk_by(|a, b| (a.at, a.opening) == (b.at, b.opening)) {
        let range = from..from + group.len();
        from = range.end;
        let (at, opening) = (group[0].at, group[0].opening);
        let (mut moves, mut alone, mut ran_before) = (false, false, false);
        let mut touched: Vec<Currency> = Vec::new();
        let mut trials_unpriced = 0;
        for boundary in group {
            let counted = &subscriptions[boundary.subscription];
            let after = &counted.stretches[boundary.stretch];
            let before = boundary.before().map(|before| &counted.stretches[before]);
            ran_before |= before.is_none() && counted.ran_before();
            if changes_mrr(before, after) {
                moves = true;
                alone |= after.alone;
            }
            for (stretch, sign) in before.map(|before| (before, -1)).into_iter().chain([(after, 1)]) {
                let Some(currency) = stretch.currency else {
                    trials_unpriced += sign * i64::from(stretch.count_status == CountStatus::Trial);
                    continue;
                };
                let tally = totals.entry(currency).or_default();
                // Item amounts are within i64 (`bound`), so that no number of items leaves i128.
                tally.mrr.0 += i128::from(sign) * stretch.mrr.0;
                tally.list.0 += i128::from(sign) * stretch.list.0;
                tally.granted += sign * granted(stretch);
                tally.subscriptions += sign * i64::from(stretch.mrr > Mrr::ZERO);
                tally.trials += sign * i64::from(stretch.count_status == CountStatus::Trial);
                if !touched.contains(&currency) {
                    touched.push(currency);
                }
            }
        }
        touched.sort_unstable();
        if sweep.first_mrr_at.is_none() && totals.values().any(|tally| tally.mrr > Mrr::ZERO) {
            sweep.first_mrr_at = Some(at);
        }
        let tallies = touched.into_iter().map(|currency| (currency, totals[&currency])).collect();
        sweep.moments.push(Moment {
            at,
            opening,
            moves,
            alone,
            ran_before,
            boundaries: range,
            tallies,
            trials_unpriced,
            present: false,
        });
    }
    sweep.boundaries = boundaries;
    sweep
}

/// How much of a stretch a granted trial holds back.
fn granted(stretch: &Stretch) -> i64 {
    let items = || stretch.lines.iter().any(|line| line.granted);
    // Where granted trials count, something else may hold back a subscription on one: its collection is paused.
    let whole = stretch.granted && stretch.count_status == CountStatus::Trial;
    i64::from(whole || (stretch.count_status.counts() && items()))
}

/// Moments that net to one movement in each currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Names the window within its customer: no two windows share it.
    pub start: UnixTime,
    /// An opening balance, never netted with anything.
    pub opening: bool,
    pub moments: Range<usize>,
}

impl Sweep {
    /// Says after each moment whether the customer is one, and counts by that. Presence is netted like amounts: a window
    /// keeps at 0 whom a discount (by knob) or a granted trial holds there, if it began with that customer (rule `trial-granted`).
    pub(super) fn count(&mut self, windows: &[Window], profile: &Profile, zone: &Zone) {
        let mut totals: BTreeMap<Currency, (Tally, bool)> = BTreeMap::new();
        let mut present = false;
        for window in windows {
            let (began, began_in): (bool, BTreeMap<Currency, bool>) =
                (present, totals.iter().map(|(currency, (_, present))| (*currency, *present)).collect());
            for moment in &mut self.moments[window.moments.clone()] {
                let mut rows = Vec::with_capacity(moment.tallies.len() + 1);
                let day = zone.day(moment.at);
                let row = |currency, customers, subscriptions, trials| CountDelta {
                    at: moment.at,
                    day,
                    currency,
                    customers,
                    subscriptions,
                    trials,
                };
                let mut all = row(None, 0, 0, moment.trials_unpriced);
                for (currency, after) in &moment.tallies {
                    let (before, was) = totals.get(currency).copied().unwrap_or_default();
                    let is = after.mrr > Mrr::ZERO
                        || (began_in.get(currency).is_some_and(|began| *began) && holds(after, profile));
                    totals.insert(*currency, (*after, is));
                    let customers = i64::from(is) - i64::from(was);
                    let own = row(
                        Some(*currency),
                        customers,
                        after.subscriptions - before.subscriptions,
                        after.trials - before.trials,
                    );
                    all.subscriptions += own.subscriptions;
                    all.trials += own.trials;
                    rows.push(own);
                }
                let pays = totals.values().any(|(tally, _)| tally.mrr > Mrr::ZERO);
                let held = began && totals.values().any(|(tally, _)| holds(tally, profile));
                all.customers = i64::from(pays || held) - i64::from(present);
                present = pays || held;
                moment.present = present;
                rows.insert(0, all);
                rows.retain(|row| (row.customers, row.subscriptions, row.trials) != (0, 0, 0));
                self.counts.extend(rows);
            }
        }
    }
}

/// Whether a discount (by knob) or a granted trial holds back what would count.
fn holds(tally: &Tally, profile: &Profile) -> bool {
    (profile.zero_by_discount == ZeroByDiscount::Contraction && tally.list > Mrr::ZERO) || tally.granted > 0
}

/// Whether any item counts another amount than before.
fn changes_mrr(before: Option<&Stretch>, after: &Stretch) -> bool {
    let Some(before) = before else { return after.lines.iter().any(|line| line.mrr != Mrr::ZERO) };
    if before.currency != after.currency {
        return before.mrr != Mrr::ZERO || after.mrr != Mrr::ZERO;
    }
    let same = before.lines.len() == after.lines.len()
        && before.lines.iter().zip(&after.lines).all(|(a, b)| a.lineage == b.lineage && a.mrr == b.mrr);
    let amounts = |stretch: &Stretch| {
        let mut all: Vec<(u32, Mrr)> =
            stretch.lines.iter().filter(|line| line.mrr != Mrr::ZERO).map(|line| (line.lineage, line.mrr)).collect();
        all.sort_unstable();
        all
    };
    !same && amounts(before) != amounts(after)
}
